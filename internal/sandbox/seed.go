package sandbox

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// tenantCreated is when the seeded objects were made, long before any request. A tenant's age stands in its tokens.
var tenantCreated = time.Date(2019, time.May, 13, 9, 30, 0, 0, time.UTC)

// callerSecretLifetime is Entra's default for a client secret (Microsoft Graph: application-addpassword).
const callerSecretLifetime = 2 * 365 * 24 * time.Hour

// organizationNames are the companies of Microsoft's own examples. With more tenants than names, a number is added.
var organizationNames = []string{
	"Contoso", "Fabrikam", "Northwind Traders", "Adventure Works", "Tailspin Toys", "Wide World Importers",
	"Litware", "Proseware", "Trey Research", "Woodgrove Bank", "Lucerne Publishing", "Margie's Travel",
}

// callerKind names one of the seeded applications that Terraform can sign in as.
type callerKind string

const (
	fullCaller           callerKind = "full"
	ownedByCaller        callerKind = "owned_by"
	noConsentRightCaller callerKind = "no_consent_right"
	readOnlyCaller       callerKind = "read_only"
)

// callerRights are the Graph permissions of each caller (Microsoft Graph: permissions of each call). owned_by holds
// the least that makes and consents an application of one's own; it cannot list the applications of others.
var callerRights = map[callerKind][]string{
	fullCaller: {
		"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "Organization.Read.All", "Domain.Read.All",
		"User.Read.All", "Policy.Read.All",
	},
	ownedByCaller: {
		"Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All", "Organization.Read.All", "Domain.Read.All",
		"User.ReadBasic.All", "Policy.Read.All",
	},
	noConsentRightCaller: {
		"Application.ReadWrite.All", "Organization.Read.All", "Domain.Read.All", "User.Read.All", "Policy.Read.All",
	},
	readOnlyCaller: {
		"Application.Read.All", "Organization.Read.All", "Domain.Read.All", "User.Read.All", "Policy.Read.All",
	},
}

func newCaller() Caller {
	return Caller{ClientID: uuid.NewString(), ClientSecret: newClientSecret()}
}

// seedTenant makes the sandbox's i-th tenant, counted from 0: an organization with users of every kind of mailbox,
// Microsoft's APIs, the callers, and Exchange with its EWS gate. The first tenant is the home of the multi-tenant caller.
func (w *World) seedTenant(i int, gate string) *Tenant {
	name := organizationNames[i%len(organizationNames)]
	if round := i / len(organizationNames); round > 0 {
		name = fmt.Sprintf("%s %d", name, round+1)
	}
	label := domainLabel(name)
	t := &Tenant{
		ID:           uuid.NewString(),
		DisplayName:  name,
		Domain:       label + ".onmicrosoft.com",
		CustomDomain: label + ".com",
		callers:      map[callerKind]Caller{},
		quota:        smallTenant,
	}
	if i == 0 {
		w.homeTenantID = t.ID
	}
	for _, api := range firstPartyAPIs {
		t.seedServicePrincipal(api.appID, api.displayName, microsoftTenant, api.roles)
	}
	for _, kind := range []callerKind{fullCaller, ownedByCaller, noConsentRightCaller, readOnlyCaller} {
		w.seedCaller(t, kind)
	}
	t.seedUsers()
	t.seedPolicy()
	t.seedExchange(gate)
	return t
}

// domainLabel turns an organization's name into the first label of its domains.
func domainLabel(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.ToLower(name))
}

func (t *Tenant) seedServicePrincipal(appID, displayName, ownerTenant string, roles []appRole) servicePrincipal {
	principal := servicePrincipal{
		ID: uuid.NewString(), AppID: appID, DisplayName: displayName, Enabled: true,
		AppRoles: roles, AppOwnerTenantID: ownerTenant, CreatedAt: tenantCreated,
	}
	t.directory.servicePrincipals.put(tenantCreated, principal.ID, principal)
	return principal
}

