package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// self is the object ID of the caller's service principal.
func (g *graphSession) self(kind tenant.CallerKind) string {
	g.t.Helper()
	principal, found := g.tenant.ServicePrincipalByAppID(tenant.Present(), g.tenant.Callers[kind].ClientID)
	if !found {
		g.t.Fatalf("the caller %s has no service principal", kind)
	}
	return principal.ID
}

func (g *graphSession) reference(id string) string {
	return g.server.Origin() + "/v1.0/directoryObjects/" + id
}

func TestOwnersCanBeAddedAndRemoved(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, principal := g.newRegistration()
	account, _ := g.tenant.Directory.Users.First(tenant.Present(), func(tenant.User) bool { return true })
	for _, path := range []string{"/applications/" + app["id"].(string) + "/owners",
		"/servicePrincipals(appId='" + app["appId"].(string) + "')/owners"} {
		reference := object{"@odata.id": g.reference(principal["id"].(string))}
		g.want(http.StatusNoContent, "POST", path+"/$ref", reference)
		g.want(http.StatusNoContent, "POST", path+"/$ref", object{"@odata.id": g.reference(account.ID)})
		g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path+"/$ref", reference)
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", path+"/$ref",
			object{"@odata.id": "/directoryObjects/" + noObject})
		want := "The reference target 'Application_" + app["id"].(string) +
			"' of type 'Application' is invalid for the 'owners' reference."
		if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path+"/$ref",
			object{"@odata.id": g.reference(app["id"].(string))}); message != want {
			t.Errorf("an application as an owner: the message is %q", message)
		}
		if types := g.values(path, "@odata.type"); !slices.Equal(types,
			[]any{"#microsoft.graph.servicePrincipal", "#microsoft.graph.user"}) {
			t.Errorf("the owners are %v", types)
		}
		if found := g.values(filtered(path, "id eq '"+account.ID+"'"), "id"); !slices.Equal(found, []any{account.ID}) {
			t.Errorf("the owner is found as %v", found)
		}
		g.want(http.StatusNoContent, "DELETE", path+"/"+principal["id"].(string)+"/$ref", nil)
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", path+"/"+principal["id"].(string)+"/$ref", nil)
		if left := g.values(path, "id"); !slices.Equal(left, []any{account.ID}) {
			t.Errorf("the owners left are %v", left)
		}
	}
}

func TestANewObjectBelongsToWhomTheRequestBinds(t *testing.T) {
	for kind, callerFirst := range map[tenant.CallerKind]bool{tenant.FullCaller: false, tenant.OwnedByCaller: true} {
		g := newGraph(t, kind)
		self := g.self(kind)
		account, _ := g.tenant.Directory.Users.First(tenant.Present(), func(tenant.User) bool { return true })
		if app, principal := g.newRegistration(); callerFirst != slices.Equal(
			g.values("/applications/"+app["id"].(string)+"/owners", "id"), []any{self}) ||
			callerFirst != slices.Equal(g.values("/servicePrincipals/"+principal["id"].(string)+"/owners", "id"), []any{self}) {
			t.Errorf("%s: that the caller owns what it made without a word is not %t", kind, callerFirst)
		}
		bound := []string{g.reference(self), g.reference(account.ID), g.reference(account.ID)}
		app := g.newApplication(object{"owners@odata.bind": bound})
		principal := g.want(http.StatusCreated, "POST", "/servicePrincipals",
			object{"appId": app["appId"], "owners@odata.bind": bound})
		for _, path := range []string{"/applications/" + app["id"].(string) + "/owners",
			"/servicePrincipals/" + principal["id"].(string) + "/owners"} {
			if owners := g.values(path, "id"); !slices.Equal(owners, []any{self, account.ID}) {
				t.Errorf("%s: the owners are %v, want %s and %s", kind, owners, self, account.ID)
			}
			g.want(http.StatusNoContent, "DELETE", path+"/"+self+"/$ref", nil)
		}
		// Who may only touch its own gave that away.
		change := http.StatusNoContent
		if kind == tenant.OwnedByCaller {
			change = http.StatusForbidden
		}
		g.want(change, "PATCH", "/applications/"+app["id"].(string), object{"notes": "x"})
		g.want(change, "PATCH", "/servicePrincipals/"+principal["id"].(string), object{"notes": "x"})
		g.want(change, "DELETE", "/servicePrincipals/"+principal["id"].(string)+"/owners/"+account.ID+"/$ref", nil)
	}
}

func TestABindingThatCannotBeIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	self := g.reference(g.self(tenant.FullCaller))
	tooMany := slices.Repeat([]string{self}, 21)
	for status, bindings := range map[int][]any{
		http.StatusBadRequest: {self, []int{1}, []string{"x"}, tooMany},
		http.StatusNotFound:   {[]string{g.reference(uuid.NewString())}},
	} {
		for _, binding := range bindings {
			if got := g.send("POST", "/applications",
				object{"displayName": "x", "owners@odata.bind": binding}); got.Status != status {
				t.Errorf("owners bound as %v are answered HTTP %d, want %d: %s", binding, got.Status, status, got.Body)
			}
		}
	}
	if made := g.values(filtered("/applications", "displayName eq 'x'"), "id"); len(made) > 0 {
		t.Errorf("refused, and made all the same: %v", made)
	}
	app := g.newApplication(object{"owners@odata.bind": tooMany[:20]})
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", "/applications/"+app["id"].(string),
		object{"owners@odata.bind": []string{self}})
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/applications",
		object{"displayName": "x", "createdOnBehalfOf@odata.bind": self})
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/servicePrincipals",
		object{"appId": app["appId"], "tokenIssuancePolicies@odata.bind": []string{self}})
}

// beta makes a request below the beta version, which no contract at hand is about.
func (g *graphSession) beta(method, path, body string) answer {
	g.t.Helper()
	return g.do(method, "/beta"+path, body,
		map[string]string{"Authorization": "Bearer " + g.token, "Content-Type": "application/json"})
}

func TestOfTheBetaVersionThereIsWhatOtherProvidersReadThere(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, principal := g.newRegistration()
	appPath, principalPath := "/applications/"+app["id"].(string), "/servicePrincipals/"+principal["id"].(string)
	if got := g.beta("PATCH", appPath, `{"oauth2RequirePostResponse": true}`); got.Status != http.StatusNoContent {
		t.Errorf("a change is answered HTTP %d: %s", got.Status, got.Body)
	}
	for path, want := range map[string]string{
		appPath + "?$select=oauth2RequirePostResponse": fmt.Sprintf(
			`{"@odata.context":"%s/beta/$metadata#applications(oauth2RequirePostResponse)/$entity","oauth2RequirePostResponse":true}`, g.server.Origin()),
		principalPath + "?$select=samlMetadataUrl": fmt.Sprintf(
			`{"@odata.context":"%s/beta/$metadata#servicePrincipals(samlMetadataUrl)/$entity","samlMetadataUrl":null}`,
			g.server.Origin()),
	} {
		if got := g.beta("GET", path, ""); got.Status != http.StatusOK || got.Body != want {
			t.Errorf("%s is answered HTTP %d: %s", path, got.Status, got.Body)
		}
	}
	if got := g.beta("PATCH", principalPath, `{"notes": "by beta"}`); got.Status != http.StatusNoContent {
		t.Errorf("a change is answered HTTP %d: %s", got.Status, got.Body)
	}
	for _, path := range []string{principalPath, appPath} {
		if got := g.beta("DELETE", path, ""); got.Status != http.StatusNoContent {
			t.Errorf("a deletion is answered HTTP %d: %s", got.Status, got.Body)
		}
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path, nil)
	}
	app, principal = g.newRegistration()
	appPath, principalPath = "/applications/"+app["id"].(string), "/servicePrincipals/"+principal["id"].(string)
	g.refused(http.StatusBadRequest, "BadRequest", "GET", principalPath+"?$select=samlMetadataUrl", nil)
	if got := g.beta("GET", "/organization", ""); got.Status != http.StatusBadRequest {
		t.Errorf("what is not there is answered HTTP %d: %s", got.Status, got.Body)
	}
	g.inject(Fault{At: "GET /beta/*", Kind: Unavailable})
	if got := g.beta("GET", appPath, ""); got.Status != http.StatusServiceUnavailable ||
		!strings.Contains(got.Body, `"Directory_ReplicaUnavailable"`) {
		t.Errorf("during a fault it is answered HTTP %d: %s", got.Status, got.Body)
	}
	g.token = "nonsense"
	if got := g.beta("GET", appPath, ""); got.Status != http.StatusUnauthorized {
		t.Errorf("without a token it is answered HTTP %d: %s", got.Status, got.Body)
	}
}
