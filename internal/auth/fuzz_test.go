package auth

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func FuzzATokenShowsItsRolesOrAnErrorThatDoesNotShowIt(f *testing.F) {
	payload := func(claims string) string {
		return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
	}
	for _, token := range []string{
		"", ".", "..", "a.b", "a.b.c.d", payload(`{"roles":["Mail.Read"],"tid":"t"}`), payload(`{}`), payload(`null`),
		payload(`[]`), payload(`{"roles":"Mail.Read"}`),
		payload(`{"roles":[1]}`), payload("\xff"), "a." + base64.URLEncoding.EncodeToString([]byte(`{"roles":["x"]} `)) +
			".c", "a.!!!.c",
	} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		roles, err := Roles(token)
		if err == nil {
			parts := strings.Split(token, ".")
			if len(parts) != 3 {
				t.Fatalf("%q is taken for a token", token)
			}
			var shown struct{ Roles []string }
			claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
			if err != nil || json.Unmarshal(claims, &shown) != nil || !slices.Equal(shown.Roles, roles) {
				t.Errorf("of the claims %q the roles are %q (%v)", claims, roles, err)
			}
			content, err := json.Marshal(map[string]any{"roles": roles})
			if again, failure := Roles(payload(string(content))); err != nil || failure != nil || !slices.Equal(again, roles) {
				t.Errorf("a token with the roles %q shows %q (%v, %v)", roles, again, err, failure)
			}
			return
		}
		if len(roles) > 0 && !strings.Contains(err.Error(), "claims") {
			t.Errorf("an error comes with the roles %q", roles)
		}
		for part := range strings.SplitSeq(token, ".") {
			if len(part) > 12 && strings.Contains(err.Error(), part) {
				t.Errorf("the error quotes the token: %v", err)
			}
		}
	})
}
