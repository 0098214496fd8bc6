package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

func TestRefusalIsReadAndNamesTenantAndApplication(t *testing.T) {
	service := newSignInService(t)
	service.grant = refuse(http.StatusUnauthorized, 7000215, "Invalid client secret provided.")
	_, err := service.caller(t, ClientSecret{Value: secret1}).Token(t.Context(), tenantB, graphScope)
	refused, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("error %T: %v", err, err)
	}
	if refused.Code != "AADSTS7000215" || !refused.Has(7000215) || refused.Status != 401 ||
		refused.CorrelationID != "correlation-1" ||
		refused.TraceID != "trace-1" || refused.TenantID != tenantB || refused.ClientID != client1 ||
		!strings.HasPrefix(refused.Description, "AADSTS7000215: Invalid") {
		t.Errorf("%+v", refused)
	}
	const want = "signing in to tenant " + tenantB + " as application " + client1 +
		": AADSTS7000215: Invalid client secret provided. (HTTP 401) (correlation ID correlation-1, trace ID trace-1)"
	if err.Error() != want {
		t.Errorf("text:\n%s\nwant:\n%s", err, want)
	}
	if refused.NextStep() == "" {
		t.Errorf("no next step")
	}
	if n := len(service.requests()); n != 1 {
		t.Errorf("a final refusal was asked for %d times", n)
	}
}

