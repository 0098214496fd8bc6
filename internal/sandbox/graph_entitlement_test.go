package sandbox

import (
	"net/http"
	"reflect"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// role is an app role for members of the types.
func role(value string, members ...string) object {
	return object{"id": uuid.NewString(), "value": value, "displayName": value, "description": value + " it",
		"allowedMemberTypes": members, "isEnabled": true}
}

func scope(value string) object {
	return object{"id": uuid.NewString(), "value": value, "type": "Admin", "isEnabled": true,
		"adminConsentDisplayName": value, "adminConsentDescription": value + " it"}
}

// offering is an application with everything that its service principal shows.
func offering(roles, scopes []object) object {
	return object{
		"displayName": "Payroll", "description": "Pays", "identifierUris": []string{"api://" + uuid.NewString()},
		"appRoles": roles, "api": object{"oauth2PermissionScopes": scopes},
		"web": object{"homePageUrl": "https://payroll.contoso.com", "logoutUrl": "https://payroll.contoso.com/out",
			"redirectUris": []string{"https://payroll.contoso.com/in"}},
		"spa":  object{"redirectUris": []string{"https://payroll.contoso.com/spa"}},
		"info": object{"supportUrl": "https://payroll.contoso.com/help"},
	}
}

func TestAServicePrincipalShowsWhatItsApplicationOffers(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	roles, scopes := []object{role("Run", "Application"), role("Approve", "User")}, []object{scope("Payroll.Read")}
	app := g.newApplication(offering(roles, scopes))
	principal := g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	path := "/servicePrincipals/" + principal["id"].(string)
	shown := g.want(http.StatusOK, "GET", path, nil)
	for property, want := range map[string]any{
		"appDisplayName": "Payroll", "displayName": "Payroll", "appDescription": "Pays", "signInAudience": "AzureADMyOrg",
		"homepage": "https://payroll.contoso.com", "logoutUrl": "https://payroll.contoso.com/out",
		"replyUrls":             []any{"https://payroll.contoso.com/in", "https://payroll.contoso.com/spa"},
		"servicePrincipalNames": append([]any{app["appId"]}, app["identifierUris"].([]any)...),
		"info":                  app["info"], "appRoles": app["appRoles"],
		"oauth2PermissionScopes": app["api"].(object)["oauth2PermissionScopes"],
	} {
		if !reflect.DeepEqual(shown[property], want) {
			t.Errorf("%s is %v, want %v", property, shown[property], want)
		}
	}
	// What changes at home shows at home.
	g.want(http.StatusNoContent, "PATCH", "/applications/"+app["id"].(string),
		object{"displayName": "Wages", "appRoles": append(roles, role("Audit", "User"))})
	shown = g.want(http.StatusOK, "GET", path, nil)
	if len(shown["appRoles"].([]any)) != 3 || shown["displayName"] != "Wages" {
		t.Errorf("after the change, the service principal is %v with %v", shown["displayName"], shown["appRoles"])
	}
	for _, property := range []string{"appRoles", "servicePrincipalNames", "signInAudience"} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, object{property: shown[property]})
	}
}

func TestAnInstanceShowsTheApplicationAsItWasWhenItCame(t *testing.T) {
	home, guest, app, instance := shared(t, offering([]object{role("Run", "Application")}, nil))
	home.want(http.StatusNoContent, "PATCH", "/applications/"+app["id"].(string),
		object{"displayName": "Wages", "web": object{"homePageUrl": "https://wages.contoso.com"}})
	path := "/servicePrincipals/" + instance["id"].(string)
	shown := guest.want(http.StatusOK, "GET", path, nil)
	if shown["displayName"] != "Payroll" || shown["homepage"] != "https://payroll.contoso.com" ||
		!reflect.DeepEqual(shown["appRoles"], app["appRoles"]) || shown["appOwnerOrganizationId"] != home.tenant.ID {
		t.Errorf("the instance is %v", shown)
	}
	guest.want(http.StatusNoContent, "PATCH", path, object{"tags": []string{"HideApp"}})
	guest.refused(http.StatusForbidden, "Authorization_RequestDenied", "PATCH", path,
		object{"replyUrls": []string{"https://fabrikam.com/steal"}})
}

