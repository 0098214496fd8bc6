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

// Facts is what was learnt about a connection. It is filled step by step: the facts of a check that is not Possible
// stay empty. An error is a fact as good as any; it is kept as it came, for its type to be judged.
type Facts struct {
	Now          time.Time
	SkipChecks   []string // names of checks that are not asked for
	ConnectionID string   // <tenant_id>/<mailbox>
	Login        string   // origin of the sign-in service, for the consent URL

	Connection    *store.Connection
	ConnectionErr error

	// GrantedAt is when the app was last registered, changed or consented to, by the store's journal; zero where it has
	// none, as for an app that somebody registered by hand.
	GrantedAt time.Time

	Credential CredentialFacts

	TenantErr error // of the tenant's OpenID Connect discovery document

	EWSURLErr error // of Autodiscover; a failure of its own decides nothing while the mailbox answers

	Graph, Exchange TokenFacts

	Answers
}

// Answers is what the tenant answered to the app that signed in. Another sign-in makes it void.
type Answers struct {
	Organization    *entra.Organization
	OrganizationErr error

	User    *entra.User
	UserErr error

	EWSErr error // of opening the mailbox's inbox

	// Holders are the other apps that hold Exchange's role for EWS, asked for where Exchange refuses EWS as such; nil
	// where nobody asked or Graph did not answer.
	Holders *entra.RoleHolders

	PublicFolderRouteErr error      // of asking Autodiscover for the public folders' mailbox
	PublicFolders        ews.Folder // the root
	PublicFoldersErr     error
	Subfolders           []ews.PublicFolder // of public_folder_paths
}

// CredentialFacts are what stops the store from producing the app's credential, if anything does. The credential itself
// is not among them.
type CredentialFacts struct {
	Err         error
	KeyMissing  bool              // a certificate whose private key is not in the store
	Certificate *x509.Certificate // nil for a client secret, and where the store has no copy
}

// TokenFacts say how signing in as the app turned out for one API.
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
