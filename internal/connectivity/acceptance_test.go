package connectivity_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

const table = "data.codetwo_target_connectivity.target"

// handmade is a connection to an app that a person registered, with its client secret.
func handmade(tenantID, mailbox, clientID, secret string) string {
	return fmt.Sprintf(`
resource "codetwo_target_connection" "target" {
  tenant_id                = %q
  mailbox                  = %q
  client_id                = %q
  client_secret_wo         = %q
  client_secret_wo_version = 1
}

data "codetwo_target_connectivity" "target" {
  connection_id = codetwo_target_connection.target.id
  revision      = codetwo_target_connection.target.revision
}
`, tenantID, mailbox, clientID, secret)
}

// row returns the table's row of a check.
func row(state *terraform.State, name string) (status, detail, remedy string, err error) {
	values := state.RootModule().Resources[table].Primary.Attributes
	for i := 0; ; i++ {
		prefix := fmt.Sprintf("checks.%d.", i)
		found, ok := values[prefix+"name"]
		if !ok {
			return "", "", "", fmt.Errorf("the table has no check %s", name)
		}
		if found == name {
			return values[prefix+"status"], values[prefix+"detail"], values[prefix+"remedy"], nil
		}
	}
}

// fails is a check of the state: the named row failed, with a remedy that holds every one of the words.
func fails(name string, remedyHolds ...string) resource.TestCheckFunc {
	return func(state *terraform.State) error {
		status, detail, remedy, err := row(state, name)
		if err != nil {
			return err
		}
		if status != "failed" {
			return fmt.Errorf("%s is %s (%s), want failed", name, status, detail)
		}
		for _, word := range remedyHolds {
			if !strings.Contains(remedy, word) {
				return fmt.Errorf("the remedy of %s does not say %q: %s", name, word, remedy)
			}
		}
		return nil
	}
}

func TestAccTargetConnectivity_EachFailureIsToldWithItsOwnRemedyAndNeverBlocksDestroy(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{Gate: "listed"})
	tenant := env.Tenant(0)
	app := env.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	unconsented := env.RegisterByHand(tenant.TenantID, "CodeTwo without consent")
	env.RevokeConsent(tenant.TenantID, unconsented.ClientID)
	licensed := tenant.Mailboxes.Licensed[0]
	for name, c := range map[string]struct {
		config    string
		check     resource.TestCheckFunc
		connected string
	}{
		"a wrong secret": {
			config: handmade(tenant.TenantID, licensed, app.ClientID, "not-the-secret"), connected: "false",
			check: fails("token", "client_secret_wo"),
		},
		"a wrong tenant": {
			config: handmade(uuid.NewString(), licensed, app.ClientID, app.Secret), connected: "false",
			check: fails("tenant", "tenant_id"),
		},
		"an unlicensed mailbox": {
			config: handmade(tenant.TenantID, tenant.Mailboxes.Unlicensed[0], app.ClientID, app.Secret), connected: "false",
			check: fails("mailbox", "licen"),
		},
		"revoked consent": {
			config: handmade(tenant.TenantID, licensed, unconsented.ClientID, unconsented.Secret), connected: "false",
			check: fails("permissions", "adminconsent"),
		},
		"EWS blocked by the organization": {
			config: handmade(tenant.TenantID, licensed, app.ClientID, app.Secret), connected: "false",
			check: fails("ews", "Look first", "Get-OrganizationConfig", "Set-OrganizationConfig", app.ClientID,
				"Skyline Mail Backup"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			resource.Test(t, resource.TestCase{
				TerraformVersionChecks:   acctest.Needs,
				ProtoV6ProviderFactories: env.Factories(),
				Steps: []resource.TestStep{{
					Config: env.Provider(tenant.Callers.Full) + c.config,
					Check: resource.ComposeAggregateTestCheckFunc(c.check,
						resource.TestCheckResourceAttr(table, "connected", c.connected)),
				}},
				CheckDestroy: func(*terraform.State) error { return nil },
			})
		})
	}
}

func TestAccTargetConnectivity_AHealthyConnectionIsConnectedAndASecondPlanIsEmpty(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	app := env.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	env.OpenEWS(tenant.TenantID, app.ClientID)
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{{
			Config: env.Provider(tenant.Callers.Full) + handmade(tenant.TenantID, tenant.Mailboxes.Licensed[0], app.ClientID,
				app.Secret),
			Check: resource.ComposeAggregateTestCheckFunc(
				resource.TestCheckResourceAttr(table, "connected", "true"),
				resource.TestCheckResourceAttr(table, "tenant_display_name", tenant.DisplayName),
				resource.TestCheckResourceAttr(table, "checks.#", "9"),
				func(state *terraform.State) error {
					status, detail, _, err := row(state, "ews")
					if err == nil && status == "failed" {
						return fmt.Errorf("ews: %s", detail)
					}
					return err
				},
			),
		}},
	})
}

