package tfvalidate

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func FuzzAGUIDIsOneInEitherCaseAndInNoOtherForm(f *testing.F) {
	for _, text := range []string{
		"00000003-0000-0000-c000-000000000000", "00000003-0000-0000-C000-000000000000", "", "{00000003-0000-0000-c000-000000000000}",
		"00000003000000000000c000000000000000", "urn:uuid:00000003-0000-0000-c000-000000000000", "00000003-0000-0000-c000-000000000000\n", "g0000003-0000-0000-c000-000000000000",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		is := IsGUID(text)
		if id, err := uuid.Parse(text); is != (err == nil && strings.EqualFold(id.String(), text)) {
			t.Errorf("%q is taken for a GUID: %t", text, is)
		}
		if is && !(IsGUID(strings.ToUpper(text)) && IsGUID(strings.ToLower(text))) {
			t.Errorf("%q is a GUID in one case only", text)
		}
	})
}

func FuzzAnAcceptedMailboxIsOneAddressThatNamesAFileAndFitsAURL(f *testing.F) {
	for _, text := range []string{
		"migration@contoso.onmicrosoft.com", "a@b", "", "@", "a@b.c", "A.B+c@d.e.f", "\"a b\"@c.d", "a@[127.0.0.1]", "a@b.c,d@e.f", "Name <a@b.c>",
		"../a@b.c", "a@b.c\n", "a\x00@b.c", "ü@müller.de", "a@.b.", "a@b..c", "a\\b@c.d", "a\u200e@b.c", "a\u202e@b.c",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkEmail(text) != nil {
			return
		}
		if strings.Count(text, "@") != 1 || strings.ContainsAny(text, "/\\\" \t\r\n\x00<>,") || len(text) > 254 {
			t.Errorf("%q is taken for a mailbox", text)
		}
		if checkEmail(strings.ToLower(text)) != nil {
			t.Errorf("%q is a mailbox, and in lower case it is none", text)
		}
	})
}
