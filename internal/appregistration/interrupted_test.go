package appregistration_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

const upsertion = "PATCH /v1.0/applications(uniqueName=*"

// loseTheUpsert makes a create give up after the application was made, without a state that knows of it.
func loseTheUpsert(env *acctest.Env) func() {
	return func() {
		env.Inject(sandbox.Fault{At: upsertion, Kind: sandbox.TimeoutAfter, Times: 7, RetryAfter: "0"})
	}
}

func lost(env *acctest.Env, config string) resource.TestStep {
	return resource.TestStep{PreConfig: loseTheUpsert(env), Config: config,
		ExpectError: expect.Error("Failed to create the app registration", "HTTP 504")}
}

// denied is the refusal of a request for want of a right.
func denied(at string) sandbox.Fault {
	return sandbox.Fault{At: at, Kind: sandbox.Refused, Status: http.StatusForbidden, Code: "Authorization_RequestDenied",
		Message: "Insufficient privileges to complete the operation."}
}

// one is a check that there is one application, and nothing in the recycle bin.
func one(env *acctest.Env) resource.TestCheckFunc {
	return func(*terraform.State) error {
		if left, deleted := ours(env), env.State(0).DeletedItems; len(left) != 1 || len(deleted) > 0 {
			return fmt.Errorf("the tenant holds %+v, and its recycle bin %+v", left, deleted)
		}
		return nil
	}
}

func TestAccTargetAppRegistration_ARefusalWhileACreateIsTakenUpForgetsNothing(t *testing.T) {
	env := acctest.Start(t, acctest.OnlyInjectedFaults(t, "what a single refusal does", sandbox.Options{}))
	config := env.Provider(env.Tenant(0).Callers.Full) + minimal
	run(t, env,
		lost(env, config),
		resource.TestStep{
			PreConfig: func() {
				env.Inject(denied("GET /v1.0/applications/*/federatedIdentityCredentials"))
			},
			Config: config, ExpectError: expect.Error("Authorization_RequestDenied"),
		},
		resource.TestStep{Config: config, Check: one(env)},
	)
}

func TestAccTargetAppRegistration_ACreateThatIsTakenUpAndFailsAgainLeavesNothingInTheRecycleBin(t *testing.T) {
	env := acctest.Start(t, acctest.OnlyInjectedFaults(t, "what a single refusal does", sandbox.Options{}))
	config := env.Provider(env.Tenant(0).Callers.Full) + minimal
	run(t, env,
		lost(env, config),
		resource.TestStep{
			PreConfig: func() {
				env.Inject(denied("POST /v1.0/servicePrincipals"))
			},
			Config: config, ExpectError: expect.Error("Authorization_RequestDenied"),
		},
		resource.TestStep{Config: config, Check: one(env)},
	)
}

func TestAccTargetAppRegistration_AnUpsertWhoseAnswerWasLostIsFoundThoughItsRepetitionIsRefused(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	config := env.Provider(env.Tenant(0).Callers.Full) + minimal
	run(t, env, resource.TestStep{
		PreConfig: func() {
			env.Inject(sandbox.Fault{At: upsertion, Kind: sandbox.TimeoutAfter, RetryAfter: "0"})
			env.Inject(sandbox.Fault{At: upsertion, Kind: sandbox.Refused, Status: http.StatusBadRequest,
				Code: "Request_BadRequest", Message: "Another object with the same value for property uniqueName already exists."})
		},
		Config: config, Check: one(env),
	})
}

