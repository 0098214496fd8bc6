package checks

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

func TestEachRowCanBeTypedAndNeedsEarlierRowsAlone(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	for i, row := range table() {
		earlier := Names()[:i]
		if !name.MatchString(row.name) || slices.Contains(earlier, row.name) || row.judge == nil {
			t.Errorf("%d, %q: no name of its own, or no judge", i, row.name)
		}
		for _, need := range row.needs {
			if !slices.Contains(earlier, need) {
				t.Errorf("%s needs %q, which no earlier row is", row.name, need)
			}
		}
		if (len(row.roles) > 0) != (row.api != permission.API{}) {
			t.Errorf("%s: roles %v of %v", row.name, row.roles, row.api)
		}
	}
	for _, answer := range ExchangeAnswers() {
		if !slices.Contains(Names(), answer.Check) {
			t.Errorf("%s is an answer to %q, which is not a check", answer.Answer, answer.Check)
		}
	}
}

// wantedRoles are the least privileged roles and the wider ones of Microsoft's permission tables, written down once
// more.
var wantedRoles = map[string][]string{
	Organization: {"Directory.Read.All", "Directory.ReadWrite.All", "Organization.Read.All", "Organization.ReadWrite.All"},
	Mailbox:      {"Directory.Read.All", "Directory.ReadWrite.All", "User.Read.All", "User.ReadWrite.All"},
	EWS:          {"full_access_as_app"},
}

func TestACheckIsPossibleWithAnyOfItsRolesAndWithoutThemNamesTheFirst(t *testing.T) {
	t.Parallel()
	for _, row := range table() {
		if !slices.Equal(row.roles, wantedRoles[row.name]) {
			t.Errorf("%s takes one of %v", row.name, row.roles)
		}
		if len(row.roles) == 0 {
			continue
		}
		hold := func(roles ...string) *Facts {
			facts := well()
			if row.api == permission.Exchange {
				facts.Exchange.Roles = roles
			} else {
				facts.Graph.Roles = roles
			}
			return &facts
		}
		for _, role := range row.roles {
			if !hold(role).Runnable(row.name) {
				t.Errorf("%s is not asked with %s", row.name, role)
			}
		}
		without := hold("Mail.Send")
		got := find(t, Judge(*without), row.name)
		if without.Runnable(row.name) || !got.Inconclusive || !strings.Contains(got.Detail,
			"lacks the role "+row.roles[0]+" of "+row.api.Name) {
			t.Errorf("%s without its roles: %+v", row.name, got)
		}
	}
}

func TestAFailedOrSkippedCheckLeavesWhatNeedsItUndecided(t *testing.T) {
	t.Parallel()
	for _, row := range table() {
		for _, need := range row.needs {
			facts := well()
			facts.SkipChecks = []string{need}
			got := find(t, Judge(facts), row.name)
			if facts.Runnable(row.name) || !got.Inconclusive || !strings.Contains(got.Detail,
				`the check "`+need+`", which was skipped`) {
				t.Errorf("%s without %s: %+v", row.name, need, got)
			}
		}
	}
}

func TestOnlyWhatARecentChangeExplainsIsNotYet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*Facts)
		says  string // part of the reason; empty: there is nothing to wait for
	}{
		"nothing is wrong": {func(*Facts) {}, ""},
		"an unknown app":   {func(f *Facts) { refuse(f, 700016) }, "AADSTS700016"},
		"at one API alone": {func(f *Facts) { f.Graph.Err = &auth.Error{Codes: []int{700016}} }, "AADSTS700016"},
		"at the second API alone": {func(f *Facts) {
			f.Graph.Err, f.Exchange.Err = errors.New("timeout"), &auth.Error{Codes: []int{700016}}
		}, "AADSTS700016"},
		"an expired secret": {func(f *Facts) { refuse(f, 7000222) }, ""},
		"a role of every profile": {func(f *Facts) { f.Exchange.Roles = nil },
			"Office 365 Exchange Online/full_access_as_app"},
		"a check's role": {func(f *Facts) { f.Graph.Roles, f.SkipChecks = nil, []string{Permissions} },
			"Directory.Read.All"},
		"a role that nobody needs": {func(f *Facts) {
			f.Graph.Roles, f.SkipChecks = nil,
				[]string{Permissions, Organization, Mailbox}
		}, ""},
		"a refusal by Graph": {func(f *Facts) { f.UserErr = &entra.Error{Status: 403} },
			"Microsoft Graph refused the app"},
		"a refusal that is skipped": {func(f *Facts) {
			f.UserErr, f.SkipChecks = &entra.Error{Status: 403},
				[]string{Mailbox}
		}, ""},
		"a user that is not there": {func(f *Facts) {
			f.UserErr = &entra.Error{Status: 404,
				Code: "Request_ResourceNotFound"}
		}, ""},
	} {
		facts := well()
		facts.GrantedAt = today.Add(time.Second - PropagationTime)
		c.spoil(&facts)
		if got := facts.Propagating(); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want %q", name, got, c.says)
		}
		facts.GrantedAt = today.Add(-PropagationTime)
		if got := facts.Propagating(); got != "" {
			t.Errorf("%s, long after the change: %q", name, got)
		}
	}
}
