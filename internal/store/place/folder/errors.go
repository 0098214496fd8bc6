package folder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

var (
	errNotFolder = errors.New("not a folder")
	errNotSame   = errors.New("it was replaced while it was being opened")
)

// located is an error at a path, which need not be the path that was asked for.
type located struct {
	path string
	err  error
}

func (l *located) Error() string { return fileURL(l.path) + ": " + l.err.Error() }

func (l *located) Unwrap() error { return l.err }

// notFolder says what is there instead of a folder.
type notFolder struct {
	path  string
	found status
}

func (e *notFolder) Error() string { return e.unusable().Error() }

func (e *notFolder) unusable() *place.UnusableError {
	return &place.UnusableError{URL: fileURL(e.path), What: e.found.kind() + " where the store has a folder; delete it"}
}

func (e *notFolder) Unwrap() error { return e.unusable() }

// at locates an error; nil stays nil. An error that has a place keeps it.
func (f *Folder) at(name string, err error) error {
	if err == nil {
		return nil
	}
	if _, known := errors.AsType[*located](err); known {
		return err
	}
	if _, known := errors.AsType[*place.UnusableError](err); known {
		return err
	}
	return &located{f.path(name), err}
}

// explain makes an error name the file by its URL, without the random names of unfinished files; nil stays nil. Where
// the store's folder is a file, it says that instead: Windows takes what is looked for below a file for missing.
func (f *Folder) explain(doing, name string, err error) error {
	if err == nil {
		return nil
	}
	if _, unusable := errors.AsType[*place.UnusableError](err); unusable {
		return err // it names the file
	}
	where := f.path(name)
	if l, ok := errors.AsType[*located](err); ok {
		where, err = l.path, cause(l.err)
	}
	if file := fileInstead(f.root); file != "" {
		where, err = f.path(name), isFile(file)
	}
	if errors.Is(err, fs.ErrPermission) {
		if advice := f.advise(where); advice != "" {
			err = fmt.Errorf("%w: %s", err, advice)
		}
	}
	if where != f.path(name) {
		err = fmt.Errorf("%s: %w", fileURL(where), err)
	}
	return fmt.Errorf("%s %s: %w", doing, f.URL(name), err)
}

// cause is an error without the path that the call was given: it is relative to a handle.
func cause(err error) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return failed.Err
	}
	if failed, ok := errors.AsType[*os.LinkError](err); ok {
		return failed.Err
	}
	return err
}

// fileInstead returns the path of the file, if there is one, that has the name of a folder or of one above it.
func fileInstead(path string) string {
	info, err := os.Stat(path)
	switch parent := filepath.Dir(path); {
	case err == nil && !info.IsDir():
		return path
	case err == nil, parent == path:
		return ""
	default:
		return fileInstead(parent)
	}
}

func isFile(path string) error {
	return fmt.Errorf("%s is a file; the connection store needs a folder there", path)
}
