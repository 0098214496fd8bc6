package signin

import (
	"encoding/base64"
	"strings"
	"testing"
)

func FuzzATokenShowsItsRolesOrAnErrorThatDoesNotShowIt(f *testing.F) {
	payload := func(claims string) string {
		return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2lnbmF0dXJl"
	}
	for _, token := range []string{
		"", ".", "..", "a.b", "a.b.c.d", payload(`{"roles":["Mail.Read"],"tid":"t"}`), payload(`{}`), payload(`null`), payload(`[]`), payload(`{"roles":"Mail.Read"}`),
		payload(`{"roles":[1]}`), payload("\xff"), "a." + base64.URLEncoding.EncodeToString([]byte(`{"roles":["x"]} `)) + ".c", "a.!!!.c",
	} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		roles, err := Roles(token)
		if err == nil {
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
