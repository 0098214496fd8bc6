// Package store persists connection records, certificates, encrypted secrets, registration journals and hand-off files
// in the connection store. Several runs may write at once, and each may be killed at any moment: a file is always the
// old one or the new one.
//
// Anybody who may write into the store's place may change its files. So a file counts only where it proves that an
// operator wrote it, somebody with the passphrase: records carry a seal, and name what belongs to them by its hash.
// This package alone decides what is authentic, and nothing else reads the store.
package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place/folder"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// Store is one connection store. It is safe for concurrent use.
type Store struct {
	files      place.Place
	exposure   func(context.Context) string
	passphrase string

	identityLock  sync.Mutex
	identity      *sealing.Identity // once unlocked
	opened        place.Version     // of the file that it was read from or written to
	identityError error             // once it could not be unlocked, and never will
	tidy          sync.Once
	expected      []string // public keys of the identities that states name; see Expect

	certificateLock sync.Mutex // serializes this process's changes to certificate files
	changeLock      sync.Mutex // see Lock
	written         sync.Map   // ID of a connection → generation of the record that this process wrote last
}

// Open opens the store at a file:// URL. It reads and creates nothing: the folder comes with the first write. Without
// a passphrase nothing can be proved, and so nothing is read or written; what a state names can be deleted. A
// passphrase that sealing.CheckPassphrase refuses is reported by what uses it, so that it is in nobody's way who only
// deletes.
func Open(rawURL, passphrase string) (*Store, error) {
	path, err := folder.ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	files := folder.Open(path, isHandoff)
	s := OpenPlace(files, passphrase)
	s.exposure = files.Exposure
	return s, nil
}

// OpenPlace is Open for a store that is kept in a place.
func OpenPlace(files place.Place, passphrase string) *Store {
	return &Store{files: files, exposure: func(context.Context) string { return "" }, passphrase: passphrase}
}

// Exposure says, in a sentence for a warning, who else may change the store's files; empty where nobody may.
func (s *Store) Exposure(ctx context.Context) string { return s.exposure(ctx) }

// Exists reports whether there is a store at the URL: a folder that holds a store's key, or what belongs to a tenant.
// An empty folder is none, nor is one that is not there: a share that is not mounted looks like either. The connection
// is one that is expected there, both parts empty if none is; where neither its record nor the key is, the folder's
// names are read.
func (s *Store) Exists(ctx context.Context, tenantID, mailbox string) (bool, error) {
	likely := []string{identityFile}
	if record, err := connectionFile(tenantID, mailbox, recordExtension); err == nil {
		likely = append(likely, record)
	}
	for _, name := range likely {
		if there, err := s.files.Exists(ctx, name); err == nil && there {
			return true, nil
		}
	}
	tenants, err := s.tenants(ctx)
	return len(tenants) > 0, err
}

// tenants returns the IDs of the tenants that have a folder.
func (s *Store) tenants(ctx context.Context) ([]string, error) {
	names, err := s.files.List(ctx, "")
	return slices.DeleteFunc(names, func(name string) bool {
		tenant, err := canonicalTenant(name)
		return err != nil || tenant != name
	}), err
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

// RecordURL is where the connection's record is, or would be. It is empty when the names cannot be those of a
// connection.
func (s *Store) RecordURL(tenantID, mailbox string) string {
	return s.urlOf(connectionFile(tenantID, mailbox, recordExtension))
}

// JournalURL is where a registration's journal is, or would be. It is empty when the names cannot be those of a
// registration.
func (s *Store) JournalURL(tenantID, uniqueName string) string {
	return s.urlOf(registrationFile(tenantID, uniqueName))
}

func (s *Store) urlOf(name string, err error) string {
	if err != nil {
		return ""
	}
	return s.files.URL(name)
}

// anyOf returns the first of these files that is there, whole or not; empty when none is.
func (s *Store) anyOf(ctx context.Context, names ...string) (string, error) {
	for _, name := range names {
		if there, err := s.files.Exists(ctx, name); err != nil {
			return "", err
		} else if there {
			return name, nil
		}
	}
	return "", nil
}

// fileLocks is among how many locks the records of one kind are divided: a lock is a file that stays, so there is not
// one for each.
const fileLocks = 64

// lockPause is between two tries to take a lock that another process holds for moments.
const lockPause = 10 * time.Millisecond

// lockFile keeps other processes that write a record, and what belongs to it, waiting. Who holds the lock of a
// connection may take that of a certificate, and not the other way round.
func (s *Store) lockFile(ctx context.Context, record string) (unlock func(), err error) {
	hash := sha256.Sum256([]byte(record))
	name := fmt.Sprintf("%s-%02d", path.Base(path.Dir(record)), hash[0]%fileLocks)
	for {
		unlock, err := s.files.Lock(ctx, name)
		if err == nil || !errors.Is(err, ErrLocked) {
			return unlock, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(lockPause):
		}
	}
}

// writeAttempts is how often a file is written that other runs change at the same time.
const writeAttempts = 5

// put writes a file, whatever it was before: what a record names by its hash is decided by who wins the record.
func (s *Store) put(ctx context.Context, name string, content []byte) error {
	var err error
	for range writeAttempts {
		if _, err = s.files.Create(ctx, name, content); !errors.Is(err, fs.ErrExist) {
			return err
		}
		var version place.Version
		if _, version, err = s.files.Read(ctx, name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if unusable := (*place.UnusableError)(nil); err != nil && !errors.As(err, &unusable) {
			return err
		}
		if _, err = s.files.Replace(ctx, name, content, version); !errors.Is(err, place.ErrChanged) {
			return err
		}
	}
	return err
}

// remove deletes a file, whatever it is, if there is one.
func (s *Store) remove(ctx context.Context, name string) error {
	var err error
	for range writeAttempts {
		var version place.Version
		_, version, err = s.files.Read(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if unusable := (*place.UnusableError)(nil); err != nil && !errors.As(err, &unusable) {
			return err
		}
		if err = s.files.Delete(ctx, name, version); !errors.Is(err, place.ErrChanged) {
			return err
		}
	}
	return err
}

// CheckURL says what keeps a URL from being a store's. The error shows how to write it.
func CheckURL(raw string) error {
	_, err := folder.ParseURL(raw)
	return err
}
