package registration

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// Entra answers from replicas that do not all know at once what was written: an app-only caller may not find what it
// has just made. Nothing here waits for a fixed time. A write is repeated while the answer says "not yet", which it can
// only say of what was written a moment ago; after the last write, one confirming read suffices when it is good, and
// three good ones in a row once a stale one was seen.

const (
	firstWait       = 500 * time.Millisecond
	longestWait     = 10 * time.Second
	goodReads       = 3
	lostReads       = 5               // the same where an answer was lost, and what is not seen may only not be seen yet
	finalReadBefore = 2 * time.Second // before the deadline; Graph seldom takes longer to answer
	// replication is how long an application counts as created a moment ago. Replicas were seen to differ for minutes.
	replication = 30 * time.Minute
)

// desired is what a registration is to look like in the tenant. Create and update differ in how they come to it, not in
// how they get there.
type desired struct {
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
	wanted := desired{declared: rolesOf(s.Permissions)}
	if s.GrantConsent {
		wanted.grants = slices.Clip(wanted.declared)
	}
	return wanted
}

// converge changes what differs from what is desired, confirms that Entra shows it, and completes the journal. The
// registration that it returns is never nil: with an error, it is what is known to be there.
func (o *operation) converge(ctx context.Context, found *entra.Registration) (*entra.Registration, error) {
	objects, _, _ := o.difference(found)
	if err := o.apply(ctx, found, entra.Sequential, objects); err != nil {
		return found, o.explainPolicy(ctx, err)
	}
	if found.ServicePrincipal == nil { // there was one already, which the first read did not show
		confirmed, err := o.confirm(ctx, o.refOf(found.Application), func(r *entra.Registration) string {
			if r.Application == nil || r.ServicePrincipal == nil {
				return "the service principal"
			}
			return ""
		})
		if err != nil {
			return found, err
		}
		found = confirmed
	}
	_, grants, _ := o.difference(found)
	if err := o.apply(ctx, found, entra.Parallel, grants); err != nil {
		return found, err
	}
	if len(objects)+len(grants) > 0 {
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

// apply carries out changes in one batch, and adds what they made to found.
func (o *operation) apply(
	ctx context.Context, found *entra.Registration, order entra.Order, changes []entra.Change,
) error {
	outcomes, err := o.write(ctx, order, changes...)
	for i, outcome := range outcomes {
		if outcome.ServicePrincipal != nil {
			found.ServicePrincipal = outcome.ServicePrincipal
		}
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
	return err
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
// that remove it, and a name for the first of them; empty without a difference. Without a service principal there are
// no grants yet.
func (o *operation) difference(found *entra.Registration) (objects, grants []entra.Change, first string) {
	change, first := o.change(found.Application)
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

// change brings the application object, its keys included, to what is desired; first names the first difference. Graph
// replaces the whole collection of keys, so every other key is repeated as it was read.
func (o *operation) change(application *entra.Application) (change entra.ApplicationChange, first string) {
	change.ObjectID = application.ObjectID
	if application.DisplayName != o.spec.DisplayName {
		change.DisplayName, first = &o.spec.DisplayName, "the new display name"
	}
	if audience := SingleTenant; application.SignInAudience != audience {
		change.SignInAudience, first = &audience, cmp.Or(first, "the sign-in audience")
	}
	if !maps.Equal(roleSet(application.Declared), roleSet(o.desired.declared)) {
		change.Declared, change.DeclaredScopes = &o.desired.declared, application.DeclaredScopes
		first = cmp.Or(first, "the declared permissions")
	}
	keys := slices.DeleteFunc(slices.Clone(application.Keys), func(key entra.KeyCredential) bool {
		return slices.Contains(o.desired.removeKeys, key.KeyID)
	})
	if len(keys) < len(application.Keys) {
		change.Keys, first = &keys, cmp.Or(first, "the removal of a certificate")
	}
	if o.desired.certificate != nil && keyWith(application, certificate.Thumbprint(o.desired.certificate)) < 0 {
		keys = append(keys, entra.KeyCredential{
			DisplayName: "CN=" + o.desired.certificate.Subject.CommonName, Type: "AsymmetricX509Cert", Usage: "Verify",
			Certificate: o.desired.certificate.Raw,
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

func roleSet(roles []entra.RoleRef) map[entra.RoleRef]bool {
	set := map[entra.RoleRef]bool{}
	for _, role := range roles {
		set[role] = true
	}
	return set
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

// replicated reports whether every replica must know the application, so that "not yet" is final: this operation has
// written nothing, and nobody created the application lately.
func (o *operation) replicated() bool {
	return !o.wrote && !o.madeAt.IsZero() && o.Now().Sub(o.madeAt) > replication
}

// waiting begins to wait for Entra's replicas.
func (m *Manager) waiting() *retry.Run {
	retries := m.Retries
	retries.InitialBackoff, retries.MaxBackoff, retries.FinalAttempt = firstWait, longestWait, finalReadBefore
	return retries.Start()
}

// waitFor waits before the next attempt to see what is missing, which the error names, with the next step.
func waitFor(ctx context.Context, run *retry.Run, missing error) error {
	if err := run.Wait(ctx, retry.UntilDeadline(missing)); err != nil {
		return fmt.Errorf("%w; run the same command again", err)
	}
	return nil
}

// write carries out changes, and those again to which Entra says "not yet". It returns the outcomes in the order of
// the changes, and the first error that is final.
func (o *operation) write(ctx context.Context, order entra.Order, changes ...entra.Change) ([]entra.Outcome, error) {
	outcomes := make([]entra.Outcome, len(changes))
	pending := make([]int, len(changes))
	for i := range pending {
		pending[i] = i
	}
	for run := o.waiting(); len(pending) > 0; {
		batch := make([]entra.Change, len(pending))
		for at, index := range pending {
			batch[at] = changes[index]
		}
		var again []int
		var lagging error
		var failed []error
		for at, outcome := range o.Directory.Write(ctx, order, batch...) {
			index := pending[at]
			outcome.Lost = outcome.Lost || outcomes[index].Lost
			outcomes[index] = outcome
			switch refused := entra.AsError(outcome.Err); {
			case outcome.Skipped:
				again = append(again, index)
			case refused != nil && refused.Lagging() && !o.replicated():
				again, lagging = append(again, index), outcome.Err
			case slices.ContainsFunc(failed, func(before error) bool { return errors.Is(before, outcome.Err) }):
				// It is of the batch as a whole.
			case outcome.Err != nil:
				failed = append(failed, outcome.Err)
			default:
				o.wrote = true
			}
		}
		if len(failed) > 0 {
			return outcomes, errors.Join(failed...)
		}
		pending = again
		if lagging == nil {
			continue // what was skipped came after a change that had nothing left to do
		}
		if err := waitFor(ctx, run, fmt.Errorf("Entra still answered %w", lagging)); err != nil {
			return outcomes, err
		}
	}
	return outcomes, nil
}

// confirm reads the registration until it shows what was written. missing says what it does not show, or nothing.
func (m *Manager) confirm(
	ctx context.Context, ref entra.RegistrationRef, missing func(*entra.Registration) string,
) (*entra.Registration, error) {
	needed := 1
	inARow := 0
	for run := m.waiting(); ; {
		registration, err := m.Directory.Registration(ctx, ref)
		if err != nil {
			return nil, err
		}
		lacks := missing(registration)
		if lacks == "" {
			if inARow++; inARow == needed {
				return registration, nil
			}
		} else {
			needed, inARow = goodReads, 0
		}
		err = waitFor(ctx, run, fmt.Errorf("Entra did not show %s yet", cmp.Or(lacks, "it on every replica")))
		if err != nil && lacks == "" {
			return registration, nil
		}
		if err != nil {
			return registration, err
		}
	}
}
