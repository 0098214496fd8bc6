// Package retrytest provides a fake clock for tests, on which a pause takes no real time but advances the clock.
package retrytest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Clock is a retry.Clock for one operation: deadlines are real, and a clock that is ahead of the real time expires
// those of a later operation too soon. Its time is the real one and the pauses that were made; pauses side by side
// count once. It is safe for parallel use.
type Clock struct {
	// OnWait is called for each pause and may end it with an error; nil: every pause passes.
	OnWait func(ctx context.Context, d time.Duration) error

	mu      sync.Mutex
	skipped time.Duration
	pauses  []time.Duration
}

// Now implements retry.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.skipped)
}

// Wait implements retry.Clock. An ended context ends the pause.
func (c *Clock) Wait(ctx context.Context, d time.Duration) error {
	end := c.Now().Add(d)
	if c.OnWait != nil {
		if err := c.OnWait(ctx, d); err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pauses = append(c.pauses, d)
	c.skipped = max(c.skipped, time.Until(end))
	return ctx.Err()
}

// Pauses are those made so far, in their order.
func (c *Clock) Pauses() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.pauses)
}
