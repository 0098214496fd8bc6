package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/keys"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// sealer says which identity sealed a record.
type sealer int

const (
	sealedByNone sealer = iota // it is gone, or was left
	sealedByOld
	sealedByNext
)

// found is a record as it was read.
type found struct {
	sealer
	version place.Version
}

// read reads a record, and says who sealed it. One that nobody did is left. into is nil for a look alone.
func (r *renewer) read(ctx context.Context, name string, into any) (found, error) {
	file, err := r.old.readRaw(ctx, name, name)
	switch {
	case errors.Is(err, ErrNotFound):
		return found{}, nil
	case err != nil:
		return found{}, r.leave(name, err)
	}
	for _, by := range []struct {
		sealer
		*Store
	}{{sealedByNext, r.next}, {sealedByOld, r.old}} {
		var raw json.RawMessage
		raw, err = by.identity.Open(name, file.content)
		if newer := (*sealing.NewerError)(nil); errors.As(err, &newer) {
			return found{}, &NewerSchemaError{URL: r.files.URL(name), Found: newer.Found, Known: sealing.SchemaVersion}
		}
		if err == nil && into != nil {
			err = decode(raw, into)
		}
		if err == nil {
			return found{by.sealer, file.version}, nil
		}
	}
	return found{}, r.leave(name, &UntrustedError{URL: r.files.URL(name), Err: err})
}

// unusable reports whether an error says that a file is not there, or not what it should be.
func unusable(err error) bool { return errors.Is(err, ErrNotFound) || IsUntrusted(err) }

// leave notes a file that is not usable, and stays as it is. Any other error is returned, as is one about a file that
// this process has encrypted: it must not be lost with the old identity.
func (r *renewer) leave(name string, err error) error {
	if !unusable(err) {
		return err
	}
	if r.encrypted[name] {
		return fmt.Errorf("it has changed since it was encrypted to the new identity: %w", err)
	}
	if untrusted, ok := errors.AsType[*UntrustedError](err); ok {
		err = untrusted.Err
	} else {
		err = errors.New("it is missing")
	}
	r.tenant.Left = append(r.tenant.Left, LeftFile{URL: r.files.URL(name), Err: err})
	return nil
}

// errMoved says that a record has another name than the one that it was written for.
var errMoved = errors.New("it is a copy of a record with another name")

// ownName holds that a record has the name that its content gives it: a seal does not tell the case of names apart.
func (r *renewer) ownName(name, own string, err error) (is bool, problem error) {
	if err == nil && own == name {
		return true, nil
	}
	return false, r.leave(name, &UntrustedError{URL: r.files.URL(name), Err: errMoved})
}

// part is a file that a record names by its hash.
type part struct {
	name    string
	content []byte
}

// replace seals a record by the new identity, in place of a version, and gives it other files. If another run was
// quicker, the next look sees to it.
func (r *renewer) replace(
	ctx context.Context, name string, record any, version place.Version, parts ...part,
) error {
	r.changed = true
	content, err := r.next.identity.Seal(name, record)
	if err != nil {
		return err
	}
	var staged []string
	for _, p := range parts {
		if err := r.next.put(ctx, p.name+nextExtension, p.content); err != nil {
			return err
		}
		staged = append(staged, p.name+nextExtension)
	}
	_, err = r.files.Replace(ctx, name, content, version)
	if errors.Is(err, place.ErrChanged) {
		if there, err := r.files.Exists(ctx, name); err != nil || there {
			return err
		}
		return r.next.removeAll(ctx, staged...)
	}
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := r.settle(ctx, p.name, sum(p.content)); err != nil {
			return err
		}
		r.encrypted[p.name] = true
	}
	return nil
}

