package tenant

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// newDegraded makes two tenants of the degraded profile.
func newDegraded(t *testing.T, seed uint64) *World {
	t.Helper()
	w, err := NewWorld(Options{Profile: "degraded", Tenants: 2, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// longest are the longest lags of the degraded profile: three times what the provider waits for where it takes an
// object for gone (7.5 s), three times its longest pause between two writes (10 s) and between two sign-ins (30 s), and
// how long a refused sign-in is remembered.
var longest = map[string]time.Duration{
	"index": 22500 * time.Millisecond, "deletions": 22500 * time.Millisecond, "references": 30 * time.Second,
	"signIn": 90 * time.Second, "Refusals": 2 * time.Minute, "roles": 90 * time.Second,
}

// drawnLags are the lags of a tenant by their kinds, without those of Exchange, which are never drawn.
func drawnLags(l Lag) map[string]time.Duration {
	lags := map[string]time.Duration{"index": l.index, "deletions": l.deletions, "references": l.references,
		"signIn": l.signIn, "Refusals": l.Refusals, "roles": l.roles}
	for i, replica := range l.replicas {
		lags[fmt.Sprint("replica ", i+1)] = replica
	}
	return lags
}

func TestASeedDrawsTheSameLagsAgainAndEachTenantItsOwn(t *testing.T) {
	first, again, other := newDegraded(t, 1), newDegraded(t, 1), newDegraded(t, 2)
	for i := range first.Tenants {
		if !reflect.DeepEqual(first.Tenants[i].Lag, again.Tenants[i].Lag) {
			t.Errorf("the same seed drew %+v, and then %+v", first.Tenants[i].Lag, again.Tenants[i].Lag)
		}
		if reflect.DeepEqual(first.Tenants[i].Lag, other.Tenants[i].Lag) {
			t.Errorf("another seed draws the same lags for tenant %d", i+1)
		}
	}
	if reflect.DeepEqual(first.Tenants[0].Lag, first.Tenants[1].Lag) {
		t.Error("both tenants have the same lags")
	}
}

func TestEveryDrawnLagIsUpToThreeTimesWhatTheProviderAllowsFor(t *testing.T) {
	sums, drawn := map[string]time.Duration{}, 0
	for seed := range uint64(200) {
		lags := drawnLags(newDegraded(t, seed+1).Tenants[0].Lag)
		if len(lags) != 9 {
			t.Fatalf("there are the lags %v", lags)
		}
		drawn++
		for kind, lag := range lags {
			most := longest[kind]
			if strings.HasPrefix(kind, "replica") {
				most = 22500 * time.Millisecond
			}
			if lag <= 0 || lag > most {
				t.Errorf("seed %d: %s lags by %s, and at most by %s", seed+1, kind, lag, most)
			}
			sums[kind] += lag * 100 / most // in hundredths of the longest
		}
	}
	for kind, sum := range sums {
		if mean := int(sum) / drawn; mean < 40 || mean > 60 {
			t.Errorf("%s is %d %% of the longest on average, want about half", kind, mean)
		}
	}
}

func TestInOtherProfilesNoLagIsDrawn(t *testing.T) {
	for _, profile := range []string{"instant", "realistic", "hostile"} {
		var lags []Lag
		for _, seed := range []uint64{1, 2} {
			w, err := NewWorld(Options{Profile: profile, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			lags = append(lags, w.Tenants[0].Lag)
		}
		if !reflect.DeepEqual(lags[0], lags[1]) {
			t.Errorf("%s: the seeds 1 and 2 have the lags %+v", profile, lags)
		}
	}
	if _, err := NewWorld(Options{Profile: "stable"}); err == nil || !strings.Contains(err.Error(), "degraded") {
		t.Errorf("an unknown profile: %v", err)
	}
}

// replicasMet are the ages that reads of one path see, in the order of the reads, after reads of the others.
func replicasMet(t *testing.T, w *World, path string, others ...string) []time.Duration {
	t.Helper()
	now := w.Now()
	read := func(path string) time.Duration {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://localhost"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		// What passes between two looks at the clock is less than the lags differ by.
		return now.Sub(w.ViewsOf(r, w.Tenants[0]).Reads.AsOf).Round(100 * time.Millisecond)
	}
	var met []time.Duration
	for range 30 {
		for _, other := range others {
			read(other)
		}
		met = append(met, read(path))
	}
	return met
}

func TestWhichReplicaAnswersDoesNotDependOnOtherRequests(t *testing.T) {
	const path = "/v1.0/applications/"
	now := time.Now()
	newWorld := func() *World {
		w, err := NewWorld(Options{Profile: "degraded", Seed: 3, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	alone := replicasMet(t, newWorld(), path+"11111111-0000-4000-8000-000000000000")
	among := replicasMet(t, newWorld(), path+"22222222-0000-4000-8000-000000000000", "/v1.0/users", "/v1.0/organization")
	if !slices.Equal(alone, among) {
		t.Errorf("alone, the reads were answered as of %v ago; among others, as of %v", alone, among)
	}
	if slices.Sort(alone); len(slices.Compact(alone)) != 3 {
		t.Errorf("the reads met the replicas %v, want all three", alone)
	}
}
