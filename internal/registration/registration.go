// Package registration manages the lifecycle of CodeTwo's app registration in a target tenant: the application, service
// principal, certificate, permissions and consent. Spec is the wanted state, Observed the actual state, and the store's
// journal records the operations that were begun. The package does not import Terraform.
package registration

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// providerTag marks the applications that were created here; a second tag holds the journal's marker.
const (
	providerTag  = "terraform-provider-codetwo"
	markerPrefix = "codetwo-registration:"
)

// SingleTenant is the sign-in audience of an application of one tenant.
const SingleTenant = "AzureADMyOrg"

// Where a certificate's key is.
const (
	KeyGenerated = "generated" // in the store
	KeyProvided  = "provided"  // with the user, who gave the certificate alone
	KeyExternal  = "external"  // unknown: the application was imported with it
)

// What a certificate is like where the configuration does not say. CodeTwo's wizard makes it last as long, of that
// size.
const (
	DefaultValidityYears   = 5
	DefaultKeySize         = 2048 // bits
	DefaultRenewBeforeDays = 60
	DefaultPreviousDays    = 30
)

// Manager manages the app registrations of one target tenant.
type Manager struct {
	TenantID  string // GUID
	Directory entra.Directory
	Store     *store.Store // of journals and keys; Imported and List do without
	NameLocks *NameLocks   // shared by all tenants of a provider
	Retries   retry.Policy // for replicas; InitialBackoff, MaxBackoff and FinalAttempt are set here
	Now       func() time.Time
}

// Spec says what a registration is to be.
type Spec struct {
	DisplayName        string
	UniqueName         string                // empty only where an imported application has none
	Permissions        map[string]Permission // by "<api>/<name>"
	Unexpected         map[string]Permission // that were not asked for, and stay
	GrantConsent       bool                  // to Permissions, for the whole tenant
	AllowDuplicateName bool
	RestoreDeleted     bool
	Certificate        Certificate
}

// Observed is a registration as the tenant shows it, or as it was recorded when it was last seen.
type Observed struct {
	ObjectID, ClientID string // GUIDs
	DisplayName        string
	UniqueName         string // empty: the application has none
	SignInAudience     string
	ServicePrincipalID string                // object ID, a GUID; empty: the application has no service principal
	Enabled            bool                  // the application may sign in
	Permissions        map[string]Permission // asked for, by "<api>/<name>"
	Unexpected         map[string]Permission // declared or granted without being asked for
	Credentials        []Credential          // that are not from here
	Certificate        Certificate
	JournalGeneration  int64 // of the journal, as it was last seen; 0: never
	// JournalDue says that the store does not prove the journal or the certificate's key, and that the next update seals
	// them as they are recorded here.
	JournalDue bool
}

// Permission is an application permission and what an application has of it.
type Permission struct {
	permission.Permission
	Declared, Consented bool
}

func (p Permission) role() entra.RoleRef {
	return entra.RoleRef{ResourceAppID: p.API.AppID, RoleID: p.ID}
}

// Credential is one way to sign in as an application.
type Credential struct {
	Kind   string // client_secret, certificate or federated_credential
	KeyID  string // GUID
	Name   string
	Expiry time.Time // zero: never
}

// Certificate is what an application signs in with: how it is to be, and what is known of it.
type Certificate struct {
	KeySource       string // KeyGenerated, KeyProvided or KeyExternal
	ValidityYears   int    // of a generated one
	KeySize         int    // of a generated one, in bits
	RenewBeforeDays int    // how many days before its end a new one is due
	PreviousDays    int    // how many days a replaced one still signs in

	PEM        string // without its key; empty in a Spec: a new one is generated
	Thumbprint string // SHA-1, 40 upper-case hex digits; empty in an Observed: the application lacks it
	NotBefore  time.Time
	NotAfter   time.Time
	RenewalDue bool       // by time, or for want of a usable key
	Previous   []Previous // replaced certificates that still sign in
	RemovalDue []string   // key IDs of those whose time is over
	Unsealed   bool       // the store has its key, and does not prove the files
	KeyProblem error      // names a file of the key that cannot be trusted
}

// Previous is a certificate that a newer one replaced and that still signs in.
type Previous struct {
	Thumbprint  string // SHA-1
	KeyID       string // GUID
	RemoveAfter time.Time
}

// Describe fills in what the certificate says of itself.
func (c *Certificate) Describe(from *x509.Certificate) {
	c.Thumbprint, c.PEM = certificate.Thumbprint(from), certificate.EncodePEM(from)
	c.NotBefore, c.NotAfter = from.NotBefore, from.NotAfter
}

