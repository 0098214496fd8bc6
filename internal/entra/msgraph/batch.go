package msgraph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// largestBatch is how many parts Graph takes in one batch (Microsoft Graph: JSON batching).
const largestBatch = 20

// part is one request of a batch.
type part struct {
	request *abstractions.RequestInformation
	repeat  bool // a repetition does no harm, so that a failed gateway can be asked again
}

// answer is what one part was answered with: a body, or an error. Neither where the part before it failed.
type answer struct {
	body    json.RawMessage
	err     error
	skipped bool
	lost    bool // an earlier answer did not tell whether Graph had carried it out
}

// Wire forms of Microsoft Graph's JSON batching.
type (
	wireRequest struct {
		ID        string            `json:"id"`
		Method    string            `json:"method"`
		URL       string            `json:"url"`
		Headers   map[string]string `json:"headers,omitempty"`
		Body      json.RawMessage   `json:"body,omitempty"`
		DependsOn []string          `json:"dependsOn,omitempty"`
	}
	wireResponse struct {
		ID      string            `json:"id"`
		Status  int               `json:"status"`
		Headers map[string]string `json:"headers"`
		Body    json.RawMessage   `json:"body"`
	}
)

// batch sends the parts in one request and answers in their order. Each part is throttled for itself inside an outer
// 200, so the parts that were are sent again, after the longest time that any of them was told to wait.
func (d *directory) batch(ctx context.Context, order entra.Order, parts ...part) ([]answer, error) {
	answers := make([]answer, len(parts))
	var pending []int
	for i := range parts {
		pending = append(pending, i)
	}
	for run := d.Retries.Start(); len(pending) > 0; {
		var again []int
		var round retry.Verdict // of the parts that are sent again
		failed := false
		for start := 0; start < len(pending); start += largestBatch {
			chunk := pending[start:min(start+largestBatch, len(pending))]
			responses, lost, err := d.sendBatch(ctx, order, parts, chunk)
			if err != nil {
				return nil, err
			}
			for at, index := range chunk {
				response := responses[at]
				lost := lost || answers[index].lost
				if response.Status >= 200 && response.Status < 300 {
					answers[index] = answer{body: response.Body, lost: lost}
					continue
				}
				if response.Status == http.StatusFailedDependency && order == entra.Sequential {
					if len(again) > 0 {
						again = append(again, index) // waits for the one before it
					}
					answers[index] = answer{skipped: true, lost: lost}
					continue
				}
				refused := d.partError(parts[index], response)
				answers[index] = answer{err: refused, lost: lost || untold(response.Status)}
				verdict := judge(refused, retry.After(headerOf(response.Headers)), parts[index].repeat)
				if !run.Allows(verdict) {
					failed = true
					continue
				}
				again = append(again, index)
				round = retry.Verdict{
					Again: true, Unlimited: verdict.Unlimited && (round.Unlimited || !round.Again), Reason: verdict.Reason,
					Pause: max(round.Pause, run.Pause(verdict)),
				}
			}
			if rest := pending[start+len(chunk):]; order == entra.Sequential && (failed || len(again) > 0) { // they depend on this chunk
				for _, index := range rest {
					answers[index] = answer{skipped: true, lost: answers[index].lost}
				}
				if !failed {
					again = append(again, rest...)
				}
				break
			}
		}
		if stopped := run.Again(ctx, round); stopped != nil {
			return answers, retry.Interrupted(stopped)
		}
		pending = again
	}
	return answers, nil
}

// sendBatch sends some of the parts, and returns Graph's responses in the order of those. lost is send's.
func (d *directory) sendBatch(ctx context.Context, order entra.Order, parts []part, chunk []int) (responses []wireResponse, lost bool, err error) {
	requests := make([]wireRequest, len(chunk))
	repeat := true
	for at, index := range chunk {
		request, err := d.wire(parts[index].request)
		if err != nil {
			return nil, false, err
		}
		request.ID = strconv.Itoa(index + 1)
		if order == entra.Sequential && at > 0 {
			request.DependsOn = []string{requests[at-1].ID}
		}
		requests[at] = request
		repeat = repeat && parts[index].repeat
	}
	content, err := json.Marshal(map[string]any{"requests": requests})
	if err != nil {
		return nil, false, err
	}
	envelope := d.request(abstractions.POST, "/$batch", nil)
	envelope.SetStreamContentAndContentType(content, "application/json")
	body, lost, err := d.send(ctx, envelope, repeat)
	if err != nil {
		return nil, lost, err
	}
	var decoded struct {
		Responses []wireResponse `json:"responses"`
	}
	if err := json.Unmarshal(body, &decoded); err != nil {
		return nil, lost, fmt.Errorf("Microsoft Graph answered a batch with something else than JSON: %s", plainText(body))
	}
	byID := make(map[string]wireResponse, len(decoded.Responses))
	for _, response := range decoded.Responses {
		byID[response.ID] = response
	}
	responses = make([]wireResponse, len(chunk))
	for at, request := range requests {
		response, ok := byID[request.ID]
		if !ok {
			return nil, lost, fmt.Errorf("Microsoft Graph left %s %s out of its answer to a batch", request.Method, request.URL)
		}
		responses[at] = response
	}
	return responses, lost, nil
}

// wire turns a request of the SDK into a part. Its URL is relative to the base.
func (d *directory) wire(request *abstractions.RequestInformation) (wireRequest, error) {
	target, err := request.GetUri()
	if err != nil {
		return wireRequest{}, fmt.Errorf("building a Microsoft Graph request: %w", err)
	}
	relative, below := strings.CutPrefix(target.String(), d.base)
	if !below {
		return wireRequest{}, fmt.Errorf("refused to put %s into a batch of %s", target.Redacted(), d.base)
	}
	wire := wireRequest{Method: request.Method.String(), URL: relative, Headers: map[string]string{}}
	for _, name := range request.Headers.ListKeys() {
		wire.Headers[name] = strings.Join(request.Headers.Get(name), ", ")
	}
	if len(request.Content) > 0 {
		wire.Body = request.Content
	}
	return wire, nil
}

func (d *directory) partError(p part, response wireResponse) *entra.Error {
	e := decodeError(response.Status, response.Body)
	if response.Status < 400 {
		e.Message = "Microsoft Graph answered this part of a batch neither with success nor with an error"
	}
	e.Method = p.request.Method.String()
	if target, err := p.request.GetUri(); err == nil {
		e.Path = target.Path
	}
	if e.RequestID == "" {
		e.RequestID = headerOf(response.Headers).Get("request-id")
	}
	return e
}

func headerOf(values map[string]string) http.Header {
	header := http.Header{}
	for name, value := range values {
		header.Set(name, value)
	}
	return header
}

// decode reads a part's body as one of the SDK's models.
func decode[T serialization.Parsable](body json.RawMessage, factory serialization.ParsableFactory) (T, error) {
	var none T
	node, err := jsonserialization.NewJsonParseNode(body)
	if err != nil {
		return none, fmt.Errorf("reading Microsoft Graph's answer: %w", err)
	}
	value, err := node.GetObjectValue(factory)
	if err != nil {
		return none, fmt.Errorf("reading Microsoft Graph's answer: %w", err)
	}
	model, ok := value.(T)
	if !ok {
		return none, fmt.Errorf("Microsoft Graph answered with something else than was asked for: %s", plainText(body))
	}
	return model, nil
}
