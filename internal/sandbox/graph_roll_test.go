package sandbox

import (
	"crypto/sha1"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// proof signs a proof of possession with the app's key, with claims changed as a test wants it.
func (a *testApp) proof(t *testing.T, change func(jwt.MapClaims)) string {
	t.Helper()
	now := time.Now()
	claims := jwt.MapClaims{"aud": "00000002-0000-0000-c000-000000000000", "iss": a.ID, "nbf": now.Unix(),
		"exp": now.Add(10 * time.Minute).Unix()}
	if change != nil {
		change(claims)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	digest := sha1.Sum(a.certificate.Raw)
	token.Header["x5t"] = base64.RawURLEncoding.EncodeToString(digest[:])
	signed, err := token.SignedString(a.key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// rolling is an app without any right, signed in by itself.
func rolling(t *testing.T) (*graphSession, *testApp) {
	t.Helper()
	g := newGraph(t, tenant.FullCaller)
	app := g.register(g.tenant)
	g.token = g.rig.token(g.tenant.ID, secretForm(app.AppID, app.secret, graphDefault))
	return g, app
}

func TestAnApplicationRollsItsOwnKeyWithoutAnyRight(t *testing.T) {
	g, app := rolling(t)
	path := "/applications/" + app.ID
	g.refused(http.StatusForbidden, "Authorization_RequestDenied", "PATCH", path, object{"notes": "mine"})
	added := g.want(http.StatusOK, "POST", path+"/addKey",
		object{"keyCredential": keyOf(certificate(t)), "passwordCredential": nil, "proof": app.proof(t, nil)})
	if added["keyId"] == nil || added["key"] != nil {
		t.Errorf("the new key is %v", added)
	}
	old := app.Keys[0].KeyID
	g.want(http.StatusNoContent, "POST", path+"/removeKey", object{"keyId": old, "proof": app.proof(t, nil)})
	if keys := g.rig.as(tenant.FullCaller).keyCredentials(path); len(keys) != 1 || keys[0]["keyId"] != added["keyId"] {
		t.Errorf("the keys are %v", keys)
	}
	// The key that signed is gone, and proves nothing more.
	g.refused(http.StatusUnauthorized, "Authentication_MissingOrMalformed", "POST", path+"/removeKey",
		object{"keyId": added["keyId"], "proof": app.proof(t, nil)})
}

func TestAProofThatProvesNothingIsRefused(t *testing.T) {
	g, app := rolling(t)
	stranger := *app
	stranger.key, _ = newCertificate(t, time.Now(), time.Now().AddDate(1, 0, 0))
	for sentence, proof := range map[string]string{
		"no token":         "proof",
		"another's key":    stranger.proof(t, nil),
		"another audience": app.proof(t, func(c jwt.MapClaims) { c["aud"] = tenant.GraphAppID }),
		"another issuer":   app.proof(t, func(c jwt.MapClaims) { c["iss"] = app.AppID }),
		"one that is over": app.proof(t, func(c jwt.MapClaims) {
			c["nbf"], c["exp"] = c["nbf"].(int64)-3600, c["nbf"].(int64)-3000
		}),
		"one of an hour":    app.proof(t, func(c jwt.MapClaims) { c["exp"] = c["nbf"].(int64) + 3600 }),
		"one without dates": app.proof(t, func(c jwt.MapClaims) { delete(c, "nbf") }),
	} {
		t.Run(sentence, func(t *testing.T) {
			g.refused(http.StatusUnauthorized, "Authentication_MissingOrMalformed", "POST", "/applications/"+app.ID+"/addKey",
				object{"keyCredential": keyOf(certificate(t)), "proof": proof})
		})
	}
}

func TestOnlyWhoMayWriteRollsAnothersKeys(t *testing.T) {
	g, app := rolling(t)
	body := object{"keyCredential": keyOf(certificate(t)), "proof": app.proof(t, nil)}
	for _, kind := range []tenant.CallerKind{tenant.ReadOnlyCaller, tenant.OwnedByCaller} {
		g.rig.as(kind).refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", "/applications/"+app.ID+"/addKey",
			body)
	}
	g.rig.as(tenant.FullCaller).want(http.StatusOK, "POST", "/applications/"+app.ID+"/addKey", body)
}
