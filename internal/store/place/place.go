// Package place defines where a connection store keeps its files: a few named files with versions, so that a folder and
// a service in the cloud serve alike. A place proves nothing: anybody who may write to it may change every file.
package place

import (
	"context"
	"errors"
	"fmt"
)

// MaxSize is the size in bytes above which a file is not read. The largest files of a store, the hand-off's, have some
// 50 kB.
const MaxSize = 1 << 20

// What a place reports, told apart by errors.Is. A missing file is fs.ErrNotExist, a name that is taken fs.ErrExist.
var (
	// ErrChanged says that a file is no longer the version that was to be replaced or deleted.
	ErrChanged = errors.New("it has changed meanwhile")
	// ErrLocked says that another process holds the lock.
	ErrLocked = errors.New("another run holds the lock")
)

// UnusableError says that what has a file's name is not a file of the store: a link, a device, a pipe, a folder, a file
// with several names, or one that is too large. It can be replaced or deleted; a folder cannot.
type UnusableError struct {
	URL  string
	What string // such as "a symbolic link"
}

func (e *UnusableError) Error() string { return fmt.Sprintf("%s is %s", e.URL, e.What) }

// Version stands for one content of one file. It is opaque, and never empty for what exists.
type Version string

// Place keeps files under slash-separated names, relative to the store's root. It is safe for concurrent use, by
// several processes too. Errors name the file. What a write returned nil for survives a crash of the machine, and
// readers see a whole file: the old one or the new one.
type Place interface {
	// Read returns a file's content, of at most MaxSize bytes, with its version. fs.ErrNotExist where it is missing. With
	// an *UnusableError it still returns the version.
	Read(ctx context.Context, name string) ([]byte, Version, error)
	// Exists reports whether the name is taken, by whatever it may be, without reading it.
	Exists(ctx context.Context, name string) (bool, error)
	// Create writes a file that is not there yet. Exactly one of several callers succeeds; the others get fs.ErrExist.
	Create(ctx context.Context, name string, content []byte) (Version, error)
	// Replace writes a file that still has that version. Exactly one of several callers succeeds; the others get
	// ErrChanged, as they do where there is no such file.
	Replace(ctx context.Context, name string, content []byte, unchanged Version) (Version, error)
	// Delete removes a file that still has that version, or ErrChanged. A missing file is not an error.
	Delete(ctx context.Context, name string, unchanged Version) error
	// List returns the last elements of the names directly below a folder, sorted; none where there is no such folder.
	List(ctx context.Context, folder string) ([]string, error)
	// URL says where a file is or would be: plain, without anything that grants access.
	URL(name string) string
	// Lock takes a lock that lives as long as this process at most; ErrLocked while another holder has it.
	Lock(ctx context.Context, name string) (unlock func(), err error)
}
