package acctest_test

import (
	"net/http"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestAccTargetAppRegistration_ACreateSurvivesEveryKindOfFaultAtEveryRequest(t *testing.T) {
	for _, kind := range []sandbox.FaultKind{
		sandbox.Throttled, sandbox.Unavailable, sandbox.TimeoutBefore, sandbox.TimeoutAfter, sandbox.ResetAfter,
		sandbox.CutOff, sandbox.HTMLPage, sandbox.EmptyBody,
	} {
		t.Run(string(kind), func(t *testing.T) {
			env := acctest.Start(t, sandbox.Options{})
			for nth := range 5 {
				env.Inject(sandbox.Fault{At: "/v1.0/*", Kind: kind, Nth: nth + 1, RetryAfter: "0"})
			}
			resource.ParallelTest(t, resource.TestCase{
				TerraformVersionChecks:   acctest.Needs,
				ProtoV6ProviderFactories: env.Factories(),
				Steps: []resource.TestStep{{
					PreConfig: func() { env.Graph(env.Tenant(0).TenantID, http.MethodGet, "/organization", nil) },
					Config: env.Provider(env.Tenant(0).Callers.Full) +
						"resource \"codetwo_target_app_registration\" \"target\" {}\n",
				}},
			})
		})
	}
}
