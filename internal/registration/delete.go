package appregistration

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// delete removes the service principal, and with it the grants, then the application, and then what the store holds of
// them. An application that was never complete is of no use to anybody, so it leaves the recycle bin, too.
func (j *job) delete(ctx context.Context) error {
	tenantID := j.model.TenantID.ValueString()
	journal, err := j.store.Registration(ctx, tenantID, journalName(j.model))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	journaled := err == nil
	if journaled && journal.DeletingAt == nil {
		now := j.services.Now()
		journal.DeletingAt = &now
		if err := j.store.SaveRegistration(ctx, journal); err != nil {
			return err
		}
	}
	purge := j.model.PurgeOnDestroy.ValueBool() || journaled && abandoned(&journal, j.model.ObjectID.ValueString())
	if err := j.remove(ctx, purge); err != nil {
		return err
	}
	if !journaled {
		return nil
	}
	return j.forget(ctx, journal)
}

// destroyCutOff tells whether the journal holds a destroy that did not come to its end. A store that cannot be read
// tells nothing.
func (j *job) destroyCutOff(ctx context.Context) bool {
	journal, err := j.store.Registration(ctx, j.model.TenantID.ValueString(), journalName(j.model))
	return err == nil && journal.DeletingAt != nil
}

// remove deletes service principal and application, until Entra shows neither, and empties the recycle bin of them if
// purge is set.
func (j *job) remove(ctx context.Context, purge bool) error {
	var deletes, purges []entra.Change
	if principalID := j.model.ServicePrincipalObjectID.ValueString(); principalID != "" {
		deletes = append(deletes, entra.DeleteServicePrincipal{ObjectID: principalID})
		purges = append(purges, entra.PurgeDeletedItem{ObjectID: principalID})
	}
	deletes = append(deletes, entra.DeleteApplication{ObjectID: j.model.ObjectID.ValueString()})
	purges = append(purges, entra.PurgeDeletedItem{ObjectID: j.model.ObjectID.ValueString()})

	deleted, err := j.deleteUntilGone(ctx, deletes)
	if err != nil {
		return err
	}
	removed.deleted.Store(j.model.ObjectID.ValueString(), true)
	if !purge {
		return nil
	}
	// The recycle bin may also hold service principals that the state does not know: replaced ones, and one never seen.
	found, err := j.directory.Search(ctx, entra.SearchQuery{ClientID: j.model.ClientID.ValueString()})
	if err != nil {
		return err
	}
	for _, principal := range found.DeletedServicePrincipals {
		if principal.ObjectID != j.model.ServicePrincipalObjectID.ValueString() {
			purges = slices.Insert(purges, 0, entra.Change(entra.PurgeDeletedItem{ObjectID: principal.ObjectID}))
			deleted = slices.Insert(deleted, 0, entra.Outcome{Absent: true})
		}
	}
	if err := j.purge(ctx, purges, deleted); err != nil {
		return err
	}
	removed.purged.Store(j.model.ObjectID.ValueString(), true)
	return nil
}

// deleteUntilGone deletes, and confirms that Entra shows neither application nor service principal any more. A replica
// may not know yet what was made a moment ago, and answer a deletion like one of something gone: what is seen afterwards
// is deleted once more.
func (j *job) deleteUntilGone(ctx context.Context, deletes []entra.Change) ([]entra.Outcome, error) {
	ref := entra.RegistrationRef{ObjectID: j.model.ObjectID.ValueString(), ClientID: j.model.ClientID.ValueString()}
	var deleted []entra.Outcome
	for run := j.waiting(); ; {
		outcomes, err := j.write(ctx, entra.Sequential, deletes...)
		if err != nil {
			return outcomes, err
		}
		missed := outcomes[len(outcomes)-1].Absent
		for i, before := range deleted { // what was deleted before is of course not found again
			outcomes[i].Absent = outcomes[i].Absent && before.Absent
			outcomes[i].Lost = outcomes[i].Lost || before.Lost
		}
		deleted = outcomes
		seen, err := j.confirm(ctx, ref, func(seen *entra.Registration) string {
			switch {
			case seen.Application != nil && !missed:
				return "that the application is gone"
			case seen.ServicePrincipal != nil && !missed:
				return "that the service principal is gone"
			}
			return ""
		})
		if err != nil || seen.Application == nil && seen.ServicePrincipal == nil {
			return outcomes, err
		}
		if err := run.Again(ctx, retry.Until(errors.New("Entra showed the application and knew nothing to delete"))); err != nil {
			return outcomes, runAgain(err)
		}
	}
}

