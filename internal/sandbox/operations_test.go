package sandbox

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// The versions of Graph, as a path names them.
const (
	stable = "v1.0"
	beta   = "beta"
)

// operation is one operation of Graph, as a table of the source has it.
type operation struct{ version, method, path string }

func (o operation) String() string { return o.method + " /" + o.version + "/" + o.path }

// graphOperations are read from the tables in the source.
var graphOperations = sync.OnceValue(func() (all []operation) {
	var ofBeta []string // paths
	for _, source := range sources() {
		for _, found := range regexp.MustCompile(`\{http\.Method(\w+), "([^"]+)",\s`).FindAllStringSubmatch(source, -1) {
			all = append(all, operation{stable, strings.ToUpper(found[1]), found[2]})
		}
		if found := regexp.MustCompile(`betaPaths = \[\]string\{([^]]+)\n\}`).FindStringSubmatch(source); found != nil {
			for _, path := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(found[1], -1) {
				ofBeta = append(ofBeta, path[1])
			}
		}
	}
	for _, o := range slices.Clone(all) {
		if slices.Contains(ofBeta, o.path) {
			all = append(all, operation{beta, o.method, o.path})
		}
	}
	return all
})

// keyInParentheses is the other way to write a key.
var keyInParentheses = regexp.MustCompile(`^([A-Za-z]+)\(.*\)$`)

// operationOf finds the operation of a request. Where two match, it is the one with fewer keys.
func operationOf(version, method, path string) (match operation, found bool) {
	var segments []string
	for _, segment := range strings.Split(strings.Trim(path, "/"), "/") {
		if keyed := keyInParentheses.FindStringSubmatch(segment); keyed != nil {
			segments = append(segments, keyed[1], "a key")
			continue
		}
		segments = append(segments, strings.TrimPrefix(segment, "microsoft."))
	}
	for _, o := range graphOperations() {
		pattern := strings.Split(o.path, "/")
		matches := o.version == version && o.method == method &&
			slices.EqualFunc(pattern, segments, func(want, got string) bool {
				return strings.HasPrefix(want, "{") || strings.EqualFold(want, got)
			})
		if matches && (!found || strings.Count(o.path, "{") < strings.Count(match.path, "{")) {
			match, found = o, true
		}
	}
	return match, found
}

// sources are the files of the sandbox by their paths, tests left out.
var sources = sync.OnceValue(func() map[string]string {
	found := map[string]string{}
	for _, path := range sourceFiles("") {
		content, err := os.ReadFile(path)
		if err != nil {
			panic(err) // of the checkout that this test was built from
		}
		found[path] = string(content)
	}
	return found
})
