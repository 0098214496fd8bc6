package checks

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
)

// noMailbox is CodeTwo's own message, shown next to ours so that a search for it ends here.
const noMailbox = `CodeTwo says: "The SMTP address has no mailbox associated with it."`

// graphUnanswered judges a question to the directory that failed for a reason that says nothing of its object.
func (f *Facts) graphUnanswered(name string, err error) Result {
	if entra.IsDenied(err) {
		// Right after a consent, Graph may refuse what the token allows (unconfirmed).
		c := named(name)
		return inconclusive(fmt.Sprintf("Grant the app %s of %s, and wait a few minutes for it to reach new tokens.",
			c.roles[0], c.api.Name),
			"Microsoft Graph refused the app; it may lack the role %s", c.roles[0]).mayBePropagating(true)
	}
	const checkNetwork = "Check the network between this machine and Microsoft Graph, and plan again."
	answer := entra.AsError(err)
	if answer == nil {
		return inconclusive(checkNetwork, "no answer of Microsoft Graph: %s", networkError(err))
	}
	remedy := "Run Terraform again in a few minutes."
	if answer.Status < http.StatusBadRequest { // a redirect, which a proxy or a portal made
		remedy = checkNetwork
	}
	same := *answer
	same.RequestID = ""
	return inconclusive(remedy, "Microsoft Graph did not answer the question: %v", &same).
		withSupport("request-id", answer.RequestID)
}

func (f *Facts) organization() Result {
	if f.OrganizationErr != nil || f.Organization == nil {
		return f.graphUnanswered(Organization, f.OrganizationErr)
	}
	_, domain, _ := strings.Cut(f.Connection.Mailbox, "@")
	var names []string
	for _, verified := range f.Organization.Domains {
		if strings.EqualFold(verified.Name, domain) {
			return passed("%s is a verified domain of %s", strings.ToLower(domain), escape.Visible(f.Organization.DisplayName))
		}
		names = append(names, verified.Name)
	}
	slices.Sort(names)
	return failed(fmt.Sprintf("Choose a mailbox in one of them, or verify %s at Microsoft 365 admin center > Settings > "+
		"Domains. If the mailbox is right, tenant_id is not.", domain),
		"%s is not a verified domain of %s, which has %s. %s", domain, escape.Visible(f.Organization.DisplayName),
		escape.Visible(strings.Join(names, ", ")), noMailbox)
}

// Service plans of Exchange Online (Microsoft: "Product names and service plan identifiers for licensing").
var (
	// mailboxPlans give a mailbox that EWS may reach.
	mailboxPlans = map[string]string{
		"efb87545-963c-4e0d-99df-69c6916d9eb0": "Exchange Online (Plan 2)",
		"9aaf7827-d63c-4b61-89c3-182f06f82e5c": "Exchange Online (Plan 1)",
		"8c3069c0-ccdb-44be-ab77-986203a67df2": "Exchange Online (Plan 2) for Government",
		"e9b4930a-925f-45e2-ac2a-3f7788ca6fdd": "Exchange Online (Plan 1) for Government",
		"1126bef5-da20-4f07-b45e-ad25d2581aa8": "Exchange Online Essentials",
		"90927877-dcff-4af6-b346-2332c0b15bb7": "Exchange Online POP",
	}
	// kioskPlan is what the frontline licences (Exchange Online Kiosk, Microsoft 365 and Office 365 F1 and F3) hold.
	// EWS answers 403 for a mailbox with nothing better since ewsaccess.FrontlineRefused.
	kioskPlan = "4a82b400-a79f-41a4-b4e2-e94f5787b113"
	// withoutMailbox are plans of the service "exchange" that give no mailbox.
	withoutMailbox = map[string]string{
		"113feb6c-3fe4-4440-bddc-54d774bf0318": "Exchange Foundation",
		"176a09a6-7ec5-4039-ac02-b2791c6ba793": "Exchange Online Archiving for Exchange Online",
	}
)

func (f *Facts) mailbox() Result {
	address := f.Connection.Mailbox
	if entra.IsNotFound(f.UserErr) {
		return failed("Set mailbox to the address of a licensed user of this tenant, or create the user at Microsoft 365 "+
			"admin center > Users > Active users.",
			"the tenant has no user %s. %s", address, noMailbox)
	}
	if f.UserErr != nil || f.User == nil {
		return f.graphUnanswered(Mailbox, f.UserErr)
	}
	licence := f.licence()
	if !f.User.Enabled && licence.succeeded() {
		return f.blocked()
	}
	if !licence.succeeded() && !f.holdsPlan(kioskPlan) && f.opensMailbox() {
		return f.opensUnlicensed()
	}
	if licence.succeeded() && !f.hasAddress(address) {
		return warning("Set mailbox to the user's e-mail address "+escape.Visible(f.User.Mail)+", because Exchange "+
			"finds mailboxes by it.",
			"%s is a sign-in name, but no e-mail address of that user", address)
	}
	return licence
}

