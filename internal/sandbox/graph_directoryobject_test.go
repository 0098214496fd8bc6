package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestAnObjectIsFoundWhateverItsType(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	for kind, id := range g.mixture() {
		if kind == "Team" {
			kind = "Group"
		}
		found := g.want(http.StatusOK, "GET", "/directoryObjects/"+strings.ToUpper(id), nil)
		name, _ := found["@odata.type"].(string)
		if found["id"] != id || !strings.EqualFold(name, "#microsoft.graph."+kind) || found["displayName"] == nil ||
			kind == "User" && found["accountEnabled"] != nil {
			t.Errorf("the %s is %v", kind, found)
		}
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/directoryObjects/"+noObject, nil)
	g.refused(http.StatusBadRequest, "Request_BadRequest", "GET", "/directoryObjects/adele", nil)
}

func TestObjectsAreFoundByTheirIDs(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	ids := g.mixture()
	find := func(body object) []any {
		t.Helper()
		found := []any{}
		for _, one := range g.want(http.StatusOK, "POST", "/directoryObjects/getByIds", body)["value"].([]any) {
			found = append(found, one.(object)["id"])
		}
		return found
	}
	asked := []string{ids["User"], noObject, ids["Group"], ids["Application"]}
	for _, test := range []struct {
		types any
		want  []any
	}{
		{nil, []any{ids["User"], ids["Group"], ids["Application"]}}, {[]string{"USER"}, []any{ids["User"]}},
		{[]string{"group", "device"}, []any{ids["Group"]}}, {[]string{"device"}, []any{}},
		{[]string{"directoryObject"}, []any{ids["User"], ids["Group"], ids["Application"]}},
	} {
		if found := find(object{"ids": asked, "types": test.types}); !slices.Equal(found, test.want) {
			t.Errorf("of the types %v there are %v, want %v", test.types, found, test.want)
		}
	}
	for _, body := range []object{{}, {"ids": []string{}}, {"ids": "x"}, {"ids": []string{"x"}},
		{"ids": slices.Repeat([]string{noObject}, 1001)}, {"ids": asked, "types": "user"}} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/directoryObjects/getByIds", body)
	}
}

func TestAnObjectThatTheCallerMayNotReadIsShownByTypeAndID(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	app := g.register(g.tenant)
	user, _ := g.makeUser("user")
	self := g.self(tenant.FullCaller)
	inner, _ := g.makeGroup(object{})
	_, group := g.makeGroup(object{"owners@odata.bind": []string{g.reference(user), g.reference(self)},
		"members@odata.bind": []string{g.reference(inner), g.reference(user)}})
	for right, shown := range map[string][]bool{ // of the user and of the service principal
		"": {false, false}, "User.ReadBasic.All": {true, false}, "Application.Read.All": {false, true},
	} {
		for i, owner := range g.with(app, "GroupMember.ReadWrite.All", right).want(http.StatusOK, "GET", group+"/owners",
			nil)["value"].([]any) {
			found := owner.(object)
			_, named := found["displayName"]
			if named != shown[i] || found["id"] == nil || found["@odata.type"] == nil {
				t.Errorf("with the right %q, the owner %d is %v", right, i, found)
			}
		}
		named := g.with(app, "GroupMember.ReadWrite.All", right).values(group+"/members", "displayName")
		if named[0] != nil || (named[1] != nil) != shown[0] {
			t.Errorf("with the right %q, the members are called %v", right, named)
		}
	}
}

// offer is an API of the tenant's own that offers a role.
type offer struct{ id, roleID string }

// offering makes one whose role has some properties.
func (g *graphSession) offering(role object) offer {
	g.t.Helper()
	const roleID = "c8b8a0a4-9c6e-4f0d-8d0e-5f3b1c0a7e11"
	for name, value := range (object{"id": roleID, "isEnabled": true, "displayName": "role", "description": "role"}) {
		role[name] = value
	}
	app := g.newApplication(object{"appRoles": []any{role}})
	principal := g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	return offer{principal["id"].(string), roleID}
}

