package store

import (
	"bytes"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

func FuzzAConnectionIDIsATenantAndAMailboxOrNone(f *testing.F) {
	for _, id := range []string{
		"", "/", tenant, tenant + "/migration@contoso.com", "/migration@contoso.com", tenant + "/@", tenant + "/a@b@c.d",
		tenant + "/a/b@c.d", tenant + "//a@b.c", tenant + "/a b@c.d", tenant + "/a@b.c\n", tenant + "/a@b.c/",
	} {
		f.Add(id, "migration@contoso.com")
	}
	f.Add("", "\u0130@contoso.com")
	f.Fuzz(func(t *testing.T, id, mailbox string) {
		if tenantID, address, ok := CutID(id); ok && (tenantID+"/"+address != id || CheckMailbox(address) != nil ||
			strings.Contains(address, "/")) {
			t.Errorf("%q is taken for %q and %q", id, tenantID, address)
		}
		own := Connection{TenantID: tenant, Mailbox: mailbox}.ID()
		if _, address, ok := CutID(own); CheckMailbox(mailbox) == nil && (!ok || address != strings.ToLower(mailbox)) {
			t.Errorf("the connection of %q has the ID of %q: %t", mailbox, address, ok)
		}
	})
}

func FuzzARecipientIsAPublicKeyAndNoErrorShowsASecretOne(f *testing.F) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	secret, public := identity.String(), identity.Recipient().String()
	for _, around := range []string{"", " ", "\n", "# public key: ", "\ufeff", "age1"} {
		f.Add(around, public)
		f.Add(around, "")
		f.Add("", around)
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		for _, key := range []string{secret, strings.ToLower(secret)} {
			err := sealing.CheckRecipient(before + key + after)
			if err == nil || strings.Contains(err.Error(), key) {
				t.Errorf("a secret key among %q and %q: %v", before, after, err)
			}
		}
		text := before + after
		if sealing.CheckRecipient(text) != nil {
			return
		}
		if recipient, err := sealing.ParseRecipient(text); err != nil || !strings.EqualFold(recipient.String(), text) {
			t.Errorf("%q is taken for the key %s (%v)", text, recipient, err)
		}
	})
}

// Its seeds are encrypted files whose key is thrown away: what is changed in them has to be noticed without it.
func FuzzASealedFileOpensAsItWasSealedOrNotAtAll(f *testing.F) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	const plain = "the secret"
	sealed, err := sealing.Encrypt([]byte(plain), identity.Recipient())
	if err != nil {
		f.Fatal(err)
	}
	for _, content := range [][]byte{sealed, sealed[:len(sealed)/2], append([]byte("\r\n"), sealed...), {},
		[]byte("age-encryption.org/v1\n-> X25519 AAAA\n"), []byte("-----BEGIN AGE ENCRYPTED FILE-----\n"),
		bytes.ReplaceAll(sealed, []byte("\n"), []byte("\r\n"))} {
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		opened, err := sealing.Decrypt(content, identity)
		if err == nil && string(opened) != plain {
			t.Errorf("%q opens as %q", content, opened)
		}
	})
}
