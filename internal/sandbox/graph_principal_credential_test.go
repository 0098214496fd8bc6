package sandbox

import (
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// refusedToken requests a token that must be refused with an AADSTS code.
func (r *rig) refusedToken(tenantID string, code int, form map[string][]string) {
	r.t.Helper()
	got := r.requestToken(tenantID, form)
	if got.Status == http.StatusOK || !strings.Contains(got.Body, fmt.Sprintf("AADSTS%d:", code)) {
		r.t.Errorf("the token endpoint answers HTTP %d %s, want AADSTS%d", got.Status, got.Body, code)
	}
}

func (g *graphSession) addSecret(path string) object {
	g.t.Helper()
	return g.want(http.StatusOK, "POST", path+"/addPassword", object{})
}

func TestAServicePrincipalsSecretSignsInUntilItIsRemoved(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, principal := g.newRegistration()
	path := "/servicePrincipals/" + principal["id"].(string)
	added := g.want(http.StatusOK, "POST", "/servicePrincipals(appId='"+app["appId"].(string)+"')/addPassword",
		object{"passwordCredential": object{"endDateTime": time.Now().Add(24 * time.Hour)}})
	secret := added["secretText"].(string)
	if len(secret) != 40 || added["hint"] != secret[:3] {
		t.Errorf("the new secret is %v", added)
	}
	if shown := g.send("GET", path, nil).Body; strings.Contains(shown, secret) ||
		!strings.Contains(shown, added["keyId"].(string)) {
		t.Errorf("the service principal shows %s", shown)
	}
	if shown := g.send("GET", "/applications/"+app["id"].(string), nil).Body; strings.Contains(shown,
		added["keyId"].(string)) {
		t.Errorf("the application has its service principal's secret: %s", shown)
	}
	form := secretForm(app["appId"].(string), secret, graphDefault)
	g.rig.token(g.tenant.ID, form)
	g.want(http.StatusNoContent, "PATCH", path, object{"accountEnabled": false})
	g.refusedToken(g.tenant.ID, 7000112, form)
	g.want(http.StatusNoContent, "PATCH", path, object{"accountEnabled": true})
	g.control(http.MethodPost, "/clock", `{"advance":"25h"}`)
	g.refusedToken(g.tenant.ID, 7000222, form)

	g = g.as(tenant.FullCaller)
	keyID := object{"keyId": added["keyId"]}
	g.want(http.StatusNoContent, "POST", path+"/removePassword", keyID)
	g.refusedToken(g.tenant.ID, 7000215, form)
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path+"/removePassword", keyID)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST",
		"/servicePrincipals/"+uuid.NewString()+"/addPassword", object{})
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path,
		object{"passwordCredentials": []object{{"displayName": "new", "secretText": "of my own"}}})
}

func TestACertificateOfAServicePrincipalIsSetByPatchAndSignsIn(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.register(g.tenant)
	path := "/servicePrincipals/" + app.principal.ID
	of := *app
	of.key, of.certificate = newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(5, 0, 0))
	g.refusedToken(g.tenant.ID, 700027, g.assert(g.tenant, &of, nil))
	g.setKeys(http.StatusNoContent, path, keyOf(of.certificate))
	g.rig.token(g.tenant.ID, g.assert(g.tenant, &of, nil))
	g.rig.token(g.tenant.ID, g.assert(g.tenant, app, nil)) // the application's own still counts

	known := g.keyCredentials(path)[0]
	if known["key"] != nil {
		t.Errorf("without being asked for, the key is shown: %v", known)
	}
	shown := g.keyCredentials(path + "?$select=keyCredentials")[0]
	if shown["key"] != base64.StdEncoding.EncodeToString(of.certificate.Raw) {
		t.Errorf("selected, the key is %v", shown)
	}
	g.setKeys(http.StatusNoContent, path, known, keyOf(certificate(t)))
	if code := g.detail("PATCH", path, object{"keyCredentials": []object{
		{"keyId": known["keyId"], "usage": "Verify", "displayName": "another"}}}); code != "KeyNotUpdatable" {
		t.Errorf("the change of a known key is answered %s", code)
	}
	g.setKeys(http.StatusNoContent, path)
	g.refusedToken(g.tenant.ID, 700027, g.assert(g.tenant, &of, nil))
}

