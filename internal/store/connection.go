package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
)

// The two kinds of credential, of which a connection has exactly one.
const (
	CredentialCertificate  = "certificate"
	CredentialClientSecret = "client_secret"
)

// Connection is the record of a target connection: everything but its secret.
type Connection struct {
	TenantID              string `json:"tenant_id"` // GUID
	Mailbox               string `json:"mailbox"`   // as its user writes it; case does not tell mailboxes apart
	Name                  string `json:"name"`
	ClientID              string `json:"client_id"`       // GUID
	CredentialType        string `json:"credential_type"` // CredentialCertificate or CredentialClientSecret
	CertificateThumbprint string `json:"certificate_thumbprint,omitempty"`
	// nil when the certificate was not at hand
	CertificateNotAfter   *time.Time `json:"certificate_not_after,omitempty"`
	ClientSecretExpiresAt *time.Time `json:"client_secret_expires_at,omitempty"` // nil when nobody said
	MigratePublicFolders  bool       `json:"migrate_public_folders"`
	PublicFolderPaths     []string   `json:"public_folder_paths,omitempty"` // below the root, such as \Sales\Archive
	HandoffRecipients     []string   `json:"handoff_recipients,omitempty"`  // age public keys
	// EWS is what the tenant showed when the record was written, for the sheet; nil where nobody could look.
	EWS       *ewsaccess.TenantFacts `json:"ews,omitempty"`
	WrittenAt *time.Time             `json:"written_at,omitempty"` // by the writer's clock; nil where it did not say
	// who may change and delete the record: an ID chosen at its creation
	Owner    string `json:"owner"`
	Revision string `json:"revision"` // another one after every write
}

type connectionRecord struct {
	version
	Connection
}

// ID names the connection: "<tenant_id>/<mailbox>", in lower case.
func (c Connection) ID() string { return strings.ToLower(c.TenantID + "/" + c.Mailbox) }

// CutID splits a connection's ID, and reports whether it names a tenant and a mailbox.
func CutID(id string) (tenantID, mailbox string, ok bool) {
	tenantID, mailbox, ok = guid.Cut(id)
	return tenantID, mailbox, ok && CheckMailbox(mailbox) == nil
}

// check says what is wrong with a record, in a form that completes "the connection …".
func (c Connection) check() error {
	if !guid.Valid(c.ClientID) {
		return fmt.Errorf("client_id %q is not a GUID", c.ClientID)
	}
	if c.Owner == "" {
		return errors.New("owner is missing")
	}
	for _, recipient := range c.HandoffRecipients {
		if err := CheckRecipient(recipient); err != nil {
			return fmt.Errorf("handoff_recipients: %w", err)
		}
	}
	if err := CheckPublicFolderPaths(c.PublicFolderPaths); err != nil {
		return fmt.Errorf("public_folder_paths: %w", err)
	}
	switch c.CredentialType {
	case CredentialCertificate:
		_, err := certificate.NormalizeThumbprint(c.CertificateThumbprint)
		return err
	case CredentialClientSecret:
		if c.CertificateThumbprint != "" {
			return errors.New("certificate_thumbprint is set, and so is a client secret")
		}
		return nil
	}
	return fmt.Errorf("credential_type is %q instead of %q or %q", c.CredentialType, CredentialCertificate,
		CredentialClientSecret)
}

// prepare checks a record that is to be written, brings its names to one form, and gives it a new revision.
func prepare(c *Connection) (file string, err error) {
	if file, err = connectionFile(c.TenantID, c.Mailbox, recordExtension); err != nil {
		return "", err
	}
	if err := c.check(); err != nil {
		return "", fmt.Errorf("the connection for the mailbox %s in tenant %s: %w", c.Mailbox, c.TenantID, err)
	}
	c.TenantID, c.ClientID = strings.ToLower(c.TenantID), strings.ToLower(c.ClientID)
	if c.CredentialType == CredentialCertificate {
		c.CertificateThumbprint, _ = certificate.NormalizeThumbprint(c.CertificateThumbprint)
	}
	c.HandoffRecipients = slices.Sorted(slices.Values(c.HandoffRecipients))
	c.PublicFolderPaths = slices.Sorted(slices.Values(c.PublicFolderPaths))
	c.Revision = uuid.NewString()
	return file, nil
}

