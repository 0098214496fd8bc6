package auth

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Reason is what one AADSTS code means for an application that signs in, and what to do about it. The application is
// either a connection's app or the identity that runs Terraform. The texts contain the placeholders {tenant_id} and
// {client_id}.
type Reason struct {
	Code    int    // the digits of AADSTS…; 0 where the answer holds none
	Meaning string // whole sentences that hold for either application
	CodeTwo string // what CodeTwo shows instead of the code; may be empty
	Remedy  string // what to do; in the words of a connection where Caller is set, too
	Caller  string // what to do about the identity that runs Terraform, where it differs from Remedy

	Propagating bool // right after a registration, a new credential or a consent, Entra may not know of it yet
	Transient   bool // it may go away by itself, and says nothing of the application
	ByTenant    bool // the tenant refuses the application, which says nothing of other tenants
	// No Microsoft document and no published response shows the code with this meaning for an application.
	Unconfirmed bool
}

// Reasons lists the codes that are explained, in the order of their numbers.
func Reasons() []Reason { return slices.Clone(reasons) }

// ForApp returns what to do if a connection's app gets the code.
func (r Reason) ForApp() string { return either(r.Remedy, r.Caller) }

// ForCaller returns what to do if the identity that runs Terraform gets the code.
func (r Reason) ForCaller() string { return either(r.Caller, r.Remedy) }

func either(words, others string) string {
	if words == "" {
		return others
	}
	return words
}

// Fill replaces the placeholders in a text of the table.
func Fill(text, tenantID, clientID string) string {
	return strings.NewReplacer("{tenant_id}", tenantID, "{client_id}", clientID).Replace(text)
}

// reasonOf finds the row of a code.
func reasonOf(code int) (Reason, bool) {
	at, found := slices.BinarySearchFunc(reasons, code, func(row Reason, code int) int { return row.Code - code })
	if !found {
		return Reason{}, false
	}
	return reasons[at], true
}

// Known finds the table's row for the refusal. The first code is the cause, so the others are looked up after it.
func (e *Error) Known() (Reason, bool) {
	for _, code := range e.Codes {
		if row, found := reasonOf(code); found {
			return row, true
		}
	}
	return Reason{}, false
}

// Reason returns the table's row for the refusal. If the table has none, the row has a remedy and no meaning, which is
// in the response's own words.
func (e *Error) Reason() Reason {
	if row, found := e.Known(); found {
		return row
	}
	made := Reason{Transient: e.Status == http.StatusTooManyRequests || e.Status >= http.StatusInternalServerError}
	_, words := e.says()
	switch {
	case len(e.Codes) > 0 && made.Transient:
		made.Code, made.Remedy = e.Codes[0], lookUp(planAgain+" If it stays, look", e.Codes[0])
	case len(e.Codes) > 0:
		made.Code, made.Remedy = e.Codes[0], lookUp("Look", e.Codes[0])
	case made.Transient:
		made.Remedy = busyOrNotEntra
	case words != "":
		made.Remedy = noCode
	default:
		made.Remedy = notEntra
	}
	return made
}

// lookUp is the next step for a code that the table does not hold (Microsoft: "Microsoft Entra authentication and
// authorization error codes", lookup).
func lookUp(look string, code int) string {
	return fmt.Sprintf("%s up the code at https://login.microsoftonline.com/error?code=%d, and the attempt by its "+
		"correlation ID at %s.", look, code, signInLogs)
}

// NextStep says what the refusal means for the identity that runs the provider, and what to do about it. It is never
// empty. If the table does not explain the response, Error has its words.
func (e *Error) NextStep() string {
	row := e.Reason()
	step := strings.TrimSpace(row.Meaning + " " + row.ForCaller())
	return Fill(step, either(e.TenantID, "<tenant ID>"), either(e.ClientID, "<client ID>"))
}

// ByTenant reports whether the refusal is particular to the tenant and says nothing about other tenants: the tenant
// does not exist, is blocked, does not have the application, has disabled it or has not assigned it. A bad credential
// would be refused everywhere. So would a mistyped client ID, with the same code as an application that one tenant does
// not have: the caller's own tenant tells the two apart.
func (e *Error) ByTenant() bool {
	if len(e.Codes) == 0 {
		return false
	}
	row, _ := reasonOf(e.Codes[0])
	return row.ByTenant
}

// says are the code and the words of the answer, apart: Entra's description begins with the code. Blanks between words
// stay as they are: joining them could spell a secret that was censored only as it was sent.
func (e *Error) says() (code, words string) {
	code = e.Code
	if len(e.Codes) > 0 {
		code = fmt.Sprintf("AADSTS%d", e.Codes[0])
	}
	// Entra repeats the IDs and the time behind its description.
	words, _, _ = strings.Cut(e.Description, "Trace ID:")
	words = strings.TrimSpace(words)
	for code != "" && strings.HasPrefix(words, code+":") {
		words = strings.TrimSpace(strings.TrimPrefix(words, code+":"))
	}
	return code, words
}

// Says returns the response without the IDs and the time that Entra adds: its code once, and its words.
func (e *Error) Says() string {
	code, words := e.says()
	switch {
	case code != "" && words != "":
		return code + ": " + words
	case code != "" || words != "":
		return code + words
	}
	text := fmt.Sprintf("HTTP %d, in an answer that is not Entra's", e.Status)
	if e.Status >= http.StatusMultipleChoices && e.Status < http.StatusBadRequest {
		text += " (a redirect, which no sign-in request follows)"
	}
	return text
}
