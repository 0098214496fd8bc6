//go:build full

package store

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

// The age command asks a terminal for the passphrase; script (package util-linux or bsdutils) is one for it.
func TestAgeCommandOpensIdentityAndSecrets(t *testing.T) {
	for command, from := range map[string]string{"age": "age", "script": "bsdutils"} {
		if _, err := exec.LookPath(command); err != nil {
			t.Fatalf("this test needs the %s command: install the package %s", command, from)
		}
	}
	dir := filepath.Join(t.TempDir(), "store")
	_, err := open(t, dir, passphrase).CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)

	plain := filepath.Join(t.TempDir(), "identity.txt")
	unlock := exec.CommandContext(t.Context(), "script", "--quiet", "--return", "--command",
		"age --decrypt --output '"+plain+"' '"+filepath.Join(dir, identityFile)+"'", "/dev/null")
	unlock.Stdin = strings.NewReader(passphrase + "\n")
	if out, err := unlock.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if content, _ := os.ReadFile(plain); !strings.Contains(string(content), "AGE-SECRET-KEY-1") {
		t.Fatal("the identity does not hold a key of age")
	}
	files, err := ConnectionFiles(tenant, mailbox, "")
	must(t, err)
	out, err := exec.CommandContext(t.Context(), "age", "--decrypt", "--identity", plain, filepath.Join(dir, files.Secret)).Output()
	if err != nil || string(out) != secret {
		t.Errorf("%q, %v", out, err)
	}
}

func TestOpensslOpensAPFXWithItsOwnPassword(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("this test needs the openssl command: install the package openssl")
	}
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	files, err := ConnectionFiles(tenant, mailbox, certificate.Thumbprint(pair().Certificate))
	must(t, err)
	identity, err := s.unlock(t.Context())
	must(t, err)
	password := opens(t, filepath.Join(dir, files.Password), identity)
	if out, err := exec.CommandContext(t.Context(), openssl, "pkcs12", "-in", filepath.Join(dir, files.PFX), "-passin", "pass:"+password, "-noout").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
