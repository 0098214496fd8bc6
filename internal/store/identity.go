package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// Unlock opens the store's identity: nil where that succeeds, and for a new store, which has none. The error is the
// one that every read and write meets: ErrPassphraseMissing, sealing.ErrPassphraseUnfit, sealing.ErrPassphraseWrong,
// or one that names the file.
func (s *Store) Unlock(ctx context.Context) error {
	if _, err := s.unlock(ctx); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// CanWrite says what would keep a record from being written: nil, an error of Unlock, or *UntrustedError where the
// identity is lost.
func (s *Store) CanWrite(ctx context.Context) error {
	_, err := s.unlockUnlessNew(ctx)
	return err
}

// Expect says which identity (age public key) a state names. From then on, the store is used only with it, or with one
// that has replaced it (see RenewIdentity): another one, or none, is an *OtherIdentityError, and none is ever made in
// its place. It does nothing for an empty one.
func (s *Store) Expect(identity string) {
	s.identityLock.Lock()
	defer s.identityLock.Unlock()
	if identity != "" && !slices.Contains(s.expected, identity) {
		s.expected = append(s.expected, identity)
	}
}

// Identity returns the public key (age) of the identity that was opened; empty where none was.
func (s *Store) Identity() string {
	s.identityLock.Lock()
	defer s.identityLock.Unlock()
	if s.identity == nil {
		return ""
	}
	return s.identity.Recipient()
}

// unlock opens the store's identity, once per process, and holds that it is the one expected. fs.ErrNotExist when the
// store has none, and none is expected.
func (s *Store) unlock(ctx context.Context) (*sealing.Identity, error) {
	s.identityLock.Lock()
	defer s.identityLock.Unlock()
	identity, err := s.open(ctx)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, err
	}
	for _, expected := range s.expected {
		switch {
		case missing:
			return nil, &OtherIdentityError{URL: s.files.URL(identityFile), Known: expected}
		case !identity.Succeeds(expected):
			return nil, &OtherIdentityError{
				URL: s.files.URL(identityFile), Found: identity.Recipient(), Known: expected,
			}
		}
	}
	return identity, err
}

// identityForWriting is unlock, and makes the identity of a new store.
func (s *Store) identityForWriting(ctx context.Context) (*sealing.Identity, error) {
	identity, err := s.unlockUnlessNew(ctx)
	if identity == nil && err == nil {
		return s.createIdentity(ctx)
	}
	if err == nil {
		s.tidy.Do(func() { _ = s.remove(ctx, recipientFile) }) // which says nothing any more
	}
	return identity, err
}

// unlockUnlessNew is unlock, and returns neither an identity nor an error for a store that has had none yet. A lost
// one is an *UntrustedError.
func (s *Store) unlockUnlessNew(ctx context.Context) (*sealing.Identity, error) {
	identity, err := s.unlock(ctx)
	if !errors.Is(err, fs.ErrNotExist) {
		return identity, err
	}
	lost := s.identityNeverWas(ctx)
	if lost == nil {
		return nil, nil
	}
	// What the store holds may be newer than the look at the identity: another run has begun the store meanwhile.
	if identity, err = s.unlock(ctx); errors.Is(err, fs.ErrNotExist) {
		return nil, lost
	}
	return identity, err
}

// open opens the store's identity, once per process. fs.ErrNotExist when the store has none. The caller holds the
// lock.
func (s *Store) open(ctx context.Context) (*sealing.Identity, error) {
	if s.identity != nil || s.identityError != nil {
		return s.identity, s.identityError
	}
	if s.passphrase == "" {
		return nil, ErrPassphraseMissing
	}
	if err := sealing.CheckPassphrase(s.passphrase); err != nil {
		return nil, err
	}
	content, version, err := s.readIdentity(ctx)
	if err != nil {
		return nil, err
	}
	identity, err := sealing.Unlock(content, s.passphrase)
	switch {
	case errors.Is(err, sealing.ErrPassphraseWrong):
		err = fmt.Errorf("%s: %w", s.files.URL(identityFile), err)
	case err != nil:
		err = s.unusableIdentity(err)
	}
	s.identity, s.opened, s.identityError = identity, version, err // a second try costs as much time and ends alike
	return identity, err
}

