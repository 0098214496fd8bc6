package graph

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// maxParts is how many requests one batch takes (Microsoft Graph: JSON batching).
const maxParts = 20

type batchRequest struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

type batchResponse struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// serveBatch carries several requests out as one (Microsoft Graph: JSON batching). Each passes through the same
// handler as it would alone, with the token of the batch. The answer is 200 whatever becomes of the parts.
func (a *API) serveBatch(w http.ResponseWriter, r *http.Request) {
	setHeaders(w, r)
	tenant.NotesOf(r).Meaning = "batch of requests"
	if failure := a.carryOutBatch(w, r); failure != nil {
		tenant.NotesOf(r).Code = failure.code
		a.writeError(w, failure)
	}
}

func (a *API) carryOutBatch(w http.ResponseWriter, r *http.Request) *apiError {
	if _, _, failure := a.caller(r); failure != nil {
		return failure
	}
	if r.Method != http.MethodPost {
		return &apiError{status: http.StatusMethodNotAllowed, code: badRequest,
			message: "Specified HTTP method is not allowed for the request target."}
	}
	var envelope struct {
		Requests []batchRequest `json:"requests"`
	}
	content, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxRequest))
	if err != nil || json.Unmarshal(content, &envelope) != nil {
		return refuse(badSyntax, "Invalid batch payload format.")
	}
	if failure := checkBatch(envelope.Requests); failure != nil {
		return failure
	}
	responses := a.carryOutParts(r, envelope.Requests)
	content, err = json.Marshal(map[string]any{"responses": responses})
	if err != nil {
		return &apiError{status: http.StatusInternalServerError, code: "Service_InternalServerError", message: err.Error()}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(content) // into memory
	return nil
}

// checkBatch finds what makes Graph refuse the whole batch. A write without a body is such a thing, even where the
// operation itself takes none.
func checkBatch(requests []batchRequest) *apiError {
	if len(requests) == 0 {
		return refuse(badSyntax, "Invalid batch payload format.")
	}
	if len(requests) > maxParts {
		return refuse("MaximumValueExceeded", "Number of batch request steps exceeds the maximum value of %d.", maxParts)
	}
	var ids []string
	for _, request := range requests {
		if request.ID == "" || request.Method == "" || request.URL == "" || slices.Contains(ids, request.ID) {
			// text unconfirmed
			return refuse(badSyntax,
				"Request Id, method and url of every batch request must be there, and every Id must be unique.")
		}
		ids = append(ids, request.ID)
		write := request.Method == http.MethodPost || request.Method == http.MethodPatch || request.Method == http.MethodPut
		if write && (request.header("Content-Type") == "" || len(request.Body) == 0 || string(request.Body) == "null") {
			return refuse(badSyntax, "Write request id : %s does not contain Content-Type header or body.", request.ID)
		}
	}
	for i, request := range requests {
		for _, id := range request.DependsOn {
			if id == request.ID || !slices.Contains(ids[:i], id) {
				// text unconfirmed
				return refuse(badSyntax, "Request Id '%s' depends on '%s', which is not a request before it.", request.ID, id)
			}
		}
	}
	return nil
}

// header looks a header up whatever the case of its name.
func (b batchRequest) header(name string) string {
	for key, value := range b.Headers {
		if strings.EqualFold(key, name) {
			return value
		}
	}
	return ""
}

// content is the body of a part as it would be alone: what is not JSON is carried in base64 (Microsoft Graph: JSON
// batching). In which alphabet is unconfirmed, so that both are taken.
func (b batchRequest) content() []byte {
	var encoded string
	kind, _, err := mime.ParseMediaType(b.header("Content-Type"))
	if err != nil || kind == "application/json" || json.Unmarshal(b.Body, &encoded) != nil {
		return b.Body
	}
	for _, alphabet := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if decoded, err := alphabet.DecodeString(strings.TrimRight(encoded, "=")); err == nil {
			return decoded
		}
	}
	return b.Body
}

