package appregistration_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// made is what a test knows of the registration that it changes behind Terraform's back.
type made struct {
	env                                       *acctest.Env
	tenantID, clientID, objectID, principalID string
	thumbprint                                string
}

func (m *made) graph(method, path string, body any) map[string]any {
	return m.env.Graph(m.tenantID, method, path, body)
}

func (m *made) remember(state *terraform.State) error {
	values := state.RootModule().Resources[address].Primary.Attributes
	m.clientID, m.objectID = values["client_id"], values["object_id"]
	m.principalID, m.thumbprint = values["service_principal_object_id"], values["certificate.thumbprint"]
	return nil
}

// grant gives the application a permission by hand.
func (m *made) grant(api, role string) {
	resourceID := m.graph(http.MethodGet, "/servicePrincipals(appId='"+api+"')?$select=id", nil)["id"]
	m.graph(http.MethodPost, fmt.Sprintf("/servicePrincipals/%s/appRoleAssignedTo", resourceID), map[string]any{
		"principalId": m.principalID, "resourceId": resourceID, "appRoleId": role,
	})
}

// addCertificate puts a certificate next to those that the application has, as a person does in the portal.
func (m *made) addCertificate(pem, name string) {
	keys := m.graph(http.MethodGet, "/applications/"+m.objectID+"?$select=keyCredentials", nil)["keyCredentials"].([]any)
	keys = append(keys, map[string]any{
		"type": "AsymmetricX509Cert", "usage": "Verify", "displayName": name,
		"key": base64.StdEncoding.EncodeToString([]byte(pem)),
	})
	m.graph(http.MethodPatch, "/applications/"+m.objectID, map[string]any{"keyCredentials": keys})
}

const (
	graphAPI     = "00000003-0000-0000-c000-000000000000"
	mailRead     = "810c84a8-4a9e-49e6-bf7d-12d183f40d01"
	mailReadName = "Microsoft Graph/Mail.Read"
)

// truncate cuts a file of the certificate in the store short, as a disk that ran full does.
func (m *made) truncate(extension string) {
	file := filepath.Join(m.env.Store, m.tenantID, "certificates", m.thumbprint+extension)
	if err := os.Truncate(file, 40); err != nil {
		panic(err)
	}
}

// rotation is a plan that replaces the certificate.
var rotation = []plancheck.PlanCheck{
	plancheck.ExpectUnknownValue(address, tfjsonpath.New("certificate").AtMapKey("thumbprint")),
	plancheck.ExpectKnownValue(address, tfjsonpath.New("certificate").AtMapKey("renewal_due"), knownvalue.Bool(false)),
}

func keptBesideANewOne(m *made) error {
	application, _ := m.env.Application(0, m.clientID)
	if len(application.Keys) != 2 || application.Keys[0].Thumbprint != m.thumbprint {
		return fmt.Errorf("the application's keys are %+v, want the old one kept next to a new one", application.Keys)
	}
	return nil
}