// thumbprints lists what is known of the certificate, whether the application has it or not, and its predecessors.
func (c *Certificate) thumbprints() []string {
	thumbprints := []string{c.Thumbprint}
	if recorded, err := certificate.ParsePEM(c.PEM); err == nil {
		thumbprints = append(thumbprints, certificate.Thumbprint(recorded))
	}
	for _, entry := range c.Previous {
		thumbprints = append(thumbprints, entry.Thumbprint)
	}
	return thumbprints
}

// DueForRenewal reports whether a certificate that ends then is so many days from its end, or past it.
func DueForRenewal(notAfter time.Time, beforeDays int, now time.Time) bool {
	return !now.Before(notAfter.AddDate(0, 0, -beforeDays))
}

// Warning is what an operation did not do, or could not find out.
type Warning struct{ Attribute, Summary, Detail string } // Attribute as in Error

// Error is an error that is explained to its end.
type Error struct {
	Attribute string // the path of the attribute that it is about, such as certificate.key_size; empty: none
	Summary   string
	Detail    string
}

func (e *Error) Error() string { return e.Summary + ": " + e.Detail }

// ConsentError is a refused consent to a permission.
type ConsentError struct {
	Permission string // "<api>/<name>"
	ClientID   string // the application's, a GUID
	Err        error
}

func (e *ConsentError) Error() string { return "consenting to " + e.Permission + ": " + e.Err.Error() }

func (e *ConsentError) Unwrap() error { return e.Err }

// operation is one change of one registration.
type operation struct {
	*Manager
	spec     Spec      // of a create or an update
	recorded *Observed // nil in a create
	desired  desired
	wrote    bool               // this operation has changed something in the tenant
	madeAt   time.Time          // when the application was created; zero while that is not known
	journal  store.Registration // as this operation wrote it last; generation 0: it has written none
	warnings []Warning
}

// outcome describes what an operation leaves: what was planned or, after an error, what the tenant shows. It is nil
// where nothing was created or changed.
func (o *operation) outcome(ctx context.Context, found *entra.Registration, err error) (*Observed, []Warning, error) {
	if found == nil {
		return nil, o.warnings, err
	}
	planned := o.plannedCertificate()
	if err == nil {
		seen := &Observed{
			ObjectID: found.Application.ObjectID, ClientID: found.Application.ClientID, ServicePrincipalID: principalID(found),
			DisplayName: o.spec.DisplayName, UniqueName: found.Application.UniqueName, SignInAudience: SingleTenant,
			Enabled: true, Permissions: o.spec.Permissions, Unexpected: o.spec.Unexpected, Certificate: planned,
			JournalGeneration: o.known(),
		}
		if o.recorded != nil {
			seen.Credentials = withoutCertificates(o.recorded.Credentials, found.Application, planned.thumbprints())
		}
		return seen, o.warnings, nil
	}
	seen, failed := o.Directory.Registration(ctx, o.refOf(found.Application))
	if failed == nil && seen.Application != nil {
		found = seen
	}
	if o.recorded != nil { // what the failed operation did not replace or remove is still the registration's
		before := o.recorded.Certificate
		if o.desired.certificate == nil || planned.PEM == before.PEM || keyWith(found.Application, planned.Thumbprint) < 0 {
			planned = before // with its settings, so that the next plan shows the change again
		}
		for _, entry := range before.Previous {
			if !slices.ContainsFunc(planned.Previous, func(other Previous) bool { return other.KeyID == entry.KeyID }) {
				planned.Previous = append(slices.Clip(planned.Previous), entry)
			}
		}
	}
	observed := o.observe(ctx, found, o.spec.Permissions, planned)
	observed.JournalGeneration = o.known()
	observed.JournalDue = o.recorded != nil && o.recorded.JournalDue
	return observed, o.warnings, err
}

// generation is the journal's that the state has seen; 0 in a create.
func (o *operation) generation() int64 {
	if o.recorded == nil {
		return 0
	}
	return o.recorded.JournalGeneration
}

// plannedCertificate is the certificate as the state will name it.
func (o *operation) plannedCertificate() Certificate {
	planned := o.spec.Certificate
	planned.Previous = o.desired.previous
	if o.desired.certificate != nil {
		planned.Describe(o.desired.certificate)
	}
	return planned
}

func principalID(found *entra.Registration) string {
	if found.ServicePrincipal == nil {
		return ""
	}
	return found.ServicePrincipal.ObjectID
}

// MarkerOf returns the journal's marker on an application that was created here; empty on any other.
func MarkerOf(application *entra.Application) string {
	if !slices.Contains(application.Tags, providerTag) {
		return ""
	}
	for _, tag := range application.Tags {
		if marker, ok := strings.CutPrefix(tag, markerPrefix); ok {
			return marker
		}
	}
	return ""
}
