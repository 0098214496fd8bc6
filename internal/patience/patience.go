// Package patience waits for a service that is busy: as long as it names a time, until the operation's deadline; without
// one, a bounded number of times. It serves the sign-in and Exchange. Microsoft Graph has rules of its own for what may be
// repeated, keeps them in its room, and shares the rest.
package patience

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// failuresBorne is how often a request is repeated that fails without naming a time to wait.
	failuresBorne = 3
	// firstPause doubles with each failure, up to longestPause.
	firstPause   = time.Second
	longestPause = 30 * time.Second
	// Longest is the longest pause that is told apart. A number beyond it would not fit into a duration, and no operation
	// lasts as long.
	Longest = 365 * 24 * time.Hour
	// largestAnswer bounds what is read of an answer, in bytes.
	largestAnswer = 1 << 20
)

// Wait lets a duration pass, or returns the context's error as soon as that is done. Any other error says that there is
// no time for the pause, and none of it has passed.
type Wait func(ctx context.Context, d time.Duration) error

type waitKey struct{}

// With has Do wait by a function of the caller's own: what a pause may take depends on what is asked, and Microsoft's
// client library hands nothing through but the context.
func With(ctx context.Context, wait Wait) context.Context {
	return context.WithValue(ctx, waitKey{}, wait)
}

func waitOf(ctx context.Context) Wait {
	if wait, ok := ctx.Value(waitKey{}).(Wait); ok {
		return wait
	}
	return Timer
}

// Timer is the Wait of the real clock.
func Timer(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// Verdict says whether a request is worth another attempt.
type Verdict struct {
	Again bool          // another attempt may be answered otherwise
	Pause time.Duration // that the answer asks for; 0: it names none
	Busy  bool          // the service is: a pause that it names is waited for as often as it names one
}

// ByStatus judges an answer by its status and its Retry-After.
func ByStatus(response *http.Response, _ []byte) Verdict {
	pause, _ := RetryAfter(response.Header)
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return Verdict{Again: true, Busy: true, Pause: pause}
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return Verdict{Again: true, Pause: pause}
	}
	return Verdict{}
}

// Do sends the request, and sends it again as judge and the time allow. It is for requests whose repetition does no harm,
// and whose body, if any, can be had again (GetBody). The answer's body has been read, and can be read once more. Where
// the deadline ends a later attempt, the answer of the earlier one is returned: it says why it took so long.
func Do(client *http.Client, request *http.Request, judge func(*http.Response, []byte) Verdict) (*http.Response, error) {
	ctx := request.Context()
	var earlier *http.Response
	failures := 0
	for attempts := 1; ; attempts++ {
		response, verdict, err := attempt(client, request, judge)
		if ctx.Err() != nil && err != nil {
			if earlier != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return earlier, nil
			}
			return nil, err
		}
		if !verdict.Again {
			return response, err
		}
		pause := verdict.Pause
		if pause > 0 {
			// A time that is next to nothing is not believed for long: whoever asks again at once stays unwelcome.
			pause = max(pause, BackOff(attempts)/8)
		}
		if !verdict.Busy || pause <= 0 {
			if failures++; failures > failuresBorne {
				return response, err
			}
			if pause <= 0 {
				pause = BackOff(failures)
			}
		}
		if !Fits(ctx, pause) {
			return response, err
		}
		if err == nil {
			earlier = response
		}
		if stopped := waitOf(ctx)(ctx, pause); stopped != nil {
			if errors.Is(ctx.Err(), context.Canceled) {
				return nil, fmt.Errorf("interrupted while waiting to ask %s again: %w", request.URL.Host, context.Cause(ctx))
			}
			return response, err
		}
	}
}

// attempt sends the request once. An answer that breaks off in its middle is none.
func attempt(client *http.Client, request *http.Request, judge func(*http.Response, []byte) Verdict) (*http.Response, Verdict, error) {
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
		return nil, Verdict{Again: !errors.As(err, new(*tls.CertificateVerificationError))}, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, largestAnswer))
	_ = response.Body.Close()
	if err != nil {
		return nil, Verdict{Again: true}, fmt.Errorf("the answer of %s was cut off: %w", request.URL.Host, err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, judge(response, body), nil
}

// RetryAfter reads how long an answer asks to be left alone: seconds, whole or fractional, or an HTTP date (RFC 9110,
// 10.2.3), or Azure's milliseconds. Nothing, zero and the past are no pause. A date is compared with the answer's own
// Date, where it has one: this machine's clock may be wrong.
func RetryAfter(header http.Header) (time.Duration, bool) {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if pause := Duration(header.Get(name), time.Millisecond); pause > 0 {
			return pause, true
		}
	}
	value := strings.TrimSpace(header.Get("Retry-After"))
	if pause := Duration(value, time.Second); pause > 0 {
		return pause, true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	pause := min(date.Sub(now), Longest)
	return max(pause, 0), pause > 0
}

// Duration reads a number of units, at most Longest; 0 where it is none, or not above zero.
func Duration(number string, unit time.Duration) time.Duration {
	count, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(count) || count <= 0 {
		return 0
	}
	if count >= float64(Longest)/float64(unit) {
		return Longest
	}
	return time.Duration(count * float64(unit))
}

// Fits tells whether a pause ends before the operation's deadline. Waiting beyond it would only hide the reason.
func Fits(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > pause
}

// BackOff is the pause after so many failures, from 1. It doubles with each, and up to half of it is taken away at random, so
// that many tenants which failed together do not come back together.
func BackOff(failures int) time.Duration {
	pause := min(firstPause<<min(failures-1, 10), longestPause)
	return pause - rand.N(pause/2)
}
