package store

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place/placetest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// kinds are the kinds of records: how one is written and read, under a name of its kind.
var kinds = map[string]struct {
	file        string
	write       func(t *testing.T, s *Store)
	read        func(t *testing.T, s *Store, since int64) (generation int64, err error)
	other       string // another file of that kind, which a record may be moved to
	readOther   func(t *testing.T, s *Store) error
	otherTenant string // likewise
}{
	"connection": {
		file:  recordOf(mailbox),
		write: func(t *testing.T, s *Store) { create(t, s, withSecret()) },
		read: func(t *testing.T, s *Store, since int64) (int64, error) {
			c, err := s.Connection(t.Context(), tenant, mailbox, since)
			return c.Generation, err
		},
		other: recordOf("other@contoso.com"),
		readOther: func(t *testing.T, s *Store) error {
			_, err := s.Connection(t.Context(), tenant, "other@contoso.com", 0)
			return err
		},
		otherTenant: strings.Replace(recordOf(mailbox), tenant, client, 1),
	},
	"app registration": {
		file: journalOf(newJournal().UniqueName),
		write: func(t *testing.T, s *Store) {
			r := newJournal()
			must(t, s.SaveRegistration(t.Context(), &r, 0, now))
		},
		read: func(t *testing.T, s *Store, since int64) (int64, error) {
			r, err := s.Registration(t.Context(), tenant, newJournal().UniqueName, since)
			return r.Generation, err
		},
		other: journalOf("other"),
		readOther: func(t *testing.T, s *Store) error {
			_, err := s.Registration(t.Context(), tenant, "other", 0)
			return err
		},
		otherTenant: strings.Replace(journalOf(newJournal().UniqueName), tenant, client, 1),
	},
}

func TestARecordCountsUnderItsOwnNameOnlyAndInEveryCopyOfTheStore(t *testing.T) {
	for name, kind := range kinds {
		dir := withIdentity(t)
		kind.write(t, open(t, dir, passphrase))
		content := readFile(t, dir, kind.file)
		writeFile(t, dir, kind.other, content)
		writeFile(t, dir, kind.otherTenant, content)
		s := open(t, dir, passphrase)
		if err := kind.readOther(t, s); !IsUntrusted(err) || !errors.Is(err, sealing.ErrForged) {
			t.Errorf("%s under another name: %v", name, err)
		}
		_, inTenant := s.Connection(t.Context(), client, mailbox, 0)
		if name != "connection" {
			_, inTenant = s.Registration(t.Context(), client, newJournal().UniqueName, 0)
		}
		if !errors.Is(inTenant, sealing.ErrForged) {
			t.Errorf("%s in another tenant: %v", name, inTenant)
		}
		elsewhere := filepath.Join(t.TempDir(), "copy")
		must(t, os.CopyFS(elsewhere, os.DirFS(dir)))
		if _, err := kind.read(t, open(t, elsewhere, passphrase), 0); err != nil {
			t.Errorf("%s in a copy of the store: %v", name, err)
		}
	}
}

func TestARecordOfOneKindNeverCountsAsOneOfAnother(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	create(t, s, withSecret())
	savePair(t, s)
	writeFile(t, dir, keyFiles(t).record, readFile(t, dir, recordOf(mailbox)))
	if _, err := s.Certificate(t.Context(), tenant, thumbprint()); !errors.Is(err, sealing.ErrForged) {
		t.Errorf("a connection as a certificate: %v", err)
	}
	writeFile(t, dir, journalOf(newJournal().UniqueName), readFile(t, dir, recordOf(mailbox)))
	_, err := s.Registration(t.Context(), tenant, newJournal().UniqueName, 0)
	if !errors.Is(err, sealing.ErrForged) {
		t.Errorf("a connection as a journal: %v", err)
	}
}

