package store

import (
	"crypto/sha256"
	"fmt"
	"net/mail"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
)

// The store's files:
//
//	identity.age                                          the store's identity (age), encrypted under the passphrase
//	identity-next.age                                     the one that a renewal is putting in its place
//	<tenant_id>/registrations/<unique_name>.json          journal of an app registration, sealed
//	<tenant_id>/certificates/<THUMBPRINT>.json            record of a certificate whose key is here, sealed
//	<tenant_id>/certificates/<THUMBPRINT>.cer             the certificate (PEM)
//	<tenant_id>/certificates/<THUMBPRINT>.pfx             certificate and key, under a password of their own
//	<tenant_id>/certificates/<THUMBPRINT>.password.age    that password, encrypted to the store
//	<tenant_id>/certificates/<THUMBPRINT>.*.next          a pair that is about to replace the one before
//	<tenant_id>/connections/<mailbox>.json                a connection's record, sealed, without a secret
//	<tenant_id>/connections/<mailbox>.secret.age          its client secret, encrypted to the store and its recipients
//	<tenant_id>/connections/<mailbox>.pfx-password.age    the password of its PFX, encrypted likewise
//	<tenant_id>/handoff/<mailbox>.html .ps1               what the person at the migration server needs
const (
	identityFile     = "identity.age"
	identityNextFile = "identity-next.age"
	recipientFile    = "recipient.txt" // which versions before the seals wrote

	registrationFolder = "registrations"
	certificateFolder  = "certificates"
	connectionFolder   = "connections"
	handoffFolder      = "handoff"

	recordExtension      = ".json"
	secretExtension      = ".secret.age"
	pfxPasswordExtension = ".pfx-password.age"
	cerExtension         = ".cer"
	pfxExtension         = ".pfx"
	passwordExtension    = ".password.age"
	nextExtension        = ".next"
	sharedExtension      = ".shared.json" // which versions before the seals wrote
)

// isHandoff reports whether a file holds no secret, and is for those who may read the store's folder.
func isHandoff(name string) bool { return path.Base(path.Dir(name)) == handoffFolder }

func connectionFile(tenantID, mailbox, extension string) (string, error) {
	return mailboxFile(connectionFolder, tenantID, mailbox, extension)
}

func mailboxFile(folder, tenantID, mailbox, extension string) (string, error) {
	tenant, err := canonicalTenant(tenantID)
	if err != nil {
		return "", err
	}
	if err := CheckMailbox(mailbox); err != nil {
		return "", err
	}
	return path.Join(tenant, folder, fileName(strings.ToLower(mailbox))+extension), nil
}

func certificateFile(tenantID, thumbprint, extension string) (string, error) {
	tenant, err := canonicalTenant(tenantID)
	if err != nil {
		return "", err
	}
	thumbprint, err = certificate.NormalizeThumbprint(thumbprint)
	if err != nil {
		return "", err
	}
	return path.Join(tenant, certificateFolder, thumbprint+extension), nil
}

func registrationFile(tenantID, uniqueName string) (string, error) {
	tenant, err := canonicalTenant(tenantID)
	if err != nil {
		return "", err
	}
	if uniqueName == "" {
		return "", fmt.Errorf("an app registration in tenant %s has no unique name", tenant)
	}
	return path.Join(tenant, registrationFolder, fileName(uniqueName)+recordExtension), nil
}

// canonicalTenant returns a tenant ID as the store's folders are named: a lower-case GUID with hyphens.
func canonicalTenant(tenantID string) (string, error) {
	if !guid.Valid(tenantID) {
		return "", fmt.Errorf("%q is not a tenant ID: a GUID is needed, such as 00000000-0000-0000-0000-000000000000",
			tenantID)
	}
	return strings.ToLower(tenantID), nil
}

// longestMailbox is in bytes (RFC 5321, 4.5.3.1.3: a path is at most 256 octets with its brackets).
const longestMailbox = 254

// CheckMailbox says what keeps a text from being a mailbox's address: a bare one, at a domain's full name, without
// characters that cannot be seen or told apart. It knows the form only, not whether the mailbox exists.
func CheckMailbox(mailbox string) error {
	refuse := func(format string, arguments ...any) error {
		return fmt.Errorf("%q is not a mailbox's e-mail address: "+format, append([]any{mailbox}, arguments...)...)
	}
	for _, r := range mailbox {
		if unicode.IsSpace(r) || !unicode.IsGraphic(r) || r == utf8.RuneError {
			return refuse("it holds a space or an invisible character (%U), as copying brings along; type it again", r)
		}
		// U+212A and U+0130 turn into k and i
		if lower := unicode.ToLower(r); r > unicode.MaxASCII && lower <= unicode.MaxASCII {
			return refuse("it holds a character (%U) that looks like the letter %c; type it again", r, lower)
		}
	}
	if len(mailbox) > longestMailbox {
		return refuse("it is longer than %d characters", longestMailbox)
	}
	_, domain, _ := strings.Cut(mailbox, "@")
	// No IP address in brackets either, which RFC 5321 allows and Exchange Online has no domain for.
	if strings.ContainsFunc(domain, notOfDomain) {
		return refuse("%q is not a domain's name", domain)
	}
	address, err := mail.ParseAddress(mailbox)
	if err != nil || address.Address != mailbox || strings.ContainsAny(mailbox, `"/\`) {
		return refuse("it is not a bare address")
	}
	if !strings.Contains(domain, ".") {
		return refuse("its domain %q has no dot", domain)
	}
	return nil
}

func notOfDomain(r rune) bool {
	return r != '.' && r != '-' && !unicode.In(r, unicode.L, unicode.M, unicode.N)
}

// longestFileName leaves space for the extensions below the 255 bytes that file systems allow.
const longestFileName = 200

// fileName turns any name into one that every file system takes, and no two names into the same: what is not
// a-z 0-9 . _ + @ - is percent-encoded byte by byte, and so is the first letter of a Windows device name.
func fileName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z' && (i > 0 || !isDeviceName(name)),
			'0' <= c && c <= '9',
			strings.IndexByte("._+@-", c) >= 0 && (i > 0 || c != '.'):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	if b.Len() <= longestFileName {
		return b.String()
	}
	// A tilde is percent-encoded above, so that no other name can look like this one.
	return fmt.Sprintf("%.120s~%x", b.String(), sha256.Sum256([]byte(name)))
}

// isDeviceName reports whether Windows takes a file of that name, with whatever extension, for a device
// (Microsoft: "Naming Files, Paths, and Namespaces").
func isDeviceName(name string) bool {
	base, _, _ := strings.Cut(strings.ToLower(name), ".")
	switch base {
	case "con", "prn", "aux", "nul", "conin$", "conout$":
		return true
	}
	digit, isPort := strings.CutPrefix(base, "com")
	if !isPort {
		digit, isPort = strings.CutPrefix(base, "lpt")
	}
	return isPort && slices.Contains([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "¹", "²", "³"}, digit)
}
