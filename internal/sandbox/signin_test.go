package sandbox

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// jwtBearer is the type of an assertion (RFC 7523, 2.2).
const jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// signInRefused is the token endpoint's answer to a request that it refuses (RFC 6749, 5.2, and what Entra adds).
type signInRefused struct {
	Error         string
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri"`
}

func TestATokenWithoutAGrantHasNoRolesAtAll(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.world.Tenants[0]
	app := r.register(tenant)
	var claims map[string]any
	decodeClaims(t, r.token(tenant.ID, secretForm(app.AppID, app.secret, graphDefault)), &claims)
	if roles, there := claims["roles"]; there {
		t.Errorf("the token has the roles %v", roles)
	}
	if claims["appidacr"] != "1" {
		t.Errorf("appidacr is %v, want 1 for a secret", claims["appidacr"])
	}
}

func TestARoleIDThatTwoAPIsShareIsGrantedOnOneOnly(t *testing.T) {
	r := newRig(t, Options{})
	org := r.server.world.Tenants[0]
	app := r.register(org, tenant.GraphAppID+"/Calendars.ReadWrite")
	for scope, want := range map[string]string{graphDefault: "[Calendars.ReadWrite]", exchangeDefault: "[]"} {
		token, fault := r.server.issuer.Verify(r.token(org.ID, secretForm(app.AppID, app.secret, scope)))
		if fault != nil || fmt.Sprint(token.Roles) != want {
			t.Errorf("the token for %s has the roles %v (%v), want %s", scope, token.Roles, fault, want)
		}
	}
}

func TestTokensAreSignedWithThePublishedKey(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.TenantsJSON().Tenants[0]
	var discovery struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	r.get("/"+tenant.Domain+"/v2.0/.well-known/openid-configuration").json(t, &discovery)
	if !strings.HasPrefix(discovery.Issuer, r.server.Origin()+"/"+tenant.TenantID) {
		t.Errorf("the issuer is %q, outside the sandbox's origin", discovery.Issuer)
	}
	var published struct{ Keys []token.JSONWebKey }
	r.get(strings.TrimPrefix(discovery.Keys, r.server.Origin())).json(t, &published)

	token := r.token(tenant.TenantID,
		secretForm(tenant.Callers.ReadOnly.ClientID, tenant.Callers.ReadOnly.ClientSecret, graphDefault))
	_, err := jwt.Parse(token, func(token *jwt.Token) (any, error) {
		for _, key := range published.Keys {
			if key.KeyID == token.Header["kid"] {
				return &rsa.PublicKey{N: unpackNumber(t, key.Modulus), E: int(unpackNumber(t, key.Exponent).Int64())}, nil
			}
		}
		return nil, errors.New("the token's key is not published")
	})
	if err != nil {
		t.Error(err)
	}
}

func unpackNumber(t *testing.T, text string) *big.Int {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return new(big.Int).SetBytes(data)
}

func decodeClaims(t *testing.T, token string, into any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is not a JWT", token)
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// assertion builds a client assertion; its zero fields are filled in as MSAL does.
type assertion struct {
	method   jwt.SigningMethod
	header   map[string]any
	claims   jwt.MapClaims
	signWith crypto.PrivateKey
}

func (r *rig) assert(t *tenant.Tenant, app *testApp, change func(*assertion)) url.Values {
	r.t.Helper()
	now := time.Now()
	digest := sha256.Sum256(app.certificate.Raw)
	a := assertion{
		method: jwt.SigningMethodPS256,
		header: map[string]any{"x5t#S256": base64.StdEncoding.EncodeToString(digest[:])},
		claims: jwt.MapClaims{
			"aud": r.server.Origin() + "/" + t.ID + "/oauth2/v2.0/token", "iss": app.AppID, "sub": app.AppID,
			"jti": uuid.NewString(), "nbf": now.Unix(), "exp": now.Add(10 * time.Minute).Unix(),
		},
		signWith: app.key,
	}
	if change != nil {
		change(&a)
	}
	token := jwt.NewWithClaims(a.method, a.claims)
	for name, value := range a.header {
		token.Header[name] = value
	}
	signed, err := token.SignedString(a.signWith)
	if err != nil {
		r.t.Fatal(err)
	}
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {app.AppID}, "scope": {graphDefault + " openid offline_access profile"},
		"client_assertion_type": {jwtBearer}, "client_assertion": {signed},
	}
}

