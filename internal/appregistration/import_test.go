package appregistration_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// wizardMade is an application as CodeTwo's wizard leaves it: its usual name, permissions declared and consented, and a
// certificate of five years whose key is on the migration server.
func wizardMade(t *testing.T, env *acctest.Env) acctest.HandmadeApp {
	t.Helper()
	tenantID := env.Tenant(0).TenantID
	app := env.RegisterByHand(tenantID, "CodeTwo Office 365 Migration Target")
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "CodeTwo", KeySize: 2048,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	env.Graph(tenantID, http.MethodPatch, "/applications/"+app.ObjectID, map[string]any{
		"keyCredentials": []any{map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": pair.Certificate.Raw}},
		"requiredResourceAccess": []any{
			map[string]any{"resourceAppId": "00000002-0000-0ff1-ce00-000000000000",
				"resourceAccess": []any{map[string]any{"id": "dc890d15-9560-4a4c-9b7f-a736ec74ec40", "type": "Role"}}},
			map[string]any{"resourceAppId": graphAPI,
				"resourceAccess": []any{map[string]any{"id": "7ab1d382-f21e-4acd-a863-ba3e13f7da61", "type": "Role"}}},
		},
	})
	return app
}

func importing(tenantID, id string) string {
	return fmt.Sprintf("import {\n  to = %s\n  id = \"%s/%s\"\n}\n", address, tenantID, id)
}

func TestAccTargetAppRegistration_TheWizardsOwnAppImportsWithNothingToChange(t *testing.T) {
	for name, id := range map[string]func(acctest.HandmadeApp) string{
		"by client ID": func(app acctest.HandmadeApp) string { return app.ClientID },
		"by object ID": func(app acctest.HandmadeApp) string { return app.ObjectID },
	} {
		t.Run(name, func(t *testing.T) {
			env := acctest.Start(t, sandbox.Options{})
			app := wizardMade(t, env)
			before, _ := env.Application(0, app.ClientID)
			run(t, env, resource.TestStep{
				Config: env.Provider(env.Tenant(0).Callers.Full) + importing(env.Tenant(0).TenantID, id(app)) + minimal,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop),
				}},
				ConfigStateChecks: []statecheck.StateCheck{
					statecheck.ExpectKnownValue(address, tfjsonpath.New("client_id"), knownvalue.StringExact(app.ClientID)),
					statecheck.ExpectKnownValue(address, tfjsonpath.New("permission_profile"),
						knownvalue.StringExact("existing_mailboxes")),
					statecheck.ExpectKnownValue(address, tfjsonpath.New("revoke_unexpected_permissions"), knownvalue.Bool(false)),
					statecheck.ExpectKnownValue(address, tfjsonpath.New("certificate").AtMapKey("key_source"),
						knownvalue.StringExact("external")),
					statecheck.ExpectKnownValue(address, tfjsonpath.New("certificate").AtMapKey("thumbprint"),
						knownvalue.StringExact(before.Keys[0].Thumbprint)),
				},
				Check: func(*terraform.State) error {
					if after, _ := env.Application(0, app.ClientID); len(after.Keys) != 1 || len(after.Secrets) != 1 ||
						grantsOf(env, app.ClientID) != 2 {
						return fmt.Errorf("the import changed the application: %+v", after)
					}
					return nil
				},
			})
		})
	}
}

func TestAccTargetAppRegistration_AnImportedAppKeepsWhatAStrangerGrantedUntilAskedOtherwise(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenantID := env.Tenant(0).TenantID
	app := wizardMade(t, env)
	m := &made{env: env, tenantID: tenantID}
	principal := env.Graph(tenantID, http.MethodGet, "/servicePrincipals(appId='"+app.ClientID+"')?$select=id", nil)
	m.principalID = principal["id"].(string)
	m.grant(graphAPI, mailRead)
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{
			Config: provider + importing(tenantID, app.ClientID) + minimal,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address,
					tfjsonpath.New("unexpected_permissions").AtMapKey(mailReadName).AtMapKey("consented"), knownvalue.Bool(true)),
			},
			Check: func(*terraform.State) error {
				if count := grantsOf(env, app.ClientID); count != 3 {
					return fmt.Errorf("%d permissions are granted", count)
				}
				return nil
			},
		},
		resource.TestStep{
			Config: provider + registration(`revoke_unexpected_permissions = true`),
			Check: func(*terraform.State) error {
				if count := grantsOf(env, app.ClientID); count != 2 {
					return fmt.Errorf("%d permissions are granted", count)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_AnImportedCertificateIsTakenOverOnlyWhenAsked(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenantID := env.Tenant(0).TenantID
	app := wizardMade(t, env)
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + importing(tenantID, app.ClientID) + minimal},
		resource.TestStep{
			Config: provider + registration(`certificate = { take_over = true }`),
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("certificate").AtMapKey("key_source"),
					knownvalue.StringExact("generated")),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("certificate").AtMapKey("previous"),
					knownvalue.ListSizeExact(1)),
			},
			Check: func(*terraform.State) error {
				if application, _ := env.Application(0, app.ClientID); len(application.Keys) != 2 {
					return fmt.Errorf("the application's keys are %+v", application.Keys)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_AnImportOfSomethingElseIsRefused(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenantID := env.Tenant(0).TenantID
	provider := env.Provider(env.Tenant(0).Callers.Full)
	for name, c := range map[string]struct {
		id   string
		want []string
	}{
		"no such application": {"11111111-1111-4111-8111-111111111111", []string{"No such application", tenantID}},
		"no GUID":             {"CodeTwo", []string{"Unusable import ID", "<tenant_id>/<client ID or object ID>"}},
	} {
		t.Run(name, func(t *testing.T) {
			resource.Test(t, resource.TestCase{
				TerraformVersionChecks:   acctest.Needs,
				ProtoV6ProviderFactories: env.Factories(),
				Steps: []resource.TestStep{{Config: provider + importing(tenantID, c.id) + minimal,
					PlanOnly: true, ExpectError: expect.Error(c.want...)}},
			})
		})
	}
}

// ownCertificate is a certificate of the user's own, in PEM.
func ownCertificate(t *testing.T, years int) string {
	t.Helper()
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "own", KeySize: 2048,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(years, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return certificate.EncodePEM(pair.Certificate)
}
