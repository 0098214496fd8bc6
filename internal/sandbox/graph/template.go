package graph

import (
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// templateRoutes are the operations on application templates. The gallery is open to every token (Microsoft Graph:
// applicationtemplate-list).
var templateRoutes = []route{
	{http.MethodGet, "applicationTemplates", nil, (*call).listTemplates},
	{http.MethodGet, "applicationTemplates/{template}", nil, (*call).getTemplate},
	{http.MethodPost, "applicationTemplates/{template}/instantiate", []string{appOwnedBy, appReadWriteAll, directoryWrite},
		(*call).instantiateTemplate},
}

func templateEntity(t tenant.ApplicationTemplate) object {
	return object{
		"id": t.ID, "categories": tenant.NonNil(t.Categories), "description": nil, "displayName": t.DisplayName,
		"homePageUrl": text(t.HomePageURL), "logoUrl": text(t.LogoURL),
		"publisher": t.Publisher, "supportedProvisioningTypes": tenant.NonNil(t.Provisioning),
		"supportedSingleSignOnModes": tenant.NonNil(t.SignOnModes),
	}
}

func (c *call) listTemplates() *apiError {
	return c.many(collection{
		context:    "applicationTemplates",
		schema:     templateEntity(tenant.ApplicationTemplate{}),
		filterable: []string{"categories", "displayName"},
		sortable:   []string{"displayName"},
		contains:   true,
		rows: func(tenant.View) []object {
			return tenant.Mapped(tenant.ApplicationTemplates, templateEntity)
		},
	})
}

func (c *call) findTemplate() (tenant.ApplicationTemplate, *apiError) {
	id := c.keys["template"].value
	found, known := tenant.FindApplicationTemplate(id)
	if !known {
		return found, notFound(id)
	}
	return found, nil
}

func (c *call) getTemplate() *apiError {
	found, failure := c.findTemplate()
	if failure != nil {
		return failure
	}
	entity := templateEntity(found)
	return c.one(http.StatusOK, "applicationTemplates", entity, entity)
}

// instantiateTemplate makes an application with its service principal (Microsoft Graph:
// applicationtemplate-instantiate).
func (c *call) instantiateTemplate() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	template, failure := c.findTemplate()
	if failure != nil {
		return failure
	}
	for _, name := range sortedNames(body) {
		if name != "displayName" {
			return unknownProperty(name, "applicationTemplate")
		}
	}
	app, _, failure := c.newApplication(instanceOf(template, body["displayName"]))
	if failure != nil {
		return failure
	}
	app.TemplateID = template.ID
	principal := tenant.ServicePrincipal{
		ID: uuid.NewString(), AppID: app.AppID, DisplayName: app.DisplayName, Enabled: true, CreatedAt: app.CreatedAt,
		AppOwnerTenantID: c.tenant.ID, Owners: app.Owners, Tags: template.PrincipalTags, TemplateID: template.ID,
		AppRoleAssignmentNeeds: true,
	}
	at := c.api.world.Now()
	c.tenant.Directory.Applications.Put(at, app.ID, app)
	c.tenant.Directory.ServicePrincipals.Put(at, principal.ID, principal)
	return c.write(http.StatusCreated, object{
		"@odata.context":   c.link("$metadata#microsoft.graph.applicationServicePrincipal"),
		"application":      c.applicationEntity(app, false),
		"servicePrincipal": c.servicePrincipalEntity(tenant.Present(), principal),
	})
}

// instanceOf is what an application begins with that is made from a template: the template's roles, and the scope that
// every such application publishes (seen in the configurations that azuread's users import).
func instanceOf(template tenant.ApplicationTemplate, displayName json.RawMessage) map[string]json.RawMessage {
	roles := tenant.Mapped(template.Roles, func(r tenant.TemplateRole) object {
		return object{"id": r.ID, "allowedMemberTypes": []string{"User"}, "description": r.Name, "displayName": r.Name,
			"isEnabled": true, "origin": "Application", "value": nil}
	})
	var name string
	_ = json.Unmarshal(displayName, &name) // what is not a text is refused where it is set
	scope := object{
		"id": uuid.NewString(), "value": "user_impersonation", "type": "User", "isEnabled": true,
		"adminConsentDisplayName": "Access " + name, "userConsentDisplayName": "Access " + name,
		"adminConsentDescription": "Use " + name + " on behalf of the signed-in user.",
		"userConsentDescription":  "Use " + name + " on your behalf.",
	}
	body := map[string]json.RawMessage{"displayName": displayName}
	body["appRoles"], _ = json.Marshal(roles) // both always have a form
	body["api"], _ = json.Marshal(object{"oauth2PermissionScopes": []object{scope}})
	return body
}
