package renewtest

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place/placetest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

func TestARenewedStoreOpensWithTheNewPassphraseAndHoldsNothingOfTheOldIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before, err := open(w.dir, oldWords).Connection(t.Context(), tenantID, "key@contoso.com", 0)
	must(t, err)
	got, err := renew(t.Context(), placeOf(w.dir))
	must(t, err)
	w.isRenewed(t, w.dir)
	after, err := open(w.dir, newWords).Connection(t.Context(), tenantID, "key@contoso.com", before.Generation)
	if err != nil || after.Revision != before.Revision || after.Generation != before.Generation {
		t.Errorf("the record is %+v, %v", after, err)
	}
	if got.From != w.old.Recipient().String() || got.Resumed || got.Before || len(got.Tenants) != 2 {
		t.Errorf("it says %+v", got)
	}
	if first := got.Tenants[0]; first.Sealed != 6 || first.Encrypted != 6 || len(first.Left) != 3 {
		t.Errorf("of the first tenant it says %+v", first)
	}
	if again, err := renew(t.Context(), placeOf(w.dir)); err != nil || !again.Before || again.To != got.To {
		t.Errorf("once more, it says %+v, %v", again, err)
	}
	w.isRenewed(t, w.dir)
}

// pending holds what any run meets after an interruption: the store of before, the renewed one, or an error that says
// what to do. It reports whether the renewal was begun and is not complete.
func pending(t *testing.T, dir string) bool {
	t.Helper()
	renewing, met := (*store.RenewalError)(nil), 0
	for _, passphrase := range []string{oldWords, newWords} {
		err := open(dir, passphrase).Unlock(t.Context())
		if errors.As(err, &renewing) {
			met++
		} else if err != nil && !errors.Is(err, sealing.ErrPassphraseWrong) {
			t.Errorf("a run meets %v", err)
		}
	}
	if met == 1 {
		t.Error("a run trusts one identity while the store is being renewed to the other")
	}
	return met > 0
}

func TestARenewalThatIsInterruptedAtAnyWriteIsFinishedByTheNextOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.beginCheaply(t)
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			dir := copyOf(t, w.dir)
			files := &placetest.Failing{Writes: true, Place: placeOf(dir), From: n, After: after}
			_, err := renew(t.Context(), files)
			if files.Done <= n {
				must(t, err)
				if n < 20 {
					t.Errorf("it was interrupted at %d writes only", n)
				}
				break
			}
			if !errors.Is(err, placetest.ErrGone) {
				t.Errorf("write %d fails: %v", n, err)
			}
			if complete := read(t, dir, "identity.age") != w.before["identity.age"]; pending(t, dir) == complete {
				t.Errorf("complete: %t, and runs are refused: %t", complete, !complete)
			}
			if _, err := renew(t.Context(), placeOf(dir)); err != nil {
				t.Errorf("after write %d (took effect: %t): %v", n, after, err)
			}
			w.isRenewed(t, dir)
			if t.Failed() {
				t.Fatalf("after write %d (took effect: %t)", n, after)
			}
		}
	}
}

func TestARenewalWhoseFirstWriteFailsLeavesTheStoreOfBeforeOrIsFinished(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, after := range []bool{false, true} {
		dir := copyOf(t, w.dir)
		first := &placetest.Failing{Writes: true, Place: placeOf(dir), After: after}
		if _, err := renew(t.Context(), first); !errors.Is(err, placetest.ErrGone) {
			t.Errorf("it fails: %v", err)
		}
		if begun := pending(t, dir); begun != after {
			t.Errorf("begun: %t, want %t", begun, after)
		}
		got, err := renew(t.Context(), placeOf(dir))
		if err != nil || got.Resumed != after {
			t.Errorf("once more: %+v, %v", got, err)
		}
		w.isRenewed(t, dir)
	}
}

// identityOtherwise is an *store.OtherIdentityError.
func identityOtherwise(err error) bool {
	_, other := errors.AsType[*store.OtherIdentityError](err)
	return other
}

