package token

import "testing"

func TestAnExpressionMatchesTheWholeClaim(t *testing.T) {
	claims := map[string]any{"sub": "repo:contoso/app:ref:refs/heads/main", "job_workflow_ref": "contoso/ci/x.yml",
		"run": 7.0}
	for text, want := range map[string]bool{
		"claims['sub'] eq 'repo:contoso/app:ref:refs/heads/main'":                             true,
		"claims['sub'] eq 'repo:contoso/app:ref:refs/heads/MAIN'":                             false,
		"claims['sub'] eq 'repo:contoso/*'":                                                   false,
		"claims['sub'] matches 'repo:contoso/*'":                                              true,
		"claims['sub'] matches 'contoso/*'":                                                   false,
		"claims['sub'] matches 'repo:contoso/*:ref'":                                          false,
		"claims['sub'] matches 'repo:contoso/a??:ref:refs/heads/????'":                        true,
		"claims['sub'] matches 'repo:contoso/a?:ref:refs/heads/????'":                         false,
		"claims['sub'] matches 'repo:contoso.app*'":                                           false,
		"claims['sub'] matches 'repo:*' and claims['job_workflow_ref'] eq 'contoso/ci/x.yml'": true,
		"claims['sub'] matches 'repo:*' and claims['job_workflow_ref'] eq 'contoso/ci/y.yml'": false,
		"claims['sub'] matches 'repo:* and *' and claims['job_workflow_ref'] matches '*'":     false,
		"claims['environment'] matches '*'":                                                   false,
		"claims['run'] matches '*'":                                                           false,
	} {
		expression, err := ParseClaimsExpression(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := expression.Holds(claims); got != want {
			t.Errorf("%s: holds: %t", text, got)
		}
	}
}

func TestWhatIsNotAnExpressionIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "true", "sub eq 'x'", "claims[sub] eq 'x'", "claims['sub'] eq x", "claims['sub'] eq ''", "claims['sub']  eq 'x'",
		"claims['sub'] like 'x'", "claims['sub'] EQ 'x'", "claims['sub'] eq 'x' or claims['sub'] eq 'y'",
		"claims['sub'] eq 'x' and ", "claims['sub'] eq 'x' and claims['sub']", "claims['sub'] eq 'x'y'", "claims[''] eq 'x'",
	} {
		if _, err := ParseClaimsExpression(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestAnExpressionIsAboutCertainIssuersAndTheirClaims(t *testing.T) {
	const github = "https://token.actions.githubusercontent.com"
	for _, test := range []struct {
		issuer, claim string
		want          bool
	}{
		{github, "sub", true},
		{github, "job_workflow_ref", true},
		{github, "environment", false},
		{github + "/", "sub", false},
		{"https://gitlab.com", "sub", true},
		{"https://gitlab.com", "job_workflow_ref", false},
		{"https://gitlab.contoso.com", "sub", true},
		{"https://gitlab.contoso.ca", "sub", true},
		{"https://gitlab.contoso.example.com", "sub", false},
		{"https://gitlab.ca", "sub", false},
		{"https://app.terraform.io", "sub", true},
		{"https://app.eu.terraform.io", "sub", true},
		{"https://app.us.terraform.io", "sub", false},
		{"https://example.com", "sub", false},
	} {
		expression, err := ParseClaimsExpression("claims['" + test.claim + "'] eq 'x'")
		if err != nil {
			t.Fatal(err)
		}
		if err := expression.CheckIssuer(test.issuer); (err == nil) != test.want {
			t.Errorf("%s of %s: %v", test.claim, test.issuer, err)
		}
	}
}
