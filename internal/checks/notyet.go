package checks

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

// Youth is how long after a change Entra may not have heard of it everywhere. Microsoft promises no time; minutes were
// seen, and half an hour is beyond what anybody reported of a tenant in order.
const Youth = 30 * time.Minute

// NotYet says which answer may only mean that Entra has not heard of a change yet, so that asking again is worth while,
// with a new session: a token that was taken before a consent keeps lacking its roles. It is empty where nothing was
// changed in the last half hour, and for whatever no change of ours explains: a user that is not there, since nobody
// makes users here, and a closed EWS gate, which takes a day and not minutes.
func (f Facts) NotYet() string {
	if !f.young() {
		return ""
	}
	for _, token := range []TokenFacts{f.Graph, f.Exchange} {
		if refused, ok := errors.AsType[*auth.Error](token.Err); ok {
			if known, _ := refused.Known(); known.NotYet {
				return fmt.Sprintf("AADSTS%d: %s", known.Code, known.Meaning)
			}
		}
	}
	if lacking := f.lacking(); len(lacking) > 0 {
		return "the app's tokens lack " + strings.Join(lacking, ", ")
	}
	// Right after a consent, Graph may refuse what the token allows (unconfirmed).
	for name, err := range map[string]error{Organization: f.OrganizationErr, Mailbox: f.UserErr} {
		if f.Obstacle(name) == "" && entra.IsDenied(err) {
			return "Microsoft Graph refuses the app what its token allows"
		}
	}
	return ""
}

// young tells whether record, key or grant was made in the last half hour.
func (f Facts) young() bool {
	since := []time.Time{f.GrantedAt}
	if f.Connection != nil && f.Connection.WrittenAt != nil {
		since = append(since, *f.Connection.WrittenAt)
	}
	if f.Credential.Certificate != nil {
		since = append(since, f.Credential.Certificate.NotBefore)
	}
	return slices.ContainsFunc(since, func(made time.Time) bool { return !made.IsZero() && f.Now.Sub(made) < Youth })
}

// lacking lists the roles that the checks asked for would use, and the tokens do not hold, each as "<api>/<name>".
func (f Facts) lacking() []string {
	var lacking []string
	if f.Obstacle(Permissions) == "" && f.Graph.RolesErr == nil && f.Exchange.RolesErr == nil {
		for _, missing := range f.missing() {
			lacking = append(lacking, missing.Key())
		}
	}
	for _, name := range []string{Organization, Mailbox, EWS} {
		token := f.Graph
		if name == EWS {
			token = f.Exchange
		}
		if token.Taken && token.Err == nil && !slices.Contains(f.Skip, name) && f.lacksRole(name) != "" {
			lacking = append(lacking, rolesFor[name][0].API+"/"+rolesFor[name][0].Name)
		}
	}
	slices.Sort(lacking)
	return slices.Compact(lacking)
}

// missing lists what every profile holds and the tokens do not.
func (f Facts) missing() []permission.Permission {
	held := f.held()
	needed, _ := permission.ExistingMailboxes.Permissions()
	return slices.DeleteFunc(needed, func(wanted permission.Permission) bool {
		return slices.ContainsFunc(held, func(p permission.Permission) bool { return permission.Covers(p, wanted) })
	})
}
