package registration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// Entra answers from replicas that do not all know at once what was written: an app-only caller may not find what it
// has just made. Nothing here waits for a fixed time. A write is repeated while the answer says "not yet", which it can
// only say of what was written a moment ago; after the last write, one confirming read suffices when it is good, and
// three good ones in a row once a stale one was seen.

const (
	firstWait       = 500 * time.Millisecond
	longestWait     = 10 * time.Second
	goodReads       = 3
	lostReads       = 5               // the same where an answer was lost, and what is not seen may only not be seen yet
	finalReadBefore = 2 * time.Second // before the deadline; Graph seldom takes longer to answer
	// replication is how long an application counts as created a moment ago. Replicas were seen to differ for minutes.
	replication = 30 * time.Minute
)

// replicated reports whether every replica must know the application, so that "not yet" is final: this operation has
// written nothing, and nobody created the application lately.
func (o *operation) replicated() bool {
	return !o.wrote && !o.madeAt.IsZero() && o.Now().Sub(o.madeAt) > replication
}

// waiting begins to wait for Entra's replicas.
func (m *Manager) waiting() *retry.Run {
	retries := m.Retries
	retries.First, retries.Longest, retries.Last = firstWait, longestWait, finalReadBefore
	return retries.Start()
}

// runAgain adds the next step to the error of a wait.
func runAgain(err error) error { return fmt.Errorf("%w; run the same command again", err) }

// write carries out changes, and those again to which Entra says "not yet". It returns the outcomes in the order of
// the changes, and the first error that is final.
func (o *operation) write(ctx context.Context, order entra.Order, changes ...entra.Change) ([]entra.Outcome, error) {
	outcomes := make([]entra.Outcome, len(changes))
	pending := make([]int, len(changes))
	for i := range pending {
		pending[i] = i
	}
	for run := o.waiting(); len(pending) > 0; {
		batch := make([]entra.Change, len(pending))
		for at, index := range pending {
			batch[at] = changes[index]
		}
		var again []int
		var lagging error
		var failed []error
		for at, outcome := range o.Directory.Write(ctx, order, batch...) {
			index := pending[at]
			outcome.Lost = outcome.Lost || outcomes[index].Lost
			outcomes[index] = outcome
			switch refused := entra.AsError(outcome.Err); {
			case outcome.Skipped:
				again = append(again, index)
			case refused != nil && refused.Lagging() && !o.replicated():
				again, lagging = append(again, index), outcome.Err
			case slices.ContainsFunc(failed, func(before error) bool { return errors.Is(before, outcome.Err) }):
				// It is of the batch as a whole.
			case outcome.Err != nil:
				failed = append(failed, outcome.Err)
			default:
				o.wrote = true
			}
		}
		if len(failed) > 0 {
			return outcomes, errors.Join(failed...)
		}
		if lagging == nil { // what was skipped came after a change that had nothing left to do
			pending = again
			continue
		}
		if err := run.Again(ctx, retry.Until(fmt.Errorf("Entra still answered %w", lagging))); err != nil {
			return outcomes, err
		}
		pending = again
	}
	return outcomes, nil
}

// confirm reads the registration until it shows what was written. missing says what it does not show, or nothing.
func (m *Manager) confirm(
	ctx context.Context, ref entra.RegistrationRef, missing func(*entra.Registration) string,
) (*entra.Registration, error) {
	needed := 1
	inARow := 0
	for run := m.waiting(); ; {
		registration, err := m.Directory.Registration(ctx, ref)
		if err != nil {
			return nil, err
		}
		lacks := missing(registration)
		if lacks == "" {
			if inARow++; inARow == needed {
				return registration, nil
			}
		} else {
			needed, inARow = goodReads, 0
		}
		err = run.Again(ctx, retry.Until(fmt.Errorf("Entra did not show %s yet", cmp.Or(lacks, "it on every replica"))))
		if err != nil && lacks == "" {
			return registration, nil
		}
		if err != nil {
			return registration, runAgain(err)
		}
	}
}
