package tenant

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

// Profile is how the tenants behave. The zero value shows every write at once, to everybody, and has no faults.
type Profile struct {
	Chaos bool // requests meet faults at random
	lag   Lag  // of every tenant; where drawn, the longest that is drawn of each kind
	drawn bool // each tenant draws lags of its own
}

// Lag is how late what was written is seen, and by whom. No document of Microsoft's gives a time for the directory;
// those of the realistic profile are of the size that users of Entra report. Those of Exchange are the longest that are
// told of (Exchange: control access to EWS, for the list; Microsoft's posts, for the switch; reports, for the scope).
type Lag struct {
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
}

// What the provider's code allows for, of which the degraded profile draws up to three times as much for each lag. Lags
// add up: a list has its replica's and the index's, and a deletion its own as well. Where the code waits until the
// deadline of the operation, which the user sets (five or ten minutes), a longer lag would only fail every operation:
// there it is three times the longest pause between two attempts.
//
//   - It takes an object that it does not see for gone after five reads, with pauses of 0.5, 1, 2 and 4 seconds, and
//     searches the recycle bin, and lists by unique name, as often: allowedAbsence.
//   - It repeats a write that Entra refuses with "not yet" until the deadline, every 10 seconds: allowedWrite.
//   - The connectivity check repeats the sign-in until the deadline, every 30 seconds: allowedSignIn.
//   - The same check expects that a refused sign-in is remembered for "a minute or two". That is not tripled: together
//     with the lag of the sign-in, it would not leave the five minutes of a check.
//
// All of it stays below the half hour for which the provider takes a change to be recent.
const (
	allowedAbsence = 7500 * time.Millisecond
	allowedWrite   = 10 * time.Second
	allowedSignIn  = 30 * time.Second
	allowedMemory  = 2 * time.Minute
	strain         = 3
)

// profiles by their names.
var profiles = map[string]Profile{
	"instant": {},
	"realistic": {lag: Lag{
		replicas: []time.Duration{0, 3 * time.Second, 9 * time.Second}, index: 6 * time.Second, deletions: 6 * time.Second,
		references: 6 * time.Second, signIn: 15 * time.Second, Refusals: 60 * time.Second, roles: 30 * time.Second,
		ewsList: 24 * time.Hour, ewsSwitch: time.Hour, mailScope: 2 * time.Hour,
	}},
	"hostile": {Chaos: true},
	"degraded": {Chaos: true, drawn: true, lag: Lag{
		replicas: []time.Duration{strain * allowedAbsence, strain * allowedAbsence, strain * allowedAbsence},
		index:    strain * allowedAbsence, deletions: strain * allowedAbsence, references: strain * allowedWrite,
		signIn: strain * allowedSignIn, Refusals: allowedMemory, roles: strain * allowedSignIn,
		ewsList: 24 * time.Hour, ewsSwitch: time.Hour, mailScope: 2 * time.Hour,
	}},
}

func findProfile(name string) (Profile, error) {
	found, known := profiles[cmp.Or(name, "instant")]
	if !known {
		return found, fmt.Errorf("profile %q: there are instant, realistic, hostile and degraded", name)
	}
	return found, nil
}

// lagOf returns the lag of a tenant, counted from 1. What Exchange learns late is never drawn, since it is documented.
func (p Profile) lagOf(number int, lots *Lots) Lag {
	if !p.drawn {
		return p.lag
	}
	draw := func(kind string, longest time.Duration) time.Duration {
		lot := lots.Draw(fmt.Sprintf("lag of tenant %d: %s", number, kind))
		return time.Duration(1+lot.Int64N(longest.Milliseconds())) * time.Millisecond
	}
	lag := p.lag
	lag.replicas = make([]time.Duration, len(p.lag.replicas))
	for i, longest := range p.lag.replicas {
		lag.replicas[i] = draw(fmt.Sprintf("replica %d", i+1), longest)
	}
	lag.index, lag.deletions = draw("index", p.lag.index), draw("deletions", p.lag.deletions)
	lag.references = draw("references", p.lag.references)
	lag.signIn, lag.Refusals = draw("sign-in", p.lag.signIn), draw("refusals", p.lag.Refusals)
	lag.roles = draw("roles", p.lag.roles)
	return lag
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
	lag := t.Lag
	if Bypasses(r) {
		lag = Lag{}
	}
	var behind time.Duration
	replica := 0
	if len(lag.replicas) > 0 {
		replica = 1 + w.Lots.Draw("replica for "+Likeness(t.number, r)).IntN(len(lag.replicas))
		behind = lag.replicas[replica-1]
	}
	seen := func(behind time.Duration) View {
		v := Present()
		if behind > 0 {
			v.AsOf = w.Before(t, behind)
		}
		if behind+lag.deletions > 0 {
			v.gone = w.Before(t, behind+lag.deletions)
		}
		return v
	}
	views := Views{Reads: seen(behind), Lists: seen(behind + lag.index), Refers: seen(lag.references),
		SignIn: seen(lag.signIn), Roles: seen(lag.roles)}
	views.Reads.replica, views.Lists.replica = replica, replica
	return views
}
