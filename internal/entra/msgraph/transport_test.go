package msgraph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

// graph is a server that answers with what a test prepared, and remembers what it was asked.
type graph struct {
	*httptest.Server
	mu       sync.Mutex
	requests []seen
	answer   func(n int, w http.ResponseWriter, r *http.Request) // n counts from 1
}

type seen struct {
	method, path, query, authorization, encoding, body string
}

func serve(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *graph {
	t.Helper()
	g := &graph{answer: answer}
	g.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		g.mu.Lock()
		g.requests = append(g.requests, seen{r.Method, r.URL.Path, r.URL.RawQuery, r.Header.Get("Authorization"),
			r.Header.Get("Content-Encoding"), string(body)})
		n := len(g.requests)
		g.mu.Unlock()
		g.answer(n, w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *graph) count() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.requests)
}

// open returns the directory on the server, and the clock whose pauses it makes.
func (g *graph) open(t *testing.T) (entra.Directory, *retrytest.Clock) {
	t.Helper()
	clock := &retrytest.Clock{}
	return New(Config{
		Origin:  g.URL,
		Client:  g.Client(),
		Token:   func(context.Context) (string, error) { return "the-token", nil },
		Retries: retry.Policy{Clock: clock},
	}), clock
}

func reply(w http.ResponseWriter, status int, contentType, body string) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

const asJSON = "application/json"

func organization(w http.ResponseWriter) {
	reply(w, http.StatusOK, asJSON, `{"value":[{"id":"t","displayName":"Contoso",`+
		`"verifiedDomains":[{"name":"contoso.com","isDefault":true}]}]}`)
}

func TestEveryBodyOfAnErrorBecomesOneTypedError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status      int
		contentType string
		body        string
		want        entra.Error
	}{
		"as documented": {http.StatusForbidden, asJSON,
			`{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation.",` +
				`"details":[{"code":"d","message":"m","target":"t"}],"innerError":{"date":"2026-11-23T10:00:00",` +
				`"request-id":"r-1","client-request-id":"c-1"}}}`,
			entra.Error{Status: 403, Code: "Authorization_RequestDenied", Message: "Insufficient privileges to complete the " +
				"operation.", RequestID: "r-1", ClientRequestID: "c-1"}},
		"inner error in lower case": {http.StatusBadRequest, asJSON,
			`{"error":{"code":"c","message":"m","innererror":{"request-id":"r-2"}}}`,
			entra.Error{Status: 400, Code: "c", Message: "m", RequestID: "r-2"}},
		"message and details as objects": {http.StatusBadRequest, asJSON,
			`{"error":{"code":"c","message":{"lang":"en","value":"inside"},"details":{"code":"d"}}}`,
			entra.Error{Status: 400, Code: "c", Message: "inside", RequestID: "header-id"}},
		"an empty object": {http.StatusBadRequest, asJSON, `{}`, entra.Error{Status: 400, RequestID: "header-id"}},
		"an error without a message": {http.StatusBadRequest, asJSON, `{"error":{"code":"c"}}`,
			entra.Error{Status: 400, Code: "c", RequestID: "header-id"}},
		"a gateway's HTML": {http.StatusNotFound, "text/html", "<html>\n<b>Not here</b></html>",
			entra.Error{Status: 404, Message: "<html> <b>Not here</b></html>", RequestID: "header-id"}},
		"nothing": {http.StatusUnauthorized, "", "", entra.Error{Status: 401, RequestID: "header-id"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("request-id", "header-id")
				reply(w, c.status, c.contentType, c.body)
			})
			directory, _ := g.open(t)
			_, err := directory.Organization(t.Context())
			got := entra.AsError(err)
			if got == nil {
				t.Fatalf("no typed error in %v", err)
			}
			if got.Status != c.want.Status || got.Code != c.want.Code || got.Message != c.want.Message ||
				got.RequestID != c.want.RequestID || got.ClientRequestID != c.want.ClientRequestID {
				t.Errorf("got %+v\nwant %+v", got, c.want)
			}
			if got.Method != "GET" || got.Path != "/v1.0/organization" {
				t.Errorf("the error does not name the call: %s %s", got.Method, got.Path)
			}
			if text := err.Error(); !strings.Contains(text, "/v1.0/organization") {
				t.Errorf("the text does not name the call: %s", text)
			}
		})
	}
}

func TestWhatGraphNamesATimeForIsWaitedOutAsOftenAsItDoes(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
			if n <= 8 { // more often than other failures are retried
				w.Header().Set("Retry-After", "17")
				reply(w, status, asJSON, `{"error":{"code":"x"}}`)
				return
			}
			organization(w)
		})
		directory, clock := g.open(t)
		if _, err := directory.Organization(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(clock.Pauses()) != 8 || clock.Pauses()[0] != 17*time.Second {
			t.Errorf("after %d paused %v, want eight times 17s", status, clock.Pauses())
		}
	}
}

func TestThrottlingBeyondTheDeadlineFailsAtOnceWithTheReason(t *testing.T) {
	t.Parallel()
	g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "3600")
		reply(w, http.StatusTooManyRequests, asJSON, `{"error":{"code":"TooManyRequests","message":"slow down"}}`)
	})
	directory, clock := g.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := directory.Organization(ctx)
	if e := entra.AsError(err); e == nil || e.Status != http.StatusTooManyRequests {
		t.Errorf("got %v, want the throttling itself", err)
	}
	if len(clock.Pauses()) != 0 {
		t.Errorf("waited %v although the deadline comes first", clock.Pauses())
	}
}

