package graph

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// deletedType is a type of object that goes to the recycle bin, with the rights to those that are in it (Microsoft
// Graph: directory-deleteditems-get, -list, -delete, -restore).
type deletedType struct {
	name    string // as in @odata.type
	context string
	readers []string
	enders  []string // may restore and purge
}

var (
	deletedApplications = deletedType{graphApplication, "applications",
		[]string{appReadAll, appReadWriteAll, directoryRead, directoryWrite, appOwnedBy},
		[]string{appOwnedBy, appReadWriteAll}}
	deletedServicePrincipals = deletedType{graphServicePrincipal, "servicePrincipals", deletedApplications.readers,
		deletedApplications.enders}
	deletedUsers = deletedType{graphUser, "users", []string{userRead, userWrite, directoryRead, directoryWrite},
		[]string{userDeleteRestore, userWrite}}
	deletedGroups = deletedType{graphGroup, "groups", []string{groupRead, groupWrite, directoryRead, directoryWrite},
		[]string{groupWrite}}
)

// Rights to the recycle bin, whatever the type of the object, which the handlers look at. OwnedBy lists nothing.
var (
	binReaders = slices.Concat(deletedApplications.readers, []string{userRead, userWrite, groupRead, groupWrite})
	binEnders  = slices.Concat(deletedApplications.enders, deletedUsers.enders, deletedGroups.enders)
	binListers = []string{appReadAll, appReadWriteAll, directoryRead, directoryWrite}
)

// deletedItemRoutes are the operations on the recycle bin. The casts of the list are also known with the namespace
// microsoft.graph, which the path's parser shortens.
var deletedItemRoutes = []route{
	{http.MethodGet, "directory/deletedItems/graph.application", binListers, (*call).listDeletedApplications},
	{http.MethodGet, "directory/deletedItems/graph.servicePrincipal", binListers, (*call).listDeletedServicePrincipals},
	{http.MethodGet, "directory/deletedItems/graph.user", deletedUsers.readers, (*call).listDeletedUsers},
	{http.MethodGet, "directory/deletedItems/graph.group", deletedGroups.readers, (*call).listDeletedGroups},
	{http.MethodGet, "directory/deletedItems/{item}", binReaders, (*call).getDeletedItem},
	{http.MethodDelete, "directory/deletedItems/{item}", binEnders, (*call).purge},
	{http.MethodPost, "directory/deletedItems/{item}/restore", binEnders, (*call).restore},
}

// retention is how long a deleted object can be restored (Microsoft Graph: directory-deleteditems-restore).
const retention = 30 * 24 * time.Hour

// bin moves a service principal to the recycle bin, with every grant that it holds or that is on it.
func (c *call) bin(p tenant.ServicePrincipal) {
	at := c.api.world.Now()
	c.tenant.Directory.ServicePrincipals.Remove(at, p.ID)
	c.tenant.Directory.Deleted.Put(at, p.ID,
		tenant.DeletedItem{ID: p.ID, DeletedAt: c.now(), ServicePrincipal: &p, Grants: c.ungrant(p.ID),
			DelegatedGrants: c.undelegate(p.ID)})
}

// ungrant ends every grant that a principal holds or that is on it, and returns them.
func (c *call) ungrant(id string) []tenant.AppRoleAssignment {
	grants := c.tenant.GrantsAt(tenant.Present(), id)
	for _, grant := range grants {
		c.tenant.Directory.Grants.Remove(c.api.world.Now(), grant.ID)
	}
	return grants
}

// undelegate ends every grant of delegated permissions that names a service principal or a user, and returns them.
func (c *call) undelegate(id string) []tenant.DelegatedGrant {
	grants := c.tenant.Directory.DelegatedGrants.List(tenant.Present(), func(g tenant.DelegatedGrant) bool {
		return g.ClientID == id || g.ResourceID == id || g.PrincipalID == id
	})
	for _, grant := range grants {
		c.tenant.Directory.DelegatedGrants.Remove(c.api.world.Now(), grant.ID)
	}
	return grants
}

