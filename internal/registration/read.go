package registration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// What Read finds where the application is not there.
var (
	ErrGone          = errors.New("the application is gone")
	ErrDestroyCutOff = errors.New("the application is gone, and the destroy that deleted it was cut off")
)

// Read looks at a recorded registration. ErrGone and ErrDestroyCutOff say what became of it; *Error is one of the
// store. A warning says what the store does not prove.
func (m *Manager) Read(ctx context.Context, recorded *Observed) (*Observed, []Warning, error) {
	if err := m.storeIsThere(ctx, recorded); err != nil {
		return nil, nil, err
	}
	found, err := m.read(ctx, recorded, apisOf(rolesOf(recorded.Permissions)))
	if err != nil {
		return nil, nil, err
	}
	if found.Application == nil {
		return nil, nil, m.whyGone(ctx, recorded)
	}
	seen := m.observe(ctx, found, recorded.Permissions, recorded.Certificate)
	warnings := m.readJournal(ctx, recorded, seen)
	if problem := seen.Certificate.KeyProblem; problem != nil {
		remedy := "find out who wrote it. The key itself is there, and apply packs it again"
		if !seen.Certificate.Unsealed {
			remedy = "find out who wrote it. The key cannot be used, so the plan proposes a new certificate; to keep this " +
				"one, restore the file from a backup, and plan again"
		}
		warnings = append(warnings, Warning{Summary: "A file of the certificate's key cannot be trusted",
			Detail: store.WithRemedy(problem, remedy).Error() + "."})
	}
	return seen, warnings, nil
}

// readJournal fills in what the store proves of a registration that the tenant has.
func (m *Manager) readJournal(ctx context.Context, recorded, seen *Observed) (warnings []Warning) {
	journal, err := m.Store.Registration(ctx, m.TenantID, recorded.JournalName(), recorded.JournalGeneration)
	external := seen.Certificate.KeySource == KeyExternal
	if err == nil && external && journal.ObjectID != recorded.ObjectID { // of a predecessor of that unique name
		journal, err = store.Registration{}, store.ErrNotFound
	}
	seen.JournalGeneration = max(journal.Generation, recorded.JournalGeneration)
	seen.JournalDue = seen.Certificate.Unsealed
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrUnsealed) && !external:
		seen.JournalDue = true
		return []Warning{{Summary: "Records of the connection store are not sealed yet", Detail: fmt.Sprintf(
			"%s was written by an earlier version of this provider, or by hand. Apply writes it again, sealed, from the state.",
			m.Store.JournalURL(m.TenantID, recorded.JournalName()))}}
	case store.IsUntrusted(err):
		seen.JournalDue = !external
		remedy := "find out who wrote it. Nothing in it is used; apply writes it again"
		if external {
			remedy = "find out who wrote it, and delete it. Nothing in it is used; this registration needs no journal"
		}
		return []Warning{{Summary: "The registration's journal cannot be trusted",
			Detail: store.WithRemedy(err, remedy).Error() + "."}}
	case errors.Is(err, store.ErrNotFound):
		seen.JournalDue = !external
	default: // the store is not looked at
		seen.JournalDue = recorded.JournalDue
	}
	return nil
}

// whyGone tells a registration that is gone from one whose destroy was interrupted.
func (m *Manager) whyGone(ctx context.Context, recorded *Observed) error {
	if journal, ok := m.journal(ctx, recorded); ok && journal.DeletingAt != nil {
		return ErrDestroyCutOff
	}
	return ErrGone
}

// storeIsThere keeps a share that is not mounted, or another URL, from looking like a key that is lost: every
// certificate would be planned to be replaced. What has no key in the store needs none.
func (m *Manager) storeIsThere(ctx context.Context, recorded *Observed) error {
	if recorded.Certificate.KeySource != KeyGenerated {
		return nil
	}
	there, err := m.Store.Exists(ctx, "", "")
	if err != nil {
		return &Error{Summary: "The connection store cannot be read", Detail: err.Error()}
	}
	if there {
		return nil
	}
	return &Error{Summary: "Connection store not found", Detail: fmt.Sprintf(
		"There is no connection store at %s, where the key of the app registration %q (client ID %s, certificate %s) is "+
			"kept. Mount the folder, or correct the URL (connection_store of the provider, CODETWO_STORE_URL). If the store "+
			"is gone for good, remove the registration from the state (terraform state rm), import it with the ID %s/%s, and "+
			"set certificate.take_over = true, which gives it a new certificate.",
		m.Store.URL(), recorded.DisplayName, recorded.ClientID, recorded.Certificate.Thumbprint,
		m.TenantID, recorded.ClientID)}
}

