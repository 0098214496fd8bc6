// Package sealing protects a connection store's secrets: it judges the store's passphrase, and opens the identity that
// the passphrase protects.
package sealing

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MinPassphraseLength is the least number of characters of a store's passphrase.
const MinPassphraseLength = 12

// Errors of CheckPassphrase and UnlockIdentity.
var (
	ErrPassphraseUnfit = errors.New("the connection store's passphrase cannot be used")
	ErrPassphraseWrong = errors.New("the passphrase does not open the connection store; check " +
		"CODETWO_STORE_PASSPHRASE, or passphrase in the provider's connection_store block")
)

// CheckPassphrase says what keeps a passphrase from protecting a store: nil, or an ErrPassphraseUnfit that names the
// problem, where it is, and the next step, and never shows the passphrase.
//
// Every character has to be one that a colleague sees and can type: a letter with its marks, a digit, punctuation, a
// symbol, or a plain space between others. What cannot be seen is lost on the way from a password manager to a file, a
// chat, or the age command's prompt, and then locks people out. So an emoji of one code point is accepted, with a skin
// tone, too, and one that joiners or variation selectors put together is refused: these are invisible, and systems
// disagree on them.
//
// What is long but plain is refused, too: a text that repeats itself within 12 characters, and a run along the
// alphabet, the digits or the keyboard. There is no dictionary and no estimate: the words of a passphrase are its
// owner's choice.
func CheckPassphrase(passphrase string) error {
	characters := []rune(passphrase)
	for at, offset := 0, 0; offset < len(passphrase); at++ {
		character, size := utf8.DecodeRuneInString(passphrase[offset:])
		if character == utf8.RuneError && size == 1 {
			return unfit("it is not valid UTF-8 at its %s; save the file that it comes from as UTF-8",
				ordinal(at, len(characters)))
		}
		if problem := problemOf(character, at == 0 || at == len(characters)-1); problem != "" {
			return unfit("its %s is U+%04X, %s", ordinal(at, len(characters)), character, problem)
		}
		offset += size
	}
	if len(characters) < MinPassphraseLength {
		return unfit("it has %d characters, and at least %d are needed; choose a longer one", len(characters),
			MinPassphraseLength)
	}
	switch length := period(characters); {
	case length == 1:
		return unfit("it is one character repeated; choose at least %d characters that do not repeat, such as five "+
			"random words",
			MinPassphraseLength)
	case length < MinPassphraseLength && 2*length <= len(characters):
		return unfit("it repeats its first %d characters, and is as weak as those alone; choose at least %d characters "+
			"that do not repeat, such as five random words", length, MinPassphraseLength)
	case isRun(passphrase):
		return unfit("it runs along the alphabet, the digits or the keyboard, which is easy to guess; choose another, " +
			"such as five random words")
	}
	return nil
}

func unfit(format string, arguments ...any) error {
	return fmt.Errorf("%w: %s", ErrPassphraseUnfit, fmt.Sprintf(format, arguments...))
}

// invisible are the characters of Unicode's visible categories that show nothing: those that a renderer ignores (the
// property Default_Ignorable_Code_Point: Hangul fillers, the grapheme joiner, variation selectors), and the braille
// pattern without dots.
var invisible = []*unicode.RangeTable{
	unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector,
	{R16: []unicode.Range16{{Lo: 0x2800, Hi: 0x2800, Stride: 1}}},
}

// problemOf says what is wrong with a character, and what to do; empty if nothing is. outer is the first or the last.
func problemOf(character rune, outer bool) string {
	switch {
	case character == ' ' && !outer:
		return ""
	case character == ' ':
		return "a space, which is easily lost when the passphrase is copied; remove it"
	case unicode.IsControl(character):
		return "a line break or another control character, perhaps from the end of a file; it cannot be typed " +
			"at the age command's prompt, so remove it"
	case unicode.Is(unicode.Z, character):
		return "a space other than the plain one; type a plain space, or remove it"
	case unicode.Is(unicode.Cf, character), unicode.In(character, invisible...):
		return "an invisible character, perhaps from a web page, the start of a file or inside an emoji; " +
			"remove it, or type the passphrase by hand"
	case character == utf8.RuneError:
		return "which stands in for a character that was lost when a text was converted; type the passphrase by hand"
	case !unicode.In(character, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S):
		return "which is not a character of its own everywhere (unassigned, or for private use); replace it by a letter"
	}
	return ""
}

// ordinal names a character by its position, which begins at 0.
func ordinal(at, length int) string {
	switch number := at + 1; {
	case number == 1:
		return "first character"
	case number == length:
		return "last character"
	case number%100/10 != 1 && number%10 == 1:
		return fmt.Sprintf("%dst character", number)
	case number%100/10 != 1 && number%10 == 2:
		return fmt.Sprintf("%dnd character", number)
	case number%100/10 != 1 && number%10 == 3:
		return fmt.Sprintf("%drd character", number)
	default:
		return fmt.Sprintf("%dth character", number)
	}
}

// period is the length of the shortest beginning that, repeated, makes up the text; its last repetition may be cut. It
// searches what CheckPassphrase refuses only.
func period(characters []rune) int {
	for length := 1; length < MinPassphraseLength; length++ {
		if slices.Equal(characters[length:], characters[:len(characters)-length]) {
			return length
		}
	}
	return len(characters)
}

// runs are what people run a finger along: alphabet, digits, and the rows of common keyboards (English, German and
// French), with the digits above them.
var runs = []string{
	"abcdefghijklmnopqrstuvwxyz", "1234567890", "1234567890qwertyuiopasdfghjklzxcvbnm",
	"1234567890qwertzuiopasdfghjklyxcvbnm", "1234567890qwertzuiopüasdfghjklöäyxcvbnm",
	"1234567890azertyuiopqsdfghjklmwxcvbn", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
}

// isRun reports whether a text is part of one of the runs, in either direction and in either case, where a run begins
// again at its end.
func isRun(text string) bool {
	forward := []rune(strings.ToLower(text))
	backward := slices.Clone(forward)
	slices.Reverse(backward)
	return slices.ContainsFunc(runs, func(run string) bool {
		circle := strings.Repeat(run, len(forward)/len([]rune(run))+2)
		return strings.Contains(circle, string(forward)) || strings.Contains(circle, string(backward))
	})
}