func TestAnAssertionMayNameItsKeyInEveryWayThatClientsDo(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.world.Tenants[0]
	app := r.register(tenant)
	short, full := sha1.Sum(app.certificate.Raw), sha256.Sum256(app.certificate.Raw)
	for _, method := range []jwt.SigningMethod{jwt.SigningMethodPS256, jwt.SigningMethodRS256} {
		for name, digest := range map[string][]byte{"x5t#S256": full[:], "x5t": short[:], "kid": short[:]} {
			for encodingName, encoding := range map[string]*base64.Encoding{
				"std": base64.StdEncoding, "raw std": base64.RawStdEncoding, "url": base64.URLEncoding,
				"raw url": base64.RawURLEncoding,
			} {
				form := r.assert(tenant, app, func(a *assertion) {
					a.method, a.header = method, map[string]any{name: encoding.EncodeToString(digest)}
				})
				if got := r.requestToken(tenant.ID, form); got.Status != http.StatusOK {
					t.Errorf("%s with %s in %s: HTTP %d %s", method.Alg(), name, encodingName, got.Status, got.Body)
				}
			}
		}
	}
	for _, audience := range []string{"/" + tenant.Domain + "/oauth2/v2.0/token", "/" + tenant.ID + "/v2.0"} {
		form := r.assert(tenant, app, func(a *assertion) { a.claims["aud"] = r.server.Origin() + audience })
		if got := r.requestToken(tenant.ID, form); got.Status != http.StatusOK {
			t.Errorf("meant for %s: HTTP %d %s", audience, got.Status, got.Body)
		}
	}
}

