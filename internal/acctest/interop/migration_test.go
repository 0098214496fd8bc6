//go:build full

package interop

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
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

// migration is a run of the migration program.
func migration(t *testing.T, env *acctest.Env, arguments ...string) *exec.Cmd {
	t.Helper()
	run(t, "migration", "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	origin := env.Server.Origin()
	command := exec.CommandContext(t.Context(), "node", append([]string{filepath.Join("migration", "main.mjs")},
		arguments...)...)
	command.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+authority(t, env), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase,
		"CODETWO_LOGIN_ENDPOINT="+origin, "CODETWO_GRAPH_ENDPOINT="+origin, "CODETWO_EXCHANGE_ENDPOINT="+origin)
	return command
}
