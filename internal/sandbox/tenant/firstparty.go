package tenant

import (
	"encoding/json"
	"slices"
	"strings"
)

// MicrosoftTenant owns the first-party applications (Microsoft: "Verify first-party Microsoft applications").
const MicrosoftTenant = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"

// FirstPartyAPI is an API of Microsoft's that every tenant has a service principal of.
type FirstPartyAPI struct {
	AppID       string
	DisplayName string
	Identifiers []string // what a scope may call it, the app ID apart
	Audience    string   // what its tokens are for
	Roles       []AppRole
	Scopes      []PermissionScope
	// Roles and Scopes as an answer has them
	RolesJSON, ScopesJSON json.RawMessage
}

// Client IDs of the APIs, the same in every tenant.
const (
	GraphAppID      = "00000003-0000-0000-c000-000000000000"
	ExchangeAppID   = "00000002-0000-0ff1-ce00-000000000000"
	sharePointAppID = "00000003-0000-0ff1-ce00-000000000000"
)

// The audiences of the sandbox's own APIs, as a token's aud claim names them. Graph's was seen in tokens of Entra's;
// that Exchange's looks alike is unconfirmed.
const (
	GraphAudience    = "https://graph.microsoft.com"
	ExchangeAudience = "https://outlook.office365.com"
)

// FirstPartyAPIs are shared by all tenants: nothing may change them.
var FirstPartyAPIs = Mapped([]FirstPartyAPI{
	{
		AppID: GraphAppID, DisplayName: "Microsoft Graph", Audience: GraphAudience,
		Identifiers: []string{"https://graph.microsoft.com"},
		Roles:       graphRoles,
	},
	{
		AppID: ExchangeAppID, DisplayName: "Office 365 Exchange Online", Audience: ExchangeAudience,
		Identifiers: []string{"https://outlook.office365.com", "https://outlook.office.com"},
		Roles:       exchangeRoles,
	},
	{
		AppID: sharePointAppID, DisplayName: "Office 365 SharePoint Online", Audience: sharePointAppID,
		Roles: sharePointRoles,
	},
}, publish)

// FirstParty finds an API of Microsoft's by its client ID.
func FirstParty(appID string) (FirstPartyAPI, bool) {
	at := slices.IndexFunc(FirstPartyAPIs, func(api FirstPartyAPI) bool { return strings.EqualFold(api.AppID, appID) })
	if at < 0 {
		return FirstPartyAPI{}, false
	}
	return FirstPartyAPIs[at], true
}

// The rights that the seeded callers hold, and what else an administrator may grant for a migration, with display names
// of ours (Microsoft Graph: permissions reference); publish adds the rest. Directory.Read.All is here twice: the first
// one is for users, and granting it to an application would be wrong. No real tenant is known to have such a pair on
// Graph, but nothing in Graph's contract rules it out.
var graphRoles = []AppRole{
	userRole("5b1e2a7f-92d4-4c5e-8f0a-3d6c1b9e7a42", "Directory.Read.All", "Read directory data as a directory reviewer"),
	applicationRole("7ab1d382-f21e-4acd-a863-ba3e13f7da61", "Directory.Read.All", "Read directory data"),
	applicationRole("19dbc75e-c2e2-444c-a770-ec69d8559fc7", "Directory.ReadWrite.All", "Read and write directory data"),
	applicationRole("498476ce-e0fe-48b0-b801-37ba7e2685c6", "Organization.Read.All", "Read organization information"),
	applicationRole("dbb9058a-0e50-45d7-ae91-66909b5d4664", "Domain.Read.All", "Read domains"),
	applicationRole("df021288-bdef-4463-88db-98f22de89214", "User.Read.All", "Read all users' full profiles"),
	applicationRole("741f803b-c850-494e-b5df-cde7c675a1ca", "User.ReadWrite.All",
		"Read and write all users' full profiles"),
	applicationRole("97235f07-e226-4f63-ace3-39588e11d3a1", "User.ReadBasic.All", "Read all users' basic profiles"),
	applicationRole("cc117bb9-00cf-4eb8-b580-ea2a878fe8f7", "User-PasswordProfile.ReadWrite.All",
		"Read and write all users' password profiles"),
	applicationRole("e2f98668-2877-4f38-a2f4-8202e0717aa1", "LicenseAssignment.Read.All", "Read all license assignments"),
	applicationRole("5facf0c1-8979-4e95-abcf-ff3d079771c0", "LicenseAssignment.ReadWrite.All",
		"Manage all license assignments"),
	applicationRole("5b567255-7703-4780-807c-7be8301ae99b", "Group.Read.All", "Read all groups"),
	applicationRole("62a82d76-70ea-41e2-9197-370581804d09", "Group.ReadWrite.All", "Read and write all groups"),
	applicationRole("810c84a8-4a9e-49e6-bf7d-12d183f40d01", "Mail.Read", "Read mail in all mailboxes"),
	applicationRole("e2a3a72e-5f79-4c64-b1b1-878b674786c9", "Mail.ReadWrite", "Read and write mail in all mailboxes"),
	applicationRole("ef54d2bf-783f-4e0f-bca1-3210c0444d99", "Calendars.ReadWrite",
		"Read and write calendars in all mailboxes"),
	applicationRole("6918b873-d17a-4dc1-b314-35f528134491", "Contacts.ReadWrite",
		"Read and write contacts in all mailboxes"),
	applicationRole("44e666d1-d276-445b-a5fc-8815eeb81d55", "Tasks.ReadWrite.All",
		"Read and write all users' tasks and tasklists"),
	applicationRole("40f97065-369a-49f4-947c-6a255697ae91", "MailboxSettings.Read", "Read all user mailbox settings"),
	applicationRole("6931bccd-447a-43d1-b442-00a195474933", "MailboxSettings.ReadWrite",
		"Read and write all user mailbox settings"),
	applicationRole("76577085-e73d-4f1d-b26a-85fb33892327", "MailboxItem.ImportExport.All",
		"Import and export all mailbox items"),
	applicationRole("fef87b92-8391-4589-9da7-eb93dab7dc8a", "MailboxFolder.ReadWrite.All",
		"Read and write all users' mailbox folders"),
	applicationRole("18a4783c-866b-4cc7-a460-3d5e5662c884", "Application.ReadWrite.OwnedBy",
		"Manage apps that this app creates or owns"),
	applicationRole("1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9", "Application.ReadWrite.All",
		"Read and write all applications"),
	applicationRole("9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30", "Application.Read.All", "Read all applications"),
	applicationRole("06b708a9-e830-4db3-a914-8e69da51d44f", "AppRoleAssignment.ReadWrite.All",
		"Manage app permission grants and app role assignments"),
	applicationRole("9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8", "RoleManagement.ReadWrite.Directory",
		"Read and write all directory RBAC settings"),
	applicationRole("246dd0d5-5bd0-4def-940b-0421030a5b68", "Policy.Read.All", "Read your organization's policies"),
	applicationRole("8e8e4742-1d95-4f68-9d56-6ee75648c72a", "DelegatedPermissionGrant.ReadWrite.All",
		"Manage all delegated permission grants"),
	applicationRole("be74164b-cff1-491c-8741-e671cb536e13", "Policy.ReadWrite.ApplicationConfiguration",
		"Read and write your organization's application configuration policies"),
}

