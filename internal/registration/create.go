package registration

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// Create makes the registration. The order makes it safe to be interrupted anywhere: the journal is durable before the
// first write to Graph, the key is in the store before its certificate is uploaded, and the application is created by
// an upsert that finds itself again. It returns what exists, also with an error; nil where nothing was made.
func (m *Manager) Create(ctx context.Context, spec Spec) (*Observed, []Warning, error) {
	o := &operation{Manager: m, spec: spec, desired: spec.desired()}
	found, err := o.create(ctx)
	return o.outcome(ctx, found, err)
}

func (o *operation) create(ctx context.Context) (*entra.Registration, error) {
	held, releaseName, err := o.NameLocks.lock(ctx, o.TenantID, o.spec.DisplayName)
	if err != nil {
		return nil, err
	}
	defer releaseName()
	unlock, err := o.Store.LockRegistration(ctx, o.TenantID, o.spec.UniqueName)
	if errors.Is(err, store.ErrLocked) {
		return nil, &Error{"unique_name", "Another run is creating this registration", fmt.Sprintf(
			"Another run, or another resource in this run, is creating the registration %s in tenant %s (%s). "+
				"Give each resource a unique_name of its own; if it is the same resource, wait for the other run to end.",
			o.spec.UniqueName, o.TenantID, err)}
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	before, err := o.Store.Registration(ctx, o.TenantID, o.spec.UniqueName, 0)
	switch {
	case store.IsUntrusted(err):
		err = store.WithRemedy(err, "nothing in it was used, and this registration's own journal replaced it. Find out who "+
			"wrote it, and delete the certificates in "+o.Store.URL()+" that nobody can explain")
		o.warnings = append(o.warnings, Warning{"unique_name", "A journal was ignored", err.Error() + "."})
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	application, fresh, err := o.prepare(ctx, held, before)
	if err != nil {
		return nil, err
	}
	journal, err := o.begin(ctx, before)
	if err != nil {
		return nil, err
	}
	if o.spec.Certificate.KeySource == KeyProvided {
		o.desired.certificate, err = certificate.ParsePEM(o.spec.Certificate.PEM)
	} else {
		var reusable []string
		if application != nil && application.DeletedAt == nil && o.namesKeys(journal, application) {
			reusable = journal.Thumbprints
		}
		o.desired.certificate, err = o.newCertificate(ctx, &journal, reusable, fresh)
	}
	if err != nil {
		return nil, err
	}
	var found *entra.Registration
	if application == nil {
		found, err = o.upsert(ctx, &journal, before.Marker == journal.Marker)
	} else {
		found, err = o.resume(ctx, &journal, application)
	}
	if _, notCreated := errors.AsType[notCreatedError](err); notCreated {
		return nil, errors.Join(err, o.rollbackJournal(ctx, before, journal))
	}
	if err != nil {
		return found, err
	}
	journal.ObjectID, journal.ClientID = found.Application.ObjectID, found.Application.ClientID
	if err := o.saveJournal(ctx, &journal); err != nil {
		return found, err
	}
	held.setHolder(found.Application)
	if before.CompletedAt != nil { // only now it is certain that the application of that entry is gone
		if err := o.dropCertificates(ctx, before.Thumbprints); err != nil {
			return found, err
		}
	}
	for _, key := range found.Application.Keys { // of an earlier try, with other settings
		thumbprint := key.Thumbprint()
		if thumbprint != certificate.Thumbprint(o.desired.certificate) && slices.Contains(journal.Thumbprints, thumbprint) {
			o.desired.removeKeys = append(o.desired.removeKeys, key.KeyID)
		}
	}
	return o.converge(ctx, found)
}

// prepare does side by side what takes its time before the first write: it finds the application to continue with, if
// there is one, resolves the permissions, generates a key, unless an earlier run has, and unlocks the store for it.
func (o *operation) prepare(
	ctx context.Context, held *nameLock, journal store.Registration,
) (application *entra.Application, fresh *certificate.Pair, err error) {
	var offered map[string]entra.ResourceApplication
	tasks, taskCtx := errgroup.WithContext(ctx)
	tasks.Go(func() (err error) {
		offered, err = o.Directory.ResourceApplications(taskCtx, apisOf(o.desired.declared)...)
		return err
	})
	tasks.Go(func() (err error) {
		application, err = o.existing(taskCtx, held, journal)
		return err
	})
	if o.spec.Certificate.KeySource != KeyProvided {
		tasks.Go(func() error { return o.Store.Unlock(taskCtx) })
		if len(journal.Thumbprints) == 0 {
			tasks.Go(func() (err error) {
				fresh, err = o.newPair()
				return err
			})
		}
	}
	if err := tasks.Wait(); err != nil {
		return nil, nil, err
	}
	if o.desired.resourceIDs, err = resolve(offered, o.spec.Permissions); err != nil {
		return nil, nil, &Error{"permissions", "Permission not offered", err.Error()}
	}
	return application, fresh, nil
}

// existing looks for what stands in the way. It returns an application of ours that an interrupted create left, or one
// of this unique name in the recycle bin, and refuses any other: nothing is taken over silently.
func (o *operation) existing(
	ctx context.Context, held *nameLock, journal store.Registration,
) (*entra.Application, error) {
	query := entra.SearchQuery{UniqueName: o.spec.UniqueName, DisplayName: o.spec.DisplayName, CertificatePolicy: true}
	found, err := o.Directory.Search(ctx, query)
	if err != nil {
		return nil, err
	}
	o.NameLocks.withoutRemoved(found)
	if found.ListDenied != nil {
		o.warnings = append(o.warnings,
			Warning{"display_name", "Applications with the same name were not searched for", fmt.Sprintf(
				"Terraform's identity may not list the tenant's applications (%s; needs Application.Read.All), so another "+
					"application named %q would go unnoticed. The unique name %q still keeps this one from being made twice.",
				found.ListDenied.Code, query.DisplayName, query.UniqueName)})
	}
	if mine := found.ByUniqueName; mine != nil {
		marker := MarkerOf(mine)
		made := marker == journal.Marker || journal.Created && mine.ObjectID == journal.ObjectID
		restored := !journal.Created && mine.ObjectID == journal.ObjectID // with the keys that it had
		if o.resumable(journal) && (made && o.namesKeys(journal, mine) || restored) {
			return mine, nil
		}
		return nil, o.refuse(mine, "unique_name", "unique name "+query.UniqueName, untouched)
	}
	if err := o.refuseDuplicate(ctx, held, found.ByDisplayName, ""); err != nil {
		return nil, err
	}
	at := slices.IndexFunc(found.Deleted,
		func(deleted entra.Application) bool { return deleted.UniqueName == query.UniqueName })
	switch {
	case at < 0:
		return nil, o.checkPolicy(found.CertificatePolicy)
	case !o.spec.RestoreDeleted:
		return nil, o.refuseDeleted(&found.Deleted[at])
	}
	return &found.Deleted[at], nil
}

// resumeWithin is how long after its start an interrupted create is resumed: an older journal may be an old copy that
// somebody has put back.
const resumeWithin = time.Hour

// resumable reports whether a journal is that of a create which was interrupted a short time ago. One from the future,
// of a machine whose clock is ahead, is none: it would stay resumable for longer.
func (o *operation) resumable(journal store.Registration) bool {
	age := o.Now().Sub(journal.StartedAt)
	return journal.Marker != "" && journal.CompletedAt == nil && age > -clockSkew && age < resumeWithin
}

// namesKeys reports whether a journal, or the configuration with a certificate of its own, names all certificates of an
// application. Where neither does, they were uploaded after the journal was written, and it is an older copy that
// somebody has put back.
func (o *operation) namesKeys(journal store.Registration, application *entra.Application) bool {
	named := journal.Thumbprints
	if provided, err := certificate.ParsePEM(o.spec.Certificate.PEM); err == nil {
		named = append(slices.Clip(named), certificate.Thumbprint(provided))
	}
	return !slices.ContainsFunc(application.Keys, func(key entra.KeyCredential) bool {
		return !slices.Contains(named, key.Thumbprint())
	})
}

// begin makes the journal's entry, before anything else is made. What an interrupted create left is resumed as it is;
// a complete entry is of an application that is gone, and starts over, as does one that is too old.
func (o *operation) begin(ctx context.Context, found store.Registration) (store.Registration, error) {
	entry := store.Registration{
		TenantID: o.TenantID, UniqueName: o.spec.UniqueName, DisplayName: o.spec.DisplayName,
		Marker: uuid.NewString(), StartedAt: o.Now(),
	}
	if o.resumable(found) {
		return found, nil
	}
	if found.CompletedAt == nil {
		entry.Thumbprints = found.Thumbprints // so that they are dropped once this create is complete
	}
	entry.Succeed(found)
	err := o.saveJournal(ctx, &entry)
	return entry, err
}

// rollbackJournal puts the journal back to what it was, once it is certain that nothing was made. What an earlier run
// began may have made something, so it stays.
func (o *operation) rollbackJournal(ctx context.Context, before, begun store.Registration) error {
	switch {
	case before.CompletedAt != nil:
		before.Succeed(begun)
		return errors.Join(o.saveJournal(ctx, &before), o.dropCertificates(ctx, begun.Thumbprints))
	case before.Marker == begun.Marker:
		return nil
	}
	return o.forget(ctx, begun)
}

// resume continues with the application that existing found, and returns what there is of its registration.
func (o *operation) resume(
	ctx context.Context, journal *store.Registration, application *entra.Application,
) (*entra.Registration, error) {
	ref := o.refOf(application)
	if marker := MarkerOf(application); marker != "" && marker == journal.Marker {
		journal.Created = true // by a run that was cut off before it could say so
	}
	if application.DeletedAt != nil {
		journal.ObjectID = application.ObjectID // what makes it ours if this is cut off
		if err := o.saveJournal(ctx, journal); err != nil {
			return nil, err
		}
		if err := o.restore(ctx, application); err != nil {
			if seen, failed := o.Directory.Registration(ctx, ref); failed == nil && seen.Application != nil {
				return seen, err // the application is back, and only its service principal is not
			}
			return nil, err
		}
	}
	return o.confirm(ctx, ref, func(r *entra.Registration) string {
		if r.Application == nil {
			return "the application"
		}
		return ""
	})
}

// notCreatedError is an error that says for certain that Entra has made nothing. A lost answer or a failed gateway does
// not.
type notCreatedError struct{ error }

func (e notCreatedError) Unwrap() error { return e.error }

// nameTaken reports whether Graph refuses an application because another one has its unique name (unconfirmed for the
// upsert; a plain create is answered so).
func nameTaken(refused *entra.Error) bool {
	return refused != nil && refused.Status < http.StatusInternalServerError &&
		strings.Contains(refused.Message, "same value for property uniqueName")
}

// clockSkew is how far this machine's clock may be ahead of Entra's.
const clockSkew = 5 * time.Minute

// upsert creates the application. resumed says that an interrupted run began it.
func (o *operation) upsert(
	ctx context.Context, journal *store.Registration, resumed bool,
) (*entra.Registration, error) {
	audience := SingleTenant
	application, lost, err := o.Directory.UpsertApplication(ctx, o.spec.UniqueName, entra.ApplicationChange{
		DisplayName: &o.spec.DisplayName, SignInAudience: &audience, Declared: &o.desired.declared,
		Tags: []string{providerTag, markerPrefix + journal.Marker},
	})
	if refused := entra.AsError(err); err != nil && !(lost && nameTaken(refused)) {
		if refused != nil && refused.Status < http.StatusInternalServerError && !lost {
			err = notCreatedError{err}
		}
		return nil, err
	}
	if application == nil {
		if application, err = o.findUpserted(ctx, journal, lost || resumed); err != nil {
			return nil, err
		}
	}
	journal.Created = true
	return &entra.Registration{Application: application}, nil
}

// findUpserted finds the application of which Graph says that the upsert changed it. It is ours only if the answer of
// an earlier try may have been lost, in this run or in the one that it resumes: then it carries the journal's marker
// and is no older than the journal. Any other is refused.
func (o *operation) findUpserted(
	ctx context.Context, journal *store.Registration, maybeOurs bool,
) (*entra.Application, error) {
	uniqueName := o.spec.UniqueName
	notShown := fmt.Errorf("Entra says that an application named %s exists, and does not show it", uniqueName)
	for run := o.waiting(); ; {
		found, err := o.Directory.Search(ctx, entra.SearchQuery{UniqueName: uniqueName})
		if err != nil {
			return nil, err
		}
		if mine := found.ByUniqueName; mine != nil {
			if maybeOurs && MarkerOf(mine) == journal.Marker && mine.CreatedAt.After(journal.StartedAt.Add(-clockSkew)) {
				return mine, nil
			}
			mine.Tags = nil // they are the ones just sent, and do not tell who made it
			return nil, notCreatedError{o.refuse(mine, "unique_name", "unique name "+uniqueName,
				"Entra showed it only after it had been written to: its display name, tags and declared permissions are now "+
					"those of this registration, and nothing else was changed.")}
		}
		if !maybeOurs && run.Attempts() > goodReads {
			return nil, fmt.Errorf("%w; run the same command again", notShown)
		}
		if err := waitFor(ctx, run, notShown); err != nil {
			return nil, err
		}
	}
}

// restore takes the application, and its service principal, out of the recycle bin.
func (o *operation) restore(ctx context.Context, deleted *entra.Application) error {
	found, err := o.Directory.Search(ctx, entra.SearchQuery{ClientID: deleted.ClientID})
	if err != nil {
		return err
	}
	// A service principal comes back only after its application, and only one of them does.
	restores := []entra.Change{entra.RestoreDeletedItem{ObjectID: deleted.ObjectID}}
	if principals := found.DeletedServicePrincipals; len(principals) > 0 {
		last := slices.MaxFunc(principals, func(a, b entra.ServicePrincipal) int { return a.DeletedAt.Compare(b.DeletedAt) })
		restores = append(restores, entra.RestoreDeletedItem{ObjectID: last.ObjectID})
	}
	o.madeAt = *deleted.DeletedAt // what was deleted long ago is in every replica's recycle bin, or somebody has purged it
	o.NameLocks.deleted.Delete(deleted.ObjectID)
	_, err = o.write(ctx, entra.Sequential, restores...)
	return err
}

// refuseDeleted says that the recycle bin holds the name, and both ways out.
func (m *Manager) refuseDeleted(deleted *entra.Application) error {
	return &Error{"restore_deleted", "A deleted application has this name", fmt.Sprintf(
		"The recycle bin of tenant %s holds the application %q (object ID %s, client ID %s) with the unique name %s. "+
			"Either restore it, keeping its client ID, with restore_deleted = true; or remove it for good: "+
			"Remove-MgDirectoryDeletedItem -DirectoryObjectId %s",
		m.TenantID, deleted.DisplayName, deleted.ObjectID, deleted.ClientID, deleted.UniqueName, deleted.ObjectID)}
}

// untouched says that a refused application was not changed.
const untouched = "It was not touched."

// refuse says that an application which is not ours has the name, whether it was touched, and how to bring it under
// management.
func (m *Manager) refuse(other *entra.Application, attribute, what, touched string) *Error {
	if MarkerOf(other) != "" {
		return &Error{attribute, "The registration exists already", fmt.Sprintf(
			"The tenant %s already has the application %q (object ID %s, client ID %s) with the %s, and this provider "+
				"registered it: another resource or another state manages it. %s Two registrations of one display "+
				"name, also those of a create_before_destroy, need allow_duplicate_name = true and a unique_name each. If the "+
				"state of the other was lost, import it:\n\n%s",
			m.TenantID, other.DisplayName, other.ObjectID, other.ClientID, what, touched, m.ImportBlock(other.ClientID))}
	}
	alternative := ""
	if attribute == "display_name" {
		alternative = ", or set allow_duplicate_name = true with a unique_name of its own"
	}
	return &Error{attribute, "The application exists already", fmt.Sprintf(
		"The tenant %s already has the application %q (object ID %s, client ID %s) with the %s. %s "+
			"To manage it from here, import it:\n\n%s\n\nOtherwise delete it, or choose another %s%s.",
		m.TenantID, other.DisplayName, other.ObjectID, other.ClientID, what, touched, m.ImportBlock(other.ClientID),
		attribute, alternative)}
}

// ImportBlock is what to paste into a configuration to import the application of that client ID.
func (m *Manager) ImportBlock(clientID string) string {
	return fmt.Sprintf(
		"  import {\n    to = codetwo_target_app_registration.<name>\n    id = \"%s/%s\"\n  }", m.TenantID, clientID)
}

// newCertificate returns a generated certificate, whose key is in the store: one of those that an interrupted run left
// there, or fresh, or a new one where that is nil. The journal names it before the store holds it, and the store holds
// it before Entra sees it, so that an interruption leaves nothing unknown.
func (o *operation) newCertificate(
	ctx context.Context, journal *store.Registration, reusable []string, fresh *certificate.Pair,
) (*x509.Certificate, error) {
	for _, thumbprint := range reusable {
		if left := o.reusable(ctx, thumbprint); left != nil {
			return left, nil
		}
	}
	if fresh == nil {
		var err error
		if fresh, err = o.newPair(); err != nil {
			return nil, err
		}
	}
	journal.Thumbprints = append(journal.Thumbprints, certificate.Thumbprint(fresh.Certificate))
	if err := o.saveJournal(ctx, journal); err != nil {
		return nil, err
	}
	return fresh.Certificate, o.Store.SaveCertificate(ctx, o.TenantID, fresh, certificate.AES256, o.Now())
}

// reusable returns the store's certificate if its key is there and these settings would make the same; nil otherwise.
func (o *operation) reusable(ctx context.Context, thumbprint string) *x509.Certificate {
	if state, err := o.Store.KeyState(ctx, o.TenantID, thumbprint); err != nil || state != store.KeySealed {
		return nil
	}
	left, err := o.Store.Certificate(ctx, o.TenantID, thumbprint)
	settings := o.spec.Certificate
	if err != nil || certificate.KeySize(left) != settings.KeySize || !left.NotAfter.After(o.Now()) ||
		!left.NotAfter.Equal(left.NotBefore.AddDate(settings.ValidityYears, 0, 0)) {
		return nil
	}
	return left
}

// newPair makes a key and its certificate. The common name is as much of the display name as a certificate may hold
// (X.520: 64 characters).
func (o *operation) newPair() (*certificate.Pair, error) {
	commonName := []rune(o.spec.DisplayName)
	notBefore := o.Now().UTC().Truncate(time.Second).Add(-clockSkew) // Entra refuses what begins after its own now
	return certificate.Generate(rand.Reader, certificate.Template{
		CommonName: string(commonName[:min(len(commonName), 64)]),
		KeySize:    o.spec.Certificate.KeySize,
		NotBefore:  notBefore,
		NotAfter:   notBefore.AddDate(o.spec.Certificate.ValidityYears, 0, 0),
	})
}
