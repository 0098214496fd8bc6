// Package exchange simulates Exchange Online: EWS's operations on folders and items, Autodiscover (v2, SOAP and POX),
// and access control for EWS.
package exchange

import (
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// API is Exchange Online over the tenants of a world.
type API struct {
	world  *tenant.World
	issuer *token.Issuer
	origin string // where it is served, without a slash at the end
}

// New returns an API that is served at an origin, such as https://127.0.0.1:8443.
func New(world *tenant.World, issuer *token.Issuer, origin string) *API {
	return &API{world: world, issuer: issuer, origin: origin}
}

// Routes serves Exchange Online: the EWS endpoint and Autodiscover, v2, SOAP and POX.
func (a *API) Routes(mux *http.ServeMux) {
	mux.HandleFunc("POST /EWS/Exchange.asmx", a.serveEWS)
	mux.HandleFunc("GET /autodiscover/autodiscover.json/v1.0/{email}", a.serveAutodiscover)
	mux.HandleFunc("POST /autodiscover/autodiscover.svc", a.serveUserSettings)
	mux.HandleFunc("POST /autodiscover/autodiscover.xml", a.servePOX)
	mux.Handle("GET /autodiscover/autodiscover.xml", http.HandlerFunc(showEndpoints))
}

// What Exchange Online writes into X-EWS-Policy-Reason (Exchange: control access to EWS): the first where the
// organization's or the mailbox's switch is off, the second where the list lacks the app. That a mailbox whose licence
// does not include EWS, as kiosk workers have, is refused with the first one is unconfirmed.
const (
	reasonEWSDisabled = "EWS is disabled for this user or tenant"
	reasonEWSBlocked  = "EWS is blocked by policy for this user or tenant"
)

// maxEWSRequest is how long a request is at most. That Exchange answers a longer one with 413 is unconfirmed.
const maxEWSRequest = 50 << 20

// serveEWS answers EWS's operations for an application that impersonates a mailbox. In what order Exchange makes its
// checks is unconfirmed; here the token comes first, then the tenant, then the mailbox.
func (a *API) serveEWS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("request-id", uuid.NewString())
	verified, t, ok := a.tokenFor(w, r)
	if !ok {
		return
	}
	w = a.noted(w, r, t, verified)
	// before any silence: only then it shows that a client is gone
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEWSRequest+1))
	if err != nil {
		return
	}
	if len(body) > maxEWSRequest {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	request, malformed := readRequest(body)
	if malformed == nil {
		tenant.NotesOf(r).Meaning = request.meaning(t)
	}
	t.Lock()
	defer t.Unlock()
	known := a.world.ExchangeKnows(t, r)
	if malformed == nil && t.Exchange.Outage.Covers(request.operation.covered(t)) {
		if outage := t.Exchange.Outage; !outage.Silent {
			answerOutage(w, outage)
			return
		}
		t.Unlock()
		<-r.Context().Done()
		t.Lock()
		return
	}
	if busy := t.Exchange.ServerBusy; busy > 0 {
		writeEWSFault(w, http.StatusInternalServerError, ewsFault{
			Code: "ErrorServerBusy", Message: "The server cannot service this request right now. Try again later.",
			BackOff: busy,
		})
		return
	}
	if !verified.HasRole(tenant.EWSRole) {
		// Unconfirmed: Exchange's answer to a token without the role; its status at least is known to be 403.
		writeEWSFault(w, http.StatusForbidden, accessDenied)
		return
	}
	if reason := refusesEWS(known, verified.AppID); reason != "" {
		refuseEWSPolicy(w, reason)
		return
	}
	if malformed != nil {
		writeEWSFault(w, http.StatusInternalServerError, ewsFault{Code: "ErrorSchemaValidation", Message: malformed.Error()})
		return
	}
	a.serveMailbox(w, r, t, verified.AppID, request)
}

