package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What is handed to the person at the migration server: a sheet to read, and a script that imports the certificate.
const (
	HandoffSheet  = ".html"
	HandoffScript = ".ps1"
)

var handoffExtensions = []string{HandoffSheet, HandoffScript}

// WriteHandoff writes a connection's sheet and, unless it is nil, its script; neither holds a secret. It returns the
// sheet's URL. Each ends with a mark of what it was made from, by which HandoffCurrent knows it.
func (s *Store) WriteHandoff(ctx context.Context, c Connection, sheet, script []byte) (string, error) {
	// The sheet is written last: a reader who finds it finds the script that it names.
	for _, extension := range []string{HandoffScript, HandoffSheet} {
		file, err := handoffFile(c.TenantID, c.Mailbox, extension)
		if err != nil {
			return "", err
		}
		content := sheet
		if extension == HandoffScript {
			content = script
		}
		if content == nil {
			if err := s.files.Delete(ctx, file); err != nil {
				return "", err
			}
			continue
		}
		mark, err := handoffMark(c, script != nil, extension)
		if err != nil {
			return "", err
		}
		marked := append(bytes.TrimRight(slices.Clone(content), "\r\n"), "\n"+mark+"\n"...)
		if err := s.files.Replace(ctx, file, marked); err != nil {
			return "", err
		}
	}
	return s.HandoffURL(c.TenantID, c.Mailbox), nil
}

// HandoffCurrent reports whether a connection's hand-off is complete, made from the record as it is now and from the
// certificate's key being in the store or not, and open to those whom the records name.
func (s *Store) HandoffCurrent(ctx context.Context, c Connection) (bool, error) {
	withScript := false
	if c.CredentialType == CredentialCertificate {
		var err error
		if withScript, err = s.HasKeyPair(ctx, c.TenantID, c.CertificateThumbprint); err != nil {
			return false, err
		}
	}
	for _, extension := range handoffExtensions {
		content, err := s.Handoff(ctx, c.TenantID, c.Mailbox, extension)
		missing := errors.Is(err, ErrNotFound)
		if err != nil && !missing {
			return false, err
		}
		if wanted := extension == HandoffSheet || withScript; missing || !wanted {
			if missing == wanted {
				return false, nil
			}
			continue
		}
		mark, err := handoffMark(c, withScript, extension)
		if err != nil || !strings.HasSuffix(strings.TrimRight(string(content), "\r\n"), mark) {
			return false, err
		}
	}
	if !withScript {
		return true, nil
	}
	due, err := s.SharingDue(ctx, c.TenantID, c.CertificateThumbprint, &c)
	return !due, err
}

// handoffFormat is raised with every change of sheet or script that people should get without a change of theirs.
const handoffFormat = 2

// handoffMark is a comment, at the end of a sheet or a script, that names what it was made from. It changes with every
// revision of the record, where somebody edits the record, and with the format.
func handoffMark(c Connection, withScript bool, extension string) (string, error) {
	record, err := encodeRecord(c)
	if err != nil {
		return "", err
	}
	mark := fmt.Sprintf("made from %s", sum(fmt.Appendf(record, "with the key: %t, format %d", withScript, handoffFormat)))
	if extension == HandoffScript {
		return "# " + mark, nil
	}
	return "<!-- " + mark + " -->", nil
}

// Handoff reads a connection's HandoffSheet or HandoffScript. ErrNotFound when there is none.
func (s *Store) Handoff(ctx context.Context, tenantID, mailbox, extension string) ([]byte, error) {
	file, err := handoffFile(tenantID, mailbox, extension)
	if err != nil {
		return nil, err
	}
	return s.read(ctx, file, s.files.URL(file))
}

// HandoffURL is where the connection's sheet is, or would be. It is empty when the names cannot be those of a
// connection.
func (s *Store) HandoffURL(tenantID, mailbox string) string {
	file, err := handoffFile(tenantID, mailbox, HandoffSheet)
	if err != nil {
		return ""
	}
	return s.files.URL(file)
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
		_, files.PFX, files.Password, err = certificateFiles(tenantID, thumbprint)
	}
	return files, err
}

func handoffFile(tenantID, mailbox, extension string) (string, error) {
	if !slices.Contains(handoffExtensions, extension) {
		return "", fmt.Errorf("%q is not a kind of hand-off file", extension)
	}
	return mailboxFile(handoffFolder, tenantID, mailbox, extension)
}
