package provider

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
)

func model(t *testing.T, given values) Model {
	t.Helper()
	p := newProvider(nil)
	var schema provider.SchemaResponse
	p.Schema(t.Context(), provider.SchemaRequest{}, &schema)
	var m Model
	if problems := (tfsdk.Config{Schema: schema.Schema, Raw: raw(t, p, given)}).Get(t.Context(), &m); problems.HasError() {
		t.Fatal(problems)
	}
	return m
}

func identity(t *testing.T, given values, env variables) (auth.Identity, []string) {
	t.Helper()
	var problems diag.Diagnostics
	chosen := resolveIdentity(model(t, given), env.get, &problems)
	return chosen.identity(), texts(problems)
}

var (
	armIDs    = variables{"ARM_TENANT_ID": tenantA, "ARM_CLIENT_ID": client1}
	armSecret = armIDs.and(variables{"ARM_CLIENT_SECRET": secret1})
	azureIDs  = variables{"AZURE_TENANT_ID": tenantB, "AZURE_CLIENT_ID": client2}
	github    = variables{"ACTIONS_ID_TOKEN_REQUEST_URL": "https://github.example/token",
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer"}
	pipelines = variables{"SYSTEM_OIDCREQUESTURI": "https://ado.example/token", "SYSTEM_ACCESSTOKEN": "bearer"}
	oidcOn    = variables{"ARM_USE_OIDC": "true"}
)

func TestProvider_IdentityComesWholeFromTheFirstSourceThatHasOne(t *testing.T) {
	pfx := base64.StdEncoding.EncodeToString([]byte("pfx"))
	secret := auth.ClientSecret{Value: secret1}
	for name, c := range map[string]struct {
		given          values
		env            variables
		tenant, client string
		credential     auth.Credential
	}{
		"configuration": {values{"tenant_id": tenantA, "client_id": client1, "client_secret": secret1}, nil, tenantA,
			client1, secret},
		"configuration before ARM and AZURE": {values{"tenant_id": tenantB, "client_id": client2,
			"client_secret_file_path": "/s"},
			armSecret.and(azureIDs), tenantB, client2, auth.ClientSecret{Path: "/s"}},
		"ARM": {nil, armSecret, tenantA, client1, secret},
		"ARM before AZURE": {nil, armSecret.and(azureIDs).and(variables{"AZURE_CLIENT_SECRET": "other"}), tenantA,
			client1, secret},
		"AZURE": {nil, azureIDs.and(variables{"AZURE_CLIENT_SECRET": secret1}), tenantB, client2, secret},
		"AZURE certificate": {nil, azureIDs.and(variables{"AZURE_CLIENT_CERTIFICATE_PATH": "/c",
			"AZURE_CLIENT_CERTIFICATE_PASSWORD": "p"}),
			tenantB, client2, auth.ClientCertificate{Path: "/c", Password: "p"}},
		"the same IDs in the configuration": {values{"tenant_id": strings.ToUpper(tenantA), "client_id": client1}, armSecret,
			tenantA, client1, secret},
		"switches of one source, identity of another": {values{"use_oidc": true}, armIDs.and(github), tenantA, client1,
			auth.GitHubOIDC{RequestURL: "https://github.example/token", RequestToken: "bearer"}},

		// azuread's order
		"certificate before secret": {values{"tenant_id": tenantA, "client_id": client1, "client_certificate": pfx,
			"client_certificate_password": "p", "client_secret": secret1}, nil,
			tenantA, client1, auth.ClientCertificate{Data: []byte("pfx"), Password: "p"}},
		"certificate file": {nil, armIDs.and(variables{"ARM_CLIENT_CERTIFICATE_PATH": "/c",
			"ARM_CLIENT_CERTIFICATE_PASSWORD": "p"}), tenantA, client1, auth.ClientCertificate{Path: "/c", Password: "p"}},
		"secret before OIDC": {nil, armSecret.and(oidcOn).and(variables{"ARM_OIDC_TOKEN": "token"}), tenantA,
			client1, secret},
		"OIDC token before the pipeline's": {nil, armIDs.and(oidcOn).and(github).and(variables{"ARM_OIDC_TOKEN": "token"}),
			tenantA, client1,
			auth.OIDCToken{Value: "token"}},
		"OIDC token file": {values{"tenant_id": tenantA, "client_id": client1, "use_oidc": true,
			"oidc_token_file_path": "/t"}, nil, tenantA, client1, auth.OIDCToken{Path: "/t"}},
		"Azure Pipelines before GitHub": {nil,
			armIDs.and(oidcOn).and(pipelines).and(variables{"ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": "sc"}), tenantA, client1,
			auth.AzureDevOpsOIDC{RequestURL: "https://ado.example/token", RequestToken: "bearer", ServiceConnectionID: "sc"}},
		"Azure Pipelines by its second name": {nil,
			armIDs.and(oidcOn).and(pipelines).and(variables{"ARM_OIDC_AZURE_SERVICE_CONNECTION_ID": "sc"}), tenantA, client1,
			auth.AzureDevOpsOIDC{RequestURL: "https://ado.example/token", RequestToken: "bearer", ServiceConnectionID: "sc"}},
		"GitHub": {nil, armIDs.and(oidcOn).and(github), tenantA, client1,
			auth.GitHubOIDC{RequestURL: "https://github.example/token", RequestToken: "bearer"}},
		"the configured token request": {values{"tenant_id": tenantA, "client_id": client1, "use_oidc": true,
			"oidc_request_url": "https://mine.example", "oidc_request_token": "mine"}, github,
			tenantA, client1, auth.GitHubOIDC{RequestURL: "https://mine.example", RequestToken: "mine"}},
		"AKS": {nil, azureIDs.and(variables{"ARM_USE_AKS_WORKLOAD_IDENTITY": "true",
			"AZURE_FEDERATED_TOKEN_FILE": "/t"}), tenantB, client2, auth.WorkloadIdentity{Path: "/t"}},
		"user-assigned managed identity": {nil, armIDs.and(variables{"ARM_USE_MSI": "true"}), tenantA, client1,
			auth.ManagedIdentity{}},
		"system-assigned managed identity": {values{"use_msi": true}, nil, "", "", auth.ManagedIdentity{}},
		"system-assigned managed identity of a tenant": {values{"use_msi": true, "tenant_id": tenantA}, nil, tenantA, "",
			auth.ManagedIdentity{}},
		"use_oidc of a pipeline's configuration, at home": {values{"use_oidc": true, "tenant_id": tenantA}, nil, tenantA, "",
			auth.AzureCLI{}},
		"an odd tenant that nobody uses": {nil,
			armSecret.and(variables{"AZURE_TENANT_ID": "contoso.onmicrosoft.com"}), tenantA, client1, secret},
		"an odd certificate that nobody uses": {values{"tenant_id": tenantA, "client_id": client1,
			"client_secret": secret1}, variables{"ARM_CLIENT_CERTIFICATE": "!"}, tenantA, client1, secret},
		"a password that belongs to another one": {values{"tenant_id": tenantA, "client_id": client1,
			"client_certificate_path": "/c"},
			variables{"ARM_CLIENT_CERTIFICATE_PATH": "/d",
				"ARM_CLIENT_CERTIFICATE_PASSWORD": "p"}, tenantA, client1, auth.ClientCertificate{Path: "/c"}},
		"Azure CLI":                         {nil, nil, "", "", auth.AzureCLI{}},
		"Azure CLI of a tenant":             {values{"tenant_id": tenantA}, nil, tenantA, "", auth.AzureCLI{}},
		"Azure CLI of a tenant by variable": {nil, variables{"ARM_TENANT_ID": tenantA}, tenantA, "", auth.AzureCLI{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := identity(t, c.given, c.env)
			expectNone(t, problems)
			if !strings.EqualFold(got.TenantID, c.tenant) || got.ClientID != c.client || !reflect.DeepEqual(got.Credential,
				c.credential) {
				t.Errorf("identity %+v", got)
			}
		})
	}
}

func TestProvider_MixedAndHalfIdentitiesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		given values
		env   variables
		want  []string
	}{
		"IDs configured, secret in ARM": {values{"tenant_id": tenantA, "client_id": client1},
			variables{"ARM_CLIENT_SECRET": secret1}, []string{"tenant_id: Error: Mixed", "client_id", "ARM_CLIENT_SECRET"}},
		"another tenant configured": {values{"tenant_id": tenantB}, armSecret, []string{"tenant_id: Error: Mixed",
			"ARM_TENANT_ID", "ARM_CLIENT_SECRET"}},
		"another client configured": {values{"client_id": client2}, armSecret, []string{"client_id: Error: Mixed",
			"ARM_CLIENT_ID"}},
		"secret configured, IDs in ARM": {values{"client_secret": secret1}, armIDs,
			[]string{"client_secret: Error: Mixed", "ARM_TENANT_ID", "ARM_CLIENT_ID"}},
		"IDs in ARM, secret in AZURE": {nil, armIDs.and(variables{"AZURE_CLIENT_SECRET": secret1}),
			[]string{"ARM_TENANT_ID", "AZURE_CLIENT_SECRET", "Mixed"}},
		"a tenant in ARM, another in AZURE": {nil, azureIDs.and(variables{"ARM_TENANT_ID": tenantA,
			"AZURE_CLIENT_SECRET": secret1}), []string{"ARM_TENANT_ID", "AZURE_TENANT_ID", "Mixed"}},
		"a client without credential": {values{"tenant_id": tenantA, "client_id": client1}, nil,
			[]string{"tenant_id: Error: Incomplete", "credential"}},
		"a client without credential in ARM": {nil, armIDs, []string{"ARM_CLIENT_ID", "credential"}},
		"a secret without client": {nil, variables{"ARM_TENANT_ID": tenantA, "ARM_CLIENT_SECRET": secret1},
			[]string{"ARM_CLIENT_SECRET", "client_id"}},
		"a secret without tenant": {values{"client_id": client1, "client_secret": secret1}, nil,
			[]string{"client_id: Error: Incomplete", "tenant_id"}},
		"GitHub without tenant": {nil, github.and(oidcOn).and(variables{"ARM_CLIENT_ID": client1}),
			[]string{"ARM_CLIENT_ID", "ARM_TENANT_ID"}},
		"nothing at all": {values{"use_cli": false}, nil,
			[]string{"use_cli: Error: Nothing to sign in with", "ARM_CLIENT_SECRET", "az login"}},
		"an odd switch": {nil, variables{"ARM_USE_OIDC": "perhaps"},
			[]string{"ARM_USE_OIDC", "perhaps"}},
		"a tenant's domain": {nil, armSecret.and(variables{"ARM_TENANT_ID": "contoso.onmicrosoft.com"}),
			[]string{"ARM_TENANT_ID", "contoso.onmicrosoft.com", "GUID"}},
		"a client ID that is none": {nil, armSecret.and(variables{"ARM_CLIENT_ID": "banana"}),
			[]string{"variable ARM_CLIENT_ID: ", "banana", "GUID"}},
		"a managed identity that is none": {nil, variables{"ARM_CLIENT_ID": "banana", "ARM_USE_MSI": "true"},
			[]string{"ARM_CLIENT_ID", "banana", "GUID"}},
		"the tenant's domain for the CLI": {nil, variables{"ARM_TENANT_ID": "contoso.onmicrosoft.com"},
			[]string{"ARM_TENANT_ID", "GUID"}},
		"the same secret configured": {values{"client_secret": secret1}, armSecret,
			[]string{"client_secret: Error: Mixed", "client_secret is set as well as the identity of ARM_TENANT_ID",
				"Remove client_secret"}},
		"certificate configured, password in ARM": {values{"tenant_id": tenantA, "client_id": client1,
			"client_certificate_path": "/c"}, variables{"ARM_CLIENT_CERTIFICATE_PASSWORD": "p"},
			[]string{"client_certificate_path: Error: Mixed", "client_certificate_path, and a password in " +
				"ARM_CLIENT_CERTIFICATE_PASSWORD", "client_certificate_password"}},
		"certificate in ARM, password in AZURE": {nil, armIDs.and(variables{"ARM_CLIENT_CERTIFICATE_PATH": "/c",
			"AZURE_CLIENT_CERTIFICATE_PASSWORD": "p"}),
			[]string{"Mixed", "ARM_CLIENT_CERTIFICATE_PATH", "AZURE_CLIENT_CERTIFICATE_PASSWORD"}},
		"password configured, certificate in ARM": {values{"client_certificate_password": "p"},
			armIDs.and(variables{"ARM_CLIENT_CERTIFICATE_PATH": "/c"}),
			[]string{"client_certificate_password: Error: Mixed", "ARM_CLIENT_CERTIFICATE_PATH"}},
		"a password alone": {nil, variables{"ARM_CLIENT_CERTIFICATE_PASSWORD": "p"}, []string{"Incomplete",
			"ARM_CLIENT_CERTIFICATE_PASSWORD", "client_id"}},
		"GitHub without client": {nil, github.and(oidcOn).and(variables{"ARM_TENANT_ID": tenantA}),
			[]string{"Incomplete", "ARM_TENANT_ID", "use_oidc", "What is missing is the client (client_id, ARM_CLIENT_ID or " +
				"AZURE_CLIENT_ID)."}},
		"GitHub and nothing else": {nil, github.and(oidcOn), []string{"Incomplete", "the tenant", "the client"}},
		"Azure Pipelines, no client": {nil, pipelines.and(oidcOn).and(variables{"ARM_TENANT_ID": tenantA}),
			[]string{"Incomplete", "the client", "credential"}},
		"AKS without client": {nil, variables{"ARM_TENANT_ID": tenantA, "ARM_USE_AKS_WORKLOAD_IDENTITY": "true",
			"AZURE_FEDERATED_TOKEN_FILE": "/t"}, []string{"Incomplete", "use_aks_workload_identity", "What is missing is the " +
			"client (client_id, ARM_CLIENT_ID or AZURE_CLIENT_ID)."}},
		"AKS without client and file": {values{"tenant_id": tenantA, "use_aks_workload_identity": true}, nil,
			[]string{"tenant_id: Error: Incomplete", "the client", "AZURE_FEDERATED_TOKEN_FILE"}},
		"a certificate that is not base64": {values{"tenant_id": tenantA, "client_id": client1,
			"client_certificate": secret1 + "!"}, nil, []string{"client_certificate: ", "base64"}},
		"a token without the switch": {values{"tenant_id": tenantA, "client_id": client1, "oidc_token": secret1}, nil,
			[]string{"oidc_token: ", "use_oidc = true"}},
		"a connection without a pipeline": {nil,
			armIDs.and(oidcOn).and(variables{"ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID": "sc"}),
			[]string{"ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "SYSTEM_ACCESSTOKEN: $(System.AccessToken)"}},
		"a pipeline without a connection": {nil, armIDs.and(oidcOn).and(pipelines), []string{"ARM_CLIENT_ID", "credential"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := identity(t, c.given, c.env)
			expectOne(t, problems, c.want...)
		})
	}
}

func TestProvider_TokenRequestIsNotPutTogetherFromTwoPlaces(t *testing.T) {
	// The pipeline's token is a secret of the pipeline: it must not go to a URL from elsewhere.
	got := tokenRequest(model(t, values{"oidc_request_url": "https://elsewhere.example"}), github.get)
	if got.url != "https://github.example/token" || got.token != "bearer" {
		t.Errorf("%+v", got)
	}
}
