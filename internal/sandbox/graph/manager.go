package graph

import (
	"net/http"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// managerRelation takes users. Microsoft's documents also name organizational contacts, which are not here.
var managerRelation = relation{"manager", []string{tenant.UserPrincipal}}

// getManager shows whom a user reports to (Microsoft Graph: user-list-manager).
func (c *call) getManager() *apiError {
	found, failure := c.findUser(c.Reads)
	if failure != nil {
		return failure
	}
	manager, ok := c.directoryObject(c.Reads, found.ManagerID)
	if !ok {
		return notFound("manager")
	}
	return c.one(http.StatusOK, "directoryObjects", c.shownObject(manager), c.anyObject())
}

func (c *call) putManager() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := c.findUser(tenant.Present())
	if failure != nil {
		return failure
	}
	id, failure := c.referenceIn(body, managerRelation)
	if failure != nil {
		return failure
	}
	changed.ManagerID = id
	c.tenant.Directory.Users.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}

// deleteManager's refusal where there is no manager is unconfirmed.
func (c *call) deleteManager() *apiError {
	changed, failure := c.findUser(tenant.Present())
	if failure != nil {
		return failure
	}
	if changed.ManagerID == "" {
		return notFound("manager")
	}
	changed.ManagerID = ""
	c.tenant.Directory.Users.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}
