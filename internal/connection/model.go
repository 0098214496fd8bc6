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

// Model is the resource's configuration, plan or state. A configuration can contain a secret, so a Model is never
// logged.
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
	HandoffSheetSHA256              types.String      `tfsdk:"handoff_sheet_sha256"`
	HandoffScriptSHA256             types.String      `tfsdk:"handoff_script_sha256"`
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
	return store.Connection{
		TenantID: m.TenantID.ValueString(), Mailbox: m.Mailbox.ValueString(), Name: m.Name.ValueString(),
		ClientID: m.ClientID.ValueString(), CredentialType: m.CredentialType.ValueString(),
		CertificateThumbprint: m.CertificateThumbprint.ValueString(), CertificateNotAfter: timeOf(m.CertificateNotAfter),
		ClientSecretExpiresAt: timeOf(m.ClientSecretExpiresAt), MigratePublicFolders: m.MigratePublicFolders.ValueBool(),
		PublicFolderPaths: texts(ctx, m.PublicFolderPaths), HandoffRecipients: texts(ctx, m.HandoffRecipients),
		Owner: owner, WrittenAt: &written,
	}
}

// load fills the model from the store. What differs in spelling only keeps the user's spelling. What found names is
// null then, so that the next plan writes it again.
func (m *Model) load(ctx context.Context, s *store.Store, c store.Connection, found problems) {
	m.HandoffURL = types.StringNull()
	if found == (problems{}) {
		m.HandoffURL = types.StringValue(s.HandoffURL(c.TenantID, c.Mailbox))
	}
	m.HandoffSheetSHA256, m.HandoffScriptSHA256 = textOf(c.Files.Sheet), textOf(c.Files.Script)
	if c.CredentialType != store.CredentialClientSecret || found.secrets != nil {
		m.ClientSecretWOVersion = types.Int64Null()
	}

	m.ID = types.StringValue(c.ID())
	m.TenantID = priorIfEqual(m.TenantID, types.StringValue(c.TenantID), strings.ToLower)
	m.Mailbox = priorIfEqual(m.Mailbox, types.StringValue(c.Mailbox), strings.ToLower)
	m.Name = types.StringValue(c.Name)
	m.ClientID = priorIfEqual(m.ClientID, types.StringValue(c.ClientID), strings.ToLower)
	m.CertificateThumbprint = priorIfEqual(m.CertificateThumbprint, textOf(c.CertificateThumbprint), normalThumbprint)
	m.ClientSecretExpiresAt = priorIfSameTime(m.ClientSecretExpiresAt, timeText(c.ClientSecretExpiresAt))
	m.MigratePublicFolders = types.BoolValue(c.MigratePublicFolders)
	m.PublicFolderPaths = priorIfBothEmpty(ctx, m.PublicFolderPaths, c.PublicFolderPaths)
	m.HandoffRecipients = priorIfBothEmpty(ctx, m.HandoffRecipients, c.HandoffRecipients)
	if encryption, err := s.PFXEncryption(ctx, c.TenantID, c.CertificateThumbprint); err == nil &&
		!m.CertificatePFXEncryption.IsNull() {
		m.CertificatePFXEncryption = types.StringValue(encryption.String())
	}
	m.Revision = types.StringValue(c.Revision)
	m.CredentialType = types.StringValue(c.CredentialType)
	m.CertificateNotAfter = timeText(c.CertificateNotAfter)
	m.RecordURL = types.StringValue(s.RecordURL(c.TenantID, c.Mailbox))
}

func texts(ctx context.Context, set types.Set) []string {
	var elements []string
	set.ElementsAs(ctx, &elements, false) // a set of known strings always can
	return elements
}

// priorIfBothEmpty returns the stored values as a set. No value is an empty set for a user who wrote one, and null
// otherwise.
func priorIfBothEmpty(ctx context.Context, prior types.Set, stored []string) types.Set {
	if len(stored) == 0 && len(prior.Elements()) == 0 && !prior.IsUnknown() {
		return prior
	}
	set, problems := types.SetValueFrom(ctx, types.StringType, stored)
	if problems.HasError() {
		return prior
	}
	return set
}

// priorIfEqual returns the prior value if its normal form is that of the other one, and the other one otherwise.
func priorIfEqual(prior, other types.String, normal func(string) string) types.String {
	if prior.IsNull() || prior.IsUnknown() || other.IsNull() || other.IsUnknown() ||
		normal(prior.ValueString()) != normal(other.ValueString()) {
		return other
	}
	return prior
}

func normalThumbprint(text string) string {
	if normal, err := certificate.NormalizeThumbprint(text); err == nil {
		return normal
	}
	return text
}

// priorIfSameTime is priorIfEqual for times: one moment can be written in the time of any zone.
func priorIfSameTime(prior, other timetypes.RFC3339) timetypes.RFC3339 {
	if one, two := timeOf(prior), timeOf(other); one != nil && two != nil && one.Equal(*two) {
		return prior
	}
	return other
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
