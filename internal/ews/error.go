package ews

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
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

	// codeAutodiscoverBusy is SOAP Autodiscover's word for a busy server (Microsoft: "ErrorCode (SOAP)", Autodiscover
	// reference).
	codeAutodiscoverBusy = "ServerBusy"

	// codeStopped is for what comes behind an ID whose answer ended the request (EWS reference: "ResponseCode", which
	// names ErrorAccessDenied among the codes that do).
	codeStopped = "ErrorBatchProcessingStopped"
)

// Error is an answer of Exchange that is not what was asked for: an HTTP status, a SOAP fault, or a response message of
// class Error inside HTTP 200. Its fields are what the response contains.
type Error struct {
	Status       int
	Code         string        // EWS response code, such as ErrorNonExistentMailbox; may be empty
	Message      string        // may be empty
	PolicyReason string        // the X-EWS-Policy-Reason header: why EWS as such is refused
	BackOff      time.Duration // how long Exchange asks to wait; 0 when it does not say
	RequestID    string        // for a support case with Microsoft
	Location     string        // where a redirect points, which is never followed
	NotEWS       bool          // the body is neither EWS's nor empty: something between answered
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
	failure.BackOff = retry.RequestedDelay(answer.Header)
	if strings.TrimSpace(string(body)) == "" {
		return failure
	}
	var envelope envelope
	if err := xml.Unmarshal(body, &envelope); err != nil {
		failure.NotEWS = true
		return failure
	}
	if fault := envelope.Body.Fault; fault != nil {
		failure.Code = trim(fault.Detail.ResponseCode)
		if failure.Code == "" {
			// The code is also in faultcode, behind a prefix of the sender's choice.
			_, failure.Code, _ = strings.Cut(trim(fault.Code), ":")
		}
		failure.Message = firstOf(fault.Detail.Message, fault.Text)
		failure.backOff(fault.Detail.MessageXML)
	}
	return failure
}

// errorOfMessage reads what a response message says of its failure.
func errorOfMessage(answer *http.Response, message responseMessage) *Error {
	failure := errorOf(answer, nil)
	failure.Code, failure.Message = trim(message.Code), trim(message.Text)
	failure.backOff(message.MessageXML)
	return failure
}

// isBusy reports whether Exchange answered, with a code of its own, that it is busy.
func isBusy(err error) bool {
	failure, ok := errors.AsType[*Error](err)
	return ok && failure.Code == CodeServerBusy
}

// backOff takes over the wait that EWS asks for (Microsoft: "EWS throttling in Exchange", BackOffMilliseconds).
func (e *Error) backOff(values []namedValue) {
	for _, value := range values {
		if value.Name == "BackOffMilliseconds" {
			e.BackOff = max(e.BackOff, retry.Duration(value.Text, time.Millisecond))
		}
	}
}

// verdict tells from an answer if the question is worth asking again. A code of Exchange's own is an
// answer, whatever its status, unless it says that the server is busy.
func verdict(answer *http.Response, err error) retry.Verdict {
	failure, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return retry.Verdict{}
	case failure.Code == CodeServerBusy || failure.Code == codeAutodiscoverBusy:
		return retry.Verdict{Retry: true, Unlimited: failure.BackOff > 0, Pause: failure.BackOff}
	case failure.Code != "" && failure.Status == http.StatusInternalServerError:
		return retry.Verdict{}
	}
	return retry.ByStatus(answer, nil)
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
