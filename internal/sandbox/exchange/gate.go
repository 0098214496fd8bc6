package exchange

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// refusesEWS applies the organization's switch. The answer is the reason, empty for an app that gets in. Unset, the
// switch refuses nobody, and the list does not count (Exchange: control access to EWS, 2026: null is treated as true).
// True counts the list alone, and an empty one names nobody (Exchange team's posts on the retirement of EWS, in the
// worldwide cloud since 2026-10-10; the page of Set-OrganizationConfig still has it restrict nobody).
func refusesEWS(o tenant.ExchangeOrganization, appID string) string {
	switch {
	case o.EwsEnabled == nil:
		return ""
	case !*o.EwsEnabled:
		return reasonEWSDisabled
	case !slices.ContainsFunc(o.EwsAllowedAppIDs, func(id string) bool {
		return strings.EqualFold(strings.TrimSpace(id), appID)
	}):
		return reasonEWSBlocked
	}
	return ""
}

// waveLooksBack is for how long the use of EWS puts an app on the list that Microsoft fills (Exchange team's posts on
// the retirement of EWS).
const waveLooksBack = 60 * 24 * time.Hour

// SecondWave is Microsoft's disablement of EWS: it fills the list where no administrator ever edited it, and sets
// EwsEnabled to False. That it does so to a tenant which an administrator had set to True is chosen: reports say that
// such a tenant is spared, and a test may want the gate shut.
func SecondWave(o tenant.ExchangeOrganization, seen map[string]time.Time, now time.Time) (tenant.ExchangeOrganization,
	error) {
	if o.SecondWave {
		return o, fmt.Errorf(
			"second_wave: it has been here already and comes once; set ews_enabled and ews_allowed_app_ids instead")
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
