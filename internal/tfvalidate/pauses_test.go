package tfvalidate

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

func TestTheLogTellsOfEachPauseHowLongItIsAndWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	ctx := tflogtest.RootLogger(t.Context(), &log)
	run := retry.Policy{Clock: &retrytest.Clock{}, Notify: LogPauses("Graph is busy")}.Start()
	if err := run.Wait(ctx, retry.Verdict{Retry: true, Unlimited: true, Pause: 7 * time.Second,
		Reason: errors.New("it answered 429")}); err != nil {
		t.Fatal(err)
	}
	LogPauses("Graph is busy")(ctx, retry.Notice{Attempts: 2, Pause: time.Hour, Reason: errors.New("it answered 503")})
	entries, err := tflogtest.MultilineJSONDecode(&log)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%v, %v", entries, err)
	}
	for i, want := range []map[string]any{
		{"@message": "Graph is busy", "@level": "info", "attempts": 1.0, "next_in": "7s", "reason": "it answered 429"},
		{"@message": "The time allowed by timeouts does not allow another pause", "@level": "info", "attempts": 2.0,
			"next_in": "1h0m0s", "reason": "it answered 503"},
	} {
		for name, value := range want {
			if entries[i][name] != value {
				t.Errorf("the entry %d has %s = %v, want %v", i, name, entries[i][name], value)
			}
		}
	}
}
