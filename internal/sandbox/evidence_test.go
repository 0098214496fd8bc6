package sandbox

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTheEvidenceNamesTestsThatExist(t *testing.T) {
	evidence, err := os.ReadFile("EVIDENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	files, _ := filepath.Glob("*_test.go") // the pattern is a good one
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllStringSubmatch(string(source), -1) {
			exists[found[1]] = true
		}
	}
	rows := 0
	for line := range strings.Lines(string(evidence)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || strings.TrimSpace(cells[0]) == "behaviour" || strings.HasPrefix(cells[0], "---") {
			continue
		}
		rows++
		if len(cells) != 4 {
			t.Errorf("a row has %d cells and not behaviour, source, evidence, test: %s", len(cells), line)
			continue
		}
		for name := range strings.SplitSeq(cells[3], ",") {
			if !exists[strings.TrimSpace(name)] {
				t.Errorf("there is no test %q, said to hold: %s", strings.TrimSpace(name), cells[0])
			}
		}
		if strings.TrimSpace(cells[1]) == "" || strings.TrimSpace(cells[2]) == "" {
			t.Errorf("nothing says where this comes from: %s", cells[0])
		}
	}
	if rows == 0 {
		t.Error("the evidence has no row")
	}
}
