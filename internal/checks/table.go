package checks

import (
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// The checks' names, as users type them in skip_checks.
const (
	Record        = "record"
	Credential    = "credential"
	Tenant        = "tenant"
	Token         = "token"
	Permissions   = "permissions"
	Organization  = "organization"
	Mailbox       = "mailbox"
	EWS           = "ews"
	PublicFolders = "public_folders"
)

// check is a row of the table.
type check struct {
	name  string
	needs []string // earlier checks that have to succeed
	// The check's request takes a token for api that holds any of roles. A remedy names the first.
	api   permission.API
	roles []string
	// notNeeded says why a connection can do without the check, or is empty; nil: none can.
	notNeeded func(*store.Connection) string
	// judge is asked where nothing is in the way of the check.
	judge func(*Facts) Result
}

// table lists the checks in the order in which they are judged and shown. It is a function because the judges refer to
// it. Roles are those of Microsoft Graph's organization-get and user-get, and of "Authenticate an EWS application by
// using OAuth".
func table() []check {
	signIn := []string{Credential, Tenant} // and not Token: an API goes ahead where only the other one refused a token
	return []check{
		{name: Record, judge: (*Facts).record},
		{name: Credential, needs: []string{Record}, judge: (*Facts).credential},
		{name: Tenant, needs: []string{Record}, judge: (*Facts).tenant},
		{name: Token, needs: signIn, judge: (*Facts).token},
		{name: Permissions, needs: []string{Token}, judge: (*Facts).permissions},
		{name: Organization, needs: signIn, api: permission.Graph, judge: (*Facts).organization, roles: []string{
			"Directory.Read.All", "Directory.ReadWrite.All", "Organization.Read.All", "Organization.ReadWrite.All",
		}},
		{name: Mailbox, needs: signIn, api: permission.Graph, judge: (*Facts).mailbox, roles: []string{
			"Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All", "User.ReadWrite.All",
		}},
		{name: EWS, needs: signIn, api: permission.Exchange, judge: (*Facts).ews, roles: []string{"full_access_as_app"}},
		{name: PublicFolders, needs: []string{EWS}, judge: (*Facts).publicFolders, notNeeded: withoutPublicFolders},
	}
}

func withoutPublicFolders(c *store.Connection) string {
	if c.MigratePublicFolders {
		return ""
	}
	return "not needed: the connection does not migrate public folders (migrate_public_folders)"
}

// Names lists the checks in the order of the table.
func Names() []string {
	var names []string
	for _, c := range table() {
		names = append(names, c.name)
	}
	return names
}

// named is the row of that name, which has to be one of Names.
func named(name string) check {
	rows := table()
	return rows[slices.IndexFunc(rows, func(c check) bool { return c.name == name })]
}
