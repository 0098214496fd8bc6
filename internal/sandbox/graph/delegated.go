package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Rights to grants of delegated permissions (Microsoft Graph: permissions of each operation).
var (
	delegatedReaders = []string{directoryRead, delegatedWrite, directoryWrite}
	delegatedWriters = []string{delegatedWrite, directoryWrite}
)

// delegatedRoutes are the operations on grants of delegated permissions, which is what consent to them is.
var delegatedRoutes = []route{
	{http.MethodGet, "oauth2PermissionGrants", delegatedReaders, (*call).listDelegatedGrants},
	{http.MethodPost, "oauth2PermissionGrants", delegatedWriters, (*call).postDelegatedGrant},
	{http.MethodGet, "oauth2PermissionGrants/{delegated}", delegatedReaders, (*call).getDelegatedGrant},
	{http.MethodPatch, "oauth2PermissionGrants/{delegated}", delegatedWriters, (*call).patchDelegatedGrant},
	{http.MethodDelete, "oauth2PermissionGrants/{delegated}", delegatedWriters, (*call).deleteDelegatedGrant},
	{http.MethodGet, "servicePrincipals/{principal}/oauth2PermissionGrants", delegatedReaders,
		(*call).listDelegatedGrantsOfPrincipal},
}

// The values of consentType.
const (
	forAllUsers = "AllPrincipals"
	forOneUser  = "Principal"
)

// maxScope is how long the list of scopes can be, in characters (Microsoft Graph: oauth2permissiongrant-update).
const maxScope = 3850

const delegatedResource = "OAuth2PermissionGrant"

func delegatedEntity(g tenant.DelegatedGrant) object {
	return object{
		"id": g.ID, "clientId": g.ClientID, "consentType": g.ConsentType, "principalId": text(g.PrincipalID),
		"resourceId": g.ResourceID, "scope": text(g.Scope),
	}
}

func (c *call) listDelegatedGrants() *apiError {
	return c.delegatedGrants("oauth2PermissionGrants", nil)
}

// listDelegatedGrantsOfPrincipal lists what a service principal is granted as a client.
func (c *call) listDelegatedGrantsOfPrincipal() *apiError {
	client, failure := c.findServicePrincipal(c.Reads)
	if failure != nil {
		return failure
	}
	return c.delegatedGrants("oauth2PermissionGrants",
		func(g tenant.DelegatedGrant) bool { return g.ClientID == client.ID })
}

func (c *call) delegatedGrants(context string, keep func(tenant.DelegatedGrant) bool) *apiError {
	return c.many(collection{
		context:    context,
		schema:     delegatedEntity(tenant.DelegatedGrant{}),
		filterable: []string{"clientId", "consentType", "principalId", "resourceId"},
		rows: func(v tenant.View) []object {
			return tenant.Mapped(c.tenant.Directory.DelegatedGrants.List(v, keep), delegatedEntity)
		},
	})
}

func (c *call) findDelegatedGrant(v tenant.View) (tenant.DelegatedGrant, *apiError) {
	id := c.keys["delegated"].value
	found, ok := c.tenant.Directory.DelegatedGrants.Get(v, id)
	if !ok || !knows(c, &c.tenant.Directory.DelegatedGrants, id) {
		return found, notFound(id)
	}
	return found, nil
}

func (c *call) getDelegatedGrant() *apiError {
	found, failure := c.findDelegatedGrant(c.Reads)
	if failure != nil {
		return failure
	}
	entity := delegatedEntity(found)
	return c.one(http.StatusOK, "oauth2PermissionGrants", entity, entity)
}

func (c *call) deleteDelegatedGrant() *apiError {
	found, failure := c.findDelegatedGrant(tenant.Present())
	if failure != nil {
		return failure
	}
	c.tenant.Directory.DelegatedGrants.Remove(c.api.world.Now(), found.ID)
	return c.noContent()
}

// patchDelegatedGrant replaces the scopes, which is all that can be changed (Microsoft Graph:
// oauth2permissiongrant-update).
func (c *call) patchDelegatedGrant() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := c.findDelegatedGrant(tenant.Present())
	if failure != nil {
		return failure
	}
	for _, name := range sortedNames(body) {
		switch name {
		case "scope":
			if changed.Scope, failure = decoded[string](name, delegatedResource, body[name]); failure != nil {
				return failure
			}
		case "id":
			failure = readOnlyUnlessItsID(name, body[name], changed.ID)
		case "clientId", "consentType", "principalId", "resourceId":
			failure = readOnly(name)
		default:
			failure = unknownProperty(name, "oAuth2PermissionGrant")
		}
		if failure != nil {
			return failure
		}
	}
	api, _ := c.tenant.Directory.ServicePrincipals.Get(tenant.Present(), changed.ResourceID)
	if failure := c.checkScope(api, changed.Scope); failure != nil {
		return failure
	}
	c.tenant.Directory.DelegatedGrants.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}

