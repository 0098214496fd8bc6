package appregistration

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/types"
	"golang.org/x/sync/errgroup"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// target is what a registration is to look like. Create and update differ in how they come to it, not in how they
// get there.
type target struct {
	displayName string
	declared    []entra.RoleRef   // requiredResourceAccess, application permissions
	grants      []entra.RoleRef   // to be consented to
	revoked     []entra.RoleRef   // to be taken back, as the plan listed them
	resourceIDs map[string]string // app ID of an API → object ID of its service principal
	certificate *x509.Certificate // to be on the application
	removeKeys  []string          // key IDs of certificates whose time is over
}

// update brings an existing registration to the plan. Without an error, what it returns is the plan's; with one, it is
// what there is, or nil where nothing was changed.
func (j *job) update(ctx context.Context, state *Model) (*entra.Registration, error) {
	permissions := readPermissions(ctx, j.model.Permissions, j.diags)
	var registration *entra.Registration
	var resources map[string]entra.ResourceApplication
	reads, readCtx := errgroup.WithContext(ctx)
	reads.Go(func() (err error) {
		registration, err = j.lookAgainst(readCtx, state)
		return err
	})
	reads.Go(func() (err error) {
		resources, err = j.directory.ResourceApplications(readCtx, apisOf(permissions)...)
		return err
	})
	if err := reads.Wait(); err != nil {
		return nil, err
	}
	if registration.Application == nil {
		return nil, fmt.Errorf("the application (object ID %s) has been deleted since the plan was made; plan again", j.model.ObjectID.ValueString())
	}
	if planned := j.model.ServicePrincipalObjectID; known(planned) && (registration.ServicePrincipal == nil || registration.ServicePrincipal.ObjectID != planned.ValueString()) {
		return nil, fmt.Errorf("the service principal (object ID %s) has been deleted since the plan was made; plan again", planned.ValueString())
	}
	if registration.Application.DisplayName != j.model.DisplayName.ValueString() {
		giveNameBack, err := j.lockName(ctx)
		if err != nil {
			return nil, err
		}
		defer giveNameBack()
		if err := j.refuseNamesake(ctx, registration.Application); err != nil {
			return nil, err
		}
	}
	goal := target{displayName: j.model.DisplayName.ValueString(), declared: declaredRoles(permissions)}
	var err error
	if goal.resourceIDs, err = resolved(resources, permissions); err != nil {
		return nil, err
	}
	if j.model.GrantAdminConsent.ValueBool() {
		goal.grants = goal.declared
	}
	stays := readPermissions(ctx, j.model.UnexpectedPermissions, j.diags)
	for _, key := range sorted(stays) {
		if stays[key].Declared.ValueBool() {
			goal.declared = append(goal.declared, stays[key].roleRef())
		}
	}
	planned := map[entra.RoleRef]bool{} // the roles that the plan's reader saw
	for _, role := range goal.declared {
		planned[role] = true
	}
	for _, before := range []types.Map{state.Permissions, state.UnexpectedPermissions} {
		entries := readPermissions(ctx, before, j.diags)
		for _, key := range sorted(entries) {
			_, wanted := permissions[key]
			_, left := stays[key]
			listed := entries[key].Declared.ValueBool() || entries[key].Consented.ValueBool()
			planned[entries[key].roleRef()] = listed
			if listed && !wanted && !left {
				goal.revoked = append(goal.revoked, entries[key].roleRef())
			}
		}
	}
	for _, role := range registration.Application.Declared {
		if !planned[role] { // declared since then: the next plan tells
			goal.declared = append(goal.declared, role)
		}
	}
	if err := j.planKeys(ctx, state, registration.Application, &goal); err != nil {
		return nil, err
	}
	if registration, err = j.converge(ctx, registration, goal); err != nil {
		return registration, err
	}
	return registration, j.conclude(ctx, registration.Application)
}

