package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/keys"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place/placetest"
)

// interruptions plays a change again and again, on a copy of the same store each time: once for each of its operations
// on the store's place, which then fails, as do all that follow. Half of the times the operation took effect
// nevertheless, and only its answer was lost. check then looks at what is left, as the next run does.
func interruptions(t *testing.T, before string, change func(s *Store) error, check func(t *testing.T, dir string)) {
	t.Helper()
	if testing.Short() {
		t.Skip("not run: an interruption of every single write takes too long with -short")
	}
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			dir := filepath.Join(t.TempDir(), "store")
			must(t, os.CopyFS(dir, os.DirFS(before)))
			s := open(t, dir, passphrase)
			must(t, s.Unlock(t.Context())) // once a process
			failing := failAt(s, n)
			failing.After, failing.Writes = after, after
			err := change(s)
			if failing.Done <= n {
				must(t, err)
				if n == 0 {
					t.Error("nothing was interrupted")
				}
				break
			}
			if err != nil && !errors.Is(err, placetest.ErrGone) {
				t.Errorf("operation %d fails: %v", n, err)
			}
			t.Run(fmt.Sprintf("operation %d, took effect %t", n, after), func(t *testing.T) { check(t, dir) })
			if t.Failed() {
				return
			}
		}
	}
}

// holdsNothingWrong holds that what shows no drift is whole: the mailbox's record has the secret that was written with
// it, and a password that opens its PFX. It returns the record; there is false where it is gone.
func holdsNothingWrong(
	t *testing.T, dir string, secrets map[string]string, person *age.X25519Identity,
) (c Connection, there bool) {
	t.Helper()
	s := open(t, dir, passphrase)
	c, err := s.Connection(t.Context(), tenant, mailbox, 0)
	if errors.Is(err, ErrNotFound) {
		return Connection{}, false
	}
	must(t, err)
	if value, err := s.ClientSecret(t.Context(), c); err == nil && value != secrets[c.Name] {
		t.Errorf("%s has the secret %q", c.Name, value)
	} else if err != nil && !errors.Is(err, ErrNotFound) && !IsUntrusted(err) {
		t.Errorf("the secret: %v", err)
	}
	if drift(t, s, c) != nil {
		return c, true
	}
	if c.CredentialType == CredentialClientSecret {
		if value, err := s.ClientSecret(t.Context(), c); err != nil || value != secrets[c.Name] {
			t.Errorf("nothing shows, and the secret is %q, %v", value, err)
		}
		return c, true
	}
	if person != nil && slices.Contains(c.HandoffRecipients, person.Recipient().String()) {
		pfx := []byte(readFile(t, dir, keyFiles(t).pfx))
		if _, err := keys.Open(pfx, opens(t, dir, passwordOf(mailbox), person), thumbprint()); err != nil {
			t.Errorf("nothing shows, and the recipient cannot open the PFX: %v", err)
		}
	}
	return c, true
}

func TestACreateThatIsInterruptedAnywhereLeavesNothingOrWhatShowsAndIsFinished(t *testing.T) {
	t.Parallel()
	person := newPerson(t)
	for name, c := range map[string]struct {
		like   Connection
		secret string
	}{
		"with a secret": {withSecret(), secret},
		"with a key":    {withKey(person), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := withIdentity(t)
			savePair(t, open(t, before, passphrase))
			c.like.Name = "new"
			secrets := map[string]string{"new": c.secret}
			change := func(s *Store) error {
				_, err := s.CreateConnection(t.Context(), c.like, 0, c.secret, render)
				return err
			}
			interruptions(t, before, change, func(t *testing.T, dir string) {
				holdsNothingWrong(t, dir, secrets, person)
				s := open(t, dir, passphrase)
				err := change(s)
				if exists, ok := errors.AsType[*ExistsError](err); ok { // the user imports it
					var value *string
					if c.secret != "" {
						value = &c.secret
					}
					_, _, err = s.UpdateConnection(t.Context(), c.like, exists.Existing.Generation, value, render)
				}
				must(t, err)
				holdsNothingWrong(t, dir, secrets, person)
				hasNoDrift(t, s)
			})
		})
	}
}

