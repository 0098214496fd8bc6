// Package login simulates the Microsoft identity platform: OpenID discovery, signing keys, and the client-credentials
// token endpoint.
package login

import (
	"cmp"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// API is the sign-in service over the tenants of a world.
type API struct {
	world   *tenant.World
	issuer  *token.Issuer
	origin  string // where it is served, without a slash at the end
	unknown unknownCredentials
}

// New returns an API that is served at an origin, such as https://127.0.0.1:8443.
func New(world *tenant.World, issuer *token.Issuer, origin string) *API {
	return &API{world: world, issuer: issuer, origin: origin, unknown: unknownCredentials{made: map[string]time.Time{}}}
}

// Routes serves the tenants' sign-in endpoints. They are below "/" because their first segment is a tenant:
// on the outer mux it could be any other API's as well.
func (a *API) Routes(mux *http.ServeMux) {
	perTenant := http.NewServeMux()
	perTenant.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", a.serveDiscovery)
	perTenant.HandleFunc("GET /{tenant}/discovery/v2.0/keys", a.serveKeys)
	perTenant.HandleFunc("POST /{tenant}/oauth2/v2.0/token", a.serveToken)
	mux.Handle("/", perTenant)
	mux.HandleFunc("GET /common/discovery/instance", a.serveInstanceDiscovery)
	mux.HandleFunc("GET /metadata/endpoints", a.serveCloudMetadata)
}

// signInTenant finds the tenant of the request's path by its ID or one of its verified domains.
func (a *API) signInTenant(r *http.Request) (*tenant.Tenant, *signInError) {
	name := r.PathValue("tenant")
	if t, found := a.world.Find(name); found {
		tenant.NoteTenant(r, t.ID)
		return t, nil
	}
	if uuid.Validate(name) != nil && !strings.Contains(name, ".") {
		return nil, malformedTenant.with(name)
	}
	return nil, unknownTenant.with(name)
}

// serveDiscovery answers with the tenant's OpenID configuration (OpenID Connect Discovery 1.0). Entra's own answer
// names a further dozen endpoints, none of which an application that signs in as itself goes to.
func (a *API) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	t, refusal := a.signInTenant(r)
	if refusal != nil {
		refusal.kind = "invalid_tenant"
		a.refuse(w, r, refusal)
		return
	}
	base := a.origin + "/" + t.ID
	w.Header().Set("Cache-Control", "max-age=86400, private")
	writeJSON(w, http.StatusOK, map[string]any{
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"tenant_region_scope":                   "EU",
		"cloud_instance_name":                   r.Host,
		"msgraph_host":                          r.Host,
	})
}

func (a *API) serveKeys(w http.ResponseWriter, r *http.Request) {
	if _, refusal := a.signInTenant(r); refusal != nil {
		a.refuse(w, r, refusal)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": []token.JSONWebKey{a.issuer.PublicKey()}})
}

// serveInstanceDiscovery tells clients which hosts are one and the same cloud: here, this one alone.
func (a *API) serveInstanceDiscovery(w http.ResponseWriter, r *http.Request) {
	tenant := "common"
	if authorize, err := url.Parse(r.URL.Query().Get("authorization_endpoint")); err == nil {
		tenant = cmp.Or(strings.Split(strings.Trim(authorize.Path, "/"), "/")[0], tenant)
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": a.origin + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []map[string]any{{
			"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host},
		}},
	})
}

// serveCloudMetadata describes the cloud to programs that are given a metadata host, such as HashiCorp's providers
// (Azure Resource Manager: metadata endpoints, api-version 2022-09-01).
func (a *API) serveCloudMetadata(w http.ResponseWriter, r *http.Request) {
	origin := a.origin
	writeJSON(w, http.StatusOK, map[string]any{
		"name":   "Sandbox",
		"portal": origin,
		"authentication": map[string]any{
			"loginEndpoint": origin, "audiences": []string{origin}, "tenant": "common", "identityProvider": "AAD",
		},
		"resourceManager":          origin + "/",
		"graph":                    origin + "/",
		"graphAudience":            origin + "/",
		"microsoftGraphResourceId": origin + "/",
		"batch":                    origin + "/",
		"media":                    origin,
		"gallery":                  origin,
		"suffixes":                 map[string]string{},
	})
}

