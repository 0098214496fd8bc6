package appregistration

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
)

// apiLookup asks the tenant for the permissions that its APIs offer; nil while it is not known which tenant, or who
// asks.
type apiLookup func(appIDs ...string) (map[string]entra.ResourceApplication, error)

// wanted returns the permissions that the configuration asks for. ok is false while that cannot be known: the tenant
// alone knows a name that is not in the catalogue.
func wanted(ctx context.Context, config *Model, lookup apiLookup,
	diags *diag.Diagnostics) (permissions []permission.Permission, ok bool) {
	if config.PermissionProfile.IsUnknown() || config.AdditionalPermissions.IsUnknown() {
		return nil, false
	}
	permissions, _ = permission.Profile(config.PermissionProfile.ValueString()).Permissions()
	var outside []permission.Permission // known by API and name only
	for _, request := range decode[[]RequestedPermission](ctx, config.AdditionalPermissions, diags) {
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
			outside = append(outside, permission.Permission{API: api, Name: request.Name.ValueString()})
		}
	}
	if len(outside) > 0 {
		if lookup == nil {
			return nil, false
		}
		permissions = append(permissions, findOutside(outside, lookup, diags)...)
	}
	slices.SortFunc(permissions, func(a, b permission.Permission) int { return cmp.Compare(a.Key(), b.Key()) })
	permissions = slices.CompactFunc(permissions, func(a, b permission.Permission) bool { return a.Key() == b.Key() })
	return permissions, !diags.HasError()
}

// findOutside asks the tenant's own service principals for permissions that the catalogue does not hold.
func findOutside(
	outside []permission.Permission, lookup apiLookup, diags *diag.Diagnostics,
) (permissions []permission.Permission) {
	var appIDs []string
	for _, entry := range outside {
		appIDs = append(appIDs, entry.API.AppID)
	}
	slices.Sort(appIDs)
	offered, err := lookup(slices.Compact(appIDs)...)
	if err != nil {
		diags.AddAttributeError(path.Root("additional_permissions"), "Permission not looked up",
			fmt.Sprintf("%s is not in the provider's catalogue, and looking it up in the tenant failed (it needs "+
				"Application.Read.All): %s", outside[0].Name, err))
		return nil
	}
	for _, entry := range outside {
		role, problem := registration.FindRole(offered, entry.API, entry.Name)
		if problem != "" {
			diags.AddAttributeError(path.Root("additional_permissions"), "Unknown permission", problem)
			continue
		}
		permissions = append(permissions, permission.Outside(entry.API, entry.Name, role.ID))
	}
	return permissions
}
