package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
)

// What is handed to the person at the migration server: a sheet to read, and a script that imports the certificate.
const (
	HandoffSheet  = ".html"
	HandoffScript = ".ps1"
)

var handoffExtensions = []string{HandoffSheet, HandoffScript}

// WriteHandoff writes a connection's HandoffSheet or HandoffScript, which hold no secret, and returns its URL.
func (s *Store) WriteHandoff(ctx context.Context, tenantID, mailbox, extension string, content []byte) (string, error) {
	file, err := handoffFile(tenantID, mailbox, extension)
	if err != nil {
		return "", err
	}
	if err := s.files.Replace(ctx, file, content); err != nil {
		return "", fmt.Errorf("write %s: %w", s.files.URL(file), err)
	}
	return s.files.URL(file), nil
}

// DeleteHandoff removes one of the two. It is no error if it is not there.
func (s *Store) DeleteHandoff(ctx context.Context, tenantID, mailbox, extension string) error {
	file, err := handoffFile(tenantID, mailbox, extension)
	if err != nil {
		return err
	}
	if err := s.files.Delete(ctx, file); err != nil {
		return fmt.Errorf("delete %s: %w", s.files.URL(file), err)
	}
	return nil
}

// Handoff reads a connection's HandoffSheet or HandoffScript. ErrNotFound when there is none.
func (s *Store) Handoff(ctx context.Context, tenantID, mailbox, extension string) ([]byte, error) {
	file, err := handoffFile(tenantID, mailbox, extension)
	if err != nil {
		return nil, err
	}
	content, err := s.files.Read(ctx, file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", s.files.URL(file), ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s.files.URL(file), err)
	}
	return content, nil
}

// HasHandoff says whether the connection's sheet is there.
func (s *Store) HasHandoff(ctx context.Context, tenantID, mailbox string) (bool, error) {
	file, err := handoffFile(tenantID, mailbox, HandoffSheet)
	if err != nil {
		return false, err
	}
	there, err := s.files.Exists(ctx, file)
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", s.files.URL(file), err)
	}
	return there, nil
}

// HandoffURL is where the connection's sheet is, or would be. It is empty when the names cannot be those of a connection.
func (s *Store) HandoffURL(tenantID, mailbox string) string {
	file, err := handoffFile(tenantID, mailbox, HandoffSheet)
	if err != nil {
		return ""
	}
	return s.files.URL(file)
}

// Files are the names of a connection's files, relative to the store's folder, with slashes.
type Files struct {
	Identity                    string // the store's key, which the passphrase opens
	Secret                      string // the encrypted client secret
	PFX, Password               string // the certificate with its key, and its encrypted password; empty without a thumbprint
	HandoffSheet, HandoffScript string
}

// ConnectionFiles returns the names that a hand-off sheet or script tells its reader. It does not say which of the files are there.
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
		return "", fmt.Errorf("%q is no kind of hand-off file", extension)
	}
	return mailboxFile(handoffFolder, tenantID, mailbox, extension)
}
