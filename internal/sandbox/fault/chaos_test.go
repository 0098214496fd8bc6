package fault

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// newChaos returns what decides by chance in a world of the hostile profile that knows the paths of Graph.
func newChaos(t *testing.T, seed uint64) func(*http.Request) (Fault, bool) {
	t.Helper()
	world, err := tenant.NewWorld(tenant.Options{Profile: "hostile", Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := token.NewIssuer(world)
	if err != nil {
		t.Fatal(err)
	}
	graph := API{Owns: func(path string) bool { return strings.HasPrefix(path, "/v1.0/") }, Directory: true}
	return New(world, issuer, graph).chance
}

// drawnFaults sends the same requests to a tenant of the hostile profile and returns what became of each.
func drawnFaults(t *testing.T, seed uint64) []int {
	t.Helper()
	chance := newChaos(t, seed)
	var met []int
	for i := range 2000 {
		method := []string{http.MethodGet, http.MethodPatch}[i%2]
		// The GUID differs from run to run, as it does in reality.
		r, err := http.NewRequestWithContext(t.Context(), method,
			fmt.Sprintf("https://localhost/v1.0/applications/%08x-0000-4000-8000-%012x", time.Now().UnixNano()&0xffffffff, i),
			nil)
		if err != nil {
			t.Fatal(err)
		}
		if f, hit := chance(r); hit {
			if f.Kind == Concurrent && method == http.MethodGet {
				t.Error("a read is in nobody's way")
			}
			met = append(met, i*100+slices.Index(kinds, f.Kind))
		}
	}
	return met
}

func TestASeedMakesTheSameTroubleAgain(t *testing.T) {
	first, again, other := drawnFaults(t, 1), drawnFaults(t, 1), drawnFaults(t, 2)
	if !slices.Equal(first, again) {
		t.Errorf("the same seed made %v, and then %v", first, again)
	}
	if slices.Equal(first, other) {
		t.Error("another seed draws the same faults")
	}
	kinds := map[int]bool{}
	for _, met := range first {
		kinds[met%100] = true
	}
	if len(kinds) != len(chances) {
		t.Errorf("2000 requests met %d kinds of fault, want all %d", len(kinds), len(chances))
	}
}

func TestOnlyTheDirectoryRefusesInItsOwnWordsByChance(t *testing.T) {
	chance := newChaos(t, 1)
	met := 0
	for range 3000 {
		for _, path := range []string{"/t/oauth2/v2.0/token", "/EWS/Exchange.asmx", "/v1.0/$batch", "/v1.0/applications"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://localhost"+path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			f, _ := chance(r)
			switch itsOwn := f.Kind == Unread || f.Kind == Concurrent; {
			case itsOwn && path != "/v1.0/applications":
				t.Errorf("%s meets %s", path, f.Kind)
			case itsOwn:
				met++
			}
		}
	}
	if met < 12 || met > 48 { // 24 of 3000 by the odds; the seed decides, not the day
		t.Errorf("%d of 3000 requests met them", met)
	}
}
