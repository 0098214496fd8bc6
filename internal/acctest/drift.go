package acctest

import (
	"net/http"
	"slices"
	"strings"
)

// HandmadeApp is an application that a person registered in the portal, with a client secret and admin consent.
type HandmadeApp struct {
	ObjectID, ClientID, Secret string
}

// RegisterByHand does what an administrator does in the portal: app registration, secret, permissions, consent.
func (env *Env) RegisterByHand(tenantID, displayName string) HandmadeApp {
	env.t.Helper()
	application := env.Graph(tenantID, http.MethodPost, "/applications",
		map[string]any{"displayName": displayName, "signInAudience": "AzureADMyOrg"})
	app := HandmadeApp{ObjectID: application["id"].(string), ClientID: application["appId"].(string)}
	principal := env.Graph(tenantID, http.MethodPost, "/servicePrincipals", map[string]any{"appId": app.ClientID})
	password := env.Graph(tenantID, http.MethodPost, "/applications/"+app.ObjectID+"/addPassword",
		map[string]any{"passwordCredential": map[string]any{"displayName": "by hand"}})
	app.Secret = password["secretText"].(string)
	for _, permission := range []struct{ api, role string }{
		{"00000002-0000-0ff1-ce00-000000000000", "dc890d15-9560-4a4c-9b7f-a736ec74ec40"}, // full_access_as_app
		{"00000003-0000-0000-c000-000000000000", "7ab1d382-f21e-4acd-a863-ba3e13f7da61"}, // Directory.Read.All
	} {
		api := env.Graph(tenantID, http.MethodGet, "/servicePrincipals(appId='"+permission.api+"')?$select=id", nil)
		env.Graph(tenantID, http.MethodPost, "/servicePrincipals/"+api["id"].(string)+"/appRoleAssignedTo", map[string]any{
			"principalId": principal["id"], "resourceId": api["id"], "appRoleId": permission.role,
		})
	}
	return app
}

// RevokeConsent takes grants of an application away, as an administrator does who was alarmed by it: those of the given
// roles, or every one.
func (env *Env) RevokeConsent(tenantID, clientID string, roleIDs ...string) {
	env.t.Helper()
	grants := env.Graph(tenantID, http.MethodGet, "/servicePrincipals(appId='"+clientID+"')/appRoleAssignments", nil)
	for _, entry := range grants["value"].([]any) {
		grant := entry.(map[string]any)
		if len(roleIDs) > 0 && !slices.Contains(roleIDs, grant["appRoleId"].(string)) {
			continue
		}
		env.Graph(tenantID, http.MethodDelete, "/servicePrincipals/"+grant["principalId"].(string)+"/appRoleAssignments/"+
			grant["id"].(string), nil)
	}
}

// Alias is an address of one of the users that is not the user's name in Entra.
func (env *Env) Alias(i int, users []string) string {
	env.t.Helper()
	for _, name := range users {
		user := env.Graph(env.Tenant(i).TenantID, http.MethodGet, "/users/"+name+"?$select=userPrincipalName,proxyAddresses",
			nil)
		for _, address := range user["proxyAddresses"].([]any) {
			_, bare, _ := strings.Cut(address.(string), ":")
			if !strings.EqualFold(bare, user["userPrincipalName"].(string)) {
				return bare
			}
		}
	}
	env.t.Fatalf("none of %v has an alias", users)
	return ""
}
