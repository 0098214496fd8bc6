package store

import (
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// portable is a file name that Linux, macOS and Windows take as it is, in folders with or without regard for case: no
// capital letter, separator, blank or control character, no dot in front or at the end.
var portable = regexp.MustCompile(`^[a-z0-9_+@%~-][a-z0-9._+@%~-]*[a-z0-9]$`)

// windowsDevice is a name that Windows takes for a device, whatever its extension (Microsoft: "Naming Files, Paths,
// and Namespaces").
var windowsDevice = regexp.MustCompile(`^(?i:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)`)

func checkFileName(t *testing.T, name string) {
	t.Helper()
	if !portable.MatchString(name) || windowsDevice.MatchString(name) || len(name) > 255 {
		t.Errorf("%q (%d bytes) is not a file name everywhere", name, len(name))
	}
}

var hostile = []string{
	"migration@contoso.com", "MIGRATION@CONTOSO.COM", "../../etc/passwd@x.com", "a/../../b@x.com", `..\..\b@x.com`,
	"a/b@x.com", "a:stream@x.com",
	"CON.com@x", "con@x", "aux", "aux.x@y", "nul.x@y", "com1.x@y", "com¹.x@y", "lpt9@x.com", "COM0.x@y", "conin$.x@y",
	"a.@x.com", "a @x.com", "a@x.com.", "a@x.com ", ".a@x.com", "%2e%2e%2f@x.com", "100%25@x.com", "100%2525@x.com",
	"%41@x.com", "a~b@x.com",
	strings.Repeat("a", 65) + "@x.com", strings.Repeat("a", 300) + "@x.com", strings.Repeat("a", 250) + "b@x.com",
	strings.Repeat("ü", 100) + "@x.com",
	"jürgen@x.com", "ju\u0308rgen@x.com", "JÜRGEN@x.com", "\u0430dmin@x.com", "admin@x.com", "\u212aelvin@x.com",
	"kelvin@x.com", "\u0130stanbul@x.com", "istanbul@x.com",
	"a\u202e@x.com", "a\u200f@x.com", "a\u200b@x.com", "a\x00@x.com", "a\xff@x.com", "a\xfe@x.com", "a\ufffd@x.com",
	"ß@x.com", "ẞ@x.com", "ss@x.com", "ſ@x.com", "s@x.com",
	"-rf@x.com", "a*?<>|\"@x.com", "$(id)@x.com", "a\nb@x.com", "ａ@x.com", "\U0001f600@x.com", "",
}

// Whatever two mailboxes are called, they are refused, or have files of their own in the folder made for them; only
// mailboxes that differ in nothing but case share one. Two app registrations never do.
func FuzzNamesNeverMeetInOneFileAndNeverLeaveTheirFolder(f *testing.F) {
	for i, one := range hostile {
		f.Add(one, hostile[(i+1)%len(hostile)])
		f.Add(one, strings.ToUpper(one))
	}
	f.Fuzz(func(t *testing.T, one, other string) {
		var files []string
		for _, mailbox := range []string{one, other} {
			checkMailboxFile(t, handoffFolder, mailbox)
			if file := checkMailboxFile(t, connectionFolder, mailbox); file != "" {
				files = append(files, file)
			}
		}
		if same := lowerCase(one) == lowerCase(other); len(files) == 2 && (files[0] == files[1]) != same {
			t.Errorf("%q and %q are kept in %s and %s", one, other, files[0], files[1])
		}
		if len(files) == 2 && files[0] == files[1] && isASCII(one) != isASCII(other) {
			t.Errorf("%q and %q, a letter and its double, are kept in %s", one, other, files[0])
		}

		if one != "" && other != "" {
			checkRegistrationFiles(t, one, other)
		}
	})
}

// checkMailboxFile returns the mailbox's file in the folder; empty where the mailbox is refused.
func checkMailboxFile(t *testing.T, folder, mailbox string) string {
	t.Helper()
	file, err := mailboxFile(folder, tenant, mailbox, pfxPasswordExtension)
	if err != nil {
		if CheckMailbox(mailbox) == nil {
			t.Errorf("%q passes the check and has no file: %v", mailbox, err)
		}
		return ""
	}
	if path.Dir(file) != tenant+"/"+folder || path.Clean(file) != file {
		t.Errorf("%q is kept in %s", mailbox, file)
	}
	checkFileName(t, path.Base(file))
	return file
}

func checkRegistrationFiles(t *testing.T, one, other string) {
	t.Helper()
	for _, name := range []string{one, other} {
		file, err := registrationFile(tenant, name)
		if err != nil || path.Dir(file) != tenant+"/"+registrationFolder {
			t.Errorf("%q is kept in %s (%v)", name, file, err)
		}
		checkFileName(t, path.Base(file))
	}
	if (fileName(one) == fileName(other)) != (one == other) {
		t.Errorf("%q and %q are kept in %s and %s", one, other, fileName(one), fileName(other))
	}
}

// lowerCase is what tells mailboxes apart; strings.EqualFold would take ſ for s.
func lowerCase(mailbox string) string { return strings.ToLower(mailbox) }

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII })
}

func TestAllHostileNamesTogetherHaveFilesOfTheirOwn(t *testing.T) {
	owner := map[string]string{}
	stored := 0
	for _, mailbox := range hostile {
		file, err := connectionFile(tenant, mailbox, recordExtension)
		if err != nil {
			continue
		}
		stored++
		if before, taken := owner[file]; taken && lowerCase(before) != lowerCase(mailbox) {
			t.Errorf("%q and %q are both kept in %s", before, mailbox, file)
		}
		owner[file] = mailbox
	}
	if stored < 20 {
		t.Errorf("only %d of %d were stored", stored, len(hostile))
	}
}

func FuzzAnAcceptedMailboxIsOneAddressThatNamesAFileAndFitsAURL(f *testing.F) {
	for _, text := range []string{
		"migration@contoso.onmicrosoft.com", "a@b", "", "@", "a@b.c", "A.B+c@d.e.f", "\"a b\"@c.d", "a@[127.0.0.1]",
		"a@b.c,d@e.f", "Name <a@b.c>",
		"../a@b.c", "a@b.c\n", "a\x00@b.c", "ü@müller.de", "a@.b.", "a@b..c", "a\\b@c.d", "a\u200e@b.c", "a\u202e@b.c",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if CheckMailbox(text) != nil {
			return
		}
		if strings.Count(text, "@") != 1 || strings.ContainsAny(text, "/\\\" \t\r\n\x00<>,") || len(text) > 254 {
			t.Errorf("%q is taken for a mailbox", text)
		}
		if CheckMailbox(strings.ToLower(text)) != nil {
			t.Errorf("%q is a mailbox, and in lower case it is none", text)
		}
	})
}