// read reads a registration. One replica may not know an object that exists: only a second read that misses it makes it
// gone, and a fifth one where the journal says that it was created a moment ago and is not being deleted.
func (m *Manager) read(ctx context.Context, recorded *Observed, apis []string) (*entra.Registration, error) {
	ref := entra.RegistrationRef{ObjectID: recorded.ObjectID, ClientID: recorded.ClientID, APIs: apis}
	reads := 2
	for run := m.waiting(); ; {
		found, err := m.Directory.Registration(ctx, ref)
		if err != nil || found.Application != nil {
			return found, err
		}
		if run.Attempts() == 0 {
			journal, ok := m.journal(ctx, recorded)
			if ok && journal.DeletingAt == nil && m.Now().Sub(journal.StartedAt) < replication {
				reads = lostReads
			}
		}
		if run.Attempts() == reads-1 {
			return found, nil
		}
		if err := waitFor(ctx, run, errors.New("Entra did not show the application")); err != nil {
			return nil, err
		}
	}
}

// Import looks at the application of that client ID or object ID, of which nothing is recorded. ErrGone says that it
// was there, and is no more.
func (m *Manager) Import(ctx context.Context, id string) (*Observed, error) {
	result, err := m.Directory.Search(ctx, entra.SearchQuery{ClientID: id})
	if err != nil {
		return nil, err
	}
	application := result.ByClientID
	if application == nil {
		found, err := m.Directory.Registration(ctx, entra.RegistrationRef{ObjectID: id, ClientID: id})
		if err != nil {
			return nil, err
		}
		if application = found.Application; application == nil {
			return nil, &Error{"id", "No such application", fmt.Sprintf(
				"The tenant %s has no application with the client ID or object ID %s. Compare it with the application's Overview "+
					"page in the Entra portal.", m.TenantID, id)}
		}
	}
	found, err := m.read(ctx, &Observed{ObjectID: application.ObjectID, ClientID: application.ClientID}, nil)
	if err != nil {
		return nil, err
	}
	if found.Application == nil {
		return nil, ErrGone
	}
	return m.Imported(ctx, found), nil
}

// readsAtOnce is how many applications of one tenant are read side by side.
const readsAtOnce = 8

// List finds the applications whose names begin so, and those created here, and reads each. They are in the order of
// their names and then of their creation.
func List(ctx context.Context, directory entra.Directory, prefix string) ([]*entra.Registration, error) {
	result, err := directory.Search(ctx, entra.SearchQuery{DisplayNamePrefix: prefix, Tag: providerTag})
	if err != nil {
		return nil, err
	}
	if result.ListDenied != nil {
		return nil, result.ListDenied
	}
	applications := slices.Concat(result.ByPrefix, result.ByTag)
	slices.SortFunc(applications, func(a, b entra.Application) int {
		return slices.Compare(
			[]string{a.DisplayName, a.CreatedAt.UTC().Format(time.RFC3339), a.ObjectID},
			[]string{b.DisplayName, b.CreatedAt.UTC().Format(time.RFC3339), b.ObjectID})
	})
	applications = slices.CompactFunc(applications, func(a, b entra.Application) bool { return a.ObjectID == b.ObjectID })

	found := make([]*entra.Registration, len(applications))
	reads, ctx := errgroup.WithContext(ctx)
	reads.SetLimit(readsAtOnce)
	for i, application := range applications {
		reads.Go(func() (err error) {
			found[i], err = directory.Registration(ctx, entra.RegistrationRef{
				ObjectID: application.ObjectID, ClientID: application.ClientID,
				APIs: []string{permission.Exchange.AppID, permission.Graph.AppID},
			})
			return err
		})
	}
	if err := reads.Wait(); err != nil {
		return nil, err
	}
	deletedMeanwhile := func(registration *entra.Registration) bool { return registration.Application == nil }
	return slices.DeleteFunc(found, deletedMeanwhile), nil
}
