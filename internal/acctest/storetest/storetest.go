// Package storetest creates connection stores for tests, with a passphrase that is cheap to derive. A real store's
// takes about a fifth of a second, and age records that cost in the file, so the code under test cannot tell the
// difference.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// workFactor is scrypt's, as the exponent of two; age's own choice is 18.
const workFactor = 4

// Make puts a new identity under the passphrase into the folder, which it creates.
func Make(t testing.TB, folder, passphrase string) {
	t.Helper()
	identity, err := age.GenerateX25519Identity()
	must(t, err)
	key, err := age.NewScryptRecipient(passphrase)
	must(t, err)
	key.SetWorkFactor(workFactor)
	var sealed bytes.Buffer
	text := armor.NewWriter(&sealed)
	plain, err := age.Encrypt(text, key)
	must(t, err)
	_, err = fmt.Fprintln(plain, identity)
	must(t, errors.Join(err, plain.Close(), text.Close()))
	must(t, os.MkdirAll(folder, 0o700))
	must(t, os.WriteFile(filepath.Join(folder, "identity.age"), sealed.Bytes(), 0o600))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
