// Package msgraph implements entra.Directory on Microsoft Graph, using the models of Microsoft's Graph SDK and its own
// transport. It is the only package that imports the SDK. Transport, retries, errors and authentication are its own
// because the SDK's default middleware replays writes, runs in an order that differs from process to process, and sends
// a request to an unknown host without its token instead of refusing it.
package msgraph

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/semaphore"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

const (
	// version begins the path of every request.
	version = "/v1.0"
	// repetitions bounds the retries of a failure for which Graph names no time to wait. Throttling, and an outage whose
	// end Graph names, are bounded by the operation's deadline alone.
	repetitions = 6
	// largestError is how much of an error's body is read, in bytes.
	largestError = 1 << 20
)

// Config says which directory to speak to, and as whom.
type Config struct {
	Origin string       // https origin of Microsoft Graph, without a path
	Client *http.Client // its transport, which must be set, carries the requests; nothing else of it is used
	// Token returns an access token for Microsoft Graph in the tenant meant.
	Token func(ctx context.Context) (string, error)
	// Forget drops a token that Graph refused with HTTP 401, so that Token gives another one; nil: the refusal is final.
	Forget  func(refused string)
	Retries retry.Policy // Limit 0: six times
}

// New returns the directory. No request is made before the first call.
func New(config Config) entra.Directory {
	config.Retries.MaxRetries = cmp.Or(config.Retries.MaxRetries, repetitions)
	return &directory{Config: config, asking: semaphore.NewWeighted(1), resources: map[string]entra.ResourceApplication{}}
}

// directory implements entra.Directory.
type directory struct {
	Config

	asking    *semaphore.Weighted                  // held while an API is asked for
	resources map[string]entra.ResourceApplication // by app ID, as far as they were asked for; guarded by asking
}

// request is one request to Microsoft Graph, by itself or as a part of a batch.
type request struct {
	method        string
	path          string // below the version, escaped, with its query
	prefer        string // the header Prefer; empty: none
	body          []byte // JSON; nil: none
	nonIdempotent bool   // a repetition may do harm, so it is repeated only where Graph says that it did nothing
}

// get builds a reading request.
func get(format string, values ...string) request {
	return request{method: http.MethodGet, path: pathOf(format, values...)}
}

// pathOf puts values into a path or a query, with all that is reserved there escaped (RFC 3986, 2.3).
func pathOf(format string, values ...string) string {
	escaped := make([]any, len(values))
	for i, value := range values {
		escaped[i] = strings.ReplaceAll(url.QueryEscape(value), "+", "%20")
	}
	return fmt.Sprintf(format, escaped...)
}

// quoted writes a text as an OData string literal.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

// header is what the request carries besides its token.
func (r request) header() map[string]string {
	header := map[string]string{"Accept": "application/json"}
	if r.body != nil {
		header["Content-Type"] = "application/json"
	}
	if r.prefer != "" {
		header["Prefer"] = r.prefer
	}
	return header
}

// answer is what a request was answered with: a body, or an error. Neither where it was skipped.
type answer struct {
	body    []byte
	err     error // *entra.Error where Graph answered
	skipped bool  // not tried, since the part of a batch before it failed
	lost    bool  // an attempt of it ended without telling whether Graph had carried it out
}

// send sends a request until its answer is final. Throttling is always repeated, since Graph did not carry the request
// out; other failures only where a repetition does no harm.
func (d *directory) send(ctx context.Context, r request) answer {
	lost, renewed := false, false
	token, err := d.accessToken(ctx)
	for run := d.Retries.Start(); err == nil; {
		got, verdict := d.attempt(ctx, r, token)
		lost = lost || got.lost
		got.lost = lost
		if got.err == nil {
			return got
		}
		if refused := entra.AsError(got.err); refused != nil && refused.Status == http.StatusUnauthorized &&
			d.Forget != nil && !renewed {
			renewed = true
			d.Forget(token)
			fresh, failed := d.accessToken(ctx)
			if failed == nil && fresh == token {
				return got
			}
			token, err = fresh, failed
			continue
		}
		if stopped := run.Wait(ctx, verdict); stopped != nil {
			got.err = cmp.Or(retry.Interrupted(stopped), got.err)
			return got
		}
		token, err = d.accessToken(ctx) // the one before may have expired meanwhile
	}
	return answer{err: err, lost: lost}
}

