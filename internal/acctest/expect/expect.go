// Package expect builds regular expressions that match Terraform's error output.
package expect

import (
	"regexp"
	"strings"
)

// Error matches an error that says these things, in this order. The CLI breaks its lines wherever it likes.
func Error(things ...string) *regexp.Regexp {
	patterns := make([]string, len(things))
	for i, thing := range things {
		words := strings.Fields(thing)
		for j := range words {
			words[j] = regexp.QuoteMeta(words[j])
		}
		patterns[i] = strings.Join(words, `\s+`)
	}
	return regexp.MustCompile(`(?s)` + strings.Join(patterns, `.*`))
}
