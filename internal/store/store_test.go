package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
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
	p, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "target", KeySize: 2048, NotBefore: now,
		NotAfter: now.AddDate(5, 0, 0)})
	if err != nil {
		panic(err)
	}
	return p
}

func open(t testing.TB, dir, passphrase string) *Store {
	t.Helper()
	s, err := Open(fileURL(dir), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// withIdentity makes a store's folder whose identity opens fast: age keeps the cost of the passphrase in the file.
func withIdentity(t testing.TB) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "store")
	identity, err := age.GenerateX25519Identity()
	must(t, err)
	key, err := age.NewScryptRecipient(passphrase)
	must(t, err)
	key.SetWorkFactor(4)
	content, err := sealing.Encrypt([]byte(identity.String()), key)
	must(t, err)
	must(t, os.Mkdir(dir, 0o700))
	must(t, os.WriteFile(filepath.Join(dir, identityFile), content, 0o600))
	must(t, os.WriteFile(filepath.Join(dir, recipientFile), []byte(identity.Recipient().String()+"\n"), 0o600))
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func withCertificate() Connection {
	return Connection{TenantID: tenant, Mailbox: mailbox, Name: "contoso.com", ClientID: client,
		CredentialType:        CredentialCertificate,
		CertificateThumbprint: thumb, Owner: "owner-1"}
}

func withSecret() Connection {
	c := withCertificate()
	c.CredentialType, c.CertificateThumbprint = CredentialClientSecret, ""
	return c
}

// pathOf returns the local path of a URL that the store gave out.
func pathOf(t *testing.T, raw string) string {
	t.Helper()
	path, err := folderPath(raw)
	must(t, err)
	return path
}

func TestURLIsAFileAndAnAbsolutePath(t *testing.T) {
	for _, c := range []struct {
		raw     string
		windows bool
		path    string
		written string // as the state shows it
	}{
		{"file:///srv/store", false, "/srv/store", "file:///srv/store"},
		{"FILE:///srv/my%20store", false, "/srv/my store", "file:///srv/my%20store"},
		{"file://localhost/srv/store", false, "/srv/store", "file:///srv/store"},
		{"file:///srv/a%23b", false, "/srv/a#b", "file:///srv/a%23b"},
		{"file:///C:/store", true, "C:/store", "file:///C:/store"},
		{"file://C:/store", true, "C:/store", "file:///C:/store"},
		{"file://localhost/C:/store", true, "C:/store", "file:///C:/store"},
		{"file://c:/my store", true, "c:/my store", "file:///c:/my%20store"},
		{"file://C:", true, "C:/", "file:///C:/"},
		{"file:///C:", true, "C:/", "file:///C:/"},
		{"file://server/share/store", true, "//server/share/store", "file://server/share/store"},
		{"file://files-1.contoso.com/c$/a%23b", true, "//files-1.contoso.com/c$/a#b",
			"file://files-1.contoso.com/c$/a%23b"},
		{"file://server/share", true, "//server/share", "file://server/share"},
		// What the errors and the documentation show: "file://${abspath(path.root)}/codetwo-store".
		{"file://" + "/srv/tenants" + "/codetwo-store", false, "/srv/tenants/codetwo-store",
			"file:///srv/tenants/codetwo-store"},
		{"file://" + "C:/tenants" + "/codetwo-store", true, "C:/tenants/codetwo-store", "file:///C:/tenants/codetwo-store"},
		{"file://" + "//server/share" + "/codetwo-store", true, "//server/share/codetwo-store",
			"file://server/share/codetwo-store"},
	} {
		path, err := parseFileURL(c.raw, c.windows)
		if err != nil || path != c.path {
			t.Errorf("%s, Windows %t: %q, %v", c.raw, c.windows, path, err)
			continue
		}
		written := formatFileURL(path, c.windows)
		if again, err := parseFileURL(written, c.windows); written != c.written || again != path || err != nil {
			t.Errorf("%s, Windows %t, is written as %s, which is %q (%v)", c.raw, c.windows, written, again, err)
		}
	}
}

func TestURLThatNamesNoFolderIsRefusedWithAnExampleOfTheSystem(t *testing.T) {
	everywhere := []string{"", "/srv/store", "store", "file:store", "file://store", "file://./store", `C:\store`,
		"s3://bucket/store", "https://example.com/store", "file:///srv/%00"}
	for windows, refused := range map[bool][]string{
		false: append([]string{"file://C:/store", "file://server/share/store"}, everywhere...),
		true: append([]string{"file:///srv/store", "file://C:store", "file://server", "file://server/", "file://server//x",
			"file://server/../x", "file://server/a%5Cb", "file://../share/x", "file://.../share/x", "file://server:445/share",
			"file://[::1]/share", "file://CC:/store", "file://localhost/share/x", "file:///store", "file:////server",
			"file:////./C:/x", "file:////%3F/C:/x", "file://///x/y"}, everywhere...),
	} {
		example := map[bool]string{false: "file:///srv/", true: "file://C:/codetwo-store, or file://server/share/"}[windows]
		for _, raw := range refused {
			if path, err := parseFileURL(raw, windows); err == nil || !strings.Contains(err.Error(), example) {
				t.Errorf("%q, Windows %t: %q, %v", raw, windows, path, err)
			}
		}
	}
	for _, raw := range []string{"file:///srv/store?x=1", "file:///srv/store#x", "file:///C:/store?",
		"file://u@server/x/y"} {
		if err := CheckURL(raw); err == nil || !strings.Contains(err.Error(), "%3F") {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

func TestOpeningCreatesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "store")
	s := open(t, dir, passphrase)
	if _, err := s.Connection(t.Context(), tenant, mailbox); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if connections, damaged, err := s.Connections(t.Context(), ""); len(connections)+len(damaged) > 0 || err != nil {
		t.Errorf("%v %v %v", connections, damaged, err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestWeakPassphraseIsRefusedAndNotShown(t *testing.T) {
	for _, weak := range []string{"elevenchars", "correct horse battery\n"} {
		dir := withIdentity(t)
		s := open(t, dir, weak)
		if err := s.CanEncrypt(t.Context()); !errors.Is(err, sealing.ErrPassphraseUnfit) ||
			strings.Contains(err.Error(), weak) {
			t.Errorf("%q, asked before: %v", weak, err)
		}
		if _, err := s.CreateConnection(t.Context(), withSecret(), secret); !errors.Is(err, sealing.ErrPassphraseUnfit) {
			t.Errorf("%q, writing a secret: %v", weak, err)
		}
		_, err := open(t, dir, passphrase).CreateConnection(t.Context(), withSecret(), secret)
		must(t, err)
		if _, err := s.ClientSecret(t.Context(), tenant, mailbox); !errors.Is(err, sealing.ErrPassphraseUnfit) {
			t.Errorf("%q, reading it: %v", weak, err)
		}
		if err := s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1"); err != nil {
			t.Errorf("%q is in the way of deleting: %v", weak, err)
		}
	}
	if err := sealing.CheckPassphrase("zwölf Zeich."); err != nil {
		t.Errorf("twelve characters: %v", err)
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
	s := open(t, withIdentity(t), passphrase)
	expires := now.AddDate(1, 0, 0)
	c := withSecret()
	c.ClientSecretExpiresAt = &expires
	created, err := s.CreateConnection(t.Context(), c, secret)
	must(t, err)
	if created.Revision == "" {
		t.Error("it has no revision")
	}
	got, err := s.Connection(t.Context(), strings.ToUpper(tenant), strings.ToUpper(mailbox))
	must(t, err)
	if got.Mailbox != mailbox || got.Revision != created.Revision || !got.ClientSecretExpiresAt.Equal(expires) {
		t.Errorf("%+v", got)
	}
	if stored, err := s.ClientSecret(t.Context(), tenant, mailbox); err != nil || stored != secret {
		t.Errorf("%q, %v", stored, err)
	}
	record, err := os.ReadFile(pathOf(t, s.RecordURL(tenant, mailbox)))
	must(t, err)
	if !strings.HasPrefix(string(record), "{\n  \"schema_version\": 1,\n  \"tenant_id\": ") {
		t.Errorf("the record begins otherwise:\n%s", record)
	}
}

func TestNoFileShowsASecret(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	_, err := s.CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
	_, err = s.WriteHandoff(t.Context(), withSecret(), []byte("<html>"), nil)
	must(t, err)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(secret)) || bytes.Contains(content, []byte("AGE-SECRET-KEY")) ||
			bytes.Contains(content, []byte("PRIVATE KEY")) {
			t.Errorf("%s shows a secret", path)
		}
		return err
	}))
}

func TestOneMailboxServesOneConnectionOfATenantWhateverItsCase(t *testing.T) {
	s := open(t, t.TempDir(), "")
	_, err := s.CreateConnection(t.Context(), withCertificate(), "")
	must(t, err)
	again := withCertificate()
	again.Mailbox, again.TenantID, again.Owner = strings.ToUpper(mailbox), strings.ToUpper(tenant), "owner-2"
	_, err = s.CreateConnection(t.Context(), again, "")
	exists, ok := errors.AsType[*ExistsError](err)
	if !ok || exists.Existing.Owner != "owner-1" || !strings.Contains(err.Error(), exists.Existing.ID()) {
		t.Errorf("%v", err)
	}
	again.TenantID = client
	if _, err := s.CreateConnection(t.Context(), again, ""); err != nil {
		t.Errorf("another tenant: %v", err)
	}
}

func TestUpdateKeepsTheSecretAndGivesANewRevision(t *testing.T) {
	s := open(t, withIdentity(t), passphrase)
	created, err := s.CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	created.Name = "another"
	updated, err := s.UpdateConnection(t.Context(), created, nil)
	must(t, err)
	if stored, err := s.ClientSecret(t.Context(), tenant, mailbox); err != nil || stored != secret ||
		updated.Revision == created.Revision {
		t.Errorf("%q, %v, revision %s", stored, err, updated.Revision)
	}
	replacement := "another secret"
	_, err = s.UpdateConnection(t.Context(), updated, &replacement)
	must(t, err)
	if stored, _ := s.ClientSecret(t.Context(), tenant, mailbox); stored != replacement {
		t.Errorf("%q", stored)
	}
}

func TestChangingToACertificateRemovesTheSecret(t *testing.T) {
	s := open(t, withIdentity(t), passphrase)
	_, err := s.CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	_, err = s.UpdateConnection(t.Context(), withCertificate(), nil)
	must(t, err)
	if _, err := s.ClientSecret(t.Context(), tenant, mailbox); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
	if _, err := s.UpdateConnection(t.Context(), withSecret(), nil); err == nil {
		t.Error("the way back does without a secret")
	}
}

func TestAStrangersRecordIsNeitherChangedNorDeleted(t *testing.T) {
	s := open(t, t.TempDir(), "")
	_, err := s.CreateConnection(t.Context(), withCertificate(), "")
	must(t, err)
	stranger := withCertificate()
	stranger.Owner = "owner-2"
	if _, err := s.UpdateConnection(t.Context(), stranger, nil); !isOwnerError(err) {
		t.Errorf("update: %v", err)
	}
	if err := s.DeleteConnection(t.Context(), tenant, mailbox, "owner-2"); !isOwnerError(err) {
		t.Errorf("delete: %v", err)
	}
	if _, err := s.Connection(t.Context(), tenant, mailbox); err != nil {
		t.Error(err)
	}
}

func isOwnerError(err error) bool {
	_, ok := errors.AsType[*OwnerError](err)
	return ok
}

func TestDeletingLeavesNothingAndNeedsNoPassphrase(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	_, err := s.CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	_, err = s.WriteHandoff(t.Context(), withSecret(), []byte("x"), []byte("x"))
	must(t, err)
	other := withCertificate()
	other.Mailbox = "other@contoso.com"
	_, err = s.CreateConnection(t.Context(), other, "")
	must(t, err)

	s = open(t, dir, "")
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1"))
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1")) // a second time is not an error
	left := filesBelow(t, filepath.Join(dir, tenant))
	if !slices.Equal(left, []string{"connections/other@contoso.com.json"}) {
		t.Errorf("left: %v", left)
	}
}

func filesBelow(t *testing.T, dir string) (names []string) {
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

func TestListShowsEveryTenantAndNamesWhatIsDamaged(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "")
	for _, where := range [][2]string{{client, "z@x.com"}, {tenant, "b@x.com"}, {tenant, "a@x.com"},
		{tenant, "broken@x.com"}} {
		c := withCertificate()
		c.TenantID, c.Mailbox = where[0], where[1]
		_, err := s.CreateConnection(t.Context(), c, "")
		must(t, err)
	}
	broken := pathOf(t, s.RecordURL(tenant, "broken@x.com"))
	must(t, os.WriteFile(broken, []byte(`{"schema_version": 1, "tenant_`), 0o600))
	must(t, os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o600)) // not ours, and nobody's error

	connections, damaged, err := s.Connections(t.Context(), "")
	must(t, err)
	var ids []string
	for _, c := range connections {
		ids = append(ids, c.ID())
	}
	if want := []string{client + "/z@x.com", tenant + "/a@x.com", tenant + "/b@x.com"}; !slices.Equal(ids, want) {
		t.Errorf("%v", ids)
	}
	if len(damaged) != 1 || !strings.Contains(damaged[0].Error(), "broken@x.com.json") {
		t.Errorf("damaged: %v", damaged)
	}
	if connections, _, err := s.Connections(t.Context(), client); err != nil || len(connections) != 1 {
		t.Errorf("one tenant: %v, %v", connections, err)
	}
}

