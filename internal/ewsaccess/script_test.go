package ewsaccess_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/ewsplay"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/pwsh"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
)

const (
	tenantID  = "11111111-2222-3333-4444-555555555555"
	ours      = "66666666-7777-8888-9999-aaaaaaaaaaaa"
	backup    = "22222222-7777-8888-9999-aaaaaaaaaaaa"
	crm       = "33333333-7777-8888-9999-aaaaaaaaaaaa"
	domain    = "contoso.onmicrosoft.com"
	elsewhere = "99999999-2222-3333-4444-555555555555"
)

var target = ewsaccess.ScriptInput{TenantID: tenantID, ClientID: ours, TenantFacts: ewsaccess.TenantFacts{
	InitialDomain: domain, SeenAt: time.Date(2026, 11, 29, 23, 0, 0, 0, time.UTC),
	Holders: []ewsaccess.App{{ClientID: crm, Name: "Customer's CRM"}},
}}

// here is a play in the right organization, with a connection open.
func here(title string, change func(*ewsplay.Play)) ewsplay.Play {
	play := ewsplay.Play{Title: title, Name: domain, Connections: []ewsplay.Connection{{TenantID: tenantID}}}
	if change != nil {
		change(&play)
	}
	return play
}

// said is an answer to the script's question.
type said struct {
	text   string
	nobody bool
}

// everyState is each state of the organization, with the entry and without, with each answer and each set of
// parameters.
func everyState() (plays []ewsplay.Play) {
	for _, enabled := range []string{ewsplay.Unset, ewsplay.False, ewsplay.True} {
		for _, list := range []string{"", ours, strings.ToUpper(ours), backup, backup + "," + ours, backup + "; " + crm} {
			for _, answer := range []said{{text: "yes"}, {text: " Y "}, {text: "no"}, {text: ""}, {nobody: true}} {
				for _, arguments := range []string{"", "-PrepareList", "-Yes", "-PrepareList -Yes", "-AlsoAllow '" + backup + "," +
					crm + "'", "-PrepareList -AlsoAllow " + crm + "," + backup + " -Yes"} {
					for _, lag := range []int{0, 3} {
						title := fmt.Sprintf("EwsEnabled %q, list %q, answer %+v, %s, lag %d", enabled, list, answer, arguments, lag)
						plays = append(plays, here(title, func(p *ewsplay.Play) {
							p.Enabled, p.List, p.Answer, p.NobodyThere, p.Arguments, p.Lag = enabled, list, answer.text, answer.nobody,
								arguments, lag
						}))
					}
				}
			}
		}
	}
	return plays
}

// decided is what the documents ask of a play in the right organization: the list to write, empty for none; whether
// EwsEnabled becomes True; and whether the script stops for want of a yes.
func decided(p ewsplay.Play) (list []string, opens, stops bool) {
	yes := strings.Contains(p.Arguments, "-Yes") || !p.NobodyThere && slices.Contains([]string{"yes", "y"},
		strings.ToLower(strings.TrimSpace(p.Answer)))
	wanted := []string{ours}
	if strings.Contains(p.Arguments, "-AlsoAllow") {
		wanted = append(wanted, backup, crm)
	}
	before := strings.FieldsFunc(p.List, func(r rune) bool { return strings.ContainsRune(",; ", r) })
	after := slices.Clone(before)
	for _, id := range wanted {
		if !slices.ContainsFunc(after, func(listed string) bool { return strings.EqualFold(listed, id) }) {
			after = append(after, id)
		}
	}
	if len(after) == len(before) {
		after = nil
	}
	switch {
	case p.Enabled == ewsplay.Unset && (!strings.Contains(p.Arguments, "-PrepareList") || after == nil):
		return nil, false, false
	case p.Enabled == ewsplay.True && len(before) > 0:
		return after, false, false
	case !yes:
		return nil, false, true
	default:
		return after, p.Enabled == ewsplay.False, false
	}
}