// redelegate brings back those of a restored object's grants of delegated permissions whose other ends are there.
func (c *call) redelegate(grants []tenant.DelegatedGrant) {
	now := tenant.Present()
	for _, grant := range grants {
		_, hasClient := c.tenant.Directory.ServicePrincipals.Get(now, grant.ClientID)
		_, hasAPI := c.tenant.Directory.ServicePrincipals.Get(now, grant.ResourceID)
		_, hasUser := c.tenant.Directory.Users.Get(now, grant.PrincipalID)
		if hasClient && hasAPI && (hasUser || grant.PrincipalID == "") {
			c.tenant.Directory.DelegatedGrants.Put(c.api.world.Now(), grant.ID, grant)
		}
	}
}

// regrant brings back those of a restored principal's grants whose other end is there.
func (c *call) regrant(grants []tenant.AppRoleAssignment) {
	now := tenant.Present()
	for _, grant := range grants {
		_, hasPrincipal := c.tenant.Principal(now, grant.PrincipalID)
		_, hasAPI := c.tenant.Directory.ServicePrincipals.Get(now, grant.ResourceID)
		if hasPrincipal && hasAPI {
			c.tenant.Directory.Grants.Put(c.api.world.Now(), grant.ID, grant)
		}
	}
}

// kept reports whether an object is still in the recycle bin.
func (c *call) kept(d tenant.DeletedItem) bool {
	return c.api.world.Now().Before(d.DeletedAt.Add(retention))
}

// findDeletedItem finds the object that the path names. The caller needs one of the rights to its type.
func (c *call) findDeletedItem(v tenant.View, rights func(deletedType) []string) (tenant.DeletedItem, *apiError) {
	id := c.keys["item"].value
	found, ok := c.tenant.Directory.Deleted.Get(v, strings.ToLower(id))
	if !ok || !c.kept(found) || !knows(c, &c.tenant.Directory.Deleted, found.ID) {
		return found, notFound(id)
	}
	enough := rights(typeOfDeleted(found))
	if !slices.ContainsFunc(enough, c.token.HasRole) {
		return found, denied()
	}
	c.ownOnly = ownOnly(enough, c.token)
	return found, c.mine(found.Owners())
}

func toRead(t deletedType) []string { return t.readers }
func toEnd(t deletedType) []string  { return t.enders }

// deletedEntity is the object as it was, with the time of its deletion.
func (c *call) deletedEntity(v tenant.View, d tenant.DeletedItem) object {
	var e object
	switch {
	case d.Application != nil:
		e = c.applicationEntity(*d.Application, false)
	case d.ServicePrincipal != nil:
		e = c.servicePrincipalEntity(v, *d.ServicePrincipal)
	case d.User != nil:
		e = userEntity(*d.User)
	case d.Group != nil:
		e = c.groupEntity(*d.Group)
	}
	e["deletedDateTime"] = timestamp(d.DeletedAt)
	return e
}

// shownDeleted keeps what is shown of an object when nothing is selected.
func (c *call) shownDeleted(t deletedType, e object) object {
	switch t.name {
	case graphUser:
		return c.visibleOf(e, append([]string{"deletedDateTime"}, defaultUser...))
	case graphGroup:
		return c.shownGroup(e)
	}
	return e
}

func typeOfDeleted(d tenant.DeletedItem) deletedType {
	switch {
	case d.Application != nil:
		return deletedApplications
	case d.ServicePrincipal != nil:
		return deletedServicePrincipals
	case d.User != nil:
		return deletedUsers
	}
	return deletedGroups
}

func (c *call) listDeletedApplications() *apiError {
	return c.listDeleted(deletedApplications, tenant.DeletedItem{Application: &tenant.Application{}})
}

func (c *call) listDeletedServicePrincipals() *apiError {
	return c.listDeleted(deletedServicePrincipals, tenant.DeletedItem{ServicePrincipal: &tenant.ServicePrincipal{}})
}

func (c *call) listDeletedUsers() *apiError {
	return c.listDeleted(deletedUsers, tenant.DeletedItem{User: &tenant.User{}})
}

func (c *call) listDeletedGroups() *apiError {
	return c.listDeleted(deletedGroups, tenant.DeletedItem{Group: &tenant.Group{}})
}

// listDeleted lists the objects of the type that the example is of.
func (c *call) listDeleted(t deletedType, example tenant.DeletedItem) *apiError {
	return c.many(collection{
		context: t.context,
		schema:  c.deletedEntity(c.Lists, example),
		// that uniqueName is among them is unconfirmed
		filterable: []string{"id", "appId", "displayName", "uniqueName", "tags", "userPrincipalName", "mail", "mailNickname"},
		sortable:   []string{"displayName", "deletedDateTime", "userPrincipalName"},
		rows: func(v tenant.View) []object {
			found := c.tenant.Directory.Deleted.List(v, func(d tenant.DeletedItem) bool {
				return typeOfDeleted(d).name == t.name && c.kept(d)
			})
			return tenant.Mapped(found, func(d tenant.DeletedItem) object { return c.deletedEntity(v, d) })
		},
		shown: func(e object) object { return c.shownDeleted(t, e) },
	})
}

