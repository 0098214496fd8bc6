package msgraph

import (
	"net/http"
	"testing"
	"unicode/utf8"
)

func FuzzAnyBodyOfAnErrorIsRead(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "[]", `"x"`, `{"error":null}`, `{"error":"text"}`, `{"error":{"code":7}}`, `{"error":{"code":"","message":null,"details":null}}`,
		`{"error":{"code":"c","message":{"value":"inside"},"details":{"code":"d"},"innererror":{"request-id":"r"}}}`,
		`{"error":{"code":"c","message":"m","details":[{"code":"a"},{"target":"t"}]}}`, `{"error":{"code":"c","message":[1],"details":"text","innerError":[]}}`,
		"<html><b>502</b></html>", "\x00\xff\xfe", `{"error":{"code":"c","message":"` + "\xff" + `"}}`,
	} {
		f.Add(400, []byte(body))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := decodeError(status, body)
		if e == nil || e.Status != status {
			t.Fatalf("the error is %+v", e)
		}
		if !utf8.ValidString(e.Error()) {
			t.Errorf("the text cannot be shown: %q", e.Error())
		}
		_ = e.Lagging()
	})
}

func FuzzARetryAfterIsATimeOrNothing(f *testing.F) {
	const date = "Wed, 21 Oct 2099 07:28:00 GMT"
	for _, value := range []string{"", "0", "2", "1.5", " 3 ", "-1", "1e400", "NaN", "Inf", "999999999999", date, "soon"} {
		f.Add(value, date)
		f.Add(value, "")
	}
	f.Fuzz(func(t *testing.T, value, date string) {
		pause := retryAfter(http.Header{"Retry-After": {value}, "Date": {date}}.Get)
		if pause != nil && *pause < 0 {
			t.Errorf("%q at %q is a pause of %s", value, date, *pause)
		}
	})
}
