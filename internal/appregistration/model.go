package appregistration

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
)

// Model is the resource as Terraform holds it. The private key is not in it.
type Model struct {
	ID                          types.String   `tfsdk:"id"`
	TenantID                    types.String   `tfsdk:"tenant_id"`
	DisplayName                 types.String   `tfsdk:"display_name"`
	UniqueName                  types.String   `tfsdk:"unique_name"`
	PermissionProfile           types.String   `tfsdk:"permission_profile"`
	AdditionalPermissions       types.Set      `tfsdk:"additional_permissions"`
	GrantAdminConsent           types.Bool     `tfsdk:"grant_admin_consent"`
	RevokeUnexpectedPermissions types.Bool     `tfsdk:"revoke_unexpected_permissions"`
	Certificate                 types.Object   `tfsdk:"certificate"`
	AllowDuplicateName          types.Bool     `tfsdk:"allow_duplicate_name"`
	RestoreDeleted              types.Bool     `tfsdk:"restore_deleted"`
	PurgeOnDestroy              types.Bool     `tfsdk:"purge_on_destroy"`
	Timeouts                    timeouts.Value `tfsdk:"timeouts"`
	Permissions                 types.Map      `tfsdk:"permissions"`
	UnexpectedPermissions       types.Map      `tfsdk:"unexpected_permissions"`
	UnexpectedCredentials       types.List     `tfsdk:"unexpected_credentials"`
	ServicePrincipalEnabled     types.Bool     `tfsdk:"service_principal_enabled"`
	SignInAudience              types.String   `tfsdk:"sign_in_audience"`
	ClientID                    types.String   `tfsdk:"client_id"`
	ObjectID                    types.String   `tfsdk:"object_id"`
	ServicePrincipalObjectID    types.String   `tfsdk:"service_principal_object_id"`
	AdminConsentURL             types.String   `tfsdk:"admin_consent_url"`
	JournalURL                  types.String   `tfsdk:"journal_url"`
}

// emptyModel is a model in which nothing is known; collections need their types even so.
func emptyModel() Model {
	return Model{
		AdditionalPermissions: types.SetNull(requestedType.ElemType),
		Certificate:           types.ObjectNull(certificateType.AttrTypes),
		Timeouts: timeouts.Value{Object: types.ObjectNull(map[string]attr.Type{
			"create": types.StringType, "read": types.StringType, "update": types.StringType, "delete": types.StringType,
		})},
		Permissions:           types.MapNull(permissionsType.ElemType),
		UnexpectedPermissions: types.MapNull(permissionsType.ElemType),
		UnexpectedCredentials: types.ListNull(credentialsType.ElemType),
	}
}

// application names the application in a message.
func (m *Model) application() string {
	name := fmt.Sprintf("application %q", m.DisplayName.ValueString())
	if isSet(m.ClientID) {
		name += " (client ID " + m.ClientID.ValueString() + ")"
	}
	return name
}

// CertificateModel is the attribute certificate.
type CertificateModel struct {
	ValidityYears           types.Int64       `tfsdk:"validity_years"`
	KeySize                 types.Int64       `tfsdk:"key_size"`
	RenewBeforeDays         types.Int64       `tfsdk:"renew_before_days"`
	PreviousCertificateDays types.Int64       `tfsdk:"previous_certificate_days"`
	PublicCertificatePEM    types.String      `tfsdk:"public_certificate_pem"`
	TakeOver                types.Bool        `tfsdk:"take_over"`
	Thumbprint              types.String      `tfsdk:"thumbprint"`
	NotBefore               timetypes.RFC3339 `tfsdk:"not_before"`
	NotAfter                timetypes.RFC3339 `tfsdk:"not_after"`
	PEM                     types.String      `tfsdk:"pem"`
	KeySource               types.String      `tfsdk:"key_source"`
	RenewalDue              types.Bool        `tfsdk:"renewal_due"`
	Previous                types.List        `tfsdk:"previous"`
}

// PreviousModel is a certificate that a newer one has replaced, and that still signs in until its time.
type PreviousModel struct {
	Thumbprint  string            `tfsdk:"thumbprint"`
	KeyID       string            `tfsdk:"key_id"`
	RemoveAfter timetypes.RFC3339 `tfsdk:"remove_after"`
}

