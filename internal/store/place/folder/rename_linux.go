package folder

import (
	"errors"

	"golang.org/x/sys/unix"
)

// renameToNew moves a file to a name that is free; fs.ErrExist if it is taken, errors.ErrUnsupported if the file system
// or the kernel cannot tell. Linux answers EINVAL for a file system that lacks the flag, such as NFS (rename(2)), and
// some sandboxes answer EPERM for calls that they do not know.
var renameToNew = func(from dir, old string, to dir, name string) error {
	err := uninterrupted(func() error {
		return unix.Renameat2(from.fd(), old, to.fd(), name, unix.RENAME_NOREPLACE)
	})
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return errors.ErrUnsupported
	}
	return err
}
