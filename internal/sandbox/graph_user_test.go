package sandbox

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// newUser is the body of a request that makes a user.
func (g *graphSession) newUser(alias string, more ...object) object {
	body := object{
		"accountEnabled": true, "displayName": "Adele Vance", "mailNickname": alias,
		"userPrincipalName": alias + "@" + g.tenant.Domain, "passwordProfile": object{"password": "Very-Secret-1"},
	}
	for _, properties := range more {
		maps.Copy(body, properties)
	}
	return body
}

// makeUser makes a user, and returns its path.
func (g *graphSession) makeUser(alias string, more ...object) (id, path string) {
	g.t.Helper()
	id = g.want(http.StatusCreated, "POST", "/users", g.newUser(alias, more...))["id"].(string)
	return id, "/users/" + id
}

func TestAUserIsCreatedChangedAndShown(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	made := g.send("POST", "/users", g.newUser("adele", object{"jobTitle": "Manager", "city": "Seattle", "mail": nil,
		"employeeOrgData": object{"division": "Sales"}}))
	var user object
	made.json(t, &user)
	id := user["id"].(string)
	if made.Status != http.StatusCreated || user["jobTitle"] != "Manager" || user["city"] != nil ||
		user["passwordProfile"] != nil ||
		!strings.HasSuffix(made.Header.Get("Location"), "/directoryObjects/"+id+"/Microsoft.DirectoryServices.User") {
		t.Errorf("the new user is HTTP %d at %q: %s", made.Status, made.Header.Get("Location"), made.Body)
	}
	const all = "?$select=accountEnabled,businessPhones,city,employeeOrgData,givenName,mail,mailNickname,proxyAddresses," +
		"userPrincipalName,userType,assignedPlans,lastPasswordChangeDateTime"
	shown := g.want(http.StatusOK, "GET", "/users/adele@"+g.tenant.Domain+all, nil)
	if shown["accountEnabled"] != true || shown["city"] != "Seattle" || shown["userType"] != "Member" ||
		shown["mail"] != nil || shown["givenName"] != nil || shown["lastPasswordChangeDateTime"] == nil ||
		len(shown["assignedPlans"].([]any)) > 0 {
		t.Errorf("the user is shown as %v", shown)
	}
	for _, version := range []string{stable, beta} {
		g.in(version).want(http.StatusNoContent, "PATCH", "/users/"+id, object{
			"accountEnabled": false, "city": nil, "displayName": "Adele V.", "businessPhones": []string{"+1 425 555 0109"},
			"employeeOrgData": object{"costCenter": version}, "mail": "adele." + version + "@example.org",
			"userPrincipalName": "adele." + version + "@" + g.tenant.CustomDomain, "userType": "guest", "id": id,
			"usageLocation": "NO", "otherMails": []string{"a@example.net"}, "showInAddressList": false,
			"employeeHireDate": "2018-01-01T01:02:03Z", "ageGroup": "NotAdult", "passwordPolicies": "DisablePasswordExpiration",
		})
		shown = g.in(version).want(http.StatusOK, "GET", "/users/"+id+all, nil)
		if shown["accountEnabled"] != false || shown["city"] != nil || shown["userType"] != "guest" ||
			shown["mail"] != "adele."+version+"@example.org" ||
			shown["userPrincipalName"] != "adele."+version+"@"+g.tenant.CustomDomain ||
			shown["proxyAddresses"].([]any)[0] != "SMTP:adele."+version+"@example.org" ||
			shown["employeeOrgData"].(object)["division"] != "Sales" ||
			shown["employeeOrgData"].(object)["costCenter"] != version {
			t.Errorf("in %s, the changed user is shown as %v", version, shown)
		}
	}
	if addresses := shown["proxyAddresses"].([]any); !slices.Contains(addresses, "smtp:adele.v1.0@example.org") {
		t.Errorf("after the change of its address, the user has %v", addresses)
	}
	if found := g.values(filtered("/users", "employeeId eq null and city eq null and startswith(displayName,'Adele')"),
		"id"); !slices.Equal(found, []any{id}) {
		t.Errorf("the user is found as %v", found)
	}
	g.in(beta).want(http.StatusNoContent, "DELETE", "/users/"+id, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/users/"+id, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "PATCH", "/users/"+id, object{"city": "Rome"})
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", "/users/"+id, nil)
}

func TestAUserThatCannotBeIsRefused(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	for _, property := range []string{"accountEnabled", "displayName", "mailNickname", "userPrincipalName"} {
		want := "A value is required for property '" + property + "' of resource 'User'."
		for _, body := range []object{g.newUser("second", object{property: nil}), g.newUser("second")} {
			if body[property] != nil {
				delete(body, property)
			}
			if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/users", body); message != want {
				t.Errorf("without %s the message is %q", property, message)
			}
		}
	}
	for _, profile := range []any{nil, object{}, object{"forceChangePasswordNextSignIn": true}} {
		if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/users", g.newUser("second",
			object{"passwordProfile": profile})); !strings.HasPrefix(message, "A password must be specified") {
			t.Errorf("with the password profile %v the message is %q", profile, message)
		}
	}
	for _, password := range []string{"", "Short-1", "onlylowercase", strings.Repeat("Long-1", 50)} {
		if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/users", g.newUser("second",
			object{"passwordProfile": object{"password": password}})); !strings.Contains(message, "complexity") {
			t.Errorf("with the password %q the message is %q", password, message)
		}
	}
	if found := g.values(filtered("/users", "startswith(userPrincipalName,'second')"), "id"); len(found) > 0 {
		t.Errorf("refused, and made all the same: %v", found)
	}
}