// CreateConnection writes a new record, and its secret if it has one. That a mailbox (whatever its case) serves one
// connection of a tenant is decided here: of concurrent callers one succeeds, the others get *ExistsError.
func (s *Store) CreateConnection(ctx context.Context, c Connection, secret string) (Connection, error) {
	file, err := prepare(&c)
	if err != nil {
		return Connection{}, err
	}
	if (secret != "") != (c.CredentialType == CredentialClientSecret) {
		return Connection{}, fmt.Errorf("the connection for the mailbox %s has credential type %s, and the client secret "+
			"given does not fit it", c.Mailbox, c.CredentialType)
	}
	// Whatever can fail for want of a passphrase fails before anything is written.
	var encrypted []byte
	if secret != "" {
		if encrypted, err = s.encrypt(ctx, []byte(secret), c.HandoffRecipients); err != nil {
			return Connection{}, err
		}
	}
	content, err := encodeRecord(connectionRecord{version{schemaVersion}, c})
	if err != nil {
		return Connection{}, err
	}
	if err := s.files.Create(ctx, file, content); errors.Is(err, fs.ErrExist) {
		existing, err := s.readConnection(ctx, file)
		if err != nil {
			return Connection{}, err
		}
		return Connection{}, &ExistsError{Existing: existing, URL: s.files.URL(file)}
	} else if err != nil {
		return Connection{}, err
	}

	// The record is the claim to the name, so the secret comes after it.
	secretFile, _ := connectionFile(c.TenantID, c.Mailbox, secretExtension)
	if encrypted != nil {
		err = s.files.Replace(ctx, secretFile, encrypted)
	} else {
		err = s.files.Delete(ctx, secretFile) // of a record that was deleted by hand
	}
	if err != nil {
		return Connection{}, errors.Join(err, s.files.Delete(context.WithoutCancel(ctx), file))
	}
	return c, nil
}

// Connection reads a record. ErrNotFound when there is none.
func (s *Store) Connection(ctx context.Context, tenantID, mailbox string) (Connection, error) {
	file, err := connectionFile(tenantID, mailbox, recordExtension)
	if err != nil {
		return Connection{}, err
	}
	return s.readConnection(ctx, file)
}

func (s *Store) readConnection(ctx context.Context, file string) (Connection, error) {
	url := s.files.URL(file)
	var record connectionRecord
	if err := s.readRecord(ctx, file, "connection", &record); err != nil {
		return Connection{}, err
	}
	// A record copied to another name would be two connections under one ID.
	own, err := connectionFile(record.TenantID, record.Mailbox, recordExtension)
	if err == nil && own != file {
		err = fmt.Errorf("it is the record of the mailbox %s in tenant %s, under another name", record.Mailbox,
			record.TenantID)
	}
	if err == nil {
		err = record.check()
	}
	if err != nil {
		return Connection{}, &DamagedError{Path: url, Err: err}
	}
	if record.CredentialType == CredentialCertificate {
		// However it is spelled by hand, the certificate is in use.
		record.CertificateThumbprint, _ = certificate.NormalizeThumbprint(record.CertificateThumbprint)
	}
	return record.Connection, nil
}

// UpdateConnection replaces a record. secret nil leaves the stored secret as it is; it is encrypted again, which needs
// the passphrase, if the hand-off recipients changed. ErrNotFound when there is no such record, *OwnerError when it
// belongs to another owner.
func (s *Store) UpdateConnection(ctx context.Context, c Connection, secret *string) (Connection, error) {
	file, err := prepare(&c)
	if err != nil {
		return Connection{}, err
	}
	before, err := s.readConnection(ctx, file)
	if err != nil {
		return Connection{}, err
	}
	if before.Owner != c.Owner {
		return Connection{}, &OwnerError{TenantID: c.TenantID, Mailbox: c.Mailbox, URL: s.files.URL(file)}
	}
	if c.EWS == nil {
		c.EWS = before.EWS
	} else {
		c.EWS = new(c.EWS.Or(before.EWS)) // an earlier look is better than none
	}
	content, err := encodeRecord(connectionRecord{version{schemaVersion}, c})
	if err != nil {
		return Connection{}, err
	}
	secretFile, _ := connectionFile(c.TenantID, c.Mailbox, secretExtension)
	if c.CredentialType == CredentialClientSecret {
		// Secret first: killed in between, the next apply finds the old revision and writes both again.
		if err := s.updateSecret(ctx, before, c, secretFile, secret); err != nil {
			return Connection{}, err
		}
	} else if secret != nil {
		return Connection{}, fmt.Errorf("the connection for the mailbox %s signs in with a certificate and cannot have a "+
			"client secret", c.Mailbox)
	}
	if err := s.files.Replace(ctx, file, content); err != nil {
		return Connection{}, err
	}
	if c.CredentialType != CredentialClientSecret {
		if err := s.files.Delete(ctx, secretFile); err != nil {
			return Connection{}, err
		}
	}
	return c, nil
}

