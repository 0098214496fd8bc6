package sandbox

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// quota is what one application may do in one tenant: two buckets that fill up again as time passes (Microsoft Graph:
// throttling limits, identity and access). The limits of an application over all tenants, and of a tenant over all
// applications, are so much higher that nobody on this machine reaches them.
type quota struct {
	ResourceUnits int // in each resourceUnitPeriod
	Writes        int // in each writePeriod
}

const (
	resourceUnitPeriod = 10 * time.Second
	writePeriod        = 150 * time.Second
)

// smallTenant is the quota in a tenant of fewer than 50 users.
var smallTenant = quota{ResourceUnits: 3500, Writes: 3000}

// bucket holds what is left of a quota.
type bucket struct {
	left float64
	at   time.Time
}

// take takes a cost out, and returns how long to wait where there is not enough. What is refused counts, too: usage
// goes on while a client is throttled, up to 1.8 times the limit (throttling limits, x-ms-throttle-limit-percentage).
func (b *bucket) take(cost float64, limit int, period time.Duration, now time.Time) (used float64, wait time.Duration) {
	full := float64(limit)
	if passed := now.Sub(b.at); b.at.IsZero() || passed > period {
		b.left = full
	} else if passed > 0 {
		b.left = min(full, b.left+full*passed.Seconds()/period.Seconds())
	}
	b.at = now
	enough := b.left >= cost
	b.left = max(b.left-cost, -0.8*full)
	used = 1 - b.left/max(full, 1)
	if enough {
		return used, 0
	}
	if full == 0 {
		return used, period
	}
	return used, time.Duration((cost - b.left) / full * float64(period))
}

// usage is what is left to an application in a tenant.
type usage struct{ resourceUnits, writes bucket }

// throttled takes what a request costs out of the caller's quota, and refuses it where that is used up.
func (c *call) throttled(cost int) *graphError {
	t, now, appID := c.tenant, c.server.now(), strings.ToLower(c.token.AppID)
	if isCalm(c.r) {
		return nil
	}
	if t.usage == nil {
		t.usage = map[string]*usage{}
	}
	if t.usage[appID] == nil {
		t.usage[appID] = &usage{}
	}
	mine := t.usage[appID]
	used, wait := mine.resourceUnits.take(float64(cost), t.quota.ResourceUnits, resourceUnitPeriod, now)
	reason := "ResourceUnitLimitExceeded"
	if c.r.Method != http.MethodGet {
		writesUsed, writesWait := mine.writes.take(1, t.quota.Writes, writePeriod, now)
		used = max(used, writesUsed)
		if writesWait > wait {
			wait, reason = writesWait, "WriteLimitExceeded"
		}
	}
	header := c.w.Header()
	if used > 0.8 {
		header.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(min(used, 1.8), 'f', 1, 64))
	}
	if wait == 0 {
		return nil
	}
	header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	header.Set("x-ms-throttle-scope", fmt.Sprintf("Tenant_Application/ReadWrite/%s/%s", c.token.AppID, t.ID))
	header.Set("x-ms-throttle-information", reason)
	refusal := failures[Throttled]
	return &refusal
}

// throttlingPatch sets what is in it and leaves the rest alone. What was used before is forgotten.
type throttlingPatch struct {
	ResourceUnits optional[int] `json:"resource_units"` // per application, in 10 seconds
	Writes        optional[int] `json:"writes"`         // per application, in 150 seconds
}

func (s *Server) patchThrottling(t *Tenant, w http.ResponseWriter, r *http.Request) {
	var patch throttlingPatch
	if err := readControl(r, &patch); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	if patch.ResourceUnits.value < 0 || patch.Writes.value < 0 {
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("resource_units and writes are not negative"))
		return
	}
	if patch.ResourceUnits.set {
		t.quota.ResourceUnits = patch.ResourceUnits.value
	}
	if patch.Writes.set {
		t.quota.Writes = patch.Writes.value
	}
	t.usage = nil
	writeControl(w, http.StatusOK, map[string]int{"resource_units": t.quota.ResourceUnits, "writes": t.quota.Writes})
}