func TestEWSScriptWritesWhatEachStateAsksForUnderPowerShell(t *testing.T) {
	t.Parallel()
	plays := everyState()
	for i, outcome := range ewsplay.Run(t, ewsaccess.Script(target), plays) {
		for _, complaint := range undecided(plays[i], outcome) {
			t.Errorf("%s: %s", plays[i].Title, complaint)
		}
	}
}

// undecided says what of an outcome is not as decided.
func undecided(play ewsplay.Play, got ewsplay.Outcome) (complaints []string) {
	complain := func(format string, values ...any) { complaints = append(complaints, fmt.Sprintf(format, values...)) }
	list, opens, stops := decided(play)
	var want, writes []string
	if list != nil {
		slices.Sort(list)
		want = append(want, "list "+strings.Join(list, ","))
	}
	if opens {
		want = append(want, "EwsEnabled true")
	}
	for _, write := range got.Writes {
		if write.List != nil {
			ids := strings.Split(*write.List, ",")
			slices.Sort(ids)
			writes = append(writes, "list "+strings.Join(ids, ","))
		}
		if write.SetsEnabled {
			writes = append(writes, fmt.Sprintf("EwsEnabled %v", write.Enabled != nil && *write.Enabled))
		}
	}
	if !slices.Equal(writes, want) {
		complain("wrote %q, want %q", writes, want)
	}
	if (got.Failure != "") != stops {
		complain("ended with %q, want an error: %v", got.Failure, stops)
	}
	if stops && !strings.Contains(got.Failure, "Nothing was changed") {
		complain("does not say that nothing was changed: %q", got.Failure)
	}
	if !strings.Contains(got.Said, "Connected to "+domain) || !strings.Contains(got.Said, "EWS usage report") {
		complain("does not say where it is connected to, and where to look: %s", got.Said)
	}
	if len(writes) == 0 && strings.Contains(got.Said, "Done.") {
		complain("wrote nothing, and says that it is done: %s", got.Said)
	}
	if len(writes) > 0 && !strings.Contains(got.Said, "Done. EwsEnabled") {
		complain("wrote, and does not show the result: %s", got.Said)
	}
	if len(writes) > 0 && got.Slept < 30 {
		complain("wrote on the word of one read")
	}
	if len(writes) > 0 && play.Lag > 0 && got.Slept <= 30 {
		complain("took an old read for the result")
	}
	return complaints
}

// expected is what comes of a play.
type expected struct {
	play   ewsplay.Play
	writes int
	fails  string // words of the error, or "" for none
	says   []string
	more   func(ewsplay.Outcome) string // a complaint, or ""
}

func (e expected) missed(got ewsplay.Outcome) (complaints []string) {
	if len(got.Writes) != e.writes || !strings.Contains(got.Failure, e.fails) || (got.Failure == "") != (e.fails == "") {
		complaints = append(complaints, fmt.Sprintf("%d writes and %q, want %d and %q", len(got.Writes), got.Failure,
			e.writes, e.fails))
	}
	for _, words := range e.says {
		if !strings.Contains(got.Said, words) {
			complaints = append(complaints, fmt.Sprintf("does not say %q: %s", words, got.Said))
		}
	}
	if e.more != nil {
		if complaint := e.more(got); complaint != "" {
			complaints = append(complaints, complaint)
		}
	}
	return complaints
}

// connects complains where the script did not connect in just this way.
func connects(want ...string) func(ewsplay.Outcome) string {
	return func(got ewsplay.Outcome) string {
		if slices.Equal(got.Connects, want) {
			return ""
		}
		return fmt.Sprintf("connected %q, want %q", got.Connects, want)
	}
}

// silent complains where the script says something that does not apply.
func silent(words string) func(ewsplay.Outcome) string {
	return func(got ewsplay.Outcome) string {
		if strings.Contains(got.Said, words) {
			return "says " + words
		}
		return ""
	}
}

