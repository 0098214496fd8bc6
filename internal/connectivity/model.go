package connectivity

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/datasource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
)

// Model is the data source as Terraform sees it.
type Model struct {
	ConnectionID        types.String   `tfsdk:"connection_id"`
	Revision            types.String   `tfsdk:"revision"`
	FailOnError         types.Bool     `tfsdk:"fail_on_error"`
	SkipChecks          types.Set      `tfsdk:"skip_checks"`
	Timeouts            timeouts.Value `tfsdk:"timeouts"`
	Connected           types.Bool     `tfsdk:"connected"`
	Checks              types.List     `tfsdk:"checks"`
	TenantDisplayName   types.String   `tfsdk:"tenant_display_name"`
	TenantDefaultDomain types.String   `tfsdk:"tenant_default_domain"`
	GrantedRoles        types.List     `tfsdk:"granted_roles"`
	CertificateNotAfter types.String   `tfsdk:"certificate_not_after"`
	SecretExpiresAt     types.String   `tfsdk:"secret_expires_at"`
}

// checkModel is one element of checks.
type checkModel struct {
	Name   string `tfsdk:"name"`
	Status string `tfsdk:"status"`
	Detail string `tfsdk:"detail"`
	Remedy string `tfsdk:"remedy"`
}

var checkType = types.ObjectType{AttrTypes: map[string]attr.Type{
	"name": types.StringType, "status": types.StringType, "detail": types.StringType, "remedy": types.StringType,
}}

// take fills in what was found.
func (m *Model) take(ctx context.Context, facts *checks.Facts, report checks.Report) diag.Diagnostics {
	var problems diag.Diagnostics
	m.Connected = types.BoolPointerValue(report.Connected)
	rows := make([]checkModel, len(report.Results))
	for i, result := range report.Results {
		rows[i] = checkModel{Name: result.Name, Status: string(result.Status), Detail: result.Detail, Remedy: result.Remedy}
		if result.Script != "" {
			rows[i].Remedy += "\n\n" + result.Script
		}
	}
	var more diag.Diagnostics
	m.Checks, more = types.ListValueFrom(ctx, checkType, rows)
	problems.Append(more...)
	m.GrantedRoles, more = types.ListValueFrom(ctx, types.StringType, facts.GrantedRoles())
	problems.Append(more...)

	m.TenantDisplayName, m.TenantDefaultDomain = types.StringNull(), types.StringNull()
	if facts.Organization != nil {
		m.TenantDisplayName = types.StringValue(facts.Organization.DisplayName)
		for _, domain := range facts.Organization.Domains {
			if domain.Default {
				m.TenantDefaultDomain = types.StringValue(domain.Name)
			}
		}
	}
	m.CertificateNotAfter, m.SecretExpiresAt = types.StringNull(), types.StringNull()
	if found := facts.Credential.Certificate; found != nil {
		m.CertificateNotAfter = instant(&found.NotAfter)
	} else if facts.Connection != nil {
		m.CertificateNotAfter = instant(facts.Connection.CertificateNotAfter)
	}
	if facts.Connection != nil {
		m.SecretExpiresAt = instant(facts.Connection.ClientSecretExpiresAt)
	}
	return problems
}

func instant(t *time.Time) types.String {
	if t == nil {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}
