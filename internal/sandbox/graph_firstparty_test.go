package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestAServicePrincipalOfMicrosoftsCannotBeDeleted(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	for _, api := range tenant.FirstPartyAPIs {
		path := "/servicePrincipals(appId='" + api.AppID + "')"
		g.refused(http.StatusForbidden, "Authorization_RequestDenied", "DELETE", path, nil)
		g.want(http.StatusOK, "GET", path, nil)
	}
	got := g.do(http.MethodDelete, "/_sandbox/tenants/"+g.tenant.ID+"/apis/"+g.tenant.Callers[tenant.FullCaller].ClientID,
		"", nil)
	if got.Status != http.StatusNotFound {
		t.Errorf("the control API, which deletes APIs of Microsoft's, answers HTTP %d for another application", got.Status)
	}
}

func TestOnlyTheTenantsOwnPropertiesOfMicrosoftsServicePrincipalsChange(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/servicePrincipals(appId='" + tenant.ExchangeAppID + "')"
	ours := object{"accountEnabled": false, "appRoleAssignmentRequired": true, "tags": []string{"HideApp"},
		"notes": "ours", "notificationEmailAddresses": []string{"it@contoso.com"}}
	g.want(http.StatusNoContent, "PATCH", path, ours)
	shown := g.want(http.StatusOK, "GET", path, nil)
	if shown["accountEnabled"] != false || shown["appRoleAssignmentRequired"] != true || shown["notes"] != "ours" {
		t.Errorf("the service principal is %v", shown["notes"])
	}
	// A client that writes back what it read changes nothing.
	g.want(http.StatusNoContent, "PATCH", path, object{"displayName": shown["displayName"], "replyUrls": []string{},
		"homepage": nil, "notes": nil})
	for property, value := range map[string]any{
		"displayName": "Our mail", "replyUrls": []string{"https://contoso.com/steal"}, "homepage": "https://contoso.com",
		"logoutUrl": "https://contoso.com/out", "oauth2PermissionScopes": []object{},
	} {
		g.refused(http.StatusForbidden, "Authorization_RequestDenied", "PATCH", path, object{property: value})
	}
}

func TestAServicePrincipalOfMicrosoftsTakesNoCredentials(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/servicePrincipals(appId='" + tenant.ExchangeAppID + "')"
	for _, request := range []struct {
		method, below string
		body          object
	}{
		{"POST", "/addPassword", object{}},
		{"POST", "/addTokenSigningCertificate", object{}},
		{"PATCH", "", object{"keyCredentials": []object{keyOf(certificate(t))}}},
		{"PATCH", "", object{"tokenEncryptionKeyId": uuid.NewString()}},
	} {
		g.refused(http.StatusBadRequest, "CannotUpdateLockedServicePrincipalProperty", request.method, path+request.below,
			request.body)
	}
}

func TestMicrosoftsAPIsPublishTheirPermissions(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	for appID, least := range map[string]struct{ roles, scopes int }{
		tenant.GraphAppID:                      {700, 800},
		tenant.ExchangeAppID:                   {20, 50},
		"00000003-0000-0ff1-ce00-000000000000": {9, 19},
	} {
		shown := g.want(http.StatusOK, "GET",
			"/servicePrincipals(appId='"+appID+"')?$select=id,appRoles,oauth2PermissionScopes", nil)
		roles, scopes := shown["appRoles"].([]any), shown["oauth2PermissionScopes"].([]any)
		if len(roles) < least.roles || len(scopes) < least.scopes {
			t.Errorf("%s has %d roles and %d delegated permissions", appID, len(roles), len(scopes))
		}
		for _, list := range [][]any{roles, scopes} {
			ids := map[string]bool{}
			for _, one := range list {
				id := one.(object)["id"].(string)
				if ids[id] || uuid.Validate(id) != nil || id != strings.ToLower(id) {
					t.Errorf("the ID %q of %v is no good, or one API has it twice", id, one.(object)["value"])
				}
				ids[id] = true
			}
		}
	}
	find := func(list []any, id string) object {
		at := slices.IndexFunc(list, func(one any) bool { return one.(object)["id"] == id })
		if at < 0 {
			t.Fatalf("there is no permission with the ID %s", id)
		}
		return list[at].(object)
	}
	graph := g.want(http.StatusOK, "GET", "/servicePrincipals(appId='"+tenant.GraphAppID+"')", nil)
	// From Microsoft's permissions reference, and not from the table.
	userRead := find(graph["oauth2PermissionScopes"].([]any), "e1fe6dd8-ba31-4d61-89e7-88639da4683d")
	if userRead["value"] != "User.Read" || userRead["type"] != "User" || userRead["isEnabled"] != true {
		t.Errorf("User.Read is %v", userRead)
	}
	all := find(graph["oauth2PermissionScopes"].([]any), "a154be20-db9c-4678-8ab7-66f6cc099a59")
	if all["type"] != "Admin" || all["value"] != "User.Read.All" {
		t.Errorf("User.Read.All is %v", all)
	}
	if role := find(graph["appRoles"].([]any), "b633e1c5-b582-4048-a93e-9f11b44c7e96"); role["value"] != "Mail.Send" ||
		!slices.Equal(role["allowedMemberTypes"].([]any), []any{"Application"}) {
		t.Errorf("Mail.Send is %v", role)
	}
	// A published role can be granted, and one that is published as disabled cannot.
	_, principal := g.newRegistration()
	g.grant(principal, graph, "b633e1c5-b582-4048-a93e-9f11b44c7e96")
	const agentCards = "aec9e0a0-6f46-4150-a9f7-05e9e3e87399"
	if find(graph["appRoles"].([]any), agentCards)["isEnabled"] != false {
		t.Errorf("AgentCard.Read.All is enabled")
	}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST",
		"/servicePrincipals/"+graph["id"].(string)+"/appRoleAssignedTo",
		object{"principalId": principal["id"], "resourceId": graph["id"], "appRoleId": agentCards})
}
