package store

import (
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

func TestPathsOfPublicFoldersAreKeptInOrderAndOnlyWhereThereAreAny(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	c := withCertificate()
	c.MigratePublicFolders, c.PublicFolderPaths = true, []string{`\Sales\Archive`, `\HR`, `\Sales`}
	made := create(t, s, c)
	found := read(t, s)
	if want := []string{`\HR`, `\Sales`, `\Sales\Archive`}; !slices.Equal(found.PublicFolderPaths, want) ||
		!slices.Equal(made.PublicFolderPaths, want) {
		t.Errorf("made %q, read %q", made.PublicFolderPaths, found.PublicFolderPaths)
	}
	found.PublicFolderPaths = nil
	update(t, s, found, nil)
	if content := readFile(t, dir, recordOf(mailbox)); strings.Contains(content, "public_folder_paths") {
		t.Errorf("a record without paths names them:\n%s", content)
	}
	if found = read(t, s); found.PublicFolderPaths != nil {
		t.Errorf("%q", found.PublicFolderPaths)
	}
}

func TestARecordWithAnUnusablePathIsRefused(t *testing.T) {
	dir := withIdentity(t)
	s := open(t, dir, passphrase)
	c := withCertificate()
	c.PublicFolderPaths = []string{`/Sales`}
	_, err := s.CreateConnection(t.Context(), c, 0, "", render)
	if err == nil || !strings.Contains(err.Error(), "public_folder_paths") {
		t.Errorf("the store takes it: %v", err)
	}
	if left := filesBelow(t, dir); len(left) != 1 {
		t.Errorf("written: %v", left)
	}
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
