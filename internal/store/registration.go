package store

import (
	"context"
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
	err = s.files.Create(ctx, file, content)
	if errors.Is(err, fs.ErrExist) {
		return s.readRegistration(ctx, file)
	}
	if err != nil {
		return Registration{}, fmt.Errorf("write the journal %s: %w", s.files.URL(file), err)
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
	if err := s.files.Replace(ctx, file, content); err != nil {
		return fmt.Errorf("write the journal %s: %w", s.files.URL(file), err)
	}
	return nil
}

// DeleteRegistration removes a journal entry, if there is one.
func (s *Store) DeleteRegistration(ctx context.Context, tenantID, uniqueName string) error {
	file, err := registrationFile(tenantID, uniqueName)
	if err != nil {
		return err
	}
	if err := s.files.Delete(ctx, file); err != nil {
		return fmt.Errorf("delete the journal %s: %w", s.files.URL(file), err)
	}
	return nil
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
	content, err := s.read(ctx, file, "app registration "+url)
	if err != nil {
		return Registration{}, err
	}
	var record registrationRecord
	if err := decodeRecord(url, content, &record); err != nil {
		return Registration{}, err
	}
	if own, err := registrationFile(record.TenantID, record.UniqueName); err != nil || own != file {
		return Registration{}, &DamagedError{Path: url, Err: fmt.Errorf("it is the journal of %q in tenant %q, under "+
			"another name", record.UniqueName, record.TenantID)}
	}
	for i, thumbprint := range record.Thumbprints {
		if record.Thumbprints[i], err = certificate.NormalizeThumbprint(thumbprint); err != nil {
			return Registration{}, &DamagedError{Path: url, Err: err}
		}
	}
	return record.Registration, nil
}

// tenantRegistrations yields a tenant's journal entries one by one.
func (s *Store) tenantRegistrations(ctx context.Context, tenant string) iter.Seq2[Registration, error] {
	return func(yield func(Registration, error) bool) {
		folder := path.Join(tenant, registrationFolder)
		names, err := s.files.List(ctx, folder)
		if err != nil {
			yield(Registration{}, fmt.Errorf("list the journals in %s: %w", s.files.URL(folder), err))
			return
		}
		for _, name := range names {
			if !strings.HasSuffix(name, recordExtension) {
				continue
			}
			r, err := s.readRegistration(ctx, path.Join(folder, name))
			if errors.Is(err, ErrNotFound) {
				continue // deleted since it was listed
			}
			if !yield(r, err) {
				return
			}
		}
	}
}