// lists complains where the first write is not of this list.
func lists(want ...string) func(ewsplay.Outcome) string {
	return func(got ewsplay.Outcome) string {
		if len(got.Writes) > 0 && got.Writes[0].List != nil && *got.Writes[0].List == strings.Join(want, ",") {
			return ""
		}
		return fmt.Sprintf("wrote %+v, want the list %q first", got.Writes, want)
	}
}

// single are plays of what the states do not differ in.
func single() map[string]expected {
	yes := func(p *ewsplay.Play) { p.Enabled, p.Arguments = ewsplay.False, "-Yes" }
	with := func(changes ...func(*ewsplay.Play)) ewsplay.Play {
		return here("", func(p *ewsplay.Play) {
			yes(p)
			for _, change := range changes {
				change(p)
			}
		})
	}
	return map[string]expected{
		"an organization whose name alone fits": {with(func(p *ewsplay.Play) { p.Connections[0].TenantID = elsewhere }),
			2, "", nil, nil},
		"an organization whose tenant ID alone fits": {with(func(p *ewsplay.Play) { p.Name = "old.onmicrosoft.com" }), 2, "",
			nil, nil},
		"another organization": {with(func(p *ewsplay.Play) {
			p.Name, p.Connections[0].TenantID = "fabrikam.onmicrosoft.com",
				elsewhere
		}), 0,
			"This script is for the tenant " + tenantID + " (" + domain + "). Nothing was changed.",
			[]string{"Connected to fabrikam.onmicrosoft.com"}, nil},
		"another organization's connection as well as ours": {with(func(p *ewsplay.Play) {
			p.Name, p.Connections = "fabrikam.onmicrosoft.com", append(p.Connections, ewsplay.Connection{TenantID: elsewhere})
		}), 0, "Nothing was changed", nil, nil},
		"a connection that is closed, and one that leads here": {with(func(p *ewsplay.Play) {
			p.Connections[0].State, p.Connections[0].TenantID, p.ConnectsTo = "Disconnected", elsewhere,
				ewsplay.Connection{TenantID: tenantID}
		}), 2, "", nil, connects("")},
		"a connection to the compliance center": {with(func(p *ewsplay.Play) {
			p.Connections[0].URI, p.ConnectsTo = "https://ps.compliance.protection.outlook.com",
				ewsplay.Connection{TenantID: tenantID}
		}), 2, "", nil, connects("")},
		"a partner's connection, which may show the partner's tenant": {with(func(p *ewsplay.Play) {
			p.Connections, p.Arguments, p.ConnectsTo = nil, "-Yes -DelegatedOrganization "+domain,
				ewsplay.Connection{TenantID: elsewhere}
		}), 2, "", nil, connects(domain)},
		"a partner with a connection that is open": {with(func(p *ewsplay.Play) {
			p.Arguments = "-Yes " +
				"-DelegatedOrganization " + domain
		}), 2, "", nil, connects()},
		"no connection, and a sign-in to another tenant": {with(func(p *ewsplay.Play) {
			p.Connections, p.Name, p.ConnectsTo = nil, "fabrikam.onmicrosoft.com", ewsplay.Connection{TenantID: elsewhere}
		}), 0, "-DelegatedOrganization " + domain, nil, nil},
		"a module without Get-ConnectionInformation": {with(func(p *ewsplay.Play) {
			p.Module = ewsplay.NoConnectionInformation
		}), 0, "older than 3.0", nil, nil},
		"a module without the parameter": {with(func(p *ewsplay.Play) { p.Module = ewsplay.NoParameter }), 0,
			"Update-Module", nil, nil},
		"a module without the property": {with(func(p *ewsplay.Play) { p.Module = ewsplay.NoProperty }), 0,
			"Update-Module", nil, nil},
		"a list that comes as an array": {with(func(p *ewsplay.Play) {
			p.List, p.ListAsArray = backup+","+crm,
				true
		}), 2, "", nil, lists(backup, crm, ours)},
		"a switch that comes as text": {with(func(p *ewsplay.Play) { p.AsText = true }), 2, "", nil, nil},
		"somebody who writes at the same time": {with(func(p *ewsplay.Play) {
			p.IntrudesAt, p.IntrudesWith = 3, ewsplay.Settings{Enabled: ewsplay.False, List: backup}
		}), 0, "Somebody else changes the settings, or Exchange Online shows old ones. Nothing was changed. Now: " +
			"EwsEnabled = False", nil, nil},
		"reads that never show the list": {with(func(p *ewsplay.Play) { p.Lag = 1000 }), 1,
			"Not confirmed. The list was written. The last look showed: EwsEnabled = False: no application may use EWS. " +
				"EwsAllowedAppIDs = (empty). Look again in an hour (Get-OrganizationConfig -RetrieveEwsOperationAccessPolicy), " +
				"and run this script again in any case: EwsEnabled is still False", nil, nil},
		"reads that never show the switch": {with(func(p *ewsplay.Play) { p.List, p.Lag = ours, 1000 }), 1,
			"Not confirmed. EwsEnabled was set to True. The last look showed: EwsEnabled = False: no application may use EWS. " +
				"EwsAllowedAppIDs = " + ours + ". Look again in an hour (Get-OrganizationConfig " +
				"-RetrieveEwsOperationAccessPolicy), and run this script again if the change is missing", nil, nil},
		"a write that Exchange refuses": {with(func(p *ewsplay.Play) { p.Refuses = true }), 1,
			"Set-OrganizationConfig failed: Exchange refuses the write. Nothing was changed. The change may have been made " +
				"all the same", nil, nil},
		"a parameter that does not exist": {with(func(p *ewsplay.Play) { p.Arguments = "-Yess" }), 0,
			"does not know '-Yess'", nil, nil},
		"an ID that is not one": {with(func(p *ewsplay.Play) { p.Arguments = "-Yes -AlsoAllow backup" }), 0,
			"'backup' is not a client ID", nil, nil},
		"who will be admitted, by name": {with(func(p *ewsplay.Play) { p.List = crm + "," + backup }), 2, "",
			[]string{"EWS will be open to these applications:\n  " + crm + " (Customer's CRM)\n  " + backup + "\n  " + ours +
				" (this application)\n"}, silent("Not on the list")},
		"who is not on the list, with the date": {with(), 2, "", []string{"as of 2026-11-29", "Customer's CRM"}, nil},
		"an open organization": {with(func(p *ewsplay.Play) {
			p.Enabled, p.Arguments = ewsplay.Unset,
				"-Yes"
		}), 0, "", []string{"EwsEnabled is unset: every application may use EWS", "7 days", "Nothing was changed",
			"(-PrepareList adds the entry now"}, nil},
		"a list that is prepared": {with(func(p *ewsplay.Play) {
			p.Enabled, p.Arguments = ewsplay.Unset,
				"-PrepareList -Yes"
		}), 1, "", []string{"ends the automatic filling"}, nil},
		"reads that show the change late": {with(func(p *ewsplay.Play) { p.Lag = 2 }), 2, "",
			[]string{"does not show the change yet"}, nil},
		"an open organization with an entry": {with(func(p *ewsplay.Play) {
			p.Enabled, p.List, p.Arguments = ewsplay.Unset,
				ours, "-PrepareList"
		}), 0, "",
			[]string{"every application may use EWS. EwsAllowedAppIDs = " + ours, "Nothing to do: " + ours +
				" is on the list, which counts once EwsEnabled is True."}, silent("If EWS is still refused")},
		"an entry that is on the list already": {with(func(p *ewsplay.Play) {
			p.Enabled, p.List = ewsplay.True,
				ours
		}), 0, "", []string{"If EWS is still refused: the entry may be younger than 24 hours"},
			silent("which counts once")},
		"an application that is named twice, and ours": {with(func(p *ewsplay.Play) {
			p.Arguments = "-Yes -AlsoAllow '" +
				crm + " " + ours + ";" + crm + "'"
		}), 2, "", nil, lists(ours, crm)},
		"a switch that is said to be off": {with(func(p *ewsplay.Play) { p.Arguments = "-Yes:$false" }), 0,
			"does not know '-Yes:'", nil, nil},
		"a list that is said not to be prepared": {with(func(p *ewsplay.Play) {
			p.Enabled, p.Arguments = ewsplay.Unset,
				"-PrepareList:$false -Yes"
		}), 0, "does not know", nil, nil},
		"a stray word": {with(func(p *ewsplay.Play) { p.Arguments = "yes" }), 0,
			"does not know 'yes'", nil, nil},
		"two applications with a space between": {with(func(p *ewsplay.Play) {
			p.Arguments = "-AlsoAllow " + crm +
				" " + backup + " -Yes"
		}), 2, "", nil, lists(ours, crm, backup)},
		"a domain and a stray word": {with(func(p *ewsplay.Play) {
			p.Arguments = "-DelegatedOrganization " + domain +
				" -Yes " + crm
		}), 0, "does not know", nil, nil},
		"our tenant's ID on a connection to a customer": {with(func(p *ewsplay.Play) {
			p.Name, p.Connections[0].Delegated = "customer.onmicrosoft.com", "customer.onmicrosoft.com"
		}), 0, "Nothing was changed", nil, nil},
		"an entry of a moment ago that a read does not show": {with(func(p *ewsplay.Play) {
			p.Enabled, p.List, p.Earlier, p.LagBefore = ewsplay.True, crm+","+backup,
				ewsplay.Settings{Enabled: ewsplay.True, List: crm}, 2
		}), 0, "shows old ones", nil, nil},
		"a switch that was unset a moment ago": {with(func(p *ewsplay.Play) {
			p.Enabled, p.List, p.Earlier, p.LagBefore = ewsplay.Unset, ours, ewsplay.Settings{Enabled: ewsplay.False,
				List: ours}, 3
		}), 0, "shows old ones", nil, nil},
		"somebody who opens EWS while the list is written": {with(func(p *ewsplay.Play) {
			p.IntrudesAt, p.IntrudesWith = 5, ewsplay.Settings{Enabled: ewsplay.True, List: ours}
		}), 1, "", []string{"Done. EwsEnabled = True"}, nil},
		"somebody who adds an entry while the list is written": {with(func(p *ewsplay.Play) {
			p.IntrudesAt, p.IntrudesWith = 5, ewsplay.Settings{Enabled: ewsplay.False, List: ours + "," + backup}
		}), 1, "The list was written. Now: EwsEnabled = False", nil, nil},
		"Microsoft, who closes EWS while the list is prepared": {with(func(p *ewsplay.Play) {
			p.Enabled, p.Arguments, p.IntrudesAt, p.IntrudesWith = ewsplay.Unset, "-Yes -PrepareList", 5,
				ewsplay.Settings{Enabled: ewsplay.False, List: ours}
		}), 1, "The list was written. But EwsEnabled became False meanwhile: run this script again.", nil, nil},
		"a read that fails after the write": {with(func(p *ewsplay.Play) { p.FailingReads = []int{5, 6, 8} }), 2, "",
			[]string{"Done."}, nil},
		"reads that fail for ever after the write": {with(func(p *ewsplay.Play) {
			for i := 5; i < 60; i++ {
				p.FailingReads = append(p.FailingReads, i)
			}
		}), 1, "Not confirmed. The list was written. The last look showed: Reading the settings failed: The server is busy.",
			nil, nil},
		"a first read that fails": {with(func(p *ewsplay.Play) { p.FailingReads = []int{1} }), 0,
			"Reading the settings failed: The server is busy. Nothing was changed. Run this script again.", nil, nil},
		"reads that fail before the write": {with(func(p *ewsplay.Play) { p.FailingReads = []int{2, 4} }), 2, "",
			[]string{"Done."}, nil},
		"reads that fail for long before the write": {with(func(p *ewsplay.Play) {
			p.FailingReads = []int{2, 3, 4, 5, 6, 7, 8,
				9, 10, 11, 12}
		}), 0, "The server is busy. Nothing was changed.", nil, nil},
		"a list without a value": {with(func(p *ewsplay.Play) {
			p.Arguments = "-AlsoAllow $undefined " +
				"-Yes"
		}), 0, "-AlsoAllow has no value. Nothing was changed.", nil, nil},
		"a domain without a value": {with(func(p *ewsplay.Play) {
			p.Arguments = "-DelegatedOrganization " +
				"-Yes"
		}), 0, "-DelegatedOrganization has no value", nil, nil},
		"a domain that is a parameter": {with(func(p *ewsplay.Play) {
			p.Arguments = "-Yes " +
				"-DelegatedOrganization -WhatIf"
		}), 0, "does not know '-WhatIf'", nil, nil},
		"a partner whose connection hides it": {with(func(p *ewsplay.Play) {
			p.Name, p.Connections, p.ConnectsTo = "customer.onmicrosoft.com", nil, ewsplay.Connection{TenantID: tenantID}
			p.Arguments = "-Yes -DelegatedOrganization customer.onmicrosoft.com"
		}), 0, "Nothing was changed", nil, nil},
		"entries twice and in braces": {with(func(p *ewsplay.Play) {
			p.List = crm + "," +
				strings.ToUpper(crm) + ",{" + backup + "}"
		}), 2, "", nil, lists(crm, backup, ours)},
		"a session that only pretends": {with(func(p *ewsplay.Play) { p.WhatIf = true }), 0,
			"WhatIfPreference is set", nil, nil},
		"a connection that may not write": {with(func(p *ewsplay.Play) { p.Module = ewsplay.NoWriting }),
			0, "Connect as an Exchange Administrator", nil, nil},
		"an open gate with an entry": {with(func(p *ewsplay.Play) {
			p.Enabled, p.List = ewsplay.Unset,
				ours
		}), 0, "", []string{"on the day after the closing, 7 days after"}, silent("-PrepareList")},
		"a closed gate with an entry": {with(func(p *ewsplay.Play) {
			p.List, p.Arguments,
				p.Answer = ours, "", "no"
		}), 0, "In a pipeline, pass -Yes", nil, silent("The list is written")},
		"a session that cannot ask": {with(func(p *ewsplay.Play) {
			p.Arguments, p.NobodyThere = "",
				true
		}), 0, "This session cannot ask", nil, nil},
		"a caller in strict mode with settings of their own": {with(func(p *ewsplay.Play) { p.Strict = true }), 2, "", nil,
			lists(ours)},
		"a value that nobody knows": {with(func(p *ewsplay.Play) { p.Enabled = "Partly" }), 0,
			"EwsEnabled is 'Partly'", nil, nil},
		"an empty list": {with(func(p *ewsplay.Play) { p.Enabled = ewsplay.True }), 1,
			"", []string{"EwsAllowedAppIDs = (empty)", "The only applications", "2026-10-10"}, nil},
		"a question that is answered with a line end": {with(func(p *ewsplay.Play) {
			p.Arguments, p.Answer = "",
				"\n"
		}), 0, "not yes", nil, nil},
	}
}

