package folder

import "golang.org/x/sys/unix"

// renameToNew moves a file to a name that is free; fs.ErrExist if it is taken, errors.ErrUnsupported if the file system
// cannot tell (ENOTSUP; renameatx_np(2)).
var renameToNew = func(from dir, old string, to dir, name string) error {
	return uninterrupted(func() error {
		return unix.RenameatxNp(from.fd(), old, to.fd(), name, unix.RENAME_EXCL)
	})
}
