package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// outsideIssuer is another identity provider, whose key the sandbox knows.
type outsideIssuer struct {
	url string
	key *rsa.PrivateKey
}

const outsideKey = "2026-12"

func newOutsideIssuer(r *rig, issuer string) outsideIssuer {
	r.t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		r.t.Fatal(err)
	}
	r.control(http.MethodPut, "/issuers", fmt.Sprintf(
		`{"issuer": %q, "keys": [{"kty": "RSA", "kid": %q, "n": %q, "e": %q}]}`, issuer, outsideKey,
		base64.RawURLEncoding.EncodeToString(key.N.Bytes()),
		base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes())))
	return outsideIssuer{issuer, key}
}

// form is a request to the token endpoint with a token of the issuer's, after a change of its claims.
func (o outsideIssuer) form(t *testing.T, clientID string, change func(jwt.MapClaims)) url.Values {
	t.Helper()
	now := time.Now()
	claims := jwt.MapClaims{"iss": o.url, "aud": "api://AzureADTokenExchange",
		"sub": "repo:contoso/app:ref:refs/heads/main", "nbf": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	if change != nil {
		change(claims)
	}
	unsigned := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	unsigned.Header["kid"] = outsideKey
	signed, err := unsigned.SignedString(o.key)
	if err != nil {
		t.Fatal(err)
	}
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "scope": {graphDefault},
		"client_assertion_type": {jwtBearer}, "client_assertion": {signed}}
}

func TestAnApplicationSignsInWithTheTokenOfAnIssuerThatItTrusts(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	issuer := newOutsideIssuer(g.rig, gitHub)
	exact, principal := g.newRegistration()
	g.want(http.StatusCreated, "POST", "/applications/"+exact["id"].(string)+"/federatedIdentityCredentials",
		object{"name": "main", "issuer": gitHub, "subject": "repo:contoso/app:ref:refs/heads/main",
			"audiences": []string{"api://AzureADTokenExchange"}})
	token, fault := g.server.issuer.Verify(g.rig.token(g.tenant.ID, issuer.form(t, exact["appId"].(string), nil)))
	if fault != nil || token.ServicePrincipalID != principal["id"] {
		t.Errorf("the token is %+v (%v)", token, fault)
	}
	wildcard, _ := g.newRegistration()
	g.in(beta).want(http.StatusCreated, "POST", "/applications/"+wildcard["id"].(string)+"/federatedIdentityCredentials",
		flexible("branches", ofBranches+" and claims['job_workflow_ref'] matches 'contoso/*'"))
	g.rig.token(g.tenant.ID, issuer.form(t, wildcard["appId"].(string), func(claims jwt.MapClaims) {
		claims["sub"], claims["job_workflow_ref"] = "repo:contoso/app:ref:refs/heads/feature", "contoso/ci/deploy.yml"
	}))
}

