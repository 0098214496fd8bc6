package graph

import (
	"net/http"
	"testing"
)

func TestAMeaningSaysInWordsWhatARequestAsksFor(t *testing.T) {
	for path, want := range map[string]map[string]string{
		"applications":                                      {"GET": "read applications", "POST": "add application"},
		"applications/{application}":                        {"GET": "read application", "DELETE": "remove application"},
		"applications/{application}/addPassword":            {"POST": "add password of application"},
		"applications/{application}/owners/$ref":            {"POST": "add owner of application"},
		"servicePrincipals/{principal}/owners/{owner}/$ref": {"DELETE": "remove owner of service principal"},
		"servicePrincipals/{principal}/appRoleAssignedTo":   {"POST": "add grant of service principal"},
		"directory/deletedItems/{item}/restore":             {"POST": "restore of deleted item"},
		"directory/deletedItems/graph.application":          {"GET": "read deleted applications"},
		"policies/claimsMappingPolicies/{policy}":           {"PATCH": "change claims mapping policy"},
		"directoryObjects/getByIds":                         {"POST": "read objects"},
		"users/{user}/manager/$ref":                         {"PUT": "set manager of user"},
		"users/{user}/mailboxSettings":                      {"GET": "read mailbox settings of user"},
	} {
		for method, meaning := range want {
			request, err := http.NewRequestWithContext(t.Context(), method, "https://localhost/v1.0/", nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := (route{method: method, path: path}).meaning(request); got != meaning {
				t.Errorf("%s %s means %q, want %q", method, path, got, meaning)
			}
		}
	}
	upsert, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, "https://localhost/v1.0/", nil)
	if err != nil {
		t.Fatal(err)
	}
	upsert.Header.Set("Prefer", "create-if-missing")
	if got := (route{path: "applications/{application}"}).meaning(upsert); got != "create or change application" {
		t.Errorf("an upsert means %q", got)
	}
}
