package appregistration

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
)

// planCertificate decides whether the certificate stays, comes back, or is replaced by a new one. A new one is planned
// as unknown; apply makes one if, and only if, it finds that.
func (p *planner) planCertificate(ctx context.Context, plan *Model) {
	if p.config.Certificate.IsUnknown() {
		plan.Certificate = types.ObjectUnknown(certificateType.AttrTypes)
		return
	}
	configured := decode[CertificateModel](ctx, p.config.Certificate, p.diags)
	var current *CertificateModel
	if p.state != nil {
		current = decode[*CertificateModel](ctx, p.state.Certificate, p.diags)
	}
	if p.diags.HasError() {
		return
	}
	planned := CertificateModel{
		ValidityYears:   orDefault(configured.ValidityYears, types.Int64Value(registration.DefaultValidityYears)),
		KeySize:         orDefault(configured.KeySize, types.Int64Value(registration.DefaultKeySize)),
		RenewBeforeDays: orDefault(configured.RenewBeforeDays, types.Int64Value(registration.DefaultRenewBeforeDays)),
		PreviousCertificateDays: orDefault(configured.PreviousCertificateDays,
			types.Int64Value(registration.DefaultPreviousDays)),
		PublicCertificatePEM: configured.PublicCertificatePEM,
		TakeOver:             orDefault(configured.TakeOver, types.BoolValue(false)),
		RenewalDue:           types.BoolValue(false),
	}
	external := current != nil && current.KeySource.ValueString() == registration.KeyExternal
	switch {
	case planned.RenewBeforeDays.ValueInt64() >= 365*planned.ValidityYears.ValueInt64() &&
		isSet(planned.RenewBeforeDays) && isSet(planned.ValidityYears):
		p.diags.AddAttributeError(path.Root("certificate").AtName("renew_before_days"), "renew_before_days is too long",
			fmt.Sprintf(
				"certificate.renew_before_days = %d days is not shorter than the certificate's validity (%d years), so each new "+
					"certificate would be due for renewal at once. Set fewer days.",
				planned.RenewBeforeDays.ValueInt64(), planned.ValidityYears.ValueInt64()))
	case external && planned.TakeOver.IsUnknown():
		p.planUnknown(&planned)
		planned.KeySource, planned.RenewalDue = types.StringUnknown(), types.BoolUnknown()
	case external && !planned.TakeOver.ValueBool() && !planned.PublicCertificatePEM.IsNull():
		p.diags.AddAttributeError(path.Root("certificate").AtName("take_over"), "The certificate's key is elsewhere",
			fmt.Sprintf(
				"The imported application signs in with the certificate %s, whose key is where CodeTwo runs. "+
					"certificate.public_certificate_pem would replace it: set certificate.take_over = true if that is meant.",
				current.Thumbprint.ValueString()))
	case external && !planned.TakeOver.ValueBool():
		planned.KeySource, planned.RenewalDue = current.KeySource, current.RenewalDue
		carryOver(&planned, current)
		planned.Previous = p.remaining(ctx, current)
	case !planned.PublicCertificatePEM.IsNull():
		p.planProvided(ctx, &planned, current)
	default:
		p.planGenerated(ctx, &planned, current)
	}
	plan.Certificate = encode[types.Object](ctx, certificateType, planned, p.diags)
}

// replacesCertificate reports whether the application is to get another certificate than the recorded one.
func (p *planner) replacesCertificate(ctx context.Context, plan *Model) bool {
	if !isSet(plan.Certificate) || !isSet(p.state.Certificate) {
		return !plan.Certificate.Equal(p.state.Certificate)
	}
	planned := decode[CertificateModel](ctx, plan.Certificate, p.diags)
	return !planned.PEM.Equal(decode[CertificateModel](ctx, p.state.Certificate, p.diags).PEM)
}

