package appregistration

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

// wanted returns the permissions that the configuration asks for. ok is false while that cannot be known. A name that
// is not in the catalogue is looked up in the tenant, which is why there may be no tenant yet: lookUp is nil then.
func wanted(ctx context.Context, config *Model, lookUp func(appIDs ...string) (map[string]entra.ResourceApplication, error), diags *diag.Diagnostics) (permissions []permission.Permission, ok bool) {
	if config.PermissionProfile.IsUnknown() || config.AdditionalPermissions.IsUnknown() {
		return nil, false
	}
	permissions, _ = permission.Profile(config.PermissionProfile.ValueString()).Permissions()
	var requested []RequestedPermission
	if known(config.AdditionalPermissions) {
		diags.Append(config.AdditionalPermissions.ElementsAs(ctx, &requested, false)...)
	}
	var outside []permission.Ref
	for _, request := range requested {
		if request.API.IsUnknown() || request.Name.IsUnknown() {
			return nil, false
		}
		api, err := permission.FindAPI(request.API.ValueString())
		if err != nil {
			diags.AddAttributeError(path.Root("additional_permissions"), "Unknown API", err.Error())
			return nil, false
		}
		if entry, known := permission.Find(api, request.Name.ValueString()); known {
			permissions = append(permissions, entry)
		} else {
			outside = append(outside, permission.Ref{API: api.Name, Name: request.Name.ValueString()})
		}
	}
	if len(outside) > 0 {
		if lookUp == nil {
			return nil, false
		}
		permissions = append(permissions, lookUpOutside(outside, lookUp, diags)...)
	}
	return unique(permissions), !diags.HasError()
}

// lookUpOutside asks the tenant's own service principals for permissions that the catalogue does not hold.
func lookUpOutside(refs []permission.Ref, lookUp func(appIDs ...string) (map[string]entra.ResourceApplication, error), diags *diag.Diagnostics) []permission.Permission {
	var appIDs []string
	for _, ref := range refs {
		if api, _ := permission.FindAPI(ref.API); !slices.Contains(appIDs, api.AppID) {
			appIDs = append(appIDs, api.AppID)
		}
	}
	resources, err := lookUp(appIDs...)
	if err != nil {
		diags.AddAttributeError(path.Root("additional_permissions"), "Permission not looked up",
			fmt.Sprintf("%s is not in the provider's catalogue, and looking it up in the tenant failed (it needs Application.Read.All): %s", refs[0].Name, err))
		return nil
	}
	var permissions []permission.Permission
	for _, ref := range refs {
		api, _ := permission.FindAPI(ref.API)
		role, problem := findRole(resources, api, ref.Name)
		if problem != "" {
			diags.AddAttributeError(path.Root("additional_permissions"), "Unknown permission", problem)
			continue
		}
		permissions = append(permissions, permission.Outside(api, ref.Name, role.ID))
	}
	return permissions
}

// findRole finds the application permission of that name in the tenant's own service principal of the API, which alone
// decides: the same ID means different permissions on different APIs, and a wrong one would be granted silently.
// problem says what is wrong, and what to write instead.
func findRole(resources map[string]entra.ResourceApplication, api permission.API, name string) (role entra.AppRole, problem string) {
	resource, ok := resources[api.AppID]
	if !ok {
		return role, fmt.Sprintf("The tenant has no service principal of %s (app ID %s). It appears when the service is first licensed there; an administrator can also create it: New-MgServicePrincipal -AppId %s",
			api.Name, api.AppID, api.AppID)
	}
	var offered []string
	var matches []entra.AppRole
	for _, candidate := range resource.Roles {
		if !candidate.Application || !candidate.Enabled {
			continue
		}
		offered = append(offered, candidate.Value)
		if candidate.Value == name {
			matches = append(matches, candidate)
		}
	}
	switch len(matches) {
	case 1:
		return matches[0], ""
	case 0:
		slices.Sort(offered)
		nearest := permission.Nearest(name, slices.Compact(append(offered, permission.Names(api)...)))
		hint := "It offers no permission with a name like that."
		if len(nearest) > 0 {
			hint = "The nearest names are: " + strings.Join(nearest, ", ") + "."
		}
		return role, fmt.Sprintf("%s offers no application permission named %q (names are case-sensitive). %s", api.Name, name, hint)
	default:
		return role, fmt.Sprintf("%s offers %q under %d IDs, so the name does not tell which is meant. Grant it by hand, with revoke_unexpected_permissions = false.", api.Name, name, len(matches))
	}
}

func unique(permissions []permission.Permission) []permission.Permission {
	slices.SortFunc(permissions, func(a, b permission.Permission) int { return cmp.Compare(a.Key(), b.Key()) })
	return slices.CompactFunc(permissions, func(a, b permission.Permission) bool { return a.Key() == b.Key() })
}

func permissionModel(entry permission.Permission, declared, consented types.Bool) PermissionModel {
	return PermissionModel{
		APIAppID:  types.StringValue(entry.API.AppID),
		ID:        types.StringValue(entry.ID),
		Purpose:   types.StringValue(entry.Purpose),
		Risk:      types.StringValue(string(entry.Risk)),
		Evidence:  types.StringValue(entry.Evidence),
		Declared:  declared,
		Consented: consented,
	}
}

// roleRef is the identity of a planned or recorded permission.
func (p PermissionModel) roleRef() entra.RoleRef {
	return entra.RoleRef{ResourceAppID: p.APIAppID.ValueString(), RoleID: p.ID.ValueString()}
}

// resolved checks that the tenant knows each permission under the ID that was planned, and returns the object IDs of
// the APIs' service principals, which differ per tenant.
func resolved(resources map[string]entra.ResourceApplication, permissions map[string]PermissionModel) (resourceIDs map[string]string, err error) {
	resourceIDs = map[string]string{}
	for key, planned := range permissions {
		apiName, name, _ := strings.Cut(key, "/")
		api := permission.API{Name: apiName, AppID: planned.APIAppID.ValueString()}
		role, problem := findRole(resources, api, name)
		if problem != "" {
			return nil, fmt.Errorf("permission %s: %s", key, problem)
		}
		if !strings.EqualFold(role.ID, planned.ID.ValueString()) {
			return nil, fmt.Errorf("permission %s: the plan holds the ID %s, but this tenant's %s (object ID %s) knows it as %s; nothing was granted. Please report this: the provider's catalogue is wrong",
				key, planned.ID.ValueString(), api.Name, resources[api.AppID].ObjectID, role.ID)
		}
		resourceIDs[api.AppID] = resources[api.AppID].ObjectID
	}
	return resourceIDs, nil
}

// apisOf lists the app IDs of the APIs that the permissions are on, always in the same order.
func apisOf(permissions map[string]PermissionModel) []string {
	var appIDs []string
	for _, entry := range permissions {
		appIDs = append(appIDs, entry.APIAppID.ValueString())
	}
	slices.Sort(appIDs)
	return slices.Compact(appIDs)
}

// sorted returns the permissions' keys in order, so that requests, messages and tests have one.
func sorted(permissions map[string]PermissionModel) []string {
	keys := make([]string, 0, len(permissions))
	for key := range permissions {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
