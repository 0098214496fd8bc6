package sandbox

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestGraphTakesNoTokenThatIsNotForIt(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	good := g.token
	caller := g.tenant.Callers[tenant.FullCaller]
	for sentence, test := range map[string]struct{ token, message string }{
		"no token":                {"", "Access token is empty."},
		"no token at all":         {"nonsense", "CompactToken parsing failed with error code: 80049217"},
		"a changed token":         {good[:len(good)-20] + strings.Repeat("A", 20), "Access token validation failure. Invalid signature."},
		"a token for another API": {g.rig.token(g.tenant.ID, secretForm(caller.ClientID, caller.ClientSecret, exchangeDefault)), "Access token validation failure. Invalid audience."},
	} {
		g.token = test.token
		if message := g.refused(http.StatusUnauthorized, "InvalidAuthenticationToken", "GET", "/organization",
			nil); message != test.message {
			t.Errorf("%s: the message is %q", sentence, message)
		}
		want := `Bearer realm="", authorization_uri="` + g.server.Origin() +
			`/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`
		if got := g.send("GET", "/organization", nil).Header.Get("WWW-Authenticate"); got != want {
			t.Errorf("%s: WWW-Authenticate is %q", sentence, got)
		}
	}
	g.token = good
	g.want(http.StatusOK, "GET", "/organization", nil)
	g.control(http.MethodPost, "/clock", `{"advance":"2h"}`)
	if message := g.refused(http.StatusUnauthorized, "InvalidAuthenticationToken", "GET", "/organization",
		nil); !strings.Contains(message, "expired") {
		t.Errorf("an expired token: the message is %q", message)
	}
}

func TestErrorsCarryTheIDsForASupportCase(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	mine := uuid.NewString()
	got := g.send("GET", "/applications/"+noObject, nil, "client-request-id", mine)
	var body struct {
		Error struct {
			Code, Message string
			InnerError    map[string]string `json:"innerError"`
		}
	}
	got.json(t, &body)
	if want := "Resource '" + noObject +
		"' does not exist or one of its queried reference-property objects are not present."; body.Error.Message != want {
		t.Errorf("the message is %q", body.Error.Message)
	}
	inner := body.Error.InnerError
	if inner["client-request-id"] != mine || inner["request-id"] != got.Header.Get("request-id") ||
		uuid.Validate(inner["request-id"]) != nil {
		t.Errorf("the IDs of the error are %v, those of the answer %v", inner, got.Header)
	}
	if !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`).MatchString(inner["date"]) {
		t.Errorf("the date %q has a zone or is none", inner["date"])
	}
}

func TestAnswersHaveTheHeadersOfGraph(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	principal := "/servicePrincipals/" + g.self(tenant.FullCaller)
	got := g.send("POST", "/applications", object{"displayName": "x"})
	for name, want := range map[string]string{
		"Content-Type":       `^application/json; odata.metadata=minimal;.*charset=utf-8$`,
		"OData-Version":      `^4\.0$`,
		"Request-Id":         `^[0-9a-f-]{36}$`,
		"Client-Request-Id":  `^[0-9a-f-]{36}$`,
		"Location":           `^https://127\.0\.0\.1:\d+/v2/[0-9a-f-]{36}/directoryObjects/[0-9a-f-]{36}/Microsoft\.DirectoryServices\.Application$`,
		"X-Ms-Resource-Unit": `^1$`,

		"Cache-Control":             `^no-cache$`,
		"Strict-Transport-Security": `^max-age=31536000$`,
		"X-Ms-Ags-Diagnostic":       `^{"ServerInfo":{"DataCenter":".+","Slice":".+","Ring":".+","ScaleUnit":".+","RoleInstance":".+"}}$`,
	} {
		if !regexp.MustCompile(want).MatchString(got.Header.Get(name)) {
			t.Errorf("%s is %q, want %s", name, got.Header.Get(name), want)
		}
	}
	for path, want := range map[string]string{
		"/applications": "2", "/applications?$select=id": "1", "/organization": "1", "/applications?$top=5": "1",
		"/applications?$top=20": "2",
		"/users":                "2", "/servicePrincipals": "1", principal + "/appRoleAssignments": "2",
		principal + "/appRoleAssignedTo":                    "1",
		principal + "/appRoleAssignments?$top=5&$select=id": "1",
	} {
		if got := g.send("GET", path, nil).Header.Get("x-ms-resource-unit"); got != want {
			t.Errorf("GET %s costs %q resource units, want %s", path, got, want)
		}
	}
}

