package checks

import (
	"slices"
	"time"
)

// PropagationTime is how long after a change some of Entra's servers may not have it yet. Microsoft documents no limit;
// users have reported minutes, and nobody half an hour in a working tenant.
const PropagationTime = 30 * time.Minute

// Propagating returns a failure that may only mean that a change has not reached Entra's replicas, so that the caller
// should try again, with a new session: a token issued before a consent never gets its roles. It is empty if nothing
// was changed within PropagationTime, and for failures that no change of the provider's explains: a missing user, since
// the provider creates none, and blocked EWS, which takes a day and not minutes.
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