func TestARecordWithAnyByteChangedIsUntrustedNamedAndReplacedByTheNextApply(t *testing.T) {
	dir := withIdentity(t)
	created := create(t, open(t, dir, passphrase), withSecret())
	content := readFile(t, dir, recordOf(mailbox))
	s := open(t, dir, passphrase)
	for at := range len(content) {
		spoilt := []byte(content)
		spoilt[at] ^= 1 << (at % 8)
		if strings.Contains(string(spoilt), `"schema_version": 3`) {
			continue // which is a newer provider's
		}
		writeFile(t, dir, recordOf(mailbox), string(spoilt))
		_, err := s.Connection(t.Context(), tenant, mailbox, 0)
		if _, newer := errors.AsType[*NewerSchemaError](err); !newer && (!IsUntrusted(err) ||
			!strings.Contains(err.Error(), "migration@contoso.onmicrosoft.com.json")) {
			t.Fatalf("with byte %d changed: %v", at, err)
		}
	}
	writeFile(t, dir, recordOf(mailbox), strings.Replace(content, client, tenant, 1))
	updated := update(t, s, created, new(secret))
	if updated.Generation <= created.Generation {
		t.Errorf("its generation was %d, and is %d", created.Generation, updated.Generation)
	}
	hasNoDrift(t, s)
}