func TestUsersAndGroupsHoldAppRoles(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	user, userPath := g.makeUser("user")
	group, groupPath := g.makeGroup(object{})
	api := g.offering(object{"allowedMemberTypes": []string{"User"}, "value": "Reader"})
	given := "/servicePrincipals/" + api.id + "/appRoleAssignedTo"
	for _, holder := range []struct{ id, path, kind string }{{user, userPath, "User"}, {group, groupPath, "Group"}} {
		body := object{"principalId": holder.id, "resourceId": api.id, "appRoleId": api.roleID}
		for _, path := range []string{holder.path + "/appRoleAssignments", given} {
			made := g.want(http.StatusCreated, "POST", path, body)
			if made["principalType"] != holder.kind || made["principalId"] != holder.id || made["principalDisplayName"] == nil {
				t.Errorf("assigned is %v", made)
			}
			g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path, body)
			id := made["id"].(string)
			for _, end := range []string{holder.path + "/appRoleAssignments", given} {
				if found := g.values(end, "id"); !slices.Equal(found, []any{id}) {
					t.Errorf("at %s there are %v", end, found)
				}
				g.want(http.StatusOK, "GET", end+"/"+id, nil)
			}
			g.want(http.StatusNoContent, "DELETE", holder.path+"/appRoleAssignments/"+id, nil)
			g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", holder.path+"/appRoleAssignments/"+id, nil)
			g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", holder.path+"/appRoleAssignments/"+id, nil)
		}
	}
	assigned := g.want(http.StatusCreated, "POST", userPath+"/appRoleAssignments",
		object{"principalId": user, "resourceId": api.id, "appRoleId": api.roleID})
	if context := "$metadata#users('" + user + "')/appRoleAssignments/$entity"; !strings.HasSuffix(
		assigned["@odata.context"].(string), context) {
		t.Errorf("the context is %v", assigned["@odata.context"])
	}
	g.want(http.StatusCreated, "POST", groupPath+"/appRoleAssignments",
		object{"principalId": group, "resourceId": api.id, "appRoleId": api.roleID})
	g.want(http.StatusNoContent, "DELETE", groupPath, nil)
	if found := g.values(given, "principalId"); !slices.Equal(found, []any{user}) {
		t.Errorf("with the group gone, the role is assigned to %v", found)
	}
}

func TestARoleIsAssignedToThoseWhomItIsFor(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	ids := g.mixture()
	holders := map[string]string{"User": "/users/", "Group": "/groups/", "ServicePrincipal": "/servicePrincipals/"}
	const none = "00000000-0000-0000-0000-000000000000"
	roleless := g.want(http.StatusCreated, "POST", "/servicePrincipals",
		object{"appId": g.newApplication(object{})["appId"]})["id"].(string)
	for _, member := range []string{"User", "Application"} {
		api := g.offering(object{"allowedMemberTypes": []string{member}, "value": "Role"})
		for kind, folder := range holders {
			status, without := http.StatusBadRequest, http.StatusCreated
			if (kind == "ServicePrincipal") == (member == "Application") {
				status, without = http.StatusCreated, http.StatusBadRequest
			}
			path := folder + ids[kind] + "/appRoleAssignments"
			g.want(status, "POST", path, object{"principalId": ids[kind], "resourceId": api.id, "appRoleId": api.roleID})
			// without a role: if none is for the principal
			g.want(without, "POST", path, object{"principalId": ids[kind], "resourceId": api.id, "appRoleId": none})
		}
	}
	for kind, folder := range holders {
		path := folder + ids[kind] + "/appRoleAssignments"
		g.want(http.StatusCreated, "POST", path, object{"principalId": ids[kind], "resourceId": roleless, "appRoleId": none})
		for _, other := range []string{ids["Application"], ids["Team"], noObject} {
			g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path,
				object{"principalId": other, "resourceId": roleless, "appRoleId": none})
		}
	}
}

func TestReadingManyObjectsCostsMore(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	_, group := g.makeGroup(object{})
	for path, want := range map[string]string{
		group: "1", group + "/members": "3", group + "/members?$top=5": "2", group + "/transitiveMembers": "5",
		group + "/owners": "1", group + "/memberOf": "1",
	} {
		if got := g.send("GET", path, nil).Header.Get("x-ms-resource-unit"); got != want {
			t.Errorf("%s costs %s, want %s", path, got, want)
		}
	}
	many := object{"ids": []string{noObject}}
	if got := g.send("POST", "/directoryObjects/getByIds", many).Header.Get("x-ms-resource-unit"); got != "5" {
		t.Errorf("many at once cost %s", got)
	}
	g.control(http.MethodPatch, "/tenants/"+g.tenant.ID+"/throttling", `{"writes": 1}`)
	for range 3 {
		g.want(http.StatusOK, "POST", "/directoryObjects/getByIds", many) // which writes nothing
	}
	g.makeUser("user")
	g.refused(http.StatusTooManyRequests, "TooManyRequests", "POST", "/groups", newGroup(object{}))
}

func TestAHistoryTellsWhatBecameOfUsersAndGroups(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	user, path := g.makeUser("adele")
	manager, _ := g.makeUser("manager")
	_, group := g.makeGroup(object{})
	g.want(http.StatusNoContent, "POST", group+"/members/$ref", object{"@odata.id": g.reference(user)})
	g.want(http.StatusNoContent, "PUT", path+"/manager/$ref", object{"@odata.id": g.reference(manager)})
	g.want(http.StatusOK, "POST", "/directoryObjects/getByIds", object{"ids": []string{user}})
	g.values(group+"/memberOf", "id")
	g.values("/directory/deletedItems/graph.user", "id")
	text := g.historyText()
	for _, words := range [][]string{
		{"add user", "created user"}, {"add group", "created group"}, {"add member of group", "members 0→1"},
		{"set manager of user", "managerID"}, {"read objects"}, {"read memberships of group"}, {"read deleted users"},
	} {
		lineWith(t, text, words...)
	}
	if strings.Contains(text, "Very-Secret-1") {
		t.Errorf("a password is in the history:\n%s", text)
	}
}
