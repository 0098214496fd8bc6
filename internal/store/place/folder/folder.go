// Package folder keeps a store's files in a local folder, or one that the system shows as local. Anyone who may write
// there may put links, pipes and devices in the place of files and folders, at any moment. So each folder below the
// root is opened by handle from the one above it, each file from its folder, and nothing below the root is followed.
// The root itself, and what is above it, is the user's choice and may be a link.
package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// unfinishedFolder holds files while they are written, and the locks. A later run sweeps what a killed one leaves.
const unfinishedFolder = ".unfinished"

// Folder is a place in a folder. It is safe for concurrent use.
type Folder struct {
	root     string
	readable func(name string) bool
	sweep    sync.Once
	turn     chan struct{} // holds one element while this process holds or awaits the store's lock
}

var _ place.Place = (*Folder)(nil)

// Open returns the place at a folder's absolute path. It reads and creates nothing: the folder is created by the first
// write. The function readable reports which files hold no secret, and get the root's permissions for readers.
func Open(root string, readable func(name string) bool) *Folder {
	return &Folder{root: filepath.Clean(root), readable: readable, turn: make(chan struct{}, 1)}
}

func (f *Folder) path(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

// URL returns the file:// URL of a file.
func (f *Folder) URL(name string) string { return fileURL(f.path(name)) }

// Read implements place.Place. The version is a hash of the content.
func (f *Folder) Read(ctx context.Context, name string) ([]byte, place.Version, error) {
	content, version, err := f.read(ctx, name)
	return content, version, f.explain("read", name, err)
}

func (f *Folder) read(ctx context.Context, name string) ([]byte, place.Version, error) {
	s, err := f.begin(ctx, name)
	if err != nil {
		return nil, "", err
	}
	defer s.end()
	parent, err := s.descend(ctx, path.Dir(name), nil)
	if unusable, ok := errors.AsType[*notFolder](err); ok {
		return nil, unusable.found.version(), err
	}
	if err != nil {
		return nil, "", err
	}
	defer parent.close()
	return s.read(ctx, parent, name)
}

// Exists implements place.Place.
func (f *Folder) Exists(ctx context.Context, name string) (bool, error) {
	err := f.exists(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, f.explain("look for", name, err)
}

func (f *Folder) exists(ctx context.Context, name string) error {
	s, err := f.begin(ctx, name)
	if err != nil {
		return err
	}
	defer s.end()
	parent, err := s.descend(ctx, path.Dir(name), nil)
	if err != nil {
		return err
	}
	defer parent.close()
	_, err = s.lstat(ctx, parent, name)
	return err
}

// List implements place.Place.
func (f *Folder) List(ctx context.Context, name string) ([]string, error) {
	names, err := f.list(ctx, path.Clean(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, f.explain("list", name, err)
}

func (f *Folder) list(ctx context.Context, name string) ([]string, error) {
	s, err := f.begin(ctx, path.Join(name, "x"))
	if err != nil {
		return nil, err
	}
	defer s.end()
	folder, err := s.descend(ctx, name, nil)
	if err != nil {
		return nil, err
	}
	defer folder.close()
	names, err := folder.list()
	if name == "." {
		names = slices.DeleteFunc(names, func(name string) bool { return name == unfinishedFolder })
	}
	slices.Sort(names)
	return names, f.at(name, err)
}

// session is one operation on the root, which it holds open.
type session struct {
	*Folder
	top   dir
	modes modes
}

// begin checks a file's name and opens the root; fs.ErrNotExist if it is missing.
func (f *Folder) begin(ctx context.Context, name string) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if first, _, _ := strings.Cut(name, "/"); !fs.ValidPath(name) || name == "." || first == unfinishedFolder ||
		strings.ContainsAny(name, "\\\x00") {
		return nil, errors.New("a store has no file of that name")
	}
	top, found, err := openTop(f.root)
	if err != nil {
		return nil, &located{f.root, err}
	}
	return &session{Folder: f, top: top, modes: modes{found.mode, found.group}}, nil
}

// beginWriting is begin for a run that writes: it makes the root if it is missing.
func (f *Folder) beginWriting(ctx context.Context, name string) (*session, error) {
	s, err := f.begin(ctx, name)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err := makeRoot(f.root); err != nil {
		return nil, err
	}
	return f.begin(ctx, name)
}

func (s *session) end() { s.top.close() }

// maker makes the folders that are not there, with the permissions of what will be in them.
type maker struct{ readable bool }

// descend opens a folder below the root, name by name. If there is a maker, missing ones are made, and the names are
// put on the disk.
func (s *session) descend(ctx context.Context, name string, maker *maker) (dir, error) {
	folder, err := s.top.openDir(".")
	if err != nil {
		return dir{}, &located{s.root, err}
	}
	if name == "." {
		return folder, nil
	}
	walked := ""
	for element := range strings.SplitSeq(name, "/") {
		walked = path.Join(walked, element)
		child, err := s.enter(ctx, folder, walked, maker)
		if err == nil && maker != nil {
			// Even one that was there: the run that made it may not have come as far as this.
			if err = folder.sync(); err != nil {
				child.close()
				err = s.at(path.Dir(walked), err)
			}
		}
		folder.close()
		if err != nil {
			return dir{}, err
		}
		folder = child
	}
	return folder, nil
}

// attempts is how often something is tried that others exchange all the time.
const attempts = 100

var errExchanged = errors.New("another program keeps replacing it")

// enter opens, or makes, one folder in another; name is relative to the root.
func (s *session) enter(ctx context.Context, parent dir, name string, maker *maker) (child dir, err error) {
	element := path.Base(name)
	for range attempts {
		err = whileBusy(ctx, s.modes.shared(), func() (err error) {
			child, err = parent.openDir(element)
			return err
		})
		switch {
		case err == nil:
			if maker != nil && maker.readable {
				// Its folder may be there already for files that are not readable.
				child.grant(s.modes.readers(fs.ModeDir), -1)
			}
			return child, nil
		case errors.Is(err, errNotFolder):
			found, statErr := parent.lstat(element)
			if statErr == nil && !found.mode.IsDir() {
				return dir{}, &notFolder{s.path(name), found}
			}
			err = errExchanged
		case !errors.Is(err, fs.ErrNotExist) || maker == nil:
			return dir{}, s.denied(parent, name, err)
		default:
			if err := s.makeFolder(ctx, parent, name, maker.readable); err != nil && !errors.Is(err, fs.ErrExist) {
				return dir{}, err
			}
		}
	}
	return dir{}, s.at(name, err)
}

// makeFolder makes a folder, with permissions that do not depend on the umask.
func (s *session) makeFolder(ctx context.Context, parent dir, name string, readable bool) error {
	element, mode := path.Base(name), s.modes.of(fs.ModeDir, readable)
	err := whileBusy(ctx, s.modes.shared(), func() error { return parent.mkdir(element, mode) })
	if err != nil {
		return s.at(path.Dir(name), err)
	}
	// If it was exchanged already, there is nothing to grant, and the caller looks again.
	if child, err := parent.openDir(element); err == nil {
		child.grant(mode, s.modes.group)
		child.close()
	}
	return nil
}

// denied locates the error of opening a name: at its folder, if that keeps it from being looked up.
func (s *session) denied(parent dir, name string, err error) error {
	if _, statErr := parent.lstat(path.Base(name)); errors.Is(statErr, fs.ErrPermission) {
		return s.at(path.Dir(name), err)
	}
	return s.at(name, err)
}

func (s *session) lstat(ctx context.Context, parent dir, name string) (found status, err error) {
	err = whileBusy(ctx, false, func() (err error) {
		found, err = parent.lstat(path.Base(name))
		return err
	})
	if errors.Is(err, fs.ErrPermission) {
		return status{}, s.at(path.Dir(name), err)
	}
	return found, s.at(name, err)
}

// read returns a file's content and version; an *place.UnusableError with the version of what is there instead.
func (s *session) read(ctx context.Context, parent dir, name string) ([]byte, place.Version, error) {
	for range attempts {
		// Looked at before it is opened, because opening a device can have effects.
		found, err := s.lstat(ctx, parent, name)
		if err != nil {
			return nil, "", err
		}
		if what := found.unusable(); what != "" {
			return nil, found.version(), &place.UnusableError{URL: s.URL(name), What: what}
		}
		content, opened, err := s.open(ctx, parent, path.Base(name))
		switch {
		case errors.Is(err, errNotSame), errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, "", s.at(name, err)
		}
		what := opened.unusable()
		if what == "" && len(content) > place.MaxSize {
			what = tooLarge(int64(len(content)))
		}
		if what != "" {
			return nil, opened.version(), &place.UnusableError{URL: s.URL(name), What: what}
		}
		return content, versionOf(content), nil
	}
	return nil, "", s.at(name, errExchanged)
}

// open reads an open file, if it can be used, and one byte more than it may have.
func (s *session) open(ctx context.Context, parent dir, element string) (content []byte, opened status, err error) {
	err = whileBusy(ctx, false, func() (err error) {
		var file *os.File
		file, opened, err = parent.openFile(element, os.O_RDONLY)
		if err != nil {
			return err
		}
		defer file.Close()
		if opened.unusable() != "" {
			return nil
		}
		content, err = io.ReadAll(io.LimitReader(file, place.MaxSize+1))
		return err
	})
	return content, opened, err
}

// versionOf is the version of a regular file: its content, and nothing that a backup or another machine would change.
func versionOf(content []byte) place.Version {
	sum := sha256.Sum256(content)
	return place.Version("sha256:" + hex.EncodeToString(sum[:]))
}

// status is what the file system says of a name that was not followed, or of an open file.
type status struct {
	mode     fs.FileMode // type, permissions, setgid
	size     int64
	modified time.Time
	names    uint64 // hard links; 1 where unknown
	owner    int
	group    int    // -1 where there are none
	id       string // tells it from other files; empty where unknown
}

// unusable says what is there instead of a file of the store; empty if it is one.
func (s status) unusable() string {
	switch {
	case s.mode.IsRegular() && s.names > 1:
		return fmt.Sprintf("a file with %d names (hard links)", s.names)
	case s.mode.IsRegular() && s.size > place.MaxSize:
		return tooLarge(s.size)
	case s.mode.IsRegular():
		return ""
	}
	return s.kind()
}

func tooLarge(size int64) string {
	return fmt.Sprintf("a file of more than %d bytes (it has %d)", place.MaxSize, size)
}

func (s status) kind() string {
	for _, one := range []struct {
		of   fs.FileMode
		what string
	}{
		{fs.ModeSymlink, "a symbolic link"},
		{fs.ModeDir, "a folder"},
		{fs.ModeNamedPipe, "a named pipe"},
		{fs.ModeSocket, "a socket"},
		{fs.ModeDevice, "a device"},
		{fs.ModeIrregular, "a link or a special file"},
	} {
		if s.mode&one.of != 0 {
			return one.what
		}
	}
	return "a file"
}

// version is the version of what cannot be used, and so is not read.
func (s status) version() place.Version {
	return place.Version(fmt.Sprintf("%s:%s:%d:%d:%d", s.mode, s.id, s.names, s.size, s.modified.UnixNano()))
}

// whileBusy repeats what failed because another program has the file open, as virus scanners do on Windows; in a shared
// store, also what was denied: another user's run may have made a folder and not yet given it its permissions. It
// begins nothing once the context has ended.
func whileBusy(ctx context.Context, shared bool, do func() error) error {
	const pause, longest, longestDenied = 20 * time.Millisecond, 25, 5
	if err := ctx.Err(); err != nil {
		return err
	}
	for tried := 1; ; tried++ {
		err := do()
		again := busy(err) && tried <= longest || shared && errors.Is(err, fs.ErrPermission) && tried <= longestDenied
		if !again {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
