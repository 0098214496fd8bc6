//go:build full

package ewsaccess_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/ewsplay"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
)

// mutants are the script with one branch taken always or never, or without one statement, by what was done.
func mutants(script string) map[string]string {
	all := map[string]string{}
	add := func(at int, what, mutant string) {
		start := strings.LastIndex(script[:at], "\n") + 1
		line, _, _ := strings.Cut(script[start:], "\n")
		all[fmt.Sprintf("%s in column %d of: %s", what, at-start+1, strings.TrimSpace(line))] = mutant
	}
	for _, found := range regexp.MustCompile(`\bif \(`).FindAllStringIndex(script, -1) {
		end := found[1]
		for depth := 1; depth > 0; end++ {
			depth += strings.Count(script[end:end+1], "(") - strings.Count(script[end:end+1], ")")
		}
		for _, value := range []string{"$true", "$false"} {
			add(found[0], value, script[:found[1]]+value+script[end-1:])
		}
	}
	for _, word := range []string{"throw ", "return"} {
		for _, found := range regexp.MustCompile(`\b`+word).FindAllStringIndex(script, -1) {
			add(found[0], "no "+word, script[:found[0]]+map[string]string{"throw ": "[void] "}[word]+script[found[1]:])
		}
	}
	step := `(?m)^ +(Write-Access|Confirm-Write|Assert-Same|\$after =|Connect-ExchangeOnline|Start-Sleep) .*\n`
	for _, found := range regexp.MustCompile(step).FindAllStringIndex(script, -1) {
		add(found[0], "no", script[:found[0]]+script[found[1]:])
	}
	return all
}

func TestEWSScriptHasNoBranchThatCouldBeOtherwiseUnderPowerShell(t *testing.T) {
	all := single()
	var plays []ewsplay.Play
	var notices []func(ewsplay.Outcome) []string
	for i, play := range everyState() {
		if i%23 == 0 {
			plays = append(plays, play)
			notices = append(notices, func(got ewsplay.Outcome) []string { return undecided(play, got) })
		}
	}
	for _, one := range all {
		plays, notices = append(plays, one.play), append(notices, one.missed)
	}
	found := mutants(ewsaccess.Script(target))
	if len(found) < 50 {
		t.Errorf("only %d mutants: the script is not written as this test reads it", len(found))
	}
	for what, mutant := range found {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			for i, got := range ewsplay.Run(t, mutant, plays) {
				if len(notices[i](got)) > 0 {
					return
				}
			}
			t.Error("nobody notices")
		})
	}
}
