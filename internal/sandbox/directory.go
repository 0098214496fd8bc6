package sandbox

import (
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// endOfTime is later than every write.
var endOfTime = time.Date(9999, time.December, 31, 0, 0, 0, 0, time.UTC)

// present is the view that sees every write.
func present() view { return asOf(endOfTime) }

// applicationByAppID finds an application by its client ID.
func (t *Tenant) applicationByAppID(v view, appID string) (application, bool) {
	return t.directory.applications.first(v, func(a application) bool { return strings.EqualFold(a.AppID, appID) })
}

// servicePrincipalByAppID finds an application's presence in the tenant by its client ID.
func (t *Tenant) servicePrincipalByAppID(v view, appID string) (servicePrincipal, bool) {
	return t.directory.servicePrincipals.first(v, func(p servicePrincipal) bool { return strings.EqualFold(p.AppID, appID) })
}

// applicationByUniqueName finds an application by its uniqueName. No application is found without one.
func (t *Tenant) applicationByUniqueName(v view, name string) (application, bool) {
	if name == "" {
		return application{}, false
	}
	return t.directory.applications.first(v, func(a application) bool { return a.UniqueName == name })
}

// owners are the object IDs of whom the object belonged to.
func (d deletedItem) owners() []string {
	if d.Application != nil {
		return d.Application.Owners
	}
	return d.ServicePrincipal.Owners
}

// grantsOf are the application permissions that a service principal holds.
func (t *Tenant) grantsOf(v view, servicePrincipalID string) []appRoleAssignment {
	return t.directory.grants.list(v, func(g appRoleAssignment) bool { return g.PrincipalID == servicePrincipalID })
}

// newAppRoleAssignmentID makes an ID in the documented form: the principal's GUID in its little-endian byte order,
// then a random one, in base64url without padding (Microsoft Graph: the IDs in serviceprincipal-post-approleassignedto
// and its like, taken apart).
func newAppRoleAssignmentID(principalID string) string {
	return base64.RawURLEncoding.EncodeToString(slices.Concat(littleEndian(uuid.MustParse(principalID)), littleEndian(uuid.New())))
}

// littleEndian returns a GUID's bytes in the order that .NET writes them in.
func littleEndian(id uuid.UUID) []byte {
	b := slices.Clone(id[:])
	slices.Reverse(b[0:4])
	slices.Reverse(b[4:6])
	slices.Reverse(b[6:8])
	return b
}
