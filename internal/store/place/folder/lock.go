package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/url"
	"os"
	"path"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// storeLock is the file that is locked while a name is changed. Lock files begin with a dot, and stay: removing one
// would let two runs hold one lock.
const storeLock = ".lock"

// Lock implements place.Place. The lock is a file in the folder of the unfinished ones, whatever characters the name
// has. The system releases it when the process ends.
func (f *Folder) Lock(ctx context.Context, name string) (unlock func(), err error) {
	file := ".lock-" + url.QueryEscape(name)
	where := path.Join(unfinishedFolder, file)
	s, err := f.beginWriting(ctx, "x")
	if err != nil {
		return nil, f.explain("lock", where, err)
	}
	defer s.end()
	aside, err := s.openAside(ctx)
	if err != nil {
		return nil, f.explain("lock", where, err)
	}
	defer aside.close()
	held, err := s.tryLock(ctx, aside, file)
	if err != nil {
		return nil, f.explain("lock", where, err)
	}
	return func() { release(held) }, nil
}

func release(file *os.File) {
	_ = unlockFile(file)
	_ = file.Close()
}

// underLock does something while no other run changes a name in the store. It waits until the context ends.
func (s *session) underLock(ctx context.Context, aside dir, do func() error) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return s.waited(ctx)
	}
	const first, longest = time.Millisecond, 20 * time.Millisecond
	for pause := first; ; pause = min(2*pause, longest) {
		file, err := s.tryLock(ctx, aside, storeLock)
		if err == nil {
			defer release(file)
			return do()
		}
		if !errors.Is(err, place.ErrLocked) {
			return err
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return s.waited(ctx)
		}
	}
}

func (s *session) waited(ctx context.Context) error {
	err := fmt.Errorf("another run held the lock the whole time: %w", ctx.Err())
	return s.at(path.Join(unfinishedFolder, storeLock), err)
}

// tryLock locks a file in the folder of the unfinished ones, or returns place.ErrLocked.
func (s *session) tryLock(ctx context.Context, aside dir, element string) (*os.File, error) {
	name := path.Join(unfinishedFolder, element)
	for range attempts {
		file, err := s.openLock(ctx, aside, element)
		if errors.Is(err, errNotSame) || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, s.at(name, err)
		}
		locked, err := lockFile(file)
		if err == nil && locked && aside.same(element, file) {
			return file, nil
		}
		_ = file.Close()
		switch {
		case err != nil:
			return nil, s.at(name, err)
		case !locked:
			return nil, s.at(name, place.ErrLocked)
		}
		// The file was deleted before it was locked, so that its lock keeps nobody out.
	}
	return nil, s.at(name, errExchanged)
}

func (s *session) openLock(ctx context.Context, aside dir, element string) (file *os.File, err error) {
	err = whileBusy(ctx, s.modes.shared(), func() error {
		found, err := aside.lstat(element)
		if errors.Is(err, fs.ErrNotExist) {
			mode := s.modes.of(0, false)
			file, err = aside.create(element, mode)
			if err == nil {
				grant(file, mode, s.modes.group)
			}
			return err
		}
		if err != nil {
			return err
		}
		// Its content and its other names do not matter: it is never read or written.
		if !found.mode.IsRegular() {
			return &place.UnusableError{URL: s.URL(path.Join(unfinishedFolder, element)),
				What: found.kind() + " where the store has a lock; delete it"}
		}
		var opened status
		file, opened, err = aside.openFile(element, os.O_RDWR)
		if err == nil && !opened.mode.IsRegular() {
			_ = file.Close()
			return errNotSame
		}
		return err
	})
	return file, err
}
