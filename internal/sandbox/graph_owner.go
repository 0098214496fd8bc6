package sandbox

import (
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// ownerRoutes are the operations on who owns an application. An owner is a service principal or a user.
var ownerRoutes = []route{
	{http.MethodGet, "applications/{application}/owners", []string{appReadAll, appOwnedBy, appReadWriteAll, directoryRead, directoryWrite}, (*call).listOwners},
	{http.MethodPost, "applications/{application}/owners/$ref", []string{appOwnedBy, appReadWriteAll}, (*call).addOwner},
	{http.MethodDelete, "applications/{application}/owners/{owner}/$ref", []string{appOwnedBy, appReadWriteAll}, (*call).removeOwner},
}

func (c *call) listOwners() *graphError {
	found, failure := c.findApplication(c.reads)
	if failure != nil {
		return failure
	}
	return c.many(collection{
		context: "directoryObjects",
		schema:  object{"id": "", "displayName": ""},
		rows: func(v view) []object {
			var owners []object
			for _, id := range found.Owners {
				if principal, ok := c.tenant.directory.servicePrincipals.get(v, id); ok {
					owner := c.servicePrincipalEntity(v, principal)
					owner["@odata.type"] = "#microsoft.graph.servicePrincipal"
					owners = append(owners, owner)
				} else if account, ok := c.tenant.directory.users.get(v, id); ok {
					owners = append(owners, object{"@odata.type": "#microsoft.graph.user", "id": account.ID,
						"displayName": account.DisplayName, "userPrincipalName": account.UserPrincipalName, "mail": text(account.Mail)})
				}
			}
			return owners
		},
	})
}

// addOwner takes a reference such as https://…/v1.0/directoryObjects/{id} (Microsoft Graph: application-post-owners).
func (c *call) addOwner() *graphError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	reference, failure := decoded[string]("@odata.id", "DirectoryObject", body["@odata.id"])
	if failure != nil {
		return failure
	}
	now := c.tenant.present(c.server)
	changed, failure := c.findApplication(now)
	if failure != nil {
		return failure
	}
	id := strings.ToLower(reference[strings.LastIndex(reference, "/")+1:])
	_, isPrincipal := c.tenant.directory.servicePrincipals.get(now, id)
	_, isUser := c.tenant.directory.users.get(now, id)
	switch {
	case uuid.Validate(id) != nil:
		return refuse(badRequest, "Invalid object identifier '%s'.", id)
	case !isPrincipal && !isUser:
		return notFound(id)
	case slices.Contains(changed.Owners, id):
		return refuse(badRequest, "One or more added object references already exist for the following modified properties: 'owners'.")
	}
	changed.Owners = append(slices.Clone(changed.Owners), id)
	c.tenant.directory.applications.put(c.server.now(), changed.ID, changed)
	return c.noContent()
}

func (c *call) removeOwner() *graphError {
	changed, failure := c.findApplication(c.tenant.present(c.server))
	if failure != nil {
		return failure
	}
	id := c.keys["owner"].value
	at := slices.Index(changed.Owners, strings.ToLower(id))
	if at < 0 {
		return notFound(id)
	}
	changed.Owners = slices.Delete(slices.Clone(changed.Owners), at, at+1)
	c.tenant.directory.applications.put(c.server.now(), changed.ID, changed)
	return c.noContent()
}
