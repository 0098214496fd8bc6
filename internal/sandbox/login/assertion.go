package login

import (
	"crypto/rsa"
	"crypto/sha1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// checkAssertion verifies the JWT by which an application proves that it has the private key of a certificate
// registered with it, or that another issuer that it trusts vouches for it.
func (a *API) checkAssertion(t *tenant.Tenant, app registeredApp, assertion string) *signInError {
	var claims jwt.RegisteredClaims
	unverified, _, err := jwt.NewParser().ParseUnverified(assertion, &claims)
	switch {
	case errors.Is(err, jwt.ErrTokenUnverifiable):
		return unsupportedAlgorithm.with(fmt.Sprint(unverified.Header["alg"]))
	case err != nil:
		return malformedAssertion.with()
	case !slices.Contains(token.AssertionMethods, unverified.Method.Alg()):
		return unsupportedAlgorithm.with(unverified.Method.Alg())
	case isFederated(claims):
		return a.checkFederated(app, assertion, claims)
	}
	key, found := token.SigningKey(app.keys, unverified.Header)
	if !found {
		return unknownKey.with(app.principal.AppID)
	}
	if refusal := a.checkKeyInDate(app, key); refusal != nil {
		return refusal
	}
	public, isRSA := key.Certificate.PublicKey.(*rsa.PublicKey)
	if !isRSA {
		return unsupportedAlgorithm.with(key.Certificate.PublicKeyAlgorithm.String())
	}
	_, err = jwt.NewParser(jwt.WithValidMethods(token.AssertionMethods), jwt.WithoutClaimsValidation()).
		Parse(assertion, func(*jwt.Token) (any, error) { return public, nil })
	if err != nil {
		return wrongSignature.with(app.principal.AppID)
	}
	return a.checkAssertionClaims(t, app, claims)
}

func (a *API) checkAssertionClaims(t *tenant.Tenant, app registeredApp, claims jwt.RegisteredClaims) *signInError {
	if !strings.EqualFold(claims.Subject, app.principal.AppID) || !strings.EqualFold(claims.Issuer, app.principal.AppID) {
		return wrongAssertionClient.with()
	}
	if !slices.ContainsFunc(claims.Audience, func(audience string) bool { return a.isTokenAudience(t, audience) }) {
		return wrongAssertionAudience.with()
	}
	return a.checkAssertionTime(claims)
}

// checkAssertionTime judges the assertion's times by the clock that client and sandbox share, not by the one that the
// control API moves: a client on this machine could not sign for a later day.
func (a *API) checkAssertionTime(claims jwt.RegisteredClaims) *signInError {
	now := a.world.WallClock()
	if claims.ExpiresAt == nil {
		return malformedAssertion.with()
	}
	from := time.Time{}
	if claims.NotBefore != nil {
		from = claims.NotBefore.Time
	}
	if now.After(claims.ExpiresAt.Add(token.AssertionSkew)) || now.Before(from.Add(-token.AssertionSkew)) {
		const layout = "2006-01-02T15:04:05.0000000Z"
		return assertionOutOfTime.with(now.UTC().Format(layout), from.UTC().Format(layout),
			claims.ExpiresAt.UTC().Format(layout))
	}
	return nil
}

// isTokenAudience reports whether an assertion is meant for this tenant: its token endpoint, by the tenant's ID or a
// domain, or its issuer (Microsoft identity platform: certificate credentials).
func (a *API) isTokenAudience(t *tenant.Tenant, audience string) bool {
	for _, name := range []string{t.ID, t.Domain, t.CustomDomain} {
		base := a.origin + "/" + name
		if strings.EqualFold(audience, base+"/oauth2/v2.0/token") || strings.EqualFold(audience, base+"/v2.0") {
			return true
		}
	}
	return false
}

func (a *API) checkKeyInDate(app registeredApp, key tenant.KeyCredential) *signInError {
	const layout = "01/02/2006 15:04:05"
	thumbprint := fmt.Sprintf("%X", sha1.Sum(key.Certificate.Raw))
	start, end := key.Start.UTC().Format(layout), key.End.UTC().Format(layout)
	switch err := token.CheckKeyInDate(key, a.world.Now()); {
	case errors.Is(err, token.ErrKeyExpired):
		return expiredKey.with(thumbprint, start, end, app.principal.AppID)
	case err != nil:
		return keyNotYetValid.with(thumbprint, start, end)
	default:
		return nil
	}
}
