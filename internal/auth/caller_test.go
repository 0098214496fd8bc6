package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

func token(t *testing.T, caller *Caller, tenant string) Token {
	t.Helper()
	got, err := caller.Token(t.Context(), tenant, graphScope)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestCallerSignsInToEveryTenantOnceAndKeepsTheToken(t *testing.T) {
	service := newSignInService(t)
	caller := service.caller(t, ClientSecret{Value: secret1})

	for range 3 {
		a, b := token(t, caller, tenantA), token(t, caller, tenantB)
		if a.Value != tokenOf(tenantA) || b.Value != tokenOf(tenantB) || time.Until(a.ExpiresOn) < time.Minute {
			t.Errorf("tokens %+v and %+v", a, b)
		}
		if again := token(t, caller, strings.ToUpper(tenantA)); again.Value != a.Value {
			t.Errorf("in capitals, tenant A is another one: %+v", again)
		}
	}
	requests := service.requests()
	if len(requests) != 2 {
		t.Fatalf("%d token requests for two tenants", len(requests))
	}
	if service.configurations != 0 {
		t.Errorf("the endpoints were asked for as well, %d times", service.configurations)
	}
	for _, form := range requests {
		if form.Get("client_id") != client1 || form.Get("client_secret") != secret1 ||
			!strings.Contains(form.Get("scope"), "https://graph.microsoft.com/.default") {
			t.Errorf("token request: %v", form)
		}
	}
}

func TestManyWhoWantTheSameTokenAskOnce(t *testing.T) {
	service := newSignInService(t)
	caller := service.caller(t, ClientSecret{Value: secret1})
	var wanting sync.WaitGroup
	for range 40 {
		wanting.Go(func() {
			if _, err := caller.Token(t.Context(), tenantA, graphScope); err != nil {
				t.Error(err)
			}
		})
	}
	wanting.Wait()
	if n := len(service.requests()); n != 1 {
		t.Errorf("%d token requests", n)
	}
}

func TestOneTenantDoesNotWaitForAnother(t *testing.T) {
	service := newSignInService(t)
	arrived := make(chan struct{})
	service.grant = func(w http.ResponseWriter, tenant string, _ url.Values) {
		if tenant == tenantB {
			close(arrived)
		} else {
			<-arrived // tenant A is answered only once tenant B was asked for
		}
		giveToken(w, tenant)
	}
	caller := service.caller(t, ClientSecret{Value: secret1})
	var both sync.WaitGroup
	for _, tenant := range []string{tenantA, tenantB} {
		both.Go(func() {
			if _, err := caller.Token(t.Context(), tenant, graphScope); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
}

func TestCertificateSignsAnAssertionThatEntraCanVerify(t *testing.T) {
	service := newSignInService(t)
	service.grant = func(w http.ResponseWriter, tenant string, form url.Values) {
		if err := verifyAssertion(form.Get("client_assertion"), service.URL+"/"+tenant+"/oauth2/v2.0/token",
			testPair().Certificate); err != nil {
			t.Errorf("assertion: %v", err)
		}
		giveToken(w, tenant)
	}
	pfx, err := certificate.EncodePFX(testPair(), "the password", certificate.AES256)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "caller.pfx")
	if err := os.WriteFile(file, pfx, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, credential := range map[string]ClientCertificate{
		"inline PFX": {Data: pfx, Password: "the password"},
		"PFX file":   {Path: file, Password: "the password"},
	} {
		t.Run(name, func(t *testing.T) { token(t, service.caller(t, credential), tenantA) })
	}
	t.Run("the registered application", func(t *testing.T) {
		app, err := NewApp(App{TenantID: tenantA, ClientID: client1, Certificate: testPair().Certificate,
			Key: testPair().Key}, service.endpoints(), trusting(t, service.Server), retry.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := app.Token(t.Context(), graphScope); err != nil || got.Value != tokenOf(tenantA) {
			t.Errorf("token %+v, error %v", got, err)
		}
	})
}

func TestRenewedTokenFileIsReadAtTheNextSignIn(t *testing.T) {
	service := newSignInService(t)
	file := filepath.Join(t.TempDir(), "token")
	caller := service.caller(t, OIDCToken{Path: file})
	for tenant, content := range map[string]string{tenantA: "first.assertion.x\n", tenantB: "second.assertion.x\n"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		token(t, caller, tenant)
		requests := service.requests()
		if got := requests[len(requests)-1].Get("client_assertion"); got != strings.TrimSpace(content) {
			t.Errorf("assertion %q, the file holds %q", got, content)
		}
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	service := newSignInService(t)
	missing := filepath.Join(t.TempDir(), "missing")
	for _, credential := range []Credential{ClientSecret{Path: missing}, ClientCertificate{Path: missing}} {
		_, err := NewCaller(Identity{TenantID: tenantA, ClientID: client1, Credential: credential}, service.endpoints(),
			&http.Client{}, retry.Policy{})
		if err == nil || !strings.Contains(err.Error(), missing) || !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", credential.Kind(), err)
		}
	}
	_, err := service.caller(t, OIDCToken{Path: missing}).Token(t.Context(), tenantA, graphScope)
	if err == nil || !strings.Contains(err.Error(), missing) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("OIDC token: %v", err)
	}
}

func TestUnusableCertificatesAreRefusedWithoutShowingThem(t *testing.T) {
	service := newSignInService(t)
	pfx, err := certificate.EncodePFX(testPair(), "the password", certificate.AES256)
	if err != nil {
		t.Fatal(err)
	}
	for name, credential := range map[string]ClientCertificate{
		"wrong password": {Data: pfx, Password: "another-password"},
		"no PFX":         {Data: []byte("not a certificate at all"), Password: "another-password"},
		"PEM without a key": {Data: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testPair().Certificate.Raw}),
			Password: "another-password"},
	} {
		_, err := NewCaller(Identity{TenantID: tenantA, ClientID: client1, Credential: credential}, service.endpoints(),
			&http.Client{}, retry.Policy{})
		if err == nil || !strings.Contains(err.Error(), "client certificate") {
			t.Errorf("%s: %v", name, err)
		} else if strings.Contains(err.Error(), "another-password") {
			t.Errorf("%s: the error shows the password: %v", name, err)
		}
	}
}

// ecCertificate is a self-signed certificate with its elliptic key, as PFX and as PEM.
func ecCertificate(t *testing.T) (pfx, pkcs8, sec1 []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	if pfx, err = pkcs12.Modern2023.Encode(key, parsed, nil, "the password"); err != nil {
		t.Fatal(err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 = append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), block...)
	if keyDER, err = x509.MarshalECPrivateKey(key); err != nil {
		t.Fatal(err)
	}
	return pfx, pkcs8, append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}), block...)
}

