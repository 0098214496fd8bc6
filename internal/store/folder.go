package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	// unfinishedFolder holds files while they are written. What a killed run leaves there is swept by a later one.
	unfinishedFolder = ".unfinished"
	// unfinishedFor is how long a file there is left alone: far longer than writing one takes, clocks differing or not.
	unfinishedFor = 24 * time.Hour
)

// folder is the driver for a local folder, or one that the system shows as local. Folders are made with mode 0700,
// files with 0600.
type folder struct {
	root  string
	sweep sync.Once
}

func newFolder(root string) *folder { return &folder{root: root} }

func (f *folder) path(name string) string { return filepath.Join(f.root, filepath.FromSlash(name)) }

func (f *folder) URL(name string) string { return fileURL(f.path(name)) }

func (f *folder) Read(ctx context.Context, name string) ([]byte, error) {
	var content []byte
	err := whileBusy(ctx, func() (err error) {
		content, err = os.ReadFile(f.path(name))
		return err
	})
	return content, f.explain("read", name, err)
}

// explain names the file of an error; nil stays nil. Where the store's folder is a file, it says that instead: Windows
// takes what is looked for below a file for missing.
func (f *folder) explain(doing, name string, err error) error {
	if err == nil {
		return nil
	}
	if info, problem := os.Stat(f.root); problem == nil && !info.IsDir() {
		err = isFile(f.root)
	}
	return fmt.Errorf("%s %s: %w", doing, f.URL(name), err)
}

func isFile(path string) error {
	return fmt.Errorf("%s is a file; the connection store needs a folder there", path)
}

// Create writes the file aside and then gives it its name with a hard link, which fails if the name is taken.
// A file system without links (FAT, some shares) gets an empty file under the name first, as a claim: a run killed
// in between leaves it, and its reader says so.
func (f *folder) Create(ctx context.Context, name string, content []byte) error {
	return f.write(ctx, name, content, func(unfinished, path string) error {
		err := os.Link(unfinished, path)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return err
		}
		claim, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		if err := claim.Close(); err != nil {
			return err
		}
		return os.Rename(unfinished, path)
	})
}

func (f *folder) Replace(ctx context.Context, name string, content []byte) error {
	return f.write(ctx, name, content, os.Rename)
}

// write puts the content into an unfinished file and on the disk, and lets place give it its name.
func (f *folder) write(
	ctx context.Context, name string, content []byte, place func(unfinished, path string) error,
) (err error) {
	path, aside := f.path(name), f.path(unfinishedFolder)
	defer func() { err = f.explain("write", name, withoutNumber(err, aside)) }()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, dir := range []string{aside, filepath.Dir(path)} {
		if err := makeFolder(dir); err != nil {
			return err
		}
	}
	f.sweep.Do(func() { sweepUnfinished(aside) })

	file, err := os.CreateTemp(aside, "*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // it has moved, or a later run sweeps it
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	if err := whileBusy(ctx, func() error { return place(file.Name(), path) }); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

// withoutNumber takes the random name of an unfinished file out of an error, which would read otherwise every time.
func withoutNumber(err error, aside string) error {
	if failed, ok := errors.AsType[*fs.PathError](err); ok && filepath.Dir(failed.Path) == aside {
		failed.Path = aside
	}
	if failed, ok := errors.AsType[*os.LinkError](err); ok && filepath.Dir(failed.Old) == aside {
		failed.Old = aside
	}
	return err
}

func (f *folder) Delete(ctx context.Context, name string) error {
	path := f.path(name)
	err := whileBusy(ctx, func() error { return os.Remove(path) })
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err = f.explain("delete", name, err); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f *folder) Exists(ctx context.Context, name string) (bool, error) {
	err := whileBusy(ctx, func() error {
		_, err := os.Stat(f.path(name))
		return err
	})
	if err = f.explain("look for", name, err); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (f *folder) List(ctx context.Context, name string) ([]string, error) {
	var entries []fs.DirEntry
	err := whileBusy(ctx, func() (err error) {
		entries, err = os.ReadDir(f.path(name)) // sorted
		return err
	})
	if err = f.explain("list", name, err); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, err
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

// makeFolder makes a folder and those above it, each on the disk before the next.
func makeFolder(path string) error {
	if info, err := os.Stat(path); err == nil {
		if !info.IsDir() {
			return isFile(path)
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(parent)
}

// sweepUnfinished removes what killed runs left. It only tidies, so it reports no error.
func sweepUnfinished(aside string) {
	entries, _ := os.ReadDir(aside)
	for _, entry := range entries {
		info, err := entry.Info()
		if err == nil && time.Since(info.ModTime()) > unfinishedFor && !strings.HasPrefix(entry.Name(), ".") {
			_ = os.Remove(filepath.Join(aside, entry.Name()))
		}
	}
}

// whileBusy repeats what failed because another program has the file open, as virus scanners do on Windows. It begins
// nothing once the context has ended.
func whileBusy(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for range 25 {
		if err := do(); !busy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return do()
}
