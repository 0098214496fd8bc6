package handoff

import (
	"slices"
	"strings"
	"testing"
)

// split takes a script apart as PowerShell's tokenizer does: the values of its single-quoted strings, and all the rest.
func split(t testing.TB, script string) (literals []string, rest string) {
	t.Helper()
	single := func(r rune) bool { return strings.ContainsRune("'\u2018\u2019\u201A\u201B", r) }
	double := func(r rune) bool { return strings.ContainsRune("\"\u201C\u201D\u201E", r) }
	var other strings.Builder
	letters := []rune(script)
	for i := 0; i < len(letters); i++ {
		switch r := letters[i]; {
		case r == '#':
			for ; i < len(letters) && letters[i] != '\n'; i++ {
				other.WriteRune(letters[i])
			}
			other.WriteRune('\n')
		case double(r):
			// No double-quoted string of ours has a doubled or escaped double quote.
			other.WriteRune(r)
			for i++; i < len(letters) && !double(letters[i]); i++ {
				other.WriteRune(letters[i])
			}
			other.WriteRune(r)
		case single(r):
			literal, end := literalAfter(letters, i, single)
			if end < 0 {
				t.Fatalf("the script has a string without an end: %s", script)
			}
			literals, i = append(literals, literal), end
			other.WriteString("''")
		default:
			other.WriteRune(r)
		}
	}
	return literals, other.String()
}

// literalAfter is the single-quoted string that opens at a place, and where it closes; -1 if it does not.
func literalAfter(letters []rune, at int, quotes func(rune) bool) (literal string, end int) {
	var text strings.Builder
	for i := at + 1; i < len(letters); i++ {
		if quotes(letters[i]) {
			if i+1 == len(letters) || !quotes(letters[i+1]) {
				return text.String(), i
			}
			i++ // doubled
		}
		text.WriteRune(letters[i])
	}
	return "", -1
}

func TestHostilePathsStayStringsInTheCommandsForPublicFolders(t *testing.T) {
	for name, script := range map[string]func(mailbox string, paths ...string) string{"grant": GrantPublicFolderOwner,
		"show": ShowPublicFolderPermissions} {
		for _, paths := range [][]string{{`\`}, {`\`, `\Sales`}} {
			_, want := split(t, script(mailbox, paths...))
			spoilt := slices.Repeat([]string{malicious}, len(paths))
			literals, got := split(t, script(malicious, spoilt...))
			if got != want || !slices.Contains(literals, malicious) || strings.Contains(got, "New-PublicFolder") {
				t.Errorf("%s of %q: malicious values change the code:\n%s", name, paths, got)
			}
		}
	}
}

func importText(t testing.TB, s Sheet) string {
	t.Helper()
	script, err := ImportScript(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(script)
}

func TestHostileValuesStayStringsInTheImportScript(t *testing.T) {
	_, want := split(t, importText(t, withCertificate()))
	literals, got := split(t, importText(t, withHostileValues()))
	if got != want {
		t.Errorf("malicious values change the code of the script:\n%s", got)
	}
	if !slices.Contains(literals, malicious) {
		t.Errorf("no string of the script is the value itself: %q", literals)
	}
}

func TestAHostileCommandLineOfTheSheetIsOneCommand(t *testing.T) {
	for i, command := range copied(t, render(t, withHostileValues())) {
		if command == malicious {
			continue // a value of the wizard, not a command
		}
		if _, rest := split(t, command); strings.Contains(rest, "Remove-Item") {
			t.Errorf("copy button %d copies a command that runs a value: %s", i, rest)
		}
	}
}

func TestTheImportScriptBeginsWithTheMarkOfUTF8(t *testing.T) {
	if !strings.HasPrefix(importText(t, withCertificate()), "\xEF\xBB\xBF") {
		t.Error("the script does not begin with the mark of UTF-8")
	}
}

func TestTheImportScriptAsksForThePasswordAndComparesBeforeItImports(t *testing.T) {
	_, code := split(t, importText(t, withCertificate()))
	if missing := inOrder(code, "HasPrivateKey", "return", "Read-Host -AsSecureString", "$actual -ne $thumbprint", "throw",
		"$my.Add("); missing != "" {
		t.Errorf("%q is missing, or not in its place, in:\n%s", missing, code)
	}
}

func TestThereIsNoImportScriptWithoutAKeyInTheStore(t *testing.T) {
	s := withCertificate()
	s.HasPFX = false
	for _, sheet := range []Sheet{s, withSecret()} {
		if script, err := ImportScript(sheet); err == nil || len(script) > 0 {
			t.Errorf("a script for %s without a key: %v", sheet.CredentialType, err)
		}
	}
}