// PermissionModel is one entry of permissions and unexpected_permissions.
type PermissionModel struct {
	APIAppID  string `tfsdk:"api_app_id"`
	ID        string `tfsdk:"id"`
	Purpose   string `tfsdk:"purpose"`
	Risk      string `tfsdk:"risk"`
	Evidence  string `tfsdk:"evidence"`
	Declared  bool   `tfsdk:"declared"`
	Consented bool   `tfsdk:"consented"`
}

// RequestedPermission is one entry of additional_permissions.
type RequestedPermission struct {
	API  types.String `tfsdk:"api"`
	Name types.String `tfsdk:"name"`
}

// CredentialModel is one entry of unexpected_credentials.
type CredentialModel struct {
	Kind   string `tfsdk:"kind"`
	KeyID  string `tfsdk:"key_id"`
	Name   string `tfsdk:"name"`
	Expiry string `tfsdk:"expiry"` // RFC 3339; empty: never
}

// The types of the collections and of what they hold.
var (
	certificateType = objectType(certificateSchema().Attributes)
	previousType    = types.ListType{ElemType: objectType(previousAttributes())}
	permissionsType = types.MapType{ElemType: objectType(permissionAttributes())}
	requestedType   = types.SetType{ElemType: objectType(requestedAttributes())}
	credentialsType = types.ListType{ElemType: objectType(credentialAttributes())}
)

func objectType(attributes map[string]schema.Attribute) types.ObjectType {
	object := types.ObjectType{AttrTypes: map[string]attr.Type{}}
	for name, attribute := range attributes {
		object.AttrTypes[name] = attribute.GetType()
	}
	return object
}

// decode reads a value of Terraform into Go's types: the zero value while it is null or unknown.
func decode[T any](ctx context.Context, value attr.Value, diags *diag.Diagnostics) (decoded T) {
	if isSet(value) {
		diags.Append(tfsdk.ValueAs(ctx, value, &decoded)...)
	}
	return decoded
}

// encode writes a value of Go as one of Terraform's types.
func encode[T attr.Value](ctx context.Context, as attr.Type, value any, diags *diag.Diagnostics) (encoded T) {
	diags.Append(tfsdk.ValueFrom(ctx, value, as, &encoded)...)
	return encoded
}

// spec is what a plan wants of the registration that was recorded; recorded is nil for a create.
func (m *Model) spec(ctx context.Context, recorded *registration.Observed, diags *diag.Diagnostics) registration.Spec {
	certificate := decode[CertificateModel](ctx, m.Certificate, diags)
	spec := registration.Spec{
		DisplayName:        m.DisplayName.ValueString(),
		UniqueName:         m.UniqueName.ValueString(),
		Permissions:        permissionsOf(decode[map[string]PermissionModel](ctx, m.Permissions, diags)),
		Unexpected:         permissionsOf(decode[map[string]PermissionModel](ctx, m.UnexpectedPermissions, diags)),
		GrantConsent:       m.GrantAdminConsent.ValueBool(),
		AllowDuplicateName: m.AllowDuplicateName.ValueBool(),
		RestoreDeleted:     m.RestoreDeleted.ValueBool(),
		Certificate:        certificate.toDomain(decode[[]PreviousModel](ctx, certificate.Previous, diags)),
	}
	if recorded != nil && certificate.Previous.IsUnknown() {
		spec.Certificate.Previous = recorded.Certificate.Previous
	}
	return spec
}

// recorded is the registration as the state holds it, with the journal's generation that it remembers.
func (m *Model) recorded(
	ctx context.Context, journalGeneration int64, diags *diag.Diagnostics,
) *registration.Observed {
	certificate := decode[CertificateModel](ctx, m.Certificate, diags)
	recorded := &registration.Observed{
		ObjectID:           m.ObjectID.ValueString(),
		ClientID:           m.ClientID.ValueString(),
		DisplayName:        m.DisplayName.ValueString(),
		UniqueName:         m.UniqueName.ValueString(),
		SignInAudience:     m.SignInAudience.ValueString(),
		ServicePrincipalID: m.ServicePrincipalObjectID.ValueString(),
		Enabled:            m.ServicePrincipalEnabled.ValueBool(),
		Permissions:        permissionsOf(decode[map[string]PermissionModel](ctx, m.Permissions, diags)),
		Unexpected:         permissionsOf(decode[map[string]PermissionModel](ctx, m.UnexpectedPermissions, diags)),
		Certificate:        certificate.toDomain(decode[[]PreviousModel](ctx, certificate.Previous, diags)),
		JournalGeneration:  journalGeneration,
		JournalDue:         m.JournalURL.IsNull() && certificate.KeySource.ValueString() != registration.KeyExternal,
	}
	for _, credential := range decode[[]CredentialModel](ctx, m.UnexpectedCredentials, diags) {
		expiry, _ := time.Parse(time.RFC3339, credential.Expiry) // empty: never
		recorded.Credentials = append(recorded.Credentials, registration.Credential{
			Kind: credential.Kind, KeyID: credential.KeyID, Name: credential.Name, Expiry: expiry,
		})
	}
	return recorded
}

