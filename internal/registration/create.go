package appregistration

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
	"github.com/hashicorp/terraform-plugin-framework/path"
	"golang.org/x/sync/errgroup"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// create makes the registration. The order is what makes it safe to be interrupted anywhere: the journal is durable
// before the first write to Graph, the key is in the store before its certificate is uploaded, and the application is
// created by an upsert that finds itself again. What it returns exists, also when there is an error.
func (j *job) create(ctx context.Context) (*entra.Registration, error) {
	tenantID, uniqueName := j.model.TenantID.ValueString(), j.model.UniqueName.ValueString()
	permissions := readPermissions(ctx, j.model.Permissions, j.diags)
	giveNameBack, err := j.lockName(ctx)
	if err != nil {
		return nil, err
	}
	defer giveNameBack()
	unlock, err := j.store.LockRegistration(ctx, tenantID, uniqueName)
	if errors.Is(err, store.ErrLocked) {
		return nil, &problem{path.Root("unique_name"), "Another run makes this registration", fmt.Sprintf(
			"Another run, or another resource of this one, is making the registration %s in tenant %s at this moment (%s). Give each resource a unique_name of its own; if it is the same resource, wait for the other run to end.", uniqueName, tenantID, err)}
	}
	if err != nil {
		return nil, err
	}
	defer unlock()
	journal, err := j.store.Registration(ctx, tenantID, uniqueName)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	var resources map[string]entra.ResourceApplication
	var application *entra.Application
	var fresh *certificate.Pair
	settings := j.model.certificate(ctx, j.diags)
	reads, readCtx := errgroup.WithContext(ctx)
	reads.Go(func() (err error) {
		resources, err = j.directory.ResourceApplications(readCtx, apisOf(permissions)...)
		return err
	})
	reads.Go(func() (err error) {
		application, err = j.existing(readCtx, journal)
		return err
	})
	if settings.KeySource.ValueString() != keyProvided { // both take their time, like the answers of the network
		reads.Go(func() error { return j.store.Unlock(readCtx) })
		if len(journal.Thumbprints) == 0 { // otherwise an earlier run has made one
			reads.Go(func() (err error) {
				fresh, err = j.newPair(settings)
				return err
			})
		}
	}
	if err := reads.Wait(); err != nil {
		return nil, err
	}
	resourceIDs, err := resolved(resources, permissions)
	if err != nil {
		return nil, &problem{path.Root("permissions"), "Permission not offered", err.Error()}
	}
	before := journal
	if journal, err = j.begin(ctx, before); err != nil {
		return nil, err
	}
	if j.made, err = j.newCertificate(ctx, settings, fresh, &journal); err != nil {
		return nil, err
	}
	registration, err := j.obtain(ctx, &journal, application, before.Marker == journal.Marker, declaredRoles(permissions))
	if err != nil {
		if _, nothing := errors.AsType[nothingMade](err); nothing {
			return nil, errors.Join(err, j.takeBack(ctx, before, journal))
		}
		return registration, err
	}
	journal.ObjectID, journal.ClientID = registration.Application.ObjectID, registration.Application.ClientID
	if err := j.store.SaveRegistration(ctx, journal); err != nil {
		return registration, err
	}
	names.note(j.nameKey(), registration.Application)
	if before.CompletedAt != nil { // only now it is certain that the application of that entry is gone
		if err := j.dropCertificates(ctx, before.TenantID, before.Thumbprints); err != nil {
			return registration, err
		}
	}
	target := target{
		displayName: j.model.DisplayName.ValueString(), declared: declaredRoles(permissions),
		resourceIDs: resourceIDs, certificate: j.made,
	}
	for _, key := range registration.Application.Keys { // of an earlier try, with other settings
		if key.Thumbprint() != certificate.Thumbprint(j.made) && slices.Contains(journal.Thumbprints, key.Thumbprint()) {
			target.removeKeys = append(target.removeKeys, key.KeyID)
		}
	}
	if j.model.GrantAdminConsent.ValueBool() {
		target.grants = target.declared
	}
	if registration, err = j.converge(ctx, registration, target); err != nil {
		return registration, err
	}
	now := j.services.Now()
	journal.CompletedAt, journal.DeletingAt = &now, nil
	superseded := slices.DeleteFunc(slices.Clone(journal.Thumbprints), func(ours string) bool { return ours == certificate.Thumbprint(j.made) })
	journal.Thumbprints = slices.DeleteFunc(journal.Thumbprints, func(ours string) bool { return slices.Contains(superseded, ours) })
	if err := j.store.SaveRegistration(ctx, journal); err != nil {
		return registration, err
	}
	return registration, j.dropCertificates(ctx, journal.TenantID, superseded)
}

