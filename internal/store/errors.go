package store

import (
	"errors"
	"fmt"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// What the store reports, told apart by errors.Is. The errors that wrap these name the file or object.
var (
	ErrNotFound          = errors.New("the connection store does not hold it")
	ErrLocked            = place.ErrLocked
	ErrPassphraseMissing = errors.New("the connection store's passphrase is needed: set CODETWO_STORE_PASSPHRASE, or " +
		"passphrase in the provider's connection_store block from an ephemeral variable")
	// ErrUnsealed says that a record is of the format before records were sealed. It counts for nothing, and the next
	// apply of the resource whose state names it writes it again, with one.
	ErrUnsealed = sealing.ErrUnsealed
	// ErrIdentityChanged says that the store's identity was replaced, or encrypted under another passphrase, while a run
	// was using it.
	ErrIdentityChanged = errors.New("it was replaced after this run had opened it: run Terraform again, with the " +
		"passphrase that opens it now")
)

// ExistsError says that a connection of that tenant and mailbox is in the store already.
type ExistsError struct {
	Existing Connection
	URL      string // of its record
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("the connection store already holds a connection for the mailbox %s in tenant %s: %q, client "+
		"ID %s (%s). "+
		"A mailbox can have one connection in each tenant: use another mailbox, or import this connection as %s",
		e.Existing.Mailbox, e.Existing.TenantID, e.Existing.Name, e.Existing.ClientID, e.URL, e.Existing.ID())
}

// OwnerError says that the record in the store was written on behalf of another resource.
type OwnerError struct {
	TenantID, Mailbox string
	URL               string // of the record
}

func (e *OwnerError) Error() string {
	return fmt.Sprintf("the connection for the mailbox %s in tenant %s was deleted, and another resource created it "+
		"again (%s): "+
		"remove this one from its state (terraform state rm), or import the connection again", e.Mailbox, e.TenantID, e.URL)
}

// UntrustedError says that a file does not prove that an operator of this store wrote it, as it is now and under this
// name. It counts for nothing, and is left as it is until an operator's change replaces it.
type UntrustedError struct {
	URL    string // of the file
	Err    error  // what is wrong with it; holds no secret
	Remedy string // what to do about it, where that is not the usual
}

func (e *UntrustedError) Error() string {
	remedy := e.Remedy
	if remedy == "" {
		remedy = "find out who wrote it; restore it from a backup, or let terraform apply write it again"
	}
	return fmt.Sprintf("%s cannot be trusted (%v): %s", e.URL, e.Err, remedy)
}

func (e *UntrustedError) Unwrap() error { return e.Err }

// WithRemedy says what to do about an *UntrustedError, unless that is said already, as it is for identity.age. It
// returns err.
func WithRemedy(err error, remedy string) error {
	if untrusted, ok := errors.AsType[*UntrustedError](err); ok && untrusted.Remedy == "" {
		untrusted.Remedy = remedy
	}
	return err
}

// IsUntrusted reports whether an error is an *UntrustedError.
func IsUntrusted(err error) bool {
	_, untrusted := errors.AsType[*UntrustedError](err)
	return untrusted
}

// RolledBackError says that a record is authentic, and older than what the state has seen.
type RolledBackError struct {
	Found, Known int64 // generations
}

func (e *RolledBackError) Error() string {
	return fmt.Sprintf("it is an older version: generation %d, and the state has seen %d", e.Found, e.Known)
}

// OtherIdentityError says that the store's identity is not the one that the state names, or is missing.
type OtherIdentityError struct {
	URL          string // of identity.age
	Found, Known string // age public keys; Found is empty where there is no identity
}

func (e *OtherIdentityError) Error() string {
	if e.Found == "" {
		return fmt.Sprintf("%s is missing, and the state knows its public key (%s). If this is the wrong folder, correct "+
			"the URL (connection_store of the provider, CODETWO_STORE_URL). If somebody deleted the file, %s",
			e.URL, e.Known, RestoreIdentity)
	}
	return fmt.Sprintf("%s belongs to another connection store: its public key is %s, and the state knows %s. Correct "+
		"the URL (connection_store of the provider, CODETWO_STORE_URL), or restore the file from a backup",
		e.URL, e.Found, e.Known)
}

// RenewalError says that a renewal of the store's identity was begun and is not complete. Until it is, some records are
// sealed by the old identity and some by the new one, and no run may trust both.
type RenewalError struct {
	URL string // of identity-next.age
}

func (e *RenewalError) Error() string {
	return fmt.Sprintf("a renewal of the connection store's identity is not complete (%s): wait until it ends, or, if it "+
		"was interrupted, run \"terraform-provider-codetwo store renew-identity\" again with the same two passphrases. Do "+
		"not delete the file then: it holds the only key to what has been renewed. If no operator ran that command, "+
		"somebody planted the file: delete it, and find out who wrote it", e.URL)
}

// NewerSchemaError says that a newer provider wrote the file. It is left as it is.
type NewerSchemaError struct {
	URL          string // of the file
	Found, Known int    // schema versions: of the file, and the newest that this provider knows
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("%s was written by a newer version of this provider (schema version %d; this one knows %d): "+
		"upgrade the provider. If nobody has used a newer version, somebody planted the file: delete it",
		e.URL, e.Found, e.Known)
}

// CannotProve reports whether an error is one that keeps records from being proved, or says that there is nothing to
// prove: what is not there or not authentic, a passphrase that is missing or does not fit, another identity, and one
// that is being replaced. A destroy goes on without what the record would say.
func CannotProve(err error) bool {
	_, other := errors.AsType[*OtherIdentityError](err)
	_, renewing := errors.AsType[*RenewalError](err)
	return other || renewing || IsUntrusted(err) || errors.Is(err, ErrNotFound) || IsLocked(err)
}

// IsLocked reports whether an error says that the store was not looked at, for want of a passphrase that fits.
func IsLocked(err error) bool {
	return errors.Is(err, ErrPassphraseMissing) || errors.Is(err, sealing.ErrPassphraseUnfit) ||
		errors.Is(err, sealing.ErrPassphraseWrong)
}
