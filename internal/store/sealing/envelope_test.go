package sealing

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

type aRecord struct {
	Name       string   `json:"name"`
	Paths      []string `json:"paths,omitempty"`
	Generation int64    `json:"generation"`
}

const aName = "6babcaad-604b-40ac-a9d7-9fd97c0b779f/connections/migration@contoso.com.json"

func sealer(t testing.TB) *Identity {
	t.Helper()
	identity, err := NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func seal(t testing.TB, identity *Identity, name string, record any) []byte {
	t.Helper()
	content, err := identity.Seal(name, record)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestASealedRecordComesBackToAllWhoHaveTheIdentityAndIsJSON(t *testing.T) {
	t.Parallel()
	identity := sealer(t)
	record := aRecord{Name: `<R&D's "old"> ü \ 日本`, Paths: []string{`\a`}, Generation: 1 << 62}
	content := seal(t, identity, aName, record)
	locked, err := identity.Lock(passphrase)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Unlock(locked, passphrase)
	if err != nil {
		t.Fatal(err)
	}
	if again.Recipient() != identity.Recipient() {
		t.Error("another public key")
	}
	raw, err := again.Open(aName, content)
	var got aRecord
	if err != nil || json.Unmarshal(raw, &got) != nil || fmt.Sprint(got) != fmt.Sprint(record) {
		t.Errorf("%+v, %v", got, err)
	}
	if unproved, err := Unproved(content); err != nil || !bytes.Equal(unproved, raw) {
		t.Errorf("unproved: %s, %v", unproved, err)
	}
	if !json.Valid(content) || !bytes.Contains(content, []byte(`<R&D's`)) {
		t.Errorf("people cannot read it:\n%s", content)
	}
	if !bytes.Equal(seal(t, identity, aName, record), content) {
		t.Error("the same record is sealed in two ways")
	}
}

func TestARecordCountsUnderItsNameInWhateverCaseAndUnderNoOther(t *testing.T) {
	t.Parallel()
	identity := sealer(t)
	content := seal(t, identity, aName, aRecord{Name: "a"})
	for name, fits := range map[string]bool{
		aName: true, strings.ToUpper(aName): true, aName + "x": false, aName[1:]: false, "": false,
		"/" + aName: false, strings.Replace(aName, "connections", "registrations", 1): false,
		strings.Replace(aName, "migration", "other", 1): false, strings.Replace(aName, "6", "7", 1): false,
	} {
		if _, err := identity.Open(name, content); (err == nil) != fits || !fits && !errors.Is(err, ErrForged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := sealer(t).Open(aName, content); !errors.Is(err, ErrForged) {
		t.Errorf("another identity: %v", err)
	}
}

func TestEveryBitOfASealedRecordCounts(t *testing.T) {
	t.Parallel()
	identity := sealer(t)
	content := seal(t, identity, aName, aRecord{Name: "contoso", Generation: 1})
	for at := range content {
		for bit := range 8 {
			spoilt := bytes.Clone(content)
			spoilt[at] ^= 1 << bit
			if raw, err := identity.Open(aName, spoilt); err == nil || raw != nil {
				t.Errorf("bit %d of byte %d (%q): %s", bit, at, content[at], raw)
			}
		}
		if _, err := identity.Open(aName, append(bytes.Clone(content[:at]), content[at+1:]...)); err == nil {
			t.Errorf("without byte %d (%q) it opens", at, content[at])
		}
		if _, err := identity.Open(aName, content[:at]); err == nil {
			t.Errorf("cut at byte %d it opens", at)
		}
	}
}

// What comes first in one input and last in the other must not be the same bytes.
func TestNameAndRecordAreToldApartByTheirLengths(t *testing.T) {
	t.Parallel()
	identity := sealer(t)
	seen := map[string]string{}
	for _, input := range []struct {
		version      int
		name, record string
	}{
		{2, "ab", "c"}, {2, "a", "bc"}, {2, "", "abc"}, {2, "abc", ""}, {22, "", "abc"}, {2, "2", "abc"},
		{2, "ab\x00", "c"}, {2, "ab", "\x00c"}, {2, "a\x00\x00\x00\x00\x00\x00\x00\x01b", ""}, {2, "a", "b"},
	} {
		sum := string(identity.sum(input.version, input.name, []byte(input.record)))
		this := fmt.Sprintf("%d %q %q", input.version, input.name, input.record)
		if other, twice := seen[sum]; twice {
			t.Errorf("%s and %s have one seal", this, other)
		}
		seen[sum] = this
	}
}

func TestWhatIsNotASealedRecordOfThisVersionSaysWhy(t *testing.T) {
	t.Parallel()
	identity := sealer(t)
	content := string(seal(t, identity, aName, aRecord{Name: "a"}))
	version := func(to string) string { return strings.Replace(content, `"schema_version": 2`, to, 1) }
	beforeRecord, _, _ := strings.Cut(content, ",\n  \"record\"")
	_, seal, _ := strings.Cut(beforeRecord, `"mac": "`)
	seal = strings.TrimSuffix(seal, `"`)
	anyError := func(err error) bool { return err != nil }
	unsealed := func(err error) bool { return errors.Is(err, ErrUnsealed) }
	forged := func(err error) bool { return errors.Is(err, ErrForged) }
	newer := func(err error) bool {
		found, ok := errors.AsType[*NewerError](err)
		return ok && found.Found == 3 && strings.Contains(err.Error(), "schema version 3; this one knows 2")
	}
	for name, c := range map[string]struct {
		content string
		fits    func(error) bool
	}{
		"as it was":            {content, func(err error) bool { return err == nil }},
		"a byte order mark":    {"\ufeff" + content, func(err error) bool { return err == nil }},
		"two of them":          {"\ufeff\ufeff" + content, anyError},
		"empty":                {"", anyError},
		"blank":                {" \n", anyError},
		"a mark alone":         {"\ufeff", anyError},
		"a newer version":      {version(`"schema_version": 3`), newer},
		"a newer one's fields": {version(`"schema_version": 3, "more": {}`), newer},
		"an older version":     {version(`"schema_version": 1`), unsealed},
		"no version":           {version(`"more": 2`), unsealed},
		"a negative version":   {version(`"schema_version": -2`), unsealed},
		"a version as text":    {version(`"schema_version": "2"`), anyError},
		"a version twice":      {version(`"schema_version": 2, "schema_version": 2`), forged},
		"a version in capital": {version(`"SCHEMA_VERSION": 2`), forged},
		"a member more":        {version(`"schema_version": 2, "more": 1`), anyError},
		"something behind":     {content + "x", anyError},
		"a record behind":      {content + content, anyError},
		"a blank line behind":  {content + "\n", forged},
		"a blank in front":     {" " + content, forged},
		"other line ends":      {strings.ReplaceAll(content, "\n", "\r\n"), forged},
		"a record twice":       {strings.Replace(content, `"record"`, `"record": {}, "record"`, 1), forged},
		"no record":            {beforeRecord + "\n}\n", forged},
		"no seal":              {strings.Replace(content, `"mac": "`, `"mac": "", "mac": "`, 1), forged},
		"a seal in capitals":   {strings.Replace(content, seal, strings.ToUpper(seal), 1), forged},
		"a list":               {"[" + content + "]", anyError},
		"null":                 {"null", unsealed},
	} {
		raw, err := identity.Open(aName, []byte(c.content))
		if !c.fits(err) || (raw == nil) != (err != nil) {
			t.Errorf("%s: %s, %v", name, raw, err)
		}
	}
}

// What names a key may hold it back, sealed or not.
func TestWhatAnUnsealedRecordSaysIsReadAsAnybodyMayHaveWrittenIt(t *testing.T) {
	t.Parallel()
	const plain = `{"schema_version": 1, "thumbprint": "A"}`
	for _, content := range []string{plain, "\ufeff" + plain} {
		if raw, err := Unproved([]byte(content)); err != nil || string(raw) != plain {
			t.Errorf("%q: %s, %v", content, raw, err)
		}
	}
	if _, err := Unproved([]byte(`{"schema_version": 3}`)); err == nil {
		t.Error("a newer one is read")
	}
}

func TestWhatIsEncryptedToTheIdentityAndItsRecipientsOpensForThemOnly(t *testing.T) {
	t.Parallel()
	ours, theirs, stranger := sealer(t), sealer(t), sealer(t)
	content, err := ours.Encrypt([]byte("the secret"), []string{theirs.Recipient()})
	if err != nil {
		t.Fatal(err)
	}
	for _, identity := range []*Identity{ours, theirs} {
		if plain, err := identity.Decrypt(content); err != nil || string(plain) != "the secret" {
			t.Errorf("%q, %v", plain, err)
		}
	}
	if _, err := stranger.Decrypt(content); !errors.Is(err, ErrNotToUs) {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := ours.Encrypt(nil, []string{"age1"}); err == nil {
		t.Error("a recipient that is not one is left out")
	}
}

func FuzzNothingOpensButWhatWasSealed(f *testing.F) {
	identity := sealer(f)
	content := seal(f, identity, aName, aRecord{Name: "contoso", Generation: 1})
	f.Add(content, aName)
	f.Add(append([]byte("\ufeff"), content...), strings.ToUpper(aName))
	f.Add(seal(f, sealer(f), aName, aRecord{Name: "contoso", Generation: 1}), aName)
	f.Add(bytes.ReplaceAll(content, []byte(`"mac"`), []byte(`"Mac"`)), aName)
	f.Add([]byte(`{"schema_version":2,"mac":"","record":null}`), "")
	f.Fuzz(func(t *testing.T, found []byte, name string) {
		raw, err := identity.Open(name, found)
		same := bytes.Equal(bytes.TrimPrefix(found, []byte("\ufeff")), content) && strings.ToLower(name) == aName
		if (err == nil) != same || !same && raw != nil {
			t.Errorf("%q under %q opens as %s, %v", found, name, raw, err)
		}
	})
}

func FuzzAnyRecordUnderAnyNameComesBackAsItWas(f *testing.F) {
	identity := sealer(f)
	f.Add(aName, "contoso", int64(1))
	f.Add("", "", int64(0))
	f.Add("\xff", "</script>\u2028\x00\xff", int64(-1))
	f.Fuzz(func(t *testing.T, name, text string, generation int64) {
		record := aRecord{Name: text, Generation: generation}
		content := seal(t, identity, name, record)
		raw, err := identity.Open(name, content)
		var got aRecord
		if err != nil || json.Unmarshal(raw, &got) != nil || got.Generation != generation ||
			utf8.ValidString(text) && got.Name != text {
			t.Errorf("%+v is %+v, %v", record, got, err)
		}
		if _, err := identity.Open(name+"x", content); !errors.Is(err, ErrForged) {
			t.Errorf("under another name: %v", err)
		}
	})
}
