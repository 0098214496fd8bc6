package checks

import (
	"slices"
	"time"
)

// PropagationTime is how long after a change Entra may not have heard of it everywhere. Microsoft promises no time;
// minutes were seen, and half an hour is beyond what anybody reported of a tenant in order.
const PropagationTime = 30 * time.Minute

// Propagating returns a finding that may only mean that a change has not reached Entra's replicas, so that asking again
// with a new session is worth while: a token that was taken before a consent keeps lacking its roles. It is empty where
// nothing was changed within PropagationTime, and for whatever no change of ours explains: a user that is not there,
// since nobody makes users here, and blocked EWS, which takes a day and not minutes.
func (f *Facts) Propagating() string {
	if !f.changedRecently() {
		return ""
	}
	for _, result := range Judge(*f).Results {
		if result.propagating {
			return result.Detail
		}
	}
	return ""
}

// changedRecently reports whether record, key or grant was made within PropagationTime.
func (f *Facts) changedRecently() bool {
	since := []time.Time{f.GrantedAt}
	if f.Connection != nil && f.Connection.WrittenAt != nil {
		since = append(since, *f.Connection.WrittenAt)
	}
	if f.Credential.Certificate != nil {
		since = append(since, f.Credential.Certificate.NotBefore)
	}
	// A zero time was long ago.
	return slices.ContainsFunc(since, func(made time.Time) bool { return f.Now.Sub(made) < PropagationTime })
}
