package store

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestPathsOfPublicFoldersThatCannotBeRightSayWhatIs(t *testing.T) {
	for path, want := range map[string]string{
		``:  "is empty",
		`\`: "always checked: leave it out",
		`Sales`: "does not begin with a backslash: write it as Get-PublicFolder shows Identity, such as " +
			"\\Sales\\Archive",
		`Sales\Archive`:          `"Sales\Archive" does not begin with a backslash`,
		`/Sales/Archive`:         `"/Sales/Archive" holds a forward slash, and a backslash separates folders`,
		`\Sales/Archive`:         "forward slash",
		`\Sales\`:                "ends with a backslash",
		`\Sales\\Archive`:        "two backslashes in a row",
		`\\Sales`:                "two backslashes in a row",
		`\Sales\ Archive`:        "space at the beginning or the end",
		`\Sales \Archive`:        "space at the beginning or the end",
		"\\Sales\u3000":          "space at the beginning or the end",
		"\\Sales\n":              "invisible character (U+000A)",
		"\\Sales\u00a0Archive":   "invisible character (U+00A0)",
		"\\Sa\u200bles":          "invisible character (U+200B)",
		"\\Sales\\\u202eevihcrA": "invisible character (U+202E)",
		"\\Sales\u2028# x":       "invisible character (U+2028)",
		"\\Sa\xffles":            "invisible character (U+FFFD)",
	} {
		if err := CheckPublicFolderPaths([]string{`\HR`, path}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	if err := CheckPublicFolderPaths([]string{`\Sales\Archive`, `\sales\archive`}); err == nil ||
		!strings.Contains(err.Error(), `\Sales\Archive and \sales\archive are the same folder`) {
		t.Errorf("one folder twice: %v", err)
	}
	if err := CheckPublicFolderPaths([]string{`Sales`, `\HR\`}); err == nil || !strings.Contains(err.Error(), `"Sales"`) ||
		!strings.Contains(err.Error(), `"\HR\"`) {
		t.Errorf("of two mistakes one is told: %v", err)
	}
	if err := CheckPublicFolderPaths([]string{`\Sales`, `\Sales\Archive`, `\Sales 2`, `\R&D's "x" (old)`, `\Größe\日本　語`,
		"\\Stars \u2600\ufe0f"}); err != nil {
		t.Error(err)
	}
}

func TestPathsOfPublicFoldersAreKeptInOrderAndRecordsWithoutThemReadAsBefore(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	c := withCertificate()
	c.MigratePublicFolders, c.PublicFolderPaths = true, []string{`\Sales\Archive`, `\HR`, `\Sales`}
	made, err := s.CreateConnection(t.Context(), c, "")
	must(t, err)
	read, err := s.Connection(t.Context(), tenant, mailbox)
	must(t, err)
	if want := []string{`\HR`, `\Sales`, `\Sales\Archive`}; !slices.Equal(read.PublicFolderPaths, want) ||
		!slices.Equal(made.PublicFolderPaths, want) {
		t.Errorf("made %q, read %q", made.PublicFolderPaths, read.PublicFolderPaths)
	}
	read.PublicFolderPaths = nil
	_, err = s.UpdateConnection(t.Context(), read, nil)
	must(t, err)
	file := pathOf(t, s.RecordURL(tenant, mailbox))
	content, err := os.ReadFile(file)
	must(t, err)
	if strings.Contains(string(content), "public_folder_paths") {
		t.Errorf("a record without paths names them:\n%s", content)
	}
	if read, err = s.Connection(t.Context(), tenant, mailbox); err != nil || read.PublicFolderPaths != nil {
		t.Errorf("%q, %v", read.PublicFolderPaths, err)
	}
}

func TestARecordWithAnUnusablePathIsRefusedAndOneEditedByHandIsDamaged(t *testing.T) {
	s := open(t, withIdentity(t), passphrase)
	c := withCertificate()
	c.PublicFolderPaths = []string{`/Sales`}
	if _, err := s.CreateConnection(t.Context(), c, ""); err == nil || !strings.Contains(err.Error(),
		"public_folder_paths") {
		t.Errorf("the store takes it: %v", err)
	}
	c.PublicFolderPaths = []string{`\Sales`}
	_, err := s.CreateConnection(t.Context(), c, "")
	must(t, err)
	file := pathOf(t, s.RecordURL(tenant, mailbox))
	content, err := os.ReadFile(file)
	must(t, err)
	must(t, os.WriteFile(file, []byte(strings.Replace(string(content), `\\Sales`, `Sales`, 1)), 0o600))
	if _, err = s.Connection(t.Context(), tenant, mailbox); !isDamaged(err) || !strings.Contains(err.Error(),
		"public_folder_paths") {
		t.Errorf("a path that was edited by hand: %v", err)
	}
}

func isDamaged(err error) bool {
	_, damaged := errors.AsType[*DamagedError](err)
	return damaged
}

func FuzzAPathOfAPublicFolderThatIsTakenIsOneLineOfNames(f *testing.F) {
	for _, path := range []string{`\Sales\Archive`, `\`, ``, `/a`, `\a\\b`, "\\a\r", "\\a\u2028b", `\a b`,
		"\\\xff", `\K`} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		if CheckPublicFolderPaths([]string{path}) != nil {
			return
		}
		names := strings.Split(path, `\`)
		if len(names) < 2 || names[0] != "" || slices.Contains(names[1:], "") || strings.ContainsAny(path,
			"/\r\n\t\x00\u2028\u2029\u0085") {
			t.Errorf("%q is taken for a path", path)
		}
		if CheckPublicFolderPaths([]string{path, strings.ToLower(path)}) == nil {
			t.Errorf("%q is taken twice", path)
		}
	})
}
