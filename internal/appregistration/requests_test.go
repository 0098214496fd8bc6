package appregistration_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// atThisPoint is a plan check that does something between Terraform's commands.
type atThisPoint func() error

// CheckPlan implements plancheck.PlanCheck.
func (do atThisPoint) CheckPlan(_ context.Context, _ plancheck.CheckPlanRequest, response *plancheck.CheckPlanResponse) {
	response.Error = do()
}

func TestAccARegistrationCostsFewRequests(t *testing.T) {
	// The latency makes requests that are sent at once overlap in the log.
	k := acctest.Start(t, sandbox.Options{Latency: 50 * time.Millisecond})
	provider := k.Provider(k.Tenant(0).Callers.Full)
	config := provider + minimal
	forget := atThisPoint(func() error { k.Forget(); return nil })
	atMost := func(what string, all, graph, sequence int) atThisPoint {
		return func() error {
			requests := k.Requests()
			counted := []int{len(requests), len(acctest.Graph(requests)), acctest.InSequence(acctest.Graph(requests))}
			t.Logf("%s: %d requests, %d of them to Graph, %d of those in sequence", what, counted[0], counted[1], counted[2])
			if counted[0] > all || counted[1] > graph || counted[2] > sequence || counted[1] == 0 {
				return fmt.Errorf("%s: %d requests (at most %d), %d to Graph (%d), %d in sequence (%d): %+v", what, counted[0], all, counted[1], graph, counted[2], sequence, requests)
			}
			return nil
		}
	}
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: k.Factories(),
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:            []plancheck.PlanCheck{forget},
					PostApplyPreRefresh: []plancheck.PlanCheck{atMost("create", 9, 6, 5)},
				},
			},
			{
				PreConfig:        k.Forget,
				Config:           config,
				PlanOnly:         true,
				ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{atMost("refresh without change", 3, 1, 1)}},
			},
			{
				Config: provider,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:            []plancheck.PlanCheck{forget},
					PostApplyPreRefresh: []plancheck.PlanCheck{atMost("destroy", 5, 3, 3)},
				},
				Check: func(*terraform.State) error { return nil },
			},
		},
	})
}
