package ewsaccess

import (
	_ "embed"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

//go:embed allow.ps1.tmpl
var allowScript string

var allow = template.Must(template.New("allow").Funcs(template.FuncMap{"quote": escape.PowerShell}).Parse(allowScript))

// App is an application that may need an entry on the list, too.
type App struct {
	ClientID string `json:"client_id"` // GUID
	Name     string `json:"name"`      // as somebody in the tenant wrote it: data, whatever it holds
}

// Surroundings are what a look at a tenant showed, for whoever edits its list. The zero value is a tenant that nobody
// looked at.
type Surroundings struct {
	InitialDomain string    `json:"initial_domain,omitempty"` // the *.onmicrosoft.com domain; empty where it is not known
	Holders       []App     `json:"holders,omitempty"`        // other applications that hold full_access_as_app
	SeenAt        time.Time `json:"seen_at,omitzero"`         // when the holders were read, in UTC; zero where they were not
}

// Role is the application permission that EWS asks of an application; everybody who holds it needs an entry, too.
var Role = func() entra.RoleRef {
	role, _ := permission.Find(permission.Exchange, "full_access_as_app")
	return entra.RoleRef{ResourceAppID: role.API.AppID, RoleID: role.ID}
}()

// Seen returns what a look at a tenant showed (nil: nothing).
func Seen(held *entra.RoleHolders, at time.Time) Surroundings {
	if held == nil {
		return Surroundings{}
	}
	seen := Surroundings{InitialDomain: held.InitialDomain}
	if !held.Read {
		return seen
	}
	seen.SeenAt = at.UTC().Truncate(time.Second)
	for _, holder := range held.Holders {
		seen.Holders = append(seen.Holders, App{ClientID: strings.ToLower(holder.ClientID), Name: holder.DisplayName})
	}
	return seen
}

// Target is what a script is for.
type Target struct {
	TenantID string // GUID
	ClientID string // GUID, the application that is to use EWS
	Surroundings
}

// Script returns PowerShell for an Exchange administrator, for Windows PowerShell 5.1 and PowerShell 7, that puts the
// application on the organization's list. It branches on what it reads, takes access from no application, never sets an
// unset EwsEnabled, stops where the connection is another organization's, and asks before it opens anything. It is one
// block, so that pasting it runs all of it or nothing.
func Script(t Target) string {
	holders := slices.Clone(t.Holders)
	for i := range holders {
		holders[i].Name = escape.Visible(holders[i].Name)
	}
	seenOn := ""
	if !t.SeenAt.IsZero() {
		seenOn = t.SeenAt.UTC().Format(time.DateOnly)
	}
	var script strings.Builder
	err := allow.Execute(&script, map[string]any{
		"TenantID": t.TenantID, "ClientID": t.ClientID, "InitialDomain": t.InitialDomain, "Holders": holders, "SeenOn": seenOn,
		"Report": Sentence("report"), "Unset": Sentence("unset"), "Delay": Sentence("delay"), "EmptyListRefuses": EmptyListRefuses.Format(time.DateOnly),
	})
	if err != nil {
		// The template is compiled in and takes strings: writing to memory cannot fail.
		panic(err)
	}
	return script.String()
}

// Look is one line of PowerShell that shows an organization's switch and list, and the mailbox's switch.
func Look(mailbox string) string {
	return "Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy | Format-List Name, Ews*; Get-CASMailbox -Identity " + escape.PowerShell(mailbox) + " | Format-List Ews*"
}
