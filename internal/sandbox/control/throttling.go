package control

import (
	"fmt"
	"net/http"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// throttlingPatch sets what is in it and leaves the rest alone. What was used before is forgotten.
type throttlingPatch struct {
	ResourceUnits optional[int] `json:"resource_units"` // per application, in 10 seconds
	Writes        optional[int] `json:"writes"`         // per application, in 150 seconds
}

func (a *API) patchThrottling(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) {
	var patch throttlingPatch
	if err := readControl(r, &patch); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	if patch.ResourceUnits.value < 0 || patch.Writes.value < 0 {
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("resource_units and writes are not negative"))
		return
	}
	quota := t.Quota
	if patch.ResourceUnits.set {
		quota.ResourceUnits = patch.ResourceUnits.value
	}
	if patch.Writes.set {
		quota.Writes = patch.Writes.value
	}
	t.SetQuota(quota)
	writeControl(w, http.StatusOK, map[string]int{"resource_units": quota.ResourceUnits, "writes": quota.Writes})
}
