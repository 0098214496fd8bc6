package sandbox

import "net/http"

var policyReaders = []string{policyRead, "Policy.Read.ApplicationConfiguration", "Policy.ReadWrite.ApplicationConfiguration"}

// policyRoutes are the operations on app management policies. There is but the default one that every tenant has,
// and it is not enabled (Microsoft Graph: tenantAppManagementPolicy resource type).
var policyRoutes = []route{
	{http.MethodGet, "policies/defaultAppManagementPolicy", policyReaders, (*call).getDefaultPolicy},
	{http.MethodGet, "policies/appManagementPolicies", policyReaders, (*call).listPolicies},
	{http.MethodGet, "applications/{application}/appManagementPolicies", policyReaders, (*call).listPolicies},
	{http.MethodGet, "servicePrincipals/{principal}/appManagementPolicies", policyReaders, (*call).listPolicies},
}

func (c *call) getDefaultPolicy() *graphError {
	unrestricted := func() object { return object{"passwordCredentials": []any{}, "keyCredentials": []any{}} }
	return c.write(http.StatusOK, object{
		"@odata.context":               c.link("$metadata#policies/defaultAppManagementPolicy/$entity"),
		"id":                           "00000000-0000-0000-0000-000000000000",
		"deletedDateTime":              nil,
		"displayName":                  "Default app management tenant policy",
		"description":                  "Default tenant policy that enforces app management restrictions on applications and service principals. To apply policy to targeted resources, create a new policy under appManagementPolicies collection.",
		"isEnabled":                    false,
		"applicationRestrictions":      unrestricted(),
		"servicePrincipalRestrictions": unrestricted(),
	})
}

func (c *call) listPolicies() *graphError {
	return c.many(collection{
		context: "policies/appManagementPolicies",
		schema:  object{"id": "", "deletedDateTime": nil, "displayName": "", "description": "", "isEnabled": false, "restrictions": nil},
		rows:    func(view) []object { return nil },
	})
}
