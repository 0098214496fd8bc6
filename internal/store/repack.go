package store

import (
	"context"
	"fmt"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

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
	if err := s.files.Replace(ctx, pfx, data); err != nil {
		return fmt.Errorf("write %s: %w", s.files.URL(pfx), err)
	}
	return nil
}
