package probe

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/exchange"
)

// ewsEnd is when Microsoft switches EWS off in Exchange Online for good (Microsoft: "Deprecation of Exchange Web
// Services in Exchange Online").
var ewsEnd = time.Date(2027, time.April, 1, 0, 0, 0, 0, time.UTC)

func (f Facts) ews() Check {
	if errors.Is(f.EWSURLErr, exchange.ErrOtherOrigin) {
		known, _ := exchangeAnswer(EWS, elsewhere)
		check := f.row(known)
		check.Detail += fmt.Sprintf(": %v", f.EWSURLErr)
		return check
	}
	if f.EWSErr == nil {
		return warning("", "the app opens the inbox of %s. EWS ends in Exchange Online for good on %s: finish the migration before then (whether CodeTwo will have another way is not known)", f.Connection.Mailbox, day(ewsEnd))
	}
	answer, ok := errors.AsType[*exchange.Error](f.EWSErr)
	if !ok {
		return undecided("Check the network between this machine and Exchange Online (HTTPS_PROXY, firewall), and plan again.", "no answer of Exchange: %s", silence(f.EWSErr))
	}
	gated := answer.Status == http.StatusForbidden && answer.Code == "" && !answer.Foreign
	if gated && !f.Now.Before(ewsEnd) {
		return failed("No setting brings it back: ask CodeTwo which version migrates without EWS.", "EWS was switched off in Exchange Online on %s", day(ewsEnd))
	}
	name := nameOf(answer)
	if name == exchange.CodeNoMailbox && (f.User == nil || !f.licence().good()) {
		name = unlicensed
	}
	check := f.unclear(answer)
	if known, found := exchangeAnswer(EWS, name); found {
		check = f.row(known).withBackOff(answer.BackOff)
	} else if gated {
		check = failed(openEWS(f.Connection.ClientID), "Exchange refuses EWS: %s", answer.PolicyReason)
	}
	if gated && f.User != nil {
		// The header reads the same for a mailbox whose licence has no EWS (unconfirmed).
		if licence := f.licence(); licence.Status == Failed {
			check.Remedy = "First the licence: " + licence.Remedy + "\nThen, if Exchange still refuses:\n" + check.Remedy
		}
	}
	return check
}

// unclear judges an answer that says nothing of the connection.
func (f Facts) unclear(answer *exchange.Error) Check {
	if answer.Foreign || answer.Location != "" {
		return undecided("See what stands between this machine and Exchange Online (HTTPS_PROXY, a captive portal, TLS inspection), and plan again.", "something other than EWS answered: %s", words(answer)).
			withSupport("request-id", answer.RequestID)
	}
	return undecided("Plan again in some minutes; if it stays, give the code, and the request-id that Terraform's warning shows, to Microsoft's support.", "%s", words(answer)).
		withSupport("request-id", answer.RequestID)
}

// words are an answer's without what differs each time: its request-id.
func words(answer *exchange.Error) string {
	same := *answer
	same.RequestID = ""
	return same.Error()
}
