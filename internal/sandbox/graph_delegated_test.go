package sandbox

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// newAPI makes an application that publishes delegated permissions, with its service principal. The last one is
// disabled.
func (g *graphSession) newAPI(scopes ...string) (principal object) {
	g.t.Helper()
	published := []object{}
	for i, value := range scopes {
		published = append(published, object{"id": uuid.NewString(), "value": value, "type": "User",
			"isEnabled": i < len(scopes)-1, "adminConsentDisplayName": value, "adminConsentDescription": value})
	}
	app := g.newApplication(object{"displayName": "API", "api": object{"oauth2PermissionScopes": published}})
	return g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
}

func (g *graphSession) someUser() tenant.User {
	account, _ := g.tenant.Directory.Users.First(tenant.Present(), func(tenant.User) bool { return true })
	return account
}

func TestDelegatedPermissionsAreGrantedForAllUsersAndForOne(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	_, client := g.newRegistration()
	api, user := g.newAPI("Files.Read", "Files.Write", "off"), g.someUser()
	all := g.want(http.StatusCreated, "POST", "/oauth2PermissionGrants", object{"clientId": client["id"],
		"consentType": "AllPrincipals", "resourceId": api["id"], "scope": "Files.Read"})
	one := g.want(http.StatusCreated, "POST", "/oauth2PermissionGrants", object{"clientId": client["id"],
		"consentType": "Principal", "principalId": user.ID, "resourceId": api["id"], "scope": "Files.Read Files.Write"})
	if all["principalId"] != nil || one["principalId"] != user.ID || one["clientId"] != client["id"] {
		t.Errorf("the grants are %v and %v", all, one)
	}
	path := "/oauth2PermissionGrants/" + all["id"].(string)
	g.want(http.StatusNoContent, "PATCH", path, object{"scope": "Files.Write"})
	if found := g.want(http.StatusOK, "GET", path, nil); found["scope"] != "Files.Write" {
		t.Errorf("after the change the grant is %v", found)
	}
	ofClient := "clientId eq '" + client["id"].(string) + "'"
	ofUser := "principalId eq '" + user.ID + "' and consentType eq 'Principal'"
	for list, want := range map[string][]any{
		filtered("/oauth2PermissionGrants", ofClient):                                         {all["id"], one["id"]},
		filtered("/oauth2PermissionGrants", ofUser):                                           {one["id"]},
		"/servicePrincipals(appId='" + client["appId"].(string) + "')/oauth2PermissionGrants": {all["id"], one["id"]},
		"/servicePrincipals/" + api["id"].(string) + "/oauth2PermissionGrants":                {},
	} {
		if ids := g.values(list, "id"); !slices.Equal(ids, want) {
			t.Errorf("GET %s lists %v, want %v", list, ids, want)
		}
	}
	g.want(http.StatusNoContent, "DELETE", path, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", path, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "PATCH", path, object{"scope": "Files.Read"})
}

func TestADelegatedGrantsIDIsBuiltFromTheIDsThatItNames(t *testing.T) {
	const client, resource, user = "b25985a8-9d2b-4fde-9fa7-6c4e43a8ddec", "a3efc889-f1b7-4532-9e01-91e32d1039f4",
		"182c8534-f413-487c-91a3-7addc80e35d5"
	for _, test := range []struct{ user, want string }{
		{"", "qIVZsiud3k-fp2xOQ6jd7InI76O38TJFngGR4y0QOfQ"},
		{user, "qIVZsiud3k-fp2xOQ6jd7InI76O38TJFngGR4y0QOfQ0hSwYE_R8SJGjet3IDjXV"},
	} {
		got := tenant.DelegatedGrantID(tenant.DelegatedGrant{ClientID: client, ResourceID: resource, PrincipalID: test.user})
		if got != test.want {
			t.Errorf("for the user %q the ID is %s, want %s", test.user, got, test.want)
		}
		if _, err := base64.RawURLEncoding.DecodeString(got); err != nil {
			t.Error(err)
		}
	}
}

func TestADelegatedGrantThatCannotBeIsRefused(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	_, client := g.newRegistration()
	api := g.newAPI("Files.Read", "off")
	good := func() object {
		return object{"clientId": client["id"], "consentType": "AllPrincipals", "resourceId": api["id"],
			"scope": "Files.Read"}
	}
	for sentence, test := range map[string]struct {
		property string
		value    any
		status   int
		code     string
	}{
		"no client":                         {"clientId", nil, 400, "Request_BadRequest"},
		"a client that is not there":        {"clientId", noObject, 404, "Request_ResourceNotFound"},
		"no resource":                       {"resourceId", nil, 400, "Request_BadRequest"},
		"a resource that is not there":      {"resourceId", noObject, 404, "Request_ResourceNotFound"},
		"another type of consent":           {"consentType", "Everybody", 400, "Request_BadRequest"},
		"for one user, without that user":   {"consentType", "Principal", 400, "Request_BadRequest"},
		"for all users, with one":           {"principalId", g.someUser().ID, 400, "Request_BadRequest"},
		"a scope that nobody publishes":     {"scope", "Files.Read Files.Raed", 400, "Request_BadRequest"},
		"a disabled scope":                  {"scope", "off", 400, "Request_BadRequest"},
		"scopes of more than 3,850 letters": {"scope", strings.Repeat("Files.Read ", 351), 400, "Request_BadRequest"},
		"a list of scopes":                  {"scope", []string{"Files.Read"}, 400, "Request_BadRequest"},
		"an unknown property":               {"scopes", "Files.Read", 400, "Request_BadRequest"},
	} {
		body := good()
		body[test.property] = test.value
		if got := g.send("POST", "/oauth2PermissionGrants", body); got.Status != test.status ||
			!strings.Contains(got.Body, test.code) {
			t.Errorf("%s: HTTP %d %s", sentence, got.Status, got.Body)
		}
	}
	made := g.want(http.StatusCreated, "POST", "/oauth2PermissionGrants", good())
	again := good()
	again["scope"] = ""
	if message := g.refused(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "POST",
		"/oauth2PermissionGrants", again); message != "Permission entry already exists." {
		t.Errorf("the second grant is refused with %q", message)
	}
	forOne := good()
	forOne["consentType"], forOne["principalId"] = "Principal", noObject
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", "/oauth2PermissionGrants", forOne)
	path := "/oauth2PermissionGrants/" + made["id"].(string)
	for property, value := range map[string]any{"clientId": client["id"], "consentType": "Principal",
		"scope": "Files.Raed", "id": noObject, "expiryTime": "2030-01-01T00:00:00Z"} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, object{property: value})
	}
}

