package tfvalidate

import (
	"context"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// LogPauses returns a retry.Policy's Notify that logs each pause under the message.
func LogPauses(message string) func(context.Context, retry.Notice) {
	return func(ctx context.Context, n retry.Notice) {
		fields := map[string]any{"attempts": n.Attempts, "reason": n.Reason.Error(), "next_in": n.Pause.String()}
		if n.Started {
			tflog.Info(ctx, message, fields)
		} else {
			tflog.Info(ctx, "The time allowed by timeouts does not allow another pause", fields)
		}
	}
}
