//go:build unix

package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// dir is an open folder. Whatever is done to its entries is done by the open handle, and follows no link.
type dir struct{ file *os.File }

// openTop opens a folder by its path, links included.
func openTop(path string) (dir, status, error) {
	file, err := os.OpenFile(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return dir{}, status{}, err
	}
	d := dir{file}
	found, err := statOf(file)
	if err != nil {
		d.close()
		return dir{}, status{}, err
	}
	return d, found, nil
}

func (d dir) fd() int { return int(d.file.Fd()) }

func (d dir) close() { _ = d.file.Close() }

// openDir opens a folder in this one; errNotFolder if it is anything else.
func (d dir) openDir(name string) (dir, error) {
	file, err := d.open(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, unix.ENOTDIR) || isLink(err) {
		return dir{}, errNotFolder
	}
	return dir{file}, err
}

// openFile opens what is there without waiting, as a named pipe would; errNotSame if it is a link now.
func (d dir) openFile(name string, access int) (*os.File, status, error) {
	file, err := d.open(name, access|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if isLink(err) {
		return nil, status{}, errNotSame
	}
	if err != nil {
		return nil, status{}, err
	}
	found, err := statOf(file)
	if err != nil {
		_ = file.Close()
		return nil, status{}, err
	}
	return file, found, nil
}

// create makes a file that is not there yet.
func (d dir) create(name string, mode fs.FileMode) (*os.File, error) {
	return d.open(name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, mode)
}

func (d dir) open(name string, flags int, mode fs.FileMode) (*os.File, error) {
	var fd int
	err := uninterrupted(func() (err error) {
		fd, err = unix.Openat(d.fd(), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, uint32(mode.Perm()))
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// isLink reports whether O_NOFOLLOW refused a link: with ELOOP, on FreeBSD with EMLINK (its open(2)).
func isLink(err error) bool { return errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EMLINK) }

func (d dir) mkdir(name string, mode fs.FileMode) error {
	return uninterrupted(func() error { return unix.Mkdirat(d.fd(), name, uint32(mode.Perm())) })
}

// remove removes anything but a folder.
func (d dir) remove(name string) error {
	return uninterrupted(func() error { return unix.Unlinkat(d.fd(), name, 0) })
}

func (d dir) lstat(name string) (status, error) {
	var found unix.Stat_t
	err := uninterrupted(func() error { return unix.Fstatat(d.fd(), name, &found, unix.AT_SYMLINK_NOFOLLOW) })
	if err != nil {
		return status{}, err
	}
	return statusOf(&found), nil
}

func statOf(file *os.File) (status, error) {
	var found unix.Stat_t
	if err := uninterrupted(func() error { return unix.Fstat(int(file.Fd()), &found) }); err != nil {
		return status{}, err
	}
	return statusOf(&found), nil
}

// same reports whether a name still is that of an open file.
func (d dir) same(name string, file *os.File) bool {
	named, err := d.lstat(name)
	opened, problem := statOf(file)
	return err == nil && problem == nil && named.id == opened.id
}

// list returns the names in the folder, unsorted. The handle may be read once.
func (d dir) list() ([]string, error) { return d.file.Readdirnames(-1) }

// sync puts the folder's entries on the disk, without which a crash of the machine could take back a new name.
func (d dir) sync() error {
	err := d.file.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // some network file systems cannot, and write names through at once
	}
	return err
}

func (d dir) grant(mode fs.FileMode, group int) { grant(d.file, mode, group) }

// grant adds permissions that the umask took away. In a team's store (setgid, or a file in one) it also gives the file
// to the group, where a folder on the way did not. It reports no error: some file systems have no permissions but
// those that they were mounted with, and only the owner may change them.
func grant(file *os.File, mode fs.FileMode, group int) {
	found, err := statOf(file)
	if err != nil {
		return
	}
	if mode&0o020 != 0 && group >= 0 && found.group != group {
		_ = file.Chown(-1, group)
	}
	now := found.mode & (fs.ModePerm | fs.ModeSetgid)
	if mode&^now != 0 {
		_ = file.Chmod(now | mode)
	}
}

// rename moves a file over what has the other name, if anything has.
func rename(from dir, old string, to dir, name string) error {
	return uninterrupted(func() error { return unix.Renameat(from.fd(), old, to.fd(), name) })
}

func lockFile(file *os.File) (locked bool, err error) {
	err = uninterrupted(func() error { return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}

func unlockFile(file *os.File) error { return unix.Flock(int(file.Fd()), unix.LOCK_UN) }

// uninterrupted repeats what a signal interrupted, as network file systems let happen.
func uninterrupted(do func() error) error {
	for {
		if err := do(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// number widens a field whose type differs between systems.
func number[T ~uint16 | ~uint32 | ~uint64 | ~int32 | ~int64](field T) uint64 { return uint64(field) }

func statusOf(found *unix.Stat_t) status {
	bits := uint32(number(found.Mode))
	mode := fs.FileMode(bits) & fs.ModePerm
	switch bits & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		mode |= fs.ModeDir
	case unix.S_IFLNK:
		mode |= fs.ModeSymlink
	case unix.S_IFIFO:
		mode |= fs.ModeNamedPipe
	case unix.S_IFSOCK:
		mode |= fs.ModeSocket
	case unix.S_IFCHR, unix.S_IFBLK:
		mode |= fs.ModeDevice
	default:
		mode |= fs.ModeIrregular
	}
	if bits&unix.S_ISGID != 0 {
		mode |= fs.ModeSetgid
	}
	if bits&unix.S_ISVTX != 0 {
		mode |= fs.ModeSticky
	}
	seconds, nanoseconds := found.Mtim.Unix()
	return status{
		mode: mode, size: found.Size, modified: time.Unix(seconds, nanoseconds), names: number(found.Nlink),
		owner: int(found.Uid), group: int(found.Gid), id: fmt.Sprintf("%d:%d", number(found.Dev), number(found.Ino)),
	}
}

func (s status) own() bool { return s.owner == os.Geteuid() }

// busy is never so: a file that is open can be renamed, replaced and removed here.
func busy(error) bool { return false }

// advise says whose a file is that must not be used, and what to do; empty where that cannot be seen.
func (f *Folder) advise(path string) string {
	var stat unix.Stat_t
	if err := unix.Lstat(path, &stat); err != nil {
		return ""
	}
	found := statusOf(&stat)
	name := strconv.Itoa(found.owner)
	if owner, err := user.LookupId(name); err == nil {
		name = owner.Username
	}
	whose := fmt.Sprintf("%s belongs to %s (mode %s)", path, name, octal(found.mode))
	if found.own() {
		return fmt.Sprintf("%s; run chmod u+rwX %s", whose, quote(path))
	}
	return fmt.Sprintf("%s; run as %s, or let a group share the store: chgrp -R GROUP %[3]s && chmod -R g+rwX %[3]s && "+
		"find %[3]s -type d -exec chmod 2770 {} +", whose, name, quote(f.root))
}
