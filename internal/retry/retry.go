// Package retry implements the provider's retry policy: back-off, requested delays, deadlines, and polling until
// Entra's replicas show a change. A Policy holds the rules and sends HTTP requests under them, and a Run applies them
// to one operation. The clock is injected.
package retry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// LongestPause bounds every pause that an answer asks for. A number beyond it may not fit into a duration, and no
// operation lasts as long.
const LongestPause = 365 * 24 * time.Hour

// Policy holds the rules of waiting. The zero Policy is ready for use. The deadline of the operation is its context's:
// a pause that does not end before it is not begun, since the last answer says more than a timeout would.
type Policy struct {
	InitialBackoff time.Duration // the first back-off, which doubles with each attempt; 0: a second
	MaxBackoff     time.Duration // the longest back-off; 0: 30 seconds
	NoJitter       bool          // no part of the back-off is taken away at random
	MaxRetries     int           // how often what is not Unlimited is repeated; 0: three times
	Reserve        time.Duration // of the time before the deadline: kept for what follows the operation
	// FinalAttempt is how long before the deadline one more attempt is made, where only the deadline bounds the attempts
	// and no answer names a time: the back-off ends then. 0: such a back-off is not begun, either.
	FinalAttempt time.Duration
	Clock        Clock                         // nil: System
	Notify       func(context.Context, Notice) // is told of each pause; nil: nobody is
}

// Clock tells and passes the time. Its Now is compared with the deadlines of contexts.
type Clock interface {
	Now() time.Time
	// Wait lets d pass. It returns the context's error as soon as that is done.
	Wait(ctx context.Context, d time.Duration) error
}

// System is the real Clock.
type System struct{}

// Now implements Clock.
func (System) Now() time.Time { return time.Now() }

// Wait implements Clock.
func (System) Wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Verdict judges one attempt.
type Verdict struct {
	Retry     bool          // another attempt may be answered otherwise
	Unlimited bool          // the deadline alone bounds how often, and not Policy.Limit
	Pause     time.Duration // that the answer asks for; 0: it names none, and the back-off decides
	Reason    error         // what is waited for, as a clause: "Entra did not show the application"
}

// UntilDeadline is the Verdict on what is waited for as long as the deadline allows.
func UntilDeadline(reason error) Verdict {
	return Verdict{Retry: true, Unlimited: true, Reason: reason}
}

// Notice tells Policy.Notify of a pause.
type Notice struct {
	Attempts int           // made so far
	Pause    time.Duration // that follows
	Started  bool          // false: it does not end before the deadline, and the operation ends instead
	Reason   error         // of the Verdict
}

// StoppedError is the error of an operation that ends without another attempt: there is no time for the pause, or the
// pause was interrupted.
type StoppedError struct {
	Cause  error // context.DeadlineExceeded, or the Clock's error
	Reason error // of the Verdict
}

func (s *StoppedError) Error() string {
	if errors.Is(s.Cause, context.Canceled) {
		return fmt.Sprintf("interrupted while %v", s.Reason)
	}
	return fmt.Sprintf("the time allowed by timeouts ran out while %v", s.Reason)
}

func (s *StoppedError) Unwrap() []error { return []error{s.Cause, s.Reason} }

// ErrFinal is the error of Wait if the last answer is the result.
var ErrFinal = errors.New("not worth another attempt")

// Interrupted returns the error of Wait if the context was cancelled, and nil if the last answer is the result.
func Interrupted(stopped error) error {
	if errors.Is(stopped, context.Canceled) {
		return stopped
	}
	return nil
}

// ReserveHalf returns the policy with half of the time before the deadline reserved: for a question that can remain
// unanswered.
func (p Policy) ReserveHalf(ctx context.Context) Policy {
	if left, limited := p.left(ctx); limited {
		p.Reserve += max(left, 0) / 2
	}
	return p
}

// left is the time before the deadline, without the reserve.
func (p Policy) left(ctx context.Context) (left time.Duration, limited bool) {
	deadline, limited := ctx.Deadline()
	return deadline.Sub(p.clock().Now()) - p.Reserve, limited
}

func (p Policy) clock() Clock {
	if p.Clock == nil {
		return System{}
	}
	return p.Clock
}

// backOff is the pause after so many attempts, from 1. Up to half of it is taken away at random unless the policy
// has NoJitter: many tenants which failed together should not come back together.
func (p Policy) backOff(attempts int) time.Duration {
	pause := min(cmp.Or(p.InitialBackoff, time.Second)<<min(attempts-1, 10), cmp.Or(p.MaxBackoff, 30*time.Second))
	if p.NoJitter {
		return pause
	}
	return pause - rand.N(pause/2)
}

// Run counts the attempts of one operation. It is not safe for parallel use.
type Run struct {
	policy            Policy
	attempts, limited int
}

// Start begins an operation.
func (p Policy) Start() *Run { return &Run{policy: p} }

// Attempts is how many attempts came before this one.
func (r *Run) Attempts() int { return r.attempts }

// Allows reports whether the verdict is worth another attempt, whatever time there is.
func (r *Run) Allows(v Verdict) bool {
	return v.Retry && (v.Unlimited || r.limited < cmp.Or(r.policy.MaxRetries, 3))
}

// Pause is how long to wait after the verdict. A named time that is next to nothing grows with the attempts: immediate
// retries prolong throttling (Microsoft Graph: throttling guidance).
func (r *Run) Pause(v Verdict) time.Duration {
	backOff := r.policy.backOff(r.attempts + 1)
	if v.Pause > 0 {
		return max(v.Pause, backOff/8)
	}
	return backOff
}

// Wait waits before another attempt. Its error is ErrFinal if the verdict is not worth one, and otherwise a
// *StoppedError.
func (r *Run) Wait(ctx context.Context, v Verdict) error {
	if !r.Allows(v) {
		return ErrFinal
	}
	pause := r.Pause(v)
	r.attempts++
	if !v.Unlimited {
		r.limited++
	}
	left, limited := r.policy.left(ctx)
	if last := r.policy.FinalAttempt; limited && last > 0 && v.Unlimited && v.Pause == 0 && left > last {
		pause = min(pause, left-last)
	}
	begun := !limited || left > pause
	if r.policy.Notify != nil {
		r.policy.Notify(ctx, Notice{Attempts: r.attempts, Pause: pause, Started: begun, Reason: v.Reason})
	}
	if !begun {
		return &StoppedError{Cause: context.DeadlineExceeded, Reason: v.Reason}
	}
	if err := r.policy.clock().Wait(ctx, pause); err != nil {
		return &StoppedError{Cause: err, Reason: v.Reason}
	}
	return nil
}
