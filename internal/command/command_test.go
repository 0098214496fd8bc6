package command

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/storetest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

const (
	oldWords = "correct horse battery"
	newWords = "another staple of words"
	tenantID = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
)

// run runs a command with these variables, and returns what it printed. No passphrase is in it.
func run(t *testing.T, variables map[string]string, arguments ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, errors bytes.Buffer
	status = Run(t.Context(), arguments, func(name string) string { return variables[name] }, &out, &errors)
	for _, words := range []string{oldWords, newWords} {
		if strings.Contains(out.String()+errors.String(), words) {
			t.Errorf("%q prints a passphrase", arguments)
		}
	}
	return status, out.String(), errors.String()
}

func TestOnlyTheWordStoreIsACommandAndAnythingElseServesTerraform(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{"": false, "-debug": false, "store": true, "store renew-identity -h": true} {
		if got := Is(strings.Fields(line)); got != want {
			t.Errorf("%q is a command: %t", line, got)
		}
	}
}

func TestTheCommandsExplainThemselves(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		status int
		says   string
	}{
		"store":                        {2, "renew-identity"},
		"store -h":                     {0, "renew-identity"},
		"store rename":                 {2, "renew-identity"},
		"store renew-identity -h":      {0, "CODETWO_STORE_NEW_PASSPHRASE"},
		"store renew-identity -wrong":  {2, "CODETWO_STORE_NEW_PASSPHRASE"},
		"store renew-identity hunter2": {2, "taken from the environment"},
		"store renew-identity":         {1, "CODETWO_STORE_URL is not set"},
	} {
		status, stdout, stderr := run(t, nil, strings.Fields(line)...)
		if status != want.status || stdout != "" || !strings.Contains(stderr, want.says) ||
			strings.Contains(stderr, "hunter2") {
			t.Errorf("%q ends with %d: %s%s", line, status, stdout, stderr)
		}
	}
}

// newStore is a store with a journal, and with a record that nothing proves.
func newStore(t *testing.T) (variables map[string]string) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "store")
	storetest.Make(t, folder, oldWords)
	url := "file://" + filepath.ToSlash(folder)
	s, err := store.Open(url, oldWords)
	if err == nil {
		err = s.SaveRegistration(t.Context(), &store.Registration{TenantID: tenantID, UniqueName: "target"}, 0, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	planted := filepath.Join(folder, tenantID, "registrations", "planted.json")
	if err := os.WriteFile(planted, []byte(`{"schema_version": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		urlVariable: url, passphraseVariable: oldWords, newPassphraseVariable: newWords,
	}
}

func TestARenewalPrintsAnAlignedTableAndWhatItLeft(t *testing.T) {
	t.Parallel()
	variables := newStore(t)
	status, stdout, stderr := run(t, variables, "store", "renew-identity")
	if status != 0 || !strings.Contains(stderr, "Renewing 1 of 1: tenant "+tenantID) {
		t.Fatalf("it ends with %d: %s%s", status, stdout, stderr)
	}
	for _, line := range []string{
		`TENANT                                RECORDS SEALED  SECRETS ENCRYPTED  LEFT AS NOT AUTHENTIC`,
		tenantID + `  1               0                  1`,
		`all 1                                 1               0                  1`,
		`  file://\S+/planted\.json: it has no seal`,
		`  now     age1[0-9a-z]{58}`,
	} {
		if !regexp.MustCompile(`(?m)^` + line + `$`).MatchString(stdout) {
			t.Errorf("no line %q in\n%s", line, stdout)
		}
	}
	status, stdout, _ = run(t, variables, "store", "renew-identity")
	if status != 0 || !strings.Contains(stdout, "was already renewed") {
		t.Errorf("once more, it ends with %d: %s", status, stdout)
	}
}

func TestARenewalThatFailsSaysWhy(t *testing.T) {
	t.Parallel()
	variables := newStore(t)
	variables[passphraseVariable] = "not the passphrase"
	if status, _, stderr := run(t, variables, "store", "renew-identity"); status != 1 ||
		!strings.Contains(stderr, "Error: ") || !strings.Contains(stderr, "opens with neither passphrase") {
		t.Errorf("with a wrong passphrase, it ends with %d: %s", status, stderr)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	var stderr bytes.Buffer
	status := Run(ended, []string{"store", "renew-identity"}, func(name string) string { return variables[name] },
		&bytes.Buffer{}, &stderr)
	if status != 1 || !strings.Contains(stderr.String(), "run it again with the same two passphrases") {
		t.Errorf("interrupted, it ends with %d: %s", status, &stderr)
	}
}
