package registration

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// Update brings a recorded registration to what is wanted: the plan compared the two. It returns what there is, also
// with an error; nil where nothing was changed.
func (m *Manager) Update(ctx context.Context, spec Spec, recorded *Observed) (*Observed, []Warning, error) {
	o := &operation{Manager: m, spec: spec, recorded: recorded, desired: spec.desired()}
	found, err := o.update(ctx)
	return o.outcome(ctx, found, err)
}

func (o *operation) update(ctx context.Context) (*entra.Registration, error) {
	var found *entra.Registration
	var offered map[string]entra.ResourceApplication
	reads, readCtx := errgroup.WithContext(ctx)
	reads.Go(func() (err error) {
		found, err = o.readRecorded(readCtx)
		return err
	})
	reads.Go(func() (err error) {
		offered, err = o.Directory.ResourceApplications(readCtx, apisOf(o.desired.declared)...)
		return err
	})
	err := reads.Wait()
	switch recorded := o.recorded.ServicePrincipalID; {
	case err != nil:
		return nil, err
	case found.Application == nil:
		return nil, fmt.Errorf("the application (object ID %s) has been deleted since the plan was made; plan again",
			o.recorded.ObjectID)
	case recorded != "" && principalID(found) != recorded:
		return nil, fmt.Errorf("the service principal (object ID %s) has been deleted since the plan was made; plan again",
			recorded)
	}
	if found.Application.DisplayName != o.spec.DisplayName {
		held, releaseName, err := o.NameLocks.lock(ctx, o.TenantID, o.spec.DisplayName)
		if err != nil {
			return nil, err
		}
		defer releaseName()
		if err := o.refuseNamesake(ctx, held, found.Application); err != nil {
			return nil, err
		}
	}
	if o.desired.resourceIDs, err = resolve(offered, o.spec.Permissions); err != nil {
		return nil, err
	}
	o.computeRoleChanges(found.Application)
	if err := o.computeKeyChanges(ctx, found.Application); err != nil {
		return nil, err
	}
	return o.converge(ctx, found)
}

// readRecorded reads the registration. A replica that lags would show it as it was, and what an update then writes
// would take away what it did not see: so it is read again where something is missing that was recorded.
func (o *operation) readRecorded(ctx context.Context) (*entra.Registration, error) {
	for run := o.waiting(); ; {
		found, err := o.read(ctx, o.recorded, apisOf(o.desired.declared))
		if err != nil || found.Application == nil {
			return found, err
		}
		o.madeAt = found.Application.CreatedAt
		if run.Attempts() == goodReads-1 || !o.recorded.hasMoreThan(found) {
			return found, nil
		}
		if err := waitFor(ctx, run, errors.New("Entra did not show all that the state holds")); err != nil {
			return nil, err
		}
	}
}

// hasMoreThan reports whether a certificate, a consent or the service principal was recorded that is not seen.
func (recorded *Observed) hasMoreThan(seen *entra.Registration) bool {
	if recorded.ServicePrincipalID != "" && principalID(seen) != recorded.ServicePrincipalID {
		return true
	}
	if thumbprint := recorded.Certificate.Thumbprint; thumbprint != "" && keyWith(seen.Application, thumbprint) < 0 {
		return true
	}
	hidden := func(keyID string) bool {
		return !slices.ContainsFunc(seen.Application.Keys, func(key entra.KeyCredential) bool { return key.KeyID == keyID })
	}
	for _, entry := range recorded.Certificate.Previous {
		if hidden(entry.KeyID) {
			return true
		}
	}
	for _, other := range recorded.Credentials {
		if other.Kind == "certificate" && hidden(other.KeyID) {
			return true
		}
	}
	for _, permissions := range []map[string]Permission{recorded.Permissions, recorded.Unexpected} {
		for _, entry := range permissions {
			if entry.Consented && !granted(seen.Grants, entry.role()) {
				return true
			}
		}
	}
	return false
}

