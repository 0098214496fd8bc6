package control

import (
	"crypto/sha1"
	"fmt"
	"slices"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/exchange"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// State is what the tenants hold, for tests and for people. There is no secret in it.
type State struct {
	Now     time.Time     `json:"now"`
	Tenants []TenantState `json:"tenants"`
}

// TenantState is what one tenant holds.
type TenantState struct {
	TenantID          string                  `json:"tenant_id"`
	DisplayName       string                  `json:"display_name"`
	Domains           []string                `json:"domains"` // the initial one first
	Applications      []ApplicationState      `json:"applications"`
	ServicePrincipals []ServicePrincipalState `json:"service_principals"`
	Grants            []GrantState            `json:"grants"`
	DeletedItems      []DeletedItemState      `json:"deleted_items"`
	Users             []UserState             `json:"users"`
	Groups            []GroupState            `json:"groups"`
	Exchange          ExchangeState           `json:"exchange"`
	Mailboxes         []exchange.MailboxState `json:"mailboxes"` // those that clients have put something into
	Policies          []PolicyState           `json:"policies"`  // app management policies, the default one first
}

// ApplicationState is an application object.
type ApplicationState struct {
	ObjectID    string            `json:"object_id"`
	ClientID    string            `json:"client_id"`
	DisplayName string            `json:"display_name"`
	UniqueName  string            `json:"unique_name,omitempty"`
	Tags        []string          `json:"tags,omitempty"`
	Keys        []CredentialState `json:"keys,omitempty"`
	Secrets     []CredentialState `json:"secrets,omitempty"`
	Federated   []string          `json:"federated,omitempty"` // names
}

// CredentialState is a certificate or a client secret, without its value.
type CredentialState struct {
	KeyID       string    `json:"key_id"`
	DisplayName string    `json:"display_name,omitempty"`
	Thumbprint  string    `json:"thumbprint,omitempty"` // of a certificate: SHA-1, 40 upper-case hex digits
	NotAfter    time.Time `json:"not_after"`
}

// ServicePrincipalState is an application's presence in the tenant.
type ServicePrincipalState struct {
	ObjectID    string            `json:"object_id"`
	ClientID    string            `json:"client_id"`
	DisplayName string            `json:"display_name"`
	Enabled     bool              `json:"enabled"`
	Keys        []CredentialState `json:"keys,omitempty"`    // of its own
	Secrets     []CredentialState `json:"secrets,omitempty"` // likewise
}

// GrantState is a consented application permission.
type GrantState struct {
	ID          string `json:"id"`
	PrincipalID string `json:"principal_id"` // object ID of the service principal that holds it
	Principal   string `json:"principal"`
	Resource    string `json:"resource"`
	RoleID      string `json:"role_id"`
	Role        string `json:"role"`
}

// DeletedItemState is an object in the recycle bin.
type DeletedItemState struct {
	ObjectID    string    `json:"object_id"`
	Type        string    `json:"type"` // application, servicePrincipal, user or group
	ClientID    string    `json:"client_id"`
	DisplayName string    `json:"display_name"`
	DeletedAt   time.Time `json:"deleted_at"`
}

// UserState is a user with the kind of mailbox.
type UserState struct {
	Address string `json:"address"`
	Enabled bool   `json:"enabled"`
	Mailbox string `json:"mailbox"`
}

// GroupState is a group with its direct members and its owners.
type GroupState struct {
	ObjectID    string   `json:"object_id"`
	DisplayName string   `json:"display_name"`
	Members     []string `json:"members"` // object IDs
	Owners      []string `json:"owners"`  // object IDs
}

// ExchangeState is what the Exchange administrator has set, and which apps used EWS.
type ExchangeState struct {
	EwsEnabled       *bool    `json:"ews_enabled"`
	EwsAllowedAppIDs []string `json:"ews_allowed_app_ids"`
	// an administrator wrote the list, so that Microsoft fills it no more
	EwsListEdited        bool                         `json:"ews_list_edited"`
	EwsAppsSeen          map[string]time.Time         `json:"ews_apps_seen"` // when each app used EWS last, by client ID
	SecondWave           bool                         `json:"second_wave"`   // Microsoft's second wave was here
	EwsDisabledMailboxes []string                     `json:"ews_disabled_mailboxes"`
	OutOfScopeMailboxes  []string                     `json:"out_of_scope_mailboxes"`
	PublicFolders        bool                         `json:"public_folders"`
	PublicFolderTree     []exchange.PublicFolderState `json:"public_folder_tree"`      // the root first
	MailboxQuota         int                          `json:"mailbox_quota,omitempty"` // bytes; 0: the sandbox's own
	ServerBusy           string                       `json:"server_busy"`             // a duration, 0s when not busy
	AutodiscoverURL      string                       `json:"autodiscover_url,omitempty"`
	Outage               bool                         `json:"outage"` // Exchange answers otherwise than its settings say
}

// State returns what all tenants hold, each read at one moment.
func (a *API) State() State {
	state := State{Now: a.world.Now().UTC(), Tenants: make([]TenantState, 0, len(a.world.Tenants))}
	for _, t := range a.world.Tenants {
		t.Lock()
		state.Tenants = append(state.Tenants, tenantState(t))
		t.Unlock()
	}
	return state
}

func tenantState(t *tenant.Tenant) TenantState {
	now := tenant.Present()
	return TenantState{
		TenantID: t.ID, DisplayName: t.DisplayName, Domains: []string{t.Domain, t.CustomDomain},
		Applications:      tenant.Mapped(t.Directory.Applications.List(now, nil), applicationState),
		ServicePrincipals: tenant.Mapped(t.Directory.ServicePrincipals.List(now, nil), servicePrincipalState),
		Grants: tenant.Mapped(t.Directory.Grants.List(now, nil), func(g tenant.AppRoleAssignment) GrantState {
			return grantState(t, now, g)
		}),
		DeletedItems: tenant.Mapped(t.Directory.Deleted.List(now, nil), deletedItemState),
		Users:        tenant.Mapped(t.Directory.Users.List(now, nil), userState),
		Groups:       tenant.Mapped(t.Directory.Groups.List(now, nil), groupState),
		Exchange:     exchangeState(t, now, t.Exchange),
		Mailboxes:    exchange.MailboxStates(t, now),
		Policies: tenant.Mapped(t.Directory.Policies.List(now, nil), func(p tenant.ManagementPolicy) PolicyState {
			return policyState(t, now, p)
		}),
	}
}

func applicationState(a tenant.Application) ApplicationState {
	return ApplicationState{
		ObjectID: a.ID, ClientID: a.AppID, DisplayName: a.DisplayName, UniqueName: a.UniqueName, Tags: a.Tags,
		Keys: tenant.Mapped(a.Keys, keyState), Secrets: tenant.Mapped(a.Passwords, secretState),
		Federated: tenant.Mapped(a.Federated, func(f tenant.FederatedCredential) string { return f.Name }),
	}
}

func keyState(k tenant.KeyCredential) CredentialState {
	state := CredentialState{KeyID: k.KeyID, DisplayName: k.DisplayName, NotAfter: k.End}
	if k.Certificate != nil {
		state.Thumbprint = fmt.Sprintf("%X", sha1.Sum(k.Certificate.Raw))
	}
	return state
}

func secretState(p tenant.PasswordCredential) CredentialState {
	return CredentialState{KeyID: p.KeyID, DisplayName: p.DisplayName, NotAfter: p.End}
}

func servicePrincipalState(p tenant.ServicePrincipal) ServicePrincipalState {
	return ServicePrincipalState{
		ObjectID: p.ID, ClientID: p.AppID, DisplayName: p.DisplayName, Enabled: p.Enabled,
		Keys: tenant.Mapped(p.Keys, keyState), Secrets: tenant.Mapped(p.Passwords, secretState),
	}
}

func grantState(t *tenant.Tenant, v tenant.View, g tenant.AppRoleAssignment) GrantState {
	state := GrantState{ID: g.ID, PrincipalID: g.PrincipalID, Principal: g.PrincipalDisplayName,
		Resource: g.ResourceDisplayName, RoleID: g.AppRoleID}
	if api, found := t.Directory.ServicePrincipals.Get(v, g.ResourceID); found {
		roles := t.RolesOf(v, api)
		if at := slices.IndexFunc(roles, func(r tenant.AppRole) bool { return r.ID == g.AppRoleID }); at >= 0 {
			state.Role = roles[at].Value
		}
	}
	return state
}

func deletedItemState(d tenant.DeletedItem) DeletedItemState {
	state := DeletedItemState{ObjectID: d.ID, DeletedAt: d.DeletedAt}
	switch {
	case d.Application != nil:
		state.Type, state.ClientID, state.DisplayName = "application", d.Application.AppID, d.Application.DisplayName
	case d.ServicePrincipal != nil:
		state.Type, state.ClientID, state.DisplayName = "servicePrincipal", d.ServicePrincipal.AppID,
			d.ServicePrincipal.DisplayName
	case d.User != nil:
		state.Type, state.DisplayName = "user", d.User.DisplayName
	case d.Group != nil:
		state.Type, state.DisplayName = "group", d.Group.DisplayName
	}
	return state
}

func userState(u tenant.User) UserState {
	return UserState{Address: u.UserPrincipalName, Enabled: u.Enabled, Mailbox: string(u.Mailbox)}
}

func groupState(g tenant.Group) GroupState {
	return GroupState{ObjectID: g.ID, DisplayName: g.DisplayName, Members: tenant.NonNil(g.Members),
		Owners: tenant.NonNil(g.Owners)}
}
