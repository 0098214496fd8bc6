package provider

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

func sandboxAt(origin string) variables {
	return variables{"CODETWO_LOGIN_ENDPOINT": origin, "CODETWO_GRAPH_ENDPOINT": origin,
		"CODETWO_EXCHANGE_ENDPOINT": origin}
}

func endpointsAt(origin string) values {
	return values{"endpoints": values{"login": origin, "graph": origin, "exchange": origin}}
}

func TestProvider_EndpointsAreTheWorldwideCloudsOrAllThreeOnThisMachine(t *testing.T) {
	const (
		here      = "https://127.0.0.1:8443"
		there     = "https://sandbox.example.org"
		microsoft = "https://login.microsoftonline.com"
	)
	allowed := variables{"CODETWO_ALLOW_CUSTOM_ENDPOINTS": "1"}
	for name, c := range map[string]struct {
		given values
		env   variables
		login string   // "" when refused
		want  []string // of the only diagnostic
	}{
		"nothing set":          {nil, nil, microsoft, nil},
		"in the configuration": {endpointsAt(here), nil, here, []string{"Warning", here}},
		"in the environment":   {nil, sandboxAt(here), here, []string{"Warning", here}},
		"the configuration's first": {endpointsAt("https://localhost:1"), sandboxAt(here), "https://localhost:1",
			[]string{"https://localhost:1"}},
		"elsewhere, allowed": {nil, sandboxAt(there).and(allowed), there, []string{"Warning", there}},
		"one missing": {nil, variables{"CODETWO_LOGIN_ENDPOINT": here, "CODETWO_GRAPH_ENDPOINT": here}, "",
			[]string{"CODETWO_EXCHANGE_ENDPOINT", "all three or none"}},
		"Microsoft's own, written out": {values{"endpoints": values{"login": microsoft,
			"graph": "https://graph.microsoft.com", "exchange": "https://Outlook.office365.com"}}, nil, microsoft, nil},
		"one of Microsoft's, two here": {values{"endpoints": values{"login": here, "graph": "https://graph.microsoft.com",
			"exchange": here}}, nil, "",
			[]string{"Mixed endpoints", "endpoints.graph is Microsoft's", "endpoints.login is not (" + here}},
		"one of Microsoft's, two elsewhere, allowed": {nil,
			sandboxAt(there).and(allowed).and(variables{"CODETWO_GRAPH_ENDPOINT": "https://graph.microsoft.com"}), "",
			[]string{"Mixed endpoints", "CODETWO_GRAPH_ENDPOINT is Microsoft's"}},
		"Microsoft's in the wrong places": {values{"endpoints": values{"login": "https://graph.microsoft.com",
			"graph": microsoft, "exchange": "https://outlook.office365.com"}}, nil, "",
			[]string{"Mixed endpoints", "sign-in https://login.microsoftonline.com, Microsoft Graph " +
				"https://graph.microsoft.com"}},
	} {
		t.Run(name, func(t *testing.T) {
			var problems diag.Diagnostics
			got := resolveEndpoints(model(t, c.given), c.env.get, &problems)
			if c.want == nil {
				expectNone(t, texts(problems))
			} else {
				expectOne(t, texts(problems), c.want...)
			}
			if c.login != "" && (got.Login != c.login || problems.HasError()) {
				t.Errorf("endpoints %+v", got)
			}
		})
	}
	for name, env := range map[string]variables{
		"elsewhere":                       sandboxAt(there),
		"elsewhere, not exactly allowed":  sandboxAt(there).and(variables{"CODETWO_ALLOW_CUSTOM_ENDPOINTS": "true"}),
		"without encryption":              sandboxAt("http://127.0.0.1:8443"),
		"without encryption, but allowed": sandboxAt("http://127.0.0.1:8443").and(allowed),
		"with a path":                     sandboxAt(here + "/login"),
		"a name like this machine's":      sandboxAt("https://localhost.example.org"),
	} {
		t.Run(name, func(t *testing.T) {
			var problems diag.Diagnostics
			resolveEndpoints(model(t, nil), env.get, &problems)
			if problems.ErrorsCount() != 3 || !strings.Contains(strings.Join(texts(problems), "\n"), "CODETWO_GRAPH_ENDPOINT") {
				t.Errorf("diagnostics:\n%s", strings.Join(texts(problems), "\n"))
			}
		})
	}
}

