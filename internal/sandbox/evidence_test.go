package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// readEvidence reads the table of evidence: the tests that it names, and what is wrong with it.
func readEvidence() (tests map[string]bool, errs []error) {
	content, err := os.ReadFile("EVIDENCE.md")
	if err != nil {
		return nil, []error{err}
	}
	rows := 0
	tests = map[string]bool{}
	for line := range strings.Lines(string(content)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || strings.TrimSpace(cells[0]) == "behaviour" || strings.HasPrefix(cells[0], "---") {
			continue
		}
		rows++
		if len(cells) != 4 {
			errs = append(errs, fmt.Errorf("a row has %d cells and not behaviour, source, evidence, test: %s", len(cells), line))
			continue
		}
		for name := range strings.SplitSeq(cells[3], ",") {
			tests[strings.TrimSpace(name)] = true
		}
		if strings.TrimSpace(cells[1]) == "" || !evidenceMark.MatchString(cells[2]) {
			errs = append(errs, fmt.Errorf("nothing says where this comes from: %s", cells[0]))
		}
		if strings.TrimSpace(cells[1]) == "–" && strings.HasPrefix(strings.TrimSpace(cells[2]), "documented") {
			errs = append(errs, fmt.Errorf("documented without a document: %s", cells[0]))
		}
	}
	if rows == 0 {
		errs = append(errs, errors.New("the evidence has no row"))
	}
	return tests, errs
}

// sourceFiles are the Go files of the sandbox's packages whose names end with a suffix: _test, or none for all others.
func sourceFiles(suffix string) (paths []string) {
	for _, pattern := range []string{"*.go", "*/*.go"} {
		found, _ := filepath.Glob(pattern) // the pattern is a good one
		paths = append(paths, found...)
	}
	return slices.DeleteFunc(paths, func(path string) bool {
		return strings.HasSuffix(path, "_test.go") != (suffix == "_test")
	})
}

// evidenceMark finds one of the words that EVIDENCE.md explains.
var evidenceMark = regexp.MustCompile(`documented|seen|read|unconfirmed|taken apart|chosen`)

func TestTheEvidenceNamesTestsThatExist(t *testing.T) {
	exists := map[string]bool{}
	for _, file := range sourceFiles("_test") {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(
			`(?m)^func (Test\w+)\(t \*testing\.T\)`).FindAllStringSubmatch(string(source), -1) {
			exists[found[1]] = true
		}
	}
	tests, errs := readEvidence()
	for _, err := range errs {
		t.Error(err)
	}
	for name := range tests {
		if !exists[name] {
			t.Errorf("there is no test %q", name)
		}
	}
}
