package tenant

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/google/uuid"
)

// ApplicationByAppID finds an application by its client ID.
func (t *Tenant) ApplicationByAppID(v View, appID string) (Application, bool) {
	return t.Directory.Applications.First(v, func(a Application) bool { return strings.EqualFold(a.AppID, appID) })
}

// ServicePrincipalByAppID finds an application's presence in the tenant by its client ID.
func (t *Tenant) ServicePrincipalByAppID(v View, appID string) (ServicePrincipal, bool) {
	return t.Directory.ServicePrincipals.First(v, func(p ServicePrincipal) bool {
		return strings.EqualFold(p.AppID, appID)
	})
}

// ApplicationByUniqueName finds an application by its uniqueName. No application is found without one.
func (t *Tenant) ApplicationByUniqueName(v View, name string) (Application, bool) {
	if name == "" {
		return Application{}, false
	}
	return t.Directory.Applications.First(v, func(a Application) bool { return a.UniqueName == name })
}

// Owners are the object IDs of whom the object belonged to.
func (d DeletedItem) Owners() []string {
	if d.Application != nil {
		return d.Application.Owners
	}
	return d.ServicePrincipal.Owners
}

// GrantsOf are the application permissions that a service principal holds.
func (t *Tenant) GrantsOf(v View, servicePrincipalID string) []AppRoleAssignment {
	return t.Directory.Grants.List(v, func(g AppRoleAssignment) bool { return g.PrincipalID == servicePrincipalID })
}

// NewAppRoleAssignmentID makes an ID in the documented form: the principal's GUID in its little-endian byte order,
// then a random one, in base64url without padding (Microsoft Graph: the IDs in serviceprincipal-post-approleassignedto
// and its like, taken apart).
func NewAppRoleAssignmentID(principalID string) string {
	return base64.RawURLEncoding.EncodeToString(slices.Concat(littleEndian(uuid.MustParse(principalID)),
		littleEndian(uuid.New())))
}

// DelegatedGrantID is the ID of a grant of delegated permissions in the documented form: the GUIDs of the client, of the
// resource and, where there is one, of the user, each in its little-endian byte order, in base64url without padding
// (Microsoft Graph: the IDs in oauth2permissiongrant-list and in reports of grants to one user, taken apart).
func DelegatedGrantID(g DelegatedGrant) string {
	id := slices.Concat(littleEndian(uuid.MustParse(g.ClientID)), littleEndian(uuid.MustParse(g.ResourceID)))
	if g.PrincipalID != "" {
		id = append(id, littleEndian(uuid.MustParse(g.PrincipalID))...)
	}
	return base64.RawURLEncoding.EncodeToString(id)
}

// DelegatedGrantsOf are the delegated permissions that a service principal holds.
func (t *Tenant) DelegatedGrantsOf(v View, servicePrincipalID string) []DelegatedGrant {
	return t.Directory.DelegatedGrants.List(v, func(g DelegatedGrant) bool { return g.ClientID == servicePrincipalID })
}

// littleEndian returns a GUID's bytes in the order that .NET writes them in.
func littleEndian(id uuid.UUID) []byte {
	b := slices.Clone(id[:])
	slices.Reverse(b[0:4])
	slices.Reverse(b[4:6])
	slices.Reverse(b[6:8])
	return b
}
