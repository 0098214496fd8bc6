package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place/folder"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

const (
	tenant     = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
	client     = "11111111-2222-3333-4444-555555555555"
	mailbox    = "Migration@contoso.onmicrosoft.com"
	passphrase = "correct horse battery"
	secret     = "s3cret~Value.of-Entra"
	thumb      = "A1B2C3D4E5F60718293A4B5C6D7E8F9001122334"
)

var now = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)

var pair = sync.OnceValue(newPair)

func newPair() *certificate.Pair {
	p, err := certificate.Generate(rand.Reader, certificate.Template{
		CommonName: "target", KeySize: 2048, NotBefore: now,
		NotAfter: now.AddDate(5, 0, 0),
	})
	if err != nil {
		panic(err)
	}
	return p
}

// thumbprint is that of pair.
func thumbprint() string { return certificate.Thumbprint(pair().Certificate) }

func fileURL(dir string) string { return folder.Open(dir, isHandoff).URL("") }

func open(t testing.TB, dir, passphrase string) *Store {
	t.Helper()
	s, err := Open(fileURL(dir), passphrase)
	must(t, err)
	return s
}

// withIdentity makes a store's folder whose identity opens fast: age keeps the cost of the passphrase in the file.
func withIdentity(t testing.TB) (dir string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	must(t, err)
	dir = filepath.Join(t.TempDir(), "store")
	must(t, os.Mkdir(dir, 0o700))
	putIdentity(t, dir, identity)
	return dir
}

// putIdentity makes a key the store's identity, under the passphrase.
func putIdentity(t testing.TB, dir string, identity *age.X25519Identity) {
	t.Helper()
	key, err := age.NewScryptRecipient(passphrase)
	must(t, err)
	key.SetWorkFactor(4)
	content, err := sealing.Encrypt([]byte(identity.String()), key)
	must(t, err)
	writeFile(t, dir, identityFile, string(content))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fileIn is where a file of the store is.
func fileIn(dir, name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }

func readFile(t testing.TB, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(fileIn(dir, name))
	must(t, err)
	return string(content)
}

// writeFile writes past the store, as anybody may who has the folder.
func writeFile(t testing.TB, dir, name, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(fileIn(dir, name)), 0o700))
	must(t, os.WriteFile(fileIn(dir, name), []byte(content), 0o600))
}

func removeFile(t testing.TB, dir, name string) {
	t.Helper()
	must(t, os.Remove(fileIn(dir, name)))
}

func filesBelow(t testing.TB, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			name, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	return names
}

// The names of files, relative to the store.
func recordOf(address string) string {
	name, _ := connectionFile(tenant, address, recordExtension)
	return name
}

func secretOf(address string) string {
	name, _ := connectionFile(tenant, address, secretExtension)
	return name
}

func passwordOf(address string) string {
	name, _ := connectionFile(tenant, address, pfxPasswordExtension)
	return name
}

func handoffOf(extension string) string {
	name, _ := handoffFile(tenant, mailbox, extension)
	return name
}

func journalOf(uniqueName string) string {
	name, _ := registrationFile(tenant, uniqueName)
	return name
}

// keyFiles names the files of pair.
func keyFiles(t testing.TB) certificateNames {
	t.Helper()
	files, err := certificateFiles(tenant, thumbprint())
	must(t, err)
	return files
}

func withCertificate() Connection {
	return Connection{
		TenantID: tenant, Mailbox: mailbox, Name: "contoso.com", ClientID: client,
		CredentialType: CredentialCertificate, CertificateThumbprint: thumb, Owner: "owner-1", WrittenAt: &now,
	}
}

// withKey is a connection whose certificate is pair.
func withKey(recipients ...*age.X25519Identity) Connection {
	c := withCertificate()
	c.CertificateThumbprint = thumbprint()
	for _, recipient := range recipients {
		c.HandoffRecipients = append(c.HandoffRecipients, recipient.Recipient().String())
	}
	return c
}

func withSecret() Connection {
	c := withCertificate()
	c.CredentialType, c.CertificateThumbprint = CredentialClientSecret, ""
	return c
}

func newPerson(t testing.TB) *age.X25519Identity {
	t.Helper()
	person, err := age.GenerateX25519Identity()
	must(t, err)
	return person
}

