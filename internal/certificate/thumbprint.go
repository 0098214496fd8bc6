package certificate

import (
	"crypto/sha1" //nolint:gosec // a thumbprint is an identifier, fixed to SHA-1 by Windows and Entra
	"crypto/x509"
	"fmt"
	"strings"
	"unicode"
)

// thumbprintLength is the length of a SHA-1 digest in hexadecimal digits.
const thumbprintLength = 2 * sha1.Size

// Thumbprint returns the SHA-1 digest of the certificate's DER form: 40 upper-case hexadecimal digits, as Windows shows
// it.
func Thumbprint(c *x509.Certificate) string {
	return fmt.Sprintf("%X", sha1.Sum(c.Raw)) //nolint:gosec // see the import
}

// NormalizeThumbprint converts a thumbprint, as copied from Windows, the Entra portal or openssl, to 40 upper-case
// hexadecimal digits. It ignores case, white space, colons, hyphens and invisible marks: text copied from the Windows
// certificate dialog begins with a left-to-right mark (U+200E).
func NormalizeThumbprint(s string) (string, error) {
	digits := strings.Map(func(r rune) rune {
		if r == ':' || r == '-' || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, s)
	if wrong := strings.Trim(digits, "0123456789ABCDEF"); wrong != "" {
		return "", fmt.Errorf("%q is not a thumbprint: it holds more than hexadecimal digits", s)
	}
	switch len(digits) {
	case thumbprintLength:
		return digits, nil
	case 64:
		return "", fmt.Errorf("%q looks like a SHA-256 fingerprint; CodeTwo asks for the SHA-1 thumbprint (%d "+
			"hexadecimal digits)",
			s, thumbprintLength)
	default:
		return "", fmt.Errorf("%q is not a thumbprint: it has %d hexadecimal digits instead of %d", s, len(digits),
			thumbprintLength)
	}
}
