package registration

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// Delete removes the service principal, and with it the grants, then the application, and then what the store holds of
// them. The recycle bin is emptied of them if purge is set; an application that was never complete is of no use to
// anybody and leaves it, too. An error leaves the rest to the next Delete.
func (m *Manager) Delete(ctx context.Context, recorded *Observed, purge bool) ([]Warning, error) {
	o := &operation{Manager: m, recorded: recorded}
	err := o.delete(ctx, purge)
	return o.warnings, err
}

func (o *operation) delete(ctx context.Context, purge bool) error {
	journal, err := o.Store.Registration(ctx, o.TenantID, o.recorded.JournalName(), o.generation())
	if err != nil && !store.CannotProve(err) {
		return err
	}
	proved := err == nil
	if proved && journal.DeletingAt == nil {
		now := o.Now()
		journal.DeletingAt = &now
		if err := o.saveJournal(ctx, &journal); err != nil {
			return err
		}
	}
	if err := o.remove(ctx, purge || proved && abandoned(&journal, o.recorded)); err != nil {
		return err
	}
	if proved {
		return o.forget(ctx, journal)
	}
	return o.forgetRecorded(ctx)
}

// forgetRecorded removes from the store what the state names, where the journal cannot be read or proves nothing. The
// journal of a run that was interrupted stays for a run with the passphrase.
func (o *operation) forgetRecorded(ctx context.Context) error {
	name := o.recorded.JournalName()
	if o.Store.Unlock(ctx) != nil && o.Store.Interrupted(ctx, o.TenantID, name) {
		o.warnings = append(o.warnings, Warning{Summary: "A journal was left in the store", Detail: fmt.Sprintf(
			"%s may belong to an interrupted run; without the store's passphrase, that cannot be proved. It was left with the "+
				"keys that it names. If you do not register the application again, delete them.",
			o.Store.JournalURL(o.TenantID, name))})
	} else if err := o.Store.DeleteRegistration(ctx, o.TenantID, name); err != nil {
		return err
	}
	if o.recorded.Certificate.KeySource != KeyGenerated {
		return nil
	}
	return o.dropCertificates(ctx, withoutEmpty(o.recorded.Certificate.thumbprints()))
}

// remove deletes service principal and application, until Entra shows neither, and empties the recycle bin of them if
// purge is set.
func (o *operation) remove(ctx context.Context, purge bool) error {
	var deletes, purges []entra.Change
	if principalID := o.recorded.ServicePrincipalID; principalID != "" {
		deletes = append(deletes, entra.DeleteServicePrincipal{ObjectID: principalID})
		purges = append(purges, entra.PurgeDeletedItem{ObjectID: principalID})
	}
	deletes = append(deletes, entra.DeleteApplication{ObjectID: o.recorded.ObjectID})
	purges = append(purges, entra.PurgeDeletedItem{ObjectID: o.recorded.ObjectID})

	deleted, err := o.deleteUntilGone(ctx, deletes)
	if err != nil {
		return err
	}
	o.NameLocks.deleted.Store(o.recorded.ObjectID, true)
	if !purge {
		return nil
	}
	// The recycle bin may also hold service principals that the state does not know: replaced ones, and one never seen.
	found, err := o.Directory.Search(ctx, entra.SearchQuery{ClientID: o.recorded.ClientID})
	if err != nil {
		return err
	}
	for _, principal := range found.DeletedServicePrincipals {
		if principal.ObjectID != o.recorded.ServicePrincipalID {
			purges = slices.Insert(purges, 0, entra.Change(entra.PurgeDeletedItem{ObjectID: principal.ObjectID}))
			deleted = slices.Insert(deleted, 0, entra.Outcome{Absent: true})
		}
	}
	if err := o.purge(ctx, purges, deleted); err != nil {
		return err
	}
	o.NameLocks.purged.Store(o.recorded.ObjectID, true)
	return nil
}

// deleteUntilGone deletes, and confirms that Entra shows neither application nor service principal any more. A replica
// may not know yet what was made a moment ago, and answer a deletion like one of something gone: what is seen
// afterwards is deleted once more.
func (o *operation) deleteUntilGone(ctx context.Context, deletes []entra.Change) ([]entra.Outcome, error) {
	ref := entra.RegistrationRef{ObjectID: o.recorded.ObjectID, ClientID: o.recorded.ClientID}
	var deleted []entra.Outcome
	for run := o.waiting(); ; {
		outcomes, err := o.write(ctx, entra.Sequential, deletes...)
		if err != nil {
			return outcomes, err
		}
		missed := outcomes[len(outcomes)-1].Absent
		for i, before := range deleted { // what was deleted before is of course not found again
			outcomes[i].Absent = outcomes[i].Absent && before.Absent
			outcomes[i].Lost = outcomes[i].Lost || before.Lost
		}
		deleted = outcomes
		seen, err := o.confirm(ctx, ref, func(seen *entra.Registration) string {
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
		unknown := errors.New("Entra showed the application and knew nothing to delete")
		if err := waitFor(ctx, run, unknown); err != nil {
			return outcomes, err
		}
	}
}

// purge empties the recycle bin of what was deleted, as the outcomes say.
func (o *operation) purge(ctx context.Context, purges []entra.Change, deleted []entra.Outcome) error {
	required := make([]int, len(purges))
	for i, outcome := range deleted {
		required[i] = requiredMisses(outcome)
	}
	for run := o.waiting(); ; {
		outcomes, err := o.write(ctx, entra.Sequential, purges...)
		if err != nil {
			return err
		}
		var missed []entra.Change
		var missedRequired []int
		for i, outcome := range outcomes {
			if outcome.Lost {
				// It may be gone by this purge, whose answer was lost. What was missed before it does not count.
				required[i] = min(required[i], run.Attempts()+lostReads)
			}
			if outcome.Absent && run.Attempts()+1 < required[i] {
				missed, missedRequired = append(missed, purges[i]), append(missedRequired, required[i])
			}
		}
		if len(missed) == 0 {
			return nil
		}
		if err := waitFor(ctx, run, errors.New("Entra's recycle bin did not show what was deleted")); err != nil {
			return err
		}
		purges, required = missed, missedRequired
	}
}

// requiredMisses says how many looks into the recycle bin have to miss an object before it counts as purged already.
// What this very run has put there must be in it, even if Entra does not show it yet.
func requiredMisses(deleted entra.Outcome) int {
	switch {
	case !deleted.Absent:
		return math.MaxInt
	case deleted.Lost:
		return lostReads
	}
	return goodReads
}
