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
	var requested []RequestedPermission
	if isSet(config.AdditionalPermissions) {
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
		if lookup == nil {
			return nil, false
		}
		permissions = append(permissions, findOutside(outside, lookup, diags)...)
	}
	return unique(permissions), !diags.HasError()
}

// findOutside asks the tenant's own service principals for permissions that the catalogue does not hold.
func findOutside(refs []permission.Ref, lookup apiLookup, diags *diag.Diagnostics) []permission.Permission {
	var appIDs []string
	for _, ref := range refs {
		if api, _ := permission.FindAPI(ref.API); !slices.Contains(appIDs, api.AppID) {
			appIDs = append(appIDs, api.AppID)
		}
	}
	offered, err := lookup(appIDs...)
	if err != nil {
		diags.AddAttributeError(path.Root("additional_permissions"), "Permission not looked up",
			fmt.Sprintf("%s is not in the provider's catalogue, and looking it up in the tenant failed (it needs "+
				"Application.Read.All): %s", refs[0].Name, err))
		return nil
	}
	var permissions []permission.Permission
	for _, ref := range refs {
		api, _ := permission.FindAPI(ref.API)
		role, problem := registration.FindRole(offered, api, ref.Name)
		if problem != "" {
			diags.AddAttributeError(path.Root("additional_permissions"), "Unknown permission", problem)
			continue
		}
		permissions = append(permissions, permission.Outside(api, ref.Name, role.ID))
	}
	return permissions
}

func unique(permissions []permission.Permission) []permission.Permission {
	slices.SortFunc(permissions, func(a, b permission.Permission) int { return cmp.Compare(a.Key(), b.Key()) })
	return slices.CompactFunc(permissions, func(a, b permission.Permission) bool { return a.Key() == b.Key() })
}
