package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say which sandbox to start. The zero value is one tenant that answers at once, on a free port.
type Options struct {
	Listen  string                          // host and port; the host must be a loopback address. Default 127.0.0.1:0, a free port
	Tenants int                             // how many; 0 means 1
	Gate    string                          // the tenants' EWS gate: unset (the default), false, listed, empty, or mixed, which is one of each in this order and then unset
	Profile string                          // how the tenants behave: instant (the default), realistic or hostile
	Seed    uint64                          // of what happens by chance; 0 draws one
	Speed   float64                         // how many times sooner than in reality a write is seen everywhere; 0 means 1
	Latency time.Duration                   // added to every request; not negative
	Log     io.Writer                       // one JSON object per line and request, never a secret; nil for none
	Now     func() time.Time                // the wall clock; nil means time.Now
	Around  func(http.Handler) http.Handler // put before everything that is served, where bodies are in clear; nil for nothing
}

// Server is a running sandbox. Its methods may be called from several goroutines.
type Server struct {
	origin      string
	ca          []byte
	clock       *clock
	profile     profile
	seed        uint64
	dice        *dice
	unknown     unknownCredentials
	tenants     []*Tenant
	byName      map[string]*Tenant // by ID and domains, lower case
	platform    *platform
	graph       map[string][]route // by version
	trouble     trouble
	http        *http.Server
	answering   sync.WaitGroup // one for each request
	stopped     chan struct{}
	serveFailed error // read only after stopped is closed
}

// Start makes the tenants and serves them until Close.
func Start(o Options) (*Server, error) {
	if o.Latency < 0 {
		return nil, fmt.Errorf("latency %s: nothing is answered before it is asked; 0 adds nothing", o.Latency)
	}
	if !(o.Speed >= 0) {
		return nil, fmt.Errorf("speed %v: nothing is seen before it is written; 1 is as in reality", o.Speed)
	}
	listener, err := listenOnLoopback(cmp.Or(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	s, err := newServer(o, listener.Addr().String())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	go func() {
		defer close(s.stopped)
		if err := s.http.ServeTLS(listener, "", ""); !errors.Is(err, http.ErrServerClosed) {
			s.serveFailed = fmt.Errorf("serving %s: %w", s.origin, err)
		}
	}()
	return s, nil
}

// listenOnLoopback refuses every other interface: the control plane asks for no token.
func listenOnLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listening on %q: the sandbox serves the loopback interface only, such as 127.0.0.1:0", address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	return listener, nil
}

func newServer(o Options, address string) (*Server, error) {
	wall := o.Now
	if wall == nil {
		wall = time.Now
	}
	s := &Server{
		origin:  "https://" + address,
		clock:   newClock(wall, cmp.Or(o.Speed, 1)),
		seed:    cmp.Or(o.Seed, rand.Uint64N(1<<32)+1),
		byName:  map[string]*Tenant{},
		stopped: make(chan struct{}),
	}
	s.dice = newDice(s.seed)
	gate := cmp.Or(o.Gate, gateUnset)
	if !slices.Contains(gateOptions, gate) {
		return nil, fmt.Errorf("gate %q: there are %s", o.Gate, strings.Join(gateOptions, ", "))
	}
	var err error
	if s.profile, err = findProfile(o.Profile); err != nil {
		return nil, err
	}
	if s.profile.hostile {
		s.trouble.chance = (&hostility{server: s, seed: s.seed, seen: map[string]int{}}).chance
	}
	if s.platform, err = newPlatform(); err != nil {
		return nil, err
	}
	identity, ca, err := newTLSIdentity()
	if err != nil {
		return nil, err
	}
	s.ca = ca
	for i := range max(o.Tenants, 1) {
		t := s.seedTenant(i, gateOf(gate, i))
		s.tenants = append(s.tenants, t)
		for _, name := range []string{t.ID, t.Domain, t.CustomDomain} {
			s.byName[strings.ToLower(name)] = t
		}
	}
	served := s.troubled(s.routes())
	if o.Around != nil {
		served = o.Around(served)
	}
	s.http = &http.Server{
		Handler:           s.counted(logged(o.Log, s.now, delayed(o.Latency, gunzipped(served)))),
		TLSConfig:         identity,
		ReadHeaderTimeout: 30 * time.Second,
		// What would be said there is about clients that do not trust the CA or hang up: they know it themselves.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return s, nil
}

// counted lets Close wait for the requests under way.
func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.answering.Add(1)
		defer s.answering.Done()
		next.ServeHTTP(w, r)
	})
}

func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	s.graphRoutes(mux)
	s.signInRoutes(mux)
	s.exchangeRoutes(mux)
	s.controlRoutes(mux)
	return mux
}

// Origin is where everything is served: scheme, host and port, without a slash at the end.
func (s *Server) Origin() string { return s.origin }

// CertificateAuthorityPEM is the certificate to trust. Its key signs nothing any more, and is good for loopback
// addresses only.
func (s *Server) CertificateAuthorityPEM() []byte { return s.ca }

// Tenants are in the order of their making.
func (s *Server) Tenants() []*Tenant { return s.tenants }

// Seed is what everything that happens by chance follows from. The same seed, and the same requests, make the same happen.
func (s *Server) Seed() uint64 { return s.seed }

// Close ends the server and everything that was made in it. Nothing is written to the log afterwards. A second call
// does nothing.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.stopped
	s.answering.Wait()
	return errors.Join(err, s.serveFailed)
}

// tenant finds a tenant by its ID or one of its domains.
func (s *Server) tenant(idOrDomain string) (*Tenant, bool) {
	t, found := s.byName[strings.ToLower(idOrDomain)]
	return t, found
}

// delayed answers every request by so much later.
func delayed(by time.Duration, next http.Handler) http.Handler {
	if by <= 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if wait(r.Context(), by) == nil {
			next.ServeHTTP(w, r)
		}
	})
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