// carryOutParts carries the parts out. Graph promises no order among those that do not depend on each other, neither
// of the work nor of the answers; here it is the reverse, so that a client that relies on one is found out.
func (a *API) carryOutParts(r *http.Request, requests []batchRequest) []batchResponse {
	var responses []batchResponse
	status := map[string]int{}
	waiting := slices.Clone(requests)
	slices.Reverse(waiting)
	for len(waiting) > 0 {
		at := slices.IndexFunc(waiting, func(b batchRequest) bool {
			return !slices.ContainsFunc(b.DependsOn, func(id string) bool { return status[id] == 0 })
		})
		request := waiting[at] // there is one: a part depends on earlier ones only
		waiting = slices.Delete(waiting, at, at+1)
		failed := slices.ContainsFunc(request.DependsOn, func(id string) bool { return status[id] >= http.StatusBadRequest })
		response := a.part(r, request, failed)
		status[request.ID] = response.Status
		responses = append(responses, response)
	}
	return responses
}

// part carries one request of a batch out, unless one that it depends on has failed.
func (a *API) part(batch *http.Request, request batchRequest, dependencyFailed bool) (response batchResponse) {
	noted := tenant.Part{Method: request.Method, Path: tenant.LoggedPath("/v1.0/" + strings.TrimLeft(request.URL, "/")),
		ClientRequestID: tenant.RequestID(request.header("client-request-id"))}
	defer func() { // also where the connection ends, which is a panic
		noted.Status = response.Status
		notes := tenant.NotesOf(batch)
		notes.Parts = append(notes.Parts, noted)
	}()
	answered := &partAnswer{status: http.StatusOK, header: http.Header{}}
	target, err := url.Parse("/v1.0/" + strings.TrimLeft(request.URL, "/"))
	switch {
	case dependencyFailed:
		// text unconfirmed
		noted.Code = "FailedDependency"
		a.refusePart(answered, batch,
			&apiError{status: http.StatusFailedDependency, code: "FailedDependency",
				message: "Request failed due to the failure of a request that it depends on."})
	case err != nil || strings.HasPrefix(target.Path, "/v1.0/$batch") || strings.Contains(request.URL, "://"):
		// text unconfirmed
		a.refusePart(answered, batch, refuse(badSyntax, "Invalid request URL in batch: '%s'.", request.URL))
	default:
		inner := batch.Clone(tenant.WithNotes(batch.Context(), &noted.Notes))
		inner.Method, inner.URL, inner.RequestURI = request.Method, target, target.RequestURI()
		inner.Header = http.Header{"Authorization": batch.Header["Authorization"]}
		for name, value := range request.Headers {
			if !strings.EqualFold(name, "Authorization") {
				inner.Header.Set(name, value)
			}
		}
		body := request.content()
		inner.Body = io.NopCloser(bytes.NewReader(body))
		inner.ContentLength = int64(len(body))
		a.parts.ServeHTTP(answered, inner) // panics where the connection ends, which ends the batch's
	}
	response = batchResponse{ID: request.ID, Status: answered.status, Headers: map[string]string{}}
	for name, values := range answered.header {
		response.Headers[name] = values[0]
	}
	if json.Valid(answered.body.Bytes()) {
		response.Body = bytes.TrimSpace(answered.body.Bytes())
	} else if answered.body.Len() > 0 {
		// What is not JSON is carried in base64 (Microsoft Graph: JSON batching), as encoding/json writes bytes.
		response.Body, _ = json.Marshal(answered.body.Bytes())
	}
	return response
}

func (a *API) refusePart(answered *partAnswer, batch *http.Request, failure *apiError) {
	setHeaders(answered, batch)
	a.writeError(answered, failure)
}

// partAnswer is the answer to a part before it is copied into the batch's.
type partAnswer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (p *partAnswer) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *partAnswer) WriteHeader(status int) { p.status = status }

// Write implements http.ResponseWriter.
func (p *partAnswer) Write(data []byte) (int, error) { return p.body.Write(data) }
