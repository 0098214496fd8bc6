package probe

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/exchange"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/handoff"
)

// ewsEnd is when Microsoft switches EWS off in Exchange Online for good (Microsoft: "Deprecation of Exchange Web
// Services in Exchange Online").
var ewsEnd = time.Date(2027, time.April, 1, 0, 0, 0, 0, time.UTC)

// What X-EWS-Policy-Reason says (Microsoft: "Control access to EWS in Exchange").
const (
	ewsDisabled = "EWS is disabled for this user or tenant"
	ewsBlocked  = "EWS is blocked by policy for this user or tenant"
)

const powerShell = "In Exchange Online PowerShell (Connect-ExchangeOnline), as an Exchange administrator:\n"

func (f Facts) ews() Check {
	if errors.Is(f.EWSURLErr, exchange.ErrOtherOrigin) {
		return failed("Where the tenant's mailboxes are not in Exchange Online (hybrid), choose one that is. Otherwise compare the provider's endpoints.exchange.",
			"Autodiscover points outside: %v. No token is sent there", f.EWSURLErr)
	}
	if f.EWSErr == nil {
		return warning("", "the app opens the inbox of %s. EWS ends in Exchange Online for good on %s: finish the migration before then (whether CodeTwo will have another way is not known)", f.Connection.Mailbox, day(ewsEnd))
	}
	answer, ok := errors.AsType[*exchange.Error](f.EWSErr)
	if !ok {
		return undecided("Check the network between this machine and Exchange Online (HTTPS_PROXY, firewall), and plan again.", "no answer of Exchange: %s", silence(f.EWSErr))
	}
	if check, decided := f.gate(answer); decided {
		return check
	}
	switch answer.Code {
	case exchange.CodeNoMailbox:
		if f.User != nil && f.licence().good() {
			return failed(fmt.Sprintf("Right after a licence was assigned, wait until the mailbox appears (within a day). If it stays away, the user may have a mailbox on premises still, beside which Exchange Online makes none: migrate that one, or set mailbox to an address that has one. Get-EXOMailbox -Identity %s in Exchange Online PowerShell shows when it is there.", handoff.Quote(f.Connection.Mailbox)),
				"Exchange has no mailbox %s, though the user has a licence for one: it is not provisioned yet, or still on premises. %s", f.Connection.Mailbox, noMailbox)
		}
		return failed(fmt.Sprintf("Give %s an Exchange licence (Microsoft 365 admin center > Users > Active users > Licenses and apps), and wait some minutes for its mailbox; or set mailbox to an address that has one.", f.Connection.Mailbox),
			"Exchange has no mailbox %s. %s", f.Connection.Mailbox, noMailbox)
	case exchange.CodeAccountDisabled:
		return failed("Unblock the account at Microsoft 365 admin center > Users > Active users.", "Exchange says that the account of %s is disabled", f.Connection.Mailbox)
	case exchange.CodeImpersonationDenied, exchange.CodeAccessDenied:
		return failed(powerShell+fmt.Sprintf("Get-ApplicationAccessPolicy | Where-Object AppId -eq %s\nTest-ApplicationAccessPolicy -AppId %s -Identity %s\nRemove the policy that denies this mailbox, or add the mailbox to its group. A change of permissions takes Exchange up to two hours.", handoff.Quote(f.Connection.ClientID), handoff.Quote(f.Connection.ClientID), handoff.Quote(f.Connection.Mailbox)),
			"Exchange does not let the app act for %s (%s)", f.Connection.Mailbox, answer.Code)
	}
	return f.unclear(answer)
}

// gate judges HTTP 403: EWS as such is refused to the organization, the app or the mailbox.
func (f Facts) gate(answer *exchange.Error) (check Check, decided bool) {
	if answer.Status != http.StatusForbidden || answer.Code != "" {
		return Check{}, false
	}
	if !f.Now.Before(ewsEnd) {
		return failed("No setting brings it back: ask CodeTwo which version migrates without EWS.", "EWS was switched off in Exchange Online on %s", day(ewsEnd)), true
	}
	client, mailbox := f.Connection.ClientID, handoff.Quote(f.Connection.Mailbox)
	open := "In PowerShell with the module ExchangeOnlineManagement, as an Exchange administrator:\n" + strings.TrimSpace(handoff.EWSCommands(client)) + "\nIt takes effect within 24 hours."
	if f.User != nil {
		// The header reads the same for a mailbox whose licence has no EWS (unconfirmed).
		if licence := f.licence(); licence.Status == Failed {
			open = "First the licence: " + licence.Remedy + "\nThen, if Exchange still refuses:\n" + open
		}
	}
	switch {
	case strings.EqualFold(answer.PolicyReason, ewsDisabled):
		return failed(open+"\nIf the organization has EWS on, it is off for the mailbox: Set-CASMailbox -Identity "+mailbox+" -EwsEnabled $true",
			"Exchange says: %s. Since 2026-10-01 EWS is off unless an administrator switches it on (EwsEnabled)", ewsDisabled), true
	case strings.EqualFold(answer.PolicyReason, ewsBlocked):
		return failed(open+"\nIf the app is on the list already: Get-OrganizationConfig | Format-List EwsApplicationAccessPolicy, EwsAllowList, EwsBlockList shows a policy by user agent.",
			"Exchange says: %s. The app %s is not on the organization's allow list (EwsAllowedAppIDs), which since 2026-10-01 it must be", ewsBlocked, client), true
	case answer.PolicyReason != "":
		return failed(open, "Exchange refuses EWS: %s", answer.PolicyReason), true
	default:
		return failed("Give the mailbox a licence with EWS (Exchange Online Plan 1 or 2, Microsoft 365 Business, E3 or E5; not Kiosk, F1 or F3). If it has one:\n"+open,
			"Exchange refuses EWS for %s without saying why", f.Connection.Mailbox), true
	}
}

