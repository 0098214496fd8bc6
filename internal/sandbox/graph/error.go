package graph

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// apiError is an answer of Graph that is none (Microsoft Graph: error responses and resource types).
type apiError struct {
	status  int
	code    string
	message string
	details []errorDetail
}

type errorDetail struct {
	Code    string `json:"code"`
	Message string `json:"message,omitempty"`
	Target  string `json:"target,omitempty"`
}

// Codes of the directory's errors.
const (
	badRequest       = "Request_BadRequest"
	unsupportedQuery = "Request_UnsupportedQuery"
	badSyntax        = "BadRequest" // what Graph finds before the directory sees the request
)

func (e *apiError) detail(code, target string) *apiError {
	e.details = append(e.details, errorDetail{Code: code, Message: e.message, Target: target})
	return e
}

func refuse(code, format string, particulars ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, particulars...)}
}

func notFound(name string) *apiError {
	return &apiError{status: http.StatusNotFound, code: "Request_ResourceNotFound", message: fmt.Sprintf(
		"Resource '%s' does not exist or one of its queried reference-property objects are not present.", name)}
}

func denied() *apiError {
	return &apiError{status: http.StatusForbidden, code: "Authorization_RequestDenied",
		message: "Insufficient privileges to complete the operation."}
}

func conflict(format string, particulars ...any) *apiError {
	return &apiError{status: http.StatusConflict, code: "Request_MultipleObjectsWithSameKeyValue",
		message: fmt.Sprintf(format, particulars...)}
}

// taken is the answer to a value that must be unique and is not (seen for uniqueName).
func taken(property string) *apiError {
	return refuse(badRequest, "Another object with the same value for property %s already exists.",
		property).detail("ObjectConflict", property)
}

// missing is the answer to a new object without a property that it needs.
func missing(property, resource string) *apiError {
	return refuse(badRequest, "A value is required for property '%s' of resource '%s'.", property,
		resource).detail("MissingValue", property)
}

// invalidValue's text is unconfirmed in its details.
func invalidValue(property, resource string) *apiError {
	return refuse(badRequest, "Invalid value specified for property '%s' of resource '%s'.", property,
		resource).detail("InvalidValue", property)
}

// readOnly's text is unconfirmed.
func readOnly(property string) *apiError {
	return refuse(badRequest, "Property '%s' is read-only and cannot be set.", property).detail("InvalidValue", property)
}

// readOnlyUnlessItsID lets a request repeat the ID of the object that it changes, as HashiCorp's azuread provider does
// where it sets certificates.
func readOnlyUnlessItsID(property string, raw json.RawMessage, id string) *apiError {
	var repeated string
	if property == "id" && json.Unmarshal(raw, &repeated) == nil && strings.EqualFold(repeated, id) {
		return nil
	}
	return readOnly(property)
}

// unknownProperty's text is unconfirmed.
func unknownProperty(property, resource string) *apiError {
	return refuse(badRequest,
		"The property '%s' does not exist on type 'microsoft.graph.%s'. Make sure to only use property names that are "+
			"defined by the type.", property, resource)
}

// tokenErrors are Graph's words for a token that it does not take. Those for a wrong signature, for an expired token
// and for another audience are unconfirmed.
var tokenErrors = map[token.Reason]string{
	token.Missing:      "Access token is empty.",
	token.Malformed:    "CompactToken parsing failed with error code: 80049217",
	token.BadSignature: "Access token validation failure. Invalid signature.",
	token.Expired:      "Lifetime validation failed, the token is expired.",
}

const wrongAudience = "Access token validation failure. Invalid audience."

func unauthenticated(message string) *apiError {
	return &apiError{status: http.StatusUnauthorized, code: "InvalidAuthenticationToken", message: message}
}

// innerErrorTime has no time zone, which clients of Graph are known to stumble over.
const innerErrorTime = "2006-01-02T15:04:05"

func (a *API) writeError(w http.ResponseWriter, e *apiError) {
	requestID, clientRequestID := w.Header().Get("request-id"), w.Header().Get("client-request-id")
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(
			`Bearer realm="", authorization_uri="%s/common/oauth2/authorize", client_id="%s"`, a.origin, tenant.GraphAppID))
	}
	body := map[string]any{
		"code":    e.code,
		"message": e.message,
		"innerError": map[string]string{
			"date": a.world.Now().UTC().Format(innerErrorTime), "request-id": requestID, "client-request-id": clientRequestID,
		},
	}
	if len(e.details) > 0 {
		body["details"] = e.details
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(e.status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": body}) // the client is gone: nobody is left to be told
}

// Fail answers with an error that has no cause in the tenants. One that stands for throttling says so in a header.
func (a *API) Fail(w http.ResponseWriter, r *http.Request, status int, code, message string, throttling bool) {
	setHeaders(w, r)
	tenant.NotesOf(r).Code = code
	if throttling {
		w.Header().Set("x-ms-throttle-information", "ResourceUnitLimitExceeded")
	}
	a.writeError(w, &apiError{status: status, code: code, message: message})
}

// sortedNames returns the properties of a request in an order that does not change from call to call, so that the same
// request always meets the same refusal.
func sortedNames(body map[string]json.RawMessage) []string {
	names := make([]string, 0, len(body))
	for name := range body {
		// Annotations are not properties. A binding that is still here was handled by nobody: better refused than
		// lost without a word (unconfirmed).
		if !strings.Contains(name, "@") || strings.HasSuffix(name, "@odata.bind") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
