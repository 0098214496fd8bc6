//go:build unix

package acctest_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// waited lets the test go on when the provider's log says that it waits.
type waited struct {
	words string
	seen  chan struct{}
	all   bytes.Buffer
}

func (w *waited) Write(text []byte) (int, error) {
	before := strings.Contains(w.all.String(), w.words)
	w.all.Write(text)
	if !before && strings.Contains(w.all.String(), w.words) {
		close(w.seen)
	}
	return len(text), nil
}

func TestAccTargetConnectivity_CtrlCEndsAWaitWithWhatIsKnownByThen(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	app := env.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	env.Control(http.MethodPatch, "/tenants/"+tenant.TenantID+"/sign-in",
		map[string]any{"refuse": map[string]int{app.ClientID: 700016}})
	cli := env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase,
		"TF_LOG_PROVIDER=INFO", "TF_VAR_secret="+app.Secret)
	write(t, filepath.Join(cli.Folder, "main.tf"), []byte(requirement+`
variable "secret" {
  type      = string
  ephemeral = true
}

resource "codetwo_target_connection" "target" {
  tenant_id                = "`+tenant.TenantID+`"
  mailbox                  = "`+tenant.Mailboxes.Licensed[0]+`"
  client_id                = "`+app.ClientID+`"
  client_secret_wo         = var.secret
  client_secret_wo_version = 1
}

data "codetwo_target_connectivity" "target" {
  connection_id = codetwo_target_connection.target.id
  revision      = codetwo_target_connection.target.revision
  timeouts      = { read = "24h" }
}
`))
	must(t, cli, "init", "-input=false")
	command := exec.CommandContext(t.Context(), cli.Path, "apply", "-no-color", "-input=false", "-auto-approve")
	command.Dir, command.Env = cli.Folder, cli.Environment
	output := &waited{words: "Not ready yet", seen: make(chan struct{})}
	command.Stdout, command.Stderr = output, output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	select {
	case <-output.seen:
	case err := <-ended:
		t.Fatalf("it ended before it waited: %v\n%s", err, output.all.String())
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	// The app stays unknown, and the time allowed is a day: it ends because of the interruption, or never.
	err := <-ended
	for _, words := range []string{"The connectivity check was interrupted", "tenant          passed",
		"token           failed", "AADSTS700016"} {
		if text := output.all.String(); err == nil || !strings.Contains(text, words) {
			t.Errorf("the output lacks %q (%v):\n%s", words, err, text)
		}
	}
}