func TestAccTargetConnectivity_AMailboxIsFoundByAnAddressThatIsNotItsUsersName(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	app := env.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	env.OpenEWS(tenant.TenantID, app.ClientID)
	alias := env.Alias(0, tenant.Mailboxes.Licensed)
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{{
			Config: env.Provider(tenant.Callers.Full) + handmade(tenant.TenantID, alias, app.ClientID, app.Secret),
			Check:  resource.TestCheckResourceAttr(table, "connected", "true"),
		}},
	})
}

func TestAccTargetConnectivity_FailOnErrorMakesAFailedCheckAnError(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{Gate: "empty"})
	tenant := env.Tenant(0)
	app := env.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	config := strings.Replace(handmade(tenant.TenantID, tenant.Mailboxes.Licensed[0], app.ClientID, app.Secret),
		"revision ", "fail_on_error = true\n  revision ", 1)
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{
			{Config: env.Provider(tenant.Callers.Full) + config, ExpectError: expect.Error("ews", "EwsAllowedAppIDs")},
			{
				PreConfig: func() {
					env.Control(http.MethodPatch, "/tenants/"+tenant.TenantID+"/exchange",
						map[string]any{"ews_enabled": true, "ews_allowed_app_ids": []string{app.ClientID}})
				},
				Config: env.Provider(tenant.Callers.Full) + config,
				Check:  resource.TestCheckResourceAttr(table, "connected", "true"),
			},
		},
	})
}

func TestAccTargetConnectivity_AWrongPassphraseLeavesTheConnectionUndecided(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	app := env.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	env.OpenEWS(tenant.TenantID, app.ClientID)
	config := handmade(tenant.TenantID, tenant.Mailboxes.Licensed[0], app.ClientID, app.Secret)
	wrong := fmt.Sprintf("connection_store = {\n    url = %q\n    passphrase = \"wrong horse battery\"\n  }",
		env.StoreURL())
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{
			{Config: env.Provider(tenant.Callers.Full) + config, Check: resource.TestCheckResourceAttr(table, "connected",
				"true")},
			{
				Config: env.ProviderWith(tenant.Callers.Full, "", wrong) + config,
				Check: resource.ComposeAggregateTestCheckFunc(
					resource.TestCheckNoResourceAttr(table, "connected"),
					func(state *terraform.State) error {
						status, detail, remedy, err := row(state, "record")
						if err == nil && (status != "skipped" || !strings.Contains(remedy, "CODETWO_STORE_PASSPHRASE")) {
							err = fmt.Errorf("record is %s (%s): %s", status, detail, remedy)
						}
						return err
					}),
			},
		},
	})
}

func TestAccTargetConnectivity_ADamagedKeyIsReplacedByTheNextApply(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	config := env.Provider(tenant.Callers.Full) + fmt.Sprintf(`
resource "codetwo_target_app_registration" "target" {}

resource "codetwo_target_connection" "target" {
  tenant_id              = codetwo_target_app_registration.target.tenant_id
  mailbox                = %q
  client_id              = codetwo_target_app_registration.target.client_id
  certificate_thumbprint = codetwo_target_app_registration.target.certificate.thumbprint
}

data "codetwo_target_connectivity" "target" {
  connection_id = codetwo_target_connection.target.id
  revision      = codetwo_target_connection.target.revision
}
`, tenant.Mailboxes.Licensed[0])
	damaged := ""
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{
			{
				Config: config,
				Check: func(state *terraform.State) error {
					app := state.RootModule().Resources["codetwo_target_app_registration.target"].Primary
					env.OpenEWS(tenant.TenantID, app.Attributes["client_id"])
					found, err := filepath.Glob(filepath.Join(env.Store, tenant.TenantID, "certificates", "*.pfx"))
					if err != nil || len(found) != 1 {
						return fmt.Errorf("PFX files: %v, %w", found, err)
					}
					damaged = found[0]
					return nil
				},
			},
			{ // which removing the file first, as the remedy says, would come to as well
				PreConfig: func() {
					if err := os.WriteFile(damaged, []byte("damaged"), 0o600); err != nil {
						t.Fatal(err)
					}
				},
				Config: config,
				Check:  resource.TestCheckResourceAttr(table, "connected", "true"),
			},
		},
	})
}