// setFromObserved writes what was observed into the model, so that the next plan tells what differs. After a successful
// change that is what was planned, with what the plan left open.
func (m *Model) setFromObserved(
	ctx context.Context, seen *registration.Observed, consentURL, journalURL string, diags *diag.Diagnostics,
) {
	m.JournalURL = types.StringNull() // so that the next plan writes it
	if seen.JournalGeneration > 0 && !seen.JournalDue {
		m.JournalURL = types.StringValue(journalURL)
	}
	if !isSet(m.ID) || !strings.HasSuffix(m.ID.ValueString(), "/"+seen.ObjectID) { // just imported, by client ID perhaps
		m.ID = types.StringValue(m.TenantID.ValueString() + "/" + seen.ObjectID)
	}
	m.ObjectID, m.ClientID = types.StringValue(seen.ObjectID), types.StringValue(seen.ClientID)
	if !isSet(m.AdminConsentURL) {
		m.AdminConsentURL = types.StringValue(consentURL)
	}
	m.DisplayName, m.SignInAudience = types.StringValue(seen.DisplayName), types.StringValue(seen.SignInAudience)
	m.ServicePrincipalObjectID = textOrNull(seen.ServicePrincipalID)
	m.ServicePrincipalEnabled = types.BoolValue(seen.Enabled)
	m.Permissions = encode[types.Map](ctx, permissionsType, permissionModels(seen.Permissions), diags)
	m.UnexpectedPermissions = encode[types.Map](ctx, permissionsType, permissionModels(seen.Unexpected), diags)
	m.UnexpectedCredentials = encode[types.List](ctx, credentialsType, credentialModels(seen.Credentials), diags)
	if isSet(m.Certificate) {
		current := decode[CertificateModel](ctx, m.Certificate, diags)
		current.setFromObserved(&seen.Certificate)
		current.RenewalDue = types.BoolValue(seen.Certificate.RenewalDue)
		current.Previous = encode[types.List](ctx, previousType, previousModels(seen.Certificate.Previous), diags)
		m.Certificate = encode[types.Object](ctx, certificateType, current, diags)
	}
}

// configureImported fills in what the configuration of an imported application would say: the profile is inferred from
// what it declares, its certificate's key is elsewhere, and nothing is to be revoked.
func (m *Model) configureImported(ctx context.Context, seen *registration.Observed, diags *diag.Diagnostics) {
	m.UniqueName = textOrNull(seen.UniqueName)
	m.RevokeUnexpectedPermissions, m.AllowDuplicateName = types.BoolValue(false), types.BoolValue(false)
	m.RestoreDeleted, m.PurgeOnDestroy = types.BoolValue(false), types.BoolValue(false)
	var asked []permission.Permission
	declared, consented := false, true
	for _, entries := range []map[string]registration.Permission{seen.Permissions, seen.Unexpected} {
		for _, entry := range entries {
			declared, consented = declared || entry.Declared, consented && (entry.Consented || !entry.Declared)
		}
	}
	for _, entry := range seen.Permissions {
		asked = append(asked, entry.Permission)
	}
	m.GrantAdminConsent = types.BoolValue(declared && consented)
	profile, additional := permission.InferProfile(asked)
	m.PermissionProfile = types.StringValue(string(profile))
	m.AdditionalPermissions = types.SetNull(requestedType.ElemType)
	if len(additional) > 0 {
		var requested []RequestedPermission
		for _, entry := range additional {
			requested = append(requested, RequestedPermission{
				API: types.StringValue(entry.API.Name), Name: types.StringValue(entry.Name),
			})
		}
		m.AdditionalPermissions = encode[types.Set](ctx, requestedType, requested, diags)
	}
	m.Certificate = encode[types.Object](ctx, certificateType, CertificateModel{
		ValidityYears:           types.Int64Value(registration.DefaultValidityYears),
		KeySize:                 types.Int64Value(registration.DefaultKeySize),
		RenewBeforeDays:         types.Int64Value(registration.DefaultRenewBeforeDays),
		PreviousCertificateDays: types.Int64Value(registration.DefaultPreviousDays),
		TakeOver:                types.BoolValue(false), KeySource: types.StringValue(registration.KeyExternal),
		Previous: types.ListValueMust(previousType.ElemType, nil),
	}, diags)
}