func TestAServicePrincipalRollsItsOwnKeyWithoutAnyRight(t *testing.T) {
	g, app := rolling(t)
	path := "/servicePrincipals/" + app.principal.ID
	proof := func(issuer string) string {
		return app.proof(t, func(c jwt.MapClaims) { c["iss"] = issuer })
	}
	body := func(issuer string) object {
		return object{"keyCredential": keyOf(certificate(t)), "passwordCredential": nil, "proof": proof(issuer)}
	}
	// The application's key proves nothing of the service principal's.
	g.refused(http.StatusUnauthorized, "Authentication_MissingOrMalformed", "POST", path+"/addKey", body(app.principal.ID))
	app.principal.Keys = app.Keys
	g.change(g.tenant, app)
	g.refused(http.StatusUnauthorized, "Authentication_MissingOrMalformed", "POST", path+"/addKey", body(app.ID))
	added := g.want(http.StatusOK, "POST", path+"/addKey", body(app.principal.ID))
	g.want(http.StatusNoContent, "POST", path+"/removeKey",
		object{"keyId": app.Keys[0].KeyID, "proof": proof(app.principal.ID)})
	full := g.rig.as(tenant.FullCaller)
	if keys := full.keyCredentials(path); len(keys) != 1 || keys[0]["keyId"] != added["keyId"] {
		t.Errorf("the keys are %v", keys)
	}
	g.rig.as(tenant.ReadOnlyCaller).refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", path+"/addKey",
		body(app.principal.ID))
}

func TestAServicePrincipalRollsAKeyThatSignsTokens(t *testing.T) {
	g, app := rolling(t)
	path := "/servicePrincipals/" + app.principal.ID
	app.principal.Keys = app.Keys
	g.change(g.tenant, app)
	proof := app.proof(t, func(c jwt.MapClaims) { c["iss"] = app.principal.ID })
	key, password := signingKey(t, app, "the password of the file")
	delete(key, "keyId")
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path+"/addKey",
		object{"keyCredential": key, "passwordCredential": nil, "proof": proof})
	open, err := pkcs12.Modern.Encode(app.key, app.certificate, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	unprotected := maps.Clone(key)
	unprotected["key"] = base64.StdEncoding.EncodeToString(open)
	for _, none := range []any{nil, object{}, object{"secretText": ""}} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path+"/addKey",
			object{"keyCredential": unprotected, "passwordCredential": none, "proof": proof})
	}
	added := g.want(http.StatusOK, "POST", path+"/addKey", object{"keyCredential": key,
		"passwordCredential": object{"secretText": password["secretText"]}, "proof": proof})
	shown := g.rig.as(tenant.FullCaller).want(http.StatusOK, "GET", path, nil)["passwordCredentials"].([]any)
	if len(shown) != 1 || shown[0].(object)["keyId"] != added["keyId"] || added["usage"] != "Sign" {
		t.Errorf("the key %v has the passwords %v", added, shown)
	}
}

func TestATokenSigningCertificateIsThreeCredentials(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	_, principal := g.newRegistration()
	path := "/servicePrincipals/" + principal["id"].(string)
	added := g.want(http.StatusOK, "POST", path+"/addTokenSigningCertificate", object{"displayName": "CN=Contoso SSO"})
	raw, err := base64.StdEncoding.DecodeString(added["key"].(string))
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(raw)
	if err != nil || made.Subject.CommonName != "Contoso SSO" || !made.NotAfter.Equal(made.NotBefore.AddDate(3, 0, 0)) {
		t.Fatalf("the certificate is %v (%v)", made, err)
	}
	if added["thumbprint"] != fmt.Sprintf("%X", sha1.Sum(raw)) || added["usage"] != "Verify" {
		t.Errorf("the answer is %v", added)
	}
	shown := g.want(http.StatusOK, "GET", path+"?$select=keyCredentials,passwordCredentials", nil)
	keys, passwords := map[any]object{}, shown["passwordCredentials"].([]any)
	for _, key := range shown["keyCredentials"].([]any) {
		keys[key.(object)["usage"]] = key.(object)
	}
	sign, verify, password := keys["Sign"], keys["Verify"], passwords[0].(object)
	if sign["keyId"] != added["keyId"] || sign["key"] != nil || sign["type"] != "X509CertAndPassword" {
		t.Errorf("the private key is %v", sign)
	}
	if verify["key"] != added["key"] || verify["keyId"] == sign["keyId"] {
		t.Errorf("the public key is %v", verify)
	}
	if password["keyId"] != sign["keyId"] || password["secretText"] != nil {
		t.Errorf("the password is %v", password)
	}
	for _, one := range []object{sign, verify, password} {
		if one["customKeyIdentifier"] != added["customKeyIdentifier"] {
			t.Errorf("%v has another customKeyIdentifier than %v", one, added["customKeyIdentifier"])
		}
	}
	for sentence, body := range map[string]object{
		"no subject":            {"displayName": "Contoso SSO"},
		"more than three years": {"endDateTime": time.Now().AddDate(3, 0, 2).Format(time.RFC3339)},
		"an end in the past":    {"endDateTime": time.Now().Add(-time.Hour).Format(time.RFC3339)},
		"an unknown property":   {"keyId": uuid.NewString()},
	} {
		t.Run(sentence, func(*testing.T) {
			g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path+"/addTokenSigningCertificate", body)
		})
	}
	g.want(http.StatusOK, "POST", path+"/addTokenSigningCertificate", nil)
	g.want(http.StatusNoContent, "PATCH", path, object{"preferredTokenSigningKeyThumbprint": added["thumbprint"]})
	g.want(http.StatusNoContent, "PATCH", path, object{"keyCredentials": []object{}, "passwordCredentials": []object{}})
	if left := g.want(http.StatusOK, "GET", path, nil); len(left["keyCredentials"].([]any)) != 0 ||
		len(left["passwordCredentials"].([]any)) != 0 ||
		left["preferredTokenSigningKeyThumbprint"] != added["thumbprint"] {
		t.Errorf("what is left is %v", left)
	}
}

