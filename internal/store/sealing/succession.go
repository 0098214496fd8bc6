package sealing

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"filippo.io/age"
)

// An identity that replaces another one proves that it does. Those who remember the public key of the one before, as
// Terraform's states do, then accept it. The proof is the secret key of the one before, in a comment of the encrypted
// text of identity.age, which age and age-keygen ignore; the public key alone would prove nothing:
//
//   - Who knows neither passphrase can make no identity.age that opens, be it with the old passphrase or the new one.
//   - Who got hold of the old passphrase and the old identity can make an identity.age that opens with the old
//     passphrase, and write into it what they like. A run that still has the old passphrase opens it. That it
//     "replaces" the new identity must not be believed where the state has seen the new identity already, or a leak of
//     the old one would lead back to it: so a claim counts only with the secret key of what is replaced, which they do
//     not have.
//   - A run with the new passphrase opens only what somebody wrote who knows it: an operator. The old secret key in
//     there then shows which store it was before, and that this is not the identity of another store under the same
//     passphrase, put here by somebody who may write to both places.
//   - A run that still has the old passphrase, with a state that names the old identity, can be given a successor by
//     those who have both. That is no more than they could do to it with the old identity itself.
//
// The price is that the new identity's file opens what the old ones could open: backups of the store from before.

const (
	createdComment  = "# created: " // as age-keygen writes it: RFC 3339
	replacesComment = "# replaces: "
)

// Successor makes the identity that replaces this one, and all that this one has replaced.
func (i *Identity) Successor(now time.Time) (*Identity, error) {
	next, err := NewIdentity()
	if err != nil {
		return nil, err
	}
	next.created = now.UTC().Truncate(time.Second)
	next.replaced = append([]*age.X25519Identity{i.key}, i.replaced...)
	return next, nil
}

// Succeeds reports whether the identity is the one of that public key, or has replaced it.
func (i *Identity) Succeeds(recipient string) bool {
	return recipient == i.Recipient() || i.Replaces(recipient)
}

// Replaces reports whether the identity has replaced the one of that public key.
func (i *Identity) Replaces(recipient string) bool {
	for _, key := range i.replaced {
		if key.Recipient().String() == recipient {
			return true
		}
	}
	return false
}

// IsSuccessor reports whether the identity has replaced any other.
func (i *Identity) IsSuccessor() bool { return len(i.replaced) > 0 }

// Created is when a successor was made; zero for an identity whose file does not say.
func (i *Identity) Created() time.Time { return i.created }

// text is what identity.age holds, encrypted.
func (i *Identity) text() []byte {
	var b bytes.Buffer
	if !i.created.IsZero() {
		fmt.Fprintf(&b, "%s%s\n", createdComment, i.created.Format(time.RFC3339))
	}
	fmt.Fprintf(&b, "# public key: %s\n%s\n", i.Recipient(), i.key)
	for _, key := range i.replaced {
		fmt.Fprintf(&b, "%s%s\n", replacesComment, key)
	}
	return b.Bytes()
}

// readHistory reads the comments of an identity's text. What cannot be read says nothing.
func (i *Identity) readHistory(text []byte) {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if value, ok := strings.CutPrefix(line, createdComment); ok {
			if created, err := time.Parse(time.RFC3339, value); err == nil {
				i.created = created
			}
		}
		if value, ok := strings.CutPrefix(line, replacesComment); ok {
			if key, err := age.ParseX25519Identity(value); err == nil {
				i.replaced = append(i.replaced, key)
			}
		}
	}
}
