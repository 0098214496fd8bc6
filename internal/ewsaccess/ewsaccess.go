// Package ewsaccess describes who may use Exchange Web Services (EWS) in Exchange Online, and generates the PowerShell
// script that edits the allow list. Checks, hand-off sheet, guides and documentation take the states, dates and delays,
// and the sentences about them, from here.
//
// Sources: Microsoft, "Control access to EWS in Exchange" and Set-OrganizationConfig; the Exchange team's posts of 2026
// on the retirement of EWS. These posts were read as a Microsoft support team translated them, not in the original, so
// the dates and states are theirs, but no wording is.
package ewsaccess

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The dates, at 00:00 UTC.
var (
	// FrontlineRefused is the date from which Exchange refuses EWS to mailboxes with no better licence than Exchange
	// Online Kiosk, F1 or F3.
	FrontlineRefused = day(2026, time.October, 1)
	// EmptyListRefuses is the date from which EwsEnabled = True with an empty list refuses every application, in the
	// worldwide cloud. Before that it admitted every application, and the cmdlet's page still says so.
	EmptyListRefuses = day(2026, time.October, 10)
	// End is when EWS ends in Exchange Online, without exceptions. Until then an administrator may unset EwsEnabled.
	End = day(2027, time.April, 1)
)

// The longest delays that Microsoft names.
const (
	ListDelay   = 24 * time.Hour      // until a change of the list takes effect
	SwitchDelay = time.Hour           // until a change of EwsEnabled takes effect
	Notice      = 7 * 24 * time.Hour  // between Microsoft's announcement to a tenant and the block of its EWS
	UsageWindow = 60 * 24 * time.Hour // of the use that Microsoft fills the list with before it closes a tenant's EWS
)

func day(year int, month time.Month, of int) time.Time {
	return time.Date(year, month, of, 0, 0, 0, 0, time.UTC)
}

// State is a combination of the organization's EwsEnabled and EwsAllowedAppIDs, with its effect.
type State struct {
	Name     string // how the texts call it
	Admits   string // which applications get in
	Action   string // what to do about it
	Evidence string
}

// States lists the four states, in the order in which the texts show them.
func States() []State { return slices.Clone(states) }

var states = []State{
	{
		Name: "`EwsEnabled` unset (null), whatever the list",
		Admits: "every application, until Microsoft blocks EWS in the tenant. It does so tenant by tenant, with {notice}' " +
			"notice. It then adds to the list what used EWS in the last {usage}, unless an administrator ever edited the " +
			"list, and sets `EwsEnabled` to False, so that no application gets in, listed or not",
		Action: "nothing now. When the message center announces the block, plan for the day after it: run the script " +
			"then (state False). Never set an unset `EwsEnabled` to True with a list of one: every other application (backup, " +
			"Outlook for Mac, room systems, CRM) would be refused. An entry added now harms nobody today, but ends the " +
			"automatic filling of the list for good, so that every other application needs an entry as well",
		Evidence: "Microsoft's posts of 2026",
	},
	{
		Name:   "`EwsEnabled` False, whatever the list",
		Admits: "no application",
		Action: "add the application to the list, then set `EwsEnabled` to True: nobody had access, so nobody loses it. " +
			"Look at who else is on the list first, because opening EWS admits them, too. {night}",
		Evidence: "Microsoft's posts of 2026",
	},
	{
		Name:     "`EwsEnabled` True, with a list",
		Admits:   "the applications on the list",
		Action:   "add the application to the list. A write replaces the whole list, so what is on it has to go back in",
		Evidence: "Microsoft's posts of 2026",
	},
	{
		Name:   "`EwsEnabled` True, with an empty list",
		Admits: "no application, in the worldwide cloud since {empty}",
		Action: "add the application to the list. It will be the only one, so find out first who else uses EWS",
		Evidence: "Microsoft's posts of 2026; conflicting: the page of `Set-OrganizationConfig` still says that an empty " +
			"list restricts nothing",
	},
}

// sentences are what the texts say in more than one place, by name. {…} are dates, delays and other sentences.
var sentences = map[string]string{
	"open": "While the organization's `EwsEnabled` is unset, Exchange Online admits every application to EWS. Microsoft " +
		"has been closing EWS tenant by tenant since October 2026, with {notice}' notice. From then on no application gets " +
		"in until an administrator sets `EwsEnabled` to True, which admits the applications on the organization's allow list",
	"unset": "Microsoft closes EWS {notice} after an announcement in the message center. It then adds to the list what " +
		"used EWS in the last {usage}, unless somebody ever edited the list, and sets EwsEnabled to False",
	"unproved": "This does not prove an entry on the allow list: a tenant whose `EwsEnabled` is unset admits every " +
		"application, until Microsoft blocks EWS there with {notice}' notice",
	"end": "EWS ends in Exchange Online on {last}, without exceptions; whether CodeTwo will have another way by then is " +
		"not known",
	"frontline": "Exchange Online has refused EWS to mailboxes with a Kiosk, F1 or F3 licence since {frontline}, " +
		"whatever the list says",
	"delay": "An entry on the list takes effect within {list}, a change of `EwsEnabled` within {switch}",
	"night": "The fastest way out, until {last}: `Set-OrganizationConfig -EwsEnabled $null` opens EWS to every " +
		"application within {switch}. Set it to True later only with a complete list",
	"clouds": "These dates are those of the worldwide cloud, the only one that CodeTwo connects to; GCC High, DoD and " +
		"21Vianet follow later",
	"report": "What uses EWS today is in the EWS usage report of the Microsoft 365 admin center (Reports > Usage)",
	"readme": "A tenant's own settings decide whether an application may use EWS. {open}. {end}. The connectivity check " +
		"shows whether the app can open the mailbox through EWS today, and what to do if it cannot",
}

// Sentence returns the text of that name as plain text, with its dates and without a full stop. It panics if there is
// no text of that name.
func Sentence(name string) string {
	text, known := Markdown(name)
	if !known {
		panic(fmt.Sprintf("ewsaccess: no sentence %q", name))
	}
	return strings.ReplaceAll(text, "`", "")
}

// Markdown is Sentence with the names of settings in backquotes. known is false if there is no text of that name.
func Markdown(name string) (text string, known bool) {
	text, known = sentences[name]
	return fill(text), known
}

// Table returns the states as a table in Markdown.
func Table() string {
	var table strings.Builder
	table.WriteString("| the organization's settings | who gets in | what to do | evidence |\n|---|---|---|---|\n")
	for _, state := range states {
		fmt.Fprintf(&table, "| %s | %s | %s | %s |\n", fill(state.Name), fill(state.Admits), fill(state.Action),
			state.Evidence)
	}
	return table.String()
}

// fill puts the dates and delays into a text.
func fill(text string) string {
	for _, name := range []string{"open", "end", "night"} {
		text = strings.ReplaceAll(text, "{"+name+"}", sentences[name])
	}
	return strings.NewReplacer(
		"{frontline}", FrontlineRefused.Format(time.DateOnly), "{empty}", EmptyListRefuses.Format(time.DateOnly),
		"{last}", End.Format(time.DateOnly),
		"{notice}", days(Notice), "{usage}", days(UsageWindow), "{list}", hours(ListDelay), "{switch}", hours(SwitchDelay),
	).Replace(text)
}

func days(d time.Duration) string { return fmt.Sprintf("%d days", int(d.Hours()/24)) }

func hours(d time.Duration) string {
	if d == time.Hour {
		return "an hour"
	}
	return fmt.Sprintf("%d hours", int(d.Hours()))
}
