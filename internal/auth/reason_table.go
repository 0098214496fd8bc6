package auth

// What a person does about a client secret or a certificate of a connection's app. The connectivity check says the same
// where the store shows that one is missing or has expired.
const (
	NewSecret = "Make a new client secret (Entra admin center > App registrations > the app > Certificates & " +
		"secrets), and pass its value as client_secret_wo with a new client_secret_wo_version."
	NewCertificate = "Renew the certificate: terraform apply does so for one that codetwo_target_app_registration " +
		"generated. Otherwise upload a new one (Entra admin center > App registrations > the app > Certificates & " +
		"secrets), and set certificate_thumbprint of the connection."
)

// Steps that several codes share.
const (
	checkTenant = "Compare tenant_id with Entra admin center > Overview > Tenant ID."
	checkCloud  = checkTenant + " CodeTwo connects to the global Microsoft cloud only."
	checkClient = "Compare client_id with Entra admin center > App registrations > the app > Application (client) " +
		"ID, in the tenant {tenant_id}."
	checkCertificate = "If codetwo_target_app_registration manages the app, run terraform apply. Otherwise upload the " +
		"connection's certificate (the .cer file in the store) at Entra admin center > App registrations > the app > " +
		"Certificates & secrets, or set certificate_thumbprint to one that is listed there. After an upload, wait a few " +
		"minutes."
	checkClock    = "Set the clock of the machine that runs Terraform (NTP)."
	notOurRequest = "The provider never sends such a request: check whether a proxy between this machine and Entra " +
		"changes requests. If none does, upgrade the provider, or report it to this project."
	planAgain = "Run Terraform again in a few minutes."

	callerSecret = "Make a new client secret for application {client_id}, and give its value to the provider " +
		"(client_secret, ARM_CLIENT_SECRET)."
	callerCertificate = "Upload the public part of the certificate that the provider signs in with " +
		"(client_certificate_path, ARM_CLIENT_CERTIFICATE_PATH) at Entra admin center > App registrations > {client_id} > " +
		"Certificates & secrets, or give the provider one that is listed there."
	callerNewCertificate = "Make a new certificate, upload its public part at Entra admin center > App registrations > " +
		"{client_id} > Certificates & secrets, and give it to the provider (client_certificate_path, " +
		"ARM_CLIENT_CERTIFICATE_PATH)."
	callerConsent = "If application {client_id} belongs to another tenant, it has to be multi-tenant, and an " +
		"administrator of {tenant_id} has to consent to it once: " +
		"https://login.microsoftonline.com/{tenant_id}/adminconsent?client_id={client_id}"
	callerFederation = "Compare issuer, subject and audience of the token with Entra admin center > App registrations > " +
		"{client_id} > Certificates & secrets > Federated credentials. Right after a change there, wait a few minutes."
	allowFederation = "Ask an administrator of the tenant that application {client_id} belongs to for an exemption from " +
		"that policy, or give the provider a certificate (client_certificate_path, ARM_CLIENT_CERTIFICATE_PATH)."
	otherToken = "Give the provider a token of the pipeline or cluster that it runs on, or a certificate " +
		"(client_certificate_path, ARM_CLIENT_CERTIFICATE_PATH)."

	// Where Entra keeps attempts (Microsoft: "Conditional Access for workload identities", sign-in logs).
	signInLogs = "Entra admin center > Sign-in logs > Service principal sign-ins, app {client_id}, in tenant {tenant_id}"
	findPolicy = "Find the policy by the correlation ID at " + signInLogs +
		", and exclude the application, or this machine's address, from it."

	// Tenant restrictions are set where the request comes from, so the target tenant's administrators see nothing.
	allowTenant = "Ask the administrators of that proxy to add {tenant_id} to the list, or run Terraform from a network " +
		"without it."
	allowTenantPolicy = "Ask the administrators of the policy's tenant to allow {tenant_id} (Entra admin center > " +
		"External Identities > Cross-tenant access settings > Organizational settings > Tenant restrictions), or run " +
		"Terraform from a machine and a network without that policy."

	reviveTenant = "The tenant's administrators can ask Microsoft support to reactivate it, within 20 days of the block."

	noCode = "The answer names no code. Where a managed identity signs in, see that it is assigned to this " +
		"machine; otherwise look at HTTPS_PROXY, the firewall, and the provider's endpoints."
	notEntra = "Something between this machine and Entra answered. Look at HTTPS_PROXY, the firewall, and the " +
		"provider's endpoints."
	busyOrNotEntra = planAgain + " If the error persists, check what is between this machine and Entra: " +
		"HTTPS_PROXY, the firewall, and the provider's endpoints."
)

