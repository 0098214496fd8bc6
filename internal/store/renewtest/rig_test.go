// Package renewtest tests the renewal of a store's identity from outside of the store, as its commands and runs see it.
package renewtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place/folder"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

const (
	tenantID    = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
	otherTenant = "7babcaad-604b-40ac-a9d7-9fd97c0b779f"
	clientID    = "11111111-2222-3333-4444-555555555555"
	oldWords    = "correct horse battery"
	newWords    = "another staple of words"
	journalName = "codetwo-target-1a2b"
)

var now = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)

var pairs = sync.OnceValue(func() (made [2]*certificate.Pair) {
	for i := range made {
		var err error
		made[i], err = certificate.Generate(rand.Reader, certificate.Template{
			CommonName: "target", KeySize: 2048, NotBefore: now, NotAfter: now.AddDate(5, 0, 0),
		})
		if err != nil {
			panic(err)
		}
	}
	return made
})

func thumbprint(i int) string { return certificate.Thumbprint(pairs()[i].Certificate) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newKey(t testing.TB) *age.X25519Identity {
	t.Helper()
	key, err := age.GenerateX25519Identity()
	must(t, err)
	return key
}

// lock encrypts text under a passphrase, so that it opens fast: age keeps the cost in the file.
func lock(t testing.TB, passphrase, text string) string {
	t.Helper()
	key, err := age.NewScryptRecipient(passphrase)
	must(t, err)
	key.SetWorkFactor(4)
	content, err := sealing.Encrypt([]byte(text), key)
	must(t, err)
	return string(content)
}

func read(t testing.TB, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	must(t, err)
	return string(content)
}

// write writes past the store, as anybody may who has the folder.
func write(t testing.TB, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	must(t, os.MkdirAll(filepath.Dir(file), 0o700))
	must(t, os.WriteFile(file, []byte(content), 0o600))
}

func remove(t testing.TB, dir, name string) {
	t.Helper()
	must(t, os.Remove(filepath.Join(dir, filepath.FromSlash(name))))
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(name)))
	return err == nil
}

func copyOf(t testing.TB, dir string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "store")
	must(t, os.CopyFS(copied, os.DirFS(dir)))
	return copied
}

// files are the contents of a store's files, without locks and unfinished ones.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if name = filepath.ToSlash(name); err == nil && !d.IsDir() && !strings.HasPrefix(name, ".unfinished/") {
			found[name] = read(t, dir, name)
		}
		return err
	}))
	return found
}

func placeOf(dir string) place.Place {
	return folder.Open(dir, func(name string) bool { return strings.Contains(name, "/handoff/") })
}

func open(dir, passphrase string) *store.Store { return store.OpenPlace(placeOf(dir), passphrase) }

func render(c store.Connection, hasKey bool) (sheet, script []byte, err error) {
	sheet = fmt.Appendf(nil, "sheet of %s, with a key: %t", c.Mailbox, hasKey)
	if hasKey {
		script = []byte("script of " + c.CertificateThumbprint)
	}
	return sheet, script, nil
}

// world is a store with one of each, and who knows what.
type world struct {
	dir    string
	old    *age.X25519Identity // the store's
	person *age.X25519Identity // a recipient
	before map[string]string   // the files
	// What no seal of the store proves: left as it is.
	planted []string
}

// connections are the store's, by mailbox, each with its client secret or the number of its key.
var connections = map[string]struct {
	tenant, secret string
	key            int
	shared         bool // with the recipient
}{
	"secret@contoso.com":   {tenantID, "s3cret~of.a-recipient", 0, true},
	"key@contoso.com":      {tenantID, "", 0, true},
	"key-too@contoso.com":  {tenantID, "", 0, false},
	"secret@fabrikam.com":  {otherTenant, "s3cret~of.the-store", 0, false},
	"unsealed@contoso.com": {tenantID, "", 1, false},
}

