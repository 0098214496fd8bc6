package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// saveAttempts is how often a pair is written while other processes write the same one.
const saveAttempts = 5

// SaveCertificate keeps a certificate with its key as .cer and .pfx, the PFX under a random password of its own that is
// encrypted to the store and to the hand-off recipients of the connections that name the certificate; planned, if not
// nil, replaces the record of its connection. A pair that is there already stays if it opens. It is replaced otherwise,
// and where nobody can tell for want of the passphrase.
func (s *Store) SaveCertificate(ctx context.Context, tenantID string, p *certificate.Pair, e certificate.Encryption,
	planned *Connection) error {
	if err := p.Check(); err != nil {
		return err
	}
	thumbprint := certificate.Thumbprint(p.Certificate)
	cer, _, _, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return err
	}
	s.certificateLock.Lock()
	defer s.certificateLock.Unlock()

	_, err = s.KeyPair(ctx, tenantID, thumbprint)
	opens := err == nil
	if !opens && !errors.Is(err, ErrNotFound) && !unusable(err) {
		return err
	}
	var recipients []string
	if !opens {
		if recipients, err = s.entitled(ctx, tenantID, thumbprint, planned); err != nil {
			return err
		}
	}
	if _, err := s.ownRecipient(ctx); err != nil { // before anything is written
		return err
	}
	if _, err := s.Certificate(ctx, tenantID, thumbprint); err != nil {
		if err := s.files.Replace(ctx, cer, []byte(certificate.EncodePEM(p.Certificate))); err != nil {
			return err
		}
	}
	for attempt := 0; !opens; attempt++ {
		if attempt == saveAttempts {
			return fmt.Errorf("other runs write the key of the certificate %s at the same time: try again", thumbprint)
		}
		if opens, err = s.savePair(ctx, tenantID, p, e, recipients); err != nil {
			return err
		}
	}
	return nil
}

// unusable reports whether an error says that nobody can open a file, or nobody without the passphrase.
func unusable(err error) bool {
	_, damaged := errors.AsType[*DamagedError](err)
	return damaged || errors.Is(err, ErrPassphraseMissing)
}

// savePair writes the password and the PFX, and reports whether they fit: it is false if another process came in
// between.
//
// The password is written first, and the first one wins: a run that finds it, after a kill or while another run writes,
// packs the PFX with it, so that the two files fit, whichever run wrote them.
func (s *Store) savePair(ctx context.Context, tenantID string, p *certificate.Pair, e certificate.Encryption,
	recipients []string) (bool, error) {
	thumbprint := certificate.Thumbprint(p.Certificate)
	_, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return false, err
	}
	password, sealed, err := s.pfxPassword(ctx, tenantID, thumbprint, recipients)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	data, err := certificate.EncodePFX(p, password, e)
	if err != nil {
		return false, err
	}
	if err := s.files.Create(ctx, pfx, data); errors.Is(err, fs.ErrExist) {
		stored, err := s.files.Read(ctx, pfx)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, err
		}
		if _, err := certificate.DecodePFX(stored, password); err != nil {
			return false, s.files.Delete(ctx, pfx)
		}
	} else if err != nil {
		return false, err
	}
	now, err := s.files.Read(ctx, passwordFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return bytes.Equal(now, sealed), nil
}

// pfxPassword returns the password that a PFX is to have, and the file that holds it: the one that is there, or
// else a new one. fs.ErrNotExist when another process takes it away meanwhile.
func (s *Store) pfxPassword(
	ctx context.Context, tenantID, thumbprint string, recipients []string,
) (password string, sealed []byte, err error) {
	_, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return "", nil, err
	}
	if sealed, err = s.files.Read(ctx, passwordFile); err == nil {
		var plain []byte
		plain, err = s.decrypt(ctx, s.files.URL(passwordFile), sealed)
		if err == nil {
			return string(plain), sealed, nil
		}
	}
	replacing := unusable(err)
	if err != nil && !replacing && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, fmt.Errorf("read the password of the certificate %s: %w", thumbprint, err)
	}
	if password, err = certificate.NewPassword(rand.Reader); err != nil {
		return "", nil, err
	}
	if sealed, err = s.encrypt(ctx, []byte(password), recipients); err != nil {
		return "", nil, err
	}
	if err := s.noteSharing(ctx, tenantID, thumbprint, sealed, recipients); err != nil {
		return "", nil, err
	}
	if replacing {
		// Nobody here opens the PFX either. It is deleted first: a password that opens no PFX must never look like a pair.
		if err = s.files.Delete(ctx, pfx); err == nil {
			err = s.files.Replace(ctx, passwordFile, sealed)
		}
	} else {
		err = s.files.Create(ctx, passwordFile, sealed)
		if errors.Is(err, fs.ErrExist) {
			return "", nil, fs.ErrNotExist // another one was quicker; the next attempt takes it
		}
	}
	if err != nil {
		return "", nil, fmt.Errorf("write the password of the certificate %s: %w", thumbprint, err)
	}
	return password, sealed, nil
}

