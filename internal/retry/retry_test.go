package retry

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

var errNotShown = errors.New("the directory did not show the application")

func TestWhatIsWaitedForUntilTheDeadlineIsTriedAsOftenAsThePausesFitAndNamedAtTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	clock := &retrytest.Clock{}
	deadline, _ := ctx.Deadline()
	run := Policy{InitialBackoff: 2 * time.Second, MaxBackoff: 8 * time.Second, FinalAttempt: time.Second,
		Clock: clock}.Start()
	var err error
	for tries := 0; err == nil && tries < 1000; tries++ {
		err = run.Wait(ctx, UntilDeadline(errNotShown))
	}
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, errNotShown) ||
		!strings.Contains(err.Error(), "ran out while the directory did not show the application") {
		t.Errorf("the error is %v", err)
	}
	if left := deadline.Sub(clock.Now()); left <= 0 || left > time.Second {
		t.Errorf("%s are left at the end, want time for one attempt", left)
	}
	for i, pause := range clock.Pauses()[:len(clock.Pauses())-1] { // the last one is what was left
		if longest := min(2*time.Second<<min(i, 10), 8*time.Second); pause > longest || pause < longest/2 {
			t.Errorf("the pause %d is %s, want half of %s to all of it", i+1, pause, longest)
		}
	}
}

func TestTheReserveIsKeptForWhatFollowsAndHalfOfTheRestForAnotherQuestion(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	for name, c := range map[string]struct {
		policy func(Policy) Policy
		pauses int // of ten seconds each
	}{
		"nothing kept":     {func(p Policy) Policy { p.Reserve = 0; return p }, 9}, // the tenth would end at the deadline
		"a reserve":        {func(p Policy) Policy { return p }, 7},
		"half of the rest": {func(p Policy) Policy { return p.ReserveHalf(ctx) }, 3},
	} {
		clock := &retrytest.Clock{}
		run := c.policy(Policy{Reserve: 20 * time.Second, FinalAttempt: time.Second, Clock: clock}).Start()
		for run.Attempts() < 1000 && run.Wait(ctx, Verdict{Retry: true, Unlimited: true, Pause: 10 * time.Second}) == nil {
			continue
		}
		if len(clock.Pauses()) != c.pauses {
			t.Errorf("%s: %d pauses, want %d", name, len(clock.Pauses()), c.pauses)
		}
	}
}

func TestOnlyWhatIsNotUnlimitedCountsAgainstTheLimit(t *testing.T) {
	t.Parallel()
	run := Policy{MaxRetries: 2, Clock: &retrytest.Clock{}}.Start()
	busy, failed := Verdict{Retry: true, Unlimited: true, Pause: time.Second}, Verdict{Retry: true}
	var got []bool
	for _, verdict := range []Verdict{busy, failed, busy, busy, failed, busy, failed, {}} {
		got = append(got, run.Wait(t.Context(), verdict) == nil)
	}
	if want := []bool{true, true, true, true, true, true, false, false}; !slices.Equal(got, want) {
		t.Errorf("repeated: %t, want %t", got, want)
	}
}

func TestEachPauseIsAnnouncedWithWhatIsWaitedFor(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	var notices []Notice
	run := Policy{Clock: &retrytest.Clock{},
		Notify: func(_ context.Context, n Notice) { notices = append(notices, n) }}.Start()
	for run.Attempts() < 1000 && run.Wait(ctx,
		Verdict{Retry: true, Unlimited: true, Pause: 10 * time.Second, Reason: errNotShown}) == nil {
		continue
	}
	want := []Notice{{1, 10 * time.Second, true, errNotShown}, {2, 10 * time.Second, false, errNotShown}}
	if !slices.Equal(notices, want) {
		t.Errorf("%+v, want %+v", notices, want)
	}
}

func TestPausesSideBySideCountOnceAgainstTheDeadline(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var begun, ended sync.WaitGroup
	begun.Add(3)
	policy := Policy{Clock: &retrytest.Clock{OnWait: func(context.Context, time.Duration) error {
		begun.Done()
		begun.Wait()
		return nil
	}}}
	for range 3 {
		ended.Go(func() {
			if err := policy.Start().Wait(ctx, Verdict{Retry: true, Pause: 25 * time.Second, Reason: errNotShown}); err != nil {
				t.Error(err)
			}
		})
	}
	ended.Wait()
	if left, _ := policy.left(ctx); left > 35*time.Second || left < 30*time.Second {
		t.Errorf("after three pauses of 25 s at the same time, %s are left of a minute", left)
	}
}

func TestAnInterruptedPauseIsNotTakenForATimeOut(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Policy{}.Start().Wait(ctx, UntilDeadline(errNotShown)) // by the real clock
	if !errors.Is(err, context.Canceled) || err.Error() != "interrupted while the directory did not show the application" {
		t.Errorf("the error is %v", err)
	}
}