// settle gives its name to a file that was written under the other one before the record that names it, and removes
// what has the other name. Where neither is what the record names, nothing is done.
func (r *renewer) settle(ctx context.Context, name, wanted string) error {
	_, err := r.old.readNamed(ctx, name, name, wanted)
	if unusable(err) {
		content, err := r.old.readNamed(ctx, name+nextExtension, name, wanted)
		if unusable(err) {
			return nil
		}
		if err != nil {
			return err
		}
		r.changed = true
		if err := r.next.put(ctx, name, content); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return r.next.remove(ctx, name+nextExtension)
}

// decrypt reads a secret that a record names, and decrypts it as one of the two stores does.
func (r *renewer) decrypt(ctx context.Context, by *Store, name, wanted string) ([]byte, error) {
	if err := r.settle(ctx, name, wanted); err != nil {
		return nil, err
	}
	encrypted, err := by.readNamed(ctx, name, name, wanted)
	if err != nil {
		return nil, err
	}
	plain, err := by.identity.Decrypt(encrypted)
	if err != nil {
		return nil, &UntrustedError{URL: r.files.URL(name), Err: err}
	}
	return plain, nil
}

// count counts a secret that the new identity decrypts, or leaves it.
func (r *renewer) count(name string, err error) error {
	if err != nil {
		return r.leave(name, err)
	}
	r.tenant.Encrypted++
	return nil
}

func (r *renewer) registration(ctx context.Context, name string) error {
	var entry Registration
	found, err := r.read(ctx, name, &entry)
	if err != nil || found.sealer == sealedByNone {
		return err
	}
	own, err := registrationFile(entry.TenantID, entry.UniqueName)
	if is, err := r.ownName(name, own, err); !is {
		return err
	}
	if found.sealer == sealedByNext {
		r.tenant.Sealed++
		return nil
	}
	unlock, err := r.lockRegistration(ctx, name, entry)
	if err != nil {
		return err
	}
	defer unlock()
	return r.replace(ctx, name, entry, found.version)
}

func (r *renewer) certificate(ctx context.Context, name string) error {
	files, err := certificateFiles(r.tenant.TenantID, strings.TrimSuffix(path.Base(name), recordExtension))
	if is, err := r.ownName(name, files.record, err); !is {
		return err
	}
	unlock, err := r.next.lockCertificate(ctx, files)
	if err != nil {
		return err
	}
	defer unlock()
	var record certificateRecord
	found, err := r.read(ctx, name, &record)
	if err != nil || found.sealer == sealedByNone {
		return err
	}
	r.sealedKeys[files.pfx] = true
	for file, wanted := range map[string]string{files.pfx: record.PFXSHA256, files.password: record.PasswordSHA256} {
		if err := r.settle(ctx, file, wanted); err != nil {
			return err
		}
	}
	if found.sealer == sealedByNext {
		r.tenant.Sealed++
		_, _, err := r.next.sealedPair(ctx, files, record)
		return r.count(files.pfx, err)
	}
	pair, _, err := r.old.sealedPair(ctx, files, record)
	var parts []part
	switch {
	case unusable(err): // as before
	case err != nil:
		return err
	default:
		pfx, password, err := keys.Pack(pair, record.encryption())
		if err != nil {
			return err
		}
		encrypted, err := r.next.identity.Encrypt([]byte(password), nil)
		if err != nil {
			return err
		}
		parts = []part{{files.password, encrypted}, {files.pfx, pfx}}
		record.RenewedPFXSHA256, record.PFXSHA256, record.PasswordSHA256 = record.PFXSHA256, sum(pfx), sum(encrypted)
	}
	return r.replace(ctx, name, record, found.version, parts...)
}

// unsealedKeys encrypts the passwords of keys to the new identity that no record proves, such as those that versions
// before the seals wrote: to a state that names its certificate, a key that opens is as good as a sealed one. They stay
// without a seal.
func (r *renewer) unsealedKeys(ctx context.Context, folder string) error {
	names, err := r.files.List(ctx, folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		thumbprint, isPFX := strings.CutSuffix(name, pfxExtension)
		files, err := certificateFiles(r.tenant.TenantID, thumbprint)
		if !isPFX || err != nil || files.pfx != path.Join(folder, name) || r.sealedKeys[files.pfx] {
			continue
		}
		if err := r.unsealedKey(ctx, files); err != nil {
			return err
		}
	}
	return nil
}

func (r *renewer) unsealedKey(ctx context.Context, files certificateNames) error {
	unlock, err := r.next.lockCertificate(ctx, files)
	if err != nil {
		return err
	}
	defer unlock()
	pfx, err := r.old.readRaw(ctx, files.pfx, files.pfx)
	if err != nil {
		return r.leave(files.pfx, err)
	}
	encrypted, err := r.old.readRaw(ctx, files.password, files.password)
	if err != nil {
		return r.leave(files.password, err)
	}
	if _, _, err := r.next.openPair(ctx, files, pfx.content, encrypted.content); err == nil {
		return r.count(files.password, nil)
	}
	_, password, err := r.old.openPair(ctx, files, pfx.content, encrypted.content)
	if err != nil {
		return r.leave(files.password, err)
	}
	content, err := r.next.identity.Encrypt(password, nil)
	if err != nil {
		return err
	}
	r.changed = true
	return r.next.put(ctx, files.password, content)
}

func (r *renewer) connection(ctx context.Context, name string) error {
	unlock, err := r.next.lockFile(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	var c Connection
	found, err := r.read(ctx, name, &c)
	if err != nil || found.sealer == sealedByNone {
		return err
	}
	own, err := connectionFile(c.TenantID, c.Mailbox, recordExtension)
	if is, err := r.ownName(name, own, err); !is {
		return err
	}
	secret, _ := connectionFile(c.TenantID, c.Mailbox, secretExtension)
	password, _ := connectionFile(c.TenantID, c.Mailbox, pfxPasswordExtension)
	if found.sealer == sealedByNext {
		r.tenant.Sealed++
		return r.countSecrets(ctx, map[string]string{secret: c.Files.Secret, password: c.Files.PFXPassword})
	}
	var parts []part
	if c.Files.Secret != "" {
		plain, err := r.decrypt(ctx, r.old, secret, c.Files.Secret)
		if parts, err = r.encrypt(secret, plain, err, c.HandoffRecipients, parts, &c.Files.Secret); err != nil {
			return err
		}
	}
	if c.Files.PFXPassword != "" {
		plain, pfx, err := r.renewedPassword(ctx, c)
		if unusable(err) {
			plain, err = r.decrypt(ctx, r.old, password, c.Files.PFXPassword)
		}
		if parts, err = r.encrypt(password, plain, err, c.HandoffRecipients, parts, &c.Files.PFXPassword); err != nil {
			return err
		}
		if pfx != "" {
			c.Files.PFX = pfx
		}
	}
	return r.replace(ctx, name, c, found.version, parts...)
}

// encrypt adds a secret that was decrypted, and names it by its hash. One that could not be stays as it is: the next
// look, which finds the record sealed, names it.
func (r *renewer) encrypt(
	name string, plain []byte, err error, recipients []string, parts []part, named *string,
) ([]part, error) {
	if unusable(err) {
		return parts, nil
	}
	if err != nil {
		return nil, err
	}
	content, err := r.next.identity.Encrypt(plain, recipients)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.files.URL(name), err)
	}
	*named = sum(content)
	return append(parts, part{name, content}), nil
}

