package token

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// ClaimsExpression is what a flexible federated credential asks of the claims of another issuer's token: each of its
// conditions must hold (Microsoft Entra Workload ID: flexible federated identity credentials).
type ClaimsExpression []claimCondition

type claimCondition struct {
	claim     string
	wildcards bool // the operator is matches, and not eq
	comparand string
}

// conditionPattern is one condition: a claim's look-up, an operator and a comparand in quotes, with single spaces in
// between.
var conditionPattern = regexp.MustCompile(`^claims\['([^']+)'\] (eq|matches) '([^']+)'$`)

// conditionEnd is the boundary between two conditions: a quote, which ends the first one's comparand, comes before it.
const conditionEnd = "' and claims["

// ParseClaimsExpression reads the value of a claimsMatchingExpression of language version 1.
func ParseClaimsExpression(text string) (ClaimsExpression, error) {
	var expression ClaimsExpression
	for rest, more := text, true; more; {
		var first string
		if first, rest, more = strings.Cut(rest, conditionEnd); more {
			first, rest = first+"'", "claims["+rest
		}
		found := conditionPattern.FindStringSubmatch(first)
		if found == nil {
			return nil, fmt.Errorf("%q is not a condition such as claims['sub'] matches 'repo:contoso/*'", first)
		}
		expression = append(expression, claimCondition{found[1], found[2] == "matches", found[3]})
	}
	return expression, nil
}

// Holds reports whether the claims of a token match.
func (e ClaimsExpression) Holds(claims map[string]any) bool {
	return !slices.ContainsFunc(e, func(c claimCondition) bool {
		value, isText := claims[c.claim].(string)
		return !isText || !c.holds(value)
	})
}

// holds compares the claim's whole value, in which upper and lower case differ.
func (c claimCondition) holds(value string) bool {
	if !c.wildcards {
		return value == c.comparand
	}
	pattern := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(c.comparand))
	return regexp.MustCompile(`(?s)^` + pattern + `$`).MatchString(value)
}

// flexibleIssuers are the issuers whose tokens an expression can be about, with the claims that it can look up.
var flexibleIssuers = []struct {
	issuer *regexp.Regexp
	claims []string
}{
	{regexp.MustCompile(`^https://token\.actions\.githubusercontent\.com$`), []string{"sub", "job_workflow_ref"}},
	{regexp.MustCompile(`^https://gitlab\.([^./]+\.)?com$|^https://gitlab\.[^./]+\.ca$`), []string{"sub"}},
	{regexp.MustCompile(`^https://app\.(eu\.)?terraform\.io$`), []string{"sub"}},
}

// What CheckIssuer finds.
var (
	errNotFlexible = errors.New("the issuer is not one that expressions are supported for")
	errClaim       = errors.New("the claim is not one that expressions can look up in this issuer's tokens")
)

// CheckIssuer fails where an expression cannot be about the tokens of an issuer.
func (e ClaimsExpression) CheckIssuer(issuer string) error {
	for _, known := range flexibleIssuers {
		if !known.issuer.MatchString(issuer) {
			continue
		}
		for _, condition := range e {
			if !slices.Contains(known.claims, condition.claim) {
				return errClaim
			}
		}
		return nil
	}
	return errNotFlexible
}