func TestAnEnabledRoleOrScopeMustBeDisabledFirst(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	changed := func(of object, property string, value any) object {
		other := object{}
		for name, known := range of {
			other[name] = known
		}
		other[property] = value
		return other
	}
	const code = "CannotDeleteOrUpdateEnabledEntitlement"
	entitlement := role("Run", "Application")
	permission := scope("Payroll.Read")
	path := "/applications/" + g.newApplication(offering([]object{entitlement}, []object{permission}))["id"].(string)
	for name, list := range map[string]func(...object) object{
		"a role": func(of ...object) object { return object{"appRoles": slices.Clip(append([]object{}, of...))} },
		"a scope": func(of ...object) object {
			return object{"api": object{"oauth2PermissionScopes": append([]object{}, of...)}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			one := entitlement
			if name == "a scope" {
				one = permission
			}
			message := g.refused(http.StatusBadRequest, code, "PATCH", path, list())
			if message != "Permission (scope or role) cannot be deleted or updated unless disabled first." {
				t.Errorf("the message is %q", message)
			}
			g.refused(http.StatusBadRequest, code, "PATCH", path, list(changed(one, "value", "Other")))
			// to alter what the same request disables is too soon
			g.refused(http.StatusBadRequest, code, "PATCH", path,
				list(changed(changed(one, "isEnabled", false), "value", "Other")))
			g.want(http.StatusNoContent, "PATCH", path, list(one))
			g.want(http.StatusNoContent, "PATCH", path, list(changed(one, "isEnabled", false)))
			g.want(http.StatusNoContent, "PATCH", path, list(changed(changed(one, "isEnabled", false), "value", "Other")))
			g.want(http.StatusNoContent, "PATCH", path, list())
		})
	}
}

func TestARoleThatCannotBeIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	good := role("Run", "Application")
	path := "/applications/" + g.newApplication(object{"appRoles": []object{good}})["id"].(string)
	with := func(property string, value any) object {
		other := role("Walk", "Application")
		other[property] = value
		return other
	}
	for sentence, bad := range map[string]object{
		"an ID that is none":   with("id", "1"),
		"the ID of another":    with("id", good["id"]),
		"the value of another": with("value", "Run"),
		"no display name":      with("displayName", nil),
		"no members":           with("allowedMemberTypes", []string{}),
		"unknown members":      with("allowedMemberTypes", []string{"Group"}),
	} {
		t.Run(sentence, func(*testing.T) {
			g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, object{"appRoles": []object{good, bad}})
		})
	}
	withoutValue := scope("Payroll.Read")
	withoutValue["value"] = nil
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path,
		object{"api": object{"oauth2PermissionScopes": []object{withoutValue}}})
	g.want(http.StatusNoContent, "PATCH", path, object{"appRoles": []object{good, with("isEnabled", nil)}})
}

func TestARoleOfAnApplicationIsGrantedToUsersAndServicePrincipals(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	run, approve, retired := role("Run", "Application"), role("Approve", "User"), role("Retired", "Application")
	retired["isEnabled"] = false
	offered := offering([]object{run, approve, retired}, nil)
	app := g.newApplication(offered)
	api := g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	client := g.register(g.tenant)
	user, _ := g.tenant.Directory.Users.First(tenant.Present(), func(tenant.User) bool { return true })
	held := g.grant(object{"id": client.principal.ID}, api, run["id"].(string))
	if held["principalType"] != "ServicePrincipal" || held["resourceDisplayName"] != "Payroll" {
		t.Errorf("the grant is %v", held)
	}
	if held := g.grant(object{"id": user.ID}, api, approve["id"].(string)); held["principalType"] != "User" ||
		held["principalDisplayName"] != user.DisplayName {
		t.Errorf("the user's grant is %v", held)
	}
	for _, resource := range []string{app["appId"].(string), offered["identifierUris"].([]string)[0]} {
		var claims map[string]any
		decodeClaims(t, g.rig.token(g.tenant.ID, secretForm(client.AppID, client.secret, resource+"/.default")), &claims)
		if !reflect.DeepEqual(claims["roles"], []any{"Run"}) || claims["aud"] != resource {
			t.Errorf("the token for %s has the roles %v for %v", resource, claims["roles"], claims["aud"])
		}
	}
	g.refusedToken(g.tenant.ID, 500011, secretForm(client.AppID, client.secret, "api://nobody/.default"))
	for sentence, test := range map[string]struct{ principal, role any }{
		"a disabled role":                  {client.principal.ID, retired["id"]},
		"a role that is not there":         {client.principal.ID, uuid.NewString()},
		"a user's role, to an application": {client.principal.ID, approve["id"]},
		"an application's role, to a user": {user.ID, run["id"]},
		"no role, of one that has some":    {user.ID, "00000000-0000-0000-0000-000000000000"},
		"a role, to an application object": {client.ID, run["id"]},
		"a role that is held already":      {client.principal.ID, run["id"]},
	} {
		t.Run(sentence, func(*testing.T) {
			g.refused(http.StatusBadRequest, "Request_BadRequest", "POST",
				"/servicePrincipals/"+api["id"].(string)+"/appRoleAssignedTo",
				object{"principalId": test.principal, "resourceId": api["id"], "appRoleId": test.role})
		})
	}
	_, plain := g.newRegistration()
	g.grant(object{"id": user.ID}, plain, "00000000-0000-0000-0000-000000000000")
}