func TestAccTargetAppRegistration_ACreateThatIsTakenUpWithOtherSettingsMakesTheCertificateThatTheyAskFor(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		lost(env, provider+minimal),
		resource.TestStep{
			Config: provider + registration(`certificate = { key_size = 3072 }`),
			Check: func(state *terraform.State) error {
				values := state.RootModule().Resources[address].Primary.Attributes
				made, err := certificate.ParsePEM(values["certificate.pem"])
				if err != nil || certificate.KeySize(made) != 3072 {
					return fmt.Errorf("the certificate has %d bits: %w", certificate.KeySize(made), err)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_ARotationThatWasRefusedLeavesTheStateAsTheTenantIs(t *testing.T) {
	env := acctest.Start(t, acctest.OnlyInjectedFaults(t, "what a single refusal does", sandbox.Options{}))
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + minimal, Check: m.remember},
		resource.TestStep{
			PreConfig: func() {
				env.Inject(denied("PATCH /v1.0/applications/*"))
			},
			Config:      provider + registration(`certificate = { key_size = 3072 }`),
			ExpectError: expect.Error("Authorization_RequestDenied"),
		},
		resource.TestStep{Config: provider + minimal, PlanOnly: true},
	)
}

func TestAccTargetAppRegistration_PurgingRemovesEveryServicePrincipalThatTheApplicationEverHad(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	config := env.Provider(env.Tenant(0).Callers.Full) + registration(`purge_on_destroy = true`)
	run(t, env,
		resource.TestStep{Config: config, Check: m.remember},
		resource.TestStep{PreConfig: func() { m.graph(http.MethodDelete, "/servicePrincipals/"+m.principalID, nil) },
			Config: config},
	)
	if deleted := env.State(0).DeletedItems; len(deleted) > 0 {
		t.Errorf("the recycle bin holds %+v", deleted)
	}
}

func TestAccTargetAppRegistration_OfSeveralServicePrincipalsInTheRecycleBinTheLastOneComesBack(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + minimal, Check: m.remember},
		resource.TestStep{PreConfig: func() { m.graph(http.MethodDelete, "/servicePrincipals/"+m.principalID, nil) },
			Config: provider + minimal, Check: m.remember},
		resource.TestStep{
			PreConfig: func() { env.Control(http.MethodPost, "/clock", map[string]any{"advance": "2s"}) },
			// deletions are told apart by their second
			Config: provider, Check: func(*terraform.State) error { return nil },
		},
		resource.TestStep{Config: provider + registration(`restore_deleted = true`),
			Check: resource.TestCheckResourceAttrWith(address, "service_principal_object_id", same(&m.principalID))},
	)
}

func TestAccTargetAppRegistration_ARestoreThatThePolicyAllowsIsNotRefusedForTheSakeOfNewApplications(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + minimal, Check: m.remember},
		resource.TestStep{Config: provider, Check: func(*terraform.State) error { return nil }},
		resource.TestStep{
			PreConfig: func() {
				env.SetPolicy(m.tenantID, "", sandbox.Restriction{Type: "asymmetricKeyLifetime", MaxLifetime: "P180D",
					CreatedAfter: time.Now().Add(-time.Millisecond)})
			},
			Config: provider + registration(`restore_deleted = true`),
			Check:  resource.TestCheckResourceAttrWith(address, "client_id", same(&m.clientID)),
		},
	)
}

func TestAccTargetAppRegistration_WhatIsGrantedAfterThePlanIsNotRevoked(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + registration(
			`additional_permissions = [{ api = "Microsoft Graph", name = "Mail.Read" }]`+"\n  grant_admin_consent = false"),
			Check: m.remember},
		resource.TestStep{
			PreConfig: func() {
				m.graph(http.MethodPatch, "/applications/"+m.objectID, map[string]any{"requiredResourceAccess": []any{}})
			},
			Config: provider + minimal,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{atThisPoint(func() error {
				m.grant(graphAPI, mailRead)
				m.graph(http.MethodPatch, "/applications/"+m.objectID,
					map[string]any{"requiredResourceAccess": []any{map[string]any{
						"resourceAppId": graphAPI, "resourceAccess": []any{map[string]any{"id": mailRead, "type": "Role"}},
					}}})
				return nil
			})}},
			ExpectNonEmptyPlan: true,
			Check: func(*terraform.State) error {
				if count := grantsOf(env, m.clientID); count != 3 {
					return fmt.Errorf("%d permissions are granted", count)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_AnUpdateThatMeetsAReplicaFromBeforeRemovesNoForeignCertificate(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	run(t, env,
		resource.TestStep{Config: provider + minimal, Check: m.remember},
		resource.TestStep{
			PreConfig: func() {
				env.Control(http.MethodPost, "/clock", map[string]any{"advance": "5m"})
				m.addCertificate(ownCertificate(t, 1), "somebody's")
			},
			Config: provider + registration(`certificate = { key_size = 3072 }`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{atThisPoint(func() error {
				env.Inject(sandbox.Fault{At: "GET /v1.0/applications/" + m.objectID, Kind: sandbox.Stale})
				return nil
			})}},
			Check: func(*terraform.State) error {
				if application, _ := env.Application(0, m.clientID); len(application.Keys) != 3 {
					return fmt.Errorf("the application's keys are %+v", application.Keys)
				}
				return nil
			},
		},
	)
}

func TestAccTargetAppRegistration_ARegistrationJustMadeIsNotForgottenForAFewStaleAnswers(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	config := env.Provider(env.Tenant(0).Callers.Full) + minimal
	run(t, env,
		resource.TestStep{Config: config, Check: m.remember},
		resource.TestStep{
			PreConfig: func() {
				env.Inject(sandbox.Fault{At: "GET /v1.0/applications/" + m.objectID, Kind: sandbox.Stale, Times: 3})
			},
			Config: config, PlanOnly: true,
		},
	)
}

func TestAccTargetAppRegistration_TwoResourcesOfOneDisplayNameAreNotBothMade(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	// It is the list that the second one sees.
	env.Inject(sandbox.Fault{At: "GET /v1.0/applications", Kind: sandbox.Stale, Nth: 2})
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{{
			Config: env.Provider(env.Tenant(0).Callers.Full) +
				registration(`unique_name = "codetwo-one"`) +
				strings.Replace(registration(`unique_name = "codetwo-two"`), "\"target\"", "\"second\"", 1),
			ExpectError: expect.Error("allow_duplicate_name = true"),
		}},
	})
	if left := ours(env); len(left) > 1 {
		t.Errorf("the tenant holds %+v", left)
	}
}

