package appregistration_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestAccTargetAppRegistration_ACertificateIsRenewedBesideTheOldOneAndThatRemovedInItsTime(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	var passed atomic.Int64 // what both clocks are ahead, in nanoseconds
	pass := func(days int) func() {
		return func() {
			ahead := time.Duration(days) * 24 * time.Hour
			passed.Add(int64(ahead))
			env.Control(http.MethodPost, "/clock", map[string]any{"advance": ahead.String()})
		}
	}
	clock := acctest.WithClock(func() time.Time { return time.Now().Add(time.Duration(passed.Load())) })
	config := env.Provider(env.Tenant(0).Callers.Full) + registration(`certificate = { validity_years = 1 }`)
	certificate := tfjsonpath.New("certificate")
	var first string
	keys := func(want ...string) error {
		application, _ := env.Application(0, m.clientID)
		if len(application.Keys) != len(want) {
			return fmt.Errorf("the application's keys are %+v, want %d", application.Keys, len(want))
		}
		files, _ := filepath.Glob(filepath.Join(env.Store, m.tenantID, "certificates", "*.pfx"))
		if len(files) != len(want) {
			return fmt.Errorf("the store holds %v, want %d keys", files, len(want))
		}
		for i, key := range application.Keys {
			if key.Thumbprint != want[i] {
				return fmt.Errorf("key %d is %s, want %s", i+1, key.Thumbprint, want[i])
			}
		}
		return nil
	}
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(clock),
		Steps: []resource.TestStep{
			{Config: config, Check: func(state *terraform.State) error {
				defer func() { first = m.thumbprint }()
				return m.remember(state)
			}},
			{
				PreConfig: pass(365 - 59),
				Config:    config,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
					plancheck.ExpectUnknownValue(address, certificate.AtMapKey("thumbprint")),
					plancheck.ExpectKnownValue(address, certificate.AtMapKey("renewal_due"), knownvalue.Bool(false)),
				}},
				Check: func(state *terraform.State) error {
					if err := m.remember(state); err != nil {
						return err
					}
					values := state.RootModule().Resources[address].Primary.Attributes
					if values["certificate.previous.0.thumbprint"] != first {
						return fmt.Errorf("the previous certificate is %q, was %q", values["certificate.previous.0.thumbprint"], first)
					}
					return keys(first, m.thumbprint)
				},
			},
			{
				PreConfig: pass(31),
				Config:    config,
				ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
					plancheck.ExpectResourceAction(address, plancheck.ResourceActionUpdate),
					plancheck.ExpectKnownValue(address, certificate.AtMapKey("previous"), knownvalue.ListSizeExact(0)),
				}},
				Check: func(*terraform.State) error { return keys(m.thumbprint) },
			},
		},
	})
}

func TestAccTargetAppRegistration_ACertificateThatEndedBeforeAnybodyLookedIsReplaced(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	m := &made{env: env, tenantID: env.Tenant(0).TenantID}
	var passed atomic.Int64
	clock := acctest.WithClock(func() time.Time { return time.Now().Add(time.Duration(passed.Load())) })
	config := env.Provider(env.Tenant(0).Callers.Full) + registration(`certificate = { validity_years = 1 }`)
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(clock),
		Steps: []resource.TestStep{
			{Config: config, Check: m.remember},
			{
				PreConfig: func() {
					ahead := 400 * 24 * time.Hour
					passed.Store(int64(ahead))
					env.Control(http.MethodPost, "/clock", map[string]any{"advance": ahead.String()})
				},
				Config: config,
				Check: func(state *terraform.State) error {
					application, _ := env.Application(0, m.clientID)
					values := state.RootModule().Resources[address].Primary.Attributes
					if len(application.Keys) != 1 || application.Keys[0].Thumbprint != values["certificate.thumbprint"] {
						return fmt.Errorf("the application's keys are %+v", application.Keys)
					}
					return nil
				},
			},
		},
	})
}