func TestAUserKeepsWhatItCannotBeGiven(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	_, path := g.makeUser("first", object{"mail": "first@example.org"})
	taken := "Another object with the same value for property userPrincipalName already exists."
	unverified := "The domain portion of the userPrincipalName property is invalid. You must use one of the verified " +
		"domain names in your organization."
	for name, want := range map[string]string{
		"FIRST@" + g.tenant.Domain:  taken,
		"second@example.org":        unverified,
		"second":                    unverified,
		"a b@" + g.tenant.Domain:    "Property userPrincipalName is invalid.",
		"@" + g.tenant.CustomDomain: "Property userPrincipalName is invalid.",
	} {
		for _, request := range []struct {
			method, path string
			body         object
		}{
			{"POST", "/users", g.newUser("second", object{"userPrincipalName": name})},
			{"PATCH", "/users/anna.kowalska@" + g.tenant.CustomDomain, object{"userPrincipalName": name}},
		} {
			if message := g.refused(http.StatusBadRequest, "Request_BadRequest", request.method, request.path,
				request.body); message != want {
				t.Errorf("%s of the name %q: the message is %q", request.method, name, message)
			}
		}
	}
	g.want(http.StatusNoContent, "PATCH", path, object{"userPrincipalName": "First@" + g.tenant.Domain})
	for property, values := range map[string][]any{
		"accountEnabled": {nil, "yes"}, "displayName": {nil, "", strings.Repeat("x", 257), 1},
		"mailNickname": {nil, "", "a b", "a@b", "größe", strings.Repeat("x", 65)}, "city": {strings.Repeat("x", 129), 1},
		"usageLocation": {"Norway", 1}, "businessPhones": {[]string{"1", "2"}, "1"}, "ageGroup": {"old"},
		"userType": {"Friend"}, "employeeHireDate": {"tomorrow"}, "otherMails": {"a@example.org"},
		"passwordPolicies": {"None of them"}, "employeeOrgData": {object{"floor": "3"}, "x"}, "showInAddressList": {"x"},
		"mail": {"no address", 1, "@example.org"}, "passwordProfile": {"x"}, "userPrincipalName": {nil},
		"assignedLicenses": {[]any{}}, "proxyAddresses": {[]string{}}, "onPremisesSyncEnabled": {true},
		"shoeSize": {44}, "manager@odata.bind": {g.reference(noObject)},
	} {
		for _, value := range values {
			g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, object{property: value})
		}
	}
	if detail := g.detail("POST", "/users", g.newUser("second", object{"mail": "FIRST@example.org"})); detail !=
		"ObjectConflict" {
		t.Errorf("an address of another user: the detail is %q", detail)
	}
	if kept := g.want(http.StatusOK, "GET", path+"?$select=mail,userPrincipalName,city", nil); kept["city"] != nil ||
		kept["mail"] != "first@example.org" || kept["userPrincipalName"] != "First@"+g.tenant.Domain {
		t.Errorf("refused, and changed all the same: %v", kept)
	}
}

