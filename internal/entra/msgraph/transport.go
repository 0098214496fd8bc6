package msgraph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/patience"
)

const (
	// attempts bounds the retries of a failure for which Graph names no time to wait. Throttling, and an outage whose end
	// Graph names, are bounded by the operation's deadline alone.
	attempts = 6
	// largestError is how much of an error's body is read, in bytes.
	largestError = 1 << 20
)

// transport turns every answer of 400 and above into an *entra.Error, and retries what may be retried: throttling
// always (Graph did not carry the request out), other failures only where a repetition does no harm.
type transport struct {
	next   http.RoundTripper
	wait   patience.Wait
	token  func(context.Context) (string, error)
	forget func(refused string) // nil: a refused token is not replaced
}

type replayable struct{}

// withReplay marks a POST whose repetition does no harm, because Graph recognises the second one.
func withReplay(ctx context.Context) context.Context {
	return context.WithValue(ctx, replayable{}, true)
}

type losable struct{}

// withLost sets lost when an attempt of a request with this context fails in a way that does not tell whether Graph has
// carried it out.
func withLost(ctx context.Context, lost *bool) context.Context {
	return context.WithValue(ctx, losable{}, lost)
}

func noteLost(ctx context.Context) {
	if lost, asked := ctx.Value(losable{}).(*bool); asked {
		*lost = true
	}
}

// untold tells whether an answer of that status leaves open if Graph has carried the request out.
func untold(status int) bool {
	return status >= http.StatusInternalServerError && status != http.StatusNotImplemented || status == http.StatusRequestTimeout
}

func mayRepeat(request *http.Request) bool {
	return request.Method != http.MethodPost || request.Context().Value(replayable{}) != nil
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx := request.Context()
	var body []byte
	if request.Body != nil {
		var err error
		if body, err = io.ReadAll(request.Body); err != nil {
			return nil, err
		}
		_ = request.Body.Close()
	}
	authorization := request.Header.Get("Authorization")
	renewed := false
	for failures := 0; ; failures++ {
		attempt := request.Clone(ctx)
		attempt.Header.Set("Authorization", authorization)
		if body != nil {
			attempt.Body = io.NopCloser(bytes.NewReader(body))
			attempt.ContentLength = int64(len(body))
		}
		response, err := t.next.RoundTrip(attempt)
		if err == nil && response.StatusCode < 400 {
			if response.StatusCode >= 300 {
				_ = response.Body.Close()
				return nil, fmt.Errorf("%s %s was redirected (HTTP %d): a request with a token follows no redirect; look for a proxy in between",
					request.Method, request.URL.Path, response.StatusCode)
			}
			if err = readWhole(response); err == nil {
				return response, nil
			}
			err = fmt.Errorf("%s %s: the answer was cut off: %w", request.Method, request.URL.Path, err)
		}
		var pause time.Duration
		var again bool
		if err == nil { // an answer of 400 or above
			refused := typedError(request, response)
			if untold(refused.Status) {
				noteLost(ctx)
			}
			if refused.Status == http.StatusUnauthorized && t.forget != nil && !renewed {
				renewed = true
				t.forget(strings.TrimPrefix(authorization, bearer))
				fresh, failed := t.token(ctx)
				if failed != nil {
					return nil, failed
				}
				if bearer+fresh == authorization {
					return nil, refused
				}
				authorization = bearer + fresh
				continue
			}
			named, _ := patience.RetryAfter(response.Header)
			pause, again = pauseAfter(refused, named, failures, mayRepeat(request))
			err = refused
		} else {
			noteLost(ctx)
			pause, again = patience.BackOff(failures+1), mayRepeat(request) && failures < attempts && ctx.Err() == nil
		}
		if !again || !patience.Fits(ctx, pause) {
			return nil, err
		}
		if stopped := t.wait(ctx, pause); stopped != nil {
			return nil, errors.Join(stopped, err)
		}
		token, failed := t.token(ctx) // the one before may have expired meanwhile
		if failed != nil {
			return nil, failed
		}
		authorization = bearer + token
	}
}

// readWhole reads the answer's body here, where one that breaks off can still be asked for again.
func readWhole(response *http.Response) error {
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(body))
	return err
}

// pauseAfter says whether, and how long after, a refusal is worth another attempt. named is the time that it names; 0: it
// names none. Where that is next to nothing, it is not believed for long: whoever is throttled and asks at once, again and
// again, is throttled for longer (Microsoft Graph: throttling guidance).
func pauseAfter(refused *entra.Error, named time.Duration, failures int, repeatable bool) (pause time.Duration, again bool) {
	pause = patience.BackOff(failures + 1)
	if named > 0 {
		pause = max(named, pause/8)
	}
	switch {
	case refused.Status == http.StatusTooManyRequests, refused.Status == http.StatusServiceUnavailable && named > 0 && repeatable:
		return pause, true
	case refused.Transient():
		return pause, failures < attempts
	case untold(refused.Status):
		return pause, repeatable && failures < attempts
	}
	return 0, false
}

// typedError reads whatever the body holds: Graph's JSON, a gateway's HTML, or nothing.
func typedError(request *http.Request, response *http.Response) *entra.Error {
	defer func() { _ = response.Body.Close() }()
	body, _ := io.ReadAll(io.LimitReader(response.Body, largestError))
	e := decodeError(response.StatusCode, body)
	e.Method, e.Path = request.Method, request.URL.Path
	if e.RequestID == "" {
		e.RequestID = response.Header.Get("request-id")
	}
	if e.ClientRequestID == "" {
		e.ClientRequestID = response.Header.Get("client-request-id")
	}
	return e
}

// decodeError fills an error from a body. Services behind Graph differ: message and details can be objects, innerError
// can be written in lower case, and any part can be missing.
func decodeError(status int, body []byte) *entra.Error {
	e := &entra.Error{Status: status}
	var envelope struct {
		Error struct {
			Code       string          `json:"code"`
			Message    json.RawMessage `json:"message"`
			Details    json.RawMessage `json:"details"`
			InnerError struct {
				RequestID       string `json:"request-id"`
				ClientRequestID string `json:"client-request-id"`
			} `json:"innerError"` // encoding/json matches innererror, too
		} `json:"error"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		e.Message = plainText(body)
		return e
	}
	e.Code = envelope.Error.Code
	e.RequestID, e.ClientRequestID = envelope.Error.InnerError.RequestID, envelope.Error.InnerError.ClientRequestID
	var wrapped struct {
		Value string `json:"value"`
	}
	if json.Unmarshal(envelope.Error.Message, &e.Message) != nil && json.Unmarshal(envelope.Error.Message, &wrapped) == nil {
		e.Message = wrapped.Value
	}
	var one entra.ErrorDetail
	if json.Unmarshal(envelope.Error.Details, &e.Details) != nil && json.Unmarshal(envelope.Error.Details, &one) == nil {
		e.Details = []entra.ErrorDetail{one}
	}
	return e
}

// plainText makes one line of a body that is not JSON, short enough for a diagnostic.
func plainText(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "")), " ")
	if runes := []rune(text); len(runes) > 200 {
		text = string(runes[:200]) + "…"
	}
	return text
}
