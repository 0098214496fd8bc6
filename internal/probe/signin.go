package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/signin"
)

func (f Facts) tenant() Check {
	if f.TenantErr == nil {
		return passed("the tenant %s exists", f.Connection.TenantID)
	}
	return f.refusal("the sign-in service", f.TenantErr)
}

func (f Facts) token() Check {
	asked := []struct {
		api   string
		facts TokenFacts
	}{{graph, f.Graph}, {exchangeOnline, f.Exchange}}
	var refusals []Check
	for _, one := range asked {
		if one.facts.Err != nil {
			refusals = append(refusals, f.refusal("for "+one.api+", Entra", one.facts.Err))
		}
	}
	switch {
	case len(refusals) == 0:
		return passed("the app signs in for %s and %s", graph, exchangeOnline)
	case len(refusals) == 2 && refusals[0].Remedy == refusals[1].Remedy && refusals[0].Status == refusals[1].Status:
		return f.refusal("Entra", f.Graph.Err)
	}
	// One API alone, or both for different reasons: the worse one decides.
	worst := refusals[0]
	for _, other := range refusals[1:] {
		worst.Detail += "; " + other.Detail
		worst.Remedy += " " + other.Remedy
		worst.Aside = strings.TrimSpace(worst.Aside + " " + other.Aside)
		if other.Status == Failed {
			worst.Status, worst.Undecided = Failed, false
		}
	}
	return worst
}

// refusal judges an error of the sign-in service.
func (f Facts) refusal(who string, err error) Check {
	refused, ok := errors.AsType[*signin.Error](err)
	if !ok {
		return undecided("Check the network between this machine and "+f.Login+" (HTTPS_PROXY, firewall), and plan again.",
			"%s gave no answer: %s", who, silence(err))
	}
	if known, found := signInError(refused); found {
		detail := fmt.Sprintf("%s refused with AADSTS%d: %s", who, known.Code, known.Meaning)
		if known.Passing {
			return undecided(f.fill(known.Remedy), "%s", detail)
		}
		return failed(f.fill(known.Remedy), "%s", detail)
	}
	code := firstOf(refused.Code, fmt.Sprintf("HTTP %d", refused.Status))
	text := fmt.Sprintf("%s refused with %s: %s", who, code, firstLine(refused.Description))
	if refused.Status == http.StatusTooManyRequests || refused.Status >= http.StatusInternalServerError {
		return undecided("Plan again in some minutes.", "%s", text).withSupport("correlation ID", refused.CorrelationID)
	}
	return failed(fmt.Sprintf("Look the code up at https://login.microsoftonline.com/error, and the correlation ID, which Terraform's message shows, at Entra admin center > Sign-in logs > Service principal sign-ins, app %s.", f.Connection.ClientID), "%s", text).withSupport("correlation ID", refused.CorrelationID)
}

// ownAddress is this machine's end of a connection, as Go's errors write it: its port is another one each time.
var ownAddress = regexp.MustCompile(`\S+:\d+->`)

// silence words an error of the network.
func silence(err error) string {
	if err == nil {
		return "nobody asked"
	}
	if errors.Is(err, context.Canceled) {
		return "the run was interrupted"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the time allowed by timeouts ran out"
	}
	return ownAddress.ReplaceAllString(err.Error(), "")
}

// fill puts the connection's own names into a text of a table.
func (f Facts) fill(text string) string {
	return Fill(text, f.Connection.TenantID, f.Connection.ClientID, f.Connection.Mailbox)
}

// firstLine leaves out what Entra adds behind a description: IDs and a time of day.
func firstLine(description string) string {
	text, _, _ := strings.Cut(description, "\n")
	text, _, _ = strings.Cut(text, " Trace ID:")
	return strings.TrimSpace(text)
}
