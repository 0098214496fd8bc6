package tenant

import (
	"strings"
	"time"
)

// Quota is what one application may do in one tenant: two buckets that fill up again as time passes (Microsoft Graph:
// throttling limits, identity and access). The limits of an application over all tenants, and of a tenant over all
// applications, are so much higher that nobody on this machine reaches them.
type Quota struct {
	ResourceUnits int // in each resourceUnitPeriod
	Writes        int // in each writePeriod
}

const (
	resourceUnitPeriod = 10 * time.Second
	writePeriod        = 150 * time.Second
)

// smallTenant is the quota in a tenant of fewer than 50 users.
var smallTenant = Quota{ResourceUnits: 3500, Writes: 3000}

// SetQuota changes what each application may do in the tenant. What was used before is forgotten.
func (t *Tenant) SetQuota(q Quota) { t.Quota, t.usage = q, nil }

// Spend takes what a request costs out of an application's quota. It returns how much of the quota is used, 1 being all
// of it, and, where that is not enough, how long to wait and why.
func (t *Tenant) Spend(appID string, resourceUnits int, write bool, now time.Time) (used float64, wait time.Duration,
	reason string) {
	appID = strings.ToLower(appID)
	if t.usage == nil {
		t.usage = map[string]*usage{}
	}
	if t.usage[appID] == nil {
		t.usage[appID] = &usage{}
	}
	mine := t.usage[appID]
	used, wait = mine.resourceUnits.take(float64(resourceUnits), t.Quota.ResourceUnits, resourceUnitPeriod, now)
	reason = "ResourceUnitLimitExceeded"
	if write {
		writesUsed, writesWait := mine.writes.take(1, t.Quota.Writes, writePeriod, now)
		used = max(used, writesUsed)
		if writesWait > wait {
			wait, reason = writesWait, "WriteLimitExceeded"
		}
	}
	return used, wait, reason
}

// usage is what is left to an application in a tenant.
type usage struct{ resourceUnits, writes bucket }

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
