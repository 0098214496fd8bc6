package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// unfinishedFor is how long an unfinished file is left alone: far longer than writing one takes, even where clocks
// differ.
const unfinishedFor = 24 * time.Hour

// unfinishedName is the form of what rand.Text returns: base32 of at least 128 bits.
var unfinishedName = regexp.MustCompile(`^[A-Z2-7]{26,}$`)

// Create implements place.Place. The finished file is renamed to its name, in a way that fails if the name is taken
// where the system has one. A hard link would fail as well, but it gives the file a second name for a moment, and for a
// day if the run is killed then; a file with two names is refused, as its other name may be anywhere.
// Where the system has no such way, the store's lock keeps two runs from renaming to one name. An empty file under the
// name, as a claim, would need no lock, but a killed run would leave it.
func (f *Folder) Create(ctx context.Context, name string, content []byte) (place.Version, error) {
	return f.put(ctx, name, content, &change{
		folders: &maker{f.readable(name)},
		check: func(s *session, parent dir) error {
			_, err := s.lstat(ctx, parent, name)
			if err == nil {
				return s.at(name, fs.ErrExist)
			}
			return ignore(err, fs.ErrNotExist)
		},
		rename: func(aside dir, unfinished string, parent dir, element string) error {
			err := renameToNew(aside, unfinished, parent, element)
			if errors.Is(err, errors.ErrUnsupported) {
				return rename(aside, unfinished, parent, element)
			}
			return err
		},
	})
}

// Replace implements place.Place. A link, a pipe or a device is replaced itself; what a link names is left alone.
func (f *Folder) Replace(
	ctx context.Context, name string, content []byte, unchanged place.Version,
) (place.Version, error) {
	version, err := f.put(ctx, name, content, &change{
		check: func(s *session, parent dir) error {
			return s.checkUnchanged(ctx, parent, name, unchanged)
		},
		rename: rename,
	})
	if errors.Is(err, fs.ErrNotExist) {
		return "", f.explain("write", name, place.ErrChanged)
	}
	return version, err
}

// change is how a file gets its name.
type change struct {
	folders *maker                               // nil if the file's folder has to be there
	check   func(s *session, parent dir) error   // whether it still may; asked again under the store's lock
	rename  func(dir, string, dir, string) error // from the unfinished folder
}

func (f *Folder) put(ctx context.Context, name string, content []byte, how *change) (place.Version, error) {
	if len(content) > place.MaxSize {
		return "", f.explain("write", name, fmt.Errorf("%d bytes are more than a store's file may have (%d)", len(content),
			place.MaxSize))
	}
	if err := f.write(ctx, name, content, how); err != nil {
		return "", f.explain("write", name, err)
	}
	return versionOf(content), nil
}

func (f *Folder) write(ctx context.Context, name string, content []byte, how *change) error {
	begin := f.begin
	if how.folders != nil {
		begin = f.beginWriting
	}
	s, err := begin(ctx, name)
	if err != nil {
		return err
	}
	defer s.end()
	parent, err := s.descend(ctx, path.Dir(name), how.folders)
	if err != nil {
		return err
	}
	defer parent.close()
	if err := how.check(s, parent); err != nil {
		return err
	}
	aside, err := s.openAside(ctx)
	if err != nil {
		return err
	}
	defer aside.close()
	unfinished, err := s.writeAside(ctx, aside, content, s.modes.of(0, f.readable(name)))
	if err != nil {
		return err
	}
	err = s.underLock(ctx, aside, func() error {
		if err := how.check(s, parent); err != nil {
			return err
		}
		err := whileBusy(ctx, s.modes.shared(), func() error {
			return how.rename(aside, unfinished, parent, path.Base(name))
		})
		return s.changing(name, err)
	})
	if err != nil {
		_ = aside.remove(unfinished) // else a later run sweeps it
		return err
	}
	return s.at(path.Dir(name), parent.sync())
}

// Delete implements place.Place.
func (f *Folder) Delete(ctx context.Context, name string, unchanged place.Version) error {
	err := f.remove(ctx, name, unchanged)
	return f.explain("delete", name, ignore(err, fs.ErrNotExist))
}

func (f *Folder) remove(ctx context.Context, name string, unchanged place.Version) error {
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
	if _, err := s.lstat(ctx, parent, name); err != nil {
		return err // nothing is made for the sake of what is not there
	}
	aside, err := s.openAside(ctx)
	if err != nil {
		return err
	}
	defer aside.close()
	err = s.underLock(ctx, aside, func() error {
		if err := s.checkUnchanged(ctx, parent, name, unchanged); err != nil {
			return err
		}
		err := whileBusy(ctx, s.modes.shared(), func() error { return parent.remove(path.Base(name)) })
		return s.changing(name, err)
	})
	if err != nil {
		return err
	}
	return s.at(path.Dir(name), parent.sync())
}

// changing locates the error of changing a folder's entry: a missing permission is the folder's.
func (s *session) changing(name string, err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return s.at(path.Dir(name), err)
	}
	return s.at(name, err)
}

// checkUnchanged returns place.ErrChanged unless the name still has that version.
func (s *session) checkUnchanged(ctx context.Context, parent dir, name string, unchanged place.Version) error {
	found, err := s.lstat(ctx, parent, name)
	if err != nil {
		return err
	}
	if found.mode.IsDir() {
		return &place.UnusableError{URL: s.URL(name), What: found.kind() + "; move it away"}
	}
	_, version, err := s.read(ctx, parent, name)
	if _, unusable := errors.AsType[*place.UnusableError](err); err != nil && !unusable {
		return err
	}
	if version != unchanged {
		return s.at(name, place.ErrChanged)
	}
	return nil
}

// ignore returns nil for an error of that kind.
func ignore(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}

// openAside opens or makes the folder of the unfinished files, and sweeps it once.
func (s *session) openAside(ctx context.Context) (dir, error) {
	aside, err := s.enter(ctx, s.top, unfinishedFolder, &maker{})
	if err == nil {
		s.sweep.Do(func() { sweep(aside) })
	}
	return aside, err
}

// writeAside writes an unfinished file, and puts its content on the disk.
func (s *session) writeAside(ctx context.Context, aside dir, content []byte, mode fs.FileMode) (string, error) {
	name := rand.Text()
	var file *os.File
	err := whileBusy(ctx, s.modes.shared(), func() (err error) {
		file, err = aside.create(name, 0o600)
		return err
	})
	if err != nil {
		return "", s.at(unfinishedFolder, err)
	}
	grant(file, mode, s.modes.group)
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		_ = aside.remove(name)
		return "", s.at(unfinishedFolder, err)
	}
	return name, nil
}

// sweep removes what killed runs of this user left. It only tidies, so it reports no error. It removes names from the
// folder that is open, and follows no link.
func sweep(aside dir) {
	names, _ := aside.list()
	for _, name := range names {
		if !unfinishedName.MatchString(name) {
			continue
		}
		found, err := aside.lstat(name)
		if err == nil && found.mode.IsRegular() && found.own() && time.Since(found.modified) > unfinishedFor {
			_ = aside.remove(name)
		}
	}
}

// makeRoot makes the root and the folders above it, each on the disk before the next. They are not opened by handle:
// they are named by the user.
func makeRoot(path string) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return isFile(path)
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeRoot(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return &located{parent, err}
	}
	// A folder that may be passed through, but not be read, cannot be synchronized.
	if above, _, err := openTop(parent); err == nil {
		defer above.close()
		if err := above.sync(); err != nil {
			return &located{parent, err}
		}
	}
	return nil
}
