// Package escape quotes untrusted text, such as mailbox addresses, display names and paths, for use in PowerShell
// commands and in messages.
package escape

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
)

// PowerShell returns s as a PowerShell string literal (Microsoft: "about_Quoting_Rules"). PowerShell takes the
// typographic single quotes for plain ones, so each of them is doubled too; nothing else has a meaning between single
// quotes.
func PowerShell(s string) string {
	var literal strings.Builder
	literal.WriteByte('\'')
	for _, r := range s {
		switch r {
		case '\'', '\u2018', '\u2019', '\u201A', '\u201B':
			literal.WriteRune(r)
		}
		literal.WriteRune(r)
	}
	literal.WriteByte('\'')
	return literal.String()
}

// PowerShellASCII returns s as a PowerShell expression in ASCII, which means the same in every encoding that a script
// file may be read in: a literal, or literals and characters joined.
func PowerShellASCII(s string) string {
	var parts []string
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			parts = append(parts, PowerShell(literal.String()))
			literal.Reset()
		}
	}
	for _, unit := range utf16.Encode([]rune(s)) {
		if unit >= 0x20 && unit < 0x7F {
			literal.WriteByte(byte(unit))
			continue
		}
		flush()
		parts = append(parts, fmt.Sprintf("[char]0x%X", unit))
	}
	flush()
	switch {
	case len(parts) == 0:
		return "''"
	case len(parts) == 1 && strings.HasPrefix(parts[0], "'"):
		return parts[0]
	case strings.HasPrefix(parts[0], "'"):
		return "(" + strings.Join(parts, " + ") + ")"
	default:
		return "('' + " + strings.Join(parts, " + ") + ")" // a sum of characters alone would be a number
	}
}

// Visible replaces what cannot be seen: control characters, line ends, and the marks that turn the direction of writing
// and so can make a label read as something else.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
