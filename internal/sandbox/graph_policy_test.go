package sandbox

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// setPolicy sets the default app management policy, or the one of the application with that client ID.
func (g *graphSession) setPolicy(of, body string) PolicyState {
	g.t.Helper()
	got := g.do(http.MethodPut, "/_sandbox/tenants/"+g.tenant.ID+"/policies/"+of, body, nil)
	if got.Status != http.StatusOK {
		g.t.Fatalf("setting the policy answers HTTP %d: %s", got.Status, got.Body)
	}
	var state PolicyState
	got.json(g.t, &state)
	return state
}

// certificateFor makes a key that is valid for so many days.
func certificateFor(t *testing.T, days int) object {
	t.Helper()
	from := time.Now().Add(-time.Hour)
	_, c := newCertificate(t, from, from.AddDate(0, 0, days))
	return keyOf(c)
}

const halfAYear = `{"enabled": true, "restrictions": [{"type": "asymmetricKeyLifetime", "max_lifetime": "P180D"}]}`

func TestADefaultPolicyCanBeReadByWhoMay(t *testing.T) {
	g := newGraph(t, tenant.ReadOnlyCaller)
	set := g.setPolicy("default", `{"enabled": true, "restrictions": [
		{"type": "asymmetricKeyLifetime", "max_lifetime": "P180D", "created_after": "2020-01-01T00:00:00Z"},
		{"type": "passwordAddition"}, {"type": "passwordLifetime", "max_lifetime": "P1DT12H", "disabled": true}]}`)
	policy := g.want(http.StatusOK, "GET", "/policies/defaultAppManagementPolicy", nil)
	restrictions := policy["applicationRestrictions"].(object)
	key := restrictions["keyCredentials"].([]any)[0].(object)
	if policy["id"] != set.ID || policy["isEnabled"] != true || key["restrictionType"] != "asymmetricKeyLifetime" ||
		key["maxLifetime"] != "P180D" ||
		key["state"] != "enabled" || key["restrictForAppsCreatedAfterDateTime"] != "2020-01-01T00:00:00Z" {
		t.Errorf("the policy is %v", policy)
	}
	passwords := restrictions["passwordCredentials"].([]any)
	if len(passwords) != 2 || passwords[0].(object)["maxLifetime"] != nil || passwords[1].(object)["state"] != "disabled" {
		t.Errorf("the restrictions of client secrets are %v", passwords)
	}
	app := g.register(g.tenant, tenant.GraphAppID+"/Application.ReadWrite.All")
	g.token = g.rig.token(g.tenant.ID, secretForm(app.AppID, app.secret, graphDefault))
	g.refused(http.StatusForbidden, "Authorization_RequestDenied", "GET", "/policies/defaultAppManagementPolicy", nil)
}

func TestACertificateOfALongerLifeThanThePolicyAllowsIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	before := certificateFor(t, 365)
	path := "/applications/" + g.newApplication(object{"keyCredentials": []object{before}})["id"].(string)
	policy := g.setPolicy("default", halfAYear)
	message := g.refused(http.StatusBadRequest, "CredentialInvalidLifetimeAsPerAppPolicy", "POST", "/applications",
		object{"displayName": "new", "keyCredentials": []object{certificateFor(t, 181)}})
	if want := "Credential lifetime exceeds the max value allowed as per assigned policy '" + policy.ID +
		"'."; message != want {
		t.Errorf("the message is %q, want %q", message, want)
	}
	// What was there before stays, and may be repeated next to a new key.
	g.setKeys(http.StatusNoContent, path, g.keyCredentials(path)[0], certificateFor(t, 180))
	g.setKeys(http.StatusBadRequest, path, certificateFor(t, 365))
	// A key that ends earlier than its certificate does counts by its own dates.
	short := certificateFor(t, 365)
	short["endDateTime"] = time.Now().AddDate(0, 0, 90).UTC().Format(time.RFC3339)
	g.setKeys(http.StatusNoContent, path, short)
}