// purge empties the recycle bin of what was deleted, as the outcomes say.
func (j *job) purge(ctx context.Context, purges []entra.Change, deleted []entra.Outcome) error {
	looks := make([]int, len(purges))
	for i, outcome := range deleted {
		looks[i] = looksIntoBin(outcome)
	}
	for run := j.waiting(); ; {
		outcomes, err := j.write(ctx, entra.Sequential, purges...)
		if err != nil {
			return err
		}
		var missed []entra.Change
		var missedLooks []int
		for i, outcome := range outcomes {
			if outcome.Lost {
				looks[i] = min(looks[i], lostReads) // it may be gone by this purge, whose answer was lost
			}
			if outcome.Absent && run.Attempts()+1 < looks[i] {
				missed, missedLooks = append(missed, purges[i]), append(missedLooks, looks[i])
			}
		}
		if len(missed) == 0 {
			return nil
		}
		if err := run.Again(ctx, retry.Until(errors.New("Entra's recycle bin did not show what was deleted"))); err != nil {
			return runAgain(err)
		}
		purges, looks = missed, missedLooks
	}
}

// looksIntoBin says how many looks into the recycle bin have to miss an object before it counts as purged already. What
// this very run has put there must be in it, even if Entra does not show it yet.
func looksIntoBin(deleted entra.Outcome) int {
	switch {
	case !deleted.Absent:
		return math.MaxInt
	case deleted.Lost:
		return lostReads
	}
	return goodReads
}

// forget removes the journal's entry and our certificates from the store.
func (j *job) forget(ctx context.Context, journal store.Registration) error {
	if err := j.store.DeleteRegistration(ctx, journal.TenantID, journal.UniqueName); err != nil {
		return err
	}
	return j.dropCertificates(ctx, journal.TenantID, journal.Thumbprints)
}

// conclude marks the registration as complete, and removes the certificates that are not on the application any more from
// the journal and from the store, whoever took them off. Where the application was imported, or is another one than the
// journal's, what the journal names may be of use to somebody else, and stays.
func (j *job) conclude(ctx context.Context, application *entra.Application) error {
	journal, err := j.store.Registration(ctx, j.model.TenantID.ValueString(), journalName(j.model))
	if errors.Is(err, store.ErrNotFound) {
		return nil // an imported application: its certificates were never ours
	}
	if err != nil {
		return err
	}
	planned := j.model.certificate(ctx, j.diags)
	imported := journal.ObjectID != application.ObjectID || planned != nil && planned.KeySource.ValueString() == keyExternal
	var kept, unused []string
	for _, thumbprint := range journal.Thumbprints {
		if imported || keyWith(application, thumbprint) >= 0 || j.willName(ctx, planned, thumbprint) {
			kept = append(kept, thumbprint)
		} else {
			unused = append(unused, thumbprint)
		}
	}
	now := j.services.Now()
	journal.CompletedAt, journal.DeletingAt = &now, nil // a destroy that was refused is not wanted any more
	journal.Thumbprints = kept
	if err := j.store.SaveRegistration(ctx, journal); err != nil {
		return err
	}
	return j.dropCertificates(ctx, journal.TenantID, unused)
}

// willName tells whether the certificate is one that the state will name: the next plan finds it, or puts it back.
func (j *job) willName(ctx context.Context, planned *CertificateModel, thumbprint string) bool {
	previous := j.previous
	if planned != nil {
		if planned.Thumbprint.ValueString() == thumbprint {
			return true
		}
		if !planned.Previous.IsUnknown() {
			previous = planned.previous(ctx, j.diags)
		}
	}
	return j.made != nil && certificate.Thumbprint(j.made) == thumbprint ||
		slices.ContainsFunc(previous, func(entry PreviousModel) bool { return entry.Thumbprint.ValueString() == thumbprint })
}

// dropCertificates removes certificates from the store. One that a connection still names stays, since its key may be
// the only one.
func (j *job) dropCertificates(ctx context.Context, tenantID string, thumbprints []string) error {
	for _, thumbprint := range thumbprints {
		users, err := j.store.CertificateNamedBy(ctx, tenantID, thumbprint)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			j.diags.AddWarning("Certificate kept in the store", fmt.Sprintf(
				"The certificate %s stays in the connection store, because it is named by: %s.", thumbprint, strings.Join(users, ", ")))
			continue
		}
		if err := j.store.DeleteCertificate(ctx, tenantID, thumbprint); err != nil {
			return err
		}
	}
	return nil
}
