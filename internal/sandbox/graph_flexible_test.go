package sandbox

import (
	"net/http"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

const gitHub = "https://token.actions.githubusercontent.com"

// ofBranches matches what a repository's workflows run on any branch.
const ofBranches = "claims['sub'] matches 'repo:contoso/app:ref:refs/heads/*'"

func flexible(name, expression string) object {
	return object{"name": name, "issuer": gitHub, "audiences": []string{"api://AzureADTokenExchange"},
		"claimsMatchingExpression": object{"value": expression, "languageVersion": 1}}
}

func TestAFlexibleCredentialIsCreatedChangedAndDeletedInTheBetaVersion(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{})["id"].(string) + "/federatedIdentityCredentials"
	made := g.in(beta).want(http.StatusCreated, "POST", path, flexible("branches", ofBranches))
	one := path + "/" + made["id"].(string)
	expression := made["claimsMatchingExpression"].(object)
	if made["subject"] != nil || expression["value"] != ofBranches || expression["languageVersion"] != 1.0 {
		t.Errorf("the credential is %v", made)
	}
	changed := flexible("branches", "claims['sub'] eq 'repo:contoso/app:pull_request'")
	changed["id"], changed["description"] = made["id"], "pull requests"
	g.in(beta).want(http.StatusNoContent, "PATCH", one, changed)
	found := g.in(beta).want(http.StatusOK, "GET", one, nil)
	if found["claimsMatchingExpression"].(object)["value"] != "claims['sub'] eq 'repo:contoso/app:pull_request'" ||
		found["description"] != "pull requests" {
		t.Errorf("after the change the credential is %v", found)
	}
	if list := g.in(beta).want(http.StatusOK, "GET", path, nil)["value"].([]any); len(list) != 1 ||
		list[0].(object)["claimsMatchingExpression"] == nil {
		t.Errorf("the list is %v", list)
	}
	stable := g.want(http.StatusOK, "GET", one, nil)
	if _, shown := stable["claimsMatchingExpression"]; shown || stable["subject"] != nil {
		t.Errorf("v1.0 shows %v", stable)
	}
	// An exact subject takes the expression's place when that is taken away.
	g.in(beta).want(http.StatusNoContent, "PATCH", one, object{"subject": "repo:contoso/app:ref:refs/heads/main",
		"claimsMatchingExpression": nil})
	if found := g.in(beta).want(http.StatusOK, "GET", one, nil); found["claimsMatchingExpression"] != nil ||
		found["subject"] != "repo:contoso/app:ref:refs/heads/main" {
		t.Errorf("with a subject the credential is %v", found)
	}
	g.in(beta).want(http.StatusNoContent, "DELETE", one, nil)
	g.in(beta).want(http.StatusNotFound, "GET", one, nil)
}

func TestAFlexibleCredentialThatCannotBeIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{})["id"].(string) + "/federatedIdentityCredentials"
	good := flexible("good", ofBranches)
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path, good) // v1.0 does not know the property
	made := g.in(beta).want(http.StatusCreated, "POST", path, good)
	for sentence, test := range map[string]struct {
		property string
		value    any
	}{
		"with a subject as well":        {"subject", "repo:contoso/app:ref:refs/heads/main"},
		"with neither":                  {"claimsMatchingExpression", nil},
		"of another language version":   {"claimsMatchingExpression", object{"value": ofBranches, "languageVersion": 2}},
		"of no language version":        {"claimsMatchingExpression", object{"value": ofBranches}},
		"without a value":               {"claimsMatchingExpression", object{"languageVersion": 1}},
		"as a text":                     {"claimsMatchingExpression", ofBranches},
		"that is not an expression":     {"claimsMatchingExpression", object{"value": "sub eq 'x'", "languageVersion": 1}},
		"with an operator that is none": {"claimsMatchingExpression", object{"value": "claims['sub'] ne 'x'", "languageVersion": 1}},
		"about a claim that GitHub has and the language has not": {"claimsMatchingExpression", object{"value": "claims['environment'] eq 'x'", "languageVersion": 1}},
		"about another issuer": {"issuer", "https://example.com"},
		"of two audiences":     {"audiences", []string{"a", "b"}},
	} {
		body := flexible("other", ofBranches)
		body[test.property] = test.value
		got := g.in(beta).want(http.StatusBadRequest, "POST", path, body)
		if got["error"].(object)["code"] != "Request_BadRequest" {
			t.Errorf("%s: %v", sentence, got)
		}
	}
	message := g.in(beta).want(http.StatusBadRequest, "PATCH", path+"/"+made["id"].(string),
		object{"subject": "x"})["error"].(object)["message"].(string)
	if !strings.Contains(message, "exclude each other") {
		t.Errorf("a subject is refused with %q", message)
	}
}