func TestDamagedAndNewerRecordsAreRefusedAndLeftAsTheyAre(t *testing.T) {
	valid := func(s *Store) string {
		c := withCertificate()
		_, err := s.CreateConnection(t.Context(), c, "")
		must(t, err)
		content, err := os.ReadFile(pathOf(t, s.RecordURL(tenant, mailbox)))
		must(t, err)
		return string(content)
	}
	for name, spoil := range map[string]func(string) string{
		"empty":                    func(string) string { return "" },
		"cut":                      func(s string) string { return s[:len(s)/2] },
		"no version":               func(s string) string { return strings.Replace(s, `"schema_version": 1,`, "", 1) },
		"a mistyped name":          func(s string) string { return strings.Replace(s, `"client_id"`, `"client_idd"`, 1) },
		"another mailbox":          func(s string) string { return strings.Replace(s, mailbox, "other@x.com", 1) },
		"a client ID that is none": func(s string) string { return strings.Replace(s, client, "x", 1) },
		"an unknown credential":    func(s string) string { return strings.Replace(s, `"certificate"`, `"password"`, 1) },
		"something behind":         func(s string) string { return s + s },
		"newer": func(s string) string {
			return strings.Replace(s, `"schema_version": 1`, `"schema_version": 2, "new": true`, 1)
		},
	} {
		s := open(t, t.TempDir(), "")
		content := spoil(valid(s))
		path := pathOf(t, s.RecordURL(tenant, mailbox))
		must(t, os.WriteFile(path, []byte(content), 0o600))

		_, readError := s.Connection(t.Context(), tenant, mailbox)
		_, updateError := s.UpdateConnection(t.Context(), withCertificate(), nil)
		_, createError := s.CreateConnection(t.Context(), withCertificate(), "")
		deleteError := s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1")
		for _, err := range []error{readError, updateError, createError, deleteError} {
			_, damaged := errors.AsType[*DamagedError](err)
			_, newer := errors.AsType[*NewerSchemaError](err)
			if newer != (name == "newer") || damaged == newer || !strings.Contains(err.Error(),
				"migration@contoso.onmicrosoft.com.json") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if after, _ := os.ReadFile(path); string(after) != content {
			t.Errorf("%s: the file was touched", name)
		}
	}
}

func TestRecordEditedByHandIsReadAsItIs(t *testing.T) {
	s := open(t, t.TempDir(), "")
	_, err := s.CreateConnection(t.Context(), withCertificate(), "")
	must(t, err)
	path := pathOf(t, s.RecordURL(tenant, mailbox))
	content, err := os.ReadFile(path)
	must(t, err)
	edited := "\ufeff" + strings.ReplaceAll(strings.Replace(string(content), "contoso.com\"", "edited\"", 1), "\n", "\r\n")
	must(t, os.WriteFile(path, []byte(edited), 0o600))
	if c, err := s.Connection(t.Context(), tenant, mailbox); err != nil || c.Name != "edited" {
		t.Errorf("%q, %v", c.Name, err)
	}
}

func TestWhatKilledRunsLeaveIsIgnoredAndSweptInTime(t *testing.T) {
	dir := t.TempDir()
	aside := filepath.Join(dir, unfinishedFolder)
	must(t, os.Mkdir(aside, 0o700))
	old, fresh := filepath.Join(aside, "old"), filepath.Join(aside, "fresh")
	for _, name := range []string{old, fresh} {
		must(t, os.WriteFile(name, []byte("{"), 0o600))
	}
	days := time.Now().Add(-2 * unfinishedFor)
	must(t, os.Chtimes(old, days, days))

	s := open(t, dir, "")
	_, err := s.CreateConnection(t.Context(), withCertificate(), "")
	must(t, err)
	if left := filesBelow(t, aside); !slices.Equal(left, []string{"fresh"}) {
		t.Errorf("left: %v", left)
	}
	if connections, damaged, err := s.Connections(t.Context(), ""); len(connections) != 1 ||
		len(damaged) != 0 || err != nil {
		t.Errorf("%v %v %v", connections, damaged, err)
	}
}

func TestJournalEntryStandsUntilItIsDeleted(t *testing.T) {
	s := open(t, t.TempDir(), "")
	r := Registration{TenantID: tenant, UniqueName: "codetwo-target-1a2b", DisplayName: "App", Marker: client,
		StartedAt: now}
	_, err := s.BeginRegistration(t.Context(), r)
	must(t, err)
	second := r
	second.Marker = tenant
	if got, err := s.BeginRegistration(t.Context(), second); err != nil || got.Marker != client {
		t.Errorf("a second beginning: %+v, %v", got, err)
	}
	r.ObjectID, r.CompletedAt, r.Thumbprints = client, &now, []string{strings.ToLower(thumb)}
	must(t, s.SaveRegistration(t.Context(), r))
	if got, err := s.Registration(t.Context(), tenant, r.UniqueName); err != nil || got.ObjectID != client ||
		!got.CompletedAt.Equal(now) || got.Thumbprints[0] != thumb {
		t.Errorf("%+v, %v", got, err)
	}
	must(t, s.DeleteRegistration(t.Context(), tenant, r.UniqueName))
	if _, err := s.Registration(t.Context(), tenant, r.UniqueName); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v", err)
	}
}

