package registration

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// observe describes what the tenant shows, held against the permissions that were asked for and the certificate as it
// is known.
func (m *Manager) observe(
	ctx context.Context, found *entra.Registration, asked map[string]Permission, current Certificate,
) *Observed {
	application := found.Application
	seen := &Observed{
		ObjectID: application.ObjectID, ClientID: application.ClientID,
		DisplayName: application.DisplayName, UniqueName: application.UniqueName, SignInAudience: application.SignInAudience,
		ServicePrincipalID: principalID(found), Enabled: found.ServicePrincipal != nil && found.ServicePrincipal.Enabled,
		Permissions: map[string]Permission{}, Certificate: m.observeCertificate(ctx, application, current),
	}
	held := heldRoles(found)
	expected := map[entra.RoleRef]bool{}
	for key, entry := range asked {
		role := entry.role()
		expected[role] = true
		if listed, known := permission.FindByID(role.ResourceAppID, role.RoleID); known {
			entry.Permission = listed
		}
		entry.Declared, entry.Consented = held[role].Declared, held[role].Consented
		seen.Permissions[key] = entry
	}
	seen.Unexpected = Unexpected(ctx, m.Directory, found, expected)
	seen.Credentials = Credentials(found, seen.Certificate.thumbprints()...)
	return seen
}

// observeCertificate finds the registration's certificate on the application, and decides what is due: a new one, by
// its age or because the store has no usable key, and the removal of replaced ones.
func (m *Manager) observeCertificate(
	ctx context.Context, application *entra.Application, current Certificate,
) Certificate {
	ours, err := certificate.ParsePEM(current.PEM)
	switch {
	case current.KeySource == KeyExternal:
		current.observeExternal(application, m.cutOffTakeOver(ctx, application, current))
	case err == nil && keyWith(application, certificate.Thumbprint(ours)) >= 0:
		current.Describe(ours)
	default:
		current.Thumbprint = ""
	}
	now := m.Now()
	current.RenewalDue = !current.NotAfter.IsZero() && DueForRenewal(current.NotAfter, current.RenewBeforeDays, now)
	if current.KeySource == KeyGenerated && !current.RenewalDue && err == nil {
		state, err := m.Store.KeyState(ctx, m.TenantID, certificate.Thumbprint(ours))
		current.RenewalDue = err == nil && state == store.KeyMissing
		current.Unsealed = err == nil && state == store.KeyUnsealed
		if err == nil && state != store.KeySealed {
			current.KeyProblem = m.Store.KeyProblem(ctx, m.TenantID, certificate.Thumbprint(ours))
		}
	}
	var previous []Previous
	for _, entry := range current.Previous {
		at := keyWith(application, entry.Thumbprint)
		if at < 0 {
			continue
		}
		previous = append(previous, entry)
		over := !entry.RemoveAfter.IsZero() && !entry.RemoveAfter.After(now)
		if over || application.Keys[at].NotAfter.Before(now) {
			current.RemovalDue = append(current.RemovalDue, entry.KeyID)
		}
	}
	current.Previous = previous
	return current
}

// cutOffTakeOver returns the thumbprints of the certificates that a take-over which was cut off may have uploaded: the
// journal names them, and the certificate that was recorded, which they were to replace, is still there.
func (m *Manager) cutOffTakeOver(
	ctx context.Context, application *entra.Application, recorded Certificate,
) (uploaded []string) {
	if keyWith(application, recorded.Thumbprint) < 0 {
		return nil
	}
	journal, ok := m.journal(ctx, &Observed{UniqueName: application.UniqueName, ClientID: application.ClientID})
	if !ok || journal.ObjectID != application.ObjectID {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(journal.Thumbprints),
		func(thumbprint string) bool { return thumbprint == recorded.Thumbprint })
}

// observeExternal describes the certificate whose key is elsewhere: the last to expire that is not ours.
func (c *Certificate) observeExternal(application *entra.Application, ours []string) {
	c.Thumbprint, c.PEM, c.NotBefore, c.NotAfter = "", "", time.Time{}, time.Time{}
	keys := slices.DeleteFunc(slices.Clone(application.Keys),
		func(key entra.KeyCredential) bool { return slices.Contains(ours, key.Thumbprint()) })
	if len(keys) > 0 {
		last := slices.MaxFunc(keys, func(a, b entra.KeyCredential) int { return a.NotAfter.Compare(b.NotAfter) })
		c.Thumbprint, c.NotBefore, c.NotAfter = last.Thumbprint(), last.NotBefore, last.NotAfter
	}
}

// Credentials lists the credentials of an application, in a fixed order, without the certificates of those thumbprints.
func Credentials(found *entra.Registration, without ...string) []Credential {
	credentials := []Credential{}
	for _, password := range found.Application.Passwords {
		secret := Credential{"client_secret", password.KeyID, password.DisplayName, password.NotAfter}
		credentials = append(credentials, secret)
	}
	for _, key := range found.Application.Keys {
		if thumbprint := key.Thumbprint(); thumbprint == "" || !slices.Contains(without, thumbprint) {
			credentials = append(credentials, Credential{"certificate", key.KeyID, key.DisplayName, key.NotAfter})
		}
	}
	for _, federated := range found.Federated {
		name := federated.Name + " (issuer " + federated.Issuer + ", subject " + federated.Subject + ")"
		credentials = append(credentials, Credential{Kind: "federated_credential", KeyID: federated.ID, Name: name})
	}
	slices.SortFunc(credentials, func(a, b Credential) int {
		return slices.Compare([]string{a.Kind, a.KeyID}, []string{b.Kind, b.KeyID})
	})
	return credentials
}

// withoutCertificates returns the credentials without the application's certificates of those thumbprints: what a
// rotation or take-over that was cut off had uploaded was unexpected until now.
func withoutCertificates(credentials []Credential, of *entra.Application, thumbprints []string) []Credential {
	return slices.DeleteFunc(slices.Clone(credentials), func(credential Credential) bool {
		return slices.ContainsFunc(of.Keys, func(key entra.KeyCredential) bool {
			return key.KeyID == credential.KeyID && slices.Contains(thumbprints, key.Thumbprint())
		})
	})
}

// Imported describes an application of which nothing is recorded: it was asked for what it declares, and its
// certificate's key is elsewhere.
func (m *Manager) Imported(ctx context.Context, found *entra.Registration) *Observed {
	// A name that the API offers under two IDs cannot be asked for, so it is left among the unexpected permissions.
	asked, times := map[string]Permission{}, map[string]int{}
	for _, role := range found.Application.Declared {
		entry := Permission{Permission: nameRole(ctx, m.Directory, role)}
		asked[entry.Key()] = entry
		times[entry.Key()]++
	}
	maps.DeleteFunc(asked, func(key string, _ Permission) bool { return times[key] > 1 })
	return m.observe(ctx, found, asked, Certificate{
		KeySource: KeyExternal, ValidityYears: DefaultValidityYears, KeySize: DefaultKeySize,
		RenewBeforeDays: DefaultRenewBeforeDays, PreviousDays: DefaultPreviousDays,
	})
}