func TestWhatTheOldIdentitySealsAfterwardsIsNotTrusted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	name := tenantID + "/connections/key@contoso.com.json"
	_, err := renew(t.Context(), placeOf(w.dir))
	must(t, err)

	write(t, w.dir, name, w.before[name])
	if _, err := open(w.dir, newWords).Connection(t.Context(), tenantID, "key@contoso.com", 0); !store.IsUntrusted(err) {
		t.Errorf("a record that was put back: %v", err)
	}
	s := open(w.dir, newWords)
	s.Expect(w.old.Recipient().String())
	write(t, w.dir, "identity.age", w.before["identity.age"])
	if err := s.Unlock(t.Context()); !errors.Is(err, sealing.ErrPassphraseWrong) {
		t.Errorf("the identity that was put back, with the new passphrase: %v", err)
	}
	s = open(w.dir, oldWords)
	s.Expect(newIdentity(t, w))
	if err := s.Unlock(t.Context()); !identityOtherwise(err) {
		t.Errorf("and with the old one, to a state that has seen the new identity: %v", err)
	}
}

// newIdentity is the public key of the identity that a copy of the world is renewed to.
func newIdentity(t *testing.T, w *world) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "store")
	must(t, os.Mkdir(dir, 0o700))
	write(t, dir, "identity.age", w.before["identity.age"])
	got, err := renew(t.Context(), placeOf(dir))
	must(t, err)
	return got.To
}

func TestAStateAcceptsOnlyAnIdentityThatProvesToReplaceTheOneItNames(t *testing.T) {
	t.Parallel()
	first, second, third, stranger := newKey(t), newKey(t), newKey(t), newKey(t)
	named := func(key *age.X25519Identity) string { return key.Recipient().String() }
	for name, c := range map[string]struct {
		text     string
		expected *age.X25519Identity
		accepted bool
	}{
		"itself":                            {first.String(), first, true},
		"one that replaced it":              {nextText(second, now, first), first, true},
		"one that replaced its replacement": {nextText(third, now, second, first), first, true},
		"the one that it replaced":          {first.String(), second, false},
		"another one":                       {stranger.String(), first, false},
		"one that replaced another one":     {nextText(stranger, now, third), first, false},
		// Who knows the old passphrase and the old identity, and wants it back.
		"one that claims to by the public key alone": {
			first.String() + "\n# replaces: " + named(second) + "\n# public key: " + named(second) + "\n", second, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			write(t, dir, "identity.age", lock(t, oldWords, c.text))
			s := open(dir, oldWords)
			s.Expect(named(c.expected))
			if err := s.Unlock(t.Context()); (err == nil) != c.accepted || err != nil && !identityOtherwise(err) {
				t.Errorf("it is accepted: %t (%v), want %t", err == nil, err, c.accepted)
			}
		})
	}
}

func TestAStoreThatIsRenewedTwiceIsAcceptedByStatesOfItsFirstIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := renew(t.Context(), placeOf(w.dir))
	must(t, err)
	const last = "yet another few words"
	_, err = open(w.dir, newWords).RenewIdentity(t.Context(), store.Renewal{Passphrase: last, Now: now})
	must(t, err)
	w.opens(t, open(w.dir, last), files(t, w.dir))
	if err := open(w.dir, newWords).Unlock(t.Context()); !errors.Is(err, sealing.ErrPassphraseWrong) {
		t.Errorf("with the passphrase of between: %v", err)
	}
}

func TestTheAgeCommandsFormatOfARenewedIdentityIsOneIdentityWithComments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got, err := renew(t.Context(), placeOf(w.dir))
	must(t, err)
	key, err := age.NewScryptIdentity(newWords)
	must(t, err)
	text, err := sealing.Decrypt([]byte(read(t, w.dir, "identity.age")), key)
	must(t, err)
	identities, err := age.ParseIdentities(strings.NewReader(string(text)))
	must(t, err)
	if len(identities) != 1 || identities[0].(*age.X25519Identity).Recipient().String() != got.To {
		t.Errorf("it holds %d identities", len(identities))
	}
}

