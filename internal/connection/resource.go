// Package connection implements the codetwo_target_connection resource and the codetwo_target_connections data source,
// both backed by the connection store.
package connection

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

var (
	_ resource.ResourceWithConfigure      = (*Resource)(nil)
	_ resource.ResourceWithModifyPlan     = (*Resource)(nil)
	_ resource.ResourceWithImportState    = (*Resource)(nil)
	_ resource.ResourceWithValidateConfig = (*Resource)(nil)
)

// ownerKey is the private state's key of the ID that the record was created under, so that a resource never touches
// the record of its successor.
const ownerKey = "owner"

// storeTimeout bounds an operation, whatever keeps the store from answering. A change reads some files and writes some;
// the tenant has tenantTimeout of it.
const storeTimeout = 5 * time.Minute

// Services is what this package needs from the provider.
type Services interface {
	// Store returns the connection store, or an error that says how to configure one.
	Store() (*store.Store, error)
	// StoreUnknown reports whether the store's configuration is known only after apply.
	StoreUnknown() bool
	// FirstTime reports whether something is done for the first time in this process.
	FirstTime(what string) bool
	// Now returns the time by which the validity of certificates is judged.
	Now() time.Time
	// Directory returns a tenant's directory, accessed with the rights of the provider's identity.
	Directory(tenantID string) entra.Directory
}

// NewResource returns the resource codetwo_target_connection.
func NewResource() resource.Resource { return &Resource{} }

// Resource implements codetwo_target_connection. It changes only the connection store. From the tenant it reads what
// the sheet tells an Exchange administrator; if it cannot, the sheet says that this is not known.
type Resource struct{ services Services }

// Metadata names the resource.
func (r *Resource) Metadata(_ context.Context, request resource.MetadataRequest, response *resource.MetadataResponse) {
	response.TypeName = request.ProviderTypeName + "_target_connection"
}

// Configure takes the provider's services.
func (r *Resource) Configure(_ context.Context, request resource.ConfigureRequest,
	response *resource.ConfigureResponse) {
	r.services = servicesOf(request.ProviderData, "codetwo_target_connection", &response.Diagnostics)
}

func servicesOf(providerData any, user string, diags *diag.Diagnostics) Services {
	if providerData == nil {
		return nil // validation, before the provider is configured
	}
	services, ok := providerData.(Services)
	if !ok {
		diags.AddError("Unexpected provider data", fmt.Sprintf("%s was given %T. This is a bug in the provider.", user,
			providerData))
	}
	return services
}

// openStore returns the store, or says what to configure.
func openStore(services Services, diags *diag.Diagnostics) *store.Store {
	s, err := services.Store()
	if err != nil {
		diags.AddError("No connection store", "Target connections are kept in the connection store. "+err.Error())
		return nil
	}
	return s
}

// ImportState takes "<tenant_id>/<mailbox>", the id of a connection that is in the store.
func (r *Resource) ImportState(ctx context.Context, request resource.ImportStateRequest,
	response *resource.ImportStateResponse) {
	if !isImportID(request.ID) {
		response.Diagnostics.AddError("Unusable import ID", fmt.Sprintf(
			"%q is not of the form <tenant_id>/<mailbox>, such as "+
				"00000000-0000-0000-0000-000000000000/migration@contoso.onmicrosoft.com. "+
				"The data source codetwo_target_connections lists the connections of the store with their IDs.", request.ID))
		return
	}
	resource.ImportStatePassthroughID(ctx, path.Root("id"), request, response)
}

// isImportID reports whether a text has the form of a connection's ID. Read finds out whether there is one.
func isImportID(given string) bool {
	_, mailbox, ok := guid.Cut(given)
	return ok && mailbox != ""
}

