package entra

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Error is an answer of Microsoft Graph with a status of 400 or above. The body may be HTML or empty; then only the
// status is known.
type Error struct {
	Status          int
	Code            string // Graph's error code, such as Authorization_RequestDenied; may be empty
	Message         string
	Details         []ErrorDetail
	RequestID       string // for a support case with Microsoft
	ClientRequestID string
	Method          string
	Path            string // without query
}

// ErrorDetail is one entry of an error's details.
type ErrorDetail struct{ Code, Message, Target string }

func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s: HTTP %d", e.Method, e.Path, e.Status)
	if e.Code != "" {
		fmt.Fprintf(&text, " %s", e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&text, ": %s", e.Message)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&text, " (request-id %s)", e.RequestID)
	}
	return text.String()
}

// AsError returns the *Error in err's chain, or nil.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// IsNotFound reports whether the directory answered that the object does not exist. Other responses with status 404 say
// nothing about the object: a proxy sends them for its own reasons, and so does a directory that temporarily cannot
// read its tenant (Transient).
func IsNotFound(err error) bool {
	e := AsError(err)
	return e != nil && e.Status == http.StatusNotFound && e.Code == "Request_ResourceNotFound"
}

// Transient reports whether the directory refused the request for a temporary reason, whatever the request, and did not
// carry it out. Users have reported both cases, with "Unable to read the company information from the directory", and
// with "Error due to concurrent requests being made to the tenant. Please wait briefly and retry".
func (e *Error) Transient() bool {
	return e.Code == "Directory_ObjectNotFound" || e.Code == "Directory_ConcurrencyViolation"
}

// IsDenied reports whether the caller lacks a right.
func IsDenied(err error) bool {
	e := AsError(err)
	return e != nil && e.Status == http.StatusForbidden
}

// Lagging reports whether the answer may only mean that Entra's replicas have not all seen what was written a moment
// ago. Callers use it only for what they have just written: otherwise the same answers are final. The codes and texts
// are those that Microsoft Graph gives right after an application was created
// (github.com/hashicorp/terraform-provider-azuread issues 1802 and 1811; github.com/Azure/azure-powershell issue
// 29530).
func (e *Error) Lagging() bool {
	switch e.Status {
	case http.StatusNotFound:
		return e.Code == "Request_ResourceNotFound"
	case http.StatusBadRequest:
		return e.HasDetail("NoBackingApplicationObject") || strings.Contains(e.Message, "Not a valid reference update")
	case http.StatusForbidden:
		return strings.HasPrefix(e.Message, "When using this permission, the backing application of the service principal "+
			"being created must")
	}
	return false
}

// HasDetail reports whether one of the details carries the code.
func (e *Error) HasDetail(code string) bool {
	for _, detail := range e.Details {
		if detail.Code == code {
			return true
		}
	}
	return false
}
