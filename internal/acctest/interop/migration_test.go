//go:build full

package interop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// outcome is how a migration ended: with the step that failed and its error, or with neither.
type outcome struct{ Sheet, Step, Error string }

func (o outcome) String() string {
	if o.Error == "" {
		return "its end"
	}
	return o.Step + ": " + o.Error
}

// migrateAll runs the migration program for many hand-off sheets, at the migration server of a person who knows the
// store's passphrase.
func migrateAll(t *testing.T, env *acctest.Env, sheets []string) []outcome {
	t.Helper()
	list := filepath.Join(t.TempDir(), "sheets.json")
	content, err := json.Marshal(sheets)
	if err != nil {
		t.Fatal(err)
	}
	write(t, list, content)
	command := migration(t, env, "--list", list)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	failed := command.Run() // also where one of the migrations did
	var outcomes []outcome
	for line := range bytes.Lines(stdout.Bytes()) {
		var one outcome
		if err := json.Unmarshal(line, &one); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		outcomes = append(outcomes, one)
	}
	if len(outcomes) != len(sheets) {
		t.Fatalf("%d migrations of %d: %v\n%s", len(outcomes), len(sheets), failed, stderr.String())
	}
	return outcomes
}

// installed is the error of installing what the migration program needs.
var installed = sync.OnceValue(func() error {
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = "migration"
	if said, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, said)
	}
	return nil
})

// migration is a run of the migration program.
func migration(t *testing.T, env *acctest.Env, arguments ...string) *exec.Cmd {
	t.Helper()
	must(t, installed())
	origin := env.Server.Origin()
	command := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join("migration", "main.mjs")},
		arguments...)...)
	command.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+authority(t, env),
		"CODETWO_STORE_PASSPHRASE="+acctest.Passphrase,
		"CODETWO_LOGIN_ENDPOINT="+origin, "CODETWO_GRAPH_ENDPOINT="+origin, "CODETWO_EXCHANGE_ENDPOINT="+origin)
	return command
}

// migrateOnNode runs the migration program for the hand-off, with this in its environment, and returns what it said.
func (h *handoff) migrateOnNode(environment []string, arguments ...string) (string, error) {
	h.t.Helper()
	command := migration(h.t, h.Env, append(arguments, h.sheet)...)
	command.Env = append(command.Env, environment...)
	said, err := command.CombinedOutput()
	return string(said), err
}

// withOwnKey has the person at the migration server use their own age key in place of the store's passphrase.
func (h *handoff) withOwnKey() []string {
	h.t.Helper()
	file := filepath.Join(h.t.TempDir(), "key.txt")
	write(h.t, file, []byte(h.key.String()+"\n"))
	return []string{"AGE_KEY_FILE=" + file, "CODETWO_STORE_PASSPHRASE="}
}

func TestAMigrationOnNodeComesToItsEndFromTheHandOffAlone(t *testing.T) {
	for name, c := range map[string]struct {
		attributes func(*acctest.Env) map[string]tftypes.Value
		key        func(*handoff) []string
		last       string // step
	}{
		"a certificate, with the store's passphrase": {last: "delete the folder in the mailbox"},
		"a certificate, with a key of their own":     {key: (*handoff).withOwnKey, last: "delete the folder in the mailbox"},
		"a certificate in the legacy encryption": {attributes: func(*acctest.Env) map[string]tftypes.Value {
			return map[string]tftypes.Value{"certificate_pfx_encryption": text("legacy")}
		}, last: "delete the folder in the mailbox"},
		"a client secret": {attributes: func(env *acctest.Env) map[string]tftypes.Value {
			app := env.RegisterByHand(env.Tenant(0).TenantID, "CodeTwo by hand")
			return map[string]tftypes.Value{"client_id": text(app.ClientID), "client_secret_wo": text(app.Secret),
				"client_secret_wo_version": tftypes.NewValue(tftypes.Number, 1),
				"certificate_thumbprint":   tftypes.NewValue(tftypes.String, nil)}
		}, key: (*handoff).withOwnKey, last: "delete the folder in the mailbox"},
		"public folders": {attributes: func(env *acctest.Env) map[string]tftypes.Value {
			return map[string]tftypes.Value{"mailbox": text(env.Tenant(0).Mailboxes.PublicFolderOwner[0]),
				"migrate_public_folders": tftypes.NewValue(tftypes.Bool, true),
				"public_folder_paths":    textSet(`\Projects`, `\Sales\Archive`)}
		}, last: `delete the folder in the public folder \Sales\Archive`},
	} {
		t.Run(name, func(t *testing.T) {
			env := acctest.Start(t, sandbox.Options{})
			var attributes map[string]tftypes.Value
			if c.attributes != nil {
				attributes = c.attributes(env)
			}
			h := onboard(t, env, attributes)
			var environment []string
			if c.key != nil {
				environment = c.key(h)
			}
			said, err := h.migrateOnNode(environment)
			if err != nil || !strings.HasSuffix(said, "✓ "+c.last+"\n") {
				t.Errorf("%v\n%s", err, said)
			}
			if left := env.State(0).Mailboxes; len(left) > 0 {
				t.Errorf("left behind is %+v", left)
			}
		})
	}
}

