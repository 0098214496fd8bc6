package exchange

import (
	"fmt"
	"html"
	"net/http"
	"time"
)

// The XML namespaces of EWS (EWS: XML elements).
const (
	soapNamespace     = "http://schemas.xmlsoap.org/soap/envelope/"
	messagesNamespace = "http://schemas.microsoft.com/exchange/services/2006/messages"
	typesNamespace    = "http://schemas.microsoft.com/exchange/services/2006/types"
	errorsNamespace   = "http://schemas.microsoft.com/exchange/services/2006/errors"
)

// ewsFault is a SOAP fault, or the error of one response message.
type ewsFault struct {
	Code    string // EWS: ResponseCode
	Message string
	BackOff time.Duration // how long to wait; only with ErrorServerBusy
}

func (f ewsFault) messageXML() string {
	if f.BackOff <= 0 {
		return ""
	}
	return fmt.Sprintf(`<t:MessageXml xmlns:t="%s"><t:Value Name="BackOffMilliseconds">%d</t:Value></t:MessageXml>`,
		typesNamespace, f.BackOff.Milliseconds())
}

func writeEWSFault(w http.ResponseWriter, status int, fault ewsFault) {
	noteCode(w, fault.Code)
	writeSOAP(w, status, fmt.Sprintf(
		`<s:Fault><faultcode xmlns:a="%s">a:%s</faultcode><faultstring xml:lang="en-US">%s</faultstring><detail>`+
			`<e:ResponseCode xmlns:e="%s">%s</e:ResponseCode><e:Message xmlns:e="%s">%s</e:Message>%s</detail></s:Fault>`,
		typesNamespace, fault.Code, html.EscapeString(fault.Message),
		errorsNamespace, fault.Code, errorsNamespace, html.EscapeString(fault.Message), fault.messageXML()))
}

func writeSOAP(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="%s"><s:Header>`+
		`<h:ServerVersionInfo MajorVersion="15" MinorVersion="20" MajorBuildNumber="9412" MinorBuildNumber="5" `+
		`Version="V2018_01_08" xmlns:h="%s"/>`+
		`</s:Header><s:Body>%s</s:Body></s:Envelope>`, soapNamespace, typesNamespace, body)
}
