package acctest_test

import (
	"bytes"
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"filippo.io/age/armor"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

const (
	// boundedTime is far more than any of these commands needs, and far less than what a writer can ask for.
	boundedTime = 45 * time.Second
	// boundedMemory is what a process may map, in KiB. A Go program maps some 1.5 GiB from the start.
	boundedMemory = 4 << 20
)

// bounded runs a command with the provider's own binary under a limit of memory, until it ends or its time does. The
// error of one that was ended is context.DeadlineExceeded.
func (a *attack) bounded(arguments ...string) (string, error) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), boundedTime)
	defer cancel()
	command := exec.CommandContext(ctx, "sh", append([]string{"-c",
		fmt.Sprintf(`ulimit -v %d && exec "$0" "$@" -no-color -input=false`, boundedMemory), a.cli.Path}, arguments...)...)
	command.Dir, command.Env = a.cli.Folder, a.cli.Environment
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) } // and the provider
	command.WaitDelay = 5 * time.Second
	output, err := command.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return strings.Join(strings.Fields(string(output)), " "), err
}

var crashed = regexp.MustCompile(`Plugin did not respond|The plugin encountered|plugin crashed|fatal error:|panic:`)

func TestAccStore_AFileThatAsksForEndlessWorkIsRefusedInTimeByItsName(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{})
	a := &attack{t: t, env: env, tenant: env.Tenant(0), writer: newIdentity(t)}
	a.cli = env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	configure := func(encryption string) {
		write(t, filepath.Join(a.cli.Folder, "main.tf"), []byte(requirement+a.registration("")+
			a.connection(fmt.Sprintf("certificate_pfx_encryption = %q", encryption))))
	}
	configure("aes256")
	a.must("init")
	a.must("apply", "-auto-approve")
	configure("legacy") // for which the key is opened
	thumbprint := a.app().Keys[0].Thumbprint
	journal := a.file("registrations", attackedName+".json")
	record := a.file("connections", a.mailbox()+".json")
	key := a.file("certificates", thumbprint+".pfx")
	identity := filepath.Join(env.Store, "identity.age")

	for _, c := range []struct {
		name, file string
		attack     func(t *testing.T, file string)
		operation  []string
	}{
		{"a scrypt factor of 22", identity, scryptFactor22, []string{"apply", "-auto-approve"}},
		{"a pipe as record", record, pipe, []string{"plan"}},
		{"a pipe as identity", identity, pipe, []string{"apply", "-auto-approve"}},
		{"6 GB as record", record, giant, []string{"plan"}},
		{"6 GB as journal", journal, giant, []string{"apply", "-auto-approve"}},
		// These two may change the tenant.
		{"a PFX with 2147483647 rounds", key, endlessRounds, []string{"apply", "-auto-approve"}},
		{"a pipe as journal", journal, pipe, []string{"destroy", "-auto-approve"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := filepath.Join(t.TempDir(), "store")
			if err := os.CopyFS(store, os.DirFS(env.Store)); err != nil {
				t.Fatal(err)
			}
			stateFile := filepath.Join(a.cli.Folder, "terraform.tfstate")
			state := read(t, stateFile)
			c.attack(t, c.file)
			output, err := a.bounded(c.operation...)
			switch {
			case errors.Is(err, context.DeadlineExceeded):
				t.Errorf("%s had not ended after %s:\n%s", c.operation[0], boundedTime, output)
			case crashed.MatchString(output):
				t.Errorf("%s took more than %d MiB, and was ended for it:\n%.600s", c.operation[0], boundedMemory>>10, output)
			case c.operation[0] != "destroy" && !strings.Contains(output, filepath.Base(c.file)):
				t.Errorf("%s does not name %s (%v):\n%s", c.operation[0], filepath.Base(c.file), err, output)
			}
			if err := errors.Join(os.RemoveAll(env.Store), os.CopyFS(env.Store, os.DirFS(store))); err != nil {
				t.Fatal(err)
			}
			write(t, stateFile, []byte(state))
		})
	}
}

func pipe(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file, 0o600); err != nil {
		t.Fatal(err)
	}
}

// giant makes a file of 6 GB that takes no space on the disk.
func giant(t *testing.T, file string) {
	t.Helper()
	if err := os.Truncate(file, 6<<30); err != nil {
		t.Fatal(err)
	}
}

// scryptFactor22 raises the work factor that the header of a file asks for (age-encryption.org/v1, scrypt recipient
// stanza), which takes 4 GiB of memory to find out that the passphrase does not fit.
func scryptFactor22(t *testing.T, file string) {
	t.Helper()
	binary, err := io.ReadAll(armor.NewReader(strings.NewReader(read(t, file))))
	if err != nil {
		t.Fatal(err)
	}
	stanza := regexp.MustCompile(`(-> scrypt \S+ )\d+\n`)
	if !stanza.Match(binary) {
		t.Fatalf("%s has no scrypt stanza", file)
	}
	var content bytes.Buffer
	text := armor.NewWriter(&content)
	if _, err := text.Write(stanza.ReplaceAll(binary, []byte("${1}22\n"))); err != nil {
		t.Fatal(err)
	}
	if err := text.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, file, content.Bytes())
}

// endlessRounds raises the iterations of a PFX's integrity check (RFC 7292, section 4).
func endlessRounds(t *testing.T, file string) {
	t.Helper()
	var pfx struct {
		Version  int
		AuthSafe asn1.RawValue
		MacData  struct {
			Mac        asn1.RawValue
			Salt       []byte
			Iterations int
		}
	}
	if _, err := asn1.Unmarshal([]byte(read(t, file)), &pfx); err != nil {
		t.Fatal(err)
	}
	pfx.MacData.Iterations = math.MaxInt32
	content, err := asn1.Marshal(pfx)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, content)
}