func TestWhatAMigrationKeepsIsInTheTenant(t *testing.T) {
	h := onboard(t, acctest.Start(t, sandbox.Options{}), nil)
	user := h.tenant.Mailboxes.Licensed[1]
	if said, err := h.migrateOnNode(nil, "--keep", "--into", user); err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	for _, mailbox := range h.State(0).Mailboxes {
		if mailbox.Address != h.copied("the mailbox") && mailbox.Address != user || len(mailbox.Folders) != 1 {
			t.Fatalf("the tenant holds %+v", mailbox)
		}
		items := mailbox.Folders[0].Items
		if len(items) != 1 || !strings.HasPrefix(items[0].Subject, "Migrated message ") || items[0].Draft {
			t.Errorf("the folder holds %+v", items)
		}
	}
	if mailboxes := len(h.State(0).Mailboxes); mailboxes != 2 {
		t.Errorf("%d mailboxes hold something", mailboxes)
	}
}

func TestAMigrationEndsAtAMailboxThatDoesNotOpen(t *testing.T) {
	h := onboard(t, acctest.Start(t, sandbox.Options{}), nil)
	unlicensed, kiosk := h.tenant.Mailboxes.Unlicensed[0], h.tenant.Mailboxes.Kiosk[0]
	for address, says := range map[string]string{
		unlicensed: "find " + unlicensed + " by Autodiscover: Autodiscover: Invalid user",
		kiosk:      "open " + kiosk + ": HTTP 403 EWS is disabled for this user or tenant",
	} {
		if said, err := h.migrateOnNode(nil, "--into", address); err == nil || !strings.Contains(said, says) {
			t.Errorf("%s: %v\n%s", address, err, said)
		}
	}
	if left := h.State(0).Mailboxes; len(left) > 0 {
		t.Errorf("left behind is %+v", left)
	}
}

func TestAMigrationEndsAtAHandOffThatDoesNotOpen(t *testing.T) {
	h := onboard(t, acctest.Start(t, sandbox.Options{}), nil)
	for name, c := range map[string]struct {
		spoil       func()
		environment []string
		says        string
	}{
		"a wrong passphrase": {func() {}, []string{"CODETWO_STORE_PASSPHRASE=another one"}, "✗ read the hand-off: "},
		"another certificate": {func() {
			other := newKeyFile(t, time.Now().AddDate(1, 0, 0), h.passwordOfPFX())
			content, err := os.ReadFile(other.path)
			must(t, err)
			write(t, h.pfx(), content)
		}, nil, "✗ read the hand-off: the certificate file holds another certificate"},
		"no certificate": {func() { must(t, os.Remove(h.pfx())) }, nil, "✗ read the hand-off: ENOENT"},
	} {
		c.spoil()
		if said, err := h.migrateOnNode(c.environment); err == nil || !strings.Contains(said, c.says) {
			t.Errorf("%s: %v\n%s", name, err, said)
		}
	}
}
