package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// exchangeOrganization is what the Exchange admin sets. Of EwsEnabled and the list, see refusesEWS.
type exchangeOrganization struct {
	EwsEnabled       *bool
	EwsAllowedAppIDs []string
	EwsListEdited    bool            // an administrator wrote the list, whatever it held: Microsoft fills it no more
	SecondWave       bool            // Microsoft's second wave was here
	DisabledMailbox  map[string]bool // EwsEnabled false on the mailbox itself, by lower-case address
	OutOfScope       map[string]bool // mailboxes that no app may impersonate, by lower-case address
	NoPublicFolders  bool            // no public folder mailbox was ever made
	PublicFolders    []publicFolder  // the root first, each folder after its parent
	ServerBusy       time.Duration   // when positive, every request is told to back off for so long
	AutodiscoverURL  string          // what Autodiscover v2 says in place of this sandbox's EWS
	Weather          exchangeWeather
}

// publicFolder is a folder of the public folder tree.
type publicFolder struct {
	Path        string            // such as \Sales\Archive; \ is the root, which is always there
	Permissions map[string]string // permission level by lower-case address; defaultPermission is everybody else's
}

// The root's path, and who is meant by the permission of those without one of their own.
const (
	publicRoot        = `\`
	defaultPermission = "default"
)

// seededPublicFolders are the tree that a tenant begins with. The permissions are the seeded ones, which nil stands for: the
// public folder administrators own each folder, and everybody else is an Author.
var seededPublicFolders = []publicFolder{{Path: publicRoot}, {Path: `\Sales`}, {Path: `\Sales\Archive`}, {Path: `\Projects`}}

// exchangeWeather is an answer of Exchange that no setting of a tenant here causes, given to every request while it
// lasts. The zero value is none.
type exchangeWeather struct {
	Status int    `json:"status"`           // of the HTTP answer; 0: no outage
	Code   string `json:"code,omitempty"`   // a SOAP fault with this response code
	Reason string `json:"reason,omitempty"` // X-EWS-Policy-Reason
	Page   string `json:"page,omitempty"`   // a body that is not Exchange's, as of a proxy
	Folder string `json:"folder,omitempty"` // only requests for this distinguished folder; empty: all but autodiscover
	Silent bool   `json:"silent,omitempty"` // no answer at all, until the client gives up
}

// autodiscoverWeather is the name of SOAP Autodiscover among the folders that an outage covers.
const autodiscoverWeather = "autodiscover"

func (e exchangeWeather) over(folder string) bool {
	return (e.Status != 0 || e.Silent) && (e.Folder == folder || e.Folder == "" && folder != autodiscoverWeather)
}

// has reports whether a set of addresses names one of the account's.
func (o exchangeOrganization) has(addresses map[string]bool, account user) bool {
	return slices.ContainsFunc(account.addresses(), func(address string) bool { return addresses[address] })
}

// addresses are the SMTP addresses of a user in lower case, the primary one first.
func (u user) addresses() []string {
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

// exchangeSettings is the row of an organization's settings.
const exchangeSettings = "settings"

// exchangeKnows is what Exchange goes by in answering a request: each switch, the list and the scopes as they were a while ago.
func (w *World) exchangeKnows(t *Tenant, r *http.Request) exchangeOrganization {
	known := t.exchange
	if bypasses(r) || w.profile.ewsList == 0 {
		return known
	}
	earlier := func(lag time.Duration) exchangeOrganization {
		settings, _ := t.settings.get(asOf(w.before(t, lag)), exchangeSettings)
		return settings
	}
	known.EwsAllowedAppIDs, known.OutOfScope = earlier(w.profile.ewsList).EwsAllowedAppIDs, earlier(w.profile.mailScope).OutOfScope
	known.EwsEnabled, known.DisabledMailbox = earlier(w.profile.ewsSwitch).EwsEnabled, earlier(w.profile.ewsSwitch).DisabledMailbox
	return known
}

// noteEWS remembers when an app used EWS last.
func (t *Tenant) noteEWS(appID string, at time.Time) {
	if t.ewsSeen == nil {
		t.ewsSeen = map[string]time.Time{}
	}
	t.ewsSeen[strings.ToLower(appID)] = at.UTC()
}