func TestARunThatBeganBeforeTheRenewalWritesNothingMore(t *testing.T) {
	t.Parallel()
	for name, interrupted := range map[string]bool{"while it is interrupted": true, "once it is complete": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			run := open(w.dir, oldWords)
			must(t, run.Unlock(t.Context()))
			files := &placetest.Failing{Writes: true, Place: placeOf(w.dir), From: 5}
			if !interrupted {
				files.From = 1000
			}
			if _, err := renew(t.Context(), files); (err != nil) != interrupted {
				t.Fatal(err)
			}
			renewing := (*store.RenewalError)(nil)
			refused := func(err error) bool {
				return interrupted && errors.As(err, &renewing) || !interrupted && errors.Is(err, store.ErrIdentityChanged)
			}
			c := connectionOf("secret@fabrikam.com", w.person)
			c.Mailbox = "late@fabrikam.com"
			if _, err := run.CreateConnection(t.Context(), c, 0, "a secret", render); !refused(err) {
				t.Errorf("a connection: %v", err)
			}
			if exists(w.dir, otherTenant+"/connections/late@fabrikam.com.secret.age") {
				t.Error("its secret was written, encrypted to the old identity")
			}
			entry := store.Registration{TenantID: otherTenant, UniqueName: "late", Marker: clientID, StartedAt: now}
			if err := run.SaveRegistration(t.Context(), &entry, 0, now); !refused(err) {
				t.Errorf("a journal: %v", err)
			}
			if err := run.SaveCertificate(t.Context(), otherTenant, pairs()[0], certificate.AES256, now); !refused(err) {
				t.Errorf("a key: %v", err)
			}
		})
	}
}

func TestADestroyGoesOnWhileTheStoreIsBeingRenewed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := renew(t.Context(), &placetest.Failing{Writes: true, Place: placeOf(w.dir), From: 12})
	if !errors.Is(err, placetest.ErrGone) {
		t.Fatal(err)
	}
	for _, passphrase := range []string{oldWords, newWords} {
		if err := open(w.dir, passphrase).Unlock(t.Context()); err == nil || !store.CannotProve(err) {
			t.Errorf("a destroy stops at %v", err)
		}
		mailbox := map[string]string{oldWords: "secret@contoso.com", newWords: "key@contoso.com"}[passphrase]
		must(t, open(w.dir, passphrase).DeleteConnection(t.Context(), tenantID, mailbox, "owner", 0))
		for name := range files(t, w.dir) {
			if strings.Contains(name, "/"+mailbox) {
				t.Errorf("%s is left", name)
			}
		}
	}
}

func TestARenewalFinishesWhatAnotherRunWritesMeanwhile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.beginCheaply(t)
	name := otherTenant + "/connections/late@fabrikam.com"
	// What a run writes that did not see yet that a renewal was begun.
	secret, err := sealing.Encrypt([]byte("late"), w.old.Recipient())
	must(t, err)
	record := otherTenant + "/connections/secret@fabrikam.com.json"
	late := &meddling{Place: placeOf(w.dir), before: record, meddle: func() {
		before := copyOf(t, w.dir)
		remove(t, before, "identity-next.age")
		c := connectionOf("secret@fabrikam.com", w.person)
		c.Mailbox = "late@fabrikam.com"
		_, err := open(before, oldWords).CreateConnection(t.Context(), c, 0, string(secret), nil)
		must(t, err)
		for _, extension := range []string{".json", ".secret.age"} {
			write(t, w.dir, name+extension, read(t, before, name+extension))
		}
	}}
	_, err = renew(t.Context(), late)
	must(t, err)
	s := open(w.dir, newWords)
	c, err := s.Connection(t.Context(), otherTenant, "late@fabrikam.com", 0)
	must(t, err)
	if got, err := s.ClientSecret(t.Context(), c); err != nil || got != string(secret) {
		t.Errorf("the secret: %v", err)
	}
}

