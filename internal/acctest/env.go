// Package acctest provides the acceptance-test environment: it starts sandbox tenants, configures the provider for
// them, makes changes outside Terraform, and drives the provider over the plugin protocol as Terraform would. It is the
// only place where the provider and the sandbox meet.
package acctest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/storetest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/provider"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// Passphrase is the passphrase of every test environment's connection store.
const Passphrase = "an unguessable passphrase for tests"

// Env is a running sandbox with a connection store of its own.
type Env struct {
	Server *sandbox.Server
	Store  string // folder of the connection store

	t           testing.TB
	client      *http.Client
	caPath      string
	tenantsPath string
	log         *requestLog
	speed       float64 // of replication; 0: every write is seen at once

	tokenGuard sync.Mutex
	tokens     map[string]string
}

// Start starts a sandbox, and ends it with the test.
func Start(t testing.TB, options sandbox.Options) *Env {
	t.Helper()
	log := &requestLog{}
	options.Log = log
	if options.Listen == "" {
		options.Listen = "127.0.0.1:0"
	}
	if options.Tenants == 0 {
		options.Tenants = 1
	}
	if options.Profile == "" {
		// make test-realistic and make test-degraded let the tests of every package meet lagging replicas.
		options.Profile = cmp.Or(os.Getenv("SANDBOX_PROFILE"), "instant")
	}
	// At 30, the lags stay longer than a request takes, and short enough to be waited for.
	options.Speed = cmp.Or(options.Speed, number(t, "SANDBOX_SPEED", parseSpeed), 30)
	options.Seed = cmp.Or(options.Seed, number(t, "SANDBOX_SEED", parseSeed))
	options.Around = watch(t, options.Around, func() []Request { return log.requests(t) })
	server, err := sandbox.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	t.Cleanup(func() { keepHistory(t, server) })
	folder := t.TempDir()
	env := &Env{
		Server: server, Store: filepath.Join(folder, "store"), t: t, log: log, tokens: map[string]string{},
		caPath: filepath.Join(folder, "ca.pem"), tenantsPath: filepath.Join(folder, "tenants.json"),
	}
	if options.Profile != "instant" {
		env.speed = options.Speed
		t.Logf("SANDBOX_PROFILE=%s SANDBOX_SEED=%d plays this again", options.Profile, server.Seed())
	}
	storetest.Make(t, env.Store, Passphrase)
	env.writeFile(env.caPath, server.CertificateAuthorityPEM())
	tenants, err := json.Marshal(server.TenantsJSON())
	if err != nil {
		t.Fatal(err)
	}
	env.writeFile(env.tenantsPath, tenants)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(server.CertificateAuthorityPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	env.client = &http.Client{Transport: transport}
	return env
}

// number reads an environment variable; 0 without it.
func number[T any](t testing.TB, variable string, parse func(string) (T, error)) (value T) {
	t.Helper()
	given := os.Getenv(variable)
	if given == "" {
		return value
	}
	value, err := parse(given)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return value
}

func parseSpeed(text string) (float64, error) { return strconv.ParseFloat(text, 64) }
func parseSeed(text string) (uint64, error)   { return strconv.ParseUint(text, 10, 64) }

func (env *Env) writeFile(path string, content []byte) {
	env.t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		env.t.Fatal(err)
	}
}

// Tenant is what the sandbox tells of its i-th tenant.
func (env *Env) Tenant(i int) sandbox.TenantEntry { return env.Server.TenantsJSON().Tenants[i] }

// Option changes what the provider of a test is made of.
type Option = provider.Option

// Factories serve the provider in the test's own process, as terraform-plugin-testing wants it. Where the provider
// waits for what is not ready yet, no more time passes than the tenants need, unless an option says otherwise.
func (env *Env) Factories(options ...Option) map[string]func() (tfprotov6.ProviderServer, error) {
	options = append([]provider.Option{WithWait(env.wait)}, options...)
	serve := providerserver.NewProtocol6WithError(provider.New("test", os.Getenv, options...)())
	return map[string]func() (tfprotov6.ProviderServer, error){
		"codetwo": func() (tfprotov6.ProviderServer, error) {
			env.Server.Settle() // each command has a provider of its own, and a person types one after the other
			return serve()
		},
	}
}