// converge changes what differs from the target, and confirms that Entra shows it. The registration that it returns is
// never nil: with an error, it is what is known to be there.
func (j *job) converge(ctx context.Context, registration *entra.Registration, goal target) (*entra.Registration, error) {
	changed, err := j.convergeObjects(ctx, registration, goal)
	if err != nil {
		return registration, j.explainPolicy(ctx, err)
	}
	granted, err := j.convergeGrants(ctx, registration, goal)
	if err != nil || !changed && !granted {
		return registration, err
	}
	ref := entra.RegistrationRef{ObjectID: registration.Application.ObjectID, ClientID: registration.Application.ClientID, APIs: apisIn(goal.declared)}
	confirmed, err := j.confirm(ctx, ref, goal.missing)
	if confirmed != nil && confirmed.Application != nil {
		registration = confirmed
	}
	return registration, err
}

// convergeObjects changes application and service principal, in one batch.
func (j *job) convergeObjects(ctx context.Context, registration *entra.Registration, goal target) (changed bool, err error) {
	var changes []entra.Change
	if change, differs := applicationChange(registration.Application, goal); differs {
		changes = append(changes, change)
	}
	switch principal := registration.ServicePrincipal; {
	case principal == nil:
		changes = append(changes, entra.CreateServicePrincipal{ClientID: registration.Application.ClientID, Tags: []string{providerTag}})
	case !principal.Enabled:
		changes = append(changes, entra.SetServicePrincipalEnabled{ObjectID: principal.ObjectID, Enabled: true})
	}
	if len(changes) == 0 {
		return false, nil
	}
	outcomes, err := j.write(ctx, entra.Sequential, changes...)
	for i, change := range changes {
		if _, creates := change.(entra.CreateServicePrincipal); creates && outcomes[i].Err == nil && !outcomes[i].Skipped {
			registration.ServicePrincipal = outcomes[i].ServicePrincipal
		}
	}
	if err != nil {
		return true, err
	}
	if registration.ServicePrincipal == nil { // there was one already, which the first look did not show
		found, err := j.confirm(ctx, entra.RegistrationRef{ObjectID: registration.Application.ObjectID, ClientID: registration.Application.ClientID, APIs: apisIn(goal.declared)},
			func(r *entra.Registration) string {
				if r.Application == nil || r.ServicePrincipal == nil {
					return "the service principal"
				}
				return ""
			})
		if err != nil {
			return true, err
		}
		*registration = *found
	}
	return true, nil
}

// applicationChange is what differs from the target on the application object, its keys included. Graph replaces the
// whole collection of keys, so every other key is repeated as it was read.
func applicationChange(application *entra.Application, goal target) (change entra.ApplicationChange, differs bool) {
	change.ObjectID = application.ObjectID
	if application.DisplayName != goal.displayName {
		change.DisplayName, differs = &goal.displayName, true
	}
	if audience := singleTenant; application.SignInAudience != audience {
		change.SignInAudience, differs = &audience, true
	}
	if !sameRoles(application.Declared, goal.declared) {
		change.Declared, change.DeclaredScopes, differs = &goal.declared, application.DeclaredScopes, true
	}
	keys := slices.DeleteFunc(slices.Clone(application.Keys), func(key entra.KeyCredential) bool {
		return slices.Contains(goal.removeKeys, key.KeyID)
	})
	if goal.certificate != nil && keyWith(application, certificate.Thumbprint(goal.certificate)) < 0 {
		keys = append(keys, entra.KeyCredential{
			DisplayName: "CN=" + goal.certificate.Subject.CommonName, Type: "AsymmetricX509Cert", Usage: "Verify", Certificate: goal.certificate.Raw,
		})
	}
	if len(keys) != len(application.Keys) || slices.ContainsFunc(keys, func(key entra.KeyCredential) bool { return key.Certificate != nil }) {
		change.Keys, differs = &keys, true
	}
	return change, differs
}