func TestAccTargetAppRegistration_ARemovalThatWasRefusedIsDoneByTheNextApply(t *testing.T) {
	env := acctest.Start(t, acctest.OnlyInjectedFaults(t, "what a single refusal does", sandbox.Options{}))
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	var passed atomic.Int64
	clock := acctest.WithClock(func() time.Time { return time.Now().Add(time.Duration(passed.Load())) })
	config := env.Provider(env.Tenant(0).Callers.Full) + registration(`certificate = { key_size = 3072 }`)
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(clock),
		Steps: []resource.TestStep{
			{Config: env.Provider(env.Tenant(0).Callers.Full) + minimal, Check: m.remember},
			{Config: config},
			{
				PreConfig: func() {
					ahead := 31 * 24 * time.Hour
					passed.Store(int64(ahead))
					env.Control(http.MethodPost, "/clock", map[string]any{"advance": ahead.String()})
					env.Inject(denied("PATCH /v1.0/applications/*"))
				},
				Config: config, ExpectError: expect.Error("Authorization_RequestDenied"),
			},
			{Config: config, Check: func(*terraform.State) error {
				if application, _ := env.Application(0, m.clientID); len(application.Keys) != 1 ||
					application.Keys[0].Thumbprint == m.thumbprint {
					return fmt.Errorf("the application's keys are %+v", application.Keys)
				}
				return nil
			}},
		},
	})
}

func TestAccTargetAppRegistration_WhatSomebodyPurgedLongAgoIsNotWaitedFor(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	provider := env.Provider(env.Tenant(0).Callers.Full)
	var passed atomic.Int64
	clock := acctest.WithClock(func() time.Time { return time.Now().Add(time.Duration(passed.Load())) })
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(clock),
		Steps: []resource.TestStep{
			{Config: provider + minimal},
			{Config: provider, Check: func(*terraform.State) error { return nil }},
			{
				PreConfig: func() {
					passed.Store(int64(time.Hour))
					env.Control(http.MethodPost, "/clock", map[string]any{"advance": "1h"})
					env.Inject(sandbox.Fault{At: "POST /v1.0/directory/deletedItems/*/restore", Kind: sandbox.Refused,
						Status: http.StatusNotFound, Code: "Request_ResourceNotFound", Message: "Resource does not exist."})
				},
				Config:      provider + registration(`restore_deleted = true`),
				ExpectError: expect.Error("Request_ResourceNotFound", "request-id"),
			},
		},
	})
}

