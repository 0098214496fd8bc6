package acctest_test

import (
	"context"
	"net/http"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// calls are one of each kind of request that a create consists of.
var calls = map[string]sandbox.Fault{
	"a token request":            {At: "POST /*/oauth2/v2.0/token"},
	"a batch as a whole":         {At: "POST /v1.0/$batch", Nth: 4}, // the first ones are sent side by side
	"a read in a batch":          {At: "GET /v1.0/applications(uniqueName=*"},
	"a write in a batch":         {At: "POST /v1.0/servicePrincipals"},
	"a consent in a batch":       {At: "POST /v1.0/servicePrincipals/*/appRoleAssignedTo"},
	"a write by itself":          {At: "PATCH /v1.0/applications(uniqueName=*"},
	"a read of what was written": {At: "GET /v1.0/applications/*"},
}

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

func TestRetryAfterIsHonouredOnEveryCall(t *testing.T) {
	t.Parallel()
	const pause = 2 * time.Second
	for name, fault := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := acctest.Start(t, sandbox.Options{Profile: "instant"})
			target := k.Protocol(k.Tenant(0).Callers.Full).Object("codetwo_target_app_registration")
			fault.Kind, fault.RetryAfter = sandbox.Throttled, "2"
			k.Aim(fault)
			if _, err := target.Apply(t.Context(), target.Config(nil)); err != nil {
				t.Fatal(err)
			}
			var throttled *sent
			for _, s := range sentBy(k.Requests()) {
				switch {
				case s.status == http.StatusTooManyRequests:
					throttled = &s
				case throttled != nil && s.name == throttled.name:
					if waited := s.began.Sub(throttled.end); waited < pause {
						t.Errorf("%s was sent again after %s", s.name, waited)
					}
					return
				}
			}
			t.Errorf("nothing was sent again after %+v", throttled)
		})
	}
}

func TestARetryAfterBeyondTheOperationsTimeFailsWithinItAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, fault := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := acctest.Start(t, sandbox.Options{Profile: "instant"})
			target := k.Protocol(k.Tenant(0).Callers.Full).Object("codetwo_target_app_registration")
			config := func(create string) tftypes.Value {
				return target.Config(map[string]tftypes.Value{"timeouts": target.Nested("timeouts", map[string]tftypes.Value{
					"create": tftypes.NewValue(tftypes.String, create), "delete": tftypes.NewValue(tftypes.String, "5m"),
				})})
			}
			fault.Kind, fault.RetryAfter = sandbox.Throttled, "3600"
			k.Aim(fault)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			_, err := target.Apply(ctx, config("8s"))
			if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "429") {
				t.Fatalf("the error is %v", err)
			}
			if _, err := target.Apply(t.Context(), config("5m")); err != nil {
				t.Fatalf("the next apply: %v", err)
			}
			if err := target.Destroy(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, app := range k.State(0).Applications {
				if !strings.HasPrefix(app.DisplayName, "Terraform (") {
					t.Errorf("the tenant holds %+v", app)
				}
			}
		})
	}
}

func TestACancelledRunStopsWithinASecondWhereverItIs(t *testing.T) {
	t.Parallel()
	for _, trouble := range []sandbox.Fault{{Kind: sandbox.Throttled, RetryAfter: "200"}, {Kind: sandbox.Slow, For: "10m"}, {Kind: sandbox.EmptyBody, RetryAfter: "200"}} {
		for name, fault := range calls {
			t.Run(path.Join(string(trouble.Kind), name), func(t *testing.T) {
				t.Parallel()
				k := acctest.Start(t, sandbox.Options{Profile: "instant"})
				target := k.Protocol(k.Tenant(0).Callers.Full).Object("codetwo_target_app_registration")
				fault.Kind, fault.RetryAfter, fault.For = trouble.Kind, trouble.RetryAfter, trouble.For
				k.Aim(fault)
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() {
					_, err := target.Apply(ctx, target.Config(nil))
					ended <- err
				}()
				for k.Server.Trouble()[fault.Kind] == 0 {
					select {
					case err := <-ended:
						t.Fatalf("it ended before it was cancelled: %v", err)
					case <-time.After(5 * time.Millisecond):
					}
				}
				cancel()
				second := time.NewTimer(time.Second)
				defer second.Stop()
				select {
				case err := <-ended:
					if err == nil {
						t.Error("a cancelled run reports success")
					}
				case <-second.C:
					t.Error("it did not stop within a second")
				}
			})
		}
	}
}
