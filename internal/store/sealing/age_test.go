package sealing

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

const passphrase = "correct horse battery staple"

// locked encrypts a text with the passphrase.
func locked(t *testing.T, plain string, workFactor int) []byte {
	t.Helper()
	key, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	key.SetWorkFactor(workFactor)
	content, err := Encrypt([]byte(plain), key)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func newIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func TestAnIdentityOpensWithItsPassphraseOnly(t *testing.T) {
	t.Parallel()
	identity := newIdentity(t)
	content := locked(t, "# a comment\n"+identity.String()+"\n", 4)
	if got, err := Unlock(content, passphrase); err != nil || got.key.String() != identity.String() {
		t.Errorf("with the passphrase: %v", err)
	}
	if got, err := Unlock(content, "another passphrase"); !errors.Is(err, ErrPassphraseWrong) || got != nil {
		t.Errorf("with another: %v", err)
	}
}

func TestAnIdentityEncryptedWithAgesOwnWorkFactorOpens(t *testing.T) {
	t.Parallel()
	identity := newIdentity(t)
	if got, err := Unlock(locked(t, identity.String(), 18), passphrase); err != nil ||
		got.key.String() != identity.String() {
		t.Errorf("%v", err)
	}
}

// withWorkFactor is a file of age that names a work factor, and opens with no passphrase.
func withWorkFactor(factor string) []byte {
	return []byte("age-encryption.org/v1\n-> scrypt bBjlhJVYZeE4aqUdmtRHfw " + factor + "\n" +
		strings.Repeat("A", 43) + "\n--- " + strings.Repeat("A", 43) + "\n")
}

func TestAWorkFactorAboveAgesOwnIsRefusedWithNumberAndLimitWithoutTheWork(t *testing.T) {
	t.Parallel()
	for _, factor := range []string{"19", "22", "30", "63"} {
		_, err := Unlock(withWorkFactor(factor), passphrase)
		if err == nil || errors.Is(err, ErrPassphraseWrong) || !strings.Contains(err.Error(), "is "+factor) ||
			!strings.Contains(err.Error(), "limit is 18") {
			t.Errorf("%s: the error is %v", factor, err)
		}
	}
	_, err := Unlock(withWorkFactor("99999999999999999999"), passphrase)
	if err == nil || errors.Is(err, ErrPassphraseWrong) {
		t.Errorf("a number that is none: %v", err)
	}
}

func TestWhatIsNotAnIdentityIsRefusedWithoutShowingIt(t *testing.T) {
	t.Parallel()
	one, two := newIdentity(t), newIdentity(t)
	toAKey, err := Encrypt([]byte(one.String()), two.Recipient())
	if err != nil {
		t.Fatal(err)
	}
	whole := locked(t, one.String(), 4)
	for name, content := range map[string][]byte{
		"nothing":                 nil,
		"a text":                  []byte("hello"),
		"a plain identity":        []byte(one.String()),
		"encrypted to a key":      toAKey,
		"cut":                     whole[:len(whole)/2],
		"two identities":          locked(t, one.String()+"\n"+two.String()+"\n", 4),
		"another text":            locked(t, "hello "+one.String(), 4),
		"more than a key file is": append(bytes.Clone(whole), make([]byte, place.MaxSize)...),
	} {
		got, err := Unlock(content, passphrase)
		if err == nil || got != nil || errors.Is(err, ErrPassphraseWrong) ||
			strings.Contains(err.Error(), one.String()) || strings.Contains(err.Error(), passphrase) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzAnyContentIsAnIdentityOrRefused(f *testing.F) {
	f.Add([]byte("hello"))
	f.Add(withWorkFactor("4"))
	f.Add(withWorkFactor("0"))
	f.Fuzz(func(t *testing.T, content []byte) {
		// A work factor that is accepted may cost a second: the search keeps to those that cost next to nothing.
		content = factors.ReplaceAll(content, []byte("-> scrypt ${1} 4"))
		if got, err := Unlock(content, passphrase); (err == nil) != (got != nil) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

var factors = regexp.MustCompile(`-> scrypt (\S+) 1\d`)
