package checks

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/handoff"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// ExchangeAnswer is what one answer of EWS or Autodiscover means for a CodeTwo connection. Meaning and Remedy contain
// placeholders; see ExpandPlaceholders.
type ExchangeAnswer struct {
	Check       string // whose answer it is: EWS or PublicFolders
	Answer      string // EWS's response code, what X-EWS-Policy-Reason says with HTTP 403, or the HTTP status
	Meaning     string
	Remedy      string
	Transient   bool // it may go away by itself: the check is undecided, not failed
	Account     bool // it concerns this mailbox or its account, not the organization or the app
	Script      bool // the remedy goes with the script that puts the app on the allow list (ewsaccess.Script)
	Unconfirmed bool // no document or capture of Microsoft's own shows the answer with this meaning
}

// ExchangeAnswers lists the answers that are explained, check by check.
func ExchangeAnswers() []ExchangeAnswer { return slices.Clone(exchangeAnswers) }

// What X-EWS-Policy-Reason says (Microsoft: "Control access to EWS in Exchange").
const (
	ewsDisabled = "EWS is disabled for this user or tenant"
	ewsBlocked  = "EWS is blocked by policy for this user or tenant"
)

// Answers other than response codes of EWS.
const (
	foreignURL   = "Autodiscover names an address outside outlook.office365.com"
	bare403      = "HTTP 403"
	unauthorized = "HTTP 401"
	unlicensed   = ews.CodeNoMailbox + ", and the user has no licence for one"
)

const (
	powerShell   = "In Exchange Online PowerShell (Connect-ExchangeOnline), as an Exchange administrator:\n"
	accessPolicy = powerShell + "Get-ApplicationAccessPolicy | Where-Object AppId -eq '{client_id}'\n" +
		"Test-ApplicationAccessPolicy -AppId '{client_id}' -Identity {mailbox_quoted}\n" +
		"Remove the policy that denies this mailbox, or add the mailbox to its group. " +
		"A change of permissions takes Exchange up to two hours."
	grantOwner = powerShell + "{grant_root}\nDo the same for every subfolder that is migrated into. " +
		"Get-PublicFolder '\\' -Recurse lists them; add them to public_folder_paths so that the check covers them."
	lookAtOwner = powerShell + "Get-PublicFolder '\\'\n{show_root}\nshow whether there are public folders, and what the " +
		"mailbox may do."

	mailboxSwitch = "- EwsEnabled of the mailbox is False: Set-CASMailbox -Identity {mailbox_quoted} -EwsEnabled $true\n"
	frontline     = "The mailbox has a Kiosk, F1 or F3 licence: give it one with EWS (Exchange Online Plan 1 or 2, " +
		"Microsoft 365 Business, E3 or E5)."
)