func TestEWSScriptStopsWhereItShouldUnderPowerShell(t *testing.T) {
	t.Parallel()
	all := single()
	var names []string
	var plays []ewsplay.Play
	for name, one := range all {
		names, plays = append(names, name), append(plays, one.play)
	}
	for i, got := range ewsplay.Run(t, ewsaccess.Script(target), plays) {
		for _, complaint := range all[names[i]].missed(got) {
			t.Errorf("%s: %s", names[i], complaint)
		}
	}
}

func TestEWSScriptGoesByTheTenantIDWhereNobodyKnowsTheDomainUnderPowerShell(t *testing.T) {
	t.Parallel()
	unknown := ewsaccess.ScriptInput{TenantID: tenantID, ClientID: ours}
	nameless := here("", func(p *ewsplay.Play) { p.Enabled, p.List, p.Name = ewsplay.True, backup, "" })
	other := here("", func(p *ewsplay.Play) {
		p.Enabled, p.List, p.Name, p.Connections[0].TenantID = ewsplay.True, backup, "", elsewhere
	})
	got := ewsplay.Run(t, ewsaccess.Script(unknown), []ewsplay.Play{nameless, other})
	if len(got[0].Writes) != 1 || got[0].Failure != "" || len(got[1].Writes) != 0 ||
		!strings.Contains(got[1].Failure, "Nothing was changed") {
		t.Errorf("got %+v", got)
	}
}

