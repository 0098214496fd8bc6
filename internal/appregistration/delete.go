package appregistration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
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
	var changes []entra.Change
	objectIDs := []string{j.model.ServicePrincipalObjectID.ValueString(), j.model.ObjectID.ValueString()}
	if objectIDs[0] != "" {
		changes = append(changes, entra.DeleteServicePrincipal{ObjectID: objectIDs[0]})
	}
	changes = append(changes, entra.DeleteApplication{ObjectID: objectIDs[1]})
	if _, err := j.write(ctx, entra.Sequential, changes...); err != nil {
		return err
	}
	if err := j.confirmGone(ctx); err != nil {
		return err
	}
	if j.model.PurgeOnDestroy.ValueBool() || journaled && abandoned(&journal, j.model.ObjectID.ValueString()) {
		var purges []entra.Change
		for _, objectID := range objectIDs {
			if objectID != "" {
				purges = append(purges, entra.PurgeDeletedItem{ObjectID: objectID})
			}
		}
		if _, err := j.write(ctx, entra.Sequential, purges...); err != nil {
			return err
		}
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

// confirmGone waits until Entra shows neither application nor service principal.
func (j *job) confirmGone(ctx context.Context) error {
	_, err := j.confirm(ctx, entra.RegistrationRef{ObjectID: j.model.ObjectID.ValueString(), ClientID: j.model.ClientID.ValueString()}, func(r *entra.Registration) string {
		switch {
		case r.Application != nil:
			return "that the application is gone"
		case r.ServicePrincipal != nil:
			return "that the service principal is gone"
		}
		return ""
	})
	return err
}

// forget removes the journal's entry and our certificates from the store.
func (j *job) forget(ctx context.Context, journal store.Registration) error {
	if err := j.store.DeleteRegistration(ctx, journal.TenantID, journal.UniqueName); err != nil {
		return err
	}
	return j.dropCertificates(ctx, journal.TenantID, journal.Thumbprints)
}

// conclude marks the registration as complete, and removes certificates that have left the application from the journal
// and from the store.
func (j *job) conclude(ctx context.Context, thumbprints []string) error {
	journal, err := j.store.Registration(ctx, j.model.TenantID.ValueString(), journalName(j.model))
	if errors.Is(err, store.ErrNotFound) {
		return nil // an imported application: its certificates were never ours
	}
	if err != nil {
		return err
	}
	now := j.services.Now()
	journal.CompletedAt, journal.DeletingAt = &now, nil // a destroy that was refused is not wanted any more
	journal.Thumbprints = slices.DeleteFunc(journal.Thumbprints, func(ours string) bool { return slices.Contains(thumbprints, ours) })
	if err := j.store.SaveRegistration(ctx, journal); err != nil {
		return err
	}
	return j.dropCertificates(ctx, journal.TenantID, thumbprints)
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

// thumbprintsOf names the certificates behind key IDs.
func thumbprintsOf(application *entra.Application, keyIDs []string) []string {
	var thumbprints []string
	for _, key := range application.Keys {
		if slices.Contains(keyIDs, key.KeyID) {
			thumbprints = append(thumbprints, key.Thumbprint())
		}
	}
	return thumbprints
}