func TestAnUpdateThatIsInterruptedAnywhereLeavesTheOldTheNewOrWhatShowsAndIsFinished(t *testing.T) {
	t.Parallel()
	leaving, staying := newPerson(t), newPerson(t)
	const other = "another secret"
	secrets := map[string]string{"old": secret, "new": other}
	withRecipient := withSecret()
	withRecipient.HandoffRecipients = []string{staying.Recipient().String()}
	for name, c := range map[string]struct {
		before, after Connection
		secret        *string
	}{
		"another secret":                    {withSecret(), withSecret(), new(other)},
		"another secret and recipient":      {withSecret(), withRecipient, new(other)},
		"a recipient more":                  {withKey(leaving), withKey(leaving, staying), nil},
		"a recipient less":                  {withKey(leaving, staying), withKey(staying), nil},
		"from a secret to a key":            {withSecret(), withKey(staying), nil},
		"from a key to a secret":            {withKey(staying), withSecret(), new(other)},
		"from a key to one that is not its": {withKey(staying), withCertificate(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := withIdentity(t)
			savePair(t, open(t, before, passphrase))
			c.before.Name, c.after.Name = "old", "new"
			made := create(t, open(t, before, passphrase), c.before)
			kept := ""
			if c.before.CredentialType == CredentialCertificate {
				kept = passwordIn(t, before, passwordOf(mailbox))
			}
			change := func(s *Store) error {
				_, _, err := s.UpdateConnection(t.Context(), c.after, made.Generation, c.secret, render)
				return err
			}
			interruptions(t, before, change, func(t *testing.T, dir string) {
				found, there := holdsNothingWrong(t, dir, secrets, staying)
				if !there || found.Generation < made.Generation {
					t.Errorf("left: %+v", found)
				}
				s := open(t, dir, passphrase)
				must(t, change(s))
				found, _ = holdsNothingWrong(t, dir, secrets, staying)
				if found.Name != "new" {
					t.Errorf("finished: %+v", found)
				}
				hasNoDrift(t, s)
				if name == "a recipient less" {
					opensKey(t, dir)
					if passwordIn(t, dir, passwordOf(mailbox)) == kept {
						t.Error("the password that the leaving one knows still opens the PFX")
					}
				}
			})
		})
	}
}

func TestACreateWhoseFilesCannotBeWrittenGivesTheNameBack(t *testing.T) {
	t.Parallel()
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	s.files = &meddling{Place: s.files, before: secretOf(mailbox), meddle: func() error { return placetest.ErrGone }}
	if _, err := s.CreateConnection(t.Context(), withSecret(), 0, secret, render); !errors.Is(err, placetest.ErrGone) {
		t.Errorf("%v", err)
	}
	if _, err := s.Connection(t.Context(), tenant, mailbox, 0); !errors.Is(err, ErrNotFound) {
		t.Errorf("the record: %v", err)
	}
	create(t, s, withSecret())
	hasNoDrift(t, s)
}

// A secret that is encrypted to other recipients, without being given again, may be lost in between; the plan shows
// it, and the next apply has it from the configuration.
func TestAnUpdateOfRecipientsThatIsInterruptedShowsWhereTheSecretHasToBeGivenAgain(t *testing.T) {
	t.Parallel()
	before := withIdentity(t)
	made := create(t, open(t, before, passphrase), withSecret())
	made.HandoffRecipients = []string{newPerson(t).Recipient().String()}
	interruptions(t, before, func(s *Store) error {
		_, _, err := s.UpdateConnection(t.Context(), made, made.Generation, nil, render)
		return err
	}, func(t *testing.T, dir string) {
		s := open(t, dir, passphrase)
		found := read(t, s)
		if err := s.CheckSecrets(t.Context(), found); err != nil {
			update(t, s, found, new(secret))
		} else if _, _, err := s.UpdateConnection(t.Context(), made, found.Generation, nil, render); err != nil {
			t.Errorf("the secret is as recorded, and cannot be kept: %v", err)
		}
		if value, err := s.ClientSecret(t.Context(), read(t, s)); err != nil || value != secret {
			t.Errorf("%q, %v", value, err)
		}
		hasNoDrift(t, s)
	})
}

