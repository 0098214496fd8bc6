package appregistration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// A tenant's app management policy may forbid a certificate of the declared life. Of a new application that can be said
// before anything is made. An existing one may have a policy of its own, so there it is Entra that decides, and what it
// refuses is explained.

// checkPolicy refuses a certificate that the tenant's policy would refuse on a new application. A nil policy refuses
// nothing: there is none, or the caller may not read it.
func (j *job) checkPolicy(ctx context.Context, policy *entra.CertificatePolicy) error {
	notBefore, notAfter := j.plannedLife(ctx)
	if !policy.Forbids(notBefore, notAfter, j.services.Now()) {
		return nil
	}
	return j.forbidden(ctx, fmt.Sprintf("Nothing was made: the app management policy %s allows certificates of at most %d days on new applications, and this one would last from %s to %s.",
		policy.ID, policy.Days(), notBefore.UTC().Format(time.DateOnly), notAfter.UTC().Format(time.DateOnly)), policy)
}

// explainPolicy says of Entra's refusal of a certificate's life what would be accepted. Every other error it returns as
// it is.
func (j *job) explainPolicy(ctx context.Context, err error) error {
	refused := entra.AsError(err)
	if refused == nil || refused.Code != "CredentialInvalidLifetimeAsPerAppPolicy" {
		return err
	}
	found, failed := j.directory.Search(ctx, entra.SearchQuery{CertificatePolicy: true})
	if failed != nil || found.CertificatePolicy == nil || !strings.Contains(refused.Message, found.CertificatePolicy.ID) {
		return j.forbidden(ctx, refused.Error()+"\n\nWhat that policy allows could not be read: it takes Policy.Read.All, and an application's own policy is listed by "+
			"Get-MgApplicationAppManagementPolicy.", nil)
	}
	return j.forbidden(ctx, fmt.Sprintf("%s\n\nThe policy allows at most %d days.", refused, found.CertificatePolicy.Days()), found.CertificatePolicy)
}

// plannedLife is from when to when the certificate to upload lasts: the provided one, or one generated now.
func (j *job) plannedLife(ctx context.Context) (notBefore, notAfter time.Time) {
	settings := j.model.certificate(ctx, j.diags)
	if provided, err := certificate.ParsePEM(settings.PublicCertificatePEM.ValueString()); err == nil {
		return provided.NotBefore, provided.NotAfter
	}
	begin := j.services.Now()
	return begin, begin.AddDate(int(settings.ValidityYears.ValueInt64()), 0, 0)
}

// forbidden is the refusal of a certificate's life, with the longest that the policy allows, where that is known.
func (j *job) forbidden(ctx context.Context, what string, policy *entra.CertificatePolicy) error {
	settings := j.model.certificate(ctx, j.diags)
	provided := settings.KeySource.ValueString() == keyProvided
	at, next := path.Root("certificate").AtName("validity_years"), "Set certificate.validity_years to less, or provide a certificate that lasts less long in certificate.public_certificate_pem"
	if provided {
		at, next = path.Root("certificate").AtName("public_certificate_pem"), "Provide one that lasts less long"
	}
	if policy != nil {
		begin, years := j.services.Now(), 0
		for years < 10 && begin.AddDate(years+1, 0, 0).Sub(begin) <= policy.Longest {
			years++
		}
		latest := begin.Add(policy.Longest).UTC().Format(time.DateOnly)
		switch {
		case provided:
			next = fmt.Sprintf("Provide one that ends no later than %s", latest)
		case years > 0:
			next = fmt.Sprintf("Set certificate.validity_years = %d", years)
		default:
			next = fmt.Sprintf("No whole year is allowed, so provide a certificate in certificate.public_certificate_pem that ends no later than %s", latest)
		}
	}
	return &problem{at, "Certificate lasts longer than the tenant allows", fmt.Sprintf(
		"The application %q in tenant %s: %s %s, or have an administrator exempt the application from the policy.",
		j.model.DisplayName.ValueString(), j.model.TenantID.ValueString(), what, next)}
}
