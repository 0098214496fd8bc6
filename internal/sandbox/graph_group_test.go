package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// newGroup is the body of a request that makes a security group, with other properties.
func newGroup(more object) object {
	body := object{"displayName": "Operations", "mailEnabled": false, "mailNickname": "operations",
		"securityEnabled": true}
	maps.Copy(body, more)
	return body
}

// unified are the properties that make a Microsoft 365 group of it.
func unified(alias string, more ...object) object {
	body := object{"groupTypes": []string{"Unified"}, "mailEnabled": true, "securityEnabled": false, "mailNickname": alias}
	for _, properties := range more {
		maps.Copy(body, properties)
	}
	return body
}

// makeGroup makes a security group, with other properties, and returns its path.
func (g *graphSession) makeGroup(more object) (id, path string) {
	g.t.Helper()
	id = g.want(http.StatusCreated, "POST", "/groups", newGroup(more))["id"].(string)
	return id, "/groups/" + id
}

func TestAGroupIsCreatedChangedAndShown(t *testing.T) {
	for _, version := range []string{stable, beta} {
		g := newGraph(t, tenant.InteropCaller).in(version)
		made := g.send("POST", "/groups", newGroup(object{"description": "x", "groupTypes": []string{},
			"isAssignableToRole": false, "membershipRule": nil}))
		var group object
		made.json(t, &group)
		path := "/groups/" + group["id"].(string)
		if made.Status != http.StatusCreated || group["securityEnabled"] != true || group["mail"] != nil ||
			group["visibility"] != nil || group["allowExternalSenders"] != nil ||
			!strings.HasSuffix(made.Header.Get("Location"), "/Microsoft.DirectoryServices.Group") {
			t.Errorf("the new group is HTTP %d: %s", made.Status, made.Body)
		}
		_, writeback := group["writebackConfiguration"]
		if writeback != (version == beta) {
			t.Errorf("in %s, writebackConfiguration is there: %t", version, writeback)
		}
		g.want(http.StatusNoContent, "PATCH", path, object{"displayName": "Ops", "description": nil, "mailEnabled": false,
			"securityEnabled": true, "visibility": "Private", "preferredLanguage": "en-US"})
		shown := g.want(http.StatusOK, "GET", path, nil)
		if shown["displayName"] != "Ops" || shown["description"] != nil || shown["visibility"] != "Private" ||
			shown["preferredLanguage"] != "en-US" || shown["createdDateTime"] == nil {
			t.Errorf("the changed group is %v", shown)
		}
		if extra := g.want(http.StatusOK, "GET", path+"?$select=allowExternalSenders,hideFromOutlookClients",
			nil); extra["allowExternalSenders"] != false || extra["hideFromOutlookClients"] != false {
			t.Errorf("selected is %v", extra)
		}
		_, other := g.makeGroup(object{"displayName": "Ops 2"})
		for filter, want := range map[string]int{
			"displayName eq 'Ops'": 1, "startswith(displayName,'Ops')": 2, "mailEnabled eq true": 0,
			"securityEnabled eq true and mailNickname eq 'operations'": 2, "groupTypes/any(t:t eq 'Unified')": 0,
		} {
			if found := g.values(filtered("/groups", filter), "id"); len(found) != want {
				t.Errorf("%s finds %v, want %d", filter, found, want)
			}
		}
		if names := g.values("/groups?$orderby=displayName%20desc", "displayName"); !slices.Equal(names,
			[]any{"Ops 2", "Ops"}) {
			t.Errorf("the groups are %v", names)
		}
		g.want(http.StatusNoContent, "DELETE", other, nil)
		g.want(http.StatusNoContent, "DELETE", path, nil)
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path, nil)
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", path, nil)
		g.refused(http.StatusBadRequest, "Request_BadRequest", "GET", "/groups/operations", nil)
	}
}

