package exchange

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
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

// escapeXML writes a text as XML can hold it: what no XML may have, such as control characters and bytes that are not
// UTF-8, becomes a replacement character.
func escapeXML(text string) string {
	var written strings.Builder
	_ = xml.EscapeText(&written, []byte(text)) // a Builder never fails
	return written.String()
}

func firstError(errs ...error) error {
	if at := slices.IndexFunc(errs, func(err error) bool { return err != nil }); at >= 0 {
		return errs[at]
	}
	return nil
}

func firstFault(faults ...*ewsFault) *ewsFault {
	if at := slices.IndexFunc(faults, func(fault *ewsFault) bool { return fault != nil }); at >= 0 {
		return faults[at]
	}
	return nil
}

// success is the response message of what was done.
func success(operation, content string) string {
	return fmt.Sprintf(`<m:%[1]sResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>%[2]s`+
		`</m:%[1]sResponseMessage>`, operation, content)
}

// listed are the operations whose response messages have a list, with its name. It is empty after an error.
var listed = map[string]string{"GetFolder": "Folders", "CreateFolder": "Folders", "GetItem": "Items",
	"CreateItem": "Items", "UpdateItem": "Items", "MoveItem": "Items"}

// failure is the response message of what could not be done.
func failure(operation string, fault ewsFault) string {
	none := ""
	if list, has := listed[operation]; has {
		none = "<m:" + list + "/>"
	}
	return fmt.Sprintf(`<m:%[1]sResponseMessage ResponseClass="Error"><m:MessageText>%[2]s</m:MessageText>`+
		`<m:ResponseCode>%[3]s</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>%[4]s</m:%[1]sResponseMessage>`,
		operation, escapeXML(fault.Message), fault.Code, none)
}

// respond returns an operation's name, and one response message for each thing that a request asks for: what do returns
// for it, or its fault.
func respond[T any](operation string, asked []T, do func(T) (content string, fault *ewsFault)) (string, string) {
	var messages strings.Builder
	for _, one := range asked {
		if content, fault := do(one); fault != nil {
			messages.WriteString(failure(operation, *fault))
		} else {
			messages.WriteString(success(operation, content))
		}
	}
	return operation, messages.String()
}

// writeResponse answers an operation with its response messages.
func writeResponse(w http.ResponseWriter, asked operation, c call) {
	operation, messages := asked.answer(c)
	writeSOAP(w, http.StatusOK, fmt.Sprintf(
		`<m:%[1]sResponse xmlns:m="%[2]s" xmlns:t="%[3]s"><m:ResponseMessages>%[4]s</m:ResponseMessages></m:%[1]sResponse>`,
		operation, messagesNamespace, typesNamespace, messages))
}

func writeEWSFault(w http.ResponseWriter, status int, fault ewsFault) {
	noteCode(w, fault.Code)
	writeSOAP(w, status, fmt.Sprintf(
		`<s:Fault><faultcode xmlns:a="%s">a:%s</faultcode><faultstring xml:lang="en-US">%s</faultstring><detail>`+
			`<e:ResponseCode xmlns:e="%s">%s</e:ResponseCode><e:Message xmlns:e="%s">%s</e:Message>%s</detail></s:Fault>`,
		typesNamespace, fault.Code, escapeXML(fault.Message),
		errorsNamespace, fault.Code, errorsNamespace, escapeXML(fault.Message), fault.messageXML()))
}

func writeSOAP(w http.ResponseWriter, status int, body string) {
	writeEnvelope(w, status, `<h:ServerVersionInfo MajorVersion="15" MinorVersion="20" MajorBuildNumber="9412" `+
		`MinorBuildNumber="5" Version="V2018_01_08" xmlns:h="`+typesNamespace+`"/>`, body)
}

func writeEnvelope(w http.ResponseWriter, status int, header, body string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="%s"><s:Header>%s</s:Header>`+
		`<s:Body>%s</s:Body></s:Envelope>`, soapNamespace, header, body)
}
