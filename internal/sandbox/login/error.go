package login

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// signInRefusal is one of the answers that the token endpoint gives to a request it does not grant.
type signInRefusal struct {
	code   int    // the digits of AADSTS…
	status int    // of the HTTP answer
	kind   string // OAuth's error
	text   string // of error_description, with verbs for what differs
	noURI  bool   // Entra's answer has no error_uri
}

// checkFederation is how the refusal of another issuer's token ends.
const checkFederation = "Check your federated identity credential Subject, Audience and Issuer against the presented " +
	"assertion. https://learn.microsoft.com/entra/workload-id/workload-identity-federation"

// The refusals (Microsoft identity platform: Microsoft Entra authentication and authorization error codes; statuses,
// kinds and texts as seen in answers of Entra). What is marked unconfirmed was never seen in an answer of Entra.
var (
	wrongSecret = signInRefusal{code: 7000215, status: 401, kind: "invalid_client",
		text: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not " +
			"the client secret ID, for a secret added to app '%s'."}
	expiredSecret = signInRefusal{code: 7000222, status: 401, kind: "invalid_client",
		text: "The provided client secret keys for app '%s' are expired. Visit the Azure portal to create new keys for " +
			"your app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security: " +
			"https://aka.ms/certCreds."}
	revokedCertificate = signInRefusal{code: 7000214, status: 401, kind: "invalid_client", // text unconfirmed
		text: "The certificate used by application '%s' has been revoked."}
	noCredential = signInRefusal{code: 7000218, status: 401, kind: "invalid_client", // status and text unconfirmed
		text: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	blockedByPolicy = signInRefusal{code: 53003, status: 400, kind: "invalid_grant", // status, kind and text unconfirmed
		text: "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance."}
	// status, kind and text unconfirmed.
	noServicePrincipal = signInRefusal{code: 7000229, status: 401, kind: "invalid_client",
		text: "The client application %s is missing service principal in the tenant."}
	missingCredential = signInRefusal{code: 7000216, status: 401, kind: "invalid_client", // status and text unconfirmed
		text: "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."}

	unknownKey = signInRefusal{code: 700027, status: 401, kind: "invalid_client",
		text: "The certificate with identifier used to sign the client assertion is not registered on application. [Reason " +
			"- The key was not found., Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see " +
			"configured keys for app Id '%s'.]"}
	expiredKey = signInRefusal{code: 700027, status: 401, kind: "invalid_client",
		text: "Client assertion contains an invalid signature. [Reason - The key used is expired., Thumbprint of key used " +
			"by client: '%s', Found key 'Start=%s, End=%s', Please visit the Azure Portal, Graph Explorer or directly use MS " +
			"Graph to see configured keys for app Id '%s'.]"}
	keyNotYetValid = signInRefusal{code: 1000502, status: 401, kind: "invalid_client", // text unconfirmed
		text: "The provided certificate is not within its specified validity window. Thumbprint of key used by client: " +
			"'%s', Found key 'Start=%s, End=%s'."}
	wrongSignature = signInRefusal{code: 7000274, status: 401, kind: "invalid_client", // text unconfirmed
		text: "Client assertion contains an invalid signature. App Id '%s'."}
	assertionOutOfTime = signInRefusal{code: 700024, status: 401, kind: "invalid_client",
		text: "Client assertion is not within its valid time range. Current time: %s, assertion valid from %s, expiry time " +
			"of assertion %s. Review the documentation at " +
			"https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."}
	// status, kind and text unconfirmed.
	wrongAssertionClient = signInRefusal{code: 700021, status: 401, kind: "invalid_client",
		text: "Client assertion application identifier doesn't match 'client_id' parameter. Review the documentation at " +
			"https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."}
	// status, kind and text unconfirmed.
	wrongAssertionAudience = signInRefusal{code: 700023, status: 401, kind: "invalid_client",
		text: "Client assertion audience claim does not match Realm issuer. Review the documentation at " +
			"https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."}
	// status unconfirmed; the list as seen in 2021, before PS256 was taken.
	unsupportedAlgorithm = signInRefusal{code: 5002738, status: 400, kind: "invalid_client",
		text: "Invalid JWT token. '%s' is not a supported signature algorithm. Supported signing algorithms are: " +
			"'RS256, HS256'."}
	malformedAssertion = signInRefusal{code: 50027, status: 400, kind: "invalid_request", // status and kind unconfirmed
		text: "JWT token is invalid or malformed."}

	untrustedIssuer = signInRefusal{code: 700211, status: 401, kind: "invalid_client", // status unconfirmed
		text: "No matching federated identity record found for presented assertion issuer '%s'. " + checkFederation}
	untrustedAudience = signInRefusal{code: 700212, status: 401, kind: "invalid_client", // status unconfirmed
		text: "No matching federated identity record found for presented assertion audience '%s'. " + checkFederation}
	untrustedSubject = signInRefusal{code: 700213, status: 401, kind: "invalid_client", // status unconfirmed
		text: "No matching federated identity record found for presented assertion subject '%s'. " + checkFederation}
	// status, and the text's end, unconfirmed.
	unmatchedExpression = signInRefusal{code: 7002131, status: 401, kind: "invalid_client",
		text: "No matching federated identity record found for presented assertion subject '%s' or no federated identity " +
			"credential expression matched. " + checkFederation}
	// status, kind and text unconfirmed.
	unreachableIssuer = signInRefusal{code: 50166, status: 400, kind: "invalid_request",
		text: "Request to External OIDC endpoint failed. Issuer: '%s'."}
	wrongIssuerSignature = signInRefusal{code: 50013, status: 401, kind: "invalid_client", // status and kind unconfirmed
		text: "Assertion failed signature validation."}

	unknownApplication = signInRefusal{code: 700016, status: 400, kind: "unauthorized_client", // status unconfirmed
		text: "Application with identifier '%s' was not found in the directory '%s'. This can happen if the application " +
			"has not been installed by the administrator of the tenant or consented to by any user in the tenant. You may " +
			"have sent your authentication request to the wrong tenant."}
	malformedClientID = signInRefusal{code: 700038, status: 400, kind: "unauthorized_client", noURI: true,
		text: "%s is not a valid application identifier."}
	// status and text unconfirmed.
	disabledApplication = signInRefusal{code: 7000112, status: 401, kind: "unauthorized_client",
		text: "Application '%s'(%s) is disabled."}

	unknownResource = signInRefusal{code: 500011, status: 400, kind: "invalid_resource",
		text: "The resource principal named %s was not found in the tenant named %s. This can happen if the application " +
			"has not been installed by the administrator of the tenant or consented to by any user in the tenant. You might " +
			"have sent your authentication request to the wrong tenant."}
	unassigned = signInRefusal{code: 501051, status: 400, kind: "invalid_grant", // status, kind and text unconfirmed
		text: "Application is not assigned to a role for the application '%s'."}
	notDefaultScope = signInRefusal{code: 1002012, status: 400, kind: "invalid_scope", // text unconfirmed
		text: "The provided value for scope %s is not valid. Client credential flows must have a scope value with " +
			"/.default suffixed to the resource identifier (application ID URI)."}
	severalScopes = signInRefusal{code: 70011, status: 400, kind: "invalid_scope", // text unconfirmed
		text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter " +
			"'scope' is not valid. The scope %s is not valid."}
	unsupportedGrant = signInRefusal{code: 70003, status: 400, kind: "unsupported_grant_type", noURI: true,
		text: "The app requested an unsupported grant type '%s'."}
	// status, kind and text unconfirmed.
	missingParameter = signInRefusal{code: 900144, status: 400, kind: "invalid_request",
		text: "The request body must contain the following parameter: '%s'."}

	unknownTenant = signInRefusal{code: 90002, status: 400, kind: "invalid_request",
		text: "Tenant '%s' not found. Check to make sure you have the correct tenant ID and are signing into the correct " +
			"cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for " +
			"the tenant."}
	malformedTenant = signInRefusal{code: 900023, status: 400, kind: "invalid_request", // status unconfirmed
		text: "Specified tenant identifier '%s' is neither a valid DNS name, nor a valid external domain."}
	// status, kind and text unconfirmed.
	serverFault = signInRefusal{code: 90033, status: 503, kind: "temporarily_unavailable",
		text: "A transient error has occurred. Please try again. (%s)"}
)

// refusals are all of them, to be found by code.
var refusals = []signInRefusal{
	wrongSecret, expiredSecret, revokedCertificate, noCredential, blockedByPolicy, noServicePrincipal, missingCredential,
	unknownKey, expiredKey, keyNotYetValid, wrongSignature, assertionOutOfTime, wrongAssertionClient,
	wrongAssertionAudience, untrustedIssuer, untrustedAudience, untrustedSubject, unmatchedExpression, unreachableIssuer,
	wrongIssuerSignature,
	unsupportedAlgorithm, malformedAssertion, unknownApplication, malformedClientID, disabledApplication, unknownResource,
	unassigned, notDefaultScope, severalScopes, unsupportedGrant, missingParameter, unknownTenant, malformedTenant,
	serverFault,
}

// refusalOf makes the refusal of a code whose cause does not exist here. Particulars of its text that are neither the
// tenant's ID nor the client's are made the latter, too.
func refusalOf(code int, clientID, tenantID string) *signInError {
	at := slices.IndexFunc(refusals, func(known signInRefusal) bool { return known.code == code })
	if at < 0 {
		return signInRefusal{code: code, status: http.StatusBadRequest, kind: "invalid_request",
			text: "The sandbox was told to refuse application '%s'."}.with(clientID)
	}
	known := refusals[at]
	particulars := make([]any, strings.Count(known.text, "%s"))
	for i := range particulars {
		particulars[i] = clientID
	}
	switch code {
	case unknownTenant.code, malformedTenant.code:
		particulars[0] = tenantID
	case unknownApplication.code, unknownResource.code:
		particulars[1] = tenantID
	}
	return known.with(particulars...)
}

// signInError is a refusal with the particulars of one request.
type signInError struct {
	signInRefusal
	description string
}

func (r signInRefusal) with(particulars ...any) *signInError {
	return &signInError{r, fmt.Sprintf("AADSTS%d: ", r.code) + fmt.Sprintf(r.text, particulars...)}
}

// IsTokenEndpoint reports whether a path is that of a tenant's token endpoint.
func IsTokenEndpoint(path string) bool { return strings.HasSuffix(path, "/oauth2/v2.0/token") }

// Fail answers with the token endpoint's error for a fault of the service.
func (a *API) Fail(w http.ResponseWriter, r *http.Request, status int, cause string) {
	refusal := serverFault.with(cause)
	refusal.status = status
	a.refuse(w, r, refusal)
}

// FailAs is Fail with an error of another kind (OAuth's error) and with its whole description.
func (a *API) FailAs(w http.ResponseWriter, r *http.Request, status int, kind, description string) {
	refusal := serverFault.with("")
	refusal.status, refusal.kind, refusal.description = status, kind, description
	a.refuse(w, r, refusal)
}

// signInErrorBody is the JSON of a refusal (Microsoft identity platform: OAuth 2.0 error response).
type signInErrorBody struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri,omitempty"`
}

func (a *API) refuse(w http.ResponseWriter, r *http.Request, refusal *signInError) {
	tenant.NotesOf(r).Code = fmt.Sprintf("AADSTS%d", refusal.code)
	body := signInErrorBody{
		Error:         refusal.kind,
		Codes:         []int{refusal.code},
		Timestamp:     a.world.Now().UTC().Format("2006-01-02 15:04:05Z"),
		TraceID:       uuid.NewString(),
		CorrelationID: r.Header.Get("client-request-id"),
	}
	if uuid.Validate(body.CorrelationID) != nil {
		body.CorrelationID = uuid.NewString()
	}
	if !refusal.noURI {
		body.URI = fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", refusal.code)
	}
	body.Description = fmt.Sprintf("%s Trace ID: %s Correlation ID: %s Timestamp: %s",
		refusal.description, body.TraceID, body.CorrelationID, body.Timestamp)
	noStore(w)
	w.Header().Set("x-ms-request-id", body.TraceID)
	writeJSON(w, refusal.status, body)
}