// Create writes a new record, with its secret or its certificate's key, and the hand-off.
func (r *Resource) Create(ctx context.Context, request resource.CreateRequest, response *resource.CreateResponse) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	plan, config := new(Model), new(Model)
	response.Diagnostics.Append(request.Plan.Get(ctx, plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, config)...)
	if response.Diagnostics.HasError() {
		return
	}
	writer := r.writer(plan, config, tfvalidate.Remembered{}, &response.Diagnostics)
	if writer == nil {
		return
	}
	owner := newOwner()
	record := writer.create(ctx, owner)
	if response.Diagnostics.HasError() {
		return
	}
	response.Diagnostics.Append(response.Private.SetKey(ctx, ownerKey, quoted(owner))...)
	tfvalidate.Remember(ctx, response.Private, writer.store, record.Generation, &response.Diagnostics)
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
}

// Read returns the record as it is in the store, including changes made by hand.
func (r *Resource) Read(ctx context.Context, request resource.ReadRequest, response *resource.ReadResponse) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	var state Model
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	if response.Diagnostics.HasError() {
		return
	}
	if r.services.StoreUnknown() {
		response.Diagnostics.AddWarning("Not refreshed", fmt.Sprintf(
			"The provider's connection_store is not known while planning, so the connection %s is shown as it "+
				"was last seen. Give connection_store a value that is known while planning, such as a variable or the environment.",
			state.ID.ValueString()))
		return
	}
	s := openStore(r.services, &response.Diagnostics)
	if s == nil {
		return
	}
	importing := state.TenantID.IsNull() // which needs the record
	tenantID, mailbox := state.key()
	remembered := tfvalidate.Recall(ctx, request.Private, &response.Diagnostics)
	s.Expect(remembered.Identity)
	record, err := s.Connection(ctx, tenantID, mailbox, remembered.Generation)
	switch {
	case errors.Is(err, store.ErrNotFound):
		readMissing(ctx, s, &state, response)
		return
	case store.IsLocked(err) && !importing:
		tfvalidate.WarnStoreLocked(r.services, err, &response.Diagnostics)
		return // the response begins with the prior state
	case store.IsUntrusted(err) && !importing:
		warnOfUntrusted(err, &response.Diagnostics)
		markForRewrite(ctx, &state, response)
		return
	case err != nil:
		err = store.WithRemedy(err, "it cannot be imported. Restore it from a backup, or delete it and create the "+
			"connection as a new one")
		if !isOther(err) || storeIsThere(ctx, s, &state, &response.Diagnostics) {
			response.Diagnostics.AddError("Failed to read the connection "+state.ID.ValueString(), err.Error()+".")
		}
		return
	}
	owner := ownerOf(ctx, request.Private, &response.Diagnostics)
	if owner != "" && owner != record.Owner {
		// It may be an old record that somebody has put back, so the resource stays in the state.
		response.Diagnostics.AddWarning("The record belongs to another resource", fmt.Sprintf(
			"Another resource wrote the record %s. If that resource has the mailbox now, remove this one from the state "+
				"(terraform state rm). Otherwise delete the file; apply writes it again.",
			s.RecordURL(tenantID, mailbox)))
		markForRewrite(ctx, &state, response)
		return
	}
	found, err := checkFiles(ctx, s, record, !state.CertificatePFXPath.IsNull())
	if err != nil {
		response.Diagnostics.AddError("Failed to read the connection "+state.ID.ValueString(), err.Error()+".")
		return
	}
	state.load(ctx, s, record, found)
	for _, problem := range []error{found.secrets, found.handoff} {
		if store.IsUntrusted(problem) {
			warnOfUntrusted(problem, &response.Diagnostics)
		}
	}
	response.Diagnostics.Append(response.Private.SetKey(ctx, ownerKey, quoted(record.Owner))...)
	response.Diagnostics.Append(response.State.Set(ctx, &state)...)
	tfvalidate.Remember(ctx, response.Private, s, record.Generation, &response.Diagnostics)
}

