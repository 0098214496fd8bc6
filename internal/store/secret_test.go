package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// opens returns what a person's key makes of an encrypted file; empty where it does not open it.
func opens(t *testing.T, dir, name string, identity age.Identity) string {
	t.Helper()
	plain, err := sealing.Decrypt([]byte(readFile(t, dir, name)), identity)
	if err != nil {
		return ""
	}
	return string(plain)
}

func TestOfManyWhoBeginAStoreAllUseOneIdentity(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	var wait sync.WaitGroup
	for i := range 3 {
		wait.Go(func() {
			c := withSecret()
			c.Mailbox = fmt.Sprintf("m%d@contoso.com", i)
			if _, err := open(t, dir, passphrase).CreateConnection(t.Context(), c, 0, secret, render); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	s := open(t, dir, passphrase)
	for i := range 3 {
		c, err := s.Connection(t.Context(), tenant, fmt.Sprintf("m%d@contoso.com", i), 0)
		must(t, err)
		if stored, err := s.ClientSecret(t.Context(), c); err != nil || stored != secret {
			t.Errorf("m%d: %q, %v", i, stored, err)
		}
	}
}

func TestAStoreThatAnotherRunBeginsMeanwhileIsNotTakenForOneThatLostItsIdentity(t *testing.T) {
	for name, do := range map[string]func(s *Store) error{
		"writing": func(s *Store) error {
			c := withCertificate()
			c.Mailbox = "second@contoso.com"
			_, err := s.CreateConnection(t.Context(), c, 0, "", render)
			return err
		},
		"asking before": func(s *Store) error { return s.CanWrite(t.Context()) },
	} {
		dir := filepath.Join(t.TempDir(), "store")
		s := open(t, dir, passphrase)
		s.files = &beginning{Place: s.files, begin: func() {
			putIdentity(t, dir, newPerson(t))
			create(t, open(t, dir, passphrase), withCertificate())
		}}
		if err := do(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, unreadable, err := open(t, dir, passphrase).Connections(t.Context(), ""); err != nil || len(unreadable) > 0 {
			t.Errorf("%s: %v, %v", name, unreadable, err)
		}
	}
}

func TestTheFirstWriteOfAStoreNeedsAPassphraseAndWritesNothingWithoutIt(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir, "")
	if err := s.CanWrite(t.Context()); !errors.Is(err, ErrPassphraseMissing) {
		t.Errorf("asked before: %v", err)
	}
	for _, c := range []Connection{withSecret(), withCertificate()} {
		value := ""
		if c.CredentialType == CredentialClientSecret {
			value = secret
		}
		if _, err := s.CreateConnection(t.Context(), c, 0, value, render); !errors.Is(err, ErrPassphraseMissing) {
			t.Errorf("%s: %v", c.CredentialType, err)
		}
	}
	r := newJournal()
	if err := s.SaveRegistration(t.Context(), &r, 0, now); !errors.Is(err, ErrPassphraseMissing) {
		t.Errorf("a journal: %v", err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("written: %v", filesBelow(t, dir))
	}
}

func TestUnlockingMakesNothingAndSaysWhatAWriteWouldMeet(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "store")
	must(t, open(t, empty, passphrase).Unlock(t.Context()))
	must(t, open(t, empty, passphrase).CanWrite(t.Context()))
	if err := open(t, empty, "").Unlock(t.Context()); !errors.Is(err, ErrPassphraseMissing) {
		t.Errorf("without a passphrase: %v", err)
	}
	if _, err := os.Stat(empty); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	if known := s.Identity(); known != "" {
		t.Errorf("before it is opened, its identity is %s", known)
	}
	must(t, s.Unlock(t.Context()))
	if known := s.Identity(); sealing.CheckRecipient(known) != nil {
		t.Errorf("its identity is %q", known)
	}
	err := open(t, dir, "quite another passphrase").Unlock(t.Context())
	if !errors.Is(err, sealing.ErrPassphraseWrong) || !IsLocked(err) || !CannotProve(err) {
		t.Errorf("a wrong passphrase: %v", err)
	}
}

// A tenth of a gigabyte and more in each provider process would be the most of what it takes (age: "scrypt" recipient
// stanza).
func TestTheIdentityOpensInMemoryThatARunnerHas(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	create(t, open(t, dir, passphrase), withSecret())
	header, err := io.ReadAll(armor.NewReader(strings.NewReader(readFile(t, dir, identityFile))))
	must(t, err)
	if !regexp.MustCompile(`(?m)^-> scrypt \S+ 16$`).Match(header) {
		t.Errorf("the header is %q", header[:80])
	}
}

func TestWithoutThePassphraseNothingIsReadOrWrittenAndWhatTheStateNamesIsDeleted(t *testing.T) {
	dir := withIdentity(t)
	with := open(t, dir, passphrase)
	savePair(t, with)
	c := create(t, with, withSecret())
	r := newJournal()
	must(t, with.SaveRegistration(t.Context(), &r, 0, now))
	before := filesBelow(t, dir)

	s := open(t, dir, "")
	var err error
	for name, do := range map[string]func(){
		"a record":      func() { _, err = s.Connection(t.Context(), tenant, mailbox, 0) },
		"all records":   func() { _, _, err = s.Connections(t.Context(), "") },
		"a secret":      func() { _, err = s.ClientSecret(t.Context(), c) },
		"a journal":     func() { _, err = s.Registration(t.Context(), tenant, r.UniqueName, 0) },
		"a certificate": func() { _, err = s.Certificate(t.Context(), tenant, thumbprint()) },
		"a key":         func() { _, err = s.KeyPair(t.Context(), tenant, thumbprint()) },
		"its state":     func() { _, err = s.KeyState(t.Context(), tenant, thumbprint()) },
		"a change":      func() { _, _, err = s.UpdateConnection(t.Context(), c, 0, nil, render) },
		"a new journal": func() { err = s.SaveRegistration(t.Context(), &r, 0, now) },
		"a new password": func() {
			err = s.SealCertificate(t.Context(), tenant, thumbprint(), now)
		},
		"a renewal": func() { err = s.RenewConnections(t.Context(), tenant, thumbprint(), render) },
	} {
		if do(); !errors.Is(err, ErrPassphraseMissing) || !IsLocked(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after := filesBelow(t, dir); strings.Join(after, " ") != strings.Join(before, " ") {
		t.Errorf("the files were %v\nand are %v", before, after)
	}
	if !s.Interrupted(t.Context(), tenant, r.UniqueName) {
		t.Error("the journal of an interrupted run is not seen")
	}

	if err := s.DeleteConnection(t.Context(), tenant, mailbox, "owner-2", 0); !isOwnerError(err) {
		t.Errorf("what says that it is another owner's: %v", err)
	}
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, c.Owner, c.Generation))
	must(t, s.DeleteRegistration(t.Context(), tenant, r.UniqueName))
	dropUnused(t, s, thumbprint())
	if left := filesBelow(t, filepath.Join(dir, tenant)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestWrongPassphraseIsToldFromADamagedIdentityAndNeitherStopsADestroy(t *testing.T) {
	dir := withIdentity(t)
	create(t, open(t, dir, passphrase), withSecret())
	content := readFile(t, dir, identityFile)
	for name, spoilt := range map[string]string{
		"whole": content, "cut": content[:len(content)/2], "empty": "", "garbage": "hello",
	} {
		writeFile(t, dir, identityFile, spoilt)
		with := passphrase
		if name == "whole" {
			with = "wrong horse battery"
		}
		s := open(t, dir, with)
		_, reading := s.Connection(t.Context(), tenant, mailbox, 0)
		other := withSecret()
		other.Mailbox = "other@contoso.com"
		_, writing := s.CreateConnection(t.Context(), other, 0, secret, render)
		for _, err := range []error{reading, writing} {
			if wrong := errors.Is(err, sealing.ErrPassphraseWrong); wrong != (name == "whole") ||
				wrong == IsUntrusted(err) || !strings.Contains(err.Error(), identityFile) || !CannotProve(err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := readFile(t, dir, identityFile); after != spoilt {
			t.Errorf("%s: the identity was written again", name)
		}
		must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1", 0))
		writeFile(t, dir, identityFile, content)
		create(t, open(t, dir, passphrase), withSecret())
	}
}

func TestASecretThatTheRecordDoesNotNameIsNeverReturned(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	c := create(t, s, withSecret())
	identity, err := s.unlock(t.Context())
	must(t, err)
	planted, err := identity.Encrypt([]byte("a planted one"), nil)
	must(t, err)
	other := withSecret()
	other.Mailbox = "other@contoso.com"
	create(t, s, other)
	for name, content := range map[string]string{
		"cut": "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl", "planted": string(planted),
		"another connection's": readFile(t, dir, secretOf("other@contoso.com")),
	} {
		writeFile(t, dir, secretOf(mailbox), content)
		if value, err := s.ClientSecret(t.Context(), c); !IsUntrusted(err) || value != "" ||
			!strings.Contains(err.Error(), ".secret.age") {
			t.Errorf("%s: %q, %v", name, value, err)
		}
		if err := drift(t, s, c); err == nil {
			t.Errorf("%s: the plan shows nothing", name)
		}
		more := c
		more.HandoffRecipients = []string{newPerson(t).Recipient().String()}
		if _, _, err := s.UpdateConnection(t.Context(), more, 0, nil, render); !IsUntrusted(err) {
			t.Errorf("%s: it is encrypted to others: %v", name, err)
		}
	}
	removeFile(t, dir, secretOf(mailbox))
	_, _, err = s.UpdateConnection(t.Context(), c, 0, nil, render)
	if err == nil || errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), "client_secret_wo_version") {
		t.Errorf("a secret that is gone: %v", err)
	}
	update(t, s, c, new(secret))
	hasNoDrift(t, s)
}

func TestALostIdentityIsNeverReplacedByAnotherOne(t *testing.T) {
	dir := withIdentity(t)
	c := create(t, open(t, dir, passphrase), withSecret())
	removeFile(t, dir, identityFile)
	s := open(t, dir, passphrase)
	r := newJournal()
	_, reading := s.Connection(t.Context(), tenant, mailbox, 0)
	_, creating := s.CreateConnection(t.Context(), withSecret(), 0, secret, render)
	_, _, updating := s.UpdateConnection(t.Context(), c, 0, new(secret), render)
	for name, err := range map[string]error{
		"asked before": s.CanWrite(t.Context()), "reading": reading, "creating": creating, "updating": updating,
		"a journal":     s.SaveRegistration(t.Context(), &r, 0, now),
		"a certificate": s.SaveCertificate(t.Context(), tenant, pair(), 0, now),
	} {
		if !IsUntrusted(err) || !strings.Contains(err.Error(), identityFile) ||
			!strings.Contains(err.Error(), "restore it from a backup of the store") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := s.Connection(t.Context(), tenant, "another@contoso.com", 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("a connection that was never there: %v", err)
	}
	if _, err := os.Stat(fileIn(dir, identityFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an identity was made: %v", err)
	}
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, c.Owner, 0))
}

func TestAnotherIdentityThanTheStateNamesIsRefusedAndNothingIsMadeInItsPlace(t *testing.T) {
	known := newPerson(t).Recipient().String()
	for name, folder := range map[string]func() string{
		"another": func() string { return withIdentity(t) },
		"none":    func() string { return filepath.Join(t.TempDir(), "store") },
	} {
		dir := folder()
		s := open(t, dir, passphrase)
		s.Expect("")
		s.Expect(known)
		r := newJournal()
		_, reading := s.Connection(t.Context(), tenant, mailbox, 0)
		_, creating := s.CreateConnection(t.Context(), withSecret(), 0, secret, render)
		for what, err := range map[string]error{
			"unlocking": s.Unlock(t.Context()), "asked before": s.CanWrite(t.Context()), "reading": reading,
			"creating": creating, "a journal": s.SaveRegistration(t.Context(), &r, 0, now),
			"a certificate": s.SaveCertificate(t.Context(), tenant, pair(), 0, now),
		} {
			other, ok := errors.AsType[*OtherIdentityError](err)
			if !ok || other.Known != known || (other.Found == "") != (name == "none") || !CannotProve(err) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if name == "none" {
			if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a store was made: %v", filesBelow(t, dir))
			}
		} else if left := filesBelow(t, dir); len(left) != 1 {
			t.Errorf("written: %v", left)
		}
		must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1", 0))
	}
}

// Each state may name its store, and all of them have to mean this one.
func TestAStoreThatWasOpenedIsRefusedOnceAStateNamesAnother(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	create(t, s, withCertificate())
	s.Expect(s.Identity())
	read(t, s)
	s.Expect(newPerson(t).Recipient().String())
	if _, err := s.Connection(t.Context(), tenant, mailbox, 0); !CannotProve(err) || errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestHandoffRecipientOpensTheSecretThatIsHandedOverAndNobodyElseDoes(t *testing.T) {
	dir := withIdentity(t)
	person, stranger := newPerson(t), newPerson(t)
	s := open(t, dir, passphrase)
	c := create(t, s, withSecret())
	if opens(t, dir, secretOf(mailbox), person) != "" {
		t.Error("the person opens it before being named")
	}
	c.HandoffRecipients = []string{person.Recipient().String()}
	c = update(t, s, c, nil)
	if got := opens(t, dir, secretOf(mailbox), person); got != secret {
		t.Errorf("the person opens %q", got)
	}
	if opens(t, dir, secretOf(mailbox), stranger) != "" {
		t.Error("a stranger opens it")
	}
	c.HandoffRecipients = nil
	update(t, s, c, nil)
	if opens(t, dir, secretOf(mailbox), person) != "" {
		t.Error("the person opens it once taken off")
	}
	hasNoDrift(t, s)
}

func TestRecipientsArePublicKeysOfAge(t *testing.T) {
	identity := newPerson(t)
	if err := sealing.CheckRecipient(identity.Recipient().String()); err != nil {
		t.Error(err)
	}
	if err := sealing.CheckRecipient(identity.String()); err == nil || strings.Contains(err.Error(), identity.String()) {
		t.Errorf("a secret key: %v", err)
	}
	if err := sealing.CheckRecipient("ssh-ed25519 AAAA"); err == nil {
		t.Error("an SSH key is accepted")
	}
	c := withSecret()
	c.HandoffRecipients = []string{identity.String()}
	_, err := open(t, withIdentity(t), passphrase).CreateConnection(t.Context(), c, 0, secret, render)
	if err == nil || strings.Contains(err.Error(), identity.String()) {
		t.Errorf("a record with a secret key: %v", err)
	}
}

func TestStoreThatCanOnlyBeReadIsRead(t *testing.T) {
	dir := withIdentity(t)
	create(t, open(t, dir, passphrase), withSecret())
	s := open(t, dir, passphrase)
	s.files = readOnly{s.files}
	if stored, err := s.ClientSecret(t.Context(), read(t, s)); err != nil || stored != secret {
		t.Errorf("%q, %v", stored, err)
	}
	hasNoDrift(t, s)
}

func TestNoErrorOfAStoreShowsItsPassphrase(t *testing.T) {
	var shown bytes.Buffer
	dir := withIdentity(t)
	create(t, open(t, dir, passphrase), withSecret())
	for _, with := range []string{"a wrong passphrase", "elevenchars", ""} {
		_, err := open(t, dir, with).Connection(t.Context(), tenant, mailbox, 0)
		fmt.Fprintln(&shown, err)
	}
	for _, hidden := range []string{"a wrong passphrase", "elevenchars", passphrase} {
		if strings.Contains(shown.String(), hidden) {
			t.Errorf("shown: %s", shown.String())
		}
	}
}