func TestAWriteThatGraphMayHaveCarriedOutIsRepeatedOnlyWhereThatIsHarmless(t *testing.T) {
	t.Parallel()
	name := "x"
	for label, c := range map[string]struct {
		write    func(entra.Directory) error
		repeated bool
	}{
		"the upsert": {func(d entra.Directory) error {
			_, _, err := d.UpsertApplication(context.Background(), "u", entra.ApplicationChange{DisplayName: &name})
			return err
		}, true},
		"a grant, which is recognised": {func(d entra.Directory) error {
			return d.Write(context.Background(), entra.Parallel, entra.GrantAppRole{})[0].Err
		}, true},
		"a restore, which is not": {func(d entra.Directory) error {
			return d.Write(context.Background(), entra.Sequential, entra.RestoreDeletedItem{ObjectID: "o"})[0].Err
		}, false},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
				reply(w, http.StatusGatewayTimeout, "text/html", "gateway")
			})
			directory, _ := g.open(t)
			err := c.write(directory)
			if e := entra.AsError(err); e == nil || e.Status != http.StatusGatewayTimeout {
				t.Fatalf("got %v, want the gateway's 504", err)
			}
			if repeated := g.count() > 1; repeated != c.repeated {
				t.Errorf("sent %d times; repeated is %v, want %v", g.count(), repeated, c.repeated)
			}
		})
	}
}

func TestAnAnswerThatBreaksOffIsAskedForAgain(t *testing.T) {
	t.Parallel()
	g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Content-Type", asJSON)
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"value":[`)
			panic(http.ErrAbortHandler)
		}
		organization(w)
	})
	directory, _ := g.open(t)
	if found, err := directory.Organization(t.Context()); err != nil || found.DisplayName != "Contoso" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestARepeatedWriteCarriesTheSameBodyUncompressed(t *testing.T) {
	t.Parallel()
	g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n < 3 {
			reply(w, http.StatusServiceUnavailable, "", "")
			return
		}
		reply(w, http.StatusCreated, asJSON, `{"id":"o","appId":"a","displayName":"CodeTwo"}`)
	})
	directory, _ := g.open(t)
	name := "CodeTwo"
	application, _, err := directory.UpsertApplication(t.Context(), "codetwo-target-1",
		entra.ApplicationChange{DisplayName: &name})
	if err != nil || application == nil || application.ObjectID != "o" {
		t.Fatalf("got %+v, %v", application, err)
	}
	for i, request := range g.requests {
		if request.body != g.requests[0].body || !strings.Contains(request.body, `"displayName":"CodeTwo"`) ||
			request.encoding != "" {
			t.Errorf("attempt %d: encoding %q, body %q", i+1, request.encoding, request.body)
		}
		if request.path != "/v1.0/applications(uniqueName='codetwo-target-1')" {
			t.Errorf("attempt %d went to %s", i+1, request.path)
		}
	}
}

func TestAnUpsertThatFindsTheApplicationSaysWhetherItMayHaveCreatedIt(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{http.StatusNoContent: false, http.StatusGatewayTimeout: true,
		http.StatusTooManyRequests: false} {
		g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
			if n == 1 {
				w.WriteHeader(status)
				return
			}
			w.WriteHeader(http.StatusNoContent)
		})
		directory, _ := g.open(t)
		name := "x"
		application, lost, err := directory.UpsertApplication(t.Context(), "u", entra.ApplicationChange{DisplayName: &name})
		if application != nil || lost != want || err != nil {
			t.Errorf("after %d: %v, lost %v, %v", status, application, lost, err)
		}
	}
}

func TestARedirectedUpsertIsNotRepeatedAndMayHaveBeenCarriedOut(t *testing.T) {
	t.Parallel()
	g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTemporaryRedirect) })
	directory, _ := g.open(t)
	_, lost, err := directory.UpsertApplication(t.Context(), "u", entra.ApplicationChange{})
	if err == nil || !strings.Contains(err.Error(), "redirect") || !lost || g.count() != 1 {
		t.Errorf("%d requests, lost %v, %v", g.count(), lost, err)
	}
}

func TestNoRequestLeavesTheConfiguredOrigin(t *testing.T) {
	t.Parallel()
	stranger := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { organization(w) })
	for name, answer := range map[string]func(w http.ResponseWriter){
		"by a next link": func(w http.ResponseWriter) {
			reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1","status":200,"body":{"value":[],"@odata.nextLink":"`+
				stranger.URL+`/v1.0/applications?$skiptoken=x"}},{"id":"2","status":200,"body":{"value":[]}}]}`)
		},
		"by a redirect": func(w http.ResponseWriter) {
			w.Header().Set("Location", stranger.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { answer(w) })
			directory, _ := g.open(t)
			if _, err := directory.Search(t.Context(), entra.SearchQuery{DisplayName: "x"}); err == nil {
				t.Error("no error")
			}
			if stranger.count() != 0 {
				t.Errorf("a stranger received %+v", stranger.requests)
			}
		})
	}
}

func TestNoRequestIsSentWithoutAToken(t *testing.T) {
	t.Parallel()
	g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) { organization(w) })
	failed := errors.New("signing in failed")
	for _, token := range []func(context.Context) (string, error){
		func(context.Context) (string, error) { return "", failed },
		func(context.Context) (string, error) { return "", nil },
	} {
		directory := New(Config{Origin: g.URL, Client: g.Client(), Token: token})
		if _, err := directory.Organization(t.Context()); err == nil {
			t.Error("no error")
		}
	}
	if g.count() != 0 {
		t.Errorf("sent %+v", g.requests)
	}
	directory, _ := g.open(t)
	if _, err := directory.Organization(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := g.requests[0].authorization; got != "Bearer the-token" {
		t.Errorf("Authorization: %q", got)
	}
}
