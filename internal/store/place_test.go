package store

import (
	"context"
	"errors"
	"io/fs"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// errPlace is what a place says that is gone.
var errPlace = errors.New("the share is gone")

// failing is a place whose operations fail from one of them on, as where a share goes away or the run is killed.
type failing struct {
	place.Place
	from   int  // number of the first operation that fails; never if negative
	after  bool // it takes effect, and only its answer is lost
	writes bool // only operations that change something are counted, and fail
	done   int  // operations so far
}

// failAt makes the store's operations fail from the one with that number on.
func failAt(s *Store, n int) *failing {
	f := &failing{Place: s.files, from: n}
	s.files = f
	return f
}

// next counts an operation, and says whether it is done and whether its answer is lost.
func (f *failing) next(changes bool) (do, fails bool) {
	if f.writes && !changes {
		return true, false
	}
	number := f.done
	f.done++
	fails = f.from >= 0 && number >= f.from
	return !fails || changes && f.after && number == f.from, fails
}

func (f *failing) Read(ctx context.Context, name string) ([]byte, place.Version, error) {
	if _, fails := f.next(false); fails {
		return nil, "", errPlace
	}
	return f.Place.Read(ctx, name)
}

func (f *failing) Exists(ctx context.Context, name string) (bool, error) {
	if _, fails := f.next(false); fails {
		return false, errPlace
	}
	return f.Place.Exists(ctx, name)
}

func (f *failing) List(ctx context.Context, folder string) ([]string, error) {
	if _, fails := f.next(false); fails {
		return nil, errPlace
	}
	return f.Place.List(ctx, folder)
}

func (f *failing) Lock(ctx context.Context, name string) (func(), error) {
	if _, fails := f.next(false); fails {
		return nil, errPlace
	}
	return f.Place.Lock(ctx, name)
}

// change does what changes something, unless it fails before.
func (f *failing) change(do func() (place.Version, error)) (version place.Version, err error) {
	doing, fails := f.next(true)
	if doing {
		version, err = do()
	}
	if fails {
		return "", errPlace
	}
	return version, err
}

func (f *failing) Create(ctx context.Context, name string, content []byte) (place.Version, error) {
	return f.change(func() (place.Version, error) { return f.Place.Create(ctx, name, content) })
}

func (f *failing) Replace(
	ctx context.Context, name string, content []byte, unchanged place.Version,
) (place.Version, error) {
	return f.change(func() (place.Version, error) { return f.Place.Replace(ctx, name, content, unchanged) })
}

func (f *failing) Delete(ctx context.Context, name string, unchanged place.Version) error {
	_, err := f.change(func() (place.Version, error) { return "", f.Place.Delete(ctx, name, unchanged) })
	return err
}

// meddling is a place where somebody else does something right before a file is written or deleted.
type meddling struct {
	place.Place
	before string       // the file
	meddle func() error // done once
}

func (m *meddling) about(name string) error {
	if m.meddle == nil || name != m.before {
		return nil
	}
	meddle := m.meddle
	m.meddle = nil
	return meddle()
}

func (m *meddling) Create(ctx context.Context, name string, content []byte) (place.Version, error) {
	if err := m.about(name); err != nil {
		return "", err
	}
	return m.Place.Create(ctx, name, content)
}

func (m *meddling) Replace(
	ctx context.Context, name string, content []byte, unchanged place.Version,
) (place.Version, error) {
	if err := m.about(name); err != nil {
		return "", err
	}
	return m.Place.Replace(ctx, name, content, unchanged)
}

func (m *meddling) Delete(ctx context.Context, name string, unchanged place.Version) error {
	if err := m.about(name); err != nil {
		return err
	}
	return m.Place.Delete(ctx, name, unchanged)
}

// readOnly is a place whose writes all fail, as on a share without the right to write.
type readOnly struct{ place.Place }

func (readOnly) Create(context.Context, string, []byte) (place.Version, error) {
	return "", fs.ErrPermission
}

func (readOnly) Replace(context.Context, string, []byte, place.Version) (place.Version, error) {
	return "", fs.ErrPermission
}

func (readOnly) Delete(context.Context, string, place.Version) error { return fs.ErrPermission }

// beginning is a place where another run begins the store right after this one saw that there is no identity.
type beginning struct {
	place.Place
	begin func() // done once
}

func (b *beginning) Read(ctx context.Context, name string) ([]byte, place.Version, error) {
	content, version, err := b.Place.Read(ctx, name)
	if begin := b.begin; name == identityFile && begin != nil {
		b.begin = nil
		begin()
	}
	return content, version, err
}

// unlocked is a place without locks.
type unlocked struct{ place.Place }

func (unlocked) Lock(context.Context, string) (func(), error) { return func() {}, nil }
