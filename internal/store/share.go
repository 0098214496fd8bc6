package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

// sharing notes to whom the password of a certificate's PFX is encrypted, which the encrypted file does not tell. It is
// written before that file, and names it by its hash: after a kill in between it speaks of no file, and is not
// believed.
type sharing struct {
	version
	PasswordSHA256 string   `json:"password_sha256"` // of the encrypted file
	Recipients     []string `json:"recipients"`      // age public keys, sorted
}

// SharingDue reports whether the password of a certificate's PFX has to be encrypted again: a hand-off recipient of c
// cannot open it, or somebody can who is a recipient of no connection that names the certificate. c, which may be nil,
// is one of those connections, current or planned; a recipient whom another one misses shows at that one. It is false
// if the store has no such pair. The other connections are read only where a recipient is none of c's.
func (s *Store) SharingDue(ctx context.Context, tenantID, thumbprint string, c *Connection) (bool, error) {
	if there, err := s.HasKeyPair(ctx, tenantID, thumbprint); err != nil || !there {
		return false, err
	}
	current, known, err := s.sharedWith(ctx, tenantID, thumbprint)
	if err != nil || !known {
		return err == nil, err
	}
	var own []string
	if c != nil {
		own = c.HandoffRecipients
	}
	if !containsAll(current, own) {
		return true, nil
	}
	if containsAll(own, current) {
		return false, nil
	}
	wanted, err := s.entitled(ctx, tenantID, thumbprint, c)
	return err == nil && !containsAll(wanted, current), err
}

func containsAll(all, some []string) bool {
	return !slices.ContainsFunc(some, func(one string) bool { return !slices.Contains(all, one) })
}

// ShareCertificate encrypts the password of a certificate's PFX again: to the store, and to the hand-off recipients of
// all connections that name the certificate. It needs the passphrase. ErrNotFound when the store has no such PFX.
func (s *Store) ShareCertificate(ctx context.Context, tenantID, thumbprint string) error {
	_, _, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return err
	}
	s.certificateLock.Lock()
	defer s.certificateLock.Unlock()

	recipients, err := s.entitled(ctx, tenantID, thumbprint, nil)
	if err != nil {
		return err
	}
	password, err := s.decryptFile(ctx, passwordFile)
	if err != nil {
		return err
	}
	encrypted, err := s.encrypt(ctx, password, recipients)
	if err != nil {
		return err
	}
	if err := s.noteSharing(ctx, tenantID, thumbprint, encrypted, recipients); err != nil {
		return err
	}
	return s.files.Replace(ctx, passwordFile, encrypted)
}

// entitled returns those who are to open a certificate's PFX, sorted: the hand-off recipients of all connections that
// name it. While a record cannot be read, who was entitled stays so, as that record may say it.
func (s *Store) entitled(ctx context.Context, tenantID, thumbprint string, planned *Connection) ([]string, error) {
	normal, err := certificate.NormalizeThumbprint(thumbprint)
	if err != nil {
		return nil, err
	}
	tenant, err := canonicalTenant(tenantID)
	if err != nil {
		return nil, err
	}
	var recipients []string
	add := func(c Connection) {
		if own, err := certificate.NormalizeThumbprint(c.CertificateThumbprint); err == nil && own == normal {
			recipients = append(recipients, c.HandoffRecipients...)
		}
	}
	if planned != nil {
		add(*planned)
	}
	unreadable := false
	for c, err := range s.tenantConnections(ctx, tenant) {
		switch {
		case err != nil:
			unreadable = true
		case planned == nil || c.ID() != planned.ID():
			add(c)
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if unreadable {
		current, _, err := s.sharedWith(ctx, tenantID, thumbprint)
		if err != nil {
			return nil, err
		}
		recipients = append(recipients, current...)
	}
	slices.Sort(recipients)
	return slices.Compact(recipients), nil
}

// sharedWith returns to whom, besides the store, the password of a certificate's PFX is encrypted, sorted, and whether
// that is known.
func (s *Store) sharedWith(
	ctx context.Context, tenantID, thumbprint string,
) (recipients []string, known bool, err error) {
	_, _, passwordFile, err := certificateFiles(tenantID, thumbprint)
	if err != nil {
		return nil, false, err
	}
	noteFile, _ := certificateFile(tenantID, thumbprint, sharedExtension)
	note, err := s.files.Read(ctx, noteFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil // it never was shared
	}
	if err != nil {
		return nil, false, err
	}
	encrypted, err := s.files.Read(ctx, passwordFile)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	var noted sharing
	if err := decodeRecord(s.files.URL(noteFile), note, &noted); err != nil {
		if _, newer := errors.AsType[*NewerSchemaError](err); newer {
			return nil, false, err
		}
		return nil, false, nil // the next sharing writes it again
	}
	return noted.Recipients, noted.PasswordSHA256 == sum(encrypted), nil
}

// noteSharing writes the note before the encrypted file is. Where nobody shares and nobody did, there is nothing to
// note.
func (s *Store) noteSharing(ctx context.Context, tenantID, thumbprint string, encrypted []byte,
	recipients []string) error {
	file, err := certificateFile(tenantID, thumbprint, sharedExtension)
	if err != nil {
		return err
	}
	if len(recipients) == 0 {
		if there, err := s.files.Exists(ctx, file); err != nil || !there {
			return err
		}
	}
	if recipients == nil {
		recipients = []string{} // a list, as ever, not null
	}
	content, err := encodeRecord(sharing{version{schemaVersion}, sum(encrypted), recipients})
	if err != nil {
		return err
	}
	return s.files.Replace(ctx, file, content)
}

func sum(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }
