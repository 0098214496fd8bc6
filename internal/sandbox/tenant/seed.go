package tenant

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Created is when the seeded objects were made, long before any request. A tenant's age shows in its tokens.
var Created = time.Date(2019, time.May, 13, 9, 30, 0, 0, time.UTC)

// callerSecretLifetime is Entra's default for a client secret (Microsoft Graph: application-addpassword).
const callerSecretLifetime = 2 * 365 * 24 * time.Hour

// organizationNames are the companies of Microsoft's own examples. With more tenants than names, a number is added.
var organizationNames = []string{
	"Contoso", "Fabrikam", "Northwind Traders", "Adventure Works", "Tailspin Toys", "Wide World Importers",
	"Litware", "Proseware", "Trey Research", "Woodgrove Bank", "Lucerne Publishing", "Margie's Travel",
}

// Caller is a client ID with its secret.
type Caller struct {
	ClientID     string `json:"client_id"` // GUID
	ClientSecret string `json:"client_secret"`
}

// CallerKind names one of the seeded applications that Terraform can sign in as.
type CallerKind string

// The kinds of callers, as files name them.
const (
	FullCaller           CallerKind = "full"
	OwnedByCaller        CallerKind = "owned_by"
	NoConsentRightCaller CallerKind = "no_consent_right"
	ReadOnlyCaller       CallerKind = "read_only"
	InteropCaller        CallerKind = "interop"
)

// callerKinds are all of them, in the order of their making.
var callerKinds = []CallerKind{FullCaller, OwnedByCaller, NoConsentRightCaller, ReadOnlyCaller, InteropCaller}

// callerRights are the Graph permissions of each caller (Microsoft Graph: permissions of each call). owned_by holds
// the least that makes and consents an application of one's own; it cannot list the applications of others. interop
// holds what other programs need, such as HashiCorp's azuread provider: it also manages users, groups,
// grants of delegated permissions and policies.
var callerRights = map[CallerKind][]string{
	FullCaller: {
		"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "Organization.Read.All", "Domain.Read.All",
		"User.Read.All", "Policy.Read.All",
	},
	OwnedByCaller: {
		"Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All", "Organization.Read.All", "Domain.Read.All",
		"User.ReadBasic.All", "Policy.Read.All",
	},
	NoConsentRightCaller: {
		"Application.ReadWrite.All", "Organization.Read.All", "Domain.Read.All", "User.Read.All", "Policy.Read.All",
	},
	ReadOnlyCaller: {
		"Application.Read.All", "Organization.Read.All", "Domain.Read.All", "User.Read.All", "Policy.Read.All",
	},
	InteropCaller: {
		"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "Organization.Read.All", "Domain.Read.All",
		"User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All", "Group.ReadWrite.All", "Directory.ReadWrite.All",
		"RoleManagement.ReadWrite.Directory", "Policy.Read.All",
		"DelegatedPermissionGrant.ReadWrite.All", "Policy.ReadWrite.ApplicationConfiguration",
	},
}

func newCaller() Caller {
	return Caller{ClientID: uuid.NewString(), ClientSecret: NewClientSecret()}
}

