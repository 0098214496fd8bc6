package tenant

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// World is the tenants of one sandbox, with what they have in common. Its methods may be called from several
// goroutines.
type World struct {
	Tenants []*Tenant // in the order of their making
	Caller  Caller    // the multi-tenant application that Terraform signs in as in each of them
	Interop Caller    // the one that other programs sign in as in each of them
	Seed    uint64    // of what happens by chance

	Issuers      Issuers
	Clock        *Clock
	Profile      Profile
	Lots         *Lots
	byName       map[string]*Tenant // by ID and domains, lower case
	homeTenantID string             // where the two callers' application objects are: the first tenant
}

// Options say which tenants to make. The zero value is one tenant that answers at once.
type Options struct {
	Tenants int // how many; 0 means 1
	// the tenants' EWS gate: unset (the default), false, listed, empty, or mixed, which is one of each in this order and
	// then unset
	Gate    string
	Profile string           // how the tenants behave: instant (the default), realistic, hostile or degraded
	Seed    uint64           // of what happens by chance; 0 draws one
	Speed   float64          // how many times sooner than in reality a write is seen everywhere; 0 means 1
	Now     func() time.Time // the wall clock; nil means time.Now
}

// NewWorld makes the tenants.
func NewWorld(o Options) (*World, error) {
	wall := o.Now
	if wall == nil {
		wall = time.Now
	}
	w := &World{
		Caller: newCaller(), Interop: newCaller(),
		Seed:   cmp.Or(o.Seed, rand.Uint64N(1<<32)+1),
		Clock:  newClock(wall, cmp.Or(o.Speed, 1)),
		byName: map[string]*Tenant{},
	}
	w.Lots = newLots(w.Seed)
	gate := cmp.Or(o.Gate, gateUnset)
	if !slices.Contains(gateOptions, gate) {
		return nil, fmt.Errorf("gate %q: there are %s", o.Gate, strings.Join(gateOptions, ", "))
	}
	var err error
	if w.Profile, err = findProfile(o.Profile); err != nil {
		return nil, err
	}
	for i := range max(o.Tenants, 1) {
		t := w.seedTenant(i, gateOf(gate, i))
		t.number = i + 1
		t.noteWrites()
		t.Lag = w.Profile.lagOf(t.number, w.Lots)
		w.Tenants = append(w.Tenants, t)
		for _, name := range []string{t.ID, t.Domain, t.CustomDomain} {
			w.byName[strings.ToLower(name)] = t
		}
	}
	return w, nil
}

// Find finds a tenant by its ID or one of its domains.
func (w *World) Find(idOrDomain string) (*Tenant, bool) {
	t, found := w.byName[strings.ToLower(idOrDomain)]
	return t, found
}
