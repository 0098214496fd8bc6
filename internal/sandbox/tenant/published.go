package tenant

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// permissionTable lists what Microsoft's APIs publish. internal/cmd/permissions wrote it; its head names the source.
//
//go:embed permissions.txt
var permissionTable string

// publish completes an API with the permissions of the table. Roles that the API has by that time stay as they are, and
// come first.
func publish(api FirstPartyAPI) FirstPartyAPI {
	known := map[string]bool{}
	for _, role := range api.Roles {
		known[role.ID] = true
	}
	api.Roles = slices.Clone(api.Roles)
	_, table, _ := strings.Cut(permissionTable, "\napi "+api.AppID+"\n")
	table, _, _ = strings.Cut(table, "\napi ")
	for line := range strings.Lines(table) {
		cells := strings.Fields(line)
		if known[cells[1]] {
			continue
		}
		// The value stands in for the display name, which would be Microsoft's prose.
		kind, id, value, enabled := cells[0], cells[1], cells[2], len(cells) == 3
		switch kind {
		case "application":
			role := applicationRole(id, value, value)
			role.IsEnabled = enabled
			api.Roles = append(api.Roles, role)
		case "user":
			api.Scopes = append(api.Scopes, permissionScope(id, value, "User", enabled))
		default: // where the source says nothing of consent, an administrator's is asked for: the stricter one
			api.Scopes = append(api.Scopes, permissionScope(id, value, "Admin", enabled))
		}
	}
	api.RolesJSON, api.ScopesJSON = encoded(api.Roles), encoded(api.Scopes)
	return api
}

// encoded writes a list once, because an answer about Microsoft Graph has more than 1,500 entries.
func encoded(list any) json.RawMessage {
	content, err := json.Marshal(list)
	if err != nil {
		panic(fmt.Errorf("encoding the permissions of an API: %w", err)) // they are texts
	}
	return content
}

func permissionScope(id, value, consent string, enabled bool) PermissionScope {
	return PermissionScope{
		ID: id, Value: value, Type: consent, IsEnabled: enabled,
		AdminConsentDisplayName: value, AdminConsentDescription: value + ".",
	}
}
