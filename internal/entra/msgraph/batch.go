package msgraph

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// largestBatch is how many requests Graph takes in one batch (Microsoft Graph: JSON batching).
const largestBatch = 20

// Wire forms of Microsoft Graph's JSON batching.
type (
	wireRequest struct {
		ID        string            `json:"id"`
		Method    string            `json:"method"`
		URL       string            `json:"url"` // below the version
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

// batch sends the requests as one, and answers in their order. Each is throttled for itself inside an outer 200, so
// those that were are sent again, after the longest time that any of them was told to wait.
func (d *directory) batch(ctx context.Context, order entra.Order, requests ...request) ([]answer, error) {
	answers := make([]answer, len(requests))
	pending := make([]int, len(requests))
	for i := range pending {
		pending[i] = i
	}
	for run := d.Retries.Start(); len(pending) > 0; {
		next := round{run: run}
		for rest := pending; len(rest) > 0; {
			chunk := rest[:min(len(rest), largestBatch)]
			rest = rest[len(chunk):]
			responses, lost, err := d.sendBatch(ctx, order, requests, chunk)
			if err != nil {
				return nil, err
			}
			for at, index := range chunk {
				answers[index] = next.take(order, index, requests[index], responses[at], lost || answers[index].lost)
			}
			if order == entra.Sequential && (next.failed || len(next.again) > 0) { // the rest depends on this chunk
				next.skip(rest, answers)
				break
			}
		}
		if stopped := run.Wait(ctx, next.verdict); stopped != nil {
			return answers, retry.Interrupted(stopped)
		}
		pending = next.again
	}
	return answers, nil
}

// round is what comes of sending each pending request of a batch once.
type round struct {
	run     *retry.Run
	again   []int         // the requests to send again
	verdict retry.Verdict // on all of those
	failed  bool          // one request failed for good
}

// take reads the response to a request. lost: an earlier attempt did not tell whether Graph had carried it out.
func (r *round) take(order entra.Order, index int, asked request, response wireResponse, lost bool) answer {
	if response.Status == http.StatusFailedDependency && order == entra.Sequential {
		if len(r.again) > 0 {
			r.again = append(r.again, index) // waits for the one before it
		}
		return answer{skipped: true, lost: lost}
	}
	header := http.Header{}
	for name, value := range response.Headers {
		header.Set(name, value)
	}
	got, verdict := asked.answered(response.Status, header, response.Body)
	got.lost = got.lost || lost
	switch {
	case got.err == nil:
	case r.run.Allows(verdict):
		r.verdict = retry.Verdict{
			Retry: true, Unlimited: verdict.Unlimited && (r.verdict.Unlimited || len(r.again) == 0), Reason: verdict.Reason,
			Pause: max(r.verdict.Pause, r.run.Pause(verdict)),
		}
		r.again = append(r.again, index)
	default:
		r.failed = true
	}
	return got
}

// skip leaves out the requests behind one that failed. Where that is sent again, so are they.
func (r *round) skip(rest []int, answers []answer) {
	for _, index := range rest {
		answers[index] = answer{skipped: true, lost: answers[index].lost}
	}
	if !r.failed {
		r.again = append(r.again, rest...)
	}
}

// sendBatch sends a chunk of the requests, and returns Graph's responses in its order. lost is that of the whole.
func (d *directory) sendBatch(
	ctx context.Context, order entra.Order, requests []request, chunk []int,
) (responses []wireResponse, lost bool, err error) {
	envelope := request{method: http.MethodPost, path: "/$batch"}
	parts := make([]wireRequest, len(chunk))
	for at, index := range chunk {
		asked := requests[index]
		parts[at] = wireRequest{
			ID: strconv.Itoa(index + 1), Method: asked.method, URL: asked.path, Headers: asked.header(), Body: asked.body,
		}
		if order == entra.Sequential && at > 0 {
			parts[at].DependsOn = []string{parts[at-1].ID}
		}
		envelope.nonIdempotent = envelope.nonIdempotent || asked.nonIdempotent
	}
	if envelope.body, err = json.Marshal(map[string]any{"requests": parts}); err != nil {
		return nil, false, fmt.Errorf("building a Microsoft Graph request: %w", err)
	}
	got := d.send(ctx, envelope)
	if got.err != nil {
		return nil, got.lost, got.err
	}
	var decoded struct {
		Responses []wireResponse `json:"responses"`
	}
	if err := json.Unmarshal(got.body, &decoded); err != nil {
		return nil, got.lost, fmt.Errorf("Microsoft Graph answered a batch with something else than JSON: %s",
			plainText(got.body))
	}
	responses = make([]wireResponse, len(chunk))
	for at, part := range parts {
		there := slices.IndexFunc(decoded.Responses, func(response wireResponse) bool { return response.ID == part.ID })
		if there < 0 {
			return nil, got.lost, fmt.Errorf("Microsoft Graph left %s %s out of its answer to a batch", part.Method, part.URL)
		}
		responses[at] = decoded.Responses[there]
	}
	return responses, got.lost, nil
}
