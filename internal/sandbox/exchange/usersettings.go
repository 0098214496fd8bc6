package exchange

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

const (
	autodiscoverNamespace = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
	addressingNamespace   = "http://www.w3.org/2005/08/addressing"
)

// maxAutodiscoverRequest is how much of a request is read.
const maxAutodiscoverRequest = 1 << 20

// maxAutodiscoverUsers is how many users one request may name (Exchange: get user settings from Exchange by using
// Autodiscover, batches; that the limit is the service's own is unconfirmed).
const maxAutodiscoverUsers = 100

// getUserSettingsRequest is what is read of a SOAP envelope with a GetUserSettings (Autodiscover: GetUserSettings
// operation, SOAP).
type getUserSettingsRequest struct {
	XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
	Request *struct {
		Mailboxes []string `xml:"Users>User>Mailbox"`
		Settings  []string `xml:"RequestedSettings>Setting"`
	} `xml:"Body>GetUserSettingsRequestMessage>Request"`
}

// serveUserSettings tells where a mailbox's EWS endpoint is, and which mailbox holds the public folder hierarchy that
// it sees. That it takes the token of an application that may open every mailbox is unconfirmed.
func (a *API) serveUserSettings(w http.ResponseWriter, r *http.Request) {
	t, body, ok := a.beginAutodiscover(w, r)
	if !ok {
		return
	}
	defer t.Unlock()
	var request getUserSettingsRequest
	if err := xml.Unmarshal(body, &request); err != nil ||
		request.Request == nil || len(request.Request.Mailboxes) == 0 ||
		len(request.Request.Mailboxes) > maxAutodiscoverUsers {
		writeEWSFault(w, http.StatusInternalServerError,
			ewsFault{Code: "ErrorSchemaValidation",
				Message: "The request failed schema validation: the sandbox knows no operation but GetUserSettings, for " +
					"1 to 100 users."})
		return
	}
	var users strings.Builder
	for _, address := range request.Request.Mailboxes {
		users.WriteString(`<UserResponse>` + a.userSettings(t, strings.TrimSpace(address), request.Request.Settings) +
			`</UserResponse>`)
	}
	writeEnvelope(w, http.StatusOK,
		fmt.Sprintf(`<a:Action s:mustUnderstand="1" xmlns:a="%s">%s/Autodiscover/GetUserSettingsResponse</a:Action>`+
			`<h:ServerVersionInfo xmlns:h="%[2]s"><h:MajorVersion>15</h:MajorVersion><h:MinorVersion>20</h:MinorVersion>`+
			`<h:MajorBuildNumber>9412</h:MajorBuildNumber><h:MinorBuildNumber>5</h:MinorBuildNumber>`+
			`<h:Version>Exchange2015</h:Version></h:ServerVersionInfo>`, addressingNamespace, autodiscoverNamespace),
		fmt.Sprintf(`<GetUserSettingsResponseMessage xmlns="%s">`+
			`<Response xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><ErrorCode>NoError</ErrorCode>`+
			`<ErrorMessage/><UserResponses>%s</UserResponses></Response>`+
			`</GetUserSettingsResponseMessage>`, autodiscoverNamespace, users.String()))
}

// beginAutodiscover returns the tenant of a request's token, locked, and the request's body. Without a valid token, or
// in an outage that covers the request, it has answered.
func (a *API) beginAutodiscover(w http.ResponseWriter, r *http.Request) (*tenant.Tenant, []byte, bool) {
	w.Header().Set("request-id", uuid.NewString())
	verified, t, ok := a.tokenFor(w, r)
	if !ok {
		return nil, nil, false
	}
	w = a.noted(w, r, t, verified)
	if !verified.HasRole(tenant.EWSRole) {
		refuseEWSToken(w)
		return nil, nil, false
	}
	// before the lock: a client may take its time
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAutodiscoverRequest))
	if err != nil {
		return nil, nil, false
	}
	t.Lock()
	if t.Exchange.Outage.Covers(tenant.AutodiscoverFolder) {
		answerOutage(w, t.Exchange.Outage)
		t.Unlock()
		return nil, nil, false
	}
	return t, body, true
}

// discovered is a mailbox that Autodiscover knows.
type discovered struct{ name, address string }

// discover finds a mailbox by its address: a user's, or one that holds the public folders, which is also found by its
// GUID.
func discover(t *tenant.Tenant, address string) (discovered, bool) {
	if user, found := findMailbox(t, tenant.Present(), address, false); found {
		return discovered{user.DisplayName, user.Mail}, true
	}
	if t.Exchange.NoPublicFolders {
		return discovered{}, false
	}
	hierarchy, hierarchyGUID := hierarchyMailbox(t)
	content, contentGUID := contentMailbox(t)
	switch strings.ToLower(address) {
	case strings.ToLower(hierarchy), strings.ToLower(hierarchyGUID):
		return discovered{"Public Folder Hierarchy", hierarchy}, true
	case strings.ToLower(content), strings.ToLower(contentGUID + "@" + t.Domain),
		strings.ToLower(contentGUID + "@" + t.CustomDomain):
		return discovered{"Public Folder Content", content}, true
	}
	return discovered{}, false
}

func (a *API) userSettings(t *tenant.Tenant, address string, wanted []string) string {
	const noRedirect = `<RedirectTarget i:nil="true"/>`
	mailbox, found := discover(t, address)
	if !found {
		return `<ErrorCode>InvalidUser</ErrorCode><ErrorMessage>Invalid user: '` + escapeXML(address) + `'</ErrorMessage>` +
			noRedirect
	}
	available := map[string]string{
		"InternalEwsUrl": a.ewsURL(t), "ExternalEwsUrl": a.ewsURL(t), "UserDisplayName": mailbox.name,
		"AutoDiscoverSMTPAddress": mailbox.address, "UserDeploymentId": t.ID, "CasVersion": "15.20.9412.005",
		"EwsSupportedSchemas": "Exchange2007, Exchange2007_SP1, Exchange2010, Exchange2010_SP1, Exchange2010_SP2, " +
			"Exchange2013, Exchange2013_SP1, Exchange2015, Exchange2016",
	}
	if !t.Exchange.NoPublicFolders {
		available["PublicFolderInformation"], available["InternalRpcClientServer"] = hierarchyMailbox(t)
	}
	var settings, missing strings.Builder
	for _, name := range wanted {
		if value := available[name]; value != "" {
			fmt.Fprintf(&settings, `<UserSetting i:type="StringSetting"><Name>%s</Name><Value>%s</Value></UserSetting>`,
				escapeXML(name), escapeXML(value))
		} else {
			fmt.Fprintf(&missing, `<UserSettingError><ErrorCode>SettingIsNotAvailable</ErrorCode>`+
				`<ErrorMessage>The requested setting is not available.</ErrorMessage>`+
				`<SettingName>%s</SettingName></UserSettingError>`, escapeXML(name))
		}
	}
	return `<ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage>` + noRedirect + `<UserSettingErrors>` +
		missing.String() + `</UserSettingErrors><UserSettings>` + settings.String() + `</UserSettings>`
}
