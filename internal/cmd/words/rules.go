package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// rule refuses words. Patterns ignore case, and a space in one matches any white space, line ends included.
type rule struct {
	words  string // a regular expression
	except string // where the words are legitimate: a regular expression whose matches cover theirs; may be empty
	doc    bool   // in Go's doc comments alone
	better string // what to write instead
}

// rules are the retired words. A word with one legitimate use, such as the name of a profile, has it in except; what
// others wrote is quoted in code spans, which are not read, or has its exception here.
var rules = []rule{
	{words: `mend(s|ed|ing)?`, better: "repair, fix or complete"},
	{words: `stands?|stood`,
		except: `st(and|ands|ood) (in )?for\b|st(and|ands|ood) on (its|their) own|st(and|ands|ood) (still|in the way)\b`,
		better: "is, appears or lies; take effect, remain"},
	{words: `anew`, better: "again, or a new one"},
	{words: `beside`, better: "next to, along with, in addition to; in parallel with"},
	{words: `let(s|ting)? (in|((it|them|us|nobody|nothing|anyone|everybody|(the|an?|no|that|its) \w+) in))`,
		better: "accept, admit or allow"},
	{
		words:  `goes`,
		except: `goes (on|through|by|back|over|into|to|from|wrong|with|without|beyond|down|up|out|away|ahead)\b`,
		better: "is removed, is sent, belongs; say what happens",
	},
	{words: `needless(ly)?`, better: "unnecessary"},
	{words: `makes? of it`, better: "say what it does with it"},
	{words: `as (it is|they are) to be`, better: "as wanted, as declared"},
	{words: `rooms?`, except: `room for\b|\broom (mailboxes|systems)`, better: "package"},
	{words: `facing`, except: `\w-facing`, better: "resource package"},
	{words: `front door`, better: "package provider"},
	{words: `kitchen`, better: "environment"},
	{words: `patience`, better: "retry policy, or time limit"},
	{words: `troubles?`, better: "fault, failure or outage"},
	{
		words: `hostile`,
		// the sandbox's profile
		except: `profiles? \W?hostile|hostile\W? profile|(instant|realistic)(,| or| and)+ hostile|hostile, where`,
		better: "malicious, untrusted or unreliable; say what is wrong with it",
	},
	{words: `weather`, better: "chaos, or fault"},
	{words: `calm`, better: "bypass, or without faults"},
	{words: `rivals?|contenders?`, better: "competitor, or subject"},
	{words: `aim(s|ed|ing)?`, better: "inject (a fault)"},
	{words: `who(m)?ever`, better: "the person who, anyone who, callers that; regardless of who"},
	{words: `that which`, better: "what, or the noun"},
	{
		words: `(is|are|was|were) no`,
		except: `there (is|are|was|were) no\b|` +
			`(is|are|was|were) no (longer|more|less|fewer|older|later|lower|higher|larger|smaller|good|use)\b`,
		better: "is not a",
	},
	{words: `(?-i:Of) (?-i:[a-z])\w*`, except: `of course`, better: "the subject first, without a fronted \"Of\""},
	{words: `(tells?|says?|is) (whether|if)`, doc: true, better: "reports whether"},
}

// pattern compiles a rule's expression.
func pattern(expression string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)` + strings.ReplaceAll(expression, " ", `\s+`))
}

type compiled struct {
	words, except *regexp.Regexp
	rule
}

var table = func() []compiled {
	var table []compiled
	for _, r := range rules {
		c := compiled{words: pattern(`\b(?:` + r.words + `)\b`), rule: r}
		if r.doc { // after the name that a doc comment begins with
			c.words = pattern(`^[\w.]+ (?:` + r.words + `)\b`)
		}
		if r.except != "" {
			c.except = pattern(r.except)
		}
		table = append(table, c)
	}
	return table
}()

// finding is one use of a retired word.
type finding struct {
	line    int
	message string
}

// refused returns the retired words of a text, rule by rule.
func refused(t text) []finding {
	var found []finding
	for _, r := range table {
		if r.doc && !t.doc {
			continue
		}
		var allowed [][]int
		if r.except != nil {
			allowed = r.except.FindAllStringIndex(t.words, -1)
		}
		for _, at := range r.words.FindAllStringIndex(t.words, -1) {
			if !covered(at, allowed) {
				found = append(found,
					finding{t.line(at[0]), fmt.Sprintf("%q in %q: write %s", squeeze(t.words[at[0]:at[1]]), around(t.words, at),
						r.better)})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b finding) int { return a.line - b.line })
	return found
}

func covered(at []int, allowed [][]int) bool {
	for _, span := range allowed {
		if span[0] <= at[0] && at[1] <= span[1] {
			return true
		}
	}
	return false
}

// around returns the words with some of those before and after them.
func around(words string, at []int) string {
	const reach = 40 // bytes to either side
	begin, end := max(0, at[0]-reach), min(len(words), at[1]+reach)
	if space := strings.IndexByte(words[begin:at[0]], ' '); begin > 0 && space >= 0 {
		begin += space + 1
	}
	if space := strings.LastIndexByte(words[at[1]:end], ' '); end < len(words) && space >= 0 {
		end = at[1] + space
	}
	return squeeze(strings.ToValidUTF8(words[begin:end], ""))
}

func squeeze(words string) string { return strings.Join(strings.Fields(words), " ") }
