// Package sandbox runs simulated Microsoft 365 tenants on the local machine, serving sign-in, Microsoft Graph and
// Exchange Online from one HTTPS origin. It composes the packages below it. It shares no code with the provider, so
// that an error in one cannot hide in the other.
package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/control"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/exchange"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/fault"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/graph"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/history"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/login"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// Options say which sandbox to start. The zero value is one tenant that answers at once, on a free port.
type Options struct {
	Listen  string // host and port; the host must be a loopback address. Default 127.0.0.1:0, a free port
	Tenants int    // how many; 0 means 1
	// the tenants' EWS gate: unset (the default), false, listed, empty, or mixed, which is one of each in this order and
	// then unset
	Gate    string
	Profile string           // how the tenants behave: instant (the default), realistic, hostile or degraded
	Seed    uint64           // of what happens by chance; 0 draws one
	Speed   float64          // how many times sooner than in reality a write is seen everywhere; 0 means 1
	Latency time.Duration    // added to every request; not negative
	Log     io.Writer        // one JSON object per line and request, never a secret; nil for none
	Now     func() time.Time // the wall clock; nil means time.Now
	// put before everything that is served, where bodies are in clear; nil for nothing
	Around func(http.Handler) http.Handler
}

// Server is a running sandbox. Its methods may be called from several goroutines.
type Server struct {
	origin      string
	ca          []byte
	world       *tenant.World
	issuer      *token.Issuer
	faults      *fault.Injector
	control     *control.API
	history     *history.Recorder
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

// listenOnLoopback refuses every other interface: the control API asks for no token.
func listenOnLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return nil, fmt.Errorf("listening on %q: the sandbox serves the loopback interface only, such as 127.0.0.1:0",
			address)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", address, err)
	}
	return listener, nil
}

func newServer(o Options, address string) (*Server, error) {
	world, err := tenant.NewWorld(tenant.Options{
		Tenants: o.Tenants, Gate: o.Gate, Profile: o.Profile, Seed: o.Seed, Speed: o.Speed, Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	issuer, err := token.NewIssuer(world)
	if err != nil {
		return nil, err
	}
	identity, ca, err := newTLSIdentity()
	if err != nil {
		return nil, err
	}
	s := &Server{origin: "https://" + address, ca: ca, world: world, issuer: issuer, stopped: make(chan struct{}),
		history: history.NewRecorder(world.Now, o.Log)}
	served := s.compose()
	if o.Around != nil {
		served = o.Around(served)
	}
	s.http = &http.Server{
		Handler:           s.counted(s.history.Around(fault.Delayed(o.Latency, gunzipped(served)))),
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

// compose puts the APIs behind the faults.
func (s *Server) compose() http.Handler {
	directory := graph.New(s.world, s.issuer, s.origin)
	signIn := login.New(s.world, s.issuer, s.origin)
	mail := exchange.New(s.world, s.issuer, s.origin)
	s.faults = fault.New(s.world, s.issuer,
		fault.API{Owns: graph.Owns, Directory: true, Refuse: func(w http.ResponseWriter, r *http.Request, f fault.Failure) {
			directory.Fail(w, r, f.Status, f.Code, f.Message, f.Kind == fault.Throttled)
		}},
		fault.API{Owns: login.IsTokenEndpoint, Refuse: func(w http.ResponseWriter, r *http.Request, f fault.Failure) {
			if f.Kind == fault.Refused {
				signIn.FailAs(w, r, f.Status, f.Code, f.Message)
				return
			}
			signIn.Fail(w, r, f.Status, f.Message)
		}})
	s.control = control.New(s.world, s.faults, s.history)

	mux := http.NewServeMux()
	directory.Routes(mux, s.faults.Around)
	signIn.Routes(mux)
	mail.Routes(mux)
	s.control.Routes(mux)
	return s.faults.Entrance(mux)
}

// Origin is where everything is served: scheme, host and port, without a slash at the end.
func (s *Server) Origin() string { return s.origin }

// CertificateAuthorityPEM is the certificate to trust. Its key signs nothing any more, and is good for loopback
// addresses only.
func (s *Server) CertificateAuthorityPEM() []byte { return s.ca }

// Seed is what everything that happens by chance follows from. The same seed, and the same requests, make the same
// happen.
func (s *Server) Seed() uint64 { return s.world.Seed }

// Close ends the server and everything that was made in it. Nothing is written to the log afterwards. A second call
// does nothing.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.stopped
	s.answering.Wait()
	return errors.Join(err, s.serveFailed)
}

// History returns the last requests, at least some thousands, in the order in which they were answered.
func (s *Server) History() []Request { return s.history.Requests() }

// State returns what all tenants hold, each read at one moment.
func (s *Server) State() State { return s.control.State() }

// Settle lets every replica of these tenants (by ID; of all where none is named) catch up with what was written until
// now, as some minutes do that nobody waits for.
func (s *Server) Settle(tenantIDs ...string) { s.world.Settle(tenantIDs...) }

// Inject arms a fault. A request that matches two counts for the one that was injected first.
func (s *Server) Inject(f Fault) error { return s.faults.Inject(f) }

// Faults are the faults injected so far, in order, with those that have met all their requests.
func (s *Server) Faults() []FaultState { return s.faults.Faults() }

// FaultsMet is how many requests met each kind of fault so far, injected or by chance.
func (s *Server) FaultsMet() map[FaultKind]int { return s.faults.Met() }
