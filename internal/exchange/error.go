package exchange

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Codes of EWS that the connectivity check tells apart (Microsoft: "ResponseCode", EWS reference).
const (
	CodeNoMailbox           = "ErrorNonExistentMailbox"
	CodeImpersonationDenied = "ErrorImpersonateUserDenied"
	CodeAccessDenied        = "ErrorAccessDenied"
	CodeServerBusy          = "ErrorServerBusy"
	CodeAccountDisabled     = "ErrorAccountDisabled"
	CodeFolderNotFound      = "ErrorFolderNotFound"
	// CodeNoPublicFolders is for a tenant in which nobody has made public folders yet (unconfirmed).
	CodeNoPublicFolders = "ErrorPublicFolderMailboxDiscoveryFailed"
)

// Error is an answer of Exchange that is not what was asked for: an HTTP status, a SOAP fault, or a response message
// of class Error inside HTTP 200. It is filled from whatever the answer held.
type Error struct {
	Status       int
	Code         string        // EWS response code, such as ErrorNonExistentMailbox; may be empty
	Message      string        // may be empty
	PolicyReason string        // the X-EWS-Policy-Reason header: why EWS as such is refused
	BackOff      time.Duration // how long ErrorServerBusy asks to wait; 0 when it does not say
	RequestID    string        // for a support case with Microsoft
	Location     string        // where a redirect points, which is never followed
	Foreign      bool          // the body is neither EWS's nor empty: something between answered
}

func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "Exchange answered HTTP %d", e.Status)
	if e.Code != "" {
		fmt.Fprintf(&text, " %s", e.Code)
	}
	if e.PolicyReason != "" {
		fmt.Fprintf(&text, " (%s)", e.PolicyReason)
	}
	if e.Location != "" {
		fmt.Fprintf(&text, ", a redirect to %s that is not followed", e.Location)
	}
	if e.Message != "" {
		fmt.Fprintf(&text, ": %s", e.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&text, " (request-id %s)", e.RequestID)
	}
	return text.String()
}

// errorOf reads what an answer says of its failure.
func errorOf(answer *http.Response, body []byte) *Error {
	failure := &Error{
		Status:       answer.StatusCode,
		PolicyReason: strings.TrimSpace(answer.Header.Get("X-EWS-Policy-Reason")),
		RequestID:    answer.Header.Get("request-id"),
		Location:     answer.Header.Get("Location"),
	}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		failure.BackOff = time.Duration(seconds) * time.Second
	}
	if strings.TrimSpace(string(body)) == "" {
		return failure
	}
	var envelope envelope
	if err := xml.Unmarshal(body, &envelope); err != nil {
		failure.Foreign = true
		return failure
	}
	if fault := envelope.Body.Fault; fault != nil {
		failure.Code = trim(fault.Detail.ResponseCode)
		if failure.Code == "" {
			// The code also stands in faultcode, behind a prefix of the sender's choice.
			_, failure.Code, _ = strings.Cut(trim(fault.Code), ":")
		}
		failure.Message = firstOf(fault.Detail.Message, fault.Text)
		failure.backOff(fault.Detail.MessageXML)
	}
	return failure
}

// backOff takes over the wait that EWS asks for (Microsoft: "EWS throttling in Exchange", BackOffMilliseconds).
func (e *Error) backOff(values []namedValue) {
	for _, value := range values {
		if value.Name != "BackOffMilliseconds" {
			continue
		}
		if milliseconds, err := strconv.Atoi(trim(value.Text)); err == nil && milliseconds > 0 {
			e.BackOff = time.Duration(milliseconds) * time.Millisecond
		}
	}
}

func trim(text string) string { return strings.Join(strings.Fields(text), " ") }

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text = trim(text); text != "" {
			return text
		}
	}
	return ""
}
