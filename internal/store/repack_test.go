package store

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

func TestRepackedPFXOpensWithThePasswordThatWasHandedOver(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	thumbprint := certificate.Thumbprint(pair().Certificate)
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	files, err := ConnectionFiles(tenant, mailbox, thumbprint)
	must(t, err)
	before, err := os.ReadFile(filepath.Join(dir, files.Password))
	must(t, err)

	must(t, s.Repack(t.Context(), tenant, thumbprint, certificate.Legacy))
	if got, err := s.PFXEncryption(t.Context(), tenant, thumbprint); err != nil || got != certificate.Legacy {
		t.Errorf("encrypted with %s, %v", got, err)
	}
	got, err := s.KeyPair(t.Context(), tenant, thumbprint)
	must(t, err)
	if !got.Key.Equal(pair().Key) {
		t.Error("another key")
	}
	if after, _ := os.ReadFile(filepath.Join(dir, files.Password)); string(after) != string(before) {
		t.Error("the password was written again")
	}
	if err := open(t, dir, "").Repack(t.Context(), tenant, thumbprint, certificate.AES256); !errors.Is(err,
		ErrPassphraseMissing) {
		t.Errorf("without the passphrase: %v", err)
	}
	if err := s.Repack(t.Context(), tenant, "A1B2C3D4E5F60718293A4B5C6D7E8F9001122334",
		certificate.Legacy); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a certificate that is not there: %v", err)
	}
}