// render is a Renderer whose files are others for another record or another PFX.
func render(c Connection, hasKey bool) (sheet, script []byte, err error) {
	sheet = fmt.Appendf(nil, "<html>%s %s %s</html>\n", c.Name, c.Revision, c.Files.PFX)
	if hasKey {
		script = fmt.Appendf(nil, "Write-Host %s %s\n", c.Revision, c.Files.PFX)
	}
	return sheet, script, nil
}

// create writes a new record, with the client secret if it has one.
func create(t testing.TB, s *Store, c Connection) Connection {
	t.Helper()
	value := ""
	if c.CredentialType == CredentialClientSecret {
		value = secret
	}
	made, err := s.CreateConnection(t.Context(), c, 0, value, render)
	must(t, err)
	return made
}

func update(t testing.TB, s *Store, c Connection, secret *string) Connection {
	t.Helper()
	updated, _, err := s.UpdateConnection(t.Context(), c, c.Generation, secret, render)
	must(t, err)
	return updated
}

func savePair(t testing.TB, s *Store) {
	t.Helper()
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, now))
}

// read reads the mailbox's record.
func read(t testing.TB, s *Store) Connection {
	t.Helper()
	c, err := s.Connection(t.Context(), tenant, mailbox, 0)
	must(t, err)
	return c
}

// drift says what a plan shows of a record's files; nil where nothing is wrong with them.
func drift(t testing.TB, s *Store, c Connection) error {
	t.Helper()
	err := s.CheckHandoff(t.Context(), c)
	if err != nil {
		if !errors.Is(err, ErrOutdated) && !errors.Is(err, ErrNotFound) && !IsUntrusted(err) {
			t.Errorf("the hand-off cannot be checked: %v", err)
		}
		return err
	}
	return s.CheckSecrets(t.Context(), c)
}

// hasNoDrift holds that nothing is wrong with the mailbox's files.
func hasNoDrift(t testing.TB, s *Store) {
	t.Helper()
	if err := drift(t, s, read(t, s)); err != nil {
		t.Errorf("the plan shows: %v", err)
	}
}

// dropUnused removes a certificate with its key unless something names it, as its last user does.
func dropUnused(t testing.TB, s *Store, thumbprint string) {
	t.Helper()
	there, err := s.HasCertificateFiles(t.Context(), tenant, thumbprint)
	must(t, err)
	if !there {
		return
	}
	named, err := s.CertificateIsNamed(t.Context(), tenant, thumbprint)
	must(t, err)
	if !named {
		must(t, s.DeleteCertificate(t.Context(), tenant, thumbprint))
	}
}

func stateOf(t testing.TB, s *Store, thumbprint string) KeyState {
	t.Helper()
	state, err := s.KeyState(t.Context(), tenant, thumbprint)
	must(t, err)
	return state
}

func TestOpeningCreatesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir, passphrase)
	if _, err := s.Connection(t.Context(), tenant, mailbox, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if connections, unreadable, err := s.Connections(t.Context(), ""); len(connections)+len(unreadable) > 0 ||
		err != nil {
		t.Errorf("%v %v %v", connections, unreadable, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestWeakPassphraseIsRefusedAndNotShown(t *testing.T) {
	for _, weak := range []string{"elevenchars", "correct horse battery\n"} {
		dir := withIdentity(t)
		s := open(t, dir, weak)
		if err := s.CanWrite(t.Context()); !errors.Is(err, sealing.ErrPassphraseUnfit) ||
			strings.Contains(err.Error(), weak) {
			t.Errorf("%q, asked before: %v", weak, err)
		}
		_, err := s.CreateConnection(t.Context(), withSecret(), 0, secret, render)
		if !errors.Is(err, sealing.ErrPassphraseUnfit) {
			t.Errorf("%q, writing: %v", weak, err)
		}
		create(t, open(t, dir, passphrase), withSecret())
		if _, err := s.Connection(t.Context(), tenant, mailbox, 0); !errors.Is(err, sealing.ErrPassphraseUnfit) {
			t.Errorf("%q, reading: %v", weak, err)
		}
		if err := s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1", 0); err != nil {
			t.Errorf("%q is in the way of deleting: %v", weak, err)
		}
	}
}

func TestFileNamesAreSafeOnEverySystemAndNeverMeet(t *testing.T) {
	for address, want := range map[string]string{
		"migration@contoso.com":    "migration@contoso.com",
		"o'neil+x_y-z@contoso.com": "o%27neil+x_y-z@contoso.com",
		"../../etc/passwd@x.com":   "",
		"a/../../b@x.com":          "",
		"a/b\\c:d@x.com":           "",
		"aux.x@contoso.com":        "%61ux.x@contoso.com",
		"COM1.x@contoso.com":       "%63om1.x@contoso.com",
		"lpt¹.x@contoso.com":       "%6cpt%c2%b9.x@contoso.com",
		"auxiliary@contoso.com":    "auxiliary@contoso.com",
		"100%25@contoso.com":       "100%2525@contoso.com",
		"jürgen@contoso.com":       "j%c3%bcrgen@contoso.com",
		"a@contoso.com.":           "",
		".a@contoso.com":           "",
		"a b@contoso.com":          "",
		"a\x00@contoso.com":        "",
		"a\u00a0@contoso.com":      "",
		"a\u200b@contoso.com":      "",
		"a@[127.0.0.1]":            "",
		"a@con_toso.com":           "",
		"a@münchen.example":        "a@m%c3%bcnchen.example",
		"a\u202e@contoso.com":      "",
		"a@b@contoso.com":          "",
		"contoso.com":              "",
		"@contoso.com":             "",
		"a@":                       "",
		"\u212a@contoso.com":       "", // KELVIN SIGN, whose lower case is k
		"\u0130@contoso.com":       "", // LATIN CAPITAL LETTER I WITH DOT ABOVE, whose lower case is i
		"a\xff@contoso.com":        "",
	} {
		file, err := connectionFile(tenant, address, recordExtension)
		if want == "" {
			if err == nil {
				t.Errorf("%q is accepted as %s", address, file)
			}
			continue
		}
		if err != nil || file != tenant+"/connections/"+want+".json" {
			t.Errorf("%q: %q, %v", address, file, err)
		}
	}
	if name := fileName("a/b\\c:d@x.com"); name != "a%2fb%5cc%3ad@x.com" { // whatever the check lets through
		t.Errorf("a separator is kept as %s", name)
	}
	if lower, _ := connectionFile(tenant, "x@y.com", ""); true {
		if upper, _ := connectionFile(strings.ToUpper(tenant), "X@Y.COM", ""); upper != lower {
			t.Errorf("%s and %s", lower, upper)
		}
	}
}

func TestRecordComesBackAndHoldsNoSecret(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	expires := now.AddDate(1, 0, 0)
	c := withSecret()
	c.ClientSecretExpiresAt = &expires
	created := create(t, s, c)
	if created.Revision == "" || created.Generation == 0 {
		t.Errorf("revision %q, generation %d", created.Revision, created.Generation)
	}
	got, err := s.Connection(t.Context(), strings.ToUpper(tenant), strings.ToUpper(mailbox), created.Generation)
	must(t, err)
	if got.Mailbox != mailbox || got.Revision != created.Revision || !got.ClientSecretExpiresAt.Equal(expires) ||
		got.Generation != created.Generation {
		t.Errorf("%+v", got)
	}
	if stored, err := s.ClientSecret(t.Context(), got); err != nil || stored != secret {
		t.Errorf("%q, %v", stored, err)
	}
	const beginning = "{\n  \"schema_version\": 2,\n  \"mac\": \""
	if record := readFile(t, dir, recordOf(mailbox)); !strings.HasPrefix(record, beginning) ||
		!strings.Contains(record, "\n  \"record\": {\n    \"tenant_id\": ") {
		t.Errorf("the record begins otherwise:\n%s", record)
	}
}

// Everybody who may read the store's folder may read what is handed over, and nothing else.
func TestNoFileShowsASecretAndOnlyItsOwnerMayReadOne(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Log("NOT RUN: the files' modes: Windows has none")
	}
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	create(t, s, withSecret())
	savePair(t, s)
	other := withKey(newPerson(t))
	other.Mailbox = "other@contoso.com"
	create(t, s, other)
	var password string
	opened, err := s.unlock(t.Context())
	must(t, err)
	plain, err := opened.Decrypt([]byte(readFile(t, dir, passwordOf("other@contoso.com"))))
	must(t, err)
	password = string(plain)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 && filepath.Base(filepath.Dir(path)) != handoffFolder {
			t.Errorf("%s has mode %s", path, info.Mode())
		}
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		for _, shown := range []string{secret, password, "AGE-SECRET-KEY", "PRIVATE KEY"} {
			if bytes.Contains(content, []byte(shown)) {
				t.Errorf("%s shows a secret", path)
			}
		}
		return err
	}))
}

