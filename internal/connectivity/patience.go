package connectivity

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/patience"
)

const (
	// firstPause is added to each pause to make the next one, up to longestPause. A sign-in that failed can itself be
	// remembered by Entra for a minute or two (Azure/azure-workload-identity issue 273), so that haste makes it slower.
	firstPause   = 5 * time.Second
	longestPause = 30 * time.Second
	// reserve is what is kept of the time allowed for the questions that follow signing in.
	reserve = 20 * time.Second
)

// errSpent says that a pause would take more than is left.
var errSpent = errors.New("the time allowed by timeouts has no room for another pause")

// budget is the time that may pass in pauses: for what is not ready yet, and for services that are busy. It is of one
// strand of questions, each put after the one before; strands that run side by side have a copy each.
type budget struct {
	wait           patience.Wait
	allowed, spent time.Duration
	tries          int // of again
}

func newBudget(allowed time.Duration, wait patience.Wait) *budget {
	return &budget{wait: wait, allowed: allowed - reserve}
}

// spend is a patience.Wait. What there is no time for is not begun.
func (b *budget) spend(ctx context.Context, pause time.Duration) error {
	deadline, limited := ctx.Deadline()
	if pause > b.allowed-b.spent || limited && time.Until(deadline) < pause+reserve {
		tflog.Info(ctx, "The time allowed by timeouts has no room for another pause", map[string]any{"asks_for": pause.String()})
		return errSpent
	}
	b.spent += pause
	return b.wait(ctx, pause)
}

// strand returns a context for questions beside others, which wait out of a copy of the budget, and the copy.
func (b *budget) strand(ctx context.Context) (context.Context, *budget) {
	strand := *b
	return patience.With(ctx, strand.spend), &strand
}

// halve takes half of what is left away.
func (b *budget) halve() { b.allowed -= (b.allowed - b.spent) / 2 }

// join goes on when the strands have ended, the slowest one included.
func (b *budget) join(strands ...*budget) {
	for _, strand := range strands {
		b.spent = max(b.spent, strand.spent)
	}
}

// again waits, and tells whether to ask once more. It does not where the time is up, or the run was interrupted.
func (b *budget) again(ctx context.Context, reason string) bool {
	b.tries++
	pause := min(time.Duration(b.tries)*firstPause, longestPause)
	tflog.Info(ctx, "Not ready yet: something was changed in the last half hour, and Entra may not have heard of it", map[string]any{
		"attempts": b.tries, "reason": reason, "next_in": pause.String(),
	})
	return b.spend(ctx, pause) == nil
}
