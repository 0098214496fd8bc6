package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// attachment is a file that belongs to one connection alone.
type attachment struct {
	name    string
	content []byte // nil: the connection does not have such a file
	kept    bool   // it is there already
}

// connectionWriter makes what belongs to a connection's record.
type connectionWriter struct {
	*Store
	identity *sealing.Identity
	render   Renderer
}

// attach makes the files of a connection, and names them in its manifest. before is the authentic record that c
// replaces, if there is one.
func (w connectionWriter) attach(
	ctx context.Context, c *Connection, before Connection, secret *string,
) ([]attachment, error) {
	secretFile, err := connectionFile(c.TenantID, c.Mailbox, secretExtension)
	if err != nil {
		return nil, err
	}
	c.Files = Manifest{HandoffFormat: handoffFormat}
	encrypted := attachment{name: secretFile}
	switch {
	case c.CredentialType == CredentialClientSecret:
		if encrypted, err = w.attachSecret(ctx, c, before, secretFile, secret); err != nil {
			return nil, err
		}
		c.Files.Secret = sum(encrypted.content)
	case secret != nil && *secret != "":
		return nil, fmt.Errorf("the connection for the mailbox %s signs in with a certificate and cannot have a client "+
			"secret", c.Mailbox)
	}
	password, err := w.attachPassword(ctx, c)
	if err != nil {
		return nil, err
	}
	sheet, script, err := w.attachHandoff(c, password.content != nil)
	// The sheet is written last: a reader who finds it finds the script that it names.
	return []attachment{encrypted, password, script, sheet}, err
}

// attachHandoff renders the sheet and the script.
func (w connectionWriter) attachHandoff(c *Connection, hasKey bool) (sheet, script attachment, err error) {
	sheet.name, _ = handoffFile(c.TenantID, c.Mailbox, HandoffSheet)
	script.name, _ = handoffFile(c.TenantID, c.Mailbox, HandoffScript)
	if w.render == nil {
		return sheet, script, nil
	}
	if sheet.content, script.content, err = w.render(*c, hasKey); err != nil {
		return sheet, script, err
	}
	c.Files.Sheet = sum(sheet.content)
	if script.content != nil {
		c.Files.Script = sum(script.content)
	}
	return sheet, script, nil
}

// attachSecret encrypts a new secret, or the one that is there if its recipients changed.
func (w connectionWriter) attachSecret(
	ctx context.Context, c *Connection, before Connection, name string, secret *string,
) (attachment, error) {
	if secret == nil {
		if before.CredentialType != CredentialClientSecret {
			return attachment{}, fmt.Errorf("the connection for the mailbox %s is to sign in with a client secret, and none "+
				"was given", c.Mailbox)
		}
		found, err := w.readNamed(ctx, name, "secret", before.Files.Secret)
		if errors.Is(err, ErrNotFound) { // which would say that there is no such connection
			return attachment{}, fmt.Errorf("%s is missing, and with it the connection's client secret: set client_secret_wo "+
				"and another client_secret_wo_version, and apply", w.files.URL(name))
		}
		if err != nil {
			return attachment{}, err
		}
		if slices.Equal(before.HandoffRecipients, c.HandoffRecipients) {
			return attachment{name: name, content: found, kept: true}, nil
		}
		plain, err := w.identity.Decrypt(found)
		if err != nil {
			return attachment{}, &UntrustedError{URL: w.files.URL(name), Err: err}
		}
		secret = new(string(plain))
	}
	content, err := w.identity.Encrypt([]byte(*secret), c.HandoffRecipients)
	return attachment{name: name, content: content}, err
}

// attachPassword encrypts the password of the certificate's PFX to the connection's recipients, where the store has
// the key. A key that no seal proves yet is sealed first: the connection names its certificate.
func (w connectionWriter) attachPassword(ctx context.Context, c *Connection) (attachment, error) {
	name, err := connectionFile(c.TenantID, c.Mailbox, pfxPasswordExtension)
	none := attachment{name: name}
	if err != nil || c.CredentialType != CredentialCertificate {
		return none, err
	}
	state, err := w.KeyState(ctx, c.TenantID, c.CertificateThumbprint)
	if err == nil && state == KeyUnsealed {
		err = w.SealCertificate(ctx, c.TenantID, c.CertificateThumbprint, writtenAt(*c))
	}
	if err != nil || state == KeyMissing {
		return none, err
	}
	files, record, err := w.certificateRecord(ctx, c.TenantID, c.CertificateThumbprint)
	if err != nil {
		return none, err
	}
	_, password, err := w.sealedPair(ctx, files, record)
	if err != nil {
		return none, err
	}
	content, err := w.identity.Encrypt(password, c.HandoffRecipients)
	if err != nil {
		return none, err
	}
	c.Files.PFX, c.Files.PFXPassword = record.PFXSHA256, sum(content)
	return attachment{name: name, content: content}, nil
}

// writeAttached writes and removes files as a record now names them.
func (s *Store) writeAttached(ctx context.Context, attached []attachment) error {
	for _, file := range attached {
		var err error
		switch {
		case file.kept:
		case file.content == nil:
			err = s.remove(ctx, file.name)
		default:
			err = s.put(ctx, file.name, file.content)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// renew writes what belongs to a connection again, without changing the connection. The generation stays: the record
// may be an older one, which only the connection's own state can tell.
func (w connectionWriter) renew(ctx context.Context, before Connection) error {
	name, err := connectionFile(before.TenantID, before.Mailbox, recordExtension)
	if err != nil {
		return err
	}
	unlock, err := w.lockFile(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	c := before
	attached, err := w.attach(ctx, &c, before, nil)
	if err != nil {
		return err
	}
	if _, err := w.writeRecord(ctx, w.identity, name, c, before.version); err != nil {
		return err
	}
	return w.writeAttached(ctx, attached)
}
