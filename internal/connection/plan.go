package connection

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// ValidateConfig reports the errors that the configuration alone shows. A value that is not known yet, such as a
// module's variable, may still turn out to be null, so only known values count here; the plan is stricter.
func (r *Resource) ValidateConfig(ctx context.Context, request resource.ValidateConfigRequest,
	response *resource.ValidateConfigResponse) {
	var config Model
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() {
		return
	}
	if !anyUnknown(config.CertificateThumbprint, config.ClientSecret) {
		config.checkCredential(&response.Diagnostics)
	}
	config.checkPublicFolders(&response.Diagnostics)
}

// checkCredential asks for exactly one credential. A value that is not known yet counts as given.
func (m *Model) checkCredential(diags *diag.Diagnostics) {
	const advice = "A connection signs in with exactly one of certificate_thumbprint and client_secret_wo (with " +
		"client_secret_wo_version)."
	switch {
	case !m.ClientSecret.IsNull() && (!m.CertificateThumbprint.IsNull() || !m.CertificatePFXPath.IsNull()):
		diags.AddAttributeError(path.Root("client_secret_wo"), "Two credentials", advice+" Both a certificate and a "+
			"client secret are set.")
	case m.CertificateThumbprint.IsNull() && !m.CertificatePFXPath.IsNull():
		diags.AddAttributeError(path.Root("certificate_thumbprint"), "PFX file without a thumbprint",
			"certificate_pfx_path needs certificate_thumbprint, so that everybody sees which certificate it is."+thumbprintOf(m))
	case m.CertificateThumbprint.IsNull() && m.ClientSecret.IsNull():
		diags.AddError("No credential", advice+" Neither is set. The client secret of an imported connection is in the "+
			"store, but its value is needed here, too.")
	}
}

// checkPublicFolders asks for migrate_public_folders where folders are named. What is not known yet passes.
func (m *Model) checkPublicFolders(diags *diag.Diagnostics) {
	if len(m.PublicFolderPaths.Elements()) == 0 || m.MigratePublicFolders.IsUnknown() ||
		m.MigratePublicFolders.ValueBool() {
		return
	}
	diags.AddAttributeError(path.Root("public_folder_paths"), "Public folders are not migrated",
		"public_folder_paths names public folders that are migrated into, and migrate_public_folders is not true. "+
			"Set migrate_public_folders = true, or remove public_folder_paths.")
}

// ModifyPlan completes the plan from the configuration, and reports early what would fail in apply.
func (r *Resource) ModifyPlan(ctx context.Context, request resource.ModifyPlanRequest,
	response *resource.ModifyPlanResponse) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if r.services == nil {
		return
	}
	var s *store.Store
	if !r.services.StoreUnknown() {
		if s = openStore(r.services, &response.Diagnostics); s == nil {
			return
		}
	}
	if request.Plan.Raw.IsNull() {
		return // destroy
	}
	var state *Model
	config, plan := new(Model), new(Model)
	response.Diagnostics.Append(request.Config.Get(ctx, config)...)
	response.Diagnostics.Append(request.Plan.Get(ctx, plan)...)
	if !request.State.Raw.IsNull() {
		state = new(Model)
		response.Diagnostics.Append(request.State.Get(ctx, state)...)
	}
	if response.Diagnostics.HasError() {
		return
	}
	config.checkCredential(&response.Diagnostics)
	config.checkPublicFolders(&response.Diagnostics)
	owner := ownerOf(ctx, request.Private, &response.Diagnostics)
	remembered := tfvalidate.Recall(ctx, request.Private, &response.Diagnostics)
	if response.Diagnostics.HasError() {
		return
	}
	if s != nil {
		s.Expect(remembered.Identity)
	}

	response.RequiresReplace = append(response.RequiresReplace, planInputs(config, state, plan)...)
	plan.CertificateNotAfter = plan.lastNotAfter(state)
	changed := state == nil || !plan.sameInputs(state) || state.HandoffURL.IsNull()
	if s != nil {
		p := &preflight{
			store: s, now: r.services.Now(), config: config, state: state, plan: plan, owner: owner,
			diags: &response.Diagnostics,
		}
		changed = p.run(ctx, changed)
	}
	plan.complete(s, state, changed)
	plan.warnOfExpiry(ctx, s, r.services.Now(), &response.Diagnostics)
	response.Diagnostics.Append(response.Plan.Set(ctx, plan)...)
}