// seedTenant makes the sandbox's i-th tenant, counted from 0: an organization with users of every kind of mailbox,
// Microsoft's APIs, the callers, and Exchange with its EWS gate. The first tenant is the home of the multi-tenant
// callers.
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
		Callers:      map[CallerKind]Caller{},
		Quota:        smallTenant,
	}
	if i == 0 {
		w.homeTenantID = t.ID
	}
	for _, api := range FirstPartyAPIs {
		t.seedServicePrincipal(api.AppID, api.DisplayName, MicrosoftTenant, api.Roles)
	}
	for _, kind := range callerKinds {
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

func (t *Tenant) seedServicePrincipal(appID, displayName, ownerTenant string, roles []AppRole) ServicePrincipal {
	principal := ServicePrincipal{
		ID: uuid.NewString(), AppID: appID, DisplayName: displayName, Enabled: true,
		AppRoles: roles, AppOwnerTenantID: ownerTenant, CreatedAt: Created,
	}
	t.Directory.ServicePrincipals.Put(Created, principal.ID, principal)
	return principal
}

// seedCaller makes the application of a caller, its service principal, and the grants of its rights. The application
// object of a multi-tenant one exists in its home tenant only, as in reality.
func (w *World) seedCaller(t *Tenant, kind CallerKind) {
	credentials, home, audience := newCaller(), t.ID, "AzureADMyOrg"
	switch kind {
	case FullCaller:
		credentials, home, audience = w.Caller, w.homeTenantID, "AzureADMultipleOrgs"
	case InteropCaller:
		credentials, home, audience = w.Interop, w.homeTenantID, "AzureADMultipleOrgs"
	}
	t.Callers[kind] = credentials
	displayName := "Terraform (" + string(kind) + ")"
	graph := t.seededAPI(GraphAppID)

	principal := t.seedServicePrincipal(credentials.ClientID, displayName, home, nil)
	rights := make([]resourceAccess, 0, len(callerRights[kind]))
	for _, name := range callerRights[kind] {
		rights = append(rights, resourceAccess{ID: grantableRole(graph, name).ID, Type: "Role"})
		t.seedGrant(principal, graph, name)
	}
	if home != t.ID {
		return
	}
	object := Application{
		ID: uuid.NewString(), AppID: credentials.ClientID, DisplayName: displayName, SignInAudience: audience,
		CreatedAt:      Created,
		RequiredAccess: []RequiredResourceAccess{{ResourceAppID: GraphAppID, ResourceAccess: rights}},
		Passwords: []PasswordCredential{{
			KeyID: uuid.NewString(), DisplayName: "sandbox", Hint: credentials.ClientSecret[:3],
			Secret: credentials.ClientSecret,
			Start:  Created, End: w.Now().Add(callerSecretLifetime),
		}},
	}
	t.Directory.Applications.Put(Created, object.ID, object)
}

// seedGrant consents to an application permission.
func (t *Tenant) seedGrant(principal, api ServicePrincipal, role string) {
	grant := AppRoleAssignment{
		ID: NewAppRoleAssignmentID(principal.ID), AppRoleID: grantableRole(api, role).ID, CreatedAt: Created,
		PrincipalID: principal.ID, PrincipalDisplayName: principal.DisplayName, PrincipalType: "ServicePrincipal",
		ResourceID: api.ID, ResourceDisplayName: api.DisplayName,
	}
	t.Directory.Grants.Put(Created, grant.ID, grant)
}

func (t *Tenant) seededAPI(appID string) ServicePrincipal {
	found := t.Directory.ServicePrincipals.List(AsOf(Created), func(p ServicePrincipal) bool { return p.AppID == appID })
	return found[0]
}

// grantableRole returns the enabled application permission of that name, the first if there are two.
func grantableRole(api ServicePrincipal, name string) AppRole {
	at := slices.IndexFunc(api.AppRoles, func(r AppRole) bool {
		return r.Value == name && r.IsEnabled && slices.Contains(r.AllowedMemberTypes, "Application")
	})
	return api.AppRoles[at]
}

// seedUsers makes the users that CodeTwo's errors are about. Those of the initial domain have addresses that survive
// the removal of the custom one.
func (t *Tenant) seedUsers() {
	for _, seed := range []struct {
		alias, displayName, domain string
		kind                       MailboxKind
	}{
		{"migration", "Migration Account", t.Domain, Licensed},
		{"anna.kowalska", "Anna Kowalska", t.CustomDomain, Licensed},
		{"unlicensed", "User Without Licence", t.CustomDomain, Unlicensed},
		{"kiosk", "Kiosk Worker", t.CustomDomain, Kiosk},
		{"disabled", "Former Employee", t.CustomDomain, Disabled},
		{"nomailbox", "On-Premises User", t.CustomDomain, NoMailbox},
		{"publicfolders", "Public Folder Administrator", t.Domain, PublicFolderOwner},
	} {
		address := seed.alias + "@" + seed.domain
		given, surname, _ := strings.Cut(seed.displayName, " ")
		account := User{
			ID: uuid.NewString(), UserPrincipalName: address, DisplayName: seed.displayName, MailNickname: seed.alias,
			CreatedAt: Created, PasswordSetAt: Created,
			ExtraProperties: map[string]any{"givenName": given, "surname": surname, "usageLocation": "DE"},
		}
		account.SetMailbox(seed.kind, t.Domain)
		t.Directory.Users.Put(Created, account.ID, account)
	}
}

// Service plans of Exchange Online (Microsoft: "Product names and service plan identifiers for licensing").
const (
	ExchangePlan2     = "efb87545-963c-4e0d-99df-69c6916d9eb0"
	exchangeKioskPlan = "4a82b400-a79f-41a4-b4e2-e94f5787b113"
)

// SetMailbox makes the directory's side of a user agree with a kind of mailbox. A user of the kind no_mailbox has a
// licence and an address all the same, as with a mailbox that stayed on premises: only Exchange can tell.
func (u *User) SetMailbox(kind MailboxKind, initialDomain string) {
	u.Mailbox, u.Enabled = kind, kind != Disabled
	u.Mail, u.ProxyAddresses, u.Plans = "", nil, nil
	if kind == Unlicensed {
		return
	}
	plan := ExchangePlan2
	if kind == Kiosk {
		plan = exchangeKioskPlan
	}
	u.Plans = []AssignedPlan{{AssignedDateTime: Created, CapabilityStatus: "Enabled", Service: "exchange",
		ServicePlanID: plan}}
	u.Mail = u.UserPrincipalName
	u.ProxyAddresses = []string{"SMTP:" + u.Mail}
	alias, domain, _ := strings.Cut(u.UserPrincipalName, "@")
	if domain != initialDomain {
		u.ProxyAddresses = append(u.ProxyAddresses, "smtp:"+alias+"@"+initialDomain)
	}
}

// NewClientSecret draws a secret in the manner of Entra's, 40 characters long.
func NewClientSecret() string { return rand.Text()[:3] + "8Q~" + rand.Text() + rand.Text()[:8] }
