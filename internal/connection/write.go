package connection

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// writer writes one connection into the store. plan becomes the new state; only the configuration holds write-only
// values.
type writer struct {
	store        *store.Store
	directory    entra.Directory // the tenant's
	now          time.Time
	plan, config *Model
	remembered   tfvalidate.Remembered // nothing in a create
	diags        *diag.Diagnostics
}

func (r *Resource) writer(
	plan, config *Model, remembered tfvalidate.Remembered, diags *diag.Diagnostics,
) *writer {
	s := openStore(r.services, diags)
	if s == nil {
		return nil
	}
	s.Expect(remembered.Identity)
	return &writer{
		store: s, directory: r.services.Directory(plan.TenantID.ValueString()), now: r.services.Now(),
		plan: plan, config: config, remembered: remembered, diags: diags,
	}
}

// tenantTimeout bounds readTenant: the hand-off can be written without it.
const tenantTimeout = 20 * time.Second

// readTenant asks the tenant what the sheet's EWS script has to know: one request, and one more for every twenty apps
// that hold the role. Rights: Application.Read.All and Organization.Read.All. It returns nil where nothing could be
// learnt, since a connection can be kept without any access to its tenant.
func (w *writer) readTenant(ctx context.Context) *ewsaccess.TenantFacts {
	ctx, cancel := context.WithTimeout(ctx, tenantTimeout)
	defer cancel()
	held, err := w.directory.RoleHolders(ctx, ewsaccess.Role, w.plan.ClientID.ValueString())
	if err != nil {
		tflog.Info(ctx, "The tenant could not be looked at for the hand-off sheet",
			map[string]any{"tenant_id": w.plan.TenantID.ValueString(), "error": err.Error()})
		return nil
	}
	seen := ewsaccess.FactsOf(held, w.now)
	return &seen
}

// create returns the record that was written.
func (w *writer) create(ctx context.Context, owner string) (record store.Connection) {
	seen := w.readTenant(ctx)
	defer w.store.Lock()()
	imported, ok := w.importPFX(ctx, nil)
	if !ok {
		return record
	}
	secret := ""
	if writesSecret(w.plan, nil) {
		secret = w.config.ClientSecret.ValueString()
	}
	w.dateCertificate(ctx)
	planned := w.plan.record(ctx, owner, w.now)
	planned.EWS = seen
	err := w.repackIfDue(ctx)
	if err == nil {
		record, err = w.store.CreateConnection(ctx, planned, 0, secret, renderer(ctx, w.store))
	}
	if exists, ok := errors.AsType[*store.ExistsError](err); ok {
		reportMailboxTaken(w.diags, exists)
	} else if err != nil {
		w.diags.AddError("Failed to create the connection", err.Error()+".")
	} else {
		w.finish(ctx, record, imported)
	}
	if w.diags.HasError() && imported {
		deleteUnusedKey(context.WithoutCancel(ctx), w.store, w.plan, w.now, w.diags)
	}
	return record
}

// update returns the record that was written.
func (w *writer) update(ctx context.Context, state *Model, owner string) (record store.Connection) {
	seen := w.readTenant(ctx)
	defer w.store.Lock()()
	imported, ok := w.importPFX(ctx, state)
	if !ok {
		return record
	}
	w.dateCertificate(ctx)
	planned := w.plan.record(ctx, owner, w.now)
	planned.EWS = seen
	var secret *string
	if writesSecret(w.plan, state) {
		secret = new(w.config.ClientSecret.ValueString())
	}
	since, render := w.remembered.Generation, renderer(ctx, w.store)
	err := w.repackIfDue(ctx)
	if err == nil {
		var repacked bool
		record, repacked, err = w.store.UpdateConnection(ctx, planned, since, secret, render)
		imported = imported || repacked
	}
	if errors.Is(err, store.ErrNotFound) { // somebody deleted it
		record, err = w.store.CreateConnection(ctx, planned, since, w.config.ClientSecret.ValueString(), render)
	}
	if err != nil {
		w.diags.AddError("Failed to update the connection "+state.ID.ValueString(), err.Error()+".")
		return record
	}
	w.finish(ctx, record, imported)
	if normalThumbprint(state.CertificateThumbprint.ValueString()) != record.CertificateThumbprint {
		deleteUnusedKey(ctx, w.store, state, w.now, w.diags)
	}
	return record
}

// importPFX brings the key of the PFX file into the store, if that is due.
func (w *writer) importPFX(ctx context.Context, state *Model) (imported, ok bool) {
	if !importsPFX(ctx, w.store, w.plan, state) {
		return false, true
	}
	pair := openPFX(w.config, w.now, w.diags)
	if pair == nil {
		return false, false
	}
	planned := w.plan.record(ctx, "", w.now)
	if err := w.store.SaveCertificate(ctx, planned.TenantID, pair, w.plan.encryption(), w.now); err != nil {
		w.diags.AddAttributeError(path.Root("certificate_pfx_path"), "Failed to store the certificate's key", err.Error()+".")
		return false, false
	}
	return true, true
}

// dateCertificate fills in when the certificate expires, where the plan left it open and the store knows it.
func (w *writer) dateCertificate(ctx context.Context) {
	if !w.plan.CertificateNotAfter.IsUnknown() {
		return
	}
	w.plan.CertificateNotAfter = timetypes.NewRFC3339Null()
	c, err := w.store.Certificate(ctx, w.plan.TenantID.ValueString(), w.plan.CertificateThumbprint.ValueString())
	if err == nil {
		w.plan.CertificateNotAfter = timeText(&c.NotAfter)
	}
}

// repackIfDue encrypts the PFX that the store has as the plan says.
func (w *writer) repackIfDue(ctx context.Context) error {
	if !repackDue(ctx, w.store, w.plan) {
		return nil
	}
	tenantID, thumbprint := w.plan.TenantID.ValueString(), w.plan.CertificateThumbprint.ValueString()
	return w.store.Repack(ctx, tenantID, thumbprint, w.plan.encryption(), w.now)
}

// finish completes the plan, and renews the other connections of a certificate whose key has changed in the store.
func (w *writer) finish(ctx context.Context, record store.Connection, keyChanged bool) {
	if keyChanged {
		renewConnections(ctx, w.store, record.TenantID, record.CertificateThumbprint)
	}
	w.plan.ID = types.StringValue(record.ID())
	w.plan.Revision = types.StringValue(record.Revision)
	w.plan.RecordURL = types.StringValue(w.store.RecordURL(record.TenantID, record.Mailbox))
	w.plan.HandoffURL = types.StringValue(w.store.HandoffURL(record.TenantID, record.Mailbox))
	w.plan.HandoffSheetSHA256 = types.StringValue(record.Files.Sheet)
	w.plan.HandoffScriptSHA256 = textOf(record.Files.Script)
}
