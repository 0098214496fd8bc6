package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

func TestOfManyWhoWriteTheFirstSecretAllEncryptToOneIdentity(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	var wait sync.WaitGroup
	for i := range 3 {
		wait.Go(func() {
			c := withSecret()
			c.Mailbox = fmt.Sprintf("m%d@contoso.com", i)
			if _, err := open(t, dir, passphrase).CreateConnection(t.Context(), c, secret); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	s := open(t, dir, passphrase)
	for i := range 3 {
		if stored, err := s.ClientSecret(t.Context(), tenant, fmt.Sprintf("m%d@contoso.com", i)); err != nil ||
			stored != secret {
			t.Errorf("m%d: %q, %v", i, stored, err)
		}
	}
}

func TestFirstSecretOfAStoreNeedsAPassphraseAndWritesNothingWithoutIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir, "")
	if err := s.CanEncrypt(t.Context()); !errors.Is(err, ErrPassphraseMissing) {
		t.Errorf("asked before: %v", err)
	}
	if _, err := s.CreateConnection(t.Context(), withSecret(), secret); !errors.Is(err, ErrPassphraseMissing) {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("written: %v", filesBelow(t, dir))
	}
}

func TestUnlockingMakesNothingAndSaysWhatASecretWouldMeet(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "store")
	for _, passphrase := range []string{passphrase, ""} {
		if err := open(t, empty, passphrase).Unlock(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(empty); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	dir := withIdentity(t)
	if err := open(t, dir, passphrase).Unlock(t.Context()); err != nil {
		t.Error(err)
	}
	if err := open(t, dir, "quite another passphrase").Unlock(t.Context()); !errors.Is(err, sealing.ErrPassphraseWrong) {
		t.Errorf("a wrong passphrase: %v", err)
	}
}

// A tenth of a gigabyte and more in each provider process would be the most of what it takes (age: "scrypt" recipient
// stanza).
func TestTheIdentityOpensInMemoryThatARunnerHas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	_, err := open(t, dir, passphrase).CreateConnection(t.Context(), withSecret(), "secret")
	must(t, err)
	content, err := os.ReadFile(filepath.Join(dir, identityFile))
	must(t, err)
	header, err := io.ReadAll(armor.NewReader(bytes.NewReader(content)))
	must(t, err)
	if !regexp.MustCompile(`(?m)^-> scrypt \S+ 16$`).Match(header) {
		t.Errorf("the header is %q", header[:80])
	}
}

func TestLaterSecretsAreWrittenWithoutThePassphraseAndReadWithIt(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, "")
	if err := s.CanEncrypt(t.Context()); err != nil {
		t.Error(err)
	}
	_, err := s.CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	if _, err := s.ClientSecret(t.Context(), tenant, mailbox); !errors.Is(err, ErrPassphraseMissing) {
		t.Errorf("read without: %v", err)
	}
	if stored, err := open(t, dir, passphrase).ClientSecret(t.Context(), tenant, mailbox); err != nil || stored != secret {
		t.Errorf("read with: %q, %v", stored, err)
	}
}

