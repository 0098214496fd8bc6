package folder

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"syscall"

	"golang.org/x/sys/windows"
)

// dir is an open folder. An os.Root never leaves its folder, but follows links that stay in it, so that each folder has
// a root of its own, and what was opened is compared with what was looked at without following.
type dir struct {
	own  *os.Root // this folder
	top  *os.Root // the store's root
	name string   // relative to that, with slashes
}

// openTop opens a folder by its path, links included.
func openTop(path string) (dir, status, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return dir{}, status{}, err
	}
	info, err := root.Stat(".")
	if err != nil {
		_ = root.Close()
		return dir{}, status{}, err
	}
	return dir{root, root, "."}, statusOf(info), nil
}

func (d dir) close() { _ = d.own.Close() }

// openDir opens a folder in this one; errNotFolder if it is anything else.
func (d dir) openDir(name string) (dir, error) {
	info, err := d.own.Lstat(name)
	if err != nil {
		return dir{}, err
	}
	if !info.IsDir() {
		return dir{}, errNotFolder
	}
	root, err := d.own.OpenRoot(name)
	if err != nil {
		return dir{}, err
	}
	opened, err := root.Stat(".")
	if err == nil && !os.SameFile(info, opened) {
		err = errNotFolder
	}
	if err != nil {
		_ = root.Close()
		return dir{}, err
	}
	return dir{root, d.top, path.Join(d.name, name)}, nil
}

// openFile opens what is there; errNotSame if it was exchanged meanwhile.
func (d dir) openFile(name string, access int) (*os.File, status, error) {
	file, err := d.own.OpenFile(name, access, 0)
	if err != nil {
		return nil, status{}, err
	}
	found, err := d.opened(name, file)
	if err != nil {
		_ = file.Close()
		return nil, status{}, err
	}
	return file, found, nil
}

func (d dir) opened(name string, file *os.File) (status, error) {
	if !d.same(name, file) {
		return status{}, errNotSame
	}
	info, err := file.Stat()
	if err != nil {
		return status{}, err
	}
	found := statusOf(info)
	var handle windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(file.Fd()), &handle); err != nil {
		return status{}, err
	}
	found.names = uint64(handle.NumberOfLinks)
	return found, nil
}

// create makes a file that is not there yet.
func (d dir) create(name string, mode fs.FileMode) (*os.File, error) {
	return d.own.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode.Perm())
}

func (d dir) mkdir(name string, mode fs.FileMode) error { return d.own.Mkdir(name, mode) }

// remove removes anything but a folder with something in it.
func (d dir) remove(name string) error { return d.own.Remove(name) }

func (d dir) lstat(name string) (status, error) {
	info, err := d.own.Lstat(name)
	if err != nil {
		return status{}, err
	}
	return statusOf(info), nil
}

// same reports whether a name, not followed, still is that of an open file.
func (d dir) same(name string, file *os.File) bool {
	named, err := d.own.Lstat(name)
	opened, problem := file.Stat()
	return err == nil && problem == nil && os.SameFile(named, opened)
}

// list returns the names in the folder, unsorted.
func (d dir) list() ([]string, error) {
	file, err := d.own.Open(".")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return file.Readdirnames(-1)
}

// sync does nothing: Windows has no call for it, and NTFS journals its folders.
func (d dir) sync() error { return nil }

// grant does nothing: what is made inherits the access control list of its folder.
func (d dir) grant(fs.FileMode, int) {}

func grant(*os.File, fs.FileMode, int) {}

// rename moves a file over what has the other name, if anything has. Both folders are named from the root, which is
// never left; that a folder becomes a link to another one of this store right now cannot be excluded.
func rename(from dir, old string, to dir, name string) error {
	return from.top.Rename(path.Join(from.name, old), path.Join(to.name, name))
}

func lockFile(file *os.File) (locked bool, err error) {
	err = windows.LockFileEx(windows.Handle(file.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY,
		0, 1, 0, new(windows.Overlapped))
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func unlockFile(file *os.File) error {
	return windows.UnlockFileEx(windows.Handle(file.Fd()), 0, 1, 0, new(windows.Overlapped))
}

// statusOf takes a folder's or file's permissions for those that Windows cannot tell: access control lists decide.
func statusOf(info fs.FileInfo) status {
	return status{mode: info.Mode().Type(), size: info.Size(), modified: info.ModTime(), names: 1, group: -1}
}

func (status) own() bool { return true }

// busy reports whether a file could not be touched because another program, or another run, has it open.
func busy(err error) bool {
	for _, number := range []syscall.Errno{
		windows.ERROR_ACCESS_DENIED, windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION,
	} {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}

// advise has no advice: access control lists are not read.
func (f *Folder) advise(string) string { return "" }
