package store

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

// SaveCertificate keeps a certificate with its key as .cer and .pfx, the PFX under a random password of its own that is
// encrypted to the store and to the recipients. A pair that is there already stays as it is.
func (s *Store) SaveCertificate(ctx context.Context, tenantID string, p *certificate.Pair, e certificate.Encryption, recipients []string) error {
	if err := p.Check(); err != nil {
		return err
	}
	thumbprint := certificate.Thumbprint(p.Certificate)
	cer, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return err
	}
	s.certificateLock.Lock()
	defer s.certificateLock.Unlock()

	if there, err := s.HasKeyPair(ctx, tenantID, thumbprint); err != nil || there {
		return err
	}
	password, err := certificate.NewPassword(rand.Reader)
	if err != nil {
		return err
	}
	encrypted, err := s.encrypt(ctx, []byte(password), recipients)
	if err != nil {
		return err
	}
	if err := s.files.Replace(ctx, cer, []byte(certificate.EncodePEM(p.Certificate))); err != nil {
		return fmt.Errorf("write the certificate %s: %w", s.files.URL(cer), err)
	}
	// The password comes first, and the first one stands: whoever finds it, after a kill or beside another run, packs
	// the PFX with it, so that the two files fit whoever wrote them.
	err = s.files.Create(ctx, passwordFile, encrypted)
	if errors.Is(err, fs.ErrExist) {
		var stored []byte
		stored, err = s.decryptFile(ctx, passwordFile)
		password = string(stored)
	}
	if err != nil {
		return fmt.Errorf("write the password of the certificate %s: %w", thumbprint, err)
	}
	data, err := certificate.EncodePFX(p, password, e)
	if err != nil {
		return err
	}
	if err := s.files.Create(ctx, pfx, data); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: %w", s.files.URL(pfx), err)
	}
	return nil
}

// ShareCertificate encrypts the password of a certificate's PFX anew: to the store, and to the hand-off recipients of
// all connections that name the certificate. It needs the passphrase. ErrNotFound when the store has no such PFX.
func (s *Store) ShareCertificate(ctx context.Context, tenantID, thumbprint string) error {
	_, _, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return err
	}
	s.certificateLock.Lock()
	defer s.certificateLock.Unlock()

	connections, unreadable, err := s.Connections(ctx, tenantID)
	if err := errors.Join(append(unreadable, err)...); err != nil {
		return fmt.Errorf("who may open the certificate %s cannot be told: %w", thumbprint, err)
	}
	normal, _ := certificate.NormalizeThumbprint(thumbprint)
	var recipients []string
	for _, c := range connections {
		if c.CertificateThumbprint == normal {
			recipients = append(recipients, c.HandoffRecipients...)
		}
	}
	slices.Sort(recipients)

	password, err := s.decryptFile(ctx, passwordFile)
	if err != nil {
		return err
	}
	encrypted, err := s.encrypt(ctx, password, slices.Compact(recipients))
	if err != nil {
		return err
	}
	if err := s.files.Replace(ctx, passwordFile, encrypted); err != nil {
		return fmt.Errorf("write the password of the certificate %s: %w", thumbprint, err)
	}
	return nil
}

// Certificate reads a certificate, without its key. ErrNotFound when the store does not have it.
func (s *Store) Certificate(ctx context.Context, tenantID, thumbprint string) (*x509.Certificate, error) {
	cer, _, _, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return nil, err
	}
	content, err := s.files.Read(ctx, cer)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("certificate %s: %w", thumbprint, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", s.files.URL(cer), err)
	}
	c, err := certificate.ParsePEM(string(content))
	if err == nil {
		err = sameThumbprint(c, thumbprint)
	}
	if err != nil {
		return nil, &DamagedError{s.files.URL(cer), err}
	}
	return c, nil
}

// KeyPair reads a certificate with its key, which needs the passphrase. ErrNotFound when the store does not have both.
func (s *Store) KeyPair(ctx context.Context, tenantID, thumbprint string) (*certificate.Pair, error) {
	_, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return nil, err
	}
	data, err := s.files.Read(ctx, pfx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("private key of the certificate %s: %w", thumbprint, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.files.URL(pfx), err)
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
		return nil, &DamagedError{s.files.URL(pfx), err}
	}
	return pair, nil
}

// HasKeyPair says whether the store has a certificate's PFX and the password to it.
func (s *Store) HasKeyPair(ctx context.Context, tenantID, thumbprint string) (bool, error) {
	_, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return false, err
	}
	for _, name := range []string{pfx, passwordFile} {
		there, err := s.files.Exists(ctx, name)
		if err != nil {
			return false, fmt.Errorf("look for %s: %w", s.files.URL(name), err)
		}
		if !there {
			return false, nil
		}
	}
	return true, nil
}

// DeleteCertificate removes a certificate with its key. It does not ask who needs it: see CertificateNamedBy.
func (s *Store) DeleteCertificate(ctx context.Context, tenantID, thumbprint string) error {
	cer, pfx, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return err
	}
	s.certificateLock.Lock()
	defer s.certificateLock.Unlock()
	for _, name := range []string{pfx, passwordFile, cer} {
		if err := s.files.Delete(ctx, name); err != nil {
			return fmt.Errorf("delete %s: %w", s.files.URL(name), err)
		}
	}
	return nil
}

// CertificateNamedBy returns what names a certificate: connections and app registrations, in words for a message. A
// record that cannot be read counts, as it may name it.
func (s *Store) CertificateNamedBy(ctx context.Context, tenantID, thumbprint string) ([]string, error) {
	return s.certificateNamedBy(ctx, tenantID, thumbprint, false)
}

// DeleteUnusedCertificate removes a certificate with its key unless something still names it.
func (s *Store) DeleteUnusedCertificate(ctx context.Context, tenantID, thumbprint string) error {
	if there, err := s.HasKeyPair(ctx, tenantID, thumbprint); err != nil || !there {
		return err
	}
	names, err := s.certificateNamedBy(ctx, tenantID, thumbprint, true)
	if err != nil || len(names) > 0 {
		return err
	}
	return s.DeleteCertificate(ctx, tenantID, thumbprint)
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
