package appregistration

import (
	"context"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-timetypes/timetypes"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

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
}

// emptyModel is a model in which nothing is known; collections need their types even so.
func emptyModel() Model {
	return Model{
		AdditionalPermissions: types.SetNull(requestedType),
		Certificate:           types.ObjectNull(certificateType.AttrTypes),
		Timeouts: timeouts.Value{Object: types.ObjectNull(map[string]attr.Type{
			"create": types.StringType, "read": types.StringType, "update": types.StringType, "delete": types.StringType,
		})},
		Permissions:           types.MapNull(permissionType),
		UnexpectedPermissions: types.MapNull(permissionType),
		UnexpectedCredentials: types.ListNull(credentialType),
	}
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
	Thumbprint  types.String      `tfsdk:"thumbprint"`
	KeyID       types.String      `tfsdk:"key_id"`
	RemoveAfter timetypes.RFC3339 `tfsdk:"remove_after"`
}

// PermissionModel is one entry of permissions and unexpected_permissions.
type PermissionModel struct {
	APIAppID  types.String `tfsdk:"api_app_id"`
	ID        types.String `tfsdk:"id"`
	Purpose   types.String `tfsdk:"purpose"`
	Risk      types.String `tfsdk:"risk"`
	Evidence  types.String `tfsdk:"evidence"`
	Declared  types.Bool   `tfsdk:"declared"`
	Consented types.Bool   `tfsdk:"consented"`
}

// RequestedPermission is one entry of additional_permissions.
type RequestedPermission struct {
	API  types.String `tfsdk:"api"`
	Name types.String `tfsdk:"name"`
}

// CredentialModel is one entry of unexpected_credentials.
type CredentialModel struct {
	Kind   types.String `tfsdk:"kind"`
	KeyID  types.String `tfsdk:"key_id"`
	Name   types.String `tfsdk:"name"`
	Expiry types.String `tfsdk:"expiry"`
}

var (
	previousType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"thumbprint": types.StringType, "key_id": types.StringType, "remove_after": timetypes.RFC3339Type{},
	}}
	certificateType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"validity_years": types.Int64Type, "key_size": types.Int64Type, "renew_before_days": types.Int64Type,
		"previous_certificate_days": types.Int64Type, "public_certificate_pem": types.StringType, "take_over": types.BoolType,
		"thumbprint": types.StringType, "not_before": timetypes.RFC3339Type{}, "not_after": timetypes.RFC3339Type{},
		"pem":        types.StringType,
		"key_source": types.StringType, "renewal_due": types.BoolType, "previous": types.ListType{ElemType: previousType},
	}}
	permissionType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"api_app_id": types.StringType, "id": types.StringType, "purpose": types.StringType, "risk": types.StringType,
		"evidence": types.StringType, "declared": types.BoolType, "consented": types.BoolType,
	}}
	requestedType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"api": types.StringType, "name": types.StringType,
	}}
	credentialType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"kind": types.StringType, "key_id": types.StringType, "name": types.StringType, "expiry": types.StringType,
	}}
)

// certificate reads the attribute; nil when it is null or unknown as a whole.
func (m *Model) certificate(ctx context.Context, diags *diag.Diagnostics) *CertificateModel {
	if !isSet(m.Certificate) {
		return nil
	}
	var certificate CertificateModel
	diags.Append(m.Certificate.As(ctx, &certificate, basetypes.ObjectAsOptions{})...)
	return &certificate
}

func (m *Model) setCertificate(ctx context.Context, certificate CertificateModel, diags *diag.Diagnostics) {
	object, problems := types.ObjectValueFrom(ctx, certificateType.AttrTypes, certificate)
	diags.Append(problems...)
	m.Certificate = object
}

// spec is what a plan wants of the registration that was recorded; recorded is nil where there is none.
func (m *Model) spec(ctx context.Context, recorded *registration.Observed, diags *diag.Diagnostics) registration.Spec {
	certificate := m.certificate(ctx, diags)
	spec := registration.Spec{
		DisplayName:        m.DisplayName.ValueString(),
		UniqueName:         m.UniqueName.ValueString(),
		Permissions:        readPermissions(ctx, m.Permissions, diags),
		Unexpected:         readPermissions(ctx, m.UnexpectedPermissions, diags),
		GrantConsent:       m.GrantAdminConsent.ValueBool(),
		AllowDuplicateName: m.AllowDuplicateName.ValueBool(),
		RestoreDeleted:     m.RestoreDeleted.ValueBool(),
		Certificate:        certificate.toDomain(ctx, diags),
	}
	if recorded != nil && certificate != nil && certificate.Previous.IsUnknown() {
		spec.Certificate.Previous = recorded.Certificate.Previous
	}
	return spec
}

