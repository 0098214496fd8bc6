package token

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// AssertionMethods are the signatures that Entra accepts (Microsoft identity platform: certificate credentials).
var AssertionMethods = []string{jwt.SigningMethodPS256.Alg(), jwt.SigningMethodRS256.Alg()}

// AssertionSkew is how far the clocks of the client and of Entra may be apart.
const AssertionSkew = 5 * time.Minute

// UsageSign is the usage of a key that signs tokens and cannot prove who the client is.
const UsageSign = "Sign"

// SigningKey finds the key credential that an assertion's header names. MSAL writes the SHA-256 digest of the
// certificate as x5t#S256, in padded standard base64; other clients the SHA-1 digest as x5t or kid, mostly in
// base64url.
func SigningKey(keys []tenant.KeyCredential, header map[string]any) (tenant.KeyCredential, bool) {
	for _, name := range []string{"x5t#S256", "x5t", "kid"} {
		text, _ := header[name].(string)
		digest, ok := decodeDigest(text)
		if !ok {
			continue
		}
		for _, key := range keys {
			if key.Certificate == nil || key.Usage == UsageSign {
				continue
			}
			full, short := sha256.Sum256(key.Certificate.Raw), sha1.Sum(key.Certificate.Raw)
			if digest == string(full[:]) || digest == string(short[:]) {
				return key, true
			}
		}
	}
	return tenant.KeyCredential{}, false
}

// decodeDigest reads base64 in either alphabet, padded or not.
func decodeDigest(text string) (digest string, ok bool) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	return string(decoded), err == nil && len(decoded) > 0
}

// What CheckKeyInDate finds.
var (
	ErrKeyExpired     = errors.New("the key is expired")
	errKeyNotYetValid = errors.New("the key is not valid yet")
)

// CheckKeyInDate reports whether a key may sign at a moment of the tenants' time.
func CheckKeyInDate(key tenant.KeyCredential, now time.Time) error {
	switch {
	case !now.Before(key.End):
		return ErrKeyExpired
	case now.Add(AssertionSkew).Before(key.Start):
		return errKeyNotYetValid
	default:
		return nil
	}
}
