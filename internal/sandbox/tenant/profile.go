package tenant

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

// Profile is how soon what was written is seen, and by whom. The zero value is at once, by everybody. No document of
// Microsoft's gives a time for the directory; these are of the size that users of Entra report. Those of Exchange are
// the longest that are told of (Exchange: control access to EWS, for the list; Microsoft's posts, for the switch;
// reports, for the scope).
type Profile struct {
	replicas   []time.Duration // how far each replica lags behind; every read of an object meets one at random
	index      time.Duration   // how much further a list lags than the replica: it comes from an index
	deletions  time.Duration   // how much longer a deletion takes to show than any other write
	references time.Duration   // how far a write lags behind: with the object to change, and those referred to
	signIn     time.Duration   // how far the token endpoint lags with applications and their credentials
	Refusals   time.Duration   // for how long the token endpoint repeats that it does not know a credential
	roles      time.Duration   // how long a consent takes to show in new tokens
	ewsList    time.Duration   // how long Exchange takes to learn of a change to the list of applications for EWS
	ewsSwitch  time.Duration   // how long it takes to learn of EwsEnabled, of the organization and of a mailbox
	mailScope  time.Duration   // how long it remembers which mailboxes an application may open
	Chaos      bool            // requests meet faults at random
}

// profiles by their names.
var profiles = map[string]Profile{
	"instant": {},
	"realistic": {
		replicas: []time.Duration{0, 3 * time.Second, 9 * time.Second}, index: 6 * time.Second, deletions: 6 * time.Second,
		references: 6 * time.Second, signIn: 15 * time.Second, Refusals: 60 * time.Second, roles: 30 * time.Second,
		ewsList: 24 * time.Hour, ewsSwitch: time.Hour, mailScope: 2 * time.Hour,
	},
	"hostile": {Chaos: true},
}

func findProfile(name string) (Profile, error) {
	found, known := profiles[cmp.Or(name, "instant")]
	if !known {
		return found, fmt.Errorf("profile %q: there are instant, realistic and hostile", name)
	}
	return found, nil
}

// Views are the moments as of which one request sees the tenant.
type Views struct {
	Reads  View // objects that are found by their keys
	Lists  View // collections
	Refers View // what a write needs to find: the object that it changes, and those that it refers to
	SignIn View // applications and their credentials at the token endpoint
	Roles  View // consent at the token endpoint
}

// ViewsOf returns the moments as of which a request to a tenant is answered.
func (w *World) ViewsOf(r *http.Request, t *Tenant) Views {
	if look, set := staleView(r); set {
		seen := look(t)
		return Views{seen, seen, seen, seen, seen}
	}
	p := w.Profile
	if Bypasses(r) {
		p = Profile{}
	}
	var replica time.Duration
	if len(p.replicas) > 0 {
		replica = p.replicas[w.dice.below(len(p.replicas))]
	}
	seen := func(lag time.Duration) View {
		v := Present()
		if lag > 0 {
			v.AsOf = w.Before(t, lag)
		}
		if lag+p.deletions > 0 {
			v.gone = w.Before(t, lag+p.deletions)
		}
		return v
	}
	return Views{Reads: seen(replica), Lists: seen(replica + p.index), Refers: seen(p.references), SignIn: seen(p.signIn),
		Roles: seen(p.roles)}
}
