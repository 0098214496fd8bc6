package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// nextGeneration is the generation of a record that follows what the file has and what the state has seen. The first
// one is the writer's time, so that a record which is made again after it was deleted is newer than its predecessors.
func nextGeneration(found, known int64, now time.Time) int64 {
	return max(found+1, known+1, now.Unix())
}

// file is a file as it was read.
type file struct {
	content []byte
	version place.Version // empty where there is no file
}

// readRaw reads a file whose content is proved by what is done with it. A missing file is ErrNotFound, with what it
// would hold; what is not a file of the store is an *UntrustedError.
func (s *Store) readRaw(ctx context.Context, name, what string) (file, error) {
	content, version, err := s.files.Read(ctx, name)
	if errors.Is(err, fs.ErrNotExist) {
		return file{}, fmt.Errorf("%s: %w", what, ErrNotFound)
	}
	if unusable := (*place.UnusableError)(nil); errors.As(err, &unusable) {
		err = &UntrustedError{URL: s.files.URL(name), Err: errors.New("it is " + unusable.What)}
	}
	return file{content, version}, err
}

// readNamed reads a file that an authentic record names by its SHA-256.
func (s *Store) readNamed(ctx context.Context, name, what, wanted string) ([]byte, error) {
	found, err := s.readRaw(ctx, name, what)
	if err != nil {
		return nil, err
	}
	if sum(found.content) != wanted {
		return nil, &UntrustedError{URL: s.files.URL(name), Err: errors.New("its content does not match its record")}
	}
	return found.content, nil
}

func sum(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

// readRecord reads a record and proves it: by its seal, which fits this name alone, and by its generation, of which
// record's header tells. A missing file is ErrNotFound, with what it would hold. The version is also returned with an
// *UntrustedError, so that the file can be replaced.
func (s *Store) readRecord(
	ctx context.Context, name, what string, since int64, record any, generation *int64,
) (place.Version, error) {
	url := s.files.URL(name)
	identity, err := s.unlock(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		var there bool
		if there, err = s.files.Exists(ctx, name); err == nil && there {
			identity, err = s.unlockUnlessNew(ctx)
		}
		if err == nil && identity == nil {
			err = fmt.Errorf("%s %s: %w", what, url, ErrNotFound)
		}
	}
	if err != nil {
		return "", err
	}
	found, err := s.readRaw(ctx, name, what+" "+url)
	if err != nil {
		return found.version, err
	}
	raw, err := identity.Open(name, found.content)
	if newer := (*sealing.NewerError)(nil); errors.As(err, &newer) {
		return found.version, &NewerSchemaError{URL: url, Found: newer.Found, Known: sealing.SchemaVersion}
	}
	if err == nil {
		err = decode(raw, record)
	}
	if err == nil && *generation < since {
		err = &RolledBackError{Found: *generation, Known: since}
	}
	if err != nil {
		return found.version, &UntrustedError{URL: url, Err: err}
	}
	return found.version, nil
}

// decode reads a record strictly: an authentic one with fields that are not known comes from a version of the provider
// that does not exist.
func decode(raw json.RawMessage, record any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(record)
}

// writeRecord seals a record and writes it: a new file where unchanged is empty, and else in place of that version.
// fs.ErrExist or place.ErrChanged where another run was quicker; *RenewalError or ErrIdentityChanged where the identity
// is being replaced, or was.
func (s *Store) writeRecord(
	ctx context.Context, identity *sealing.Identity, name string, record any, unchanged place.Version,
) (place.Version, error) {
	content, err := identity.Seal(name, record)
	if err == nil {
		err = s.identityIsCurrent(ctx)
	}
	if err != nil {
		return "", err
	}
	if unchanged == "" {
		return s.files.Create(ctx, name, content)
	}
	return s.files.Replace(ctx, name, content, unchanged)
}

// unproved returns what a record says, as anybody may have written it: it can hold something back, and decides nothing
// else. What cannot be read is an error.
func (s *Store) unproved(ctx context.Context, name, what string, record any) error {
	found, err := s.readRaw(ctx, name, what)
	if err != nil {
		return err
	}
	raw, err := sealing.Unproved(found.content)
	if newer := (*sealing.NewerError)(nil); errors.As(err, &newer) {
		return &NewerSchemaError{URL: s.files.URL(name), Found: newer.Found, Known: sealing.SchemaVersion}
	}
	if err == nil && json.Unmarshal(raw, record) != nil {
		err = errors.New("it is not a record") // the error of JSON would quote it
	}
	if err != nil {
		return &UntrustedError{URL: s.files.URL(name), Err: err}
	}
	return nil
}

// notOfFileName reports whether a character is in no name that fileName makes, in whatever case a file system or a
// program that synchronizes folders writes it. A file with one in its name is not a record, and no message shows it.
func notOfFileName(r rune) bool {
	return !strings.ContainsRune("._+@-%~", r) && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// recordNames yields the names of the records in a folder.
func recordNames(ctx context.Context, files place.Place, folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		names, err := files.List(ctx, folder)
		if err != nil {
			yield("", err)
			return
		}
		for _, name := range names {
			if strings.HasSuffix(name, recordExtension) && !strings.ContainsFunc(name, notOfFileName) &&
				!yield(path.Join(folder, name), nil) {
				return
			}
		}
	}
}

// records yields the records in a folder one by one, so that a search for one need not read them all.
func records[R any](
	ctx context.Context, s *Store, folder string, read func(ctx context.Context, name string) (R, error),
) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for name, err := range recordNames(ctx, s.files, folder) {
			var record R
			if err == nil {
				record, err = read(ctx, name)
			}
			if errors.Is(err, ErrNotFound) {
				continue // deleted since it was listed
			}
			if !yield(record, err) {
				return
			}
		}
	}
}