func TestWrongPassphraseIsToldFromADamagedIdentity(t *testing.T) {
	dir := withIdentity(t)
	_, err := open(t, dir, passphrase).CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)

	s := open(t, dir, "wrong horse battery")
	if _, err := s.ClientSecret(t.Context(), tenant, mailbox); !errors.Is(err, sealing.ErrPassphraseWrong) {
		t.Errorf("reading: %v", err)
	}
	c := withSecret()
	c.Mailbox = "other@contoso.com"
	if _, err := s.CreateConnection(t.Context(), c, secret); !errors.Is(err, sealing.ErrPassphraseWrong) {
		t.Errorf("writing: %v", err)
	}

	path := filepath.Join(dir, identityFile)
	content, err := os.ReadFile(path)
	must(t, err)
	for name, spoilt := range map[string]string{"cut": string(content[:len(content)/2]), "empty": "", "garbage": "hello"} {
		must(t, os.WriteFile(path, []byte(spoilt), 0o600))
		_, err := open(t, dir, passphrase).ClientSecret(t.Context(), tenant, mailbox)
		if damaged, ok := errors.AsType[*DamagedError](err); !ok || !strings.HasSuffix(damaged.Path, identityFile) ||
			errors.Is(err, sealing.ErrPassphraseWrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamagedSecretIsNamed(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	_, err := s.CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	path := filepath.Join(dir, tenant, "connections", strings.ToLower(mailbox)+".secret.age")

	foreign, err := open(t, withIdentity(t), passphrase).encrypt(t.Context(), []byte("x"), nil)
	must(t, err)
	for name, content := range map[string]string{"cut": "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl",
		"of another store": string(foreign)} {
		must(t, os.WriteFile(path, []byte(content), 0o600))
		_, err := s.ClientSecret(t.Context(), tenant, mailbox)
		if _, ok := errors.AsType[*DamagedError](err); !ok || !strings.Contains(err.Error(), ".secret.age") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestExchangedRecipientIsNoticedAsSoonAsThePassphraseIsThere(t *testing.T) {
	dir := withIdentity(t)
	attacker, err := age.GenerateX25519Identity()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, recipientFile), []byte(attacker.Recipient().String()), 0o600))
	s := open(t, dir, passphrase)
	if _, err := s.CreateConnection(t.Context(), withSecret(), secret); err == nil || !strings.Contains(err.Error(),
		"exchanged") {
		t.Errorf("%v", err)
	}
	if _, err := s.Connection(t.Context(), tenant, mailbox); !errors.Is(err, ErrNotFound) {
		t.Errorf("something was written: %v", err)
	}
}

func TestMissingRecipientIsWrittenAnewFromTheIdentity(t *testing.T) {
	dir := withIdentity(t)
	path := filepath.Join(dir, recipientFile)
	before, err := os.ReadFile(path)
	must(t, err)
	must(t, os.Remove(path))
	if err := open(t, dir, "").CanEncrypt(t.Context()); !errors.Is(err, ErrPassphraseMissing) {
		t.Errorf("without the passphrase: %v", err)
	}
	_, err = open(t, dir, passphrase).CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	if after, _ := os.ReadFile(path); !strings.Contains(string(after), strings.TrimSpace(string(before))) {
		t.Errorf("%s", after)
	}
}

func TestLostIdentityIsNotReplacedByAnotherOne(t *testing.T) {
	dir := withIdentity(t)
	must(t, os.Remove(filepath.Join(dir, identityFile)))
	for _, p := range []string{passphrase, ""} {
		s := open(t, dir, p)
		_, err := s.CreateConnection(t.Context(), withSecret(), secret)
		for _, err := range []error{err, s.CanEncrypt(t.Context())} {
			if damaged, ok := errors.AsType[*DamagedError](err); !ok || !strings.HasSuffix(damaged.Path, identityFile) ||
				!strings.Contains(err.Error(), "To start over: 1. delete identity.age and recipient.txt") {
				t.Errorf("passphrase %q: %v", p, err)
			}
		}
	}

	// What the error says to do for a new start.
	must(t, os.Remove(filepath.Join(dir, recipientFile)))
	s := open(t, dir, passphrase)
	_, err := s.CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	if stored, err := s.ClientSecret(t.Context(), tenant, mailbox); err != nil || stored != secret {
		t.Errorf("started over: %q, %v", stored, err)
	}
}

func TestHandoffRecipientOpensWhatIsHandedToHim(t *testing.T) {
	dir := withIdentity(t)
	person, err := age.GenerateX25519Identity()
	must(t, err)
	stranger, err := age.GenerateX25519Identity()
	must(t, err)
	s := open(t, dir, passphrase)

	c := withSecret()
	created, err := s.CreateConnection(t.Context(), c, secret)
	must(t, err)
	file := filepath.Join(dir, tenant, "connections", strings.ToLower(mailbox)+".secret.age")
	if opens(t, file, person) != "" {
		t.Error("he opens it before he is named")
	}
	created.HandoffRecipients = []string{person.Recipient().String()}
	_, err = s.UpdateConnection(t.Context(), created, nil)
	must(t, err)
	if got := opens(t, file, person); got != secret {
		t.Errorf("he opens %q", got)
	}
	if opens(t, file, stranger) != "" {
		t.Error("a stranger opens it")
	}
}

func opens(t *testing.T, file string, identity age.Identity) string {
	t.Helper()
	content, err := os.ReadFile(file)
	must(t, err)
	plain, err := sealing.Decrypt(content, identity)
	if err != nil {
		return ""
	}
	return string(plain)
}

func TestRecipientsArePublicKeysOfAge(t *testing.T) {
	identity, err := age.GenerateX25519Identity()
	must(t, err)
	if err := CheckRecipient(identity.Recipient().String()); err != nil {
		t.Error(err)
	}
	if err := CheckRecipient(identity.String()); err == nil || strings.Contains(err.Error(), identity.String()) {
		t.Errorf("a secret key: %v", err)
	}
	if err := CheckRecipient("ssh-ed25519 AAAA"); err == nil {
		t.Error("an SSH key is accepted")
	}
}

func TestKeyPairComesBack(t *testing.T) {
	dir := withIdentity(t)
	thumbprint := certificate.Thumbprint(pair().Certificate)
	must(t, open(t, dir, "").SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))

	s := open(t, dir, passphrase)
	got, err := s.KeyPair(t.Context(), tenant, strings.ToLower(thumbprint))
	must(t, err)
	if !got.Key.Equal(pair().Key) {
		t.Error("another key")
	}
	if c, err := open(t, dir, "").Certificate(t.Context(), tenant, thumbprint); err != nil ||
		!c.Equal(pair().Certificate) {
		t.Errorf("the certificate alone: %v", err)
	}
}

