package appregistration_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

const (
	address  = "codetwo_target_app_registration.target"
	minimal  = "resource \"codetwo_target_app_registration\" \"target\" {}\n"
	fullName = "Office 365 Exchange Online/full_access_as_app"
	readName = "Microsoft Graph/Directory.Read.All"
)

func registration(attributes string) string {
	return "resource \"codetwo_target_app_registration\" \"target\" {\n" + attributes + "\n}\n"
}

// run plays the steps against one test environment, with every caller's right unless the steps say otherwise.
func run(t *testing.T, env *acctest.Env, steps ...resource.TestStep) {
	t.Helper()
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps:                    steps,
		CheckDestroy: func(*terraform.State) error {
			if left := ours(env); len(left) > 0 {
				return fmt.Errorf("after destroy the tenant holds %+v", left)
			}
			return nil
		},
	})
}

// ours are the applications that are not those which Terraform signs in as.
func ours(env *acctest.Env) []sandbox.ApplicationState {
	var left []sandbox.ApplicationState
	for _, application := range env.State(0).Applications {
		if !strings.HasPrefix(application.DisplayName, "Terraform (") {
			left = append(left, application)
		}
	}
	return left
}

// grantsOf counts the permissions that an application has been granted.
func grantsOf(env *acctest.Env, clientID string) int {
	count := 0
	state := env.State(0)
	for _, principal := range state.ServicePrincipals {
		for _, grant := range state.Grants {
			if principal.ClientID == clientID && grant.PrincipalID == principal.ObjectID {
				count++
			}
		}
	}
	return count
}

func TestAccTargetAppRegistration_EveryPermissionIsKnownBeforeAnythingExists(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	permission := func(key, attribute string) tfjsonpath.Path {
		return tfjsonpath.New("permissions").AtMapKey(key).AtMapKey(attribute)
	}
	run(t, env, resource.TestStep{
		Config: env.Provider(env.Tenant(0).Callers.Full) + minimal,
		ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction(address, plancheck.ResourceActionCreate),
			plancheck.ExpectKnownValue(address, tfjsonpath.New("permissions"), knownvalue.MapSizeExact(2)),
			plancheck.ExpectKnownValue(address, permission(fullName, "risk"), knownvalue.StringExact("critical")),
			plancheck.ExpectKnownValue(address, permission(fullName, "id"),
				knownvalue.StringExact("dc890d15-9560-4a4c-9b7f-a736ec74ec40")),
			plancheck.ExpectKnownValue(address, permission(fullName, "purpose"),
				knownvalue.StringRegexp(regexp.MustCompile(`EWS`))),
			plancheck.ExpectKnownValue(address, permission(readName, "risk"), knownvalue.StringExact("high")),
			plancheck.ExpectKnownValue(address, permission(readName, "evidence"),
				knownvalue.StringRegexp(regexp.MustCompile(`^unproved`))),
			plancheck.ExpectKnownValue(address, permission(readName, "consented"), knownvalue.Bool(true)),
			noRequest{env},
		}},
	})
}

