package escape

import (
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
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

// evaluate returns the text that an expression of PowerShellASCII has in PowerShell (Microsoft: "about_Quoting_Rules",
// "about_Arithmetic_Operators").
func evaluate(t *testing.T, expression string) string {
	t.Helper()
	var units []uint16
	rest, sum := strings.CutPrefix(expression, "(")
	for {
		if digits, isChar := strings.CutPrefix(rest, "[char]0x"); isChar {
			end := strings.IndexAny(digits, " )")
			unit, err := strconv.ParseUint(digits[:max(end, 0)], 16, 16)
			if err != nil || len(units) == 0 && !strings.HasPrefix(expression, "(''") {
				t.Fatalf("no text: %s (%v)", expression, err)
			}
			units, rest = append(units, uint16(unit)), digits[end:]
		} else {
			literal, after := evaluateLiteral(t, rest)
			units, rest = append(units, utf16.Encode([]rune(literal))...), after
		}
		if after, more := strings.CutPrefix(rest, " + "); sum && more {
			rest = after
			continue
		}
		if sum && rest != ")" || !sum && rest != "" {
			t.Fatalf("%q follows the text: %s", rest, expression)
		}
		return string(utf16.Decode(units))
	}
}

// evaluateLiteral returns the text of the single-quoted string that code begins with, and what follows.
func evaluateLiteral(t *testing.T, code string) (literal, rest string) {
	t.Helper()
	quotes := func(r rune) bool { return strings.ContainsRune("'\u2018\u2019\u201a\u201b", r) }
	letters := []rune(code)
	if len(letters) == 0 || letters[0] != '\'' {
		t.Fatalf("no literal: %s", code)
	}
	var text strings.Builder
	for i := 1; i < len(letters); i++ {
		if quotes(letters[i]) {
			if i+1 == len(letters) || !quotes(letters[i+1]) {
				return text.String(), string(letters[i+1:])
			}
			i++
		}
		text.WriteRune(letters[i])
	}
	t.Fatalf("the literal does not end: %s", code)
	return "", ""
}

func FuzzPowerShellReadsTheTextThatWasQuoted(f *testing.F) {
	for _, text := range []string{"", "Mail Backup", "it's", "''", "\u2018\u2019\u201a\u201b", "Główny", "\u2019 first",
		"a\nb\x00",
		"\U0001F600", "\xff", "\u0111; X = (Set-OrganizationConfig -EwsEnabled $true) }) #", "\u00e9", "('a' + [char]0x41)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := string([]rune(text)) // each byte that is not UTF-8 becomes a mark
		if got, rest := evaluateLiteral(t, PowerShell(text)); got != want || rest != "" {
			t.Errorf("%q is read as %q, followed by %q", want, got, rest)
		}
		expression := PowerShellASCII(text)
		if strings.ContainsFunc(expression, func(r rune) bool { return r < 0x20 || r > 0x7e }) {
			t.Errorf("%q is not in ASCII: %s", want, expression)
		}
		if got := evaluate(t, expression); got != want {
			t.Errorf("%q is read as %q: %s", want, got, expression)
		}
	})
}

func FuzzAVisibleTextHoldsNothingThatCannotBeSeen(f *testing.F) {
	for _, text := range []string{"", "Contoso", "a b", "a\tb\n", "\u202emoc.live", "\u200b", "\x00\xff", "\xd4",
		"\u00a0", "日本"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		visible := Visible(text)
		if at := strings.IndexFunc(visible, func(r rune) bool { return !unicode.IsPrint(r) && r != '\ufffd' }); at >= 0 ||
			utf8.RuneCountInString(visible) != utf8.RuneCountInString(text) {
			t.Errorf("%q is shown as %q", text, visible)
		}
		hidden := !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
		if !hidden && visible != text {
			t.Errorf("%q is shown as %q, and could be seen", text, visible)
		}
	})
}
