// Package store persists connection records, certificates, encrypted secrets, registration journals and hand-off files
// in the connection store. Several runs may write at once, and each may be killed at any moment: a file is always the
// old one or the new one. Secrets are encrypted with age (age-encryption.org/v1), so that the age command can decrypt
// them, too.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"filippo.io/age"
)

// Store is one connection store. It is safe for concurrent use.
type Store struct {
	files      driver
	passphrase string

	identityLock  sync.Mutex
	identity      *age.X25519Identity  // once unlocked
	identityError error                // once it could not be unlocked, and never will
	recipient     *age.X25519Recipient // once read or derived

	certificateLock sync.Mutex // serializes this process's changes to certificate files
	changeLock      sync.Mutex // see Lock
}

// Open opens the store at a file:// URL. It reads and creates nothing: the folder comes with the first write.
// Without a passphrase everything works but reading a secret, and writing the very first one. A passphrase that
// sealing.CheckPassphrase refuses is reported by what uses it, so that it is in nobody's way who only deletes.
func Open(rawURL, passphrase string) (*Store, error) {
	path, err := folderPath(rawURL)
	if err != nil {
		return nil, err
	}
	return &Store{files: newFolder(path), passphrase: passphrase}, nil
}

// Exists reports whether there is a store at the URL: a folder that holds a store's key, or what belongs to a tenant.
// An empty folder is none, nor is one that is not there: a share that is not mounted looks like either. The connection
// is one that is expected there, both parts empty if none is; where neither its record nor the key is, the folder's
// names are read.
func (s *Store) Exists(ctx context.Context, tenantID, mailbox string) (bool, error) {
	likely := []string{identityFile, recipientFile}
	if record, err := connectionFile(tenantID, mailbox, recordExtension); err == nil {
		likely = append(likely, record)
	}
	for _, name := range likely {
		if there, err := s.files.Exists(ctx, name); err == nil && there {
			return true, nil
		}
	}
	names, err := s.files.List(ctx, "")
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(names, func(name string) bool {
		tenant, err := canonicalTenant(name)
		return err == nil && tenant == name
	}), nil
}

// read reads a file. A missing file is ErrNotFound, with what it would hold.
func (s *Store) read(ctx context.Context, name, what string) ([]byte, error) {
	content, err := s.files.Read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	return content, err
}

// URL is where the store is, or would be.
func (s *Store) URL() string { return s.files.URL("") }

// Lock keeps the other changes of this process waiting until unlock is called. Who takes a certificate to be there and
// then writes the record that names it holds the lock meanwhile, and so does who deletes a record and then the
// certificate that nothing names any more. Two processes are not kept apart: a key that one of them drops just then is
// missed, and reported, by the next Read.
func (s *Store) Lock() (unlock func()) {
	s.changeLock.Lock()
	return s.changeLock.Unlock
}

// HasPassphrase reports whether the store was opened with a passphrase. It may still be the wrong one.
func (s *Store) HasPassphrase() bool { return s.passphrase != "" }

// RecordURL is where the connection's record is, or would be. It is empty when the names cannot be those of a
// connection.
func (s *Store) RecordURL(tenantID, mailbox string) string {
	name, err := connectionFile(tenantID, mailbox, recordExtension)
	if err != nil {
		return ""
	}
	return s.files.URL(name)
}

// driver is a place that keeps files under slash-separated names. Errors name the file, and wrap fs.ErrNotExist and
// fs.ErrExist where the comments say so. What a write returned nil for survives a crash of the machine.
type driver interface {
	// Read returns a whole file, or fs.ErrNotExist.
	Read(ctx context.Context, name string) ([]byte, error)
	// Create writes a file that is not there yet; of several callers exactly one succeeds, the others get fs.ErrExist.
	Create(ctx context.Context, name string, content []byte) error
	// Replace writes a file, whether it is there or not. Readers see the old content or the new one.
	Replace(ctx context.Context, name string, content []byte) error
	// Delete removes a file, if there is one.
	Delete(ctx context.Context, name string) error
	// Exists reports whether there is such a file.
	Exists(ctx context.Context, name string) (bool, error)
	// List returns the last elements of the names in a folder, sorted; none when there is no such folder.
	List(ctx context.Context, folder string) ([]string, error)
	// URL says where a file is or would be: plain, without anything that grants access.
	URL(name string) string
	// Lock takes a lock that lives as long as this process at most; ErrLocked while another holds it.
	Lock(ctx context.Context, name string) (unlock func(), err error)
}
