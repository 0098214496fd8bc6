// Package tenant is the state of the Microsoft 365 tenants: directory objects with their history, Exchange settings, quotas,
// and the clock, profile and dice that all tenants share. It serves no requests.
package tenant

import (
	"crypto/x509"
	"sync"
	"time"
)

// Tenant is one Microsoft 365 tenant of the sandbox.
type Tenant struct {
	ID           string // GUID
	DisplayName  string
	Domain       string // the initial *.onmicrosoft.com domain
	CustomDomain string // the default domain, verified as well

	sync.Mutex // held for the length of a request's work on this tenant
	Directory  Directory
	History    History
	Exchange   ExchangeOrganization        // as the administrator has set it
	Settings   Table[ExchangeOrganization] // the same with its history, for Exchange learns of some of it late
	EWSSeen    map[string]time.Time        // when each app used EWS last, by lower-case client ID
	Refused    map[string]int              // AADSTS codes of sign-ins that are refused whatever they hold, by lower-case client ID
	Callers    map[CallerKind]Caller
	Rules      DirectoryRules
	Quota      Quota
	usage      map[string]*usage // by client ID, lower case
}

// Directory holds a tenant's objects, each with its history, so that a read can be answered as of an earlier moment.
type Directory struct {
	Applications      Table[Application]
	ServicePrincipals Table[ServicePrincipal]
	Grants            Table[AppRoleAssignment]
	Users             Table[User]
	Deleted           Table[DeletedItem]
	Policies          Table[ManagementPolicy]
}

// View is the moment as of which a read is answered. The present one sees every write.
type View struct {
	AsOf time.Time
	gone time.Time // as of which deletions are seen: no later than AsOf
}

// AsOf sees everything that was written until then.
func AsOf(t time.Time) View { return View{t, t} }

// Table keeps every version of its rows in the order of writing.
type Table[T any] struct {
	order []string // row IDs in the order of creation, for stable paging
	rows  map[string][]version[T]
}

type version[T any] struct {
	at      time.Time
	value   T
	deleted bool
}

// Get returns the row as it stood at the view's moment. Values are copies of the top level only: change a row by put.
func (t *Table[T]) Get(v View, id string) (T, bool) {
	var none T
	versions := t.rows[id]
	for i := len(versions) - 1; i >= 0; i-- {
		switch written := versions[i]; {
		case written.deleted && !written.at.After(v.gone):
			return none, false
		case !written.deleted && !written.at.After(v.AsOf):
			return written.value, true
		}
	}
	return none, false
}

// List returns the rows of the view's moment for which keep answers true, in the order of their creation.
func (t *Table[T]) List(v View, keep func(T) bool) []T {
	found := make([]T, 0, len(t.order))
	for _, id := range t.order {
		if row, ok := t.Get(v, id); ok && (keep == nil || keep(row)) {
			found = append(found, row)
		}
	}
	return found
}

// First returns the oldest row of the view's moment for which is answers true.
func (t *Table[T]) First(v View, is func(T) bool) (T, bool) {
	var none T
	for _, id := range t.order {
		if row, ok := t.Get(v, id); ok && is(row) {
			return row, true
		}
	}
	return none, false
}

func (t *Table[T]) Put(at time.Time, id string, row T) {
	if t.rows == nil {
		t.rows = map[string][]version[T]{}
	}
	if _, known := t.rows[id]; !known {
		t.order = append(t.order, id)
	}
	t.rows[id] = append(t.rows[id], version[T]{at: at, value: row})
}

func (t *Table[T]) Remove(at time.Time, id string) {
	if versions, known := t.rows[id]; known {
		t.rows[id] = append(versions, version[T]{at: at, deleted: true})
	}
}

// Application is an Entra application object.
type Application struct {
	ID              string
	AppID           string
	DisplayName     string
	UniqueName      string // empty: never set; immutable once set
	SignInAudience  string
	Tags            []string
	Notes           string
	Description     string
	CreatedAt       time.Time
	CreatedByAppID  string
	Owners          []string // object IDs of service principals
	RequiredAccess  []RequiredResourceAccess
	Keys            []KeyCredential
	Passwords       []PasswordCredential
	Federated       []FederatedCredential
	IsDisabled      bool
	IdentifierURIs  []string
	ServiceMgmtRef  string
	ExtraProperties map[string]any // accepted, stored and returned, but without a behaviour of their own here
}

