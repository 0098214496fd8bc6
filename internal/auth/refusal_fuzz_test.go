package auth

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func FuzzAnyBodyOfARefusedSignInIsAnErrorWithoutTheSecret(f *testing.F) {
	const secret = "8Q~the secret that was sent"
	for _, body := range []string{
		"", "{}", "null", "[]", "<html>", `{"error":"invalid_client"}`, `{"error_codes":[]}`, `{"error_codes":["7000215"]}`,
		`{"error_codes":[7000215.5]}`,
		`{"error_codes":[7000215,90002],"error_description":"AADSTS7000215: Invalid client secret provided. Trace ID: t ` +
			`Correlation ID: c","trace_id":"t","correlation_id":"c"}`,
		`{"error_codes":[-1],"error_description":"` + secret + `","trace_id":"` + secret + `","correlation_id":"` + secret +
			`"}`,
		`{"error_description":"Trace ID:"}`, `{"error_codes":[700016],"error_description":"` + "\xff\x00" + `"}`,
		`{"error_description":null,"correlation_id":7}`,
	} {
		f.Add(401, []byte(body))
	}
	f.Add(302, []byte("<html>"))
	censor := func(text string) string { return strings.ReplaceAll(text, secret, "(secret)") }
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := refusal(status, body, "tenant", "client", censor)
		text := e.Error() + e.NextStep()
		switch {
		case e.Status != status || e.TenantID != "tenant" || e.ClientID != "client":
			t.Errorf("the error is %+v", e)
		case strings.Contains(text, secret):
			t.Errorf("the error shows the secret: %s", text)
		case !strings.HasPrefix(text, "signing in to tenant tenant as application client: ") || !utf8.ValidString(text):
			t.Errorf("the text is %q", text)
		case (e.Code == "") != (len(e.Codes) == 0) || len(e.Codes) > 0 &&
			(e.Code != fmt.Sprintf("AADSTS%d", e.Codes[0]) || !e.Has(e.Codes[0])):
			t.Errorf("of %v the code is %q", e.Codes, e.Code)
		}
	})
}
