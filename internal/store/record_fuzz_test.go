package store

import (
	"errors"
	"strings"
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

// checkAccepted holds a connection that was read against what the provider relies on, if it passes for one.
func checkAccepted(t *testing.T, c Connection) {
	t.Helper()
	if _, err := connectionFile(c.TenantID, c.Mailbox, recordExtension); err != nil || c.check() != nil {
		return
	}
	if tenantID, mailbox, ok := CutID(c.ID()); !ok || !strings.EqualFold(tenantID, c.TenantID) ||
		mailbox != strings.ToLower(c.Mailbox) {
		t.Errorf("the ID %q is taken apart into %q and %q", c.ID(), tenantID, mailbox)
	}
	written := c
	if _, err := prepare(&written); err != nil || written.check() != nil || written.ID() != c.ID() {
		t.Errorf("%+v is read, and cannot be written: %v", c, err)
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
	f.Add([]byte(`{"schema_version":1,"tenant_id":"` + strings.ToUpper(tenant) + `","mailbox":"M@c.d",` +
		`"client_id":"00000003-0000-0000-C000-000000000000","credential_type":"certificate","owner":"o","certificate_thumbprint":` +
		`"a1 b2 C3D4E5F60718293A4B5C6D7E8F9001122334","public_folder_paths":["\\b","\\a"],"ews":{"initial_domain":"d"}}`))
	f.Add([]byte(`{"schema_version":1,"tenant_id":"` + tenant + `","mailbox":"m@c.d","owner":"o",` +
		`"client_id":"00000003-0000-0000-c000-000000000000","credential_type":"client_secret"}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		first := &connectionRecord{}
		readBack(t, content, first, &connectionRecord{})
		checkAccepted(t, first.Connection)
		readBack(t, content, &registrationRecord{}, &registrationRecord{})
	})
}
