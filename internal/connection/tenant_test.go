package connection

import (
	"fmt"
	"html"
	"os"
	"strings"
	"testing"

	tf "github.com/hashicorp/terraform-plugin-testing/helper/resource"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// sheet is what the person at the migration server reads.
func (env *env) sheet() string {
	env.t.Helper()
	content, err := os.ReadFile(env.path(env.open().HandoffURL(tenantID, mailbox)))
	env.must(err)
	return html.UnescapeString(string(content))
}

func (env *env) sheetSays(words ...string) tf.TestCheckFunc {
	return tf.TestCheckResourceAttrWith(address, "handoff_url", func(string) error {
		for _, one := range words {
			if !strings.Contains(env.sheet(), one) {
				return fmt.Errorf("the sheet does not say %q", one)
			}
		}
		return nil
	})
}

const backup = "99999999-2222-3333-4444-555555555555"

func seenIn(names ...string) *entra.RoleHolders {
	held := &entra.RoleHolders{InitialDomain: "contoso.onmicrosoft.com", Read: true}
	for _, name := range names {
		held.Holders = append(held.Holders, entra.ServicePrincipal{ClientID: strings.ToUpper(backup), DisplayName: name})
	}
	return held
}

func TestAccTargetConnection_SheetNamesTheOtherAppsThatUseEWS(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.tenant.held = seenIn("Mail '; Remove-Mailbox x #\n\u202e\u2019Backup")
	env.play(
		tf.TestStep{
			Config: connection(byThumbprint),
			Check: env.sheetSays("$initialDomain = 'contoso.onmicrosoft.com'", "as seen on 2026-11-20",
				"@{ Id = '"+backup+"'; Name = ('Mail ''; Remove-Mailbox x #' + [char]0xFFFD + [char]0xFFFD + [char]0x2019 + "+
					"'Backup') }"),
		},
		tf.TestStep{PlanOnly: true, Config: connection(byThumbprint)},
	)
	if env.tenant.looks != 1 {
		t.Errorf("the tenant was looked at %d times, want once: by apply", env.tenant.looks)
	}
}

func TestAccTargetConnection_NeedsNoAccessToItsTenant(t *testing.T) {
	t.Parallel()
	env := newEnv(t)
	env.play(
		tf.TestStep{Config: connection(byThumbprint), Check: env.sheetSays("$initialDomain = ''", "$holders = @()")},
		tf.TestStep{
			PreConfig: func() { env.tenant.held = seenIn("Mail Backup") },
			Config:    connection(byThumbprint, `name = "Contoso"`), Check: env.sheetSays(backup),
		},
		tf.TestStep{ // what was seen stays, with its date, where nobody can look any more
			PreConfig: func() { env.tenant.held = nil },
			Config:    connection(byThumbprint, `name = "Contoso AG"`), Check: env.sheetSays(backup, "2026-11-20"),
		},
		tf.TestStep{ // and where the caller may read a part only
			PreConfig: func() { env.tenant.held = &entra.RoleHolders{InitialDomain: "renamed.onmicrosoft.com"} },
			Config:    connection(byThumbprint, `name = "Contoso"`), Check: env.sheetSays(backup, "2026-11-20",
				"renamed.onmicrosoft.com"),
		},
		tf.TestStep{
			PreConfig: func() { env.tenant.held = &entra.RoleHolders{Read: true} },
			Config:    connection(byThumbprint, `name = "Contoso AG"`), Check: env.sheetSays("renamed.onmicrosoft.com",
				"no other application holds full_access_as_app"),
		},
	)
}
