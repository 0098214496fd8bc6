//go:build full

package acctest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// bench is one registration that is made, rotated and destroyed through a wire that can be cut.
type bench struct {
	t    *testing.T
	env  *acctest.Env
	wire *acctest.Wire
	cli  *terraformcli.CLI
}

func newBench(t *testing.T) *bench {
	t.Helper()
	env := acctest.Start(t, sandbox.Options{})
	b := &bench{t: t, env: env}
	b.wire = env.Wire(b.kill)
	b.cli = env.CLI(
		append(b.wire.Variables(env), "CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)...)
	b.configure(2048, 30)
	b.must("init", "-no-color", "-input=false")
	return b
}

// configure writes a configuration; another key size is a rotation, after which the certificate before it stays for so
// many days.
func (b *bench) configure(keySize, days int) {
	b.t.Helper()
	write(b.t, filepath.Join(b.cli.Folder, "main.tf"), fmt.Appendf(nil, `
terraform {
  required_providers {
    codetwo = { source = "codetwo-community/codetwo" }
  }
}

resource "codetwo_target_app_registration" "target" {
  certificate = { key_size = %d, previous_certificate_days = %d }
}
`, keySize, days))
}

// kill ends the provider's process as the system does when memory runs out: at once, and without its knowing.
func (b *bench) kill() {
	processes, _ := filepath.Glob("/proc/[0-9]*/exe")
	for _, process := range processes {
		target, err := os.Readlink(process)
		if err != nil || !strings.HasPrefix(target, filepath.Dir(b.cli.Folder)) ||
			!strings.Contains(filepath.Base(target), "terraform-provider-codetwo") {
			continue
		}
		if id, err := strconv.Atoi(filepath.Base(filepath.Dir(process))); err == nil {
			_ = syscall.Kill(id, syscall.SIGKILL)
		}
	}
}

func (b *bench) must(arguments ...string) {
	b.t.Helper()
	if _, err := b.cli.Run(b.t.Context(), arguments...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) apply() error {
	_, err := b.cli.Run(b.t.Context(), "apply", "-no-color", "-input=false", "-auto-approve")
	return err
}

func (b *bench) destroy() error {
	_, err := b.cli.Run(b.t.Context(), "destroy", "-no-color", "-input=false", "-auto-approve")
	return err
}

// wrong says what is not as declared: one application with these many keys, its service principal, its two grants, an
// empty recycle bin, and in the store the keys and nothing else.
func (b *bench) wrong(keys int) string {
	state := b.env.State(0)
	ours := slices.DeleteFunc(state.Applications, func(a sandbox.ApplicationState) bool {
		return strings.HasPrefix(a.DisplayName, "Terraform (")
	})
	files, _ := filepath.Glob(filepath.Join(b.env.Store, state.TenantID, "certificates", "*.pfx"))
	switch {
	case len(ours) != 1:
		return fmt.Sprintf("%d applications: %+v", len(ours), ours)
	case len(ours[0].Keys) != keys:
		return fmt.Sprintf("%d keys, want %d: %+v", len(ours[0].Keys), keys, ours[0].Keys)
	case len(state.DeletedItems) != 0:
		return fmt.Sprintf("the recycle bin holds %+v", state.DeletedItems)
	case len(files) != keys:
		return fmt.Sprintf("the store holds %d keys, want %d: %v", len(files), keys, files)
	}
	principals := slices.DeleteFunc(state.ServicePrincipals, func(p sandbox.ServicePrincipalState) bool {
		return p.ClientID != ours[0].ClientID
	})
	if len(principals) != 1 {
		return fmt.Sprintf("%d service principals", len(principals))
	}
	if grants := slices.DeleteFunc(state.Grants, func(g sandbox.GrantState) bool {
		return g.PrincipalID != principals[0].ObjectID
	}); len(grants) != 2 {
		return fmt.Sprintf("%d grants: %+v", len(grants), grants)
	}
	b.env.Server.Settle()
	if text, changes, err := b.cli.PlanChanges(b.t.Context()); err != nil || changes ||
		strings.Contains(text, "Credentials from elsewhere") {
		return fmt.Sprintf("the next plan is not empty: %v\n%s", err, text)
	}
	return ""
}

// left says what a destroy left.
func (b *bench) left() string {
	state := b.env.State(0)
	for _, application := range state.Applications {
		if !strings.HasPrefix(application.DisplayName, "Terraform (") {
			return fmt.Sprintf("the tenant holds %+v", application)
		}
	}
	for _, pattern := range []string{"certificates/*", "registrations/*"} {
		if files, _ := filepath.Glob(filepath.Join(b.env.Store, state.TenantID, pattern)); len(files) > 0 {
			return fmt.Sprintf("the store holds %v", files)
		}
	}
	return ""
}

// purge empties the recycle bin, so that the next round begins with nothing.
func (b *bench) purge() {
	for _, deleted := range b.env.State(0).DeletedItems {
		b.env.Graph(b.env.Tenant(0).TenantID, "DELETE", "/directory/deletedItems/"+deleted.ObjectID, nil)
	}
	b.env.Server.Settle()
}

// play cuts the wire at every request of an operation, in every way, and looks at what is wrong after one more run. It
// stops at the first failure, and returns how many cuts it tried.
func (b *bench) play(operation string, prepare func(), act func() error, wrong func() string) (tried int) {
	for request := 1; ; request++ {
		for _, way := range []acctest.CutWay{acctest.KilledBefore, acctest.KilledAfter, acctest.ResponseLost} {
			prepare()
			b.wire.Arm(acctest.Cut{Request: request, Way: way})
			cutErr := act()
			if seen := b.wire.Arm(acctest.Cut{}); seen < request {
				return tried // the operation needs fewer requests than that
			}
			tried++
			var problem string
			if err := act(); err != nil {
				problem = err.Error()
			} else {
				problem = wrong()
			}
			if problem != "" {
				b.t.Errorf("%s, request %d %s: after one more run: %s\nthe cut-off one: %v", operation, request, way, problem,
					cutErr)
				return tried
			}
		}
	}
}

// TestAccTargetAppRegistration_NothingIsLostOrDoubledWhereverARunIsCutOff cuts the wire at every request of create,
// rotation and destroy, in every way, and looks at the tenant and the store after one more run. Lagging replicas settle
// before and after the two runs, which follow one another at once.
func TestAccTargetAppRegistration_NothingIsLostOrDoubledWhereverARunIsCutOff(t *testing.T) {
	b := newBench(t)
	fresh := func() {
		b.wire.Arm(acctest.Cut{})
		b.configure(2048, 30)
		if err := b.destroy(); err != nil {
			t.Fatal(err)
		}
		b.purge()
	}
	made := func() {
		fresh()
		if err := b.apply(); err != nil {
			t.Fatal(err)
		}
		b.env.Server.Settle()
	}
	rotating := func(keepDays int) func() {
		return func() { made(); b.configure(3072, keepDays) }
	}
	boundaries := b.play("create", fresh, b.apply, func() string { return b.wrong(1) })
	boundaries += b.play("rotation", rotating(30), b.apply, func() string { return b.wrong(2) })
	boundaries += b.play("rotation that keeps nothing", rotating(0), b.apply, func() string { return b.wrong(1) })
	boundaries += b.play("destroy", made, b.destroy, b.left)
	t.Logf("%d boundaries tried", boundaries)
	if boundaries < 30 {
		t.Errorf("only %d boundaries were tried", boundaries)
	}
}
