package sandbox

import "time"

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
