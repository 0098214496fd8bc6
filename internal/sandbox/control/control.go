// Package control serves the sandbox's control API, which inspects tenants, moves the clock, injects faults and changes
// administrator settings.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/fault"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/history"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// API is the control API of a sandbox.
type API struct {
	world   *tenant.World
	faults  *fault.Injector
	history *history.Recorder
}

// New returns the control API over the tenants of a world, their faults, and what was requested.
func New(world *tenant.World, faults *fault.Injector, history *history.Recorder) *API {
	return &API{world, faults, history}
}

// Routes serves the control API: the state of the tenants, and the switches that no API of the real thing
// has or that a person throws there. It needs no token, because the server listens on the loopback interface alone.
func (a *API) Routes(mux *http.ServeMux) {
	control := http.NewServeMux()
	control.HandleFunc("GET /_sandbox/tenants", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, a.State())
	})
	control.HandleFunc("GET /_sandbox/tenants/{tenant}",
		a.onTenant(func(t *tenant.Tenant, w http.ResponseWriter, _ *http.Request) {
			writeControl(w, http.StatusOK, tenantState(t))
		}))
	control.HandleFunc("GET /_sandbox/tenants/{tenant}/exchange", a.onTenant(a.showExchange))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/exchange", a.onTenant(a.patchExchange))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/directory", a.onTenant(a.patchDirectory))
	control.HandleFunc("DELETE /_sandbox/tenants/{tenant}/apis/{client}", a.onTenant(a.deleteAPI))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/sign-in", a.onTenant(a.patchSignIn))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/users/{address}", a.onTenant(a.patchUser))
	control.HandleFunc("PATCH /_sandbox/tenants/{tenant}/throttling", a.onTenant(a.patchThrottling))
	control.HandleFunc("PUT /_sandbox/tenants/{tenant}/policies/{policy}", a.onTenant(a.putPolicy))
	control.HandleFunc("DELETE /_sandbox/tenants/{tenant}/policies/{policy}", a.onTenant(a.deletePolicy))
	control.HandleFunc("PUT /_sandbox/issuers", a.putIssuer)
	control.HandleFunc("GET /_sandbox/history", a.history.Serve)
	control.HandleFunc("GET /_sandbox/clock", a.showClock)
	control.HandleFunc("POST /_sandbox/clock", a.setClock)
	control.HandleFunc("GET /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		writeControl(w, http.StatusOK, faultList{a.faults.Faults()})
	})
	control.HandleFunc("POST /_sandbox/faults", a.injectFault)
	control.HandleFunc("DELETE /_sandbox/faults", func(w http.ResponseWriter, _ *http.Request) {
		a.faults.ForgetFaults()
		writeControl(w, http.StatusOK, faultList{a.faults.Faults()})
	})
	control.HandleFunc("/_sandbox/", func(w http.ResponseWriter, r *http.Request) {
		refuseControl(w, http.StatusNotFound, fmt.Errorf("the control API has no %s %s", r.Method, r.URL.Path))
	})
	mux.Handle("/_sandbox/", control)
}

// onTenant finds the tenant of the path by its ID or a domain, and holds it for the length of the request.
func (a *API) onTenant(serve func(*tenant.Tenant, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, found := a.world.Find(r.PathValue("tenant"))
		if !found {
			refuseControl(w, http.StatusNotFound,
				fmt.Errorf("the sandbox has no tenant %q; GET /_sandbox/tenants lists them", r.PathValue("tenant")))
			return
		}
		tenant.NoteTenant(r, t.ID)
		t.Lock()
		defer t.Unlock()
		t.TakeWrites() // of nobody who is logged
		serve(t, w, r)
		tenant.NotesOf(r).Writes = t.TakeWrites()
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

// signInPatch refuses the sign-ins of applications, by client ID, with an AADSTS code: what the tenants here have no
// cause for. It replaces what was set before.
type signInPatch struct {
	Refuse map[string]int `json:"refuse"`
}

func (a *API) patchSignIn(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) {
	var patch signInPatch
	if err := readControl(r, &patch); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	t.Refused = map[string]int{}
	for clientID, code := range patch.Refuse {
		if uuid.Validate(clientID) != nil || code <= 0 {
			refuseControl(w, http.StatusBadRequest,
				fmt.Errorf("refuse: %q: %d is not an application ID (GUID) with a code such as 7000214", clientID, code))
			return
		}
		t.Refused[strings.ToLower(clientID)] = code
	}
	writeControl(w, http.StatusOK, patch)
}

// userPatch changes what a user has. A kind brings its licence, addresses and enabled state along.
type userPatch struct {
	Mailbox optional[tenant.MailboxKind] `json:"mailbox"`
	Enabled optional[bool]               `json:"enabled"`
	Aliases optional[[]string]           `json:"aliases"` // further addresses, of any domain
	// false: no licence, and the mailbox stays, as a shared one's may
	Plans optional[bool] `json:"plans"`
}

func (a *API) patchUser(t *tenant.Tenant, w http.ResponseWriter, r *http.Request) {
	var patch userPatch
	if err := readControl(r, &patch); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	if kind := patch.Mailbox.value; patch.Mailbox.set && !slices.Contains(tenant.MailboxKinds, kind) {
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("mailbox: %q is none of %q", kind, tenant.MailboxKinds))
		return
	}
	address := r.PathValue("address")
	found := t.Directory.Users.List(tenant.Present(), func(u tenant.User) bool {
		return strings.EqualFold(u.UserPrincipalName, address)
	})
	if len(found) == 0 {
		refuseControl(w, http.StatusNotFound, fmt.Errorf("%s has no user %q", t.DisplayName, address))
		return
	}
	account := found[0]
	if patch.Mailbox.set {
		account.SetMailbox(patch.Mailbox.value, t.Domain)
	}
	if patch.Enabled.set {
		account.Enabled = patch.Enabled.value
	}
	if patch.Plans.set && !patch.Plans.value {
		account.Plans = nil
	}
	for _, alias := range patch.Aliases.value {
		account.ProxyAddresses = append(slices.Clone(account.ProxyAddresses), "smtp:"+alias)
	}
	t.Directory.Users.Put(a.world.Now(), account.ID, account)
	writeControl(w, http.StatusOK, userState(account))
}

type faultList struct {
	Faults []fault.State `json:"faults"`
}

// injectFault arms a fault, and answers with all of them.
func (a *API) injectFault(w http.ResponseWriter, r *http.Request) {
	var fault fault.Fault
	err := readControl(r, &fault)
	if err == nil {
		err = a.faults.Inject(fault)
	}
	if err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	writeControl(w, http.StatusOK, faultList{a.faults.Faults()})
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