// refuseNamesake refuses to rename the application to what another one is called.
func (o *operation) refuseNamesake(ctx context.Context, held *nameLock, application *entra.Application) error {
	if o.spec.AllowDuplicateName {
		return nil
	}
	found, err := o.Directory.Search(ctx, entra.SearchQuery{DisplayName: o.spec.DisplayName})
	if err != nil {
		return err
	}
	if err := o.refuseDuplicate(ctx, held, found.ByDisplayName, application.ObjectID); err != nil {
		return err
	}
	held.setHolder(application)
	return nil
}

// computeRoleChanges decides which permissions stay declared and which are revoked. What was declared since the plan
// was made stays: its reader did not see it, and the next plan tells.
func (o *operation) computeRoleChanges(application *entra.Application) {
	for _, key := range slices.Sorted(maps.Keys(o.spec.Unexpected)) {
		if entry := o.spec.Unexpected[key]; entry.Declared {
			o.desired.declared = append(o.desired.declared, entry.role())
		}
	}
	planned := roleSet(o.desired.declared)
	for _, recorded := range []map[string]Permission{o.recorded.Permissions, o.recorded.Unexpected} {
		for _, key := range slices.Sorted(maps.Keys(recorded)) {
			entry := recorded[key]
			if !entry.Declared && !entry.Consented {
				continue
			}
			planned[entry.role()] = true
			_, wanted := o.spec.Permissions[key]
			_, stays := o.spec.Unexpected[key]
			if !wanted && !stays {
				o.desired.revoked = append(o.desired.revoked, entry.role())
			}
		}
	}
	for _, role := range application.Declared {
		if !planned[role] {
			o.desired.declared = append(o.desired.declared, role)
		}
	}
}

// computeKeyChanges decides which certificates are uploaded and removed.
func (o *operation) computeKeyChanges(ctx context.Context, application *entra.Application) (err error) {
	planned, current := o.spec.Certificate, o.recorded.Certificate
	o.desired.previous = slices.Clip(planned.Previous)
	for _, entry := range current.Previous {
		if !slices.ContainsFunc(planned.Previous, func(left Previous) bool { return left.KeyID == entry.KeyID }) {
			o.desired.removeKeys = append(o.desired.removeKeys, entry.KeyID)
		}
	}
	switch {
	case planned.PEM != "":
		o.desired.certificate, err = certificate.ParsePEM(planned.PEM)
	case planned.KeySource != KeyExternal:
		o.desired.certificate, err = o.rotate(ctx, application)
	}
	if err != nil || o.desired.certificate == nil {
		return err
	}
	switch at := keyWith(application, current.Thumbprint); {
	case at < 0 || current.Thumbprint == certificate.Thumbprint(o.desired.certificate):
	case application.Keys[at].NotAfter.Before(o.Now()) || planned.PreviousDays == 0:
		// Nobody can sign in with it any more, and Entra takes no new certificate while an expired one is there; or nobody
		// shall.
		o.desired.removeKeys = append(o.desired.removeKeys, application.Keys[at].KeyID)
	default:
		o.desired.previous = append(o.desired.previous, Previous{
			Thumbprint: current.Thumbprint, KeyID: application.Keys[at].KeyID,
			RemoveAfter: o.Now().AddDate(0, 0, planned.PreviousDays),
		})
	}
	return nil
}

// rotate makes a new certificate. A rotation that was cut off left a key that no state names: it is used now, rather
// than left on the application.
func (o *operation) rotate(ctx context.Context, application *entra.Application) (*x509.Certificate, error) {
	journal, _, err := o.ownJournal(ctx, application)
	if err != nil {
		return nil, err
	}
	recorded := o.recorded.Certificate.thumbprints()
	external := o.recorded.Certificate.KeySource == KeyExternal
	left := slices.DeleteFunc(slices.Clone(journal.Thumbprints), func(thumbprint string) bool {
		// No state proves that an imported application's journal is the last one: what it names is not uploaded again.
		return slices.Contains(recorded, thumbprint) || external && keyWith(application, thumbprint) < 0
	})
	if external {
		journal.Created = false // by the run that took it over
	}
	return o.newCertificate(ctx, &journal, left, nil)
}
