package graph

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// deletedItemRoutes are the operations on the recycle bin. The casts of the list are also known with the namespace
// microsoft.graph, which the path's parser shortens.
var deletedItemRoutes = []route{
	{http.MethodGet, "directory/deletedItems/graph.application",
		[]string{appReadAll, appReadWriteAll, directoryRead, directoryWrite}, (*call).listDeletedApplications},
	{http.MethodGet, "directory/deletedItems/graph.servicePrincipal",
		[]string{appReadAll, appReadWriteAll, directoryRead, directoryWrite}, (*call).listDeletedServicePrincipals},
	{http.MethodGet, "directory/deletedItems/{item}",
		[]string{appReadAll, appReadWriteAll, directoryRead, directoryWrite, appOwnedBy}, (*call).getDeletedItem},
	{http.MethodDelete, "directory/deletedItems/{item}", []string{appOwnedBy, appReadWriteAll}, (*call).purge},
	{http.MethodPost, "directory/deletedItems/{item}/restore", []string{appOwnedBy, appReadWriteAll}, (*call).restore},
}

// retention is how long a deleted object can be restored (Microsoft Graph: directory-deleteditems-restore).
const retention = 30 * 24 * time.Hour

// bin moves a service principal to the recycle bin, with every grant that it holds or that is on it.
func (c *call) bin(p tenant.ServicePrincipal) {
	at := c.api.world.Now()
	grants := c.tenant.Directory.Grants.List(tenant.Present(), func(g tenant.AppRoleAssignment) bool {
		return g.PrincipalID == p.ID || g.ResourceID == p.ID
	})
	for _, grant := range grants {
		c.tenant.Directory.Grants.Remove(at, grant.ID)
	}
	delegated := c.tenant.Directory.DelegatedGrants.List(tenant.Present(), func(g tenant.DelegatedGrant) bool {
		return g.ClientID == p.ID || g.ResourceID == p.ID
	})
	for _, grant := range delegated {
		c.tenant.Directory.DelegatedGrants.Remove(at, grant.ID)
	}
	c.tenant.Directory.ServicePrincipals.Remove(at, p.ID)
	c.tenant.Directory.Deleted.Put(at, p.ID, tenant.DeletedItem{ID: p.ID, DeletedAt: c.now(), ServicePrincipal: &p,
		Grants: grants, DelegatedGrants: delegated})
}

// kept reports whether an object is still in the recycle bin.
func (c *call) kept(d tenant.DeletedItem) bool {
	return c.api.world.Now().Before(d.DeletedAt.Add(retention))
}

func (c *call) findDeletedItem(v tenant.View) (tenant.DeletedItem, *apiError) {
	id := c.keys["item"].value
	found, ok := c.tenant.Directory.Deleted.Get(v, strings.ToLower(id))
	if !ok || !c.kept(found) || !knows(c, &c.tenant.Directory.Deleted, found.ID) {
		return found, notFound(id)
	}
	return found, c.mine(found.Owners())
}

// deletedEntity is the object as it was, with the time of its deletion.
func (c *call) deletedEntity(v tenant.View, d tenant.DeletedItem) object {
	var e object
	if d.Application != nil {
		e = c.applicationEntity(*d.Application, false)
	} else {
		e = c.servicePrincipalEntity(v, *d.ServicePrincipal)
	}
	e["deletedDateTime"] = timestamp(d.DeletedAt)
	return e
}

func deletedType(d tenant.DeletedItem) string {
	if d.Application != nil {
		return "#microsoft.graph.application"
	}
	return "#microsoft.graph.servicePrincipal"
}

func (c *call) listDeletedApplications() *apiError {
	return c.listDeleted("applications", c.applicationEntity(tenant.Application{}, false),
		func(d tenant.DeletedItem) bool { return d.Application != nil })
}

func (c *call) listDeletedServicePrincipals() *apiError {
	return c.listDeleted("servicePrincipals", c.servicePrincipalEntity(c.Lists, tenant.ServicePrincipal{}),
		func(d tenant.DeletedItem) bool { return d.ServicePrincipal != nil })
}

func (c *call) listDeleted(context string, schema object, ofType func(tenant.DeletedItem) bool) *apiError {
	return c.many(collection{
		context: context,
		schema:  schema,
		// that uniqueName is among them is unconfirmed
		filterable: []string{"id", "appId", "displayName", "uniqueName", "tags"},
		sortable:   []string{"displayName", "deletedDateTime"},
		rows: func(v tenant.View) []object {
			found := c.tenant.Directory.Deleted.List(v, func(d tenant.DeletedItem) bool { return ofType(d) && c.kept(d) })
			return tenant.Mapped(found, func(d tenant.DeletedItem) object { return c.deletedEntity(v, d) })
		},
	})
}

