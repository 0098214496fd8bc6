package store

import (
	"errors"
	"fmt"
)

// What the store reports, told apart by errors.Is. The errors that wrap these name the file or object.
var (
	ErrNotFound          = errors.New("the connection store does not hold it")
	ErrLocked            = errors.New("another run holds the lock")
	ErrPassphraseMissing = errors.New("the connection store's passphrase is needed: set CODETWO_STORE_PASSPHRASE, or " +
		"passphrase in the provider's connection_store block from an ephemeral variable")
)

// ExistsError says that a connection of that tenant and mailbox is in the store already.
type ExistsError struct {
	Existing Connection
	URL      string // of its record
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("the connection store already holds a connection for the mailbox %s in tenant %s: %q, client "+
		"ID %s (%s). "+
		"One mailbox serves one connection of a tenant: take another mailbox, or import this connection as %s",
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
		"remove this one from its state (terraform state rm), or import the record again", e.Mailbox, e.TenantID, e.URL)
}

// DamagedError says that a file of the store cannot be read as what it should be. The file is left as it is.
type DamagedError struct {
	Path   string // URL of the file
	Err    error  // what is wrong with it; holds no secret
	Remedy string // what to do about it, where that is not the usual
}

func (e *DamagedError) Error() string {
	remedy := e.Remedy
	if remedy == "" {
		remedy = "restore it from a backup or repair it by hand"
	}
	return fmt.Sprintf("%s is damaged (%v): %s", e.Path, e.Err, remedy)
}

func (e *DamagedError) Unwrap() error { return e.Err }

// NewerSchemaError says that a newer provider wrote the file. It is left as it is.
type NewerSchemaError struct {
	Path         string // URL of the file
	Found, Known int    // schema versions: of the file, and the newest that this provider knows
}

func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("%s was written by a newer version of this provider (schema version %d; this one knows %d): "+
		"upgrade the provider",
		e.Path, e.Found, e.Known)
}
