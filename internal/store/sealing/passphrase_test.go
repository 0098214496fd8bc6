package sealing

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

// refusals are passphrases that cannot be used, with what the error says of each.
var refusals = map[string][]string{
	"elevenchars":             {"11 characters", "at least 12"},
	"":                        {"0 characters"},
	"correct horse battery\n": {"last character is U+000A", "end of a file", "remove it"},
	"correct\thorse battery":  {"8th character is U+0009"},
	"correct\u0085horse batt": {"8th character is U+0085"},

	"\ufeffcorrect horse battery":                 {"first character is U+FEFF", "invisible", "by hand"},
	"correct horse battery\u200e":                 {"last character is U+200E", "invisible"},
	"corr\u200bect horse battery":                 {"5th character is U+200B", "invisible"},
	"c\u00adorrect horse battery":                 {"2nd character is U+00AD", "invisible"},
	"co\u3164rrect horse battery":                 {"3rd character is U+3164", "invisible"},
	"correct horse battery\u2800":                 {"last character is U+2800", "invisible"},
	"correct horse battery ❤\ufe0f x":             {"24th character is U+FE0F", "inside an emoji"},
	"correct horse \U0001F469\u200d\U0001F680 go": {"16th character is U+200D", "inside an emoji"},
	"correct horse ba\U000E0041ttery":             {"17th character is U+E0041"},
	"correct\u00a0horse battery":                  {"8th character is U+00A0", "plain space"},
	"correct horse battery\u3000x":                {"22nd character is U+3000", "plain space"},
	"correct\u2028horse battery":                  {"8th character is U+2028"},

	" correct horse battery": {"first character is U+0020", "remove it"},
	"correct horse battery ": {"last character is U+0020", "remove it"},
	"            ":           {"first character is U+0020"},

	"correct horse b\xe4ttery":          {"16th character", "not valid UTF-8"},
	"correct horse b\ufffdttery":        {"16th character is U+FFFD", "by hand"},
	"correct horse ba\ue000ttery":       {"17th character is U+E000", "private use"},
	"correct horse ba\U000E1000ttery":   {"17th character is U+E1000", "unassigned"},
	"\xed\xa0\x80correct horse battery": {"first character", "not valid UTF-8"},

	"aaaaaaaaaaaa":         {"one character repeated", "five random words"},
	"abcabcabcabc":         {"repeats its first 3 characters"},
	"passwordpasswordpass": {"repeats its first 8 characters"},
	"ööööööööööööö":        {"one character repeated"},

	"123456789012": {"runs along", "five random words"}, "abcdefghijkl": {"runs along"}, "QWERTZUIOPAS": {"runs along"},
	"lkjihgfedcba": {"runs along"}, "qwertyuiopasdf": {"runs along"}, "uvwxyzabcdefg": {"runs along"},
	"0987654321098": {"runs along"}, "1234567890qwertzuiopü": {"runs along"}, "azertyuiopqsd": {"runs along"},
}

func TestAnUnfitPassphraseIsRefusedWithWhatIsWrongWhereAndWhatToDo(t *testing.T) {
	t.Parallel()
	for passphrase, words := range refusals {
		err := CheckPassphrase(passphrase)
		if !errors.Is(err, ErrPassphraseUnfit) {
			t.Errorf("%q: %v", passphrase, err)
			continue
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%q: the error lacks %q: %v", passphrase, word, err)
			}
		}
	}
}

func TestAPassphraseThatPeopleSeeAndTypeIsAccepted(t *testing.T) {
	t.Parallel()
	for name, passphrase := range map[string]string{
		"twelve characters with an umlaut":  "zwölf Zeich.",
		"words with spaces":                 "correct horse battery staple",
		"words with two spaces":             "correct  horse battery",
		"hyphens":                           "clerk-usable-jaws-agent-onto",
		"a password manager's":              `v~|8Yb"q\^;$x'Lp%{`,
		"hexadecimal digits":                "9f86d081884c7d659a2feaa0",
		"a UUID":                            "00000000-1111-2222-3333-444455556666",
		"decimal digits":                    "314159265358979",
		"an umlaut of two code points":      "zwo\u0308lf Zeichen",
		"Chinese":                           "马群在夜里穿过大河到达对岸",
		"Japanese":                          "うまがよるかわをわたる。たぶん",
		"Korean":                            "말들이 밤에 강을 건너간다",
		"Thai, with marks":                  "ม้าข้ามแม่น้ำตอนกลางคืน",
		"Arabic":                            "الخيول تعبر النهر ليلا",
		"Hindi":                             "घोड़े रात में नदी पार करते",
		"Russian":                           "лошади ночью реку",
		"emoji of one code point":           "horse 🐴 battery 🔋 staple",
		"emoji with a skin tone":            "horse battery 👍🏽 staple",
		"a flag":                            "horse battery 🇦🇹 staple",
		"a part that repeats":               "ha ha ha, said the horse",
		"a run inside":                      "abcdefghijkl horse",
		"a beginning that comes back later": "horse battery horse",
	} {
		if err := CheckPassphrase(passphrase); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

var (
	codePoint = regexp.MustCompile(`U\+[0-9A-F]{4,6}`)
	position  = regexp.MustCompile(`first character|last character|\d+(st|nd|rd|th) character`)
	number    = regexp.MustCompile(`\d+`)
)

// form is an error's text without positions, code points and numbers.
func form(err error) string {
	return number.ReplaceAllString(position.ReplaceAllString(codePoint.ReplaceAllString(err.Error(), "#"), "#"), "#")
}

// FuzzNoErrorShowsAPassphrase demands that an error is one of the known texts, in which only positions, code points
// and numbers vary.
func FuzzNoErrorShowsAPassphrase(f *testing.F) {
	known := map[string]bool{}
	for passphrase := range refusals {
		f.Add(passphrase)
		known[form(CheckPassphrase(passphrase))] = true
	}
	f.Fuzz(func(t *testing.T, passphrase string) {
		if err := CheckPassphrase(passphrase); err != nil && (!errors.Is(err, ErrPassphraseUnfit) || !known[form(err)]) {
			t.Errorf("%q: the error is %v", passphrase, err)
		}
	})
}
