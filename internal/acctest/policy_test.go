package acctest_test

import (
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestEnv_LimitsCertificatesAsAnAdministratorDoes(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenantID := env.Tenant(0).TenantID
	id := env.LimitCertificates(tenantID, "P180D")
	policy := env.Graph(tenantID, "GET", "/policies/defaultAppManagementPolicy", nil)
	if policy["id"] != id || policy["isEnabled"] != true {
		t.Errorf("the policy is %v, want %s", policy, id)
	}
}