// recorded is the registration as the state holds it.
func (m *Model) recorded(ctx context.Context, diags *diag.Diagnostics) *registration.Observed {
	recorded := &registration.Observed{
		ObjectID:           m.ObjectID.ValueString(),
		ClientID:           m.ClientID.ValueString(),
		DisplayName:        m.DisplayName.ValueString(),
		UniqueName:         m.UniqueName.ValueString(),
		SignInAudience:     m.SignInAudience.ValueString(),
		ServicePrincipalID: m.ServicePrincipalObjectID.ValueString(),
		Enabled:            m.ServicePrincipalEnabled.ValueBool(),
		Permissions:        readPermissions(ctx, m.Permissions, diags),
		Unexpected:         readPermissions(ctx, m.UnexpectedPermissions, diags),
		Certificate:        m.certificate(ctx, diags).toDomain(ctx, diags),
	}
	var credentials []CredentialModel
	if isSet(m.UnexpectedCredentials) {
		diags.Append(m.UnexpectedCredentials.ElementsAs(ctx, &credentials, false)...)
	}
	for _, credential := range credentials {
		expiry, _ := time.Parse(time.RFC3339, credential.Expiry.ValueString()) // empty: never
		recorded.Credentials = append(recorded.Credentials, registration.Credential{
			Kind: credential.Kind.ValueString(), KeyID: credential.KeyID.ValueString(),
			Name: credential.Name.ValueString(), Expiry: expiry,
		})
	}
	return recorded
}

