package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The states of an organization's EWS gate, as flags and files name them.
const (
	gateUnset  = "unset"  // EwsEnabled is null: every app gets in
	gateFalse  = "false"  // no app gets in
	gateListed = "listed" // True: the listed apps get in
	gateEmpty  = "empty"  // True, and nothing is listed: no app gets in
	gateMixed  = "mixed"  // an option only: the first tenants have one of each, the rest gateUnset
)

var gateOptions = []string{gateUnset, gateFalse, gateListed, gateEmpty, gateMixed}

// gateOf is the gate that the i-th tenant begins with, counted from 0, where the option is one of gateOptions.
func gateOf(option string, i int) string {
	if option != gateMixed {
		return option
	}
	if i < slices.Index(gateOptions, gateMixed) {
		return gateOptions[i]
	}
	return gateUnset
}

// mailBackupAppID is an app of another company's, which holds full_access_as_app in the tenants whose list names it.
const (
	mailBackupAppID  = "d916df37-ecb3-446b-8805-b2369b7706dc"
	mailBackupTenant = "c026901a-004a-4d37-8572-e918dea220c8"
	mailBackupName   = "Skyline Mail Backup"
)

// seedExchange makes what an organization's Exchange begins with.
func (t *Tenant) seedExchange(gate string) {
	t.exchange = exchangeOrganization{PublicFolders: seededPublicFolders}
	switch gate {
	case gateFalse:
		t.exchange.EwsEnabled = new(false)
	case gateListed:
		t.exchange.EwsEnabled, t.exchange.EwsAllowedAppIDs, t.exchange.EwsListEdited = new(true), []string{mailBackupAppID}, true
		backup := t.seedServicePrincipal(mailBackupAppID, mailBackupName, mailBackupTenant, nil)
		t.seedGrant(backup, t.seededAPI(exchangeAppID), ewsRole)
	case gateEmpty:
		t.exchange.EwsEnabled = new(true)
	}
	t.settings.put(tenantCreated, exchangeSettings, t.exchange)
}

// gate names the state of the organization's gate.
func (o exchangeOrganization) gate() string {
	switch {
	case o.EwsEnabled == nil:
		return gateUnset
	case !*o.EwsEnabled:
		return gateFalse
	case len(o.EwsAllowedAppIDs) > 0:
		return gateListed
	default:
		return gateEmpty
	}
}

// exchangeKnows is what Exchange goes by in answering a request: each switch, the list and the scopes as they were a while ago.
func (s *Server) exchangeKnows(t *Tenant, r *http.Request) exchangeOrganization {
	known := t.exchange
	if isCalm(r) || s.profile.ewsList == 0 {
		return known
	}
	earlier := func(lag time.Duration) exchangeOrganization {
		settings, _ := t.settings.get(asOf(s.before(t, lag)), exchangeSettings)
		return settings
	}
	known.EwsAllowedAppIDs, known.OutOfScope = earlier(s.profile.ewsList).EwsAllowedAppIDs, earlier(s.profile.mailScope).OutOfScope
	known.EwsEnabled, known.DisabledMailbox = earlier(s.profile.ewsSwitch).EwsEnabled, earlier(s.profile.ewsSwitch).DisabledMailbox
	return known
}

// refusesEWS applies the organization's switch. The answer is the reason, empty for an app that gets in. Unset, the switch
// refuses nobody, and the list does not count (Exchange: control access to EWS, 2026: null is treated as true). True counts
// the list alone, and an empty one names nobody (Exchange team's posts on the retirement of EWS, in the worldwide cloud since
// 2026-10-10; the page of Set-OrganizationConfig still has it restrict nobody).
func (o exchangeOrganization) refusesEWS(appID string) string {
	switch {
	case o.EwsEnabled == nil:
		return ""
	case !*o.EwsEnabled:
		return reasonEWSDisabled
	case !slices.ContainsFunc(o.EwsAllowedAppIDs, func(id string) bool { return strings.EqualFold(strings.TrimSpace(id), appID) }):
		return reasonEWSBlocked
	}
	return ""
}

// noteEWS remembers when an app used EWS last.
func (t *Tenant) noteEWS(appID string, at time.Time) {
	if t.ewsSeen == nil {
		t.ewsSeen = map[string]time.Time{}
	}
	t.ewsSeen[strings.ToLower(appID)] = at.UTC()
}

// waveLooksBack is for how long the use of EWS puts an app on the list that Microsoft fills (Exchange team's posts on the
// retirement of EWS).
const waveLooksBack = 60 * 24 * time.Hour

// secondWave is Microsoft's disablement of EWS: it fills the list where no administrator ever edited it, and sets EwsEnabled to
// False. That it does so to a tenant which an administrator had set to True is chosen: reports say that such a tenant is
// spared, and a test may want the gate shut.
func (o exchangeOrganization) secondWave(seen map[string]time.Time, now time.Time) (exchangeOrganization, error) {
	if o.SecondWave {
		return o, fmt.Errorf("second_wave: it has been here already and comes once; set ews_enabled and ews_allowed_app_ids instead")
	}
	if !o.EwsListEdited {
		o.EwsAllowedAppIDs = nil
		for _, appID := range slices.Sorted(maps.Keys(seen)) {
			if !seen[appID].Before(now.Add(-waveLooksBack)) {
				o.EwsAllowedAppIDs = append(o.EwsAllowedAppIDs, appID)
			}
		}
	}
	o.EwsEnabled, o.SecondWave = new(false), true
	return o, nil
}