func connectionOf(mailbox string, person *age.X25519Identity) store.Connection {
	like := connections[mailbox]
	c := store.Connection{
		TenantID: like.tenant, Mailbox: mailbox, Name: mailbox, ClientID: clientID, Owner: "owner",
		CredentialType: store.CredentialClientSecret, WrittenAt: &now,
	}
	if like.secret == "" {
		c.CredentialType, c.CertificateThumbprint = store.CredentialCertificate, thumbprint(like.key)
	}
	if like.shared {
		c.HandoffRecipients = []string{person.Recipient().String()}
	}
	return c
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{dir: filepath.Join(t.TempDir(), "store"), old: newKey(t), person: newKey(t)}
	must(t, os.Mkdir(w.dir, 0o700))
	write(t, w.dir, "identity.age", lock(t, oldWords, w.old.String()))
	s, ctx := open(w.dir, oldWords), t.Context()
	for i := range pairs() {
		must(t, s.SaveCertificate(ctx, tenantID, pairs()[i], certificate.AES256, now))
	}
	for mailbox, like := range connections {
		_, err := s.CreateConnection(ctx, connectionOf(mailbox, w.person), 0, like.secret, render)
		must(t, err)
	}
	must(t, s.SaveRegistration(ctx, &store.Registration{
		TenantID: tenantID, UniqueName: journalName, Marker: clientID, StartedAt: now,
		Thumbprints: []string{thumbprint(0)},
	}, 0, now))
	// As a version before the seals left a key, or a writer who deletes its record.
	remove(t, w.dir, tenantID+"/certificates/"+thumbprint(1)+".json")
	connection := read(t, w.dir, tenantID+"/connections/key@contoso.com.json")
	w.planted = []string{
		tenantID + "/connections/planted@contoso.com.json", tenantID + "/registrations/planted.json",
		tenantID + "/connections/older@contoso.com.json",
	}
	write(t, w.dir, w.planted[0], connection)
	write(t, w.dir, w.planted[1], seal(t, newKey(t), w.planted[1], map[string]string{"unique_name": "planted"}))
	write(t, w.dir, w.planted[2], `{"schema_version": 1, "owner": "somebody"}`)
	w.before = files(t, w.dir)
	return w
}

// seal seals a record as somebody does who has an identity.
func seal(t testing.TB, key *age.X25519Identity, name string, record any) string {
	t.Helper()
	content, err := identityOf(t, key).Seal(name, record)
	must(t, err)
	return string(content)
}

func identityOf(t testing.TB, key *age.X25519Identity) *sealing.Identity {
	t.Helper()
	identity, err := sealing.Unlock([]byte(lock(t, "whatever it is", key.String())), "whatever it is")
	must(t, err)
	return identity
}

// beginCheaply plays the first write of a renewal, with an identity that opens fast.
func (w *world) beginCheaply(t testing.TB) (next *age.X25519Identity) {
	t.Helper()
	next = newKey(t)
	write(t, w.dir, "identity-next.age", lock(t, newWords, nextText(next, now, w.old)))
	return next
}

// nextText is what an identity's file says that replaces others.
func nextText(next *age.X25519Identity, created time.Time, replaces ...*age.X25519Identity) string {
	text := fmt.Sprintf("# created: %s\n%s\n", created.Format(time.RFC3339), next)
	for _, old := range replaces {
		text += fmt.Sprintf("# replaces: %s\n", old)
	}
	return text
}

func renew(ctx context.Context, files place.Place) (store.Renewed, error) {
	return store.OpenPlace(files, oldWords).RenewIdentity(ctx, store.Renewal{Passphrase: newWords, Now: now})
}

// decrypts reports whether a key decrypts a file.
func decrypts(content string, key *age.X25519Identity) bool {
	_, err := sealing.Decrypt([]byte(content), key)
	return err == nil
}