// toDomain is the certificate without Terraform's types.
func (c *CertificateModel) toDomain(previous []PreviousModel) registration.Certificate {
	certificate := registration.Certificate{
		KeySource:       c.KeySource.ValueString(),
		ValidityYears:   int(c.ValidityYears.ValueInt64()),
		KeySize:         int(c.KeySize.ValueInt64()),
		RenewBeforeDays: int(c.RenewBeforeDays.ValueInt64()),
		PreviousDays:    int(c.PreviousCertificateDays.ValueInt64()),
		PEM:             c.PEM.ValueString(),
		Thumbprint:      c.Thumbprint.ValueString(),
		NotBefore:       timeOf(c.NotBefore),
		NotAfter:        timeOf(c.NotAfter),
		RenewalDue:      c.RenewalDue.ValueBool(),
	}
	for _, entry := range previous {
		certificate.Previous = append(certificate.Previous, registration.Previous{
			Thumbprint: entry.Thumbprint, KeyID: entry.KeyID, RemoveAfter: timeOf(entry.RemoveAfter),
		})
	}
	return certificate
}

// setFromObserved fills in what the certificate says of itself, and nothing of what is wanted of it.
func (c *CertificateModel) setFromObserved(seen *registration.Certificate) {
	c.Thumbprint, c.PEM = textOrNull(seen.Thumbprint), textOrNull(seen.PEM)
	c.NotBefore, c.NotAfter = timeOrNull(seen.NotBefore), timeOrNull(seen.NotAfter)
}

func previousModels(previous []registration.Previous) []PreviousModel {
	models := make([]PreviousModel, 0, len(previous))
	for _, entry := range previous {
		models = append(models, PreviousModel{entry.Thumbprint, entry.KeyID, timeOrNull(entry.RemoveAfter)})
	}
	return models
}

// permissionsOf is permissions or unexpected_permissions without Terraform's types.
func permissionsOf(models map[string]PermissionModel) map[string]registration.Permission {
	permissions := make(map[string]registration.Permission, len(models))
	for key, model := range models {
		api, name, _ := strings.Cut(key, "/")
		permissions[key] = registration.Permission{
			Permission: permission.Permission{
				API: permission.API{Name: api, AppID: model.APIAppID}, Name: name, ID: model.ID,
				Purpose: model.Purpose, Risk: permission.Risk(model.Risk), Evidence: model.Evidence,
			},
			Declared: model.Declared, Consented: model.Consented,
		}
	}
	return permissions
}

func permissionModels(permissions map[string]registration.Permission) map[string]PermissionModel {
	models := make(map[string]PermissionModel, len(permissions))
	for key, entry := range permissions {
		models[key] = PermissionModel{
			APIAppID: entry.API.AppID, ID: entry.ID, Purpose: entry.Purpose, Risk: string(entry.Risk),
			Evidence: entry.Evidence, Declared: entry.Declared, Consented: entry.Consented,
		}
	}
	return models
}

func credentialModels(credentials []registration.Credential) []CredentialModel {
	models := make([]CredentialModel, 0, len(credentials))
	for _, credential := range credentials {
		expiry := "" // never
		if !credential.Expiry.IsZero() {
			expiry = credential.Expiry.UTC().Format(time.RFC3339)
		}
		models = append(models, CredentialModel{credential.Kind, credential.KeyID, credential.Name, expiry})
	}
	return models
}

func textOrNull(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

func timeOrNull(t time.Time) timetypes.RFC3339 {
	if t.IsZero() {
		return timetypes.NewRFC3339Null()
	}
	return timetypes.NewRFC3339TimeValue(t.UTC())
}

// timeOf is zero for what is null or unknown.
func timeOf(value timetypes.RFC3339) time.Time {
	t, _ := value.ValueRFC3339Time() // which the type has validated
	return t
}

// isSet reports whether a value is neither null nor unknown.
func isSet(value attr.Value) bool { return !value.IsNull() && !value.IsUnknown() }
