package acctest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/provider"
)

// Watch looks at every request that a provider sends, where it leaves the provider.
type Watch struct {
	origin string

	mu       sync.Mutex
	seen     int
	problems []string
}

// Watch starts to watch the provider that is made with the option.
func (env *Env) Watch() (*Watch, provider.Option) {
	w := &Watch{origin: env.Server.Origin()}
	return w, provider.WithTransport(func(next http.RoundTripper) http.RoundTripper { return watched{w, next} })
}

// Problems are the requests that should not have been sent: to another host, over http, without a token or with one
// where it does not belong. It is an error, too, if there was no request at all.
func (w *Watch) Problems() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == 0 {
		return []string{"the provider sent no request"}
	}
	return w.problems
}

type watched struct {
	*Watch
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	w.look(r)
	return w.next.RoundTrip(r)
}

func (w watched) look(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen++
	note := func(what string) {
		w.problems = append(w.problems, fmt.Sprintf("%s %s %s", r.Method, r.URL.Redacted(), what))
	}
	if origin := r.URL.Scheme + "://" + r.URL.Host; origin != w.origin || !strings.HasPrefix(origin, "https://") {
		note("leaves " + w.origin)
	}
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	api := strings.HasPrefix(r.URL.Path, "/v1.0/") || strings.HasPrefix(strings.ToLower(r.URL.Path), "/ews/")
	switch {
	case api && (!bearer || strings.Count(token, ".") != 2):
		note("carries no token")
	case !api && r.Header.Get("Authorization") != "":
		note("carries a token that it needs not")
	}
}
