package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"filippo.io/age"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// CheckRecipient says what keeps a text from being an age public key (X25519) that secrets can be encrypted to. The
// error never shows a secret key.
func CheckRecipient(recipient string) error {
	_, err := parseRecipient(recipient)
	return err
}

func parseRecipient(text string) (*age.X25519Recipient, error) {
	if strings.Contains(strings.ToUpper(text), "AGE-SECRET-KEY-") { // a whole key file begins with comments
		return nil, errors.New("this is a secret key of age; give the public one, which age-keygen prints as age1…, and " +
			"make a new pair: this one has been shown where it does not belong")
	}
	recipient, err := age.ParseX25519Recipient(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not an age public key (X25519); age-keygen prints one that begins with age1", text)
	}
	return recipient, nil
}

// CanEncrypt says, without the slow opening of the identity, whether a secret can be written: nil,
// ErrPassphraseMissing, sealing.ErrPassphraseUnfit, or what is wrong with the store's key files. A wrong passphrase
// shows only when it is used.
func (s *Store) CanEncrypt(ctx context.Context) error {
	if !s.HasPassphrase() {
		_, err := s.recipientWithoutPassphrase(ctx)
		return err
	}
	if err := sealing.CheckPassphrase(s.passphrase); err != nil {
		return err
	}
	if locked, err := s.files.Exists(ctx, identityFile); err != nil || locked {
		return err
	}
	return s.identityNeverWas(ctx)
}

// identityNeverWas returns nil for a store that has had no identity yet, and an error where it is lost.
func (s *Store) identityNeverWas(ctx context.Context) error {
	exists, err := s.files.Exists(ctx, recipientFile)
	if exists {
		return s.identityLost()
	}
	return err
}

// workFactor is what opening the identity costs, as the exponent of two of scrypt's N: 64 MiB of memory, and a fifth of
// a second. Every run pays it in the provider's own process. age's own choice, 18, takes four times of both; a store
// whose owner encrypted identity.age again with age -p has that, and opens as well.
const workFactor = 16

// Unlock opens the store's identity if there is one and the passphrase is at hand, so that who is about to write a
// secret can do so while waiting for something else. The error is what the secret would meet.
func (s *Store) Unlock(ctx context.Context) error {
	if !s.HasPassphrase() {
		return nil
	}
	if _, err := s.unlock(ctx); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// encrypt encrypts to the store and to further recipients, as text that the age command decrypts.
func (s *Store) encrypt(ctx context.Context, plain []byte, further []string) ([]byte, error) {
	own, err := s.ownRecipient(ctx)
	if err != nil {
		return nil, err
	}
	recipients := []age.Recipient{own}
	for _, text := range further {
		recipient, err := parseRecipient(text)
		if err != nil {
			return nil, err
		}
		recipients = append(recipients, recipient)
	}
	return sealing.Encrypt(plain, recipients...)
}

// decryptFile decrypts a file of the store. ErrNotFound when there is none.
func (s *Store) decryptFile(ctx context.Context, name string) ([]byte, error) {
	url := s.files.URL(name)
	content, err := s.read(ctx, name, "secret "+url)
	if err != nil {
		return nil, err
	}
	return s.decrypt(ctx, url, content)
}

// decrypt opens what is encrypted to the store. url names it in errors.
func (s *Store) decrypt(ctx context.Context, url string, content []byte) ([]byte, error) {
	identity, err := s.unlock(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, s.identityLost()
	}
	if err != nil {
		return nil, err
	}
	plain, err := sealing.Decrypt(content, identity)
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		err = errors.New("it is encrypted, but not to this store: it comes from another one, or the store's identity " +
			"was replaced")
	}
	if err != nil {
		return nil, &DamagedError{Path: url, Err: err}
	}
	return plain, nil
}

// ownRecipient returns the public key that the store's secrets are encrypted to. It makes the store's identity when
// there is none yet, which needs the passphrase.
func (s *Store) ownRecipient(ctx context.Context) (*age.X25519Recipient, error) {
	if !s.HasPassphrase() {
		return s.recipientWithoutPassphrase(ctx)
	}
	identity, err := s.unlock(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		identity, err = s.createIdentity(ctx)
	}
	if err != nil {
		return nil, err
	}
	return identity.Recipient(), nil
}

// recipientWithoutPassphrase trusts recipient.txt, as nothing can prove it then.
func (s *Store) recipientWithoutPassphrase(ctx context.Context) (*age.X25519Recipient, error) {
	s.identityLock.Lock()
	defer s.identityLock.Unlock()
	if s.recipient != nil {
		return s.recipient, nil
	}
	recipient, err := s.readRecipient(ctx)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return nil, err
	}
	locked, err := s.files.Exists(ctx, identityFile)
	switch {
	case err != nil:
		return nil, err
	case missing && locked:
		return nil, fmt.Errorf("%s is missing and is written again from identity.age: %w", s.files.URL(recipientFile),
			ErrPassphraseMissing)
	case missing:
		return nil, fmt.Errorf("the first secret of a store creates its key %s: %w", s.files.URL(identityFile),
			ErrPassphraseMissing)
	case !locked:
		return nil, s.identityLost()
	}
	s.recipient = recipient
	return recipient, nil
}