func TestOneMailboxServesOneConnectionOfATenantWhateverItsCase(t *testing.T) {
	s := open(t, withIdentity(t), passphrase)
	create(t, s, withCertificate())
	again := withCertificate()
	again.Mailbox, again.TenantID, again.Owner = strings.ToUpper(mailbox), strings.ToUpper(tenant), "owner-2"
	_, err := s.CreateConnection(t.Context(), again, 0, "", render)
	exists, ok := errors.AsType[*ExistsError](err)
	if !ok || exists.Existing.Owner != "owner-1" || !strings.Contains(err.Error(), exists.Existing.ID()) {
		t.Errorf("%v", err)
	}
	again.TenantID = client
	if _, err := s.CreateConnection(t.Context(), again, 0, "", render); err != nil {
		t.Errorf("another tenant: %v", err)
	}
}

func TestUpdateKeepsTheSecretAndGivesANewRevision(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	created := create(t, s, withSecret())
	before := readFile(t, dir, secretOf(mailbox))
	changed := created
	changed.Name = "another"
	updated := update(t, s, changed, nil)
	if updated.Revision == created.Revision || updated.Generation <= created.Generation {
		t.Errorf("revision %s, generation %d", updated.Revision, updated.Generation)
	}
	if stored, err := s.ClientSecret(t.Context(), updated); err != nil || stored != secret {
		t.Errorf("%q, %v", stored, err)
	}
	if readFile(t, dir, secretOf(mailbox)) != before {
		t.Error("the secret's file was written again")
	}
	updated = update(t, s, updated, new("another secret"))
	if stored, _ := s.ClientSecret(t.Context(), updated); stored != "another secret" {
		t.Errorf("%q", stored)
	}
	hasNoDrift(t, s)
}

func TestChangingToACertificateRemovesTheSecret(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	create(t, s, withSecret())
	update(t, s, withCertificate(), nil)
	if left := filesBelow(t, filepath.Join(dir, tenant, connectionFolder)); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	if _, _, err := s.UpdateConnection(t.Context(), withSecret(), 0, nil, render); err == nil {
		t.Error("the way back does without a secret")
	}
}

func TestAStrangersRecordIsNeitherChangedNorDeleted(t *testing.T) {
	s := open(t, withIdentity(t), passphrase)
	create(t, s, withCertificate())
	stranger := withCertificate()
	stranger.Owner = "owner-2"
	if _, _, err := s.UpdateConnection(t.Context(), stranger, 0, nil, render); !isOwnerError(err) {
		t.Errorf("update: %v", err)
	}
	if err := s.DeleteConnection(t.Context(), tenant, mailbox, "owner-2", 0); !isOwnerError(err) {
		t.Errorf("delete: %v", err)
	}
	hasNoDrift(t, s)
}

func isOwnerError(err error) bool {
	_, ok := errors.AsType[*OwnerError](err)
	return ok
}

func TestDeletingLeavesNothingAndNeedsNoPassphrase(t *testing.T) {
	for _, with := range []string{passphrase, ""} {
		dir := withIdentity(t)
		s := open(t, dir, passphrase)
		savePair(t, s)
		must(t, s.DeleteCertificate(t.Context(), tenant, thumbprint()))
		create(t, s, withSecret())
		other := withCertificate()
		other.Mailbox = "other@contoso.com"
		create(t, s, other)

		s = open(t, dir, with)
		must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1", 0))
		must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1", 0)) // a second time is not an error
		left := filesBelow(t, filepath.Join(dir, tenant))
		if want := []string{
			"connections/other@contoso.com.json", "handoff/other@contoso.com.html",
		}; !slices.Equal(left, want) {
			t.Errorf("passphrase %q, left: %v", with, left)
		}
	}
}

