package login

import (
	"errors"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// isFederated reports whether an assertion is another issuer's token, and not one that the application signed itself.
func isFederated(claims jwt.RegisteredClaims) bool {
	return strings.HasPrefix(claims.Issuer, "https://")
}

// checkFederated verifies another issuer's token, which one of the application's federated credentials has to trust
// (Microsoft Entra Workload ID: workload identity federation). The order of the checks is unconfirmed.
func (a *API) checkFederated(app registeredApp, assertion string, registered jwt.RegisteredClaims) *signInError {
	var claims jwt.MapClaims
	if _, _, err := jwt.NewParser().ParseUnverified(assertion, &claims); err != nil {
		return malformedAssertion.with()
	}
	trusted := slices.DeleteFunc(slices.Clone(app.federated), func(f tenant.FederatedCredential) bool {
		return f.Issuer != registered.Issuer
	})
	if len(trusted) == 0 {
		return untrustedIssuer.with(registered.Issuer)
	}
	trusted = slices.DeleteFunc(trusted, func(f tenant.FederatedCredential) bool {
		return !slices.ContainsFunc(registered.Audience, func(audience string) bool {
			return slices.Contains(f.Audiences, audience)
		})
	})
	if len(trusted) == 0 {
		return untrustedAudience.with(strings.Join(registered.Audience, ", "))
	}
	if !slices.ContainsFunc(trusted, func(f tenant.FederatedCredential) bool { return trusts(f, claims) }) {
		if slices.ContainsFunc(trusted, func(f tenant.FederatedCredential) bool { return f.Expression != "" }) {
			return unmatchedExpression.with(registered.Subject)
		}
		return untrustedSubject.with(registered.Subject)
	}
	if refusal := a.checkIssuerSignature(assertion, registered.Issuer); refusal != nil {
		return refusal
	}
	return a.checkAssertionTime(registered)
}

// trusts reports whether a credential trusts a token of its issuer and audience: one of its subject, or one whose
// claims match its expression.
func trusts(f tenant.FederatedCredential, claims jwt.MapClaims) bool {
	if f.Expression == "" {
		return claims["sub"] == f.Subject
	}
	expression, err := token.ParseClaimsExpression(f.Expression) // it was read when it was set
	return err == nil && expression.Holds(claims)
}

// errUnknownIssuerKey is returned for a token whose key ID is not one of the issuer's.
var errUnknownIssuerKey = errors.New("the issuer has no such key")

func (a *API) checkIssuerSignature(assertion, issuer string) *signInError {
	keys, known := a.world.Issuers.Keys(issuer)
	if !known {
		return unreachableIssuer.with(issuer)
	}
	_, err := jwt.NewParser(jwt.WithValidMethods(token.AssertionMethods), jwt.WithoutClaimsValidation()).
		Parse(assertion, func(t *jwt.Token) (any, error) {
			id, _ := t.Header["kid"].(string)
			if key, has := keys[id]; has {
				return key, nil
			}
			return nil, errUnknownIssuerKey
		})
	if err != nil {
		return wrongIssuerSignature.with()
	}
	return nil
}
