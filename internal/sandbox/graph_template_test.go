package sandbox

import (
	"net/http"
	"slices"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// nonGallery is the template of applications that are not in Microsoft's gallery.
const nonGallery = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"

func TestTheGalleryIsOpenToEveryTokenAndFoundByNameAndCategory(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.register(g.tenant) // holds nothing
	g.token = g.rig.token(g.tenant.ID, secretForm(app.AppID, app.secret, graphDefault))
	template := g.want(http.StatusOK, "GET", "/applicationTemplates/"+nonGallery, nil)
	if template["id"] != nonGallery || !slices.Contains(template["supportedSingleSignOnModes"].([]any), any("saml")) {
		t.Errorf("the template is %v", template)
	}
	for filter, want := range map[string][]any{
		"displayName eq 'Marketo'":                                 {"Marketo"},
		"contains(displayName, 'arke')":                            {"Marketo"},
		"categories/any(c:contains(c, 'business'))":                {"Dynamics CRM Online"},
		"displayName eq 'Marketo' or categories/any(c:c eq 'crm')": {"Dynamics CRM Online", "Marketo"},
	} {
		if names := g.values(filtered("/applicationTemplates", filter), "displayName"); !slices.Equal(names, want) {
			t.Errorf("%s finds %v", filter, names)
		}
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/applicationTemplates/"+noObject, nil)
	g.refused(http.StatusBadRequest, "Request_UnsupportedQuery", "GET",
		filtered("/applicationTemplates", "publisher eq 'Marketo'"), nil)
	g.refused(http.StatusForbidden, "Authorization_RequestDenied", "POST",
		"/applicationTemplates/"+nonGallery+"/instantiate", object{"displayName": "mine"})
}

func TestADirectoryObjectIsNotFoundByAPartOfItsName(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	for _, path := range []string{"/applications", "/servicePrincipals"} {
		g.refused(http.StatusBadRequest, "Request_UnsupportedQuery", "GET", filtered(path, "contains(displayName,'a')"), nil)
	}
}

func TestATemplateCreatesAnApplicationWithItsServicePrincipal(t *testing.T) {
	g := newGraph(t, tenant.OwnedByCaller)
	made := g.want(http.StatusCreated, "POST", "/applicationTemplates/"+nonGallery+"/instantiate",
		object{"displayName": "Expenses"})
	app, principal := made["application"].(object), made["servicePrincipal"].(object)
	if app["displayName"] != "Expenses" || app["applicationTemplateId"] != nonGallery ||
		principal["applicationTemplateId"] != nonGallery || principal["appId"] != app["appId"] ||
		principal["appRoleAssignmentRequired"] != true ||
		!slices.Contains(principal["tags"].([]any), any("WindowsAzureActiveDirectoryCustomSingleSignOnApplication")) {
		t.Errorf("what is made is %v", made)
	}
	path := "/applications/" + app["id"].(string)
	found := g.want(http.StatusOK, "GET", path, nil)
	roles := found["appRoles"].([]any)
	scopes := found["api"].(object)["oauth2PermissionScopes"].([]any)
	if len(roles) != 2 || roles[1].(object)["displayName"] != "msiam_access" || roles[1].(object)["value"] != nil ||
		len(scopes) != 1 || scopes[0].(object)["value"] != "user_impersonation" {
		t.Errorf("the application begins with the roles %v and the scopes %v", roles, scopes)
	}
	// The caller may manage what it made, which it owns.
	g.want(http.StatusNoContent, "PATCH", path, object{"displayName": "Travel"})
	g.want(http.StatusNoContent, "PATCH", "/servicePrincipals/"+principal["id"].(string), object{"notes": "n"})
	full := g.as(tenant.FullCaller)
	for _, path := range []string{"/applications", "/servicePrincipals"} {
		list := filtered(path, "applicationTemplateId eq '"+nonGallery+"' and appId eq '"+app["appId"].(string)+"'")
		if ids := full.values(list, "appId"); !slices.Equal(ids, []any{app["appId"]}) {
			t.Errorf("GET %s lists %v", list, ids)
		}
	}
}

func TestAnInstanceOfATemplateThatCannotBeMadeIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applicationTemplates/" + nonGallery + "/instantiate"
	for sentence, body := range map[string]object{
		"without a name":                   {},
		"with an empty name":               {"displayName": ""},
		"with a name that is not a text":   {"displayName": 1},
		"with properties besides the name": {"displayName": "Expenses", "notes": "n"},
	} {
		if got := g.send("POST", path, body); got.Status != http.StatusBadRequest {
			t.Errorf("%s: HTTP %d %s", sentence, got.Status, got.Body)
		}
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", "/applicationTemplates/"+noObject+"/instantiate",
		object{"displayName": "Expenses"})
	app, principal := g.newRegistration()
	for _, path := range []string{"/applications/" + app["id"].(string),
		"/servicePrincipals/" + principal["id"].(string)} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, object{"applicationTemplateId": nonGallery})
	}
	g.control(http.MethodPatch, "/tenants/"+g.tenant.ID+"/directory", `{"needs_service_management_reference": true}`)
	g.refused(http.StatusBadRequest, "ServiceTreeValueMissing", "POST", path, object{"displayName": "Expenses"})
}
