package probe

import (
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/signin"
)

// SignInError is what one AADSTS code of Entra's sign-in means for a CodeTwo connection. Meaning and Remedy hold places
// for names; see Fill.
type SignInError struct {
	Code        int
	Meaning     string
	Remedy      string
	NotYet      bool // right after a registration, a new credential or a consent, Entra may not have heard of it yet
	Passing     bool // it may go away by itself: the check is undecided, not failed
	Unconfirmed bool // no document or capture of Microsoft's own shows the code with this meaning
}

// SignInErrors lists the codes that are explained, in the order of their numbers (Microsoft: "Microsoft Entra
// authentication & authorization error codes").
func SignInErrors() []SignInError { return slices.Clone(signInErrors) }

// signInError finds the row of a refusal. The first code is the cause, so the others are looked for after it.
func signInError(refused *signin.Error) (SignInError, bool) {
	for _, code := range refused.Codes {
		if at := slices.IndexFunc(signInErrors, func(known SignInError) bool { return known.Code == code }); at >= 0 {
			return signInErrors[at], true
		}
	}
	return SignInError{}, false
}

// The places where a person repairs a sign-in.
const (
	checkTenant      = "Compare tenant_id with Entra admin center > Overview > Tenant ID."
	checkClient      = "Compare client_id with Entra admin center > App registrations > the app > Application (client) ID, in the tenant {tenant_id}."
	checkCertificate = "Upload the connection's certificate (the .cer file in the store) at Entra admin center > App registrations > the app > Certificates & secrets, or point certificate_thumbprint at one that is listed there. Right after an upload, wait a few minutes."
	checkClock       = "Set the clock of the machine that runs Terraform right (NTP)."
	notOurRequest    = "The provider never asks in that way: see whether a proxy between this machine and Entra changes requests. If none does, upgrade the provider, or report it to this project."
)

// Which codes may only mean "not yet" was seen by others right after a change: 700016 and 7000229 after a registration
// (hashicorp/vault-plugin-secrets-azure issue 26), 700027 after an upload (MicrosoftDocs/SupportArticles-docs issue 795),
// 7000215 after a new secret (microsoftgraph/microsoft-graph-docs issue 17966).
var signInErrors = []SignInError{
	{Code: 50027, Meaning: "Entra could not read the signed assertion that proves the certificate.", Remedy: checkCertificate, Unconfirmed: true},
	{Code: 53003, Meaning: "A Conditional Access policy of the tenant blocks this app's sign-in.", Remedy: "Look at Entra admin center > Sign-in logs > Service principal sign-ins for the app {client_id}, and except it, or this machine's address, from the policy that is named there.", Unconfirmed: true},
	{Code: 70003, Meaning: "Entra was asked for a grant other than that of client credentials.", Remedy: notOurRequest},
	{Code: 70011, Meaning: "Entra did not understand which API the token is for.", Remedy: notOurRequest},
	{Code: 90002, Meaning: "The tenant does not exist, or is in another cloud. CodeTwo says: \"Tenant '…' not found.\"", Remedy: checkTenant + " CodeTwo connects to the global Microsoft cloud only."},
	{Code: 90033, Meaning: "Entra is temporarily unavailable.", Remedy: "Plan again in some minutes.", Passing: true, Unconfirmed: true},
	{Code: 500011, Meaning: "The tenant does not have the API that the token is for. For Office 365 Exchange Online that means: Exchange was never provisioned there.", Remedy: "Assign a licence with Exchange Online in the tenant {tenant_id} (Microsoft 365 admin center > Billing > Licenses), and wait until Exchange is set up. " + checkTenant},
	{Code: 501051, Meaning: "The API asks for an assignment, and the app has none.", Remedy: "Grant the app's permissions: grant_admin_consent = true of codetwo_target_app_registration."},
	{Code: 700016, Meaning: "The app is not known in the tenant: there is none with this client ID, or it has no service principal there. CodeTwo says: \"The operation was canceled.\"", Remedy: checkClient + " An app that was registered in another tenant needs consent in this one. Right after a registration, wait a minute.", NotYet: true},
	{Code: 700021, Meaning: "The assertion that proves the certificate names another app than client_id.", Remedy: notOurRequest},
	{Code: 700023, Meaning: "The assertion that proves the certificate is meant for another tenant.", Remedy: checkTenant + " " + notOurRequest},
	{Code: 700024, Meaning: "The assertion that proves the certificate is not valid at this time: this machine's clock is wrong.", Remedy: checkClock},
	{Code: 700027, Meaning: "The certificate is not registered with the app, or has expired there.", Remedy: checkCertificate, NotYet: true},
	{Code: 700038, Meaning: "The client ID is not that of any app.", Remedy: checkClient},
	{Code: 900023, Meaning: "The tenant ID is no tenant's.", Remedy: checkTenant, Unconfirmed: true},
	{Code: 1000502, Meaning: "The certificate is outside the time in which it is valid.", Remedy: newCertificate},
	{Code: 1002012, Meaning: "Entra did not understand which API the token is for.", Remedy: notOurRequest},
	{Code: 5002738, Meaning: "Entra does not know the algorithm that the assertion was signed with: the certificate's key is not RSA.", Remedy: newCertificate},
	{Code: 7000112, Meaning: "The app is disabled in the tenant.", Remedy: "Enable it: Entra admin center > Enterprise applications > the app > Properties > \"Enabled for users to sign-in?\" = Yes, or terraform apply, where codetwo_target_app_registration manages it."},
	{Code: 7000214, Meaning: "The certificate has been revoked.", Remedy: newCertificate},
	{Code: 7000215, Meaning: "The client secret is wrong. Often it is the secret's ID: Entra wants the secret's value, not its ID, and shows the value once only.", Remedy: "Pass the column \"Value\", not \"Secret ID\". " + newSecret, NotYet: true},
	{Code: 7000216, Meaning: "The sign-in carried neither a client secret nor an assertion.", Remedy: newSecret},
	{Code: 7000218, Meaning: "The sign-in carried neither a client secret nor an assertion.", Remedy: newSecret},
	{Code: 7000222, Meaning: "The client secret has expired.", Remedy: newSecret},
	{Code: 7000229, Meaning: "The app has no service principal in the tenant.", Remedy: "Grant consent in the tenant {tenant_id}, which makes one: grant_admin_consent = true of codetwo_target_app_registration, or the app's admin consent URL.", NotYet: true, Unconfirmed: true},
	{Code: 7000274, Meaning: "The signature of the assertion does not fit the certificate that the app has registered.", Remedy: checkCertificate},
}
