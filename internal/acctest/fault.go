package acctest

import "github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"

// Inject arms a fault for the provider's requests. At its end the test fails if the fault has not met every request
// that it should: a test of what never happened proves nothing. The environment's own requests are neither hit nor
// counted.
//
//	env.Inject(sandbox.Fault{At: "POST /v1.0/servicePrincipals", Kind: sandbox.TimeoutAfter})
//	env.Inject(sandbox.Fault{At: "GET /v1.0/applications/*", Kind: sandbox.Stale, Times: 2})
//	env.Inject(sandbox.Fault{At: "POST /v1.0/$batch", Kind: sandbox.Throttled, Nth: 3, RetryAfter: "1"})
func (env *Env) Inject(fault sandbox.Fault) {
	env.t.Helper()
	if err := env.Server.Inject(fault); err != nil {
		env.t.Fatal(err)
	}
	if len(env.Server.Faults()) > 1 {
		return // the first one's cleanup looks at all
	}
	env.t.Cleanup(func() {
		for _, f := range env.Server.Faults() {
			if f.Fired < f.Times {
				env.t.Errorf("the fault %s at %q met %d requests of %d: %d matched, from the %d. on it counts", f.Kind, f.At,
					f.Fired, f.Times, f.Seen, f.Nth)
			}
		}
	})
}