// meddling is a place where another run does something right before a file is replaced.
type meddling struct {
	place.Place
	before string
	meddle func() // done once
}

func (m *meddling) Replace(
	ctx context.Context, name string, content []byte, unchanged place.Version,
) (place.Version, error) {
	if meddle := m.meddle; meddle != nil && name == m.before {
		m.meddle = nil
		meddle()
	}
	return m.Place.Replace(ctx, name, content, unchanged)
}

func TestARegistrationThatTerraformIsChangingStopsTheRenewalBeforeItBegins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	unlock, err := open(w.dir, oldWords).LockRegistration(t.Context(), tenantID, journalName)
	must(t, err)
	if _, err := renew(t.Context(), placeOf(w.dir)); !errors.Is(err, store.ErrLocked) ||
		!strings.Contains(err.Error(), "wait until it ends") {
		t.Errorf("it ends with %v", err)
	}
	w.isUntouched(t)
	unlock()
	_, err = renew(t.Context(), placeOf(w.dir))
	must(t, err)
}

// isUntouched holds that the store is as it was.
func (w *world) isUntouched(t *testing.T) {
	t.Helper()
	after := files(t, w.dir)
	for name, content := range after {
		if content != w.before[name] {
			t.Errorf("%s is another one", name)
		}
	}
	if len(after) != len(w.before) {
		t.Errorf("there are %d files, and were %d", len(after), len(w.before))
	}
}

func TestWhatKeepsARenewalFromBeginningLeavesTheStoreUntouched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct{ before, after, says string }{
		"the same passphrase":   {oldWords, oldWords, "is the old one"},
		"an unfit passphrase":   {oldWords, "short", "the new passphrase"},
		"no passphrase":         {"", newWords, "passphrase is needed"},
		"a wrong passphrase":    {"wrong horse battery", newWords, "opens with neither passphrase"},
		"nothing to renew from": {"wrong horse battery", oldWords, "was never renewed"},
	} {
		_, err := open(w.dir, c.before).RenewIdentity(t.Context(), store.Renewal{Passphrase: c.after, Now: now})
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.isUntouched(t)

	newer := tenantID + "/connections/newer@contoso.com.json"
	w.before[newer] = `{"schema_version": 3}`
	write(t, w.dir, newer, w.before[newer])
	_, err := renew(t.Context(), placeOf(w.dir))
	if _, ok := errors.AsType[*store.NewerSchemaError](err); !ok {
		t.Errorf("a record of a newer version: %v", err)
	}
	w.isUntouched(t)
}

func TestAPlantedIdentityMakesTheStoreRefuseAndIsNeverUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range w.planted[:2] {
		remove(t, w.dir, name)
	}
	w.before = files(t, w.dir)
	stranger := newKey(t)
	for name, content := range map[string]string{
		"under another passphrase":    lock(t, "words of a stranger", nextText(stranger, now, w.old)),
		"under the old passphrase":    lock(t, oldWords, nextText(stranger, now, w.old)),
		"that replaces another store": lock(t, newWords, nextText(stranger, now, stranger)),
		"that is none":                "hello",
	} {
		write(t, w.dir, "identity-next.age", content)
		if !pending(t, w.dir) {
			t.Errorf("%s: the store is used", name)
		}
		_, err := renew(t.Context(), placeOf(w.dir))
		if err == nil {
			t.Fatalf("%s: it is used", name)
		}
		if advice := "Delete the file"; !strings.HasPrefix(name, "that replaces") && !strings.Contains(err.Error(), advice) {
			t.Errorf("%s: %v", name, err)
		}
		remove(t, w.dir, "identity-next.age")
		w.isUntouched(t)
	}
	write(t, w.dir, "identity-next.age", w.before["identity.age"])
	if pending(t, w.dir) {
		t.Error("a copy of identity.age makes the store refuse")
	}
}

