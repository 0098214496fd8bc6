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

// ApplicationOf is the application that a service principal shows: as it is, in its own tenant; as it was when it came
// here, in another one ("Application and service principal objects in Microsoft Entra ID": what changes later is not
// reflected there). Microsoft's are not among them.
func (t *Tenant) ApplicationOf(v View, p ServicePrincipal) (Application, bool) {
	if p.Instance != nil {
		return *p.Instance, true
	}
	return t.ApplicationByAppID(v, p.AppID)
}

// RolesOf are the app roles that a service principal offers.
func (t *Tenant) RolesOf(v View, p ServicePrincipal) []AppRole {
	if a, found := t.ApplicationOf(v, p); found {
		return a.AppRoles
	}
	return p.AppRoles
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
	switch {
	case d.Application != nil:
		return d.Application.Owners
	case d.ServicePrincipal != nil:
		return d.ServicePrincipal.Owners
	case d.Group != nil:
		return d.Group.Owners
	}
	return nil // a user belongs to nobody
}

// GrantsOf are the app roles that a principal is assigned to, by its object ID.
func (t *Tenant) GrantsOf(v View, principalID string) []AppRoleAssignment {
	return t.Directory.Grants.List(v, func(g AppRoleAssignment) bool { return g.PrincipalID == principalID })
}

// The types of principals, as the principalType of an app role assignment names them.
const (
	UserPrincipal        = "User"
	GroupPrincipal       = "Group"
	ApplicationPrincipal = "ServicePrincipal"
)

// Principal is an object that app roles are assigned to.
type Principal struct{ ID, Type, DisplayName string }

// Principal finds a user, a group or a service principal by its object ID.
func (t *Tenant) Principal(v View, id string) (Principal, bool) {
	if found, ok := t.Directory.ServicePrincipals.Get(v, id); ok {
		return Principal{found.ID, ApplicationPrincipal, found.DisplayName}, true
	}
	if found, ok := t.Directory.Users.Get(v, id); ok {
		return Principal{found.ID, UserPrincipal, found.DisplayName}, true
	}
	if found, ok := t.Directory.Groups.Get(v, id); ok {
		return Principal{found.ID, GroupPrincipal, found.DisplayName}, true
	}
	return Principal{}, false
}

// GrantsAt are the app roles that a principal holds, and those on it that others hold.
func (t *Tenant) GrantsAt(v View, principalID string) []AppRoleAssignment {
	return t.Directory.Grants.List(v, func(g AppRoleAssignment) bool {
		return g.PrincipalID == principalID || g.ResourceID == principalID
	})
}

// NewAppRoleAssignmentID makes an ID in the documented form: the principal's GUID in its little-endian byte order,
// then a random one, in base64url without padding (Microsoft Graph: the IDs in serviceprincipal-post-approleassignedto
// and its like, taken apart).
func NewAppRoleAssignmentID(principalID string) string {
	return base64.RawURLEncoding.EncodeToString(slices.Concat(LittleEndian(uuid.MustParse(principalID)),
		LittleEndian(uuid.New())))
}

// DelegatedGrantID is the ID of a grant of delegated permissions in the documented form: the GUIDs of the client, of
// the resource and, where there is one, of the user, each in its little-endian byte order, in base64url without padding
// (Microsoft Graph: the IDs in oauth2permissiongrant-list and in reports of grants to one user, taken apart).
func DelegatedGrantID(g DelegatedGrant) string {
	id := slices.Concat(LittleEndian(uuid.MustParse(g.ClientID)), LittleEndian(uuid.MustParse(g.ResourceID)))
	if g.PrincipalID != "" {
		id = append(id, LittleEndian(uuid.MustParse(g.PrincipalID))...)
	}
	return base64.RawURLEncoding.EncodeToString(id)
}

// DelegatedGrantsOf are the delegated permissions that a service principal holds.
func (t *Tenant) DelegatedGrantsOf(v View, servicePrincipalID string) []DelegatedGrant {
	return t.Directory.DelegatedGrants.List(v, func(g DelegatedGrant) bool { return g.ClientID == servicePrincipalID })
}

// LittleEndian returns a GUID's bytes in the order that .NET writes them in.
func LittleEndian(id uuid.UUID) []byte {
	b := slices.Clone(id[:])
	slices.Reverse(b[0:4])
	slices.Reverse(b[4:6])
	slices.Reverse(b[6:8])
	return b
}
