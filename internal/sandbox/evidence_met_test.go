package sandbox

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// evidence is which test met what of the sandbox: an operation that succeeded, or a code that was answered.
var evidence = struct {
	mu  sync.Mutex
	met map[string]map[string]bool // names of tests by what they met
}{met: map[string]map[string]bool{}}

// TestMain holds the table of evidence against what its tests met, once all of them ran.
func TestMain(m *testing.M) {
	code := m.Run()
	some := ""
	for _, name := range []string{"test.run", "test.skip", "test.list", "test.fuzz"} {
		some += flag.Lookup(name).Value.String()
	}
	if code == 0 && some == "" {
		for _, gap := range gapsOfEvidence() {
			_, _ = fmt.Fprintln(os.Stderr, gap)
			code = 1
		}
	}
	os.Exit(code)
}

// gapsOfEvidence are the operations and codes of the sandbox's source that no test of the table met.
func gapsOfEvidence() (gaps []string) {
	tests, errs := readEvidence()
	for _, err := range errs {
		gaps = append(gaps, err.Error())
	}
	for _, one := range offered() {
		named := slices.ContainsFunc(slices.Collect(maps.Keys(evidence.met[one])), func(test string) bool {
			return tests[test]
		})
		if !named {
			gaps = append(gaps,
				fmt.Sprintf("EVIDENCE.md names no test that meets %s; it is met by %v", one,
					slices.Sorted(maps.Keys(evidence.met[one]))))
		}
	}
	return gaps
}

// Where the source says what there is.
var (
	muxPattern  = regexp.MustCompile(`HandleFunc\(\s*"((?:GET|POST) /[^"]*)"`)
	codePattern = regexp.MustCompile(
		`signInRefusal\{code: (\d+)|(?:code:|Code:|refuse\(|detail\(|"ErrorCode":)\s*"(\w+)"|` +
			`(?:badRequest|unsupportedQuery|badSyntax) += "(\w+)"|<ErrorCode>(\w+)<`)
)

// offered are the operations and the codes that the sandbox has, the control API's apart.
var offered = sync.OnceValue(func() (all []string) {
	for _, o := range graphOperations() {
		all = append(all, "the operation "+o.String())
	}
	for path, source := range sources() {
		if strings.HasPrefix(path, "control") {
			continue
		}
		for _, found := range muxPattern.FindAllStringSubmatch(source, -1) {
			all = append(all, "the operation "+found[1])
		}
		for _, found := range codePattern.FindAllStringSubmatch(source, -1) {
			all = append(all, "the code "+strings.Join(found[1:], ""))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
})

// outsideGraph matches each operation of the other APIs.
var outsideGraph = sync.OnceValue(func() map[string]*regexp.Regexp {
	patterns := map[string]*regexp.Regexp{}
	for _, one := range offered() {
		if operation, is := strings.CutPrefix(one, "the operation "); is && !strings.Contains(operation, " /v1.0/") &&
			!strings.Contains(operation, " /beta/") {
			patterns[one] = regexp.MustCompile(
				"^" + regexp.MustCompile(`\\\{\w+\\\}`).ReplaceAllString(regexp.QuoteMeta(operation), `[^/]+`) + "$")
		}
	}
	return patterns
})

// answeredCode finds the codes in an answer of any of the APIs.
var answeredCode = regexp.MustCompile(
	`AADSTS(\d+)|"(?:c|ErrorC)ode":"(\w+)"|<(?:\w+:)?(?:Response|Error)Code[^>]*>(\w+)<`)

// note remembers what a test met.
func (r *rig) note(method, path, body string, got answer) {
	test, _, _ := strings.Cut(r.t.Name(), "/")
	evidence.mu.Lock()
	defer evidence.mu.Unlock()
	meets := func(what string) {
		if evidence.met[what] == nil {
			evidence.met[what] = map[string]bool{}
		}
		evidence.met[what][test] = true
	}
	for _, found := range answeredCode.FindAllStringSubmatch(got.Body, -1) {
		meets("the code " + strings.Join(found[1:], ""))
	}
	if got.Status >= http.StatusBadRequest || r.unnoted {
		return
	}
	path, _, _ = strings.Cut(path, "?")
	version, below, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	if below == "$batch" {
		r.noteParts(body, got, meets)
		return
	}
	if found, is := operationOf(version, method, below); is {
		meets("the operation " + found.String())
	}
	for operation, pattern := range outsideGraph() {
		if pattern.MatchString(method + " " + path) {
			meets(operation)
		}
	}
}

func (r *rig) noteParts(body string, got answer, meets func(string)) {
	var sent struct{ Requests []batchPart }
	var answered struct{ Responses []batchAnswer }
	if json.Unmarshal([]byte(body), &sent) != nil || json.Unmarshal([]byte(got.Body), &answered) != nil {
		return
	}
	for _, request := range sent.Requests {
		path, _, _ := strings.Cut(request.URL, "?")
		succeeded := slices.ContainsFunc(answered.Responses, func(part batchAnswer) bool {
			return part.ID == request.ID && part.Status < http.StatusBadRequest
		})
		if found, is := operationOf(stable, request.Method, path); is && succeeded {
			meets("the operation " + found.String())
		}
	}
}