// Meanings that several codes share.
const (
	notListed = "A proxy on the network that Terraform runs on permits sign-ins to listed tenants only (tenant " +
		"restrictions version 1, the header Restrict-Access-To-Tenants), and this tenant is not listed."
	noTenant    = "The tenant does not exist, or is in another cloud."
	otherCloud  = "The tenant is in another Microsoft cloud."
	asksForUser = "A policy of the tenant requires multifactor authentication, which an application cannot perform."
	transient   = "Entra is temporarily unavailable."
	badScope    = "Entra did not understand which API the token is for."
	noProof     = "The sign-in carried neither a client secret nor an assertion."
	entraIssued = "The token that the provider presents comes from Entra itself, and Entra does not take its own " +
		"tokens as federated credentials of this application."
	noFederatedUse = "The tenant allows no federated credentials, or not those of this issuer."
)

// reasons are in the order of their numbers. Unless a row says otherwise, codes and meanings are those of "Microsoft
// Entra authentication and authorization error codes", or of an answer of Entra that somebody published. Left out are
// codes that only users and devices meet.
//
// Which codes may only mean "not yet" was seen by others right after a change: 700016 and 7000229 after a registration
// (hashicorp/vault-plugin-secrets-azure issue 26), 700027 after an upload (MicrosoftDocs/SupportArticles-docs issue
// 795), 7000215 after a new secret (microsoftgraph/microsoft-graph-docs issue 17966).
//
// Tenant restrictions (500021, 500022, 5000211) are not ByTenant: the network or the device refuses, not the tenant.
// Such a policy commonly permits one tenant and forbids all others, so that leaving refused tenants aside would hide a
// machine from which no customer can be reached. Version 2 is known to refuse service principals, by a proxy's header
// (Microsoft: "Set up tenant restrictions v2"). What tells 500022 from 500021 no document says.
var reasons = []Reason{
	{Code: 50012, Meaning: "Entra does not accept the certificate, or the signature that was made with it.",
		Remedy: checkCertificate, Caller: callerCertificate},
	{Code: 50027, Meaning: "Entra could not read the signed assertion that proves the credential.",
		Remedy: checkCertificate, Caller: callerCertificate, Unconfirmed: true},
	{Code: 50033, Meaning: transient, Remedy: planAgain, Transient: true},
	// Conditional Access can only block an application (Microsoft: "Conditional Access for workload identities").
	{Code: 50076, Meaning: asksForUser, Remedy: findPolicy, Unconfirmed: true},
	{Code: 50079, Meaning: asksForUser, Remedy: findPolicy, Unconfirmed: true},
	{Code: 50158, Meaning: "A policy of the tenant asks for a step of another security provider, which users can take " +
		"and applications cannot.",
		Remedy: findPolicy, Unconfirmed: true},
	{Code: 50196, Meaning: "Entra refuses the application for a while, because it asked for too many tokens in a short " +
		"time.", Remedy: planAgain, Transient: true},
	// It applies to applications of the tenant itself only, and not to managed identities (Microsoft: "Conditional Access
	// for workload identities").
	{Code: 53003, Meaning: "A Conditional Access policy of the tenant blocks the application's sign-in.",
		Remedy: findPolicy},
	{Code: 70003, Meaning: "Entra was asked for a grant type other than client credentials.", Remedy: notOurRequest},
	{Code: 70011, Meaning: badScope, Remedy: notOurRequest},
	{Code: 70021, Meaning: "The application has no federated credential that fits the token.", Caller: callerFederation},
	{Code: 70025, Meaning: "The application has no federated credential at all.",
		Caller: "Add a federated credential with issuer, subject and audience of the token at Entra admin center > App " +
			"registrations > {client_id} > Certificates & secrets > Federated credentials."},
	{Code: 90002, Meaning: noTenant, CodeTwo: "Tenant '…' not found.", Remedy: checkCloud, ByTenant: true},
	{Code: 90012, Meaning: "Entra took too long to answer.", Remedy: planAgain, Transient: true},
	{Code: 90024, Meaning: transient, Remedy: planAgain, Transient: true},
	{Code: 90033, Meaning: transient, Remedy: planAgain, Transient: true},
	{Code: 90038, Meaning: otherCloud, Remedy: checkCloud},
	{Code: 90055, Meaning: "Too many sign-ins reach the tenant, and Entra refuses them for a while.",
		Remedy: planAgain + " If the error persists, ask Microsoft support whether the tenant is blocked.", Transient: true},
	{Code: 500011, Meaning: "The tenant does not have the API that the token is for. For Office 365 Exchange Online " +
		"that means: Exchange was never provisioned there.",
		Remedy: "Assign a licence with Exchange Online in the tenant {tenant_id} (Microsoft 365 admin center > Billing > " +
			"Licenses), and wait until Exchange is set up. " + checkTenant,
		Caller: "The API appears in the tenant with the first licence that includes it. " + checkTenant},
	{Code: 500021, Meaning: notListed, Remedy: allowTenant},
	{Code: 500022, Meaning: notListed, Remedy: allowTenant},
	{Code: 501051, Meaning: "The API gives tokens to assigned applications only, and the application is not assigned.",
		Remedy: "Grant the app's permissions: grant_admin_consent = true of codetwo_target_app_registration.",
		Caller: "An administrator of {tenant_id} assigns application {client_id}: Entra admin center > Enterprise " +
			"applications > the API > Users and groups.",
		ByTenant: true},
	{Code: 530032, Meaning: "A security policy of the tenant blocks the sign-in.", Remedy: findPolicy, Unconfirmed: true},
	{Code: 530035, Meaning: "The tenant's security defaults block the sign-in.",
		Remedy: "Look at the attempt by its correlation ID at " + signInLogs +
			". Security defaults are at Entra admin center > Overview > Properties.", Unconfirmed: true},
	{Code: 700016, Meaning: "The tenant does not know the application: no application has this client ID, or it has no " +
		"service principal there.",
		CodeTwo: "The operation was canceled.",
		Remedy: checkClient + " An app that was registered in another tenant needs consent in this one. Right after a " +
			"registration, wait a minute.",
		Caller: "Compare the provider's client_id (ARM_CLIENT_ID). " + callerConsent, Propagating: true, ByTenant: true},
	{Code: 700021, Meaning: "The assertion that proves the certificate names another application than client_id.",
		Remedy: notOurRequest},
	{Code: 700023, Meaning: "The assertion that proves the certificate is meant for another tenant.", Remedy: checkTenant +
		" " + notOurRequest},
	{Code: 700024, Meaning: "The assertion that proves the credential is not valid at this time: this machine's clock " +
		"is wrong, or the token of a pipeline has expired.",
		Remedy: checkClock, Caller: checkClock + " If a pipeline supplied the token (oidc_token, ARM_OIDC_TOKEN), " +
			"start the job again."},
	{Code: 700027, Meaning: "The certificate is not registered with the application, or has expired there.",
		Remedy: checkCertificate, Caller: callerCertificate, Propagating: true},
	{Code: 700030, Meaning: "Entra does not authorize the certificate: its subject name is not one that the application " +
		"trusts, or another cloud issued it.",
		Remedy: checkCertificate, Caller: callerCertificate},
	{Code: 700038, Meaning: "No application has this client ID.", Remedy: checkClient,
		Caller: "Give the provider the application's client ID (client_id, ARM_CLIENT_ID): Entra admin center > App " +
			"registrations > the application > Application (client) ID."},
	// The codes of federated credentials (Microsoft: "Troubleshoot an Azure Resource Manager workload identity service
	// connection"; "Important considerations and restrictions for federated identity credentials").
	{Code: 700211, Meaning: "The application has no federated credential of the token's issuer.",
		Caller: callerFederation},
	{Code: 700212, Meaning: "The application has no federated credential of the token's audience.",
		Caller: callerFederation},
	{Code: 700213, Meaning: "The application has no federated credential of the token's subject.",
		Caller: callerFederation},
	{Code: 700222, Meaning: entraIssued, Caller: otherToken},
	{Code: 700223, Meaning: noFederatedUse, Caller: allowFederation},
	{Code: 700229, Meaning: "The token that the provider presents is a user's, and Entra takes only those of " +
		"applications as federated credentials.", Caller: otherToken},
	{Code: 700236, Meaning: entraIssued, Caller: otherToken},
	{Code: 700238, Meaning: noFederatedUse, Caller: allowFederation},
	{Code: 900023, Meaning: noTenant, Remedy: checkCloud, ByTenant: true, Unconfirmed: true},
	{Code: 900144, Meaning: "The sign-in lacked a parameter.", Remedy: notOurRequest},
	{Code: 900382, Meaning: otherCloud, Remedy: checkCloud},
	{Code: 900432, Meaning: otherCloud, Remedy: checkCloud},
	{Code: 1000502, Meaning: "The certificate is outside the time in which it is valid.", Remedy: NewCertificate,
		Caller: callerNewCertificate},
	{Code: 1002012, Meaning: badScope, Remedy: notOurRequest},
	{Code: 5000211, Meaning: "A policy that this machine or a proxy adds to the request permits sign-ins to allowed " +
		"tenants only (tenant restrictions version 2), and this tenant is not allowed.",
		Remedy: allowTenantPolicy},
	{Code: 5000224, Meaning: "The tenant is not available: Microsoft has blocked or removed it.",
		Remedy:   checkTenant + " If it is right, the tenant's administrators can ask Microsoft support about it.",
		ByTenant: true, Unconfirmed: true},
	{Code: 5000225, Meaning: "Microsoft has blocked the tenant for inactivity.", Remedy: reviveTenant, ByTenant: true},
	{Code: 5002738, Meaning: "Entra does not know the algorithm that the assertion was signed with: the certificate's " +
		"key is not RSA.",
		Remedy: NewCertificate, Caller: "Give the provider a certificate with an RSA key (client_certificate_path, " +
			"ARM_CLIENT_CERTIFICATE_PATH), and register it with application {client_id}."},
	{Code: 7000112, Meaning: "The application is disabled in the tenant.",
		Remedy: "Enable it: Entra admin center > Enterprise applications > the app > Properties > \"Enabled for users to " +
			"sign-in?\" = Yes, or terraform apply, where codetwo_target_app_registration manages it.",
		Caller: "An administrator of {tenant_id} can enable it: Entra admin center > Enterprise applications > " +
			"{client_id} > Properties > \"Enabled for users to sign-in?\" = Yes.",
		ByTenant: true},
	{Code: 7000214, Meaning: "The certificate has been revoked.", Remedy: NewCertificate, Caller: callerNewCertificate},
	{Code: 7000215, Meaning: "The client secret is wrong. Often it is the secret's ID: Entra wants the secret's value, " +
		"not its ID, and shows the value once only.",
		Remedy: "Pass the column \"Value\", not \"Secret ID\". " + NewSecret,
		Caller: "Give the provider the column \"Value\", not \"Secret ID\" (client_secret, ARM_CLIENT_SECRET). If the " +
			"value is lost, make a new client secret.", Propagating: true},
	{Code: 7000216, Meaning: noProof, Remedy: NewSecret, Caller: callerSecret},
	{Code: 7000218, Meaning: noProof, Remedy: NewSecret, Caller: callerSecret},
	{Code: 7000222, Meaning: "The client secret has expired.", Remedy: NewSecret, Caller: callerSecret},
	{Code: 7000229, Meaning: "The application has no service principal in the tenant.",
		Remedy: "Grant consent in the tenant {tenant_id}, which makes one: grant_admin_consent = true of " +
			"codetwo_target_app_registration, or the app's admin consent URL.",
		Caller: callerConsent, Propagating: true, ByTenant: true},
	{Code: 7000274, Meaning: "The signature of the assertion does not fit the certificate that the application has " +
		"registered.",
		Remedy: checkCertificate, Caller: callerCertificate},
	// The tenant's policy asks for a claim that the pipeline's token lacks, such as GitHub's "enterprise".
	{Code: 7002381, Meaning: "The tenant takes federated tokens of this issuer only with a claim that the token lacks; " +
		"Entra's message names the claim.", Caller: allowFederation},
}
