// Package checks evaluates facts gathered by package connectivity and returns, for each connectivity check, a status,
// an explanation and a remedy. It does no I/O.
package checks

import (
	"fmt"
	"slices"
	"time"
)

// Status is the outcome of a check.
type Status string

// The statuses. A warning does not keep CodeTwo from working today.
const (
	Passed  Status = "passed"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// Result is the result of one check.
type Result struct {
	Name   string
	Status Status
	// Detail says what was found. If the check passed, it contains dates but no durations, times of day or request IDs, so
	// that the same facts give the same text tomorrow.
	Detail string
	// Remedy is what a person can do about it. Every failed check has one.
	Remedy string
	// Script is the part of the remedy that is too long for a message: PowerShell, or empty.
	Script string
	// Volatile differs with every request, such as the IDs that Microsoft's support asks for. It is for messages only,
	// since the state must not change from run to run.
	Volatile string
	// Undecided marks a skipped check that is wanted: its result could not be determined.
	Undecided bool

	notYet bool // see NotYet
}

// Report is the result of all checks, in the order of Names.
type Report struct {
	Results []Result
	// Failed and Undecided report whether any check is.
	Failed, Undecided bool
	// Connected is true when the app signed in, no check failed and none was left undecided; false when one failed;
	// nil when it could not be determined.
	Connected *bool
}

// Judge makes the report from the gathered facts.
func Judge(f Facts) Report {
	var report Report
	for _, c := range table() {
		result := f.result(c)
		report.Results = append(report.Results, result)
		report.Failed = report.Failed || result.Status == Failed
		report.Undecided = report.Undecided || result.Undecided
	}
	switch {
	case report.Failed:
		report.Connected = new(false)
	case !report.Undecided && f.result(named(Token)).succeeded():
		report.Connected = new(true)
	}
	return report
}

// Wanted reports whether the check of that name is wanted: skip_checks does not name it, and the connection needs it.
func (f *Facts) Wanted(name string) bool { return f.unwanted(named(name)) == "" }

// Possible reports whether the check of that name can be made with the facts gathered so far. It is called before each
// request, so that no request is sent whose response would not be used.
func (f *Facts) Possible(name string) bool { return f.obstacle(named(name)).Status == "" }

// unwanted says why the user does not count on a check, or is empty.
func (f *Facts) unwanted(c check) string {
	switch {
	case slices.Contains(f.SkipChecks, c.name):
		return "not asked for: skip_checks names it"
	case c.unneeded != nil && f.Connection != nil:
		return c.unneeded(f.Connection)
	default:
		return ""
	}
}

// obstacle is the result of a check that cannot be made with the facts gathered so far. Its Status is empty where
// nothing is in the way.
func (f *Facts) obstacle(c check) Result {
	if reason := f.unwanted(c); reason != "" {
		return Result{Status: Skipped, Detail: reason}
	}
	for _, name := range c.needs {
		if lacks := f.lacksCheck(name); lacks.Status != "" {
			return lacks
		}
	}
	token := f.tokenFor(c.api)
	switch {
	case len(c.roles) == 0:
		return Result{}
	case !f.Wanted(Token):
		return f.lacksCheck(Token)
	case !token.Taken || token.Err != nil:
		return undecided("", "the app got no token for %s (see the check %q)", c.api.Name, Token)
	case !token.holdsAny(c.roles):
		return undecided("", "the app lacks the role %s of %s (see the check %q)", c.roles[0], c.api.Name, Permissions).
			orNotYet(true)
	default:
		return Result{}
	}
}

// lacksCheck is the obstacle of a check that needs the one of that name.
func (f *Facts) lacksCheck(name string) Result {
	needed := f.result(named(name))
	if needed.succeeded() {
		return Result{}
	}
	how := map[Status]string{Failed: "failed", Skipped: "was skipped"}[needed.Status]
	return undecided("", "it needs the check %q, which %s", name, how)
}

// result judges one check.
func (f *Facts) result(c check) Result {
	result := f.obstacle(c)
	if result.Status == "" {
		result = c.judge(f)
	}
	result.Name = c.name
	return result
}

// orNotYet marks, where it holds, a finding that may only mean that Entra has not heard of a change.
func (r Result) orNotYet(holds bool) Result {
	r.notYet = holds
	return r
}

// withSupport adds what Microsoft's support asks for; an empty ID is left out.
func (r Result) withSupport(kind, id string) Result {
	if id != "" {
		r.Volatile = fmt.Sprintf("For Microsoft's support: %s %s.", kind, id)
	}
	return r
}

// withBackOff adds how long Exchange asks to be left alone, and why that was not waited for; 0 is left out.
func (r Result) withBackOff(wait time.Duration) Result {
	if wait > 0 {
		r.Volatile = fmt.Sprintf("Exchange asks to wait %s. The time that timeouts.read allows does not last that long.",
			wait.Round(time.Second))
	}
	return r
}

// succeeded reports whether what needs the check can go ahead.
func (r Result) succeeded() bool { return r.Status == Passed || r.Status == Warning }

func passed(detail string, arguments ...any) Result {
	return Result{Status: Passed, Detail: fmt.Sprintf(detail, arguments...)}
}

func warning(remedy, detail string, arguments ...any) Result {
	return Result{Status: Warning, Detail: fmt.Sprintf(detail, arguments...), Remedy: remedy}
}

func failed(remedy, detail string, arguments ...any) Result {
	return Result{Status: Failed, Detail: fmt.Sprintf(detail, arguments...), Remedy: remedy}
}

func undecided(remedy, detail string, arguments ...any) Result {
	detail = "could not tell: " + fmt.Sprintf(detail, arguments...)
	return Result{Status: Skipped, Detail: detail, Remedy: remedy, Undecided: true}
}