func TestAccTargetAppRegistration_DriftShowsInThePlanAndIsRepairedByApply(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *made)
		plan   []plancheck.PlanCheck
		after  func(m *made) error
	}{
		"a role granted by hand": {
			change: func(m *made) { m.grant(graphAPI, mailRead) },
			plan: []plancheck.PlanCheck{plancheck.ExpectKnownValue(address, tfjsonpath.New("unexpected_permissions"),
				knownvalue.MapSizeExact(0))},
			after: func(m *made) error {
				if count := grantsOf(m.env, m.clientID); count != 2 {
					return fmt.Errorf("%d permissions are granted", count)
				}
				return nil
			},
		},
		"declared permissions edited": {
			change: func(m *made) {
				m.graph(http.MethodPatch, "/applications/"+m.objectID, map[string]any{"requiredResourceAccess": []any{
					map[string]any{"resourceAppId": graphAPI, "resourceAccess": []any{map[string]any{"id": mailRead, "type": "Role"}}},
				}})
			},
			plan: []plancheck.PlanCheck{
				plancheck.ExpectKnownValue(address, tfjsonpath.New("permissions").AtMapKey(fullName).AtMapKey("declared"),
					knownvalue.Bool(true)),
				plancheck.ExpectKnownValue(address, tfjsonpath.New("unexpected_permissions"), knownvalue.MapSizeExact(0)),
			},
			after: func(m *made) error {
				declared := m.graph(http.MethodGet, "/applications/"+m.objectID+"?$select=requiredResourceAccess",
					nil)["requiredResourceAccess"].([]any)
				if len(declared) != 2 {
					return fmt.Errorf("the application declares %v", declared)
				}
				return nil
			},
		},
		"our certificate removed": {
			change: func(m *made) {
				m.graph(http.MethodPatch, "/applications/"+m.objectID, map[string]any{"keyCredentials": []any{}})
			},
			after: func(m *made) error {
				application, _ := m.env.Application(0, m.clientID)
				if len(application.Keys) != 1 || application.Keys[0].Thumbprint != m.thumbprint {
					return fmt.Errorf("the application's keys are %+v, want %s back", application.Keys, m.thumbprint)
				}
				return nil
			},
		},
		"the display name changed": {
			change: func(m *made) {
				m.graph(http.MethodPatch, "/applications/"+m.objectID, map[string]any{"displayName": "Something else"})
			},
			plan: []plancheck.PlanCheck{plancheck.ExpectKnownValue(address, tfjsonpath.New("display_name"),
				knownvalue.StringExact("CodeTwo Office 365 Migration Target"))},
			after: func(m *made) error {
				application, _ := m.env.Application(0, m.clientID)
				if application.DisplayName != "CodeTwo Office 365 Migration Target" {
					return fmt.Errorf("it is called %q", application.DisplayName)
				}
				return nil
			},
		},
		"the sign-in audience widened": {
			change: func(m *made) {
				m.graph(http.MethodPatch, "/applications/"+m.objectID, map[string]any{"signInAudience": "AzureADMultipleOrgs"})
			},
			plan: []plancheck.PlanCheck{plancheck.ExpectKnownValue(address, tfjsonpath.New("sign_in_audience"),
				knownvalue.StringExact("AzureADMyOrg"))},
			after: func(m *made) error {
				if got := m.graph(http.MethodGet, "/applications/"+m.objectID, nil)["signInAudience"]; got != "AzureADMyOrg" {
					return fmt.Errorf("the audience is %v", got)
				}
				return nil
			},
		},
		"the service principal disabled": {
			change: func(m *made) {
				m.graph(http.MethodPatch, "/servicePrincipals/"+m.principalID, map[string]any{"accountEnabled": false})
			},
			plan: []plancheck.PlanCheck{plancheck.ExpectKnownValue(address, tfjsonpath.New("service_principal_enabled"),
				knownvalue.Bool(true))},
			after: func(m *made) error {
				if got := m.graph(http.MethodGet, "/servicePrincipals/"+m.principalID, nil)["accountEnabled"]; got != true {
					return fmt.Errorf("accountEnabled is %v", got)
				}
				return nil
			},
		},
		"the service principal deleted": {
			change: func(m *made) { m.graph(http.MethodDelete, "/servicePrincipals/"+m.principalID, nil) },
			plan:   []plancheck.PlanCheck{plancheck.ExpectUnknownValue(address, tfjsonpath.New("service_principal_object_id"))},
			after: func(m *made) error {
				if count := grantsOf(m.env, m.clientID); count != 2 {
					return fmt.Errorf("%d permissions are granted", count)
				}
				return nil
			},
		},
		"the key missing in the store": {
			change: func(m *made) {
				if err := os.Remove(filepath.Join(m.env.Store, m.tenantID, "certificates", m.thumbprint+".pfx")); err != nil {
					panic(err)
				}
			},
			plan:  rotation,
			after: keptBesideANewOne,
		},
		"the key cut short in the store": {
			change: func(m *made) { m.truncate(".pfx") },
			plan:   rotation,
			after:  keptBesideANewOne,
		},
		"the key's password overwritten in the store": {
			change: func(m *made) { m.truncate(".password.age") },
			plan:   rotation,
			after:  keptBesideANewOne,
		},
	} {
		t.Run(name, func(t *testing.T) {
			env := acctest.Start(t, sandbox.Options{})
			m := &made{env: env, tenantID: env.Tenant(0).TenantID}
			config := env.Provider(env.Tenant(0).Callers.Full) + minimal
			run(t, env,
				resource.TestStep{Config: config, Check: m.remember},
				resource.TestStep{
					PreConfig: func() { c.change(m) },
					Config:    config,
					ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: append(c.plan, plancheck.ExpectResourceAction(address,
						plancheck.ResourceActionUpdate))},
					Check: func(*terraform.State) error { return c.after(m) },
				},
			)
		})
	}
}

func TestAccTargetAppRegistration_CredentialsFromElsewhereAreReportedAndNeverDeleted(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	config := env.Provider(env.Tenant(0).Callers.Full) + minimal
	stranger := ownCertificate(t, 1)
	run(t, env,
		resource.TestStep{Config: config, Check: m.remember},
		resource.TestStep{
			PreConfig: func() {
				m.addCertificate(stranger, "somebody's certificate")
				m.graph(http.MethodPost, "/applications/"+m.objectID+"/addPassword",
					map[string]any{"passwordCredential": map[string]any{"displayName": "somebody's"}})
				m.graph(http.MethodPost, "/applications/"+m.objectID+"/federatedIdentityCredentials", map[string]any{
					"name": "pipeline", "issuer": "https://token.actions.githubusercontent.com",
					"subject": "repo:x/y:ref:refs/heads/main", "audiences": []string{"api://AzureADTokenExchange"},
				})
			},
			Config: config,
			Check: resource.ComposeAggregateTestCheckFunc(
				resource.TestCheckResourceAttr(address, "unexpected_credentials.#", "3"),
				resource.TestCheckResourceAttr(address, "unexpected_credentials.0.kind", "certificate"),
				resource.TestCheckResourceAttr(address, "unexpected_credentials.0.name", "somebody's certificate"),
				resource.TestCheckResourceAttr(address, "unexpected_credentials.1.kind", "client_secret"),
				resource.TestCheckResourceAttr(address, "unexpected_credentials.1.name", "somebody's"),
				resource.TestCheckResourceAttr(address, "unexpected_credentials.2.kind", "federated_credential"),
				func(*terraform.State) error {
					if application, _ := env.Application(0, m.clientID); len(application.Keys) != 2 || len(application.Secrets) != 1 ||
						len(application.Federated) != 1 {
						return fmt.Errorf("the application has the keys %v, the secrets %v and the federated credentials %v",
							application.Keys, application.Secrets, application.Federated)
					}
					return nil
				},
			),
		},
	)
}