// unclear judges an answer that says nothing of the connection.
func (f Facts) unclear(answer *exchange.Error) Check {
	switch {
	case answer.Code == exchange.CodeServerBusy || answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable:
		return undecided("Plan again in some minutes.", "Exchange is busy")
	case answer.Status == http.StatusUnauthorized:
		return failed("Right after a registration or a grant, wait up to an hour and plan again. Otherwise see that the tenant has Exchange Online, and that the app is enabled: Entra admin center > Enterprise applications > "+f.Connection.ClientID+" > Properties.",
			"Exchange does not accept the app's token (HTTP 401)")
	case answer.Foreign || answer.Location != "":
		return undecided("See what stands between this machine and Exchange Online (HTTPS_PROXY, a captive portal, TLS inspection), and plan again.", "something other than EWS answered: %s", words(answer)).withSupport("request-id", answer.RequestID)
	default:
		return undecided("Plan again in some minutes; if it stays, give the code, and the request-id that Terraform's warning shows, to Microsoft's support.", "%s", words(answer)).
			withSupport("request-id", answer.RequestID)
	}
}

// words are an answer's without its request-id.
func words(answer *exchange.Error) string {
	same := *answer
	same.RequestID = ""
	return same.Error()
}

// noPublicFolders is what EWS answers in a tenant that never had public folders (Microsoft: "ResponseCode", EWS reference).
const noPublicFolders = "ErrorPublicFolderMailboxDiscoveryFailed"

// publicFolders judges the root only: CodeTwo's documentation asks for Owner on it and on every subfolder that is
// migrated into, and those are not known here.
func (f Facts) publicFolders() Check {
	mailbox := f.Connection.Mailbox
	grant := powerShell + fmt.Sprintf("Remove-PublicFolderClientPermission -Identity '\\' -User %[1]s -Confirm:$false -ErrorAction SilentlyContinue\nAdd-PublicFolderClientPermission -Identity '\\' -User %[1]s -AccessRights Owner\nand the same for every subfolder that is migrated into (Get-PublicFolder '\\' -Recurse lists them).", handoff.Quote(mailbox))
	if f.PublicFoldersErr != nil {
		answer, ok := errors.AsType[*exchange.Error](f.PublicFoldersErr)
		if ok && answer.Code == exchange.CodeAccessDenied {
			return failed(grant, "%s may not open the root public folder", mailbox)
		}
		if ok && answer.Code == noPublicFolders {
			return failed("Set migrate_public_folders = false, or make the public folders first: "+powerShell+"New-Mailbox -PublicFolder -Name MasterHierarchy\nthen add the permission:\n"+grant,
				"the tenant has no public folders: Exchange finds no public folder mailbox for %s (%s)", mailbox, noPublicFolders)
		}
		text, support := silence(f.PublicFoldersErr), ""
		if ok {
			text, support = words(answer), answer.RequestID
		}
		return undecided(powerShell+"Get-PublicFolder '\\'\nGet-PublicFolderClientPermission -Identity '\\' -User "+handoff.Quote(mailbox)+"\nshow whether there are public folders, and what the mailbox may do.",
			"the root public folder gave no answer: %s", text).withSupport("request-id", support)
	}
	for _, entry := range f.PublicFolders.Permissions {
		if strings.EqualFold(entry.Mailbox, mailbox) && entry.Level == "Owner" {
			return passed("%s is Owner of the root public folder; its subfolders were not looked at", mailbox)
		}
	}
	rights := f.PublicFolders.Rights
	if rights == nil {
		return undecided(grant, "Exchange did not say what %s may do in the root public folder", mailbox)
	}
	// Owner may come through a group, and then shows in the rights alone. The root itself cannot be deleted, so that
	// right is not counted (unconfirmed).
	var missing []string
	for _, right := range []struct {
		name string
		held bool
	}{
		{"read items", rights.Read}, {"create items", rights.CreateContents},
		{"create subfolders", rights.CreateHierarchy}, {"change the folder", rights.Modify},
	} {
		if !right.held {
			missing = append(missing, right.name)
		}
	}
	if len(missing) > 0 {
		return failed(grant, "%s is not Owner of the root public folder: it may not %s", mailbox, strings.Join(missing, ", "))
	}
	return passed("%s has the rights of an Owner in the root public folder; its subfolders were not looked at", mailbox)
}