func TestSavingAPairAgainKeepsItsFiles(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	files, err := ConnectionFiles(tenant, mailbox, certificate.Thumbprint(pair().Certificate))
	must(t, err)
	before, err := os.ReadFile(filepath.Join(dir, files.PFX))
	must(t, err)
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.Legacy, nil))
	if after, _ := os.ReadFile(filepath.Join(dir, files.PFX)); !slices.Equal(before, after) {
		t.Error("the PFX is another one")
	}
}

func TestPairSavedByManyAtOnceOrAfterAKillFitsItsPassword(t *testing.T) {
	dir := withIdentity(t)
	thumbprint := certificate.Thumbprint(pair().Certificate)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if err := open(t, dir, passphrase).SaveCertificate(t.Context(), tenant, pair(), certificate.AES256,
				nil); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if _, err := open(t, dir, passphrase).KeyPair(t.Context(), tenant, thumbprint); err != nil {
		t.Errorf("many at once: %v", err)
	}

	// Killed after the password, before the PFX.
	files, err := ConnectionFiles(tenant, mailbox, thumbprint)
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, files.PFX)))
	s := open(t, dir, passphrase)
	if there, err := s.HasKeyPair(t.Context(), tenant, thumbprint); there || err != nil {
		t.Errorf("half a pair counts: %v, %v", there, err)
	}
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	if _, err := s.KeyPair(t.Context(), tenant, thumbprint); err != nil {
		t.Errorf("after a kill: %v", err)
	}
}

func TestPairThatDoesNotOpenIsMadeAnew(t *testing.T) {
	thumbprint := certificate.Thumbprint(pair().Certificate)
	files, err := ConnectionFiles(tenant, mailbox, thumbprint)
	must(t, err)
	for name, spoil := range map[string]func(dir string) error{
		"a password that is lost": func(dir string) error { return os.Remove(filepath.Join(dir, files.Password)) },
		"a password that is cut": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, files.Password), []byte("-----BEGIN AGE"), 0o600)
		},
		"a PFX that is damaged": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, files.PFX),
				[]byte("PFX"), 0o600)
		},
		"a PFX that is lost": func(dir string) error { return os.Remove(filepath.Join(dir, files.PFX)) },
		"another pair's password": func(dir string) error {
			sealed, err := open(t, dir, passphrase).encrypt(t.Context(), []byte("of another PFX"), nil)
			must(t, err)
			return os.WriteFile(filepath.Join(dir, files.Password), sealed, 0o600)
		},
	} {
		for _, with := range []string{passphrase, ""} {
			dir := withIdentity(t)
			must(t, open(t, dir, passphrase).SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
			must(t, spoil(dir))
			if err := open(t, dir, with).SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil); err != nil {
				t.Errorf("%s, passphrase %q: %v", name, with, err)
			}
			if _, err := open(t, dir, passphrase).KeyPair(t.Context(), tenant, thumbprint); err != nil {
				t.Errorf("%s, passphrase %q: afterwards %v", name, with, err)
			}
		}
	}
}

func TestPasswordExchangedByAnotherRunMeanwhileIsNoticed(t *testing.T) {
	dir := withIdentity(t)
	thumbprint := certificate.Thumbprint(pair().Certificate)
	s := open(t, dir, passphrase)
	s.files = &meddler{folder: newFolder(dir), meddle: func(d *folder) {
		files, err := ConnectionFiles(tenant, mailbox, thumbprint)
		must(t, err)
		sealed, err := s.encrypt(t.Context(), []byte("of the other run"), nil)
		must(t, err)
		must(t, d.Replace(t.Context(), files.Password, sealed))
	}}
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	if _, err := open(t, dir, passphrase).KeyPair(t.Context(), tenant, thumbprint); err != nil {
		t.Error(err)
	}
}