func TestEveryRefusedSignInHasEntrasCode(t *testing.T) {
	r := newRig(t, Options{Tenants: 2})
	here, elsewhere := r.server.world.Tenants[0], r.server.world.Tenants[1]
	app, stranger := r.register(here), r.register(elsewhere)
	disabled, expired, future := r.register(here), r.register(here), r.register(here)
	disabled.principal.Enabled = false
	expired.Keys[0].End = time.Now().Add(-time.Minute)
	expired.Passwords[0].End = time.Now().Add(-time.Minute)
	future.Keys[0].Start = time.Now().Add(time.Hour)
	future.Passwords[0].Start = time.Now().Add(time.Hour)
	for _, changed := range []*testApp{disabled, expired, future} {
		r.change(here, changed)
	}
	secret := func(change func(url.Values)) url.Values {
		form := secretForm(app.AppID, app.secret, graphDefault)
		change(form)
		return form
	}
	signed := func(change func(*assertion)) url.Values { return r.assert(here, app, change) }
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).Unix() }

	for _, test := range []struct {
		name   string
		tenant string
		form   url.Values
		code   int
		status int
		kind   string
	}{
		{"a wrong secret", here.ID, secret(func(f url.Values) { f.Set("client_secret", "wrong") }), 7000215, 401, "invalid_client"},
		{"an expired secret", here.ID, secretForm(expired.AppID, expired.secret, graphDefault), 7000222, 401, "invalid_client"},
		{"a secret of tomorrow", here.ID, secretForm(future.AppID, future.secret, graphDefault), 7000215, 401, "invalid_client"},
		{"no credential", here.ID, secret(func(f url.Values) { f.Del("client_secret") }), 7000216, 401, "invalid_client"},
		{"another app's key", here.ID, signed(func(a *assertion) {
			digest := sha256.Sum256(stranger.certificate.Raw)
			a.signWith, a.header = stranger.key, map[string]any{"x5t#S256": base64.StdEncoding.EncodeToString(digest[:])}
		}), 700027, 401, "invalid_client"},
		{"no key named", here.ID, signed(func(a *assertion) { a.header = nil }), 700027, 401, "invalid_client"},
		{"an expired key", here.ID, r.assert(here, expired, nil), 700027, 401, "invalid_client"},
		{"a key of tomorrow", here.ID, r.assert(here, future, nil), 1000502, 401, "invalid_client"},
		{"a signature of another key", here.ID, signed(func(a *assertion) { a.signWith = stranger.key }), 7000274, 401, "invalid_client"},
		{"an expired assertion", here.ID, signed(func(a *assertion) { a.claims["nbf"], a.claims["exp"] = ago(time.Hour), ago(50*time.Minute) }), 700024, 401, "invalid_client"},
		{"an assertion of tomorrow", here.ID, signed(func(a *assertion) { a.claims["nbf"], a.claims["exp"] = ago(-24*time.Hour), ago(-25*time.Hour) }), 700024, 401, "invalid_client"},
		{"an assertion for another tenant", here.ID, signed(func(a *assertion) {
			a.claims["aud"] = r.server.Origin() + "/" + elsewhere.ID + "/oauth2/v2.0/token"
		}), 700023, 401, "invalid_client"},
		{"an assertion by another client", here.ID, signed(func(a *assertion) { a.claims["iss"] = stranger.AppID }), 700021, 401, "invalid_client"},
		{"an assertion signed with HMAC", here.ID, signed(func(a *assertion) { a.method, a.signWith = jwt.SigningMethodHS256, []byte("key") }), 5002738, 400, "invalid_client"},
		{"an unsigned assertion", here.ID, signed(func(a *assertion) {
			a.method, a.signWith = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
		}), 5002738, 400, "invalid_client"},
		{"a malformed assertion", here.ID, secret(func(f url.Values) {
			f.Set("client_assertion", "not.a.jwt")
			f.Set("client_assertion_type", jwtBearer)
		}), 50027, 400, "invalid_request"},
		{"an app of nowhere", here.ID, secretForm(uuid.NewString(), app.secret, graphDefault), 700016, 400, "unauthorized_client"},
		{"an app of another tenant", elsewhere.ID, secretForm(app.AppID, app.secret, graphDefault), 700016, 400, "unauthorized_client"},
		{"a client ID that is not a GUID", here.ID, secretForm("codetwo", app.secret, graphDefault), 700038, 400, "unauthorized_client"},
		{"the zero client ID", here.ID, secretForm(uuid.Nil.String(), app.secret, graphDefault), 700038, 400, "unauthorized_client"},
		{"a disabled app", here.ID, secretForm(disabled.AppID, disabled.secret, graphDefault), 7000112, 401, "unauthorized_client"},
		{"an unknown API", here.ID, secret(func(f url.Values) { f.Set("scope", "https://api.example.com/.default") }), 500011, 400, "invalid_resource"},
		{"a scope of a user's", here.ID, secret(func(f url.Values) { f.Set("scope", "https://graph.microsoft.com/User.Read") }), 1002012, 400, "invalid_scope"},
		{"two APIs", here.ID, secret(func(f url.Values) { f.Set("scope", graphDefault+" "+exchangeDefault) }), 70011, 400, "invalid_scope"},
		{"no scope", here.ID, secret(func(f url.Values) { f.Del("scope") }), 900144, 400, "invalid_request"},
		{"another grant", here.ID, secret(func(f url.Values) { f.Set("grant_type", "password") }), 70003, 400, "unsupported_grant_type"},
		{"an unknown tenant", uuid.NewString(), secretForm(app.AppID, app.secret, graphDefault), 90002, 400, "invalid_request"},
		{"an unknown domain", "nobody.example.com", secretForm(app.AppID, app.secret, graphDefault), 90002, 400, "invalid_request"},
		{"a tenant that is neither", "nobody", secretForm(app.AppID, app.secret, graphDefault), 900023, 400, "invalid_request"},
	} {
		got := r.requestToken(test.tenant, test.form)
		var body signInRefused
		got.json(t, &body)
		if got.Status != test.status || !slices.Equal(body.Codes, []int{test.code}) || body.Error != test.kind {
			t.Errorf("%s: HTTP %d %s %v, want HTTP %d %s %d\n%s", test.name, got.Status, body.Error, body.Codes, test.status,
				test.kind, test.code, body.Description)
		}
		if !strings.HasPrefix(body.Description, fmt.Sprintf("AADSTS%d: ", test.code)) ||
			strings.Contains(body.Description, "%!") {
			t.Errorf("%s: the description is %q", test.name, body.Description)
		}
		if strings.Contains(got.Body, app.secret) {
			t.Errorf("%s: the answer holds the secret", test.name)
		}
	}
}

