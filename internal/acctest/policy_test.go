package acctest_test

import (
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestEnv_LimitsCertificatesAsAnAdministratorDoes(t *testing.T) {
	k := acctest.Start(t, sandbox.Options{})
	tenantID := k.Tenant(0).TenantID
	id := k.LimitCertificates(tenantID, "P180D")
	policy := k.Graph(tenantID, "GET", "/policies/defaultAppManagementPolicy", nil)
	if policy["id"] != id || policy["isEnabled"] != true {
		t.Errorf("the policy is %v, want %s", policy, id)
	}
}