func TestAccTargetAppRegistration_ARegistrationIsMadeAndRemovedAsOneThing(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	store := filepath.Join(env.Store, env.Tenant(0).TenantID)
	run(t, env,
		resource.TestStep{
			Config: env.Provider(env.Tenant(0).Callers.Full) + minimal,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, tfjsonpath.New("display_name"),
					knownvalue.StringExact("CodeTwo Office 365 Migration Target")),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("sign_in_audience"), knownvalue.StringExact("AzureADMyOrg")),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("certificate").AtMapKey("thumbprint"),
					knownvalue.StringRegexp(regexp.MustCompile(`^[0-9A-F]{40}$`))),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("certificate").AtMapKey("key_source"),
					knownvalue.StringExact("generated")),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("unexpected_permissions"), knownvalue.MapSizeExact(0)),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("unexpected_credentials"), knownvalue.ListSizeExact(0)),
			},
			Check: func(state *terraform.State) error {
				values := state.RootModule().Resources[address].Primary.Attributes
				application, found := env.Application(0, values["client_id"])
				if !found || len(ours(env)) != 1 {
					return fmt.Errorf("the tenant holds %+v", ours(env))
				}
				if len(application.Keys) != 1 || application.Keys[0].Thumbprint != values["certificate.thumbprint"] {
					return fmt.Errorf("the application's keys are %+v, the state says %s", application.Keys,
						values["certificate.thumbprint"])
				}
				if application.UniqueName != values["unique_name"] {
					return fmt.Errorf("unique name %q, the state says %q", application.UniqueName, values["unique_name"])
				}
				if count := grantsOf(env, application.ClientID); count != 2 {
					return fmt.Errorf("%d permissions are granted", count)
				}
				for _, extension := range []string{".cer", ".pfx", ".password.age"} {
					if _, err := os.Stat(filepath.Join(store, "certificates",
						values["certificate.thumbprint"]+extension)); err != nil {
						return err
					}
				}
				_, err := os.Stat(filepath.Join(store, "registrations", values["unique_name"]+".json"))
				return err
			},
		},
	)
	for _, pattern := range []string{"certificates/*", "registrations/*"} {
		if left, _ := filepath.Glob(filepath.Join(store, pattern)); len(left) > 0 {
			t.Errorf("after destroy the store holds %v", left)
		}
	}
	if deleted := env.State(0).DeletedItems; len(deleted) != 2 {
		t.Errorf("a destroy can be undone for 30 days, yet the recycle bin holds %+v", deleted)
	}
}

func TestAccTargetAppRegistration_RemovedAttributesReturnToTheirDefaultsInPlace(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	shows := func(values map[string]string) resource.TestCheckFunc {
		var checks []resource.TestCheckFunc
		for name, value := range values {
			checks = append(checks, resource.TestCheckResourceAttr(address, name, value))
		}
		return resource.ComposeAggregateTestCheckFunc(checks...)
	}
	run(t, env,
		resource.TestStep{
			Config: provider + registration(`
				display_name         = "Wave 2"
				unique_name          = "codetwo-target-wave-2"
				permission_profile   = "create_mailboxes"
				grant_admin_consent  = false
				allow_duplicate_name = true
				restore_deleted      = true
				purge_on_destroy     = true`),
			Check: shows(map[string]string{"display_name": "Wave 2", "permission_profile": "create_mailboxes",
				"grant_admin_consent": "false", "allow_duplicate_name": "true", "restore_deleted": "true",
				"purge_on_destroy": "true"}),
		},
		resource.TestStep{
			Config: provider + minimal,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate)}},
			Check: shows(map[string]string{"display_name": "CodeTwo Office 365 Migration Target",
				"permission_profile": "existing_mailboxes", "grant_admin_consent": "true", "allow_duplicate_name": "false",
				"restore_deleted": "false", "purge_on_destroy": "false"}),
		},
	)
}

func TestAccTargetAppRegistration_PurgeOnDestroyEmptiesTheRecycleBinToo(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	run(
		t, env, resource.TestStep{Config: env.Provider(env.Tenant(0).Callers.Full) + registration(`purge_on_destroy = true`)})
	if deleted := env.State(0).DeletedItems; len(deleted) != 0 {
		t.Errorf("the recycle bin holds %+v", deleted)
	}
}

func TestAccTargetAppRegistration_APurgeWhoseAnswerGetsLostIsDone(t *testing.T) {
	for _, kind := range []sandbox.FaultKind{sandbox.TimeoutBefore, sandbox.TimeoutAfter} {
		t.Run(string(kind), func(t *testing.T) {
			env := acctest.Start(t, sandbox.Options{})
			env.Inject(sandbox.Fault{At: "DELETE /v1.0/directory/deletedItems/*", Kind: kind})
			config := registration("purge_on_destroy = true\n timeouts = { delete = \"1m\" }")
			run(t, env, resource.TestStep{Config: env.Provider(env.Tenant(0).Callers.Full) + config})
			if deleted := env.State(0).DeletedItems; len(deleted) != 0 {
				t.Errorf("the recycle bin holds %+v", deleted)
			}
		})
	}
}