// WithClock lets the provider of a test live at another time.
func WithClock(now func() time.Time) Option { return provider.WithClock(now) }

// wait passes the time at the speed of replication.
func (env *Env) wait(ctx context.Context, d time.Duration) error {
	if env.speed == 0 {
		return ctx.Err()
	}
	return retry.System{}.Wait(ctx, time.Duration(float64(d)/env.speed))
}

// WithWait lets a test decide what happens while the provider of a test waits for what is not ready yet. Each operation
// starts with the real time and moves ahead by its own pauses, so its deadline expires by the time that the tenant had
// to catch up, whatever was waited for before or at the same time.
func WithWait(wait func(context.Context, time.Duration) error) Option {
	return provider.WithRetryClock(func() retry.Clock { return &retrytest.Clock{OnWait: wait} })
}

// WithTransport puts a transport of the test's own around the provider's.
func WithTransport(wrap func(next http.RoundTripper) http.RoundTripper) Option {
	return provider.WithTransport(wrap)
}

// Provider is a provider block that signs in to the sandbox as the caller, with this test environment's store.
func (env *Env) Provider(caller sandbox.Caller) string {
	return env.ProviderWith(caller, "",
		fmt.Sprintf("connection_store = {\n    url        = %q\n    passphrase = %q\n  }", env.StoreURL(), Passphrase))
}

// ProviderWith is the same with attributes of the test's own in place of the store. tenantID may be empty: the first
// tenant's then.
func (env *Env) ProviderWith(caller sandbox.Caller, tenantID, attributes string) string {
	if tenantID == "" {
		tenantID = env.Tenant(0).TenantID
	}
	origin := env.Server.Origin()
	return fmt.Sprintf(`
provider "codetwo" {
  tenant_id           = %q
  client_id           = %q
  client_secret       = %q
  ca_certificate_path = %q
  endpoints = {
    login    = %q
    graph    = %q
    exchange = %q
  }
  %s
}
`, tenantID, caller.ClientID, caller.ClientSecret, env.caPath, origin, origin, origin, attributes)
}

// Endpoints are the sandbox's origins.
func (env *Env) Endpoints() auth.Endpoints {
	origin := env.Server.Origin()
	return auth.Endpoints{Login: origin, Graph: origin, Exchange: origin}
}

// Client is an HTTP client as the provider makes one, which trusts the sandbox.
func (env *Env) Client() *http.Client {
	env.t.Helper()
	client, err := auth.NewHTTPClient(env.Server.CertificateAuthorityPEM())
	if err != nil {
		env.t.Fatal(err)
	}
	return client
}

// StoreURL is the connection store's URL.
func (env *Env) StoreURL() string { return "file://" + filepath.ToSlash(env.Store) }

// Environment is what a process needs to sign in to the sandbox, as NAME=value.
func (env *Env) Environment() []string {
	var environment []string
	for _, variable := range env.Server.Environment(env.caPath, env.tenantsPath) {
		environment = append(environment, variable.Name+"="+variable.Value)
	}
	return environment
}

// State is what the sandbox holds in its i-th tenant.
func (env *Env) State(i int) sandbox.TenantState { return env.Server.State().Tenants[i] }

// Application returns the tenant's application of that client ID, and whether there is one.
func (env *Env) Application(i int, clientID string) (sandbox.ApplicationState, bool) {
	for _, application := range env.State(i).Applications {
		if application.ClientID == clientID {
			return application, true
		}
	}
	return sandbox.ApplicationState{}, false
}

// Graph sends a request to Microsoft Graph as a person with every right would, to change a tenant behind Terraform's
// back or to look at it. It fails the test where Graph refuses, and returns the answer's body otherwise.
func (env *Env) Graph(tenantID, method, path string, body any) map[string]any {
	env.t.Helper()
	answer := env.send(method, env.Server.Origin()+"/v1.0"+path, env.token(tenantID), body)
	if method != http.MethodGet {
		env.Server.Settle(tenantID) // nobody looks at what a person changed before it shows
	}
	return answer
}

