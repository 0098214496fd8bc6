package graph

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Rights to application permissions granted. Application.ReadWrite.All does not suffice to grant: who may write
// applications could otherwise make itself anything. It does to end a grant (Microsoft's permission data of 2026; the
// page of the operation names AppRoleAssignment.ReadWrite.All alone).
var (
	grantReaders = []string{appReadAll, appReadWriteAll, grantWriteAll, directoryRead, directoryWrite}
	grantWriters = []string{grantWriteAll}
	grantEnders  = []string{grantWriteAll, appReadWriteAll}

	// Those of users and groups: user-list-approleassignments, group-list-approleassignments.
	assignmentReaders = []string{grantWriteAll, directoryRead, directoryWrite}
)

// grantRoutes are the operations on grants of application permissions, which is what admin consent to them is: seen
// from the service principal that holds them (appRoleAssignments), or from the API that they are on
// (appRoleAssignedTo). Users and groups hold app roles in the same way.
var grantRoutes = []route{
	{http.MethodGet, "servicePrincipals/{principal}/appRoleAssignments", grantReaders, (*call).listGrantsHeld},
	{http.MethodPost, "servicePrincipals/{principal}/appRoleAssignments", grantWriters, (*call).postGrantHeld},
	{http.MethodGet, "servicePrincipals/{principal}/appRoleAssignments/{grant}", grantReaders, (*call).getGrantHeld},
	{http.MethodDelete, "servicePrincipals/{principal}/appRoleAssignments/{grant}", grantEnders, (*call).deleteGrantHeld},
	{http.MethodGet, "servicePrincipals/{principal}/appRoleAssignedTo", grantReaders, (*call).listGrantsGiven},
	{http.MethodPost, "servicePrincipals/{principal}/appRoleAssignedTo", grantWriters, (*call).postGrantGiven},
	{http.MethodGet, "servicePrincipals/{principal}/appRoleAssignedTo/{grant}", grantReaders, (*call).getGrantGiven},
	{http.MethodDelete, "servicePrincipals/{principal}/appRoleAssignedTo/{grant}", grantEnders, (*call).deleteGrantGiven},
	{http.MethodGet, "users/{user}/appRoleAssignments", assignmentReaders, (*call).listGrantsHeld},
	{http.MethodPost, "users/{user}/appRoleAssignments", grantWriters, (*call).postGrantHeld},
	{http.MethodGet, "users/{user}/appRoleAssignments/{grant}", assignmentReaders, (*call).getGrantHeld},
	{http.MethodDelete, "users/{user}/appRoleAssignments/{grant}", grantWriters, (*call).deleteGrantHeld},
	{http.MethodGet, "groups/{group}/appRoleAssignments", assignmentReaders, (*call).listGrantsHeld},
	{http.MethodPost, "groups/{group}/appRoleAssignments", grantWriters, (*call).postGrantHeld},
	{http.MethodGet, "groups/{group}/appRoleAssignments/{grant}", assignmentReaders, (*call).getGrantHeld},
	{http.MethodDelete, "groups/{group}/appRoleAssignments/{grant}", grantWriters, (*call).deleteGrantHeld},
}

// grantSide is which end of a grant the path names.
type grantSide struct {
	context string
	end     func(tenant.AppRoleAssignment) string
}

var (
	held  = grantSide{"appRoleAssignments", func(g tenant.AppRoleAssignment) string { return g.PrincipalID }}
	given = grantSide{"appRoleAssignedTo", func(g tenant.AppRoleAssignment) string { return g.ResourceID }}
)

func (c *call) listGrantsHeld() *apiError   { return c.listGrants(held) }
func (c *call) listGrantsGiven() *apiError  { return c.listGrants(given) }
func (c *call) postGrantHeld() *apiError    { return c.postGrant(held) }
func (c *call) postGrantGiven() *apiError   { return c.postGrant(given) }
func (c *call) getGrantHeld() *apiError     { return c.getGrant(held) }
func (c *call) getGrantGiven() *apiError    { return c.getGrant(given) }
func (c *call) deleteGrantHeld() *apiError  { return c.deleteGrant(held) }
func (c *call) deleteGrantGiven() *apiError { return c.deleteGrant(given) }

// contextOf is the @odata.context of grants. It does not name a service principal that holds them.
func (side grantSide) contextOf(p tenant.Principal) string {
	switch {
	case p.Type == tenant.UserPrincipal:
		return "users('" + p.ID + "')/" + side.context
	case p.Type == tenant.GroupPrincipal:
		return "groups('" + p.ID + "')/" + side.context
	case side.context == given.context:
		return "servicePrincipals('" + p.ID + "')/" + side.context
	}
	return side.context
}

// findGrantEnd finds the user, the group or the service principal that the path names.
func (c *call) findGrantEnd(v tenant.View) (tenant.Principal, *apiError) {
	var id string
	var failure *apiError
	switch {
	case c.keys["user"].value != "":
		var found tenant.User
		found, failure = c.findUser(v)
		id = found.ID
	case c.keys["group"].value != "":
		var found tenant.Group
		found, failure = c.findGroup(v)
		id = found.ID
	default:
		var found tenant.ServicePrincipal
		found, failure = c.findServicePrincipal(v)
		id = found.ID
	}
	if failure != nil {
		return tenant.Principal{}, failure
	}
	principal, _ := c.tenant.Principal(v, id)
	return principal, nil
}

