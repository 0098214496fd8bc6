package tenant

import (
	"fmt"
	"reflect"
	"strings"
)

// Write is one object that a request made, changed or removed. It names properties, never their values.
type Write struct {
	Did    string   `json:"did"`  // created, changed or removed
	Kind   string   `json:"kind"` // such as application
	ID     string   `json:"id,omitempty"`
	Fields []string `json:"fields,omitempty"` // that were changed; where they are lists, with their lengths
}

// noteWrites begins to remember what is written to the tenant.
func (t *Tenant) noteWrites() {
	remember(&t.Directory.Applications, "application", t)
	remember(&t.Directory.ServicePrincipals, "service principal", t)
	remember(&t.Directory.Grants, "grant", t)
	remember(&t.Directory.DelegatedGrants, "delegated grant", t)
	remember(&t.Directory.Users, "user", t)
	remember(&t.Directory.Groups, "group", t)
	remember(&t.Directory.Deleted, "deleted item", t)
	remember(&t.Directory.Policies, "policy", t)
	remember(&t.Directory.ClaimsPolicies, "claims mapping policy", t)
	remember(&t.Settings, "Exchange", t)
}

func remember[T any](table *Table[T], kind string, t *Tenant) {
	table.wrote = func(id string, before, after *T) {
		write := Write{Did: "changed", Kind: kind, ID: id}
		switch {
		case before == nil:
			write.Did = "created"
		case after == nil:
			write.Did = "removed"
		default:
			write.Fields = changedFields(reflect.ValueOf(*before), reflect.ValueOf(*after))
		}
		t.written = append(t.written, write)
	}
}

// changedFields names the fields in which two structs of one type differ.
func changedFields(before, after reflect.Value) []string {
	var changed []string
	for i := range before.NumField() {
		old, now := before.Field(i), after.Field(i)
		if !before.Type().Field(i).IsExported() || reflect.DeepEqual(old.Interface(), now.Interface()) {
			continue
		}
		name := before.Type().Field(i).Name
		name = strings.ToLower(name[:1]) + name[1:]
		if old.Kind() == reflect.Slice {
			name += fmt.Sprintf(" %d→%d", old.Len(), now.Len())
		}
		changed = append(changed, name)
	}
	return changed
}

// TakeWrites returns what was written to the tenant since the last call. The caller holds the tenant.
func (t *Tenant) TakeWrites() []Write {
	taken := t.written
	t.written = nil
	return taken
}