// Three traps: full_access_as_app comes first as a disabled role; Calendars.ReadWrite.All has the ID of Graph's
// Calendars.ReadWrite, as on the real API; and IMAP.AccessAsApp has two IDs, as on the real API. No real tenant
// is known to have the disabled roles.
var exchangeRoles = []AppRole{
	disabledRole("c2b0f0d7-6f39-4f6e-9a35-0d1f7a1b8e54", "full_access_as_app",
		"Use Exchange Web Services with full access to all mailboxes (retired)"),
	applicationRole("dc890d15-9560-4a4c-9b7f-a736ec74ec40", "full_access_as_app",
		"Use Exchange Web Services with full access to all mailboxes"),
	applicationRole("dc50a0fb-09a3-484d-be87-e023b12c6440", "Exchange.ManageAsApp", "Manage Exchange As Application"),
	applicationRole("5e5addcd-3e8d-4e90-baf5-964efab2b20a", "IMAP.AccessAsApp", "IMAP.AccessAsApp"),
	applicationRole("28b54159-e98b-4a00-9d52-10c8c7cbd7f3", "IMAP.AccessAsApp", "IMAP.AccessAsApp"),
	applicationRole("ef54d2bf-783f-4e0f-bca1-3210c0444d99", "Calendars.ReadWrite.All",
		"Read and write calendars in all mailboxes"),
	disabledRole("8d5c3a1e-47b2-4a0d-9e6f-52c8b7d1f903", "Mailbox.Migrate.All", "Move mailboxes (retired)"),
}

// SharePoint is not of the migration's business, but shares a role's ID with Graph, as on the real APIs.
var sharePointRoles = []AppRole{
	applicationRole("678536fe-1083-478a-9c59-b99265e6b0d3", "Sites.FullControl.All",
		"Have full control of all site collections"),
	applicationRole("741f803b-c850-494e-b5df-cde7c675a1ca", "User.ReadWrite.All", "Read and write user profiles"),
}

func applicationRole(id, value, displayName string) AppRole {
	return AppRole{
		ID: id, Value: value, DisplayName: displayName, Description: displayName + ".",
		AllowedMemberTypes: []string{"Application"}, IsEnabled: true, Origin: "Application",
	}
}

func userRole(id, value, displayName string) AppRole {
	role := applicationRole(id, value, displayName)
	role.AllowedMemberTypes = []string{"User"}
	return role
}

func disabledRole(id, value, displayName string) AppRole {
	role := applicationRole(id, value, displayName)
	role.IsEnabled = false
	return role
}