// accessToken is a token that is not empty.
func (d *directory) accessToken(ctx context.Context) (string, error) {
	token, err := d.Token(ctx)
	if err == nil && token == "" {
		err = errors.New("refused to send a Microsoft Graph request without an access token: signing in gave an empty one")
	}
	return token, err
}

// attempt sends the request once, and judges whether another attempt may be answered otherwise.
func (d *directory) attempt(ctx context.Context, r request, token string) (answer, retry.Verdict) {
	status, header, body, err := d.roundTrip(ctx, r, token)
	if err != nil {
		again := !r.nonIdempotent && ctx.Err() == nil
		reason := fmt.Errorf("Microsoft Graph gave no answer: %w", err)
		return answer{err: err, lost: true}, retry.Verdict{Retry: again, Reason: reason}
	}
	return r.answered(status, header, body)
}

// roundTrip sends the request: method, path and body go out, and status, headers and body come back. An answer of any
// status is not an error, unless the body of a success breaks off.
func (d *directory) roundTrip(ctx context.Context, r request, token string) (int, http.Header, []byte, error) {
	sent, err := http.NewRequestWithContext(ctx, r.method, d.Origin+version+r.path, bytes.NewReader(r.body))
	if err != nil {
		return 0, nil, nil, err
	}
	sent.GetBody = nil // net/http would repeat requests by itself
	for name, value := range r.header() {
		sent.Header.Set(name, value)
	}
	sent.Header.Set("Authorization", "Bearer "+token)
	response, err := d.Client.Transport.RoundTrip(sent) // which follows no redirect
	if err != nil {
		return 0, nil, nil, &url.Error{Op: r.method, URL: sent.URL.Redacted(), Err: err}
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusMultipleChoices {
		body, _ := io.ReadAll(io.LimitReader(response.Body, largestError)) // the status says enough
		return response.StatusCode, response.Header, body, nil
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil, nil, &url.Error{Op: r.method, URL: sent.URL.Redacted(),
			Err: fmt.Errorf("the answer was cut off: %w", err)}
	}
	return response.StatusCode, response.Header, body, nil
}

// answered reads what Graph answered to the request, by itself or in a batch, and judges whether another attempt may be
// answered otherwise.
func (r request) answered(status int, header http.Header, body []byte) (answer, retry.Verdict) {
	if status >= http.StatusOK && status < http.StatusMultipleChoices {
		return answer{body: body}, retry.Verdict{}
	}
	refused := r.refusal(status, header, body)
	verdict := retry.Verdict{Retry: true, Pause: retry.RetryAfter(header),
		Reason: fmt.Errorf("Microsoft Graph answered %w", refused)}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable && verdict.Pause > 0 &&
		!r.nonIdempotent:
		verdict.Unlimited = true
	case refused.Transient():
	case status < http.StatusBadRequest: // such as a redirect, which a repetition meets again
		verdict.Retry = false
	case outcomeUnknown(status):
		verdict.Retry = !r.nonIdempotent
	default:
		verdict.Retry = false
	}
	return answer{err: refused, lost: outcomeUnknown(status)}, verdict
}

// outcomeUnknown reports whether an answer of that status, which is not a success, leaves open if Graph has carried the
// request out.
func outcomeUnknown(status int) bool {
	return status < http.StatusBadRequest || status == http.StatusRequestTimeout ||
		status >= http.StatusInternalServerError && status != http.StatusNotImplemented
}