func (s *Store) updateSecret(ctx context.Context, before, after Connection, secretFile string, secret *string) error {
	if secret == nil {
		if before.CredentialType != CredentialClientSecret {
			return fmt.Errorf("the connection for the mailbox %s is to sign in with a client secret, and none was given",
				after.Mailbox)
		}
		if slices.Equal(before.HandoffRecipients, after.HandoffRecipients) {
			return nil
		}
		stored, err := s.decryptFile(ctx, secretFile)
		if errors.Is(err, ErrNotFound) { // which would say that there is no such connection
			return fmt.Errorf("%s is missing, and with it the client secret that is to be encrypted to other recipients: "+
				"apply with the secret and a new client_secret_wo_version", s.files.URL(secretFile))
		}
		if err != nil {
			return err
		}
		secret = new(string(stored))
	}
	encrypted, err := s.encrypt(ctx, []byte(*secret), after.HandoffRecipients)
	if err != nil {
		return err
	}
	return s.files.Replace(ctx, secretFile, encrypted)
}

// DeleteConnection removes a record with its secret and its hand-off. It never needs the passphrase. If the record is
// gone, the secret and the hand-off are removed all the same. *OwnerError when it belongs to another owner.
func (s *Store) DeleteConnection(ctx context.Context, tenantID, mailbox, owner string) error {
	file, err := connectionFile(tenantID, mailbox, recordExtension)
	if err != nil {
		return err
	}
	record, err := s.readConnection(ctx, file)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err == nil && record.Owner != owner {
		return &OwnerError{TenantID: tenantID, Mailbox: mailbox, URL: s.files.URL(file)}
	}
	// The record is deleted last: as long as it is there, nobody else can write under its name.
	for _, name := range append(attachedFiles(tenantID, mailbox), file) {
		if err := s.files.Delete(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// DropDamaged deletes a connection's record if it cannot be read, so that it can be created again, and reports whether
// it did. A record that a newer provider wrote is not damaged.
func (s *Store) DropDamaged(ctx context.Context, tenantID, mailbox string) (dropped bool, err error) {
	file, err := connectionFile(tenantID, mailbox, recordExtension)
	if err != nil {
		return false, err
	}
	_, err = s.readConnection(ctx, file)
	if _, damaged := errors.AsType[*DamagedError](err); !damaged {
		return false, nil
	}
	err = s.files.Delete(ctx, file)
	return err == nil, err
}

// Leftover returns the URL of a connection's secret or hand-off, whether its record exists or not; empty when there is
// neither.
func (s *Store) Leftover(ctx context.Context, tenantID, mailbox string) (string, error) {
	name, err := s.anyOf(ctx, attachedFiles(tenantID, mailbox)...)
	if name == "" {
		return "", err
	}
	return s.files.URL(name), nil
}

// attachedFiles returns the names of a connection's secret and hand-off; none when it cannot be one.
func attachedFiles(tenantID, mailbox string) []string {
	secret, err := connectionFile(tenantID, mailbox, secretExtension)
	if err != nil {
		return nil
	}
	names := []string{secret}
	for _, extension := range handoffExtensions {
		handoff, _ := handoffFile(tenantID, mailbox, extension)
		names = append(names, handoff)
	}
	return names
}

// Connections reads all records of a tenant, or of all tenants if tenantID is empty, ordered by tenant and mailbox.
// Records that cannot be read are left out and returned as errors that name them.
func (s *Store) Connections(ctx context.Context, tenantID string) ([]Connection, []error, error) {
	var tenants []string
	if tenantID != "" {
		tenant, err := canonicalTenant(tenantID)
		if err != nil {
			return nil, nil, err
		}
		tenants = []string{tenant}
	} else {
		names, err := s.files.List(ctx, "")
		if err != nil {
			return nil, nil, err
		}
		for _, name := range names {
			if tenant, err := canonicalTenant(name); err == nil && tenant == name {
				tenants = append(tenants, name)
			}
		}
	}

	var connections []Connection
	var damaged []error
	for _, tenant := range tenants {
		for c, err := range s.tenantConnections(ctx, tenant) {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			if err != nil {
				damaged = append(damaged, err)
			} else {
				connections = append(connections, c)
			}
		}
	}
	return connections, damaged, nil
}

// tenantConnections yields a tenant's records, as tenantRecords does.
func (s *Store) tenantConnections(ctx context.Context, tenant string) iter.Seq2[Connection, error] {
	return tenantRecords(ctx, s, path.Join(tenant, connectionFolder), s.readConnection)
}

// ClientSecret reads a connection's client secret, which needs the passphrase. ErrNotFound when it has none.
func (s *Store) ClientSecret(ctx context.Context, tenantID, mailbox string) (string, error) {
	file, err := connectionFile(tenantID, mailbox, secretExtension)
	if err != nil {
		return "", err
	}
	secret, err := s.decryptFile(ctx, file)
	return string(secret), err
}

// HasClientSecret reports whether a connection's client secret is in the store.
func (s *Store) HasClientSecret(ctx context.Context, tenantID, mailbox string) (bool, error) {
	file, err := connectionFile(tenantID, mailbox, secretExtension)
	if err != nil {
		return false, err
	}
	return s.files.Exists(ctx, file)
}
