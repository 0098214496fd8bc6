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

var allow = template.Must(template.New("allow").
	Funcs(template.FuncMap{"quote": escape.PowerShellASCII}).Parse(allowScript))

// App is an application that may need an entry on the list, too.
type App struct {
	ClientID string `json:"client_id"` // GUID
	Name     string `json:"name"`      // as somebody in the tenant wrote it: data, whatever it holds
}

// TenantFacts are what is known about a tenant, for the administrator who edits its list. The zero value is a tenant
// that was not read.
type TenantFacts struct {
	InitialDomain string    `json:"initial_domain,omitempty"` // the *.onmicrosoft.com domain; empty where it is not known
	Holders       []App     `json:"holders,omitempty"`        // other applications that hold full_access_as_app
	SeenAt        time.Time `json:"seen_at,omitzero"`         // when the holders were read, in UTC; zero: they were not
}

// SeenOn returns the day on which the holders were read (2006-01-02), or "" if they were not.
func (s TenantFacts) SeenOn() string {
	if s.SeenAt.IsZero() {
		return ""
	}
	return s.SeenAt.UTC().Format(time.DateOnly)
}

// Or returns the facts, with what is unknown taken from earlier ones (nil: none); holders keep the day on which they
// were read.
func (s TenantFacts) Or(earlier *TenantFacts) TenantFacts {
	if earlier == nil {
		return s
	}
	if s.InitialDomain == "" {
		s.InitialDomain = earlier.InitialDomain
	}
	if s.SeenAt.IsZero() {
		s.Holders, s.SeenAt = earlier.Holders, earlier.SeenAt
	}
	return s
}

// Role is the application permission that EWS requires. Every application that holds it needs an entry on the list.
var Role = func() entra.RoleRef {
	role, _ := permission.Find(permission.Exchange, "full_access_as_app")
	return entra.RoleRef{ResourceAppID: role.API.AppID, RoleID: role.ID}
}()

// FactsOf returns the facts that were read from a tenant at that time (nil: nothing was read).
func FactsOf(held *entra.RoleHolders, at time.Time) TenantFacts {
	if held == nil {
		return TenantFacts{}
	}
	seen := TenantFacts{InitialDomain: held.InitialDomain}
	if !held.Read {
		return seen
	}
	seen.SeenAt = at.UTC().Truncate(time.Second)
	for _, holder := range held.Holders {
		seen.Holders = append(seen.Holders, App{ClientID: strings.ToLower(holder.ClientID), Name: holder.DisplayName})
	}
	return seen
}

// ScriptInput is what a script is made for.
type ScriptInput struct {
	TenantID string // GUID
	ClientID string // GUID, the application that is to use EWS
	TenantFacts
}

// Script returns PowerShell for an Exchange administrator, for Windows PowerShell 5.1 and PowerShell 7, that puts the
// application on the organization's list. It branches on what it reads, takes access from no application, never sets an
// unset EwsEnabled, stops if it is connected to another organization, and asks before it gives access. It is one block,
// so that pasting it runs all of it or nothing. It is ASCII, whatever the names contain: Windows PowerShell 5.1 reads a
// file without a mark in the ANSI code page, in which some letters would turn into quotation marks.
func Script(t ScriptInput) string {
	holders := slices.Clone(t.Holders)
	for i := range holders {
		holders[i].Name = escape.Visible(holders[i].Name)
	}
	var script strings.Builder
	err := allow.Execute(&script, map[string]any{
		"TenantID": t.TenantID, "ClientID": t.ClientID, "InitialDomain": t.InitialDomain, "Holders": holders,
		"SeenOn": t.SeenOn(), "Report": Sentence("report"), "Unset": Sentence("unset"), "Delay": Sentence("delay"),
		"EmptyListRefuses": EmptyListRefuses.Format(time.DateOnly), "ListDelay": hours(ListDelay), "Notice": days(Notice),
	})
	if err != nil {
		// The template is compiled in and takes strings: writing to memory cannot fail.
		panic(err)
	}
	return script.String()
}

// Look returns one line of PowerShell that shows an organization's EwsEnabled and list, and the mailbox's EwsEnabled.
func Look(mailbox string) string {
	return "Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy | Format-List Name, Ews*; Get-CASMailbox -Identity " +
		escape.PowerShell(mailbox) + " | Format-List Ews*"
}