func TestAPolicyAgainstClientSecretsRefusesThem(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{})["id"].(string)
	g.setPolicy("default", `{"enabled": true, "restrictions": [{"type": "passwordAddition"}]}`)
	message := g.refused(http.StatusBadRequest, "CredentialTypeNotAllowedAsPerAppPolicy", "POST", path+"/addPassword",
		object{})
	if !strings.HasPrefix(message, "Credential type not allowed as per assigned policy '") {
		t.Errorf("the message is %q", message)
	}
	g.setPolicy("default", `{"enabled": true, "restrictions": [{"type": "passwordLifetime", "max_lifetime": "P30D"}]}`)
	// two years by default
	g.refused(http.StatusBadRequest, "CredentialInvalidLifetimeAsPerAppPolicy", "POST", path+"/addPassword", object{})
	month := object{"passwordCredential": object{"endDateTime": time.Now().AddDate(0, 0, 29).UTC().Format(time.RFC3339)}}
	g.want(http.StatusOK, "POST", path+"/addPassword", month)
}

func TestAPolicyLetsGoWhatItDoesNotCover(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	long := []object{certificateFor(t, 365)}
	for sentence, policy := range map[string]string{
		"a disabled policy":      strings.Replace(halfAYear, "true", "false", 1),
		"a disabled restriction": strings.Replace(halfAYear, `"P180D"`, `"P180D", "disabled": true`, 1),
		"one for later applications": strings.Replace(halfAYear, `"P180D"`,
			`"P180D", "created_after": "2999-01-01T00:00:00Z"`, 1),
		"a restriction of secrets only": `{"enabled": true, "restrictions": [{"type": "passwordAddition"}]}`,
	} {
		t.Run(sentence, func(t *testing.T) {
			g.setPolicy("default", policy)
			g.newApplication(object{"keyCredentials": long})
		})
	}
}

func TestAnApplicationsOwnPolicyReplacesTheDefaultOne(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.setPolicy("default", halfAYear)
	app := g.newApplication(object{})
	path, clientID := "/applications/"+app["id"].(string), app["appId"].(string)
	g.setKeys(http.StatusBadRequest, path, certificateFor(t, 365))

	own := g.setPolicy(clientID, `{"enabled": true, "restrictions": [{"type": "passwordAddition"}]}`)
	g.setKeys(http.StatusNoContent, path, certificateFor(t, 365))
	message := g.refused(http.StatusBadRequest, "CredentialTypeNotAllowedAsPerAppPolicy", "POST", path+"/addPassword",
		object{})
	if !strings.Contains(message, own.ID) {
		t.Errorf("the message %q does not name the policy %s", message, own.ID)
	}
	if assigned := g.values(path+"/appManagementPolicies", "id"); len(assigned) != 1 || assigned[0] != own.ID {
		t.Errorf("assigned are %v", assigned)
	}
	g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": clientID})
	if assigned := g.values("/servicePrincipals(appId='"+clientID+"')/appManagementPolicies", "id"); len(assigned) != 0 {
		t.Errorf("assigned to the service principal are %v", assigned)
	}
	if all := g.values("/policies/appManagementPolicies", "id"); len(all) != 1 || all[0] != own.ID {
		t.Errorf("the policies are %v", all)
	}

	g.control(http.MethodDelete, "/tenants/"+g.tenant.ID+"/policies/"+clientID, "")
	g.setKeys(http.StatusBadRequest, path, certificateFor(t, 365))
	if left := g.values(path+"/appManagementPolicies", "id"); len(left) != 0 {
		t.Errorf("after its removal, assigned are %v", left)
	}
}

func TestAPolicyThatNoTenantCouldHaveIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	for _, test := range []struct{ of, restrictions, want string }{
		{"default", `[{"type": "keyLifetime", "max_lifetime": "P1D"}]`, "keyLifetime"},
		{"default", `[{"type": "asymmetricKeyLifetime", "max_lifetime": "P1Y"}]`, "P1Y"},
		{"default", `[{"type": "asymmetricKeyLifetime", "max_lifetime": "PT"}]`, "PT"},
		{"default", `[{"type": "asymmetricKeyLifetime"}]`, "max_lifetime"},
		{"default", `[{"type": "passwordAddition", "max_lifetime": "P1D"}]`, "takes none"},
		{"default", `[{"type": "passwordAddition"}, {"type": "passwordAddition"}]`, "twice"},
		{"nobody", `[]`, "nobody"},
	} {
		got := g.do(http.MethodPut, "/_sandbox/tenants/"+g.tenant.ID+"/policies/"+test.of,
			`{"enabled": true, "restrictions": `+test.restrictions+`}`, nil)
		if got.Status < 400 || !strings.Contains(got.Body, test.want) {
			t.Errorf("%s %s: HTTP %d %s", test.of, test.restrictions, got.Status, got.Body)
		}
	}
}
