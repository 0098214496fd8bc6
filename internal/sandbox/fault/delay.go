package fault

import (
	"context"
	"net/http"
	"time"
)

// Delayed answers every request by so much later.
func Delayed(by time.Duration, next http.Handler) http.Handler {
	if by <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait(r.Context(), by) == nil {
			next.ServeHTTP(w, r)
		}
	})
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
