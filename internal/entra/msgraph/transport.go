package msgraph

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	abstractions "github.com/microsoft/kiota-abstractions-go"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

const (
	// repetitions bounds the retries of a failure for which Graph names no time to wait. Throttling, and an outage whose end
	// Graph names, are bounded by the operation's deadline alone.
	repetitions = 6
	// largestError is how much of an error's body is read, in bytes.
	largestError = 1 << 20
)

// send sends a request until its answer is final, and returns the body of a success. Every answer of 400 and above is an
// *entra.Error. Throttling is always repeated, since Graph did not carry the request out; other failures only where repeat
// says that a repetition does no harm. lost: an attempt failed in a way that leaves open whether Graph carried it out.
func (d *directory) send(ctx context.Context, info *abstractions.RequestInformation, repeat bool) (body []byte, lost bool, err error) {
	target, err := info.GetUri()
	if err != nil {
		return nil, false, fmt.Errorf("building a Microsoft Graph request: %w", err)
	}
	// A next link, for one, comes from the other side.
	if origin := target.Scheme + "://" + target.Host; !strings.EqualFold(origin, d.Origin) {
		return nil, false, fmt.Errorf("refused to send a Microsoft Graph request to %s: the configured origin is %s", origin, d.Origin)
	}
	renewed := false
	token, err := d.accessToken(ctx)
	for run := d.Retries.Start(); err == nil; {
		var verdict retry.Verdict
		body, verdict, err = d.attempt(ctx, info, target, token, repeat)
		if err == nil {
			return body, lost, nil
		}
		refused := entra.AsError(err)
		lost = lost || refused == nil || untold(refused.Status)
		if refused != nil && refused.Status == http.StatusUnauthorized && d.Forget != nil && !renewed {
			renewed = true
			d.Forget(token)
			fresh, failed := d.accessToken(ctx)
			if failed == nil && fresh == token {
				return nil, lost, err
			}
			token, err = fresh, failed
			continue
		}
		if stopped := run.Again(ctx, verdict); stopped != nil {
			return nil, lost, cmp.Or(retry.Interrupted(stopped), err)
		}
		token, err = d.accessToken(ctx) // the one before may have expired meanwhile
	}
	return nil, lost, err
}

// attempt sends the request once, and reads its answer.
func (d *directory) attempt(ctx context.Context, info *abstractions.RequestInformation, target *url.URL, token string, repeat bool) ([]byte, retry.Verdict, error) {
	request, err := http.NewRequestWithContext(ctx, info.Method.String(), target.String(), bytes.NewReader(info.Content))
	if err != nil {
		return nil, retry.Verdict{}, err
	}
	request.GetBody = nil // net/http would repeat requests by itself
	for _, name := range info.Headers.ListKeys() {
		for _, value := range info.Headers.Get(name) {
			request.Header.Add(name, value)
		}
	}
	request.Header.Set("Authorization", "Bearer "+token)
	var body []byte
	response, err := d.Client.Transport.RoundTrip(request)
	if err == nil {
		defer func() { _ = response.Body.Close() }()
		switch {
		case response.StatusCode >= http.StatusBadRequest:
			refused := typedError(request, response)
			return nil, judge(refused, retry.After(response.Header), repeat), refused
		case response.StatusCode >= http.StatusMultipleChoices:
			return nil, retry.Verdict{}, fmt.Errorf("%s %s was redirected (HTTP %d): a request with a token follows no redirect; look for a proxy in between",
				request.Method, target.Path, response.StatusCode)
		}
		if body, err = io.ReadAll(response.Body); err == nil {
			return body, retry.Verdict{}, nil
		}
		err = fmt.Errorf("the answer was cut off: %w", err)
	}
	err = &url.Error{Op: request.Method, URL: target.Redacted(), Err: err}
	return nil, retry.Verdict{Again: repeat && ctx.Err() == nil, Reason: fmt.Errorf("Microsoft Graph gave no answer: %w", err)}, err
}

// accessToken is a token that is not empty.
func (d *directory) accessToken(ctx context.Context) (string, error) {
	token, err := d.Token(ctx)
	if err == nil && token == "" {
		err = errors.New("refused to send a Microsoft Graph request without an access token: signing in gave an empty one")
	}
	return token, err
}

// untold reports whether an answer of that status leaves open if Graph has carried the request out.
func untold(status int) bool {
	return status >= http.StatusInternalServerError && status != http.StatusNotImplemented || status == http.StatusRequestTimeout
}

// judge decides whether a refusal is worth another attempt. named is the time that it names; 0: it names none.
func judge(refused *entra.Error, named time.Duration, repeatable bool) retry.Verdict {
	verdict := retry.Verdict{Again: true, Pause: named, Reason: fmt.Errorf("Microsoft Graph answered %w", refused)}
	switch {
	case refused.Status == http.StatusTooManyRequests, refused.Status == http.StatusServiceUnavailable && named > 0 && repeatable:
		verdict.Unlimited = true
	case refused.Transient():
	case untold(refused.Status):
		verdict.Again = repeatable
	default:
		verdict.Again = false
	}
	return verdict
}

// typedError reads whatever the body holds: Graph's JSON, a gateway's HTML, or nothing.
func typedError(request *http.Request, response *http.Response) *entra.Error {
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
