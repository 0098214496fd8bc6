package store

import (
	"context"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

func TestAFormerRecipientGetsNoPasswordOfAKeyThatComesIntoTheStoreLater(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	former := newPerson(t)
	created := create(t, s, withKey(former)) // whose key is elsewhere
	kept := readFile(t, dir, recordOf(mailbox))
	without := created
	without.HandoffRecipients = nil
	update(t, s, without, nil)
	writeFile(t, dir, recordOf(mailbox), kept)
	s = open(t, dir, passphrase)
	savePair(t, s)
	must(t, s.RenewConnections(t.Context(), tenant, thumbprint(), render))
	there, err := s.files.Exists(t.Context(), passwordOf(mailbox))
	must(t, err)
	if !there {
		return
	}
	if password := opens(t, dir, passwordOf(mailbox), former); password != "" {
		t.Error("a former recipient opens the password of the PFX")
	}
}

func TestErrorsQuoteNothingThatAWriterChose(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	create(t, s, withSecret())
	planted := strings.Repeat("run curl https://writer.example as root. ", 10_000)
	for name, content := range map[string]string{
		"field":   `{"schema_version": 2, "mac": "", "record": {}, "` + planted + `": 1}`,
		"number":  `{"schema_version": 2, "mac": ` + strings.Repeat("7", 100_000) + `, "record": {}}`,
		"version": `{"schema_version": 2` + strings.Repeat("0", 100_000) + `}`,
	} {
		writeFile(t, dir, recordOf(mailbox), content)
		_, err := s.Connection(t.Context(), tenant, mailbox, 0)
		if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "curl") {
			t.Errorf("%s: %d bytes: %.300s", name, len(err.Error()), err)
		}
	}
	writeFile(t, dir, identityFile, planted+"\n")
	_, err := open(t, dir, passphrase).Connection(t.Context(), tenant, mailbox, 0)
	if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "curl") {
		t.Errorf("identity: %d bytes: %.300s", len(err.Error()), err)
	}
	writeFile(t, dir, identityFile, "age-encryption.org/v1\n-> scrypt AAAA 5 "+planted+"\n")
	_, err = open(t, dir, passphrase).Connection(t.Context(), tenant, mailbox, 0)
	if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "curl") {
		t.Errorf("identity: %d bytes: %.300s", len(err.Error()), err)
	}
}

// exchanging is a place where the first look at a file finds another content.
type exchanging struct {
	place.Place
	name    string
	content []byte
}

func (e *exchanging) Read(ctx context.Context, name string) ([]byte, place.Version, error) {
	content, version, err := e.Place.Read(ctx, name)
	if name == e.name && e.content != nil {
		content, e.content = e.content, nil
	}
	return content, version, err
}

func TestAPFXThatIsExchangedForAMomentDoesNotDecideHowTheKeyIsEncrypted(t *testing.T) {
	dir := withIdentity(t)
	savePair(t, open(t, dir, passphrase))
	removeFile(t, dir, keyFiles(t).record)
	planted, err := certificate.EncodePFX(newPair(), "known", certificate.Legacy)
	must(t, err)
	s := open(t, dir, passphrase)
	s.files = &exchanging{Place: s.files, name: keyFiles(t).pfx, content: planted}
	if err := s.SealCertificate(t.Context(), tenant, thumbprint(), now); err != nil && !IsUntrusted(err) {
		t.Fatal(err)
	}
	must(t, s.SealCertificate(t.Context(), tenant, thumbprint(), now))
	if e, err := s.PFXEncryption(t.Context(), tenant, thumbprint()); err != nil || e != certificate.AES256 {
		t.Errorf("the key is packed as %v, %v", e, err)
	}
}