func TestEWSScriptSaysWhetherAnybodyLookedForOtherHoldersUnderPowerShell(t *testing.T) {
	t.Parallel()
	nobody, none := target, target
	nobody.Holders, nobody.SeenAt = nil, time.Time{}
	none.Holders = nil
	for words, script := range map[string]ewsaccess.ScriptInput{
		"is not known: Terraform could not read it":                        nobody,
		"As of 2026-11-29, no other application holds full_access_as_app.": none,
	} {
		got := ewsplay.Run(t, ewsaccess.Script(script), []ewsplay.Play{here("",
			func(p *ewsplay.Play) { p.Enabled, p.List = ewsplay.True, ours })})
		if !strings.Contains(got[0].Said, words) || got[0].Failure != "" {
			t.Errorf("does not say %q: %+v", words, got[0])
		}
	}
}

func TestEWSScriptReadsTheSameInEveryCodePage(t *testing.T) {
	t.Parallel()
	strange := target
	strange.InitialDomain = "za\u017c\u00f3\u0142\u0107.onmicrosoft.com"
	strange.Holders = []ewsaccess.App{{ClientID: crm, Name: "\u0111; X = (Set-OrganizationConfig -EwsEnabled $true) }) " +
		"# \U0001F4E7"}}
	for at, r := range ewsaccess.Script(strange) {
		if r > 0x7E || r < 0x20 && r != '\n' {
			t.Fatalf("byte %d is %q", at, r)
		}
	}
}

