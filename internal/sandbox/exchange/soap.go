package exchange

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
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
	writeSOAP(w, status, fmt.Sprintf(
		`<s:Fault><faultcode xmlns:a="%s">a:%s</faultcode><faultstring xml:lang="en-US">%s</faultstring><detail>`+
			`<e:ResponseCode xmlns:e="%s">%s</e:ResponseCode><e:Message xmlns:e="%s">%s</e:Message>%s</detail></s:Fault>`,
		typesNamespace, fault.Code, escapeXML(fault.Message),
		errorsNamespace, fault.Code, errorsNamespace, escapeXML(fault.Message), fault.messageXML()))
}

func writeSOAP(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="%s"><s:Header>`+
		`<h:ServerVersionInfo MajorVersion="15" MinorVersion="20" MajorBuildNumber="9412" MinorBuildNumber="5" `+
		`Version="V2018_01_08" xmlns:h="%s"/>`+
		`</s:Header><s:Body>%s</s:Body></s:Envelope>`, soapNamespace, typesNamespace, body)
}

// escapeXML writes a text as XML can hold it: what no XML may have, such as control characters and bytes that are not
// UTF-8, becomes a replacement character.
func escapeXML(text string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // into memory
	return escaped.String()
}