func TestDamagedAndPlantedRecordsStayUntilAnOperatorReplacesThemAndTheirNameStaysTaken(t *testing.T) {
	for name, spoil := range map[string]func(string) string{
		"empty":           func(string) string { return "" },
		"cut":             func(s string) string { return s[:len(s)/2] },
		"no version":      func(s string) string { return strings.Replace(s, `"schema_version": 2,`, "", 1) },
		"a mistyped name": func(s string) string { return strings.Replace(s, `"client_id"`, `"client_idd"`, 1) },
		"another mailbox": func(s string) string { return strings.Replace(s, mailbox, "other@x.com", 1) },
		"something more":  func(s string) string { return strings.Replace(s, `"mac"`, `"more": 1, "mac"`, 1) },
		"no seal":         func(s string) string { return strings.Replace(s, `"mac"`, `"mac": "", "mac2"`, 1) },
		"something behind": func(s string) string {
			return s + s
		},
		"line ends of another system": func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
		"newer":                       func(s string) string { return strings.Replace(s, `"schema_version": 2`, `"schema_version": 3`, 1) },
	} {
		dir := withIdentity(t)
		s := open(t, dir, passphrase)
		created := create(t, s, withCertificate())
		content := spoil(readFile(t, dir, recordOf(mailbox)))
		writeFile(t, dir, recordOf(mailbox), content)

		_, readError := s.Connection(t.Context(), tenant, mailbox, 0)
		_, createError := s.CreateConnection(t.Context(), withCertificate(), 0, "", render)
		for _, err := range []error{readError, createError} {
			_, newer := errors.AsType[*NewerSchemaError](err)
			if newer != (name == "newer") || IsUntrusted(err) == newer || !strings.Contains(err.Error(),
				"migration@contoso.onmicrosoft.com.json") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after := readFile(t, dir, recordOf(mailbox)); after != content {
			t.Errorf("%s: the file was touched", name)
		}
		_, _, err := s.UpdateConnection(t.Context(), created, created.Generation, nil, render)
		if _, newer := errors.AsType[*NewerSchemaError](err); newer != (name == "newer") || err != nil && !newer {
			t.Errorf("%s, the next apply: %v", name, err)
		}
		err = s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1", 0)
		if _, newer := errors.AsType[*NewerSchemaError](err); newer != (name == "newer") || err != nil && !newer {
			t.Errorf("%s, a destroy: %v", name, err)
		}
	}
}

func TestARecordThatIsNotAFileIsNamedReplacedAndDeleted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("not run: Wine makes no symbolic links")
	}
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	created := create(t, s, withCertificate())
	elsewhere := filepath.Join(t.TempDir(), "copy.json")
	must(t, os.WriteFile(elsewhere, []byte(readFile(t, dir, recordOf(mailbox))), 0o600))
	plant := func() {
		_ = os.Remove(fileIn(dir, recordOf(mailbox)))
		must(t, os.Symlink(elsewhere, fileIn(dir, recordOf(mailbox))))
	}
	plant()
	if _, err := s.Connection(t.Context(), tenant, mailbox, 0); !IsUntrusted(err) ||
		!strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("%v", err)
	}
	update(t, s, created, nil)
	hasNoDrift(t, s)
	plant()
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1", 0))
	if _, err := os.Stat(elsewhere); err != nil {
		t.Errorf("what the link names: %v", err)
	}
	if left := filesBelow(t, filepath.Join(dir, tenant)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestARecordOfAnotherIdentityUnderTheSamePassphraseIsUntrusted(t *testing.T) {
	for name, kind := range kinds {
		theirs, ours := withIdentity(t), withIdentity(t)
		kind.write(t, open(t, theirs, passphrase))
		writeFile(t, ours, kind.file, readFile(t, theirs, kind.file))
		if _, err := kind.read(t, open(t, ours, passphrase), 0); !IsUntrusted(err) || !errors.Is(err, sealing.ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnOlderGenerationThanTheStateHasSeenIsUntrustedAndReplacedByANewerOne(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	first := create(t, s, withCertificate())
	older := readFile(t, dir, recordOf(mailbox))
	changed := first
	changed.Name = "changed"
	second := update(t, s, changed, nil)
	writeFile(t, dir, recordOf(mailbox), older)

	_, err := s.Connection(t.Context(), tenant, mailbox, second.Generation)
	if back, ok := errors.AsType[*RolledBackError](err); !ok || !IsUntrusted(err) || back.Found != first.Generation ||
		back.Known != second.Generation {
		t.Errorf("%v", err)
	}
	if c, err := s.Connection(t.Context(), tenant, mailbox, first.Generation); err != nil || c.Name != first.Name {
		t.Errorf("to a state that has seen no other: %v", err)
	}
	third, _, err := s.UpdateConnection(t.Context(), changed, second.Generation, nil, render)
	must(t, err)
	if third.Generation <= second.Generation {
		t.Errorf("generation %d follows %d", third.Generation, second.Generation)
	}
	hasNoDrift(t, s)
}

func TestAnOlderJournalThanTheStateHasSeenIsUntrustedAndReplacedByANewerOne(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	r := newJournal()
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	older := readFile(t, dir, journalOf(r.UniqueName))
	r.CompletedAt = &now
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	writeFile(t, dir, journalOf(r.UniqueName), older)

	before, err := s.Registration(t.Context(), tenant, r.UniqueName, r.Generation)
	if _, ok := errors.AsType[*RolledBackError](err); !ok || before.Marker != "" {
		t.Errorf("%+v, %v", before, err)
	}
	again := newJournal()
	must(t, s.SaveRegistration(t.Context(), &again, r.Generation, now))
	if again.Generation <= r.Generation {
		t.Errorf("generation %d follows %d", again.Generation, r.Generation)
	}
	successor := newJournal()
	successor.Succeed(again)
	must(t, s.SaveRegistration(t.Context(), &successor, again.Generation, now))
}

func TestARecordThatIsMadeAgainIsNewerThanItsPredecessorsLast(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	c := create(t, s, withCertificate())
	for range 3 {
		c = update(t, s, c, nil)
	}
	last := readFile(t, dir, recordOf(mailbox))
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, c.Owner, c.Generation))

	later := now.Add(time.Minute)
	again := withCertificate()
	again.Owner, again.WrittenAt = "owner-2", &later
	made := create(t, s, again) // by a state that knows nothing of the one before
	if made.Generation <= c.Generation {
		t.Errorf("generation %d follows %d", made.Generation, c.Generation)
	}
	writeFile(t, dir, recordOf(mailbox), last)
	if _, err := s.Connection(t.Context(), tenant, mailbox, made.Generation); !IsUntrusted(err) {
		t.Errorf("its predecessor's last: %v", err)
	}

	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-2", made.Generation))
	again.WrittenAt = nil
	made, err := s.CreateConnection(t.Context(), again, made.Generation, "", render) // by one that does
	if err != nil || made.Generation <= c.Generation {
		t.Errorf("generation %d follows %d, %v", made.Generation, c.Generation, err)
	}
}

// unseal turns a record into one of the format before records were sealed.
func unseal(t *testing.T, dir, name string) {
	t.Helper()
	var sealed struct {
		Record map[string]any `json:"record"`
	}
	must(t, json.Unmarshal([]byte(readFile(t, dir, name)), &sealed))
	sealed.Record["schema_version"] = 1
	delete(sealed.Record, "generation")
	delete(sealed.Record, "files")
	content, err := json.Marshal(sealed.Record)
	must(t, err)
	writeFile(t, dir, name, "\ufeff"+string(content))
}

func TestAnUnsealedRecordCountsForNothingButHoldingAKeyBack(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	savePair(t, s)
	c := create(t, s, withKey())
	r := newJournal()
	r.Thumbprints, r.ClientID = []string{thumbprint()}, client
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	unseal(t, dir, recordOf(mailbox))
	unseal(t, dir, journalOf(r.UniqueName))

	s = open(t, dir, passphrase)
	_, connection := s.Connection(t.Context(), tenant, mailbox, 0)
	_, journal := s.Registration(t.Context(), tenant, r.UniqueName, 0)
	for _, err := range []error{connection, journal} {
		if !errors.Is(err, ErrUnsealed) || !IsUntrusted(err) {
			t.Errorf("%v", err)
		}
	}
	if _, err := s.RegistrationOf(t.Context(), tenant, client); !errors.Is(err, ErrNotFound) {
		t.Errorf("it is found by its client ID: %v", err)
	}
	if connections, unreadable, err := s.Connections(t.Context(), tenant); len(connections) > 0 ||
		len(unreadable) != 1 || err != nil {
		t.Errorf("%v, %v, %v", connections, unreadable, err)
	}
	must(t, s.RenewConnections(t.Context(), tenant, thumbprint(), render))
	if names, err := s.CertificateNamedBy(t.Context(), tenant, thumbprint()); err != nil || len(names) != 2 {
		t.Errorf("the key is named by %v, %v", names, err)
	}
	dropUnused(t, s, thumbprint())
	if stateOf(t, s, thumbprint()) != KeySealed {
		t.Error("the key was let go")
	}

	update(t, s, c, nil) // as the state names it
	hasNoDrift(t, s)
	r2 := newJournal()
	must(t, s.SaveRegistration(t.Context(), &r2, 0, now))
	if _, err := s.Registration(t.Context(), tenant, r.UniqueName, 0); err != nil {
		t.Errorf("sealed by the next apply: %v", err)
	}
}

// This does not rest on the lock: a file system may have none.
func TestAConnectionThatAnotherRunWroteMeanwhileIsNotOverwritten(t *testing.T) {
	for name, earlier := range map[string]bool{"while it makes the files": true, "right before it writes": false} {
		dir := withIdentity(t)
		s := open(t, dir, passphrase)
		c := create(t, s, withSecret())
		theirs := c
		theirs.Name = "theirs"
		meddle := func() { update(t, open(t, dir, passphrase), theirs, new("their secret")) }
		renderer := render
		if earlier {
			renderer = func(c Connection, hasKey bool) ([]byte, []byte, error) {
				meddle()
				return render(c, hasKey)
			}
		} else {
			s.files = &meddling{Place: s.files, before: recordOf(mailbox), meddle: func() error {
				meddle()
				return nil
			}}
		}
		s.files = unlocked{s.files}
		ours := c
		ours.Name = "ours"
		_, _, err := s.UpdateConnection(t.Context(), ours, c.Generation, new("our secret"), renderer)
		if !errors.Is(err, place.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
		after := read(t, s)
		if value, err := s.ClientSecret(t.Context(), after); err != nil || value != "their secret" ||
			after.Name != "theirs" {
			t.Errorf("%s: %s, %q, %v", name, after.Name, value, err)
		}
		hasNoDrift(t, s)
	}
}

func TestAJournalThatAnotherRunWroteMeanwhileIsNotOverwritten(t *testing.T) {
	s := open(t, withIdentity(t), passphrase)
	r := newJournal()
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	stale := r
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	if err := s.SaveRegistration(t.Context(), &stale, 0, now); !errors.Is(err, place.ErrChanged) {
		t.Errorf("%v", err)
	}
}

func TestAConnectionThatAnotherRunWroteMeanwhileIsNotDeleted(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	c := create(t, s, withCertificate())
	s.files = &meddling{Place: s.files, before: handoffOf(HandoffSheet), meddle: func() error {
		other := open(t, dir, passphrase)
		update(t, other, read(t, other), nil)
		return nil
	}}
	s.files = unlocked{s.files}
	err := s.DeleteConnection(t.Context(), tenant, mailbox, c.Owner, c.Generation)
	if !errors.Is(err, place.ErrChanged) {
		t.Errorf("%v", err)
	}
	read(t, s)
}

func TestACreateThatFailsNeverDeletesWhatAnotherRunMadeOfItsRecord(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	s.files = &meddling{Place: s.files, before: secretOf(mailbox), meddle: func() error {
		other := open(t, dir, passphrase)
		update(t, other, read(t, other), new("their secret"))
		return placetest.ErrGone
	}}
	s.files = unlocked{s.files}
	if _, err := s.CreateConnection(t.Context(), withSecret(), 0, secret, render); !errors.Is(err, placetest.ErrGone) {
		t.Errorf("%v", err)
	}
	hasNoDrift(t, open(t, dir, passphrase))
}