// The codes are of Microsoft's EWS reference ("ResponseCode").
var exchangeAnswers = []ExchangeAnswer{
	{Check: EWS, Script: true, Answer: ewsDisabled, Meaning: "Exchange says: " + ewsDisabled +
		". EwsEnabled is False for the organization or for the mailbox, or the mailbox has a frontline licence",
		Remedy: "{look_at_ews}\n" + mailboxSwitch +
			"- EwsEnabled of the organization is False: the script shows who is on the list, adds the app, and then opens EWS " +
			"to those on it. {ews night}.\n" +
			"- " + frontline + "\n" +
			"- None of these: wait and plan again. {ews delay}."},
	{Check: EWS, Script: true, Answer: ewsBlocked, Meaning: "Exchange says: " + ewsBlocked +
		". The app {client_id} is not on the organization's allow list (EwsAllowedAppIDs), the list is empty, or a " +
		"user-agent policy blocks it",
		Remedy: "{look_at_ews}\n" +
			"- EwsApplicationAccessPolicy is set, for the mailbox or the organization: it filters by user agent " +
			"(EwsAllowList, EwsBlockList). Make sure that it admits CodeTwo; check the mailbox's policy first " +
			"(Set-CASMailbox).\n" +
			"- EwsEnabled of the organization is True, and {client_id} is not in EwsAllowedAppIDs: the script adds it, and " +
			"keeps what is there.\n" +
			"- EwsEnabled is True, and EwsAllowedAppIDs is empty: the app will be the only one. The script asks first.\n" +
			"- {client_id} is in EwsAllowedAppIDs: wait and plan again. {ews delay}."},
	{Check: EWS, Script: true, Answer: bare403, Meaning: "Exchange refuses EWS for {mailbox} without saying why",
		Unconfirmed: true,
		Remedy: "{look_at_ews}\n" + mailboxSwitch +
			"- " + frontline + "\n" +
			"- EwsEnabled of the organization is False, or True without the app in EwsAllowedAppIDs: the script. {ews delay}."},
	{Check: EWS, Answer: unauthorized, Meaning: "Exchange does not accept the app's token (HTTP 401)",
		Remedy: "Right after a registration or a grant, wait up to an hour and plan again. Otherwise see that the tenant " +
			"has Exchange Online, and that the app is enabled: Entra admin center > Enterprise applications > {client_id} > " +
			"Properties."},
	{Check: EWS, Account: true, Answer: ews.CodeNoMailbox, Meaning: "Exchange has no mailbox {mailbox}, though the user " +
		"has a licence for one: it is not provisioned yet, or still on premises. " + noMailbox,
		Remedy: "Right after a licence was assigned, wait until the mailbox appears (within a day). If it does not appear, " +
			"the user may still have a mailbox on premises, and Exchange Online does not create a second: migrate it, or set " +
			"mailbox to an address that has one. Get-EXOMailbox -Identity {mailbox_quoted} in Exchange Online PowerShell " +
			"shows when it is there."},
	{Check: EWS, Account: true, Answer: unlicensed, Meaning: "Exchange has no mailbox {mailbox}. " + noMailbox,
		Remedy: "Give {mailbox} an Exchange licence (Microsoft 365 admin center > Users > Active users > Licenses and " +
			"apps), and wait a few minutes for its mailbox; or set mailbox to an address that has one."},
	{Check: EWS, Account: true, Answer: ews.CodeImpersonationDenied,
		Meaning: "Exchange does not let the app act for {mailbox} (" + ews.CodeImpersonationDenied + ")",
		Remedy:  accessPolicy},
	{Check: EWS, Answer: ews.CodeAccessDenied, Meaning: "Exchange does not let the app act for {mailbox} (" +
		ews.CodeAccessDenied + ")", Remedy: accessPolicy},
	{Check: EWS, Account: true, Answer: ews.CodeAccountDisabled,
		Meaning: "Exchange says that the account of {mailbox} is disabled",
		Remedy:  "Unblock the account at Microsoft 365 admin center > Users > Active users."},
	{Check: EWS, Answer: ews.CodeServerBusy, Meaning: "Exchange is busy", Remedy: "Run Terraform again in a few minutes.",
		Transient: true},
	{Check: EWS, Answer: foreignURL, Meaning: "Autodiscover points outside Exchange Online. No token is sent there",
		Remedy: "In a hybrid tenant, choose a mailbox that is in Exchange Online. Otherwise compare " +
			"the provider's endpoints.exchange."},

	{Check: PublicFolders, Answer: ews.CodeAccessDenied, Meaning: "{mailbox} may not open the root public folder",
		Remedy: grantOwner},
	{Check: PublicFolders, Answer: ews.CodeNoPublicFolders, Meaning: "The tenant has no public folders: Exchange finds " +
		"no public folder mailbox for {mailbox} (" + ews.CodeNoPublicFolders + ")", Unconfirmed: true,
		Remedy: "Set migrate_public_folders = false, or create the public folders first. " + powerShell +
			"New-Mailbox -PublicFolder -Name MasterHierarchy\nThen add the permission:\n" + grantOwner},
	{Check: PublicFolders, Answer: ews.CodeServerBusy, Meaning: "Exchange is busy",
		Remedy:    "Run Terraform again in a few minutes.",
		Transient: true},
}

// exchangeAnswer finds the row of an answer.
func exchangeAnswer(check, name string) (ExchangeAnswer, bool) {
	at := slices.IndexFunc(exchangeAnswers, func(known ExchangeAnswer) bool {
		return known.Check == check && strings.EqualFold(known.Answer, name)
	})
	if at < 0 {
		return ExchangeAnswer{}, false
	}
	return exchangeAnswers[at], true
}

// nameOf names an answer as the table does.
func nameOf(answer *ews.Error) string {
	switch {
	case answer.Code != "":
		return answer.Code
	case answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable:
		return ews.CodeServerBusy
	case answer.Status == http.StatusForbidden && answer.PolicyReason != "":
		return answer.PolicyReason
	case answer.NotEWS || answer.Location != "":
		return "" // something between answered
	default:
		return fmt.Sprintf("HTTP %d", answer.Status)
	}
}

// explained judges by a row of the table.
func (f *Facts) explained(known ExchangeAnswer) Result {
	if known.Transient {
		return inconclusive(f.fill(known.Remedy), "%s", f.fill(known.Meaning))
	}
	check := failed(f.fill(known.Remedy), "%s", f.fill(known.Meaning))
	if known.Script {
		check.Script = ewsaccess.Script(f.target())
	}
	return check
}

// ExpandPlaceholders replaces the placeholders in a text of one of the tables: {tenant_id}, {client_id}, {mailbox};
// {mailbox_quoted}, as a PowerShell string; {look_at_ews}, the command that shows the settings that decide on EWS;
// {ews NAME}, a sentence of package ewsaccess; and {grant_root} and {show_root}, commands for the root public folder.
func ExpandPlaceholders(text string, c store.Connection) string {
	return strings.NewReplacer(
		"{tenant_id}", c.TenantID, "{client_id}", c.ClientID,
		"{mailbox}", c.Mailbox, "{mailbox_quoted}", escape.PowerShell(c.Mailbox),
		"{look_at_ews}", "Look first, in Exchange Online PowerShell (Connect-ExchangeOnline), as an Exchange "+
			"administrator:\n"+ewsaccess.Look(c.Mailbox),
		"{ews delay}", ewsaccess.Sentence("delay"), "{ews night}", ewsaccess.Sentence("night"),
		"{grant_root}", handoff.GrantPublicFolderOwner(c.Mailbox, handoff.RootPublicFolder),
		"{show_root}", handoff.ShowPublicFolderPermissions(c.Mailbox, handoff.RootPublicFolder),
	).Replace(text)
}