// meddler does something right after the first PFX is written.
type meddler struct {
	*folder
	meddle func(*folder)
	once   sync.Once
}

func (m *meddler) Create(ctx context.Context, name string, content []byte) error {
	err := m.folder.Create(ctx, name, content)
	if strings.HasSuffix(name, pfxExtension) {
		m.once.Do(func() { m.meddle(m.folder) })
	}
	return err
}

func TestPairMendedByManyAtOnceOpens(t *testing.T) {
	dir := withIdentity(t)
	thumbprint := certificate.Thumbprint(pair().Certificate)
	files, err := ConnectionFiles(tenant, mailbox, thumbprint)
	must(t, err)
	must(t, open(t, dir, passphrase).SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	must(t, os.WriteFile(filepath.Join(dir, files.Password), nil, 0o600))
	var wait sync.WaitGroup
	var saved atomic.Int32
	for range 6 {
		wait.Go(func() {
			// Some of so many may give up, and say so; what they leave must open.
			if err := open(t, dir, passphrase).SaveCertificate(t.Context(), tenant, pair(), certificate.AES256,
				nil); err == nil {
				saved.Add(1)
			}
		})
	}
	wait.Wait()
	if _, err := open(t, dir, passphrase).KeyPair(t.Context(), tenant, thumbprint); err != nil || saved.Load() == 0 {
		t.Errorf("%v; %d succeeded", err, saved.Load())
	}
}

func TestPFXPasswordIsSharedWithTheRecipientsOfEveryConnectionThatNamesIt(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	thumbprint := certificate.Thumbprint(pair().Certificate)
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	files, err := ConnectionFiles(tenant, mailbox, thumbprint)
	must(t, err)
	due := func(want bool, planned *Connection) {
		t.Helper()
		if got, err := open(t, dir, "").SharingDue(t.Context(), tenant, thumbprint, planned); got != want || err != nil {
			t.Errorf("due: %t, %v", got, err)
		}
	}
	var people []*age.X25519Identity
	var records []Connection
	for i := range 2 {
		person, err := age.GenerateX25519Identity()
		must(t, err)
		people = append(people, person)
		c := withCertificate()
		c.Mailbox, c.CertificateThumbprint, c.HandoffRecipients = fmt.Sprintf("m%d@x.com",
			i), thumbprint, []string{person.Recipient().String()}
		due(false, nil)
		due(true, &c)
		c, err = s.CreateConnection(t.Context(), c, "")
		must(t, err)
		records = append(records, c)
		due(true, &c)
		must(t, s.ShareCertificate(t.Context(), tenant, thumbprint))
	}
	due(false, nil)
	for i, person := range people {
		if opens(t, filepath.Join(dir, files.Password), person) == "" {
			t.Errorf("person %d does not open the password", i)
		}
	}

	// The last one to be named is taken off again, and a run dies before it is done.
	records[1].HandoffRecipients = nil
	_, err = s.UpdateConnection(t.Context(), records[1], nil)
	must(t, err)
	must(t, s.DeleteConnection(t.Context(), tenant, records[0].Mailbox, records[0].Owner))
	due(true, nil)
	must(t, s.ShareCertificate(t.Context(), tenant, thumbprint))
	due(false, nil)
	for i, person := range people {
		if opens(t, filepath.Join(dir, files.Password), person) != "" {
			t.Errorf("person %d still opens the password", i)
		}
	}
	if _, err := s.KeyPair(t.Context(), tenant, thumbprint); err != nil {
		t.Error(err)
	}

	// A note that does not fit its file is not believed.
	must(t, os.WriteFile(filepath.Join(dir, files.Password), nil, 0o600))
	due(true, nil)
}

func TestFirstImportSharesAtOnceAndNeedsNoPassphrase(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, "")
	person, err := age.GenerateX25519Identity()
	must(t, err)
	c := withCertificate()
	c.CertificateThumbprint, c.HandoffRecipients = certificate.Thumbprint(
		pair().Certificate), []string{person.Recipient().String()}
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, &c))
	_, err = s.CreateConnection(t.Context(), c, "")
	must(t, err)
	if due, err := s.SharingDue(t.Context(), tenant, c.CertificateThumbprint, nil); due || err != nil {
		t.Errorf("due: %t, %v", due, err)
	}
}

