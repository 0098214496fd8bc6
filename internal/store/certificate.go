package store

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/keys"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// certificateRecord proves the files of a certificate whose key is in the store.
type certificateRecord struct {
	TenantID       string `json:"tenant_id"`
	Thumbprint     string `json:"thumbprint"`      // SHA-1, 40 upper-case hex digits
	Certificate    string `json:"certificate"`     // PEM, as in the .cer
	PFXEncryption  string `json:"pfx_encryption"`  // aes256 or legacy
	PFXSHA256      string `json:"pfx_sha256"`      // of the .pfx
	PasswordSHA256 string `json:"password_sha256"` // of the .password.age
	Generation     int64  `json:"generation"`
	// of the .pfx that a renewal of the store's identity replaced with this one; empty for any other
	RenewedPFXSHA256 string `json:"renewed_pfx_sha256,omitempty"`

	version place.Version
}

// KeyState says what the store has of a certificate's key.
type KeyState int

const (
	// KeyMissing says that there is no key that could be used.
	KeyMissing KeyState = iota
	// KeyUnsealed says that the key is there, opens, and belongs to the certificate of that thumbprint, and that what is
	// to prove its files is missing or does not: it is as good as a sealed one to those whose state names the
	// certificate. SealCertificate repairs it.
	KeyUnsealed
	// KeySealed says that all files are as an operator wrote them.
	KeySealed
)

// KeyState looks at a certificate's key without decrypting anything, unless the seal does not prove it.
func (s *Store) KeyState(ctx context.Context, tenantID, thumbprint string) (KeyState, error) {
	files, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return KeyMissing, err
	}
	_, err = s.provedCertificate(ctx, files)
	switch {
	case err == nil:
		return KeySealed, nil
	case !errors.Is(err, ErrNotFound) && !IsUntrusted(err):
		return KeyMissing, err
	}
	_, _, err = s.anyPair(ctx, files)
	switch {
	case err == nil:
		return KeyUnsealed, nil
	case errors.Is(err, ErrNotFound), IsUntrusted(err):
		return KeyMissing, nil
	}
	return KeyMissing, err
}

// KeyProblem names the file that keeps a certificate's key from being sealed, in an *UntrustedError; nil where there is
// none, as where files are missing.
func (s *Store) KeyProblem(ctx context.Context, tenantID, thumbprint string) error {
	files, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return nil //nolint:nilerr // such a certificate has no files
	}
	if _, err = s.provedCertificate(ctx, files); !IsUntrusted(err) {
		return nil
	}
	return err
}

// HasKeyPair reports whether the store names a certificate's key as its own and has its files. What is in them is
// proved when they are used.
func (s *Store) HasKeyPair(ctx context.Context, tenantID, thumbprint string) (bool, error) {
	if _, _, err := s.certificateRecord(ctx, tenantID, thumbprint); errors.Is(err, ErrNotFound) || IsUntrusted(err) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	return s.HasKeyFiles(ctx, tenantID, thumbprint)
}

// Certificate returns a certificate whose key is in the store, without the key. ErrNotFound when the store does not
// have it; *UntrustedError where its record is not authentic.
func (s *Store) Certificate(ctx context.Context, tenantID, thumbprint string) (*x509.Certificate, error) {
	_, record, err := s.certificateRecord(ctx, tenantID, thumbprint)
	if err != nil {
		return nil, err
	}
	return certificate.ParsePEM(record.Certificate)
}

// PFXEncryption returns how the PFX of a certificate is encrypted. ErrNotFound and *UntrustedError as with
// Certificate.
func (s *Store) PFXEncryption(ctx context.Context, tenantID, thumbprint string) (certificate.Encryption, error) {
	_, record, err := s.certificateRecord(ctx, tenantID, thumbprint)
	return record.encryption(), err
}

func (r *certificateRecord) encryption() certificate.Encryption {
	if r.PFXEncryption == certificate.Legacy.String() {
		return certificate.Legacy
	}
	return certificate.AES256
}

