package provider

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/attribute"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/signin"
)

// candidate is what one source says of the identity. Identities are not put together from several: half of one
// pipeline's and half of another's would be somebody whom nobody chose.
type candidate struct {
	tenant, client, proof setting // proof: what the credential was made of
	credential            signin.Credential
}

func (c candidate) complete() bool { return c.tenant.set() && c.client.set() && c.credential != nil }

// parts are the settings that the source has, in the order tenant, client, credential.
func (c candidate) parts() []setting {
	var parts []setting
	for _, s := range []setting{c.tenant, c.client, c.proof} {
		if s.set() {
			parts = append(parts, s)
		}
	}
	return parts
}

// methods are the ways to sign in that are switched on.
type methods struct{ oidc, aks, msi, cli bool }

// resolveIdentity chooses who signs in: the first source that has tenant, client and credential, of configuration,
// ARM_* and AZURE_*; with none, the managed identity or the Azure CLI. The order of credentials is azuread's.
func resolveIdentity(m Model, env getenv, diags *diag.Diagnostics) signin.Identity {
	on := methods{
		oidc: flag(m.UseOIDC, env, "ARM_USE_OIDC", false, diags),
		aks:  flag(m.UseAKSWorkloadIdentity, env, "ARM_USE_AKS_WORKLOAD_IDENTITY", false, diags),
		msi:  flag(m.UseMSI, env, "ARM_USE_MSI", false, diags),
		cli:  flag(m.UseCLI, env, "ARM_USE_CLI", true, diags),
	}
	request := tokenRequest(m, env)
	candidates := []candidate{fromConfiguration(m, on, request, diags), fromARM(env, on, request, diags), fromAZURE(env)}
	for i := range candidates {
		if c := &candidates[i]; c.credential == nil && c.client.set() {
			c.credential = ofTheMachine(on, env, request)
		}
		if s := candidates[i].tenant; s.set() && !attribute.IsGUID(s.value) {
			s.report(diags, "Not a GUID", fmt.Sprintf("%q is not the ID of a tenant. It is a GUID: Entra admin center > Overview > Tenant ID.", s.value))
		}
	}
	if diags.HasError() {
		return signin.Identity{}
	}
	for i, c := range candidates {
		if c.complete() {
			refuseMix(candidates[:i], c, diags)
			return signin.Identity{TenantID: c.tenant.value, ClientID: c.client.value, Credential: c.credential}
		}
	}
	return withoutCredential(candidates, on, diags)
}

// flag returns the attribute's value, else the variable's, else the default.
func flag(value types.Bool, env getenv, variable string, otherwise bool, diags *diag.Diagnostics) bool {
	if !value.IsNull() {
		return value.ValueBool()
	}
	text := env(variable)
	if text == "" {
		return otherwise
	}
	on, err := strconv.ParseBool(text)
	if err != nil {
		diags.AddError("Neither true nor false", fmt.Sprintf("Environment variable %s is %q. It must be true or false.", variable, text))
	}
	return on
}

func fromConfiguration(m Model, on methods, request pipeline, diags *diag.Diagnostics) candidate {
	at := func(name string, value types.String) setting { return setting{value.ValueString(), name, true} }
	c := candidate{tenant: at("tenant_id", m.TenantID), client: at("client_id", m.ClientID)}
	c.prove(given{
		certificate: at("client_certificate", m.ClientCertificate), certificatePath: at("client_certificate_path", m.ClientCertificatePath),
		password: m.ClientCertificatePassword.ValueString(),
		secret:   at("client_secret", m.ClientSecret), secretPath: at("client_secret_file_path", m.ClientSecretFilePath),
		token: at("oidc_token", m.OIDCToken), tokenPath: at("oidc_token_file_path", m.OIDCTokenFilePath),
		connection: at("ado_pipeline_service_connection_id", m.ADOPipelineServiceConnectionID),
	}, on, request, diags)
	if c.credential == nil && !on.oidc {
		for _, s := range []setting{at("oidc_token", m.OIDCToken), at("oidc_token_file_path", m.OIDCTokenFilePath), at("ado_pipeline_service_connection_id", m.ADOPipelineServiceConnectionID)} {
			if s.set() {
				s.report(diags, "OIDC is not switched on", s.name+" is used with use_oidc = true only. Add that, or remove "+s.name+".")
			}
		}
	}
	return c
}