func TestAMicrosoft365GroupHasAnAddressAndGetsADescription(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	made := g.want(http.StatusCreated, "POST", "/groups", newGroup(unified("library", object{"theme": "Pink",
		"resourceBehaviorOptions": []string{"WelcomeEmailDisabled"}})))
	if made["mail"] != "library@"+g.tenant.CustomDomain || made["visibility"] != "Public" || made["description"] != nil ||
		made["theme"] != "Pink" || made["proxyAddresses"].([]any)[0] != "SMTP:library@"+g.tenant.CustomDomain {
		t.Errorf("the new group is %v", made)
	}
	path := "/groups/" + made["id"].(string)
	if shown := g.want(http.StatusOK, "GET", path, nil); shown["description"] != "Operations" {
		t.Errorf("a moment later its description is %v", shown["description"])
	}
	g.want(http.StatusNoContent, "PATCH", path, object{"description": nil})
	if shown := g.want(http.StatusOK, "GET", path, nil); shown["description"] != nil {
		t.Errorf("once removed, its description is %v", shown["description"])
	}
	if detail := g.detail("POST", "/groups", newGroup(unified("LIBRARY"))); detail != "ObjectConflict" {
		t.Errorf("a second group of that alias: the detail is %q", detail)
	}
	g.makeUser("owner", object{"mail": "owner@" + g.tenant.CustomDomain})
	if detail := g.detail("POST", "/groups", newGroup(unified("owner"))); detail != "ObjectConflict" {
		t.Errorf("a group with a user's address: the detail is %q", detail)
	}
	g.makeGroup(object{"mailNickname": "library"}) // of security groups, the alias may repeat
	if detail := g.detail("POST", "/users", g.newUser("x", object{"mail": "library@" + g.tenant.CustomDomain})); detail !=
		"ObjectConflict" {
		t.Errorf("a user with a group's address: the detail is %q", detail)
	}
}

func TestAGroupThatCannotBeIsRefused(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	for _, property := range []string{"displayName", "mailEnabled", "mailNickname", "securityEnabled"} {
		want := "A value is required for property '" + property + "' of resource 'Group'."
		body := newGroup(object{property: nil})
		for range 2 {
			if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/groups", body); message != want {
				t.Errorf("without %s the message is %q", property, message)
			}
			delete(body, property)
		}
	}
	for _, body := range []object{{"mailEnabled": true}, {"securityEnabled": false}} {
		const want = "The service does not currently support writes of mail-enabled groups"
		if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/groups",
			newGroup(body)); !strings.HasPrefix(message, want) {
			t.Errorf("%v is refused with %q", body, message)
		}
	}
	for _, body := range []object{
		unified("x", object{"mailEnabled": false}), {"groupTypes": []string{"Secret"}}, {"groupTypes": "Unified"},
		{"groupTypes": []string{"DynamicMembership"}}, {"membershipRule": `user.city -eq "Rome"`},
		{"mailNickname": "a b"}, {"mailNickname": strings.Repeat("x", 65)}, {"displayName": strings.Repeat("x", 257)},
		{"visibility": "Secret"}, {"visibility": "HiddenMembership"}, {"theme": "Grey"}, {"membershipRule": 1},
		{"resourceBehaviorOptions": "x"}, {"membershipRuleProcessingState": "Off"}, {"size": 1}, {"mail": "x@example.org"},
		{"writebackConfiguration": object{"isEnabled": true}}, // of the beta alone
		unified("x", object{"isAssignableToRole": true}), {"acceptedSenders@odata.bind": []string{}},
	} {
		if got := g.send("POST", "/groups", newGroup(body)); got.Status != http.StatusBadRequest {
			t.Errorf("%v is answered HTTP %d: %s", body, got.Status, got.Body)
		}
	}
	if made := g.values("/groups", "id"); len(made) > 0 {
		t.Errorf("refused, and made all the same: %v", made)
	}
	_, security := g.makeGroup(object{})
	for _, body := range []object{
		{"displayName": nil}, {"displayName": ""}, {"mailEnabled": true}, {"securityEnabled": false}, {"mailNickname": "a@b"},
		{"isAssignableToRole": true}, {"resourceBehaviorOptions": []string{}}, {"visibility": "HiddenMembership"},
		unified("x"), {"id": noObject}, {"securityIdentifier": "x"}, {"membershipRule": "x"},
	} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", security, body)
	}
	_, hidden := g.makeGroup(unified("hidden", object{"visibility": "Hiddenmembership"}))
	_, public := g.makeGroup(unified("public"))
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", public, object{"visibility": "HiddenMembership"})
	g.want(http.StatusNoContent, "PATCH", hidden, object{"description": "x"})
	// what only a signed-in user may set
	g.refused(http.StatusForbidden, "Authorization_RequestDenied", "PATCH", public, object{"hideFromAddressLists": true})
	g.in(beta).want(http.StatusNoContent, "PATCH", security, object{"writebackConfiguration": object{"isEnabled": true}})
	g.in(beta).want(http.StatusBadRequest, "PATCH", security, object{"writebackConfiguration": 1})
}