func TestARefusalCanBeTracedByTheClientsCorrelationID(t *testing.T) {
	r := newRig(t, Options{})
	id := uuid.NewString()
	got := r.do(http.MethodPost, "/"+r.server.world.Tenants[0].ID+"/oauth2/v2.0/token", "",
		map[string]string{"client-request-id": id})
	var body signInRefused
	got.json(t, &body)
	if body.CorrelationID != id || !strings.Contains(body.Description, "Correlation ID: "+id) {
		t.Errorf("the client sent %s, the answer has %+v", id, body)
	}
	if _, err := time.Parse("2006-01-02 15:04:05Z", body.Timestamp); err != nil || uuid.Validate(body.TraceID) != nil {
		t.Errorf("timestamp %q, trace ID %q", body.Timestamp, body.TraceID)
	}
}

func TestDiscoveryOfAnUnknownTenantIsRefused(t *testing.T) {
	r := newRig(t, Options{})
	got := r.get("/nobody.example.com/v2.0/.well-known/openid-configuration?")
	var body signInRefused
	got.json(t, &body)
	if got.Status != http.StatusBadRequest || body.Error != "invalid_tenant" || !slices.Equal(body.Codes, []int{90002}) {
		t.Errorf("HTTP %d %+v", got.Status, body)
	}
}

func TestABearerTokenIsRefusedWithItsReason(t *testing.T) {
	r, other := newRig(t, Options{}), newRig(t, Options{})
	tenant := r.server.TenantsJSON().Tenants[0]
	form := secretForm(tenant.Callers.Full.ClientID, tenant.Callers.Full.ClientSecret, graphDefault)
	good := r.token(tenant.TenantID, form)
	theirs := other.server.TenantsJSON().Tenants[0]
	theirToken := other.token(theirs.TenantID,
		secretForm(theirs.Callers.Full.ClientID, theirs.Callers.Full.ClientSecret, graphDefault))
	for bearer, want := range map[string]token.Reason{
		"": token.Missing, "Bearer ": token.Missing, "Bearer what": token.Malformed,
		"Bearer " + theirToken: token.BadSignature,
	} {
		if _, fault := r.server.issuer.Verify(bearer); fault == nil || fault.Reason != want {
			t.Errorf("%.20q: %v, want %s", bearer, fault, want)
		}
	}
	if _, fault := r.server.issuer.Verify("bearer " + good); fault != nil {
		t.Errorf("a good token is refused: %s", fault.Reason)
	}
	r.control(http.MethodPost, "/clock", `{"advance":"1h"}`)
	if _, fault := r.server.issuer.Verify("Bearer " + good); fault == nil || fault.Reason != token.Expired {
		t.Errorf("after an hour: %v, want expired", fault)
	}
	r.token(tenant.TenantID, form)
}

func TestASignInStillWorksAfterTheClockWasMoved(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.world.Tenants[0]
	app := r.register(tenant)
	r.control(http.MethodPost, "/clock", `{"advance":"720h"}`)
	bearer := r.token(tenant.ID, r.assert(tenant, app, nil))
	if _, fault := r.server.issuer.Verify(bearer); fault != nil {
		t.Errorf("the new token is refused: %s", fault.Reason)
	}
}

func TestOtherProvidersFindTheirWayByTheCloudMetadata(t *testing.T) {
	r := newRig(t, Options{})
	var metadata struct {
		Name            string
		ResourceManager string
		Graph           string `json:"microsoftGraphResourceId"`
		Authentication  struct{ LoginEndpoint string }
	}
	r.get("/metadata/endpoints?api-version=2022-09-01").json(t, &metadata)
	if metadata.Name == "" || metadata.ResourceManager == "" ||
		metadata.Authentication.LoginEndpoint != r.server.Origin() {
		t.Errorf("the metadata is %+v", metadata)
	}
	org := r.server.TenantsJSON().Tenants[0]
	for _, scope := range []string{strings.TrimRight(metadata.Graph, "/") + "/.default", metadata.Graph + "/.default",
		tenant.GraphAppID + "/.default"} {
		got := r.token(org.TenantID, secretForm(org.Callers.Full.ClientID, org.Callers.Full.ClientSecret, scope))
		if token, fault := r.server.issuer.Verify(got); fault != nil || token.Audience != tenant.GraphAudience {
			t.Errorf("with the scope %s: %+v %v", scope, token, fault)
		}
	}
}
