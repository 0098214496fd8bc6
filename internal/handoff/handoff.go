// Package handoff generates the hand-off sheet and the certificate import script for the person at the migration
// server, and the commands that grant permissions on public folders. The sheet lists what to type into CodeTwo Office
// 365 Migration, in the order of its wizard. None of them contains a secret.
package handoff

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
)

// The credential types of a Sheet, spelled as in the store's records.
const (
	Certificate  = "certificate"
	ClientSecret = "client_secret"
)

// Sheet is the content of one connection's hand-off. It has no field for a secret: passwords and client secrets stay in
// the store, and the sheet says where they are and how to open them.
type Sheet struct {
	// ConnectionName is the label of the connection, free text.
	ConnectionName string
	// TenantID and ClientID are GUIDs.
	TenantID, ClientID string
	// Mailbox is the address of the dedicated application mailbox.
	Mailbox string

	// CredentialType is Certificate or ClientSecret.
	CredentialType string
	// Thumbprint is the certificate's, 40 upper-case hexadecimal digits; empty with a client secret.
	Thumbprint string
	// CertificateNotAfter is the last moment of the certificate's validity, if known.
	CertificateNotAfter *time.Time
	// ClientSecretExpiresAt is when Entra ID stops accepting the client secret, if known.
	ClientSecretExpiresAt *time.Time

	// HasPFX reports whether the store keeps the certificate with its private key.
	HasPFX bool
	// PFXPath, PasswordPath and SecretPath are files of the store: the PFX, its encrypted password, and the encrypted
	// client secret. They are relative to the store's folder, with forward slashes.
	PFXPath, PasswordPath, SecretPath string
	// IdentityPath is the store's encrypted age identity, relative like the others; empty means "identity.age".
	IdentityPath string
	// ScriptPath is the import script, relative like the others; if empty, the sheet refers to the script next to it.
	ScriptPath string
	// HandoffRecipients are the age public keys that can open the password or the secret without the passphrase.
	HandoffRecipients []string

	// EWS is what is known about the tenant for its EWS allow list; the zero value if it was not read.
	EWS ewsaccess.TenantFacts

	// MigratePublicFolders adds what public folders require of the mailbox.
	MigratePublicFolders bool
	// PublicFolderPaths are the folders below the root that are migrated into, such as \Sales\Archive, if known.
	PublicFolderPaths []string
}

// check says which field of the sheet cannot be right.
func (s Sheet) check() error {
	switch {
	case s.TenantID == "":
		return errors.New("hand-off sheet: the tenant ID is empty")
	case s.ClientID == "":
		return errors.New("hand-off sheet: the client ID is empty")
	case s.Mailbox == "":
		return errors.New("hand-off sheet: the mailbox is empty")
	case s.CredentialType != Certificate && s.CredentialType != ClientSecret:
		return fmt.Errorf("hand-off sheet: the credential type is %q, expected %q or %q", s.CredentialType, Certificate,
			ClientSecret)
	case s.CredentialType == Certificate && s.Thumbprint == "":
		return errors.New("hand-off sheet: the certificate's thumbprint is empty")
	case s.HasPFX && (s.PFXPath == "" || s.PasswordPath == ""):
		return errors.New("hand-off sheet: the store keeps a PFX, and the path of the PFX or of its password is empty")
	}
	return nil
}

// title is the connection's label, or its mailbox's domain where it has none.
func (s Sheet) title() string {
	if strings.TrimSpace(s.ConnectionName) != "" {
		return escape.Visible(s.ConnectionName)
	}
	_, domain, _ := strings.Cut(s.Mailbox, "@")
	return domain
}

// identityPath is where the store's identity lies, relative to the store's folder.
func (s Sheet) identityPath() string {
	if s.IdentityPath != "" {
		return s.IdentityPath
	}
	return "identity.age"
}
