package sandbox

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
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
		return asOf(endOfTime)
	}
	return asOf(h.lastWrite.Add(-1))
}

// before is the moment up to which whoever lags so far behind has seen everything of a tenant.
func (s *Server) before(t *Tenant, lag time.Duration) time.Time {
	moment := s.clock.before(lag)
	t.history.mu.Lock()
	defer t.history.mu.Unlock()
	if moment.Before(t.history.settled) {
		return t.history.settled
	}
	return moment
}

// viewsOf says as of when a request to a tenant is answered.
func (s *Server) viewsOf(r *http.Request, t *Tenant) views {
	if look, set := stale(r); set {
		seen := look(t)
		return views{seen, seen, seen, seen, seen}
	}
	p := s.profile
	if isCalm(r) {
		p = profile{}
	}
	var replica time.Duration
	if len(p.replicas) > 0 {
		replica = p.replicas[s.dice.below(len(p.replicas))]
	}
	seen := func(lag time.Duration) view {
		v := asOf(endOfTime)
		if lag > 0 {
			v.asOf = s.before(t, lag)
		}
		if lag+p.deletions > 0 {
			v.gone = s.before(t, lag+p.deletions)
		}
		return v
	}
	return views{reads: seen(replica), lists: seen(replica + p.index), refers: seen(p.references), signIn: seen(p.signIn), roles: seen(p.roles)}
}

// knows tells whether whoever carries a request out has the object already. A read is told by its view; an upsert by a
// unique property looks it up where nothing lags, or it would be no safe way to create (unconfirmed).
func knows[T any](c *call, rows *table[T], id string) bool {
	if c.r.Method == http.MethodGet || c.prefersUpsert() {
		return true
	}
	_, found := rows.get(c.refers, id)
	return found
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

// unknownCredentials is the token endpoint's memory of credentials that it did not know: it is not asked again for a while, so
// that whoever signs in too early waits longer (seen with new federated credentials: Azure workload identity, issue 273).
type unknownCredentials struct {
	mu   sync.Mutex
	made map[string]time.Time // by client and credential
}

// remembered tells whether the token endpoint still holds that it does not know the credential.
func (s *Server) remembered(r *http.Request, t *Tenant, form url.Values) bool {
	s.unknown.mu.Lock()
	defer s.unknown.mu.Unlock()
	at, refused := s.unknown.made[credentialIn(form)]
	return refused && !isCalm(r) && at.After(s.before(t, s.profile.refusals))
}

// remember notes that a credential was refused because it was not known.
func (s *Server) remember(r *http.Request, t *Tenant, form url.Values, refusal *signInError) {
	if s.profile.refusals == 0 || refusal.code != unknownKey.code && refusal.code != wrongSecret.code || s.remembered(r, t, form) {
		return
	}
	s.unknown.mu.Lock()
	defer s.unknown.mu.Unlock()
	if s.unknown.made == nil {
		s.unknown.made = map[string]time.Time{}
	}
	s.unknown.made[credentialIn(form)] = s.now()
}

// credentialIn tells credentials apart: by the secret's digest or by the header of the assertion, which names the key.
func credentialIn(form url.Values) string {
	header, _, _ := strings.Cut(form.Get("client_assertion"), ".")
	secret := sha256.Sum256([]byte(form.Get("client_secret")))
	return strings.ToLower(form.Get("client_id")) + "/" + header + "/" + hex.EncodeToString(secret[:])
}
