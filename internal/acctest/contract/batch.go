package contract

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// batchPath is the operation that carries others (Microsoft Graph: JSON batching).
const batchPath = "/$batch"

// takeNullBodies lets a part's body be null, which the contract's does not say, and which Microsoft's SDK for Go sends
// of every part that has none.
func takeNullBodies(batch *openapi3.Operation) {
	requests := batch.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties["requests"]
	if body := requests.Value.Items.Value.Properties["body"]; body != nil {
		body.Value.Nullable = true
	}
}

type batchRequests struct {
	Requests []batchRequest `json:"requests"`
}

type batchRequest struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// exchange is the request as it would be outside of a batch, before it is answered.
func (b batchRequest) exchange() Exchange {
	body := b.Body
	if string(body) == "null" {
		body = nil
	}
	return Exchange{Method: b.Method, Target: "/" + strings.TrimPrefix(b.URL, "/"), Header: headerOf(b.Headers),
		Body: body, Lost: true}
}

type batchResponses struct {
	Responses []batchResponse `json:"responses"`
}

type batchResponse struct {
	ID      string            `json:"id"`
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// unpack pairs the requests of a batch with their answers. A batch that was refused
// as a whole, or whose answer was lost, has requests alone.
func unpack(e Exchange) (parts []Exchange, errs []error) {
	var sent batchRequests
	var got batchResponses
	if json.Unmarshal(e.Body, &sent) != nil {
		return nil, nil // the envelope's own violation
	}
	if e.Lost || e.Status != http.StatusOK {
		for _, request := range sent.Requests {
			parts = append(parts, request.exchange())
		}
		return parts, nil
	}
	if json.Unmarshal(e.Answer, &got) != nil {
		return nil, nil
	}
	answers := map[string]batchResponse{}
	for _, answer := range got.Responses {
		if _, twice := answers[answer.ID]; twice {
			errs = append(errs, fmt.Errorf("the request %q is answered twice", answer.ID))
		}
		answers[answer.ID] = answer
	}
	for _, request := range sent.Requests {
		answer, answered := answers[request.ID]
		if !answered {
			errs = append(errs, fmt.Errorf("the request %q is not answered", request.ID))
			continue
		}
		delete(answers, request.ID)
		part := request.exchange()
		part.Lost, part.Status, part.Answered, part.Answer = false, answer.Status, headerOf(answer.Headers),
			answer.plainBody()
		parts = append(parts, part)
	}
	for id := range answers {
		errs = append(errs, fmt.Errorf("an answer is there to %q, which was not asked", id))
	}
	return parts, errs
}

// plainBody is the body as it would be outside of a batch, where content that is not JSON is not base64.
func (b batchResponse) plainBody() []byte {
	var encoded string
	if json.Unmarshal(b.Body, &encoded) == nil {
		if content, err := base64.StdEncoding.DecodeString(encoded); err == nil {
			return content
		}
	}
	return b.Body
}

func headerOf(values map[string]string) http.Header {
	header := http.Header{}
	for name, value := range values {
		header.Set(name, value)
	}
	return header
}