func TestAccTargetAppRegistration_RevokedConsentIsSeenInThePlanAndGivenBackByApply(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	config := env.Provider(env.Tenant(0).Callers.Full) + minimal
	tenantID := env.Tenant(0).TenantID
	var clientID string
	consented := tfjsonpath.New("permissions").AtMapKey(fullName).AtMapKey("consented")
	run(t, env,
		resource.TestStep{Config: config, Check: resource.TestCheckResourceAttrWith(address, "client_id",
			func(value string) error { clientID = value; return nil })},
		resource.TestStep{
			PreConfig: func() { env.RevokeConsent(tenantID, clientID, "dc890d15-9560-4a4c-9b7f-a736ec74ec40") },
			Config:    config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				plancheck.ExpectKnownValue(address, consented, knownvalue.Bool(true)),
			}},
			Check: func(*terraform.State) error {
				if count := grantsOf(env, clientID); count != 2 {
					return fmt.Errorf("%d permissions are granted after the repair", count)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_AnotherPermissionIsGrantedInPlaceAndTakenBackWhenRemoved(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	const domains = "Microsoft Graph/Domain.Read.All"
	run(t, env,
		resource.TestStep{Config: provider + minimal},
		resource.TestStep{
			Config: provider + registration(`additional_permissions = [{ api = "Microsoft Graph", name = "Domain.Read.All" }]`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("permissions").AtMapKey(domains).AtMapKey("risk"),
					knownvalue.StringExact("low")),
			}},
			Check: resource.TestCheckResourceAttrWith(address, "client_id", func(clientID string) error {
				if count := grantsOf(env, clientID); count != 3 {
					return fmt.Errorf("%d permissions are granted, want 3", count)
				}
				return nil
			}),
		},
		resource.TestStep{
			Config: provider + minimal,
			Check: resource.TestCheckResourceAttrWith(address, "client_id", func(clientID string) error {
				if count := grantsOf(env, clientID); count != 2 {
					return fmt.Errorf("%d permissions are granted, want 2", count)
				}
				return nil
			}),
		},
	)
}

func TestAccTargetAppRegistration_AnApplicationOfThatNameIsRefusedWithTheImportBlock(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenantID := env.Tenant(0).TenantID
	stranger := env.Graph(tenantID, http.MethodPost, "/applications",
		map[string]any{"displayName": "CodeTwo Office 365 Migration Target"})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{{
			Config:      provider + minimal,
			ExpectError: expect.Error("The application exists already", `id = "`+tenantID+"/"+stranger["appId"].(string)+`"`),
		}},
	})
	if left := ours(env); len(left) != 1 || left[0].ClientID != stranger["appId"] {
		t.Errorf("the tenant holds %+v", left)
	}
}

func TestAccTargetAppRegistration_ConsentLeftToAPersonIsPlannedAndShown(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	config := env.Provider(env.Tenant(0).Callers.Full) + registration(`grant_admin_consent = false`)
	consented := func(name string) tfjsonpath.Path {
		return tfjsonpath.New("permissions").AtMapKey(name).AtMapKey("consented")
	}
	run(t, env,
		resource.TestStep{
			Config: config,
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, consented(fullName), knownvalue.Bool(false)),
				statecheck.ExpectKnownValue(address, tfjsonpath.New("admin_consent_url"),
					knownvalue.StringRegexp(regexp.MustCompile(`/adminconsent\?client_id=`))),
			},
			Check: resource.ComposeTestCheckFunc(m.remember, func(*terraform.State) error {
				if count := grantsOf(env, m.clientID); count != 0 {
					return fmt.Errorf("%d permissions are granted", count)
				}
				return nil
			}),
		},
		resource.TestStep{ // a person consents to the half of it
			PreConfig: func() { m.grant("00000002-0000-0ff1-ce00-000000000000", "dc890d15-9560-4a4c-9b7f-a736ec74ec40") },
			Config:    config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(address, plancheck.ResourceActionNoop),
			}},
			ConfigStateChecks: []statecheck.StateCheck{
				statecheck.ExpectKnownValue(address, consented(fullName), knownvalue.Bool(true)),
				statecheck.ExpectKnownValue(address, consented(readName), knownvalue.Bool(false)),
			},
		},
	)
}

