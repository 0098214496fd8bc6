package control

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// PolicyState is an app management policy.
type PolicyState struct {
	ID string `json:"id"`
	// of the application that it is assigned to; none: the tenant's default policy
	ClientID     string               `json:"client_id,omitempty"`
	Enabled      bool                 `json:"enabled"`
	Restrictions []tenant.Restriction `json:"restrictions"`
	// of service principals' credentials; of the default policy only
	PrincipalRestrictions []tenant.Restriction `json:"service_principal_restrictions,omitempty"`
}

func policyState(t *tenant.Tenant, v tenant.View, p tenant.ManagementPolicy) PolicyState {
	state := PolicyState{ID: p.ID, Enabled: p.Enabled, Restrictions: tenant.NonNil(p.Restrictions),
		PrincipalRestrictions: p.PrincipalRestrictions}
	if of, found := t.Directory.Applications.Get(v, p.ApplicationID); found {
		state.ClientID = of.AppID
	}
	return state
}

// policyPut is an app management policy as the control API sets it, whole.
type policyPut struct {
	Enabled               bool                 `json:"enabled"`
	Restrictions          []tenant.Restriction `json:"restrictions"`
	PrincipalRestrictions []tenant.Restriction `json:"service_principal_restrictions"`
}

func (p policyPut) check() error {
	return cmp.Or(checkRestrictions(p.Restrictions), checkRestrictions(p.PrincipalRestrictions))
}

func checkRestrictions(restrictions []tenant.Restriction) error {
	var seen []string
	for _, r := range restrictions {
		if !slices.Contains(tenant.RestrictionTypes, r.Type) {
			return fmt.Errorf("type: %q is none of %q", r.Type, tenant.RestrictionTypes)
		}
		if slices.Contains(seen, r.Type) {
			return fmt.Errorf("type: %s is given twice; a policy takes each type once", r.Type)
		}
		seen = append(seen, r.Type)
		if !r.OfLifetime() {
			if r.MaxLifetime != "" {
				return fmt.Errorf("max_lifetime: %s takes none", r.Type)
			}
			continue
		}
		if _, err := tenant.ParseDuration(r.MaxLifetime); err != nil {
			return fmt.Errorf("max_lifetime: %w", err)
		}
	}
	return nil
}

// putPolicy sets the tenant's default app management policy, or the one of the application with the path's client ID.
func (a *API) putPolicy(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) {
	var request policyPut
	err := readControl(r, &request)
	if err == nil {
		err = request.check()
	}
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	row, applicationID, found := policyRow(t, r.PathValue("policy"))
	if !found {
		refuseControl(w, http.StatusNotFound,
			fmt.Errorf("%s has no application with the client ID %q, and that is not %q either", t.DisplayName,
				r.PathValue("policy"), tenant.DefaultPolicy))
		return
	}
	if len(request.PrincipalRestrictions) > 0 && row != tenant.DefaultPolicy {
		refuseControl(w, http.StatusBadRequest,
			errors.New("service_principal_restrictions: only the default policy has them"))
		return
	}
	policy, known := t.Directory.Policies.Get(tenant.Present(), row)
	if !known {
		policy = tenant.ManagementPolicy{ID: uuid.NewString(), ApplicationID: applicationID}
	}
	policy.Enabled, policy.Restrictions, policy.PrincipalRestrictions = request.Enabled, request.Restrictions,
		request.PrincipalRestrictions
	t.Directory.Policies.Put(a.world.Now(), row, policy)
	writeControl(w, http.StatusOK, policyState(t, tenant.Present(), policy))
}

// deletePolicy takes an application's own policy away, so that the default one counts for it again.
func (a *API) deletePolicy(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) {
	row, _, found := policyRow(t, r.PathValue("policy"))
	policy, known := t.Directory.Policies.Get(tenant.Present(), row)
	switch {
	case !found || !known:
		refuseControl(w, http.StatusNotFound,
			fmt.Errorf("%s has no policy for the client ID %q", t.DisplayName, r.PathValue("policy")))
	case row == tenant.DefaultPolicy:
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("the default policy always exists: PUT {} disables it"))
	default:
		t.Directory.Policies.Remove(a.world.Now(), row)
		writeControl(w, http.StatusOK, policyState(t, tenant.Present(), policy))
	}
}

// policyRow finds the row of a policy by what a path calls it: default, or an application's client ID.
func policyRow(t *tenant.Tenant, name string) (row, applicationID string, found bool) {
	if name == tenant.DefaultPolicy {
		return tenant.DefaultPolicy, "", true
	}
	of, found := t.ApplicationByAppID(tenant.Present(), name)
	return of.ID, of.ID, found
}
