// Package fault makes requests fail, hang or be answered late or stale: those that a fault is aimed at, and in the hostile
// profile others by chance.
package fault

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// Kind is what happens to a request.
type Kind string

// The kinds. "Carried out" means that the tenant is changed, whatever the client is told.
const (
	Throttled     Kind = "throttled"      // 429, not carried out
	ServerError   Kind = "server_error"   // 500, not carried out
	Unavailable   Kind = "unavailable"    // 503, not carried out
	TimeoutBefore Kind = "timeout_before" // 504, not carried out
	TimeoutAfter  Kind = "timeout_after"  // 504, carried out
	ResetBefore   Kind = "reset_before"   // the connection ends without an answer, not carried out
	ResetAfter    Kind = "reset_after"    // the connection ends without an answer, carried out
	CutOff        Kind = "cut_off"        // carried out, and the answer breaks off in its middle
	HTMLPage      Kind = "html"           // 502 with a gateway's page, not carried out
	EmptyBody     Kind = "empty"          // 503 without a body, not carried out
	Slow          Kind = "slow"           // carried out, For late
	Stale         Kind = "stale"          // answered as of For ago
	Refused       Kind = "refused"        // an error of Status, Code and Message, not carried out
	Unread        Kind = "unread"         // 404: the directory cannot read who its tenant is, not carried out
	Concurrent    Kind = "concurrent"     // 409: other requests are being made to the tenant, not carried out
)

// kinds are all of them, in the order in which they are told of.
var kinds = []Kind{
	Throttled, ServerError, Unavailable, TimeoutBefore, TimeoutAfter, ResetBefore, ResetAfter, CutOff, HTMLPage, EmptyBody, Slow, Stale, Refused,
	Unread, Concurrent,
}

// Fault is what certain requests meet. The parts of a batch are requests, too, and so is the batch as a whole.
type Fault struct {
	// At is the method, a space and the path without its query, such as "PATCH /v1.0/applications*"; * is any text in
	// either, and without a method every one is meant. Case does not matter.
	At         string `json:"at"`
	Kind       Kind   `json:"kind"`
	Nth        int    `json:"nth,omitempty"`         // the first request that is hit, of those that match; 0 means 1
	Times      int    `json:"times,omitempty"`       // how many that match are hit in a row; 0 means 1
	RetryAfter string `json:"retry_after,omitempty"` // the header of that name, such as 2; for the kinds that answer with an error
	For        string `json:"for,omitempty"`         // a duration such as 30s: of Slow on this machine's clock (default 2s), of Stale in the tenants' time (default 1m)
	Status     int    `json:"status,omitempty"`      // of Refused
	Code       string `json:"code,omitempty"`        // of Refused, such as Authorization_RequestDenied
	Message    string `json:"message,omitempty"`     // of Refused

	lastWrite bool // of Stale: answered as of before the last write to the tenant that has not settled, in place of For
}

// State is an aimed fault, and what has become of it.
type State struct {
	Fault
	Seen  int `json:"seen"`  // requests that matched
	Fired int `json:"fired"` // requests that were hit
}

// Injector is where faults come in: throttling, outages, answers that get lost on the way. Every request passes here,
// and each part of a batch for itself, as each is throttled for itself. Its methods may be called from several goroutines.
type Injector struct {
	world *tenant.World
	apis  []API

	mu    sync.Mutex
	aimed []*aimedFault
	met   map[Kind]int // how many requests met it, aimed or by chance
	// chance decides what happens to a request that no fault is aimed at; nil: nothing does.
	chance func(r *http.Request) (Fault, bool)
}

// API is one of the sandbox's APIs, as far as faults tell them apart.
type API struct {
	Owns      func(path string) bool                                     // reports whether a path is one of the API's
	Directory bool                                                       // meets by chance what only the directory says: Unread and Concurrent
	Refuse    func(w http.ResponseWriter, r *http.Request, with Failure) // answers in the API's form
}

// Failure is the error that a fault answers with. Code and message are the directory's, except those of Refused.
type Failure struct {
	Kind    Kind
	Status  int // of the HTTP answer
	Code    string
	Message string
}

