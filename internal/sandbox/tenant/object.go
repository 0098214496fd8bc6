package tenant

import (
	"crypto/x509"
	"time"
)

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
	AppRoles        []AppRole
	TemplateID      string // of the application template that it was made from; empty for none
	Logo            *Logo
	ServiceMgmtRef  string
	ExtraProperties map[string]any // accepted, stored and returned, but without a behaviour of their own here
}

// Logo is an application's picture, which is never changed in place.
type Logo struct {
	Path        string // its address on the content delivery network: a new picture has another
	ContentType string
	Content     []byte
}

// RequiredResourceAccess is what an application declares to need of an API (Microsoft Graph: resource type).
type RequiredResourceAccess struct {
	ResourceAppID  string           `json:"resourceAppId"`
	ResourceAccess []resourceAccess `json:"resourceAccess"`
}

type resourceAccess struct {
	ID   string `json:"id"`
	Type string `json:"type"` // Role or Scope
}

// KeyCredential is a certificate of an application or a service principal.
type KeyCredential struct {
	KeyID       string
	DisplayName string
	Usage       string
	Type        string // AsymmetricX509Cert, or X509CertAndPassword of a private key
	CustomID    string // customKeyIdentifier on the wire: the SHA-1 thumbprint in hex
	Start, End  time.Time
	Certificate *x509.Certificate
	Raw         []byte // what the client sent as key
}

// PasswordCredential is a client secret.
type PasswordCredential struct {
	KeyID       string
	CustomID    string // customKeyIdentifier on the wire; of a private key's password the key's, else empty
	DisplayName string
	Hint        string
	Secret      string // never leaves the server except in the answer of addPassword
	Start, End  time.Time
}

// FederatedCredential trusts the tokens of another issuer in place of a secret: those of one subject, or those whose
// claims match an expression.
type FederatedCredential struct {
	ID          string
	Name        string
	Issuer      string
	Subject     string
	Expression  string // claimsMatchingExpression, of language version 1; empty where there is a subject
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
	Keys                   []KeyCredential      // of this tenant alone, in addition to the application's
	Passwords              []PasswordCredential // likewise
	TemplateID             string               // of the template that its application was made from; empty: none
	ClaimsPolicies         []string             // IDs of the claims mapping policies that are assigned to it
	ExtraProperties        map[string]any
	// the application of another tenant as it was when it came here; nil for those of this tenant, and of Microsoft
	Instance *Application
}

// PermissionScope is a delegated permission that an API offers (Microsoft Graph: resource type).
type PermissionScope struct {
	ID                      string  `json:"id"`
	Value                   string  `json:"value"`
	Type                    string  `json:"type"` // who may consent: Admin or User
	IsEnabled               bool    `json:"isEnabled"`
	AdminConsentDisplayName string  `json:"adminConsentDisplayName"`
	AdminConsentDescription string  `json:"adminConsentDescription"`
	UserConsentDisplayName  *string `json:"userConsentDisplayName"`
	UserConsentDescription  *string `json:"userConsentDescription"`
}

// AppRole is a permission that an API offers.
type AppRole struct {
	ID                 string   `json:"id"`
	Value              string   `json:"value"`
	DisplayName        string   `json:"displayName"`
	Description        string   `json:"description"`
	AllowedMemberTypes []string `json:"allowedMemberTypes"`
	IsEnabled          bool     `json:"isEnabled"`
	Origin             string   `json:"origin"`
}

// AppRoleAssignment is the grant of an application permission.
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

// DelegatedGrant is consent to delegated permissions (oAuth2PermissionGrant): to use an API on behalf of one user, or
// of all.
type DelegatedGrant struct {
	ID          string
	ClientID    string // object ID of the service principal that is granted them
	ResourceID  string // object ID of the API's service principal
	ConsentType string // AllPrincipals or Principal
	PrincipalID string // object ID of the user; empty for all
	Scope       string // the permissions' values, separated by spaces
}

// ClaimsMappingPolicy says which claims a token has.
type ClaimsMappingPolicy struct {
	ID          string
	DisplayName string
	Description string
	Definition  []string // one JSON object as text
	IsDefault   bool     // isOrganizationDefault, which Entra tells to ignore
}

// MailboxKind says what Exchange holds for a user; the seed makes one user or more of each.
type MailboxKind string

// The kinds of mailboxes, as files and the control API name them.
const (
	Licensed          MailboxKind = "licensed"
	Unlicensed        MailboxKind = "unlicensed"
	Kiosk             MailboxKind = "kiosk"
	Disabled          MailboxKind = "disabled"
	NoMailbox         MailboxKind = "no_mailbox"
	PublicFolderOwner MailboxKind = "public_folder_owner"
)

// MailboxKinds are all of them.
var MailboxKinds = []MailboxKind{Licensed, Unlicensed, Kiosk, Disabled, NoMailbox, PublicFolderOwner}

// User is an Entra user, with what Exchange holds for it.
type User struct {
	ID                string
	UserPrincipalName string
	Mail              string
	MailNickname      string
	DisplayName       string
	Enabled           bool
	ProxyAddresses    []string
	Plans             []AssignedPlan
	Mailbox           MailboxKind
	ManagerID         string // object ID of a user; empty: no manager
	CreatedAt         time.Time
	PasswordSetAt     time.Time      // nobody signs in as a user here: the password itself is not kept
	ExtraProperties   map[string]any // accepted, stored and returned, but without a behaviour of their own here
}

// AssignedPlan is a service plan of a licence (Microsoft Graph: resource type).
type AssignedPlan struct {
	AssignedDateTime time.Time `json:"assignedDateTime"`
	CapabilityStatus string    `json:"capabilityStatus"`
	Service          string    `json:"service"`
	ServicePlanID    string    `json:"servicePlanId"`
}

// DeletedItem is a soft-deleted object, which is one of the four: kept for 30 days, then gone.
type DeletedItem struct {
	ID               string
	DeletedAt        time.Time
	Application      *Application
	ServicePrincipal *ServicePrincipal
	User             *User
	Group            *Group
	Grants           []AppRoleAssignment // the principal's, brought back with it
	DelegatedGrants  []DelegatedGrant    // the same of delegated permissions
}