// Control sends a request to the sandbox's control API, where a test is the Exchange admin and moves the clock.
func (env *Env) Control(method, path string, body any) map[string]any {
	env.t.Helper()
	answer := env.send(method, env.Server.Origin()+"/_sandbox"+path, "", body)
	if below, ofTenant := strings.CutPrefix(path, "/tenants/"); ofTenant && method != http.MethodGet {
		tenantID, _, _ := strings.Cut(below, "/")
		env.Server.Settle(tenantID)
	}
	return answer
}

// OpenEWS does what the Exchange administrator does so that EWS admits the applications.
func (env *Env) OpenEWS(tenantID string, clientIDs ...string) {
	env.t.Helper()
	env.Control(http.MethodPatch, "/tenants/"+tenantID+"/exchange",
		map[string]any{"ews_enabled": true, "ews_allowed_app_ids": clientIDs})
}

// SetPolicy sets an enabled app management policy: the tenant's default one where clientID is empty, or else the
// application's own. Without restrictions it forbids nothing. It returns the policy's ID, which Graph's refusals name.
func (env *Env) SetPolicy(tenantID, clientID string, restrictions ...sandbox.Restriction) string {
	env.t.Helper()
	answer := env.Control(http.MethodPut, "/tenants/"+tenantID+"/policies/"+cmp.Or(clientID, "default"),
		map[string]any{"enabled": true, "restrictions": restrictions})
	id, _ := answer["id"].(string)
	return id
}

// LimitCertificates makes the tenant refuse certificates of a longer life, such as P180D (an ISO 8601 duration), on
// every application that has no policy of its own. It returns the policy's ID.
func (env *Env) LimitCertificates(tenantID, maxLifetime string) string {
	env.t.Helper()
	return env.SetPolicy(tenantID, "", sandbox.Restriction{Type: "asymmetricKeyLifetime", MaxLifetime: maxLifetime})
}

// token signs in as the caller with every right, once per tenant.
func (env *Env) token(tenantID string) string {
	env.t.Helper()
	env.tokenGuard.Lock()
	defer env.tokenGuard.Unlock()
	if token, known := env.tokens[tenantID]; known {
		return token
	}
	full := env.Tenant(0).Callers.Full
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {full.ClientID}, "client_secret": {full.ClientSecret},
		"scope": {"https://graph.microsoft.com/.default"},
	}
	request, err := http.NewRequestWithContext(env.t.Context(), http.MethodPost,
		env.Server.Origin()+"/"+tenantID+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		env.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set(bypass, "yes")
	response, err := env.client.Do(request)
	if err != nil {
		env.t.Fatal(err)
	}
	answer := env.read(response, "signing in")
	env.tokens[tenantID], _ = answer["access_token"].(string)
	return env.tokens[tenantID]
}

// bypass marks a request that meets no fault.
const bypass = "Sandbox-Bypass"

func (env *Env) send(method, target, token string, body any) map[string]any {
	env.t.Helper()
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			env.t.Fatal(err)
		}
	}
	request, err := http.NewRequestWithContext(env.t.Context(), method, target, &content)
	if err != nil {
		env.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	request.Header.Set(bypass, "yes") // the person sees what is there, and meets no fault of the provider's
	response, err := env.client.Do(request)
	if err != nil {
		env.t.Fatal(err)
	}
	return env.read(response, method+" "+strings.TrimPrefix(target, env.Server.Origin()))
}

func (env *Env) read(response *http.Response, doing string) map[string]any {
	env.t.Helper()
	defer func() { _ = response.Body.Close() }()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		env.t.Fatal(err)
	}
	if response.StatusCode >= 400 {
		env.t.Fatalf("%s: %s: %s", doing, response.Status, received)
	}
	var answer map[string]any
	if len(received) > 0 {
		if err := json.Unmarshal(received, &answer); err != nil {
			env.t.Fatalf("%s: %v in %s", doing, err, received)
		}
	}
	return answer
}

// Needs is the CLI version below which the provider does not run, for want of write-only values: a test fails there.
var Needs = []tfversion.TerraformVersionCheck{tfversion.RequireAbove(tfversion.Version1_11_0)}
