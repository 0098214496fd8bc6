package checks

import (
	"crypto/x509"
	"slices"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// Facts is what is known about a connection. It is filled step by step: the facts of a check that is not Runnable stay
// empty. An error is a fact, too; it is kept unchanged, because the checks examine its type.
type Facts struct {
	Now          time.Time
	SkipChecks   []string // names of checks that are not asked for
	ConnectionID string   // <tenant_id>/<mailbox>
	Login        string   // origin of the sign-in service, for the consent URL

	Connection    *store.Connection
	ConnectionErr error

	// GrantedAt is when the app was last registered, changed or consented to, according to the store's journal; zero if it
	// has no journal, as for an app that was registered by hand.
	GrantedAt time.Time

	Credential CredentialFacts

	TenantErr error // of the tenant's OpenID Connect discovery document

	EWSURLErr error // of Autodiscover; a failure of its own decides nothing while the mailbox answers

	Graph, Exchange TokenFacts

	Answers
}

// Answers are the tenant's answers to the app after it signed in. They are discarded when it signs in again.
type Answers struct {
	Organization    *entra.Organization
	OrganizationErr error

	User    *entra.User
	UserErr error

	EWSErr error // of opening the mailbox's inbox

	// Holders are the other apps that hold Exchange's role for EWS, read if EWSGateClosed; nil if they were not read, or
	// Graph did not answer.
	Holders *entra.RoleHolders

	PublicFolderRouteErr error      // of asking Autodiscover for the public folders' mailbox
	PublicFolders        ews.Folder // the root
	PublicFoldersErr     error
	Subfolders           []ews.PublicFolder // of public_folder_paths
}

// CredentialFacts are what stops the store from producing the app's credential, if anything does. They do not contain
// the credential itself.
type CredentialFacts struct {
	Err         error
	KeyMissing  bool              // a certificate whose private key is not in the store
	Certificate *x509.Certificate // nil for a client secret, and where the store has no copy
}

// TokenFacts are the outcome of signing in as the app for one API.
type TokenFacts struct {
	Taken    bool // it was tried
	Err      error
	Roles    []string // of the roles claim
	RolesErr error    // the claim could not be read
}

// holdsAny reports whether the token allows what any of the roles allows. Where they could not be read, the API itself
// decides.
func (t TokenFacts) holdsAny(roles []string) bool {
	held := func(role string) bool { return slices.Contains(t.Roles, role) }
	return t.RolesErr != nil || slices.ContainsFunc(roles, held)
}

// tokenFor is the token for Microsoft Graph or for Exchange Online.
func (f *Facts) tokenFor(api permission.API) TokenFacts {
	if api == permission.Exchange {
		return f.Exchange
	}
	return f.Graph
}

// day is the form of every date in a detail.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
