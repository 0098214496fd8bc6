package escape

import (
	"strings"
	"testing"
)

func TestPowerShellASCIIIsOneExpression(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                 "''",
		"Mail Backup":      "'Mail Backup'",
		"it's":             "'it''s'",
		"G\u0142\u00f3wny": "('G' + [char]0x142 + [char]0xF3 + 'wny')",
		"\u2019":           "('' + [char]0x2019)",
		"a\nb":             "('a' + [char]0xA + 'b')",
		"\U0001F600":       "('' + [char]0xD83D + [char]0xDE00)",
	} {
		if got := PowerShellASCII(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func FuzzPowerShellLiteralsHoldNoOtherLetters(f *testing.F) {
	f.Add("\u0111; X = (Set-OrganizationConfig -EwsEnabled $true) }) #")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range PowerShellASCII(text) {
			if r < 0x20 || r > 0x7E {
				t.Fatalf("%q: %s", text, PowerShellASCII(text))
			}
		}
		if inside := PowerShell(text); strings.Count(inside, "'")%2 != 0 {
			t.Fatalf("%q: %s", text, inside)
		}
	})
}
