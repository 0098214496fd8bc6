package graph

import (
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// The relations of groups. A Microsoft 365 group takes users alone, and is a member of nothing (Microsoft Graph:
// group-post-members).
var (
	groupOwners  = relation{"owners", []string{tenant.UserPrincipal, tenant.ApplicationPrincipal}}
	groupMembers = relation{"members", []string{tenant.UserPrincipal, tenant.GroupPrincipal,
		tenant.ApplicationPrincipal}}
	unifiedMembers = relation{"members", []string{tenant.UserPrincipal}}
	roleMembers    = relation{"members", []string{tenant.UserPrincipal, tenant.ApplicationPrincipal}}
)

// membersOf is what a group takes as members. One for directory roles takes no groups (Microsoft Entra: groups for
// role assignments).
func membersOf(g tenant.Group) relation {
	switch {
	case g.Unified():
		return unifiedMembers
	case g.AssignableToRole:
		return roleMembers
	}
	return groupMembers
}

// maxGroupOwners is how many owners a group can have (Microsoft Graph: group resource type).
const maxGroupOwners = 100

func (c *call) putGroup(g tenant.Group) { c.tenant.Directory.Groups.Put(c.api.world.Now(), g.ID, g) }

func (c *call) ownersOf(g tenant.Group) references {
	return references{
		relation: groupOwners, ids: g.Owners, most: maxGroupOwners,
		put: func(ids []string) {
			g.Owners = ids
			c.putGroup(g)
		},
		removes: func(id string) *apiError {
			others := slices.ContainsFunc(g.Owners, func(owner string) bool {
				_, found := c.tenant.Principal(tenant.Present(), owner)
				return owner != id && found
			})
			if others {
				return nil
			}
			return refuse(badRequest, "The group must have at least one owner, hence this owner cannot be removed.")
		},
	}
}

func (c *call) memberReferences(g tenant.Group) references {
	return references{relation: membersOf(g), ids: g.Members, put: func(ids []string) {
		g.Members = ids
		c.putGroup(g)
	}}
}

func (c *call) findGroupOwners(v tenant.View) (references, *apiError) {
	found, failure := c.findGroup(v)
	if failure == nil {
		failure = c.takesOwners(found)
	}
	return c.ownersOf(found), failure
}

// takesOwners refuses a group for directory roles to a caller without the right to these: an owner manages the members
// (Microsoft Entra: groups for role assignments). That adding and removing owners needs the right as well is
// unconfirmed.
func (c *call) takesOwners(g tenant.Group) *apiError {
	if g.AssignableToRole && !c.token.HasRole(roleWrite) {
		return denied()
	}
	return nil
}

// findChangingMembers finds the group whose members are to change.
func (c *call) findChangingMembers(v tenant.View) (references, *apiError) {
	found, failure := c.findGroup(v)
	if failure == nil {
		failure = c.takesMembers(found)
	}
	return c.memberReferences(found), failure
}

// takesMembers refuses a group whose members the caller cannot change: those of a dynamic group follow from its rule
// (code and text unconfirmed), and those of a group for directory roles need the right to these (group-post-members).
func (c *call) takesMembers(g tenant.Group) *apiError {
	if g.Dynamic() {
		return refuse(badRequest, "The members of a group with dynamic membership cannot be changed.")
	}
	return c.takesOwners(g)
}

func (c *call) listGroupOwners() *apiError {
	found, failure := c.findGroup(c.Reads)
	if failure != nil {
		return failure
	}
	return c.listObjects(func(v tenant.View) []string {
		seen, _ := c.tenant.Directory.Groups.Get(v, found.ID)
		return seen.Owners
	})
}

func (c *call) addGroupOwner() *apiError { return c.addReference((*call).findGroupOwners) }

func (c *call) removeGroupOwner() *apiError {
	return c.removeReference((*call).findGroupOwners, c.keys["owner"].value)
}

// listMembers leaves service principals out in v1.0, a known issue of Graph (Microsoft Graph: known issues of groups).
func (c *call) listMembers() *apiError {
	found, failure := c.findGroup(c.Reads)
	if failure != nil {
		return failure
	}
	return c.listObjects(func(v tenant.View) []string {
		seen, _ := c.tenant.Directory.Groups.Get(v, found.ID)
		if c.version == betaVersion {
			return seen.Members
		}
		return slices.DeleteFunc(slices.Clone(seen.Members), func(id string) bool {
			_, is := c.tenant.Directory.ServicePrincipals.Get(v, id)
			return is
		})
	})
}

func (c *call) addMember() *apiError { return c.addReference((*call).findChangingMembers) }

func (c *call) removeMember() *apiError {
	return c.removeReference((*call).findChangingMembers, c.keys["member"].value)
}

// listTransitiveMembers lists the members, and those of groups among them.
func (c *call) listTransitiveMembers() *apiError {
	found, failure := c.findGroup(c.Reads)
	if failure != nil {
		return failure
	}
	return c.listObjects(func(v tenant.View) []string {
		var all []string
		for next := []string{found.ID}; len(next) > 0; next = next[1:] {
			group, _ := c.tenant.Directory.Groups.Get(v, next[0])
			for _, id := range group.Members {
				if !slices.Contains(all, id) {
					all, next = append(all, id), append(next, id)
				}
			}
		}
		return all
	})
}

func (c *call) listMemberOf() *apiError {
	found, failure := c.findGroup(c.Reads)
	if failure != nil {
		return failure
	}
	return c.listObjects(func(v tenant.View) []string {
		groups := c.tenant.Directory.Groups.List(v, func(g tenant.Group) bool { return slices.Contains(g.Members, found.ID) })
		return tenant.Mapped(groups, func(g tenant.Group) string { return g.ID })
	})
}