func TestAccTargetAppRegistration_AnotherApplicationOfTheNameCostsTheDeletedOneNoKey(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenantID := env.Tenant(0).TenantID
	cli := env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	apply := func(config string) {
		t.Helper()
		config = "terraform {\n  required_providers {\n    codetwo = { source = \"codetwo-community/codetwo\" }\n  }\n}\n" +
			config
		if err := os.WriteFile(filepath.Join(cli.Folder, "main.tf"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, arguments := range [][]string{{"init"}, {"apply", "-auto-approve"}} {
			if _, err := cli.Run(t.Context(), append(arguments, "-no-color", "-input=false")...); err != nil {
				t.Fatal(err)
			}
		}
	}
	apply(minimal)
	before := ours(env)[0]
	keys := filepath.Join(env.Store, tenantID, "certificates", "*.pfx")
	made, _ := filepath.Glob(keys)
	// It can be restored, and its key is kept for that.
	env.Graph(tenantID, http.MethodDelete, "/applications/"+before.ObjectID, nil)
	if err := os.Remove(filepath.Join(cli.Folder, "terraform.tfstate")); err != nil {
		t.Fatal(err)
	}
	other := env.Graph(tenantID, http.MethodPost, "/applications", map[string]any{"displayName": "By hand",
		"uniqueName": before.UniqueName})
	apply(importing(tenantID, other["appId"].(string)) + registration(`unique_name = "`+before.UniqueName+`"`))
	if left, _ := filepath.Glob(keys); len(made) != 1 || !slices.Equal(made, left) {
		t.Errorf("the store held %v, and holds %v", made, left)
	}
}

func TestAccTargetAppRegistration_ACompleteRegistrationThatAReplicaDoesNotShowKeepsItsKey(t *testing.T) {
	env := acctest.Start(t, acctest.OnlyInjectedFaults(t, "which reads are stale, by their count", sandbox.Options{}))
	cli := env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	if err := os.WriteFile(filepath.Join(cli.Folder, "main.tf"), []byte("terraform {\n  required_providers {\n    "+
		"codetwo = { source = \"codetwo-community/codetwo\" }\n  }\n}\n"+minimal), 0o600); err != nil {
		t.Fatal(err)
	}
	do := func(arguments ...string) (string, error) {
		return cli.Run(t.Context(), append(arguments, "-no-color", "-input=false")...)
	}
	for _, arguments := range [][]string{{"init"}, {"apply", "-auto-approve"}} {
		if _, err := do(arguments...); err != nil {
			t.Fatal(err)
		}
	}
	keys := filepath.Join(env.Store, env.Tenant(0).TenantID, "*", "*")
	before, _ := filepath.Glob(keys)
	if err := os.Remove(filepath.Join(cli.Folder, "terraform.tfstate")); err != nil {
		t.Fatal(err)
	}
	env.Control(http.MethodPost, "/clock", map[string]any{"advance": "1h"})
	stale := func(at string, times int) {
		env.Inject(sandbox.Fault{At: at, Kind: sandbox.Stale, For: "2h", Times: times})
	}
	stale("GET /v1.0/applications/*",
		4) // what two plans look at: the application, and its federated credentials
	stale("GET /v1.0/applications(uniqueName=*", 1) // what the apply does
	stale("GET /v1.0/applications", 1)
	text, err := do("apply", "-auto-approve")
	if err == nil || !strings.Contains(err.Error()+text, "The application exists already") {
		t.Errorf("%v\n%s", err, text)
	}
	if after, _ := filepath.Glob(keys); !slices.Equal(before, after) || len(before) == 0 {
		t.Errorf("the store held %v, and now %v", before, after)
	}
}

// TestAccTargetAppRegistration_ARotationWhoseStateWasLostIsCompletedByTheNextApply restores the state from before a
// rotation, as a run leaves it that is killed after the upload.
func TestAccTargetAppRegistration_ARotationWhoseStateWasLostIsCompletedByTheNextApply(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	cli := env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	stateFile := filepath.Join(cli.Folder, "terraform.tfstate")
	configure := func(keySize int) {
		config := registration(fmt.Sprintf("certificate = { key_size = %d, previous_certificate_days = 0 }", keySize))
		if err := os.WriteFile(filepath.Join(cli.Folder, "main.tf"), []byte("terraform {\n  required_providers {\n    "+
			"codetwo = { source = \"codetwo-community/codetwo\" }\n  }\n}\n"+config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	do := func(arguments ...string) {
		t.Helper()
		if text, err := cli.Run(t.Context(), append(arguments, "-no-color", "-input=false")...); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		env.Server.Settle()
	}
	configure(2048)
	do("init")
	do("apply", "-auto-approve")
	before, err := os.ReadFile(stateFile)
	if err != nil {
		t.Fatal(err)
	}
	configure(3072)
	do("apply", "-auto-approve")
	uploaded := ours(env)[0].Keys
	if err := os.WriteFile(stateFile, before, 0o600); err != nil {
		t.Fatal(err)
	}
	do("apply", "-auto-approve")
	if keys := ours(env)[0].Keys; !slices.Equal(keys, uploaded) || len(keys) != 1 {
		t.Errorf("the application's keys were %+v, and are %+v", uploaded, keys)
	}
	after, err := os.ReadFile(stateFile)
	if err != nil || !strings.Contains(string(after), uploaded[0].Thumbprint) ||
		!strings.Contains(string(after), `"unexpected_credentials": []`) {
		t.Errorf("%v; the state is\n%s", err, after)
	}
	if text, changes, err := cli.PlanChanges(t.Context()); err != nil || changes {
		t.Errorf("the next plan is not empty: %v\n%s", err, text)
	}
}

func TestAccTargetAppRegistration_AReplacementIsNotStoppedByListsThatStillShowWhatItReplaces(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	config := env.Provider(env.Tenant(0).Callers.Full) + registration(`purge_on_destroy = true`)
	run(t, env,
		resource.TestStep{Config: config, Check: m.remember},
		resource.TestStep{
			PreConfig: func() {
				env.Control(http.MethodPost, "/clock", map[string]any{"advance": "5m"})
				env.Inject(sandbox.Fault{At: "GET /v1.0/applications", Kind: sandbox.Stale})
			},
			Taint: []string{address}, Config: config, Check: one(env),
		},
	)
}
