//go:build full

package appregistration_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestAccTargetAppRegistration_OpensslFindsInThePFXTheCertificateOfTheApplicationAndItsKey(t *testing.T) {
	for _, size := range []int{2048, 3072} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			env := acctest.Start(t, sandbox.Options{})
			m := &made{env: env, tenantID: env.Tenant(0).TenantID}
			run(t, env, resource.TestStep{
				Config: env.Provider(env.Tenant(0).Callers.Full) + registration(fmt.Sprintf(`certificate = { key_size = %d }`,
					size)),
				Check: func(state *terraform.State) error {
					return errors.Join(m.remember(state), m.comparePFX(t, size))
				},
			})
		})
	}
}

// comparePFX opens the PFX with openssl, and compares what is in it with what Entra holds.
func (m *made) comparePFX(t *testing.T, size int) error {
	folder := filepath.Join(m.env.Store, m.tenantID, "certificates")
	password := string(unsealed(t, m.env.Store, filepath.Join(folder, m.thumbprint+".password.age")))
	openssl := func(arguments ...string) *pem.Block {
		t.Helper()
		arguments = append([]string{"pkcs12", "-in", filepath.Join(folder, m.thumbprint+".pfx"), "-passin", "pass:" +
			password}, arguments...)
		text, err := exec.CommandContext(t.Context(), "openssl", arguments...).Output()
		if err != nil {
			t.Fatalf("openssl (Debian package openssl): %v", err)
		}
		block, _ := pem.Decode(text)
		if block == nil {
			t.Fatalf("openssl printed no PEM: %s", text)
		}
		return block
	}
	keys := m.graph(http.MethodGet, "/applications/"+m.objectID+"?$select=keyCredentials", nil)["keyCredentials"].([]any)
	uploaded, err := base64.StdEncoding.DecodeString(keys[0].(map[string]any)["key"].(string))
	if err != nil {
		return err
	}
	if certificate := openssl("-nokeys"); len(keys) != 1 || !bytes.Equal(certificate.Bytes, uploaded) {
		return fmt.Errorf("the PFX holds another certificate than the application's %d keys:\n%x\n%x", len(keys),
			certificate.Bytes, uploaded)
	}
	parsed, err := x509.ParseCertificate(uploaded)
	if err != nil {
		return err
	}
	key, err := x509.ParsePKCS8PrivateKey(openssl("-nocerts", "-noenc").Bytes)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.(crypto.Signer).Public())
	if err != nil {
		return err
	}
	if !bytes.Equal(public, parsed.RawSubjectPublicKeyInfo) {
		return errors.New("the PFX's key is not that of the application's certificate")
	}
	if bits := len(parsed.Signature) * 8; bits != size || parsed.SignatureAlgorithm != x509.SHA256WithRSA {
		return fmt.Errorf("the certificate is signed with %s of %d bits", parsed.SignatureAlgorithm, bits)
	}
	return nil
}

// unsealed opens a file of the store as the age command does, from the passphrase alone.
func unsealed(t *testing.T, store, file string) []byte {
	t.Helper()
	open := func(file string, identity age.Identity) []byte {
		sealed, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = sealed.Close() }()
		plain, err := age.Decrypt(armor.NewReader(sealed), identity)
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(plain)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	passphrase, err := age.NewScryptIdentity(acctest.Passphrase)
	if err != nil {
		t.Fatal(err)
	}
	identities, err := age.ParseIdentities(bytes.NewReader(open(filepath.Join(store, "identity.age"), passphrase)))
	if err != nil {
		t.Fatal(err)
	}
	return open(file, identities[0])
}