func fromARM(env getenv, on methods, request pipeline, diags *diag.Diagnostics) candidate {
	c := candidate{tenant: variable(env, "ARM_TENANT_ID"), client: variable(env, "ARM_CLIENT_ID")}
	c.prove(given{
		certificate: variable(env, "ARM_CLIENT_CERTIFICATE"), certificatePath: variable(env, "ARM_CLIENT_CERTIFICATE_PATH"),
		password: env("ARM_CLIENT_CERTIFICATE_PASSWORD"),
		secret:   variable(env, "ARM_CLIENT_SECRET"), secretPath: variable(env, "ARM_CLIENT_SECRET_FILE_PATH"),
		token: variable(env, "ARM_OIDC_TOKEN"), tokenPath: variable(env, "ARM_OIDC_TOKEN_FILE_PATH"),
		connection: firstSet(variable(env, "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID"), variable(env, "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID")),
	}, on, request, diags)
	return c
}

// fromAZURE reads the variables of Microsoft's own SDKs (azidentity: EnvironmentCredential).
func fromAZURE(env getenv) candidate {
	c := candidate{tenant: variable(env, "AZURE_TENANT_ID"), client: variable(env, "AZURE_CLIENT_ID")}
	c.prove(given{
		certificatePath: variable(env, "AZURE_CLIENT_CERTIFICATE_PATH"), password: env("AZURE_CLIENT_CERTIFICATE_PASSWORD"),
		secret: variable(env, "AZURE_CLIENT_SECRET"),
	}, methods{}, pipeline{}, nil)
	return c
}

func variable(env getenv, name string) setting { return setting{env(name), name, false} }

func firstSet(settings ...setting) setting {
	for _, s := range settings {
		if s.set() {
			return s
		}
	}
	return setting{}
}

// given are the credentials that a source names.
type given struct {
	certificate, certificatePath setting
	password                     string
	secret, secretPath           setting
	token, tokenPath             setting
	connection                   setting // ID of an Azure DevOps service connection
}

// prove makes the candidate's credential of what its source gives, in azuread's order.
func (c *candidate) prove(g given, on methods, request pipeline, diags *diag.Diagnostics) {
	switch {
	case g.certificate.set():
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(g.certificate.value), ""))
		if err != nil {
			g.certificate.report(diags, "Not base64", "The client certificate has to be a PFX file in base64.")
		}
		c.proof, c.credential = g.certificate, signin.ClientCertificate{Data: data, Password: g.password}
	case g.certificatePath.set():
		c.proof, c.credential = g.certificatePath, signin.ClientCertificate{Path: g.certificatePath.value, Password: g.password}
	case g.secret.set():
		c.proof, c.credential = g.secret, signin.ClientSecret{Value: g.secret.value}
	case g.secretPath.set():
		c.proof, c.credential = g.secretPath, signin.ClientSecret{Path: g.secretPath.value}
	case on.oidc && g.token.set():
		c.proof, c.credential = g.token, signin.OIDCToken{Value: g.token.value}
	case on.oidc && g.tokenPath.set():
		c.proof, c.credential = g.tokenPath, signin.OIDCToken{Path: g.tokenPath.value}
	case on.oidc && g.connection.set():
		if !request.complete() {
			g.connection.report(diags, "Azure Pipelines gives no token", fmt.Sprintf(
				"To sign in with the service connection %s, the pipeline's token is needed. Pass it to the task:\n\n  env:\n    SYSTEM_ACCESSTOKEN: $(System.AccessToken)", g.connection.value))
		}
		c.proof, c.credential = g.connection, signin.AzureDevOpsOIDC{RequestURL: request.url, RequestToken: request.token, ServiceConnectionID: g.connection.value}
	}
}

// pipeline is where a pipeline gives out tokens, and what it wants for one.
type pipeline struct {
	url, token string
	azure      bool // Azure Pipelines, which wants a service connection as well
}

func (p pipeline) complete() bool { return p.url != "" && p.token != "" }

// tokenRequest takes URL and token from one place: the token is a secret of whoever answers at the URL.
func tokenRequest(m Model, env getenv) pipeline {
	for _, p := range []pipeline{
		{url: m.OIDCRequestURL.ValueString(), token: m.OIDCRequestToken.ValueString()},
		{url: env("ARM_OIDC_REQUEST_URL"), token: env("ARM_OIDC_REQUEST_TOKEN")},
		{url: env("ACTIONS_ID_TOKEN_REQUEST_URL"), token: env("ACTIONS_ID_TOKEN_REQUEST_TOKEN")},
		{url: env("SYSTEM_OIDCREQUESTURI"), token: env("SYSTEM_ACCESSTOKEN"), azure: true},
	} {
		if p.complete() {
			return p
		}
	}
	return pipeline{}
}

