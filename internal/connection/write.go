package connection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// writer writes one connection into the store. plan becomes the new state; only the configuration holds write-only
// values.
type writer struct {
	store        *store.Store
	directory    entra.Directory // the tenant's
	now          time.Time
	plan, config *Model
	diags        *diag.Diagnostics
}

func (r *Resource) writer(plan, config *Model, diags *diag.Diagnostics) *writer {
	s := openStore(r.services, diags)
	if s == nil {
		return nil
	}
	return &writer{
		store: s, directory: r.services.Directory(plan.TenantID.ValueString()), now: r.services.Now(),
		plan: plan, config: config, diags: diags,
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

func (w *writer) create(ctx context.Context, owner string) {
	seen := w.readTenant(ctx)
	defer w.store.Lock()()
	imported, ok := w.importPFX(ctx, nil)
	if !ok {
		return
	}
	secret := ""
	if writesSecret(w.plan, nil) {
		secret = w.config.ClientSecret.ValueString()
	}
	w.dateCertificate(ctx)
	planned := w.plan.record(ctx, owner, w.now)
	planned.EWS = seen
	record, err := w.store.CreateConnection(ctx, planned, secret)
	if exists, ok := errors.AsType[*store.ExistsError](err); ok {
		reportMailboxTaken(w.diags, exists)
	} else if err != nil {
		w.diags.AddError("Failed to create the connection", err.Error())
	} else if err := w.finish(ctx, record, imported); err != nil {
		w.diags.AddError("Failed to create the connection", err.Error())
		// Without a state nobody would own the record.
		if err := w.store.DeleteConnection(context.WithoutCancel(ctx), record.TenantID, record.Mailbox, owner); err != nil {
			w.diags.AddError("The connection's record could not be removed again", fmt.Sprintf(
				"%v. Delete %s by hand, or import the connection as %s.", err,
				w.store.RecordURL(record.TenantID, record.Mailbox), record.ID()))
		}
	}
	if w.diags.HasError() && imported {
		deleteUnusedKey(context.WithoutCancel(ctx), w.store, w.plan, w.diags)
	}
}

func (w *writer) update(ctx context.Context, state *Model, owner string) {
	seen := w.readTenant(ctx)
	defer w.store.Lock()()
	imported, ok := w.importPFX(ctx, state)
	if !ok {
		return
	}
	w.dateCertificate(ctx)
	planned := w.plan.record(ctx, owner, w.now)
	planned.EWS = seen
	var secret *string
	if writesSecret(w.plan, state) {
		secret = new(w.config.ClientSecret.ValueString())
	}
	record, err := w.store.UpdateConnection(ctx, planned, secret)
	if err = dropDamaged(ctx, w.store, w.plan, err); errors.Is(err, store.ErrNotFound) { // somebody deleted or damaged it
		record, err = w.store.CreateConnection(ctx, planned, w.config.ClientSecret.ValueString())
	}
	if err == nil {
		err = w.finish(ctx, record, imported)
	}
	if err != nil {
		w.diags.AddError("Failed to update the connection "+state.ID.ValueString(), err.Error())
		return
	}
	if normalThumbprint(state.CertificateThumbprint.ValueString()) != record.CertificateThumbprint {
		deleteUnusedKey(ctx, w.store, state, w.diags)
	}
}

// dropDamaged deletes the connection's record if err says that it cannot be read, and returns store.ErrNotFound then:
// what is in it is lost, and would be in the way of what the configuration says. It returns any other error as it is.
func dropDamaged(ctx context.Context, s *store.Store, connection *Model, err error) error {
	if _, damaged := errors.AsType[*store.DamagedError](err); !damaged {
		return err
	}
	tenantID, mailbox := connection.key()
	dropped, problem := s.DropDamaged(ctx, tenantID, mailbox)
	if dropped {
		return store.ErrNotFound
	}
	return errors.Join(err, problem)
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
	if err := w.store.SaveCertificate(ctx, planned.TenantID, pair, w.plan.encryption(), &planned); err != nil {
		w.diags.AddAttributeError(path.Root("certificate_pfx_path"), "Failed to store the certificate's key", err.Error())
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

// finish does what follows the record: sharing the PFX's password, and the hand-off. It completes the plan.
func (w *writer) finish(ctx context.Context, record store.Connection, imported bool) error {
	if record.CredentialType == store.CredentialCertificate {
		due, err := w.store.SharingDue(ctx, record.TenantID, record.CertificateThumbprint, &record)
		if err == nil && due {
			err = w.store.ShareCertificate(ctx, record.TenantID, record.CertificateThumbprint)
		}
		if err == nil && repackDue(ctx, w.store, w.plan) {
			err = w.store.Repack(ctx, record.TenantID, record.CertificateThumbprint, w.plan.encryption())
		}
		if err != nil {
			return err
		}
	}
	url, err := writeHandoff(ctx, w.store, record)
	if err != nil {
		return err
	}
	if imported {
		renewHandoffs(ctx, w.store, record)
	}
	w.plan.ID = types.StringValue(record.ID())
	w.plan.Revision = types.StringValue(record.Revision)
	w.plan.RecordURL = types.StringValue(w.store.RecordURL(record.TenantID, record.Mailbox))
	w.plan.HandoffURL = types.StringValue(url)
	return nil
}
