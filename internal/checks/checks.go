// Package checks judges whether CodeTwo can work with a target connection: from facts that others gathered, it makes
// one result per check, each with a remedy that a person can carry out. It does no I/O.
package checks

import (
	"fmt"
	"slices"
	"time"
)

// Status is how a check turned out.
type Status string

// The statuses. A warning does not keep CodeTwo from working today.
const (
	Passed  Status = "passed"
	Warning Status = "warning"
	Failed  Status = "failed"
	Skipped Status = "skipped"
)

// The checks' names.
const (
	Record        = "record"
	Credential    = "credential"
	Tenant        = "tenant"
	Token         = "token"
	Permissions   = "permissions"
	Organization  = "organization"
	Mailbox       = "mailbox"
	EWS           = "ews"
	PublicFolders = "public_folders"
)

// Names lists the checks in the order in which they are judged and shown.
func Names() []string {
	return []string{Record, Credential, Tenant, Token, Permissions, Organization, Mailbox, EWS, PublicFolders}
}

// Check is the result of one check.
type Check struct {
	Name   string
	Status Status
	// Detail says what was found. It holds dates, but no durations, times of day or request IDs where the check
	// passed, so that the same facts read the same tomorrow.
	Detail string
	// Remedy is what a person can do about it. Every failed check has one.
	Remedy string
	// Script belongs to the remedy, and is too long for a message: PowerShell, or empty.
	Script string
	// Aside is said once, to whoever looks on: what differs with every request, such as the IDs that a support case with
	// Microsoft asks for, and so has no place in what is compared with the last run.
	Aside string
	// Undecided marks a skipped check that was asked for and could not be told.
	Undecided bool
}

// Report is the result of all checks, in the order of Names.
type Report struct {
	Checks []Check
	// Connected is true when the app signed in, no check failed and none was left undecided; false when one failed;
	// nil when it could not be told.
	Connected *bool
}

// Judge makes the report from what was gathered.
func Judge(f Facts) Report {
	var report Report
	failed, undecided, signedIn := false, false, false
	for _, name := range Names() {
		check := f.check(name)
		report.Checks = append(report.Checks, check)
		failed = failed || check.Status == Failed
		undecided = undecided || check.Undecided
		signedIn = signedIn || name == Token && check.good()
	}
	switch {
	case failed:
		report.Connected = new(false)
	case signedIn && !undecided:
		report.Connected = new(true)
	}
	return report
}

// Obstacle says why a check cannot be made with the facts gathered so far; it is empty when nothing is in the way. Who
// gathers facts asks before each question to the outside, so that nothing is asked whose answer would not be judged.
func (f Facts) Obstacle(name string) string {
	if slices.Contains(f.Skip, name) {
		return "not asked for: skip_checks names it"
	}
	if name == PublicFolders && f.Connection != nil && !f.Connection.MigratePublicFolders {
		return "not needed: the connection does not migrate public folders (migrate_public_folders)"
	}
	return f.unmet(name)
}

// unmet says which earlier check, or which role of the app, a check lacks.
func (f Facts) unmet(name string) string {
	switch name {
	case Credential, Tenant:
		return f.lacksCheck(Record)
	case Token:
		return firstOf(f.lacksCheck(Credential), f.lacksCheck(Tenant))
	case Permissions:
		return f.lacksCheck(Token)
	case Organization, Mailbox:
		return firstOf(f.lacksToken(graph, f.Graph), f.lacksRole(name))
	case EWS:
		return firstOf(f.lacksToken(exchangeOnline, f.Exchange), f.lacksRole(name))
	case PublicFolders:
		return f.lacksCheck(EWS)
	default:
		return ""
	}
}

func (f Facts) lacksCheck(name string) string {
	if check := f.check(name); !check.good() {
		how := map[Status]string{Failed: "failed", Skipped: "was skipped"}[check.Status]
		return fmt.Sprintf("could not tell: it needs the check %q, which %s", name, how)
	}
	return ""
}

// lacksToken lets a check go ahead with its API's token where only the other API refused one.
func (f Facts) lacksToken(api string, token TokenFacts) string {
	if reason := firstOf(f.lacksCheck(Credential), f.lacksCheck(Tenant)); reason != "" {
		return reason
	}
	if slices.Contains(f.Skip, Token) {
		return f.lacksCheck(Token)
	}
	if !token.Taken || token.Err != nil {
		return fmt.Sprintf("could not tell: the app got no token for %s (see the check %q)", api, Token)
	}
	return ""
}

// check is the verdict on one check.
func (f Facts) check(name string) Check {
	if reason := f.Obstacle(name); reason != "" {
		return Check{Name: name, Status: Skipped, Detail: reason, Undecided: f.wanted(name)}
	}
	verdict := map[string]func() Check{
		Record: f.record, Credential: f.credential, Tenant: f.tenant, Token: f.token, Permissions: f.permissions,
		Organization: f.organization, Mailbox: f.mailbox, EWS: f.ews, PublicFolders: f.publicFolders,
	}[name]()
	verdict.Name = name
	return verdict
}

// wanted tells whether the user counts on a check.
func (f Facts) wanted(name string) bool {
	if slices.Contains(f.Skip, name) {
		return false
	}
	return name != PublicFolders || f.Connection == nil || f.Connection.MigratePublicFolders
}

// withSupport adds what Microsoft's support asks for; an empty ID is left out.
func (c Check) withSupport(kind, id string) Check {
	if id != "" {
		c.Aside = fmt.Sprintf("For Microsoft's support: %s %s.", kind, id)
	}
	return c
}

// withBackOff adds how long Exchange asks to be left alone, and why that was not waited for; 0 is left out.
func (c Check) withBackOff(wait time.Duration) Check {
	if wait > 0 {
		c.Aside = fmt.Sprintf("Exchange asks to wait %s. The time that timeouts.read allows does not last that long.", wait.Round(time.Second))
	}
	return c
}

func (c Check) good() bool { return c.Status == Passed || c.Status == Warning }

func passed(detail string, arguments ...any) Check {
	return Check{Status: Passed, Detail: fmt.Sprintf(detail, arguments...)}
}

func warning(remedy, detail string, arguments ...any) Check {
	return Check{Status: Warning, Detail: fmt.Sprintf(detail, arguments...), Remedy: remedy}
}

func failed(remedy, detail string, arguments ...any) Check {
	return Check{Status: Failed, Detail: fmt.Sprintf(detail, arguments...), Remedy: remedy}
}

func undecided(remedy, detail string, arguments ...any) Check {
	return Check{Status: Skipped, Detail: "could not tell: " + fmt.Sprintf(detail, arguments...), Remedy: remedy, Undecided: true}
}

func firstOf(reasons ...string) string {
	for _, reason := range reasons {
		if reason != "" {
			return reason
		}
	}
	return ""
}
