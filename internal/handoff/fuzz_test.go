package handoff

import (
	"slices"
	"strings"
	"testing"
)

func FuzzAValueOfTheImportScriptStaysAString(f *testing.F) {
	for _, text := range []string{"", "Contoso", malicious, "'", "''", "\u2018\u2019\u201a\u201b", "\x00\xff", "$(calc)", "\r\n", "#>", "\u202e"} {
		f.Add(text, text)
		f.Add("Contoso", text)
	}
	plain := withCertificate()
	_, want := split(f, importText(f, plain))
	f.Fuzz(func(t *testing.T, name, value string) {
		s := plain
		s.ConnectionName, s.Mailbox, s.Thumbprint = name, "m"+value, "m"+value
		s.PFXPath, s.PasswordPath, s.IdentityPath = "m"+value, "m"+value, "m"+value
		literals, code := split(t, importText(t, s))
		if code != want {
			t.Errorf("%q and %q become code:\n%s", name, value, code)
		}
		read := string([]rune("m" + value)) // each byte that is not UTF-8 becomes a mark
		if !slices.Contains(literals, read) {
			t.Errorf("%q is not in the script: %q", read, literals)
		}
	})
}

func FuzzAPathOfAPublicFolderStaysAStringInTheCommands(f *testing.F) {
	for _, text := range []string{`\`, `\Sales`, malicious, "'; Remove-Item C:\\ #", "%s", "\u2019", "\n", "\xff"} {
		f.Add(text, `\Sales`)
		f.Add(`\Sales`, text)
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		for _, paths := range [][]string{{one}, {one, other}} {
			for _, command := range []func(string, ...string) string{GrantPublicFolderOwner, ShowPublicFolderPermissions} {
				harmless := slices.Repeat([]string{`\x`}, len(paths))
				_, want := split(t, command(mailbox, harmless...))
				literals, code := split(t, command(mailbox, paths...))
				if code != want {
					t.Errorf("%q become code:\n%s", paths, code)
				}
				for _, path := range paths {
					if !slices.Contains(literals, string([]rune(path))) {
						t.Errorf("%q is not in the commands: %q", path, literals)
					}
				}
			}
		}
	})
}

// It parses a page of 30 kilobytes each time, which is what a reader's browser does, and so is slower than the others.
func FuzzAValueOfTheSheetStaysText(f *testing.F) {
	for _, text := range []string{"", "Contoso", malicious, "</style>", "</script>", "\"'<>&`", "\x00\xff", "javascript:alert(1)", "{{ . }}",
		"<!--", "]]>", "\u202e", "&amp;", "\r\n"} {
		f.Add(text, text)
		f.Add("Contoso", text)
	}
	plain := withCertificate()
	plain.MigratePublicFolders, plain.PublicFolderPaths, plain.HandoffRecipients = true, []string{`\Sales`}, []string{recipient}
	plain.ScriptPath = "import.ps1"
	want := structure(f, render(f, plain))
	f.Fuzz(func(t *testing.T, name, value string) {
		s := plain
		value = "m" + strings.ToValidUTF8(value, "")
		s.ConnectionName, s.TenantID, s.ClientID, s.Mailbox, s.Thumbprint = name, value, value, value, value
		s.PFXPath, s.PasswordPath, s.IdentityPath, s.ScriptPath = value, value, value, value
		s.PublicFolderPaths, s.HandoffRecipients = []string{value}, []string{value}
		page := render(t, s)
		if got := structure(t, page); got != want {
			t.Fatalf("%q and %q change the elements of the page:\n got %s\nwant %s", name, value, got, want)
		}
		// HTML has no NUL, and one kind of line end.
		shown := strings.NewReplacer("\x00", "\ufffd", "\r\n", "\n", "\r", "\n").Replace(value)
		if !slices.Contains(copied(t, page), shown) {
			t.Errorf("no copy button copies %q", shown)
		}
	})
}
