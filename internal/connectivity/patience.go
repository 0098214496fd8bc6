package connectivity

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

const (
	// firstPause is added to each pause to make the next one, up to longestPause. A sign-in that failed can itself be
	// remembered by Entra for a minute or two (Azure/azure-workload-identity issue 273), so that haste makes it slower.
	firstPause   = 5 * time.Second
	longestPause = 30 * time.Second
	// reserve is what is kept of the time allowed for the questions that follow signing in.
	reserve = 20 * time.Second
)

// patience waits for what is not ready yet, as long as the time allowed lasts.
type patience struct {
	wait  func(context.Context, time.Duration) error
	left  time.Duration // for pauses
	tries int
}

func newPatience(allowed time.Duration, wait func(context.Context, time.Duration) error) *patience {
	return &patience{wait: wait, left: allowed - reserve}
}

// again waits, and tells whether to ask once more. It does not where the time is up, or the run was interrupted.
func (p *patience) again(ctx context.Context, reason string) bool {
	p.tries++
	pause := min(time.Duration(p.tries)*firstPause, longestPause)
	deadline, limited := ctx.Deadline()
	if pause > p.left || limited && time.Until(deadline) < pause+reserve {
		tflog.Info(ctx, "Not ready, and the time allowed by timeouts is used up", map[string]any{"attempts": p.tries, "reason": reason})
		return false
	}
	tflog.Info(ctx, "Not ready yet: something was changed in the last half hour, and Entra may not have heard of it", map[string]any{
		"attempts": p.tries, "reason": reason, "next_in": pause.String(),
	})
	p.left -= pause
	return p.wait(ctx, pause) == nil
}
