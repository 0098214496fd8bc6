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
		sandbox.Throttled, sandbox.Unavailable, sandbox.TimeoutBefore, sandbox.TimeoutAfter, sandbox.ResetAfter, sandbox.CutOff, sandbox.HTMLPage, sandbox.EmptyBody,
	} {
		t.Run(string(kind), func(t *testing.T) {
			k := acctest.Start(t, sandbox.Options{})
			for nth := range 5 {
				k.Aim(sandbox.Fault{At: "/v1.0/*", Kind: kind, Nth: nth + 1, RetryAfter: "0"})
			}
			resource.ParallelTest(t, resource.TestCase{
				TerraformVersionChecks:   acctest.Needs,
				ProtoV6ProviderFactories: k.Factories(),
				Steps: []resource.TestStep{{
					PreConfig: func() { k.Graph(k.Tenant(0).TenantID, http.MethodGet, "/organization", nil) },
					Config:    k.Provider(k.Tenant(0).Callers.Full) + "resource \"codetwo_target_app_registration\" \"target\" {}\n",
				}},
			})
		})
	}
}
