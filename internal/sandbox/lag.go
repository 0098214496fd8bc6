package sandbox

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// profile is how soon what was written is seen, and by whom. The zero value is at once, by everybody. Of the directory no
// document of Microsoft's gives a time; these are of the size that users of Entra report. Those of Exchange are the longest
// that are told of (Exchange: control access to EWS, for the list; Microsoft's posts, for the switch; reports, for the scope).
type profile struct {
	replicas   []time.Duration // how far each replica lags behind; every read of an object meets one at random
	index      time.Duration   // how much further a list lags than the replica: it comes from an index
	deletions  time.Duration   // how much longer a deletion takes to show than any other write
	references time.Duration   // how far whoever carries out a write lags: with the object to change, and those referred to
	signIn     time.Duration   // how far the token endpoint lags with applications and their credentials
	refusals   time.Duration   // for how long the token endpoint repeats that it does not know a credential
	roles      time.Duration   // how long a consent takes to stand in new tokens
	ewsList    time.Duration   // how long Exchange takes to learn of a change to the list of applications for EWS
	ewsSwitch  time.Duration   // how long it takes to learn of EwsEnabled, of the organization and of a mailbox
	mailScope  time.Duration   // how long it remembers which mailboxes an application may open
	hostile    bool            // requests meet trouble at random
}

// profiles by their names.
var profiles = map[string]profile{
	"instant": {},
	"realistic": {
		replicas: []time.Duration{0, 3 * time.Second, 9 * time.Second}, index: 6 * time.Second, deletions: 6 * time.Second,
		references: 6 * time.Second, signIn: 15 * time.Second, refusals: 60 * time.Second, roles: 30 * time.Second,
		ewsList: 24 * time.Hour, ewsSwitch: time.Hour, mailScope: 2 * time.Hour,
	},
	"hostile": {hostile: true},
}

func findProfile(name string) (profile, error) {
	found, known := profiles[cmp.Or(name, "instant")]
	if !known {
		return found, fmt.Errorf("profile %q: there are instant, realistic and hostile", name)
	}
	return found, nil
}

// views are the moments as of which one request sees the tenant.
type views struct {
	reads  view // objects that are found by their keys
	lists  view // collections
	refers view // what a write needs to find: the object that it changes, and those that it refers to
	signIn view // applications and their credentials at the token endpoint
	roles  view // consent at the token endpoint
}

// history is what a tenant remembers of when it was written to, for those who see it as it was before.
type history struct {
	mu        sync.Mutex
	settled   time.Time // what was written until then is seen everywhere
	lastWrite time.Time // when the last request came that changed something; zero: that has settled
}

func (h *history) settle(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.settled, h.lastWrite = now, time.Time{}
}

func (h *history) note(write time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lastWrite = write
}

// beforeLastWrite sees all but what the last request changed, if that has not settled.
func (h *history) beforeLastWrite() view {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.lastWrite.IsZero() {
		return present()
	}
	return asOf(h.lastWrite.Add(-1))
}

// before is the moment up to which whoever lags so far behind has seen everything of a tenant.
func (w *World) before(t *Tenant, lag time.Duration) time.Time {
	moment := w.clock.before(lag)
	t.history.mu.Lock()
	defer t.history.mu.Unlock()
	if moment.Before(t.history.settled) {
		return t.history.settled
	}
	return moment
}

// viewsOf says as of when a request to a tenant is answered.
func (w *World) viewsOf(r *http.Request, t *Tenant) views {
	if look, set := stale(r); set {
		seen := look(t)
		return views{seen, seen, seen, seen, seen}
	}
	p := w.profile
	if bypasses(r) {
		p = profile{}
	}
	var replica time.Duration
	if len(p.replicas) > 0 {
		replica = p.replicas[w.dice.below(len(p.replicas))]
	}
	seen := func(lag time.Duration) view {
		v := present()
		if lag > 0 {
			v.asOf = w.before(t, lag)
		}
		if lag+p.deletions > 0 {
			v.gone = w.before(t, lag+p.deletions)
		}
		return v
	}
	return views{reads: seen(replica), lists: seen(replica + p.index), refers: seen(p.references), signIn: seen(p.signIn), roles: seen(p.roles)}
}

// dice are thrown by several goroutines. With the same seed and the same order of throws they fall alike.
type dice struct {
	mu     sync.Mutex
	random *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{random: rand.New(rand.NewPCG(seed, 0))} }

func (d *dice) below(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.random.IntN(n)
}
