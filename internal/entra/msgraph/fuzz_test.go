package msgraph

import (
	"testing"
	"unicode/utf8"
)

func FuzzAnyBodyOfAnErrorIsRead(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "[]", `"x"`, `{"error":null}`, `{"error":"text"}`, `{"error":{"code":7}}`,
		`{"error":{"code":"","message":null,"details":null}}`,
		`{"error":{"code":"c","message":{"value":"inside"},"details":{"code":"d"},"innererror":{"request-id":"r"}}}`,
		`{"error":{"code":"c","message":"m","details":[{"code":"a"},{"target":"t"}]}}`,
		`{"error":{"code":"c","message":[1],"details":"text","innerError":[]}}`,
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
