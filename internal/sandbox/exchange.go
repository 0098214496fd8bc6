package sandbox

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// exchangeRoutes serves Exchange Online: the EWS endpoint and Autodiscover, v2 and SOAP.
func (s *Server) exchangeRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST /EWS/Exchange.asmx", s.serveEWS)
	mux.HandleFunc("GET /autodiscover/autodiscover.json/v1.0/{email}", s.serveAutodiscover)
	mux.HandleFunc("POST /autodiscover/autodiscover.svc", s.serveUserSettings)
}

const ewsRole = "full_access_as_app"

// What Exchange Online writes into X-EWS-Policy-Reason (Exchange: control access to EWS). That a mailbox whose licence does
// not include EWS, as kiosk workers have, is refused with the first one is unconfirmed.
const (
	reasonEWSDisabled = "EWS is disabled for this user or tenant"
	reasonEWSBlocked  = "EWS is blocked by policy for this user or tenant"
)

const maxEWSRequest = 1 << 20

// serveEWS answers GetFolder and FindFolder, the only operations of EWS here, for an application that impersonates a mailbox.
// In what order Exchange makes its checks is unconfirmed; here the token comes first, then the tenant, then the mailbox.
func (s *Server) serveEWS(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("request-id", uuid.NewString())
	token, fault := s.verifyToken(r.Header.Get("Authorization"))
	if fault != nil || token.Audience != exchangeAudience {
		refuseEWSToken(w)
		return
	}
	t, found := s.tenant(token.TenantID)
	if !found {
		refuseEWSToken(w)
		return
	}
	noteTenant(r, t.ID)
	body, err := io.ReadAll(io.LimitReader(r.Body, maxEWSRequest)) // before any silence: only then it shows that a client is gone
	if err != nil {
		return
	}
	request, malformed := readFolderRequest(bytes.NewReader(body))
	t.mu.Lock()
	defer t.mu.Unlock()
	known := s.exchangeKnows(t, r)
	if malformed == nil && t.exchange.Weather.over(t.covered(request.folder())) {
		if weather := t.exchange.Weather; !weather.Silent {
			weather.answer(w)
			return
		}
		t.mu.Unlock()
		<-r.Context().Done()
		t.mu.Lock()
		return
	}
	if busy := t.exchange.ServerBusy; busy > 0 {
		writeEWSFault(w, http.StatusInternalServerError, ewsFault{
			Code: "ErrorServerBusy", Message: "The server cannot service this request right now. Try again later.", BackOff: busy,
		})
		return
	}
	if !token.hasRole(ewsRole) {
		// Unconfirmed: Exchange's answer to a token without the role; its status at least is known to be 403.
		writeEWSFault(w, http.StatusForbidden, ewsFault{
			Code: "ErrorAccessDenied", Message: "Access is denied. Check credentials and try again.",
		})
		return
	}
	if reason := known.refusesEWS(token.AppID); reason != "" {
		refuseEWSPolicy(w, reason)
		return
	}
	if malformed != nil {
		writeEWSFault(w, http.StatusInternalServerError, ewsFault{Code: "ErrorSchemaValidation", Message: malformed.Error()})
		return
	}
	s.serveFolders(w, r, t, request)
}

// exchangeSettings is the row of an organization's settings.
const exchangeSettings = "settings"

// exchangeKnows is what Exchange goes by in answering a request: the list and the scopes may be those of a while ago.
func (s *Server) exchangeKnows(t *Tenant, r *http.Request) exchangeOrganization {
	known := t.exchange
	if isCalm(r) || s.profile.ewsList == 0 {
		return known
	}
	earlier := func(lag time.Duration) exchangeOrganization {
		settings, _ := t.settings.get(asOf(s.before(t, lag)), exchangeSettings)
		return settings
	}
	known.EwsAllowedAppIDs, known.OutOfScope = earlier(s.profile.ewsList).EwsAllowedAppIDs, earlier(s.profile.mailScope).OutOfScope
	return known
}

// serveFolders does what concerns the impersonated mailbox.
func (s *Server) serveFolders(w http.ResponseWriter, r *http.Request, t *Tenant, request folderRequest) {
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
	account, found := t.mailbox(t.present(s), address, request.primaryOnly())
	known := s.exchangeKnows(t, r)
	switch {
	case !found:
		writeEWSFault(w, http.StatusInternalServerError, ewsFault{
			Code: "ErrorNonExistentMailbox", Message: "The SMTP address has no mailbox associated with it.",
		})
	case known.has(known.OutOfScope, account):
		writeEWSFault(w, http.StatusInternalServerError, ewsFault{
			Code: "ErrorImpersonateUserDenied", Message: "The account does not have permission to impersonate the requested user.",
		})
	case account.Mailbox == kiosk || t.exchange.has(t.exchange.DisabledMailbox, account):
		refuseEWSPolicy(w, reasonEWSDisabled)
	default:
		call := folderCall{tenant: t, view: t.present(s), account: account, routed: t.routed(r)}
		if request.Body.GetFolder != nil {
			call.writeGetFolder(w, *request.Body.GetFolder)
			return
		}
		call.writeFindFolder(w, *request.Body.FindFolder)
	}
}

// refusesEWS applies the organization's gate: an unset EwsEnabled counts as false, and an empty list lets nobody in
// (Exchange Online: retirement of EWS, enforced since 2026-10-01). The answer is the reason, empty when let in.
func (o exchangeOrganization) refusesEWS(appID string) string {
	if o.EwsEnabled == nil || !*o.EwsEnabled {
		return reasonEWSDisabled
	}
	if !slices.ContainsFunc(o.EwsAllowedAppIDs, func(id string) bool { return strings.EqualFold(strings.TrimSpace(id), appID) }) {
		return reasonEWSBlocked
	}
	return ""
}

// has tells whether a set of addresses names one of the account's.
func (o exchangeOrganization) has(addresses map[string]bool, account user) bool {
	return slices.ContainsFunc(account.addresses(), func(address string) bool { return addresses[address] })
}

// addresses are the SMTP addresses of a user in lower case, the primary one first.
func (u user) addresses() []string {
	found := make([]string, 0, len(u.ProxyAddresses))
	for _, proxy := range u.ProxyAddresses {
		scheme, address, _ := strings.Cut(proxy, ":")
		switch scheme {
		case "SMTP":
			found = slices.Insert(found, 0, strings.ToLower(address))
		case "smtp":
			found = append(found, strings.ToLower(address))
		}
	}
	return found
}

// mailbox finds the user whose mailbox has that address. A disabled account's mailbox opens like any other, as shared
// mailboxes do, whose accounts are disabled by design (unconfirmed).
func (t *Tenant) mailbox(v view, address string, primaryOnly bool) (user, bool) {
	found := t.directory.users.list(v, func(u user) bool {
		if u.Mailbox == unlicensed || u.Mailbox == noMailbox {
			return false
		}
		at := slices.Index(u.addresses(), strings.ToLower(address))
		return at == 0 || at > 0 && !primaryOnly
	})
	if len(found) == 0 {
		return user{}, false
	}
	return found[0], true
}

func refuseEWSToken(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Bearer client_id="`+exchangeAppID+`", trusted_issuers="00000001-0000-0000-c000-000000000000@*", token_types="app_asserted_user_v1 service_asserted_app_v1", error="invalid_token"`)
	w.WriteHeader(http.StatusUnauthorized)
}

func refuseEWSPolicy(w http.ResponseWriter, reason string) {
	w.Header().Set("X-EWS-Policy-Reason", reason)
	w.WriteHeader(http.StatusForbidden)
}
