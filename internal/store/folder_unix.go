//go:build !windows

package store

import (
	"errors"
	"os"
	"syscall"
)

// syncFolder puts a folder's entries on the disk, without which a crash of the machine could take back a new name.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	err = folder.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // some network file systems cannot, and write names through at once
	}
	return errors.Join(err, folder.Close())
}

// busy is never so: a file that is open can be renamed, replaced and removed here.
func busy(error) bool { return false }
