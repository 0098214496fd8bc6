package graph

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// entitlement is what an application offers: an app role or a delegated permission. In a request, what is left out of
// isEnabled is true (Microsoft Graph: appRole and permissionScope resource types).
type entitlement struct {
	id, value string
	enabled   bool
	rest      string // everything else, to tell whether it changes
}

// setAppRoles replaces the roles that an application offers.
func setAppRoles(a *tenant.Application, raw json.RawMessage) *apiError {
	sent, failure := decoded[[]struct {
		tenant.AppRole
		IsEnabled *bool `json:"isEnabled"`
	}]("appRoles", "Application", raw)
	if failure != nil {
		return failure
	}
	roles := make([]tenant.AppRole, len(sent))
	for i, one := range sent {
		role := one.AppRole
		role.ID, role.IsEnabled, role.Origin = strings.ToLower(role.ID), one.IsEnabled == nil || *one.IsEnabled, "Application"
		if role.DisplayName == "" || len(role.AllowedMemberTypes) == 0 || slices.ContainsFunc(role.AllowedMemberTypes,
			func(member string) bool { return member != "User" && member != "Application" }) {
			return invalidValue("appRoles", "Application") // code and text unconfirmed
		}
		roles[i] = role
	}
	failure = checkEntitlements("appRoles", tenant.Mapped(a.AppRoles, entitlementOfRole),
		tenant.Mapped(roles, entitlementOfRole))
	if failure == nil {
		a.AppRoles = roles
	}
	return failure
}

func entitlementOfRole(r tenant.AppRole) entitlement {
	members := slices.Sorted(slices.Values(r.AllowedMemberTypes))
	return entitlement{r.ID, r.Value, r.IsEnabled, strings.Join(append(members, r.DisplayName, r.Description), "\n")}
}

// setAPI sets what an application says of itself as an API, with the delegated permissions that it offers.
func setAPI(a *tenant.Application, raw json.RawMessage) *apiError {
	before, failure := scopesOf(storedObject(*a, "api"))
	if failure != nil {
		return failure
	}
	properties, failure := applicationStored.with(a.ExtraProperties, "api", "Application", raw)
	if failure != nil {
		return failure
	}
	api, _ := properties["api"].(object)
	after, failure := scopesOf(api)
	if failure == nil {
		failure = checkEntitlements("api", before, after)
	}
	if failure == nil {
		a.ExtraProperties = properties
	}
	return failure
}

// scopesOf reads the delegated permissions of an API as it is kept, and completes them with what is left out.
func scopesOf(api object) ([]entitlement, *apiError) {
	listed, _ := api["oauth2PermissionScopes"].([]any)
	found := make([]entitlement, len(listed))
	for i, one := range listed {
		scope, ok := one.(object)
		id, _ := scope["id"].(string)
		value, _ := scope["value"].(string)
		if !ok || value == "" {
			return nil, invalidValue("oauth2PermissionScopes", "Application") // code and text unconfirmed
		}
		if scope["isEnabled"] == nil {
			scope["isEnabled"] = true
		}
		rest := map[string]any{}
		for name, field := range scope {
			if name != "isEnabled" {
				rest[name] = field
			}
		}
		content, _ := json.Marshal(rest) // it came as JSON
		found[i] = entitlement{strings.ToLower(id), value, scope["isEnabled"] == true, string(content)}
	}
	return found, nil
}

// checkEntitlements refuses to delete or alter what is enabled: it has to be disabled first, by a request of its own
// (Microsoft Graph: appRole resource type, of deleting; the code and the text read, and that every change is refused
// unconfirmed). IDs and values are unique in a list; texts of these refusals are unconfirmed.
func checkEntitlements(property string, before, after []entitlement) *apiError {
	for i, one := range after {
		if uuid.Validate(one.id) != nil {
			return invalidValue(property, "Application")
		}
		if slices.ContainsFunc(after[:i], func(other entitlement) bool {
			return other.id == one.id || other.value != "" && other.value == one.value
		}) {
			return invalidValue(property, "Application")
		}
	}
	for _, one := range before {
		at := slices.IndexFunc(after, func(other entitlement) bool { return other.id == one.id })
		if one.enabled && (at < 0 || after[at].value != one.value || after[at].rest != one.rest) {
			return refuse("CannotDeleteOrUpdateEnabledEntitlement",
				"Permission (scope or role) cannot be deleted or updated unless disabled first.")
		}
	}
	return nil
}

func roleEntity(r tenant.AppRole) object {
	return object{
		"id": r.ID, "value": text(r.Value), "displayName": r.DisplayName, "description": text(r.Description),
		"allowedMemberTypes": tenant.NonNil(r.AllowedMemberTypes), "isEnabled": r.IsEnabled, "origin": r.Origin,
	}
}
