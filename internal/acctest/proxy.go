package acctest

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Cut says where the wire to Microsoft Graph is cut.
type Cut struct {
	Request int    // the how many-th request, from 1
	Way     CutWay // what happens to it
}

// CutWay is how a request comes to grief.
type CutWay string

// The ways: the caller dies before Graph receives the request, or after Graph has carried it out; or the response is
// lost, and the caller lives.
const (
	KilledBefore CutWay = "killed before"
	KilledAfter  CutWay = "killed after"
	ResponseLost CutWay = "response lost"
)

// Wire is a proxy between a provider and the sandbox's Microsoft Graph, which counts the requests and can be cut.
type Wire struct {
	server *httptest.Server
	kill   func()

	guard sync.Mutex
	seen  int
	cut   Cut
}

// Wire starts a proxy before the sandbox's Microsoft Graph. kill ends the caller at once.
func (env *Env) Wire(kill func()) *Wire {
	env.t.Helper()
	w := &Wire{kill: kill}
	target, err := url.Parse(env.Server.Origin())
	if err != nil {
		env.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(env.Server.CertificateAuthorityPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	env.t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
	}
	w.server = httptest.NewTLSServer(http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		switch w.next() {
		case KilledBefore:
			w.kill()
			panic(http.ErrAbortHandler)
		case KilledAfter:
			proxy.ServeHTTP(httptest.NewRecorder(), request)
			w.kill()
			panic(http.ErrAbortHandler)
		case ResponseLost:
			proxy.ServeHTTP(httptest.NewRecorder(), request)
			panic(http.ErrAbortHandler)
		default:
			proxy.ServeHTTP(response, request)
		}
	}))
	env.t.Cleanup(w.server.Close)
	return w
}

// next counts a request, and says what is to become of it.
func (w *Wire) next() CutWay {
	w.guard.Lock()
	defer w.guard.Unlock()
	w.seen++
	if w.seen == w.cut.Request {
		return w.cut.Way
	}
	return ""
}

// Arm sets where to cut, counting from now, and returns how many requests were seen since the last time.
func (w *Wire) Arm(cut Cut) (seen int) {
	w.guard.Lock()
	defer w.guard.Unlock()
	seen, w.seen, w.cut = w.seen, 0, cut
	return seen
}

// Variables make a CLI of the test environment go through the wire.
func (w *Wire) Variables(env *Env) []string {
	env.t.Helper()
	both := filepath.Join(env.t.TempDir(), "both.pem")
	authorities := append(env.Server.CertificateAuthorityPEM(),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.server.Certificate().Raw})...)
	if err := os.WriteFile(both, authorities, 0o600); err != nil {
		env.t.Fatal(err)
	}
	return []string{"CODETWO_GRAPH_ENDPOINT=" + strings.TrimSuffix(w.server.URL, "/"),
		"CODETWO_CA_CERTIFICATE_PATH=" + both}
}
