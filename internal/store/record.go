package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path"
	"strings"
)

// schemaVersion is the version of the records that this provider writes, and the newest that it reads.
const schemaVersion = 1

// version is the first member of every record.
type version struct {
	SchemaVersion int `json:"schema_version"`
}

// encodeRecord writes a record so that people can read it, and compare two versions of it.
func encodeRecord(record any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(record); err != nil {
		return nil, fmt.Errorf("write the record as JSON: %w", err)
	}
	return b.Bytes(), nil
}

// decodeRecord reads a record of any schema version up to ours. url names the file in errors.
func decodeRecord(url string, content []byte, record any) error {
	content = bytes.TrimPrefix(content, []byte("\ufeff")) // Windows' editor puts one in front
	if len(bytes.TrimSpace(content)) == 0 {
		return &DamagedError{Path: url, Err: errors.New("it is empty")}
	}
	var v version
	if err := json.Unmarshal(content, &v); err != nil {
		return &DamagedError{Path: url, Err: err}
	}
	if v.SchemaVersion > schemaVersion {
		return &NewerSchemaError{Path: url, Found: v.SchemaVersion, Known: schemaVersion}
	}
	if v.SchemaVersion < 1 {
		return &DamagedError{Path: url, Err: errors.New("it has no schema_version")}
	}
	// Strict, so that a name mistyped by hand is not silently a value left out.
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(record); err != nil {
		return &DamagedError{Path: url, Err: err}
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return &DamagedError{Path: url, Err: errors.New("something follows the record")}
	}
	return nil
}

// readRecord reads and decodes a record. A missing file is ErrNotFound, with what it would hold.
func (s *Store) readRecord(ctx context.Context, file, what string, record any) error {
	url := s.files.URL(file)
	content, err := s.read(ctx, file, what+" "+url)
	if err != nil {
		return err
	}
	return decodeRecord(url, content, record)
}

// tenantRecords yields the records in a folder one by one, so that a search for one need not read them all.
func tenantRecords[R any](
	ctx context.Context, s *Store, folder string, read func(ctx context.Context, file string) (R, error),
) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		names, err := s.files.List(ctx, folder)
		if err != nil {
			var none R
			yield(none, err)
			return
		}
		for _, name := range names {
			if !strings.HasSuffix(name, recordExtension) {
				continue
			}
			record, err := read(ctx, path.Join(folder, name))
			if errors.Is(err, ErrNotFound) {
				continue // deleted since it was listed
			}
			if !yield(record, err) {
				return
			}
		}
	}
}