func TestNoErrorShowsWhatWasSent(t *testing.T) {
	pfx, err := certificate.EncodePFX(testPair(), "pfx-password", certificate.AES256)
	if err != nil {
		t.Fatal(err)
	}
	credentials := map[string]Credential{
		"secret": ClientSecret{Value: secret1}, "assertion": OIDCToken{Value: "header.payload.signature"},
		"certificate": ClientCertificate{Data: pfx, Password: "pfx-password"},
	}
	answers := map[string]func(w http.ResponseWriter, tenant string, form url.Values){
		"a refusal that repeats the request": func(w http.ResponseWriter, tenant string, form url.Values) {
			refuse(401, 7000215, "You sent "+form.Get("client_secret")+form.Get("client_assertion"))(w, tenant, form)
		},
		"an encoded repetition": func(w http.ResponseWriter, tenant string, form url.Values) {
			refuse(401, 7000215, "You sent "+form.Encode())(w, tenant, form)
		},
		"another body": func(w http.ResponseWriter, _ string, form url.Values) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<html>"+form.Encode())
		},
		"a token that is cut off": func(w http.ResponseWriter, tenant string, form url.Values) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":"`+tokenOf(tenant)+form.Get("client_secret"))
		},
		"a token without end": func(w http.ResponseWriter, tenant string, form url.Values) {
			writeJSON(w, http.StatusOK, map[string]any{"access_token": tokenOf(tenant), "echo": form})
		},
	}
	for what, answer := range answers {
		for with, credential := range credentials {
			t.Run(what+" to a "+with, func(t *testing.T) {
				service := newSignInService(t)
				service.grant = answer
				_, err := service.caller(t, credential).Token(t.Context(), tenantA, graphScope)
				if err == nil {
					t.Fatal("no error")
				}
				form := service.requests()[0]
				for _, secret := range []string{form.Get("client_secret"), form.Get("client_assertion"), tokenOf(tenantA),
					"pfx-password"} {
					if secret != "" && (strings.Contains(err.Error(), secret) ||
						strings.Contains(err.Error(), url.QueryEscape(secret))) {
						t.Errorf("the error shows a secret: %v", err)
					}
				}
				if !strings.Contains(err.Error(), tenantA) {
					t.Errorf("the error names no tenant: %v", err)
				}
			})
		}
	}
}

func TestAnswerOfSomethingInBetweenIsToldApart(t *testing.T) {
	service := newSignInService(t)
	service.grant = func(w http.ResponseWriter, _ string, _ url.Values) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<html>blocked by the proxy</html>")
	}
	_, err := service.caller(t, ClientSecret{Value: secret1}).Token(t.Context(), tenantA, graphScope)
	refused, ok := errors.AsType[*Error](err)
	if !ok || refused.Status != http.StatusForbidden || refused.Code != "" ||
		!strings.Contains(err.Error(), "not Entra's") || !strings.Contains(refused.NextStep(), "HTTPS_PROXY") {
		t.Errorf("%v", err)
	}
}

func TestSecretStaysAtItsOrigin(t *testing.T) {
	var stolen int
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen++ }))
	defer thief.Close()
	client := func(t *testing.T, s *signInService) *Caller {
		caller, err := NewCaller(Identity{TenantID: tenantA, ClientID: client1, Credential: ClientSecret{Value: secret1}},
			s.endpoints(), trusting(t, s.Server, thief), retry.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		return caller
	}
	t.Run("when the answer is a redirect", func(t *testing.T) {
		service := newSignInService(t)
		service.grant = func(w http.ResponseWriter, _ string, _ url.Values) {
			w.Header().Set("Location", thief.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
		_, err := client(t, service).Token(t.Context(), tenantA, graphScope)
		if err == nil || !strings.Contains(err.Error(), "redirect") {
			t.Errorf("error: %v", err)
		}
	})
	t.Run("when the OpenID configuration names a token endpoint elsewhere", func(t *testing.T) {
		service := newSignInService(t)
		service.tokenEndpoint = thief.URL + "/token"
		if _, err := client(t, service).Token(t.Context(), tenantA, graphScope); err != nil || len(service.requests()) != 1 {
			t.Errorf("%d token requests, error %v", len(service.requests()), err)
		}
	})
	if stolen != 0 {
		t.Errorf("%d requests arrived elsewhere", stolen)
	}
}

func TestCancelledSignInSaysSo(t *testing.T) {
	service := newSignInService(t)
	asked, release := make(chan struct{}), make(chan struct{})
	service.grant = func(http.ResponseWriter, string, url.Values) { close(asked); <-release }
	defer close(release)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	_, err := service.caller(t, ClientSecret{Value: secret1}).Token(ctx, tenantA, graphScope)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), tenantA) {
		t.Errorf("error: %v", err)
	}
}

func TestDiscoverTellsWhetherATenantExists(t *testing.T) {
	service := newSignInService(t)
	if err := Discover(t.Context(), service.endpoints(), trusting(t, service.Server), retry.Policy{},
		tenantA); err != nil {
		t.Errorf("an existing tenant: %v", err)
	}
	var portal string
	answers := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/"+tenantB+"/") {
			refuse(http.StatusBadRequest, 90002, "Tenant '"+tenantB+"' not found.")(w, tenantB, nil)
			return
		}
		_, _ = io.WriteString(w, portal)
	}))
	defer answers.Close()
	endpoints := Endpoints{Login: answers.URL}
	refused, ok := errors.AsType[*Error](Discover(t.Context(), endpoints, trusting(t, answers), retry.Policy{}, tenantB))
	if !ok || !refused.Has(90002) || refused.TenantID != tenantB {
		t.Errorf("a missing tenant: %+v", refused)
	}
	for _, portal = range []string{"<html>sign in to the hotel's network</html>", `{"captive":true}`} {
		if err := Discover(t.Context(), endpoints, trusting(t, answers), retry.Policy{}, tenantA); err == nil ||
			errors.As(err, new(*Error)) {
			t.Errorf("a captive portal that answers %s: %v", portal, err)
		}
	}
}

func TestRolesAreReadFromAToken(t *testing.T) {
	roles, err := Roles(tokenOf(tenantA, "full_access_as_app", "Directory.Read.All"))
	if err != nil || strings.Join(roles, " ") != "full_access_as_app Directory.Read.All" {
		t.Errorf("roles %v, error %v", roles, err)
	}
	for _, broken := range []string{"", "opaque-token", "a.b.c", "a.!!!.c", "a.W10.c"} {
		if _, err := Roles(broken); err == nil || broken != "" && strings.Contains(err.Error(), broken) {
			t.Errorf("%q: error %v", broken, err)
		}
	}
	part := base64.RawURLEncoding.EncodeToString
	odd := `{"exp":"never","aud":[1,2],"iss":{},"sub":7,"roles":["full_access_as_app"]}`
	roles, err = Roles(part([]byte(`{"alg":"none"}`)) + "." + part([]byte(odd)) + ".")
	if err != nil || strings.Join(roles, " ") != "full_access_as_app" {
		t.Errorf("of a token with odd claims that nothing reads: roles %v, error %v", roles, err)
	}
}
