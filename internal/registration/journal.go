package registration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// JournalName names the registration's entry in the store's journal: by the unique name, which an imported application
// may lack.
func (recorded *Observed) JournalName() string {
	if recorded.UniqueName != "" {
		return recorded.UniqueName
	}
	return "imported-" + recorded.ClientID
}

// journal reads the registration's entry. A store that cannot be read, and one that does not prove it, has none.
func (m *Manager) journal(ctx context.Context, recorded *Observed) (entry store.Registration, ok bool) {
	entry, err := m.Store.Registration(ctx, m.TenantID, recorded.JournalName(), recorded.JournalGeneration)
	return entry, err == nil
}

// saveJournal writes the registration's entry, and returns when it is on the disk.
func (o *operation) saveJournal(ctx context.Context, entry *store.Registration) error {
	if err := o.Store.SaveRegistration(ctx, entry, o.known(), o.Now()); err != nil {
		return err
	}
	o.journal = *entry
	return nil
}

// known is the generation of the entry that the state has seen, or this operation has written since.
func (o *operation) known() int64 { return max(o.journal.Generation, o.generation()) }

// ownJournal reads the application's entry. Where the store has none, does not prove it, or has one of another
// application, it is the one that this operation has written; where it has written none, the entry is made again from
// what the state and the tenant know. found is false then, and nothing is written.
func (o *operation) ownJournal(
	ctx context.Context, application *entra.Application,
) (entry store.Registration, found bool, err error) {
	name := o.spec.UniqueName
	if o.recorded != nil {
		name = o.recorded.JournalName()
	}
	before, err := o.Store.Registration(ctx, o.TenantID, name, o.known())
	switch {
	case err == nil && before.ObjectID == application.ObjectID:
		return before, true, nil
	case err != nil && !errors.Is(err, store.ErrNotFound) && !store.IsUntrusted(err):
		return store.Registration{}, false, err
	case o.journal.Generation > 0: // somebody has deleted it, or put another one in its place
		entry = o.journal
		entry.Succeed(before)
		return entry, true, nil
	}
	now := o.Now()
	entry = store.Registration{
		TenantID: o.TenantID, UniqueName: name, DisplayName: o.spec.DisplayName, Marker: MarkerOf(application),
		ObjectID: application.ObjectID, ClientID: application.ClientID, StartedAt: now, CompletedAt: &now,
	}
	if o.recorded.Certificate.KeySource == KeyGenerated {
		entry.Thumbprints = withoutEmpty(o.recorded.Certificate.thumbprints())
	}
	entry.Succeed(before)
	return entry, false, nil
}

func withoutEmpty(texts []string) []string {
	slices.Sort(texts)
	return slices.DeleteFunc(slices.Compact(texts), func(text string) bool { return text == "" })
}

// NeverComplete reports whether the application was created here and never completed. A store that cannot be read tells
// nothing.
func (m *Manager) NeverComplete(ctx context.Context, recorded *Observed) bool {
	journal, ok := m.journal(ctx, recorded)
	return ok && abandoned(&journal, recorded)
}

// abandoned reports whether the journal created the application and never completed it. Such a one is of no use to
// anybody; an imported or restored one may well be. No state has seen the journal of an imported one, so that it may be
// an old copy that somebody has put back.
func abandoned(journal *store.Registration, recorded *Observed) bool {
	return journal.Created && journal.CompletedAt == nil && journal.ObjectID == recorded.ObjectID &&
		recorded.Certificate.KeySource != KeyExternal
}

// Completed returns the journal's entry of that unique name if it is complete and the tenant still has the application;
// ok is false, too, where neither could be found out.
func (m *Manager) Completed(ctx context.Context, uniqueName string) (journal store.Registration, ok bool) {
	journal, ok = m.journal(ctx, &Observed{UniqueName: uniqueName})
	if !ok || journal.CompletedAt == nil {
		return journal, false
	}
	ref := entra.RegistrationRef{ObjectID: journal.ObjectID, ClientID: journal.ClientID}
	seen, err := m.Directory.Registration(ctx, ref)
	return journal, err == nil && seen.Application != nil
}

// conclude marks the registration as complete, and removes the certificates that are not on the application any more
// from the journal and from the store, regardless of who took them off. Where the application was imported, or is
// another one than the journal's, what the journal names may be of use to somebody else, and stays.
func (o *operation) conclude(ctx context.Context, application *entra.Application) error {
	journal, found, err := o.ownJournal(ctx, application)
	if err != nil {
		return err
	}
	if o.spec.Certificate.KeySource == KeyExternal && !found {
		return nil // an imported application: its certificates were never ours
	}
	imported := journal.ObjectID != application.ObjectID || o.spec.Certificate.KeySource == KeyExternal
	planned := o.plannedCertificate()
	named := planned.thumbprints() // the next plan finds what the state names, or puts it back
	var kept, unused []string
	for _, thumbprint := range journal.Thumbprints {
		if imported || keyWith(application, thumbprint) >= 0 || slices.Contains(named, thumbprint) {
			kept = append(kept, thumbprint)
		} else {
			unused = append(unused, thumbprint)
		}
	}
	now := o.Now()
	journal.CompletedAt, journal.DeletingAt = &now, nil // a destroy that was refused is not wanted any more
	journal.Thumbprints = kept
	if err := o.saveJournal(ctx, &journal); err != nil {
		return err
	}
	if o.recorded != nil && o.recorded.JournalDue {
		if err := o.sealKeys(ctx, withoutEmpty(named)); err != nil {
			return err
		}
	}
	return o.dropCertificates(ctx, unused)
}

// sealKeys seals the keys of recorded certificates that the store has and does not prove.
func (o *operation) sealKeys(ctx context.Context, thumbprints []string) error {
	for _, thumbprint := range thumbprints {
		state, err := o.Store.KeyState(ctx, o.TenantID, thumbprint)
		if err == nil && state == store.KeyUnsealed {
			err = o.Store.SealCertificate(ctx, o.TenantID, thumbprint, o.Now())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forget removes the journal's entry and our certificates from the store.
func (o *operation) forget(ctx context.Context, journal store.Registration) error {
	if err := o.Store.DeleteRegistration(ctx, o.TenantID, journal.UniqueName); err != nil {
		return err
	}
	return o.dropCertificates(ctx, journal.Thumbprints)
}

// dropCertificates removes certificates from the store. One that a connection still names stays, since its key may be
// the only one.
func (o *operation) dropCertificates(ctx context.Context, thumbprints []string) error {
	for _, thumbprint := range thumbprints {
		users, err := o.Store.CertificateNamedBy(ctx, o.TenantID, thumbprint)
		if err != nil {
			return err
		}
		if len(users) > 0 {
			o.warnings = append(o.warnings, Warning{Summary: "Certificate kept in the store", Detail: fmt.Sprintf(
				"The certificate %s stays in the connection store, because it is named by: %s. When nothing needs it any more, "+
					"delete its files.",
				thumbprint, strings.Join(users, ", "))})
			continue
		}
		if err := o.Store.DeleteCertificate(ctx, o.TenantID, thumbprint); err != nil {
			return err
		}
	}
	return nil
}
