package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// Renewal is how a store's identity is renewed.
type Renewal struct {
	// Passphrase is the new one: fit (sealing.CheckPassphrase), and not the old one.
	Passphrase string
	// Now is the time, which the new identity's file tells.
	Now time.Time
	// Resume continues a renewal, too, that was begun longer ago than an interruption explains; see staleAfter.
	Resume bool
	// Progress is told of each tenant before it is renewed, by its number from 1; with checking set, before it is looked
	// through once more. May be nil.
	Progress func(tenantID string, number, of int, checking bool)
}

// Renewed is what a renewal came to.
type Renewed struct {
	From, To string    // the public keys (age) of the identities
	Begun    time.Time // when the new identity was made
	Resumed  bool      // an interrupted renewal was finished
	Before   bool      // the store had been renewed already; nothing but a left-over identity-next.age was touched
	Tenants  []RenewedTenant
}

// RenewedTenant is what a tenant's folder holds after a renewal.
type RenewedTenant struct {
	TenantID  string
	Sealed    int // records that the new identity sealed
	Encrypted int // secrets that are encrypted to it, and open
	Left      []LeftFile
}

// LeftFile is a file that was left as it was: nothing proves it, or it is not what its record names.
type LeftFile struct {
	URL string
	Err error // why; holds no secret
}

// staleAfter is the age of a begun renewal from which it is finished on request only. Who may write to the place, and
// knows the old identity, can put back everything as it was in the middle of a renewal, with records of their own. The
// store alone cannot tell that from an interruption: the operator can.
const staleAfter = 24 * time.Hour

// RenewIdentity gives a store that was opened with the passphrase of before another identity, under another passphrase:
// after a leak of the passphrase, of identity.age, or of both, with which anybody could seal records for ever. Every
// authentic record is sealed by the new identity, and every secret that one names is encrypted to it and to the
// record's own recipients; a certificate's PFX gets another password. What is not authentic is left as it is, and
// named.
//
// An error leaves the renewal to be finished by the next call, with the same two passphrases: it cannot be undone.
// Until then every other run gets *RenewalError. The order of the writes makes it so:
//
//  1. identity-next.age is created: the new identity, under the new passphrase. It names the one that it replaces.
//  2. What belongs to a record is written under other names (.next), then the record, and then the files get their
//     names. A record is thus sealed by the old identity and has the files of before, or by the new one and has the new
//     ones, under one of their two names.
//  3. When a whole look finds nothing to do, identity.age is replaced by the bytes of identity-next.age, on condition
//     that it is still the old one; and identity-next.age is deleted.
//
// Records keep their generation: one that somebody has put back stays older than the one that a state has seen. And a
// record that the old identity sealed gives access to nothing that the old identity and the record's recipients
// could not open already: what came later, under the new identity, is never encrypted to recipients that only the old
// one vouches for. So nothing is disclosed to those who put records here before this runs, or while it does.
func (s *Store) RenewIdentity(ctx context.Context, renewal Renewal) (Renewed, error) {
	if err := s.checkPassphrases(renewal); err != nil {
		return Renewed{}, err
	}
	unlock, err := s.files.Lock(ctx, "renewal")
	if errors.Is(err, ErrLocked) {
		return Renewed{}, fmt.Errorf("another process is renewing the store's identity: %w", err)
	}
	if err != nil {
		return Renewed{}, err
	}
	defer unlock()

	r := &renewer{Renewal: renewal, files: s.files}
	content, version, err := s.files.Read(ctx, identityFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Renewed{}, s.unusableIdentity(errors.New("it is missing"))
	}
	if err != nil {
		return Renewed{}, err
	}
	old, err := sealing.Unlock(content, s.passphrase)
	if errors.Is(err, sealing.ErrPassphraseWrong) {
		return r.renewedBefore(ctx, s, content)
	}
	if err != nil {
		return Renewed{}, s.unusableIdentity(err)
	}
	r.old = s.with(old)
	tenants, err := s.tenants(ctx)
	if err == nil {
		err = r.check(ctx, tenants)
	}
	if err == nil {
		err = r.begin(ctx, tenants)
	}
	if err != nil {
		return Renewed{}, err
	}
	if err := r.renewAll(ctx, tenants); err != nil {
		return Renewed{}, err
	}
	if _, err := s.files.Replace(ctx, identityFile, r.content, version); err != nil {
		return Renewed{}, fmt.Errorf("the store's identity: %w", err)
	}
	err = s.removeAll(ctx, identityNextFile, recipientFile)
	return r.renewed, err
}

// with is the store, opened with an identity.
func (s *Store) with(identity *sealing.Identity) *Store {
	opened := OpenPlace(s.files, s.passphrase)
	opened.identity = identity
	return opened
}

func (s *Store) checkPassphrases(renewal Renewal) error {
	if s.passphrase == "" {
		return ErrPassphraseMissing
	}
	if err := sealing.CheckPassphrase(s.passphrase); err != nil {
		return fmt.Errorf("the old passphrase: %w", err)
	}
	if err := sealing.CheckPassphrase(renewal.Passphrase); err != nil {
		return fmt.Errorf("the new passphrase: %w", err)
	}
	if renewal.Passphrase == s.passphrase {
		return errors.New("the new passphrase is the old one: choose one that no store has had")
	}
	return nil
}

