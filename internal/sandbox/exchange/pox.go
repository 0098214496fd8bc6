package exchange

import (
	"encoding/xml"
	"fmt"
	"net/http"
)

// The XML namespaces of Autodiscover without SOAP (POX Autodiscover web service reference).
const (
	poxResponseNamespace = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
	poxOutlookNamespace  = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
)

type poxRequest struct {
	XMLName xml.Name `xml:"http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006 Autodiscover"`
	Address string   `xml:"Request>EMailAddress"`
	Schema  string   `xml:"Request>AcceptableResponseSchema"`
}

// showEndpoints answers the request without a token by which clients learn which kinds of Autodiscover there are: as
// headers of a refusal (read from the EWS Managed API, which looks at them whatever the status).
func showEndpoints(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-SOAP-Enabled", "True")
	w.Header().Set("X-OAuth-Enabled", "True")
	refuseEWSToken(w)
}

// servePOX tells by which address a mailbox is reached. Requests for what is in a public folder need it of the mailbox
// that holds the content (Exchange: route public folder content requests). That it takes an application's token is
// unconfirmed.
func (a *API) servePOX(w http.ResponseWriter, r *http.Request) {
	t, body, ok := a.beginAutodiscover(w, r)
	if !ok {
		return
	}
	defer t.Unlock()
	var request poxRequest
	if err := xml.Unmarshal(body, &request); err != nil || request.Address == "" {
		a.writePOXError(w, 600, "Invalid Request")
		return
	}
	mailbox, found := discover(t, request.Address)
	if !found {
		a.writePOXError(w, 500, "The email address can't be found.")
		return
	}
	public := ""
	_, byGUID := hierarchyMailbox(t)
	if !t.Exchange.NoPublicFolders {
		address, _ := hierarchyMailbox(t)
		public = `<PublicFolderInformation><SmtpAddress>` + escapeXML(address) + `</SmtpAddress></PublicFolderInformation>`
	}
	writePOX(w, fmt.Sprintf(`<Response xmlns="%s"><User><DisplayName>%s</DisplayName>`+
		`<AutoDiscoverSMTPAddress>%s</AutoDiscoverSMTPAddress><DeploymentId>%s</DeploymentId></User>`+
		`<Account><AccountType>email</AccountType><Action>settings</Action><MicrosoftOnline>True</MicrosoftOnline>`+
		`<Protocol><Type>EXCH</Type><Server>%s</Server><EwsUrl>%s</EwsUrl></Protocol>%s</Account></Response>`,
		poxOutlookNamespace, escapeXML(mailbox.name), escapeXML(mailbox.address), t.ID, escapeXML(byGUID),
		escapeXML(a.ewsURL(t)), public))
}

// writePOXError answers with an error, in a response that succeeds (POX: Error).
func (a *API) writePOXError(w http.ResponseWriter, code int, message string) {
	writePOX(w, fmt.Sprintf(`<Response xmlns="%s"><Error Time="%s" Id="0"><ErrorCode>%d</ErrorCode>`+
		`<Message>%s</Message><DebugData/></Error></Response>`, poxResponseNamespace,
		a.world.Now().UTC().Format("15:04:05.0000000"), code, escapeXML(message)))
}

func writePOX(w http.ResponseWriter, response string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="%s">%s</Autodiscover>`,
		poxResponseNamespace, response) // the client is gone: nobody is left to be told
}
