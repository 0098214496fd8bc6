package fault

import (
	"cmp"
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

// Injector is where faults come in: throttling, outages, answers that get lost on the way. Every request passes here,
// and each part of a batch for itself, as each is throttled for itself. Its methods may be called from several
// goroutines.
type Injector struct {
	world *tenant.World
	apis  []API

	mu       sync.Mutex
	injected []*injectedFault
	met      map[Kind]int // how many requests met it, injected or by chance
	// chance decides what happens to a request that no injected fault meets; nil: nothing does.
	chance func(r *http.Request) (Fault, bool)
}

// API is one of the sandbox's APIs, as far as faults tell them apart.
type API struct {
	Owns func(path string) bool // reports whether a path is one of the API's
	// meets by chance what only the directory says: Unread and Concurrent
	Directory bool
	Refuse    func(w http.ResponseWriter, r *http.Request, with Failure) // answers in the API's form
}

// Failure is the error that a fault answers with. Code and message are the directory's, except those of Refused.
type Failure struct {
	Kind    Kind
	Status  int // of the HTTP answer
	Code    string
	Message string
}

// New returns an injector without faults. In a world of the profiles hostile and degraded, requests meet faults by
// chance. A request to none of the APIs is refused in plain text.
func New(world *tenant.World, issuer *token.Issuer, apis ...API) *Injector {
	i := &Injector{world: world, apis: apis, met: map[Kind]int{}}
	if world.Profile.Chaos {
		i.chance = (&chaos{world: world, issuer: issuer, ownerOf: i.ownerOf}).chance
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

type injectedFault struct {
	State
	matches *regexp.Regexp
}

// Inject arms a fault. A request that matches two counts for the one that was injected first.
func (i *Injector) Inject(f Fault) error {
	pattern, err := f.check()
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.injected = append(i.injected, &injectedFault{State: State{Fault: f}, matches: pattern})
	return nil
}

// Faults are the faults injected so far, in order, with those that have met all their requests.
func (i *Injector) Faults() []State {
	i.mu.Lock()
	defer i.mu.Unlock()
	return tenant.Mapped(i.injected, func(a *injectedFault) State { return a.State })
}

// ForgetFaults disarms every injected fault.
func (i *Injector) ForgetFaults() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.injected = nil
}

// next returns what is to happen to a request, if something is.
func (i *Injector) next(r *http.Request) (Fault, bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, a := range i.injected {
		if a.Fired == a.Times || !a.matches.MatchString(r.Method+" "+r.URL.Path) {
			continue
		}
		if a.Seen++; a.Seen >= a.Nth {
			a.Fired++
			tenant.NotesOf(r).Injected = true
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

// Met is how many requests met each kind of fault so far, injected or by chance.
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
		tenant.NotesOf(r).Fault = string(f.Kind)
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
// resource types, throttling guidance; the texts, and the codes of 500 and above, are unconfirmed. The last two were
// seen, in answers to requests that succeeded when they were made again).
var failures = map[Kind]Failure{
	Throttled: {Status: http.StatusTooManyRequests, Code: "TooManyRequests", Message: "Too many requests."},
	ServerError: {Status: http.StatusInternalServerError, Code: "Service_InternalServerError",
		Message: "Encountered an internal server error."},
	Unavailable: {Status: http.StatusServiceUnavailable, Code: "Directory_ReplicaUnavailable",
		Message: "The service is temporarily unavailable."},
	TimeoutBefore: {Status: http.StatusGatewayTimeout, Code: "UnknownError", Message: ""},
	TimeoutAfter:  {Status: http.StatusGatewayTimeout, Code: "UnknownError", Message: ""},
	HTMLPage:      {Status: http.StatusBadGateway},
	EmptyBody:     {Status: http.StatusServiceUnavailable},
	Unread: {Status: http.StatusNotFound, Code: "Directory_ObjectNotFound",
		Message: "Unable to read the company information from the directory."},
	Concurrent: {Status: http.StatusConflict, Code: "Directory_ConcurrencyViolation",
		Message: "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."},
}

// gatewayPage is what a gateway in front of the API answers when it cannot reach it.
const gatewayPage = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad " +
	"Gateway</h1></center>\r\n</body>\r\n</html>\r\n"

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
const bypassHeader = "Sandbox-Bypass"

// Around serves requests unless a fault comes first.
func (i *Injector) Around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { i.serve(next, r).send(w) })
}

// Entrance is Around for what comes from outside. It exempts the control API, by which faults are ended, and
// requests that ask for a bypass.
func (i *Injector) Entrance(next http.Handler) http.Handler {
	faulty := i.Around(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(bypassHeader) != "" {
			r = r.WithContext(tenant.WithBypass(r.Context()))
			tenant.NotesOf(r).Bypass = true
		}
		if strings.HasPrefix(r.URL.Path, "/_sandbox/") {
			next.ServeHTTP(w, r)
			return
		}
		faulty.ServeHTTP(w, r)
	})
}
