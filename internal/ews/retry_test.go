package ews

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

const anAddress = "https://127.0.0.1"

// questions are all that is asked of Exchange, with an answer that is one.
var questions = map[string]struct {
	ask    func(context.Context, *Client) error
	answer func(client *Client) string
}{
	"GetFolder": {
		func(ctx context.Context, c *Client) error {
			_, err := c.Folder(ctx, c.DefaultEWSURL(), mailbox, Inbox, Route{})
			return err
		},
		func(*Client) string { return inResponse("Success", publicFolderRoot) },
	},
	"FindFolder": {
		func(ctx context.Context, c *Client) error {
			_, err := impersonation{client: c, ewsURL: c.DefaultEWSURL(), mailbox: mailbox}.find(ctx, publicFoldersRoot,
				[]string{"Sales"}, 0)
			return err
		},
		func(*Client) string {
			return inFound("Success", `<m:RootFolder IncludesLastItemInRange="true"><t:Folders/></m:RootFolder>`)
		},
	},
	"Autodiscover": {
		func(ctx context.Context, c *Client) error { _, err := c.EWSURL(ctx, mailbox); return err },
		func(c *Client) string { return `{"Url":"` + c.DefaultEWSURL() + `"}` },
	},
	"GetUserSettings": {
		func(ctx context.Context, c *Client) error { _, err := c.PublicFolderRoute(ctx, mailbox); return err },
		func(*Client) string { return inSettings("NoError", "") },
	},
}

// then answers with the first ones, and after them well.
func then(t *testing.T, name string, first ...func(http.ResponseWriter, *http.Request)) (*Client, *[]*http.Request) {
	var client *Client
	asked := 0
	client, requests, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked <= len(first) {
			first[asked-1](w, r)
			return
		}
		answering(http.StatusOK, questions[name].answer(client))(w, r)
	})
	return client, requests
}

const wait7s = `<t:Value Name="BackOffMilliseconds">7000</t:Value>`

func TestABusyExchangeIsWaitedForAsLongAndAsOftenAsItSays(t *testing.T) {
	t.Parallel()
	date, later := "Thu, 26 Nov 2020 10:00:00 GMT", "Thu, 26 Nov 2020 10:00:07 GMT" // its clock is years behind
	for how, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"429 and seconds": answering(http.StatusTooManyRequests, "", "Retry-After", "7"),
		"503 and seconds": answering(http.StatusServiceUnavailable, "<html>", "Retry-After", "7"),
		"429 and a date":  answering(http.StatusTooManyRequests, "", "Retry-After", later, "Date", date),
		"503 and a date":  answering(http.StatusServiceUnavailable, "", "Retry-After", later, "Date", date),
		"ErrorServerBusy": answering(http.StatusInternalServerError, inFault("ErrorServerBusy", "busy", wait7s)),
		"ErrorServerBusy in HTTP 200": answering(http.StatusOK,
			inResponse("Error", "<m:ResponseCode>ErrorServerBusy</m:ResponseCode><m:MessageXml>"+wait7s+"</m:MessageXml>")),
	} {
		for name, question := range questions {
			if strings.HasPrefix(how, "Error") && name != "GetFolder" {
				continue // a code of EWS
			}
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				client, requests := then(t, name, slices.Repeat([]func(http.ResponseWriter, *http.Request){answer}, 9)...)
				clock := &retrytest.Clock{}
				if err := question.ask(t.Context(), waiting(client, retry.Policy{Clock: clock})); err != nil {
					t.Error(err)
				}
				if want := slices.Repeat([]time.Duration{7 * time.Second}, 9); len(*requests) != 10 ||
					!slices.Equal(clock.Pauses(), want) {
					t.Errorf("%d requests, with the pauses %s", len(*requests), clock.Pauses())
				}
			})
		}
	}
}