// signingKey is a private key that signs tokens, and the password that comes with it.
func signingKey(t *testing.T, app *testApp, opens string) (key, password object) {
	t.Helper()
	file, err := pkcs12.Modern.Encode(app.key, app.certificate, nil, "the password of the file")
	if err != nil {
		t.Fatal(err)
	}
	id := uuid.NewString()
	return object{"keyId": id, "type": "X509CertAndPassword", "usage": "Sign",
			"key": base64.StdEncoding.EncodeToString(file)},
		object{"keyId": id, "secretText": opens, "endDateTime": app.certificate.NotAfter, "startDateTime": time.Now()}
}

func TestAKeyThatSignsTokensComesWithItsPasswordAndSignsNobodyIn(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.register(g.tenant)
	of := *app
	of.key, of.certificate = newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0))
	path := "/servicePrincipals/" + app.principal.ID
	key, password := signingKey(t, &of, "the password of the file")
	body := object{"keyCredentials": []object{key}, "passwordCredentials": []object{password}}
	g.want(http.StatusNoContent, "PATCH", path, body)
	g.refusedToken(g.tenant.ID, 700027, g.assert(g.tenant, &of, nil))
	g.refusedToken(g.tenant.ID, 7000215, secretForm(app.AppID, "the password of the file", graphDefault))

	wrong, wrongPassword := signingKey(t, &of, "another password")
	verifying := object{"type": "X509CertAndPassword", "usage": "Verify", "keyId": key["keyId"], "key": key["key"]}
	for sentence, test := range map[string]struct {
		path string
		body object
	}{
		"a password that does not open it":    {path, object{"keyCredentials": []object{wrong}, "passwordCredentials": []object{wrongPassword}}},
		"no password":                         {path, object{"keyCredentials": []object{wrong}}},
		"a private key that verifies":         {path, object{"keyCredentials": []object{verifying}, "passwordCredentials": []object{password}}},
		"a private key of an application":     {"/applications/" + app.ID, body},
		"what opens a known key, sent afresh": {path, object{"keyCredentials": []object{key}}},
	} {
		t.Run(sentence, func(*testing.T) {
			g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", test.path, test.body)
		})
	}
}

// shared makes an application in the second tenant that others may use, with a service principal in the first one, and
// returns a session in each.
func shared(t *testing.T, application object) (home, guest *graphSession, app, instance object) {
	t.Helper()
	guest = newGraph(t, tenant.FullCaller)
	second := guest.server.world.Tenants[1]
	caller := second.Callers[tenant.FullCaller]
	home = &graphSession{guest.rig, second,
		guest.rig.token(second.ID, secretForm(caller.ClientID, caller.ClientSecret, graphDefault))}
	application["signInAudience"] = "AzureADMultipleOrgs"
	app = home.newApplication(application)
	return home, guest, app, guest.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
}

