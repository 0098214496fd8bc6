package store

import (
	"bytes"
	"path"
	"regexp"
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

// windowsFolder is an absolute path below a drive or a share, and not a device's (Microsoft: "Naming Files, Paths, and
// Namespaces").
var windowsFolder = regexp.MustCompile(`^([A-Za-z]:/|//[^/.\\?:][^/\\?:]*/[^/\\])`)

func FuzzAStoresURLIsAnAbsolutePathOrRefused(f *testing.F) {
	for _, raw := range []string{
		"", "/srv/store", "file:///srv/store", "file://localhost/srv/a%20b", "FILE:///srv/%3F%23", "file:/srv", "file:srv",
		"file://host/srv", "file:///C:/store", "file:///c:", "file:///srv?x", "file:///srv#x", "file:///srv#", "file:///%00",
		"file://user@localhost/srv", "https://contoso.com/x", "file:///%zz", "file:///../a/./b", "file:///\xff", "file://",
		"file://C:/store", "file://c:", "file://server/share/store", "file://server/share", "file://./C:/x", "file://-/x",
		"file://%C3%BC/share", "file://server/..", "file://server/a%5Cb", "file:////server/share", "file://a:1/b",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, windows := range []bool{false, true} {
			folder, err := parseFileURL(raw, windows)
			if err != nil {
				continue
			}
			absolute := path.IsAbs(folder)
			if windows {
				absolute = windowsFolder.MatchString(folder)
			}
			if !absolute || strings.ContainsRune(folder, 0) {
				t.Errorf("%q names %q, which is not a folder's absolute path", raw, folder)
			}
			written := formatFileURL(folder, windows)
			if again, err := parseFileURL(written, windows); err != nil || again != folder {
				t.Errorf("%q names %q, and its own URL %q %q (%v)", raw, folder, written, again, err)
			}
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
			err := CheckRecipient(before + key + after)
			if err == nil || strings.Contains(err.Error(), key) {
				t.Errorf("a secret key among %q and %q: %v", before, after, err)
			}
		}
		text := before + after
		if CheckRecipient(text) != nil {
			return
		}
		if recipient, err := parseRecipient(text); err != nil || !strings.EqualFold(recipient.String(), text) {
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
		if err == nil && (string(opened) != plain || !sealing.IsEncrypted(content)) {
			t.Errorf("%q opens as %q", content, opened)
		}
	})
}
