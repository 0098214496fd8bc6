package appregistration_test

import (
	"context"
	"fmt"
	"strings"
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
func (do atThisPoint) CheckPlan(_ context.Context, _ plancheck.CheckPlanRequest,
	response *plancheck.CheckPlanResponse) {
	response.Error = do()
}

// atMost is a plan check that no more requests were made since the log was forgotten: all, to Graph, and of those in
// sequence.
func atMost(t *testing.T, env *acctest.Env, what string, all, graph, sequence int) atThisPoint {
	return func() error {
		requests := env.Requests()
		counted := []int{len(requests), len(acctest.Graph(requests)), acctest.InSequence(acctest.Graph(requests))}
		t.Logf("%s: %d requests, %d of them to Graph, %d of those in sequence", what, counted[0], counted[1], counted[2])
		if counted[0] > all || counted[1] > graph || counted[2] > sequence || counted[1] == 0 {
			return fmt.Errorf("%s: %d requests (at most %d), %d to Graph (%d), %d in sequence (%d): %+v", what, counted[0], all,
				counted[1], graph, counted[2], sequence, requests)
		}
		return nil
	}
}

func TestAccTargetAppRegistration_ARegistrationCostsFewRequests(t *testing.T) {
	// The latency makes requests that are sent at once overlap in the log.
	env := acctest.Start(t, sandbox.Options{Profile: "instant",
		Latency: 50 * time.Millisecond}) // a lag costs requests more
	provider := env.Provider(env.Tenant(0).Callers.Full)
	config := provider + minimal
	forget := atThisPoint(func() error { env.Forget(); return nil })
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{
			{
				Config: config,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:            []plancheck.PlanCheck{forget},
					PostApplyPreRefresh: []plancheck.PlanCheck{atMost(t, env, "create", 7, 6, 5)},
				},
			},
			{
				PreConfig: env.Forget,
				Config:    config,
				PlanOnly:  true,
				ConfigPlanChecks: resource.ConfigPlanChecks{PostApplyPostRefresh: []plancheck.PlanCheck{atMost(t, env,
					"refresh without change", 2, 1, 1)}},
			},
			{
				Config: provider,
				ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:            []plancheck.PlanCheck{forget},
					PostApplyPreRefresh: []plancheck.PlanCheck{atMost(t, env, "destroy", 3, 2, 2)},
				},
				Check: func(*terraform.State) error { return nil },
			},
		},
	})
}

func TestAccTargetAppRegistration_PurgingCostsTwoRequestsMoreAtMost(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{Profile: "instant", Latency: 50 * time.Millisecond})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	forget := atThisPoint(func() error { env.Forget(); return nil })
	run(t, env,
		resource.TestStep{Config: provider + registration(`purge_on_destroy = true`)},
		resource.TestStep{
			Config: provider,
			ConfigPlanChecks: resource.ConfigPlanChecks{
				PreApply:            []plancheck.PlanCheck{forget},
				PostApplyPreRefresh: []plancheck.PlanCheck{atMost(t, env, "destroy with purge", 5, 4, 4)},
			},
			Check: func(*terraform.State) error { return nil },
		},
	)
}

func TestAccTargetAppRegistration_AnAPIIsReadOncePerTenantAndProcess(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	var several string
	for i := range 5 {
		several += fmt.Sprintf("resource \"codetwo_target_app_registration\" \"number_%d\" {\n  display_name = \"CodeTwo "+
			"%d\"\n}\n", i, i)
	}
	forget := atThisPoint(func() error { env.Forget(); return nil })
	run(t, env, resource.TestStep{
		Config: env.Provider(env.Tenant(0).Callers.Full) + several,
		ConfigPlanChecks: resource.ConfigPlanChecks{
			PreApply: []plancheck.PlanCheck{forget},
			PostApplyPreRefresh: []plancheck.PlanCheck{atThisPoint(func() error {
				reads := map[string]int{}
				for _, request := range env.Requests() {
					for _, part := range request.Parts {
						if path, query, _ := strings.Cut(part.Path, "?"); strings.Contains(path, "(appId='0000000") &&
							strings.Contains(query, "appRoles") {
							reads[path]++
						}
					}
				}
				if len(reads) != 2 {
					return fmt.Errorf("the reads of APIs were %v, want Graph and Exchange", reads)
				}
				for path, times := range reads {
					if times != 1 {
						return fmt.Errorf("five registrations read %s %d times", path, times)
					}
				}
				return nil
			})},
		},
	})
}