// blocked judges a blocked account with a licence. The app does not sign in as the user, and accounts of shared
// mailboxes are meant to be blocked, so that it is a failure only where EWS refuses this mailbox or account.
func (f *Facts) blocked() Result {
	address := f.Connection.Mailbox
	unblock := fmt.Sprintf("Unblock it at Microsoft 365 admin center > Users > Active users > %s > Unblock sign-in.",
		address)
	switch {
	case f.ewsRefusesAccount():
		return failed(unblock, "the account of %s is blocked, and EWS refuses its mailbox (see the check %q)", address, EWS)
	case f.opensMailbox():
		return warning("", "the account of %s is blocked, as those of shared mailboxes are; the app can still open its "+
			"mailbox", address)
	default:
		return warning("If it is a shared mailbox, do nothing: its account is meant to be blocked. Otherwise: "+unblock,
			"the account of %s is blocked; whether EWS opens its mailbox is not known (see the check %q)", address, EWS)
	}
}

// opensMailbox reports whether EWS opened the mailbox.
func (f *Facts) opensMailbox() bool {
	return f.Runnable(EWS) && f.EWSErr == nil && !errors.Is(f.EWSURLErr, ews.ErrOtherOrigin)
}

// opensUnlicensed judges a user without an Exchange licence whose mailbox EWS opens. A shared mailbox needs none
// (Microsoft: "Remove a license from a shared mailbox"), and the directory does not tell it from a user's.
func (f *Facts) opensUnlicensed() Result {
	address := f.Connection.Mailbox
	return warning(fmt.Sprintf("If it is a shared mailbox of less than 50 GB, do nothing: it needs no licence. Otherwise "+
		"assign one at Microsoft 365 admin center > Users > Active users > %s > Licenses and apps, before Exchange deletes "+
		"the mailbox.", address),
		"%s has no active Exchange licence, which a shared mailbox does not need; the app can still open its mailbox",
		address)
}

// holdsPlan reports whether the user has an active service plan of that ID.
func (f *Facts) holdsPlan(id string) bool {
	return slices.ContainsFunc(f.User.Plans, func(plan entra.AssignedPlan) bool {
		return strings.EqualFold(plan.ServicePlanID, id) && active(plan)
	})
}

// active reports whether a plan gives what it names, in its grace period, too.
func active(plan entra.AssignedPlan) bool {
	return plan.Status == "Enabled" || plan.Status == "Warning"
}

func (f *Facts) licence() Result {
	address := f.Connection.Mailbox
	assign := fmt.Sprintf("Assign a licence with Exchange Online (Plan 1 or 2, or Microsoft 365 Business, E3 or E5) at "+
		"Microsoft 365 admin center > Users > Active users > %s > Licenses and apps. The mailbox takes a few minutes to "+
		"appear.", address)
	var ending, kiosk bool
	var unknown, idle []string
	for _, plan := range f.User.Plans {
		if !strings.EqualFold(plan.Service, "exchange") {
			continue
		}
		id := strings.ToLower(plan.ServicePlanID)
		name, gives := mailboxPlans[id]
		_, never := withoutMailbox[id]
		switch {
		case never:
		case !active(plan):
			idle = append(idle, fmt.Sprintf("%s is %s", cmp.Or(name, "the plan "+id), plan.Status))
		case gives && plan.Status == "Enabled":
			return passed("%s is enabled and has %s", address, name)
		case gives:
			ending = true
		case id == kioskPlan:
			kiosk = true
		default:
			unknown = append(unknown, id)
		}
	}
	slices.Sort(unknown)
	slices.Sort(idle)
	switch {
	case ending:
		return warning("Renew the subscription at Microsoft 365 admin center > Billing > Your products.",
			"the Exchange licence of %s is in its grace period", address)
	case len(unknown) > 0:
		return warning("", "%s has an Exchange plan that this version of the provider does not know (%s): the check %q "+
			"decides", address, strings.Join(unknown, ", "), EWS)
	case kiosk:
		return failed(assign, "%s has a frontline licence (Exchange Online Kiosk, F1 or F3) only, whose mailbox EWS refuses",
			address)
	case len(idle) > 0:
		return failed(assign, "%s has no active Exchange licence: %s. %s", address, strings.Join(idle, ", "), noMailbox)
	default:
		return failed(assign, "%s has no Exchange licence. %s", address, noMailbox)
	}
}

// hasAddress reports whether an address is one of the user's, so far as the directory says.
func (f *Facts) hasAddress(address string) bool {
	if f.User.Mail == "" && len(f.User.ProxyAddresses) == 0 {
		return true
	}
	return strings.EqualFold(f.User.Mail, address) || slices.ContainsFunc(f.User.ProxyAddresses, func(proxy string) bool {
		kind, smtp, found := strings.Cut(proxy, ":")
		return found && strings.EqualFold(kind, "smtp") && strings.EqualFold(smtp, address)
	})
}
