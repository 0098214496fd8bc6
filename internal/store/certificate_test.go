package store

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/keys"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// opensKey holds that the store opens pair, and whether its files are sealed.
func opensKey(t testing.TB, dir string) {
	t.Helper()
	s := open(t, dir, passphrase)
	got, err := s.KeyPair(t.Context(), tenant, thumbprint())
	if err != nil {
		t.Errorf("the key cannot be read: %v", err)
	} else if !got.Key.Equal(pair().Key) || !got.Certificate.Equal(pair().Certificate) {
		t.Error("another key")
	}
	if state := stateOf(t, s, thumbprint()); state != KeySealed {
		t.Errorf("the state of the key is %d", state)
	}
}

// passwordIn decrypts the password of pair as the store does.
func passwordIn(t testing.TB, dir, name string) string {
	t.Helper()
	identity, err := open(t, dir, passphrase).unlock(t.Context())
	must(t, err)
	plain, err := identity.Decrypt([]byte(readFile(t, dir, name)))
	must(t, err)
	return string(plain)
}

// plant writes a pair as somebody does who knows the store's public key, and not its passphrase.
func plant(t testing.TB, dir string, p *certificate.Pair) (password string) {
	t.Helper()
	s := open(t, dir, passphrase)
	must(t, s.Unlock(t.Context()))
	recipient, err := age.ParseX25519Recipient(s.Identity())
	must(t, err)
	pfx, password, err := keys.Pack(p, certificate.AES256)
	must(t, err)
	encrypted, err := sealing.Encrypt([]byte(password), recipient)
	must(t, err)
	files, err := certificateFiles(tenant, certificate.Thumbprint(p.Certificate))
	must(t, err)
	writeFile(t, dir, files.cer, certificate.EncodePEM(p.Certificate))
	writeFile(t, dir, files.pfx, string(pfx))
	writeFile(t, dir, files.password, string(encrypted))
	return password
}

func TestKeyPairComesBack(t *testing.T) {
	dir := withIdentity(t)
	savePair(t, open(t, dir, passphrase))
	opensKey(t, dir)
	s := open(t, dir, passphrase)
	if got, err := s.KeyPair(t.Context(), tenant, strings.ToLower(thumbprint())); err != nil ||
		!got.Key.Equal(pair().Key) {
		t.Errorf("by its thumbprint in lower case: %v", err)
	}
	if c, err := s.Certificate(t.Context(), tenant, thumbprint()); err != nil || !c.Equal(pair().Certificate) {
		t.Errorf("the certificate alone: %v", err)
	}
}

func TestSavingAPairAgainKeepsItsFiles(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	savePair(t, s)
	before := readFile(t, dir, keyFiles(t).pfx)
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.Legacy, now))
	if after := readFile(t, dir, keyFiles(t).pfx); before != after {
		t.Error("the PFX is another one")
	}
}

