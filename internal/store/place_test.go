package store

import (
	"context"
	"io/fs"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place/placetest"
)

// failAt makes the store's operations fail from the one with that number on.
func failAt(s *Store, n int) *placetest.Failing {
	f := &placetest.Failing{Place: s.files, From: n}
	s.files = f
	return f
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
