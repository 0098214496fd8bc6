package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// chances are how often requests of the profiles hostile and degraded meet each kind of fault, in 1000.
var chances = []struct {
	kind  Kind
	often int
}{
	{Throttled, 15}, {ServerError, 5}, {Unavailable, 7}, {TimeoutBefore, 7}, {TimeoutAfter, 7}, {ResetBefore, 5},
	{ResetAfter, 5},
	{CutOff, 4}, {HTMLPage, 4}, {EmptyBody, 4}, {Slow, 5}, {Stale, 12}, {Unread, 4}, {Concurrent, 4},
}

// chaos decides by lot which request meets which fault. The lot depends on what the request is, and in which tenant.
type chaos struct {
	world   *tenant.World
	issuer  *token.Issuer
	ownerOf func(path string) (API, bool)
}

// chance implements Injector.chance.
func (c *chaos) chance(r *http.Request) (Fault, bool) {
	lot := c.world.Lots.Draw("fault for " + tenant.Likeness(c.tenantOf(r), r) + partsOf(r))
	drawn := lot.IntN(1000)
	for _, likely := range chances {
		if drawn -= likely.often; drawn >= 0 {
			continue
		}
		f := Fault{Kind: likely.kind}
		switch likely.kind {
		case Unread, Concurrent:
			// It is the directory that says so, of the parts of a batch for themselves, and only writes are in each other's way.
			owner, owned := c.ownerOf(r.URL.Path)
			if !owned || !owner.Directory || strings.HasSuffix(r.URL.Path, "/$batch") ||
				likely.kind == Concurrent && r.Method == http.MethodGet {
				return Fault{}, false
			}
		case Throttled:
			f.RetryAfter = []string{"", "0", "1"}[lot.IntN(3)]
		case Slow:
			f.For = fmt.Sprintf("%dms", 20+lot.IntN(300))
		case Stale:
			f.lastWrite = true // a time would make the outcome depend on how fast the client is
		}
		return f, true
	}
	return Fault{}, false
}

// partsOf tells batches apart, which all have one path, by what they ask for. Those sent side by side come in any
// order.
func partsOf(r *http.Request) string {
	if !strings.HasSuffix(r.URL.Path, "/$batch") {
		return ""
	}
	body, err := io.ReadAll(r.Body)
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), failing{err}), r.Body}
	var batch struct {
		Requests []struct {
			Method string `json:"method"`
			URL    string `json:"url"`
		} `json:"requests"`
	}
	_ = json.Unmarshal(body, &batch) // Graph refuses what is not a batch
	return tenant.Unidentified(fmt.Sprint(batch.Requests))
}

// failing ends a body with the error that reading it met.
type failing struct{ err error }

// Read implements io.Reader.
func (f failing) Read([]byte) (int, error) {
	if f.err == nil {
		return 0, io.EOF
	}
	return 0, f.err
}

// tenantOf numbers the tenant that a request is about: 0 where it is none's.
func (c *chaos) tenantOf(r *http.Request) int {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if token, fault := c.issuer.Verify(r.Header.Get("Authorization")); fault == nil {
		name = token.TenantID
	}
	for i, t := range c.world.Tenants {
		if strings.EqualFold(t.ID, name) {
			return i + 1
		}
	}
	return 0
}
