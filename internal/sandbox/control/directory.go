package control

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/graph"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// directoryPatch sets what is in it and leaves the rest alone.
type directoryPatch struct {
	ObjectQuota         optional[int]      `json:"object_quota"`
	NeedsManagementRef  optional[bool]     `json:"needs_service_management_reference"`
	SignInAudiences     optional[[]string] `json:"sign_in_audiences"`
	BinKeepsUniqueNames optional[bool]     `json:"bin_keeps_unique_names"`
}

func (a *API) patchDirectory(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) {
	var patch directoryPatch
	err := readControl(r, &patch)
	if err == nil && patch.ObjectQuota.value < 0 {
		err = fmt.Errorf("object_quota: %d is less than nothing", patch.ObjectQuota.value)
	}
	for _, audience := range patch.SignInAudiences.value {
		if err == nil && !slices.Contains(graph.SignInAudiences, audience) {
			err = fmt.Errorf("sign_in_audiences: %q is none of %q", audience, graph.SignInAudiences)
		}
	}
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	if patch.ObjectQuota.set {
		t.Rules.ObjectQuota = patch.ObjectQuota.value
	}
	if patch.NeedsManagementRef.set {
		t.Rules.NeedsManagementRef = patch.NeedsManagementRef.value
	}
	if patch.SignInAudiences.set {
		t.Rules.SignInAudiences = patch.SignInAudiences.value
	}
	if patch.BinKeepsUniqueNames.set {
		t.Rules.BinKeepsUniqueNames = patch.BinKeepsUniqueNames.value
	}
	writeControl(w, http.StatusOK, map[string]any{
		"object_quota": t.Rules.ObjectQuota, "needs_service_management_reference": t.Rules.NeedsManagementRef,
		"sign_in_audiences": tenant.NonNil(t.Rules.SignInAudiences), "bin_keeps_unique_names": t.Rules.BinKeepsUniqueNames,
	})
}

// deleteAPI takes an API of Microsoft's out of a tenant, with the grants on it: a tenant that never had the service
// lacks its API, and Graph deletes none.
func (a *API) deleteAPI(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) {
	clientID := r.PathValue("client")
	found, has := t.ServicePrincipalByAppID(tenant.Present(), clientID)
	if !has || found.AppOwnerTenantID != tenant.MicrosoftTenant {
		refuseControl(w, http.StatusNotFound,
			fmt.Errorf("%s has no API of Microsoft's with the client ID %q", t.DisplayName, clientID))
		return
	}
	at := a.world.Now()
	for _, grant := range t.GrantsAt(tenant.Present(), found.ID) {
		t.Directory.Grants.Remove(at, grant.ID)
	}
	t.Directory.ServicePrincipals.Remove(at, found.ID)
	writeControl(w, http.StatusOK, servicePrincipalState(found))
}
