package store

import (
	"errors"
	"testing"
)

// aRecord is a kind of record.
type aRecord interface {
	*connectionRecord | *registrationRecord
}

// readBack decodes a record, and what was made of it once more.
func readBack[R aRecord](t *testing.T, content []byte, first, second R) {
	t.Helper()
	err := decodeRecord("file:///store/record.json", content, first)
	var damaged *DamagedError
	var newer *NewerSchemaError
	if err != nil {
		if !errors.As(err, &damaged) && !errors.As(err, &newer) {
			t.Errorf("the error is %v", err)
		}
		return
	}
	written, err := encodeRecord(first)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	if err := decodeRecord("file:///store/record.json", written, second); err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, written)
	}
	again, err := encodeRecord(second)
	if err != nil || string(again) != string(written) {
		t.Errorf("read back, %s\nis %s (%v)", written, again, err)
	}
}

func FuzzAnyRecordIsReadOrDamagedOrNewer(f *testing.F) {
	for _, content := range []string{
		"", " ", "\ufeff", "null", "[]", "{}", `{"schema_version":0}`, `{"schema_version":2}`, `{"schema_version":1}`,
		`{"schema_version":1e0}`, `{"schema_version":1} x`,
		`{"schema_version":1,"tenant_id":"t","mailbox":"m@c.d","name":"n","client_id":"c",` +
			`"credential_type":"certificate","migrate_public_folders":true,"owner":"o","revision":"r"}`,
		`{"schema_version":1,"tenant_id":"t","unique_name":"u","display_name":"d","marker":"m",` +
			`"thumbprints":["A"],"started_at":"2026-11-26T00:00:00Z"}`,
		"\ufeff" + `{"schema_version":1,"written_at":"2026-11-26T00:00:00.5+02:00","handoff_recipients":[null]}`,
		`{"schema_version":1,"written_at":"0000-00-00T00:00:00Z"}`,
		`{"schema_version":1,"schema_version":9}`, `{"Schema_Version":1,"MAILBOX":"m"}`, `{"schema_version":1,"mailbox":"` +
			"\xff" + `"}`,
	} {
		f.Add([]byte(content))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		readBack(t, content, &connectionRecord{}, &connectionRecord{})
		readBack(t, content, &registrationRecord{}, &registrationRecord{})
	})
}