func TestHandoffIsCurrentUntilWhatItWasMadeFromChanges(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(s *Store, c *Connection)
		current bool
	}{
		"nothing":          {func(*Store, *Connection) {}, true},
		"a new revision":   {func(s *Store, c *Connection) { *c, _ = s.UpdateConnection(t.Context(), *c, nil) }, false},
		"an edited record": {func(_ *Store, c *Connection) { c.Name = "edited" }, false},
		"a sheet that is gone": {func(s *Store, _ *Connection) {
			must(t, os.Remove(pathOf(t, s.HandoffURL(tenant, mailbox))))
		}, false},
		"a sheet that is cut off": {func(s *Store, _ *Connection) {
			must(t, os.WriteFile(pathOf(t, s.HandoffURL(tenant, mailbox)), []byte("<html>"), 0o600))
		}, false},
		"a script that is gone": {func(s *Store, c *Connection) {
			files, err := ConnectionFiles(tenant, mailbox, c.CertificateThumbprint)
			must(t, err)
			must(t, os.Remove(pathOf(t, s.URL()+"/"+files.HandoffScript)))
		}, false},
		"a key that is gone": {func(s *Store, c *Connection) {
			must(t, s.DeleteCertificate(t.Context(), tenant, c.CertificateThumbprint))
		}, false},
		"line ends of another system": {func(s *Store, _ *Connection) {
			path := pathOf(t, s.HandoffURL(tenant, mailbox))
			content, err := os.ReadFile(path)
			must(t, err)
			must(t, os.WriteFile(path, []byte(strings.ReplaceAll(string(content), "\n", "\r\n")), 0o600))
		}, true},
	} {
		s := open(t, withIdentity(t), passphrase)
		record := withCertificate()
		record.CertificateThumbprint = certificate.Thumbprint(pair().Certificate)
		must(t, s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, nil))
		record, err := s.CreateConnection(t.Context(), record, "")
		must(t, err)
		if current, err := s.HandoffCurrent(t.Context(), record); current || err != nil {
			t.Fatalf("before it is written: %t, %v", current, err)
		}
		url, err := s.WriteHandoff(t.Context(), record, []byte("<html></html>"), []byte("Write-Host"))
		must(t, err)
		if url != s.HandoffURL(tenant, mailbox) {
			t.Errorf("%s, %s", url, s.HandoffURL(tenant, mailbox))
		}
		c.change(s, &record)
		if current, err := s.HandoffCurrent(t.Context(), record); current != c.current || err != nil {
			t.Errorf("%s: %t, %v", name, current, err)
		}
	}
}