func TestProvider_OnlyTheWorldwideCloudIsServed(t *testing.T) {
	for cloud, want := range map[string][]string{
		"": nil, "global": nil, "public": nil, "Global": nil,
		"germany": {"2021-10-29"}, "usgovernment": {"worldwide cloud only"}, "dod": {"worldwide cloud only"},
		"china": {"worldwide cloud only"}, "moon": {"moon"},
	} {
		var configured, inherited diag.Diagnostics
		given := values{}
		if cloud != "" {
			given["environment"] = cloud
		}
		checkEnvironment(model(t, given), variables{}.get, &configured)
		checkEnvironment(model(t, nil), variables{"ARM_ENVIRONMENT": cloud}.get, &inherited)
		if want == nil {
			expectNone(t, texts(configured))
			expectNone(t, texts(inherited))
			continue
		}
		expectOne(t, texts(configured), append(want, "environment: Error")...)
		expectOne(t, texts(inherited), append(want, "ARM_ENVIRONMENT")...)
	}
}

func TestProvider_WithoutAStoreTheErrorHoldsTheLinesToPaste(t *testing.T) {
	s, problems := configure(t, newProvider(armSecret), nil)
	expectNone(t, texts(problems))
	if s.StoreUnknown() {
		t.Error("a store that is not configured counts as unknown")
	}
	_, err := s.Store()
	if err == nil || !strings.HasPrefix(err.Error(), "No connection store is configured. ") ||
		!strings.Contains(err.Error(), `url = "file://${abspath(path.root)}/codetwo-store"`) ||
		!strings.Contains(err.Error(),
			"CODETWO_STORE_PASSPHRASE") {
		t.Errorf("error: %v", err)
	}
}

func TestProvider_StoreComesFromConfigurationOrEnvironment(t *testing.T) {
	folder := t.TempDir()
	url := "file://" + filepath.ToSlash(folder)
	for name, c := range map[string]struct {
		given values
		env   variables
	}{
		"configuration": {values{"connection_store": values{"url": url,
			"passphrase": "twelve characters"}}, nil},
		"environment": {nil, variables{"CODETWO_STORE_URL": url,
			"CODETWO_STORE_PASSPHRASE": "twelve characters"}},
		"URL here, passphrase there": {values{"connection_store": values{"url": url}},
			variables{"CODETWO_STORE_PASSPHRASE": "twelve characters"}},
		"without a passphrase (to destroy)": {values{"connection_store": values{"url": url}}, nil},
	} {
		s, problems := configure(t, newProvider(armSecret.and(c.env)), c.given)
		expectNone(t, texts(problems))
		first, err := s.Store()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if second, _ := s.Store(); first != second {
			t.Errorf("%s: the store was opened twice", name)
		}
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
		t.Errorf("configuring wrote into the store: %v, %v", entries, err)
	}
	for name, c := range map[string]struct {
		env  variables
		want []string
	}{
		"short passphrase": {variables{"CODETWO_STORE_URL": url, "CODETWO_STORE_PASSPHRASE": "short"},
			[]string{"CODETWO_STORE_PASSPHRASE", "12"}},
		"relative path": {variables{"CODETWO_STORE_URL": "file://store"}, []string{"CODETWO_STORE_URL", "file:///"}},
		"a bucket":      {variables{"CODETWO_STORE_URL": "s3://bucket"}, []string{"CODETWO_STORE_URL", "file:///"}},
	} {
		_, problems := configure(t, newProvider(armSecret.and(c.env)), nil)
		t.Run(name, func(t *testing.T) { expectOne(t, texts(problems), c.want...) })
	}
}

