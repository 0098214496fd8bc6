package appregistration_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestAccTargetAppRegistration_AnApplicationThatWasPurgedByHandIsMadeAnew(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	config := env.Provider(env.Tenant(0).Callers.Full) + minimal
	run(t, env,
		resource.TestStep{Config: config, Check: m.remember},
		resource.TestStep{
			PreConfig: func() {
				m.graph(http.MethodDelete, "/applications/"+m.objectID, nil)
				m.graph(http.MethodDelete, "/directory/deletedItems/"+m.principalID, nil)
				m.graph(http.MethodDelete, "/directory/deletedItems/"+m.objectID, nil)
			},
			Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address,
				plancheck.ResourceActionCreate)}},
			Check: func(*terraform.State) error {
				if files, _ := filepath.Glob(filepath.Join(env.Store, m.tenantID, "certificates", "*.pfx")); len(files) != 1 {
					return fmt.Errorf("the store holds %v, want the new key alone", files)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_AnApplicationDeletedByHandComesBackWhenAsked(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	remove := func() { m.graph(http.MethodDelete, "/applications/"+m.objectID, nil) }
	run(t, env,
		resource.TestStep{Config: provider + minimal, Check: m.remember},
		resource.TestStep{PreConfig: remove, Config: provider + minimal,
			ExpectError: expect.Error("A deleted application has this name", "restore_deleted = true")},
		resource.TestStep{
			Config: provider + registration(`restore_deleted = true`),
			Check:  resource.TestCheckResourceAttrWith(address, "client_id", same(&m.clientID)),
		},
	)
}

// same is a check that a value is what it was.
func same(before *string) resource.CheckResourceAttrWithFunc {
	return func(value string) error {
		if value != *before {
			return fmt.Errorf("%s, was %s", value, *before)
		}
		return nil
	}
}

func TestAccTargetAppRegistration_ReplacingARegistrationByItselfIsRefusedBeforeAnythingIsLost(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + minimal, Check: m.remember},
		resource.TestStep{Taint: []string{address}, Config: provider + minimal,
			ExpectError: expect.Error("The registration exists already", "restore_deleted = true")},
		resource.TestStep{
			Config: provider + registration(`restore_deleted = true`),
			Check:  resource.TestCheckResourceAttrWith(address, "client_id", same(&m.clientID)),
		},
	)
}

func TestAccTargetAppRegistration_TwoResourcesOfOneUniqueNameNeverShareAnApplication(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{{
			Config: env.Provider(env.Tenant(0).Callers.Full) +
				registration("unique_name = \"codetwo-one\"\n  display_name = \"One\"") +
				strings.Replace(registration("unique_name = \"codetwo-one\"\n  display_name = \"Two\""),
					"\"target\"", "\"second\"", 1),
			ExpectError: expect.Error("registration", "codetwo-one"),
		}},
	})
	if left := ours(env); len(left) > 1 {
		t.Errorf("the tenant holds %+v", left)
	}
}

func TestAccTargetAppRegistration_AnImportedApplicationIsNeverPurgedUnasked(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	app := wizardMade(t, env)
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + importing(env.Tenant(0).TenantID, app.ClientID) + minimal},
		resource.TestStep{Config: provider + registration(`certificate = { take_over = true }`)},
	)
	if deleted := env.State(0).DeletedItems; len(deleted) != 2 {
		t.Errorf("the recycle bin holds %+v, want the application and its service principal", deleted)
	}
}

func TestAccTargetAppRegistration_TheCaseOfTheTenantIDChangesNothingInTheTenant(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + registration(fmt.Sprintf("tenant_id = %q", m.tenantID)), Check: m.remember},
		resource.TestStep{
			Config: provider + registration(fmt.Sprintf("tenant_id = %q", strings.ToUpper(m.tenantID))),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(address,
				plancheck.ResourceActionUpdate)}},
			Check: resource.TestCheckResourceAttrWith(address, "client_id", same(&m.clientID)),
		},
	)
}

func TestAccTargetAppRegistration_ARenameOntoATakenNameIsRefused(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	env.Graph(env.Tenant(0).TenantID, http.MethodPost, "/applications", map[string]any{"displayName": "Taken"})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{
			{Config: provider + minimal},
			{Config: provider + registration(`display_name = "Taken"`), ExpectError: expect.Error("The application exists already", "Taken")},
		},
	})
}

