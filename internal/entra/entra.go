// Package entra defines the Directory interface to a tenant's Entra ID directory, with its object types, change types
// and error type. It does not import the Graph SDK, so that code which only describes directory operations compiles
// quickly; package msgraph below it implements the interface.
package entra

import (
	"context"
	"regexp"
	"strings"
	"time"
)

// Directory is one tenant's directory, seen with one identity's rights. Every method is one HTTP request, as long as
// its answer fits one page, and not counting sign-in and retries. Errors are *Error when Graph answered.
type Directory interface {
	// Registration reads an application with its keys, its federated credentials, its service principal and the
	// grants of that, in one batch. Application is nil when it does not exist (any more).
	Registration(ctx context.Context, ref RegistrationRef) (*Registration, error)

	// Search looks for applications that conflict with a registration, or are left over from one.
	Search(ctx context.Context, query SearchQuery) (*SearchResult, error)

	// ResourceApplications reads the service principals of the given APIs, with their application permissions.
	// An API that the tenant does not have is absent from the answer.
	ResourceApplications(ctx context.Context, appIDs ...string) (map[string]ResourceApplication, error)

	// UpsertApplication creates the application with that uniqueName, or changes the one that has it. The application is
	// nil when it existed: Graph answers 204 without a body then. lost reports whether an attempt of this call got no
	// response, and so may have created it.
	UpsertApplication(
		ctx context.Context, uniqueName string, change ApplicationChange,
	) (application *Application, lost bool, err error)

	// Write carries out changes in one request, in the given order. One outcome per change, in the same order.
	Write(ctx context.Context, order Order, changes ...Change) []Outcome

	// Organization reads the tenant's name and domains.
	Organization(ctx context.Context) (*Organization, error)

	// RoleHolders reads who holds an application permission in the tenant, except the application of that client ID, and
	// the tenant's initial domain. The client IDs of the holders cost one more request for every twenty.
	RoleHolders(ctx context.Context, role RoleRef, except string) (*RoleHolders, error)

	// User reads a user by user principal name, or by any of the addresses that the user has.
	User(ctx context.Context, address string) (*User, error)
}

// RegistrationRef names an application by its object ID and its client ID; the service principal is found by the
// latter.
type RegistrationRef struct {
	ObjectID string // GUID
	ClientID string // GUID, Graph's appId
	// APIs are the app IDs of the APIs that grants are expected on. A grant on another API costs one more request.
	APIs []string
}

// Registration is what a tenant holds for one application.
type Registration struct {
	Application      *Application
	ServicePrincipal *ServicePrincipal
	Grants           []AppRoleAssignment
	Federated        []FederatedCredential
}

// Application is an Entra application object.
type Application struct {
	ObjectID       string
	ClientID       string
	DisplayName    string
	UniqueName     string // empty when none was ever set
	SignInAudience string // AzureADMyOrg for an app of one tenant
	Tags           []string
	CreatedAt      time.Time
	DeletedAt      *time.Time // set on an application in the recycle bin
	Declared       []RoleRef  // requiredResourceAccess, application permissions only
	DeclaredScopes []RoleRef  // requiredResourceAccess, delegated permissions: never ours, always kept
	Keys           []KeyCredential
	Passwords      []PasswordCredential
}

// RoleRef identifies an application permission. The same role ID exists on more than one API with different names,
// so an ID alone identifies nothing.
type RoleRef struct {
	ResourceAppID string // GUID of the API's application
	RoleID        string // GUID of the app role
}

// KeyCredential is a certificate registered with an application.
type KeyCredential struct {
	KeyID       string // GUID
	DisplayName string
	Type        string // AsymmetricX509Cert for a certificate
	Usage       string // Verify for signing in
	// CustomKeyIdentifier is what Graph shows on the wire: the SHA-1 thumbprint in hex, unless somebody set another.
	CustomKeyIdentifier string
	NotBefore           time.Time
	NotAfter            time.Time
	Certificate         []byte // DER; set only on a key that is being added
}

// Thumbprint returns the certificate's SHA-1 thumbprint, 40 upper-case hex digits, or "" if the key does not show it.
func (k KeyCredential) Thumbprint() string {
	if thumbprint.MatchString(k.CustomKeyIdentifier) {
		return strings.ToUpper(k.CustomKeyIdentifier)
	}
	return ""
}

var thumbprint = regexp.MustCompile(`^[0-9A-Fa-f]{40}$`)

// PasswordCredential is a client secret registered with an application. Graph never returns its value.
type PasswordCredential struct {
	KeyID       string
	DisplayName string
	Hint        string
	NotAfter    time.Time
}

// FederatedCredential trusts tokens of another issuer to sign in as the application.
type FederatedCredential struct {
	ID, Name, Issuer, Subject string
}

// ServicePrincipal is the application's presence in the tenant, to which permissions are granted.
type ServicePrincipal struct {
	ObjectID    string
	ClientID    string
	DisplayName string
	Enabled     bool
	Tags        []string
	DeletedAt   time.Time // of one in the recycle bin
}

// AppRoleAssignment is one granted application permission (admin consent).
type AppRoleAssignment struct {
	ID            string
	RoleID        string
	PrincipalID   string // object ID of the service principal that holds the grant
	ResourceID    string // object ID of the API's service principal, differing per tenant
	ResourceName  string
	ResourceAppID string
	CreatedAt     time.Time
}

// ResourceApplication is an API's service principal with the application permissions it offers.
type ResourceApplication struct {
	ObjectID    string
	AppID       string
	DisplayName string
	Roles       []AppRole
}

