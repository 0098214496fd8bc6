package acctest_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// These tests let Microsoft's own client library, which signin is made of, sign in to the sandbox.

func TestProvider_OneCallerSignsInToEveryTenantByIDAndByDomain(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Tenants: 3})
	full := env.Tenant(0).Callers.Full
	caller, err := auth.NewCaller(auth.Identity{TenantID: env.Tenant(0).TenantID, ClientID: full.ClientID,
		Credential: auth.ClientSecret{Value: full.ClientSecret}}, env.Endpoints(), env.Client(), retry.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for _, name := range []string{env.Tenant(i).TenantID, env.Tenant(i).Domain} {
			token, err := caller.Token(t.Context(), name, auth.GraphScope(env.Endpoints()))
			if err != nil {
				t.Fatalf("signing in to %s: %v", name, err)
			}
			if roles, err := auth.Roles(token.Value); err != nil || !slices.Contains(roles, "Application.ReadWrite.All") {
				t.Errorf("the token for %s has the roles %v (%v)", name, roles, err)
			}
		}
	}
}

func TestProvider_AnAppSignsInByCertificateToEachAPIWithThatAPIsRoles(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{})
	tenantID := env.Tenant(0).TenantID
	byHand := env.RegisterByHand(tenantID, "CodeTwo by hand")
	pair, err := certificate.Generate(rand.Reader,
		certificate.Template{CommonName: "CodeTwo", KeySize: 2048, NotBefore: time.Now().Add(-time.Hour),
			NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	env.Graph(tenantID, http.MethodPatch, "/applications/"+byHand.ObjectID, map[string]any{"keyCredentials": []any{
		map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": pair.Certificate.Raw},
	}})
	app, err := auth.NewApp(auth.App{TenantID: tenantID, ClientID: byHand.ClientID, Certificate: pair.Certificate,
		Key: pair.Key}, env.Endpoints(), env.Client(), retry.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	for scope, want := range map[string]string{
		auth.GraphScope(env.Endpoints()): "Directory.Read.All", auth.ExchangeScope(env.Endpoints()): "full_access_as_app",
	} {
		token, err := app.Token(t.Context(), scope)
		if err != nil {
			t.Fatalf("signing in for %s: %v", scope, err)
		}
		if roles, err := auth.Roles(token.Value); err != nil || !slices.Equal(roles, []string{want}) {
			t.Errorf("the token for %s has the roles %v (%v), want only %s", scope, roles, err, want)
		}
	}
}

func TestProvider_ARefusedSecretIsReportedByItsCode(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{})
	full := env.Tenant(0).Callers.Full
	app, err := auth.NewApp(auth.App{TenantID: env.Tenant(0).TenantID, ClientID: full.ClientID, ClientSecret: "wrong"},
		env.Endpoints(), env.Client(), retry.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = app.Token(t.Context(), auth.GraphScope(env.Endpoints()))
	var refused *auth.Error
	if !errors.As(err, &refused) || !refused.Has(7000215) || refused.CorrelationID == "" {
		t.Errorf("the error is %v", err)
	}
}
