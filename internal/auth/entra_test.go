package auth

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

const (
	tenantA = "aaaaaaaa-1111-4111-8111-111111111111"
	tenantB = "bbbbbbbb-2222-4222-8222-222222222222"
	client1 = "33333333-3333-4333-8333-333333333333"
	secret1 = "s3cret~with/odd+signs&="
)

// signInService answers as Entra's does: an OpenID configuration and a token endpoint per tenant.
type signInService struct {
	*httptest.Server
	// grant answers a token request; nil: with an access token.
	grant func(w http.ResponseWriter, tenant string, form url.Values)
	// tokenEndpoint is what the configuration names; empty: the own one.
	tokenEndpoint string

	mu             sync.Mutex
	forms          []url.Values // of the token requests, in order
	configurations int          // how often an OpenID configuration was asked for
}

func newSignInService(t *testing.T) *signInService {
	t.Helper()
	s := &signInService{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.configurations++
		s.mu.Unlock()
		base := s.URL + "/" + r.PathValue("tenant")
		endpoint := s.tokenEndpoint
		if endpoint == "" {
			endpoint = base + "/oauth2/v2.0/token"
		}
		writeJSON(w, http.StatusOK, map[string]any{
			"issuer": base + "/v2.0", "authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": endpoint,
		})
	})
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Errorf("token request: %v", err)
		}
		s.mu.Lock()
		s.forms = append(s.forms, r.PostForm)
		s.mu.Unlock()
		if s.grant != nil {
			s.grant(w, r.PathValue("tenant"), r.PostForm)
			return
		}
		giveToken(w, r.PathValue("tenant"))
	})
	s.Server = httptest.NewTLSServer(mux)
	t.Cleanup(s.Close)
	return s
}

func giveToken(w http.ResponseWriter, tenant string) {
	writeJSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599,
		"access_token": tokenOf(tenant)})
}

func tokenOf(tenant string, roles ...string) string {
	payload, _ := json.Marshal(map[string]any{"tid": tenant, "roles": roles})
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"none"}`)) + "." + part(payload) + "." + part([]byte("signature"))
}

func refuse(status, code int, description string) func(http.ResponseWriter, string, url.Values) {
	return func(w http.ResponseWriter, _ string, _ url.Values) {
		writeJSON(w, status, map[string]any{
			"error": "invalid_client", "error_codes": []int{code},
			"error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: trace-1 Correlation ID: correlation-1 Timestamp: "+
				"2026-11-22 10:00:00Z", code, description),
			"trace_id": "trace-1", "correlation_id": "correlation-1",
		})
	}
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *signInService) endpoints() Endpoints {
	return Endpoints{Login: s.URL, Graph: s.URL, Exchange: s.URL}
}

func (s *signInService) requests() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.forms
}

// trusting returns the shipped client, trusting the test servers.
func trusting(t *testing.T, servers ...*httptest.Server) *http.Client {
	t.Helper()
	var bundle []byte
	for _, server := range servers {
		bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})...)
	}
	client, err := NewHTTPClient(bundle)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func (s *signInService) caller(t *testing.T, credential Credential) *Caller {
	t.Helper()
	caller, err := NewCaller(Identity{TenantID: tenantA, ClientID: client1, Credential: credential}, s.endpoints(),
		trusting(t, s.Server), retry.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	return caller
}

var graphScope = GraphScope(Endpoints{})

// testPair is made once: the key is what takes the time.
var testPair = sync.OnceValue(func() *certificate.Pair {
	pair, err := certificate.Generate(rand.Reader, certificate.Template{
		CommonName: "signin test", KeySize: 2048, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	})
	if err != nil {
		panic(err)
	}
	return pair
})

// verifyAssertion checks a client assertion as Entra does (Microsoft identity platform: "Application authentication
// certificate credentials"), with the certificate that is registered.
func verifyAssertion(assertion, audience string, registered *x509.Certificate) error {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return fmt.Errorf("no assertion")
	}
	var header struct {
		Algorithm  string `json:"alg"`
		Thumbprint string `json:"x5t#S256"`
	}
	var payload struct {
		Audience string `json:"aud"`
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
	}
	for i, target := range []any{&header, &payload} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return err
		}
		if err := json.Unmarshal(raw, target); err != nil {
			return err
		}
	}
	want := sha256.Sum256(registered.Raw)
	got, err := base64.StdEncoding.DecodeString(header.Thumbprint)
	if err != nil || string(got) != string(want[:]) || header.Algorithm != "PS256" {
		return fmt.Errorf("header %+v does not name the certificate", header)
	}
	if payload.Audience != audience || payload.Issuer != client1 || payload.Subject != client1 {
		return fmt.Errorf("payload %+v", payload)
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	key, ok := registered.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the certificate's key is a %T", registered.PublicKey)
	}
	return rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, nil)
}
