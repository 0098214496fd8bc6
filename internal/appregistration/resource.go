package appregistration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

var (
	_ resource.ResourceWithConfigure      = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*Resource)(nil)
	_ resource.ResourceWithImportState    = (*Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*Resource)(nil)
	_ resource.ResourceWithIdentity       = (*Resource)(nil)
)

// How long an operation may take where the configuration does not say.
const (
	writeTimeout = 10 * time.Minute
	readTimeout  = 5 * time.Minute
)

// NewResource returns the resource codetwo_target_app_registration.
func NewResource() resource.Resource { return &Resource{} }

// Resource is codetwo_target_app_registration.
type Resource struct{ services Services }

// Metadata names the resource.
func (r *Resource) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_target_app_registration"
}

// Configure takes the provider's services.
func (r *Resource) Configure(_ context.Context, request resource.ConfigureRequest,
	response *resource.ConfigureResponse) {
	r.services = servicesOf(request.ProviderData, "codetwo_target_app_registration", &response.Diagnostics)
}

// ValidateConfig refuses what contradicts itself before anything is read.
func (r *Resource) ValidateConfig(ctx context.Context, request resource.ValidateConfigRequest,
	response *resource.ValidateConfigResponse) {
	var config Model
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() {
		return
	}
	if config.PermissionProfile.ValueString() == string(permission.Custom) && !config.AdditionalPermissions.IsUnknown() &&
		len(config.AdditionalPermissions.Elements()) == 0 {
		response.Diagnostics.AddAttributeError(path.Root("additional_permissions"), "No permissions",
			"permission_profile = \"custom\" holds nothing by itself, so the application could do nothing. Name what it needs "+
				"in additional_permissions, or choose another profile.")
	}
}

// Identity is what tells one registration from every other (Terraform 1.12).
type Identity struct {
	TenantID types.String `tfsdk:"tenant_id"`
	ObjectID types.String `tfsdk:"object_id"`
}

// IdentitySchema describes the identity, which an import block can name.
func (r *Resource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest,
	response *resource.IdentitySchemaResponse) {
	response.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"tenant_id": identityschema.StringAttribute{RequiredForImport: true, Description: "The target tenant's ID (GUID)."},
		"object_id": identityschema.StringAttribute{
			RequiredForImport: true, Description: "The application object's ID (GUID).",
		},
	}}
}

// setIdentity records the identity; it is nil where the CLI is older than identities.
func setIdentity(ctx context.Context, identity *tfsdk.ResourceIdentity, model *Model, diags *diag.Diagnostics) {
	if identity != nil {
		diags.Append(identity.Set(ctx, identityOf(model.TenantID.ValueString(), model.ObjectID.ValueString()))...)
	}
}

// identityOf is in lower case, as an identity must never change, and a configuration may change its mind on that.
func identityOf(tenantID, objectID string) Identity {
	return Identity{
		TenantID: types.StringValue(strings.ToLower(tenantID)), ObjectID: types.StringValue(strings.ToLower(objectID)),
	}
}

// ImportState takes "<tenant_id>/<client ID or object ID>", or an identity.
func (r *Resource) ImportState(ctx context.Context, request resource.ImportStateRequest,
	response *resource.ImportStateResponse) {
	given := request.ID
	if given == "" && request.Identity != nil {
		var identity Identity
		response.Diagnostics.Append(request.Identity.Get(ctx, &identity)...)
		given = identity.TenantID.ValueString() + "/" + identity.ObjectID.ValueString()
	}
	tenantID, id, ok := guid.Pair(given) // <tenant_id>/<client ID or object ID>
	if !ok {
		response.Diagnostics.AddError("Unusable import ID", fmt.Sprintf(
			"%q is not of the form <tenant_id>/<client ID or object ID>, both GUIDs. The IDs are on the application's "+
				"Overview page in the Entra portal.", given))
		return
	}
	response.Diagnostics.Append(response.State.SetAttribute(ctx, path.Root("tenant_id"), tenantID)...)
	response.Diagnostics.Append(response.State.SetAttribute(ctx, path.Root("id"), tenantID+"/"+id)...)
	response.Diagnostics.Append(response.Private.SetKey(ctx, importedKey, []byte("true"))...)
}

// openStore returns the connection store. If none is configured or usable, it reports that and returns nil.
func (r *Resource) openStore(diags *diag.Diagnostics) *store.Store {
	records, err := r.services.Store()
	if err != nil {
		diags.AddError("No connection store", "codetwo_target_app_registration keeps its journal and the certificate's key "+
			"in the connection store. "+err.Error())
		return nil
	}
	return records
}

// manager manages the registrations of the model's tenant, in the store that the state names; nil without a store,
// which it has reported.
func (r *Resource) manager(
	model *Model, remembered tfvalidate.Remembered, diags *diag.Diagnostics,
) *registration.Manager {
	records := r.openStore(diags)
	if records == nil {
		return nil
	}
	records.Expect(remembered.Identity)
	retries := r.services.Retries()
	retries.Notify = tfvalidate.LogPauses("Entra has not caught up yet")
	id := model.TenantID.ValueString()
	return &registration.Manager{
		TenantID: id, Directory: r.services.Directory(id), Store: records, NameLocks: r.services.NameLocks(),
		Retries: retries, Now: r.services.Now,
	}
}

