package sandbox

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// assertionMethods are the signatures that Entra accepts (Microsoft identity platform: certificate credentials).
var assertionMethods = []string{jwt.SigningMethodPS256.Alg(), jwt.SigningMethodRS256.Alg()}

// assertionSkew is how far the clocks of the client and of Entra may be apart.
const assertionSkew = 5 * time.Minute

// checkAssertion verifies the JWT by which an application proves that it has the private key of a certificate
// registered with it.
func (s *Server) checkAssertion(t *Tenant, app application, assertion string) *signInError {
	var claims jwt.RegisteredClaims
	unverified, _, err := jwt.NewParser().ParseUnverified(assertion, &claims)
	switch {
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return unsupportedAlgorithm.with(fmt.Sprint(unverified.Header["alg"]))
	case err != nil:
		return malformedAssertion.with()
	case !slices.Contains(assertionMethods, unverified.Method.Alg()):
		return unsupportedAlgorithm.with(unverified.Method.Alg())
	}
	key, found := signingKey(app, unverified.Header)
	if !found {
		return unknownKey.with(app.AppID)
	}
	if refusal := s.checkKeyInDate(app, key); refusal != nil {
		return refusal
	}
	public, isRSA := key.Certificate.PublicKey.(*rsa.PublicKey)
	if !isRSA {
		return unsupportedAlgorithm.with(key.Certificate.PublicKeyAlgorithm.String())
	}
	_, err = jwt.NewParser(jwt.WithValidMethods(assertionMethods), jwt.WithoutClaimsValidation()).
		Parse(assertion, func(*jwt.Token) (any, error) { return public, nil })
	if err != nil {
		return wrongSignature.with(app.AppID)
	}
	return s.checkAssertionClaims(t, app, claims)
}

// checkAssertionClaims judges the assertion's times by the clock that client and sandbox share, not by the one that
// the control plane moves: a client on this machine could not sign for a later day.
func (s *Server) checkAssertionClaims(t *Tenant, app application, claims jwt.RegisteredClaims) *signInError {
	if !strings.EqualFold(claims.Subject, app.AppID) || !strings.EqualFold(claims.Issuer, app.AppID) {
		return wrongAssertionClient.with()
	}
	if !slices.ContainsFunc(claims.Audience, func(audience string) bool { return s.isTokenAudience(t, audience) }) {
		return wrongAssertionAudience.with()
	}
	now := s.wallClock()
	if claims.ExpiresAt == nil {
		return malformedAssertion.with()
	}
	from := time.Time{}
	if claims.NotBefore != nil {
		from = claims.NotBefore.Time
	}
	if now.After(claims.ExpiresAt.Add(assertionSkew)) || now.Before(from.Add(-assertionSkew)) {
		const layout = "2006-01-02T15:04:05.0000000Z"
		return assertionOutOfTime.with(now.UTC().Format(layout), from.UTC().Format(layout), claims.ExpiresAt.UTC().Format(layout))
	}
	return nil
}

// isTokenAudience tells whether an assertion is meant for this tenant: its token endpoint, by the tenant's ID or a
// domain, or its issuer (Microsoft identity platform: certificate credentials).
func (s *Server) isTokenAudience(t *Tenant, audience string) bool {
	for _, name := range []string{t.ID, t.Domain, t.CustomDomain} {
		base := s.Origin() + "/" + name
		if strings.EqualFold(audience, base+"/oauth2/v2.0/token") || strings.EqualFold(audience, base+"/v2.0") {
			return true
		}
	}
	return false
}

// signingKey finds the key credential that an assertion's header names. MSAL writes the SHA-256 digest of the
// certificate as x5t#S256, in padded standard base64; other clients the SHA-1 digest as x5t or kid, mostly in base64url.
func signingKey(app application, header map[string]any) (keyCredential, bool) {
	for _, name := range []string{"x5t#S256", "x5t", "kid"} {
		text, _ := header[name].(string)
		digest, ok := decodeDigest(text)
		if !ok {
			continue
		}
		for _, key := range app.Keys {
			if key.Certificate == nil {
				continue
			}
			full, short := sha256.Sum256(key.Certificate.Raw), sha1.Sum(key.Certificate.Raw)
			if digest == string(full[:]) || digest == string(short[:]) {
				return key, true
			}
		}
	}
	return keyCredential{}, false
}

// decodeDigest reads base64 in either alphabet, padded or not.
func decodeDigest(text string) (digest string, ok bool) {
	text = strings.NewReplacer("+", "-", "/", "_").Replace(strings.TrimRight(text, "="))
	decoded, err := base64.RawURLEncoding.DecodeString(text)
	return string(decoded), err == nil && len(decoded) > 0
}

func (s *Server) checkKeyInDate(app application, key keyCredential) *signInError {
	const layout = "01/02/2006 15:04:05"
	thumbprint := fmt.Sprintf("%X", sha1.Sum(key.Certificate.Raw))
	start, end := key.Start.UTC().Format(layout), key.End.UTC().Format(layout)
	switch now := s.now(); {
	case !now.Before(key.End):
		return expiredKey.with(thumbprint, start, end, app.AppID)
	case now.Add(assertionSkew).Before(key.Start):
		return keyNotYetValid.with(thumbprint, start, end)
	default:
		return nil
	}
}