// KeyPair reads a certificate with its key. ErrNotFound when the store does not have both; *UntrustedError where a
// file is not what its record names.
func (s *Store) KeyPair(ctx context.Context, tenantID, thumbprint string) (*certificate.Pair, error) {
	files, record, err := s.certificateRecord(ctx, tenantID, thumbprint)
	if err != nil {
		return nil, err
	}
	pair, _, err := s.sealedPair(ctx, files, record)
	return pair, err
}

// SaveCertificate keeps a certificate with its key, the PFX under a random password of its own that is encrypted to
// the store. A pair that is there already stays if it is authentic, and is replaced otherwise.
func (s *Store) SaveCertificate(
	ctx context.Context, tenantID string, p *certificate.Pair, e certificate.Encryption, now time.Time,
) error {
	if err := p.Check(); err != nil {
		return err
	}
	identity, files, unlock, err := s.changeCertificate(ctx, tenantID, certificate.Thumbprint(p.Certificate))
	if err != nil {
		return err
	}
	defer unlock()
	record, err := s.provedCertificate(ctx, files)
	if err == nil || !errors.Is(err, ErrNotFound) && !IsUntrusted(err) {
		return err
	}
	return s.writePair(ctx, identity, files, record, p, e, now)
}

// SealCertificate is Repack with the encryption that the PFX has.
func (s *Store) SealCertificate(ctx context.Context, tenantID, thumbprint string, now time.Time) error {
	return s.repack(ctx, tenantID, thumbprint, nil, now)
}

// Repack packs a certificate's key under another password, encrypted as e says, and seals its files. It takes over a
// key that no seal proves, for a caller whose state or configuration names the thumbprint: the key proves by itself
// that it is this certificate's. ErrNotFound where there is no such key, *UntrustedError where it does not open.
func (s *Store) Repack(
	ctx context.Context, tenantID, thumbprint string, e certificate.Encryption, now time.Time,
) error {
	return s.repack(ctx, tenantID, thumbprint, &e, now)
}

// repack is Repack; with a nil encryption the PFX keeps the one that it has.
func (s *Store) repack(
	ctx context.Context, tenantID, thumbprint string, e *certificate.Encryption, now time.Time,
) error {
	identity, files, unlock, err := s.changeCertificate(ctx, tenantID, thumbprint)
	if err != nil {
		return err
	}
	defer unlock()
	record, err := s.readCertificate(ctx, files)
	if err != nil && !errors.Is(err, ErrNotFound) && !IsUntrusted(err) {
		return err
	}
	pair, current, err := s.anyPair(ctx, files)
	if err != nil {
		return err
	}
	if e != nil {
		current = *e
	}
	return s.writePair(ctx, identity, files, record, pair, current, now)
}

// writePair writes a pair under a new password, and its record. A pair that is there, which may be the only copy,
// stays until the record names the new one: that is written under other names first, where readers find it meanwhile.
func (s *Store) writePair(
	ctx context.Context, identity *sealing.Identity, files certificateNames, before certificateRecord,
	p *certificate.Pair, e certificate.Encryption, now time.Time,
) error {
	pfx, password, err := keys.Pack(p, e)
	if err != nil {
		return err
	}
	encrypted, err := identity.Encrypt([]byte(password), nil)
	if err != nil {
		return err
	}
	next := certificateRecord{
		TenantID: files.tenant, Thumbprint: files.thumbprint, Certificate: certificate.EncodePEM(p.Certificate),
		PFXEncryption: e.String(), PFXSHA256: sum(pfx), PasswordSHA256: sum(encrypted),
		Generation: nextGeneration(before.Generation, 0, now),
	}
	replacing, err := s.files.Exists(ctx, files.pfx)
	if err == nil && before.Thumbprint != "" {
		replacing = true
		err = s.finishPair(ctx, files, before)
	}
	if err != nil {
		return err
	}
	if replacing {
		if err := s.putAll(ctx, files.pfx+nextExtension, pfx, files.password+nextExtension, encrypted); err != nil {
			return err
		}
	} else if err := s.putAll(ctx, files.pfx, pfx, files.password, encrypted); err != nil {
		return err
	}
	if err := s.put(ctx, files.cer, []byte(next.Certificate)); err != nil {
		return err
	}
	if _, err := s.writeRecord(ctx, identity, files.record, next, before.version); err != nil {
		return err
	}
	if replacing {
		if err := s.putAll(ctx, files.pfx, pfx, files.password, encrypted); err != nil {
			return err
		}
	}
	return s.removeAll(ctx, files.pfx+nextExtension, files.password+nextExtension, files.shared)
}