func TestAccTargetAppRegistration_AnExternalCertificateIsNotReplacedWithoutTakeOver(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	app := wizardMade(t, env)
	provider := env.Provider(env.Tenant(0).Callers.Full)
	own := fmt.Sprintf("certificate = { public_certificate_pem = %q }", ownCertificate(t, 5))
	run(t, env,
		resource.TestStep{Config: provider + importing(env.Tenant(0).TenantID, app.ClientID) + minimal},
		resource.TestStep{Config: provider + registration(own), PlanOnly: true,
			ExpectError: expect.Error("certificate.take_over = true")},
	)
}

func TestAccTargetAppRegistration_AProvidedCertificateNearItsEndWarnsAndPlansNothing(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	own := fmt.Sprintf("certificate = {\n    public_certificate_pem = %q\n    renew_before_days = 700\n  }",
		ownCertificate(t, 1))
	// A second plan is made of every step, and has to be empty.
	run(t, env, resource.TestStep{Config: env.Provider(env.Tenant(0).Callers.Full) + registration(own)})
}

func TestAccTargetAppRegistration_TheKeyOfACertificateThatSomebodyRemovedLeavesTheStoreWithTheRotation(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + minimal, Check: m.remember},
		resource.TestStep{
			PreConfig: func() {
				m.graph(http.MethodPatch, "/applications/"+m.objectID, map[string]any{"keyCredentials": []any{}})
			},
			Config: provider + registration(`certificate = { validity_years = 1 }`),
			Check: func(*terraform.State) error {
				if files, _ := filepath.Glob(filepath.Join(env.Store, m.tenantID, "certificates", "*.pfx")); len(files) != 1 {
					return fmt.Errorf("the store holds %v, want the new key alone", files)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_AReplacedCertificateGoesAtOnceWhereNoDaysAreGiven(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + registration(`certificate = { previous_certificate_days = 0 }`),
			Check: m.remember},
		resource.TestStep{
			Config: provider + registration(`certificate = { previous_certificate_days = 0, key_size = 3072 }`),
			Check: func(*terraform.State) error {
				if application, _ := env.Application(0, m.clientID); len(application.Keys) != 1 ||
					application.Keys[0].Thumbprint == m.thumbprint {
					return fmt.Errorf("the application's keys are %+v", application.Keys)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_ACallerWithoutRightsLeavesNothingInTheStore(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{{
			Config:      env.Provider(env.Tenant(0).Callers.ReadOnly) + minimal,
			ExpectError: expect.Error("Authorization_RequestDenied", "Application.ReadWrite.OwnedBy"),
		}},
	})
	for _, pattern := range []string{"certificates/*", "registrations/*"} {
		if left, _ := filepath.Glob(filepath.Join(env.Store, env.Tenant(0).TenantID, pattern)); len(left) > 0 {
			t.Errorf("the store holds %v", left)
		}
	}
}

func TestAccTargetAppRegistration_ADeletedApplicationIsFoundByItsUniqueNameUnderAnyDisplayName(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	named := func(displayName string) string {
		return provider + registration(fmt.Sprintf("unique_name = \"codetwo-one\"\n  display_name = %q", displayName))
	}
	run(t, env,
		resource.TestStep{Config: named("One")},
		resource.TestStep{Config: named("Two")},
		resource.TestStep{Config: provider, Check: func(*terraform.State) error { return nil }},
		resource.TestStep{Config: named("One"), ExpectError: expect.Error("A deleted application has this name", `"Two"`)},
	)
}

func TestAccTargetAppRegistration_TwoIDsOfOneNameAreBothShownAndBothTakenBack(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	config := env.Provider(env.Tenant(0).Callers.Full) + minimal
	run(t, env,
		resource.TestStep{Config: config, Check: m.remember},
		resource.TestStep{
			PreConfig: func() {
				for _, imap := range []string{"5e5addcd-3e8d-4e90-baf5-964efab2b20a", "28b54159-e98b-4a00-9d52-10c8c7cbd7f3"} {
					m.grant("00000002-0000-0ff1-ce00-000000000000", imap)
				}
			},
			Config: config,
			Check: func(*terraform.State) error {
				if count := grantsOf(env, m.clientID); count != 2 {
					return fmt.Errorf("%d permissions are granted", count)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_AStoreThatIsNotMountedReplacesNoCertificate(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	config := env.Provider(env.Tenant(0).Callers.Full) + minimal
	elsewhere := env.Store + ".unmounted"
	move := func(from, to string) func() {
		return func() {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
	}
	run(t, env,
		resource.TestStep{Config: config, Check: m.remember},
		resource.TestStep{PreConfig: move(env.Store, elsewhere), Config: config,
			ExpectError: expect.Error("Connection store not found", "certificate.take_over = true")},
		resource.TestStep{PreConfig: move(elsewhere, env.Store), Config: config, PlanOnly: true},
	)
}

func TestAccTargetAppRegistration_ACallerOfOwnedApplicationsIsWarnedThatNamesakesGoUnnoticed(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	namesake := env.Graph(tenant.TenantID, http.MethodPost, "/applications",
		map[string]any{"displayName": "CodeTwo Office 365 Migration Target"})
	cli := commandLine(t, env, minimal, "ARM_CLIENT_ID="+tenant.Callers.OwnedBy.ClientID,
		"ARM_CLIENT_SECRET="+tenant.Callers.OwnedBy.ClientSecret)
	if text := cli("apply"); !strings.Contains(text, "Warning: Applications with the same name were not searched for") ||
		!strings.Contains(text, "Application.Read.All") {
		t.Errorf("no warning that the duplicate was not looked for:\n%s", text)
	}
	cli("destroy")
	if left := ours(env); len(left) != 1 || left[0].ClientID != namesake["appId"] {
		t.Errorf("the tenant holds %+v", left)
	}
}

// commandLine is the CLI in a folder with that configuration, as a person has it. It returns how to run a command that
// changes something; what it prints is returned, and a failure ends the test.
func commandLine(t *testing.T, env *acctest.Env, config string, variables ...string) func(arguments ...string) string {
	t.Helper()
	cli := env.CLI(append([]string{"CODETWO_STORE_URL=" + env.StoreURL(), "CODETWO_STORE_PASSPHRASE=" +
		acctest.Passphrase}, variables...)...)
	config = "terraform {\n  required_providers {\n    codetwo = { source = \"codetwo-community/codetwo\" }\n  }\n}\n" +
		config
	if err := os.WriteFile(filepath.Join(cli.Folder, "main.tf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(arguments ...string) string {
		t.Helper()
		text, err := cli.Run(t.Context(), arguments...)
		if err != nil {
			t.Fatalf("%v: %v", arguments, err)
		}
		return text
	}
	run("init", "-no-color", "-input=false")
	return func(arguments ...string) string {
		t.Helper()
		if arguments[0] == "apply" || arguments[0] == "destroy" {
			arguments = append(arguments, "-no-color", "-input=false", "-auto-approve")
		}
		return run(arguments...)
	}
}

func TestAccTargetAppRegistration_AKeyThatAConnectionStillNamesSurvivesItsRegistration(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	cli := commandLine(t, env, minimal+fmt.Sprintf(`
resource "codetwo_target_connection" "elsewhere" {
  tenant_id              = %q
  mailbox                = %q
  client_id              = codetwo_target_app_registration.target.client_id
  certificate_thumbprint = codetwo_target_app_registration.target.certificate.thumbprint
}
`, tenant.TenantID, tenant.Mailboxes.Licensed[0]))
	cli("apply")
	cli("state", "rm", "codetwo_target_connection.elsewhere") // it is another team's from now on
	text := cli("destroy")
	if !strings.Contains(text, "Warning: Certificate kept in the store") ||
		!strings.Contains(text, tenant.Mailboxes.Licensed[0]) {
		t.Errorf("no warning that a key stays, and for whom:\n%s", text)
	}
	if keys, _ := filepath.Glob(filepath.Join(env.Store, tenant.TenantID, "certificates", "*.pfx")); len(keys) != 1 {
		t.Errorf("the store holds the keys %v", keys)
	}
	if left := ours(env); len(left) > 0 {
		t.Errorf("the tenant holds %+v", left)
	}
}

func TestAccTargetAppRegistration_AWriteThatEntraAnswersWithNotYetUntilTheTimeIsOverSaysSo(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	if err := env.Server.Inject(sandbox.Fault{At: "POST /v1.0/servicePrincipals", Kind: sandbox.Refused, Status: 404,
		Code: "Request_ResourceNotFound", Times: 500}); err != nil { // more often than the time allows
		t.Fatal(err)
	}
	run(t, env, resource.TestStep{
		Config: env.Provider(env.Tenant(0).Callers.Full) + registration(`timeouts = { create = "1m" }`),
		ExpectError: expect.Error("Request_ResourceNotFound", "The limit in timeouts was reached",
			"Run the same command again"),
	})
}