// planInputs brings what the user set to its planned value: defaults where nothing is set, and the prior spelling where
// only the spelling changed. It returns what makes it another connection.
func planInputs(config, state, plan *Model) (replace path.Paths) {
	if config.Name.IsNull() {
		plan.Name = defaultName(plan.Mailbox)
	}
	plan.CredentialType = types.StringValue(store.CredentialCertificate)
	if config.CertificateThumbprint.IsNull() {
		plan.CredentialType = types.StringValue(store.CredentialClientSecret)
	}
	if state == nil {
		return nil
	}
	plan.TenantID = priorIfEqual(state.TenantID, plan.TenantID, strings.ToLower)
	plan.Mailbox = priorIfEqual(state.Mailbox, plan.Mailbox, strings.ToLower)
	plan.ClientID = priorIfEqual(state.ClientID, plan.ClientID, strings.ToLower)
	plan.CertificateThumbprint = priorIfEqual(state.CertificateThumbprint, plan.CertificateThumbprint, normalThumbprint)
	plan.ClientSecretExpiresAt = priorIfSameTime(state.ClientSecretExpiresAt, plan.ClientSecretExpiresAt)
	if config.Name.IsNull() {
		plan.Name = defaultName(plan.Mailbox)
	}
	if !plan.TenantID.Equal(state.TenantID) {
		replace = append(replace, path.Root("tenant_id"))
	}
	if !plan.Mailbox.Equal(state.Mailbox) {
		replace = append(replace, path.Root("mailbox"))
	}
	return replace
}

func defaultName(mailbox types.String) types.String {
	if mailbox.IsUnknown() {
		return types.StringUnknown()
	}
	_, domain, _ := strings.Cut(mailbox.ValueString(), "@")
	return types.StringValue(strings.ToLower(domain))
}

// sameInputs reports whether two models agree in everything but what is computed.
func (m *Model) sameInputs(other *Model) bool {
	return m.TenantID.Equal(other.TenantID) && m.Mailbox.Equal(other.Mailbox) && m.Name.Equal(other.Name) &&
		m.ClientID.Equal(other.ClientID) &&
		m.CertificateThumbprint.Equal(other.CertificateThumbprint) && m.CertificatePFXPath.Equal(other.CertificatePFXPath) &&
		m.CertificatePFXPasswordWOVersion.Equal(other.CertificatePFXPasswordWOVersion) &&
		m.CertificatePFXEncryption.Equal(other.CertificatePFXEncryption) &&
		m.ClientSecretWOVersion.Equal(other.ClientSecretWOVersion) &&
		m.ClientSecretExpiresAt.Equal(other.ClientSecretExpiresAt) &&
		m.MigratePublicFolders.Equal(other.MigratePublicFolders) &&
		m.PublicFolderPaths.Equal(other.PublicFolderPaths) && m.HandoffRecipients.Equal(other.HandoffRecipients) &&
		m.CredentialType.Equal(other.CredentialType)
}

// lastNotAfter is when the certificate expires, as far as the state tells. What the store says now is left to apply:
// Terraform plans once more then, when a replaced connection may have taken the certificate with it or another one
// brought it, and holds us to what was planned first.
func (m *Model) lastNotAfter(state *Model) timetypes.RFC3339 {
	if state == nil || state.CertificateNotAfter.IsNull() || !m.TenantID.Equal(state.TenantID) ||
		!m.CertificateThumbprint.Equal(state.CertificateThumbprint) {
		return timetypes.NewRFC3339Unknown()
	}
	return state.CertificateNotAfter
}

// complete plans what is computed: as it was where nothing changes, else known after apply where it may change. s is
// nil while the store is not known.
func (m *Model) complete(s *store.Store, state *Model, changed bool) {
	if !changed {
		m.ID, m.RecordURL, m.HandoffURL = state.ID, state.RecordURL, state.HandoffURL
		m.Revision, m.CertificateNotAfter = state.Revision, state.CertificateNotAfter
		m.HandoffSheetSHA256, m.HandoffScriptSHA256 = state.HandoffSheetSHA256, state.HandoffScriptSHA256
		return
	}
	m.HandoffSheetSHA256, m.HandoffScriptSHA256 = types.StringUnknown(), types.StringUnknown()
	m.ID, m.Revision = types.StringUnknown(), types.StringUnknown()
	m.RecordURL, m.HandoffURL = types.StringUnknown(), types.StringUnknown()
	if state != nil {
		m.ID = state.ID
	}
	if state != nil && s != nil && !anyUnknown(m.TenantID, m.Mailbox) {
		// The store may have moved, or its URL be spelled otherwise, since the state was written.
		m.RecordURL = types.StringValue(s.RecordURL(m.TenantID.ValueString(), m.Mailbox.ValueString()))
		m.HandoffURL = types.StringValue(s.HandoffURL(m.TenantID.ValueString(), m.Mailbox.ValueString()))
	}
	if m.CredentialType.ValueString() == store.CredentialClientSecret {
		m.CertificateNotAfter, m.HandoffScriptSHA256 = timetypes.NewRFC3339Null(), types.StringNull()
	}
}
