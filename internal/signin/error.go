package signin

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

// Error is a refusal of Entra's sign-in service, or of what answered in its place. It holds no secret.
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
	// Entra repeats the IDs and the time behind its description.
	description, _, _ := strings.Cut(e.Description, "Trace ID:")
	description = strings.TrimSpace(description)
	switch {
	case description == "" && e.Code == "":
		fmt.Fprintf(&text, ": HTTP %d, in an answer that is not Entra's", e.Status)
		if e.Status >= 300 && e.Status < 400 {
			text.WriteString(" (a redirect, which no sign-in request follows)")
		}
	case strings.HasPrefix(description, e.Code):
		fmt.Fprintf(&text, ": %s (HTTP %d)", description, e.Status)
	default:
		fmt.Fprintf(&text, ": %s: %s (HTTP %d)", e.Code, description, e.Status)
	}
	if e.CorrelationID != "" {
		fmt.Fprintf(&text, " (correlation ID %s, trace ID %s)", e.CorrelationID, e.TraceID)
	}
	return text.String()
}

// Has tells whether the refusal carries the code, given without the letters AADSTS.
func (e *Error) Has(code int) bool { return slices.Contains(e.Codes, code) }

// ByTenant tells whether it is the tenant that does not let the application in, which says nothing of other tenants: there
// is none of this ID, it is blocked itself, or the application is not in it, switched off or not assigned. Of a credential
// that is refused, the same would be said everywhere; of a mistyped client ID, too, by the first of these codes.
func (e *Error) ByTenant() bool {
	return len(e.Codes) > 0 && slices.Contains([]int{700016, 7000112, 7000229, 90002, 900023, 5000224, 5000225, 501051}, e.Codes[0])
}

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
func (s *session) explain(err error, n *note) error {
	if status, body := n.refused(); status != 0 {
		return refusal(status, body, s.tenantID, s.clientID, n.censor)
	}
	// The endpoint of a managed identity is asked by azidentity's own client, past the wire.
	if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok && failed.RawResponse != nil && failed.RawResponse.StatusCode >= http.StatusMultipleChoices {
		body, _ := runtime.Payload(failed.RawResponse) // unreadable: the status is all that is known
		return refusal(failed.RawResponse.StatusCode, body, s.tenantID, s.clientID, n.censor)
	}
	who := "signing in to tenant " + s.tenantID
	if s.clientID != "" {
		who += " as application " + s.clientID
	}
	if failure := n.failure(); failure != nil {
		return fmt.Errorf("%s: %w", who, failure)
	}
	if n.wasGranted() {
		// What azidentity says now may quote the answer, access token and all.
		return fmt.Errorf("%s: the sign-in service granted a token in an answer that cannot be used", who)
	}
	return fmt.Errorf("%s: %s", who, n.censor(err.Error()))
}

// NextStep says what whoever runs the provider can do about the refusal, or "" when the code is not one that this
// package knows (Microsoft: "Microsoft Entra authentication and authorization error codes").
func (e *Error) NextStep() string {
	for _, code := range e.Codes {
		if step, ok := nextSteps[code]; ok {
			return strings.NewReplacer("{tenant}", e.TenantID, "{client}", e.ClientID).Replace(step)
		}
	}
	if e.Code == "" && e.Status != 0 {
		return "Something between this machine and Entra answered. Look at HTTPS_PROXY, the firewall, and the provider's endpoints."
	}
	return ""
}

const (
	blockedTenant      = "Microsoft has blocked tenant {tenant} for inactivity. Its administrators can ask Microsoft support for it, within 20 days."
	unknownApplication = "The application {client} does not exist in tenant {tenant}. If it belongs to another tenant, it has to be multi-tenant, and an administrator of {tenant} has to consent to it once: https://login.microsoftonline.com/{tenant}/adminconsent?client_id={client}"
	noFederation       = "The application {client} has no federated credential for this pipeline. Its issuer, subject and audience have to equal those of the pipeline's token: Entra admin center > App registrations > {client} > Certificates & secrets > Federated credentials."
)

var nextSteps = map[int]string{
	7000215: "Give the provider the client secret's value, not its ID (ARM_CLIENT_SECRET). The value is shown once, when the secret is made.",
	7000222: "The client secret has expired. Make a new client secret for application {client}, and give its value to the provider (ARM_CLIENT_SECRET).",
	700027:  "The certificate that the provider signs in with is not registered with application {client}, or has expired. Upload its public part, or use the one that is registered.",
	700016:  unknownApplication,
	700038:  unknownApplication,
	7000229: unknownApplication,
	7000112: "The application {client} is disabled in tenant {tenant}. An administrator can enable it: Entra admin center > Enterprise applications > {client} > Properties.",
	90002:   "There is no tenant {tenant}. Compare tenant_id with Entra admin center > Overview.",
	900023:  "There is no tenant {tenant}. Compare tenant_id with Entra admin center > Overview.",
	5000224: blockedTenant,
	5000225: blockedTenant,
	501051:  "Tenant {tenant} wants applications assigned to the API before they get a token. An administrator assigns application {client}: Entra admin center > Enterprise applications > the API > Users and groups.",
	500011:  "Tenant {tenant} does not have the API that the token is for. It appears with the first licence that includes it.",
	700024:  "Compare this machine's clock with the real time: what it signs is dated outside of what Entra accepts.",
	53003:   "A Conditional Access policy of tenant {tenant} blocks application {client}. An administrator finds the policy in the sign-in logs by the correlation ID.",
	70021:   noFederation,
	700211:  noFederation,
	700212:  noFederation,
	700213:  noFederation,
}
