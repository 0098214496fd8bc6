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
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
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
	Owner      string   `json:"owner"`
	Revision   string   `json:"revision"`   // another one after every change of the connection
	Generation int64    `json:"generation"` // grows with every write of the record
	Files      Manifest `json:"files"`

	version place.Version
}

// Manifest proves the files that belong to one connection alone, by their SHA-256 in lower-case hex. A file that the
// connection does not have is empty.
type Manifest struct {
	HandoffFormat int    `json:"handoff_format"` // see handoffFormat
	Sheet         string `json:"sheet_sha256"`
	Script        string `json:"script_sha256,omitempty"`
	Secret        string `json:"secret_sha256,omitempty"`
	PFXPassword   string `json:"pfx_password_sha256,omitempty"`
	PFX           string `json:"pfx_sha256,omitempty"` // of the certificate's PFX that the password opens
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
		if err := sealing.CheckRecipient(recipient); err != nil {
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

// Renderer writes what is handed to the person at the migration server, with a script where the connection has a key in
// the store; neither holds a secret. nil writes no hand-off.
type Renderer func(c Connection, hasKey bool) (sheet, script []byte, err error)

// CreateConnection writes a new record, and with it its secret, if it has one, and its hand-off. That a mailbox
// (whatever its case) serves one connection of a tenant is decided here: of concurrent callers one succeeds, the
// others get *ExistsError. since is the generation that the state has seen of a record that is gone, or 0.
func (s *Store) CreateConnection(
	ctx context.Context, c Connection, since int64, secret string, render Renderer,
) (Connection, error) {
	name, err := prepare(&c)
	if err != nil {
		return Connection{}, err
	}
	if (secret != "") != (c.CredentialType == CredentialClientSecret) {
		return Connection{}, fmt.Errorf("the connection for the mailbox %s has credential type %s, and the client secret "+
			"given does not fit it", c.Mailbox, c.CredentialType)
	}
	// Whatever can fail for want of a passphrase fails before anything is written.
	identity, err := s.identityForWriting(ctx)
	if err != nil {
		return Connection{}, err
	}
	unlock, err := s.lockFile(ctx, name)
	if err != nil {
		return Connection{}, err
	}
	defer unlock()
	if taken := s.MailboxFree(ctx, c.TenantID, c.Mailbox); taken != nil {
		return Connection{}, taken
	}
	w := connectionWriter{s, identity, render}
	attached, err := w.attach(ctx, &c, Connection{}, &secret)
	if err != nil {
		return Connection{}, err
	}
	c.Generation = nextGeneration(0, since, writtenAt(c))
	c.version, err = s.writeRecord(ctx, identity, name, c, "")
	if errors.Is(err, fs.ErrExist) {
		if taken := s.MailboxFree(ctx, c.TenantID, c.Mailbox); taken != nil {
			return Connection{}, taken
		}
		err = fmt.Errorf("%s: %w", s.files.URL(name), place.ErrChanged) // it has been deleted since
	}
	if err != nil {
		return Connection{}, err
	}
	s.written.Store(c.ID(), c.Generation)
	// The record is the claim to the name, so what belongs to it comes after it.
	if err := s.writeAttached(ctx, attached); err != nil {
		return Connection{}, errors.Join(err, s.files.Delete(context.WithoutCancel(ctx), name, c.version))
	}
	return c, nil
}

// MailboxFree returns nil where no file has the name of the connection's record. The error is an *ExistsError where a
// connection has it, and an *UntrustedError where the file is not authentic: it holds the name, too.
func (s *Store) MailboxFree(ctx context.Context, tenantID, mailbox string) error {
	existing, err := s.Connection(ctx, tenantID, mailbox, 0)
	err = WithRemedy(err, "it has the mailbox's name; delete it if nobody needs it, or restore it from a backup and "+
		"import the connection")
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return &ExistsError{Existing: existing, URL: s.RecordURL(tenantID, mailbox)}
}

func writtenAt(c Connection) time.Time {
	if c.WrittenAt == nil {
		return time.Time{}
	}
	return *c.WrittenAt
}

// Connection reads a record. ErrNotFound when it is missing; *UntrustedError where it is not authentic, or is older
// than the generation that the state has seen; since is 0 where there is no state.
func (s *Store) Connection(ctx context.Context, tenantID, mailbox string, since int64) (Connection, error) {
	name, err := connectionFile(tenantID, mailbox, recordExtension)
	if err != nil {
		return Connection{}, err
	}
	return s.readConnection(ctx, name, since)
}

// readConnection reads a record. Its version is returned with an *UntrustedError, too.
func (s *Store) readConnection(ctx context.Context, name string, since int64) (Connection, error) {
	var c Connection
	version, err := s.readRecord(ctx, name, "connection", since, &c, &c.Generation)
	if err != nil {
		return Connection{version: version}, err
	}
	c.version = version
	return c, nil
}

// UpdateConnection replaces a record that the state names, whether the one in the store is authentic or not, and
// writes its secret and hand-off. secret nil leaves the secret as it is; it is encrypted again if the hand-off
// recipients changed. Where somebody was taken off the recipients, the PFX gets another password, and repacked is
// true: the other connections that name the certificate are due for RenewConnections. ErrNotFound when there is no
// such record, *OwnerError when it belongs to another owner; the error wraps place.ErrChanged where another run was
// quicker.
func (s *Store) UpdateConnection(
	ctx context.Context, c Connection, since int64, secret *string, render Renderer,
) (updated Connection, repacked bool, err error) {
	name, err := prepare(&c)
	if err != nil {
		return Connection{}, false, err
	}
	identity, err := s.identityForWriting(ctx)
	if err != nil {
		return Connection{}, false, err
	}
	unlock, err := s.lockFile(ctx, name)
	if err != nil {
		return Connection{}, false, err
	}
	defer unlock()
	before, err := s.readConnection(ctx, name, since)
	authentic := err == nil
	switch {
	case !authentic && !IsUntrusted(err):
		return Connection{}, false, err
	case authentic && before.Owner != c.Owner:
		return Connection{}, false, &OwnerError{TenantID: c.TenantID, Mailbox: c.Mailbox, URL: s.files.URL(name)}
	}
	if c.EWS == nil {
		c.EWS = before.EWS
	} else {
		c.EWS = new(c.EWS.Or(before.EWS)) // an earlier look is better than none
	}
	if c.CredentialType == CredentialCertificate && (!authentic || losesRecipient(before, c)) {
		// Who was a recipient may have kept the password.
		err := s.SealCertificate(ctx, c.TenantID, c.CertificateThumbprint, writtenAt(c))
		if err != nil && !errors.Is(err, ErrNotFound) && !IsUntrusted(err) {
			return Connection{}, false, err
		}
		repacked = err == nil
	}
	w := connectionWriter{s, identity, render}
	attached, err := w.attach(ctx, &c, before, secret)
	if err != nil {
		return Connection{}, repacked, err
	}
	c.Generation = nextGeneration(before.Generation, since, writtenAt(c))
	// Record first: of two runs one wins, and what an interruption leaves unwritten is not what the record names.
	if c.version, err = s.writeRecord(ctx, identity, name, c, before.version); err != nil {
		return Connection{}, repacked, err
	}
	s.written.Store(c.ID(), c.Generation)
	return c, repacked, s.writeAttached(ctx, attached)
}

// wrote reports whether a record is the one that this process wrote last for its connection.
func (s *Store) wrote(c Connection) bool {
	generation, ok := s.written.Load(c.ID())
	return ok && generation == c.Generation
}

// losesRecipient reports whether somebody who could open the certificate's PFX is a recipient no more.
func losesRecipient(before, after Connection) bool {
	return before.CertificateThumbprint == after.CertificateThumbprint &&
		slices.ContainsFunc(before.HandoffRecipients, func(recipient string) bool {
			return !slices.Contains(after.HandoffRecipients, recipient)
		})
}

// RenewConnections writes the hand-off, and the PFX's password, of the connections that name a certificate whose key
// has come into the store or has got another password. The connections themselves do not change. An authentic record
// is needed for it; what fails shows when the connection is read. A connection with recipients that another process has
// written is left to its own plan, which shows who they are: its record may be an older one, with recipients of then.
func (s *Store) RenewConnections(ctx context.Context, tenantID, thumbprint string, render Renderer) error {
	identity, err := s.identityForWriting(ctx)
	if err != nil {
		return err
	}
	connections, _, err := s.Connections(ctx, tenantID)
	if err != nil {
		return err
	}
	var failures []error
	for _, before := range connections {
		if before.CertificateThumbprint != thumbprint || len(before.HandoffRecipients) > 0 && !s.wrote(before) {
			continue
		}
		if due, err := s.KeyChanged(ctx, before); err == nil && !due {
			continue
		}
		w := connectionWriter{s, identity, render}
		if err := w.renew(ctx, before); err != nil {
			failures = append(failures, fmt.Errorf("connection %s: %w", before.ID(), err))
		}
	}
	return errors.Join(failures...)
}

// DeleteConnection removes a record with its secret and its hand-off. It never needs the passphrase: what cannot be
// proved for want of it, or proves nothing, is deleted, as the state names it, unless it says that it is another
// resource's. If the record is gone, the secret and the hand-off are removed all the same. *OwnerError when it belongs
// to another owner; the error wraps place.ErrChanged where another run has written the record meanwhile.
func (s *Store) DeleteConnection(ctx context.Context, tenantID, mailbox, owner string, since int64) error {
	name, err := connectionFile(tenantID, mailbox, recordExtension)
	if err != nil {
		return err
	}
	unlock, err := s.lockFile(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	record, err := s.readConnection(ctx, name, since)
	switch {
	case err == nil, errors.Is(err, ErrNotFound), IsUntrusted(err):
	case ctx.Err() != nil:
		return err
	default:
		record = Connection{}
		err = s.unproved(ctx, name, "connection", &record) // what cannot be read says nothing
	}
	if newer := (*NewerSchemaError)(nil); errors.As(err, &newer) {
		return err
	}
	if record.Owner != "" && owner != "" && record.Owner != owner {
		return &OwnerError{TenantID: tenantID, Mailbox: mailbox, URL: s.files.URL(name)}
	}
	// The record is deleted last: as long as it is there, nobody else can write under its name.
	if removing := s.removeAll(ctx, attachedFiles(tenantID, mailbox)...); removing != nil {
		return removing
	}
	switch {
	case record.version != "": // what another run has made of it stays
		return s.files.Delete(ctx, name, record.version)
	case errors.Is(err, ErrNotFound):
		return nil
	}
	return s.remove(ctx, name)
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

// attachedFiles returns the names of a connection's secrets and hand-off; none when it cannot be one.
func attachedFiles(tenantID, mailbox string) []string {
	secret, err := connectionFile(tenantID, mailbox, secretExtension)
	if err != nil {
		return nil
	}
	password, _ := connectionFile(tenantID, mailbox, pfxPasswordExtension)
	names := []string{secret, password, secret + nextExtension, password + nextExtension}
	for _, extension := range handoffExtensions {
		handoff, _ := handoffFile(tenantID, mailbox, extension)
		names = append(names, handoff)
	}
	return names
}

// Connections reads all records of a tenant, or of all tenants if tenantID is empty, ordered by tenant and mailbox.
// Records that cannot be read, or are not authentic, are left out and returned as errors that name them.
func (s *Store) Connections(ctx context.Context, tenantID string) ([]Connection, []error, error) {
	var tenants []string
	if tenantID != "" {
		tenant, err := canonicalTenant(tenantID)
		if err != nil {
			return nil, nil, err
		}
		tenants = []string{tenant}
	} else {
		var err error
		if tenants, err = s.tenants(ctx); err != nil {
			return nil, nil, err
		}
	}
	if len(tenants) > 0 { // or each record would say what keeps all of them from being proved
		if err := s.Unlock(ctx); err != nil {
			return nil, nil, err
		}
	}
	var connections []Connection
	var unreadable []error
	for _, tenant := range tenants {
		for c, err := range s.tenantConnections(ctx, tenant) {
			if err := ctx.Err(); err != nil {
				return nil, nil, err
			}
			if err != nil {
				unreadable = append(unreadable, err)
			} else {
				connections = append(connections, c)
			}
		}
	}
	return connections, unreadable, nil
}

// tenantConnections yields a tenant's records, as records does.
func (s *Store) tenantConnections(ctx context.Context, tenant string) iter.Seq2[Connection, error] {
	return records(ctx, s, path.Join(tenant, connectionFolder),
		func(ctx context.Context, name string) (Connection, error) { return s.readConnection(ctx, name, 0) })
}

// ClientSecret decrypts the client secret of a record that was read. ErrNotFound when it is not there, *UntrustedError
// when it is not the one that the record names.
func (s *Store) ClientSecret(ctx context.Context, c Connection) (string, error) {
	name, err := connectionFile(c.TenantID, c.Mailbox, secretExtension)
	if err != nil {
		return "", err
	}
	identity, err := s.unlock(ctx)
	if err != nil {
		return "", err
	}
	encrypted, err := s.readNamed(ctx, name, "secret "+s.files.URL(name), c.Files.Secret)
	if err != nil {
		return "", err
	}
	secret, err := identity.Decrypt(encrypted)
	if err != nil {
		return "", &UntrustedError{URL: s.files.URL(name), Err: err}
	}
	return string(secret), nil
}