func TestADeletedServicePrincipalOrUserTakesItsDelegatedGrantsAlongAndBack(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	_, client := g.newRegistration()
	api := g.newAPI("Files.Read", "off")
	grant := g.want(http.StatusCreated, "POST", "/oauth2PermissionGrants", object{"clientId": client["id"],
		"consentType": "AllPrincipals", "resourceId": api["id"], "scope": "Files.Read"})
	path := "/oauth2PermissionGrants/" + grant["id"].(string)
	g.want(http.StatusNoContent, "DELETE", "/servicePrincipals/"+client["id"].(string), nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path, nil)
	g.want(http.StatusOK, "POST", "/directory/deletedItems/"+client["id"].(string)+"/restore", nil)
	if found := g.want(http.StatusOK, "GET", path, nil); found["scope"] != "Files.Read" {
		t.Errorf("after the restore the grant is %v", found)
	}
	user := g.want(http.StatusCreated, "POST", "/users", object{"accountEnabled": true, "displayName": "Adele",
		"mailNickname": "adele", "userPrincipalName": "adele@" + g.tenant.Domain,
		"passwordProfile": object{"password": "xWwvJ]6NMw+bWH-d"}})["id"].(string)
	forOne := g.want(http.StatusCreated, "POST", "/oauth2PermissionGrants", object{"clientId": client["id"],
		"consentType": "Principal", "principalId": user, "resourceId": api["id"], "scope": "Files.Read"})
	g.want(http.StatusNoContent, "DELETE", "/users/"+user, nil)
	if ids := g.values("/oauth2PermissionGrants", "id"); !slices.Equal(ids, []any{grant["id"]}) {
		t.Errorf("without the user the grants are %v", ids)
	}
	g.want(http.StatusOK, "POST", "/directory/deletedItems/"+user+"/restore", nil)
	g.want(http.StatusOK, "GET", "/oauth2PermissionGrants/"+forOne["id"].(string), nil)
}

func TestADelegatedGrantIsSeenLaterByReplicasAndNeedsServicePrincipalsThatAreKnown(t *testing.T) {
	g := newLagging(t, tenant.InteropCaller)
	_, client := g.settledRegistration()
	fresh := g.newApplication(object{})
	g.later("6s")
	body := object{"clientId": client["id"], "consentType": "AllPrincipals", "resourceId": g.graphPrincipal(),
		"scope": "openid"}
	made := g.want(http.StatusCreated, "POST", "/oauth2PermissionGrants", body)
	if got := g.statuses("/oauth2PermissionGrants/" + made["id"].(string)); !slices.Equal(got, []int{200, 404}) {
		t.Errorf("right after it was made, reads of the grant are answered %v", got)
	}
	stranger := g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": fresh["appId"]})
	body["clientId"] = stranger["id"]
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", "/oauth2PermissionGrants", body)
	g.later("6s")
	g.want(http.StatusCreated, "POST", "/oauth2PermissionGrants", body)
}

func (g *graphSession) graphPrincipal() string { return seeded(g.tenant, tenant.GraphAppID).ID }

// settledRegistration makes an application with its service principal, which every replica knows.
func (g *graphSession) settledRegistration() (app, principal object) {
	g.t.Helper()
	app = g.newApplication(object{})
	g.control(http.MethodPost, "/clock", `{"settle":true}`)
	principal = g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	g.control(http.MethodPost, "/clock", `{"settle":true}`)
	return app, principal
}