// takeBack puts the journal back to what it was, once it is certain that nothing was made. What an earlier run began may
// have made something, so it stays.
func (j *job) takeBack(ctx context.Context, before, begun store.Registration) error {
	switch {
	case before.CompletedAt != nil:
		return errors.Join(j.store.SaveRegistration(ctx, before), j.dropCertificates(ctx, begun.TenantID, begun.Thumbprints))
	case before.Marker != "":
		return nil
	}
	return j.forget(ctx, begun)
}

// begin makes the journal's entry, before anything else is made. What an interrupted create left is taken up as it is; a
// complete entry is of an application that is gone, and starts anew.
func (j *job) begin(ctx context.Context, found store.Registration) (store.Registration, error) {
	fresh := store.Registration{
		TenantID: j.model.TenantID.ValueString(), UniqueName: j.model.UniqueName.ValueString(), DisplayName: j.model.DisplayName.ValueString(),
		Marker: uuid.NewString(), StartedAt: j.services.Now(),
	}
	if found.CompletedAt == nil {
		return j.store.BeginRegistration(ctx, fresh)
	}
	return fresh, j.store.SaveRegistration(ctx, fresh)
}

// nothingMade is an error that says for certain that Entra has made nothing. A lost answer or a failed gateway does not.
type nothingMade struct{ error }

func (e nothingMade) Unwrap() error { return e.error }

// nameTaken tells whether Graph refuses an application because another one has its unique name (unconfirmed for the
// upsert; a plain create is answered so).
func nameTaken(refused *entra.Error) bool {
	return refused != nil && refused.Status < http.StatusInternalServerError && strings.Contains(refused.Message, "same value for property uniqueName")
}

// abandoned tells whether the journal made the application and never completed it. Such a one is of no use to anybody;
// an imported or restored one may well be.
func abandoned(journal *store.Registration, objectID string) bool {
	return journal.Created && journal.CompletedAt == nil && journal.ObjectID == objectID
}

// clockSkew is how far this machine's clock may be ahead of Entra's.
const clockSkew = 5 * time.Minute

// upsert creates the application. Where Graph says that it changed one instead, that is ours only if the response of an
// earlier try was lost, in this run or in the one that it takes up: then it carries the journal's marker and is no older
// than the journal. Any other is refused.
func (j *job) upsert(ctx context.Context, journal *store.Registration, takenUp bool, declared []entra.RoleRef) (*entra.Application, error) {
	name, audience, uniqueName := j.model.DisplayName.ValueString(), singleTenant, j.model.UniqueName.ValueString()
	application, lost, err := j.directory.UpsertApplication(ctx, uniqueName, entra.ApplicationChange{
		DisplayName: &name, SignInAudience: &audience, Tags: []string{providerTag, markerPrefix + journal.Marker}, Declared: &declared,
	})
	if refused := entra.AsError(err); err != nil && !(lost && nameTaken(refused)) {
		if refused != nil && refused.Status < http.StatusInternalServerError && !lost {
			err = nothingMade{err}
		}
		return nil, err
	}
	if application != nil {
		return application, nil
	}
	notShown := fmt.Errorf("Entra says that an application named %s exists, and does not show it", uniqueName)
	for run := j.waiting(); ; {
		found, err := j.directory.Search(ctx, entra.SearchQuery{UniqueName: uniqueName})
		if err != nil {
			return nil, err
		}
		if mine := found.ByUniqueName; mine != nil {
			if (lost || takenUp) && markerOf(mine) == journal.Marker && mine.CreatedAt.After(journal.StartedAt.Add(-clockSkew)) {
				return mine, nil
			}
			mine.Tags = nil // they are the ones just sent, and tell nothing of who made it
			refusal := j.refuse(mine, "unique_name", "unique name "+uniqueName)
			refusal.detail = strings.Replace(refusal.detail, untouched, "Entra showed it only after it had been written to: its display name, tags and declared permissions are now those of this registration, and nothing else was changed.", 1)
			return nil, nothingMade{refusal}
		}
		if !lost && !takenUp && run.Attempts() > goodReads || run.Again(ctx, retry.Until(notShown)) != nil {
			return nil, fmt.Errorf("%w; run terraform apply again", notShown)
		}
	}
}