func TestProvider_UnknownValuesWait(t *testing.T) {
	t.Run("the identity's", func(t *testing.T) {
		s, problems := configure(t, newProvider(nil), values{"tenant_id": tenantA, "client_id": client1,
			"client_secret": notYet})
		expectNone(t, texts(problems))
		if got := strings.Join(s.Unknown(), " "); got != "client_secret" || s.StoreUnknown() {
			t.Errorf("unknown: %q, store %v", got, s.StoreUnknown())
		}
		if s.TenantID().ValueString() != tenantA {
			t.Errorf("tenant: %s", s.TenantID())
		}
	})
	t.Run("the tenant", func(t *testing.T) {
		s, _ := configure(t, newProvider(armSecret), values{"tenant_id": notYet})
		if !s.TenantID().IsUnknown() {
			t.Errorf("tenant: %s", s.TenantID())
		}
	})
	t.Run("an endpoint", func(t *testing.T) {
		s, problems := configure(t, newProvider(armSecret), values{"endpoints": values{"login": notYet,
			"graph": "https://127.0.0.1:1", "exchange": "https://127.0.0.1:1"}})
		expectNone(t, texts(problems))
		if got := strings.Join(s.Unknown(), " "); got != "endpoints.login" || !slices.Equal(s.UnknownCloud(), s.Unknown()) {
			t.Errorf("unknown: %q, of the cloud %q", got, s.UnknownCloud())
		}
		response, err := s.HTTPClient().Get("https://127.0.0.1:1/")
		if err == nil {
			_ = response.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "endpoints.login") {
			t.Errorf("a request went out: %v", err)
		}
	})
	for name, given := range map[string]any{"the whole store": notYet, "its URL": values{"url": notYet},
		"its passphrase": values{"url": "file:///x", "passphrase": notYet}} {
		t.Run(name, func(t *testing.T) {
			s, problems := configure(t, newProvider(armSecret), values{"connection_store": given})
			expectNone(t, texts(problems))
			if !s.StoreUnknown() || len(s.Unknown()) != 0 {
				t.Errorf("store unknown: %v, others %q", s.StoreUnknown(), s.Unknown())
			}
			if _, err := s.Store(); err == nil || err.Error() != "The provider's connection_store is not known while planning." {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestProvider_WhatIsWrongInAnyEnvironmentIsRefusedByValidate(t *testing.T) {
	for name, c := range map[string]struct {
		given values
		want  []string
	}{
		"tenant": {values{"tenant_id": "contoso"}, []string{"tenant_id", "contoso", "GUID"}},
		"cloud":  {values{"environment": "germany"}, []string{"environment", "2021-10-29"}},
		"endpoint": {values{"endpoints": values{"login": "http://x", "graph": "https://127.0.0.1:1",
			"exchange": "https://127.0.0.1:1"}}, []string{"endpoints", "login", "http://x"}},
		"store": {values{"connection_store": values{"url": "store"}}, []string{"connection_store", "url",
			"file:///"}},
		"passphrase": {values{"connection_store": values{"url": "file:///x", "passphrase": "never-show"}},
			[]string{"passphrase", "at least 12"}},
		"empty secret": {values{"client_secret": ""}, []string{"client_secret"}},
		"two secrets": {values{"client_secret": secret1, "client_secret_file_path": "/s"},
			[]string{"client_secret_file_path", "client_secret"}},
		"half a token pair": {values{"oidc_request_url": "https://x"}, []string{"oidc_request_token"}},
	} {
		t.Run(name, func(t *testing.T) { expectOne(t, validate(t, newProvider(armSecret), c.given), c.want...) })
	}
	t.Run("nothing, where nobody signs in", func(t *testing.T) {
		expectNone(t, validate(t, newProvider(nil), values{"tenant_id": tenantA, "client_id": client1,
			"connection_store": values{"passphrase": notYet}}))
	})
}

func TestProvider_UnusableFilesAreNamed(t *testing.T) {
	folder := t.TempDir()
	empty, odd, missing := filepath.Join(folder, "empty.pem"), filepath.Join(folder, "odd.pem"), filepath.Join(folder,
		"missing.pem")
	for file, content := range map[string]string{empty: "", odd: "no certificate"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{empty, odd, missing} {
		_, problems := configure(t, newProvider(armSecret), values{"ca_certificate_path": file})
		expectOne(t, texts(problems), "ca_certificate_path: Error", file)
		_, problems = configure(t, newProvider(armSecret.and(variables{"CODETWO_CA_CERTIFICATE_PATH": file})), nil)
		expectOne(t, texts(problems), "CODETWO_CA_CERTIFICATE_PATH", file)
	}
}

func TestProvider_ACredentialThatCannotBeUsedIsReportedWhereItIsSet(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	pair, err := certificate.Generate(rand.Reader, certificate.Template{KeySize: 2048, NotBefore: time.Now(),
		NotAfter: time.Now().Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	data, err := certificate.EncodePFX(pair, "the password", certificate.AES256)
	if err != nil {
		t.Fatal(err)
	}
	pfx := base64.StdEncoding.EncodeToString(data)
	encrypted := filepath.Join(t.TempDir(), "encrypted.pem")
	text := certificate.EncodePEM(pair.Certificate) + "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED " +
		"PRIVATE KEY-----\n"
	if err := os.WriteFile(encrypted, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ids := values{"tenant_id": tenantA, "client_id": client1}
	for name, c := range map[string]struct {
		given values
		env   variables
		want  []string
	}{
		"configured secret file": {values{"client_secret_file_path": missing}, nil,
			[]string{"client_secret_file_path: Error: Cannot sign in", missing}},
		"secret file": {nil, variables{"ARM_CLIENT_SECRET_FILE_PATH": missing},
			[]string{"variable ARM_CLIENT_SECRET_FILE_PATH: ", missing}},
		"certificate file": {nil, variables{"ARM_CLIENT_CERTIFICATE_PATH": missing},
			[]string{"variable ARM_CLIENT_CERTIFICATE_PATH: ", missing}},
		"encrypted PEM": {values{"client_certificate_path": encrypted}, nil,
			[]string{"client_certificate_path: Error", encrypted, "unencrypted private key"}},
		"configured PFX's password": {values{"client_certificate": pfx, "client_certificate_password": secret1}, nil,
			[]string{"client_certificate_password: Error", "does not open"}},
		"PFX's password": {nil, variables{"ARM_CLIENT_CERTIFICATE": pfx, "ARM_CLIENT_CERTIFICATE_PASSWORD": secret1},
			[]string{"variable ARM_CLIENT_CERTIFICATE_PASSWORD: ", "does not open"}},
		"configured PFX, no password": {values{"client_certificate": pfx}, nil, []string{"client_certificate: Error",
			"set in client_certificate_password"}},
	} {
		t.Run(name, func(t *testing.T) {
			env, given := c.env.and(nil), values{}
			if c.given == nil {
				env = env.and(armIDs)
			} else {
				maps.Copy(given, ids)
				maps.Copy(given, c.given)
			}
			_, problems := configure(t, newProvider(env), given)
			expectOne(t, texts(problems), c.want...)
		})
	}
}

func TestProvider_IdentitiesOfTheMachineAreRefusedWithOtherEndpoints(t *testing.T) {
	_, problems := configure(t, newProvider(sandboxAt("https://127.0.0.1:8443")), values{"tenant_id": tenantA})
	if got := texts(problems.Errors()); len(got) != 1 || !strings.Contains(got[0], "Azure CLI") ||
		!strings.Contains(got[0], "https://127.0.0.1:8443") {
		t.Errorf("diagnostics: %q", got)
	}
}
