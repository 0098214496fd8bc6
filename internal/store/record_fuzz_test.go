package store

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/sealing"
)

// checkAccepted holds a connection that is authentic against what the provider relies on, if the store would write it.
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

// Only the store's identity makes records that count. Whatever else is in a file counts for nothing, and never stops
// the search for what names a key.
func FuzzWhateverAFileHoldsIsUntrustedOrNewer(f *testing.F) {
	dir := withIdentity(f)
	s := open(f, dir, passphrase)
	identity, err := s.unlock(f.Context())
	must(f, err)
	elsewhere, err := identity.Seal(recordOf("other@contoso.com"), withSecret())
	must(f, err)
	for _, content := range []string{
		"", " ", "\ufeff", "null", "[]", "{}", `{"schema_version":0}`, `{"schema_version":2}`, `{"schema_version":1}`,
		`{"schema_version":2e0}`, `{"schema_version":2} x`, `{"schema_version":2,"mac":"","record":null}`,
		`{"schema_version":2,"mac":"` + strings.Repeat("0", 64) + `","record":{}}`,
		`{"schema_version":1,"tenant_id":"t","mailbox":"m@c.d","certificate_thumbprint":"` + thumb + `"}`,
		`{"schema_version":1,"schema_version":9}`, `{"Schema_Version":2,"MAC":"m"}`, "{\"schema_version\":2,\"mac\":\"\xff\"}",
		string(elsewhere), "\ufeff" + string(elsewhere),
	} {
		f.Add([]byte(content))
	}
	must(f, os.MkdirAll(filepath.Dir(fileIn(dir, recordOf(mailbox))), 0o700))
	f.Fuzz(func(t *testing.T, content []byte) {
		must(t, os.WriteFile(fileIn(dir, recordOf(mailbox)), content, 0o600))
		c, err := s.Connection(t.Context(), tenant, mailbox, 0)
		if _, newer := errors.AsType[*NewerSchemaError](err); !newer && !IsUntrusted(err) || c.Owner != "" {
			t.Errorf("%q is read as %+v, %v", content, c, err)
		}
		if _, err := s.CertificateNamedBy(t.Context(), tenant, thumb); err != nil {
			t.Errorf("%q stops the search for what names a key: %v", content, err)
		}
	})
}

func FuzzAnyRecordThatIsSealedIsReadAsItWasWrittenOrRefused(f *testing.F) {
	for _, record := range []string{
		"{}", "null", "[]", `""`, `{"name":"a","name":"b"}`, `{"tenant_id":1}`, `{"more":1}`,
		`{"tenant_id":"` + strings.ToUpper(tenant) + `","mailbox":"M@c.d","owner":"o","credential_type":"certificate",` +
			`"client_id":"00000003-0000-0000-C000-000000000000","certificate_thumbprint":` +
			`"a1 b2 C3D4E5F60718293A4B5C6D7E8F9001122334","public_folder_paths":["\\b","\\a"],"ews":{"initial_domain":"d"}}`,
		`{"tenant_id":"` + tenant + `","mailbox":"m@c.d","owner":"o","credential_type":"client_secret",` +
			`"client_id":"00000003-0000-0000-c000-000000000000","written_at":"0000-00-00T00:00:00Z"}`,
		`{"mailbox":"<a&b@c.d>","generation":9223372036854775807,"files":{"sheet_sha256":"x"}}`,
	} {
		f.Add([]byte(record))
	}
	identity, err := sealing.NewIdentity()
	must(f, err)
	f.Fuzz(func(t *testing.T, content []byte) {
		if !json.Valid(content) {
			return
		}
		sealed, err := identity.Seal("a/b.json", json.RawMessage(content))
		must(t, err)
		raw, err := identity.Open("a/b.json", sealed)
		must(t, err)
		var first, second Connection
		if decode(raw, &first) != nil {
			return
		}
		checkAccepted(t, first)
		again, err := identity.Seal("a/b.json", first)
		if err != nil {
			return // such as a year that JSON has no form for
		}
		raw, err = identity.Open("a/b.json", again)
		must(t, err)
		must(t, decode(raw, &second))
		if third, err := identity.Seal("a/b.json", second); err != nil || string(third) != string(again) {
			t.Errorf("read back, %s\nis %s (%v)", again, third, err)
		}
	})
}