// AppRole is an application permission that an API offers.
type AppRole struct {
	ID          string
	Value       string // the permission's name, such as Directory.Read.All
	DisplayName string
	Enabled     bool
	Application bool // allowedMemberTypes contains Application
}

// SearchQuery says what to search for. Empty fields are ignored.
type SearchQuery struct {
	UniqueName        string
	DisplayName       string
	DisplayNamePrefix string
	ClientID          string
	Tag               string
	CertificatePolicy bool // what the tenant's app management policy says of certificates
}

// SearchResult holds what was found, each application without its keys' bytes.
type SearchResult struct {
	ByUniqueName  *Application
	ByDisplayName []Application
	ByPrefix      []Application
	ByClientID    *Application
	ByTag         []Application
	Deleted       []Application // in the recycle bin, of the unique or the display name
	// DeletedServicePrincipals are those in the recycle bin that belong to the client ID.
	DeletedServicePrincipals []ServicePrincipal
	// CertificatePolicy is nil where nothing is restricted, and where the caller may not read it (Policy.Read.All).
	CertificatePolicy *CertificatePolicy
	ListDenied        *Error // the caller may not list applications: the duplicates could not be looked for
}

// Order is how the changes of one Write depend on each other.
type Order int

const (
	// Parallel changes do not depend on each other.
	Parallel Order = iota
	// Sequential changes are carried out one after the other; after a failed one, the rest is not tried.
	Sequential
)

// Change is one write. The implementations are below.
type Change interface{ change() }

// Outcome is the result of one change.
type Outcome struct {
	Err     error
	Skipped bool // not tried, because one before it failed; Err is nil then
	// of a deletion: nothing to delete, or Entra does not know of it yet; Err is nil then
	Absent           bool
	Lost             bool               // an earlier answer to it was lost, which an Absent may be due to
	ServicePrincipal *ServicePrincipal  // of CreateServicePrincipal; nil when there was one already
	Grant            *AppRoleAssignment // of GrantAppRole; nil when there was one already
}

// ApplicationChange sets what is not nil. Keys replaces the whole collection, as Graph does: an entry to keep is
// repeated with its KeyID and without its Certificate.
type ApplicationChange struct {
	ObjectID       string // not used by UpsertApplication
	DisplayName    *string
	SignInAudience *string
	Tags           []string
	Declared       *[]RoleRef
	DeclaredScopes []RoleRef // sent together with Declared, so that nothing is lost
	Keys           *[]KeyCredential
}

// CreateServicePrincipal makes the application usable in its tenant.
type CreateServicePrincipal struct {
	ClientID string
	Tags     []string
}

// SetServicePrincipalEnabled allows the application to sign in, or stops it.
type SetServicePrincipalEnabled struct {
	ObjectID string
	Enabled  bool
}

// GrantAppRole consents to one application permission. It revokes nothing; an existing grant is used.
type GrantAppRole struct {
	PrincipalID string // object ID of the service principal that receives the grant
	ResourceID  string // object ID of the API's service principal
	RoleID      string
}

// RevokeAppRole removes one grant. If it is already gone, the outcome is a success.
type RevokeAppRole struct {
	PrincipalID  string
	AssignmentID string
}

// DeleteApplication moves the application to the recycle bin, with its service principal. If it is already gone, the
// outcome is a success.
type DeleteApplication struct{ ObjectID string }

// DeleteServicePrincipal removes the service principal, and with it its grants. If it is already gone, the outcome is a
// success.
type DeleteServicePrincipal struct{ ObjectID string }

// PurgeDeletedItem removes an object from the recycle bin permanently. If it is already gone, the outcome is a success.
type PurgeDeletedItem struct{ ObjectID string }

// RestoreDeletedItem takes an object out of the recycle bin.
type RestoreDeletedItem struct{ ObjectID string }

func (ApplicationChange) change()          {}
func (CreateServicePrincipal) change()     {}
func (SetServicePrincipalEnabled) change() {}
func (GrantAppRole) change()               {}
func (RevokeAppRole) change()              {}
func (DeleteApplication) change()          {}
func (DeleteServicePrincipal) change()     {}
func (PurgeDeletedItem) change()           {}
func (RestoreDeletedItem) change()         {}

// Organization is the tenant itself.
type Organization struct {
	TenantID    string
	DisplayName string
	Domains     []Domain
}

// InitialDomain returns the organization's *.onmicrosoft.com domain, or "" if Graph names none.
func (o *Organization) InitialDomain() string {
	for _, domain := range o.Domains {
		if domain.Initial {
			return domain.Name
		}
	}
	return ""
}

// RoleHolders are the service principals that hold an application permission, in the order of their names. A part that
// the caller may not read is absent.
type RoleHolders struct {
	InitialDomain string // empty where the caller may not read the organization
	Read          bool   // whether the holders could be read
	Holders       []ServicePrincipal
}

// Domain is a verified domain of the tenant.
type Domain struct {
	Name    string
	Default bool
	Initial bool // the *.onmicrosoft.com domain
}

// User is a user account, with what shows whether it has a mailbox.
type User struct {
	ObjectID          string
	UserPrincipalName string
	Mail              string
	Enabled           bool
	ProxyAddresses    []string
	Plans             []AssignedPlan
}

// AssignedPlan is a service plan of a licence assigned to a user.
type AssignedPlan struct {
	Service       string // "exchange" for Exchange Online
	ServicePlanID string // GUID
	Status        string // Enabled, Warning, Suspended, Deleted, LockedOut
}