// Certificate reads a certificate, without its key. ErrNotFound when the store does not have it.
func (s *Store) Certificate(ctx context.Context, tenantID, thumbprint string) (*x509.Certificate, error) {
	cer, _, _, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return nil, err
	}
	content, err := s.read(ctx, cer, "certificate "+thumbprint)
	if err != nil {
		return nil, err
	}
	c, err := certificate.ParsePEM(string(content))
	if err == nil {
		err = sameThumbprint(c, thumbprint)
	}
	if err != nil {
		return nil, &DamagedError{Path: s.files.URL(cer), Err: err}
	}
	return c, nil
}

// KeyPair reads a certificate with its key, which needs the passphrase. ErrNotFound when the store does not have both.
func (s *Store) KeyPair(ctx context.Context, tenantID, thumbprint string) (*certificate.Pair, error) {
	_, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return nil, err
	}
	data, err := s.read(ctx, pfx, "private key of the certificate "+thumbprint)
	if err != nil {
		return nil, err
	}
	password, err := s.decryptFile(ctx, passwordFile)
	if err != nil {
		return nil, err
	}
	pair, err := certificate.DecodePFX(data, string(password))
	if err == nil {
		err = sameThumbprint(pair.Certificate, thumbprint)
	}
	if err != nil {
		return nil, &DamagedError{Path: s.files.URL(pfx), Err: err}
	}
	return pair, nil
}

// HasKeyPair reports whether the store has a certificate's PFX and the password to it.
func (s *Store) HasKeyPair(ctx context.Context, tenantID, thumbprint string) (bool, error) {
	_, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return false, err
	}
	for _, name := range []string{pfx, passwordFile} {
		if there, err := s.files.Exists(ctx, name); err != nil || !there {
			return false, err
		}
	}
	return true, nil
}

// SoundKeyPair reports whether the store has a certificate's PFX and the password to it, and neither is cut short or
// something else. It needs no passphrase, so it cannot say whether the one opens the other: KeyPair can.
func (s *Store) SoundKeyPair(ctx context.Context, tenantID, thumbprint string) (bool, error) {
	_, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return false, err
	}
	for name, sound := range map[string]func([]byte) bool{pfx: certificate.IsPFX, passwordFile: sealing.IsEncrypted} {
		content, err := s.files.Read(ctx, name)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil || !sound(content) {
			return false, err
		}
	}
	return true, nil
}

// PFXEncryption returns how the PFX of a certificate is encrypted. ErrNotFound when the store does not have it.
func (s *Store) PFXEncryption(ctx context.Context, tenantID, thumbprint string) (certificate.Encryption, error) {
	_, pfx, _, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return 0, err
	}
	data, err := s.read(ctx, pfx, "PFX of the certificate "+thumbprint)
	if err != nil {
		return 0, err
	}
	encryption, err := certificate.EncryptionOf(data)
	if err != nil {
		return 0, &DamagedError{Path: s.files.URL(pfx), Err: err}
	}
	return encryption, nil
}

// Repack encrypts the PFX of a certificate in another way, under the password that it has. It needs the passphrase.
// ErrNotFound when the store does not have the pair.
func (s *Store) Repack(ctx context.Context, tenantID, thumbprint string, e certificate.Encryption) error {
	_, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return err
	}
	s.certificateLock.Lock()
	defer s.certificateLock.Unlock()

	pair, err := s.KeyPair(ctx, tenantID, thumbprint)
	if err != nil {
		return err
	}
	password, err := s.decryptFile(ctx, passwordFile)
	if err != nil {
		return err
	}
	data, err := certificate.EncodePFX(pair, string(password), e)
	if err != nil {
		return err
	}
	return s.files.Replace(ctx, pfx, data)
}

