package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

// Schema describes the provider's configuration.
func (p *Provider) Schema(_ context.Context, _ provider.SchemaRequest, response *provider.SchemaResponse) {
	response.Schema = schema.Schema{
		MarkdownDescription: "Prepares the target tenants of CodeTwo Office 365 Migration: registers CodeTwo's " +
			"application in Entra ID, keeps the target connections " +
			"with their keys, and proves that they work. A community project, not CodeTwo's.\n\n" +
			"Signing in follows the names, variables and order of the `azuread` provider: client certificate, client secret, " +
			"OIDC, managed identity, Azure CLI. " +
			"Tenant, client and credential come whole from the configuration, else from `ARM_*`, else from `AZURE_*`; a mix " +
			"is refused. " +
			"Give secrets through the environment, or through a `variable` with `ephemeral = true`: a plan file holds other " +
			"variables in plain text.",
		Attributes: map[string]schema.Attribute{
			"tenant_id": schema.StringAttribute{
				MarkdownDescription: "ID of the tenant (a GUID) to sign in to, and the default of every resource's `tenant_id`. " +
					"Variable `ARM_TENANT_ID` or `AZURE_TENANT_ID`.",
				Optional:   true,
				Validators: []validator.String{tfvalidate.GUID()},
			},
			"client_id": schema.StringAttribute{
				MarkdownDescription: "Client ID (a GUID) of the application or user-assigned managed identity to sign in as. " +
					"Variable `ARM_CLIENT_ID` or `AZURE_CLIENT_ID`.",
				Optional:   true,
				Validators: []validator.String{tfvalidate.GUID()},
			},
			"client_secret": schema.StringAttribute{
				MarkdownDescription: "Client secret of the application to sign in as. Variable `ARM_CLIENT_SECRET` or " +
					"`AZURE_CLIENT_SECRET`.",
				Optional:   true,
				Sensitive:  true,
				Validators: filled(),
			},
			"client_secret_file_path": schema.StringAttribute{
				MarkdownDescription: "Path of a file that holds the client secret. Variable `ARM_CLIENT_SECRET_FILE_PATH`.",
				Optional:            true,
				Validators:          append(filled(), stringvalidator.ConflictsWith(path.MatchRoot("client_secret"))),
			},
			"client_certificate": schema.StringAttribute{
				MarkdownDescription: "Certificate of the application to sign in as, with its private key: a PFX (PKCS#12) in " +
					"base64. Variable `ARM_CLIENT_CERTIFICATE`.",
				Optional:   true,
				Sensitive:  true,
				Validators: filled(),
			},
			"client_certificate_path": schema.StringAttribute{
				MarkdownDescription: "Path of a PFX (PKCS#12) or PEM file with the certificate and its private key. Variable " +
					"`ARM_CLIENT_CERTIFICATE_PATH` or `AZURE_CLIENT_CERTIFICATE_PATH`.",
				Optional:   true,
				Validators: append(filled(), stringvalidator.ConflictsWith(path.MatchRoot("client_certificate"))),
			},
			"client_certificate_password": schema.StringAttribute{
				MarkdownDescription: "Password of the PFX. Variable `ARM_CLIENT_CERTIFICATE_PASSWORD` or " +
					"`AZURE_CLIENT_CERTIFICATE_PASSWORD`.",
				Optional:  true,
				Sensitive: true,
			},
			"use_oidc": schema.BoolAttribute{
				MarkdownDescription: "Whether to sign in with a token of another issuer (workload identity federation): " +
					"`oidc_token`, `oidc_token_file_path`, " +
					"Azure Pipelines or GitHub Actions. Default `false`. Variable `ARM_USE_OIDC`.",
				Optional: true,
			},
			"oidc_token": schema.StringAttribute{
				MarkdownDescription: "The other issuer's token. Variable `ARM_OIDC_TOKEN`.",
				Optional:            true,
				Sensitive:           true,
				Validators:          filled(),
			},
			"oidc_token_file_path": schema.StringAttribute{
				MarkdownDescription: "Path of a file that holds the other issuer's token; read again at every sign-in. Variable " +
					"`ARM_OIDC_TOKEN_FILE_PATH`.",
				Optional:   true,
				Validators: append(filled(), stringvalidator.ConflictsWith(path.MatchRoot("oidc_token"))),
			},
			"oidc_request_url": schema.StringAttribute{
				MarkdownDescription: "URL at which the pipeline gives out tokens. Variable `ARM_OIDC_REQUEST_URL`, " +
					"`ACTIONS_ID_TOKEN_REQUEST_URL` or `SYSTEM_OIDCREQUESTURI`.",
				Optional:   true,
				Validators: append(filled(), stringvalidator.AlsoRequires(path.MatchRoot("oidc_request_token"))),
			},
			"oidc_request_token": schema.StringAttribute{
				MarkdownDescription: "Bearer token for `oidc_request_url`. Variable `ARM_OIDC_REQUEST_TOKEN`, " +
					"`ACTIONS_ID_TOKEN_REQUEST_TOKEN` or `SYSTEM_ACCESSTOKEN`.",
				Optional:   true,
				Sensitive:  true,
				Validators: append(filled(), stringvalidator.AlsoRequires(path.MatchRoot("oidc_request_url"))),
			},
			"ado_pipeline_service_connection_id": schema.StringAttribute{
				MarkdownDescription: "ID of the Azure DevOps service connection to sign in with. Variable " +
					"`ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID` or `ARM_OIDC_AZURE_SERVICE_CONNECTION_ID`.",
				Optional:   true,
				Validators: filled(),
			},
			"use_aks_workload_identity": schema.BoolAttribute{
				MarkdownDescription: "Whether to sign in with the workload identity of an AKS pod " +
					"(`AZURE_FEDERATED_TOKEN_FILE`). Default `false`. Variable `ARM_USE_AKS_WORKLOAD_IDENTITY`.",
				Optional: true,
			},
			"use_msi": schema.BoolAttribute{
				MarkdownDescription: "Whether to sign in with the managed identity of the Azure resource that Terraform runs " +
					"on. It works in its own tenant only. Default `false`. Variable `ARM_USE_MSI`.",
				Optional: true,
			},
			"use_cli": schema.BoolAttribute{
				MarkdownDescription: "Whether to sign in as the user of `az login`, when nothing else is configured. Default " +
					"`true`. Variable `ARM_USE_CLI`.",
				Optional: true,
			},
			"environment": schema.StringAttribute{
				MarkdownDescription: "The cloud: `global` (or `public`), the only one that CodeTwo Office 365 Migration " +
					"connects to. Variable `ARM_ENVIRONMENT`.",
				Optional: true,
			},
			"endpoints": schema.SingleNestedAttribute{
				MarkdownDescription: "Other origins to send requests to, such as those of a sandbox tenant: all three or none, " +
					"with HTTPS, and on this machine (loopback) unless the variable `CODETWO_ALLOW_CUSTOM_ENDPOINTS` is `1`. Azure " +
					"CLI, managed identity and a pipeline's own OIDC cannot sign in there.",
				Optional: true,
				Attributes: map[string]schema.Attribute{
					"login":    endpointAttribute("Entra's sign-in service", "CODETWO_LOGIN_ENDPOINT"),
					"graph":    endpointAttribute("Microsoft Graph", "CODETWO_GRAPH_ENDPOINT"),
					"exchange": endpointAttribute("Exchange Online", "CODETWO_EXCHANGE_ENDPOINT"),
				},
			},
			"ca_certificate_path": schema.StringAttribute{
				MarkdownDescription: "Path of a PEM file with certificates to trust in addition to the system's. Variable " +
					"`CODETWO_CA_CERTIFICATE_PATH`.",
				Optional:   true,
				Validators: filled(),
			},
			"skip_refused_tenants": schema.BoolAttribute{
				MarkdownDescription: "Whether a tenant that refuses the identity is skipped, instead of failing the whole plan: " +
					"its app registrations are planned as they were last read, nothing in them is changed, and a warning names the " +
					"tenant. Use it for runs over many tenants if somebody reads the warnings; see the guide *Many tenants*. " +
					"Default `false`. Variable `CODETWO_SKIP_REFUSED_TENANTS`.",
				Optional: true,
			},
			"connection_store": schema.SingleNestedAttribute{
				MarkdownDescription: "Where connections, certificates, keys and secrets are kept. There is no default: on a " +
					"pipeline's runner, a default folder would be lost with the keys in it. Give the store and the Terraform " +
					"state separate permissions: what the state remembers is how an old or another store is recognized.",
				Optional: true,
				Attributes: map[string]schema.Attribute{
					"url": schema.StringAttribute{
						MarkdownDescription: "A folder, as `file://` and an absolute path, for example " +
							"`file:///srv/codetwo-store`, on Windows `file://C:/codetwo-store` or `file://server/share/codetwo-store`, " +
							"or, in the folder of the configuration, `\"file://${abspath(path.root)}/codetwo-store\"`. Variable " +
							"`CODETWO_STORE_URL`. The provider does not check access control lists on Windows; see the guide " +
							"*The connection store*.",
						Optional:   true,
						Validators: []validator.String{tfvalidate.FileURL()},
					},
					"passphrase": schema.StringAttribute{
						MarkdownDescription: "Passphrase (at least 12 characters) that protects the keys and secrets, and proves the " +
							"records. It is needed wherever something in the store is written or has to be proved. A plan without it " +
							"shows what is in the store as last seen; destroy never needs it. Variable `CODETWO_STORE_PASSPHRASE`.",
						Optional:  true,
						Sensitive: true,
						Validators: []validator.String{tfvalidate.Text("Unusable passphrase",
							fmt.Sprintf("a passphrase of %d characters or more", sealing.MinPassphraseLength), sealing.CheckPassphrase)},
					},
				},
			},
		},
	}
}

func endpointAttribute(of, variable string) schema.StringAttribute {
	return schema.StringAttribute{
		MarkdownDescription: "Origin of " + of + ". Variable `" + variable + "`.",
		Required:            true,
		Validators:          []validator.String{tfvalidate.HTTPSOrigin()},
	}
}

// filled refuses an empty text: what was meant to be set would be looked for elsewhere without a word.
func filled() []validator.String { return []validator.String{stringvalidator.LengthAtLeast(1)} }
