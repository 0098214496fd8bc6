package main

import (
	"errors"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"
)

// failure is why a target failed.
type failure struct {
	text  string // what the target printed
	input string // the file of the failing input, below the package's folder; empty: none was written
	test  string // the test that replays it, such as FuzzX/1234; empty: unknown
}

var (
	writtenInput = regexp.MustCompile(`(?m)^\s*Failing input written to (\S+)$`)
	failingSeed  = regexp.MustCompile(`(?m)^failure while testing seed corpus entry: (\S+)$`)
	failedTarget = regexp.MustCompile(`^--- FAIL: Fuzz\w* \(.*\)$`)
)

// failureOf returns why a target failed, from what it printed; nil if only its time was up. Until Go 1.27 the engine
// sometimes reports its own time limit as a failure (golang/go#75804): then the error is all that it says.
func failureOf(output string, err error) *failure {
	var words []string
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || line == "FAIL" || strings.HasPrefix(line, "fuzz: elapsed: ") || failedTarget.MatchString(line) {
			continue
		}
		words = append(words, line)
	}
	if strings.Join(words, "\n") == "context deadline exceeded" {
		return nil
	}
	found := &failure{text: output + err.Error()}
	if match := writtenInput.FindStringSubmatch(output); match != nil {
		found.input = match[1]
		found.test = path.Base(path.Dir(found.input)) + "/" + path.Base(found.input)
	} else if match := failingSeed.FindStringSubmatch(output); match != nil {
		found.test = match[1]
	}
	return found
}

// writeTable writes a row for each target.
func writeTable(out io.Writer, results []result) {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "executions\tper second\tper CPU second\tnew inputs\t\t target\n")
	for _, r := range results {
		outcome := "ok"
		switch {
		case r.failure != nil:
			outcome = "FAILED"
		case r.executions == 0: // the time was up before the seeds had run
			outcome = "NOT RUN"
		}
		fmt.Fprintf(table, "%d\t%.0f\t%.0f\t%d\t%s\t %s %s\n", r.executions, rate(r.executions, r.wall),
			rate(r.executions, r.cpu), r.interesting, outcome, r.folder.name, r.target)
	}
	_ = table.Flush()
}

func rate(count int, of time.Duration) float64 {
	if of <= 0 {
		return 0
	}
	return float64(count) / of.Seconds()
}

// summary says how to replay each failure; the error counts them.
func summary(out io.Writer, results []result, unbuilt []string) error {
	failed := 0
	for _, r := range results {
		if r.failure == nil {
			continue
		}
		failed++
		fmt.Fprintf(out, "\n%s %s failed:\n%s\n", r.folder.name, r.target, strings.TrimSpace(r.failure.text))
		if r.failure.input != "" {
			fmt.Fprintf(out, "input: %s/%s\n", r.folder.name, r.failure.input)
		}
		if r.failure.test != "" {
			fmt.Fprintf(out, "replay: go test -run '^%s$' %s\n", r.failure.test, r.folder.name)
		}
	}
	var problems []error
	if failed > 0 {
		problems = append(problems, fmt.Errorf("%d of %d targets failed", failed, len(results)))
	}
	if len(unbuilt) > 0 {
		problems = append(problems, fmt.Errorf("not built: %s", strings.Join(unbuilt, ", ")))
	}
	return errors.Join(problems...)
}
