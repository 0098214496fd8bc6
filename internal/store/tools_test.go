//go:build full

package store

import (
	"bytes"
	"crypto/x509"
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
	s := open(t, dir, passphrase)
	create(t, s, withSecret())
	savePair(t, s)
	person := newPerson(t)
	other := withKey(person)
	other.Mailbox = "other@contoso.com"
	create(t, s, other)

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
	decrypt := func(key, name string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "age", "--decrypt", "--identity", key, fileIn(dir, name)).Output()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		return string(out)
	}
	if got := decrypt(plain, secretOf(mailbox)); got != secret {
		t.Errorf("the secret is %q", got)
	}
	password := passwordIn(t, dir, keyFiles(t).password)
	if got := decrypt(plain, keyFiles(t).password); got != password {
		t.Error("the password of the store's PFX is another one")
	}
	if got := decrypt(plain, passwordOf("other@contoso.com")); got != password {
		t.Error("the store opens another password of the connection")
	}
	personal := filepath.Join(t.TempDir(), "person.txt")
	must(t, os.WriteFile(personal, []byte(person.String()+"\n"), 0o600))
	if got := decrypt(personal, passwordOf("other@contoso.com")); got != password {
		t.Error("the recipient opens another password")
	}
}

func TestOpensslFindsTheVeryCertificateAndKeyInAPFXOfEitherEncryption(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("this test needs the openssl command: install the package openssl")
	}
	openssl := func(input []byte, arguments ...string) []byte {
		t.Helper()
		command := exec.CommandContext(t.Context(), "openssl", arguments...)
		command.Stdin = bytes.NewReader(input)
		var problem bytes.Buffer
		command.Stderr = &problem
		output, err := command.Output()
		if err != nil {
			t.Fatalf("openssl %s: %v\n%s", arguments[0], err, problem.String())
		}
		return output
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair().Key)
	must(t, err)
	for _, encryption := range []certificate.Encryption{certificate.AES256, certificate.Legacy} {
		dir := withIdentity(t)
		s := open(t, dir, passphrase)
		must(t, s.SaveCertificate(t.Context(), tenant, pair(), encryption, now))
		person := newPerson(t)
		create(t, s, withKey(person))
		opened := []string{
			"pkcs12", "-in", fileIn(dir, keyFiles(t).pfx), "-passin", "pass:" + opens(t, dir, passwordOf(mailbox), person),
			"-noenc",
		}
		if der := openssl(openssl(nil, append(opened, "-nokeys")...), "x509", "-outform", "DER"); !bytes.Equal(der,
			pair().Certificate.Raw) {
			t.Errorf("%s: openssl finds another certificate", encryption)
		}
		if der := openssl(openssl(nil, append(opened, "-nocerts")...), "pkcs8", "-topk8", "-nocrypt", "-outform",
			"DER"); !bytes.Equal(der, key) {
			t.Errorf("%s: openssl finds another key", encryption)
		}
		command := exec.CommandContext(t.Context(), "openssl", append(opened, "-info", "-noout")...)
		if info, err := command.CombinedOutput(); err != nil || strings.Contains(string(info),
			"AES-256-CBC") != (encryption == certificate.AES256) {
			t.Errorf("%s: %v, openssl sees another encryption:\n%s", encryption, err, info)
		}
	}
}