func TestEveryOperationNeedsItsRight(t *testing.T) {
	r := newRig(t, Options{})
	app, principal := r.as(tenant.FullCaller).newRegistration()
	id, principalID := app["id"].(string), principal["id"].(string)
	graphAPI := r.as(tenant.FullCaller).api(tenant.GraphAppID)
	grant := object{"principalId": principalID, "resourceId": graphAPI["id"],
		"appRoleId": "7ab1d382-f21e-4acd-a863-ba3e13f7da61"}
	for _, test := range []struct {
		kind         tenant.CallerKind
		method, path string
		body         any
	}{
		{tenant.ReadOnlyCaller, "POST", "/applications", object{"displayName": "x"}},
		{tenant.ReadOnlyCaller, "PATCH", "/applications/" + id, object{"notes": "x"}},
		{tenant.ReadOnlyCaller, "DELETE", "/applications/" + id, nil},
		{tenant.ReadOnlyCaller, "POST", "/applications/" + id + "/addPassword", object{}},
		{tenant.ReadOnlyCaller, "POST", "/servicePrincipals", object{"appId": app["appId"]}},
		{tenant.ReadOnlyCaller, "DELETE", "/servicePrincipals/" + principalID, nil},
		{tenant.ReadOnlyCaller, "DELETE", "/directory/deletedItems/" + id, nil},
		{tenant.ReadOnlyCaller, "POST", "/directory/deletedItems/" + id + "/restore", nil},
		{tenant.NoConsentRightCaller, "POST", "/servicePrincipals/" + principalID + "/appRoleAssignments", grant},
		{tenant.NoConsentRightCaller, "POST", "/servicePrincipals/" + graphAPI["id"].(string) + "/appRoleAssignedTo", grant},
		{tenant.OwnedByCaller, "GET", "/applications", nil},
		{tenant.OwnedByCaller, "GET", "/directory/deletedItems/graph.application", nil},
		{tenant.OwnedByCaller, "GET", "/applications/" + id, nil},
		{tenant.OwnedByCaller, "PATCH", "/applications/" + id, object{"notes": "x"}},
		{tenant.OwnedByCaller, "DELETE", "/applications/" + id, nil},
		{tenant.OwnedByCaller, "POST", "/applications/" + id + "/addPassword", object{}},
		{tenant.OwnedByCaller, "POST", "/servicePrincipals", object{"appId": app["appId"]}},
		{tenant.OwnedByCaller, "PATCH", "/servicePrincipals/" + principalID, object{"accountEnabled": false}},
		{tenant.OwnedByCaller, "DELETE", "/servicePrincipals/" + principalID, nil},
	} {
		message := r.as(test.kind).refused(http.StatusForbidden, "Authorization_RequestDenied", test.method, test.path,
			test.body)
		if message != "Insufficient privileges to complete the operation." {
			t.Errorf("%s %s: the message is %q", test.method, test.path, message)
		}
	}
}

func TestACallerWithOwnedByManagesWhatItMade(t *testing.T) {
	g := newGraph(t, tenant.OwnedByCaller)
	app, principal := g.newRegistration()
	path := "/applications/" + app["id"].(string)
	g.want(http.StatusOK, "GET", path, nil)
	g.want(http.StatusNoContent, "PATCH", path, object{"notes": "mine"})
	g.want(http.StatusOK, "POST", path+"/addPassword", object{})
	exchange := g.api(tenant.ExchangeAppID)
	grant := g.grant(principal, exchange, "dc890d15-9560-4a4c-9b7f-a736ec74ec40")
	g.want(http.StatusNoContent, "DELETE", "/servicePrincipals/"+principal["id"].(string)+"/appRoleAssignments/"+
		grant["id"].(string), nil)
	self, _ := g.tenant.ServicePrincipalByAppID(tenant.Present(), g.tenant.Callers[tenant.OwnedByCaller].ClientID)
	if owners := g.values(path+"/owners", "id"); !slices.Equal(owners, []any{self.ID}) {
		t.Errorf("the owners are %v, want the caller %s", owners, self.ID)
	}
	g.want(http.StatusNoContent, "PATCH", "/servicePrincipals/"+principal["id"].(string), object{"accountEnabled": false})
	g.want(http.StatusNoContent, "DELETE", path, nil)
	g.want(http.StatusOK, "POST", "/directory/deletedItems/"+app["id"].(string)+"/restore", nil)
	g.want(http.StatusNoContent, "DELETE", path, nil)
	g.want(http.StatusNoContent, "DELETE", "/directory/deletedItems/"+app["id"].(string), nil)

	message := g.refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", "/servicePrincipals",
		object{"appId": noObject})
	if !strings.HasPrefix(message,
		"When using this permission, the backing application of the service principal being created must") {
		t.Errorf("a service principal without an application: the message is %q", message)
	}
}

func TestARequestThatGraphDoesNotKnowIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{})["id"].(string)
	g.refused(http.StatusBadRequest, "BadRequest", "GET", "/aplications", nil)
	g.refused(http.StatusMethodNotAllowed, "Request_BadRequest", "DELETE", "/organization", nil)
	g.refused(http.StatusBadRequest, "Request_BadRequest", "GET", "/applications/not-an-id", nil)
	g.refused(http.StatusBadRequest, "BadRequest", "GET", "/applications(displayName='x')", nil)
	for body, code := range map[any]string{
		`{`: "BadRequest", `[]`: "BadRequest", `null`: "BadRequest", `{"displayName": 1}`: "Request_BadRequest",
		`{"displayNaem": "x"}`: "Request_BadRequest", `{"appId": "x"}`: "Request_BadRequest",
		`{"web": []}`:   "Request_BadRequest",
		`{"tags": "x"}`: "Request_BadRequest", `{"displayName": ""}`: "Request_BadRequest",
		`{"signInAudience": "Everyone"}`: "Request_BadRequest",
		`{"requiredResourceAccess": [{"resourceAppId": "` + tenant.GraphAppID +
			`", "resourceAccess": [{"id": "x", "type": "Role"}]}]}`: "Request_BadRequest",
		`{"requiredResourceAccess": [{"resourceAppId": "` + tenant.GraphAppID + `", "resourceAccess": [{"id": "` + noObject +
			`", "type": "Right"}]}]}`: "Request_BadRequest",
	} {
		got := g.do("PATCH", "/v1.0/applications/"+app, body.(string),
			map[string]string{"Authorization": "Bearer " + g.token, "Content-Type": "application/json"})
		if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, `"code":"`+code+`"`) {
			t.Errorf("%s is answered HTTP %d %s, want 400 %s", body, got.Status, got.Body, code)
		}
	}
	got := g.do("POST", "/v1.0/applications", `{"displayName": "x"}`,
		map[string]string{"Authorization": "Bearer " + g.token})
	if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "Content-Type header declaration") {
		t.Errorf("a body without its type is answered HTTP %d %s", got.Status, got.Body)
	}
}
