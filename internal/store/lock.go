package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/gofrs/flock"
)

// LockRegistration keeps every other run from making or completing the same registration meanwhile. The operating
// system gives the lock back when the process ends, however it ends, so a killed run is in nobody's way.
// ErrLocked while another run holds it.
func (s *Store) LockRegistration(ctx context.Context, tenantID, uniqueName string) (unlock func(), err error) {
	name := sha256.Sum256([]byte(strings.ToLower(tenantID) + "/" + uniqueName))
	return s.files.Lock(ctx, ".registration-"+hex.EncodeToString(name[:8])+".lock")
}

// Lock locks a file in the folder of the unfinished ones. The file stays, and its leading dot keeps it from being
// swept: removing it would let two runs hold one name.
func (f *folder) Lock(ctx context.Context, name string) (unlock func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := makeFolder(f.path(unfinishedFolder)); err != nil {
		return nil, err
	}
	file := path.Join(unfinishedFolder, name)
	lock := flock.New(f.path(file), flock.SetPermissions(0o600))
	switch locked, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", f.URL(file), err)
	case !locked:
		return nil, fmt.Errorf("%s: %w", f.URL(file), ErrLocked)
	}
	return func() { _ = lock.Unlock() }, nil
}
