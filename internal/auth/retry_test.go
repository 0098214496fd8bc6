package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

// busy are the ways in which a service asks to be left alone for seventy seconds, more than Microsoft's client library
// allows by itself. Its clock is years behind.
var busy = map[string]func(http.ResponseWriter){
	"429 and seconds": func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "70")
		w.WriteHeader(http.StatusTooManyRequests)
	},
	"503 and seconds": func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "70")
		w.WriteHeader(http.StatusServiceUnavailable)
	},
	"429 and a date": func(w http.ResponseWriter) {
		w.Header().Set("Date", "Thu, 26 Nov 2020 10:00:00 GMT")
		w.Header().Set("Retry-After", "Thu, 26 Nov 2020 10:01:10 GMT")
		w.WriteHeader(http.StatusTooManyRequests)
	},
	"503 and a date": func(w http.ResponseWriter) {
		w.Header().Set("Date", "Thu, 26 Nov 2020 10:00:00 GMT")
		w.Header().Set("Retry-After", "Thu, 26 Nov 2020 10:01:10 GMT")
		w.WriteHeader(http.StatusServiceUnavailable)
	},
}

// questions are all that this package asks of others, each put to a server.
var questions = map[string]func(context.Context, *testing.T, *httptest.Server, retry.Policy) error{
	"a token": func(ctx context.Context, t *testing.T, server *httptest.Server, retries retry.Policy) error {
		app, err := NewApp(App{TenantID: tenantA, ClientID: client1, ClientSecret: secret1}, Endpoints{Login: server.URL},
			trusting(t, server), retries)
		if err != nil {
			t.Fatal(err)
		}
		_, err = app.Token(ctx, graphScope)
		return err
	},
	"a tenant": func(ctx context.Context, t *testing.T, server *httptest.Server, retries retry.Policy) error {
		return Discover(ctx, Endpoints{Login: server.URL}, trusting(t, server), retries, tenantA)
	},
	"GitHub's token": func(ctx context.Context, t *testing.T, server *httptest.Server, retries retry.Policy) error {
		w := wire{endpoints: GlobalEndpoints(), client: trusting(t, server), retries: retries}
		_, err := w.gitHubToken(GitHubOIDC{RequestURL: server.URL + "/token", RequestToken: "bearer"})(ctx)
		return err
	},
	"Azure Pipelines' token": func(
		ctx context.Context, t *testing.T, server *httptest.Server, retries retry.Policy,
	) error {
		w := wire{endpoints: GlobalEndpoints(), client: trusting(t, server), retries: retries}
		_, err := w.azureDevOpsToken(AzureDevOpsOIDC{RequestURL: server.URL + "/oidctoken", RequestToken: "bearer"})(ctx)
		return err
	},
}

// answering is a server whose first answers are the given ones. What follows is an answer to each of the questions.
func answering(t *testing.T, first ...func(http.ResponseWriter)) (server *httptest.Server, asked *int) {
	asked = new(int)
	server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if *asked++; *asked <= len(first) {
			first[*asked-1](w)
			return
		}
		writeJSON(w, http.StatusOK, map[string]any{
			"token_type": "Bearer", "expires_in": 3599, "access_token": tokenOf(tenantA), "token_endpoint": "x", "value": "x",
			"oidcToken": "x",
		})
	}))
	t.Cleanup(server.Close)
	return server, asked
}

func TestEveryServiceThatIsBusyIsWaitedForAsLongAsItSays(t *testing.T) {
	for name, ask := range questions {
		for how, answer := range busy {
			t.Run(name+", "+how, func(t *testing.T) {
				server, asked := answering(t, slices.Repeat([]func(http.ResponseWriter){answer}, 9)...)
				clock := &retrytest.Clock{}
				if err := ask(t.Context(), t, server, retry.Policy{Clock: clock}); err != nil {
					t.Error(err)
				}
				if want := slices.Repeat([]time.Duration{70 * time.Second}, 9); *asked != 10 ||
					!slices.Equal(clock.Pauses(), want) {
					t.Errorf("%d requests, with the pauses %s", *asked, clock.Pauses())
				}
			})
		}
	}
}

func TestEveryServiceThatFailsIsAskedABoundedNumberOfTimes(t *testing.T) {
	for name, ask := range questions {
		for _, status := range []int{408, 429, 500, 502, 503, 504, 0} {
			t.Run(fmt.Sprintf("%s, %d", name, status), func(t *testing.T) {
				server, asked := answering(t, slices.Repeat([]func(http.ResponseWriter){func(w http.ResponseWriter) {
					if status == 0 {
						panic(http.ErrAbortHandler)
					}
					w.WriteHeader(status)
				}}, 100)...)
				server.Config.ErrorLog = nil
				clock := &retrytest.Clock{}
				err := ask(t.Context(), t, server, retry.Policy{Clock: clock})
				if err == nil || *asked != 4 && status != 0 || *asked < 4 || len(clock.Pauses()) != 3 {
					t.Errorf("%d requests, with the pauses %s: %v", *asked, clock.Pauses(), err)
				}
				if status != 0 && !strings.Contains(err.Error(), fmt.Sprint("HTTP ", status)) {
					t.Errorf("the error does not say what was answered: %v", err)
				}
			})
		}
	}
}

func TestAPauseBeyondTheDeadlineIsNotBegunAndTheErrorSaysWhatWasAnswered(t *testing.T) {
	for name, ask := range questions {
		t.Run(name, func(t *testing.T) {
			server, asked := answering(t, func(w http.ResponseWriter) {
				w.Header().Set("Retry-After", "9223372036855")
				w.WriteHeader(http.StatusTooManyRequests)
			})
			clock := &retrytest.Clock{}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if err := ask(ctx, t, server, retry.Policy{Clock: clock}); err == nil ||
				!strings.Contains(err.Error(), "HTTP 429") || *asked != 1 || len(clock.Pauses()) > 0 {
				t.Errorf("%d requests, with the pauses %s: %v", *asked, clock.Pauses(), err)
			}
		})
	}
}

