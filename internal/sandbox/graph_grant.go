package sandbox

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// Rights to application permissions granted. Application.ReadWrite.All does not suffice to grant: who may write
// applications could otherwise make itself anything. It does to end a grant (Microsoft's permission data of 2026; the page
// of the operation names AppRoleAssignment.ReadWrite.All alone).
var (
	grantReaders = []string{appReadAll, appReadWriteAll, grantWriteAll, directoryRead, directoryWrite}
	grantWriters = []string{grantWriteAll}
	grantEnders  = []string{grantWriteAll, appReadWriteAll}
)

// grantRoutes are the operations on grants of application permissions, which is what admin consent to them is: seen
// from the service principal that holds them (appRoleAssignments), or from the API that they are on (appRoleAssignedTo).
var grantRoutes = []route{
	{http.MethodGet, "servicePrincipals/{principal}/appRoleAssignments", grantReaders, (*call).listGrantsHeld},
	{http.MethodPost, "servicePrincipals/{principal}/appRoleAssignments", grantWriters, (*call).postGrantHeld},
	{http.MethodGet, "servicePrincipals/{principal}/appRoleAssignments/{grant}", grantReaders, (*call).getGrantHeld},
	{http.MethodDelete, "servicePrincipals/{principal}/appRoleAssignments/{grant}", grantEnders, (*call).deleteGrantHeld},
	{http.MethodGet, "servicePrincipals/{principal}/appRoleAssignedTo", grantReaders, (*call).listGrantsGiven},
	{http.MethodPost, "servicePrincipals/{principal}/appRoleAssignedTo", grantWriters, (*call).postGrantGiven},
	{http.MethodGet, "servicePrincipals/{principal}/appRoleAssignedTo/{grant}", grantReaders, (*call).getGrantGiven},
	{http.MethodDelete, "servicePrincipals/{principal}/appRoleAssignedTo/{grant}", grantEnders, (*call).deleteGrantGiven},
}

// grantSide is which end of a grant the path names.
type grantSide struct {
	context string
	end     func(appRoleAssignment) string
}

var (
	held  = grantSide{"appRoleAssignments", func(g appRoleAssignment) string { return g.PrincipalID }}
	given = grantSide{"appRoleAssignedTo", func(g appRoleAssignment) string { return g.ResourceID }}
)

func (c *call) listGrantsHeld() *graphError   { return c.listGrants(held) }
func (c *call) listGrantsGiven() *graphError  { return c.listGrants(given) }
func (c *call) postGrantHeld() *graphError    { return c.postGrant(held) }
func (c *call) postGrantGiven() *graphError   { return c.postGrant(given) }
func (c *call) getGrantHeld() *graphError     { return c.getGrant(held) }
func (c *call) getGrantGiven() *graphError    { return c.getGrant(given) }
func (c *call) deleteGrantHeld() *graphError  { return c.deleteGrant(held) }
func (c *call) deleteGrantGiven() *graphError { return c.deleteGrant(given) }

// contextOf is the @odata.context of grants: it names the service principal only on the API's side.
func (side grantSide) contextOf(p servicePrincipal) string {
	if side.context == given.context {
		return "servicePrincipals('" + p.ID + "')/" + side.context
	}
	return side.context
}

func (g appRoleAssignment) entity() object {
	return object{
		"id": g.ID, "deletedDateTime": nil, "appRoleId": g.AppRoleID, "createdDateTime": timestamp(g.CreatedAt),
		"principalDisplayName": g.PrincipalDisplayName, "principalId": g.PrincipalID, "principalType": g.PrincipalType,
		"resourceDisplayName": g.ResourceDisplayName, "resourceId": g.ResourceID,
	}
}

func (c *call) listGrants(side grantSide) *graphError {
	principal, failure := c.findServicePrincipal(c.reads)
	if failure != nil {
		return failure
	}
	return c.many(collection{
		context:    side.contextOf(principal),
		schema:     appRoleAssignment{}.entity(),
		filterable: []string{"appRoleId", "principalDisplayName", "principalId", "resourceId"},
		rows: func(v view) []object {
			found := c.tenant.directory.grants.list(v, func(g appRoleAssignment) bool { return side.end(g) == principal.ID })
			return mapped(found, appRoleAssignment.entity)
		},
	})
}

