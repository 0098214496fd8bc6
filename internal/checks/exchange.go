package checks

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
)

func (f *Facts) ews() Result {
	if errors.Is(f.EWSURLErr, ews.ErrOtherOrigin) {
		known, _ := exchangeAnswer(EWS, foreignURL)
		check := f.explained(known)
		check.Detail += fmt.Sprintf(": %v", f.EWSURLErr)
		return check
	}
	if f.EWSErr == nil {
		return warning("", "the app opens the inbox of %s. %s. %s", f.Connection.Mailbox, ewsaccess.Sentence("unproved"),
			ewsaccess.Sentence("end"))
	}
	answer, ok := errors.AsType[*ews.Error](f.EWSErr)
	if !ok {
		return inconclusive("Check the network between this machine and Exchange Online (HTTPS_PROXY, firewall), and plan "+
			"again.", "no answer of Exchange: %s", networkError(f.EWSErr))
	}
	gated := f.EWSGateClosed()
	if gated && !f.Now.Before(ewsaccess.End) {
		return failed("No setting brings it back: ask CodeTwo which version migrates without EWS.",
			"EWS ended in Exchange Online on %s", day(ewsaccess.End))
	}
	name := nameOf(answer)
	if name == ews.CodeNoMailbox && (f.User == nil || !f.licence().succeeded()) {
		name = unlicensed
	}
	check := f.unexplained(answer)
	if known, found := exchangeAnswer(EWS, name); found {
		check = f.explained(known).withBackOff(answer.BackOff)
	} else if gated {
		check = failed(f.fill("{look_at_ews}\nThe script helps where EwsEnabled or EwsAllowedAppIDs is the cause."),
			"Exchange refuses EWS: %s", answer.PolicyReason)
		check.Script = ewsaccess.Script(f.target())
	}
	if others := f.otherHolders(); gated && others != "" {
		check.Remedy += "\nOther apps that hold full_access_as_app: " + others +
			". Keep or add their entries if they use EWS."
	}
	if gated && f.User != nil {
		// The header reads the same for a mailbox whose licence has no EWS (unconfirmed).
		if licence := f.licence(); licence.Status == Failed {
			check.Script, check.Remedy = "", "First the licence: "+licence.Remedy
			if f.Runnable(Mailbox) {
				check.Remedy = fmt.Sprintf("First the licence (see the check %q), then plan again.", Mailbox)
			}
		}
	}
	return check
}

// EWSGateClosed reports whether Exchange refused EWS itself, by EwsEnabled, the allow list, a policy or a licence, and
// not because of the mailbox or the token.
func (f *Facts) EWSGateClosed() bool {
	answer, ok := errors.AsType[*ews.Error](f.EWSErr)
	return ok && answer.Status == http.StatusForbidden && answer.Code == "" && !answer.NotEWS
}

// target is what the script that edits the tenant's allow list is for.
func (f *Facts) target() ewsaccess.ScriptInput {
	return ewsaccess.ScriptInput{
		TenantID: f.Connection.TenantID, ClientID: f.Connection.ClientID, TenantFacts: f.tenantFacts(),
	}
}

// tenantFacts are what is known of the tenant, for the script that edits its allow list.
func (f *Facts) tenantFacts() ewsaccess.TenantFacts {
	seen := ewsaccess.FactsOf(f.Holders, f.Now)
	if seen.InitialDomain == "" && f.Organization != nil {
		seen.InitialDomain = f.Organization.InitialDomain()
	}
	return seen
}

// otherHolders lists the other apps that hold the role, or is empty. Their names are somebody else's text.
func (f *Facts) otherHolders() string {
	var names []string
	for _, app := range f.tenantFacts().Holders {
		names = append(names, fmt.Sprintf("%s (%s)", escape.Visible(app.Name), app.ClientID))
	}
	return strings.Join(names, ", ")
}

// ReadsDirectory reports whether the app's token for Graph may list who holds a permission.
func (f *Facts) ReadsDirectory() bool {
	return f.Graph.RolesErr == nil && f.Graph.holdsAny([]string{"Directory.Read.All", "Directory.ReadWrite.All"})
}

// ewsRefusesAccount reports whether EWS answered with a code that concerns this mailbox or its account.
func (f *Facts) ewsRefusesAccount() bool {
	answer, ok := errors.AsType[*ews.Error](f.EWSErr)
	if !ok || !f.Runnable(EWS) {
		return false
	}
	known, found := exchangeAnswer(EWS, nameOf(answer))
	return found && known.Account
}

// unexplained judges an answer that says nothing of the connection.
func (f *Facts) unexplained(answer *ews.Error) Result {
	if answer.NotEWS || answer.Location != "" {
		return inconclusive("Look at what is between this machine and Exchange Online (HTTPS_PROXY, a captive portal, TLS "+
			"inspection), and plan again.", "something other than EWS answered: %s", withoutRequestID(answer)).
			withSupport("request-id", answer.RequestID)
	}
	return inconclusive(
		"Run Terraform again in a few minutes. If the error persists, give the code, and the request-id that Terraform's "+
			"warning shows, to Microsoft's support.", "%s", withoutRequestID(answer)).
		withSupport("request-id", answer.RequestID)
}

// withoutRequestID is an answer's without what differs each time: its request-id.
func withoutRequestID(answer *ews.Error) string {
	same := *answer
	same.RequestID = ""
	return same.Error()
}