// renewer renews one store.
type renewer struct {
	Renewal
	files      place.Place
	old, next  *Store // the store as either identity shows it
	content    []byte // of identity-next.age
	renewed    Renewed
	tenant     *RenewedTenant  // the one that is looked through
	encrypted  map[string]bool // the files that this process has encrypted
	sealedKeys map[string]bool // the PFX files of the tenant whose records are authentic
	changed    bool            // the look through the store that is under way changed something
}

// renewedBefore ends a renewal that was cut off when identity.age had been replaced.
func (r *renewer) renewedBefore(ctx context.Context, s *Store, content []byte) (Renewed, error) {
	identity, err := sealing.Unlock(content, r.Passphrase)
	switch {
	case errors.Is(err, sealing.ErrPassphraseWrong):
		return Renewed{}, fmt.Errorf("%s opens with neither passphrase: %w", s.files.URL(identityFile), err)
	case err != nil:
		return Renewed{}, s.unusableIdentity(err)
	case !identity.IsSuccessor():
		return Renewed{}, fmt.Errorf("%s already opens with the new passphrase, and its identity was never renewed: give "+
			"that passphrase as the old one, and choose another new one", s.files.URL(identityFile))
	}
	next, begun, err := s.nextIdentity(ctx)
	if err != nil {
		return Renewed{}, err
	}
	if begun && !bytes.Equal(next, content) {
		return Renewed{}, &RenewalError{URL: s.files.URL(identityNextFile)}
	}
	return Renewed{To: identity.Recipient(), Begun: identity.Created(), Before: true},
		s.removeAll(ctx, identityNextFile, recipientFile)
}

