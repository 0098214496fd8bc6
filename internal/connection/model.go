package connection

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// Model is a connection as Terraform sees it. It can hold a secret in the configuration, so it is never logged.
type Model struct {
	ID                              types.String      `tfsdk:"id"`
	TenantID                        types.String      `tfsdk:"tenant_id"`
	Mailbox                         types.String      `tfsdk:"mailbox"`
	Name                            types.String      `tfsdk:"name"`
	ClientID                        types.String      `tfsdk:"client_id"`
	CertificateThumbprint           types.String      `tfsdk:"certificate_thumbprint"`
	CertificatePFXPath              types.String      `tfsdk:"certificate_pfx_path"`
	CertificatePFXPassword          types.String      `tfsdk:"certificate_pfx_password_wo"`
	CertificatePFXPasswordWOVersion types.Int64       `tfsdk:"certificate_pfx_password_wo_version"`
	CertificatePFXEncryption        types.String      `tfsdk:"certificate_pfx_encryption"`
	ClientSecret                    types.String      `tfsdk:"client_secret_wo"`
	ClientSecretWOVersion           types.Int64       `tfsdk:"client_secret_wo_version"`
	ClientSecretExpiresAt           timetypes.RFC3339 `tfsdk:"client_secret_expires_at"`
	MigratePublicFolders            types.Bool        `tfsdk:"migrate_public_folders"`
	PublicFolderPaths               types.Set         `tfsdk:"public_folder_paths"`
	HandoffRecipients               types.Set         `tfsdk:"handoff_recipients"`
	Revision                        types.String      `tfsdk:"revision"`
	CredentialType                  types.String      `tfsdk:"credential_type"`
	CertificateNotAfter             timetypes.RFC3339 `tfsdk:"certificate_not_after"`
	RecordURL                       types.String      `tfsdk:"record_url"`
	HandoffURL                      types.String      `tfsdk:"handoff_url"`
}

func newOwner() string { return uuid.NewString() }

// key returns tenant and mailbox; of an import the id alone is known.
func (m *Model) key() (tenantID, mailbox string) {
	if m.TenantID.IsNull() {
		tenantID, mailbox, _ = strings.Cut(m.ID.ValueString(), "/")
		return tenantID, mailbox
	}
	return m.TenantID.ValueString(), m.Mailbox.ValueString()
}

// record is what the store is to hold of a plan whose values are known.
func (m *Model) record(ctx context.Context, owner string, now time.Time) store.Connection {
	written := now.UTC().Truncate(time.Second)
	c := store.Connection{
		TenantID: m.TenantID.ValueString(), Mailbox: m.Mailbox.ValueString(), Name: m.Name.ValueString(),
		ClientID: m.ClientID.ValueString(), CredentialType: m.CredentialType.ValueString(),
		CertificateThumbprint: m.CertificateThumbprint.ValueString(), CertificateNotAfter: timeOf(m.CertificateNotAfter),
		ClientSecretExpiresAt: timeOf(m.ClientSecretExpiresAt), MigratePublicFolders: m.MigratePublicFolders.ValueBool(),
		PublicFolderPaths: texts(ctx, m.PublicFolderPaths), HandoffRecipients: texts(ctx, m.HandoffRecipients), Owner: owner, WrittenAt: &written,
	}
	return c
}

// show fills the model from the store. What differs in spelling only keeps the user's spelling.
func (m *Model) show(ctx context.Context, s *store.Store, c store.Connection) error {
	current, err := s.HandoffCurrent(ctx, c)
	if err != nil {
		return err
	}
	m.HandoffURL = types.StringNull() // so that the next plan writes it again
	if current {
		m.HandoffURL = types.StringValue(s.HandoffURL(c.TenantID, c.Mailbox))
	}
	if c.CredentialType == store.CredentialClientSecret {
		there, err := s.HasClientSecret(ctx, c.TenantID, c.Mailbox)
		if err != nil {
			return err
		}
		if !there {
			m.ClientSecretWOVersion = types.Int64Null() // so that the next plan writes it again
		}
	} else {
		m.ClientSecretWOVersion = types.Int64Null()
	}

	m.ID = types.StringValue(c.ID())
	m.TenantID = keep(m.TenantID, types.StringValue(c.TenantID), strings.ToLower)
	m.Mailbox = keep(m.Mailbox, types.StringValue(c.Mailbox), strings.ToLower)
	m.Name = types.StringValue(c.Name)
	m.ClientID = keep(m.ClientID, types.StringValue(c.ClientID), strings.ToLower)
	m.CertificateThumbprint = keep(m.CertificateThumbprint, textOf(c.CertificateThumbprint), normalThumbprint)
	m.ClientSecretExpiresAt = keepTime(m.ClientSecretExpiresAt, timeText(c.ClientSecretExpiresAt))
	m.MigratePublicFolders = types.BoolValue(c.MigratePublicFolders)
	m.PublicFolderPaths = keepSet(ctx, m.PublicFolderPaths, c.PublicFolderPaths)
	m.HandoffRecipients = keepSet(ctx, m.HandoffRecipients, c.HandoffRecipients)
	if encryption, err := s.PFXEncryption(ctx, c.TenantID, c.CertificateThumbprint); err == nil && !m.CertificatePFXEncryption.IsNull() {
		m.CertificatePFXEncryption = types.StringValue(encryption.String())
	}
	m.Revision = types.StringValue(c.Revision)
	m.CredentialType = types.StringValue(c.CredentialType)
	m.CertificateNotAfter = timeText(c.CertificateNotAfter)
	m.RecordURL = types.StringValue(s.RecordURL(c.TenantID, c.Mailbox))
	return nil
}

func texts(ctx context.Context, set types.Set) []string {
	var elements []string
	set.ElementsAs(ctx, &elements, false) // a set of known strings always can
	return elements
}

// keepSet returns what the store has. Nothing there is an empty set for a user who wrote one, and null otherwise.
func keepSet(ctx context.Context, mine types.Set, theirs []string) types.Set {
	if len(theirs) == 0 && len(mine.Elements()) == 0 && !mine.IsUnknown() {
		return mine
	}
	stored, problems := types.SetValueFrom(ctx, types.StringType, theirs)
	if problems.HasError() {
		return mine
	}
	return stored
}

// keep returns the first value if both mean the same, and the second one otherwise.
func keep(mine, theirs types.String, normal func(string) string) types.String {
	if mine.IsNull() || mine.IsUnknown() || theirs.IsNull() || theirs.IsUnknown() || normal(mine.ValueString()) != normal(theirs.ValueString()) {
		return theirs
	}
	return mine
}

func normalThumbprint(text string) string {
	if normal, err := certificate.NormalizeThumbprint(text); err == nil {
		return normal
	}
	return text
}

// keepTime is keep for times: one moment can be written in the time of any zone.
func keepTime(mine, theirs timetypes.RFC3339) timetypes.RFC3339 {
	if one, other := timeOf(mine), timeOf(theirs); one != nil && other != nil && one.Equal(*other) {
		return mine
	}
	return theirs
}

func textOf(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

// timeText writes a time in UTC, with fractions of a second where it has them; null for nil.
func timeText(t *time.Time) timetypes.RFC3339 {
	if t == nil {
		return timetypes.NewRFC3339Null()
	}
	return timetypes.NewRFC3339ValueMust(t.UTC().Format(time.RFC3339Nano))
}

// timeOf returns nil for what is null, unknown or not a time; the schema has refused the last.
func timeOf(text timetypes.RFC3339) *time.Time {
	t, problems := text.ValueRFC3339Time()
	if problems.HasError() {
		return nil
	}
	t = t.UTC()
	return &t
}