func TestADeletedUserIsRestoredWithItsMembershipsAndRoles(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	id, path := g.makeUser("adele")
	groupID, group := g.makeGroup(object{"members@odata.bind": []string{g.reference(id)},
		"owners@odata.bind": []string{g.reference(id), g.reference(g.self(tenant.FullCaller))}})
	_, report := g.makeUser("report")
	g.want(http.StatusNoContent, "PUT", report+"/manager/$ref", object{"@odata.id": g.reference(id)})
	api := g.offering(object{"allowedMemberTypes": []string{"User"}, "value": "Reader"})
	g.want(http.StatusCreated, "POST", path+"/appRoleAssignments",
		object{"principalId": id, "resourceId": api.id, "appRoleId": api.roleID})

	count := func(path string) int { return len(g.values(path, "id")) }
	g.want(http.StatusNoContent, "DELETE", path, nil)
	if count(group+"/members") != 0 || count(group+"/owners") != 1 ||
		count("/servicePrincipals/"+api.id+"/appRoleAssignedTo") != 0 {
		t.Error("a deleted user is still a member, an owner or assigned to a role")
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", report+"/manager", nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/directoryObjects/"+id, nil)
	if found := g.values("/directory/deletedItems/microsoft.graph.user?$orderby=userPrincipalName", "id"); !slices.Equal(
		found, []any{id}) {
		t.Errorf("the deleted users are %v", found)
	}
	deleted := g.want(http.StatusOK, "GET", "/directory/deletedItems/"+id, nil)
	if deleted["@odata.type"] != "#microsoft.graph.user" || deleted["deletedDateTime"] == nil ||
		deleted["accountEnabled"] != nil {
		t.Errorf("in the recycle bin there is %v", deleted)
	}
	g.refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", "/directory/deletedItems/"+id+"/restore",
		object{}, "Authorization", "Bearer "+g.as(tenant.FullCaller).token) // which may restore applications

	restored := g.want(http.StatusOK, "POST", "/directory/deletedItems/"+id+"/restore", object{})
	if restored["id"] != id || restored["@odata.type"] != "#microsoft.graph.user" {
		t.Errorf("restored is %v", restored)
	}
	if count(group+"/members") != 1 || count(group+"/owners") != 2 || count(path+"/appRoleAssignments") != 1 ||
		g.want(http.StatusOK, "GET", report+"/manager", nil)["id"] != id {
		t.Error("a restored user lacks its membership, its role or whom it manages")
	}
	g.want(http.StatusNoContent, "DELETE", path, nil)
	g.want(http.StatusNoContent, "DELETE", "/directory/deletedItems/"+id, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", "/directory/deletedItems/"+id+"/restore", object{})
	if groupID == "" || count(group+"/members") != 0 {
		t.Error("a purged user is still a member")
	}
}

func TestARestoredUserMayNeedAnotherNameOrFewerAddresses(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	id, path := g.makeUser("adele", object{"mail": "adele@example.org"})
	restore := "/directory/deletedItems/" + id + "/restore"
	g.want(http.StatusNoContent, "DELETE", path, nil)
	_, other := g.makeUser("adele", object{"mail": "adele@example.org"})
	g.refused(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "POST", restore, object{})
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", restore,
		object{"newUserPrincipalName": "x@example.org"})
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", restore, object{"autoReconcileProxyConflict": "x"})
	renamed := object{"newUserPrincipalName": "adele2@" + g.tenant.Domain}
	g.refused(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "POST", restore, renamed)
	renamed["autoReconcileProxyConflict"] = true
	g.want(http.StatusOK, "POST", restore, renamed)
	restored := g.want(http.StatusOK, "GET", path+"?$select=userPrincipalName,mail,proxyAddresses", nil)
	if restored["userPrincipalName"] != "adele2@"+g.tenant.Domain || restored["mail"] != nil ||
		len(restored["proxyAddresses"].([]any)) > 0 {
		t.Errorf("restored is %v", restored)
	}
	if kept := g.want(http.StatusOK, "GET", other, nil); kept["mail"] != "adele@example.org" {
		t.Errorf("the other user is %v", kept)
	}
}