// nextIdentity reads identity-next.age, and reports whether a renewal was begun. What has its name and cannot be read
// counts as one, with no content.
func (s *Store) nextIdentity(ctx context.Context) (content []byte, begun bool, err error) {
	content, _, err = s.files.Read(ctx, identityNextFile)
	if unusable := (*place.UnusableError)(nil); errors.As(err, &unusable) {
		return nil, true, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	return content, err == nil, err
}

// check looks for what would keep the renewal from being complete, before anything is written: a record of a newer
// version of the provider, and a run that is changing a registration.
func (r *renewer) check(ctx context.Context, tenants []string) error {
	for _, tenant := range tenants {
		for _, kind := range []string{registrationFolder, certificateFolder, connectionFolder} {
			for name, err := range recordNames(ctx, r.files, path.Join(tenant, kind)) {
				if err == nil {
					err = r.checkRecord(ctx, name, kind == registrationFolder)
				}
				if err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *renewer) checkRecord(ctx context.Context, name string, journal bool) error {
	var entry Registration
	var none struct{}
	var into any = &none
	if journal {
		into = &entry
	}
	err := r.old.unproved(ctx, name, name, into)
	switch {
	case errors.Is(err, ErrNotFound), IsUntrusted(err):
		return nil
	case err != nil:
		return err
	case !journal:
		return nil
	}
	unlock, err := r.lockRegistration(ctx, name, entry)
	if err != nil {
		return err
	}
	unlock()
	return nil
}

// lockRegistration keeps Terraform's runs from the registration meanwhile.
func (r *renewer) lockRegistration(ctx context.Context, name string, entry Registration) (unlock func(), err error) {
	unlock, err = r.old.LockRegistration(ctx, entry.TenantID, entry.UniqueName)
	if errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("Terraform is changing the app registration of %s: wait until it ends, and run this "+
			"again: %w", r.files.URL(name), err)
	}
	return unlock, err
}

// begin makes the new identity, or opens the one of the renewal that was interrupted.
func (r *renewer) begin(ctx context.Context, tenants []string) error {
	content, begun, err := r.old.nextIdentity(ctx)
	if err != nil {
		return err
	}
	identity := (*sealing.Identity)(nil)
	if begun {
		identity, err = r.resume(ctx, tenants, content)
	} else {
		identity, content, err = r.create(ctx)
	}
	if err != nil {
		return err
	}
	r.next, r.content, r.encrypted = r.old.with(identity), content, map[string]bool{}
	r.renewed = Renewed{
		From: r.old.Identity(), To: identity.Recipient(), Begun: identity.Created(), Resumed: begun,
	}
	return nil
}

func (r *renewer) create(ctx context.Context) (*sealing.Identity, []byte, error) {
	identity, err := r.old.identity.Successor(r.Now)
	if err != nil {
		return nil, nil, err
	}
	content, err := identity.Lock(r.Passphrase)
	if err != nil {
		return nil, nil, err
	}
	_, err = r.files.Create(ctx, identityNextFile, content)
	return identity, content, err
}

func (r *renewer) resume(ctx context.Context, tenants []string, content []byte) (*sealing.Identity, error) {
	url := r.files.URL(identityNextFile)
	identity, err := sealing.Unlock(content, r.Passphrase)
	if err != nil {
		if errors.Is(err, sealing.ErrPassphraseWrong) {
			err = errors.New("it does not open with this new passphrase")
		}
		return nil, fmt.Errorf("%s: %w. %s", url, err, r.whatHangsOnIt(ctx, tenants))
	}
	if !identity.Replaces(r.old.Identity()) {
		return nil, fmt.Errorf("%s does not replace %s, the identity of this store: somebody replaced one of the two "+
			"files. Restore the store from a backup", url, r.old.Identity())
	}
	begun, age := identity.Created(), r.Now.Sub(identity.Created())
	if !r.Resume && (age > staleAfter || age < -staleAfter) {
		return nil, fmt.Errorf("%s belongs to a renewal that began at %s. If it was interrupted and never completed, "+
			"finish it with -resume. If it was completed, somebody put back older files: restore the store from a backup",
			url, begun.Format(time.RFC3339))
	}
	return identity, nil
}

// whatHangsOnIt says, in a sentence for an error, what an identity-next.age that does not open may be the only key to.
func (r *renewer) whatHangsOnIt(ctx context.Context, tenants []string) string {
	r.next, r.tenant = r.old, &RenewedTenant{}
	for _, tenant := range tenants {
		if err := r.lookAtPasswords(ctx, path.Join(tenant, certificateFolder)); err != nil {
			return err.Error()
		}
		for _, kind := range []string{registrationFolder, certificateFolder, connectionFolder} {
			for name, err := range recordNames(ctx, r.files, path.Join(tenant, kind)) {
				if err == nil {
					_, err = r.read(ctx, name, nil)
				}
				if err != nil {
					return err.Error()
				}
			}
		}
	}
	others := slices.DeleteFunc(r.tenant.Left, func(left LeftFile) bool { return errors.Is(left.Err, ErrUnsealed) })
	if len(others) > 0 {
		return fmt.Sprintf("If a renewal was interrupted, give the new passphrase that it was run with: this file may "+
			"hold the only key to the %d files that %s does not prove, such as %s. If no operator ran one, somebody planted "+
			"the file: delete it, and find out who wrote it", len(others), r.files.URL(identityFile), others[0].URL)
	}
	return fmt.Sprintf("No renewal has changed a record yet: %s sealed them all. Delete the file, and run this again",
		r.files.URL(identityFile))
}

// lookAtPasswords leaves the passwords of keys that the old identity does not decrypt.
func (r *renewer) lookAtPasswords(ctx context.Context, folder string) error {
	names, err := r.files.List(ctx, folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, passwordExtension) {
			continue
		}
		name = path.Join(folder, name)
		file, err := r.old.readRaw(ctx, name, name)
		if err == nil {
			if _, problem := r.old.identity.Decrypt(file.content); problem != nil {
				err = &UntrustedError{URL: r.files.URL(name), Err: problem}
			}
		}
		if err != nil {
			if err := r.leave(name, err); err != nil {
				return err
			}
		}
	}
	return nil
}

// renewAll looks through the store until there is nothing to do: what other runs wrote meanwhile, before they saw that
// a renewal was begun, is renewed by the next look.
func (r *renewer) renewAll(ctx context.Context, tenants []string) error {
	for look := range longestLooks {
		r.changed, r.renewed.Tenants = false, nil
		for i, tenant := range tenants {
			if r.Progress != nil {
				r.Progress(tenant, i+1, len(tenants), look > 0)
			}
			r.tenant, r.sealedKeys = &RenewedTenant{TenantID: tenant}, map[string]bool{}
			if err := r.renewTenant(ctx, tenant); err != nil {
				return err
			}
			r.renewed.Tenants = append(r.renewed.Tenants, *r.tenant)
		}
		if !r.changed {
			return nil
		}
		before := len(tenants)
		var err error
		if tenants, err = r.old.tenants(ctx); err != nil {
			return err
		}
		if len(tenants) < before { // a share that went away must not look like a store that is complete
			return fmt.Errorf("%s: folders of tenants have disappeared; check that the store is mounted, and run this "+
				"again", r.files.URL(""))
		}
	}
	return fmt.Errorf("%s: other runs keep changing the store; end them, and run this again", r.files.URL(""))
}

// longestLooks is how often a store is looked through: the second look finds nothing to do unless other runs write.
const longestLooks = 10

func (r *renewer) renewTenant(ctx context.Context, tenant string) error {
	// Certificates come before the connections that are given their passwords.
	for _, kind := range []struct {
		folder string
		renew  func(ctx context.Context, name string) error
	}{
		{registrationFolder, r.registration}, {certificateFolder, r.certificate}, {connectionFolder, r.connection},
	} {
		folder := path.Join(tenant, kind.folder)
		for name, err := range recordNames(ctx, r.files, folder) {
			if err == nil {
				err = kind.renew(ctx, name)
			}
			if err != nil {
				return err
			}
		}
		if kind.folder == certificateFolder {
			if err := r.unsealedKeys(ctx, folder); err != nil {
				return err
			}
		}
	}
	return nil
}
