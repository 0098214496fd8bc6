package msgraph

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

func TestARetryAfterOfNothingIsNoLeaveToHammer(t *testing.T) {
	t.Parallel()
	const date = "Thu, 26 Nov 2026 10:00:00 GMT"
	for name, header := range map[string]string{"zero": "0", "a date that is past": "Thu, 26 Nov 2026 09:59:57 GMT",
		"a moment": "0.01"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const refusals = 12
			g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
				if n > refusals {
					organization(w)
					return
				}
				w.Header().Set("Retry-After", header)
				w.Header().Set("Date", date)
				reply(w, http.StatusTooManyRequests, asJSON, `{"error":{"code":"TooManyRequests"}}`)
			})
			directory, clock := g.open(t)
			if _, err := directory.Organization(t.Context()); err != nil {
				t.Fatal(err)
			}
			if first, last := clock.Pauses()[0], clock.Pauses()[refusals-1]; first <= 0 || first > time.Second ||
				last < time.Second {
				t.Errorf("the first pause is %s, the last %s", first, last)
			}
		})
	}
}

func TestARetryAfterThatIsADateCountsByTheClockOfTheAnswer(t *testing.T) {
	t.Parallel()
	g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Date", "Thu, 26 Nov 2099 10:00:00 GMT") // this machine's clock is far behind
			w.Header().Set("Retry-After", "Thu, 26 Nov 2099 10:00:09 GMT")
			reply(w, http.StatusTooManyRequests, asJSON, `{"error":{"code":"TooManyRequests"}}`)
			return
		}
		organization(w)
	})
	directory, clock := g.open(t)
	if _, err := directory.Organization(t.Context()); err != nil || len(clock.Pauses()) != 1 ||
		clock.Pauses()[0] != 9*time.Second {
		t.Errorf("paused %v, %v", clock.Pauses(), err)
	}
}

// Refusals that pass, whatever was asked.
var passing = map[string]string{
	"the directory is not itself": `"status":404,"body":{"error":{"code":"Directory_ObjectNotFound","message":"Unable ` +
		`to read the company information from the directory."}}`,
	"others write, too": `"status":409,"body":{"error":{"code":"Directory_ConcurrencyViolation","message":"Error due to ` +
		`concurrent requests being made to the tenant. Please wait briefly and retry."}}`,
}

func TestARefusalThatPassesIsWaitedOutWhateverWasAsked(t *testing.T) {
	t.Parallel()
	for name, refusal := range passing {
		for what, change := range map[string]entra.Change{
			"a change of an application": entra.ApplicationChange{ObjectID: "o"},
			"a deletion":                 entra.DeleteApplication{ObjectID: "o"},
			"a restore":                  entra.RestoreDeletedItem{ObjectID: "o"},
		} {
			t.Run(name+", "+what, func(t *testing.T) {
				t.Parallel()
				g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
					if n == 1 {
						reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1",`+refusal+`}]}`)
						return
					}
					reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1","status":204}]}`)
				})
				directory, _ := g.open(t)
				if outcome := directory.Write(t.Context(), entra.Sequential, change)[0]; outcome.Err != nil || outcome.Absent ||
					outcome.Lost || g.count() != 2 {
					t.Errorf("%+v after %d requests", outcome, g.count())
				}
			})
		}
	}
}

func TestOnlyTheDirectorysOwnWordMakesAnApplicationAbsent(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"a proxy's page": `"status":404,"headers":{"Content-Type":"text/html"},"body":"PGh0bWw+bm90IGhlcmU8L2h0bWw+"`,
		"an empty body":  `"status":404`,
		"the directory that is not itself, for long": passing["the directory is not itself"],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
				reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1",`+answer+`},{"id":"2",`+answer+`},{"id":"3",`+answer+
					`},{"id":"4",`+answer+`}]}`)
			})
			directory, _ := g.open(t)
			if registration, err := directory.Registration(t.Context(),
				entra.RegistrationRef{ObjectID: "o", ClientID: "c"}); err == nil {
				t.Errorf("it was read as %+v", registration)
			}
		})
	}
}

// answering is a transport that is a function.
type answering func(*http.Request) (*http.Response, error)

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