// New returns an injector without an aimed fault. In a world of the profile hostile, requests meet faults by
// chance. What none of the APIs owns is refused in plain text.
func New(world *tenant.World, issuer *token.Issuer, apis ...API) *Injector {
	i := &Injector{world: world, apis: apis, met: map[Kind]int{}}
	if world.Profile.Hostile {
		i.chance = (&chaos{world: world, issuer: issuer, ownerOf: i.ownerOf, seen: map[string]int{}}).chance
	}
	return i
}

// ownerOf finds the API that a path is one of.
func (i *Injector) ownerOf(path string) (API, bool) {
	at := slices.IndexFunc(i.apis, func(a API) bool { return a.Owns(path) })
	if at < 0 {
		return API{}, false
	}
	return i.apis[at], true
}

type aimedFault struct {
	State
	matches *regexp.Regexp
}

// Aim arms a fault. Of two that a request matches, the one that was aimed first counts it.
func (i *Injector) Aim(f Fault) error {
	pattern, err := f.check()
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.aimed = append(i.aimed, &aimedFault{State: State{Fault: f}, matches: pattern})
	return nil
}

// Faults are the faults aimed so far, those that have done their work included, in the order of aiming.
func (i *Injector) Faults() []State {
	i.mu.Lock()
	defer i.mu.Unlock()
	return tenant.Mapped(i.aimed, func(a *aimedFault) State { return a.State })
}

// ForgetFaults disarms every aimed fault.
func (i *Injector) ForgetFaults() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.aimed = nil
}

// check fills in what was left out, and returns what the fault's requests look like: method, space, path.
func (f *Fault) check() (*regexp.Regexp, error) {
	switch {
	case !slices.Contains(kinds, f.Kind):
		return nil, fmt.Errorf("kind: %q is none of %q", f.Kind, kinds)
	case f.Nth < 0 || f.Times < 0:
		return nil, errors.New("nth and times are counted from 1")
	case f.Kind == Refused && (f.Status < 400 || f.Status > 599):
		return nil, fmt.Errorf("status: %d is no status of an error, 400 to 599", f.Status)
	}
	f.Nth, f.Times = max(f.Nth, 1), max(f.Times, 1)
	if f.For != "" {
		if d, err := time.ParseDuration(f.For); err != nil || d <= 0 {
			return nil, fmt.Errorf("for: %q is no duration such as 30s", f.For)
		}
	}
	method, path, both := strings.Cut(f.At, " ")
	if !both {
		method, path = "*", f.At
	}
	if !strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "*") {
		return nil, fmt.Errorf("at: %q is no method and path such as PATCH /v1.0/applications*", f.At)
	}
	return regexp.MustCompile("(?i)^" + strings.ReplaceAll(regexp.QuoteMeta(method+" "+path), `\*`, ".*") + "$"), nil
}

// duration is For, or what it is by default.
func (f Fault) duration(byDefault time.Duration) time.Duration {
	d, err := time.ParseDuration(f.For)
	if err != nil {
		return byDefault
	}
	return d
}

// next returns what is to happen to a request, if something is.
func (i *Injector) next(r *http.Request) (Fault, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range i.aimed {
		if a.Fired == a.Times || !a.matches.MatchString(r.Method+" "+r.URL.Path) {
			continue
		}
		if a.Seen++; a.Seen >= a.Nth {
			a.Fired++
			return a.Fault, true
		}
	}
	if i.chance == nil {
		return Fault{}, false
	}
	return i.chance(r)
}

func (i *Injector) count(kind Kind) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.met[kind]++
}

// Met is how many requests met each kind of fault so far, aimed or by chance.
func (i *Injector) Met() map[Kind]int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return maps.Clone(i.met)
}

// serve carries a request out, unless a fault comes first, and returns what is to be answered.
func (i *Injector) serve(h http.Handler, r *http.Request) *recorded {
	a := newRecorded()
	if tenant.Bypasses(r) {
		h.ServeHTTP(a, r)
		return a
	}
	f, hit := i.next(r)
	if hit {
		i.count(f.Kind)
	} else {
		h.ServeHTTP(a, r)
		return a
	}
	switch f.Kind {
	case TimeoutAfter:
		h.ServeHTTP(newRecorded(), r)
		i.fail(a, r, f)
	case ResetBefore:
		panic(http.ErrAbortHandler)
	case ResetAfter:
		h.ServeHTTP(a, r)
		panic(http.ErrAbortHandler)
	case CutOff:
		h.ServeHTTP(a, r)
		a.cutOff = true
	case Slow:
		if wait(r.Context(), f.duration(2*time.Second)) != nil {
			panic(http.ErrAbortHandler) // the client is gone, and its request with it
		}
		h.ServeHTTP(a, r)
	case Stale:
		h.ServeHTTP(a, r.WithContext(tenant.WithStaleView(r.Context(), i.staleView(f))))
	default:
		i.fail(a, r, f)
	}
	return a
}