// serveToken is the OAuth 2.0 token endpoint, for an application that signs in as itself (Microsoft identity
// platform: OAuth 2.0 client credentials flow).
func (a *API) serveToken(w http.ResponseWriter, r *http.Request) {
	t, refusal := a.signInTenant(r)
	if refusal == nil {
		var signed string
		if signed, refusal = a.clientCredentials(t, r); refusal == nil {
			seconds := int(token.Lifetime.Seconds())
			noStore(w)
			writeJSON(w, http.StatusOK, map[string]any{
				"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": signed,
			})
			return
		}
	}
	a.refuse(w, r, refusal)
}

const maxTokenRequest = 64 << 10

func (a *API) clientCredentials(t *tenant.Tenant, r *http.Request) (string, *signInError) {
	r.Body = http.MaxBytesReader(nil, r.Body, maxTokenRequest)
	if err := r.ParseForm(); err != nil {
		return "", missingParameter.with("grant_type")
	}
	for _, name := range []string{"grant_type", "client_id", "scope"} {
		if r.PostForm.Get(name) == "" {
			return "", missingParameter.with(name)
		}
	}
	if grant := r.PostForm.Get("grant_type"); grant != "client_credentials" {
		return "", unsupportedGrant.with(grant)
	}
	clientID := r.PostForm.Get("client_id")
	notes := tenant.NotesOf(r)
	notes.Meaning = "sign in"
	if id, err := uuid.Parse(clientID); err != nil || id == uuid.Nil {
		return "", malformedClientID.with(clientID)
	}
	notes.Caller = &tenant.Asker{ClientID: clientID}
	if refusal := refusesSignIn(t, clientID); refusal != nil {
		return "", refusal
	}
	seen := a.world.ViewsOf(r, t)
	a.world.NoteView(r, "credentials", seen.SignIn)
	registration, refusal := a.signInRegistration(seen.SignIn, t, clientID)
	if refusal != nil {
		return "", refusal
	}
	notes.Caller.Name, notes.Caller.ObjectID = registration.principal.DisplayName, registration.principal.ID
	if a.remembered(r, t, r.PostForm) {
		notes.Meaning += ", refused from memory"
		registration.application.Keys, registration.application.Passwords = nil, nil
	}
	method, refusal := a.authenticate(t, registration.application, r.PostForm)
	if refusal != nil {
		a.remember(r, t, r.PostForm, refusal)
		return "", refusal
	}
	api, refusal := a.requestedAPI(t, r.PostForm.Get("scope"))
	if refusal != nil {
		return "", refusal
	}
	notes.Meaning += " for " + api.DisplayName
	a.world.NoteView(r, "consents", seen.Roles)
	roles := a.grantedRoles(seen.Roles, t, registration.principal, api.AppID)
	if len(roles) == 0 && a.asksForAssignment(t, api.AppID) {
		return "", unassigned.with(api.DisplayName)
	}
	signed, err := a.issuer.Issue(t, registration.principal, method, api.Audience, roles)
	if err != nil {
		return "", serverFault.with(err.Error())
	}
	return signed, nil
}

// refusesSignIn is the refusal that the control plane has set for an application, or nil.
func refusesSignIn(t *tenant.Tenant, clientID string) *signInError {
	t.Lock()
	defer t.Unlock()
	if code := t.Refused[strings.ToLower(clientID)]; code > 0 {
		return refusalOf(code, clientID, t.ID)
	}
	return nil
}

// asksForAssignment reports whether an API wants its clients to have been assigned a role (appRoleAssignmentRequired).
// Where it does not, Entra issues a token without roles.
func (a *API) asksForAssignment(t *tenant.Tenant, apiAppID string) bool {
	t.Lock()
	defer t.Unlock()
	api, found := t.ServicePrincipalByAppID(tenant.Present(), apiAppID)
	return found && api.AppRoleAssignmentNeeds
}

// registeredApp is an application with its presence in the tenant that it signs in to.
type registeredApp struct {
	application tenant.Application
	principal   tenant.ServicePrincipal
}

