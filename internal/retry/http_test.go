package retry

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

// reply is what a service answers one request with; an error means no answer.
type reply struct {
	status     int
	retryAfter string
	body       string
	err        error
	then       func() // before the answer
}

// service answers with one reply after the other; the last one stays. It counts requests, and what they held.
type service struct {
	replies []reply
	bodies  []string
}

func (s *service) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
	}
	s.bodies = append(s.bodies, string(body))
	now := s.replies[min(len(s.bodies), len(s.replies))-1]
	if now.then != nil {
		now.then()
	}
	if now.err != nil {
		return nil, now.err
	}
	header := http.Header{}
	if now.retryAfter != "" {
		header.Set("Retry-After", now.retryAfter)
	}
	return &http.Response{StatusCode: now.status, Header: header, Body: io.NopCloser(strings.NewReader(now.body)),
		Request: r}, nil
}

// ask sends a request, and returns what came of it and the pauses that were made, none of which takes any time.
func (s *service) ask(ctx context.Context, t *testing.T) (*http.Response, []time.Duration, error) {
	t.Helper()
	clock := &retrytest.Clock{}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://127.0.0.1/", strings.NewReader("question"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := Policy{Clock: clock}.Send(&http.Client{Transport: s}, request, ByStatus)
	for _, body := range s.bodies {
		if body != "question" {
			t.Errorf("%q was asked", body)
		}
	}
	return response, clock.Pauses(), err
}

func TestABusyServiceIsWaitedForAsLongAndAsOftenAsItSays(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		s := &service{}
		for range 50 {
			s.replies = append(s.replies, reply{status: status, retryAfter: "7"})
		}
		s.replies = append(s.replies, reply{status: http.StatusOK, body: "answer"})
		response, pauses, err := s.ask(t.Context(), t)
		if err != nil || response.StatusCode != http.StatusOK || len(pauses) != 50 || pauses[49] != 7*time.Second {
			t.Fatalf("%d: %v, %v after %v", status, response, err, pauses)
		}
		if body, _ := io.ReadAll(response.Body); string(body) != "answer" {
			t.Errorf("the answer is %q", body)
		}
	}
}

func TestATimeThatIsNextToNothingIsNotBelievedForLong(t *testing.T) {
	t.Parallel()
	s := &service{replies: append(slices.Repeat([]reply{{status: 429, retryAfter: "0.001"}}, 20), reply{status: 200})}
	_, pauses, err := s.ask(t.Context(), t)
	if err != nil || len(pauses) != 20 || pauses[0] < time.Second/16 || pauses[19] < 30*time.Second/16 ||
		pauses[19] > 30*time.Second/8 {
		t.Errorf("%v after %v", err, pauses)
	}
}

func TestWhatNamesNoTimeIsRepeatedABoundedNumberOfTimes(t *testing.T) {
	t.Parallel()
	for name, failing := range map[string]reply{
		"429": {status: 429}, "503": {status: 503}, "zero": {status: 429, retryAfter: "0"}, "408": {status: 408},
		"502 with a time": {status: 502, retryAfter: "5"},
		"no connection":   {err: errors.New("connection refused")},
	} {
		s := &service{replies: []reply{failing}}
		response, pauses, err := s.ask(t.Context(), t)
		if (err == nil) != (failing.err == nil) || err == nil && response.StatusCode != failing.status || len(pauses) != 3 {
			t.Errorf("%s: %v, %v after %v", name, response, err, pauses)
		}
		for i, pause := range pauses {
			longest := time.Second << i
			if failing.retryAfter == "5" {
				longest = 5 * time.Second
			}
			if pause > longest || pause < longest/2 {
				t.Errorf("%s: the pauses are %v", name, pauses)
			}
		}
	}
	for _, final := range []int{200, 302, 400, 401, 403, 404, 501} {
		s := &service{replies: []reply{{status: final, retryAfter: "1"}}}
		if response, pauses, err := s.ask(t.Context(), t); err != nil || response.StatusCode != final || len(pauses) > 0 {
			t.Errorf("%d: %v, %v after %v", final, response, err, pauses)
		}
	}
}

func TestAPauseThatDoesNotFitIsNotBegunAndTheAnswerSaysWhy(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	s := &service{replies: []reply{{status: 429, retryAfter: "3601"}}}
	if response, pauses, err := s.ask(ctx, t); err != nil || response.StatusCode != 429 || len(pauses) > 0 {
		t.Errorf("%v, %v after %v", response, err, pauses)
	}
	noTime := retrytest.Clock{OnWait: func(context.Context, time.Duration) error { return errors.New("there is no time") }}
	noRoom := Policy{Clock: &noTime}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://127.0.0.1/", nil)
	s = &service{replies: []reply{{status: 429, retryAfter: "1"}}}
	if response, err := noRoom.Send(&http.Client{Transport: s}, request, ByStatus); err != nil ||
		response.StatusCode != 429 || len(s.bodies) != 1 {
		t.Errorf("%v, %v after %d requests", response, err, len(s.bodies))
	}
}

func TestADeadlineInALaterAttemptTellsWhatTheEarlierOneWasAnswered(t *testing.T) {
	t.Parallel()
	ctx := &endless{Context: t.Context()}
	s := &service{replies: []reply{{status: 429, retryAfter: "1"},
		{err: context.DeadlineExceeded, then: func() { ctx.err = context.DeadlineExceeded }}}}
	if response, _, err := s.ask(ctx, t); err != nil || response.StatusCode != 429 {
		t.Errorf("%v, %v", response, err)
	}
}

// endless is a context that ends when the test says so.
type endless struct {
	context.Context
	err error
}

func (e *endless) Err() error { return e.err }

func TestACancelledPauseEndsAndNothingIsSentAfterIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	s := &service{replies: []reply{{status: 429, retryAfter: "600", then: cancel}}}
	if response, _, err := s.ask(ctx, t); !errors.Is(err, context.Canceled) ||
		!strings.Contains(err.Error(), "HTTP 429") || response != nil || len(s.bodies) != 1 {
		t.Errorf("%v, %v after %d requests", response, err, len(s.bodies))
	}
}

func TestADateIsReadByTheClockOfItsAnswer(t *testing.T) {
	t.Parallel()
	const date, later = "Thu, 26 Nov 2020 10:00:00 GMT", "Thu, 26 Nov 2020 10:00:07 GMT"
	if pause := RetryAfter(http.Header{"Retry-After": {later}, "Date": {date}}); pause != 7*time.Second {
		t.Errorf("%s", pause)
	}
	if pause := RetryAfter(http.Header{"Retry-After": {later}}); pause != 0 {
		t.Errorf("without its own clock, years ago is %s", pause)
	}
}
