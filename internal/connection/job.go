package connection

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/handoff"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// job writes one connection into the store. plan becomes the new state; only the configuration holds write-only values.
type job struct {
	store        *store.Store
	now          time.Time
	plan, config *Model
	diags        *diag.Diagnostics
}

func (r *Resource) job(plan, config *Model, diags *diag.Diagnostics) *job {
	s := openStore(r.services, diags)
	if s == nil {
		return nil
	}
	return &job{store: s, now: r.services.Now(), plan: plan, config: config, diags: diags}
}

func (j *job) create(ctx context.Context, owner string) {
	if !j.importPFX(ctx, nil) {
		return
	}
	secret := ""
	if writesSecret(j.plan, nil) {
		secret = j.config.ClientSecret.ValueString()
	}
	j.dateCertificate(ctx)
	record, err := j.store.CreateConnection(ctx, j.plan.record(ctx, owner), secret)
	if exists, ok := errors.AsType[*store.ExistsError](err); ok {
		addExists(j.diags, exists)
	} else if err != nil {
		j.diags.AddError("Creating the connection", err.Error())
	} else if err := j.finish(ctx, record, sharesCertificate(j.plan, nil)); err != nil {
		j.diags.AddError("Creating the connection", err.Error())
		// Without a state nobody would own the record.
		if err := j.store.DeleteConnection(context.WithoutCancel(ctx), record.TenantID, record.Mailbox, owner); err != nil {
			j.diags.AddError("Undoing the creation", err.Error())
		}
	}
	if j.diags.HasError() && !j.plan.CertificatePFXPath.IsNull() {
		dropCertificate(context.WithoutCancel(ctx), j.store, j.plan.TenantID.ValueString(), j.plan.CertificateThumbprint.ValueString(), j.diags)
	}
}

func (j *job) update(ctx context.Context, state *Model, owner string) {
	if !j.importPFX(ctx, state) {
		return
	}
	var secret *string
	if writesSecret(j.plan, state) {
		secret = new(j.config.ClientSecret.ValueString())
	}
	j.dateCertificate(ctx)
	record, err := j.store.UpdateConnection(ctx, j.plan.record(ctx, owner), secret)
	if err == nil {
		err = j.finish(ctx, record, sharesCertificate(j.plan, state))
	}
	if err != nil {
		j.diags.AddError("Updating the connection "+state.ID.ValueString(), err.Error())
		return
	}
	if prior := state.CertificateThumbprint.ValueString(); normalThumbprint(prior) != record.CertificateThumbprint {
		dropCertificate(ctx, j.store, record.TenantID, prior, j.diags)
	}
}

// importPFX brings the key of the PFX file into the store, if that is due.
func (j *job) importPFX(ctx context.Context, state *Model) bool {
	if !importsPFX(ctx, j.store, j.plan, state) {
		return true
	}
	pair := openPFX(j.config, j.now, j.diags)
	if pair == nil {
		return false
	}
	if err := j.store.SaveCertificate(ctx, j.plan.TenantID.ValueString(), pair, certificate.AES256, j.plan.recipients(ctx)); err != nil {
		j.diags.AddAttributeError(path.Root("certificate_pfx_path"), "Keeping the certificate's key", err.Error())
		return false
	}
	return true
}

// dateCertificate fills in when the certificate expires, where the plan left it open and the store knows it.
func (j *job) dateCertificate(ctx context.Context) {
	if !j.plan.CertificateNotAfter.IsUnknown() {
		return
	}
	j.plan.CertificateNotAfter = types.StringNull()
	c, err := j.store.Certificate(ctx, j.plan.TenantID.ValueString(), j.plan.CertificateThumbprint.ValueString())
	if err == nil {
		j.plan.CertificateNotAfter = timeText(&c.NotAfter)
	}
}

// finish does what follows the record: sharing the PFX's password, and the hand-off. It completes the plan.
func (j *job) finish(ctx context.Context, record store.Connection, share bool) error {
	hasPair := false
	if record.CredentialType == store.CredentialCertificate {
		var err error
		if hasPair, err = j.store.HasKeyPair(ctx, record.TenantID, record.CertificateThumbprint); err != nil {
			return err
		}
		if share && hasPair {
			if err := j.store.ShareCertificate(ctx, record.TenantID, record.CertificateThumbprint); err != nil {
				return err
			}
		}
	}
	url, err := writeHandoff(ctx, j.store, record, hasPair)
	if err != nil {
		return err
	}
	j.plan.ID = types.StringValue(record.ID())
	j.plan.Revision = types.StringValue(record.Revision)
	j.plan.RecordURL = types.StringValue(j.store.RecordURL(record.TenantID, record.Mailbox))
	j.plan.HandoffURL = types.StringValue(url)
	return nil
}

// writeHandoff writes the sheet, and the import script if there is something to import.
func writeHandoff(ctx context.Context, s *store.Store, record store.Connection, hasPair bool) (url string, err error) {
	files, err := store.ConnectionFiles(record.TenantID, record.Mailbox, record.CertificateThumbprint)
	if err != nil {
		return "", err
	}
	sheet := handoff.Sheet{
		ConnectionName: record.Name, TenantID: record.TenantID, ClientID: record.ClientID, Mailbox: record.Mailbox,
		CredentialType: record.CredentialType, Thumbprint: record.CertificateThumbprint, CertificateNotAfter: record.CertificateNotAfter,
		ClientSecretExpiresAt: record.ClientSecretExpiresAt, HasPFX: hasPair, IdentityPath: files.Identity,
		HandoffRecipients: record.HandoffRecipients, MigratePublicFolders: record.MigratePublicFolders,
	}
	if hasPair {
		sheet.PFXPath, sheet.PasswordPath, sheet.ScriptPath = files.PFX, files.Password, files.HandoffScript
	}
	if record.CredentialType == store.CredentialClientSecret {
		sheet.SecretPath = files.Secret
	}
	if hasPair {
		script, err := handoff.ImportScript(sheet)
		if err != nil {
			return "", err
		}
		if _, err := s.WriteHandoff(ctx, record.TenantID, record.Mailbox, store.HandoffScript, script); err != nil {
			return "", err
		}
	} else if err := s.DeleteHandoff(ctx, record.TenantID, record.Mailbox, store.HandoffScript); err != nil {
		return "", err
	}
	page, err := handoff.HTML(sheet)
	if err != nil {
		return "", err
	}
	return s.WriteHandoff(ctx, record.TenantID, record.Mailbox, store.HandoffSheet, page)
}

// dropCertificate removes a certificate's key from the store unless something names it. What keeps it from that is a
// warning: the connection itself is as it should be.
func dropCertificate(ctx context.Context, s *store.Store, tenantID, thumbprint string, diags *diag.Diagnostics) {
	if thumbprint == "" {
		return
	}
	if err := s.DeleteUnusedCertificate(ctx, tenantID, thumbprint); err != nil {
		diags.AddWarning("A certificate's key was left in the store", fmt.Sprintf("The certificate %s may not be needed any more: %v", thumbprint, err))
	}
}