// tokenFor returns what a token for Exchange says, and its tenant. Without one, it has answered the request.
func (a *API) tokenFor(w http.ResponseWriter, r *http.Request) (*token.AccessToken, *tenant.Tenant, bool) {
	verified, fault := a.issuer.Verify(r.Header.Get("Authorization"))
	if fault != nil || verified.Audience != tenant.ExchangeAudience {
		refuseEWSToken(w)
		return nil, nil, false
	}
	t, found := a.world.Find(verified.TenantID)
	if !found {
		refuseEWSToken(w)
		return nil, nil, false
	}
	return verified, t, true
}

// serveMailbox does what concerns the impersonated mailbox.
func (a *API) serveMailbox(w http.ResponseWriter, r *http.Request, t *tenant.Tenant, appID string, request ewsRequest) {
	address := request.impersonated()
	if address == "" {
		writeEWSFault(w, http.StatusInternalServerError, ewsFault{
			Code:    "ErrorInvalidExchangeImpersonationHeaderData",
			Message: "ExchangeImpersonation SOAP header must be present for this type of OAuth token.",
		})
		return
	}
	if r.Header.Get("X-AnchorMailbox") == "" {
		// Exchange asks for the header without fail (EWS: impersonation) but routes some requests by luck without it.
		// Here it is missed every time, so that nobody forgets it. The code is the sandbox's own choice.
		writeEWSFault(w, http.StatusInternalServerError, ewsFault{
			Code: "ErrorInvalidRequest", Message: "The X-AnchorMailbox header must name the impersonated mailbox.",
		})
		return
	}
	account, found := findMailbox(t, tenant.Present(), address, request.primaryOnly())
	known := a.world.ExchangeKnows(t, r)
	switch {
	case !found:
		writeEWSFault(w, http.StatusInternalServerError, nonExistentMailbox)
	case known.Has(known.OutOfScope, account):
		writeEWSFault(w, http.StatusInternalServerError, ewsFault{
			Code:    "ErrorImpersonateUserDenied",
			Message: "The account does not have permission to impersonate the requested user.",
		})
	case account.Mailbox == tenant.Kiosk || known.Has(known.DisabledMailbox, account):
		refuseEWSPolicy(w, reasonEWSDisabled)
	default:
		t.NoteEWS(appID, a.world.Now())
		writeResponse(w, request.operation, call{tenant: t, view: tenant.Present(), account: account, route: routeOf(t, r),
			now: a.world.Now()})
	}
}

var nonExistentMailbox = ewsFault{Code: "ErrorNonExistentMailbox",
	Message: "The SMTP address has no mailbox associated with it."}

// findMailbox finds the user whose mailbox has that address. A disabled account's mailbox opens like any other, as
// shared mailboxes do, whose accounts are disabled by design (unconfirmed).
func findMailbox(t *tenant.Tenant, v tenant.View, address string, primaryOnly bool) (tenant.User, bool) {
	found := t.Directory.Users.List(v, func(u tenant.User) bool {
		if u.Mailbox == tenant.Unlicensed || u.Mailbox == tenant.NoMailbox {
			return false
		}
		at := slices.Index(u.Addresses(), strings.ToLower(address))
		return at == 0 || at > 0 && !primaryOnly
	})
	if len(found) == 0 {
		return tenant.User{}, false
	}
	return found[0], true
}

func refuseEWSToken(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Bearer client_id="`+tenant.ExchangeAppID+
		`", trusted_issuers="00000001-0000-0000-c000-000000000000@*", `+
		`token_types="app_asserted_user_v1 service_asserted_app_v1", error="invalid_token"`)
	w.WriteHeader(http.StatusUnauthorized)
}

func refuseEWSPolicy(w http.ResponseWriter, reason string) {
	noteCode(w, reason)
	w.Header().Set("X-EWS-Policy-Reason", reason)
	w.WriteHeader(http.StatusForbidden)
}
