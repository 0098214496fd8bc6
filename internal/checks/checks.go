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
	// Support differs with every request, such as the IDs that Microsoft's support asks for. It is for messages only,
	// since the state must not change from run to run.
	Support string
	// Inconclusive marks a skipped check that the user requested: its result could not be determined.
	Inconclusive bool

	propagating bool // see Facts.Propagating
}

// Report is the result of all checks, in the order of Names.
type Report struct {
	Results []Result
	// Failed and Inconclusive report whether any check is.
	Failed, Inconclusive bool
	// Connected is true when the app signed in, no check failed and none is Inconclusive; false when one failed;
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
		report.Inconclusive = report.Inconclusive || result.Inconclusive
	}
	switch {
	case report.Failed:
		report.Connected = new(false)
	case !report.Inconclusive && f.result(named(Token)).succeeded():
		report.Connected = new(true)
	}
	return report
}

// Requested reports whether the user requested the check of that name: skip_checks does not name it, and the connection
// needs it.
func (f *Facts) Requested(name string) bool { return f.skipReason(named(name)) == "" }

// Runnable reports whether the check of that name can be made with the facts gathered so far. Ask it before each
// request, so that no request is sent whose response would not be used.
func (f *Facts) Runnable(name string) bool { return f.blocker(named(name)).Status == "" }

// skipReason says why a check was not requested, or is empty.
func (f *Facts) skipReason(c check) string {
	switch {
	case slices.Contains(f.SkipChecks, c.name):
		return "not asked for: skip_checks names it"
	case c.notNeeded != nil && f.Connection != nil:
		return c.notNeeded(f.Connection)
	default:
		return ""
	}
}

// blocker is the result of a check that cannot run with the facts gathered so far. Its Status is empty if the
// check can run.
func (f *Facts) blocker(c check) Result {
	if reason := f.skipReason(c); reason != "" {
		return Result{Status: Skipped, Detail: reason}
	}
	for _, name := range c.needs {
		if lacks := f.unmetDependency(name); lacks.Status != "" {
			return lacks
		}
	}
	token := f.tokenFor(c.api)
	switch {
	case len(c.roles) == 0:
		return Result{}
	case !f.Requested(Token):
		return f.unmetDependency(Token)
	case !token.Taken || token.Err != nil:
		return inconclusive("", "the app got no token for %s (see the check %q)", c.api.Name, Token)
	case !token.holdsAny(c.roles):
		return inconclusive("", "the app lacks the role %s of %s (see the check %q)", c.roles[0], c.api.Name, Permissions).
			mayBePropagating(true)
	default:
		return Result{}
	}
}

// unmetDependency is the blocker of a check that needs the one of that name; its Status is empty if that one succeeded.
func (f *Facts) unmetDependency(name string) Result {
	needed := f.result(named(name))
	if needed.succeeded() {
		return Result{}
	}
	how := map[Status]string{Failed: "failed", Skipped: "was skipped"}[needed.Status]
	return inconclusive("", "it needs the check %q, which %s", name, how)
}

// result judges one check.
func (f *Facts) result(c check) Result {
	result := f.blocker(c)
	if result.Status == "" {
		result = c.judge(f)
	}
	result.Name = c.name
	return result
}

// mayBePropagating marks, where it holds, a finding that may only mean that a change has not reached Entra's replicas.
func (r Result) mayBePropagating(holds bool) Result {
	r.propagating = holds
	return r
}

// withSupport adds what Microsoft's support asks for; an empty ID is left out.
func (r Result) withSupport(kind, id string) Result {
	if id != "" {
		r.Support = fmt.Sprintf("For Microsoft's support: %s %s.", kind, id)
	}
	return r
}

// withBackOff adds how long Exchange asks to be left alone, and why that was not waited for; 0 is left out.
func (r Result) withBackOff(wait time.Duration) Result {
	if wait > 0 {
		r.Support = fmt.Sprintf(
			"Exchange asks for a wait of %s, longer than timeouts.read allows. Raise timeouts.read, or plan "+
				"again after that time.",
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

func inconclusive(remedy, detail string, arguments ...any) Result {
	detail = "could not tell: " + fmt.Sprintf(detail, arguments...)
	return Result{Status: Skipped, Detail: detail, Remedy: remedy, Inconclusive: true}
}