func TestACallersCertificateNeedsAnRSAKeyAndCodeTwoHasNoSayInIt(t *testing.T) {
	service := newSignInService(t)
	pfx, pkcs8, sec1 := ecCertificate(t)
	for name, credential := range map[string]ClientCertificate{
		"PFX": {Data: pfx, Password: "the password"}, "PEM, PKCS #8": {Data: pkcs8}, "PEM, SEC 1": {Data: sec1},
	} {
		_, err := NewCaller(Identity{TenantID: tenantA, ClientID: client1, Credential: credential}, service.endpoints(),
			&http.Client{}, retry.Policy{})
		if err == nil || !strings.Contains(err.Error(), "not an RSA key") || strings.Contains(err.Error(), "CodeTwo") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPrivateKeyOfAnotherCertificateIsNoticedBeforeAnythingIsAsked(t *testing.T) {
	service := newSignInService(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(other)}),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testPair().Certificate.Raw})...)
	_, err = NewCaller(Identity{TenantID: tenantA, ClientID: client1, Credential: ClientCertificate{Data: text}},
		service.endpoints(), &http.Client{}, retry.Policy{})
	if err == nil || !strings.Contains(err.Error(), "none of its certificates") {
		t.Errorf("%v", err)
	}
}

func TestIdentitiesOfTheMachineAreNotShownToOtherEndpoints(t *testing.T) {
	service := newSignInService(t)
	for _, credential := range []Credential{AzureCLI{}, ManagedIdentity{}, WorkloadIdentity{}, GitHubOIDC{},
		AzureDevOpsOIDC{}} {
		identity := Identity{TenantID: tenantA, ClientID: client1, Credential: credential}
		_, err := NewCaller(identity, service.endpoints(), &http.Client{}, retry.Policy{})
		if err == nil || !strings.Contains(err.Error(), credential.Kind()) || !strings.Contains(err.Error(), service.URL) {
			t.Errorf("%s with other endpoints: %v", credential.Kind(), err)
		}
		if _, err := NewCaller(identity, GlobalEndpoints(), &http.Client{}, retry.Policy{}); err != nil {
			t.Errorf("%s with the global endpoints: %v", credential.Kind(), err)
		}
	}
}

func TestManagedIdentitySaysThatItHasOneTenantOnly(t *testing.T) {
	// The endpoint of Azure App Service (Microsoft: "Use managed identities for App Service", REST endpoint reference).
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-IDENTITY-HEADER") != "the header" {
			t.Errorf("request without the header")
		}
		writeJSON(w, http.StatusOK, map[string]any{"access_token": tokenOf(tenantA), "expires_on": "4102444800",
			"token_type": "Bearer", "resource": "https://graph.microsoft.com"})
	}))
	defer endpoint.Close()
	t.Setenv("IDENTITY_ENDPOINT", endpoint.URL)
	t.Setenv("IDENTITY_HEADER", "the header")

	for name, home := range map[string]string{"home tenant known": tenantA, "home tenant unknown": ""} {
		caller, err := NewCaller(Identity{TenantID: home, Credential: ManagedIdentity{}}, GlobalEndpoints(), &http.Client{},
			retry.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		if got := token(t, caller, tenantA); got.Value != tokenOf(tenantA) {
			t.Errorf("%s: token %+v", name, got)
		}
		_, err = caller.Token(t.Context(), tenantB, graphScope)
		if err == nil || !strings.Contains(err.Error(), tenantA) || !strings.Contains(err.Error(), tenantB) ||
			!strings.Contains(err.Error(), "managed identity") {
			t.Errorf("%s: a token of tenant A passed for one of tenant B: %v", name, err)
		}
	}
}