// storeLocked reports whether the store is not looked at, for want of a passphrase that fits; any other reason why it
// cannot be used is an error.
func (r *Resource) storeLocked(ctx context.Context, records *store.Store, diags *diag.Diagnostics) bool {
	err := records.Unlock(ctx)
	if _, other := errors.AsType[*store.OtherIdentityError](err); other {
		if there, problem := records.Exists(ctx, "", ""); problem == nil && !there {
			return true // which what needs the store says in other words
		}
	}
	switch {
	case err == nil:
		return false
	case !store.IsLocked(err):
		diags.AddError("The connection store cannot be used", err.Error()+".")
	default:
		tfvalidate.WarnStoreLocked(r.services, err, diags)
	}
	return true
}

// consentURL is where an administrator consents to the application's permissions by hand.
func (r *Resource) consentURL(model *Model, clientID string) string {
	return r.services.Endpoints().Login + "/" + model.TenantID.ValueString() + "/adminconsent?client_id=" + clientID
}

// Create registers the application. Requests: two reads, the upsert, key and service principal in one batch, the
// grants in one, one confirming read. Rights: Application.ReadWrite.OwnedBy, Application.Read.All,
// AppRoleAssignment.ReadWrite.All.
func (r *Resource) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	var plan Model
	diags := &response.Diagnostics
	diags.Append(request.Plan.Get(ctx, &plan)...)
	timeout, problems := plan.Timeouts.Create(ctx, writeTimeout)
	diags.Append(problems...)
	manager, spec := r.manager(&plan, tfvalidate.Remembered{}, diags), plan.spec(ctx, nil, diags)
	if diags.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	seen, warnings, err := manager.Create(ctx, spec)
	addWarnings(diags, warnings)
	if err != nil {
		r.report(ctx, &plan, "create the app registration", err, diags)
	}
	if seen != nil {
		plan.setFromObserved(ctx, seen, r.consentURL(&plan, seen.ClientID), journalURL(manager, seen), diags)
		diags.Append(response.State.Set(ctx, plan)...)
		setIdentity(ctx, response.Identity, &plan, diags)
		tfvalidate.Remember(ctx, response.Private, manager.Store, seen.JournalGeneration, diags)
	}
}

// journalURL is where the registration's journal is.
func journalURL(manager *registration.Manager, seen *registration.Observed) string {
	return manager.Store.JournalURL(manager.TenantID, seen.JournalName())
}

// Read looks at the application as it is. Requests: one batch. Rights: Application.Read.All, or
// Application.ReadWrite.OwnedBy for the caller's own applications.
func (r *Resource) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	var state Model
	diags := &response.Diagnostics
	diags.Append(request.State.Get(ctx, &state)...)
	if diags.HasError() {
		return
	}
	if !state.ObjectID.IsNull() { // after an import, it is known only below
		setIdentity(ctx, response.Identity, &state, diags)
	}
	if unknown := r.services.Unknown(); len(unknown) > 0 {
		diags.AddWarning("Not refreshed", fmt.Sprintf(
			"The provider's %s is not known while planning, so the app registration %q is shown as it was last seen. "+
				"Give the provider a value that is known while planning, such as a variable or the environment.",
			strings.Join(unknown, ", "), state.ClientID.ValueString()))
		return
	}
	timeout, problems := state.Timeouts.Read(ctx, readTimeout)
	diags.Append(problems...)
	remembered := tfvalidate.Recall(ctx, request.Private, diags)
	manager, recorded := r.manager(&state, remembered, diags), state.recorded(ctx, remembered.Generation, diags)
	if diags.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	locked := r.storeLocked(ctx, manager.Store, diags)
	if diags.HasError() {
		return
	}

	var seen *registration.Observed
	var err error
	if isSet(state.ClientID) {
		var warnings []registration.Warning
		seen, warnings, err = manager.Read(ctx, recorded)
		addWarnings(diags, warnings)
	} else {
		_, id, _ := strings.Cut(state.ID.ValueString(), "/")
		seen, err = manager.Import(ctx, id)
	}
	gone, cutOff := errors.Is(err, registration.ErrGone), errors.Is(err, registration.ErrDestroyCutOff)
	switch {
	case err == nil || gone || cutOff:
		diags.Append(response.Private.SetKey(ctx, refusedKey, nil)...) // whatever was found, the tenant did not refuse
	case isSet(state.ClientID) && r.services.SkipsTenant(ctx, state.TenantID.ValueString(), err):
		warnOfRefusal(diags, &state, "is shown", "The refusal: "+tfvalidate.Explain(err, ""))
		diags.Append(response.Private.SetKey(ctx, refusedKey, []byte("true"))...)
		return
	default:
		r.report(ctx, &state, "read the app registration", err, diags)
		return
	}
	if cutOff {
		// The state stays, or nobody would finish the destroy: the recycle bin, the journal and the keys in the store.
		diags.AddWarning("A destroy was cut off", fmt.Sprintf(
			"A destroy of the %s in tenant %s was cut off after the application was gone. terraform destroy finishes it; "+
				"apply finishes it and creates the registration again.", state.application(), state.TenantID.ValueString()))
		diags.Append(response.Private.SetKey(ctx, cutOffKey, []byte("true"))...)
		return
	}
	if gone {
		diags.AddWarning("The application is gone", fmt.Sprintf(
			"Somebody deleted the application %q (client ID %s, object ID %s) from tenant %s. The next apply creates it again, "+
				"or restores it with restore_deleted = true. If you do not want it back, remove the resource from the "+
				"configuration, and delete %s/registrations/%s.json and the certificates that it names from the store.",
			state.DisplayName.ValueString(), state.ClientID.ValueString(), state.ObjectID.ValueString(),
			state.TenantID.ValueString(), state.TenantID.ValueString(), recorded.JournalName()))
		response.State.RemoveResource(ctx)
		return
	}
	if state.ClientID.IsNull() {
		state.configureImported(ctx, seen, diags)
	}
	state.setFromObserved(ctx, seen, r.consentURL(&state, seen.ClientID), journalURL(manager, seen), diags)
	diags.Append(response.State.Set(ctx, &state)...)
	setIdentity(ctx, response.Identity, &state, diags)
	if !locked {
		tfvalidate.Remember(ctx, response.Private, manager.Store, seen.JournalGeneration, diags)
	}
	due, _ := json.Marshal(append([]string{}, seen.Certificate.RemovalDue...)) // strings only
	diags.Append(response.Private.SetKey(ctx, removalDueKey, due)...)
	diags.Append(response.Private.SetKey(ctx, cutOffKey, nil)...) // it is there, so no destroy is to be finished
}

