package handoff

import (
	"html"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
)

// form is a text with blanks for values.
type form struct {
	parts  []string // one more than blanks
	blanks []blank
}

type blank struct {
	value int // its index
	depth int // of PowerShell's string literals around it
}

var marker = regexp.MustCompile(`((?:'|&#39;)*)MARKER(\d)`)

// formOf makes a form of a text in which MARKER0, MARKER1, … stand for the values. Finding out where the values are
// once, and not by a parser for every text, makes fuzzing ten times as quick.
func formOf(text string) (made form) {
	last := 0
	for _, at := range marker.FindAllStringSubmatchIndex(text, -1) {
		made.parts = append(made.parts, text[last:at[3]])
		value, _ := strconv.Atoi(text[at[4]:at[5]]) // a digit
		quotes := strings.ReplaceAll(text[at[2]:at[3]], "&#39;", "'")
		made.blanks = append(made.blanks, blank{value, len(quotes)})
		last = at[1]
	}
	made.parts = append(made.parts, text[last:])
	return made
}

// filled is the text with values in place of the markers, doubled as PowerShell's literals require and then escaped.
func (made form) filled(quote func(string) string, values ...string) string {
	var text strings.Builder
	inside := map[blank]string{}
	for i, blank := range made.blanks {
		if _, known := inside[blank]; !known {
			value := values[blank.value]
			for range blank.depth {
				value = doubled.Replace(value)
			}
			inside[blank] = quote(value)
		}
		text.WriteString(made.parts[i])
		text.WriteString(inside[blank])
	}
	text.WriteString(made.parts[len(made.blanks)])
	return text.String()
}

// doubled is what a text looks like inside a PowerShell literal (Microsoft: "about_Quoting_Rules").
var doubled = strings.NewReplacer("'", "''", "\u2018", "\u2018\u2018", "\u2019", "\u2019\u2019", "\u201a",
	"\u201a\u201a",
	"\u201b", "\u201b\u201b")

func FuzzAValueOfTheImportScriptStaysAString(f *testing.F) {
	for _, text := range []string{"", "Contoso", malicious, "'", "''", "\u2018\u2019\u201a\u201b", "\x00\xff", "$(calc)",
		"\r\n", "#>"} {
		f.Add("Contoso", text)
		f.Add(text, "Contoso")
	}
	with := func(name, value string) Sheet {
		s := withCertificate()
		s.ConnectionName, s.Mailbox, s.Thumbprint = name, value, value
		s.PFXPath, s.PasswordPath, s.IdentityPath = value, value, value
		return s
	}
	empty := importText(f, with("MARKER0", "MARKER1"))
	made := formOf(empty)
	if len(made.blanks) != 6 {
		f.Fatalf("the script has %d blanks: %s", len(made.blanks), empty)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		name, value = "n"+string([]rune(name)), "v"+string([]rune(value)) // each byte that is not UTF-8 becomes a mark
		script := importText(t, with(name, value))
		if want := made.filled(strings.Clone, escape.Visible(name), value); script != want {
			t.Errorf("%q and %q make the script\n%s\nwant\n%s", name, value, script, want)
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

// Its executions are fewer than those of the other targets: each writes the page of 30 kilobytes, with its script and
// its style.
func FuzzAValueOfTheSheetStaysText(f *testing.F) {
	for _, text := range []string{"", "Contoso", malicious, "</style>", "</script>", "\"'<>&`+", "\x00",
		"javascript:alert(1)", "{{ . }}",
		"<!--", "]]>", "\u202e", "&amp;", "\r\n", "\u2019"} {
		f.Add("Contoso", text)
		f.Add(text, "Contoso")
	}
	with := func(name, value string) Sheet {
		s := withCertificate()
		s.MigratePublicFolders, s.PublicFolderPaths, s.HandoffRecipients = true, []string{value}, []string{value}
		s.ConnectionName, s.Mailbox = name, value
		s.PFXPath, s.PasswordPath, s.IdentityPath, s.ScriptPath = value, value, value, value
		return s
	}
	made := formOf(render(f, with("MARKER0", "MARKER1")))
	if len(made.blanks) < 15 {
		f.Fatalf("the page has %d blanks", len(made.blanks))
	}
	// The package html/template escapes a plus sign, too, and HTML has no NUL.
	more := strings.NewReplacer("+", "&#43;", "\x00", "\ufffd")
	inHTML := func(text string) string { return more.Replace(html.EscapeString(text)) }
	f.Fuzz(func(t *testing.T, name, value string) {
		name, value = "n"+string([]rune(name)), "v"+string([]rune(value))
		page := render(t, with(name, value))
		if want := made.filled(inHTML, escape.Visible(name), value); page != want {
			t.Errorf("%q and %q make the page\n%s\nwant\n%s", name, value, page, want)
		}
	})
}
