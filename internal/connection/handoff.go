package connection

import (
	"context"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/handoff"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

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
			tflog.Warn(ctx, "The hand-off of another connection was not renewed",
				map[string]any{"id": c.ID(), "error": err.Error()})
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
		CredentialType: record.CredentialType, Thumbprint: record.CertificateThumbprint,
		CertificateNotAfter:   record.CertificateNotAfter,
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