func TestPairSavedByManyAtOnceOpensAndIsSealed(t *testing.T) {
	for name, planted := range map[string]bool{"into an empty store": false, "over a planted pair": true} {
		dir := withIdentity(t)
		if planted {
			plant(t, dir, pair())
		}
		var wait sync.WaitGroup
		for range 8 {
			wait.Go(func() {
				s := open(t, dir, passphrase)
				if err := s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, now); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wait.Wait()
		opensKey(t, dir)
		for _, left := range filesBelow(t, dir) {
			if strings.HasSuffix(left, nextExtension) {
				t.Errorf("%s: %s is left", name, left)
			}
		}
	}
}

// Each pair of files, the password or the PFX, may be lost, cut or exchanged.
func TestSavingAPairOverFilesThatAreNotAsRecordedWritesAllOfThemAgain(t *testing.T) {
	files := keyFiles(t)
	for name, spoil := range map[string]func(dir string){
		"a password that is lost":  func(dir string) { removeFile(t, dir, files.password) },
		"a password that is cut":   func(dir string) { writeFile(t, dir, files.password, "-----BEGIN AGE") },
		"a PFX that is damaged":    func(dir string) { writeFile(t, dir, files.pfx, "PFX") },
		"a PFX that is lost":       func(dir string) { removeFile(t, dir, files.pfx) },
		"a certificate that is":    func(dir string) { removeFile(t, dir, files.cer) },
		"a record that is lost":    func(dir string) { removeFile(t, dir, files.record) },
		"a record that is damaged": func(dir string) { writeFile(t, dir, files.record, "{") },
		"a password and no PFX, planted": func(dir string) {
			plant(t, dir, pair())
			removeFile(t, dir, files.pfx)
		},
		"a password and no PFX, planted next to nothing else": func(dir string) {
			plant(t, dir, pair())
			removeFile(t, dir, files.pfx)
			removeFile(t, dir, files.cer)
			removeFile(t, dir, files.record)
		},
		"a whole pair, planted": func(dir string) {
			plant(t, dir, pair())
		},
		"a whole pair, planted in an empty store": func(dir string) {
			plant(t, dir, pair())
			removeFile(t, dir, files.record)
		},
	} {
		dir := withIdentity(t)
		savePair(t, open(t, dir, passphrase))
		spoil(dir)
		known := ""
		if strings.Contains(name, "planted") {
			known = passwordIn(t, dir, files.password)
		}
		s := open(t, dir, passphrase)
		if state := stateOf(t, s, thumbprint()); state == KeySealed {
			t.Errorf("%s: counts as sealed", name)
		}
		savePair(t, s)
		opensKey(t, dir)
		if password := passwordIn(t, dir, files.password); password == known {
			t.Errorf("%s: the PFX is under the password that was planted", name)
		}
		if known != "" {
			if _, err := keys.Open([]byte(readFile(t, dir, files.pfx)), known, thumbprint()); err == nil {
				t.Errorf("%s: the planted password opens the PFX", name)
			}
		}
	}
}

// A pair that is valid in itself proves nothing: an app must never get a certificate that anybody could have put
// there.
func TestAPlantedPairIsNeverSealedUntilSomethingOfTheOperatorsNamesIt(t *testing.T) {
	dir := withIdentity(t)
	theirs := newPair()
	theirThumbprint := certificate.Thumbprint(theirs.Certificate)
	plant(t, dir, theirs)
	s := open(t, dir, passphrase)
	if state := stateOf(t, s, theirThumbprint); state != KeyUnsealed {
		t.Errorf("its state is %d", state)
	}
	if there, err := s.HasKeyPair(t.Context(), tenant, theirThumbprint); there || err != nil {
		t.Errorf("the store has it: %t, %v", there, err)
	}
	if _, err := s.KeyPair(t.Context(), tenant, theirThumbprint); !errors.Is(err, ErrNotFound) {
		t.Errorf("as a key pair: %v", err)
	}
	if _, err := s.Certificate(t.Context(), tenant, theirThumbprint); !errors.Is(err, ErrNotFound) {
		t.Errorf("as a certificate: %v", err)
	}

	// Nor does a change of another certificate or connection seal it.
	savePair(t, s)
	c := create(t, s, withKey())
	must(t, s.SealCertificate(t.Context(), tenant, thumbprint(), now))
	must(t, s.RenewConnections(t.Context(), tenant, thumbprint(), render))
	update(t, s, c, nil)
	files, err := certificateFiles(tenant, theirThumbprint)
	must(t, err)
	writeFile(t, dir, files.record, readFile(t, dir, keyFiles(t).record))
	if state := stateOf(t, s, theirThumbprint); state != KeyUnsealed {
		t.Errorf("with another certificate's record, its state is %d", state)
	}

	// Nor is the pair of one certificate ever that of another.
	for _, extension := range []string{pfxExtension, passwordExtension, cerExtension} {
		from, err := certificateFile(tenant, theirThumbprint, extension)
		must(t, err)
		to, err := certificateFile(tenant, thumbprint(), extension)
		must(t, err)
		writeFile(t, dir, to, readFile(t, dir, from))
	}
	if state := stateOf(t, s, thumbprint()); state != KeyMissing {
		t.Errorf("another certificate's pair under this name: the state is %d", state)
	}
	if err := s.SealCertificate(t.Context(), tenant, thumbprint(), now); !IsUntrusted(err) {
		t.Errorf("sealed: %v", err)
	}
}

func TestAPairThatNoSealProvesIsTakenOverUnderANewPasswordOnceAConnectionNamesIt(t *testing.T) {
	dir := withIdentity(t)
	known := plant(t, dir, pair())
	s := open(t, dir, passphrase)
	create(t, s, withKey())
	opensKey(t, dir)
	if password := passwordIn(t, dir, keyFiles(t).password); password == known ||
		password != passwordIn(t, dir, passwordOf(mailbox)) {
		t.Error("the password is the one that was known, or the connection has another one")
	}
	hasNoDrift(t, s)
}

func TestAPairThatIsPackedAgainOpensWithAnotherPasswordAndNotWithTheOneBefore(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	savePair(t, s)
	files := keyFiles(t)
	before := passwordIn(t, dir, files.password)
	for _, e := range []certificate.Encryption{certificate.Legacy, certificate.AES256} {
		must(t, s.Repack(t.Context(), tenant, thumbprint(), e, now))
		if got, err := s.PFXEncryption(t.Context(), tenant, thumbprint()); err != nil || got != e {
			t.Errorf("encrypted with %s, %v", got, err)
		}
		must(t, s.SealCertificate(t.Context(), tenant, thumbprint(), now))
		pfx := []byte(readFile(t, dir, files.pfx))
		if got, err := certificate.EncryptionOf(pfx); err != nil || got != e {
			t.Errorf("sealing again encrypts with %s, %v", got, err)
		}
		if _, err := keys.Open(pfx, before, thumbprint()); err == nil {
			t.Error("the password before opens it")
		}
		opensKey(t, dir)
	}
	if err := s.Repack(t.Context(), tenant, thumb, certificate.Legacy, now); !errors.Is(err, ErrNotFound) {
		t.Errorf("of a certificate that is not there: %v", err)
	}
}

func TestARunThatRepacksMeanwhileIsNoticed(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	savePair(t, s)
	// Past the lock, as on a file system that has no locks.
	s.files = &meddling{Place: s.files, before: keyFiles(t).record, meddle: func() error {
		return open(t, dir, passphrase).SealCertificate(t.Context(), tenant, thumbprint(), now)
	}}
	s.files = unlocked{s.files}
	if err := s.SealCertificate(t.Context(), tenant, thumbprint(), now); !errors.Is(err, place.ErrChanged) {
		t.Errorf("%v", err)
	}
	opensKey(t, dir)
}

func TestARemovedRecipientHasAPasswordThatOpensNothingAndTheOthersGetTheNewOneFromTheirOwnPlan(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	savePair(t, s)
	leaving, staying := newPerson(t), newPerson(t)
	first := create(t, s, withKey(leaving, staying))
	other := withKey(staying)
	other.Mailbox = "other@contoso.com"
	other = create(t, s, other)
	alone := withKey()
	alone.Mailbox = "alone@contoso.com"
	alone = create(t, s, alone)
	kept := opens(t, dir, passwordOf(mailbox), leaving)
	if kept == "" {
		t.Fatal("a recipient cannot open the password")
	}

	first.HandoffRecipients = []string{staying.Recipient().String()}
	updated, repacked, err := s.UpdateConnection(t.Context(), first, first.Generation, nil, render)
	must(t, err)
	if !repacked {
		t.Error("the others are not due")
	}
	pfx := []byte(readFile(t, dir, keyFiles(t).pfx))
	if _, err := keys.Open(pfx, kept, thumbprint()); err == nil {
		t.Error("the password that was kept opens the PFX")
	}
	if opens(t, dir, passwordOf(mailbox), leaving) != "" {
		t.Error("who was removed opens the new password")
	}
	if err := drift(t, s, other); !errors.Is(err, ErrOutdated) {
		t.Errorf("the other connection shows: %v", err)
	}
	must(t, open(t, dir, passphrase).RenewConnections(t.Context(), tenant, thumbprint(), render))
	// Nobody is a recipient whom no plan shows, so a connection that has some waits for its own.
	if err := drift(t, s, other); !errors.Is(err, ErrOutdated) {
		t.Errorf("the other connection shows: %v", err)
	}
	renewed, err := s.Connection(t.Context(), tenant, alone.Mailbox, alone.Generation)
	must(t, err)
	if err := drift(t, s, renewed); err != nil {
		t.Errorf("the connection without recipients shows: %v", err)
	}
	other, _, err = s.UpdateConnection(t.Context(), other, other.Generation, nil, render)
	must(t, err)
	for _, c := range []Connection{updated, other} {
		if err := drift(t, s, c); err != nil {
			t.Errorf("%s shows: %v", c.Mailbox, err)
		}
		if _, err := keys.Open(pfx, opens(t, dir, passwordOf(c.Mailbox), staying), thumbprint()); err != nil {
			t.Errorf("%s: who stays cannot open it: %v", c.Mailbox, err)
		}
	}

	// Without a removal, it stays.
	updated.Name = "another"
	if _, repacked, err := s.UpdateConnection(t.Context(), updated, 0, nil, render); err != nil || repacked {
		t.Errorf("it was packed again: %t, %v", repacked, err)
	}
}

// Nobody can tell who was a recipient where the record proves nothing.
func TestAPFXGetsAnotherPasswordWhereTheRecordBeforeProvesNothing(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	savePair(t, s)
	c := create(t, s, withKey())
	before := passwordIn(t, dir, keyFiles(t).password)
	writeFile(t, dir, recordOf(mailbox), "{")
	if _, repacked, err := s.UpdateConnection(t.Context(), c, c.Generation, nil, render); err != nil || !repacked {
		t.Errorf("packed again: %t, %v", repacked, err)
	}
	if passwordIn(t, dir, keyFiles(t).password) == before {
		t.Error("the password is the same")
	}
	hasNoDrift(t, s)
}

func TestEachConnectionsPasswordOpensForItsOwnRecipientsOnly(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	savePair(t, s)
	people := map[string]*age.X25519Identity{}
	for _, address := range []string{"one@contoso.com", "two@contoso.com"} {
		people[address] = newPerson(t)
		c := withKey(people[address])
		c.Mailbox = address
		create(t, s, c)
	}
	check := func() {
		t.Helper()
		for owner := range people {
			for address, person := range people {
				if opened := opens(t, dir, passwordOf(owner), person) != ""; opened != (owner == address) {
					t.Errorf("%s's recipient opens the password of %s: %t", address, owner, opened)
				}
			}
			if opens(t, dir, keyFiles(t).password, people[owner]) != "" {
				t.Errorf("%s's recipient opens the store's own", owner)
			}
		}
	}
	check()

	// A record that names the certificate with a key of the writer's own changes nothing.
	stranger := newPerson(t)
	planted := strings.ReplaceAll(readFile(t, dir, recordOf("one@contoso.com")),
		people["one@contoso.com"].Recipient().String(), stranger.Recipient().String())
	writeFile(t, dir, recordOf("planted@contoso.com"), planted)
	must(t, s.SealCertificate(t.Context(), tenant, thumbprint(), now))
	must(t, s.RenewConnections(t.Context(), tenant, thumbprint(), render))
	check()
	for _, name := range filesBelow(t, dir) {
		if strings.HasSuffix(name, ".age") && name != identityFile && opens(t, dir, name, stranger) != "" {
			t.Errorf("the stranger opens %s", name)
		}
	}
}

func TestKeyLeavesTheStoreWithTheLastThatNamesIt(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	savePair(t, s)
	c := create(t, s, withKey())
	r := newJournal()
	r.Thumbprints = []string{thumbprint()}
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	if names, err := s.CertificateNamedBy(t.Context(), tenant, thumbprint()); err != nil || len(names) != 2 {
		t.Errorf("%v, %v", names, err)
	}

	still := func(want bool) {
		t.Helper()
		dropUnused(t, s, thumbprint())
		if there, err := s.HasKeyPair(t.Context(), tenant, thumbprint()); there != want || err != nil {
			t.Errorf("there: %v, %v", there, err)
		}
	}
	still(true)
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, c.Owner, 0))
	still(true)
	writeFile(t, dir, recordOf("broken@x.com"), "{")
	must(t, s.DeleteRegistration(t.Context(), tenant, r.UniqueName))
	still(true) // a record that cannot be read may name it
	removeFile(t, dir, recordOf("broken@x.com"))
	writeFile(t, dir, recordOf("newer@x.com"), `{"schema_version": 3}`)
	still(true)
	removeFile(t, dir, recordOf("newer@x.com"))
	still(false)
	if left := filesBelow(t, filepath.Join(dir, tenant)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestKeyStaysWhileARecordNamesItInWhateverSpelling(t *testing.T) {
	spelled := strings.ToLower(thumbprint()[:2] + " " + thumbprint()[2:])
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	create(t, s, withKey())
	r := newJournal()
	r.Thumbprints = []string{thumbprint()}
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	for _, name := range []string{recordOf(mailbox), journalOf(r.UniqueName)} {
		writeFile(t, dir, name, strings.ReplaceAll(readFile(t, dir, name), thumbprint(), spelled))
	}
	if names, err := s.CertificateNamedBy(t.Context(), tenant, thumbprint()); err != nil || len(names) != 2 {
		t.Errorf("it is named by %v, %v", names, err)
	}
}

func TestDeletingACertificateLeavesNothingOfItWhateverIsThere(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, "")
	files := keyFiles(t)
	for _, name := range files.all() {
		writeFile(t, dir, name, "whatever")
		if there, err := s.HasCertificateFiles(t.Context(), tenant, thumbprint()); err != nil || !there {
			t.Errorf("%s is not seen: %t, %v", name, there, err)
		}
		must(t, s.DeleteCertificate(t.Context(), tenant, thumbprint()))
		if left, _ := os.ReadDir(fileIn(dir, tenant+"/"+certificateFolder)); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	}
	if !slices.Contains(files.all(), files.record) {
		t.Error("the record is not among its files")
	}
}
