package registration

import (
	"cmp"
	"context"
	"crypto/x509"
	"maps"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// desired is what a registration is to look like in the tenant. Create and update differ in how they come to it, not in
// how they get there.
type desired struct {
	displayName string
	declared    []entra.RoleRef   // requiredResourceAccess, application permissions
	grants      []entra.RoleRef   // to be consented to
	revoked     []entra.RoleRef   // to be taken back, as the plan listed them
	resourceIDs map[string]string // app ID of an API → object ID of its service principal
	certificate *x509.Certificate // to be on the application
	removeKeys  []string          // key IDs of certificates whose time is over
	previous    []Previous        // replaced certificates that stay
}

// desired is what the spec alone says.
func (s *Spec) desired() desired {
	wanted := desired{displayName: s.DisplayName, declared: rolesOf(s.Permissions)}
	if s.GrantConsent {
		wanted.grants = slices.Clip(wanted.declared)
	}
	return wanted
}

// converge changes what differs from what is desired, confirms that Entra shows it, and completes the journal. The
// registration that it returns is never nil: with an error, it is what is known to be there.
func (o *operation) converge(ctx context.Context, found *entra.Registration) (*entra.Registration, error) {
	changed, err := o.convergeObjects(ctx, found)
	if err != nil {
		return found, o.explainPolicy(ctx, err)
	}
	granted, err := o.convergeGrants(ctx, found)
	if err != nil {
		return found, err
	}
	if changed || granted {
		confirmed, err := o.confirm(ctx, o.refOf(found.Application), o.missing)
		if confirmed != nil && confirmed.Application != nil {
			found = confirmed
		}
		if err != nil {
			return found, err
		}
	}
	return found, o.conclude(ctx, found.Application)
}

func (o *operation) refOf(application *entra.Application) entra.RegistrationRef {
	apis := apisOf(o.desired.declared)
	return entra.RegistrationRef{ObjectID: application.ObjectID, ClientID: application.ClientID, APIs: apis}
}

// convergeObjects changes application and service principal, in one batch.
func (o *operation) convergeObjects(ctx context.Context, found *entra.Registration) (changed bool, err error) {
	changes, _, _ := o.difference(found)
	if len(changes) == 0 {
		return false, nil
	}
	outcomes, err := o.write(ctx, entra.Sequential, changes...)
	for i, change := range changes {
		if _, creates := change.(entra.CreateServicePrincipal); creates && outcomes[i].Err == nil && !outcomes[i].Skipped {
			found.ServicePrincipal = outcomes[i].ServicePrincipal
		}
	}
	if err != nil {
		return true, err
	}
	if found.ServicePrincipal == nil { // there was one already, which the first read did not show
		confirmed, err := o.confirm(ctx, o.refOf(found.Application), func(r *entra.Registration) string {
			if r.Application == nil || r.ServicePrincipal == nil {
				return "the service principal"
			}
			return ""
		})
		if err != nil {
			return true, err
		}
		*found = *confirmed
	}
	return true, nil
}

// convergeGrants consents to what is missing, and takes back what the plan listed, in one batch.
func (o *operation) convergeGrants(ctx context.Context, found *entra.Registration) (changed bool, err error) {
	_, changes, _ := o.difference(found)
	if len(changes) == 0 {
		return false, nil
	}
	outcomes, err := o.write(ctx, entra.Parallel, changes...)
	for i, outcome := range outcomes {
		if consent, ok := changes[i].(entra.GrantAppRole); ok && outcome.Err != nil && err != nil {
			err = &ConsentError{o.nameOf(consent.RoleID), found.Application.ClientID, outcome.Err}
		}
		if outcome.Grant != nil {
			grant := *outcome.Grant
			for appID, objectID := range o.desired.resourceIDs {
				if objectID == grant.ResourceID {
					grant.ResourceAppID = appID
				}
			}
			found.Grants = append(found.Grants, grant)
		}
	}
	return true, err
}

// nameOf names the planned permission of that role.
func (o *operation) nameOf(roleID string) string {
	for key, entry := range o.spec.Permissions {
		if entry.ID == roleID {
			return key
		}
	}
	return roleID
}

// missing names what Entra does not show of what is desired; empty where it shows all.
func (o *operation) missing(seen *entra.Registration) string {
	if seen.Application == nil {
		return "the application"
	}
	_, _, missing := o.difference(seen)
	return missing
}

// difference is what distinguishes a registration from what is desired: the changes of its objects and of its grants
// that remove it, and a name for the first of them; empty where there is none. Without a service principal there are no
// grants yet.
func (o *operation) difference(found *entra.Registration) (objects, grants []entra.Change, first string) {
	change, first := o.desired.change(found.Application)
	if first != "" {
		objects = append(objects, change)
	}
	principal := found.ServicePrincipal
	if principal == nil {
		creation := entra.CreateServicePrincipal{ClientID: found.Application.ClientID, Tags: []string{providerTag}}
		return append(objects, creation), nil, cmp.Or(first, "the service principal")
	}
	if !principal.Enabled {
		objects = append(objects, entra.SetServicePrincipalEnabled{ObjectID: principal.ObjectID, Enabled: true})
		first = cmp.Or(first, "the enabled service principal")
	}
	for _, role := range o.desired.grants {
		if !granted(found.Grants, role) {
			grants = append(grants, entra.GrantAppRole{
				PrincipalID: principal.ObjectID, ResourceID: o.desired.resourceIDs[role.ResourceAppID], RoleID: role.RoleID,
			})
			first = cmp.Or(first, "the consent to permission "+role.RoleID)
		}
	}
	for _, grant := range found.Grants {
		if slices.Contains(o.desired.revoked, roleOf(grant)) {
			grants = append(grants, entra.RevokeAppRole{PrincipalID: principal.ObjectID, AssignmentID: grant.ID})
			first = cmp.Or(first, "the revocation of permission "+grant.RoleID)
		}
	}
	return objects, grants, first
}

// change is what differs from it on the application object, its keys included, and a name for the first of it.
// Graph replaces the whole collection of keys, so every other key is repeated as it was read.
func (d desired) change(application *entra.Application) (change entra.ApplicationChange, first string) {
	change.ObjectID = application.ObjectID
	if application.DisplayName != d.displayName {
		change.DisplayName, first = &d.displayName, "the new display name"
	}
	if audience := SingleTenant; application.SignInAudience != audience {
		change.SignInAudience, first = &audience, cmp.Or(first, "the sign-in audience")
	}
	if !sameRoles(application.Declared, d.declared) {
		change.Declared, change.DeclaredScopes = &d.declared, application.DeclaredScopes
		first = cmp.Or(first, "the declared permissions")
	}
	keys := slices.DeleteFunc(slices.Clone(application.Keys), func(key entra.KeyCredential) bool {
		return slices.Contains(d.removeKeys, key.KeyID)
	})
	if len(keys) < len(application.Keys) {
		change.Keys, first = &keys, cmp.Or(first, "the removal of a certificate")
	}
	if d.certificate != nil && keyWith(application, certificate.Thumbprint(d.certificate)) < 0 {
		keys = append(keys, entra.KeyCredential{
			DisplayName: "CN=" + d.certificate.Subject.CommonName, Type: "AsymmetricX509Cert", Usage: "Verify",
			Certificate: d.certificate.Raw,
		})
		change.Keys, first = &keys, cmp.Or(first, "the new certificate")
	}
	return change, first
}

// rolesOf lists the permissions in the order of their names, so that requests and messages have one order.
func rolesOf(permissions map[string]Permission) []entra.RoleRef {
	roles := make([]entra.RoleRef, 0, len(permissions))
	for _, key := range slices.Sorted(maps.Keys(permissions)) {
		roles = append(roles, permissions[key].role())
	}
	return roles
}

func roleOf(grant entra.AppRoleAssignment) entra.RoleRef {
	return entra.RoleRef{ResourceAppID: grant.ResourceAppID, RoleID: grant.RoleID}
}

func granted(grants []entra.AppRoleAssignment, role entra.RoleRef) bool {
	return slices.ContainsFunc(grants, func(grant entra.AppRoleAssignment) bool { return roleOf(grant) == role })
}

// keyWith returns the index of the application's certificate with that thumbprint, or -1.
func keyWith(application *entra.Application, thumbprint string) int {
	return slices.IndexFunc(application.Keys, func(key entra.KeyCredential) bool {
		return thumbprint != "" && key.Thumbprint() == thumbprint
	})
}

// keyByID returns the index of the application's certificate with that key ID, or -1.
func keyByID(application *entra.Application, keyID string) int {
	return slices.IndexFunc(application.Keys, func(key entra.KeyCredential) bool { return key.KeyID == keyID })
}

func compareRoles(a, b entra.RoleRef) int {
	return strings.Compare(a.ResourceAppID+"/"+a.RoleID, b.ResourceAppID+"/"+b.RoleID)
}

// sameRoles reports whether two lists of permissions hold the same set.
func sameRoles(a, b []entra.RoleRef) bool {
	return slices.Equal(
		slices.Compact(slices.SortedFunc(slices.Values(a), compareRoles)),
		slices.Compact(slices.SortedFunc(slices.Values(b), compareRoles)))
}

// apisOf lists the app IDs of the APIs that the permissions are on, always in the same order.
func apisOf(roles []entra.RoleRef) []string {
	var appIDs []string
	for _, role := range roles {
		appIDs = append(appIDs, role.ResourceAppID)
	}
	slices.Sort(appIDs)
	return slices.Compact(appIDs)
}
