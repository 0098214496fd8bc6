package tenant

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// ExchangeOrganization is what the Exchange admin sets. Of EwsEnabled and the list, see package exchange.
type ExchangeOrganization struct {
	EwsEnabled       *bool
	EwsAllowedAppIDs []string
	EwsListEdited    bool            // an administrator wrote the list, whatever it held: Microsoft fills it no more
	SecondWave       bool            // Microsoft's second wave was here
	DisabledMailbox  map[string]bool // EwsEnabled false on the mailbox itself, by lower-case address
	OutOfScope       map[string]bool // mailboxes that no app may impersonate, by lower-case address
	NoPublicFolders  bool            // no public folder mailbox was ever made
	PublicFolders    []PublicFolder  // the root first, each folder after its parent
	MailboxQuota     int             // bytes that a mailbox holds at most; 0: as many as the sandbox keeps
	ServerBusy       time.Duration   // when positive, every request is told to back off for so long
	AutodiscoverURL  string          // what Autodiscover v2 says in place of this sandbox's EWS
	Outage           Outage
}

// PublicFolder is a folder of the public folder tree.
type PublicFolder struct {
	Path        string            // such as \Sales\Archive; \ is the root, which is always there
	Class       string            // such as IPF.Note; empty: not known
	Permissions map[string]string // permission level by lower-case address; DefaultPermission is everybody else's
}

// The root's path, and who is meant by the permission of those without one of their own.
const (
	PublicRoot        = `\`
	DefaultPermission = "default"
)

// seededPublicFolders are the tree that a tenant begins with. The permissions are the seeded ones, which nil stands
// for: the public folder administrators own each folder, and everybody else is an Author.
var seededPublicFolders = []PublicFolder{{Path: PublicRoot}, {Path: `\Sales`}, {Path: `\Sales\Archive`},
	{Path: `\Projects`}}

// Outage is an answer of Exchange that no setting of a tenant here causes, given to every request while it
// lasts. The zero value is none.
type Outage struct {
	Status int    `json:"status"`           // of the HTTP answer; 0: no outage
	Code   string `json:"code,omitempty"`   // a SOAP fault with this response code
	Reason string `json:"reason,omitempty"` // X-EWS-Policy-Reason
	Page   string `json:"page,omitempty"`   // a body that is not Exchange's, as of a proxy
	Folder string `json:"folder,omitempty"` // only requests for this distinguished folder; empty: all but autodiscover
	Silent bool   `json:"silent,omitempty"` // no answer at all, until the client gives up
}

// AutodiscoverFolder is the name of SOAP Autodiscover among the folders that an outage covers.
const AutodiscoverFolder = "autodiscover"

// Covers reports whether requests for a distinguished folder meet the outage.
func (o Outage) Covers(folder string) bool {
	return (o.Status != 0 || o.Silent) && (o.Folder == folder || o.Folder == "" && folder != AutodiscoverFolder)
}

// Has reports whether a set of addresses names one of the account's.
func (o ExchangeOrganization) Has(addresses map[string]bool, account User) bool {
	return slices.ContainsFunc(account.Addresses(), func(address string) bool { return addresses[address] })
}

// Addresses are the SMTP addresses of a user in lower case, the primary one first.
func (u User) Addresses() []string {
	found := make([]string, 0, len(u.ProxyAddresses))
	for _, proxy := range u.ProxyAddresses {
		scheme, address, _ := strings.Cut(proxy, ":")
		switch scheme {
		case "SMTP":
			found = slices.Insert(found, 0, strings.ToLower(address))
		case "smtp":
			found = append(found, strings.ToLower(address))
		}
	}
	return found
}

// ExchangeSettings is the row of an organization's settings.
const ExchangeSettings = "settings"

// ExchangeKnows is what Exchange goes by in answering a request: each switch, the list and the scopes as they were a
// while ago.
func (w *World) ExchangeKnows(t *Tenant, r *http.Request) ExchangeOrganization {
	known := t.Exchange
	if Bypasses(r) || t.Lag.ewsList == 0 {
		return known
	}
	earlier := func(lag time.Duration) ExchangeOrganization {
		settings, _ := t.Settings.Get(AsOf(w.Before(t, lag)), ExchangeSettings)
		return settings
	}
	known.EwsAllowedAppIDs, known.OutOfScope = earlier(t.Lag.ewsList).EwsAllowedAppIDs,
		earlier(t.Lag.mailScope).OutOfScope
	known.EwsEnabled, known.DisabledMailbox = earlier(t.Lag.ewsSwitch).EwsEnabled,
		earlier(t.Lag.ewsSwitch).DisabledMailbox
	return known
}

// NoteEWS remembers when an app used EWS last.
func (t *Tenant) NoteEWS(appID string, at time.Time) {
	if t.EWSSeen == nil {
		t.EWSSeen = map[string]time.Time{}
	}
	t.EWSSeen[strings.ToLower(appID)] = at.UTC()
}