// signInRegistration finds an application by what makes it known in a tenant, its service principal there. The
// application object, which holds the credentials, may live in another tenant.
func (a *API) signInRegistration(seen tenant.View, t *tenant.Tenant, clientID string) (registeredApp, *signInError) {
	notFound := unknownApplication.with(clientID, t.DisplayName)
	t.Lock()
	principal, found := t.ServicePrincipalByAppID(seen, clientID)
	t.Unlock()
	if !found {
		return registeredApp{}, notFound
	}
	home, found := a.world.Find(principal.AppOwnerTenantID)
	if !found {
		return registeredApp{}, notFound
	}
	home.Lock()
	object, found := home.ApplicationByAppID(seen, clientID)
	home.Unlock()
	if !found {
		return registeredApp{}, notFound
	}
	if !principal.Enabled || object.IsDisabled {
		return registeredApp{}, disabledApplication.with(clientID, principal.DisplayName)
	}
	return registeredApp{object, principal}, nil
}

const jwtBearerAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticate proves that the request comes from the application, and returns the method as appidacr has it.
func (a *API) authenticate(t *tenant.Tenant, app tenant.Application, form url.Values) (method string,
	refusal *signInError) {
	switch secret, assertion := form.Get("client_secret"), form.Get("client_assertion"); {
	case assertion != "" && form.Get("client_assertion_type") == jwtBearerAssertion:
		return "2", a.checkAssertion(t, app, assertion)
	case secret != "":
		return "1", a.checkSecret(app, secret)
	default:
		return "", missingCredential.with()
	}
}

func (a *API) checkSecret(app tenant.Application, secret string) *signInError {
	at := slices.IndexFunc(app.Passwords, func(p tenant.PasswordCredential) bool {
		return subtle.ConstantTimeCompare([]byte(p.Secret), []byte(secret)) == 1
	})
	switch {
	case at < 0:
		return wrongSecret.with(app.AppID)
	case !a.world.Now().Before(app.Passwords[at].End):
		return expiredSecret.with(app.AppID)
	case a.world.Now().Before(app.Passwords[at].Start):
		return wrongSecret.with(app.AppID) // the code is unconfirmed
	default:
		return nil
	}
}

// requestedAPI reads the scope parameter: the one API whose /.default is asked for. MSAL adds three OpenID scopes to
// every request; they mean nothing without a user.
func (a *API) requestedAPI(t *tenant.Tenant, scope string) (tenant.FirstPartyAPI, *signInError) {
	wanted := slices.DeleteFunc(strings.Fields(scope), func(part string) bool {
		return part == "openid" || part == "offline_access" || part == "profile"
	})
	if len(wanted) > 1 {
		return tenant.FirstPartyAPI{}, severalScopes.with(scope)
	}
	if len(wanted) == 0 || !strings.HasSuffix(wanted[0], "/.default") {
		return tenant.FirstPartyAPI{}, notDefaultScope.with(scope)
	}
	resource := strings.TrimSuffix(wanted[0], "/.default")
	identifier := strings.TrimRight(resource, "/")
	for _, api := range tenant.FirstPartyAPIs {
		// Programs that learned of the sandbox by the cloud metadata know Graph by the sandbox's own origin.
		if !strings.EqualFold(identifier, api.AppID) && !slices.Contains(api.Identifiers, identifier) &&
			(api.AppID != tenant.GraphAppID || identifier != a.origin) {
			continue
		}
		t.Lock()
		_, present := t.ServicePrincipalByAppID(tenant.Present(), api.AppID)
		t.Unlock()
		if present {
			return api, nil
		}
	}
	return tenant.FirstPartyAPI{}, unknownResource.with(resource, t.DisplayName)
}

// grantedRoles are the names of the application permissions that the principal holds on the API, for the roles claim.
func (a *API) grantedRoles(seen tenant.View, t *tenant.Tenant, principal tenant.ServicePrincipal,
	apiAppID string) []string {
	t.Lock()
	defer t.Unlock()
	api, found := t.ServicePrincipalByAppID(seen, apiAppID)
	if !found {
		return nil
	}
	var names []string
	for _, grant := range t.GrantsOf(seen, principal.ID) {
		if grant.ResourceID != api.ID {
			continue
		}
		for _, role := range api.AppRoles {
			if role.ID == grant.AppRoleID && role.IsEnabled && !slices.Contains(names, role.Value) {
				names = append(names, role.Value)
			}
		}
	}
	return names
}

func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store, no-cache")
	w.Header().Set("Pragma", "no-cache")
	w.Header().Set("Expires", "-1")
	w.Header().Set("x-ms-request-id", uuid.NewString())
	w.Header().Set("x-ms-ests-server", "2.1.22000.4 - Sandbox ProdSlices")
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody is left to be told
}
