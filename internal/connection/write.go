package connection

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/handoff"
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

// renewHandoffs writes the hand-off of the other connections that name a certificate whose key has just come into the
// store. What fails here shows when they are read.
func renewHandoffs(ctx context.Context, s *store.Store, imported store.Connection) {
	connections, _, err := s.Connections(ctx, imported.TenantID)
	if err != nil {
		return
	}
	for _, c := range connections {
		if c.CertificateThumbprint != imported.CertificateThumbprint || c.ID() == imported.ID() {
			continue
		}
		current, err := s.HandoffCurrent(ctx, c)
		if err == nil && !current {
			_, err = writeHandoff(ctx, s, c)
		}
		if err != nil {
			tflog.Warn(ctx, "The hand-off of another connection was not renewed", map[string]any{"id": c.ID(), "error": err.Error()})
		}
	}
}

// writeHandoff writes the sheet, and the import script if there is something to import.
func writeHandoff(ctx context.Context, s *store.Store, record store.Connection) (url string, err error) {
	files, err := store.ConnectionFiles(record.TenantID, record.Mailbox, record.CertificateThumbprint)
	if err != nil {
		return "", err
	}
	sheet := handoff.Sheet{
		ConnectionName: record.Name, TenantID: record.TenantID, ClientID: record.ClientID, Mailbox: record.Mailbox,
		CredentialType: record.CredentialType, Thumbprint: record.CertificateThumbprint, CertificateNotAfter: record.CertificateNotAfter,
		ClientSecretExpiresAt: record.ClientSecretExpiresAt, IdentityPath: files.Identity,
		HandoffRecipients: record.HandoffRecipients, MigratePublicFolders: record.MigratePublicFolders,
		PublicFolderPaths: record.PublicFolderPaths,
	}
	if record.EWS != nil {
		sheet.EWS = *record.EWS
	}
	var script []byte
	if record.CredentialType == store.CredentialClientSecret {
		sheet.SecretPath = files.Secret
	} else {
		if sheet.HasPFX, err = s.HasKeyPair(ctx, record.TenantID, record.CertificateThumbprint); err != nil {
			return "", err
		}
		// The key may have come into the store after the record.
		if c, err := s.Certificate(ctx, record.TenantID, record.CertificateThumbprint); err == nil {
			sheet.CertificateNotAfter = &c.NotAfter
		}
	}
	if sheet.HasPFX {
		sheet.PFXPath, sheet.PasswordPath, sheet.ScriptPath = files.PFX, files.Password, files.HandoffScript
		if script, err = handoff.ImportScript(sheet); err != nil {
			return "", err
		}
	}
	page, err := handoff.HTML(sheet)
	if err != nil {
		return "", err
	}
	return s.WriteHandoff(ctx, record, page, script)
}

// release lets go of the certificate of a connection that does not name it any more. Its key leaves the store when
// nothing else names it, and the PFX file that it came from is still there: else it may be the only copy, and a
// replacement of the connection would lose it. What goes wrong is a warning: the connection itself is as it should be.
func release(ctx context.Context, s *store.Store, connection *Model, diags *diag.Diagnostics) {
	thumbprint := connection.CertificateThumbprint.ValueString()
	if thumbprint == "" {
		return
	}
	tenantID, mailbox := connection.key()
	err := releaseCertificate(ctx, s, tenantID, thumbprint, connection.CertificatePFXPath.ValueString())
	if errors.Is(err, errOnlyCopy) {
		files, _ := store.ConnectionFiles(tenantID, mailbox, thumbprint)
		diags.AddWarning("A certificate's key was left in the store", fmt.Sprintf(
			"Nothing in the store names the certificate %s any more, and its key may be the only copy: there is no file at certificate_pfx_path. "+
				"A connection that names it again finds it. If nobody will need it, delete %s and the files of that name beside it in %s.",
			normalThumbprint(thumbprint), files.PFX, s.URL()))
	} else if err != nil {
		diags.AddWarning("A certificate's key was left in the store", fmt.Sprintf("The certificate %s may not be needed any more: %v", thumbprint, err))
	}
}

var errOnlyCopy = errors.New("the store's copy of the key may be the only one")

func releaseCertificate(ctx context.Context, s *store.Store, tenantID, thumbprint, pfxPath string) error {
	there, err := s.HasKeyPair(ctx, tenantID, thumbprint)
	if err != nil {
		return err
	}
	if !there {
		return s.DeleteUnusedCertificate(ctx, tenantID, thumbprint) // what a cut-off run left of it, if anything
	}
	named, err := s.CertificateIsNamed(ctx, tenantID, thumbprint)
	if err != nil {
		return err
	}
	if named {
		// Fewer people are to open it now. Without the passphrase that shows, and is done, at the other connections.
		if due, err := s.SharingDue(ctx, tenantID, thumbprint, nil); err == nil && due && s.HasPassphrase() {
			if err := s.ShareCertificate(ctx, tenantID, thumbprint); err != nil {
				tflog.Warn(ctx, "The password of a PFX is still encrypted to people who need it no more", map[string]any{"thumbprint": thumbprint, "error": err.Error()})
			}
		}
		return nil
	}
	if info, err := os.Stat(pfxPath); pfxPath == "" || err != nil || !info.Mode().IsRegular() {
		return errOnlyCopy
	}
	return s.DeleteUnusedCertificate(ctx, tenantID, thumbprint)
}
