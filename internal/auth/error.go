package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

// Error is a refusal of Entra's sign-in service, or of something that answered in its place, such as a proxy. It
// contains no secret.
type Error struct {
	TenantID      string // that was signed in to
	ClientID      string // that was signed in as; may be empty
	Codes         []int  // error_codes, such as 7000215; the first one is the cause
	Code          string // AADSTS and the first code; empty when the answer held none
	Description   string // error_description as Entra wrote it, beginning with the code
	CorrelationID string // by which the sign-in logs show the attempt
	TraceID       string
	Status        int // of the HTTP answer
}

func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "signing in to tenant %s", e.TenantID)
	if e.ClientID != "" {
		fmt.Fprintf(&text, " as application %s", e.ClientID)
	}
	text.WriteString(": " + e.Says())
	if code, words := e.says(); code+words != "" { // otherwise the status has been said
		fmt.Fprintf(&text, " (HTTP %d)", e.Status)
	}
	if e.CorrelationID != "" {
		fmt.Fprintf(&text, " (correlation ID %s, trace ID %s)", e.CorrelationID, e.TraceID)
	}
	return text.String()
}

// Has reports whether the refusal carries the code, given without the letters AADSTS.
func (e *Error) Has(code int) bool { return slices.Contains(e.Codes, code) }

// refusal reads the error of an answer (Microsoft identity platform: "OAuth 2.0 client credentials flow", error
// response). An answer of something in between has another body, and then only its status is known.
func refusal(status int, body []byte, tenantID, clientID string, censor func(string) string) *Error {
	var answer struct {
		Codes         []int  `json:"error_codes"`
		Description   string `json:"error_description"`
		CorrelationID string `json:"correlation_id"`
		TraceID       string `json:"trace_id"`
	}
	e := &Error{TenantID: tenantID, ClientID: clientID, Status: status}
	if json.Unmarshal(body, &answer) != nil {
		return e
	}
	e.Codes = answer.Codes
	e.Description = censor(answer.Description)
	e.CorrelationID, e.TraceID = censor(answer.CorrelationID), censor(answer.TraceID)
	if len(e.Codes) > 0 {
		e.Code = fmt.Sprintf("AADSTS%d", e.Codes[0])
	}
	return e
}

// explain turns azidentity's error into one that can be examined and shown.
func (s *session) explain(err error) error {
	n := s.note
	if status, body := n.refused(); status != 0 {
		return refusal(status, body, s.tenantID, s.clientID, n.censor)
	}
	// The endpoint of a managed identity is asked by azidentity's own client, past the wire.
	if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok && failed.RawResponse != nil &&
		failed.RawResponse.StatusCode >= http.StatusMultipleChoices {
		body, _ := runtime.Payload(failed.RawResponse) // unreadable: the status is all that is known
		return refusal(failed.RawResponse.StatusCode, body, s.tenantID, s.clientID, n.censor)
	}
	if failure := n.failure(); failure != nil {
		return s.failed(failure)
	}
	if n.wasGranted() {
		// What azidentity says now may quote the answer, access token and all.
		return s.failed(errors.New("the sign-in service granted a token in an answer that cannot be used"))
	}
	return s.failed(errors.New(n.censor(err.Error())))
}

// failed says which sign-in an error is about.
func (s *session) failed(err error) error {
	if s.clientID == "" {
		return fmt.Errorf("signing in to tenant %s: %w", s.tenantID, err)
	}
	return fmt.Errorf("signing in to tenant %s as application %s: %w", s.tenantID, s.clientID, err)
}
