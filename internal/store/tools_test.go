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
	out, err := exec.CommandContext(t.Context(), "age", "--decrypt", "--identity", plain, filepath.Join(dir,
		files.Secret)).Output()
	if err != nil || string(out) != secret {
		t.Errorf("%q, %v", out, err)
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
		must(t, s.SaveCertificate(t.Context(), tenant, pair(), encryption, nil))
		files, err := ConnectionFiles(tenant, mailbox, certificate.Thumbprint(pair().Certificate))
		must(t, err)
		identity, err := s.unlock(t.Context())
		must(t, err)
		opened := append([]string{"pkcs12", "-in", filepath.Join(dir, files.PFX)}, "-passin", "pass:"+
			opens(t, filepath.Join(dir, files.Password), identity), "-noenc")
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
