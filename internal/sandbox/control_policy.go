package sandbox

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"
)

// PolicyState is an app management policy.
type PolicyState struct {
	ID           string        `json:"id"`
	ClientID     string        `json:"client_id,omitempty"` // of the application that it is assigned to; none: the tenant's default policy
	Enabled      bool          `json:"enabled"`
	Restrictions []Restriction `json:"restrictions"`
}

func (t *Tenant) policyState(v view, p managementPolicy) PolicyState {
	state := PolicyState{ID: p.ID, Enabled: p.Enabled, Restrictions: list(p.Restrictions)}
	if of, found := t.directory.applications.get(v, p.ApplicationID); found {
		state.ClientID = of.AppID
	}
	return state
}

// policyPut is an app management policy as the control plane sets it, whole.
type policyPut struct {
	Enabled      bool          `json:"enabled"`
	Restrictions []Restriction `json:"restrictions"`
}

func (p policyPut) check() error {
	var seen []string
	for _, r := range p.Restrictions {
		if !slices.Contains(restrictionTypes, r.Type) {
			return fmt.Errorf("type: %q is none of %q", r.Type, restrictionTypes)
		}
		if slices.Contains(seen, r.Type) {
			return fmt.Errorf("type: %s stands twice, and a policy takes each once", r.Type)
		}
		seen = append(seen, r.Type)
		if !r.ofLifetime() {
			if r.MaxLifetime != "" {
				return fmt.Errorf("max_lifetime: %s takes none", r.Type)
			}
			continue
		}
		if _, err := parseDuration(r.MaxLifetime); err != nil {
			return fmt.Errorf("max_lifetime: %w", err)
		}
	}
	return nil
}

// putPolicy sets the tenant's default app management policy, or the one of the application with the path's client ID.
func (a *controlAPI) putPolicy(t *Tenant, w http.ResponseWriter, r *http.Request) {
	var request policyPut
	err := readControl(r, &request)
	if err == nil {
		err = request.check()
	}
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	row, applicationID, found := t.policyRow(r.PathValue("policy"))
	if !found {
		refuseControl(w, http.StatusNotFound, fmt.Errorf("%s has no application with the client ID %q, and that is not %q either", t.DisplayName, r.PathValue("policy"), defaultPolicy))
		return
	}
	policy, known := t.directory.policies.get(present(), row)
	if !known {
		policy = managementPolicy{ID: uuid.NewString(), ApplicationID: applicationID}
	}
	policy.Enabled, policy.Restrictions = request.Enabled, request.Restrictions
	t.directory.policies.put(a.world.now(), row, policy)
	writeControl(w, http.StatusOK, t.policyState(present(), policy))
}

// deletePolicy takes an application's own policy away, so that the default one counts for it again.
func (a *controlAPI) deletePolicy(t *Tenant, w http.ResponseWriter, r *http.Request) {
	row, _, found := t.policyRow(r.PathValue("policy"))
	policy, known := t.directory.policies.get(present(), row)
	switch {
	case !found || !known:
		refuseControl(w, http.StatusNotFound, fmt.Errorf("%s has no policy for the client ID %q", t.DisplayName, r.PathValue("policy")))
	case row == defaultPolicy:
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("the default policy always exists: PUT {} disables it"))
	default:
		t.directory.policies.remove(a.world.now(), row)
		writeControl(w, http.StatusOK, t.policyState(present(), policy))
	}
}

// policyRow finds the row of a policy by what a path calls it: default, or an application's client ID.
func (t *Tenant) policyRow(name string) (row, applicationID string, found bool) {
	if name == defaultPolicy {
		return defaultPolicy, "", true
	}
	of, found := t.applicationByAppID(present(), name)
	return of.ID, of.ID, found
}
