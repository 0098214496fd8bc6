package connectivity_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestAccTargetConnectivity_AsksGraphOnceMoreWhereEWSIsRefused(t *testing.T) {
	for gate, want := range map[string]int{
		"unset":  2, // the organization; the user, under either name
		"false":  3, // and who holds the role: nobody else
		"listed": 4, // and the client ID of the other one
	} {
		t.Run(gate, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sandbox.Options{Gate: gate, Profile: "instant"})
			app := b.RegisterByHand(b.tenant.TenantID, "CodeTwo by hand")
			connection := b.connect(app, nil)
			b.Forget()
			b.read(connection, nil)
			if asked := acctest.Graph(b.Requests()); len(asked) != want {
				t.Errorf("%d requests to Graph, want %d: %+v", len(asked), want, asked)
			}
		})
	}
}

// counted is a plan check of how many requests were sent to Graph since the last one.
type counted struct {
	k    *acctest.Env
	what string
	want int
}

// CheckPlan implements plancheck.PlanCheck.
func (c counted) CheckPlan(_ context.Context, _ plancheck.CheckPlanRequest, response *plancheck.CheckPlanResponse) {
	if asked := acctest.Graph(c.k.Requests()); len(asked) != c.want {
		response.Error = fmt.Errorf("%s: %d requests to Graph, want %d: %+v", c.what, len(asked), c.want, asked)
	}
	c.k.Forget()
}

func TestAccTargetConnectivity_TargetConnectionAsksItsTenantWhenItIsWrittenAndNotBefore(t *testing.T) {
	for gate, want := range map[string]int{"unset": 1, "listed": 2} {
		t.Run(gate, func(t *testing.T) {
			env := acctest.Start(t, sandbox.Options{Gate: gate, Profile: "instant"})
			tenant := env.Tenant(0)
			config := func(name string) string {
				return env.Provider(tenant.Callers.Full) + fmt.Sprintf(`
resource "codetwo_target_connection" "target" {
  tenant_id              = %q
  mailbox                = %q
  name                   = %q
  client_id              = "66666666-7777-8888-9999-aaaaaaaaaaaa"
  certificate_thumbprint = "0123456789ABCDEF0123456789ABCDEF01234567"
}
`, tenant.TenantID, tenant.Mailboxes.Licensed[0], name)
			}
			step := func(what, name string) resource.TestStep {
				return resource.TestStep{Config: config(name), ConfigPlanChecks: resource.ConfigPlanChecks{
					PreApply:             []plancheck.PlanCheck{counted{env, "planning to " + what, 0}},
					PostApplyPreRefresh:  []plancheck.PlanCheck{counted{env, what, want}},
					PostApplyPostRefresh: []plancheck.PlanCheck{counted{env, "a plan after " + what, 0}},
				}}
			}
			resource.ParallelTest(t, resource.TestCase{
				TerraformVersionChecks:   acctest.Needs,
				ProtoV6ProviderFactories: env.Factories(),
				Steps:                    []resource.TestStep{step("create", "Contoso"), step("update", "Contoso AG")},
			})
		})
	}
}
