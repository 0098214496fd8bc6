package tenant

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"regexp"
	"sync"
)

// Lots draw what happens by chance. A draw follows from the seed, from what it is for, and from how many draws for the
// same came before it, and not from the order in which different ones come. So one seed draws the same again, also
// where several tenants are asked at the same time.
type Lots struct {
	seed uint64

	mu    sync.Mutex
	drawn map[string]int // how many draws there were, by what they are for
}

func newLots(seed uint64) *Lots { return &Lots{seed: seed, drawn: map[string]int{}} }

// Draw returns the random numbers of one draw.
func (l *Lots) Draw(purpose string) *rand.Rand {
	l.mu.Lock()
	l.drawn[purpose]++
	count := l.drawn[purpose]
	l.mu.Unlock()
	digest := fnv.New64a()
	_, _ = fmt.Fprintf(digest, "%s %d", purpose, count)
	return rand.New(rand.NewPCG(l.seed, digest.Sum64()))
}

// identifiers are what differs from run to run in the path of a request: GUIDs, and the IDs of grants.
var identifiers = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[A-Za-z0-9_-]{43}`)

// Unidentified returns a text without the identifiers in it, which differ from run to run.
func Unidentified(text string) string { return identifiers.ReplaceAllString(text, "*") }

// Likeness is what a request to a tenant has in common with its like in another run of the same sandbox.
func Likeness(tenantNumber int, r *http.Request) string {
	return fmt.Sprintf("%d %s %s", tenantNumber, r.Method, Unidentified(r.URL.Path))
}