func TestListShowsEveryTenantAndNamesWhatIsDamaged(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	for _, where := range [][2]string{
		{client, "z@x.com"}, {tenant, "b@x.com"}, {tenant, "a@x.com"}, {tenant, "broken@x.com"},
	} {
		c := withCertificate()
		c.TenantID, c.Mailbox = where[0], where[1]
		create(t, s, c)
	}
	writeFile(t, dir, recordOf("broken@x.com"), `{"schema_version": 2, "tenant_`)
	writeFile(t, dir, "notes.txt", "") // not ours, and nobody's error

	connections, unreadable, err := s.Connections(t.Context(), "")
	must(t, err)
	var ids []string
	for _, c := range connections {
		ids = append(ids, c.ID())
	}
	if want := []string{client + "/z@x.com", tenant + "/a@x.com", tenant + "/b@x.com"}; !slices.Equal(ids, want) {
		t.Errorf("%v", ids)
	}
	if len(unreadable) != 1 || !IsUntrusted(unreadable[0]) ||
		!strings.Contains(unreadable[0].Error(), "broken@x.com.json") {
		t.Errorf("unreadable: %v", unreadable)
	}
	if connections, _, err := s.Connections(t.Context(), client); err != nil || len(connections) != 1 {
		t.Errorf("one tenant: %v, %v", connections, err)
	}
}

func TestJournalEntryCountsUntilItIsDeleted(t *testing.T) {
	s := open(t, withIdentity(t), passphrase)
	r := newJournal()
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	second := newJournal()
	if err := s.SaveRegistration(t.Context(), &second, 0, now); !errors.Is(err, place.ErrChanged) {
		t.Errorf("a second beginning: %v", err)
	}
	begun := r.Generation
	r.ObjectID, r.CompletedAt, r.Thumbprints = client, &now, []string{strings.ToLower(thumb)}
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	if r.Generation <= begun {
		t.Errorf("its generation was %d, and is %d", begun, r.Generation)
	}
	got, err := s.Registration(t.Context(), tenant, r.UniqueName, r.Generation)
	if err != nil || got.ObjectID != client || !got.CompletedAt.Equal(now) || got.Thumbprints[0] != thumb {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, s.DeleteRegistration(t.Context(), tenant, r.UniqueName))
	if _, err := s.Registration(t.Context(), tenant, r.UniqueName, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func newJournal() Registration {
	return Registration{
		TenantID: tenant, UniqueName: "codetwo-target-1a2b", DisplayName: "App", Marker: client, StartedAt: now,
	}
}

func TestARegistrationIsFoundByItsClientIDPastEntriesThatProveNothing(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	r := newJournal()
	r.ClientID = client
	must(t, s.SaveRegistration(t.Context(), &r, 0, now))
	writeFile(t, dir, journalOf("a-planted-one"), `{"schema_version": 1, "client_id": "`+client+`", "unique_name": "x"}`)
	if got, err := s.RegistrationOf(t.Context(), strings.ToUpper(tenant), strings.ToUpper(client)); err != nil ||
		got.UniqueName != r.UniqueName {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := s.RegistrationOf(t.Context(), tenant, tenant); !errors.Is(err, ErrNotFound) {
		t.Errorf("another client: %v", err)
	}
}

func TestWhatIsLeftOfARecordDeletedByHandIsSeenAndDeleted(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	create(t, s, withSecret())
	removeFile(t, dir, recordOf(mailbox))
	if leftover, err := s.Leftover(t.Context(), tenant, mailbox); !strings.HasSuffix(leftover, ".secret.age") ||
		err != nil {
		t.Errorf("%q, %v", leftover, err)
	}
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1", 0))
	if left := filesBelow(t, filepath.Join(dir, tenant)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if leftover, err := s.Leftover(t.Context(), tenant, mailbox); leftover != "" || err != nil {
		t.Errorf("%q, %v", leftover, err)
	}
}

func TestFolderThatHoldsNothingOfAStoreIsNotOne(t *testing.T) {
	dir := t.TempDir()
	exists := func(s *Store) bool {
		t.Helper()
		there, err := s.Exists(t.Context(), tenant, mailbox)
		must(t, err)
		return there
	}
	if exists(open(t, filepath.Join(dir, "unmounted"), "")) || exists(open(t, dir, "")) {
		t.Error("a folder that is empty, or not there, is taken for a store")
	}
	must(t, os.Mkdir(filepath.Join(dir, "lost+found"), 0o700))
	if exists(open(t, dir, "")) {
		t.Error("a mount point is taken for a store")
	}
	stored := withIdentity(t)
	if !exists(open(t, stored, "")) {
		t.Error("a store with a key is not taken for one")
	}
	create(t, open(t, stored, passphrase), withCertificate())
	removeFile(t, stored, identityFile)
	if !exists(open(t, stored, "")) {
		t.Error("a store with a connection is not taken for one")
	}
}
