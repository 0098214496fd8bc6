package appregistration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/attribute"
)

// leavesAside tells, of what a refresh left under refusedKey, whether the registration is left as it was last seen. An error
// in one tenant would hold up what depends on the registrations of all others: Terraform orders resources, not their instances.
func (r *Resource) leavesAside(refused []byte) bool {
	return refused != nil && r.services.SkipRefusedTenants()
}

// stays tells whether the application is there and would not be replaced.
func (p *planner) stays() bool {
	return p.state != nil && strings.EqualFold(p.tenantID().ValueString(), p.state.TenantID.ValueString()) &&
		(p.config.UniqueName.IsNull() || p.config.UniqueName.Equal(p.state.UniqueName))
}

// asLastSeen plans that nothing changes. Terraform lets a provider keep what an attribute was, unless it has no value of
// its own where the configuration gives none: those follow the configuration, and stand for nothing in the tenant.
func (p *planner) asLastSeen(ctx context.Context) Model {
	plan := *p.state
	plan.AdditionalPermissions, plan.Timeouts = p.config.AdditionalPermissions, p.config.Timeouts
	configured, current := p.config.certificate(ctx, p.diags), p.state.certificate(ctx, p.diags)
	if current != nil && !p.config.Certificate.IsUnknown() {
		current.PublicCertificatePEM = types.StringNull()
		if configured != nil {
			current.PublicCertificatePEM = configured.PublicCertificatePEM
		}
		plan.setCertificate(ctx, *current, p.diags)
	}
	return plan
}

// newTenantTimeout is how long a plan waits for a new tenant's answer, which is no more than a warning.
const newTenantTimeout = 30 * time.Second

// askNewTenant warns of a tenant that lets nobody in to make its registration. It fails when it is applied, and then whatever
// depends on the registrations is made in no tenant, so that it is better known before. Requests: one sign-in, and only if
// refused tenants are to be skipped.
func (r *Resource) askNewTenant(ctx context.Context, plan *Model, diags *diag.Diagnostics) {
	if !r.services.SkipRefusedTenants() || len(r.services.Unknown()) > 0 || plan.TenantID.IsUnknown() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, newTenantTimeout)
	defer cancel()
	tenantID := plan.TenantID.ValueString()
	if err := r.services.SignIn(ctx, tenantID); err != nil && r.services.RefusedAside(ctx, tenantID, err) {
		diags.AddWarning("Tenant "+tenantID+" refuses Terraform, and has no registration yet", fmt.Sprintf(
			"Making the application %q there will fail. Terraform then makes nothing that depends on these registrations, such as connections, in any tenant: take this one out of the configuration until it lets Terraform in.\n\nThe refusal: %s",
			plan.DisplayName.ValueString(), attribute.Explain(err, "")))
	}
}

// warnOfRefusal tells that a tenant which refused Terraform is left aside. The tenant stands in the summary, since of
// warnings that have it in common Terraform prints the first alone.
func warnOfRefusal(diags *diag.Diagnostics, state *Model, what, reason string) {
	diags.AddWarning("Tenant "+state.TenantID.ValueString()+" refused Terraform and was not looked at", fmt.Sprintf(
		"The application %q (client ID %s) %s as it was last seen, since skip_refused_tenants is set. What has changed there, or is missing, does not show, and nothing is changed there.\n\nThe refusal: %s",
		state.DisplayName.ValueString(), state.ClientID.ValueString(), what, reason))
}