func (c *call) getDeletedItem() *apiError {
	found, failure := c.findDeletedItem(c.Reads, toRead)
	if failure != nil {
		return failure
	}
	entity := c.deletedEntity(c.Reads, found)
	shown := c.shownDeleted(typeOfDeleted(found), maps.Clone(entity))
	shown["@odata.type"] = typeOfDeleted(found).name
	return c.one(http.StatusOK, "directoryObjects", shown, entity)
}

// purge deletes for good. The service principal of a purged application stays in the recycle bin until it is purged
// itself (unconfirmed).
func (c *call) purge() *apiError {
	found, failure := c.findDeletedItem(tenant.Present(), toEnd)
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
	found, failure := c.findDeletedItem(now, toEnd)
	if failure != nil {
		return failure
	}
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	switch {
	case found.Application != nil:
		failure = c.restoreApplication(*found.Application)
	case found.ServicePrincipal != nil:
		failure = c.restoreServicePrincipal(found)
	case found.User != nil:
		failure = c.restoreUser(&found, body)
	case found.Group != nil:
		failure = c.restoreGroup(found)
	}
	if failure != nil {
		return failure
	}
	c.tenant.Directory.Deleted.Remove(c.api.world.Now(), found.ID)
	entity := c.deletedEntity(tenant.Present(), found)
	entity["deletedDateTime"] = nil
	entity = c.shownDeleted(typeOfDeleted(found), entity)
	entity["@odata.type"] = typeOfDeleted(found).name
	return c.one(http.StatusOK, "directoryObjects", entity, nil)
}

// restoreUser brings a user back, with a new user principal name and without addresses that are another's by now, where
// the request asks for that (Microsoft Graph: directory-deleteditems-restore). Without, a conflict is refused; codes
// and texts of the refusals are unconfirmed.
func (c *call) restoreUser(d *tenant.DeletedItem, body map[string]json.RawMessage) *apiError {
	restored := *d.User
	if raw, renames := body["newUserPrincipalName"]; renames {
		if failure := c.setUserPrincipalName(&restored, raw); failure != nil {
			return failure
		}
	}
	reconciles, failure := decoded[bool]("autoReconcileProxyConflict", "User", orNull(body["autoReconcileProxyConflict"]))
	if failure != nil {
		return failure
	}
	if c.nameTaken(restored.UserPrincipalName, restored.ID) {
		return conflict("Another object with the same value for property userPrincipalName already exists.").detail(
			"ObjectConflict", "userPrincipalName")
	}
	free := slices.DeleteFunc(slices.Clone(restored.ProxyAddresses), func(proxy string) bool {
		_, address, _ := strings.Cut(proxy, ":")
		return c.addressTaken(address, restored.ID)
	})
	if len(free) < len(restored.ProxyAddresses) && !reconciles {
		return conflict("Another object with the same value for property proxyAddresses already exists.").detail(
			"ObjectConflict", "proxyAddresses")
	}
	restored.ProxyAddresses = free
	if !slices.Contains(free, "SMTP:"+restored.Mail) {
		restored.Mail = ""
	}
	d.User = &restored
	c.tenant.Directory.Users.Put(c.api.world.Now(), restored.ID, restored)
	c.regrant(d.Grants)
	c.redelegate(d.DelegatedGrants)
	return nil
}

// restoreGroup refuses where another Microsoft 365 group has the alias by now (code and text unconfirmed).
func (c *call) restoreGroup(d tenant.DeletedItem) *apiError {
	if c.nicknameTaken(*d.Group) {
		return conflict("Another object with the same value for property mailNickname already exists.").detail(
			"ObjectConflict", "mailNickname")
	}
	c.putGroup(*d.Group)
	c.regrant(d.Grants)
	return nil
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
	c.tenant.Directory.ServicePrincipals.Put(c.api.world.Now(), p.ID, p)
	c.regrant(d.Grants)
	c.redelegate(d.DelegatedGrants)
	return nil
}