func TestANewUserHasNoMailboxAndABlockedOneKeepsIts(t *testing.T) {
	r, app, _ := newEWSRig(t)
	g := r.as(tenant.InteropCaller)
	bearer := r.token(g.tenant.ID, secretForm(app.AppID, app.secret, exchangeDefault))
	_, path := g.makeUser("adele", object{"mail": "adele@" + g.tenant.Domain})
	if _, soap := r.ews(bearer, "adele@"+g.tenant.Domain, getFolder("adele@"+g.tenant.Domain, "inbox")); soap.Fault.Code !=
		"ErrorNonExistentMailbox" {
		t.Errorf("the mailbox of a new user is answered %q", soap.Fault.Code)
	}
	if plans := g.want(http.StatusOK, "GET", path+"?$select=assignedPlans", nil)["assignedPlans"]; len(plans.([]any)) > 0 {
		t.Errorf("a new user has the plans %v", plans)
	}
	licensed := "anna.kowalska@" + g.tenant.CustomDomain
	g.want(http.StatusNoContent, "PATCH", "/users/"+licensed, object{"accountEnabled": false})
	for _, user := range r.server.State().Tenants[0].Users {
		if user.Address == licensed && (user.Enabled || user.Mailbox != "licensed") {
			t.Errorf("a blocked user is %v", user)
		}
	}
	if _, soap := r.ews(bearer, licensed, getFolder(licensed, "inbox")); soap.Fault.Code != "" {
		t.Errorf("the mailbox of a blocked user is answered %q", soap.Fault.Code)
	}
	g.want(http.StatusNoContent, "DELETE", "/users/"+licensed, nil)
	if _, soap := r.ews(bearer, licensed, getFolder(licensed, "inbox")); soap.Fault.Code != "ErrorNonExistentMailbox" {
		t.Errorf("the mailbox of a deleted user is answered %q", soap.Fault.Code)
	}
}

func TestARightToSomePropertiesOfUsersChangesThoseAlone(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.register(g.tenant)
	path := "/users/anna.kowalska@" + g.tenant.CustomDomain
	changes := map[string]object{
		"User.EnableDisableAccount.All":      {"accountEnabled": true},
		"User-Phone.ReadWrite.All":           {"businessPhones": []string{"1"}, "mobilePhone": "2"},
		"User-Mail.ReadWrite.All":            {"otherMails": []string{"a@example.net"}},
		"User-PasswordProfile.ReadWrite.All": {"passwordProfile": object{"password": "Very-Secret-1"}},
		"User.ReadWrite.All":                 {"city": "Rome"},
	}
	for right := range changes {
		caller := g.with(app, right)
		for other, change := range changes {
			allowed := right == other || right == "User.ReadWrite.All" && other != "User-PasswordProfile.ReadWrite.All"
			if allowed {
				caller.want(http.StatusNoContent, "PATCH", path, change)
			} else {
				caller.refused(http.StatusForbidden, "Authorization_RequestDenied", "PATCH", path, change)
			}
		}
	}
	weak := object{"passwordProfile": object{"password": "weak"}}
	password := g.with(app, "User-PasswordProfile.ReadWrite.All")
	password.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, weak)
	g.with(app, "User.ReadWrite.All").want(http.StatusNoContent, "PATCH", path,
		object{"passwordPolicies": "DisableStrongPassword, DisablePasswordExpiration"})
	password.want(http.StatusNoContent, "PATCH", path, weak)
}

func TestAManagerIsSetShownAndRemoved(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	_, path := g.makeUser("report")
	manager, _ := g.makeUser("manager")
	if message := g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path+"/manager",
		nil); !strings.HasPrefix(message, "Resource 'manager' does not exist") {
		t.Errorf("without a manager the message is %q", message)
	}
	g.want(http.StatusNoContent, "PUT", path+"/manager/$ref", object{"@odata.id": g.reference(manager)})
	shown := g.want(http.StatusOK, "GET", path+"/manager?$select=id,displayName", nil)
	if shown["id"] != manager || shown["@odata.type"] != "#microsoft.graph.user" || shown["userPrincipalName"] != nil {
		t.Errorf("the manager is %v", shown)
	}
	for status, references := range map[int][]any{
		http.StatusNotFound:   {g.reference(noObject)},
		http.StatusBadRequest: {g.reference(g.self(tenant.FullCaller)), "x", nil, 1},
	} {
		for _, reference := range references {
			g.want(status, "PUT", path+"/manager/$ref", object{"@odata.id": reference})
		}
	}
	g.want(http.StatusNoContent, "DELETE", path+"/manager/$ref", nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path+"/manager", nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", path+"/manager/$ref", nil)
}

func TestAFreshUserIsNotKnownEverywhereAtOnce(t *testing.T) {
	g := newLagging(t, tenant.InteropCaller)
	id, path := g.makeUser("adele")
	if got := g.statuses(path); !slices.Equal(got, []int{200, 404}) {
		t.Errorf("right after the creation, reads are answered %v", got)
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "PATCH", path, object{"city": "Rome"})
	_, group := g.makeGroup(object{})
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "PATCH", group, object{"description": "x"})
	g.later("10s")
	g.want(http.StatusNoContent, "PATCH", path, object{"city": "Rome"})
	g.want(http.StatusNoContent, "POST", group+"/members/$ref", object{"@odata.id": g.reference(id)})
	late, _ := g.makeUser("late")
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", group+"/members/$ref",
		object{"@odata.id": g.reference(late)})
}
