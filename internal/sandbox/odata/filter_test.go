package odata

import (
	"errors"
	"testing"
)

func TestAFilterFindsWhatItSays(t *testing.T) {
	row := Object{
		"displayName": "O'Hara's App", "appId": "11111111-2222-4333-8444-555555555555", "enabled": true, "missing": nil,
		"created": "2026-11-23T00:00:00Z",
		"tags":    []any{"codetwo", "x"}, "plans": []any{Object{"service": "exchange", "status": "Enabled"}},
		"info": Object{"url": "https://a"},
	}
	for text, want := range map[string]bool{
		"displayName eq 'O''Hara''s App'":                                true,
		"displayName eq 'o''hara''s app'":                                true,
		"displayName eq 'O'":                                             false,
		"startswith(displayName,'o''h')":                                 true,
		"startsWith(displayName, 'Hara')":                                false,
		"contains(displayName, 'HARA')":                                  true,
		"contains(displayName,'hora')":                                   false,
		"tags/any(t:contains(t,'det'))":                                  true,
		"endswith(displayName,'app')":                                    true,
		"tags/any(t:t eq 'codetwo')":                                     true,
		"tags/any(t: startswith(t,'code') and t ne 'x')":                 true,
		"tags/any(t:t eq 'y')":                                           false,
		"plans/any(p:p/service eq 'exchange' and p/status eq 'Enabled')": true,
		"plans/any(p:p/service eq 'exchange' and p/status eq 'Deleted')": false,
		"enabled eq true and missing eq null":                            true,
		"enabled eq false or appId in ('a', '" + "11111111-2222-4333-8444-555555555555" + "')": true,
		"appId eq " + "11111111-2222-4333-8444-555555555555":                                   true,
		"enabled eq false or enabled eq true and displayName eq ''":                            false,
		"(enabled eq false or enabled eq true) and not(displayName eq '')":                     true,
		"created ge 2026-11-22T23:59:59Z and created le 2026-11-23T00:00:00Z":                  true,
		"created ge 2026-11-23T00:00:01Z":                                                      false,
		"tags/any(t:t eq 'x') and tags/any(u:u eq 'codetwo')":                                  true,
		"info/url eq 'https://a'":                                                              true,
		"displayName ne 'x'":                                                                   true,
	} {
		parsed, err := parseFilter(text)
		if err != nil {
			t.Errorf("%s: %s", text, err)
			continue
		}
		if got := parsed.holds(row); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}

func TestAFilterThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "displayName", "displayName eq", "displayName eq 'x", "displayName like 'x'", "eq 'x'", "(displayName eq 'x'",
		"displayName eq 'x')",
		"displayName eq 'x' displayName eq 'y'", "tags/any(t:t eq 'x'", "tags/all(t:t eq 'x')", "startswith(displayName)",
		"startswith(displayName,true)",
		"displayName in ()", "displayName eq 'x' and", "not", "displayName eq #", "'x' eq displayName",
		"tags/any(t:tags/any(u:u eq 'x'))", "displayName eq eq)",
	} {
		if parsed, err := parseFilter(text); err == nil {
			t.Errorf("%q is taken for a filter on %v", text, parsed.properties)
		}
	}
}

func FuzzAFilterHoldsWhereItsNegationDoesNot(f *testing.F) {
	for _, text := range []string{
		"", "a", "a eq 'b'", "a eq 'it''s'", "a eq 'b", "not(a ne 'b')", "tags/any(t:t eq 'x')", "tags/any(t:t/a eq null)",
		"tags/any(t:t eq 'x') and (not(a ne 'b') or c in ('d',true))", "startswith(a,'B')", "endswith(a,b)", "d/e eq 'f'",
		"when ge 2026-11-22T23:59:59Z", "when le 2026", "a eq 'b' and c eq true or d eq null", "not not a eq 'b'",
		"((a eq 'b'))",
		"tags/any(t:tags/any(u:u eq 'x'))", "a eq #", "a in ()", "\u00e4 eq 'b'", "a eq \xff",
	} {
		f.Add(text)
	}
	row := Object{
		"tags": []any{"x", Object{"a": nil}}, "a": "b", "c": true, "d": Object{"e": "f"}, "when": "2026-11-23T00:00:00Z",
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseFilter(text)
		if err != nil {
			if _, misspelt := errors.AsType[*SyntaxError](err); !misspelt || parsed != nil {
				t.Errorf("%q is %v, and the error %v", text, parsed, err)
			}
			return
		}
		holds := parsed.holds(row)
		for rewritten, want := range map[string]bool{
			"not(" + text + ")": !holds, "(" + text + ") and c eq true": holds, "c eq false or (" + text + ")": holds,
		} {
			again, err := parseFilter(rewritten)
			if err != nil || again.holds(row) != want {
				t.Errorf("%s is %t, and not so %s (%v)", text, holds, rewritten, err)
			}
		}
	})
}
