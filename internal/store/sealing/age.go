package sealing

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// maxWorkFactor is the most that opening an identity may cost, as the exponent of two of scrypt's N: 256 MiB of memory,
// and a second. It is what age itself chooses (filippo.io/age, NewScryptRecipient), so that a store whose owner
// encrypted identity.age again with age -p opens. By default age accepts 22: 4 GiB.
const maxWorkFactor = 18

// Unlock opens the content of identity.age, text (armored) or binary, with the store's passphrase. The error is
// ErrPassphraseWrong, or says what is wrong with the content, which then is not the identity of a store: more than
// place.MaxSize bytes, not a file of age, not encrypted with a passphrase, with a work factor above 18, changed, or not
// one X25519 identity. It shows nothing of the content or the passphrase.
func Unlock(content []byte, passphrase string) (*Identity, error) {
	if len(content) > place.MaxSize {
		return nil, fmt.Errorf("it has %d bytes, and a key file at most %d", len(content), place.MaxSize)
	}
	key, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	key.SetMaxWorkFactor(maxWorkFactor)
	debug.FreeOSMemory() // 64 MiB more at once, on top of garbage, would be the most that a process ever takes
	text, err := Decrypt(content, boundedKey{key})
	debug.FreeOSMemory() // or they would count among what lives until the next collection
	if mismatch, ok := errors.AsType[*age.NoIdentityMatchError](err); ok && len(mismatch.StanzaTypes) == 1 &&
		mismatch.StanzaTypes[0] == "scrypt" {
		return nil, ErrPassphraseWrong
	}
	if err != nil {
		return nil, err
	}
	keys, err := age.ParseIdentities(bytes.NewReader(text))
	if err == nil && len(keys) == 1 {
		if key, ok := keys[0].(*age.X25519Identity); ok {
			identity, err := identityFrom(key)
			if err != nil {
				return nil, err
			}
			identity.readHistory(text)
			return identity, nil
		}
	}
	return nil, errors.New("it opens, but does not hold one X25519 identity") // err could quote the key
}

// boundedKey says what the limit is where age says only that a file is above it.
type boundedKey struct{ *age.ScryptIdentity }

// Unwrap implements age.Identity.
func (k boundedKey) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	for _, stanza := range stanzas {
		if stanza.Type != "scrypt" || len(stanza.Args) != 2 {
			continue
		}
		if factor, err := strconv.Atoi(stanza.Args[1]); err == nil && factor > maxWorkFactor {
			return nil, fmt.Errorf("its scrypt work factor is %d, and the limit is %d, which age -p writes", factor,
				maxWorkFactor)
		}
	}
	return k.ScryptIdentity.Unwrap(stanzas)
}

// Encrypt encrypts to all recipients, as text (armored) that the age command decrypts.
func Encrypt(plain []byte, recipients ...age.Recipient) ([]byte, error) {
	var b bytes.Buffer
	text := armor.NewWriter(&b)
	w, err := age.Encrypt(text, recipients...)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = errors.Join(w.Close(), text.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return b.Bytes(), nil
}

// Decrypt decrypts what age encrypted, be it text (armored) or binary. The error is age's, up to where it quotes the
// content, which anybody may have written.
func Decrypt(content []byte, identity age.Identity) ([]byte, error) {
	r, err := age.Decrypt(unarmored(content), identity)
	var plain []byte
	if err == nil {
		plain, err = io.ReadAll(r)
	}
	if err == nil {
		return plain, nil
	}
	if said, _, quotes := strings.Cut(err.Error(), `"`); quotes {
		err = errors.New(strings.TrimRight(said, ": "))
	}
	return nil, err
}

func unarmored(content []byte) io.Reader {
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte(armor.Header)) {
		return armor.NewReader(bytes.NewReader(content))
	}
	return bytes.NewReader(content)
}