func TestATokenOfAnIssuerThatIsNotTrustedIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	issuer, stranger := newOutsideIssuer(g.rig, gitHub), newOutsideIssuer(g.rig, "https://gitlab.com")
	unheardOf := outsideIssuer{"https://app.terraform.io", issuer.key}
	exact, _ := g.newRegistration()
	credentials := "/applications/" + exact["id"].(string) + "/federatedIdentityCredentials"
	for name, from := range map[string]outsideIssuer{"main": issuer, "cloud": unheardOf} {
		g.want(http.StatusCreated, "POST", credentials, object{"name": name, "issuer": from.url,
			"subject": "repo:contoso/app:ref:refs/heads/main", "audiences": []string{"api://AzureADTokenExchange"}})
	}
	wildcard, _ := g.newRegistration()
	g.in(beta).want(http.StatusCreated, "POST", "/applications/"+wildcard["id"].(string)+"/federatedIdentityCredentials",
		flexible("branches", ofBranches))
	app, flexibleApp := exact["appId"].(string), wildcard["appId"].(string)
	set := func(claim string, value any) func(jwt.MapClaims) {
		return func(claims jwt.MapClaims) { claims[claim] = value }
	}
	forged := outsideIssuer{issuer.url, stranger.key}
	for sentence, test := range map[string]struct {
		form url.Values
		code int
	}{
		"another issuer":              {stranger.form(t, app, nil), 700211},
		"another audience":            {issuer.form(t, app, set("aud", "https://github.com/contoso")), 700212},
		"another subject":             {issuer.form(t, app, set("sub", "repo:contoso/app:pull_request")), 700213},
		"a subject in another case":   {issuer.form(t, app, set("sub", "repo:Contoso/app:ref:refs/heads/main")), 700213},
		"a wildcard where none is":    {issuer.form(t, app, set("sub", "repo:contoso/app:ref:refs/heads/feature")), 700213},
		"claims that do not match":    {issuer.form(t, flexibleApp, set("sub", "repo:contoso/app:pull_request")), 7002131},
		"a forged token":              {forged.form(t, app, nil), 50013},
		"an issuer that is not there": {unheardOf.form(t, app, nil), 50166},
		"an expired token":            {issuer.form(t, app, set("exp", time.Now().Add(-time.Hour).Unix())), 700024},
		"a token without an end":      {issuer.form(t, app, set("exp", nil)), 50027},
	} {
		if got := g.requestToken(g.tenant.ID, test.form); refusalCode(t, got) != test.code {
			t.Errorf("%s: HTTP %d %s", sentence, got.Status, got.Body)
		}
	}
	g.control(http.MethodPut, "/issuers", fmt.Sprintf(`{"issuer": %q, "keys": []}`, gitHub)) // the key was withdrawn
	if got := g.requestToken(g.tenant.ID, issuer.form(t, app, nil)); refusalCode(t, got) != 50013 {
		t.Errorf("a withdrawn key: HTTP %d %s", got.Status, got.Body)
	}
}

func TestTheTokenEndpointLearnsOfAFederatedCredentialLater(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	issuer := newOutsideIssuer(g.rig, gitHub)
	app, _ := g.settledRegistration()
	g.want(http.StatusCreated, "POST", "/applications/"+app["id"].(string)+"/federatedIdentityCredentials",
		object{"name": "main", "issuer": gitHub, "subject": "repo:contoso/app:ref:refs/heads/main",
			"audiences": []string{"api://AzureADTokenExchange"}})
	form := issuer.form(t, app["appId"].(string), nil)
	if got := g.requestToken(g.tenant.ID, form); refusalCode(t, got) != 700211 {
		t.Errorf("at once: HTTP %d %s", got.Status, got.Body)
	}
	g.later("20s") // who asked too early is refused for longer
	if got := g.requestToken(g.tenant.ID, form); refusalCode(t, got) != 700211 {
		t.Errorf("20 s later: HTTP %d %s", got.Status, got.Body)
	}
	g.later("60s")
	g.rig.token(g.tenant.ID, form)
}

func TestTheControlAPIRefusesWhatIsNotAnIssuersKey(t *testing.T) {
	r := newRig(t, Options{})
	for _, body := range []string{
		`{"issuer": "token.actions.githubusercontent.com"}`,
		`{"issuer": "https://example.com", "keys": [{"kty": "EC", "kid": "1"}]}`,
		`{"issuer": "https://example.com", "keys": [{"kty": "RSA", "kid": "1", "n": "AQAB", "e": "AQAB"}]}`,
		`{"issuer": "https://example.com", "keys": [{"kty": "RSA", "kid": "1", "n": "?", "e": "AQAB"}]}`,
		`{"issuer": "https://example.com", "keys": [{"kty": "RSA", "kid": "1", "n": "AQAB", "e": "?"}]}`,
		`{"url": "https://example.com"}`,
	} {
		if got := r.do(http.MethodPut, "/_sandbox/issuers", body, nil); got.Status != http.StatusBadRequest {
			t.Errorf("%s is answered HTTP %d: %s", body, got.Status, got.Body)
		}
	}
}