func TestAnExchangeThatFailsIsAskedABoundedNumberOfTimesAndARefusalOnce(t *testing.T) {
	t.Parallel()
	for how, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		asked  int
	}{
		"429 without a time":   {answering(429, ""), 4},
		"502 of a proxy":       {answering(502, "<html>"), 4},
		"504":                  {answering(504, ""), 4},
		"403":                  {answering(403, ""), 1},
		"a redirect":           {answering(302, "", "Location", "https://elsewhere.example/"), 1},
		"a code of its own":    {answering(500, inFault("ErrorNonExistentMailbox", "", "")), 1},
		"a busy one, untimed":  {answering(500, inFault("ErrorServerBusy", "", "")), 4},
		"a page with HTTP 200": {answering(200, "<html>"), 1},
	} {
		for name, question := range questions {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				client, requests, _ := serve(t, c.answer)
				clock := &retrytest.Clock{}
				err := question.ask(t.Context(), waiting(client, retry.Policy{Clock: clock}))
				if _, answered := errors.AsType[*Error](err); !answered || len(*requests) != c.asked ||
					len(clock.Pauses()) != c.asked-1 {
					t.Errorf("%d requests, with the pauses %s: %v", len(*requests), clock.Pauses(), err)
				}
			})
		}
	}
}

func TestAPauseBeyondTheDeadlineIsNotBegunAndTheErrorSaysHowLongItWouldBe(t *testing.T) {
	t.Parallel()
	for name, question := range questions {
		client, requests, _ := serve(t, answering(429, "", "Retry-After", "9223372036855"))
		clock := &retrytest.Clock{}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		err := question.ask(ctx, waiting(client, retry.Policy{Clock: clock}))
		cancel()
		if failure, ok := errors.AsType[*Error](err); !ok || failure.Status != 429 || failure.BackOff != retry.LongestPause ||
			len(*requests) != 1 || len(clock.Pauses()) > 0 {
			t.Errorf("%s: %d requests, with the pauses %s: %+v", name, len(*requests), clock.Pauses(), err)
		}
	}
}

// tokens gives a new token after each that was forgotten, up to the last one.
type tokens struct {
	given, last int
	forgotten   []string
}

func (s *tokens) token(context.Context) (string, error) { return fmt.Sprint("token ", s.given), nil }

func (s *tokens) forget(refused string) {
	s.forgotten = append(s.forgotten, refused)
	s.given = min(s.given+1, s.last)
}

func TestATokenThatIsRefusedIsReplacedOnce(t *testing.T) {
	t.Parallel()
	for how, c := range map[string]struct {
		refused, last, asked int // tokens that Exchange refuses; the last token there is; the requests it takes
	}{
		"the next one is taken":       {1, 9, 2},
		"the next one is refused too": {9, 9, 2},
		"there is no other one":       {9, 0, 1},
	} {
		for name, question := range questions {
			if name == "Autodiscover" {
				continue // it takes no token
			}
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				client, requests := then(t, name, slices.Repeat([]func(http.ResponseWriter, *http.Request){answering(401, "")},
					c.refused)...)
				source := &tokens{last: c.last}
				renewing := New(anAddress, client.http, retry.Policy{}, source.token).Renewing(source.forget)
				renewing.origin = client.origin
				err := question.ask(t.Context(), renewing)
				if failure, refused := errors.AsType[*Error](err); refused != (c.refused > 1) || refused && failure.Status != 401 {
					t.Errorf("the error is %v", err)
				}
				if len(*requests) != c.asked || !slices.Equal(source.forgotten, []string{"token 0"}) {
					t.Fatalf("%d requests, forgotten: %s", len(*requests), source.forgotten)
				}
				var carried []string
				for _, request := range *requests {
					carried = append(carried, request.Header.Get("Authorization"))
				}
				if want := []string{"Bearer token 0", "Bearer token 1"}[:c.asked]; !slices.Equal(carried, want) {
					t.Errorf("the requests carry %q, want %q", carried, want)
				}
			})
		}
	}
}

func TestNothingIsAskedWithoutAToken(t *testing.T) {
	t.Parallel()
	client, requests, _ := serve(t, answering(200, ""))
	bare := New(client.origin, client.http, retry.Policy{}, func(context.Context) (string, error) { return "", nil })
	for name, question := range questions {
		if name == "Autodiscover" {
			continue // it takes no token
		}
		if err := question.ask(t.Context(), bare); err == nil || !strings.Contains(err.Error(), "without an access token") ||
			len(*requests) > 0 {
			t.Errorf("%s: %d requests, %v", name, len(*requests), err)
		}
	}
}