// convergeGrants consents to what is missing, and takes back what the plan listed, in one batch.
func (j *job) convergeGrants(ctx context.Context, registration *entra.Registration, goal target) (changed bool, err error) {
	var changes []entra.Change
	for _, role := range goal.grants {
		if !granted(registration.Grants, role) {
			changes = append(changes, entra.GrantAppRole{PrincipalID: registration.ServicePrincipal.ObjectID, ResourceID: goal.resourceIDs[role.ResourceAppID], RoleID: role.RoleID})
		}
	}
	for _, grant := range registration.Grants {
		if slices.Contains(goal.revoked, entra.RoleRef{ResourceAppID: grant.ResourceAppID, RoleID: grant.RoleID}) {
			changes = append(changes, entra.RevokeAppRole{PrincipalID: registration.ServicePrincipal.ObjectID, AssignmentID: grant.ID})
		}
	}
	if len(changes) == 0 {
		return false, nil
	}
	outcomes, err := j.write(ctx, entra.Parallel, changes...)
	for i, outcome := range outcomes {
		if consent, ok := changes[i].(entra.GrantAppRole); ok && outcome.Err != nil && err != nil {
			err = &consentError{permission: j.nameOf(ctx, consent.RoleID), clientID: registration.Application.ClientID, err: outcome.Err}
		}
		if outcome.Grant != nil {
			grant := *outcome.Grant
			for appID, objectID := range goal.resourceIDs {
				if objectID == grant.ResourceID {
					grant.ResourceAppID = appID
				}
			}
			registration.Grants = append(registration.Grants, grant)
		}
	}
	return true, err
}

// nameOf names the planned permission of that role.
func (j *job) nameOf(ctx context.Context, roleID string) string {
	for key, entry := range readPermissions(ctx, j.model.Permissions, j.diags) {
		if entry.ID.ValueString() == roleID {
			return key
		}
	}
	return roleID
}

// missing says what of the target Entra does not show; nothing when it shows all.
func (goal target) missing(seen *entra.Registration) string {
	switch {
	case seen.Application == nil:
		return "the application"
	case seen.Application.DisplayName != goal.displayName:
		return "the new display name"
	case seen.Application.SignInAudience != singleTenant:
		return "the sign-in audience"
	case !sameRoles(seen.Application.Declared, goal.declared):
		return "the declared permissions"
	case slices.ContainsFunc(seen.Application.Keys, func(key entra.KeyCredential) bool { return slices.Contains(goal.removeKeys, key.KeyID) }):
		return "the removal of a certificate"
	case goal.certificate != nil && keyWith(seen.Application, certificate.Thumbprint(goal.certificate)) < 0:
		return "the new certificate"
	case seen.ServicePrincipal == nil:
		return "the service principal"
	case !seen.ServicePrincipal.Enabled:
		return "the enabled service principal"
	}
	for _, role := range goal.grants {
		if !granted(seen.Grants, role) {
			return "the consent to permission " + role.RoleID
		}
	}
	for _, role := range goal.revoked {
		if granted(seen.Grants, role) {
			return "the revocation of permission " + role.RoleID
		}
	}
	return ""
}

func granted(grants []entra.AppRoleAssignment, role entra.RoleRef) bool {
	return slices.ContainsFunc(grants, func(grant entra.AppRoleAssignment) bool {
		return grant.ResourceAppID == role.ResourceAppID && grant.RoleID == role.RoleID
	})
}

// keyWith returns the index of the application's certificate with that thumbprint, or -1.
func keyWith(application *entra.Application, thumbprint string) int {
	return slices.IndexFunc(application.Keys, func(key entra.KeyCredential) bool {
		return thumbprint != "" && key.Thumbprint() == thumbprint
	})
}

// sameRoles compares two sets of permissions.
func sameRoles(a, b []entra.RoleRef) bool {
	order := func(x, y entra.RoleRef) int {
		return strings.Compare(x.ResourceAppID+"/"+x.RoleID, y.ResourceAppID+"/"+y.RoleID)
	}
	return slices.Equal(slices.Compact(slices.SortedFunc(slices.Values(a), order)), slices.Compact(slices.SortedFunc(slices.Values(b), order)))
}

func apisIn(roles []entra.RoleRef) []string {
	var appIDs []string
	for _, role := range roles {
		appIDs = append(appIDs, role.ResourceAppID)
	}
	slices.Sort(appIDs)
	return slices.Compact(appIDs)
}