func TestADeleteThatIsInterruptedAnywhereKeepsTheNameUntilItIsFinished(t *testing.T) {
	t.Parallel()
	for name, with := range map[string]string{"with the passphrase": passphrase, "without": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := withIdentity(t)
			savePair(t, open(t, before, passphrase))
			made := create(t, open(t, before, passphrase), withKey(newPerson(t)))
			whole := len(filesBelow(t, filepath.Join(before, tenant, handoffFolder)))
			change := func(s *Store) error {
				bare := &Store{files: s.files, passphrase: with}
				return bare.DeleteConnection(t.Context(), tenant, mailbox, made.Owner, made.Generation)
			}
			interruptions(t, before, change, func(t *testing.T, dir string) {
				found, there := holdsNothingWrong(t, dir, nil, nil)
				left := filesBelow(t, filepath.Join(dir, tenant, handoffFolder))
				if !there && len(left) > 0 {
					t.Errorf("the name is free, and left are %v", left)
				}
				if there && len(left) < whole && drift(t, open(t, dir, passphrase), found) == nil {
					t.Errorf("nothing shows, and left are %v", left)
				}
				must(t, open(t, dir, with).DeleteConnection(t.Context(), tenant, mailbox, made.Owner, made.Generation))
				for _, folder := range []string{connectionFolder, handoffFolder} {
					if left := filesBelow(t, filepath.Join(dir, tenant, folder)); len(left) > 0 {
						t.Errorf("left: %v", left)
					}
				}
			})
		})
	}
}

func TestAJournalThatIsInterruptedIsTheOldOneOrTheNewOne(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]bool{"a new one": false, "a change": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := withIdentity(t)
			old := newJournal()
			old.DisplayName = "old"
			if there {
				must(t, open(t, before, passphrase).SaveRegistration(t.Context(), &old, 0, now))
			}
			change := func(s *Store) error {
				r, err := s.Registration(t.Context(), tenant, old.UniqueName, old.Generation)
				if errors.Is(err, ErrNotFound) {
					r, err = newJournal(), nil
				}
				if err != nil {
					return err
				}
				r.DisplayName = "new"
				return s.SaveRegistration(t.Context(), &r, old.Generation, now)
			}
			interruptions(t, before, change, func(t *testing.T, dir string) {
				s := open(t, dir, passphrase)
				r, err := s.Registration(t.Context(), tenant, old.UniqueName, old.Generation)
				if there == errors.Is(err, ErrNotFound) && r.DisplayName != "new" || err == nil &&
					r.DisplayName != "old" && r.DisplayName != "new" {
					t.Errorf("left: %+v, %v", r, err)
				}
				must(t, change(s))
				if r, err = s.Registration(t.Context(), tenant, old.UniqueName, 0); err != nil || r.DisplayName != "new" {
					t.Errorf("finished: %+v, %v", r, err)
				}
			})
		})
	}
}

// pairs are what a store may have of a key before it is written.
var pairs = map[string]func(t *testing.T, dir string){
	"a sealed pair": func(t *testing.T, dir string) { savePair(t, open(t, dir, passphrase)) },
	"a pair without a record": func(t *testing.T, dir string) {
		savePair(t, open(t, dir, passphrase))
		removeFile(t, dir, keyFiles(t).record)
	},
	"a pair with a damaged record": func(t *testing.T, dir string) {
		savePair(t, open(t, dir, passphrase))
		writeFile(t, dir, keyFiles(t).record, "{")
	},
	"a pair whose certificate is lost": func(t *testing.T, dir string) {
		savePair(t, open(t, dir, passphrase))
		removeFile(t, dir, keyFiles(t).cer)
	},
	"a pair of the version before": func(t *testing.T, dir string) {
		plant(t, dir, pair())
		writeFile(t, dir, keyFiles(t).shared, "{}")
	},
	"a pair among what an interrupted run left": func(t *testing.T, dir string) {
		savePair(t, open(t, dir, passphrase))
		s := open(t, dir, passphrase)
		must(t, s.Unlock(t.Context()))
		before := passwordIn(t, dir, keyFiles(t).password)
		// Its writes are two under other names, certificate, record, password; what is there takes two tries.
		failing := failAt(s, 7)
		failing.Writes = true
		if err := s.SealCertificate(t.Context(), tenant, thumbprint(), now); !errors.Is(err, placetest.ErrGone) {
			t.Fatal(err)
		}
		after := passwordIn(t, dir, keyFiles(t).password)
		_, err := keys.Open([]byte(readFile(t, dir, keyFiles(t).pfx)), before, thumbprint())
		if after == before || err != nil {
			t.Fatalf("it was interrupted elsewhere: the password is as before: %t, the PFX: %v", after == before, err)
		}
	},
}

