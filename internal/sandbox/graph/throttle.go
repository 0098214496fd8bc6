package graph

import (
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// throttled takes what a request costs out of the caller's quota, and refuses it where that is used up.
func (c *call) throttled(cost int, write bool) *apiError {
	if tenant.Bypasses(c.r) {
		return nil
	}
	used, wait, reason := c.tenant.Spend(c.token.AppID, cost, write, c.api.world.Now())
	header := c.w.Header()
	if used > 0.8 {
		header.Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(min(used, 1.8), 'f', 1, 64))
	}
	if wait == 0 {
		return nil
	}
	header.Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
	header.Set("x-ms-throttle-scope", fmt.Sprintf("Tenant_Application/ReadWrite/%s/%s", c.token.AppID, c.tenant.ID))
	header.Set("x-ms-throttle-information", reason)
	return &apiError{status: http.StatusTooManyRequests, code: "TooManyRequests", message: "Too many requests."}
}
