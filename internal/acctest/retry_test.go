package acctest_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// sent is a request, or a part of one, as the sandbox's log has it.
type sent struct {
	name       string // method and path
	began, end time.Time
	status     int
}

func sentBy(requests []acctest.Request) []sent {
	var all []sent
	for _, r := range requests {
		end := r.Time.Add(time.Duration(r.Millis * float64(time.Millisecond)))
		add := func(method, path string, status int) {
			path, _, _ = strings.Cut(path, "?")
			all = append(all, sent{method + " " + path, r.Time, end, status})
		}
		add(r.Method, r.Path, r.Status)
		for _, part := range r.Parts {
			add(part.Method, part.Path, part.Status)
		}
	}
	return all
}

// each runs a test for every kind of request of every command.
func each(t *testing.T, test func(t *testing.T, c command, s *scene, fault sandbox.Fault)) {
	for name, c := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var shared *scene
			if c.reads {
				shared = c.stage(t)
			}
			for call, fault := range c.calls {
				t.Run(call, func(t *testing.T) {
					s := shared
					if s == nil {
						t.Parallel()
						s = c.stage(t)
					}
					test(t, c, s, fault)
				})
			}
		})
	}
}

func TestAccTargetAppRegistration_RetryAfterIsHonouredOnEveryCall(t *testing.T) {
	t.Parallel()
	const pause = time.Second
	each(t, func(t *testing.T, c command, s *scene, fault sandbox.Fault) {
		fault.Kind, fault.RetryAfter = sandbox.Throttled, "1"
		s.meet(fault)
		if err := c.run(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		var throttled *sent
		again := 0
		for _, now := range sentBy(s.Requests()) {
			switch {
			case now.status == http.StatusTooManyRequests && throttled == nil:
				throttled = &now
			case now.status == http.StatusTooManyRequests, throttled == nil, now.name != throttled.name,
				now.began.Before(throttled.end):
			default:
				again++
				if waited := now.began.Sub(throttled.end); waited < pause {
					t.Errorf("%s was sent again after %s", now.name, waited)
				}
			}
		}
		if again == 0 {
			t.Errorf("nothing was sent again after %+v", throttled)
		}
	})
}

func TestAccTargetAppRegistration_ARetryAfterBeyondTheOperationsTimeFailsWithinItAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range commands["create"].calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := acctest.Start(t, sandbox.Options{Profile: "instant"})
			target := env.Protocol(env.Tenant(0).Callers.Full).Object("codetwo_target_app_registration")
			config := func(create string) tftypes.Value {
				return target.Config(map[string]tftypes.Value{"timeouts": target.Nested("timeouts", map[string]tftypes.Value{
					"create": tftypes.NewValue(tftypes.String, create), "delete": tftypes.NewValue(tftypes.String, "5m"),
				})})
			}
			fault.Kind, fault.RetryAfter = sandbox.Throttled, "3600"
			env.Inject(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			_, err := target.Apply(ctx, config("50m"))
			if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "429") {
				t.Fatalf("the error is %v", err)
			}
			if _, err := target.Apply(t.Context(), config("5m")); err != nil {
				t.Fatalf("the next apply: %v", err)
			}
			if err := target.Destroy(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, app := range env.State(0).Applications {
				if !strings.HasPrefix(app.DisplayName, "Terraform (") {
					t.Errorf("the tenant holds %+v", app)
				}
			}
		})
	}
}

// The faults last for hours, and so may the command: of its 24, Autodiscover gets half. A run that ends all the same,
// and sends nothing more, ends because it was cancelled.
func TestAccTargetAppRegistration_ACancelledRunStopsWhereverItIs(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var longest time.Duration
	t.Cleanup(func() { t.Logf("the longest time that a run took to stop: %s", longest) })
	each(t, func(t *testing.T, c command, s *scene, fault sandbox.Fault) {
		for _, lasting := range []sandbox.Fault{{Kind: sandbox.Throttled, RetryAfter: "36000"},
			{Kind: sandbox.Slow, For: "20h"}} {
			fault.Kind, fault.RetryAfter, fault.For = lasting.Kind, lasting.RetryAfter, lasting.For
			if fault.Kind == sandbox.Slow && !c.reads {
				s = c.stage(t) // the first fault may have interrupted it
			}
			s.meet(fault)
			before := s.Server.FaultsMet()[fault.Kind]
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			go func() { ended <- c.run(ctx, s) }()
			for s.Server.FaultsMet()[fault.Kind] == before {
				select {
				case err := <-ended:
					t.Fatalf("%s: it ended before it was cancelled: %v", fault.Kind, err)
				case <-time.After(time.Millisecond):
				}
			}
			cancel()
			s.wire.cancelled.Store(true)
			began := time.Now()
			err := <-ended
			took := time.Since(began)
			if late := s.wire.late.Load(); err == nil || late > 0 {
				t.Errorf("%s: %d requests were sent after the end, and the error is %v", fault.Kind, late, err)
			}
			s.wire.cancelled.Store(false)
			mu.Lock()
			longest = max(longest, took)
			mu.Unlock()
		}
	})
}

func TestAccTargetAppRegistration_ATokenThatGraphRefusesIsReplacedAndTheRequestRepeated(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"POST /v1.0/$batch", "PATCH /v1.0/applications(uniqueName=*"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			env := acctest.Start(t, sandbox.Options{Profile: "instant"})
			target := env.Protocol(env.Tenant(0).Callers.Full).Object("codetwo_target_app_registration")
			env.Inject(sandbox.Fault{
				At: at, Kind: sandbox.Refused, Status: http.StatusUnauthorized,
				Code: "InvalidAuthenticationToken", Message: "Access token has expired or is not yet valid.",
			})
			if _, err := target.Apply(t.Context(), target.Config(nil)); err != nil {
				t.Fatal(err)
			}
			tokens := 0
			for _, request := range env.Requests() {
				if strings.HasSuffix(request.Path, "/oauth2/v2.0/token") {
					tokens++
				}
			}
			if tokens != 2 {
				t.Errorf("%d tokens were taken, want another one for the one that was refused", tokens)
			}
		})
	}
}
