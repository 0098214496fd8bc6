package connectivity_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestAccTargetConnectivity_WhomTheProviderSignsInAsNeedNotBeKnownToCheckAConnection(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	app := env.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	env.OpenEWS(tenant.TenantID, app.ClientID)
	known := env.Provider(tenant.Callers.Full)
	// While this resource does not exist, the provider's tenant is not known, and the connection is checked in the plan.
	unknown := strings.Replace(known, fmt.Sprintf("%q", tenant.TenantID), "terraform_data.tenant.output", 1) +
		fmt.Sprintf(`
resource "terraform_data" "tenant" {
  input = %q
}
`, tenant.TenantID)
	target := handmade(tenant.TenantID, tenant.Mailboxes.Licensed[0], app.ClientID, app.Secret)
	connected := resource.TestCheckResourceAttr(table, "connected", "true")
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{
			{Config: known + target, Check: connected},
			{Config: unknown + target, Check: connected},
		},
	})
}
