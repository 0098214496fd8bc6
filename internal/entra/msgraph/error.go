package msgraph

import (
	"cmp"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// refusal reads whatever the body of an answer holds that is not a success: Graph's JSON, a gateway's HTML, or nothing.
func (r request) refusal(status int, header http.Header, body []byte) *entra.Error {
	e := decodeError(status, body)
	if status < http.StatusBadRequest {
		e.Message = "the answer is neither a success nor an error. A request with a token follows no redirect: look for a " +
			"proxy in between"
	}
	e.Method = r.method
	path, _, _ := strings.Cut(r.path, "?")
	if unescaped, err := url.PathUnescape(path); err == nil {
		path = unescaped
	}
	e.Path = version + path
	e.RequestID = cmp.Or(e.RequestID, header.Get("request-id"))
	e.ClientRequestID = cmp.Or(e.ClientRequestID, header.Get("client-request-id"))
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
	if json.Unmarshal(envelope.Error.Message, &e.Message) != nil &&
		json.Unmarshal(envelope.Error.Message, &wrapped) == nil {
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
