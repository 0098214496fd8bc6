package checks

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

// GrantedRoles lists the roles of the app's tokens as "<api>/<name>", sorted.
func (f *Facts) GrantedRoles() []string {
	roles := []string{}
	for _, held := range f.held() {
		roles = append(roles, held.Key())
	}
	slices.Sort(roles)
	return slices.Compact(roles)
}

func (f *Facts) held() []permission.Permission {
	var held []permission.Permission
	for _, api := range []permission.API{permission.Graph, permission.Exchange} {
		for _, role := range f.tokenFor(api).Roles {
			entry, known := permission.Find(api, role)
			if !known {
				entry = permission.Outside(api, role, "")
			}
			held = append(held, entry)
		}
	}
	return held
}

// permissions compares the tokens' roles with the profiles. The tokens are the proof, not the grants: a grant with a
// wrong role ID looks right in the directory and gives nothing.
func (f *Facts) permissions() Result {
	for _, facts := range []TokenFacts{f.Graph, f.Exchange} {
		if facts.RolesErr != nil {
			return inconclusive(
				"Look at Entra admin center > Enterprise applications > the app > Permissions, and report it to "+
					"this project.", "the roles of the app's token could not be read: %v", facts.RolesErr)
		}
	}
	var missing, evidence []string
	held := f.held()
	needed, _ := permission.ExistingMailboxes.Permissions() // which every profile holds
	for _, wanted := range needed {
		if !slices.ContainsFunc(held, func(p permission.Permission) bool { return permission.Covers(p, wanted) }) {
			missing = append(missing, wanted.Key())
			evidence = append(evidence, wanted.Name+", "+wanted.Evidence)
		}
	}
	if len(missing) > 0 {
		return failed(fmt.Sprintf("Let codetwo_target_app_registration grant it (permission_profile, grant_admin_consent "+
			"= true), or declare it at App registrations > the app > API permissions and have a Privileged Role Administrator "+
			"open %s. New tokens have it within minutes.%s", f.consentURL(), f.withoutIt()),
			"the app's tokens lack %s (evidence that CodeTwo needs it: %s)", strings.Join(missing, ", "),
			strings.Join(evidence, "; ")).mayBePropagating(true)
	}
	if surplus := f.surplus(); len(surplus) > 0 {
		return warning(fmt.Sprintf("Remove them from additional_permissions, or revoke them at Entra admin center > "+
			"Enterprise applications > %s > Permissions.", f.Connection.ClientID),
			"the app holds more than CodeTwo is known to need: %s", strings.Join(surplus, ", "))
	}
	return passed("the app's tokens hold %s", strings.Join(f.GrantedRoles(), ", "))
}

// withoutIt says how to go on without a role of Graph, with all the checks that its lack leaves undecided. Without
// Exchange's role nothing can be migrated.
func (f *Facts) withoutIt() string {
	names := []string{strconv.Quote(Permissions)}
	for _, c := range table() {
		switch {
		case len(c.roles) == 0 || f.tokenFor(c.api).holdsAny(c.roles):
		case c.api == permission.Exchange:
			return ""
		default:
			names = append(names, strconv.Quote(c.name))
		}
	}
	return fmt.Sprintf(" Where your version of CodeTwo is known to work without it, set skip_checks = [%s].",
		strings.Join(names, ", "))
}

// surplus lists what is in no profile.
func (f *Facts) surplus() []string {
	var known, surplus []string
	for _, profile := range permission.Profiles() {
		entries, _ := profile.Permissions()
		for _, entry := range entries {
			known = append(known, entry.Key())
		}
	}
	for _, entry := range f.held() {
		if !slices.Contains(known, entry.Key()) {
			surplus = append(surplus, entry.Key())
		}
	}
	slices.Sort(surplus)
	return slices.Compact(surplus)
}
