package graph

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Rights to who owns an application or a service principal. Reading is open to OwnedBy for every service principal
// (Microsoft Graph: serviceprincipal-list-owners).
var (
	ownerReaders = []string{appReadAll, appOwnedBy, appReadWriteAll, directoryRead, directoryWrite}
	ownerWriters = []string{appOwnedBy, appReadWriteAll}
)

// ownerRoutes are the operations on who owns an application or a service principal.
var ownerRoutes = []route{
	{http.MethodGet, "applications/{application}/owners", ownerReaders, (*call).listOwners},
	{http.MethodPost, "applications/{application}/owners/$ref", ownerWriters, (*call).addOwner},
	{http.MethodDelete, "applications/{application}/owners/{owner}/$ref", ownerWriters, (*call).removeOwner},
	{http.MethodGet, "servicePrincipals/{principal}/owners", ownerReaders, (*call).listOwners},
	{http.MethodPost, "servicePrincipals/{principal}/owners/$ref", ownerWriters, (*call).addOwner},
	{http.MethodDelete, "servicePrincipals/{principal}/owners/{owner}/$ref", ownerWriters, (*call).removeOwner},
}

// owners are users and service principals (Microsoft Graph: application-post-owners, serviceprincipal-post-owners).
var owners = relation{"owners", []string{tenant.UserPrincipal, tenant.ApplicationPrincipal}}

// findOwned finds the application or the service principal that the path names, with its owners.
func (c *call) findOwned(v tenant.View) (references, *apiError) {
	at, directory := c.api.world.Now(), &c.tenant.Directory
	if _, ofApplication := c.keys["application"]; ofApplication {
		found, failure := c.findApplication(v)
		return references{relation: owners, ids: found.Owners, put: func(ids []string) {
			found.Owners = ids
			directory.Applications.Put(at, found.ID, found)
		}}, failure
	}
	found, failure := c.findServicePrincipal(v)
	if failure == nil && c.r.Method != http.MethodGet {
		failure = c.mine(found.Owners)
	}
	return references{relation: owners, ids: found.Owners, put: func(ids []string) {
		found.Owners = ids
		directory.ServicePrincipals.Put(at, found.ID, found)
	}}, failure
}

func (c *call) listOwners() *apiError {
	found, failure := c.findOwned(c.Reads)
	if failure != nil {
		return failure
	}
	return c.listObjects(func(tenant.View) []string { return found.ids })
}

func (c *call) addOwner() *apiError { return c.addReference((*call).findOwned) }

func (c *call) removeOwner() *apiError {
	return c.removeReference((*call).findOwned, c.keys["owner"].value)
}

// firstOwners takes the owners of a new object out of the request: those that are bound, and the caller where that is
// its right to what it makes. Codes of refusals are unconfirmed.
func (c *call) firstOwners(body map[string]json.RawMessage) ([]string, *apiError) {
	var first []string
	if c.token.HasRole(appOwnedBy) {
		first = append(first, c.token.ServicePrincipalID)
	}
	bound, failure := c.bound(body, owners)
	for _, id := range bound {
		if !slices.Contains(first, id) {
			first = append(first, id)
		}
	}
	return first, failure
}
