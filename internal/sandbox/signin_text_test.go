package sandbox

import (
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// entrasWords is how Entra refuses each code, as its answers were published: the HTTP status, the error, and the text
// with * for what differs. no_uri: the answer has no error_uri. Which of it is unconfirmed, signin_error.go says.
var entrasWords = map[int]struct {
	status       int
	kind, rest   string
	withoutAnURI bool
}{
	50013: {status: 401, kind: "invalid_client", rest: "Assertion failed signature validation."},
	50027: {status: 400, kind: "invalid_request", rest: "JWT token is invalid or malformed."},
	50166: {status: 400, kind: "invalid_request", rest: "Request to External OIDC endpoint failed. Issuer: '*'."},
	53003: {status: 400, kind: "invalid_grant", rest: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."},
	70003: {status: 400, kind: "unsupported_grant_type", rest: "The app requested an unsupported grant type '*'.", withoutAnURI: true},
	70011: {status: 400, kind: "invalid_scope", rest: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. The scope * is not valid."},
	90002: {status: 400, kind: "invalid_request", rest: "Tenant '*' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."},
	90033: {status: 503, kind: "temporarily_unavailable", rest: "A transient error has occurred. Please try again. (*)"},
	500011: {status: 400, kind: "invalid_resource",
		rest: "The resource principal named * was not found in the tenant named *. This can happen if the application has " +
			"not been installed by the administrator of the tenant or consented to by any user in the tenant. " +
			"You might have sent your authentication request to the wrong tenant."},
	501051: {status: 400, kind: "invalid_grant", rest: "Application is not assigned to a role for the application '*'."},
	700016: {status: 400, kind: "unauthorized_client",
		rest: "Application with identifier '*' was not found in the directory '*'. This can happen if the application has " +
			"not been installed by the administrator of the tenant or consented to by any user in the tenant. " +
			"You may have sent your authentication request to the wrong tenant."},
	700021:  {status: 401, kind: "invalid_client", rest: "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."},
	700023:  {status: 401, kind: "invalid_client", rest: "Client assertion audience claim does not match Realm issuer. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."},
	700024:  {status: 401, kind: "invalid_client", rest: "Client assertion is not within its valid time range. Current time: *, assertion valid from *, expiry time of assertion *. Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."},
	700027:  {status: 401, kind: "invalid_client", rest: "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '*'.]"},
	700038:  {status: 400, kind: "unauthorized_client", rest: "* is not a valid application identifier.", withoutAnURI: true},
	700211:  {status: 401, kind: "invalid_client", rest: "No matching federated identity record found for presented assertion issuer '*'. " + federationHint},
	700212:  {status: 401, kind: "invalid_client", rest: "No matching federated identity record found for presented assertion audience '*'. " + federationHint},
	700213:  {status: 401, kind: "invalid_client", rest: "No matching federated identity record found for presented assertion subject '*'. " + federationHint},
	900023:  {status: 400, kind: "invalid_request", rest: "Specified tenant identifier '*' is neither a valid DNS name, nor a valid external domain."},
	900144:  {status: 400, kind: "invalid_request", rest: "The request body must contain the following parameter: '*'."},
	1000502: {status: 401, kind: "invalid_client", rest: "The provided certificate is not within its specified validity window. Thumbprint of key used by client: '*', Found key 'Start=*, End=*'."},
	1002012: {status: 400, kind: "invalid_scope", rest: "The provided value for scope * is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."},
	5002738: {status: 400, kind: "invalid_client", rest: "Invalid JWT token. '*' is not a supported signature algorithm. Supported signing algorithms are: 'RS256, HS256'."},
	7002131: {status: 401, kind: "invalid_client", rest: "No matching federated identity record found for presented assertion subject '*' or no federated identity credential expression matched. " + federationHint},
	7000112: {status: 401, kind: "unauthorized_client", rest: "Application '*'(*) is disabled."},
	7000214: {status: 401, kind: "invalid_client", rest: "The certificate used by application '*' has been revoked."},
	7000215: {status: 401, kind: "invalid_client", rest: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '*'."},
	7000216: {status: 401, kind: "invalid_client", rest: "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."},
	7000218: {status: 401, kind: "invalid_client", rest: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."},
	7000222: {status: 401, kind: "invalid_client", rest: "The provided client secret keys for app '*' are expired. Visit the Azure portal to create new keys for your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: https://aka.ms/certCreds."},
	7000229: {status: 401, kind: "invalid_client", rest: "The client application * is missing service principal in the tenant."},
	7000274: {status: 401, kind: "invalid_client", rest: "Client assertion contains an invalid signature. App Id '*'."},
}

// federationHint is how the refusals of another issuer's token end.
const federationHint = "Check your federated identity credential Subject, Audience and Issuer against the presented " +
	"assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"

// inWords matches a description against a text in which * stands for what differs.
func inWords(text, description string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, `\S.*`)
	return regexp.MustCompile(
		"^" + pattern + ` Trace ID: \S+ Correlation ID: \S+ Timestamp: \S+ \S+Z$`).MatchString(description)
}

func TestARefusedSignInIsPutInEntrasWords(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.world.Tenants[0]
	answered := 0
	for _, found := range regexp.MustCompile(
		`signInRefusal\{code: (\d+)`).FindAllStringSubmatch(sources()[filepath.Join("login", "error.go")], -1) {
		code, _ := strconv.Atoi(found[1]) // it is digits
		want, known := entrasWords[code]
		if !known {
			t.Errorf("nothing is written down of AADSTS%d", code)
			continue
		}
		answered++
		clientID := uuid.NewString()
		r.control(http.MethodPatch, "/tenants/"+tenant.ID+"/sign-in", fmt.Sprintf(`{"refuse": {%q: %d}}`, clientID, code))
		got := r.requestToken(tenant.ID, secretForm(clientID, "secret", graphDefault))
		var body signInRefused
		got.json(t, &body)
		if got.Status != want.status || body.Error != want.kind || !slices.Equal(body.Codes, []int{code}) {
			t.Errorf("AADSTS%d: HTTP %d %s %v, want HTTP %d %s", code, got.Status, body.Error, body.Codes, want.status,
				want.kind)
		}
		if !inWords(fmt.Sprintf("AADSTS%d: %s", code, want.rest), body.Description) {
			t.Errorf("AADSTS%d: the description is %q", code, body.Description)
		}
		if wantURI := fmt.Sprintf("https://login.microsoftonline.com/error?code=%d",
			code); want.withoutAnURI != (body.URI == "") || body.URI != "" && body.URI != wantURI {
			t.Errorf("AADSTS%d: error_uri is %q", code, body.URI)
		}
		if got.Header.Get("x-ms-request-id") != body.TraceID || uuid.Validate(body.TraceID) != nil ||
			got.Header.Get("Cache-Control") != "no-store, no-cache" {
			t.Errorf("AADSTS%d: trace ID %s, headers %v", code, body.TraceID, got.Header)
		}
	}
	if answered < len(entrasWords) { // 700027 has two texts
		t.Errorf("of %d codes %d are answered", len(entrasWords), answered)
	}
}

func TestAnExpiredKeyIsNamedWithItsDates(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.world.Tenants[0]
	app := r.register(tenant)
	app.Keys[0].End = r.server.world.Now().Add(-1)
	r.change(tenant, app)
	var body signInRefused
	r.requestToken(tenant.ID, r.assert(tenant, app, nil)).json(t, &body)
	want := "AADSTS700027: Client assertion contains an invalid signature. [Reason - The key used is expired., " +
		"Thumbprint of key used by client: '*', Found key 'Start=*, End=*', " +
		"Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '" +
		app.AppID + "'.]"
	if !inWords(want, body.Description) ||
		!regexp.MustCompile(
			`'[0-9A-F]{40}', Found key 'Start=\d\d/\d\d/\d{4} \d\d:\d\d:\d\d, End=\d\d/\d\d/\d{4} \d\d:\d\d:\d\d'`).MatchString(
			body.Description) {
		t.Errorf("the description is %q", body.Description)
	}
}

func TestATokenIsAnsweredWithEntrasFieldsAndHeaders(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.TenantsJSON().Tenants[0]
	got := r.requestToken(tenant.TenantID,
		secretForm(tenant.Callers.Full.ClientID, tenant.Callers.Full.ClientSecret, graphDefault))
	var body map[string]any
	got.json(t, &body)
	delete(body, "access_token")
	if len(body) != 3 || body["token_type"] != "Bearer" || body["expires_in"] != 3599.0 ||
		body["ext_expires_in"] != 3599.0 {
		t.Errorf("the answer holds more than the token: %v", body)
	}
	if uuid.Validate(got.Header.Get("x-ms-request-id")) != nil || got.Header.Get("x-ms-ests-server") == "" ||
		got.Header.Get("Cache-Control") != "no-store, no-cache" ||
		got.Header.Get("Content-Type") != "application/json; charset=utf-8" {
		t.Errorf("the headers are %v", got.Header)
	}
}

func TestATokenForAnAPIOfMicrosoftsIsOfVersionOne(t *testing.T) {
	r := newRig(t, Options{})
	org := r.server.world.Tenants[0]
	app := r.register(org, tenant.ExchangeAppID+"/full_access_as_app")
	for scope, audience := range map[string]string{graphDefault: "https://graph.microsoft.com",
		exchangeDefault: "https://outlook.office365.com"} {
		form := r.assert(org, app, nil)
		form.Set("scope", scope)
		var claims map[string]any
		decodeClaims(t, r.token(org.ID, form), &claims)
		issuer := "https://sts.windows.net/" + org.ID + "/"
		for claim, want := range map[string]any{
			"aud": audience, "iss": issuer, "idp": issuer, "ver": "1.0", "idtyp": "app", "appid": app.AppID, "appidacr": "2",
			"tid": org.ID,
			"oid": app.principal.ID, "sub": app.principal.ID, "app_displayname": app.DisplayName, "tenant_region_scope": "EU",
		} {
			if claims[claim] != want {
				t.Errorf("%s: %s is %v, want %v", scope, claim, claims[claim], want)
			}
		}
		if wids, _ := claims["wids"].([]any); !slices.Equal(wids, []any{"0997a1d0-0d1d-4acb-b408-d5ca73121e90"}) {
			t.Errorf("wids is %v", claims["wids"])
		}
		issued, _ := claims["iat"].(float64)
		expires, _ := claims["exp"].(float64)
		if claims["nbf"] != claims["iat"] || expires-issued != 3599+300 { // valid five minutes before it is issued
			t.Errorf("nbf %v, iat %v, exp %v", claims["nbf"], claims["iat"], claims["exp"])
		}
		for _, claim := range []string{"xms_tcdt", "uti"} {
			if claims[claim] == nil {
				t.Errorf("there is no %s", claim)
			}
		}
	}
}

func TestAnAPIThatWantsItsClientsAssignedGivesNoTokenWithoutARole(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.register(g.tenant)
	form := secretForm(app.AppID, app.secret, exchangeDefault)
	g.rig.token(g.tenant.ID, form)
	exchange := g.api(tenant.ExchangeAppID)
	g.want(http.StatusNoContent, "PATCH", "/servicePrincipals/"+exchange["id"].(string),
		object{"appRoleAssignmentRequired": true})
	if got := g.requestToken(g.tenant.ID, form); got.Status != http.StatusBadRequest || refusalCode(t, got) != 501051 {
		t.Errorf("without a role: HTTP %d %s", got.Status, got.Body)
	}
	g.rig.token(g.tenant.ID, secretForm(app.AppID, app.secret, graphDefault)) // another API is not concerned
	g.grant(object{"id": app.principal.ID}, exchange, fullAccessRole)
	g.rig.token(g.tenant.ID, form)
}

func TestClientsFindATenantsEndpointsByDiscovery(t *testing.T) {
	r := newRig(t, Options{})
	tenant, origin := r.server.world.Tenants[0], r.server.Origin()
	for _, name := range []string{tenant.ID, tenant.Domain, strings.ToUpper(tenant.CustomDomain)} {
		var found map[string]any
		r.get("/"+name+"/v2.0/.well-known/openid-configuration").json(t, &found)
		for property, want := range map[string]string{
			"issuer": "/v2.0", "token_endpoint": "/oauth2/v2.0/token", "authorization_endpoint": "/oauth2/v2.0/authorize",
			"jwks_uri": "/discovery/v2.0/keys",
		} {
			if found[property] != origin+"/"+tenant.ID+want {
				t.Errorf("%s: %s is %v", name, property, found[property])
			}
		}
		if methods, _ := found["token_endpoint_auth_methods_supported"].([]any); !slices.Contains(methods,
			any("private_key_jwt")) {
			t.Errorf("the ways to authenticate are %v", methods)
		}
	}
	var instance struct {
		Tenant   string `json:"tenant_discovery_endpoint"`
		Metadata []struct {
			Network string `json:"preferred_network"`
			Aliases []string
		}
	}
	r.get("/common/discovery/instance?api-version=1.1&authorization_endpoint="+origin+"/"+tenant.ID+
		"/oauth2/v2.0/authorize").json(t, &instance)
	host := strings.TrimPrefix(origin, "https://")
	if instance.Tenant != origin+"/"+tenant.ID+"/v2.0/.well-known/openid-configuration" || len(instance.Metadata) != 1 ||
		instance.Metadata[0].Network != host || !slices.Equal(instance.Metadata[0].Aliases, []string{host}) {
		t.Errorf("the instance is %+v", instance)
	}
	if got := r.get("/nobody.example.com/discovery/v2.0/keys"); got.Status != http.StatusBadRequest ||
		refusalCode(t, got) != 90002 {
		t.Errorf("the keys of an unknown tenant: HTTP %d %s", got.Status, got.Body)
	}
}
