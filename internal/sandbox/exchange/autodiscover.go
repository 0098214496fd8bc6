package exchange

import (
	"cmp"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"

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
	address, ews := r.PathValue("email"), a.origin+"/EWS/Exchange.asmx"
	_, domain, _ := strings.Cut(address, "@")
	t, found := a.world.Find(domain)
	if found {
		tenant.NoteTenant(r, t.ID)
		t.Lock()
		_, found = findMailbox(t, tenant.Present(), address, false)
		ews = cmp.Or(t.Exchange.AutodiscoverURL, ews)
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

const autodiscoverNamespace = "http://schemas.microsoft.com/exchange/2010/Autodiscover"

// getUserSettingsRequest is what is read of a SOAP envelope with a GetUserSettings (Autodiscover: GetUserSettings
// operation, SOAP).
type getUserSettingsRequest struct {
	XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
	Request *struct {
		Mailboxes []string `xml:"Users>User>Mailbox"`
		Settings  []string `xml:"RequestedSettings>Setting"`
	} `xml:"Body>GetUserSettingsRequestMessage>Request"`
}

// serveUserSettings tells which mailbox holds the public folder hierarchy that a mailbox sees. That it takes the token
// of an application that may open every mailbox is unconfirmed.
func (a *API) serveUserSettings(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("request-id", uuid.NewString())
	token, fault := a.issuer.Verify(r.Header.Get("Authorization"))
	if fault != nil || token.Audience != tenant.ExchangeAudience || !token.HasRole(tenant.EWSRole) {
		refuseEWSToken(w)
		return
	}
	t, found := a.world.Find(token.TenantID)
	if !found {
		refuseEWSToken(w)
		return
	}
	w = a.noted(w, r, t, token)
	t.Lock()
	defer t.Unlock()
	if t.Exchange.Outage.Covers(tenant.AutodiscoverFolder) {
		answerOutage(w, t.Exchange.Outage)
		return
	}
	var request getUserSettingsRequest
	if err := xml.NewDecoder(io.LimitReader(r.Body, maxEWSRequest)).Decode(&request); err != nil ||
		request.Request == nil || len(request.Request.Mailboxes) != 1 {
		writeEWSFault(w, http.StatusInternalServerError,
			ewsFault{Code: "ErrorSchemaValidation",
				Message: "The request failed schema validation: the sandbox knows no operation but GetUserSettings, for one user."})
		return
	}
	writeSOAP(w, http.StatusOK,
		fmt.Sprintf(`<GetUserSettingsResponseMessage xmlns="%s"><Response><ErrorCode>NoError</ErrorCode><ErrorMessage/>`+
			`<UserResponses><UserResponse>%s</UserResponse></UserResponses></Response></GetUserSettingsResponseMessage>`,
			autodiscoverNamespace, userSettings(t, request.Request.Mailboxes[0], request.Request.Settings)))
}

func userSettings(t *tenant.Tenant, address string, wanted []string) string {
	if _, found := findMailbox(t, tenant.Present(), address, false); !found {
		return `<ErrorCode>InvalidUser</ErrorCode><ErrorMessage>Invalid user: '` + html.EscapeString(address) +
			`'</ErrorMessage>`
	}
	available := map[string]string{}
	if !t.Exchange.NoPublicFolders {
		available["PublicFolderInformation"], available["InternalRpcClientServer"] = hierarchyMailbox(t)
	}
	var settings, missing strings.Builder
	for _, name := range wanted {
		if value := available[name]; value != "" {
			fmt.Fprintf(&settings, `<UserSetting xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="StringSetting">`+
				`<Name>%s</Name><Value>%s</Value></UserSetting>`, html.EscapeString(name), value)
		} else {
			fmt.Fprintf(&missing, `<UserSettingError><ErrorCode>SettingIsNotAvailable</ErrorCode>`+
				`<ErrorMessage>The requested setting is not available.</ErrorMessage>`+
				`<SettingName>%s</SettingName></UserSettingError>`, html.EscapeString(name))
		}
	}
	return `<ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage><UserSettingErrors>` + missing.String() +
		`</UserSettingErrors><UserSettings>` + settings.String() + `</UserSettings>`
}

// hierarchyMailbox is the mailbox that holds the tenant's public folder hierarchy: its address, and the form with a
// GUID that X-PublicFolderMailbox wants (Exchange: route public folder hierarchy requests).
func hierarchyMailbox(t *tenant.Tenant) (address, byGUID string) {
	return "SharedPublicFolders@" + t.Domain, uuid.NewSHA1(uuid.NameSpaceURL, []byte(t.ID+"/public-folders")).String() +
		"@" + t.Domain
}

// routed reports whether a request for the public folder hierarchy names the mailbox that holds it.
func routed(t *tenant.Tenant, r *http.Request) bool {
	address, byGUID := hierarchyMailbox(t)
	return strings.EqualFold(r.Header.Get("X-AnchorMailbox"), address) &&
		strings.EqualFold(r.Header.Get("X-PublicFolderMailbox"), byGUID)
}