// mixture are an object of each type, by its name.
func (g *graphSession) mixture() map[string]string {
	g.t.Helper()
	app, principal := g.newRegistration()
	user, _ := g.makeUser("user-" + uuid.NewString()[:8])
	group, _ := g.makeGroup(object{"displayName": "Mixture"})
	team, _ := g.makeGroup(unified("team-" + uuid.NewString()[:8]))
	return map[string]string{"Application": app["id"].(string), "ServicePrincipal": principal["id"].(string), "User": user,
		"Group": group, "Team": team}
}

func TestMembersAndOwnersAreAddedListedAndRemoved(t *testing.T) {
	for _, version := range []string{stable, beta} {
		g := newGraph(t, tenant.InteropCaller)
		ids := g.mixture()
		_, group := g.makeGroup(object{})
		g = g.in(version)
		for relation, kinds := range map[string][]string{"members": {"User", "Group", "ServicePrincipal"},
			"owners": {"User", "ServicePrincipal"}} {
			for _, kind := range kinds {
				reference := object{"@odata.id": g.reference(ids[kind])}
				g.want(http.StatusNoContent, "POST", group+"/"+relation+"/$ref", reference)
				if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", group+"/"+relation+"/$ref",
					reference); message != "One or more added object references already exist for the following modified "+
					"properties: '"+relation+"'." {
					t.Errorf("a second %s is refused with %q", kind, message)
				}
			}
		}
		want := map[string][]any{"owners": {ids["User"], ids["ServicePrincipal"]},
			"members": {ids["User"], ids["Group"], ids["ServicePrincipal"]}}
		if version == stable { // a known issue of Graph
			want["members"] = want["members"][:2]
		}
		for relation, listed := range want {
			if found := g.values(group+"/"+relation, "id"); !slices.Equal(found, listed) {
				t.Errorf("in %s, the %s are %v, want %v", version, relation, found, listed)
			}
			if found := g.values(filtered(group+"/"+relation, "id eq '"+ids["User"]+"'")+"&$select=id,displayName",
				"@odata.type"); !slices.Equal(found, []any{"#microsoft.graph.user"}) {
				t.Errorf("in %s, the user is found among the %s as %v", version, relation, found)
			}
			g.want(http.StatusNoContent, "DELETE", group+"/"+relation+"/"+ids["User"]+"/$ref", nil)
			g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", group+"/"+relation+"/"+ids["User"]+"/$ref", nil)
		}
		if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "DELETE",
			group+"/owners/"+ids["ServicePrincipal"]+"/$ref", nil); message !=
			"The group must have at least one owner, hence this owner cannot be removed." {
			t.Errorf("the last owner: the message is %q", message)
		}
	}
}

func TestAGroupTakesCertainObjectsAndNoOther(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	ids := g.mixture()
	_, group := g.makeGroup(object{})
	_, team := g.makeGroup(unified("team"))
	for _, test := range []struct{ group, relation, kind, called string }{
		{group, "members", "Application", "Application"}, {group, "owners", "Application", "Application"},
		{group, "members", "Team", "Group"}, {group, "owners", "Group", "Group"}, {team, "members", "Group", "Group"},
		{team, "members", "ServicePrincipal", "ServicePrincipal"},
	} {
		want := fmt.Sprintf("The reference target '%s_%s' of type '%s' is invalid for the '%s' reference.", test.called,
			ids[test.kind], test.called, test.relation)
		if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", test.group+"/"+test.relation+"/$ref",
			object{"@odata.id": g.reference(ids[test.kind])}); message != want {
			t.Errorf("%s among the %s: the message is %q", test.kind, test.relation, message)
		}
	}
	for _, relation := range []string{"members", "owners"} {
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", group+"/"+relation+"/$ref",
			object{"@odata.id": g.reference(noObject)})
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", "/groups/"+noObject+"/"+relation+"/$ref",
			object{"@odata.id": g.reference(ids["User"])})
		for _, body := range []object{{}, {"@odata.id": 1}, {"@odata.id": "x"}} {
			g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", group+"/"+relation+"/$ref", body)
		}
	}
	_, dynamic := g.makeGroup(object{"groupTypes": []string{"DynamicMembership"},
		"membershipRule": `user.city -eq "Rome"`, "membershipRuleProcessingState": "On"})
	for _, path := range []string{dynamic + "/members/$ref", dynamic} {
		method, body := "POST", object{"@odata.id": g.reference(ids["User"])}
		if path == dynamic {
			method, body = "PATCH", object{"members@odata.bind": []string{g.reference(ids["User"])}}
		}
		g.refused(http.StatusBadRequest, "Request_BadRequest", method, path, body)
	}
}

