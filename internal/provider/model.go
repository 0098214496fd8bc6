package provider

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Model is the provider's configuration.
type Model struct {
	TenantID                       types.String `tfsdk:"tenant_id"`
	ClientID                       types.String `tfsdk:"client_id"`
	ClientSecret                   types.String `tfsdk:"client_secret"`
	ClientSecretFilePath           types.String `tfsdk:"client_secret_file_path"`
	ClientCertificate              types.String `tfsdk:"client_certificate"`
	ClientCertificatePath          types.String `tfsdk:"client_certificate_path"`
	ClientCertificatePassword      types.String `tfsdk:"client_certificate_password"`
	UseOIDC                        types.Bool   `tfsdk:"use_oidc"`
	OIDCToken                      types.String `tfsdk:"oidc_token"`
	OIDCTokenFilePath              types.String `tfsdk:"oidc_token_file_path"`
	OIDCRequestURL                 types.String `tfsdk:"oidc_request_url"`
	OIDCRequestToken               types.String `tfsdk:"oidc_request_token"`
	ADOPipelineServiceConnectionID types.String `tfsdk:"ado_pipeline_service_connection_id"`
	UseAKSWorkloadIdentity         types.Bool   `tfsdk:"use_aks_workload_identity"`
	UseMSI                         types.Bool   `tfsdk:"use_msi"`
	UseCLI                         types.Bool   `tfsdk:"use_cli"`
	Environment                    types.String `tfsdk:"environment"`
	Endpoints                      types.Object `tfsdk:"endpoints"`
	CACertificatePath              types.String `tfsdk:"ca_certificate_path"`
	SkipRefusedTenants             types.Bool   `tfsdk:"skip_refused_tenants"`
	ConnectionStore                types.Object `tfsdk:"connection_store"`
}

// signIn returns what the identity is chosen from, by attribute.
func (m Model) signIn() map[string]attr.Value {
	return map[string]attr.Value{
		"tenant_id": m.TenantID, "client_id": m.ClientID,
		"client_secret": m.ClientSecret, "client_secret_file_path": m.ClientSecretFilePath,
		"client_certificate": m.ClientCertificate, "client_certificate_path": m.ClientCertificatePath,
		"client_certificate_password": m.ClientCertificatePassword,
		"use_oidc":                    m.UseOIDC, "oidc_token": m.OIDCToken, "oidc_token_file_path": m.OIDCTokenFilePath,
		"oidc_request_url": m.OIDCRequestURL, "oidc_request_token": m.OIDCRequestToken,
		"ado_pipeline_service_connection_id": m.ADOPipelineServiceConnectionID,
		"use_aks_workload_identity":          m.UseAKSWorkloadIdentity, "use_msi": m.UseMSI, "use_cli": m.UseCLI,
	}
}

// cloud returns what says where requests go, by attribute.
func (m Model) cloud() map[string]attr.Value {
	values := map[string]attr.Value{"environment": m.Environment, "ca_certificate_path": m.CACertificatePath,
		"endpoints": m.Endpoints}
	for name, value := range m.Endpoints.Attributes() {
		values["endpoints."+name] = value
	}
	return values
}

// unknown returns the names of the values that are not known yet, in order.
func unknown(values map[string]attr.Value) []string {
	var names []string
	for name, value := range values {
		if value.IsUnknown() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// member returns an object's string attribute: null when the object is, unknown when the object is.
func member(object types.Object, name string) types.String {
	if object.IsUnknown() {
		return types.StringUnknown()
	}
	if value, ok := object.Attributes()[name].(types.String); ok {
		return value
	}
	return types.StringNull()
}