func (c *call) getDeletedItem() *apiError {
	found, failure := c.findDeletedItem(c.Reads)
	if failure != nil {
		return failure
	}
	entity := c.deletedEntity(c.Reads, found)
	entity["@odata.type"] = deletedType(found)
	return c.one(http.StatusOK, "directoryObjects", entity, entity)
}

// purge deletes for good. The service principal of a purged application stays in the recycle bin until it is purged
// itself (unconfirmed).
func (c *call) purge() *apiError {
	found, failure := c.findDeletedItem(tenant.Present())
	if failure != nil {
		return failure
	}
	c.tenant.Directory.Deleted.Remove(c.api.world.Now(), found.ID)
	return c.noContent()
}

// restore takes an object out of the recycle bin as it was. The application does not bring its service principal
// along: that one is restored for itself, and after it.
func (c *call) restore() *apiError {
	now := tenant.Present()
	found, failure := c.findDeletedItem(now)
	if failure != nil {
		return failure
	}
	at := c.api.world.Now()
	if found.Application != nil {
		failure = c.restoreApplication(*found.Application)
	} else {
		failure = c.restoreServicePrincipal(found)
	}
	if failure != nil {
		return failure
	}
	c.tenant.Directory.Deleted.Remove(at, found.ID)
	entity := c.deletedEntity(tenant.Present(), found)
	entity["deletedDateTime"] = nil
	entity["@odata.type"] = deletedType(found)
	return c.one(http.StatusOK, "directoryObjects", entity, nil)
}

// restoreApplication refuses where another application has taken what must be unique meanwhile. That it is refused with
// 409 was seen for identifierUris and servicePrincipalNames; codes and texts are unconfirmed.
func (c *call) restoreApplication(a tenant.Application) *apiError {
	now := tenant.Present()
	if _, exists := c.tenant.ApplicationByUniqueName(now, a.UniqueName); exists {
		return conflict("Another object with the same value for property uniqueName already exists.").detail("ObjectConflict",
			"uniqueName")
	}
	_, exists := c.tenant.Directory.Applications.First(now, func(other tenant.Application) bool {
		return slices.ContainsFunc(a.IdentifierURIs, func(uri string) bool {
			return slices.Contains(other.IdentifierURIs, uri)
		})
	})
	if exists {
		return conflict("Another object with the same value for property identifierUris already exists.").detail(
			"ObjectConflict", "identifierUris")
	}
	c.tenant.Directory.Applications.Put(c.api.world.Now(), a.ID, a)
	return nil
}

func (c *call) restoreServicePrincipal(d tenant.DeletedItem) *apiError {
	now, p := tenant.Present(), *d.ServicePrincipal
	if _, has := c.tenant.ApplicationByAppID(now, p.AppID); !has && p.AppOwnerTenantID == c.tenant.ID {
		return refuse(badRequest, "Cannot restore ServicePrincipal without backing Application %s", p.AppID)
	}
	if _, exists := c.tenant.ServicePrincipalByAppID(now, p.AppID); exists {
		// code and text unconfirmed
		return conflict("The service principal cannot be created, updated, or restored because the service principal name "+
			"%s is already in use.", p.AppID)
	}
	at := c.api.world.Now()
	c.tenant.Directory.ServicePrincipals.Put(at, p.ID, p)
	now = tenant.Present()
	for _, grant := range d.Grants {
		_, hasPrincipal := c.tenant.Directory.ServicePrincipals.Get(now, grant.PrincipalID)
		_, hasAPI := c.tenant.Directory.ServicePrincipals.Get(now, grant.ResourceID)
		if hasPrincipal && hasAPI {
			c.tenant.Directory.Grants.Put(at, grant.ID, grant)
		}
	}
	for _, grant := range d.DelegatedGrants {
		_, hasClient := c.tenant.Directory.ServicePrincipals.Get(now, grant.ClientID)
		_, hasAPI := c.tenant.Directory.ServicePrincipals.Get(now, grant.ResourceID)
		if hasClient && hasAPI {
			c.tenant.Directory.DelegatedGrants.Put(at, grant.ID, grant)
		}
	}
	return nil
}
