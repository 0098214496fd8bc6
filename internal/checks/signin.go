package checks

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

func (f *Facts) tenant() Result {
	if f.TenantErr == nil {
		return passed("the tenant %s exists", f.Connection.TenantID)
	}
	return f.refusal("the sign-in service", f.TenantErr)
}

func (f *Facts) token() Result {
	var refusals []Result
	for _, api := range []permission.API{permission.Graph, permission.Exchange} {
		if err := f.tokenFor(api).Err; err != nil {
			refusals = append(refusals, f.refusal("for "+api.Name+", Entra", err))
		}
	}
	switch {
	case len(refusals) == 0:
		return passed("the app signs in for %s and %s", permission.Graph.Name, permission.Exchange.Name)
	case len(refusals) == 2 && refusals[0].Remedy == refusals[1].Remedy && refusals[0].Status == refusals[1].Status:
		return f.refusal("Entra", f.Graph.Err)
	}
	// One API alone, or both for different reasons: the worse one decides.
	worst := refusals[0]
	for _, other := range refusals[1:] {
		worst.Detail += "; " + other.Detail
		worst.Remedy += " " + other.Remedy
		worst.propagating = worst.propagating || other.propagating
		worst.Support = strings.TrimSpace(worst.Support + " " + other.Support)
		if other.Status == Failed {
			worst.Status, worst.Inconclusive = Failed, false
		}
	}
	return worst
}

// refusal judges an error of the sign-in service.
func (f *Facts) refusal(who string, err error) Result {
	refused, ok := errors.AsType[*auth.Error](err)
	if !ok {
		return inconclusive("Check the network between this machine and "+f.Login+" (HTTPS_PROXY, firewall), and plan again.",
			"%s gave no answer: %s", who, networkError(err))
	}
	reason := refused.Reason()
	said, _, _ := strings.Cut(refused.Says(), "\n")
	detail := fmt.Sprintf("%s refused with %s", who, strings.TrimSpace(said))
	if reason.Meaning != "" {
		detail = fmt.Sprintf("%s refused with AADSTS%d: %s", who, reason.Code, ExplainSignInCode(reason))
	}
	judge := failed
	if reason.Transient {
		judge = inconclusive
	}
	return judge(f.fill(reason.ForApp()), "%s", detail).
		withSupport("correlation ID", refused.CorrelationID).mayBePropagating(reason.Propagating)
}

// ExplainSignInCode returns what a code means for a connection's app, and what CodeTwo shows instead.
func ExplainSignInCode(reason auth.Reason) string {
	if reason.CodeTwo == "" {
		return reason.Meaning
	}
	return fmt.Sprintf("%s CodeTwo says: %q", reason.Meaning, reason.CodeTwo)
}

// volatile is what Go's errors of the network hold and what is another one each time: this machine's end of a
// connection, with its port, and the number of an HTTP/2 stream.
var volatile = regexp.MustCompile(`\S+:\d+->| stream ID \d+;?`)

// networkError words an error of the network.
func networkError(err error) string {
	if err == nil {
		return "nobody asked"
	}
	if errors.Is(err, context.Canceled) {
		return "the run was interrupted"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the time allowed by timeouts ran out"
	}
	return volatile.ReplaceAllString(err.Error(), "")
}

// fill puts the connection's own names into a text of a table.
func (f *Facts) fill(text string) string { return ExpandPlaceholders(text, *f.Connection) }