func TestWhoWasEntitledStaysSoWhileARecordCannotBeRead(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	person, err := age.GenerateX25519Identity()
	must(t, err)
	c := withCertificate()
	c.CertificateThumbprint, c.HandoffRecipients = certificate.Thumbprint(
		pair().Certificate), []string{person.Recipient().String()}
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, &c))
	_, err = s.CreateConnection(t.Context(), c, "")
	must(t, err)
	must(t, os.WriteFile(pathOf(t, s.RecordURL(tenant, mailbox)), []byte("{"), 0o600))
	if due, err := s.SharingDue(t.Context(), tenant, c.CertificateThumbprint, nil); due || err != nil {
		t.Errorf("due: %t, %v", due, err)
	}
}

func TestStoreThatCanOnlyBeReadIsRead(t *testing.T) {
	dir := withIdentity(t)
	_, err := open(t, dir, passphrase).CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	for _, missing := range []string{"", recipientFile} {
		s := open(t, dir, passphrase)
		s.files = readOnly{s.files}
		if missing != "" {
			must(t, os.Remove(filepath.Join(dir, missing)))
		}
		if stored, err := s.ClientSecret(t.Context(), tenant, mailbox); err != nil || stored != secret {
			t.Errorf("without %q: %q, %v", missing, stored, err)
		}
	}
}

// readOnly is a driver whose writes all fail, as on a share without the right to write.
type readOnly struct{ driver }

func (readOnly) Create(context.Context, string, []byte) error  { return fs.ErrPermission }
func (readOnly) Replace(context.Context, string, []byte) error { return fs.ErrPermission }
func (readOnly) Delete(context.Context, string) error          { return fs.ErrPermission }

func TestKeyLeavesTheStoreWithTheLastThatNamesIt(t *testing.T) {
	s := open(t, withIdentity(t), passphrase)
	thumbprint := certificate.Thumbprint(pair().Certificate)
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	c := withCertificate()
	c.CertificateThumbprint = thumbprint
	_, err := s.CreateConnection(t.Context(), c, "")
	must(t, err)
	r := Registration{TenantID: tenant, UniqueName: "app", Marker: client, StartedAt: now,
		Thumbprints: []string{thumbprint}}
	must(t, s.SaveRegistration(t.Context(), r))
	if names, err := s.CertificateNamedBy(t.Context(), tenant, thumbprint); err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}

	still := func(want bool) {
		t.Helper()
		must(t, s.DeleteUnusedCertificate(t.Context(), tenant, thumbprint))
		if there, err := s.HasKeyPair(t.Context(), tenant, thumbprint); there != want || err != nil {
			t.Errorf("there: %v, %v", there, err)
		}
	}
	still(true)
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, c.Owner))
	still(true)
	must(t, os.WriteFile(pathOf(t, s.RecordURL(tenant, "broken@x.com")), []byte("{"), 0o600))
	must(t, s.DeleteRegistration(t.Context(), tenant, "app"))
	still(true) // a record that cannot be read may name it
	must(t, os.Remove(pathOf(t, s.RecordURL(tenant, "broken@x.com"))))
	still(false)
}

func TestKeyStaysWhileARecordNamesItInWhateverSpelling(t *testing.T) {
	thumbprint := certificate.Thumbprint(pair().Certificate)
	spelled := strings.ToLower(thumbprint[:2] + " " + thumbprint[2:])
	s := open(t, withIdentity(t), passphrase)
	c := withCertificate()
	c.CertificateThumbprint = thumbprint
	_, err := s.CreateConnection(t.Context(), c, "")
	must(t, err)
	journal := Registration{TenantID: tenant, UniqueName: "app", Marker: client, StartedAt: now,
		Thumbprints: []string{thumbprint}}
	must(t, s.SaveRegistration(t.Context(), journal))
	app, err := registrationFile(tenant, "app")
	must(t, err)
	for _, file := range []string{pathOf(t, s.RecordURL(tenant, mailbox)), pathOf(t, s.files.URL(app))} {
		content, err := os.ReadFile(file)
		must(t, err)
		must(t, os.WriteFile(file, []byte(strings.ReplaceAll(string(content), thumbprint, spelled)), 0o600))
	}
	if names, err := s.CertificateNamedBy(t.Context(), tenant, thumbprint); err != nil || len(names) != 2 {
		t.Errorf("it is named by %v, %v", names, err)
	}
}
