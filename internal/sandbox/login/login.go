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
		registration.keys, registration.passwords, registration.federated = nil, nil, nil
	}
	method, refusal := a.authenticate(t, registration, r.PostForm)
	if refusal != nil {
		a.remember(r, t, r.PostForm, refusal)
		return "", refusal
	}
	api, refusal := a.readScope(t, r.PostForm.Get("scope"))
	if refusal != nil {
		return "", refusal
	}
	notes.Meaning += " for " + api.principal.DisplayName
	a.world.NoteView(r, "consents", seen.Roles)
	roles := a.grantedRoles(seen.Roles, t, registration.principal, api.principal.AppID)
	// Where an API does not want its clients to have been assigned a role, Entra issues a token without roles.
	if len(roles) == 0 && api.principal.AppRoleAssignmentNeeds {
		return "", unassigned.with(api.principal.DisplayName)
	}
	signed, err := a.issuer.Issue(t, registration.principal, method, api.audience, roles)
	if err != nil {
		return "", serverFault.with(err.Error())
	}
	return signed, nil
}

// refusesSignIn is the refusal that the control API has set for an application, or nil.
func refusesSignIn(t *tenant.Tenant, clientID string) *signInError {
	t.Lock()
	defer t.Unlock()
	if code := t.Refused[strings.ToLower(clientID)]; code > 0 {
		return refusalOf(code, clientID, t.ID)
	}
	return nil
}

// registeredApp is an application's presence in the tenant that it signs in to, with the credentials that count there.
type registeredApp struct {
	principal tenant.ServicePrincipal
	keys      []tenant.KeyCredential
	passwords []tenant.PasswordCredential
	federated []tenant.FederatedCredential
}

// signInRegistration finds an application by what makes it known in a tenant, its service principal there. Its
// credentials are those of the service principal, which count in this tenant alone, and those of the application
// object, which may live in another tenant, or in one that is not among the sandbox's.
func (a *API) signInRegistration(seen tenant.View, t *tenant.Tenant, clientID string) (registeredApp, *signInError) {
	notFound := unknownApplication.with(clientID, t.DisplayName)
	t.Lock()
	principal, found := t.ServicePrincipalByAppID(seen, clientID)
	t.Unlock()
	if !found {
		return registeredApp{}, notFound
	}
	app := registeredApp{principal: principal, keys: principal.Keys, passwords: principal.Passwords}
	disabled := !principal.Enabled
	if home, known := a.world.Find(principal.AppOwnerTenantID); known {
		home.Lock()
		object, found := home.ApplicationByAppID(seen, clientID)
		home.Unlock()
		// That an application which its home tenant no longer shares is answered like an unknown one is unconfirmed.
		if !found || home != t && object.SignInAudience == "AzureADMyOrg" {
			return registeredApp{}, notFound
		}
		app.keys, app.passwords = slices.Concat(app.keys, object.Keys), slices.Concat(app.passwords, object.Passwords)
		app.federated = object.Federated
		disabled = disabled || object.IsDisabled
	}
	if disabled {
		return registeredApp{}, disabledApplication.with(clientID, principal.DisplayName)
	}
	return app, nil
}

const jwtBearerAssertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// authenticate proves that the request comes from the application, and returns the method as appidacr has it.
func (a *API) authenticate(t *tenant.Tenant, app registeredApp, form url.Values) (method string,
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

func (a *API) checkSecret(app registeredApp, secret string) *signInError {
	at := slices.IndexFunc(app.passwords, func(p tenant.PasswordCredential) bool {
		return !opensKey(app, p) && subtle.ConstantTimeCompare([]byte(p.Secret), []byte(secret)) == 1
	})
	switch {
	case at < 0:
		return wrongSecret.with(app.principal.AppID)
	case !a.world.Now().Before(app.passwords[at].End):
		return expiredSecret.with(app.principal.AppID)
	case a.world.Now().Before(app.passwords[at].Start):
		return wrongSecret.with(app.principal.AppID) // the code is unconfirmed
	default:
		return nil
	}
}

// opensKey reports whether a password belongs to a private key that signs tokens, and so is not a client secret.
func opensKey(app registeredApp, p tenant.PasswordCredential) bool {
	return slices.ContainsFunc(app.keys, func(k tenant.KeyCredential) bool {
		return k.Usage == token.UsageSign && k.KeyID == p.KeyID
	})
}

// requestedAPI is what a token is asked for.
type requestedAPI struct {
	principal tenant.ServicePrincipal
	audience  string
}

// readScope reads the scope parameter: the one API whose /.default is asked for. MSAL adds three OpenID scopes to
// every request; they mean nothing without a user.
func (a *API) readScope(t *tenant.Tenant, scope string) (requestedAPI, *signInError) {
	wanted := slices.DeleteFunc(strings.Fields(scope), func(part string) bool {
		return part == "openid" || part == "offline_access" || part == "profile"
	})
	if len(wanted) > 1 {
		return requestedAPI{}, severalScopes.with(scope)
	}
	if len(wanted) == 0 || !strings.HasSuffix(wanted[0], "/.default") {
		return requestedAPI{}, notDefaultScope.with(scope)
	}
	resource := strings.TrimSuffix(wanted[0], "/.default")
	t.Lock()
	defer t.Unlock()
	principal, found := t.Directory.ServicePrincipals.First(tenant.Present(), func(p tenant.ServicePrincipal) bool {
		return a.isNamed(t, p, strings.TrimRight(resource, "/"))
	})
	if !found {
		return requestedAPI{}, unknownResource.with(resource, t.DisplayName)
	}
	if api, is := tenant.FirstParty(principal.AppID); is {
		return requestedAPI{principal, api.Audience}, nil
	}
	// A token for an API of an application's own names it as the request does, in the v1.0 format (access token claims
	// reference). The application's requestedAccessTokenVersion makes no difference here.
	return requestedAPI{principal, resource}, nil
}

// isNamed reports whether a scope's identifier is one of a service principal: its application's client ID, or one of
// its identifier URIs.
func (a *API) isNamed(t *tenant.Tenant, p tenant.ServicePrincipal, identifier string) bool {
	if strings.EqualFold(identifier, p.AppID) {
		return true
	}
	if api, is := tenant.FirstParty(p.AppID); is {
		// Programs that learned of the sandbox by the cloud metadata know Graph by the sandbox's own origin.
		return slices.Contains(api.Identifiers, identifier) || api.AppID == tenant.GraphAppID && identifier == a.origin
	}
	app, found := t.ApplicationOf(tenant.Present(), p)
	return found && slices.ContainsFunc(app.IdentifierURIs, func(uri string) bool {
		return strings.TrimRight(uri, "/") == identifier
	})
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
		for _, role := range t.RolesOf(seen, api) {
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