// held is a credential that answers when the test lets it, and not before.
type held struct{ entered, release chan struct{} }

func (h held) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	h.entered <- struct{}{}
	<-h.release
	return azcore.AccessToken{Token: "given"}, nil
}

func TestWhoWaitsBehindAnotherSignInHasADeadlineOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		credential := held{make(chan struct{}), make(chan struct{})}
		s, err := newSession(wire{}, tenantA, client1,
			func(wire, string) (azcore.TokenCredential, error) { return credential, nil })
		if err != nil {
			t.Fatal(err)
		}
		first := make(chan error)
		go func() {
			_, err := s.Token(t.Context(), graphScope)
			first <- err
		}()
		<-credential.entered // once: a second request would block here, and fail the test
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		// It ends, although the first one has not. The bubble's clock moves only when everybody waits, so this is exact.
		_, err = s.Token(ctx, graphScope)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), tenantA) ||
			time.Since(began) != time.Minute {
			t.Errorf("after %s, the error is %v", time.Since(began), err)
		}
		close(credential.release)
		if err := <-first; err != nil {
			t.Errorf("the first one: %v", err)
		}
	})
}

func TestWhoWaitsBehindACancelledSignInIsNotCancelledWithIt(t *testing.T) {
	service := newSignInService(t)
	var requests int
	asked := make(chan struct{})
	service.grant = func(w http.ResponseWriter, tenant string, _ url.Values) {
		if requests++; requests > 1 {
			giveToken(w, tenant)
			return
		}
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
		close(asked)
	}
	caller := service.caller(t, ClientSecret{Value: secret1})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := caller.Token(ctx, tenantA, graphScope); !errors.Is(err, context.Canceled) {
			t.Errorf("the cancelled one: %v", err)
		}
	})
	<-asked
	for range 10 {
		all.Go(func() {
			if got, err := caller.Token(t.Context(), tenantA, graphScope); err != nil || got.Value != tokenOf(tenantA) {
				t.Errorf("one that waited: %v", err)
			}
		})
	}
	cancel()
	all.Wait()
	if n := len(service.requests()); n != 2 {
		t.Errorf("%d token requests, want the cancelled one and one for all the others", n)
	}
}

// stuck is a credential that answers when its context ends, and not before.
type stuck struct{ entered chan struct{} }

func (s stuck) GetToken(ctx context.Context, _ policy.TokenRequestOptions) (azcore.AccessToken, error) {
	s.entered <- struct{}{}
	<-ctx.Done()
	return azcore.AccessToken{}, ctx.Err()
}

func TestWhoWaitsBehindTheAzureCLIHasADeadlineOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cli := stuck{make(chan struct{})}
		kept := newRemembering(cli)
		long, end := context.WithTimeout(t.Context(), time.Hour)
		defer end()
		go func() { _, _ = kept.GetToken(long, policy.TokenRequestOptions{Scopes: []string{graphScope}}) }()
		<-cli.entered
		began := time.Now()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		// The bubble's clock moves only when everybody waits, so this is exact.
		_, err := kept.GetToken(short, policy.TokenRequestOptions{Scopes: []string{graphScope}})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

func TestARefusedTokenIsForgottenOnceForAllWhoHeldIt(t *testing.T) {
	for name, credential := range map[string]Credential{"secret": ClientSecret{Value: secret1},
		"assertion": OIDCToken{Value: "a.b.c"}} {
		t.Run(name, func(t *testing.T) {
			service := newSignInService(t)
			var given int
			service.grant = func(w http.ResponseWriter, tenant string, _ url.Values) {
				given++
				writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599,
					"access_token": tokenOf(tenant, fmt.Sprint(given))})
			}
			caller := service.caller(t, credential)
			refused, other := token(t, caller, tenantA).Value, token(t, caller, tenantB).Value
			for range 5 { // who held it, one after the other
				caller.Forget(strings.ToUpper(tenantA), refused)
				if now := token(t, caller, tenantA).Value; now == refused || now != tokenOf(tenantA, "3") {
					t.Errorf("the next token is %s", now)
				}
			}
			if token(t, caller, tenantB).Value != other || given != 3 {
				t.Errorf("%d tokens were asked for, want one for each tenant, and one in place of the refused one", given)
			}
			caller.Forget(tenantA, "never given")
			caller.Forget("cccccccc-3333-4333-8333-333333333333", refused)
			if token(t, caller, tenantA); given != 3 {
				t.Error("a token was asked for in place of one that nobody has")
			}
		})
	}
}

func TestWhatOneSignInWasRefusedForIsNotToldOfTheNext(t *testing.T) {
	service := newSignInService(t)
	service.grant = func(w http.ResponseWriter, tenant string, _ url.Values) {
		refuse(http.StatusUnauthorized, 7000215, "Invalid client secret.")(w, tenant, nil)
	}
	caller := service.caller(t, ClientSecret{Value: secret1})
	if _, err := caller.Token(t.Context(), tenantA, graphScope); !errors.As(err, new(*Error)) {
		t.Fatalf("the refusal is %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	service.grant = func(http.ResponseWriter, string, url.Values) { cancel(); panic(http.ErrAbortHandler) }
	if _, err := caller.Token(ctx, tenantA, graphScope); err == nil || errors.As(err, new(*Error)) ||
		!errors.Is(err, context.Canceled) {
		t.Errorf("the connection that broke is told as %v", err)
	}
}
