package retry

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// largestAnswer bounds what is read of an answer, in bytes.
const largestAnswer = 1 << 20

// Judge judges an answer whose body has been read.
type Judge = func(answer *http.Response, body []byte) Verdict

// ByStatus judges an answer by its status and its Retry-After.
func ByStatus(response *http.Response, _ []byte) Verdict {
	pause := RetryAfter(response.Header)
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return Verdict{Retry: true, Unlimited: pause > 0, Pause: pause}
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return Verdict{Retry: true, Pause: pause}
	}
	return Verdict{}
}

// Send sends the request, and sends it again as judge and the policy allow. It is for requests whose repetition does no
// harm, and whose body, if any, can be had again (GetBody). No redirect is followed, whatever the client does. The
// answer's body has been read, and can be read once more. Where the deadline ends a later attempt, the answer of the
// earlier one is returned: it says why it took so long. The error is *StoppedError where a pause was interrupted, and
// otherwise why the last attempt got no answer.
func (p Policy) Send(client *http.Client, request *http.Request, judge Judge) (*http.Response, error) {
	ctx := request.Context()
	client = WithoutRedirects(client)
	var earlier *http.Response
	for run := p.Start(); ; {
		response, verdict, err := attempt(client, request, judge)
		if ctx.Err() != nil && err != nil {
			if earlier != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return earlier, nil
			}
			return nil, err
		}
		if err == nil {
			earlier = response
			verdict.Reason = fmt.Errorf("%s answered HTTP %d", request.URL.Host, response.StatusCode)
		} else {
			verdict.Reason = fmt.Errorf("%s gave no answer: %w", request.URL.Host, err)
		}
		stopped := run.Wait(ctx, verdict)
		if interrupted := Interrupted(stopped); interrupted != nil {
			return nil, interrupted
		}
		if stopped != nil {
			return response, err
		}
	}
}

// WithoutRedirects returns the client as one that never takes a secret or a token to where an answer points.
func WithoutRedirects(client *http.Client) *http.Client {
	c := *client
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// attempt sends the request once. An answer that breaks off in its middle is none.
func attempt(client *http.Client, request *http.Request, judge Judge) (*http.Response, Verdict, error) {
	sent := request.Clone(request.Context())
	if request.GetBody != nil {
		body, err := request.GetBody()
		if err != nil {
			return nil, Verdict{}, err
		}
		sent.Body = body
	}
	response, err := client.Do(sent)
	if err != nil {
		// A certificate that is not trusted is not trusted a second later.
		return nil, Verdict{Retry: !errors.As(err, new(*tls.CertificateVerificationError))}, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer))
	_ = response.Body.Close()
	if err != nil {
		return nil, Verdict{Retry: true}, fmt.Errorf("the answer of %s was cut off: %w", request.URL.Host, err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, judge(response, body), nil
}

// RetryAfter is the pause that an answer asks for in Retry-After: seconds, whole or fractional, or an HTTP date (RFC
// 9110, 10.2.3); or in Azure's milliseconds. It is 0 where the answer names no time, zero or the past, and at most
// LongestPause. A date is compared with the answer's own Date, where it has one: this machine's clock may be wrong.
func RetryAfter(header http.Header) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if pause := Duration(header.Get(name), time.Millisecond); pause > 0 {
			return pause
		}
	}
	value := strings.TrimSpace(header.Get("Retry-After"))
	if pause := Duration(value, time.Second); pause > 0 {
		return pause
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return max(min(date.Sub(now), LongestPause), 0)
}

// Duration reads a number of units, at most LongestPause; 0 where it is none, or not above zero.
func Duration(number string, unit time.Duration) time.Duration {
	count, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(count) || count <= 0 {
		return 0
	}
	if count >= float64(LongestPause)/float64(unit) {
		return LongestPause
	}
	return time.Duration(count * float64(unit))
}
