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
	Requests []struct {
		ID      string            `json:"id"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	} `json:"requests"`
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

// unpack pairs the requests of a batch with their answers. A batch that was refused whole has none.
func unpack(e Exchange) (parts []Exchange, errs []error) {
	if e.Status != http.StatusOK {
		return nil, nil
	}
	var sent batchRequests
	var got batchResponses
	if json.Unmarshal(e.Body, &sent) != nil || json.Unmarshal(e.Answer, &got) != nil {
		return nil, nil // the envelope's own violation
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
		body := request.Body
		if string(body) == "null" {
			body = nil
		}
		parts = append(parts, Exchange{
			Method: request.Method, Target: "/" + strings.TrimPrefix(request.URL, "/"), Header: headerOf(request.Headers), Body: body,
			Status: answer.Status, Answered: headerOf(answer.Headers), Answer: answer.plainBody(),
		})
	}
	for id := range answers {
		errs = append(errs, fmt.Errorf("an answer is there to %q, which was not asked", id))
	}
	return parts, errs
}

// plainBody is the body as it would be outside of a batch, where what is not JSON does not stand in base64.
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
