//go:build full

package certificate

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// openssl runs the real openssl, which judges what this package writes.
func openssl(t *testing.T, args ...string) string {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("these tests need the openssl command: install the package openssl (apt-get install openssl)")
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func writeFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestOpensslReadsTheDigitalSignatureUsage(t *testing.T) {
	if text := openssl(t, "x509", "-noout", "-text", "-in", writeFile(t, "c.pem",
		[]byte(EncodePEM(pair().Certificate)))); !strings.Contains(text, "Digital Signature") {
		t.Errorf("openssl reads no digital signature usage:\n%s", text)
	}
}

func TestThumbprintIsTheOneThatOpensslPrints(t *testing.T) {
	printed := openssl(t, "x509", "-noout", "-fingerprint", "-sha1", "-in", writeFile(t, "c.pem",
		[]byte(EncodePEM(pair().Certificate))))
	_, fingerprint, _ := strings.Cut(strings.TrimSpace(printed), "=")
	if got, err := NormalizeThumbprint(fingerprint); err != nil || got != Thumbprint(pair().Certificate) {
		t.Errorf("openssl %s, here %s (%v)", fingerprint, Thumbprint(pair().Certificate), err)
	}
}

func TestPFXOpensWithOpenssl(t *testing.T) {
	for name, encryption := range map[string]Encryption{"AES256": AES256, "Legacy": Legacy} {
		t.Run(name, func(t *testing.T) {
			password, err := NewPassword(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			data, err := EncodePFX(pair(), password, encryption)
			if err != nil {
				t.Fatal(err)
			}
			info := openssl(t, "pkcs12", "-in", writeFile(t, "c.pfx", data), "-passin", "pass:"+password, "-passout", "pass:"+
				password, "-info")
			if strings.Contains(info, "AES-256-CBC") != (encryption == AES256) {
				t.Errorf("openssl sees another encryption:\n%.400s", info)
			}
			if !strings.Contains(info, EncodePEM(pair().Certificate)) || !strings.Contains(info, "PRIVATE KEY") {
				t.Error("openssl does not find the certificate and its key")
			}
		})
	}
}

func TestPFXOfOpensslIsRead(t *testing.T) {
	key := writeFile(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY",
		Bytes: x509.MarshalPKCS1PrivateKey(pair().Key)}))
	for name, options := range map[string][]string{
		"as it is": nil, "legacy": {"-legacy"}, "600,000 iterations": {"-iter", "600000"},
		"SHA-512": {"-macalg", "sha512", "-iter", "600000"}, "not encrypted": {"-keypbe", "NONE", "-certpbe", "NONE"},
	} {
		out := filepath.Join(t.TempDir(), "out.pfx")
		openssl(t, append([]string{"pkcs12", "-export", "-inkey", key, "-in", writeFile(t, "c.pem",
			[]byte(EncodePEM(pair().Certificate))), "-passout", "pass:Pa55", "-out", out}, options...)...)
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DecodePFX(data, "Pa55"); err != nil || !got.Certificate.Equal(pair().Certificate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
