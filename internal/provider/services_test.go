package provider

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-log/tflogtest"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

// cloudOnThisMachine grants tokens that name their tenant, and answers for its organization.
func cloudOnThisMachine(t *testing.T) (*httptest.Server, *atomic.Int64, variables) {
	t.Helper()
	var requests atomic.Int64
	mux := http.NewServeMux()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("request-id", "request-1")
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"token_endpoint": server.URL + "/" + r.PathValue("tenant") +
			"/oauth2/v2.0/token"})
	})
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": "token-of-" +
			r.PathValue("tenant")})
	})
	mux.HandleFunc("GET /v1.0/organization", func(w http.ResponseWriter, r *http.Request) {
		tenant := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer token-of-")
		_ = json.NewEncoder(w).Encode(map[string]any{"value": []map[string]any{{"id": tenant, "displayName": "Contoso",
			"verifiedDomains": []any{}}}})
	})
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}),
		0o600); err != nil {
		t.Fatal(err)
	}
	return server, &requests, armSecret.and(sandboxAt(server.URL)).and(variables{"CODETWO_CA_CERTIFICATE_PATH": file})
}

func TestProvider_ConfiguringMakesNoRequest(t *testing.T) {
	_, requests, env := cloudOnThisMachine(t)
	s, problems := configure(t, newProvider(env), nil)
	if problems.HasError() {
		t.Fatal(texts(problems))
	}
	s.Directory(tenantA)
	if n := requests.Load(); n != 0 {
		t.Errorf("%d requests", n)
	}
	if s.TenantID().ValueString() != tenantA || s.Now().IsZero() {
		t.Errorf("tenant %s, time %s", s.TenantID(), s.Now())
	}
}

func TestProvider_EveryTenantIsReadWithItsOwnTokenOnOneDirectory(t *testing.T) {
	_, _, env := cloudOnThisMachine(t)
	s, problems := configure(t, newProvider(env), nil)
	if problems.HasError() {
		t.Fatal(texts(problems))
	}
	for _, tenant := range []string{tenantA, tenantB} {
		directory := s.Directory(tenant)
		if directory != s.Directory(strings.ToUpper(tenant)) {
			t.Errorf("two directories for tenant %s", tenant)
		}
		organization, err := directory.Organization(t.Context())
		if err != nil || organization.TenantID != tenant {
			t.Errorf("tenant %s: %+v, %v", tenant, organization, err)
		}
	}
	app := s.AppDirectory(func(context.Context) (string, error) { return "token-of-the-app", nil })
	if organization, err := app.Organization(t.Context()); err != nil || organization.TenantID != "the-app" {
		t.Errorf("as the app: %+v, %v", organization, err)
	}
}

func TestProvider_RefusedTenantsAreSkippedWhereConfigurationOrEnvironmentAskForIt(t *testing.T) {
	_, _, env := cloudOnThisMachine(t)
	const name = "CODETWO_SKIP_REFUSED_TENANTS"
	for what, c := range map[string]struct {
		env   variables
		given values
		want  bool
	}{
		"nothing said":                     {env, nil, false},
		"the environment":                  {env.and(variables{name: "true"}), nil, true},
		"the configuration":                {env, values{"skip_refused_tenants": true}, true},
		"the configuration has precedence": {env.and(variables{name: "true"}), values{"skip_refused_tenants": false}, false},
	} {
		s, problems := configure(t, newProvider(c.env), c.given)
		if problems.HasError() {
			t.Fatalf("%s: %v", what, texts(problems))
		}
		if s.SkipRefusedTenants() != c.want {
			t.Errorf("%s: %t, want %t", what, !c.want, c.want)
		}
	}
	if _, problems := configure(t, newProvider(env.and(variables{name: "maybe"})), nil); !problems.HasError() {
		t.Error("neither true nor false is taken")
	}
}