func TestWhoWaitsForAnotherOperationsAnswerWaitsNoLongerThanAllowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, answer := make(chan struct{}), make(chan struct{})
		api := answeredAlike(`{"responses":[{"id":"1","status":200,"body":{"id":"o","appId":"api"}}]}`)
		directory := New(Config{
			Origin: "https://127.0.0.1", Token: func(context.Context) (string, error) { return "the-token", nil },
			Client: &http.Client{Transport: answering(func(r *http.Request) (*http.Response, error) {
				close(asked)
				<-answer
				return api.RoundTrip(r)
			})},
		})
		first := make(chan error, 1)
		go func() {
			_, err := directory.ResourceApplications(t.Context(), "api")
			first <- err
		}()
		<-asked
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		// The bubble's clock moves only when everybody waits, so this is exact.
		_, err := directory.ResourceApplications(ctx, "api")
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
			t.Errorf("the second operation, after %s: %v", time.Since(began), err)
		}
		close(answer)
		if err := <-first; err != nil {
			t.Error(err)
		}
	})
}

func TestARefusedTokenIsReplacedOnceAndTheRequestRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tokens   []string // given one after the other; the last one again and again
		good     string   // the token that Graph takes
		requests int
	}{
		"replaced":                        {[]string{"old", "new"}, "new", 2},
		"the other one is refused, too":   {[]string{"old", "new"}, "other", 2},
		"there is no other one":           {[]string{"old"}, "new", 1},
		"accepted, and nothing forgotten": {[]string{"old", "new"}, "old", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer "+c.good {
					reply(w, http.StatusUnauthorized, asJSON,
						`{"error":{"code":"InvalidAuthenticationToken","message":"Access token has expired or is not yet valid."}}`)
					return
				}
				reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1","status":201,"body":{"id":"g"}}]}`)
			})
			var forgotten []string
			directory := New(Config{
				Origin: g.URL, Client: g.Client(),
				Token:  func(context.Context) (string, error) { return c.tokens[min(len(forgotten), len(c.tokens)-1)], nil },
				Forget: func(refused string) { forgotten = append(forgotten, refused) },
			})
			outcome := directory.Write(t.Context(), entra.Parallel, entra.GrantAppRole{})[0]
			if refused := entra.AsError(outcome.Err); (refused == nil) != (c.good == c.tokens[min(c.requests,
				len(c.tokens))-1]) || refused != nil && refused.Status != http.StatusUnauthorized {
				t.Errorf("%+v", outcome)
			}
			if g.count() != c.requests || len(forgotten) > 1 || len(forgotten) == 1 && forgotten[0] != "old" {
				t.Errorf("%d requests, forgotten %q", g.count(), forgotten)
			}
		})
	}
}

func TestAfterALongWaitTheRequestCarriesTheTokenOfThen(t *testing.T) {
	t.Parallel()
	g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Retry-After", "3600")
			reply(w, http.StatusTooManyRequests, asJSON, `{"error":{"code":"TooManyRequests"}}`)
			return
		}
		organization(w)
	})
	token := "before"
	clock := &retrytest.Clock{OnWait: func(context.Context, time.Duration) error { token = "after"; return nil }}
	directory := New(Config{
		Origin: g.URL, Client: g.Client(),
		Token:   func(context.Context) (string, error) { return token, nil },
		Retries: retry.Policy{Clock: clock},
	})
	if _, err := directory.Organization(t.Context()); err != nil {
		t.Fatal(err)
	}
	if first, second := g.requests[0].authorization, g.requests[1].authorization; first != "Bearer before" ||
		second != "Bearer after" {
		t.Errorf("sent with %q, and then with %q", first, second)
	}
}

func TestAnInterruptedPauseEndsWithWhatGraphAnsweredLast(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(context.Context, entra.Directory) error{
		"a request": func(ctx context.Context, d entra.Directory) error { _, err := d.Organization(ctx); return err },
		"a part of a batch": func(ctx context.Context, d entra.Directory) error {
			_, err := d.User(ctx, "a@b.example")
			return err
		},
	} {
		g := serve(t, func(_ int, w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/$batch") {
				reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1","status":429},{"id":"2","status":200,`+
					`"body":{"value":[]}}]}`)
				return
			}
			reply(w, http.StatusTooManyRequests, asJSON, `{}`)
		})
		directory, clock := g.open(t)
		ctx, cancel := context.WithCancel(t.Context())
		clock.OnWait = func(context.Context, time.Duration) error { cancel(); return nil }
		err := ask(ctx, directory)
		if refused := entra.AsError(err); !errors.Is(err, context.Canceled) || refused == nil || refused.Status != 429 ||
			g.count() != 1 {
			t.Errorf("%s: %d requests, and the error is %v", name, g.count(), err)
		}
	}
}
