package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/signin"
)

// SignInError is what one AADSTS code of Entra's sign-in means for a CodeTwo connection. {tenant_id} and {client_id}
// stand for the connection's own.
type SignInError struct {
	Code        int
	Meaning     string
	Remedy      string
	Passing     bool // it may go away by itself: the check is undecided, not failed
	Unconfirmed bool // no document or capture of Microsoft's own shows the code with this meaning
}

// The places where a person repairs a sign-in.
const (
	checkTenant      = "Compare tenant_id with Entra admin center > Overview > Tenant ID."
	checkClient      = "Compare client_id with Entra admin center > App registrations > the app > Application (client) ID, in the tenant {tenant_id}."
	checkCertificate = "Upload the connection's certificate (the .cer file in the store) at Entra admin center > App registrations > the app > Certificates & secrets, or point certificate_thumbprint at one that is listed there. Right after an upload, wait a few minutes."
	checkClock       = "Set the clock of the machine that runs Terraform right (NTP)."
)

// SignInErrors lists the codes that are explained, in the order of their numbers (Microsoft: "Microsoft Entra
// authentication & authorization error codes").
func SignInErrors() []SignInError { return slices.Clone(signInErrors) }

var signInErrors = []SignInError{
	{Code: 50027, Meaning: "Entra could not read the signed assertion that proves the certificate.", Remedy: checkCertificate, Unconfirmed: true},
	{Code: 53003, Meaning: "A Conditional Access policy of the tenant blocks this app's sign-in.", Remedy: "Look at Entra admin center > Sign-in logs > Service principal sign-ins for the app {client_id}, and except it, or this machine's address, from the policy that is named there.", Unconfirmed: true},
	{Code: 90002, Meaning: "The tenant does not exist, or is in another cloud. CodeTwo says: \"Tenant '…' not found.\"", Remedy: checkTenant + " CodeTwo connects to the global Microsoft cloud only."},
	{Code: 90033, Meaning: "Entra is temporarily unavailable.", Remedy: "Plan again in some minutes.", Passing: true, Unconfirmed: true},
	{Code: 500011, Meaning: "The tenant does not have the API that the token is for. For Office 365 Exchange Online that means: Exchange was never provisioned there.", Remedy: "Assign a licence with Exchange Online in the tenant {tenant_id} (Microsoft 365 admin center > Billing > Licenses), and wait until Exchange is set up. " + checkTenant},
	{Code: 501051, Meaning: "The API asks for an assignment, and the app has none.", Remedy: "Grant the app's permissions: grant_admin_consent = true of codetwo_target_app_registration."},
	{Code: 700016, Meaning: "The app is not known in the tenant: there is none with this client ID, or it has no service principal there. CodeTwo says: \"The operation was canceled.\"", Remedy: checkClient + " An app that was registered in another tenant needs consent in this one. Right after a registration, wait a minute."},
	{Code: 700024, Meaning: "The assertion that proves the certificate is not valid at this time: this machine's clock is wrong.", Remedy: checkClock},
	{Code: 700027, Meaning: "The certificate is not registered with the app, or has expired there.", Remedy: checkCertificate},
	{Code: 700038, Meaning: "The client ID is not that of any app.", Remedy: checkClient},
	{Code: 900023, Meaning: "The tenant ID is no tenant's.", Remedy: checkTenant, Unconfirmed: true},
	{Code: 1000502, Meaning: "The certificate is outside the time in which it is valid.", Remedy: newCertificate},
	{Code: 7000112, Meaning: "The app is disabled in the tenant.", Remedy: "Enable it: Entra admin center > Enterprise applications > the app > Properties > \"Enabled for users to sign-in?\" = Yes, or terraform apply, where codetwo_target_app_registration manages it."},
	{Code: 7000214, Meaning: "The certificate has been revoked.", Remedy: newCertificate},
	{Code: 7000215, Meaning: "The client secret is wrong. Often it is the secret's ID: Entra wants the secret's value, not its ID, and shows the value once only.", Remedy: "Pass the column \"Value\", not \"Secret ID\". " + newSecret},
	{Code: 7000216, Meaning: "The sign-in carried neither a client secret nor an assertion.", Remedy: newSecret},
	{Code: 7000218, Meaning: "The sign-in carried neither a client secret nor an assertion.", Remedy: newSecret},
	{Code: 7000222, Meaning: "The client secret has expired.", Remedy: newSecret},
	{Code: 7000229, Meaning: "The app has no service principal in the tenant.", Remedy: "Grant consent in the tenant {tenant_id}, which makes one: grant_admin_consent = true of codetwo_target_app_registration, or the app's admin consent URL.", Unconfirmed: true},
	{Code: 7000274, Meaning: "The signature of the assertion does not fit the certificate that the app has registered.", Remedy: checkCertificate},
}

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
		worst.Support = strings.Trim(worst.Support+", "+other.Support, ", ")
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
	for _, known := range signInErrors {
		if slices.Contains(refused.Codes, known.Code) || refused.Code == fmt.Sprintf("AADSTS%d", known.Code) {
			detail := fmt.Sprintf("%s refused with AADSTS%d: %s", who, known.Code, known.Meaning)
			if known.Passing {
				return undecided(f.fill(known.Remedy), "%s", detail)
			}
			return failed(f.fill(known.Remedy), "%s", detail)
		}
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
	if errors.Is(err, context.DeadlineExceeded) {
		return "the time allowed by timeouts ran out"
	}
	return ownAddress.ReplaceAllString(err.Error(), "")
}

func (f Facts) fill(remedy string) string {
	return strings.NewReplacer("{tenant_id}", f.Connection.TenantID, "{client_id}", f.Connection.ClientID).Replace(remedy)
}

// firstLine leaves out what Entra adds behind a description: IDs and a time of day.
func firstLine(description string) string {
	text, _, _ := strings.Cut(description, "\n")
	text, _, _ = strings.Cut(text, " Trace ID:")
	return strings.TrimSpace(text)
}