// renewedPassword returns the password that a connection's PFX got in this renewal, and the hash of the PFX. It is for
// the recipients of the PFX that this one replaced: a record that the old identity sealed gets no other one, because
// somebody who knows the old identity may have written it.
func (r *renewer) renewedPassword(ctx context.Context, c Connection) (password []byte, pfx string, err error) {
	files, err := certificateFiles(c.TenantID, c.CertificateThumbprint)
	if err != nil {
		return nil, "", err
	}
	record, err := r.next.readCertificate(ctx, files)
	if err != nil {
		return nil, "", err
	}
	if record.RenewedPFXSHA256 == "" || record.RenewedPFXSHA256 != c.Files.PFX {
		return nil, "", fmt.Errorf("password of %s: %w", files.pfx, ErrNotFound)
	}
	encrypted, err := r.next.readNamed(ctx, files.password, files.password, record.PasswordSHA256)
	if err != nil {
		return nil, "", err
	}
	if password, err = r.next.identity.Decrypt(encrypted); err != nil {
		return nil, "", &UntrustedError{URL: r.files.URL(files.password), Err: err}
	}
	return password, record.PFXSHA256, nil
}

func (r *renewer) countSecrets(ctx context.Context, wanted map[string]string) error {
	for name, hash := range wanted {
		if hash == "" {
			continue
		}
		_, err := r.decrypt(ctx, r.next, name, hash)
		if err := r.count(name, err); err != nil {
			return err
		}
	}
	return nil
}