func TestEWSScriptWritesNoPlaceholderUnderPowerShell(t *testing.T) {
	t.Parallel()
	copied := ewsaccess.ScriptInput{TenantID: tenantID, ClientID: "CLIENT_ID"} // as in the guide
	got := ewsplay.Run(t, ewsaccess.Script(copied), []ewsplay.Play{here("",
		func(p *ewsplay.Play) { p.Enabled, p.List = ewsplay.True, backup })})
	if len(got[0].Writes) != 0 || !strings.Contains(got[0].Failure, "'CLIENT_ID' is not a client ID") {
		t.Errorf("got %+v", got[0])
	}
}

func TestEWSScriptRunsInWindowsPowerShell(t *testing.T) {
	t.Parallel()
	pwsh.WindowsPowerShell51(t, ewsaccess.Script(target))
}

func TestEWSScriptTakesParametersFromAFileUnderPowerShell(t *testing.T) {
	t.Parallel()
	got := pwsh.Run(t, pwsh.Script{Content: ewsaccess.Script(target), Arguments: []string{"-Yes", "-AlsoAllow", "backup"}})
	if got.ExitCode != 1 || !strings.Contains(got.Message(), "'backup' is not a client ID") {
		t.Errorf("got %+v", got)
	}
}

func TestEWSScriptTakesNamesOfStrangersForTextUnderPowerShell(t *testing.T) {
	t.Parallel()
	hostile := target
	hostile.Holders = []ewsaccess.App{{ClientID: crm, Name: "x'; Set-OrganizationConfig -EwsEnabled $true; " +
		"'\u2019\n$(Set-OrganizationConfig -EwsEnabled $true)"}}
	got := ewsplay.Run(t, ewsaccess.Script(hostile), []ewsplay.Play{here("",
		func(p *ewsplay.Play) { p.Enabled, p.List = ewsplay.False, crm })})
	if len(got[0].Writes) != 0 || !strings.Contains(got[0].Said, "$(Set-OrganizationConfig -EwsEnabled $true)") {
		t.Errorf("got %+v", got[0])
	}
}
