package guid

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func FuzzAGUIDIsOneInEitherCaseAndInNoOtherForm(f *testing.F) {
	for _, text := range []string{
		"00000003-0000-0000-c000-000000000000", "00000003-0000-0000-C000-000000000000", "",
		"{00000003-0000-0000-c000-000000000000}",
		"00000003000000000000c000000000000000", "urn:uuid:00000003-0000-0000-c000-000000000000",
		"00000003-0000-0000-c000-000000000000\n", "g0000003-0000-0000-c000-000000000000",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		is := Valid(text)
		if id, err := uuid.Parse(text); is != (err == nil && strings.EqualFold(id.String(), text)) {
			t.Errorf("%q is taken for a GUID: %t", text, is)
		}
		if is && !(Valid(strings.ToUpper(text)) && Valid(strings.ToLower(text))) {
			t.Errorf("%q is a GUID in one case only", text)
		}
	})
}

func FuzzAnIDIsTakenApartWhereItsGUIDEndsOrRefused(f *testing.F) {
	const id = "00000003-0000-0000-C000-000000000000"
	for _, text := range []string{
		"", "/", id, id + "/", "/" + id, id + "/" + id, id + "//" + id, id + "/" + id + "/", " " + id + "/" + id,
		id + "/{" + id + "}", id + "/" + id + "\n", id + "/migration@contoso.com", id + "/a/b@c.d", "\u0130" + id + "/a",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		first, rest, ok := Cut(text)
		if ok != (len(text) > length && text[length] == '/' && Valid(text[:length])) {
			t.Errorf("%q is taken for an ID: %t", text, ok)
		}
		if ok && first+"/"+rest != text {
			t.Errorf("%q is taken apart into %q and %q", text, first, rest)
		}
		one, other, pair := Pair(text)
		if pair != (ok && Valid(rest)) || pair && one+"/"+other != strings.ToLower(text) {
			t.Errorf("%q is taken for %q and %q: %t", text, one, other, pair)
		}
	})
}
