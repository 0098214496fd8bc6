// Package sealing proves who wrote a store's records, and encrypts its secrets. Both rest on the store's identity: an
// age key (X25519, age-encryption.org/v1) that is kept encrypted under the store's passphrase.
package sealing

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"filippo.io/age"
)

// Identity is a store's identity, opened.
type Identity struct {
	key *age.X25519Identity
	mac []byte // key of the seals

	created  time.Time             // zero where its file does not say
	replaced []*age.X25519Identity // the identities that the store had before, the last one first
}

// NewIdentity makes an identity.
func NewIdentity() (*Identity, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	return identityFrom(key)
}

// macLabel keeps the key of the seals apart from any other use of the identity.
const macLabel = "terraform-provider-codetwo connection store: seals of records, 1"

func identityFrom(key *age.X25519Identity) (*Identity, error) {
	// age does not show the bytes of its key; its text is public API, and holds as much.
	mac, err := hkdf.Key(sha256.New, []byte(key.String()), nil, macLabel, sha256.Size)
	if err != nil {
		return nil, err
	}
	return &Identity{key: key, mac: mac}, nil
}

// Recipient is the identity's public half, as age writes it: "age1…".
func (i *Identity) Recipient() string { return i.key.Recipient().String() }

// WorkFactor is what opening an identity costs, as the exponent of two of scrypt's N: 64 MiB of memory, and a fifth of
// a second. Every run pays it in the provider's own process.
const WorkFactor = 16

// Lock encrypts the identity under a passphrase, as text that the age command opens.
func (i *Identity) Lock(passphrase string) ([]byte, error) {
	key, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	key.SetWorkFactor(WorkFactor)
	return Encrypt(i.text(), key)
}

// Encrypt encrypts to the identity and to further recipients (age public keys), as text that the age command decrypts.
func (i *Identity) Encrypt(plain []byte, further []string) ([]byte, error) {
	recipients := []age.Recipient{i.key.Recipient()}
	for _, text := range further {
		recipient, err := ParseRecipient(text)
		if err != nil {
			return nil, err
		}
		recipients = append(recipients, recipient)
	}
	return Encrypt(plain, recipients...)
}

// ErrNotToUs says that a file is encrypted, but not to this identity.
var ErrNotToUs = errors.New("it is encrypted, but not to this store")

// Decrypt opens what is encrypted to the identity, be it text (armored) or binary.
func (i *Identity) Decrypt(content []byte) ([]byte, error) {
	plain, err := Decrypt(content, i.key)
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return nil, ErrNotToUs
	}
	return plain, err
}

// CheckRecipient says what keeps a text from being an age public key (X25519) that secrets can be encrypted to. The
// error never shows a secret key.
func CheckRecipient(recipient string) error {
	_, err := ParseRecipient(recipient)
	return err
}

// ParseRecipient reads an age public key (X25519). The error is CheckRecipient's.
func ParseRecipient(text string) (*age.X25519Recipient, error) {
	if strings.Contains(strings.ToUpper(text), "AGE-SECRET-KEY-") { // a whole key file begins with comments
		return nil, errors.New("this is a secret key of age; give the public one, which age-keygen prints as age1…, and " +
			"make a new pair: this one has been shown where it does not belong")
	}
	recipient, err := age.ParseX25519Recipient(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not an age public key (X25519); age-keygen prints one that begins with age1", text)
	}
	return recipient, nil
}