// isRenewed holds that the store is whole under the new passphrase, and that nothing in it is the old identity's.
func (w *world) isRenewed(t *testing.T, dir string) {
	t.Helper()
	after := files(t, dir)
	old := identityOf(t, w.old)
	for name, content := range after {
		planted := slices.Contains(w.planted, name)
		switch {
		case planted && content != w.before[name], !planted && !mayStay(name) && content == w.before[name]:
			t.Errorf("%s is the one of before: %t; planted: %t", name, content == w.before[name], planted)
		case strings.HasSuffix(name, ".next"), name == "identity-next.age":
			t.Errorf("%s is left over", name)
		case strings.HasSuffix(name, ".age") && decrypts(content, w.old):
			t.Errorf("the old identity decrypts %s", name)
		case strings.HasSuffix(name, ".json") && !planted:
			if _, err := old.Open(name, []byte(content)); !errors.Is(err, sealing.ErrForged) {
				t.Errorf("to the old identity, %s is %v", name, err)
			}
		case isHandoff(name) && content != w.before[name]:
			t.Errorf("the hand-off %s is another one", name)
		}
	}
	for name := range w.before {
		if _, there := after[name]; !there {
			t.Errorf("%s is gone", name)
		}
	}
	w.opens(t, open(dir, newWords), after)
	if err := open(dir, oldWords).Unlock(t.Context()); !errors.Is(err, sealing.ErrPassphraseWrong) {
		t.Errorf("with the old passphrase: %v", err)
	}
}

// mayStay reports whether a file holds no secret, or is a PFX whose password alone is encrypted again: no record proves
// it.
func mayStay(name string) bool {
	return isHandoff(name) || strings.HasSuffix(name, ".cer") || strings.HasSuffix(name, thumbprint(1)+".pfx")
}

func isHandoff(name string) bool { return strings.Contains(name, "/handoff/") }

// opens holds that a store has all that the world has, and shows no drift.
func (w *world) opens(t *testing.T, s *store.Store, after map[string]string) {
	t.Helper()
	ctx := t.Context()
	s.Expect(w.old.Recipient().String())
	read, unreadable, err := s.Connections(ctx, "")
	if err != nil || len(unreadable) != 2 || len(read) != len(connections) {
		t.Fatalf("%d connections, %v, %v", len(read), unreadable, err)
	}
	for _, c := range read {
		w.opensConnection(t, s, c, after)
	}
	entry, err := s.Registration(ctx, tenantID, journalName, 0)
	if err != nil || entry.Marker != clientID || !reflect.DeepEqual(entry.Thumbprints, []string{thumbprint(0)}) {
		t.Errorf("the journal: %+v, %v", entry, err)
	}
	if got, err := s.KeyPair(ctx, tenantID, thumbprint(0)); err != nil || !got.Key.Equal(pairs()[0].Key) {
		t.Errorf("the key: %v", err)
	}
	if state, err := s.KeyState(ctx, tenantID, thumbprint(1)); err != nil || state != store.KeyUnsealed {
		t.Errorf("the unsealed key: %v, %v", state, err)
	}
}

func (w *world) opensConnection(t *testing.T, s *store.Store, c store.Connection, after map[string]string) {
	t.Helper()
	ctx, like := t.Context(), connections[c.Mailbox]
	if like.secret != "" {
		if got, err := s.ClientSecret(ctx, c); err != nil || got != like.secret {
			t.Errorf("%s has the secret %q, %v", c.Mailbox, got, err)
		}
	}
	if like.key == 0 {
		if err := s.CheckHandoff(ctx, c); err != nil {
			t.Errorf("the hand-off of %s: %v", c.Mailbox, err)
		}
		if err := s.CheckSecrets(ctx, c); err != nil {
			t.Errorf("the secrets of %s: %v", c.Mailbox, err)
		}
	}
	stem := like.tenant + "/connections/" + c.Mailbox
	if like.shared && like.secret != "" && !decrypts(after[stem+".secret.age"], w.person) {
		t.Errorf("the recipient of %s does not open its secret", c.Mailbox)
	}
	if like.shared && like.secret == "" {
		password, err := sealing.Decrypt([]byte(after[stem+".pfx-password.age"]), w.person)
		must(t, err)
		pfx := []byte(after[tenantID+"/certificates/"+c.CertificateThumbprint+".pfx"])
		if got, err := certificate.DecodePFX(pfx, string(password)); err != nil || !got.Key.Equal(pairs()[0].Key) {
			t.Errorf("the recipient of %s does not open its PFX: %v", c.Mailbox, err)
		}
		if bytes.Equal(pfx, []byte(w.before[tenantID+"/certificates/"+c.CertificateThumbprint+".pfx"])) {
			t.Error("the PFX has the password of before")
		}
	}
}
