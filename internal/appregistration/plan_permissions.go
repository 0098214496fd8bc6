package appregistration

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
)

// apiLookup asks the tenant for the permissions that its APIs offer; nil while it is not known which tenant, or who
// asks.
type apiLookup func(appIDs ...string) (map[string]entra.ResourceApplication, error)

// planPermissions makes the permissions known before anything exists: what a reviewer reads is what will be granted.
func (p *planner) planPermissions(ctx context.Context, plan *Model) {
	before, unexpected := map[string]registration.Permission{}, map[string]registration.Permission{}
	if p.state != nil {
		before = permissionsOf(decode[map[string]PermissionModel](ctx, p.state.Permissions, p.diags))
		unexpected = permissionsOf(decode[map[string]PermissionModel](ctx, p.state.UnexpectedPermissions, p.diags))
	}
	entries, ok := p.wanted(ctx, plan)
	if p.diags.HasError() {
		return
	}
	if !ok || plan.GrantAdminConsent.IsUnknown() || plan.RevokeUnexpectedPermissions.IsUnknown() {
		plan.Permissions = types.MapUnknown(permissionsType.ElemType)
		plan.UnexpectedPermissions = types.MapUnknown(permissionsType.ElemType)
		return
	}
	planned := map[string]registration.Permission{}
	for _, entry := range entries {
		consented := plan.GrantAdminConsent.ValueBool() || before[entry.Key()].Consented || unexpected[entry.Key()].Consented
		planned[entry.Key()] = registration.Permission{Permission: entry, Declared: true, Consented: consented}
	}
	plan.Permissions = encode[types.Map](ctx, permissionsType, permissionModels(planned), p.diags)

	// What was asked for, and no longer is, is unexpected from now on.
	for key, entry := range before {
		if entry.Declared || entry.Consented {
			unexpected[key] = entry
		}
	}
	for key := range planned {
		delete(unexpected, key)
	}
	if plan.RevokeUnexpectedPermissions.ValueBool() {
		for _, key := range slices.Sorted(maps.Keys(unexpected)) {
			p.diags.AddAttributeWarning(path.Root("unexpected_permissions"), "Permission will be revoked", fmt.Sprintf(
				"%s (risk: %s) is granted to or declared by the %s, but is not in this configuration; apply revokes it. If a "+
					"running migration needs it, add it to additional_permissions, or set revoke_unexpected_permissions = false.",
				key, unexpected[key].Risk, p.state.application()))
		}
		unexpected = nil
	}
	plan.UnexpectedPermissions = encode[types.Map](ctx, permissionsType, permissionModels(unexpected), p.diags)
}

// wanted returns the permissions that the configuration asks for. ok is false while that cannot be known: the tenant
// alone knows a name that is not in the catalogue.
func (p *planner) wanted(ctx context.Context, plan *Model) (permissions []permission.Permission, ok bool) {
	if plan.PermissionProfile.IsUnknown() || plan.AdditionalPermissions.IsUnknown() {
		return nil, false
	}
	permissions, _ = permission.Profile(plan.PermissionProfile.ValueString()).Permissions()
	var outside []permission.Permission // known by API and name only
	for _, request := range decode[[]RequestedPermission](ctx, plan.AdditionalPermissions, p.diags) {
		if request.API.IsUnknown() || request.Name.IsUnknown() {
			return nil, false
		}
		api, err := permission.FindAPI(request.API.ValueString())
		if err != nil {
			p.diags.AddAttributeError(path.Root("additional_permissions"), "Unknown API", err.Error())
			return nil, false
		}
		if entry, known := permission.Find(api, request.Name.ValueString()); known {
			permissions = append(permissions, entry)
		} else {
			outside = append(outside, permission.Permission{API: api, Name: request.Name.ValueString()})
		}
	}
	if len(outside) > 0 {
		if p.lookup == nil {
			return nil, false
		}
		permissions = append(permissions, p.findOutside(outside)...)
	}
	slices.SortFunc(permissions, func(a, b permission.Permission) int { return cmp.Compare(a.Key(), b.Key()) })
	permissions = slices.CompactFunc(permissions, func(a, b permission.Permission) bool { return a.Key() == b.Key() })
	return permissions, !p.diags.HasError()
}

// findOutside asks the tenant's own service principals for permissions that the catalogue does not hold.
func (p *planner) findOutside(outside []permission.Permission) (permissions []permission.Permission) {
	var appIDs []string
	for _, entry := range outside {
		appIDs = append(appIDs, entry.API.AppID)
	}
	slices.Sort(appIDs)
	offered, err := p.lookup(slices.Compact(appIDs)...)
	if err != nil {
		p.diags.AddAttributeError(path.Root("additional_permissions"), "Permission not looked up",
			fmt.Sprintf("%s is not in the provider's catalogue, and looking it up in the tenant failed (it needs "+
				"Application.Read.All): %s", outside[0].Name, err))
		return nil
	}
	for _, entry := range outside {
		role, problem := registration.FindRole(offered, entry.API, entry.Name)
		if problem != "" {
			p.diags.AddAttributeError(path.Root("additional_permissions"), "Unknown permission", problem)
			continue
		}
		permissions = append(permissions, permission.Outside(entry.API, entry.Name, role.ID))
	}
	return permissions
}
