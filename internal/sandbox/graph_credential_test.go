package sandbox

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	_, made := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(5, 0, 0))
	return made
}

func keyOf(c *x509.Certificate) object {
	return object{"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(c.Raw)}
}

func (g *graphSession) setKeys(status int, path string, keys ...object) {
	g.t.Helper()
	g.want(status, "PATCH", path, object{"keyCredentials": keys})
}

func (g *graphSession) keyCredentials(path string) []object {
	g.t.Helper()
	var keys []object
	for _, key := range g.want(http.StatusOK, "GET", path, nil)["keyCredentials"].([]any) {
		keys = append(keys, key.(object))
	}
	return keys
}

func TestAKeyTakesItsParticularsFromTheCertificate(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	c := certificate(t)
	path := "/applications/" + g.newApplication(object{"keyCredentials": []object{keyOf(c)}})["id"].(string)
	for _, key := range g.keyCredentials(path) {
		want := object{
			"customKeyIdentifier": fmt.Sprintf("%X", sha1.Sum(c.Raw)), "displayName": "CN=CodeTwo", "key": nil,
			"type": "AsymmetricX509Cert", "usage": "Verify",
			"startDateTime": c.NotBefore.Format(time.RFC3339), "endDateTime": c.NotAfter.Format(time.RFC3339),
		}
		for property, value := range want {
			if key[property] != value {
				t.Errorf("%s is %v, want %v", property, key[property], value)
			}
		}
	}
	shown := g.keyCredentials(path + "?$select=id,keyCredentials")
	if len(shown) != 1 || shown[0]["key"] != base64.StdEncoding.EncodeToString(c.Raw) {
		t.Errorf("selected, the keys are %v", shown)
	}
}

func TestAKeyMayBeSentAsPEM(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	c := certificate(t)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	// of a chain the first one counts
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate(t).Raw})...)
	path := "/applications/" + g.newApplication(object{"keyCredentials": []object{
		{"type": "AsymmetricX509Cert", "usage": "Verify", "key": base64.StdEncoding.EncodeToString(text)}}})["id"].(string)
	if shown := g.keyCredentials(
		path + "?$select=keyCredentials"); shown[0]["key"] != base64.StdEncoding.EncodeToString(c.Raw) {
		t.Error("the key is not the certificate in DER")
	}
}

func TestAPatchReplacesAllKeysExceptThoseRepeated(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" +
		g.newApplication(object{"keyCredentials": []object{keyOf(certificate(t)), keyOf(certificate(t))}})["id"].(string)
	before := g.keyCredentials(path)
	g.setKeys(http.StatusNoContent, path, before[1], keyOf(certificate(t)))
	after := g.keyCredentials(path)
	if len(after) != 2 || after[0]["keyId"] != before[1]["keyId"] ||
		after[0]["customKeyIdentifier"] != before[1]["customKeyIdentifier"] {
		t.Errorf("the keys are %v", after)
	}
	g.setKeys(http.StatusNoContent, path)
	if left := g.keyCredentials(path); len(left) != 0 {
		t.Errorf("an empty list leaves %v", left)
	}
}

func TestAKnownKeyCannotBeChanged(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{"keyCredentials": []object{keyOf(certificate(t))}})["id"].(string)
	for property, value := range map[string]any{
		"key": base64.StdEncoding.EncodeToString(certificate(t).Raw), "usage": "Sign", "displayName": "other",
		"customKeyIdentifier": "AAAA",
		"endDateTime":         time.Now().AddDate(1, 0, 0).UTC().Format(time.RFC3339),
		"startDateTime":       time.Now().UTC().Format(time.RFC3339),
	} {
		key := g.keyCredentials(path)[0]
		key[property] = value
		body := object{"keyCredentials": []object{key}}
		message := g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, body)
		if want := fmt.Sprintf("Update to existing credential with KeyId '%s' is not allowed.",
			key["keyId"]); message != want {
			t.Errorf("%s: the message is %q", property, message)
		}
		if code := g.detail("PATCH", path, body); code != "KeyNotUpdatable" {
			t.Errorf("%s: the detail's code is %q", property, code)
		}
	}
}

func TestAKeyThatIsNoGoodIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{})
	path := "/applications/" + app["id"].(string)
	c := certificate(t)
	with := func(property string, value any) object {
		key := keyOf(c)
		key[property] = value
		return key
	}
	_, early := newCertificate(t, time.Now().Add(time.Hour), time.Now().AddDate(1, 0, 0))
	_, expired := newCertificate(t, time.Now().AddDate(-2, 0, 0), time.Now().AddDate(-1, 0, 0))
	const (
		usage      = `The value for the property "usage" in one of your credentials is invalid. Acceptable values are Sign, Verify.`
		date       = "Key credential end date is invalid."
		identifier = "When present, application key identifier cannot be empty and can be at most 32 bytes."
	)
	for sentence, test := range map[string]struct {
		key           object
		code, message string // no message: its text is unconfirmed
	}{
		"no usage":                     {with("usage", nil), "Request_BadRequest", usage},
		"an unknown usage":             {with("usage", "Encrypt"), "Request_BadRequest", usage},
		"no key":                       {with("key", nil), "Request_BadRequest", ""},
		"no certificate":               {with("key", "AAAA"), "Request_BadRequest", ""},
		"an end after the certificate": {with("endDateTime", c.NotAfter.Add(time.Second).Format(time.RFC3339)), "KeyCredentialsInvalidEndDate", date},
		"a start before it":            {with("startDateTime", c.NotBefore.Add(-time.Second).Format(time.RFC3339)), "KeyCredentialsInvalidEndDate", date},
		"an expired certificate":       {keyOf(expired), "KeyCredentialsInvalidEndDate", date},
		"one of the future":            {keyOf(early), "KeyCredentialsInvalidEndDate", date},
		"an identifier too long":       {with("customKeyIdentifier", base64.StdEncoding.EncodeToString(make([]byte, 33))), "Request_BadRequest", identifier},
		"an empty identifier":          {with("customKeyIdentifier", ""), "Request_BadRequest", identifier},
		"a key ID that is none":        {with("keyId", "1"), "Request_BadRequest", ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			message := g.refused(http.StatusBadRequest, test.code, "PATCH", path, object{"keyCredentials": []object{test.key}})
			if test.message != "" && message != test.message {
				t.Errorf("the message is %q", message)
			}
		})
	}
	g.setKeys(http.StatusNoContent, path, with("keyId", uuid.NewString()))
	g.setKeys(http.StatusNoContent, path, with("startDateTime", time.Now().AddDate(0, 0, 7).Format(time.RFC3339)))
}

func TestAnExpiredKeyStandsInTheWayOfANewOne(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	_, short := newCertificate(t, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	path := "/applications/" + g.newApplication(object{"keyCredentials": []object{keyOf(short)}})["id"].(string)
	g.control(http.MethodPost, "/clock", `{"advance":"48h"}`)
	g = g.as(tenant.FullCaller)
	old := g.keyCredentials(path)[0]
	fresh := keyOf(certificate(t))
	g.refused(http.StatusBadRequest, "KeyCredentialsInvalidEndDate", "PATCH", path,
		object{"keyCredentials": []object{old, fresh}})
	g.setKeys(http.StatusNoContent, path, fresh)
}

func TestAClientSecretIsShownOnceAndSignsInUntilItIsRemoved(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, _ := g.newRegistration()
	path := "/applications/" + app["id"].(string)
	added := g.want(http.StatusOK, "POST", path+"/addPassword",
		object{"passwordCredential": object{"displayName": "ours"}})
	secret := added["secretText"].(string)
	if len(secret) != 40 || added["hint"] != secret[:3] || added["displayName"] != "ours" {
		t.Errorf("the new secret is %v", added)
	}
	start, err := time.Parse(time.RFC3339, added["startDateTime"].(string))
	end, err2 := time.Parse(time.RFC3339, added["endDateTime"].(string))
	if err != nil || err2 != nil || !end.Equal(start.AddDate(2, 0, 0)) || g.server.world.Now().Sub(start) > time.Minute {
		t.Errorf("the new secret, of which nothing was said, lasts from %v to %v", added["startDateTime"],
			added["endDateTime"])
	}
	if body := g.send("GET", path, nil).Body; strings.Contains(body, secret) ||
		!strings.Contains(body, `"secretText":null`) {
		t.Errorf("the application shows its secret: %s", body)
	}
	form := secretForm(app["appId"].(string), secret, graphDefault)
	g.rig.token(g.tenant.ID, form)
	keyID := object{"keyId": added["keyId"]}
	g.want(http.StatusNoContent, "POST", path+"/removePassword", keyID)
	if got := g.requestToken(g.tenant.ID, form); got.Status != http.StatusUnauthorized {
		t.Errorf("the removed secret is answered HTTP %d", got.Status)
	}
	if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path+"/removePassword",
		keyID); message != "No password credential found with keyId." {
		t.Errorf("the message is %q", message)
	}
}

func TestSecretsAreMadeByPatchNeverButRemovedByIt(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	made := g.newApplication(object{"passwordCredentials": []object{{"displayName": "with the application"}}})
	password := made["passwordCredentials"].([]any)[0].(object)
	if secret, _ := password["secretText"].(string); len(secret) != 40 {
		t.Errorf("the secret made with the application is %v", password)
	}
	path := "/applications/" + made["id"].(string)
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path,
		object{"passwordCredentials": []object{{"displayName": "new"}}})
	g.want(http.StatusNoContent, "PATCH", path, object{"passwordCredentials": []object{}})
	if left := g.want(http.StatusOK, "GET", path, nil)["passwordCredentials"].([]any); len(left) != 0 {
		t.Errorf("an empty list leaves %v", left)
	}
}