// staleView is what a stale replica sees of a tenant.
func (i *Injector) staleView(f Fault) func(*tenant.Tenant) tenant.View {
	if f.lastWrite {
		return func(t *tenant.Tenant) tenant.View { return t.History.BeforeLastWrite() }
	}
	seen := tenant.AsOf(i.world.Now().Add(-f.duration(time.Minute)))
	return func(*tenant.Tenant) tenant.View { return seen }
}

// failures are what the kinds that answer with an error say in the name of Graph (Microsoft Graph: error responses and
// resource types, throttling guidance; the texts, and the codes of 500 and above, are unconfirmed. The last two were seen, in
// answers to requests that succeeded when they were made again).
var failures = map[Kind]Failure{
	Throttled:     {Status: http.StatusTooManyRequests, Code: "TooManyRequests", Message: "Too many requests."},
	ServerError:   {Status: http.StatusInternalServerError, Code: "Service_InternalServerError", Message: "Encountered an internal server error."},
	Unavailable:   {Status: http.StatusServiceUnavailable, Code: "Directory_ReplicaUnavailable", Message: "The service is temporarily unavailable."},
	TimeoutBefore: {Status: http.StatusGatewayTimeout, Code: "UnknownError", Message: ""},
	TimeoutAfter:  {Status: http.StatusGatewayTimeout, Code: "UnknownError", Message: ""},
	HTMLPage:      {Status: http.StatusBadGateway},
	EmptyBody:     {Status: http.StatusServiceUnavailable},
	Unread:        {Status: http.StatusNotFound, Code: "Directory_ObjectNotFound", Message: "Unable to read the company information from the directory."},
	Concurrent: {Status: http.StatusConflict, Code: "Directory_ConcurrencyViolation",
		Message: "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."},
}

// gatewayPage is what stands between client and API answers with when it cannot reach the latter.
const gatewayPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

// fail answers with the error of a fault, in the form of the API that was asked.
func (i *Injector) fail(a *recorded, r *http.Request, f Fault) {
	failure, known := failures[f.Kind]
	if !known {
		failure = Failure{Status: f.Status, Code: f.Code, Message: f.Message}
	}
	failure.Kind = f.Kind
	if f.RetryAfter != "" {
		a.Header().Set("Retry-After", f.RetryAfter)
	}
	owner, owned := i.ownerOf(r.URL.Path)
	switch {
	case f.Kind == HTMLPage:
		a.Header().Set("Content-Type", "text/html")
		a.WriteHeader(failure.Status)
		_, _ = a.Write([]byte(gatewayPage)) // into memory
	case f.Kind == EmptyBody:
		a.WriteHeader(failure.Status)
	case owned:
		owner.Refuse(a, r, failure)
	default:
		http.Error(a, cmp.Or(failure.Message, http.StatusText(failure.Status)), failure.Status)
	}
}

// bypassHeader marks a request that meets no fault and sees every write, whatever the profile. A test that plays a
// person sends it, and so does a reader of what the tenants hold. No API of the real thing knows it.
const bypassHeader = "Sandbox-Calm"

// Around serves requests unless a fault comes first.
func (i *Injector) Around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { i.serve(next, r).send(w) })
}

// Entrance is Around for what comes from outside. It exempts the control plane, by which faults are ended, and
// requests that ask for a bypass.
func (i *Injector) Entrance(next http.Handler) http.Handler {
	faulty := i.Around(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(bypassHeader) != "" {
			r = r.WithContext(tenant.WithBypass(r.Context()))
		}
		if strings.HasPrefix(r.URL.Path, "/_sandbox/") {
			next.ServeHTTP(w, r)
			return
		}
		faulty.ServeHTTP(w, r)
	})
}
