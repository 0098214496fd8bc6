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
)

// job writes one connection into the store. plan becomes the new state; only the configuration holds write-only values.
type job struct {
	store        *store.Store
	directory    entra.Directory // the tenant's
	now          time.Time
	plan, config *Model
	diags        *diag.Diagnostics
}

func (r *Resource) job(plan, config *Model, diags *diag.Diagnostics) *job {
	s := openStore(r.services, diags)
	if s == nil {
		return nil
	}
	return &job{store: s, directory: r.services.Directory(plan.TenantID.ValueString()), now: r.services.Now(), plan: plan, config: config, diags: diags}
}

// tenantTimeout bounds readTenant: the hand-off can be written without it.
const tenantTimeout = 20 * time.Second

// readTenant asks the tenant what the sheet's EWS script has to know: one request, and one more for every twenty apps that hold
// the role. Rights: Application.Read.All and Organization.Read.All. It returns nil where nothing could be learnt, since a
// connection can be kept without any access to its tenant.
func (j *job) readTenant(ctx context.Context) *ewsaccess.TenantFacts {
	ctx, cancel := context.WithTimeout(ctx, tenantTimeout)
	defer cancel()
	held, err := j.directory.RoleHolders(ctx, ewsaccess.Role, j.plan.ClientID.ValueString())
	if err != nil {
		tflog.Info(ctx, "The tenant could not be looked at for the hand-off sheet", map[string]any{"tenant_id": j.plan.TenantID.ValueString(), "error": err.Error()})
		return nil
	}
	seen := ewsaccess.FactsOf(held, j.now)
	return &seen
}

func (j *job) create(ctx context.Context, owner string) {
	seen := j.readTenant(ctx)
	defer j.store.Lock()()
	imported, ok := j.importPFX(ctx, nil)
	if !ok {
		return
	}
	secret := ""
	if writesSecret(j.plan, nil) {
		secret = j.config.ClientSecret.ValueString()
	}
	j.dateCertificate(ctx)
	planned := j.plan.record(ctx, owner, j.now)
	planned.EWS = seen
	record, err := j.store.CreateConnection(ctx, planned, secret)
	if exists, ok := errors.AsType[*store.ExistsError](err); ok {
		addExists(j.diags, exists)
	} else if err != nil {
		j.diags.AddError("Creating the connection", err.Error())
	} else if err := j.finish(ctx, record, imported); err != nil {
		j.diags.AddError("Creating the connection", err.Error())
		// Without a state nobody would own the record.
		if err := j.store.DeleteConnection(context.WithoutCancel(ctx), record.TenantID, record.Mailbox, owner); err != nil {
			j.diags.AddError("Undoing the creation", err.Error())
		}
	}
	if j.diags.HasError() && imported {
		release(context.WithoutCancel(ctx), j.store, j.plan, j.diags)
	}
}

func (j *job) update(ctx context.Context, state *Model, owner string) {
	seen := j.readTenant(ctx)
	defer j.store.Lock()()
	imported, ok := j.importPFX(ctx, state)
	if !ok {
		return
	}
	j.dateCertificate(ctx)
	planned := j.plan.record(ctx, owner, j.now)
	planned.EWS = seen
	var secret *string
	if writesSecret(j.plan, state) {
		secret = new(j.config.ClientSecret.ValueString())
	}
	record, err := j.store.UpdateConnection(ctx, planned, secret)
	if err = dropDamaged(ctx, j.store, j.plan, err); errors.Is(err, store.ErrNotFound) { // somebody deleted or damaged it
		record, err = j.store.CreateConnection(ctx, planned, j.config.ClientSecret.ValueString())
	}
	if err == nil {
		err = j.finish(ctx, record, imported)
	}
	if err != nil {
		j.diags.AddError("Updating the connection "+state.ID.ValueString(), err.Error())
		return
	}
	if normalThumbprint(state.CertificateThumbprint.ValueString()) != record.CertificateThumbprint {
		release(ctx, j.store, state, j.diags)
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
func (j *job) importPFX(ctx context.Context, state *Model) (imported, ok bool) {
	if !importsPFX(ctx, j.store, j.plan, state) {
		return false, true
	}
	pair := openPFX(j.config, j.now, j.diags)
	if pair == nil {
		return false, false
	}
	planned := j.plan.record(ctx, "", j.now)
	if err := j.store.SaveCertificate(ctx, planned.TenantID, pair, j.plan.encryption(), &planned); err != nil {
		j.diags.AddAttributeError(path.Root("certificate_pfx_path"), "Keeping the certificate's key", err.Error())
		return false, false
	}
	return true, true
}

// dateCertificate fills in when the certificate expires, where the plan left it open and the store knows it.
func (j *job) dateCertificate(ctx context.Context) {
	if !j.plan.CertificateNotAfter.IsUnknown() {
		return
	}
	j.plan.CertificateNotAfter = timetypes.NewRFC3339Null()
	c, err := j.store.Certificate(ctx, j.plan.TenantID.ValueString(), j.plan.CertificateThumbprint.ValueString())
	if err == nil {
		j.plan.CertificateNotAfter = timeText(&c.NotAfter)
	}
}

// finish does what follows the record: sharing the PFX's password, and the hand-off. It completes the plan.
func (j *job) finish(ctx context.Context, record store.Connection, imported bool) error {
	if record.CredentialType == store.CredentialCertificate {
		due, err := j.store.SharingDue(ctx, record.TenantID, record.CertificateThumbprint, &record)
		if err == nil && due {
			err = j.store.ShareCertificate(ctx, record.TenantID, record.CertificateThumbprint)
		}
		if err == nil && repackDue(ctx, j.store, j.plan) {
			err = j.store.Repack(ctx, record.TenantID, record.CertificateThumbprint, j.plan.encryption())
		}
		if err != nil {
			return err
		}
	}
	url, err := writeHandoff(ctx, j.store, record)
	if err != nil {
		return err
	}
	if imported {
		renewHandoffs(ctx, j.store, record)
	}
	j.plan.ID = types.StringValue(record.ID())
	j.plan.Revision = types.StringValue(record.Revision)
	j.plan.RecordURL = types.StringValue(j.store.RecordURL(record.TenantID, record.Mailbox))
	j.plan.HandoffURL = types.StringValue(url)
	return nil
}
