//go:build full

package registration_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/registration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// mortal is the directory of a process that ends at its n-th request, from 1: before the request, or after it was
// carried out. With n = 0 the process lives.
type mortal struct {
	entra.Directory
	at    int
	after bool

	mu       sync.Mutex
	requests int
}

func (m *mortal) send(request func()) error {
	m.mu.Lock()
	m.requests++
	number := m.requests
	m.mu.Unlock()
	if m.at == 0 || number < m.at || number == m.at && m.after {
		request()
	}
	if m.at > 0 && number >= m.at {
		return errCutOff
	}
	return nil
}

func (m *mortal) Registration(ctx context.Context, ref entra.RegistrationRef) (r *entra.Registration, err error) {
	cut := m.send(func() { r, err = m.Directory.Registration(ctx, ref) })
	return r, cmp.Or(cut, err)
}

func (m *mortal) Search(ctx context.Context, query entra.SearchQuery) (r *entra.SearchResult, err error) {
	cut := m.send(func() { r, err = m.Directory.Search(ctx, query) })
	return r, cmp.Or(cut, err)
}

func (m *mortal) UpsertApplication(ctx context.Context, name string, change entra.ApplicationChange) (
	made *entra.Application, lost bool, err error) {
	if cut := m.send(func() { made, lost, err = m.Directory.UpsertApplication(ctx, name, change) }); cut != nil {
		return nil, true, cut
	}
	return made, lost, err
}

func (m *mortal) Write(ctx context.Context, order entra.Order, changes ...entra.Change) (outcomes []entra.Outcome) {
	if cut := m.send(func() { outcomes = m.Directory.Write(ctx, order, changes...) }); cut != nil {
		outcomes = make([]entra.Outcome, len(changes))
		for i := range outcomes {
			outcomes[i].Err = cut
		}
	}
	return outcomes
}

// process runs an operation in a process of its own, with ten minutes of the tenant's time.
func (l *lifecycle) process(at int, after bool, operate func(ctx context.Context) error) error {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 10*time.Minute)
	defer cancel()
	clock := &retrytest.Clock{OnWait: func(ctx context.Context, pause time.Duration) error {
		l.pass(pause)
		return ctx.Err()
	}}
	l.Directory = &mortal{Directory: l.env.PacedDirectory(l.TenantID, clock), at: at, after: after}
	l.Retries.Clock, l.NameLocks = clock, &registration.NameLocks{}
	return operate(ctx)
}

// wrong says what is not as declared: one application with so many certificates, whose keys are in the store.
func (l *lifecycle) wrong(certificates int) string {
	ours, deleted := l.ours(), l.env.State(0).DeletedItems
	if len(ours) != 1 || len(deleted) > 0 {
		return fmt.Sprintf("the applications are %+v, and the recycle bin holds %+v", ours, deleted)
	}
	if uploaded, stored := l.keys(ours[0].ClientID); len(uploaded) != certificates || len(stored) != certificates {
		return fmt.Sprintf("uploaded are %v, and in the store %v, want %d", uploaded, stored, certificates)
	}
	return ""
}

// inTurn carries an operation out in a process that ends at a request, and once more in another one that follows at
// once, unless the first one completed it. It looks for so many certificates.
func (l *lifecycle) inTurn(request int, after bool, certificates int, operate func(ctx context.Context) error) {
	l.t.Helper()
	if l.process(request, after, operate) != nil {
		if err := l.process(0, false, operate); err != nil {
			l.t.Fatal(err)
		}
	}
	if problem := l.wrong(certificates); problem != "" {
		l.t.Error(problem)
	}
}

// TestRegistration_NothingIsLostOrDoubledWhereverAProcessEndsWhileTheTenantIsDegraded ends a process at each request of
// a create and of a rotation, and looks at the tenant and the store after another process. No time passes except by
// waiting, so replicas lag for as long as the seed says.
func TestRegistration_NothingIsLostOrDoubledWhereverAProcessEndsWhileTheTenantIsDegraded(t *testing.T) {
	seed := rand.Uint64N(1<<32) + 1
	if given, err := strconv.ParseUint(os.Getenv("SANDBOX_SEED"), 10, 64); err == nil {
		seed = given
	}
	options := sandbox.Options{Profile: "degraded", Speed: 1, Seed: seed}
	for number := range 24 { // beyond the last request, the operation is complete at once
		request, after := 1+number/2, number%2 == 1
		name := fmt.Sprintf("%d, carried out %t, SANDBOX_SEED=%d", request, after, seed)
		t.Run("create, request "+name, func(t *testing.T) {
			l := start(t, options)
			l.inTurn(request, after, 1, func(ctx context.Context) error {
				_, _, err := l.Create(ctx, wanted())
				return err
			})
		})
		t.Run("rotation, request "+name, func(t *testing.T) {
			l := start(t, options)
			var made *registration.Observed
			if err := l.process(0, false, func(ctx context.Context) (err error) {
				made, _, err = l.Create(ctx, wanted())
				return err
			}); err != nil {
				t.Fatal(err)
			}
			l.inTurn(request, after, 2, func(ctx context.Context) error {
				seen, _, err := l.Read(ctx, made)
				if err == nil {
					_, _, err = l.Update(ctx, rotating(seen), seen)
				}
				return err
			})
		})
	}
}