// untouched is what a refusal says of the other application.
const untouched = "It was not touched."

// existing looks for what stands in the way. It returns an application of ours that an interrupted create left, or one
// of this unique name in the recycle bin, and refuses any other: nothing is adopted silently.
func (j *job) existing(ctx context.Context, journal store.Registration) (*entra.Application, error) {
	query := entra.SearchQuery{UniqueName: j.model.UniqueName.ValueString(), DisplayName: j.model.DisplayName.ValueString(), CertificatePolicy: true}
	found, err := j.directory.Search(ctx, query)
	if err != nil {
		return nil, err
	}
	withoutRemoved(found)
	if found.ListDenied != nil {
		j.diags.AddAttributeWarning(path.Root("display_name"), "Namesakes not looked for", fmt.Sprintf(
			"Terraform's identity may not list the tenant's applications (%s; needs Application.Read.All), so another application named %q would go unnoticed. The unique name %q still keeps this one from being made twice.",
			found.ListDenied.Code, query.DisplayName, query.UniqueName))
	}
	if mine := found.ByUniqueName; mine != nil {
		marker := markerOf(mine)
		if journal.CompletedAt == nil && (marker != "" && marker == journal.Marker || mine.ObjectID == journal.ObjectID) {
			return mine, nil
		}
		return nil, j.refuse(mine, "unique_name", "unique name "+query.UniqueName)
	}
	if err := j.refuseDuplicate(ctx, found.ByDisplayName, ""); err != nil {
		return nil, err
	}
	for i := range found.Deleted {
		deleted := &found.Deleted[i]
		switch {
		case deleted.UniqueName != query.UniqueName:
		case j.model.RestoreDeleted.ValueBool():
			return deleted, nil
		default:
			return nil, j.refuseDeleted(deleted)
		}
	}
	return nil, j.checkPolicy(ctx, found.CertificatePolicy)
}

// obtain makes the application, or takes the one that existing found, and returns what there is of its registration.
func (j *job) obtain(ctx context.Context, journal *store.Registration, found *entra.Application, takenUp bool, declared []entra.RoleRef) (*entra.Registration, error) {
	if found == nil {
		made, err := j.upsert(ctx, journal, takenUp, declared)
		if err != nil {
			return nil, err
		}
		journal.Created = true
		return &entra.Registration{Application: made}, nil
	}
	ref := entra.RegistrationRef{ObjectID: found.ObjectID, ClientID: found.ClientID, APIs: apisIn(declared)}
	if marker := markerOf(found); marker != "" && marker == journal.Marker {
		journal.Created = true // by a run that was cut off before it could say so
	}
	if found.DeletedAt != nil {
		journal.ObjectID = found.ObjectID // what makes it ours if this is cut off
		if err := j.store.SaveRegistration(ctx, *journal); err != nil {
			return nil, err
		}
		if err := j.restore(ctx, found); err != nil {
			if seen, failed := j.directory.Registration(ctx, ref); failed == nil && seen.Application != nil {
				return seen, err // the application is back, and only its service principal is not
			}
			return nil, err
		}
	}
	return j.confirm(ctx, ref, func(r *entra.Registration) string {
		if r.Application == nil {
			return "the application"
		}
		return ""
	})
}

// restore takes the application, and its service principal, out of the recycle bin if that is asked for.
func (j *job) restore(ctx context.Context, deleted *entra.Application) error {
	found, err := j.directory.Search(ctx, entra.SearchQuery{ClientID: deleted.ClientID})
	if err != nil {
		return err
	}
	restores := []entra.Change{entra.RestoreDeletedItem{ObjectID: deleted.ObjectID}} // a service principal comes back only after its application
	if principals := found.DeletedServicePrincipals; len(principals) > 0 {           // and only one of them
		last := slices.MaxFunc(principals, func(a, b entra.ServicePrincipal) int { return a.DeletedAt.Compare(b.DeletedAt) })
		restores = append(restores, entra.RestoreDeletedItem{ObjectID: last.ObjectID})
	}
	j.madeAt = *deleted.DeletedAt // what was deleted long ago is in every replica's recycle bin, or somebody has purged it
	removed.deleted.Delete(deleted.ObjectID)
	_, err = j.write(ctx, entra.Sequential, restores...)
	return err
}

