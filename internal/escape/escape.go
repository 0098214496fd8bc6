// Package escape makes text of strangers safe to run and to show: a mailbox, a name in somebody's tenant, a path.
package escape

import (
	"strings"
	"unicode"
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