// isOther reports whether an error says that the store is not the one that the state knows, or is missing.
func isOther(err error) bool {
	_, other := errors.AsType[*store.OtherIdentityError](err)
	return other
}

// problems are what is wrong with the files of a record, for the next apply to write again; nil where nothing is.
type problems struct{ secrets, handoff error }

// checkFiles holds the files of a record against it, and the key that comes from a PFX file of the configuration. The
// error is one of reading them.
func checkFiles(
	ctx context.Context, s *store.Store, record store.Connection, fromPFX bool,
) (found problems, err error) {
	found = problems{secrets: s.CheckSecrets(ctx, record), handoff: s.CheckHandoff(ctx, record)}
	if found.handoff == nil && fromPFX {
		found.handoff = s.KeyProblem(ctx, record.TenantID, record.CertificateThumbprint)
	}
	for _, problem := range []error{found.secrets, found.handoff} {
		if problem != nil && !errors.Is(problem, store.ErrOutdated) && !errors.Is(problem, store.ErrNotFound) &&
			!store.IsUntrusted(problem) {
			return found, problem
		}
	}
	return found, nil
}

// warnOfUntrusted tells of a file that counts for nothing.
func warnOfUntrusted(err error, diags *diag.Diagnostics) {
	if errors.Is(err, store.ErrUnsealed) {
		untrusted, _ := errors.AsType[*store.UntrustedError](err)
		diags.AddWarning("Records of the connection store are not sealed yet", fmt.Sprintf(
			"%s was written by an earlier version of this provider, or by hand. Apply writes it again, sealed, from the "+
				"configuration.", untrusted.URL))
		return
	}
	err = store.WithRemedy(err, "find out who wrote it. Nothing in it is used; apply writes it again from the "+
		"configuration, and destroy removes it")
	diags.AddWarning("A file of the connection store cannot be trusted", err.Error()+".")
}

// readMissing decides what a missing record means.
func readMissing(ctx context.Context, s *store.Store, state *Model, response *resource.ReadResponse) {
	if !storeIsThere(ctx, s, state, &response.Diagnostics) {
		return
	}
	tenantID, mailbox := state.key()
	leftover, err := s.Leftover(ctx, tenantID, mailbox)
	if err != nil {
		response.Diagnostics.AddError("Failed to read the connection "+state.ID.ValueString(), err.Error())
		return
	}
	if leftover == "" || state.TenantID.IsNull() { // the latter is an import, which needs the record
		tflog.Warn(ctx, "The connection's record does not exist any more", map[string]any{"id": state.ID.ValueString()})
		response.State.RemoveResource(ctx)
		return
	}
	// Without the resource in the state, nothing would ever delete the rest.
	response.Diagnostics.AddWarning("The connection's record is gone", fmt.Sprintf(
		"Somebody deleted %s and left %s. Apply writes the record again; destroy removes "+
			"what is left.", s.RecordURL(tenantID, mailbox), leftover))
	markForRewrite(ctx, state, response)
}

// markForRewrite keeps a connection in the state, and has the next plan write all of it.
func markForRewrite(ctx context.Context, state *Model, response *resource.ReadResponse) {
	state.HandoffURL, state.ClientSecretWOVersion = types.StringNull(), types.Int64Null()
	response.Diagnostics.Append(response.State.Set(ctx, state)...)
}

// storeIsThere keeps a share that is not mounted, or another URL, from looking like connections that are gone.
func storeIsThere(ctx context.Context, s *store.Store, state *Model, diags *diag.Diagnostics) bool {
	tenantID, mailbox := state.key()
	there, err := s.Exists(ctx, tenantID, mailbox)
	if err != nil {
		diags.AddError("The connection store cannot be read", err.Error())
		return false
	}
	if !there {
		last := ""
		if !state.RecordURL.IsNull() {
			last = fmt.Sprintf(" The record of %s was last seen at %s.", state.ID.ValueString(), state.RecordURL.ValueString())
		}
		diags.AddError("Connection store not found", fmt.Sprintf("There is no connection store at %s.%s Mount the "+
			"folder, or correct the URL "+
			"(connection_store of the provider, CODETWO_STORE_URL). If the store is gone for good, remove its connections "+
			"from the state (terraform state rm).", s.URL(), last))
	}
	return there
}