// refuseDeleted says that the recycle bin holds the name, and both ways out.
func (j *job) refuseDeleted(deleted *entra.Application) error {
	return &problem{path.Root("restore_deleted"), "A deleted application has this name", fmt.Sprintf(
		"The recycle bin of tenant %s holds the application %q (object ID %s, client ID %s) with the unique name %s. Either restore it, keeping its client ID, with restore_deleted = true; or remove it for good: Remove-MgDirectoryDeletedItem -DirectoryObjectId %s",
		j.model.TenantID.ValueString(), deleted.DisplayName, deleted.ObjectID, deleted.ClientID, deleted.UniqueName, deleted.ObjectID)}
}

// refuse says that an application which is not ours has the name, and how to bring it under management.
func (j *job) refuse(other *entra.Application, attributeName, what string) *problem {
	if markerOf(other) != "" {
		return &problem{path.Root(attributeName), "The registration exists already", fmt.Sprintf(
			"The tenant %s already has the application %q (object ID %s, client ID %s) with the %s, and this provider registered it: another resource or another state manages it. "+untouched+" "+
				"Two registrations of one display name, also those of a create_before_destroy, need allow_duplicate_name = true and a unique_name each. If the state of the other was lost, import it with the id %s/%s.",
			j.model.TenantID.ValueString(), other.DisplayName, other.ObjectID, other.ClientID, what, j.model.TenantID.ValueString(), other.ClientID)}
	}
	return &problem{path.Root(attributeName), "The application exists already", fmt.Sprintf(`The tenant %s already has the application %q (object ID %s, client ID %s) with the %s. `+untouched+` To manage it from here, import it:

  import {
    to = codetwo_target_app_registration.<name>
    id = "%s/%s"
  }

Otherwise delete it, or choose another %s%s.`,
		j.model.TenantID.ValueString(), other.DisplayName, other.ObjectID, other.ClientID, what,
		j.model.TenantID.ValueString(), other.ClientID, attributeName, map[bool]string{true: ", or set allow_duplicate_name = true with a unique_name of its own"}[attributeName == "display_name"])}
}

// newCertificate returns the certificate to upload: the provided one, the one that an interrupted create already keeps
// in the store, or a new one, whose key is in the store before this returns: fresh, or one made here if that is nil.
func (j *job) newCertificate(ctx context.Context, settings *CertificateModel, fresh *certificate.Pair, journal *store.Registration) (*x509.Certificate, error) {
	if settings.KeySource.ValueString() == keyProvided {
		return certificate.ParsePEM(settings.PublicCertificatePEM.ValueString())
	}
	for _, thumbprint := range journal.Thumbprints {
		if j.fits(ctx, journal.TenantID, thumbprint, settings) {
			return j.store.Certificate(ctx, journal.TenantID, thumbprint)
		}
	}
	if fresh == nil {
		var err error
		if fresh, err = j.newPair(settings); err != nil {
			return nil, err
		}
	}
	return j.keep(ctx, fresh, journal)
}

// newPair makes a key and its certificate.
func (j *job) newPair(settings *CertificateModel) (*certificate.Pair, error) {
	notBefore := j.services.Now().UTC().Truncate(time.Second).Add(-clockSkew) // Entra refuses what begins after its own now
	return certificate.Generate(rand.Reader, certificate.Template{
		CommonName: commonName(j.model.DisplayName.ValueString()),
		KeySize:    int(settings.KeySize.ValueInt64()),
		NotBefore:  notBefore,
		NotAfter:   notBefore.AddDate(int(settings.ValidityYears.ValueInt64()), 0, 0),
	})
}

// keep puts a new key into the store. The journal names its certificate before the store holds it, and the store holds it
// before Entra sees it, so that an interruption leaves nothing that nobody knows of.
func (j *job) keep(ctx context.Context, pair *certificate.Pair, journal *store.Registration) (*x509.Certificate, error) {
	journal.Thumbprints = append(journal.Thumbprints, certificate.Thumbprint(pair.Certificate))
	if err := j.store.SaveRegistration(ctx, *journal); err != nil {
		return nil, err
	}
	return pair.Certificate, j.store.SaveCertificate(ctx, journal.TenantID, pair, certificate.AES256, nil)
}

// commonName is the display name, as much of it as a certificate may hold (X.520: 64 characters).
func commonName(displayName string) string {
	runes := []rune(displayName)
	return string(runes[:min(len(runes), 64)])
}

func declaredRoles(permissions map[string]PermissionModel) []entra.RoleRef {
	roles := make([]entra.RoleRef, 0, len(permissions))
	for _, key := range sorted(permissions) {
		roles = append(roles, permissions[key].roleRef())
	}
	return roles
}