func TestAccTargetAppRegistration_ACallerWithoutTheConsentRightIsToldWhichOneIsMissing(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{{
			Config:      env.Provider(env.Tenant(0).Callers.NoConsentRight) + minimal,
			ExpectError: expect.Error("Authorization_RequestDenied", "AppRoleAssignment.ReadWrite.All"),
		}},
	})
	if left := ours(env); len(left) != 0 {
		t.Errorf("the failed registration left %+v", left)
	}
	if deleted := env.State(0).DeletedItems; len(deleted) != 0 {
		t.Errorf("an application that was never complete is purged, yet the recycle bin holds %+v", deleted)
	}
}

func TestAccTargetAppRegistration_BadInputIsRefusedWhilePlanning(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	for name, c := range map[string]struct {
		config string
		want   []string
	}{
		"a malformed tenant":           {provider + registration(`tenant_id = "contoso"`), []string{"tenant_id", "GUID"}},
		"a key that is too small":      {provider + registration(`certificate = { key_size = 1024 }`), []string{"key_size", `one of: ["2048" "3072" "4096"]`}},
		"an unknown permission":        {provider + registration(`additional_permissions = [{ api = "Microsoft Graph", name = "Directory.ReadAll" }]`), []string{`named "Directory.ReadAll"`, "nearest names are: Directory.Read.All"}},
		"an unknown API":               {provider + registration(`additional_permissions = [{ api = "Exchange", name = "full_access_as_app" }]`), []string{`write "Microsoft Graph", "Office 365 Exchange Online"`}},
		"an unknown profile":           {provider + registration(`permission_profile = "everything"`), []string{"permission_profile", "existing_mailboxes"}},
		"a duplicate without a name":   {provider + registration(`allow_duplicate_name = true`), []string{"Missing unique name"}},
		"custom without permissions":   {provider + registration(`permission_profile = "custom"`), []string{"Name what it needs in additional_permissions"}},
		"a private key for the public": {provider + registration("certificate = { public_certificate_pem = \"-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----\" }"), []string{"public_certificate_pem", "private key"}},
		"no store":                     {env.ProviderWith(env.Tenant(0).Callers.Full, "", "") + minimal, []string{"connection_store"}},
	} {
		t.Run(name, func(t *testing.T) {
			resource.Test(t, resource.TestCase{
				TerraformVersionChecks:   acctest.Needs,
				ProtoV6ProviderFactories: env.Factories(),
				Steps: []resource.TestStep{{Config: c.config, PlanOnly: true,
					ExpectError: expect.Error(c.want...)}},
			})
		})
	}
	if left := ours(env); len(left) != 0 {
		t.Errorf("a plan made %+v", left)
	}
}

// noRequest is a plan check: nothing was asked of the tenant so far.
type noRequest struct{ k *acctest.Env }

// CheckPlan implements plancheck.PlanCheck.
func (c noRequest) CheckPlan(_ context.Context, _ plancheck.CheckPlanRequest, response *plancheck.CheckPlanResponse) {
	if requests := c.k.Requests(); len(requests) > 0 {
		response.Error = fmt.Errorf("the first plan needs no request, yet there were %+v", requests)
	}
}

func TestAccTargetAppRegistration_ADeletedApplicationIsRefusedOrRestoredAsAsked(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	var clientID string
	run(t, env,
		resource.TestStep{Config: provider + minimal, Check: resource.TestCheckResourceAttrWith(address, "client_id",
			func(value string) error { clientID = value; return nil })},
		resource.TestStep{Config: provider, Check: func(*terraform.State) error { return nil }},
		resource.TestStep{Config: provider + minimal, ExpectError: expect.Error("A deleted application has this name",
			"restore_deleted = true", "Remove-MgDirectoryDeletedItem")},
		resource.TestStep{
			Config: provider + registration(`restore_deleted = true`),
			Check: resource.TestCheckResourceAttrWith(address, "client_id", func(value string) error {
				if value != clientID {
					return fmt.Errorf("client ID %s, was %s", value, clientID)
				}
				if count := grantsOf(env, clientID); count != 2 {
					return fmt.Errorf("%d permissions are granted", count)
				}
				if deleted := env.State(0).DeletedItems; len(deleted) != 0 {
					return fmt.Errorf("the recycle bin still holds %+v", deleted)
				}
				return nil
			}),
		},
	)
}