func TestAGroupBindsUpToTwentyObjectsAtATime(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	var references []string
	for i := range 21 {
		id, _ := g.makeUser(fmt.Sprintf("user%d", i))
		references = append(references, g.reference(id))
	}
	_, group := g.makeGroup(object{"owners@odata.bind": references[:1], "members@odata.bind": references[:19]})
	if owners, members := g.values(group+"/owners", "id"), g.values(group+"/members", "id"); len(owners) != 1 ||
		len(members) != 19 {
		t.Errorf("the group has %d owners and %d members", len(owners), len(members))
	}
	g.want(http.StatusNoContent, "PATCH", group, object{"members@odata.bind": references[19:],
		"owners@odata.bind": references[1:3]})
	if owners, members := g.values(group+"/owners", "id"), g.values(group+"/members", "id"); len(owners) != 3 ||
		len(members) != 21 {
		t.Errorf("after more are bound, the group has %d owners and %d members", len(owners), len(members))
	}
	unknown := []string{g.reference(noObject)}
	for _, body := range []object{
		{"members@odata.bind": references}, {"owners@odata.bind": references[:10], "members@odata.bind": references[:11]},
		{"owners@odata.bind": []string{references[0], references[0]}}, {"members@odata.bind": "x"},
	} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/groups", newGroup(body))
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", "/groups", newGroup(
		object{"members@odata.bind": unknown}))
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", group, object{"members@odata.bind": references[:1],
		"displayName": "not to be"})
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "PATCH", group, object{"owners@odata.bind": unknown})
	if name := g.want(http.StatusOK, "GET", group, nil)["displayName"]; name != "Operations" {
		t.Errorf("of a refused change, this was carried out: %v", name)
	}
}

func TestAGroupHasAHundredOwnersAtMost(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	id, path := g.makeGroup(object{})
	g.tenant.Lock()
	group, _ := g.tenant.Directory.Groups.Get(tenant.Present(), id)
	for range 100 {
		group.Owners = append(group.Owners, uuid.NewString())
	}
	g.tenant.Directory.Groups.Put(time.Now(), id, group)
	g.tenant.Unlock()
	user, _ := g.makeUser("owner")
	const want = "'101' would exceed the maximum quota count '100'"
	if message := g.refused(http.StatusForbidden, "Directory_QuotaExceeded", "POST", path+"/owners/$ref",
		object{"@odata.id": g.reference(user)}); !strings.Contains(message, want) {
		t.Errorf("the message is %q", message)
	}
	g.want(http.StatusNoContent, "POST", path+"/members/$ref", object{"@odata.id": g.reference(user)})
}

func TestMembersOfNestedGroupsAreFoundFromBothEnds(t *testing.T) {
	for _, version := range []string{stable, beta} {
		g := newGraph(t, tenant.InteropCaller)
		user, _ := g.makeUser("user")
		g = g.in(version)
		inner, innerPath := g.makeGroup(object{"displayName": "inner", "members@odata.bind": []string{g.reference(user)}})
		outer, outerPath := g.makeGroup(object{"displayName": "outer", "members@odata.bind": []string{g.reference(inner)}})
		g.want(http.StatusNoContent, "POST", innerPath+"/members/$ref", object{"@odata.id": g.reference(outer)}) // a circle
		if found := g.values(outerPath+"/transitiveMembers", "id"); !slices.Equal(found, []any{inner, user, outer}) {
			t.Errorf("the transitive members are %v", found)
		}
		if found := g.values(innerPath+"/memberOf", "displayName"); !slices.Equal(found, []any{"outer"}) {
			t.Errorf("the inner group is a member of %v", found)
		}
		g.want(http.StatusNoContent, "DELETE", innerPath, nil)
		if found := g.values(outerPath+"/transitiveMembers", "id"); len(found) > 0 {
			t.Errorf("with the inner group gone, the transitive members are %v", found)
		}
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", innerPath+"/transitiveMembers", nil)
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", innerPath+"/memberOf", nil)
	}
}

