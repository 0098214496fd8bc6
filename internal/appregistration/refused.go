package appregistration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// canKeepLastSeen reports whether the application is there and can be planned as it was last seen. An error in one
// tenant would hold up what depends on the registrations of all others: Terraform orders resources, not their
// instances.
func (p *planner) canKeepLastSeen() bool {
	return p.state != nil && strings.EqualFold(p.tenantID().ValueString(), p.state.TenantID.ValueString()) &&
		(p.config.UniqueName.IsNull() || !p.state.UniqueName.IsNull())
}

// planLastSeen plans that nothing changes. Terraform lets a provider keep what an attribute was, unless it has no value
// of its own where the configuration gives none: those follow the configuration, and stand for nothing in the tenant.
func (p *planner) planLastSeen(ctx context.Context) Model {
	plan := *p.state
	plan.AdditionalPermissions, plan.Timeouts = p.config.AdditionalPermissions, p.config.Timeouts
	if !isSet(plan.Certificate) {
		return plan
	}
	current := decode[CertificateModel](ctx, p.state.Certificate, p.diags)
	current.PublicCertificatePEM = types.StringUnknown()
	if !p.config.Certificate.IsUnknown() {
		current.PublicCertificatePEM = decode[CertificateModel](ctx, p.config.Certificate, p.diags).PublicCertificatePEM
	}
	plan.Certificate = encode[types.Object](ctx, certificateType, current, p.diags)
	return plan
}

// refuseReplacement refuses to plan the second half of a replacement whose first half would fail, and with it what
// depends on the registrations of other tenants. The mark of the refusal is all that is left of the object then.
func refuseReplacement(plan *Model, diags *diag.Diagnostics) {
	diags.AddError("The registration cannot be replaced while its tenant refuses Terraform", fmt.Sprintf(
		"Terraform was asked to replace the registration %s, by -replace, replace_triggered_by, another tenant_id, or "+
			"because its creation was interrupted. Its tenant refused Terraform when it was last asked, so the old "+
			"application could not be deleted. Leave it as it is until the tenant accepts Terraform, or run terraform state "+
			"rm <address>.",
		plan.DisplayName.ValueString()))
}

// newTenantTimeout is how long a plan waits for a new tenant's answer, which is no more than a warning.
const newTenantTimeout = 30 * time.Second

// askNewTenant warns of a tenant that refuses the caller, so that nothing can be registered there. It fails when it is
// applied, and then whatever depends on the registrations is made in no tenant, so that it is better known before.
// Requests: a sign-in, and one to the provider's own tenant where that is refused; none unless refused tenants are to
// be skipped.
func (r *Resource) askNewTenant(ctx context.Context, plan *Model, diags *diag.Diagnostics) {
	if !r.services.SkipRefusedTenants() || len(r.services.Unknown()) > 0 || plan.TenantID.IsUnknown() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, newTenantTimeout)
	defer cancel()
	tenantID := plan.TenantID.ValueString()
	if err := r.services.SignIn(ctx, tenantID); err != nil && r.services.SkipsTenant(ctx, tenantID, err) {
		diags.AddWarning("Tenant "+tenantID+" refuses Terraform, so that nothing can be registered there", fmt.Sprintf(
			"Making the application %q there will fail. Terraform then makes nothing that depends on these registrations, "+
				"such as connections, in any tenant: remove this one from the configuration until the tenant accepts "+
				"Terraform.\n\nThe refusal: %s",
			plan.DisplayName.ValueString(), tfvalidate.Explain(err, "")))
	}
}

// warnOfRefusal warns that a tenant which refused Terraform is skipped. The summary names the tenant, since Terraform
// prints only the first of several warnings with one summary.
func warnOfRefusal(diags *diag.Diagnostics, state *Model, what, reason string) {
	diags.AddWarning("Tenant "+state.TenantID.ValueString()+" refused Terraform and was skipped", fmt.Sprintf(
		"The %s %s as it was last seen, because skip_refused_tenants is set. Changes in the tenant are not shown, and "+
			"nothing there is changed.\n\n%s", state.application(), what, reason))
}
