package connection

import (
	"context"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/handoff"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// renewConnections writes the hand-off of the other connections that name a certificate whose key has just come into
// the store, or has got another password. What fails here shows when they are read.
func renewConnections(ctx context.Context, s *store.Store, tenantID, thumbprint string) {
	if err := s.RenewConnections(ctx, tenantID, thumbprint, renderer(ctx, s)); err != nil {
		tflog.Warn(ctx, "The hand-off of another connection was not renewed",
			map[string]any{"thumbprint": thumbprint, "error": err.Error()})
	}
}

// renderer makes the sheet, and the import script if there is something to import.
func renderer(ctx context.Context, s *store.Store) store.Renderer {
	return func(record store.Connection, hasKey bool) (page, script []byte, err error) {
		files, err := store.ConnectionFiles(record.TenantID, record.Mailbox, record.CertificateThumbprint)
		if err != nil {
			return nil, nil, err
		}
		sheet := handoff.Sheet{
			ConnectionName: record.Name, TenantID: record.TenantID, ClientID: record.ClientID, Mailbox: record.Mailbox,
			CredentialType: record.CredentialType, Thumbprint: record.CertificateThumbprint,
			CertificateNotAfter:   record.CertificateNotAfter,
			ClientSecretExpiresAt: record.ClientSecretExpiresAt, IdentityPath: files.Identity,
			HandoffRecipients: record.HandoffRecipients, MigratePublicFolders: record.MigratePublicFolders,
			PublicFolderPaths: record.PublicFolderPaths, HasPFX: hasKey,
		}
		if record.EWS != nil {
			sheet.EWS = *record.EWS
		}
		if record.CredentialType == store.CredentialClientSecret {
			sheet.SecretPath = files.Secret
		} else if c, err := s.Certificate(ctx, record.TenantID, record.CertificateThumbprint); err == nil {
			sheet.CertificateNotAfter = &c.NotAfter // the key may have come into the store after the record
		}
		if hasKey {
			sheet.PFXPath, sheet.PasswordPath, sheet.ScriptPath = files.PFX, files.Password, files.HandoffScript
			if script, err = handoff.ImportScript(sheet); err != nil {
				return nil, nil, err
			}
		}
		page, err = handoff.HTML(sheet)
		return page, script, err
	}
}
