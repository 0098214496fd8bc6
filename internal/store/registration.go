package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// Registration is the journal of an app registration: what is being made, or was, so that a run that was killed can
// be taken up by the next one instead of leaving an app that nobody knows.
type Registration struct {
	TenantID    string   `json:"tenant_id"` // GUID
	UniqueName  string   `json:"unique_name"`
	DisplayName string   `json:"display_name"`
	Marker      string   `json:"marker"`                // GUID, also among the app's tags
	ObjectID    string   `json:"object_id,omitempty"`   // GUID, once known
	ClientID    string   `json:"client_id,omitempty"`   // GUID, once known
	Thumbprints []string `json:"thumbprints,omitempty"` // of the certificates that the app has or is about to get
	// this journal's own run made the app; not an import or a restore
	Created   bool      `json:"created,omitempty"`
	StartedAt time.Time `json:"started_at"`
	// when the last step of the last create or update was done; nil while it is not
	CompletedAt *time.Time `json:"completed_at,omitempty"`
	DeletingAt  *time.Time `json:"deleting_at,omitempty"` // set before a destroy begins, so that one cut off is finished
	Generation  int64      `json:"generation"`            // grows with every write

	version place.Version // of the file that it was read from or written to
}

// Registration reads a journal entry. ErrNotFound when it is missing; *UntrustedError where it is not authentic, or is
// older than the generation that the state has seen; since is 0 where there is no state.
func (s *Store) Registration(ctx context.Context, tenantID, uniqueName string, since int64) (Registration, error) {
	name, err := registrationFile(tenantID, uniqueName)
	if err != nil {
		return Registration{}, err
	}
	return s.readRegistration(ctx, name, since)
}

// RegistrationOf finds the journal entry of an app by its client ID. ErrNotFound when the store has none, as for an
// app that somebody registered by hand. An entry that cannot be read is passed over.
func (s *Store) RegistrationOf(ctx context.Context, tenantID, clientID string) (Registration, error) {
	for r, err := range s.tenantRegistrations(ctx, strings.ToLower(tenantID)) {
		if err == nil && strings.EqualFold(r.ClientID, clientID) {
			return r, nil
		}
	}
	return Registration{}, fmt.Errorf("app registration of %s: %w", clientID, ErrNotFound)
}

// SaveRegistration writes a journal entry, and returns when it is on the disk: in place of the one that r was read
// from or last written to, or of one that is not authentic or older than since, or as a new one. r gets its new
// generation. The error wraps place.ErrChanged where another run has written the entry meanwhile.
func (s *Store) SaveRegistration(ctx context.Context, r *Registration, since int64, now time.Time) error {
	identity, err := s.identityForWriting(ctx)
	if err != nil {
		return err
	}
	name, err := registrationFile(r.TenantID, r.UniqueName)
	if err != nil {
		return err
	}
	next := *r
	next.TenantID = strings.ToLower(r.TenantID)
	next.Thumbprints = slices.Clone(r.Thumbprints)
	for i, thumbprint := range next.Thumbprints {
		if next.Thumbprints[i], err = certificate.NormalizeThumbprint(thumbprint); err != nil {
			return err
		}
	}
	if next.version == "" {
		found, err := s.readRegistration(ctx, name, since)
		switch {
		case err == nil:
			err = fmt.Errorf("%s: %w", s.files.URL(name), place.ErrChanged)
		case IsUntrusted(err):
			next.version, err = found.version, nil
		case errors.Is(err, ErrNotFound):
			err = nil
		}
		if err != nil {
			return err
		}
	}
	next.Generation = nextGeneration(r.Generation, since, now)
	next.version, err = s.writeRecord(ctx, identity, name, next, next.version)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%s: %w", s.files.URL(name), place.ErrChanged)
	}
	if err == nil {
		*r = next
	}
	return err
}

// Succeed makes r the successor of an entry that was read: SaveRegistration then writes it in that entry's place.
func (r *Registration) Succeed(before Registration) {
	r.Generation, r.version = before.Generation, before.version
}

// DeleteRegistration removes a journal entry, if there is one, whether it is authentic or not: the state names it.
func (s *Store) DeleteRegistration(ctx context.Context, tenantID, uniqueName string) error {
	name, err := registrationFile(tenantID, uniqueName)
	if err != nil {
		return err
	}
	return s.remove(ctx, name)
}

// Interrupted reports whether a journal entry may be that of a run that was interrupted, as far as can be told without
// the passphrase: it stays for a run that has it.
func (s *Store) Interrupted(ctx context.Context, tenantID, uniqueName string) bool {
	name, err := registrationFile(tenantID, uniqueName)
	if err != nil {
		return false
	}
	var entry Registration
	return s.unproved(ctx, name, "app registration", &entry) == nil && entry.CompletedAt == nil
}

// LockRegistration keeps every other run from making or completing the same registration meanwhile. The operating
// system gives the lock back when the process ends, however it ends, so a killed run is in nobody's way.
// ErrLocked while another run holds it.
func (s *Store) LockRegistration(ctx context.Context, tenantID, uniqueName string) (unlock func(), err error) {
	name := sha256.Sum256([]byte(strings.ToLower(tenantID) + "/" + uniqueName))
	return s.files.Lock(ctx, "registration-"+hex.EncodeToString(name[:8]))
}

func (s *Store) readRegistration(ctx context.Context, name string, since int64) (Registration, error) {
	var r Registration
	version, err := s.readRecord(ctx, name, "app registration", since, &r, &r.Generation)
	if err != nil {
		return Registration{version: version}, err
	}
	r.version = version
	return r, nil
}

// tenantRegistrations yields a tenant's journal entries, as records does.
func (s *Store) tenantRegistrations(ctx context.Context, tenant string) iter.Seq2[Registration, error] {
	return records(ctx, s, path.Join(tenant, registrationFolder),
		func(ctx context.Context, name string) (Registration, error) {
			return s.readRegistration(ctx, name, 0)
		})
}
