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
}

type registrationRecord struct {
	version
	Registration
}

// BeginRegistration writes a journal entry, and returns when it is on the disk. If there is an entry of that name
// already, it is kept and returned; the caller tells them apart by the Marker.
func (s *Store) BeginRegistration(ctx context.Context, r Registration) (Registration, error) {
	file, content, err := encodeRegistration(&r)
	if err != nil {
		return Registration{}, err
	}
	if err := s.files.Create(ctx, file, content); errors.Is(err, fs.ErrExist) {
		return s.readRegistration(ctx, file)
	} else if err != nil {
		return Registration{}, err
	}
	return r, nil
}

// Registration reads a journal entry. ErrNotFound when there is none.
func (s *Store) Registration(ctx context.Context, tenantID, uniqueName string) (Registration, error) {
	file, err := registrationFile(tenantID, uniqueName)
	if err != nil {
		return Registration{}, err
	}
	return s.readRegistration(ctx, file)
}

// RegistrationOf finds the journal entry of an app by its client ID. ErrNotFound when the store has none, as for an app
// that somebody registered by hand. An entry that cannot be read is passed over.
func (s *Store) RegistrationOf(ctx context.Context, tenantID, clientID string) (Registration, error) {
	for r, err := range s.tenantRegistrations(ctx, strings.ToLower(tenantID)) {
		if err == nil && strings.EqualFold(r.ClientID, clientID) {
			return r, nil
		}
	}
	return Registration{}, fmt.Errorf("app registration of %s: %w", clientID, ErrNotFound)
}

// SaveRegistration writes a journal entry, whether there is one or not.
func (s *Store) SaveRegistration(ctx context.Context, r Registration) error {
	file, content, err := encodeRegistration(&r)
	if err != nil {
		return err
	}
	return s.files.Replace(ctx, file, content)
}

// DeleteRegistration removes a journal entry, if there is one.
func (s *Store) DeleteRegistration(ctx context.Context, tenantID, uniqueName string) error {
	file, err := registrationFile(tenantID, uniqueName)
	if err != nil {
		return err
	}
	return s.files.Delete(ctx, file)
}

// LockRegistration keeps every other run from making or completing the same registration meanwhile. The operating
// system gives the lock back when the process ends, however it ends, so a killed run is in nobody's way.
// ErrLocked while another run holds it.
func (s *Store) LockRegistration(ctx context.Context, tenantID, uniqueName string) (unlock func(), err error) {
	name := sha256.Sum256([]byte(strings.ToLower(tenantID) + "/" + uniqueName))
	return s.files.Lock(ctx, ".registration-"+hex.EncodeToString(name[:8])+".lock")
}

func encodeRegistration(r *Registration) (file string, content []byte, err error) {
	if file, err = registrationFile(r.TenantID, r.UniqueName); err != nil {
		return "", nil, err
	}
	r.TenantID = strings.ToLower(r.TenantID)
	r.Thumbprints = slices.Clone(r.Thumbprints)
	for i, thumbprint := range r.Thumbprints {
		if r.Thumbprints[i], err = certificate.NormalizeThumbprint(thumbprint); err != nil {
			return "", nil, err
		}
	}
	content, err = encodeRecord(registrationRecord{version{schemaVersion}, *r})
	return file, content, err
}

func (s *Store) readRegistration(ctx context.Context, file string) (Registration, error) {
	url := s.files.URL(file)
	var record registrationRecord
	if err := s.readRecord(ctx, file, "app registration", &record); err != nil {
		return Registration{}, err
	}
	if own, err := registrationFile(record.TenantID, record.UniqueName); err != nil || own != file {
		return Registration{}, &DamagedError{Path: url, Err: fmt.Errorf("it is the journal of %q in tenant %q, under "+
			"another name", record.UniqueName, record.TenantID)}
	}
	for i, thumbprint := range record.Thumbprints {
		normal, err := certificate.NormalizeThumbprint(thumbprint)
		if err != nil {
			return Registration{}, &DamagedError{Path: url, Err: err}
		}
		record.Thumbprints[i] = normal
	}
	return record.Registration, nil
}

// tenantRegistrations yields a tenant's journal entries, as tenantRecords does.
func (s *Store) tenantRegistrations(ctx context.Context, tenant string) iter.Seq2[Registration, error] {
	return tenantRecords(ctx, s, path.Join(tenant, registrationFolder), s.readRegistration)
}