// ofTheMachine is the credential that goes with a client ID where its source has none of its own, or nil.
func ofTheMachine(on methods, env getenv, request pipeline) signin.Credential {
	switch file := env("AZURE_FEDERATED_TOKEN_FILE"); {
	case on.oidc && request.complete() && !request.azure:
		return signin.GitHubOIDC{RequestURL: request.url, RequestToken: request.token}
	case on.aks && file != "":
		return signin.WorkloadIdentity{Path: file}
	case on.msi:
		return signin.ManagedIdentity{}
	}
	return nil
}

const oneSource = "Tenant, client and credential have to come from one source: the configuration, the ARM_* variables, or the AZURE_* variables."

// refuseMix reports what sources of higher rank say otherwise than the chosen one.
func refuseMix(before []candidate, chosen candidate, diags *diag.Diagnostics) {
	for _, c := range before {
		for _, s := range c.parts() {
			if s.name == c.tenant.name && strings.EqualFold(s.value, chosen.tenant.value) || s.name == c.client.name && strings.EqualFold(s.value, chosen.client.value) {
				continue
			}
			s.blame(diags, "Mixed identities", fmt.Sprintf(
				"%s says something else than the identity of %s. %s To work on another tenant, set tenant_id on its resources.", s.name, names(chosen.parts()), oneSource))
		}
	}
}

// withoutCredential decides for the managed identity or the Azure CLI where no source is complete, or says what is
// missing.
func withoutCredential(candidates []candidate, on methods, diags *diag.Diagnostics) signin.Identity {
	var chosen candidate
	for i, c := range candidates {
		if len(c.parts()) == 0 {
			continue
		}
		if others := strangers(c, candidates[i+1:]); len(others) > 0 {
			c.parts()[0].blame(diags, "Mixed identities", fmt.Sprintf("The identity is split: %s here, %s there. %s", names(c.parts()), names(others), oneSource))
			return signin.Identity{}
		}
		chosen = c
		break
	}
	_, managed := chosen.credential.(signin.ManagedIdentity)
	switch {
	case chosen.credential != nil && !managed, chosen.credential == nil && chosen.client.set():
		chosen.parts()[0].blame(diags, "Incomplete identity", fmt.Sprintf("Of an application's identity there is %s. What is missing is %s.", names(chosen.parts()), missing(chosen)))
		return signin.Identity{}
	case on.msi:
		return signin.Identity{TenantID: chosen.tenant.value, ClientID: chosen.client.value, Credential: signin.ManagedIdentity{}}
	case on.cli:
		return signin.Identity{TenantID: chosen.tenant.value, Credential: signin.AzureCLI{}}
	}
	diags.AddAttributeError(path.Root("use_cli"), "Nothing to sign in with",
		"There is no credential, and the Azure CLI is switched off. Set ARM_TENANT_ID, ARM_CLIENT_ID and ARM_CLIENT_SECRET (or a certificate, or OIDC), or run az login and set use_cli = true.")
	return signin.Identity{}
}

// strangers are the parts that the candidate lacks, and another source has.
func strangers(c candidate, others []candidate) []setting {
	var found []setting
	for _, other := range others {
		if !c.tenant.set() && other.tenant.set() {
			found = append(found, other.tenant)
		}
		if !c.client.set() && other.client.set() {
			found = append(found, other.client)
		}
		if !c.proof.set() && other.proof.set() {
			found = append(found, other.proof)
		}
	}
	return found
}

func missing(c candidate) string {
	var lacking []string
	if !c.tenant.set() {
		lacking = append(lacking, "the tenant (tenant_id or ARM_TENANT_ID)")
	}
	if !c.client.set() {
		lacking = append(lacking, "the client (client_id or ARM_CLIENT_ID)")
	}
	if c.credential == nil {
		lacking = append(lacking, "a credential (a client certificate, a client secret, or OIDC with use_oidc = true and a token, a token's file, or a pipeline that gives tokens)")
	}
	return strings.Join(lacking, " and ")
}

func names(settings []setting) string {
	var list []string
	for _, s := range settings {
		list = append(list, s.name)
	}
	return strings.Join(list, ", ")
}
