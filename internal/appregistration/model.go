package appregistration

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
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
	ValidityYears           types.Int64  `tfsdk:"validity_years"`
	KeySize                 types.Int64  `tfsdk:"key_size"`
	RenewBeforeDays         types.Int64  `tfsdk:"renew_before_days"`
	PreviousCertificateDays types.Int64  `tfsdk:"previous_certificate_days"`
	PublicCertificatePEM    types.String `tfsdk:"public_certificate_pem"`
	TakeOver                types.Bool   `tfsdk:"take_over"`
	Thumbprint              types.String `tfsdk:"thumbprint"`
	NotBefore               types.String `tfsdk:"not_before"`
	NotAfter                types.String `tfsdk:"not_after"`
	PEM                     types.String `tfsdk:"pem"`
	KeySource               types.String `tfsdk:"key_source"`
	RenewalDue              types.Bool   `tfsdk:"renewal_due"`
	Previous                types.List   `tfsdk:"previous"`
}

// PreviousModel is a certificate that a newer one has replaced, and that still signs in until its time.
type PreviousModel struct {
	Thumbprint  types.String `tfsdk:"thumbprint"`
	KeyID       types.String `tfsdk:"key_id"`
	RemoveAfter types.String `tfsdk:"remove_after"`
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
		"thumbprint": types.StringType, "key_id": types.StringType, "remove_after": types.StringType,
	}}
	certificateType = types.ObjectType{AttrTypes: map[string]attr.Type{
		"validity_years": types.Int64Type, "key_size": types.Int64Type, "renew_before_days": types.Int64Type,
		"previous_certificate_days": types.Int64Type, "public_certificate_pem": types.StringType, "take_over": types.BoolType,
		"thumbprint": types.StringType, "not_before": types.StringType, "not_after": types.StringType, "pem": types.StringType,
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
	if m.Certificate.IsNull() || m.Certificate.IsUnknown() {
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

// previous reads a certificate's predecessors; none while they are unknown.
func (c *CertificateModel) previous(ctx context.Context, diags *diag.Diagnostics) []PreviousModel {
	var previous []PreviousModel
	if c != nil && !c.Previous.IsNull() && !c.Previous.IsUnknown() {
		diags.Append(c.Previous.ElementsAs(ctx, &previous, false)...)
	}
	return previous
}

func previousList(ctx context.Context, previous []PreviousModel, diags *diag.Diagnostics) types.List {
	if previous == nil {
		previous = []PreviousModel{}
	}
	list, problems := types.ListValueFrom(ctx, previousType, previous)
	diags.Append(problems...)
	return list
}

func permissionMap(ctx context.Context, permissions map[string]PermissionModel, diags *diag.Diagnostics) types.Map {
	if permissions == nil {
		permissions = map[string]PermissionModel{}
	}
	value, problems := types.MapValueFrom(ctx, permissionType, permissions)
	diags.Append(problems...)
	return value
}

// readPermissions reads permissions or unexpected_permissions; empty while null or unknown.
func readPermissions(ctx context.Context, value types.Map, diags *diag.Diagnostics) map[string]PermissionModel {
	permissions := map[string]PermissionModel{}
	if !value.IsNull() && !value.IsUnknown() {
		diags.Append(value.ElementsAs(ctx, &permissions, false)...)
	}
	return permissions
}

func credentialList(ctx context.Context, credentials []CredentialModel, diags *diag.Diagnostics) types.List {
	if credentials == nil {
		credentials = []CredentialModel{}
	}
	list, problems := types.ListValueFrom(ctx, credentialType, credentials)
	diags.Append(problems...)
	return list
}

// known tells whether a value stands: neither null nor unknown.
func known(value attr.Value) bool { return !value.IsNull() && !value.IsUnknown() }