// unlock opens the store's identity, once per process, and compares recipient.txt with it. fs.ErrNotExist when the
// store has no identity.
func (s *Store) unlock(ctx context.Context) (*age.X25519Identity, error) {
	s.identityLock.Lock()
	defer s.identityLock.Unlock()
	if s.identity != nil || s.identityError != nil {
		return s.identity, s.identityError
	}
	if !s.HasPassphrase() {
		return nil, ErrPassphraseMissing
	}
	if err := sealing.CheckPassphrase(s.passphrase); err != nil {
		return nil, err
	}
	content, err := s.files.Read(ctx, identityFile)
	if err != nil {
		return nil, fmt.Errorf("the store's key: %w", err)
	}
	identity, err := s.openIdentity(content)
	if err != nil {
		s.identityError = err // a second try costs as much time and ends alike
		return nil, err
	}
	return s.acceptIdentity(ctx, identity)
}

// openIdentity opens identity.age, and says in its errors where that is.
func (s *Store) openIdentity(content []byte) (*age.X25519Identity, error) {
	url := s.files.URL(identityFile)
	identity, err := sealing.UnlockIdentity(content, s.passphrase)
	if errors.Is(err, sealing.ErrPassphraseWrong) {
		return nil, fmt.Errorf("%w (%s)", err, url)
	}
	if err != nil {
		return nil, &DamagedError{Path: url, Err: err}
	}
	return identity, nil
}

// createIdentity makes the store's identity. If several runs do so at once, one wins, and the
// others take the winner's.
func (s *Store) createIdentity(ctx context.Context) (*age.X25519Identity, error) {
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

func (s *Store) writeIdentity(ctx context.Context) (*age.X25519Identity, error) {
	if err := s.identityNeverWas(ctx); err != nil {
		return nil, err
	}
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	key, err := age.NewScryptRecipient(s.passphrase)
	if err != nil {
		return nil, err
	}
	key.SetWorkFactor(workFactor)
	content, err := sealing.Encrypt(fmt.Appendf(nil, "# public key: %s\n%s\n", identity.Recipient(), identity), key)
	if err != nil {
		return nil, err
	}
	if err := s.files.Create(ctx, identityFile, content); err != nil {
		return nil, fmt.Errorf("the store's key: %w", err)
	}
	return s.acceptIdentity(ctx, identity)
}

// acceptIdentity keeps an identity for the rest of the process, once recipient.txt is proved to be its public half. The
// caller holds the lock.
func (s *Store) acceptIdentity(ctx context.Context, identity *age.X25519Identity) (*age.X25519Identity, error) {
	recipient, err := s.readRecipient(ctx)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// The file is for those who write without the passphrase. A store that can only be read needs none, and a write
		// to it fails by itself.
		content := fmt.Sprintf("# Secrets of this connection store are encrypted to this public key; identity.age is its "+
			"private half.\n%s\n", identity.Recipient())
		_ = s.files.Create(ctx, recipientFile, []byte(content))
	case err != nil:
		return nil, fmt.Errorf("compare %s with identity.age: %w", s.files.URL(recipientFile), err)
	case recipient.String() != identity.Recipient().String():
		s.identityError = fmt.Errorf("%s is not the public half of identity.age: somebody exchanged it, and what was "+
			"encrypted since then "+
			"is readable to them and not to you. Restore it (%s), and replace the secrets "+
			"written since", s.files.URL(recipientFile), identity.Recipient())
		return nil, s.identityError
	}
	s.identity, s.recipient = identity, identity.Recipient()
	return identity, nil
}

func (s *Store) readRecipient(ctx context.Context) (*age.X25519Recipient, error) {
	content, err := s.files.Read(ctx, recipientFile)
	if err != nil {
		return nil, err
	}
	recipients, err := age.ParseRecipients(bytes.NewReader(content))
	if err == nil && len(recipients) == 1 {
		if recipient, ok := recipients[0].(*age.X25519Recipient); ok {
			return recipient, nil
		}
	}
	return nil, &DamagedError{Path: s.files.URL(recipientFile), Err: errors.New("it does not hold one age public key; " +
		"delete it, and the next run with the passphrase writes it again")}
}

// RestoreIdentity says what to do where the identity is missing or damaged. It ends an error: without a capital and a
// full stop.
const RestoreIdentity = "restore it from a backup of the store. Without a backup, every secret in the store is lost. " +
	"To start over: 1. delete " + identityFile + " and " + recipientFile + "; 2. delete the .pfx files of managed app " +
	"registrations; 3. raise client_secret_wo_version or certificate_pfx_password_wo_version of each connection; 4. run " +
	"terraform apply with the passphrase"

// identityLost says that secrets were written to an identity that is gone. Nothing new is made in its place.
func (s *Store) identityLost() error {
	return &DamagedError{
		Path: s.files.URL(identityFile), Err: errors.New("it is missing, and with it the key to the secrets that the " +
			"store holds"),
		Remedy: RestoreIdentity,
	}
}