// readIdentity reads identity.age. *RenewalError while a renewal is putting another one in its place.
func (s *Store) readIdentity(ctx context.Context) ([]byte, place.Version, error) {
	// Looked for first: a renewal that ends meanwhile deletes it last.
	next, begun, err := s.nextIdentity(ctx)
	if err != nil {
		return nil, "", err
	}
	content, version, err := s.files.Read(ctx, identityFile)
	unusable := (*place.UnusableError)(nil)
	switch {
	case begun && (err != nil || !bytes.Equal(next, content)): // equal ones are a renewal that is all but complete
		return nil, "", &RenewalError{URL: s.files.URL(identityNextFile)}
	case errors.As(err, &unusable):
		return nil, "", s.unusableIdentity(err)
	case err != nil:
		return nil, "", fmt.Errorf("the store's identity: %w", err)
	}
	return content, version, nil
}

// identityIsCurrent holds, right before a record is written, that identity.age is still what this run opened. What is
// sealed by an identity that was replaced meanwhile would count for nothing, and what is encrypted to it could be
// decrypted by those because of whom it was replaced.
func (s *Store) identityIsCurrent(ctx context.Context) error {
	s.identityLock.Lock()
	opened := s.opened
	s.identityLock.Unlock()
	_, version, err := s.readIdentity(ctx)
	if errors.Is(err, fs.ErrNotExist) || err == nil && version != opened {
		return fmt.Errorf("%s: %w", s.files.URL(identityFile), ErrIdentityChanged)
	}
	return err
}

// createIdentity makes the identity of a store that has had none yet. If several runs do so at once, one wins, and the
// others take the winner's.
func (s *Store) createIdentity(ctx context.Context) (*sealing.Identity, error) {
	s.identityLock.Lock()
	if s.identity != nil {
		defer s.identityLock.Unlock()
		return s.identity, nil
	}
	identity, err := s.writeIdentity(ctx)
	s.identityLock.Unlock()
	if errors.Is(err, fs.ErrExist) {
		return s.unlock(ctx)
	}
	return identity, err
}

func (s *Store) writeIdentity(ctx context.Context) (*sealing.Identity, error) {
	identity, err := sealing.NewIdentity()
	if err != nil {
		return nil, err
	}
	content, err := identity.Lock(s.passphrase)
	if err != nil {
		return nil, err
	}
	version, err := s.files.Create(ctx, identityFile, content)
	if err != nil {
		return nil, fmt.Errorf("the store's identity: %w", err)
	}
	s.identity, s.opened = identity, version
	return identity, nil
}

// identityNeverWas returns nil for a store that has had no identity yet, and an error where it is lost: nothing new is
// made in its place.
func (s *Store) identityNeverWas(ctx context.Context) error {
	tenants, err := s.tenants(ctx)
	if err != nil || len(tenants) == 0 {
		return err
	}
	return &UntrustedError{
		URL: s.files.URL(identityFile), Err: errors.New("it is missing, and the store holds records"),
		Remedy: RestoreIdentity,
	}
}

func (s *Store) unusableIdentity(err error) error {
	return &UntrustedError{URL: s.files.URL(identityFile), Err: err, Remedy: RestoreIdentity}
}

// RestoreIdentity says what to do where the identity is missing or damaged. It ends an error: without a capital and a
// full stop.
const RestoreIdentity = "restore it from a backup of the store. Without a backup, every secret in the store is lost; " +
	"to start over, set the URL to an empty folder, remove the registrations and connections from the state (terraform " +
	"state rm), import the applications, and apply with certificate.take_over = true"