// Update brings the application to what was planned. Requests: two reads, one batch per kind of change, one confirming
// read. Rights as for Create.
func (r *Resource) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	var plan, state Model
	diags := &response.Diagnostics
	diags.Append(request.Plan.Get(ctx, &plan)...)
	diags.Append(request.State.Get(ctx, &state)...)
	refused, problems := request.Private.GetKey(ctx, refusedKey)
	diags.Append(problems...)
	if diags.HasError() {
		return
	}
	if refused != nil { // and planned as it was last seen
		warnOfRefusal(diags, &state, "is left", "The tenant refused Terraform when the plan was made; the plan's "+
			"warning gives Entra's reason. Plan again once the tenant accepts the identity.")
		diags.Append(response.State.Set(ctx, &plan)...)
		setIdentity(ctx, response.Identity, &plan, diags)
		diags.Append(response.Private.SetKey(ctx, refusedKey, nil)...)
		return
	}
	timeout, problems := plan.Timeouts.Update(ctx, writeTimeout)
	diags.Append(problems...)
	remembered := tfvalidate.Recall(ctx, request.Private, diags)
	manager, recorded := r.manager(&plan, remembered, diags), state.recorded(ctx, remembered.Generation, diags)
	spec := plan.spec(ctx, recorded, diags)
	if diags.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	seen, warnings, err := manager.Update(ctx, spec, recorded)
	addWarnings(diags, warnings)
	if err != nil {
		r.report(ctx, &plan, "update the app registration", err, diags)
	}
	if seen != nil {
		if err != nil && seen.Certificate.PEM == recorded.Certificate.PEM { // with its settings, the next plan replaces it
			plan.Certificate = state.Certificate
		}
		withoutJournal := plan.JournalURL.IsNull() // as planned
		plan.setFromObserved(ctx, seen, r.consentURL(&plan, seen.ClientID), journalURL(manager, seen), diags)
		if withoutJournal {
			plan.JournalURL = types.StringNull()
		}
		diags.Append(response.State.Set(ctx, plan)...)
		setIdentity(ctx, response.Identity, &plan, diags)
		tfvalidate.Remember(ctx, response.Private, manager.Store, seen.JournalGeneration, diags)
	}
}

// Delete removes service principal and application, and what the store holds for them. Requests: one batch, one
// confirming read, one batch more with purge. Rights: Application.ReadWrite.OwnedBy.
func (r *Resource) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	var state Model
	diags := &response.Diagnostics
	diags.Append(request.State.Get(ctx, &state)...)
	timeout, problems := state.Timeouts.Delete(ctx, writeTimeout)
	diags.Append(problems...)
	remembered := tfvalidate.Recall(ctx, request.Private, diags)
	manager, recorded := r.manager(&state, remembered, diags), state.recorded(ctx, remembered.Generation, diags)
	if diags.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	warnings, err := manager.Delete(ctx, recorded, state.PurgeOnDestroy.ValueBool())
	addWarnings(diags, warnings)
	if err == nil {
		return
	}
	r.report(ctx, &state, "delete the app registration", err, diags)
	if refused, ok := errors.AsType[*auth.Error](err); ok && refused.ByTenant() {
		diags.AddWarning("The registration in tenant "+state.TenantID.ValueString()+" stays in the state",
			"If that tenant no longer accepts Terraform, remove the registration from the state: run terraform state rm "+
				"<address>. The guide \"Many tenants\" says what is left then, and where.")
	}
}