func TestAnInstanceTakesNoCredentialsWhileItsApplicationLocksThem(t *testing.T) {
	home, guest, app, instance := shared(t, object{})
	path, application := "/servicePrincipals/"+instance["id"].(string), "/applications/"+app["id"].(string)
	const code = "CannotUpdateLockedServicePrincipalProperty"
	secret, sign := object{}, path+"/addTokenSigningCertificate"
	key := object{"keyCredentials": []object{keyOf(certificate(t))}}
	lock := func(of object) {
		home.want(http.StatusNoContent, "PATCH", application, object{"servicePrincipalLockConfiguration": of})
	}
	if message := guest.refused(http.StatusBadRequest, code, "POST", path+"/addPassword",
		secret); message != "Property passwordCredentials is invalid." {
		t.Errorf("the message is %q", message)
	}
	guest.refused(http.StatusBadRequest, code, "PATCH", path, key)
	guest.refused(http.StatusBadRequest, code, "POST", sign, object{})
	guest.refused(http.StatusBadRequest, code, "PATCH", path, object{"tokenEncryptionKeyId": uuid.NewString()})
	guest.refused(http.StatusBadRequest, code, "PATCH", path, object{"tokenEncryptionKeyId": object{}})
	guest.want(http.StatusNoContent, "PATCH", path, object{"notes": "ours", "keyCredentials": []object{}})
	guest.want(http.StatusNoContent, "DELETE", path, nil)
	key["appId"] = app["appId"]
	guest.refused(http.StatusBadRequest, code, "POST", "/servicePrincipals", key)
	guest.refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", "/servicePrincipals",
		object{"appId": app["appId"], "displayName": "Another name"})
	instance = guest.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"], "notes": "ours"})
	path = "/servicePrincipals/" + instance["id"].(string)
	sign = path + "/addTokenSigningCertificate"
	delete(key, "appId")

	lock(object{"allProperties": false, "credentialsWithUsageVerify": false})
	added := guest.addSecret(path)
	guest.want(http.StatusNoContent, "PATCH", path, key)
	guest.refused(http.StatusBadRequest, code, "POST", sign, object{})
	lock(object{"credentialsWithUsageVerify": true, "credentialsWithUsageSign": false})
	guest.want(http.StatusOK, "POST", sign, object{})
	guest.refused(http.StatusBadRequest, code, "POST", path+"/removePassword", object{"keyId": added["keyId"]})
	lock(object{"isEnabled": false})
	guest.want(http.StatusNoContent, "PATCH", path, object{"tokenEncryptionKeyId": nil})
	guest.want(http.StatusNoContent, "POST", path+"/removePassword", object{"keyId": added["keyId"]})
}

func TestACredentialOfAnInstanceCountsInItsTenantAlone(t *testing.T) {
	home, guest, app, instance := shared(t, object{"servicePrincipalLockConfiguration": object{"isEnabled": false}})
	home.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	secret := guest.addSecret("/servicePrincipals/" + instance["id"].(string))["secretText"].(string)
	form := secretForm(app["appId"].(string), secret, graphDefault)
	guest.rig.token(guest.tenant.ID, form)
	home.refusedToken(home.tenant.ID, 7000215, form)
	// one of the application itself counts in both
	form = secretForm(app["appId"].(string), home.addSecret("/applications/" + app["id"].(string))["secretText"].(string),
		graphDefault)
	guest.rig.token(guest.tenant.ID, form)
	home.rig.token(home.tenant.ID, form)
	home.want(http.StatusNoContent, "DELETE", "/applications/"+app["id"].(string), nil)
	guest.refusedToken(guest.tenant.ID, 700016, secretForm(app["appId"].(string), secret, graphDefault))
}

func TestAnAppOfATenantThatIsNotSimulatedSignsInByItsInstancesSecret(t *testing.T) {
	g := newRig(t, Options{Tenants: 3, Gate: "mixed"}).as(tenant.FullCaller)
	org := g.server.world.Tenants[2] // whose list names another company's app
	caller := org.Callers[tenant.FullCaller]
	g = &graphSession{g.rig, org, g.rig.token(org.ID, secretForm(caller.ClientID, caller.ClientSecret, graphDefault))}
	const backup = "d916df37-ecb3-446b-8805-b2369b7706dc"
	g.refusedToken(org.ID, 7000215, secretForm(backup, "a secret of nothing", graphDefault))
	added := g.addSecret("/servicePrincipals(appId='" + backup + "')")
	g.rig.token(org.ID, secretForm(backup, added["secretText"].(string), graphDefault))
}

