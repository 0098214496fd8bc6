package registration

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

// FindRole finds the application permission of that name in the tenant's own service principal of the API, which alone
// decides: the same ID means different permissions on different APIs, and a wrong one would be granted silently.
// offered is as ResourceApplications of entra.Directory returns it. problem says, in sentences, what is wrong and what
// to write instead; it is empty where the role was found.
func FindRole(
	offered map[string]entra.ResourceApplication, api permission.API, name string,
) (role entra.AppRole, problem string) {
	resource, ok := offered[api.AppID]
	if !ok {
		return role, fmt.Sprintf("The tenant has no service principal of %s (app ID %s). It appears when the service is "+
			"first licensed there; an administrator can also create it: New-MgServicePrincipal -AppId %s",
			api.Name, api.AppID, api.AppID)
	}
	var names []string
	var matches []entra.AppRole
	for _, candidate := range resource.Roles {
		if !candidate.Application || !candidate.Enabled {
			continue
		}
		names = append(names, candidate.Value)
		if candidate.Value == name {
			matches = append(matches, candidate)
		}
	}
	switch len(matches) {
	case 1:
		return matches[0], ""
	case 0:
		slices.Sort(names)
		nearest := permission.Nearest(name, slices.Compact(append(names, permission.Names(api)...)))
		hint := "It offers no permission with a name like that."
		if len(nearest) > 0 {
			hint = "The nearest names are: " + strings.Join(nearest, ", ") + "."
		}
		return role, fmt.Sprintf(
			"%s offers no application permission named %q (names are case-sensitive). %s", api.Name, name, hint)
	}
	return role, fmt.Sprintf("%s offers %q under %d IDs, so the name does not tell which is meant. Grant it by hand, "+
		"with revoke_unexpected_permissions = false.", api.Name, name, len(matches))
}

// resolve checks that the tenant knows each permission under the ID that was planned, and returns the object IDs of the
// APIs' service principals, which differ per tenant.
func resolve(
	offered map[string]entra.ResourceApplication, permissions map[string]Permission,
) (resourceIDs map[string]string, err error) {
	resourceIDs = map[string]string{}
	for key, planned := range permissions {
		resource := offered[planned.API.AppID]
		role, problem := FindRole(offered, planned.API, planned.Name)
		if problem != "" {
			return nil, fmt.Errorf("permission %s: %s", key, problem)
		}
		if !strings.EqualFold(role.ID, planned.ID) {
			return nil, fmt.Errorf("permission %s: the plan holds the ID %s, but this tenant's %s (object ID %s) knows it as "+
				"%s; nothing was granted. Please report this: the provider's catalogue is wrong",
				key, planned.ID, planned.API.Name, resource.ObjectID, role.ID)
		}
		resourceIDs[planned.API.AppID] = resource.ObjectID
	}
	return resourceIDs, nil
}

// nameRole names a role that nobody asked for: from the catalogue, else from the tenant's own service principal.
func nameRole(ctx context.Context, directory entra.Directory, role entra.RoleRef) permission.Permission {
	if listed, known := permission.FindByID(role.ResourceAppID, role.RoleID); known {
		return listed
	}
	api, err := permission.FindAPI(role.ResourceAppID)
	if err != nil {
		api = permission.API{Name: role.ResourceAppID, AppID: role.ResourceAppID}
	}
	name := role.RoleID
	if offered, err := directory.ResourceApplications(ctx, role.ResourceAppID); err == nil {
		for _, candidate := range offered[role.ResourceAppID].Roles {
			if candidate.ID == role.RoleID && candidate.Value != "" {
				name = candidate.Value
			}
		}
	}
	return permission.Outside(api, name, role.RoleID)
}

// Unexpected describes the declared and granted roles that are not among the expected ones, by "<api>/<name>". An API
// can offer one name under two IDs; both are shown then, each with its ID.
func Unexpected(
	ctx context.Context, directory entra.Directory, found *entra.Registration, expected map[entra.RoleRef]bool,
) map[string]Permission {
	held := heldRoles(found)
	named := map[string][]Permission{}
	for role, entry := range held {
		if !expected[role] {
			entry.Permission = nameRole(ctx, directory, role)
			named[entry.Key()] = append(named[entry.Key()], entry)
		}
	}
	unexpected := map[string]Permission{}
	for key, entries := range named {
		for _, entry := range entries {
			if len(entries) > 1 {
				unexpected[key+" ("+entry.ID+")"] = entry
			} else {
				unexpected[key] = entry
			}
		}
	}
	return unexpected
}

// heldRoles returns what an application declares and what it has been granted.
func heldRoles(found *entra.Registration) map[entra.RoleRef]Permission {
	held := map[entra.RoleRef]Permission{}
	for _, role := range found.Application.Declared {
		held[role] = Permission{Declared: true}
	}
	for _, grant := range found.Grants {
		entry := held[roleOf(grant)]
		entry.Consented = true
		held[roleOf(grant)] = entry
	}
	return held
}
