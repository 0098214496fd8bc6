package provider

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
)

// candidate is what one source says of the identity. An identity is never put together from several: half of one
// pipeline's and half of another's would be an identity that nobody chose.
type candidate struct {
	tenant, client setting
	proof          setting // that the credential was made of
	password       setting // of a certificate; it has its name where it is not set, too
	credential     auth.Credential
	problems       diag.Diagnostics // with what is set, reported if it is chosen
}

func (c candidate) complete() bool { return c.tenant.set() && c.client.set() && c.credential != nil }

func (c candidate) identity() auth.Identity {
	return auth.Identity{TenantID: c.tenant.value, ClientID: c.client.value, Credential: c.credential}
}

// parts are the settings that the source has, in the order tenant, client, credential.
func (c candidate) parts() []setting {
	var parts []setting
	for _, s := range []setting{c.tenant, c.client, c.proof, c.password} {
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
func resolveIdentity(m Model, env getenv, diags *diag.Diagnostics) candidate {
	on := methods{
		oidc: flag(m.UseOIDC, env, "ARM_USE_OIDC", false, diags),
		aks:  flag(m.UseAKSWorkloadIdentity, env, "ARM_USE_AKS_WORKLOAD_IDENTITY", false, diags),
		msi:  flag(m.UseMSI, env, "ARM_USE_MSI", false, diags),
		cli:  flag(m.UseCLI, env, "ARM_USE_CLI", true, diags),
	}
	request := tokenRequest(m, env)
	candidates := []candidate{fromConfiguration(m, on, request, diags), fromARM(env, on, request), fromAZURE(env)}
	ambient := ambientCredential(on, env, request)
	for i := range candidates {
		if c := &candidates[i]; c.credential == nil && c.client.set() {
			c.credential = ambient
		}
	}
	if diags.HasError() {
		return candidate{}
	}
	for i, c := range candidates {
		if c.complete() {
			refuseMix(candidates[:i], c, diags)
			refuseForeignPassword(c, candidates[i+1:], diags)
			diags.Append(c.problems...)
			c.checkIDs(diags)
			return c
		}
	}
	chosen := withoutCredential(candidates, on, ambient, request, diags)
	chosen.checkIDs(diags)
	return chosen
}

// blame reports, where its setting is, why the credential cannot be used.
func (c candidate) blame(err error, diags *diag.Diagnostics) {
	const summary = "Cannot sign in"
	detail := fmt.Sprintf("The provider cannot sign in: %v.", err)
	switch {
	case !c.proof.set():
		diags.AddError(summary, detail)
	case errors.Is(err, auth.ErrPassword) && c.password.set():
		c.password.report(diags, summary, detail)
	case errors.Is(err, auth.ErrPassword):
		c.proof.report(diags, summary, detail+" Its password is to be set in "+c.password.name+".")
	default:
		c.proof.report(diags, summary, detail)
	}
}

// checkIDs checks what was chosen: a variable that is not used may hold anything.
func (c candidate) checkIDs(diags *diag.Diagnostics) {
	if c.tenant.set() && !guid.Valid(c.tenant.value) {
		c.tenant.report(diags, "Not a GUID", fmt.Sprintf("%q is not the ID of a tenant. It is a GUID: Entra admin center "+
			"> Overview > Tenant ID.", c.tenant.value))
	}
	if c.client.set() && !guid.Valid(c.client.value) {
		c.client.report(diags, "Not a GUID", fmt.Sprintf("%q is not a client ID. It is a GUID: Entra admin center > App "+
			"registrations > the application > Application (client) ID.", c.client.value))
	}
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
		diags.AddError("Neither true nor false", fmt.Sprintf("Environment variable %s is %q. It must be true or false.",
			variable, text))
	}
	return on
}

func fromConfiguration(m Model, on methods, request pipeline, diags *diag.Diagnostics) candidate {
	at := func(name string, value types.String) setting { return setting{value.ValueString(), name, true} }
	c := candidate{tenant: at("tenant_id", m.TenantID), client: at("client_id", m.ClientID)}
	c.setCredential(given{
		certificate:     at("client_certificate", m.ClientCertificate),
		certificatePath: at("client_certificate_path", m.ClientCertificatePath),
		password:        at("client_certificate_password", m.ClientCertificatePassword),
		secret:          at("client_secret", m.ClientSecret),
		secretPath:      at("client_secret_file_path", m.ClientSecretFilePath),
		token:           at("oidc_token", m.OIDCToken),
		tokenPath:       at("oidc_token_file_path", m.OIDCTokenFilePath),
		connection:      at("ado_pipeline_service_connection_id", m.ADOPipelineServiceConnectionID),
	}, on, request)
	if c.credential == nil && !on.oidc {
		for _, s := range []setting{
			at("oidc_token", m.OIDCToken), at("oidc_token_file_path", m.OIDCTokenFilePath),
			at("ado_pipeline_service_connection_id", m.ADOPipelineServiceConnectionID),
		} {
			if s.set() {
				s.report(diags, "OIDC is not switched on", s.name+" is used with use_oidc = true only. Add that, or remove "+
					s.name+".")
			}
		}
	}
	return c
}

func fromARM(env getenv, on methods, request pipeline) candidate {
	c := candidate{tenant: variable(env, "ARM_TENANT_ID"), client: variable(env, "ARM_CLIENT_ID")}
	c.setCredential(given{
		certificate: variable(env, "ARM_CLIENT_CERTIFICATE"), certificatePath: variable(env, "ARM_CLIENT_CERTIFICATE_PATH"),
		password: variable(env, "ARM_CLIENT_CERTIFICATE_PASSWORD"),
		secret:   variable(env, "ARM_CLIENT_SECRET"), secretPath: variable(env, "ARM_CLIENT_SECRET_FILE_PATH"),
		token: variable(env, "ARM_OIDC_TOKEN"), tokenPath: variable(env, "ARM_OIDC_TOKEN_FILE_PATH"),
		connection: firstSet(variable(env, "ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID"),
			variable(env, "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID")),
	}, on, request)
	return c
}

// fromAZURE reads the variables of Microsoft's own SDKs (azidentity: EnvironmentCredential).
func fromAZURE(env getenv) candidate {
	c := candidate{tenant: variable(env, "AZURE_TENANT_ID"), client: variable(env, "AZURE_CLIENT_ID")}
	c.setCredential(given{
		certificatePath: variable(env, "AZURE_CLIENT_CERTIFICATE_PATH"),
		password:        variable(env, "AZURE_CLIENT_CERTIFICATE_PASSWORD"),
		secret:          variable(env, "AZURE_CLIENT_SECRET"),
	}, methods{}, pipeline{})
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
	password                     setting
	secret, secretPath           setting
	token, tokenPath             setting
	connection                   setting // ID of an Azure DevOps service connection
}

// setCredential makes the candidate's credential from what its source gives, in azuread's order.
func (c *candidate) setCredential(g given, on methods, request pipeline) {
	c.password = g.password
	switch {
	case g.certificate.set():
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(g.certificate.value), ""))
		if err != nil {
			g.certificate.report(&c.problems, "Not base64", "The client certificate has to be a PFX file in base64.")
		}
		c.proof, c.credential = g.certificate, auth.ClientCertificate{Data: data, Password: g.password.value}
	case g.certificatePath.set():
		c.proof, c.credential = g.certificatePath, auth.ClientCertificate{Path: g.certificatePath.value,
			Password: g.password.value}
	case g.secret.set():
		c.proof, c.credential = g.secret, auth.ClientSecret{Value: g.secret.value}
	case g.secretPath.set():
		c.proof, c.credential = g.secretPath, auth.ClientSecret{Path: g.secretPath.value}
	case on.oidc && g.token.set():
		c.proof, c.credential = g.token, auth.OIDCToken{Value: g.token.value}
	case on.oidc && g.tokenPath.set():
		c.proof, c.credential = g.tokenPath, auth.OIDCToken{Path: g.tokenPath.value}
	case on.oidc && g.connection.set():
		if !request.complete() {
			g.connection.report(&c.problems, "Azure Pipelines gives no token", fmt.Sprintf(
				"To sign in with the service connection %s, the pipeline's token is needed. Pass it to the task:\n\n  env:\n    "+
					"SYSTEM_ACCESSTOKEN: $(System.AccessToken)", g.connection.value))
		}
		c.proof, c.credential = g.connection, auth.AzureDevOpsOIDC{RequestURL: request.url, RequestToken: request.token,
			ServiceConnectionID: g.connection.value}
	}
}