// Update writes the record again, with its secret or its certificate's key where those are new, and the hand-off.
func (r *Resource) Update(ctx context.Context, request resource.UpdateRequest, response *resource.UpdateResponse) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	plan, config, state := new(Model), new(Model), new(Model)
	response.Diagnostics.Append(request.Plan.Get(ctx, plan)...)
	response.Diagnostics.Append(request.Config.Get(ctx, config)...)
	response.Diagnostics.Append(request.State.Get(ctx, state)...)
	owner := ownerOf(ctx, request.Private, &response.Diagnostics)
	if response.Diagnostics.HasError() {
		return
	}
	remembered := tfvalidate.Recall(ctx, request.Private, &response.Diagnostics)
	writer := r.writer(plan, config, remembered, &response.Diagnostics)
	if writer == nil {
		return
	}
	record := writer.update(ctx, state, owner)
	if response.Diagnostics.HasError() {
		return // the state keeps the old revision, by which the next Read sees that this update is to be finished
	}
	response.Diagnostics.Append(response.State.Set(ctx, plan)...)
	tfvalidate.Remember(ctx, response.Private, writer.store, record.Generation, &response.Diagnostics)
}

// Delete removes the record with its secret and hand-off, and a certificate's key that nothing else names and that its
// PFX file still holds. It needs no passphrase, and never touches the app.
func (r *Resource) Delete(ctx context.Context, request resource.DeleteRequest, response *resource.DeleteResponse) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	var state Model
	response.Diagnostics.Append(request.State.Get(ctx, &state)...)
	owner := ownerOf(ctx, request.Private, &response.Diagnostics)
	if response.Diagnostics.HasError() {
		return
	}
	s := openStore(r.services, &response.Diagnostics)
	if s == nil || !storeIsThere(ctx, s, &state, &response.Diagnostics) {
		return
	}
	remembered := tfvalidate.Recall(ctx, request.Private, &response.Diagnostics)
	remove(ctx, s, &state, remembered, owner, r.services.Now(), &response.Diagnostics)
}

func remove(
	ctx context.Context, s *store.Store, state *Model, remembered tfvalidate.Remembered, owner string, now time.Time,
	diags *diag.Diagnostics,
) {
	defer s.Lock()()
	tenantID, mailbox := state.key()
	s.Expect(remembered.Identity)
	err := s.DeleteConnection(ctx, tenantID, mailbox, owner, remembered.Generation)
	if _, replaced := errors.AsType[*store.OwnerError](err); replaced {
		diags.AddWarning("The connection was left in the store", err.Error())
		return
	}
	if err != nil {
		diags.AddError("Failed to delete the connection "+state.ID.ValueString(), err.Error())
		return
	}
	deleteUnusedKey(ctx, s, state, now, diags)
}

// ownerOf returns the ID that the record was created under; empty before the first Read of an import.
func ownerOf(ctx context.Context, private tfvalidate.PrivateState, diags *diag.Diagnostics) string {
	content, problems := private.GetKey(ctx, ownerKey)
	diags.Append(problems...)
	var owner string
	if len(content) > 0 {
		if err := json.Unmarshal(content, &owner); err != nil {
			diags.AddError("Unreadable private state", fmt.Sprintf("The owner of the connection's record cannot be read: %v. "+
				"Remove the connection from the state (terraform state rm) and import it again as <tenant_id>/<mailbox>.", err))
		}
	}
	return owner
}

func quoted(text string) []byte {
	content, _ := json.Marshal(text) // a string always can
	return content
}