type RequiredResourceAccess struct {
	ResourceAppID  string           `json:"resourceAppId"`
	ResourceAccess []resourceAccess `json:"resourceAccess"`
}

type resourceAccess struct {
	ID   string `json:"id"`
	Type string `json:"type"` // Role or Scope
}

type KeyCredential struct {
	KeyID       string
	DisplayName string
	Usage       string
	Type        string
	CustomID    string // customKeyIdentifier on the wire: the SHA-1 thumbprint in hex
	Start, End  time.Time
	Certificate *x509.Certificate
	Raw         []byte // what the client sent as key
}

type PasswordCredential struct {
	KeyID       string
	DisplayName string
	Hint        string
	Secret      string // never leaves the server except in the answer of addPassword
	Start, End  time.Time
}

type FederatedCredential struct {
	ID          string
	Name        string
	Issuer      string
	Subject     string
	Description string
	Audiences   []string
}

// ServicePrincipal is an application's presence in a tenant. The first-party APIs have one without an application here.
type ServicePrincipal struct {
	ID                     string
	AppID                  string
	DisplayName            string
	Enabled                bool
	Tags                   []string
	AppRoles               []AppRole
	AppOwnerTenantID       string
	AppRoleAssignmentNeeds bool // appRoleAssignmentRequired
	CreatedAt              time.Time
	Owners                 []string
	ExtraProperties        map[string]any
}

type AppRole struct {
	ID                 string   `json:"id"`
	Value              string   `json:"value"`
	DisplayName        string   `json:"displayName"`
	Description        string   `json:"description"`
	AllowedMemberTypes []string `json:"allowedMemberTypes"`
	IsEnabled          bool     `json:"isEnabled"`
	Origin             string   `json:"origin"`
}

type AppRoleAssignment struct {
	ID                   string
	AppRoleID            string
	PrincipalID          string
	PrincipalDisplayName string
	PrincipalType        string
	ResourceID           string
	ResourceDisplayName  string
	CreatedAt            time.Time
}

// MailboxKind says what Exchange holds for a user; the seed makes one user or more of each.
type MailboxKind string

const (
	Licensed          MailboxKind = "licensed"
	Unlicensed        MailboxKind = "unlicensed"
	Kiosk             MailboxKind = "kiosk"
	Disabled          MailboxKind = "disabled"
	NoMailbox         MailboxKind = "no_mailbox"
	PublicFolderOwner MailboxKind = "public_folder_owner"
)

var MailboxKinds = []MailboxKind{Licensed, Unlicensed, Kiosk, Disabled, NoMailbox, PublicFolderOwner}

type User struct {
	ID                string
	UserPrincipalName string
	Mail              string
	DisplayName       string
	Enabled           bool
	ProxyAddresses    []string
	Plans             []AssignedPlan
	Mailbox           MailboxKind
}

type AssignedPlan struct {
	AssignedDateTime time.Time `json:"assignedDateTime"`
	CapabilityStatus string    `json:"capabilityStatus"`
	Service          string    `json:"service"`
	ServicePlanID    string    `json:"servicePlanId"`
}

// DeletedItem is a soft-deleted application or service principal: kept for 30 days, then gone.
type DeletedItem struct {
	ID               string
	DeletedAt        time.Time
	Application      *Application
	ServicePrincipal *ServicePrincipal
	Grants           []AppRoleAssignment // the service principal's, brought back with it
}

// DirectoryRules are what some tenants ask of applications and most do not. The zero value asks nothing.
type DirectoryRules struct {
	ObjectQuota         int      // how many applications one caller can have made, deleted ones included; 0: as many as it likes
	NeedsManagementRef  bool     // a new application must have a serviceManagementReference
	SignInAudiences     []string // those that an app management policy allows; none: all
	BinKeepsUniqueNames bool     // a uniqueName stays taken while its application is in the recycle bin
}

// Caller is a client ID with its secret.
type Caller struct {
	ClientID     string `json:"client_id"` // GUID
	ClientSecret string `json:"client_secret"`
}