// pipeline is where a pipeline gives out tokens, and what it wants for one.
type pipeline struct {
	url, token string
	azure      bool // Azure Pipelines, which wants a service connection as well
}

func (p pipeline) complete() bool { return p.url != "" && p.token != "" }

// tokenRequest takes URL and token from one place: the token is a secret that the URL's owner has given out.
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

// ambientCredential is the credential for a client ID whose source has none of its own, or nil.
func ambientCredential(on methods, env getenv, request pipeline) auth.Credential {
	switch file := env("AZURE_FEDERATED_TOKEN_FILE"); {
	case on.oidc && request.complete() && !request.azure:
		return auth.GitHubOIDC{RequestURL: request.url, RequestToken: request.token}
	case on.aks && file != "":
		return auth.WorkloadIdentity{Path: file}
	case on.msi:
		return auth.ManagedIdentity{}
	}
	return nil
}

const oneSource = "Tenant, client and credential have to come from one source: the configuration, the ARM_* " +
	"variables, or the AZURE_* variables."

// refuseMix reports what sources of higher rank say otherwise than the chosen one.
func refuseMix(before []candidate, chosen candidate, diags *diag.Diagnostics) {
	of := "the identity of " + names(chosen.parts())
	for _, c := range before {
		if s := c.tenant; s.set() && !strings.EqualFold(s.value, chosen.tenant.value) {
			s.blame(diags, "Mixed identities", fmt.Sprintf("%s conflicts with %s. %s Remove %s, or set tenant, client and "+
				"credential there. To work on another tenant, set tenant_id on its resources.", s.name, of, oneSource, s.name))
		}
		if s := c.client; s.set() && !strings.EqualFold(s.value, chosen.client.value) {
			s.blame(diags, "Mixed identities", fmt.Sprintf("%s conflicts with %s. %s Remove %s, or set tenant, client and "+
				"credential there.", s.name, of, oneSource, s.name))
		}
		for _, s := range []setting{c.proof, c.password} {
			if s.set() {
				s.blame(diags, "Mixed identities", fmt.Sprintf("%s is set as well as %s. %s Remove %s, or set tenant, client and "+
					"credential there.", s.name, of, oneSource, s.name))
			}
		}
	}
}

