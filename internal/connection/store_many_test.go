//go:build full

package connection

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tf "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

const (
	manyOthers = 10_000 // in the store already
	many       = 500    // in one configuration
)

// TestAccTargetConnection_FiveHundredConnectionsAreKeptBesideTenThousand creates, changes and destroys 500 connections
// of one configuration. Half of them sign in with a secret, half with a certificate whose key is in the store, and that
// the others name, too.
func TestAccTargetConnection_FiveHundredConnectionsAreKeptBesideTenThousand(t *testing.T) {
	env := newEnv(t)
	_, attributes := env.pfx(pair())
	keys := connection(append([]string{`mailbox = "first@contoso.onmicrosoft.com"`}, attributes...)...)
	others := func() int {
		names, err := filepath.Glob(filepath.Join(env.folder, tenantID, "connections", "other-*.json"))
		env.must(err)
		return len(names)
	}
	configuration := func(name string) string {
		return keys + fmt.Sprintf(`
resource "codetwo_target_connection" "many" {
  count                    = %d
  tenant_id                = %q
  mailbox                  = "m${count.index}@contoso.onmicrosoft.com"
  name                     = "%s ${count.index}"
  client_id                = %q
  client_secret_wo         = count.index %% 2 == 0 ? "secret ${count.index}" : null
  client_secret_wo_version = count.index %% 2 == 0 ? 1 : null
  certificate_thumbprint   = count.index %% 2 == 1 ? codetwo_target_connection.test.certificate_thumbprint : null
}
`, many, tenantID, name, clientID)
	}
	asDeclared := func(name string) tf.TestCheckFunc {
		return func(*terraform.State) error {
			s := env.open()
			for i := range many {
				mailbox := fmt.Sprintf("m%d@contoso.onmicrosoft.com", i)
				c, err := s.Connection(t.Context(), tenantID, mailbox, 0)
				if err != nil || c.Name != fmt.Sprintf("%s %d", name, i) {
					return fmt.Errorf("%s: %q, %w", mailbox, c.Name, err)
				}
				if i%2 == 1 {
					continue
				}
				if stored, err := s.ClientSecret(t.Context(), c); err != nil ||
					stored != fmt.Sprintf("secret %d", i) {
					return fmt.Errorf("%s: %q, %w", mailbox, stored, err)
				}
			}
			if count := others(); count != manyOthers {
				return fmt.Errorf("%d others are left", count)
			}
			return nil
		}
	}
	env.play(
		tf.TestStep{Config: keys},
		tf.TestStep{PreConfig: func() { env.fill(manyOthers) }, Config: configuration("first"), Check: asDeclared("first")},
		tf.TestStep{Config: configuration("second"), Check: asDeclared("second"), ConfigPlanChecks: tf.ConfigPlanChecks{
			PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("codetwo_target_connection.many[499]",
				plancheck.ResourceActionUpdate)},
		}},
	)
	if there, err := env.open().HasKeyPair(t.Context(), tenantID,
		certificate.Thumbprint(pair().Certificate)); err != nil || !there {
		t.Errorf("the key that %d others name: %t, %v", manyOthers, there, err)
	}
	if left, _ := filepath.Glob(filepath.Join(env.folder, tenantID, "connections", "*")); len(left) != manyOthers ||
		others() != manyOthers {
		t.Errorf("%d files are left in addition to %d others", len(left)-others(), others())
	}
}

// fill copies the record that is there under other names. It writes past the store, which would take its time to put
// each on the disk.
func (env *env) fill(others int) {
	env.t.Helper()
	folder := filepath.Join(env.folder, tenantID, "connections")
	record, err := os.ReadFile(filepath.Join(folder, "first@contoso.onmicrosoft.com.json"))
	env.must(err)
	for i := range others {
		name := fmt.Sprintf("other-%d@contoso.onmicrosoft.com", i)
		other := strings.ReplaceAll(string(record), "first@contoso.onmicrosoft.com", name)
		env.must(os.WriteFile(filepath.Join(folder, name+".json"), []byte(other), 0o600))
	}
}