// planProvided plans the user's own certificate: what it says is known as soon as it is.
func (p *planner) planProvided(ctx context.Context, planned, current *CertificateModel) {
	planned.KeySource = types.StringValue(registration.KeyProvided)
	if planned.PublicCertificatePEM.IsUnknown() {
		p.planUnknown(planned)
		return
	}
	provided, err := certificate.ParsePEM(planned.PublicCertificatePEM.ValueString())
	if err != nil {
		return // the attribute's validator has said so
	}
	at := path.Root("certificate").AtName("public_certificate_pem")
	if provided.NotAfter.Before(p.now) {
		p.diags.AddAttributeError(at, "Expired certificate",
			"The certificate ended on "+provided.NotAfter.UTC().Format(time.DateOnly)+", so nobody could sign in with it. "+
				"Provide a valid one.")
		return
	}
	if registration.DueForRenewal(provided.NotAfter, int(planned.RenewBeforeDays.ValueInt64()), p.now) {
		p.diags.AddAttributeWarning(at, "Certificate ends soon",
			"The certificate ends on "+provided.NotAfter.UTC().Format(time.DateOnly)+". Provide its successor in time: "+
				"replaced here, the old one still signs in for previous_certificate_days.")
	}
	describe(planned, provided)
	switch {
	case current == nil:
		planned.Previous = types.ListValueMust(previousType.ElemType, nil)
	case current.PEM.ValueString() == planned.PEM.ValueString():
		planned.RenewalDue = current.RenewalDue // nothing that apply could do about it
		planned.Previous = p.remaining(ctx, current)
	default:
		planned.Previous = types.ListUnknown(previousType.ElemType)
	}
}

// planGenerated plans the certificate whose key is made here.
func (p *planner) planGenerated(ctx context.Context, planned, current *CertificateModel) {
	planned.KeySource = types.StringValue(registration.KeyGenerated)
	if current == nil {
		p.planUnknown(planned)
		planned.Previous = types.ListValueMust(previousType.ElemType, nil)
		return
	}
	if p.rotates(planned, current) {
		p.planUnknown(planned)
		return
	}
	carryOver(planned, current)
	if current.Thumbprint.ValueString() == "" { // taken off the application by somebody: the same one is put back
		if removed, err := certificate.ParsePEM(current.PEM.ValueString()); err == nil {
			describe(planned, removed)
		}
	}
	planned.Previous = p.remaining(ctx, current)
}

// rotates reports whether a new certificate is due: by time, by a lost key, or because other properties are asked for.
func (p *planner) rotates(planned, current *CertificateModel) bool {
	if current.KeySource.ValueString() != registration.KeyGenerated || current.RenewalDue.ValueBool() ||
		current.PEM.ValueString() == "" {
		return true
	}
	return !planned.KeySize.Equal(current.KeySize) || !planned.ValidityYears.Equal(current.ValidityYears)
}

// remaining are the replaced certificates whose time has not come yet.
func (p *planner) remaining(ctx context.Context, current *CertificateModel) types.List {
	var due []string
	if p.removalDue != nil {
		if err := json.Unmarshal(p.removalDue, &due); err != nil {
			p.diags.AddError("Unreadable private state",
				"The list of certificates to remove cannot be read: "+err.Error()+". Run terraform apply -refresh-only, then "+
					"plan again.")
		}
	}
	previous := decode[[]PreviousModel](ctx, current.Previous, p.diags)
	previous = slices.DeleteFunc(previous, func(entry PreviousModel) bool { return slices.Contains(due, entry.KeyID) })
	return encode[types.List](ctx, previousType, previous, p.diags)
}

func (p *planner) planUnknown(planned *CertificateModel) {
	planned.Thumbprint, planned.PEM = types.StringUnknown(), types.StringUnknown()
	planned.NotBefore, planned.NotAfter = timetypes.NewRFC3339Unknown(), timetypes.NewRFC3339Unknown()
	planned.Previous = types.ListUnknown(previousType.ElemType)
}

// carryOver takes over what is known of the certificate that stays.
func carryOver(planned, current *CertificateModel) {
	planned.Thumbprint, planned.PEM = current.Thumbprint, current.PEM
	planned.NotBefore, planned.NotAfter = current.NotBefore, current.NotAfter
}

// describe fills in what a certificate says of itself.
func describe(model *CertificateModel, c *x509.Certificate) {
	var says registration.Certificate
	says.Describe(c)
	model.setFromObserved(&says)
}