func TestAnotherNewPassphraseDoesNotFinishARenewalAndTheErrorKeepsTheKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	away := &placetest.Failing{Writes: true, Place: placeOf(w.dir), From: 12}
	if _, err := renew(t.Context(), away); !errors.Is(err, placetest.ErrGone) {
		t.Fatal(err)
	}
	before := files(t, w.dir)
	_, err := open(w.dir, oldWords).RenewIdentity(t.Context(), store.Renewal{Passphrase: "misremembered words", Now: now})
	if err == nil || strings.Contains(err.Error(), "No renewal has") ||
		!strings.Contains(err.Error(), "give the new passphrase") {
		t.Errorf("it ends with %v", err)
	}
	w.before = before
	w.isUntouched(t)
}

func TestARenewalThatBeganLongAgoIsFinishedOnRequestOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.beginCheaply(t)
	renewal := store.Renewal{Passphrase: newWords, Now: now.Add(25 * time.Hour)}
	if _, err := open(w.dir, oldWords).RenewIdentity(t.Context(), renewal); err == nil ||
		!strings.Contains(err.Error(), "-resume") || !strings.Contains(err.Error(), "2026-11-01T10:00:00Z") {
		t.Errorf("after a day it ends with %v", err)
	}
	renewal.Resume = true
	_, err := open(w.dir, oldWords).RenewIdentity(t.Context(), renewal)
	must(t, err)
	w.isRenewed(t, w.dir)
}

// TestWhoKnowsTheOldIdentityLearnsNothingNewFromARenewalThatTheyBringBack puts back the files from the middle of a
// renewal, long after it, with records that name the attacker as a recipient of a key and of a secret that came later.
func TestWhoKnowsTheOldIdentityLearnsNothingNewFromARenewalThatTheyBringBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next, attacker := w.beginCheaply(t), newKey(t)
	begun := read(t, w.dir, "identity-next.age")
	_, err := renew(t.Context(), placeOf(w.dir))
	must(t, err)
	s := open(w.dir, newWords)
	later, err := certificate.Generate(rand.Reader, certificate.Template{
		CommonName: "later", KeySize: 2048, NotBefore: now, NotAfter: now.AddDate(5, 0, 0),
	})
	must(t, err)
	must(t, s.SaveCertificate(t.Context(), tenantID, later, certificate.AES256, now))
	withKey := connectionOf("key@contoso.com", w.person)
	withKey.Mailbox, withKey.CertificateThumbprint = "later-key@contoso.com", certificate.Thumbprint(later.Certificate)
	withSecret := connectionOf("secret@contoso.com", w.person)
	withSecret.Mailbox = "later-secret@contoso.com"
	for c, secret := range map[*store.Connection]string{&withKey: "", &withSecret: "a later secret"} {
		*c, err = s.CreateConnection(t.Context(), *c, 0, secret, render)
		must(t, err)
	}

	write(t, w.dir, "identity.age", w.before["identity.age"])
	write(t, w.dir, "identity-next.age", begun)
	for _, c := range []store.Connection{withKey, withSecret} {
		c.HandoffRecipients = []string{attacker.Recipient().String()}
		name := tenantID + "/connections/" + c.Mailbox + ".json"
		write(t, w.dir, name, seal(t, w.old, name, c))
	}
	_, err = renew(t.Context(), placeOf(w.dir))
	must(t, err)
	for name, content := range files(t, w.dir) {
		if strings.HasSuffix(name, ".age") && (decrypts(content, attacker) || decrypts(content, w.old)) {
			t.Errorf("the attacker decrypts %s", name)
		}
		if strings.Contains(name, "later") && strings.HasSuffix(name, ".age") && !decrypts(content, next) {
			t.Errorf("%s was lost", name)
		}
	}
}
