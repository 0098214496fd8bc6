// Package tenant holds the state of simulated tenants: directory objects with history, Exchange settings, quotas, the
// clock, replication lag and random source. It serves no requests.
package tenant

import (
	"sync"
	"time"
)

// Tenant is one Microsoft 365 tenant of the sandbox.
type Tenant struct {
	ID           string // GUID
	DisplayName  string
	Domain       string // the initial *.onmicrosoft.com domain
	CustomDomain string // the default domain, verified as well
	Lag          Lag
	number       int // from 1, in the order of their making

	sync.Mutex // held for the length of a request's work on this tenant
	Directory  Directory
	History    History
	Exchange   ExchangeOrganization        // as the administrator has set it
	Settings   Table[ExchangeOrganization] // the same with its history, because Exchange learns of some of it late
	EWSSeen    map[string]time.Time        // when each app used EWS last, by lower-case client ID
	// AADSTS codes of sign-ins that are refused whatever they hold, by lower-case client ID
	Refused map[string]int
	Callers map[CallerKind]Caller
	Rules   DirectoryRules
	Quota   Quota
	usage   map[string]*usage // by client ID, lower case
	written []Write           // since the last TakeWrites

	mailStores map[string]*MailStore // by user ID, and publicStore
}

// Directory holds a tenant's objects, each with its history, so that a read can be answered as of an earlier moment.
type Directory struct {
	Applications      Table[Application]
	ServicePrincipals Table[ServicePrincipal]
	Grants            Table[AppRoleAssignment]
	DelegatedGrants   Table[DelegatedGrant]
	Users             Table[User]
	Groups            Table[Group]
	Deleted           Table[DeletedItem]
	Policies          Table[ManagementPolicy]
	ClaimsPolicies    Table[ClaimsMappingPolicy]
}

// DirectoryRules are what some tenants ask of applications and most do not. The zero value asks nothing.
type DirectoryRules struct {
	// how many applications one caller can have made, deleted ones included; 0: as many as it likes
	ObjectQuota         int
	NeedsManagementRef  bool     // a new application must have a serviceManagementReference
	SignInAudiences     []string // those that an app management policy allows; none: all
	BinKeepsUniqueNames bool     // a uniqueName stays taken while its application is in the recycle bin
}
