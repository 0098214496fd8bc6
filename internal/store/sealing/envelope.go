package sealing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// SchemaVersion is the version of the sealed records that this provider writes, and the newest that it reads. Version
// 1 had no seal.
const SchemaVersion = 2

// What keeps a record from being believed.
var (
	// ErrUnsealed says that a record has no seal: it is of schema version 1, or somebody wrote it by hand.
	ErrUnsealed = errors.New("it has no seal")
	// ErrForged says that the seal is not this store's, or was made for another file or another content.
	ErrForged = errors.New("its seal does not fit: it was changed, moved from another name, or written for another store")
)

// NewerError says that a newer provider sealed a record.
type NewerError struct{ Found int } // schema version

func (e *NewerError) Error() string {
	return fmt.Sprintf("it was written by a newer version of this provider (schema version %d; this one knows %d)",
		e.Found, SchemaVersion)
}

// envelope is a sealed record as a file holds it.
type envelope struct {
	SchemaVersion int             `json:"schema_version"`
	MAC           string          `json:"mac"` // 64 lower-case hex digits
	Record        json.RawMessage `json:"record"`
}

// Seal writes a record as JSON that people can read, with a proof that who wrote it had the identity. name is the
// file's, relative to the store's root, so that the record counts under this name alone, in every copy of the store.
func (i *Identity) Seal(name string, record any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("  ", "  ")
	if err := encoder.Encode(record); err != nil {
		return nil, fmt.Errorf("write the record as JSON: %w", err)
	}
	return i.seal(name, bytes.TrimSpace(b.Bytes())), nil
}

func (i *Identity) seal(name string, record []byte) []byte {
	return fmt.Appendf(nil, "{\n  \"schema_version\": %d,\n  \"mac\": %q,\n  \"record\": %s\n}\n",
		SchemaVersion, hex.EncodeToString(i.sum(SchemaVersion, name, record)), record)
}

// Open returns the record in a sealed file once its seal is proved. The file has to be the one that Seal wrote, byte
// by byte, except for a byte order mark in front: JSON would take another case of the members' names. The error is
// ErrUnsealed, ErrForged, *NewerError or one of JSON.
func (i *Identity) Open(name string, content []byte) (record json.RawMessage, err error) {
	sealed, err := parse(content)
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(bytes.TrimPrefix(content, byteOrderMark), i.seal(name, sealed.Record)) {
		return nil, ErrForged
	}
	return sealed.Record, nil
}

// Unproved returns the record of a sealed file, or of one without a seal, as anybody may have written it. What it says
// may hold something back, and decides nothing else.
func Unproved(content []byte) (json.RawMessage, error) {
	sealed, err := parse(content)
	if errors.Is(err, ErrUnsealed) {
		return bytes.TrimPrefix(content, byteOrderMark), nil
	}
	return sealed.Record, err
}

var byteOrderMark = []byte("\ufeff") // Windows' editor puts one in front

func parse(content []byte) (sealed envelope, err error) {
	content = bytes.TrimPrefix(content, byteOrderMark)
	if len(bytes.TrimSpace(content)) == 0 {
		return sealed, errors.New("it is empty")
	}
	var version struct {
		SchemaVersion int `json:"schema_version"`
	}
	if err := json.Unmarshal(content, &version); err != nil {
		return sealed, unquoted(err)
	}
	switch {
	case version.SchemaVersion > SchemaVersion:
		return sealed, &NewerError{version.SchemaVersion}
	case version.SchemaVersion < SchemaVersion:
		return sealed, ErrUnsealed
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&sealed); err != nil {
		return sealed, unquoted(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return sealed, errors.New("something follows the record")
	}
	return sealed, nil
}

// unquoted is an error of reading JSON without what it quotes, which anybody may have written: names of members, and
// values.
func unquoted(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("it is not JSON from byte %d on", syntax.Offset)
	}
	return errors.New("it is JSON, but not a record")
}

// sum is the MAC over the schema version, the file's name and the record's bytes. Each is preceded by its length, so
// that no two different inputs are the same bytes.
func (i *Identity) sum(version int, name string, record []byte) []byte {
	mac := hmac.New(sha256.New, i.mac)
	for _, part := range [][]byte{fmt.Appendf(nil, "%d", version), []byte(strings.ToLower(name)), record} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		mac.Write(length[:])
		mac.Write(part)
	}
	return mac.Sum(nil)
}