func TestHandoffWithoutAKeyHasNoScript(t *testing.T) {
	s := open(t, t.TempDir(), "")
	record, err := s.CreateConnection(t.Context(), withCertificate(), "")
	must(t, err)
	_, err = s.WriteHandoff(t.Context(), record, []byte("<html>"), []byte("of the time when there was a key"))
	must(t, err)
	if current, err := s.HandoffCurrent(t.Context(), record); current || err != nil {
		t.Errorf("with a script: %t, %v", current, err)
	}
	_, err = s.WriteHandoff(t.Context(), record, []byte("<html>"), nil)
	must(t, err)
	if _, err := s.Handoff(t.Context(), tenant, mailbox, HandoffScript); !errors.Is(err, ErrNotFound) {
		t.Errorf("the script: %v", err)
	}
	if current, err := s.HandoffCurrent(t.Context(), record); !current || err != nil {
		t.Errorf("without: %t, %v", current, err)
	}
}

func TestWhatIsLeftOfARecordDeletedByHandIsSeenAndDeleted(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	record, err := s.CreateConnection(t.Context(), withSecret(), secret)
	must(t, err)
	_, err = s.WriteHandoff(t.Context(), record, []byte("<html>"), nil)
	must(t, err)
	must(t, os.Remove(pathOf(t, s.RecordURL(tenant, mailbox))))
	if leftover, err := s.Leftover(t.Context(), tenant, mailbox); !strings.HasSuffix(leftover, ".secret.age") ||
		err != nil {
		t.Errorf("%q, %v", leftover, err)
	}
	must(t, s.DeleteConnection(t.Context(), tenant, mailbox, "owner-1"))
	if left := filesBelow(t, filepath.Join(dir, tenant)); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if leftover, err := s.Leftover(t.Context(), tenant, mailbox); leftover != "" || err != nil {
		t.Errorf("%q, %v", leftover, err)
	}
}

func TestFolderThatHoldsNothingOfAStoreIsNone(t *testing.T) {
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
	if !exists(open(t, withIdentity(t), "")) {
		t.Error("a store with a key is none")
	}
	s := open(t, dir, "")
	_, err := s.CreateConnection(t.Context(), withCertificate(), "")
	must(t, err)
	if !exists(s) {
		t.Error("a store with a connection is none")
	}
}

func TestErrorsHoldNoRandomNames(t *testing.T) {
	dir := t.TempDir()
	// nothing can be renamed to it
	must(t, os.MkdirAll(filepath.Join(dir, tenant, "connections", "migration@contoso.onmicrosoft.com.json"), 0o700))
	f := newFolder(dir)
	first := f.Replace(t.Context(), tenant+"/connections/migration@contoso.onmicrosoft.com.json", nil)
	second := f.Replace(t.Context(), tenant+"/connections/migration@contoso.onmicrosoft.com.json", nil)
	if first == nil || first.Error() != second.Error() {
		t.Errorf("%v\n%v", first, second)
	}
}