// DeleteCertificate removes a certificate with its key. It does not ask who needs it: see CertificateNamedBy.
func (s *Store) DeleteCertificate(ctx context.Context, tenantID, thumbprint string) error {
	cer, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return err
	}
	shared, _ := certificateFile(tenantID, thumbprint, sharedExtension)
	s.certificateLock.Lock()
	defer s.certificateLock.Unlock()
	for _, name := range []string{pfx, passwordFile, shared, cer} {
		if err := s.files.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// CertificateNamedBy returns what names a certificate: connections and app registrations, in words for a message. A
// record that cannot be read counts, as it may name it.
func (s *Store) CertificateNamedBy(ctx context.Context, tenantID, thumbprint string) ([]string, error) {
	return s.certificateNamedBy(ctx, tenantID, thumbprint, false)
}

// CertificateIsNamed reports whether anything names a certificate, as CertificateNamedBy does, and stops at the first
// that does.
func (s *Store) CertificateIsNamed(ctx context.Context, tenantID, thumbprint string) (bool, error) {
	names, err := s.certificateNamedBy(ctx, tenantID, thumbprint, true)
	return len(names) > 0, err
}

// DeleteUnusedCertificate removes a certificate with its key unless something still names it.
func (s *Store) DeleteUnusedCertificate(ctx context.Context, tenantID, thumbprint string) error {
	cer, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return err
	}
	if there, err := s.anyOf(ctx, pfx, passwordFile, cer); err != nil || there == "" {
		return err
	}
	if named, err := s.CertificateIsNamed(ctx, tenantID, thumbprint); err != nil || named {
		return err
	}
	return s.DeleteCertificate(ctx, tenantID, thumbprint)
}

// anyOf returns the first of these files that is there, whole or not; empty when none is.
func (s *Store) anyOf(ctx context.Context, names ...string) (string, error) {
	for _, name := range names {
		if there, err := s.files.Exists(ctx, name); err != nil {
			return "", err
		} else if there {
			return name, nil
		}
	}
	return "", nil
}

func (s *Store) certificateNamedBy(ctx context.Context, tenantID, thumbprint string, firstOnly bool) ([]string, error) {
	tenant, err := canonicalTenant(tenantID)
	if err != nil {
		return nil, err
	}
	if thumbprint, err = certificate.NormalizeThumbprint(thumbprint); err != nil {
		return nil, err
	}
	var names []string
	for r, err := range s.tenantRegistrations(ctx, tenant) {
		switch {
		case err != nil:
			names = append(names, err.Error())
		case slices.Contains(r.Thumbprints, thumbprint):
			names = append(names, fmt.Sprintf("app registration %q", r.UniqueName))
		}
		if firstOnly && len(names) > 0 {
			return names, nil
		}
	}
	for c, err := range s.tenantConnections(ctx, tenant) {
		switch {
		case err != nil:
			names = append(names, err.Error())
		case c.CertificateThumbprint == thumbprint:
			names = append(names, fmt.Sprintf("connection %q", c.Mailbox))
		}
		if firstOnly && len(names) > 0 {
			return names, nil
		}
	}
	return names, ctx.Err()
}

func certificateFiles(tenantID, thumbprint string) (cer, pfx, password string, err error) {
	if cer, err = certificateFile(tenantID, thumbprint, cerExtension); err != nil {
		return "", "", "", err
	}
	pfx, _ = certificateFile(tenantID, thumbprint, pfxExtension)
	password, _ = certificateFile(tenantID, thumbprint, passwordExtension)
	return cer, pfx, password, nil
}

func sameThumbprint(c *x509.Certificate, thumbprint string) error {
	normal, err := certificate.NormalizeThumbprint(thumbprint)
	if err == nil && certificate.Thumbprint(c) != normal {
		err = fmt.Errorf("it holds the certificate %s", certificate.Thumbprint(c))
	}
	return err
}