// seedCaller makes the application of a caller, its service principal, and the grants of its rights. The application
// object of the multi-tenant one exists in its home tenant only, as in reality.
func (w *World) seedCaller(t *Tenant, kind callerKind) {
	credentials, home, audience := newCaller(), t.ID, "AzureADMyOrg"
	if kind == fullCaller {
		credentials, home, audience = w.Caller, w.homeTenantID, "AzureADMultipleOrgs"
	}
	t.callers[kind] = credentials
	displayName := "Terraform (" + string(kind) + ")"
	graph := t.seededAPI(graphAppID)

	principal := t.seedServicePrincipal(credentials.ClientID, displayName, home, nil)
	rights := make([]resourceAccess, 0, len(callerRights[kind]))
	for _, name := range callerRights[kind] {
		rights = append(rights, resourceAccess{ID: grantableRole(graph, name).ID, Type: "Role"})
		t.seedGrant(principal, graph, name)
	}
	if home != t.ID {
		return
	}
	object := application{
		ID: uuid.NewString(), AppID: credentials.ClientID, DisplayName: displayName, SignInAudience: audience,
		CreatedAt:      tenantCreated,
		RequiredAccess: []requiredResourceAccess{{ResourceAppID: graphAppID, ResourceAccess: rights}},
		Passwords: []passwordCredential{{
			KeyID: uuid.NewString(), DisplayName: "sandbox", Hint: credentials.ClientSecret[:3], Secret: credentials.ClientSecret,
			Start: tenantCreated, End: w.now().Add(callerSecretLifetime),
		}},
	}
	t.directory.applications.put(tenantCreated, object.ID, object)
}

// seedGrant consents to an application permission.
func (t *Tenant) seedGrant(principal, api servicePrincipal, role string) {
	grant := appRoleAssignment{
		ID: newAppRoleAssignmentID(principal.ID), AppRoleID: grantableRole(api, role).ID, CreatedAt: tenantCreated,
		PrincipalID: principal.ID, PrincipalDisplayName: principal.DisplayName, PrincipalType: "ServicePrincipal",
		ResourceID: api.ID, ResourceDisplayName: api.DisplayName,
	}
	t.directory.grants.put(tenantCreated, grant.ID, grant)
}

func (t *Tenant) seededAPI(appID string) servicePrincipal {
	found := t.directory.servicePrincipals.list(asOf(tenantCreated), func(p servicePrincipal) bool { return p.AppID == appID })
	return found[0]
}

// grantableRole returns the enabled application permission of that name. Of two the first counts.
func grantableRole(api servicePrincipal, name string) appRole {
	at := slices.IndexFunc(api.AppRoles, func(r appRole) bool {
		return r.Value == name && r.IsEnabled && slices.Contains(r.AllowedMemberTypes, "Application")
	})
	return api.AppRoles[at]
}

// seedUsers makes the users that CodeTwo's errors are about. Those of the initial domain have addresses that survive
// the removal of the custom one.
func (t *Tenant) seedUsers() {
	for _, seed := range []struct {
		alias, displayName, domain string
		kind                       mailboxKind
	}{
		{"migration", "Migration Account", t.Domain, licensed},
		{"anna.kowalska", "Anna Kowalska", t.CustomDomain, licensed},
		{"unlicensed", "User Without Licence", t.CustomDomain, unlicensed},
		{"kiosk", "Kiosk Worker", t.CustomDomain, kiosk},
		{"disabled", "Former Employee", t.CustomDomain, disabled},
		{"nomailbox", "On-Premises User", t.CustomDomain, noMailbox},
		{"publicfolders", "Public Folder Administrator", t.Domain, publicFolderOwner},
	} {
		address := seed.alias + "@" + seed.domain
		account := user{ID: uuid.NewString(), UserPrincipalName: address, DisplayName: seed.displayName}
		account.setMailbox(seed.kind, t.Domain)
		t.directory.users.put(tenantCreated, account.ID, account)
	}
}

// Service plans of Exchange Online (Microsoft: "Product names and service plan identifiers for licensing").
const (
	exchangePlan2     = "efb87545-963c-4e0d-99df-69c6916d9eb0"
	exchangeKioskPlan = "4a82b400-a79f-41a4-b4e2-e94f5787b113"
)

// setMailbox makes the directory's side of a user agree with a kind of mailbox. A user of the kind no_mailbox has a
// licence and an address all the same, as with a mailbox that stayed on premises: only Exchange can tell.
func (u *user) setMailbox(kind mailboxKind, initialDomain string) {
	u.Mailbox, u.Enabled = kind, kind != disabled
	u.Mail, u.ProxyAddresses, u.Plans = "", nil, nil
	if kind == unlicensed {
		return
	}
	plan := exchangePlan2
	if kind == kiosk {
		plan = exchangeKioskPlan
	}
	u.Plans = []assignedPlan{{AssignedDateTime: tenantCreated, CapabilityStatus: "Enabled", Service: "exchange", ServicePlanID: plan}}
	u.Mail = u.UserPrincipalName
	u.ProxyAddresses = []string{"SMTP:" + u.Mail}
	alias, domain, _ := strings.Cut(u.UserPrincipalName, "@")
	if domain != initialDomain {
		u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+alias+"@"+initialDomain)
	}
}

// newClientSecret draws a secret in the manner of Entra's, 40 characters long.
func newClientSecret() string { return rand.Text()[:3] + "8Q~" + rand.Text() + rand.Text()[:8] }
