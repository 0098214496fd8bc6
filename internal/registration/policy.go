package registration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// A tenant's app management policy may forbid a certificate of the declared life. The policy on new applications is
// known before one is created. An existing application may have a policy of its own, so Entra decides there, and its
// refusal is explained.

// checkPolicy refuses a certificate that the tenant's policy would refuse on a new application. A nil policy refuses
// nothing: the tenant has no policy, or the caller may not read it.
func (o *operation) checkPolicy(policy *entra.CertificatePolicy) error {
	notBefore := o.Now()
	notAfter := notBefore.AddDate(o.spec.Certificate.ValidityYears, 0, 0)
	if provided, err := certificate.ParsePEM(o.spec.Certificate.PEM); err == nil {
		notBefore, notAfter = provided.NotBefore, provided.NotAfter
	}
	if !policy.Forbids(notBefore, notAfter, o.Now()) {
		return nil
	}
	return o.forbidden(fmt.Sprintf(
		"The application was not created: the app management policy %s allows certificates of at most %d days on new "+
			"applications; this certificate would be valid from %s to %s.",
		policy.ID, policy.Days(), notBefore.UTC().Format(time.DateOnly), notAfter.UTC().Format(time.DateOnly)), policy)
}

// explainPolicy says what the policy allows where err is Entra's refusal of a certificate's life. It returns every
// other error as it is.
func (o *operation) explainPolicy(ctx context.Context, err error) error {
	refused := entra.AsError(err)
	if refused == nil || refused.Code != "CredentialInvalidLifetimeAsPerAppPolicy" {
		return err
	}
	found, failed := o.Directory.Search(ctx, entra.SearchQuery{CertificatePolicy: true})
	if failed != nil || found.CertificatePolicy == nil || !strings.Contains(refused.Message, found.CertificatePolicy.ID) {
		return o.forbidden(refused.Error()+"\n\nWhat that policy allows could not be read: it takes Policy.Read.All, and "+
			"an application's own policy is listed by Get-MgApplicationAppManagementPolicy.", nil)
	}
	return o.forbidden(fmt.Sprintf("%s\n\nThe policy allows at most %d days.", refused, found.CertificatePolicy.Days()),
		found.CertificatePolicy)
}

// forbidden is the refusal of a certificate's life, with the longest that the policy allows, where that is known.
func (o *operation) forbidden(what string, policy *entra.CertificatePolicy) error {
	provided := o.spec.Certificate.KeySource == KeyProvided
	at, next := "certificate.validity_years",
		"Set a lower certificate.validity_years, or provide a shorter-lived certificate in "+
			"certificate.public_certificate_pem"
	if provided {
		at, next = "certificate.public_certificate_pem", "Provide a shorter-lived certificate"
	}
	if policy != nil {
		begin, years := o.Now(), 0
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
			next = fmt.Sprintf("No whole year is allowed, so provide a certificate in certificate.public_certificate_pem that "+
				"ends no later than %s", latest)
		}
	}
	return &Error{at, "Certificate lasts longer than the tenant allows", fmt.Sprintf(
		"The application %q in tenant %s: %s %s, or ask an administrator to exempt the application from the policy.",
		o.spec.DisplayName, o.TenantID, what, next)}
}