func TestAMicrosoft365GroupIsRestoredAndASecurityGroupIsGone(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	user, _ := g.makeUser("user")
	team, teamPath := g.makeGroup(unified("team", object{"members@odata.bind": []string{g.reference(user)}}))
	group, groupPath := g.makeGroup(object{})
	g.want(http.StatusNoContent, "DELETE", teamPath, nil)
	g.want(http.StatusNoContent, "DELETE", groupPath, nil)
	if found := g.values("/directory/deletedItems/graph.group", "id"); !slices.Equal(found, []any{team}) {
		t.Errorf("the deleted groups are %v", found)
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/directory/deletedItems/"+group, nil)
	if found := g.want(http.StatusOK, "GET", "/directory/deletedItems/"+team, nil); found["@odata.type"] !=
		"#microsoft.graph.group" || found["deletedDateTime"] == nil {
		t.Errorf("in the recycle bin there is %v", found)
	}
	other, otherPath := g.makeGroup(unified("team"))
	g.refused(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "POST",
		"/directory/deletedItems/"+team+"/restore", object{})
	g.want(http.StatusNoContent, "DELETE", otherPath, nil)
	g.refused(http.StatusForbidden, "Authorization_RequestDenied", "DELETE", "/directory/deletedItems/"+other, nil,
		"Authorization", "Bearer "+g.as(tenant.FullCaller).token) // which may purge applications
	g.want(http.StatusNoContent, "DELETE", "/directory/deletedItems/"+other, nil)
	g.want(http.StatusOK, "POST", "/directory/deletedItems/"+team+"/restore", object{})
	if members := g.values(teamPath+"/members", "id"); !slices.Equal(members, []any{user}) {
		t.Errorf("the restored group has the members %v", members)
	}
}

func TestAGroupForDirectoryRolesNeedsTheRightToThem(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	app := g.register(g.tenant)
	user, _ := g.makeUser("user")
	without := g.with(app, "Group.ReadWrite.All", "User.Read.All")
	body := newGroup(object{"isAssignableToRole": true})
	without.refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", "/groups", body)
	made := g.want(http.StatusCreated, "POST", "/groups", body)
	if made["isAssignableToRole"] != true || made["visibility"] != "Private" {
		t.Errorf("the new group is %v", made)
	}
	members := "/groups/" + made["id"].(string) + "/members"
	without.refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", members+"/$ref",
		object{"@odata.id": g.reference(user)})
	g.want(http.StatusNoContent, "POST", members+"/$ref", object{"@odata.id": g.reference(user)})
	without.refused(http.StatusForbidden, "Authorization_RequestDenied", "DELETE", members+"/"+user+"/$ref", nil)
	nested := g.want(http.StatusCreated, "POST", "/groups", newGroup(nil))
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", members+"/$ref",
		object{"@odata.id": g.reference(nested["id"].(string))})
}

func TestTheOwnersOfAGroupForDirectoryRolesNeedTheRightToThem(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	app := g.register(g.tenant)
	user, _ := g.makeUser("user")
	without := g.with(app, "Group.ReadWrite.All", "User.Read.All")
	group := "/groups/" + g.want(http.StatusCreated, "POST", "/groups",
		newGroup(object{"isAssignableToRole": true}))["id"].(string)
	owner := object{"@odata.id": g.reference(user)}
	without.refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", group+"/owners/$ref", owner)
	without.refused(http.StatusForbidden, "Authorization_RequestDenied", "PATCH", group,
		object{"owners@odata.bind": []string{g.reference(user)}})
	g.want(http.StatusNoContent, "POST", group+"/owners/$ref", owner)
	without.refused(http.StatusForbidden, "Authorization_RequestDenied", "DELETE", group+"/owners/"+user+"/$ref", nil)
	without.want(http.StatusNoContent, "PATCH", group, object{"description": "for auditors"})
}

func TestAnAppThatMayOnlyCreateGroupsBindsWhatItMayRead(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	app := g.register(g.tenant)
	ids := g.mixture()
	for _, test := range []struct {
		id     string
		rights []string
		status int
	}{
		{app.principal.ID, nil, http.StatusCreated},
		{ids["User"], nil, http.StatusForbidden},
		{ids["User"], []string{"User.Read.All"}, http.StatusCreated},
		{ids["ServicePrincipal"], []string{"User.Read.All"}, http.StatusForbidden},
		{ids["ServicePrincipal"], []string{"Directory.Read.All"}, http.StatusCreated},
	} {
		g.with(app, append(test.rights, "Group.Create")...).want(test.status, "POST", "/groups",
			newGroup(object{"owners@odata.bind": []string{g.reference(test.id)}}))
	}
}

func TestAGroupsSecurityIdentifierIsBuiltFromItsID(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	const id = "21d05557-b7b6-418f-86fa-a3118d751be4"
	g.tenant.Lock()
	g.tenant.Directory.Groups.Put(time.Now(), id, tenant.Group{ID: id, DisplayName: "x", SecurityEnabled: true})
	g.tenant.Unlock()
	if found := g.want(http.StatusOK, "GET", "/groups/"+id, nil)["securityIdentifier"]; found !=
		"S-1-12-1-567301463-1099937718-295959174-3827004813" {
		t.Errorf("the security identifier is %v", found)
	}
}