// refuseForeignPassword reports a password without a certificate in a source below one with a certificate and no
// password: somebody meant the two to go together.
func refuseForeignPassword(chosen candidate, after []candidate, diags *diag.Diagnostics) {
	if !chosen.byCertificate() || chosen.password.set() {
		return
	}
	for _, c := range after {
		if c.password.set() && !c.byCertificate() {
			chosen.proof.blame(diags, "Mixed identities", fmt.Sprintf("The certificate is in %s, and a password in %s. %s "+
				"Set %s, or remove %s.",
				chosen.proof.name, c.password.name, oneSource, chosen.password.name, c.password.name))
		}
	}
}

func (c candidate) byCertificate() bool {
	_, ok := c.credential.(auth.ClientCertificate)
	return ok
}

// withoutCredential decides for the managed identity or the Azure CLI where no source is complete, or says what is
// missing. ambient is the credential that a client ID could use.
func withoutCredential(candidates []candidate, on methods, ambient auth.Credential, request pipeline,
	diags *diag.Diagnostics) candidate {
	var chosen candidate
	for i, c := range candidates {
		if len(c.parts()) == 0 {
			continue
		}
		if others := elsewhere(c, candidates[i+1:]); len(others) > 0 {
			c.parts()[0].blame(diags, "Mixed identities",
				fmt.Sprintf("The identity is split between two sources: %s in one, %s in "+
					"another. %s", names(c.parts()), names(others), oneSource))
			return candidate{}
		}
		chosen = c
		break
	}
	have := chosen.parts()
	_, managed := chosen.credential.(auth.ManagedIdentity)
	begun := chosen.client.set() || chosen.proof.set() || chosen.password.set()
	if !begun {
		// A switch that is on says what was meant. Not so use_oidc where nobody gives tokens: a configuration has it for
		// its pipeline, and is used with az login elsewhere.
		switch {
		case on.oidc && request.complete():
			have, begun = append(have, setting{name: "a pipeline that gives tokens (use_oidc or ARM_USE_OIDC)"}), true
		case on.aks:
			have, begun = append(have, setting{name: "use_aks_workload_identity (or ARM_USE_AKS_WORKLOAD_IDENTITY)"}), true
		}
		chosen.credential = ambient
	}
	switch {
	case begun && !managed:
		have[0].blame(diags, "Incomplete identity", fmt.Sprintf("An application's identity needs more than %s. "+
			"What is missing is %s.", names(have), missing(chosen)))
		return candidate{}
	case on.msi:
		chosen.credential = auth.ManagedIdentity{}
		return chosen
	case on.cli:
		chosen.credential = auth.AzureCLI{}
		return chosen
	}
	diags.AddAttributeError(path.Root("use_cli"), "Nothing to sign in with",
		"There is no credential, and the Azure CLI is switched off. Set ARM_TENANT_ID, ARM_CLIENT_ID and "+
			"ARM_CLIENT_SECRET (or a certificate, or OIDC), or run az login and set use_cli = true.")
	return candidate{}
}

// elsewhere are the parts that the candidate lacks, and another source has.
func elsewhere(c candidate, others []candidate) []setting {
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
		if !c.password.set() && other.password.set() {
			found = append(found, other.password)
		}
	}
	return found
}

func missing(c candidate) string {
	var lacking []string
	if !c.tenant.set() {
		lacking = append(lacking, "the tenant (tenant_id, ARM_TENANT_ID or AZURE_TENANT_ID)")
	}
	if !c.client.set() {
		lacking = append(lacking, "the client (client_id, ARM_CLIENT_ID or AZURE_CLIENT_ID)")
	}
	if c.credential == nil {
		lacking = append(lacking, "a credential (a client certificate, a client secret, or OIDC with use_oidc = true and "+
			"a token, a token's file, or a pipeline that gives tokens, or use_aks_workload_identity = true in a pod with "+
			"AZURE_FEDERATED_TOKEN_FILE)")
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
