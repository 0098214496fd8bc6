package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// controlRoutes serves the control plane: the state of the tenants, and the switches that no API of the real thing
// has or that a person throws there. It needs no token, because the server listens on the loopback interface alone.
func (s *Server) controlRoutes(mux *http.ServeMux) {
	control := http.NewServeMux()
	control.HandleFunc("GET /_sandbox/tenants", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, s.State())
	})
	control.HandleFunc("GET /_sandbox/tenants/{tenant}", s.onTenant(func(t *Tenant, w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, t.state(s))
	}))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/exchange", s.onTenant(s.patchExchange))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/directory", s.onTenant(s.patchDirectory))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/sign-in", s.onTenant(s.patchSignIn))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/users/{address}", s.onTenant(s.patchUser))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/throttling", s.onTenant(s.patchThrottling))
	control.HandleFunc("PUT /_sandbox/tenants/{tenant}/policies/{policy}", s.onTenant(s.putPolicy))
	control.HandleFunc("DELETE /_sandbox/tenants/{tenant}/policies/{policy}", s.onTenant(s.deletePolicy))
	control.HandleFunc("GET /_sandbox/clock", s.showClock)
	control.HandleFunc("POST /_sandbox/clock", s.setClock)
	control.HandleFunc("GET /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, faultList{s.Faults()})
	})
	control.HandleFunc("POST /_sandbox/faults", s.aimFault)
	control.HandleFunc("DELETE /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		s.ForgetFaults()
		writeControl(w, http.StatusOK, faultList{s.Faults()})
	})
	control.HandleFunc("/_sandbox/", func(w http.ResponseWriter, r *http.Request) {
		refuseControl(w, http.StatusNotFound, fmt.Errorf("the control plane has no %s %s", r.Method, r.URL.Path))
	})
	mux.Handle("/_sandbox/", control)
}

// onTenant finds the tenant of the path by its ID or a domain, and holds it for the length of the request.
func (s *Server) onTenant(serve func(*Tenant, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, found := s.tenant(r.PathValue("tenant"))
		if !found {
			refuseControl(w, http.StatusNotFound, fmt.Errorf("the sandbox has no tenant %q; GET /_sandbox/tenants lists them", r.PathValue("tenant")))
			return
		}
		noteTenant(r, t.ID)
		t.mu.Lock()
		defer t.mu.Unlock()
		serve(t, w, r)
	}
}

// optional tells a field that is absent from one that is null.
type optional[T any] struct {
	set   bool
	value T
}

// UnmarshalJSON is called only where the field is there.
func (o *optional[T]) UnmarshalJSON(data []byte) error {
	o.set = true
	return json.Unmarshal(data, &o.value)
}

// signInPatch refuses the sign-ins of applications, by client ID, with an AADSTS code: what the tenants here have no cause
// for. It replaces what was set before.
type signInPatch struct {
	Refuse map[string]int `json:"refuse"`
}

func (s *Server) patchSignIn(t *Tenant, w http.ResponseWriter, r *http.Request) {
	var patch signInPatch
	if err := readControl(r, &patch); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	t.refused = map[string]int{}
	for clientID, code := range patch.Refuse {
		if uuid.Validate(clientID) != nil || code <= 0 {
			refuseControl(w, http.StatusBadRequest, fmt.Errorf("refuse: %q: %d is no application ID (GUID) with a code such as 7000214", clientID, code))
			return
		}
		t.refused[strings.ToLower(clientID)] = code
	}
	writeControl(w, http.StatusOK, patch)
}

// userPatch changes what a user has. A kind brings its licence, addresses and enabled state along.
type userPatch struct {
	Mailbox optional[mailboxKind] `json:"mailbox"`
	Enabled optional[bool]        `json:"enabled"`
	Aliases optional[[]string]    `json:"aliases"` // further addresses, of any domain
}

func (s *Server) patchUser(t *Tenant, w http.ResponseWriter, r *http.Request) {
	var patch userPatch
	if err := readControl(r, &patch); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	if kind := patch.Mailbox.value; patch.Mailbox.set && !slices.Contains(mailboxKinds, kind) {
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("mailbox: %q is none of %q", kind, mailboxKinds))
		return
	}
	address := r.PathValue("address")
	found := t.directory.users.list(t.present(s), func(u user) bool { return strings.EqualFold(u.UserPrincipalName, address) })
	if len(found) == 0 {
		refuseControl(w, http.StatusNotFound, fmt.Errorf("%s has no user %q", t.DisplayName, address))
		return
	}
	account := found[0]
	if patch.Mailbox.set {
		account.setMailbox(patch.Mailbox.value, t.Domain)
	}
	if patch.Enabled.set {
		account.Enabled = patch.Enabled.value
	}
	for _, alias := range patch.Aliases.value {
		account.ProxyAddresses = append(slices.Clone(account.ProxyAddresses), "smtp:"+alias)
	}
	t.directory.users.put(s.now(), account.ID, account)
	writeControl(w, http.StatusOK, account.state())
}

type faultList struct {
	Faults []FaultState `json:"faults"`
}

// aimFault arms a fault, and answers with all of them.
func (s *Server) aimFault(w http.ResponseWriter, r *http.Request) {
	var fault Fault
	err := readControl(r, &fault)
	if err == nil {
		err = s.Aim(fault)
	}
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	writeControl(w, http.StatusOK, faultList{s.Faults()})
}

const maxControlRequest = 1 << 20

// readControl decodes the one JSON object of a request. A field it does not know is a mistake to be told of.
func readControl(r *http.Request, into any) error {
	decoder := json.NewDecoder(io.LimitReader(r.Body, maxControlRequest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the request is not understood: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("the request is not understood: something follows the JSON object")
	}
	return nil
}

func refuseControl(w http.ResponseWriter, status int, err error) {
	writeControl(w, status, map[string]string{"error": err.Error()})
}

func writeControl(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // the client is gone: nobody is left to be told
}
