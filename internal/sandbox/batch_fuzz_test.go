package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func FuzzABatchIsAnsweredPartByPartOrRefusedAsAWhole(f *testing.F) {
	for _, envelope := range []string{
		"", "{}", "null", "[]", `{"requests": null}`, `{"requests": [{}]}`,
		`{"requests": [{"id": "1", "method": "GET", "url": "/organization"}]}`,
		`{"requests": [{"id": "1", "method": "PATCH", "url": "/applications(uniqueName='x')", "headers": {"content-type": "application/json"}, "body": {"displayName": "x"}}]}`,
		`{"requests": [{"id": "1", "method": "get", "url": "users?$filter=a eq 'b'&$top=1"}, {"id": "2", "method": "GET", "url": "%zz", "dependsOn": ["1"]}]}`,
		`{"requests": [{"id": "1", "method": "GET", "url": "//host/x"}, {"id": "1 ", "method": "\u0000", "url": "/$batch"}]}`,
		`{"requests": [{"id": "1", "method": "DELETE", "url": "?"}, {"id": "2", "method": "GET", "url": "/users('')/mailboxSettings#x"}]}`,
	} {
		f.Add(envelope)
	}
	s := newUnheard(f)
	token := s.token(f, tenant.GraphAudience, "Application.Read.All", "Organization.Read.All", "User.Read.All",
		"Domain.Read.All")
	f.Fuzz(func(t *testing.T, envelope string) {
		answered := s.answer(t, http.MethodPost, "/v1.0/$batch", token, "application/json", envelope)
		if answered.Code == http.StatusBadRequest {
			return
		}
		var sent struct{ Requests []batchPart }
		var got struct{ Responses []batchAnswer }
		if answered.Code != http.StatusOK || json.Unmarshal([]byte(envelope), &sent) != nil ||
			json.Unmarshal(answered.Body.Bytes(), &got) != nil {
			t.Fatalf("HTTP %d: %s", answered.Code, answered.Body)
		}
		var asked, told []string
		for _, request := range sent.Requests {
			asked = append(asked, request.ID)
		}
		for _, response := range got.Responses {
			told = append(told, response.ID)
			if response.Status < 200 || response.Status >= 500 {
				t.Errorf("the part %q is answered HTTP %d: %s", response.ID, response.Status, response.Body)
			}
		}
		slices.Sort(asked)
		slices.Sort(told)
		if !slices.Equal(asked, told) {
			t.Errorf("asked %q, answered %q", asked, told)
		}
	})
}
