package exchange

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// serveAutodiscover tells where a mailbox's EWS endpoint is, to anyone. Unknown users are redirected to the service
// that Exchange on premises would have, as Exchange Online does (observed); the answer proves no mailbox.
func (a *API) serveAutodiscover(w http.ResponseWriter, r *http.Request) {
	protocol := r.URL.Query().Get("Protocol")
	if !strings.EqualFold(protocol, "Ews") {
		// Unconfirmed: the code of the answer to a protocol that does not exist.
		writeAutodiscover(w, http.StatusBadRequest, map[string]string{
			"ErrorCode": "InvalidProtocol", "ErrorMessage": "The given protocol value '" + protocol +
				"' is invalid. Supported values are 'Ews'",
		})
		return
	}
	address, ews := r.PathValue("email"), ""
	_, domain, _ := strings.Cut(address, "@")
	t, found := a.world.Find(domain)
	if found {
		tenant.NoteTenant(r, t.ID)
		t.Lock()
		_, found = findMailbox(t, tenant.Present(), address, false)
		ews = a.ewsURL(t)
		t.Unlock()
	}
	if !found {
		target := a.origin + "/autodiscover/autodiscover.json?Email=" + address + "&Protocol=Ews&RedirectCount=1"
		http.Redirect(w, r, target, http.StatusFound)
		return
	}
	writeAutodiscover(w, http.StatusOK, map[string]string{"Protocol": "Ews", "Url": ews})
}

func writeAutodiscover(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone: nobody is left to be told
}

// ewsURL is where EWS is, or where the control API says that it is.
func (a *API) ewsURL(t *tenant.Tenant) string {
	return cmp.Or(t.Exchange.AutodiscoverURL, a.origin+"/EWS/Exchange.asmx")
}
