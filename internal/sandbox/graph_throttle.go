package sandbox

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
)

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
