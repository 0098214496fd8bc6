package signin

import (
	"context"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// failuresBorne is how often a sign-in that fails for no named time is tried again, as azcore does by default.
const failuresBorne = 3

// passing are the answers that another try may change.
var passing = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
	http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// patience makes azcore wait as long as Entra says, and as often, where that ends before the operation's deadline. By
// itself azcore gives up on a wait of more than a minute, and after three.
func patience() policy.RetryOptions {
	return policy.RetryOptions{
		MaxRetries:    math.MaxInt32 - 1, // counted here
		MaxRetryDelay: 24 * time.Hour,
		ShouldRetry: func(answer *http.Response, err error) bool {
			if err != nil || answer == nil || answer.Request == nil {
				return true // wire.Do makes the last one final
			}
			ctx := answer.Request.Context()
			named, ok := retryAfter(answer.Header)
			switch {
			case !slices.Contains(passing, answer.StatusCode):
				return false
			case ok && answer.StatusCode == http.StatusTooManyRequests:
				return fits(ctx, named)
			default:
				return noteOf(ctx).bear() && fits(ctx, named)
			}
		},
	}
}

// retryAfter reads the headers that azcore waits by: seconds, or a date (RFC 9110, 10.2.3), or Azure's milliseconds.
func retryAfter(header http.Header) (time.Duration, bool) {
	for name, unit := range map[string]time.Duration{"Retry-After-Ms": time.Millisecond, "X-Ms-Retry-After-Ms": time.Millisecond, "Retry-After": time.Second} {
		if number, err := strconv.Atoi(header.Get(name)); err == nil && number > 0 {
			return time.Duration(number) * unit, true
		}
	}
	if date, err := http.ParseTime(header.Get("Retry-After")); err == nil && time.Until(date) > 0 {
		return time.Until(date), true
	}
	return 0, false
}

// fits tells whether a pause ends before the operation's deadline. Waiting beyond it would only hide the reason.
func fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

// bear counts a failure, and tells whether another one is borne.
func (n *note) bear() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failures++
	return n.failures <= failuresBorne
}
