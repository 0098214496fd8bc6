package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// What is handed to the person at the migration server: a sheet to read, and a script that imports the certificate.
const (
	HandoffSheet  = ".html"
	HandoffScript = ".ps1"
)

var handoffExtensions = []string{HandoffSheet, HandoffScript}

// handoffFormat is raised with every change of sheet or script that people should get without a change of theirs.
const handoffFormat = 3

// ErrOutdated says that a hand-off was written by another version of the provider, or before the certificate's key
// came into the store, got another password or left it.
var ErrOutdated = errors.New("the hand-off is outdated")

// CheckHandoff reads a record's sheet and script, and says what is wrong with them: nil, ErrOutdated, ErrNotFound
// where one is missing, or an *UntrustedError where one is not as it was written. For a certificate it reads its
// record, too. The secrets are for CheckSecrets.
func (s *Store) CheckHandoff(ctx context.Context, c Connection) error {
	if c.Files.HandoffFormat != handoffFormat {
		return ErrOutdated
	}
	for _, file := range []struct{ extension, wanted string }{ // the script, which is run, is named first
		{HandoffScript, c.Files.Script}, {HandoffSheet, c.Files.Sheet},
	} {
		wanted := file.wanted
		name, err := handoffFile(c.TenantID, c.Mailbox, file.extension)
		if err != nil {
			return err
		}
		if wanted == "" {
			there, err := s.files.Exists(ctx, name)
			if err != nil {
				return err
			}
			if there {
				return ErrOutdated
			}
			continue
		}
		if _, err := s.readNamed(ctx, name, s.files.URL(name), wanted); err != nil {
			return err
		}
	}
	changed, err := s.KeyChanged(ctx, c)
	if err == nil && changed {
		return ErrOutdated
	}
	return err
}

// KeyChanged reports whether the key of a record's certificate has come into the store, got another password or left
// it since the record was written.
func (s *Store) KeyChanged(ctx context.Context, c Connection) (bool, error) {
	if c.CredentialType != CredentialCertificate {
		return false, nil
	}
	_, record, err := s.certificateRecord(ctx, c.TenantID, c.CertificateThumbprint)
	switch {
	case IsUntrusted(err), errors.Is(err, ErrNotFound):
		return c.Files.PFX != "", nil
	case err != nil:
		return false, err
	}
	if there, err := s.HasKeyFiles(ctx, c.TenantID, c.CertificateThumbprint); err != nil || !there {
		return c.Files.PFX != "", err
	}
	return c.Files.PFX != record.PFXSHA256, nil
}

// CheckSecrets holds a record's secret or PFX password against it: nil, ErrNotFound where it is missing, or an
// *UntrustedError where it is another one, as an interrupted run or a stranger may have left it. Nothing is decrypted.
func (s *Store) CheckSecrets(ctx context.Context, c Connection) error {
	for extension, wanted := range map[string]string{
		secretExtension: c.Files.Secret, pfxPasswordExtension: c.Files.PFXPassword,
	} {
		if wanted == "" {
			continue
		}
		name, err := connectionFile(c.TenantID, c.Mailbox, extension)
		if err != nil {
			return err
		}
		if _, err := s.readNamed(ctx, name, s.files.URL(name), wanted); err != nil {
			return err
		}
	}
	return nil
}

// HandoffURL is where the connection's sheet is, or would be. It is empty when the names cannot be those of a
// connection.
func (s *Store) HandoffURL(tenantID, mailbox string) string {
	return s.urlOf(handoffFile(tenantID, mailbox, HandoffSheet))
}

// Files are the names of a connection's files, relative to the store's folder, with slashes.
type Files struct {
	Identity string // the store's key, which the passphrase opens
	Secret   string // the encrypted client secret
	// the certificate with its key, and its encrypted password; empty without a thumbprint
	PFX, Password               string
	HandoffSheet, HandoffScript string
}

// ConnectionFiles returns the names that a hand-off sheet or script tells its reader. It does not say which of the
// files are there.
func ConnectionFiles(tenantID, mailbox, thumbprint string) (Files, error) {
	secret, err := connectionFile(tenantID, mailbox, secretExtension)
	if err != nil {
		return Files{}, err
	}
	files := Files{Identity: identityFile, Secret: secret}
	files.HandoffSheet, _ = handoffFile(tenantID, mailbox, HandoffSheet)
	files.HandoffScript, _ = handoffFile(tenantID, mailbox, HandoffScript)
	if thumbprint != "" {
		files.Password, _ = connectionFile(tenantID, mailbox, pfxPasswordExtension)
		names, err := certificateFiles(tenantID, thumbprint)
		if err != nil {
			return Files{}, err
		}
		files.PFX = names.pfx
	}
	return files, nil
}

func handoffFile(tenantID, mailbox, extension string) (string, error) {
	if !slices.Contains(handoffExtensions, extension) {
		return "", fmt.Errorf("%q is not a kind of hand-off file", extension)
	}
	return mailboxFile(handoffFolder, tenantID, mailbox, extension)
}