// setFromObserved writes what was observed into the model, so that the next plan tells what differs. After a successful
// change that is what was planned, with what the plan left open.
func (m *Model) setFromObserved(ctx context.Context, seen *registration.Observed, consentURL string, diags *diag.Diagnostics) {
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
	m.Permissions = permissionMap(ctx, seen.Permissions, diags)
	m.UnexpectedPermissions = permissionMap(ctx, seen.Unexpected, diags)
	list, problems := types.ListValueFrom(ctx, credentialType, credentialModels(seen.Credentials))
	diags.Append(problems...)
	m.UnexpectedCredentials = list
	if current := m.certificate(ctx, diags); current != nil {
		current.setFromObserved(&seen.Certificate)
		current.RenewalDue = types.BoolValue(seen.Certificate.RenewalDue)
		current.Previous = previousList(ctx, seen.Certificate.Previous, diags)
		m.setCertificate(ctx, *current, diags)
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
	m.AdditionalPermissions = types.SetNull(requestedType)
	if len(additional) > 0 {
		var requested []RequestedPermission
		for _, entry := range additional {
			requested = append(requested, RequestedPermission{
				API: types.StringValue(entry.API.Name), Name: types.StringValue(entry.Name),
			})
		}
		set, problems := types.SetValueFrom(ctx, requestedType, requested)
		diags.Append(problems...)
		m.AdditionalPermissions = set
	}
	m.setCertificate(ctx, CertificateModel{
		ValidityYears:           types.Int64Value(registration.DefaultValidityYears),
		KeySize:                 types.Int64Value(registration.DefaultKeySize),
		RenewBeforeDays:         types.Int64Value(registration.DefaultRenewBeforeDays),
		PreviousCertificateDays: types.Int64Value(registration.DefaultPreviousDays),
		TakeOver:                types.BoolValue(false), KeySource: types.StringValue(registration.KeyExternal),
		Previous: previousList(ctx, nil, diags),
	}, diags)
}

// toDomain is the certificate without Terraform's types; nil is none.
func (c *CertificateModel) toDomain(ctx context.Context, diags *diag.Diagnostics) registration.Certificate {
	if c == nil {
		return registration.Certificate{}
	}
	return registration.Certificate{
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
		Previous:        c.previous(ctx, diags),
	}
}

// setFromObserved fills in what the certificate says of itself, and nothing of what is wanted of it.
func (c *CertificateModel) setFromObserved(seen *registration.Certificate) {
	c.Thumbprint, c.PEM = textOrNull(seen.Thumbprint), textOrNull(seen.PEM)
	c.NotBefore, c.NotAfter = timeOrNull(seen.NotBefore), timeOrNull(seen.NotAfter)
}

// previous reads a certificate's predecessors; none while they are unknown.
func (c *CertificateModel) previous(ctx context.Context, diags *diag.Diagnostics) []registration.Previous {
	var entries []PreviousModel
	if c != nil && isSet(c.Previous) {
		diags.Append(c.Previous.ElementsAs(ctx, &entries, false)...)
	}
	previous := make([]registration.Previous, 0, len(entries))
	for _, entry := range entries {
		previous = append(previous, registration.Previous{
			Thumbprint: entry.Thumbprint.ValueString(), KeyID: entry.KeyID.ValueString(), RemoveAfter: timeOf(entry.RemoveAfter),
		})
	}
	return previous
}

func previousList(ctx context.Context, previous []registration.Previous, diags *diag.Diagnostics) types.List {
	entries := make([]PreviousModel, 0, len(previous))
	for _, entry := range previous {
		entries = append(entries, PreviousModel{
			Thumbprint: types.StringValue(entry.Thumbprint), KeyID: types.StringValue(entry.KeyID),
			RemoveAfter: timeOrNull(entry.RemoveAfter),
		})
	}
	list, problems := types.ListValueFrom(ctx, previousType, entries)
	diags.Append(problems...)
	return list
}

func permissionModels(permissions map[string]registration.Permission) map[string]PermissionModel {
	models := map[string]PermissionModel{}
	for key, entry := range permissions {
		models[key] = PermissionModel{
			APIAppID:  types.StringValue(entry.API.AppID),
			ID:        types.StringValue(entry.ID),
			Purpose:   types.StringValue(entry.Purpose),
			Risk:      types.StringValue(string(entry.Risk)),
			Evidence:  types.StringValue(entry.Evidence),
			Declared:  types.BoolValue(entry.Declared),
			Consented: types.BoolValue(entry.Consented),
		}
	}
	return models
}

func permissionMap(ctx context.Context, permissions map[string]registration.Permission,
	diags *diag.Diagnostics) types.Map {
	value, problems := types.MapValueFrom(ctx, permissionType, permissionModels(permissions))
	diags.Append(problems...)
	return value
}

// readPermissions reads permissions or unexpected_permissions; empty while null or unknown.
func readPermissions(ctx context.Context, value types.Map, diags *diag.Diagnostics) map[string]registration.Permission {
	models := map[string]PermissionModel{}
	if isSet(value) {
		diags.Append(value.ElementsAs(ctx, &models, false)...)
	}
	permissions := make(map[string]registration.Permission, len(models))
	for key, model := range models {
		api, name, _ := strings.Cut(key, "/")
		permissions[key] = registration.Permission{
			Permission: permission.Permission{
				API: permission.API{Name: api, AppID: model.APIAppID.ValueString()}, Name: name, ID: model.ID.ValueString(),
				Purpose: model.Purpose.ValueString(), Risk: permission.Risk(model.Risk.ValueString()),
				Evidence: model.Evidence.ValueString(),
			},
			Declared: model.Declared.ValueBool(), Consented: model.Consented.ValueBool(),
		}
	}
	return permissions
}

func credentialModels(credentials []registration.Credential) []CredentialModel {
	models := make([]CredentialModel, 0, len(credentials))
	for _, credential := range credentials {
		expiry := "" // never
		if !credential.Expiry.IsZero() {
			expiry = credential.Expiry.UTC().Format(time.RFC3339)
		}
		models = append(models, CredentialModel{
			Kind: types.StringValue(credential.Kind), KeyID: types.StringValue(credential.KeyID),
			Name: types.StringValue(credential.Name), Expiry: types.StringValue(expiry),
		})
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
	if !isSet(value) {
		return time.Time{}
	}
	t, _ := value.ValueRFC3339Time() // which the type has validated
	return t
}

// isSet reports whether a value is neither null nor unknown.
func isSet(value attr.Value) bool { return !value.IsNull() && !value.IsUnknown() }