// finishPair gives their names to the files of a run that was interrupted between its record and them, as their other
// names are about to be used again.
func (s *Store) finishPair(ctx context.Context, files certificateNames, record certificateRecord) error {
	pfx, err := s.readNamedOrNext(ctx, files.pfx, record.PFXSHA256)
	var encrypted []byte
	if err == nil {
		encrypted, err = s.readNamedOrNext(ctx, files.password, record.PasswordSHA256)
	}
	switch {
	case errors.Is(err, ErrNotFound), IsUntrusted(err):
		return nil // half of it is lost
	case err != nil:
		return err
	}
	if err := s.proveFiles(ctx, files, record); err == nil {
		return nil
	}
	return s.putAll(ctx, files.pfx, pfx, files.password, encrypted)
}

func (s *Store) putAll(ctx context.Context, pfx string, data []byte, password string, encrypted []byte) error {
	if err := s.put(ctx, password, encrypted); err != nil {
		return err
	}
	return s.put(ctx, pfx, data)
}

// removeAll deletes what is there of these files.
func (s *Store) removeAll(ctx context.Context, names ...string) error {
	for _, name := range names {
		if err := s.remove(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// changeCertificate begins a change of a certificate's files: other writers wait until unlock is called.
func (s *Store) changeCertificate(
	ctx context.Context, tenantID, thumbprint string,
) (identity *sealing.Identity, files certificateNames, unlock func(), err error) {
	if files, err = certificateFiles(tenantID, thumbprint); err != nil {
		return nil, files, nil, err
	}
	if identity, err = s.identityForWriting(ctx); err != nil {
		return nil, files, nil, err
	}
	unlock, err = s.lockCertificate(ctx, files)
	return identity, files, unlock, err
}

// certificateRecord reads the record of a certificate, and names its files.
func (s *Store) certificateRecord(
	ctx context.Context, tenantID, thumbprint string,
) (files certificateNames, record certificateRecord, err error) {
	if files, err = certificateFiles(tenantID, thumbprint); err == nil {
		record, err = s.readCertificate(ctx, files)
	}
	return files, record, err
}

// provedCertificate reads a certificate's record, and holds that its files are what it names. The record is returned
// where only the files are not.
func (s *Store) provedCertificate(ctx context.Context, files certificateNames) (certificateRecord, error) {
	record, err := s.readCertificate(ctx, files)
	if err == nil {
		err = s.proveFiles(ctx, files, record)
	}
	return record, err
}

// readCertificate reads a certificate's record. Its version is returned with an *UntrustedError, too.
func (s *Store) readCertificate(ctx context.Context, files certificateNames) (certificateRecord, error) {
	var record certificateRecord
	version, err := s.readRecord(ctx, files.record, "certificate "+files.thumbprint, 0, &record, &record.Generation)
	if err != nil {
		return certificateRecord{version: version}, err
	}
	record.version = version
	return record, nil
}

// proveFiles holds that a certificate's files are what its record names.
func (s *Store) proveFiles(ctx context.Context, files certificateNames, record certificateRecord) error {
	for _, named := range []struct{ name, sum string }{
		{files.pfx, record.PFXSHA256}, {files.password, record.PasswordSHA256},
		{files.cer, sum([]byte(record.Certificate))},
	} {
		if _, err := s.readNamed(ctx, named.name, named.name, named.sum); err != nil {
			return err
		}
	}
	return nil
}

// sealedPair opens the pair that an authentic record names, and returns the password, too.
func (s *Store) sealedPair(
	ctx context.Context, files certificateNames, record certificateRecord,
) (pair *certificate.Pair, password []byte, err error) {
	pfx, err := s.readNamedOrNext(ctx, files.pfx, record.PFXSHA256)
	if err != nil {
		return nil, nil, err
	}
	encrypted, err := s.readNamedOrNext(ctx, files.password, record.PasswordSHA256)
	if err != nil {
		return nil, nil, err
	}
	return s.openPair(ctx, files, pfx, encrypted)
}

// readNamedOrNext is for a file that a run was about to replace when it was interrupted.
func (s *Store) readNamedOrNext(ctx context.Context, name, wanted string) ([]byte, error) {
	content, err := s.readNamed(ctx, name, "file "+s.files.URL(name), wanted)
	if errors.Is(err, ErrNotFound) || IsUntrusted(err) {
		if next, failed := s.readNamed(ctx, name+nextExtension, name, wanted); failed == nil {
			return next, nil
		}
	}
	return content, err
}

// anyPair opens the pair that the record names, or else whatever pair is there, if it is the certificate's: no
// stranger has its key. It returns how the PFX that was opened is encrypted, too.
func (s *Store) anyPair(
	ctx context.Context, files certificateNames,
) (pair *certificate.Pair, e certificate.Encryption, err error) {
	record, err := s.readCertificate(ctx, files)
	if err == nil {
		if pair, _, err := s.sealedPair(ctx, files, record); err == nil {
			return pair, record.encryption(), nil
		}
	} else if !errors.Is(err, ErrNotFound) && !IsUntrusted(err) {
		return nil, e, err
	}
	pfx, err := s.readRaw(ctx, files.pfx, "private key of the certificate "+files.thumbprint)
	if err != nil {
		return nil, e, err
	}
	encrypted, err := s.readRaw(ctx, files.password, "password of the certificate "+files.thumbprint)
	if err != nil {
		return nil, e, err
	}
	pair, _, err = s.openPair(ctx, files, pfx.content, encrypted.content)
	if err == nil {
		e, err = certificate.EncryptionOf(pfx.content)
	}
	return pair, e, err
}

func (s *Store) openPair(
	ctx context.Context, files certificateNames, pfx, encrypted []byte,
) (pair *certificate.Pair, password []byte, err error) {
	identity, err := s.unlock(ctx)
	if err != nil {
		return nil, nil, err
	}
	if password, err = identity.Decrypt(encrypted); err != nil {
		return nil, nil, &UntrustedError{URL: s.files.URL(files.password), Err: err}
	}
	if pair, err = keys.Open(pfx, string(password), files.thumbprint); err != nil {
		return nil, nil, &UntrustedError{URL: s.files.URL(files.pfx), Err: err}
	}
	return pair, password, nil
}

// lockCertificate keeps other writers of the same certificate waiting.
func (s *Store) lockCertificate(ctx context.Context, files certificateNames) (unlock func(), err error) {
	s.certificateLock.Lock()
	release, err := s.lockFile(ctx, files.record)
	if err != nil {
		s.certificateLock.Unlock()
		return nil, err
	}
	return func() { release(); s.certificateLock.Unlock() }, nil
}

// DeleteCertificate removes a certificate with its key. It does not ask who needs it: see CertificateNamedBy.
func (s *Store) DeleteCertificate(ctx context.Context, tenantID, thumbprint string) error {
	files, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return err
	}
	unlock, err := s.lockCertificate(ctx, files)
	if err != nil {
		return err
	}
	defer unlock()
	return s.removeAll(ctx, files.all()...)
}

// HasCertificateFiles reports whether there is any file of a certificate, authentic or not.
func (s *Store) HasCertificateFiles(ctx context.Context, tenantID, thumbprint string) (bool, error) {
	files, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return false, err
	}
	name, err := s.anyOf(ctx, files.all()...)
	return name != "", err
}

// CertificateNamedBy returns what names a certificate: connections and app registrations, in words for a message. A
// record that cannot be read, or is not authentic, counts: what it replaced may name the certificate. Without the
// passphrase, each record counts as what it says.
func (s *Store) CertificateNamedBy(ctx context.Context, tenantID, thumbprint string) ([]string, error) {
	return s.certificateNamedBy(ctx, tenantID, thumbprint, false)
}

// CertificateIsNamed reports whether anything names a certificate, as CertificateNamedBy does, and stops at the first
// that does.
func (s *Store) CertificateIsNamed(ctx context.Context, tenantID, thumbprint string) (bool, error) {
	names, err := s.certificateNamedBy(ctx, tenantID, thumbprint, true)
	return len(names) > 0, err
}

func (s *Store) certificateNamedBy(ctx context.Context, tenantID, thumbprint string, firstOnly bool) ([]string, error) {
	tenant, err := canonicalTenant(tenantID)
	if err != nil {
		return nil, err
	}
	if thumbprint, err = certificate.NormalizeThumbprint(thumbprint); err != nil {
		return nil, err
	}
	names := func(other string) bool {
		normal, err := certificate.NormalizeThumbprint(other)
		return err == nil && normal == thumbprint
	}
	var found []string
	_, locked := s.unlock(ctx)
	readRegistration := func(ctx context.Context, name string) (r Registration, err error) {
		if locked == nil {
			return s.readRegistration(ctx, name, 0)
		}
		return r, s.unproved(ctx, name, "app registration", &r)
	}
	for r, err := range records(ctx, s, path.Join(tenant, registrationFolder), readRegistration) {
		switch {
		case err != nil:
			found = append(found, err.Error())
		case slices.ContainsFunc(r.Thumbprints, names):
			found = append(found, fmt.Sprintf("app registration %q", r.UniqueName))
		}
		if firstOnly && len(found) > 0 {
			return found, nil
		}
	}
	readConnection := func(ctx context.Context, name string) (c Connection, err error) {
		if locked == nil {
			return s.readConnection(ctx, name, 0)
		}
		return c, s.unproved(ctx, name, "connection", &c)
	}
	for c, err := range records(ctx, s, path.Join(tenant, connectionFolder), readConnection) {
		switch {
		case err != nil:
			found = append(found, err.Error())
		case names(c.CertificateThumbprint):
			found = append(found, fmt.Sprintf("connection %q", c.Mailbox))
		}
		if firstOnly && len(found) > 0 {
			return found, nil
		}
	}
	return found, ctx.Err()
}

// certificateNames are the files of a certificate.
type certificateNames struct {
	tenant, thumbprint         string // in their one form
	record, cer, pfx, password string
	shared                     string // left by versions before the seals
}

// all lists the files in the order in which they are deleted: what proves them is last.
func (n certificateNames) all() []string {
	return []string{
		n.pfx, n.password, n.pfx + nextExtension, n.password + nextExtension, n.shared, n.cer, n.record,
	}
}

func certificateFiles(tenantID, thumbprint string) (files certificateNames, err error) {
	if files.tenant, err = canonicalTenant(tenantID); err != nil {
		return files, err
	}
	if files.thumbprint, err = certificate.NormalizeThumbprint(thumbprint); err != nil {
		return files, err
	}
	stem := path.Join(files.tenant, certificateFolder, files.thumbprint)
	files.record, files.cer, files.pfx = stem+recordExtension, stem+cerExtension, stem+pfxExtension
	files.password, files.shared = stem+passwordExtension, stem+sharedExtension
	return files, nil
}

// HasKeyFiles reports whether there are files of a certificate's PFX and its password, authentic or not.
func (s *Store) HasKeyFiles(ctx context.Context, tenantID, thumbprint string) (bool, error) {
	files, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return false, err
	}
	for _, name := range []string{files.pfx, files.password} {
		if there, err := s.files.Exists(ctx, name); err != nil || !there {
			return false, err
		}
	}
	return true, nil
}
