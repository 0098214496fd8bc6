package appregistration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/expect"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestAccTargetAppRegistration_ACertificateThatThePolicyForbidsIsRefusedBeforeAnythingIsMade(t *testing.T) {
	for name, c := range map[string]struct {
		longest string
		says    string
	}{
		"no whole year": {"P180D", "at most 180 days"},
		"two years":     {"P731D", "Set certificate.validity_years = 2"},
	} {
		t.Run(name, func(t *testing.T) {
			env := acctest.Start(t, sandbox.Options{})
			tenant := env.Tenant(0)
			policy := env.LimitCertificates(tenant.TenantID, c.longest)
			run(t, env, resource.TestStep{
				Config: env.Provider(tenant.Callers.Full) + minimal,
				ExpectError: expect.Error("Certificate lasts longer than the tenant allows", "The application was not created",
					policy, c.says),
			})
			if deleted := env.State(0).DeletedItems; len(deleted) > 0 {
				t.Errorf("the recycle bin holds %+v", deleted)
			}
			if _, err := os.Stat(filepath.Join(env.Store, tenant.TenantID)); !os.IsNotExist(err) {
				t.Errorf("the store has something of the tenant: %v", err)
			}
		})
	}
}

func TestAccTargetAppRegistration_AYearThatThePolicyAllowsIsMade(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	env.LimitCertificates(env.Tenant(0).TenantID, "P366D")
	run(
		t, env, resource.TestStep{Config: env.Provider(
			env.Tenant(0).Callers.Full) + registration(`certificate = { validity_years = 1 }`)})
}

func TestAccTargetAppRegistration_APolicyThatCannotBeReadBeforehandStillLeavesNothingBehind(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	env.LimitCertificates(tenant.TenantID, "P180D")
	env.RevokeConsent(tenant.TenantID, tenant.Callers.Full.ClientID,
		"246dd0d5-5bd0-4def-940b-0421030a5b68") // Policy.Read.All
	run(t, env,
		resource.TestStep{
			Config: env.Provider(tenant.Callers.Full) + minimal,
			ExpectError: expect.Error("Certificate lasts longer than the tenant allows",
				"CredentialInvalidLifetimeAsPerAppPolicy", "request-id", "Policy.Read.All"),
		},
	)
	if deleted := env.State(0).DeletedItems; len(deleted) > 0 {
		t.Errorf("the recycle bin holds %+v", deleted)
	}
}

func TestAccTargetAppRegistration_ARotationThatThePolicyForbidsSaysWhatItAllowsAndKeepsTheCertificate(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	provider := env.Provider(env.Tenant(0).Callers.Full)
	var policy string
	run(t, env,
		resource.TestStep{Config: provider + minimal, Check: m.remember},
		resource.TestStep{
			PreConfig: func() { policy = env.LimitCertificates(m.tenantID, "P400D") },
			Config:    provider + registration(`certificate = { validity_years = 3 }`),
			ExpectError: expect.Error("Certificate lasts longer than the tenant allows",
				"CredentialInvalidLifetimeAsPerAppPolicy", "at most 400 days", "Set certificate.validity_years = 1"),
		},
		resource.TestStep{
			Config: provider + registration(`certificate = { validity_years = 1 }`),
			Check: func(*terraform.State) error {
				application, _ := env.Application(0, m.clientID)
				if len(application.Keys) != 2 || application.Keys[0].Thumbprint != m.thumbprint {
					return fmt.Errorf("under policy %s the application's keys are %+v", policy, application.Keys)
				}
				return nil
			},
		},
	)
	if left, _ := filepath.Glob(filepath.Join(env.Store, m.tenantID, "certificates", "*")); len(left) > 0 {
		t.Errorf("after destroy the store holds %v", left)
	}
}
