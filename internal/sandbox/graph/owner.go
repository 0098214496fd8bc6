package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

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

// owned is an object that has owners, with the way to give it others.
type owned struct {
	owners []string
	put    func(owners []string)
}

// findOwned finds the object that the path names.
func (c *call) findOwned(v tenant.View) (owned, *apiError) {
	at, directory := c.api.world.Now(), &c.tenant.Directory
	if _, ofApplication := c.keys["application"]; ofApplication {
		found, failure := c.findApplication(v)
		return owned{found.Owners, func(owners []string) {
			found.Owners = owners
			directory.Applications.Put(at, found.ID, found)
		}}, failure
	}
	found, failure := c.findServicePrincipal(v)
	if failure == nil && c.r.Method != http.MethodGet {
		failure = c.mine(found.Owners)
	}
	return owned{found.Owners, func(owners []string) {
		found.Owners = owners
		directory.ServicePrincipals.Put(at, found.ID, found)
	}}, failure
}

func (c *call) listOwners() *apiError {
	found, failure := c.findOwned(c.Reads)
	if failure != nil {
		return failure
	}
	return c.many(collection{
		context:    "directoryObjects",
		schema:     object{"id": "", "displayName": ""},
		filterable: []string{"id"},
		rows: func(v tenant.View) []object {
			var owners []object
			for _, id := range found.owners {
				if principal, ok := c.tenant.Directory.ServicePrincipals.Get(v, id); ok {
					owner := c.servicePrincipalEntity(v, principal)
					owner["@odata.type"] = "#microsoft.graph.servicePrincipal"
					owners = append(owners, owner)
				} else if account, ok := c.tenant.Directory.Users.Get(v, id); ok {
					owners = append(owners, object{"@odata.type": "#microsoft.graph.user", "id": account.ID,
						"displayName": account.DisplayName, "userPrincipalName": account.UserPrincipalName, "mail": text(account.Mail)})
				}
			}
			return owners
		},
	})
}

// referredOwner finds the owner that a reference such as https://…/v1.0/directoryObjects/{id} names: a user or a
// service principal. What precedes the ID is ignored (read: HashiCorp's SDK for Azure puts any host there).
func (c *call) referredOwner(reference string) (string, *apiError) {
	id := strings.ToLower(reference[strings.LastIndex(reference, "/")+1:])
	if uuid.Validate(id) != nil {
		return "", refuse(badRequest, "Invalid object identifier '%s'.", id)
	}
	directory := &c.tenant.Directory
	if _, is := directory.Applications.Get(c.Refers, id); is {
		return "", refuse(badRequest,
			"The reference target 'Application_%s' of type 'Application' is invalid for the 'owners' reference.", id)
	}
	_, isPrincipal := directory.ServicePrincipals.Get(c.Refers, id)
	if _, isUser := directory.Users.Get(c.Refers, id); !isPrincipal && !isUser {
		return "", notFound(id)
	}
	return id, nil
}

// addOwner adds the owner that the body refers to (Microsoft Graph: application-post-owners,
// serviceprincipal-post-owners).
func (c *call) addOwner() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	reference, failure := decoded[string]("@odata.id", "DirectoryObject", body["@odata.id"])
	if failure != nil {
		return failure
	}
	changed, failure := c.findOwned(tenant.Present())
	if failure != nil {
		return failure
	}
	id, failure := c.referredOwner(reference)
	if failure != nil {
		return failure
	}
	if slices.Contains(changed.owners, id) {
		return refuse(badRequest,
			"One or more added object references already exist for the following modified properties: 'owners'.")
	}
	changed.put(append(slices.Clone(changed.owners), id))
	return c.noContent()
}

func (c *call) removeOwner() *apiError {
	changed, failure := c.findOwned(tenant.Present())
	if failure != nil {
		return failure
	}
	id := c.keys["owner"].value
	at := slices.Index(changed.owners, strings.ToLower(id))
	if at < 0 {
		return notFound(id)
	}
	changed.put(slices.Delete(slices.Clone(changed.owners), at, at+1))
	return c.noContent()
}

// ownersBinding is how a request names the owners of an object that it makes (OData JSON Format 4.01, 8.5: bind
// operation).
const ownersBinding = "owners@odata.bind"

// maxBound is how many objects a request can bind to the one that it makes (Microsoft Graph: group-post-groups says so
// of members and owners; of applications it is unconfirmed, and HashiCorp's azuread provider adds the rest one by one).
const maxBound = 20

// firstOwners takes the owners of a new object out of the request: those that are bound, and the caller where that is
// its right to what it makes. Codes of refusals are unconfirmed.
func (c *call) firstOwners(body map[string]json.RawMessage) ([]string, *apiError) {
	var owners []string
	if c.token.HasRole(appOwnedBy) {
		owners = append(owners, c.token.ServicePrincipalID)
	}
	raw, bound := body[ownersBinding]
	if !bound {
		return owners, nil
	}
	delete(body, ownersBinding)
	references, failure := decoded[[]string](ownersBinding, "DirectoryObject", raw)
	if failure != nil {
		return nil, failure
	}
	if len(references) > maxBound {
		return nil, invalidValue("owners", "DirectoryObject")
	}
	for _, reference := range references {
		id, failure := c.referredOwner(reference)
		if failure != nil {
			return nil, failure
		}
		if !slices.Contains(owners, id) {
			owners = append(owners, id)
		}
	}
	return owners, nil
}
