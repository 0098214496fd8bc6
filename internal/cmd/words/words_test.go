package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// examples are, for each rule by its words, a sentence that it refuses and a better one.
var examples = map[string]struct{ was, better string }{
	`mend(s|ed|ing)?`: {"The next plan mends it.", "The next plan repairs it; amended, recommended."},
	`stands?|stood`:   {"The ID stands in the token.", "The ID is in the token; NAME stands for the mailbox, and each row stands on its own and stands in the way."},
	`anew`:            {"It is made anew.", "It is made again."},
	`beside`:          {"A file beside the record.", "A file next to the record, besides the key."},
	`let(s|ting)? (in|((it|them|us|nobody|nothing|anyone|everybody|(the|an?|no|that|its) \w+) in))`: {
		"A tenant that lets the caller in.", "A tenant that accepts the caller lets it sign in.",
	},
	`goes`:                      {"The record goes last.", "The record is removed last; Terraform goes on, and the key goes to the server."},
	`needless(ly)?`:             {"It makes init needless.", "It makes init unnecessary."},
	`makes? of it`:              {"See what a run makes of it.", "See what a run does with it, made of iron."},
	`as (it is|they are) to be`: {"The record, as it is to be.", "The record, as declared."},
	`rooms?`:                    {"Inner rooms know no Terraform.", "There is room for one more, for mushrooms and room mailboxes."},
	`facing`:                    {"A facing package.", "A user-facing text."},
	`front door`:                {"The front door.", "Package provider, behind a door."},
	`kitchen`:                   {"The kitchen of the tests.", "The environment of the tests."},
	`patience`:                  {"The patience of a check.", "The time limit of a check."},
	`troubles?`:                 {"The service makes trouble.", "The service fails; see troubleshooting."},
	`hostile`:                   {"A hostile tenant.", "A tenant of the hostile profile; instant, realistic or hostile; -profile hostile."},
	`weather`:                   {"Weather of the network.", "Chaos on the network."},
	`calm`:                      {"A calm read.", "A read that bypasses faults."},
	`rivals?|contenders?`:       {"A rival of ours.", "A competitor of ours, on arrival."},
	`aim(s|ed|ing)?`:            {"A fault aimed at a request.", "A fault injected into a request; claims."},
	`who(m)?ever`:               {"Regardless, whoever asks.", "Regardless of who asks."},
	`that which`:                {"It is that which is asked.", "It is what is asked."},
	`(is|are|was|were) no`:      {"This is no error.", "This is not an error: there is no key, and it is no longer needed, or is no good."},
	`(?-i:Of) (?-i:[a-z])\w*`:   {"Of two faults, the first counts.", "The first of two faults counts. Of course."},
}

func TestEachRuleRefusesItsExampleAndPassesTheBetterOne(t *testing.T) {
	for _, r := range rules {
		if r.doc {
			continue
		}
		example, known := examples[r.words]
		if !known {
			t.Errorf("%s: there is no example", r.words)
			continue
		}
		found := findings(t, "a.md", "First line.\n"+example.was+"\n")
		if len(found) != 1 || !strings.HasPrefix(found[0], "2: ") || !strings.HasSuffix(found[0], r.better) {
			t.Errorf("%q: found %q, want one finding in line 2 that says %q", example.was, found, r.better)
		}
		if found := findings(t, "a.md", example.better); len(found) > 0 {
			t.Errorf("%q: found %q", example.better, found)
		}
	}
}

func TestGoIsReadInItsCommentsAndSentencesAlone(t *testing.T) {
	source := `package anew

import _ "example.com/beside anew"

// Works tells whether it works. A comment
// that lets
// the caller in.
func Works() string {
	//nolint:beside // anew
	//anew without a space
	anew := "anew" // one word is a name
	_ = struct {
		A string ` + "`json:\"beside anew\"`" + ` // beside
	}{}
	return anew + "the key is " +
		"needless " + f("a calm read") + ` + "`one\nis\nno key`" + `
}
`
	want := []string{
		`5: "Works tells whether" in`, `6: "lets the caller in" in`, // where the phrase begins
		`10: "anew" in`, `13: "beside" in`, `16: "needless" in`, `16: "calm" in`, `17: "is no" in`,
	}
	found := findings(t, "a.go", source)
	if missing := unmatched(want, found); len(found) != len(want) || missing != "" {
		t.Errorf("found\n%s\nmissing %s", strings.Join(found, "\n"), missing)
	}
}

func TestMarkdownIsReadWithoutCodeAndAddresses(t *testing.T) {
	page := "A `beside` and\n\n```\nanew\n```\n\n[goes](beside.md) is {{ .anew }}\nwhat stands\n"
	found := findings(t, "a.md", page)
	if missing := unmatched([]string{`7: "goes" in`, `8: "stands" in`}, found); len(found) != 2 || missing != "" {
		t.Errorf("found %q, missing %s", found, missing)
	}
}

func TestAFolderIsReadButForWhatOthersWrote(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"a/b.md", "GNUmakefile", "a/testdata/c.md", "node_modules/d.md", "e.png",
		"internal/cmd/words/rules.go"} {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("It starts anew.\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out strings.Builder
	found, err := check([]string{folder}, &out)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{filepath.Join("a", "b.md"), "GNUmakefile"} {
		if !strings.Contains(out.String(), filepath.Join(folder, name)+`:1: "anew" in "It starts anew.": write again`) {
			t.Errorf("%s is not found", name)
		}
	}
	if found != 2 {
		t.Errorf("%d findings, want 2:\n%s", found, out.String())
	}
	if _, err := check([]string{filepath.Join(folder, "absent")}, &out); err == nil {
		t.Error("a path that does not exist is taken")
	}
}

// findings returns "LINE: message" of what a file is refused for.
func findings(t *testing.T, name, content string) []string {
	t.Helper()
	texts, err := prose(name, []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, text := range texts {
		for _, one := range refused(text) {
			found = append(found, fmt.Sprintf("%d: %s", one.line, one.message))
		}
	}
	return found
}

// unmatched returns the first prefix that no finding has.
func unmatched(prefixes, found []string) string {
next:
	for _, prefix := range prefixes {
		for _, one := range found {
			if strings.HasPrefix(one, prefix) {
				continue next
			}
		}
		return prefix
	}
	return ""
}