func TestARefusedManagedIdentityIsToldWithoutTheAnswersBody(t *testing.T) {
	endpoint := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request",
			"error_description": "Identity not found", "more": "what nobody needs to see"})
	}))
	defer endpoint.Close()
	t.Setenv("IDENTITY_ENDPOINT", endpoint.URL)
	t.Setenv("IDENTITY_HEADER", "the header")
	// Another identity than in other tests: the library remembers tokens for the whole process.
	caller, err := NewCaller(Identity{TenantID: tenantA, ClientID: client1, Credential: ManagedIdentity{}},
		GlobalEndpoints(), &http.Client{}, retry.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = caller.Token(t.Context(), tenantA, graphScope)
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Status != http.StatusBadRequest || !strings.Contains(err.Error(), "Identity not found") ||
		strings.Contains(err.Error(), "nobody needs") {
		t.Errorf("the error is %v", err)
	}
}

type countingCredential struct {
	calls   int
	expires time.Time
}

func (c *countingCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	c.calls++
	return azcore.AccessToken{Token: "t", ExpiresOn: c.expires}, nil
}

func TestAzureCLIIsStartedAgainOnlyWhenItsTokenEnds(t *testing.T) {
	for name, c := range map[string]struct {
		lives time.Duration
		calls int
	}{"a living token": {time.Hour, 1}, "a token about to end": {time.Minute, 3}} {
		cli := &countingCredential{expires: time.Now().Add(c.lives)}
		kept := newRemembering(cli)
		for range 3 {
			if _, err := kept.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{graphScope}}); err != nil {
				t.Fatal(err)
			}
		}
		if cli.calls != c.calls {
			t.Errorf("%s: the CLI was started %d times", name, cli.calls)
		}
	}
}

func TestAppNeedsExactlyOneCredential(t *testing.T) {
	pair := testPair()
	for name, app := range map[string]App{
		"none":                    {},
		"both":                    {ClientSecret: "x", Certificate: pair.Certificate, Key: pair.Key},
		"certificate without key": {Certificate: pair.Certificate},
	} {
		app.TenantID, app.ClientID = tenantA, client1
		if _, err := NewApp(app, GlobalEndpoints(), &http.Client{}, retry.Policy{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPipelinesAreAskedForATokenAsTheyDocumentIt(t *testing.T) {
	var asked *http.Request
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r
		writeJSON(w, http.StatusOK, map[string]string{"value": "github-token", "oidcToken": "azure-devops-token"})
	}))
	defer server.Close()
	w := wire{endpoints: GlobalEndpoints(), client: trusting(t, server)}

	got, err := w.gitHubToken(GitHubOIDC{RequestURL: server.URL + "/token?api-version=2.0",
		RequestToken: "bearer-1"})(t.Context())
	if err != nil || got != "github-token" || asked.Method != http.MethodGet ||
		asked.URL.Query().Get("audience") != "api://AzureADTokenExchange" ||
		asked.URL.Query().Get("api-version") != "2.0" || asked.Header.Get("Authorization") != "Bearer bearer-1" {
		t.Errorf("GitHub: %q, %v, %s %s", got, err, asked.Method, asked.URL)
	}
	got, err = w.azureDevOpsToken(AzureDevOpsOIDC{RequestURL: server.URL + "/oidctoken", RequestToken: "bearer-2",
		ServiceConnectionID: "connection-1"})(t.Context())
	if err != nil || got != "azure-devops-token" || asked.Method != http.MethodPost ||
		asked.URL.Query().Get("serviceConnectionId") != "connection-1" ||
		asked.URL.Query().Get("api-version") == "" || asked.Header.Get("Authorization") != "Bearer bearer-2" {
		t.Errorf("Azure Pipelines: %q, %v, %s %s", got, err, asked.Method, asked.URL)
	}
}

func TestPipelineThatGivesNoTokenIsExplained(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, r.Header.Get("Authorization"), http.StatusForbidden)
	}))
	defer server.Close()
	w := wire{endpoints: GlobalEndpoints(), client: trusting(t, server)}
	for address, want := range map[string]string{server.URL: "HTTP 403", "http://127.0.0.1:1/": "https"} {
		_, err := w.gitHubToken(GitHubOIDC{RequestURL: address, RequestToken: "bearer-1"})(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "id-token: write") ||
			strings.Contains(err.Error(), "bearer-1") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