func grantEntity(g tenant.AppRoleAssignment) object {
	return object{
		"id": g.ID, "deletedDateTime": nil, "appRoleId": g.AppRoleID, "createdDateTime": timestamp(g.CreatedAt),
		"principalDisplayName": g.PrincipalDisplayName, "principalId": g.PrincipalID, "principalType": g.PrincipalType,
		"resourceDisplayName": g.ResourceDisplayName, "resourceId": g.ResourceID,
	}
}

func (c *call) listGrants(side grantSide) *apiError {
	principal, failure := c.findGrantEnd(c.Reads)
	if failure != nil {
		return failure
	}
	return c.many(collection{
		context:    side.contextOf(principal),
		schema:     grantEntity(tenant.AppRoleAssignment{}),
		filterable: []string{"appRoleId", "principalDisplayName", "principalId", "resourceId"},
		rows: func(v tenant.View) []object {
			found := c.tenant.Directory.Grants.List(v, func(g tenant.AppRoleAssignment) bool {
				return side.end(g) == principal.ID
			})
			return tenant.Mapped(found, grantEntity)
		},
	})
}

func (c *call) findGrant(v tenant.View, side grantSide) (tenant.Principal, tenant.AppRoleAssignment, *apiError) {
	principal, failure := c.findGrantEnd(v)
	if failure != nil {
		return principal, tenant.AppRoleAssignment{}, failure
	}
	id := c.keys["grant"].value
	grant, found := c.tenant.Directory.Grants.Get(v, id)
	if !found || side.end(grant) != principal.ID {
		return principal, grant, notFound(id)
	}
	return principal, grant, nil
}

func (c *call) getGrant(side grantSide) *apiError {
	principal, grant, failure := c.findGrant(c.Reads, side)
	if failure != nil {
		return failure
	}
	entity := grantEntity(grant)
	return c.one(http.StatusOK, side.contextOf(principal), entity, entity)
}

func (c *call) deleteGrant(side grantSide) *apiError {
	_, grant, failure := c.findGrant(tenant.Present(), side)
	if failure != nil {
		return failure
	}
	c.tenant.Directory.Grants.Remove(c.api.world.Now(), grant.ID)
	return c.noContent()
}

// postGrant consents to one application permission (Microsoft Graph: serviceprincipal-post-approleassignedto). The
// ID of a role is looked for on the API that the request names, and nowhere else: with the wrong one of two APIs that
// share an ID, another permission is granted.
func (c *call) postGrant(side grantSide) *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	var made tenant.AppRoleAssignment
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
	now := tenant.Present()
	named, failure := c.findGrantEnd(now)
	if failure != nil {
		return failure
	}
	for _, id := range []string{made.PrincipalID, made.ResourceID, made.AppRoleID} {
		if uuid.Validate(id) != nil {
			return invalidValue("principalId, resourceId or appRoleId", resource)
		}
	}
	principal, hasPrincipal := c.tenant.Principal(c.Refers, made.PrincipalID)
	api, hasAPI := c.tenant.Directory.ServicePrincipals.Get(c.Refers, made.ResourceID)
	if !hasPrincipal || !hasAPI || side.end(made) != named.ID {
		return refuse(badRequest, "Not a valid reference update")
	}
	if !grantable(c.tenant.RolesOf(now, api), made.AppRoleID, principal.Type) {
		// text unconfirmed
		return refuse(badRequest, "Permission being assigned was not found on application '%s'.", api.AppID)
	}
	if slices.ContainsFunc(c.tenant.GrantsOf(now, made.PrincipalID), func(g tenant.AppRoleAssignment) bool {
		return g.ResourceID == api.ID && g.AppRoleID == made.AppRoleID
	}) {
		// the detail is unconfirmed
		return refuse(badRequest, "Permission being assigned already exists on the object").detail("InvalidUpdate", "")
	}
	made.ID, made.CreatedAt = tenant.NewAppRoleAssignmentID(principal.ID), c.now()
	made.PrincipalDisplayName, made.PrincipalType, made.ResourceDisplayName = principal.DisplayName, principal.Type,
		api.DisplayName
	c.tenant.Directory.Grants.Put(c.api.world.Now(), made.ID, made)
	return c.created(side.contextOf(named), "AppRoleAssignment", grantEntity(made))
}

// noRole stands for access to an API without any of its roles (Microsoft Graph: appRoleAssignment resource type).
const noRole = "00000000-0000-0000-0000-000000000000"

// grantable reports whether an API offers the role to principals of a type. That a disabled role is answered like one
// that does not exist, and so is access without a role to an API that offers some, is unconfirmed.
func grantable(roles []tenant.AppRole, roleID, principalType string) bool {
	members := "User" // groups as well
	if principalType == tenant.ApplicationPrincipal {
		members = "Application"
	}
	offered := func(r tenant.AppRole) bool { return r.IsEnabled && slices.Contains(r.AllowedMemberTypes, members) }
	if roleID == noRole {
		return !slices.ContainsFunc(roles, offered)
	}
	return slices.ContainsFunc(roles, func(r tenant.AppRole) bool { return r.ID == roleID && offered(r) })
}