func TestProvider_LogTellsOfRequestsAndKeepsTheirSecrets(t *testing.T) {
	server, _, env := cloudOnThisMachine(t)
	s, problems := configure(t, newProvider(env), nil)
	if problems.HasError() {
		t.Fatal(texts(problems))
	}
	var output bytes.Buffer
	ctx := tflogtest.RootLogger(t.Context(), &output)
	if _, err := s.Directory(tenantA).Organization(ctx); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/v1.0/organization?token=in-the-query",
		nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.HTTPClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()

	entries, err := tflogtest.MultilineJSONDecode(bytes.NewReader(output.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Fatalf("%d lines for three requests:\n%s", len(entries), output.String())
	}
	last := entries[2]
	if last["method"] != "GET" || last["path"] != "/v1.0/organization" || last["status"] != float64(200) ||
		last["request_id"] != "request-1" || last["host"] != strings.TrimPrefix(server.URL, "https://") {
		t.Errorf("line: %v", last)
	}
	for _, secret := range []string{secret1, "token-of-", "Bearer", "in-the-query"} {
		if strings.Contains(output.String(), secret) {
			t.Errorf("the log shows %q:\n%s", secret, output.String())
		}
	}
}

func TestProvider_RequestWithoutAnswerIsLoggedAsWell(t *testing.T) {
	var output bytes.Buffer
	unreachable := roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("no route") })
	transport := &logging{next: unreachable, now: newProvider(nil).now}
	request := httptest.NewRequestWithContext(tflogtest.RootLogger(t.Context(), &output), http.MethodGet,
		"https://127.0.0.1/x", nil)
	response, err := transport.RoundTrip(request)
	if err == nil {
		_ = response.Body.Close()
	}
	if err == nil || !strings.Contains(output.String(), "no route") {
		t.Errorf("error %v, log %s", err, output.String())
	}
}

func TestProvider_TransportIsPutAroundTheRealOne(t *testing.T) {
	_, _, env := cloudOnThisMachine(t)
	var seen []string
	p := newProvider(env, WithTransport(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(request *http.Request) (*http.Response, error) {
			seen = append(seen, request.URL.Path)
			return next.RoundTrip(request)
		})
	}))
	s, _ := configure(t, p, nil)
	if err := auth.Discover(t.Context(), s.Endpoints(), s.HTTPClient(), s.Retries(), tenantA); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 {
		t.Errorf("requests seen: %q", seen)
	}
}

func TestProvider_EachOperationWaitsByAClockOfItsOwn(t *testing.T) {
	_, _, env := cloudOnThisMachine(t)
	p := newProvider(env, WithRetryClock(func() retry.Clock { return &retrytest.Clock{} }))
	s, _ := configure(t, p, nil)
	deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 { // each has the whole minute
		busy := retry.Verdict{Retry: true, Pause: 45 * time.Second, Reason: errors.New("the service is busy")}
		if err := s.Retries().Start().Wait(deadline, busy); err != nil {
			t.Error(err)
		}
	}
}

func TestProvider_UnknownSettingsAreNamedWhereSomebodySignsInAllTheSame(t *testing.T) {
	s, _ := configure(t, newProvider(nil), values{"client_secret": notYet})
	if _, err := s.Directory(tenantA).Organization(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "client_secret") {
		t.Errorf("error: %v", err)
	}
}

func TestProvider_WithoutKnowingWhoSignsInTheCloudIsReachedAsSomebodyElse(t *testing.T) {
	server, _, env := cloudOnThisMachine(t)
	s, problems := configure(t, newProvider(env), values{"tenant_id": notYet})
	if problems.HasError() || len(s.UnknownCloud()) != 0 || strings.Join(s.Unknown(), " ") != "tenant_id" {
		t.Fatalf("unknown %q, of the cloud %q: %q", s.Unknown(), s.UnknownCloud(), texts(problems))
	}
	if s.Endpoints().Login != server.URL {
		t.Errorf("endpoints %+v", s.Endpoints())
	}
	app := s.AppDirectory(func(context.Context) (string, error) { return "token-of-the-app", nil })
	if _, err := app.Organization(t.Context()); err != nil {
		t.Errorf("as the registered app: %v", err)
	}
	if _, err := s.Directory(tenantA).Organization(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "tenant_id") {
		t.Errorf("as the provider's caller: %v", err)
	}
}

func TestProvider_SchemasAreSound(t *testing.T) {
	answer, err := providerserver.NewProtocol6(newProvider(nil))().GetProviderSchema(t.Context(),
		&tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range answer.Diagnostics {
		t.Errorf("%s: %s", d.Summary, d.Detail)
	}
	for _, attribute := range answer.Provider.Block.Attributes {
		if attribute.Description == "" {
			t.Errorf("the provider's %s has no description", attribute.Name)
		}
		if secret := strings.HasSuffix(attribute.Name, "_secret") || strings.HasSuffix(attribute.Name, "_token") ||
			strings.HasSuffix(attribute.Name, "_password"); secret && !attribute.Sensitive {
			t.Errorf("the provider's %s is not sensitive", attribute.Name)
		}
	}
}
