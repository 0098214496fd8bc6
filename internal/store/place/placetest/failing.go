// Package placetest has a store's place that fails as a test wishes.
package placetest

import (
	"context"
	"errors"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// ErrGone is what a place says that is gone.
var ErrGone = errors.New("the share is gone")

// Failing is a place whose operations fail from one of them on, as where a share goes away or the run is killed.
type Failing struct {
	place.Place
	From   int  // number of the first operation that fails; never if negative
	After  bool // it takes effect, and only its answer is lost
	Writes bool // only operations that change something are counted, and fail
	Done   int  // operations so far
}

// next counts an operation, and reports if it takes effect and if its answer is lost.
func (f *Failing) next(changes bool) (do, fails bool) {
	if f.Writes && !changes {
		return true, false
	}
	number := f.Done
	f.Done++
	fails = f.From >= 0 && number >= f.From
	return !fails || changes && f.After && number == f.From, fails
}

// Read implements place.Place.
func (f *Failing) Read(ctx context.Context, name string) ([]byte, place.Version, error) {
	if _, fails := f.next(false); fails {
		return nil, "", ErrGone
	}
	return f.Place.Read(ctx, name)
}

// Exists implements place.Place.
func (f *Failing) Exists(ctx context.Context, name string) (bool, error) {
	if _, fails := f.next(false); fails {
		return false, ErrGone
	}
	return f.Place.Exists(ctx, name)
}

// List implements place.Place.
func (f *Failing) List(ctx context.Context, folder string) ([]string, error) {
	if _, fails := f.next(false); fails {
		return nil, ErrGone
	}
	return f.Place.List(ctx, folder)
}

// Lock implements place.Place.
func (f *Failing) Lock(ctx context.Context, name string) (func(), error) {
	if _, fails := f.next(false); fails {
		return nil, ErrGone
	}
	return f.Place.Lock(ctx, name)
}

// change does what changes something, unless it fails before.
func (f *Failing) change(do func() (place.Version, error)) (version place.Version, err error) {
	doing, fails := f.next(true)
	if doing {
		version, err = do()
	}
	if fails {
		return "", ErrGone
	}
	return version, err
}

// Create implements place.Place.
func (f *Failing) Create(ctx context.Context, name string, content []byte) (place.Version, error) {
	return f.change(func() (place.Version, error) { return f.Place.Create(ctx, name, content) })
}

// Replace implements place.Place.
func (f *Failing) Replace(
	ctx context.Context, name string, content []byte, unchanged place.Version,
) (place.Version, error) {
	return f.change(func() (place.Version, error) { return f.Place.Replace(ctx, name, content, unchanged) })
}

// Delete implements place.Place.
func (f *Failing) Delete(ctx context.Context, name string, unchanged place.Version) error {
	_, err := f.change(func() (place.Version, error) { return "", f.Place.Delete(ctx, name, unchanged) })
	return err
}