func TestThePolicyForServicePrincipalsRestrictsTheirCredentialsAlone(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, principal := g.newRegistration()
	application, path := "/applications/"+app["id"].(string), "/servicePrincipals/"+principal["id"].(string)
	g.setPolicy("default", `{"enabled": true, "service_principal_restrictions": [{"type": "passwordAddition"},
		{"type": "asymmetricKeyLifetime", "max_lifetime": "P180D"}]}`)
	g.refused(http.StatusBadRequest, "CredentialTypeNotAllowedAsPerAppPolicy", "POST", path+"/addPassword", object{})
	long := object{"keyCredentials": []object{certificateFor(t, 365)}}
	g.refused(http.StatusBadRequest, "CredentialInvalidLifetimeAsPerAppPolicy", "PATCH", path, long)
	g.setKeys(http.StatusNoContent, path, certificateFor(t, 90))
	g.addSecret(application)
	g.want(http.StatusNoContent, "PATCH", application, long)
	shown := g.want(http.StatusOK, "GET", "/policies/defaultAppManagementPolicy", nil)
	for restrictions, count := range map[string]int{"servicePrincipalRestrictions": 1, "applicationRestrictions": 0} {
		if got := shown[restrictions].(object)["passwordCredentials"].([]any); len(got) != count {
			t.Errorf("of client secrets, the %s are %v", restrictions, got)
		}
	}
	g.setPolicy("default", `{"enabled": true, "restrictions": [{"type": "passwordAddition"}]}`)
	g.addSecret(path)
	got := g.do(http.MethodPut, "/_sandbox/tenants/"+g.tenant.ID+"/policies/"+app["appId"].(string),
		`{"enabled": true, "service_principal_restrictions": [{"type": "passwordAddition"}]}`, nil)
	if got.Status != http.StatusBadRequest {
		t.Errorf("an application's policy for service principals is answered HTTP %d", got.Status)
	}
}

func TestACallerWithOwnedByManagesTheCredentialsOfItsOwnServicePrincipalsOnly(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	_, others := g.newRegistration()
	owner := g.rig.as(tenant.OwnedByCaller)
	_, own := owner.newRegistration()
	path := "/servicePrincipals/" + own["id"].(string)
	added := owner.addSecret(path)
	owner.setKeys(http.StatusNoContent, path, keyOf(certificate(t)))
	owner.want(http.StatusOK, "POST", path+"/addTokenSigningCertificate", object{})
	owner.want(http.StatusNoContent, "POST", path+"/removePassword", object{"keyId": added["keyId"]})
	path = "/servicePrincipals/" + others["id"].(string)
	for _, request := range []struct {
		method, below string
		body          object
	}{
		{"POST", "/addPassword", object{}},
		{"POST", "/removePassword", object{"keyId": uuid.NewString()}},
		{"POST", "/addTokenSigningCertificate", object{}},
		{"PATCH", "", object{"keyCredentials": []object{}}},
	} {
		owner.refused(http.StatusForbidden, "Authorization_RequestDenied", request.method, path+request.below, request.body)
	}
}

func TestTheTokenEndpointLearnsOfAServicePrincipalsSecretLater(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.register(g.tenant)
	g.later("1m")
	added := g.addSecret("/servicePrincipals/" + app.principal.ID)
	form := secretForm(app.AppID, added["secretText"].(string), graphDefault)
	shows := func() bool {
		for range 40 {
			keys := g.want(http.StatusOK, "GET", "/servicePrincipals/"+app.principal.ID, nil)["passwordCredentials"].([]any)
			if !slices.ContainsFunc(keys, func(p any) bool { return p.(object)["keyId"] == added["keyId"] }) {
				return false
			}
		}
		return true
	}
	if shows() {
		t.Error("every replica shows the secret at once")
	}
	g.later("10s")
	if !shows() {
		t.Error("after 10 s a replica does not show the secret")
	}
	g.later("6s")
	g.rig.token(g.tenant.ID, form)
	g.want(http.StatusNoContent, "POST", "/servicePrincipals/"+app.principal.ID+"/removePassword",
		object{"keyId": added["keyId"]})
	g.rig.token(g.tenant.ID, form) // it does not know of the removal either
	g.later("16s")
	g.refusedToken(g.tenant.ID, 7000215, form)
}
