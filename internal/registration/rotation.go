package appregistration

import (
	"context"
	"crypto/x509"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// planKeys decides which certificates come and go, from what the plan says.
func (j *job) planKeys(ctx context.Context, state *Model, application *entra.Application, goal *target) error {
	planned, current := j.model.certificate(ctx, j.diags), state.certificate(ctx, j.diags)
	j.before = current
	if planned == nil || current == nil {
		return nil
	}
	remaining := planned.previous(ctx, j.diags)
	if planned.Previous.IsUnknown() {
		remaining = current.previous(ctx, j.diags)
	}
	for _, entry := range current.previous(ctx, j.diags) {
		if !slices.ContainsFunc(remaining, func(left PreviousModel) bool { return left.KeyID.Equal(entry.KeyID) }) {
			goal.removeKeys = append(goal.removeKeys, entry.KeyID.ValueString())
		}
	}
	var err error
	switch {
	case planned.Thumbprint.IsUnknown():
		recorded := []string{current.Thumbprint.ValueString()}
		if lost, err := certificate.ParsePEM(current.PEM.ValueString()); err == nil {
			recorded = append(recorded, certificate.Thumbprint(lost))
		}
		for _, entry := range current.previous(ctx, j.diags) {
			recorded = append(recorded, entry.Thumbprint.ValueString())
		}
		goal.certificate, err = j.rotate(ctx, planned, recorded)
	case planned.PEM.ValueString() != "":
		goal.certificate, err = certificate.ParsePEM(planned.PEM.ValueString())
	}
	if err != nil || goal.certificate == nil {
		return err
	}
	j.made = goal.certificate
	j.previous = remaining
	replaced := current.Thumbprint.ValueString()
	switch at := keyWith(application, replaced); {
	case at < 0 || replaced == certificate.Thumbprint(goal.certificate):
	case application.Keys[at].NotAfter.Before(j.services.Now()) || planned.PreviousCertificateDays.ValueInt64() == 0:
		// Nobody can sign in with it any more, and Entra takes no new certificate beside an expired one; or nobody shall.
		goal.removeKeys = append(goal.removeKeys, application.Keys[at].KeyID)
	default:
		until := j.services.Now().AddDate(0, 0, int(planned.PreviousCertificateDays.ValueInt64()))
		j.previous = append(j.previous, PreviousModel{
			Thumbprint:  types.StringValue(replaced),
			KeyID:       types.StringValue(application.Keys[at].KeyID),
			RemoveAfter: types.StringValue(until.UTC().Format(time.RFC3339)),
		})
	}
	return nil
}

// rotate makes a new certificate for an existing registration, whose recorded ones are given by thumbprint.
func (j *job) rotate(ctx context.Context, settings *CertificateModel, recorded []string) (*x509.Certificate, error) {
	now := j.services.Now()
	journal, err := j.store.BeginRegistration(ctx, store.Registration{
		TenantID: j.model.TenantID.ValueString(), UniqueName: journalName(j.model), DisplayName: j.model.DisplayName.ValueString(),
		ObjectID: j.model.ObjectID.ValueString(), ClientID: j.model.ClientID.ValueString(), StartedAt: now, CompletedAt: &now,
	})
	if err != nil {
		return nil, err
	}
	// A rotation that was cut off left a key that no state names. It is used now, rather than left on the application.
	for _, thumbprint := range journal.Thumbprints {
		if !slices.Contains(recorded, thumbprint) && j.fits(ctx, journal.TenantID, thumbprint, settings) {
			return j.store.Certificate(ctx, journal.TenantID, thumbprint)
		}
	}
	pair, err := j.newPair(settings)
	if err != nil {
		return nil, err
	}
	return j.keep(ctx, pair, &journal)
}

// fits tells whether the store holds that certificate with its key, and it is one that these settings would make.
func (j *job) fits(ctx context.Context, tenantID, thumbprint string, settings *CertificateModel) bool {
	sound, err := j.store.SoundKeyPair(ctx, tenantID, thumbprint)
	if err != nil || !sound {
		return false
	}
	kept, err := j.store.Certificate(ctx, tenantID, thumbprint)
	return err == nil && certificate.KeySize(kept) == int(settings.KeySize.ValueInt64()) && kept.NotAfter.After(j.services.Now()) &&
		kept.NotAfter.Equal(kept.NotBefore.AddDate(int(settings.ValidityYears.ValueInt64()), 0, 0))
}

// journalName names the journal's entry: by the unique name, which an imported application may lack.
func journalName(model *Model) string {
	if name := model.UniqueName.ValueString(); name != "" {
		return name
	}
	return "imported-" + model.ClientID.ValueString()
}