func (c *call) findGrant(v view, side grantSide) (servicePrincipal, appRoleAssignment, *graphError) {
	principal, failure := c.findServicePrincipal(v)
	if failure != nil {
		return principal, appRoleAssignment{}, failure
	}
	id := c.keys["grant"].value
	grant, found := c.tenant.directory.grants.get(v, id)
	if !found || side.end(grant) != principal.ID {
		return principal, grant, notFound(id)
	}
	return principal, grant, nil
}

func (c *call) getGrant(side grantSide) *graphError {
	principal, grant, failure := c.findGrant(c.reads, side)
	if failure != nil {
		return failure
	}
	entity := grant.entity()
	return c.one(http.StatusOK, side.contextOf(principal), entity, entity)
}

func (c *call) deleteGrant(side grantSide) *graphError {
	_, grant, failure := c.findGrant(present(), side)
	if failure != nil {
		return failure
	}
	c.tenant.directory.grants.remove(c.api.world.now(), grant.ID)
	return c.noContent()
}

// postGrant consents to one application permission (Microsoft Graph: serviceprincipal-post-approleassignedto). The
// ID of a role is looked for on the API that the request names, and nowhere else: with the wrong one of two APIs that
// share an ID, another permission is granted.
func (c *call) postGrant(side grantSide) *graphError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	var made appRoleAssignment
	const resource = "AppRoleAssignment"
	for _, name := range sortedNames(body) {
		var id string
		if id, failure = decoded[string](name, resource, body[name]); failure != nil {
			return failure
		}
		id = strings.ToLower(id)
		switch name {
		case "principalId":
			made.PrincipalID = id
		case "resourceId":
			made.ResourceID = id
		case "appRoleId":
			made.AppRoleID = id
		default:
			return unknownProperty(name, "appRoleAssignment")
		}
	}
	now := present()
	named, failure := c.findServicePrincipal(now)
	if failure != nil {
		return failure
	}
	for _, id := range []string{made.PrincipalID, made.ResourceID, made.AppRoleID} {
		if uuid.Validate(id) != nil {
			return invalidValue("principalId, resourceId or appRoleId", resource)
		}
	}
	principal, hasPrincipal := c.tenant.directory.servicePrincipals.get(c.refers, made.PrincipalID)
	api, hasAPI := c.tenant.directory.servicePrincipals.get(c.refers, made.ResourceID)
	if !hasPrincipal || !hasAPI || side.end(made) != named.ID {
		return refuse(badRequest, "Not a valid reference update")
	}
	if !grantable(api, made.AppRoleID) {
		return refuse(badRequest, "Permission being assigned was not found on application '%s'.", api.AppID) // text unconfirmed
	}
	if slices.ContainsFunc(c.tenant.grantsOf(now, principal.ID), func(g appRoleAssignment) bool {
		return g.ResourceID == api.ID && g.AppRoleID == made.AppRoleID
	}) {
		return refuse(badRequest, "Permission being assigned already exists on the object").detail("InvalidUpdate", "") // the detail is unconfirmed
	}
	made.ID, made.CreatedAt = newAppRoleAssignmentID(principal.ID), c.now()
	made.PrincipalDisplayName, made.PrincipalType, made.ResourceDisplayName = principal.DisplayName, "ServicePrincipal", api.DisplayName
	c.tenant.directory.grants.put(c.api.world.now(), made.ID, made)
	return c.created(side.contextOf(named), "AppRoleAssignment", made.entity())
}

// grantable reports whether an API offers the role to applications. That a disabled role is answered like one that does
// not exist is unconfirmed.
func grantable(api servicePrincipal, roleID string) bool {
	return slices.ContainsFunc(api.AppRoles, func(r appRole) bool {
		return r.ID == roleID && r.IsEnabled && slices.Contains(r.AllowedMemberTypes, "Application")
	})
}