// postDelegatedGrant consents to delegated permissions (Microsoft Graph: oauth2permissiongrant-post). There is one
// grant for a client, a resource and those on whose behalf it acts. That the refusal of a second one is a 409 with this
// text was seen.
func (c *call) postDelegatedGrant() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	made, failure := readDelegatedGrant(body)
	if failure != nil {
		return failure
	}
	for _, id := range []string{made.ClientID, made.ResourceID} {
		if _, known := c.tenant.Directory.ServicePrincipals.Get(c.Refers, id); !known {
			return notFound(id)
		}
	}
	if made.ConsentType == forOneUser {
		if _, known := c.tenant.Directory.Users.Get(c.Refers, made.PrincipalID); !known {
			return notFound(made.PrincipalID)
		}
	}
	api, _ := c.tenant.Directory.ServicePrincipals.Get(c.Refers, made.ResourceID)
	if failure := c.checkScope(api, made.Scope); failure != nil {
		return failure
	}
	made.ID = tenant.DelegatedGrantID(made)
	if _, exists := c.tenant.Directory.DelegatedGrants.Get(tenant.Present(), made.ID); exists {
		return conflict("Permission entry already exists.")
	}
	c.tenant.Directory.DelegatedGrants.Put(c.api.world.Now(), made.ID, made)
	return c.one(http.StatusCreated, "oauth2PermissionGrants", delegatedEntity(made), nil)
}

// readDelegatedGrant reads a new grant from a request. The codes of its refusals are unconfirmed.
func readDelegatedGrant(body map[string]json.RawMessage) (made tenant.DelegatedGrant, failure *apiError) {
	for _, name := range sortedNames(body) {
		var value string
		if value, failure = decoded[string](name, delegatedResource, body[name]); failure != nil {
			return made, failure
		}
		switch name {
		case "clientId":
			made.ClientID = strings.ToLower(value)
		case "consentType":
			made.ConsentType = value
		case "principalId":
			made.PrincipalID = strings.ToLower(value)
		case "resourceId":
			made.ResourceID = strings.ToLower(value)
		case "scope":
			made.Scope = value
		default:
			return made, unknownProperty(name, "oAuth2PermissionGrant")
		}
	}
	isUser := made.ConsentType == forOneUser
	switch {
	case uuid.Validate(made.ClientID) != nil:
		return made, invalidValue("clientId", delegatedResource)
	case uuid.Validate(made.ResourceID) != nil:
		return made, invalidValue("resourceId", delegatedResource)
	case !isUser && made.ConsentType != forAllUsers:
		return made, invalidValue("consentType", delegatedResource)
	case isUser && uuid.Validate(made.PrincipalID) != nil, !isUser && made.PrincipalID != "":
		return made, invalidValue("principalId", delegatedResource)
	}
	return made, nil
}

// checkScope refuses scopes that the API does not publish, so that a misspelt one is found here: Graph's document says
// that each should match, and no source tells what Graph does with one that does not. An API of Microsoft's whose
// scopes are not known here takes any.
func (c *call) checkScope(api tenant.ServicePrincipal, scope string) *apiError {
	if len(scope) > maxScope {
		return invalidValue("scope", delegatedResource)
	}
	published := c.publishedScopes(api)
	if len(published) == 0 && api.AppOwnerTenantID == tenant.MicrosoftTenant {
		return nil
	}
	for _, value := range strings.Fields(scope) {
		if !slices.Contains(published, value) {
			return refuse(badRequest, "Permission scope '%s' was not found on application '%s'.", value, api.AppID)
		}
	}
	return nil
}

// publishedScopes are the values of the delegated permissions that an API offers and that are enabled.
func (c *call) publishedScopes(api tenant.ServicePrincipal) (values []string) {
	if first, is := tenant.FirstParty(api.AppID); is {
		for _, scope := range first.Scopes {
			if scope.IsEnabled {
				values = append(values, scope.Value)
			}
		}
		return values
	}
	app, _ := c.tenant.ApplicationOf(tenant.Present(), api)
	scopes, _ := scopesOf(storedObject(app, "api")) // they were checked when they were set
	for _, scope := range scopes {
		if scope.enabled {
			values = append(values, scope.value)
		}
	}
	return values
}