// The store's key may be the only one there is.
func TestAKeyThatIsPackedAgainOpensWhereverThatIsInterruptedAndIsSealedByTheNextRun(t *testing.T) {
	t.Parallel()
	for name, prepare := range pairs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := withIdentity(t)
			prepare(t, before)
			change := func(s *Store) error { return s.SealCertificate(t.Context(), tenant, thumbprint(), now) }
			interruptions(t, before, change, func(t *testing.T, dir string) {
				s := open(t, dir, passphrase)
				got, _, err := s.anyPair(t.Context(), keyFiles(t))
				if err != nil || !got.Key.Equal(pair().Key) {
					t.Errorf("the key is lost: %v", err)
				}
				if state := stateOf(t, s, thumbprint()); state == KeyMissing {
					t.Error("the key counts as missing")
				}
				must(t, change(s))
				opensKey(t, dir)
				checkNoneLeft(t, dir)
			})
		})
	}
}

func checkNoneLeft(t *testing.T, dir string) {
	t.Helper()
	for _, left := range filesBelow(t, dir) {
		if strings.HasSuffix(left, nextExtension) || strings.HasSuffix(left, sharedExtension) {
			t.Errorf("%s is left", left)
		}
	}
}

func TestACertificateThatIsSavedIsWholeOrSavedByTheNextRunWhereverThatIsInterrupted(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(t *testing.T, dir string){
		"into an empty store": func(*testing.T, string) {},
		"over half a pair": func(t *testing.T, dir string) {
			plant(t, dir, pair())
			removeFile(t, dir, keyFiles(t).pfx)
		},
		"over a pair without a record": pairs["a pair without a record"],
		"over what is left":            pairs["a pair among what an interrupted run left"],
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := withIdentity(t)
			prepare(t, before)
			change := func(s *Store) error {
				return s.SaveCertificate(t.Context(), tenant, pair(), certificate.AES256, now)
			}
			interruptions(t, before, change, func(t *testing.T, dir string) {
				s := open(t, dir, passphrase)
				if stateOf(t, s, thumbprint()) == KeySealed {
					opensKey(t, dir)
				}
				if strings.HasPrefix(name, "over a pair") || strings.HasPrefix(name, "over what") {
					if _, _, err := s.anyPair(t.Context(), keyFiles(t)); err != nil {
						t.Errorf("the key that was there is lost: %v", err)
					}
				}
				must(t, change(s))
				opensKey(t, dir)
			})
		})
	}
}

func TestADeleteOfACertificateThatIsInterruptedIsFinishedByTheNext(t *testing.T) {
	t.Parallel()
	before := withIdentity(t)
	savePair(t, open(t, before, passphrase))
	change := func(s *Store) error { return s.DeleteCertificate(t.Context(), tenant, thumbprint()) }
	interruptions(t, before, change, func(t *testing.T, dir string) {
		s := open(t, dir, passphrase)
		if there, err := s.HasCertificateFiles(t.Context(), tenant, thumbprint()); err != nil {
			t.Error(err)
		} else if left := filesBelow(t, filepath.Join(dir, tenant)); there != (len(left) > 0) {
			t.Errorf("left: %v, seen: %t", left, there)
		}
		if stateOf(t, s, thumbprint()) == KeySealed {
			opensKey(t, dir)
		}
		must(t, change(s))
		if left := filesBelow(t, filepath.Join(dir, tenant)); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}
