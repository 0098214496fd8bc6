package connection

import (
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

func FuzzAnImportIDNamesATenantAndAMailbox(f *testing.F) {
	const guid = "00000003-0000-0000-c000-000000000000"
	for _, given := range []string{"", "/", guid, guid + "/", guid + "/migration@contoso.com", guid + "//", "/migration@contoso.com", guid + "/a/b", " " + guid + "/a@b.c"} {
		f.Add(given, "migration@contoso.com")
	}
	f.Fuzz(func(t *testing.T, given, mailbox string) {
		if isImportID(given) && (len(given) < 38 || !tfvalidate.IsGUID(given[:36]) || given[36] != '/') {
			t.Errorf("%q is taken for an import ID", given)
		}
		connection := store.Connection{TenantID: guid, Mailbox: mailbox}
		if store.CheckMailbox(mailbox) == nil && !isImportID(connection.ID()) {
			t.Errorf("the connection %q cannot be imported", connection.ID())
		}
		if strings.Contains(given, "/") && isImportID(given) && isImportID("x"+given) {
			t.Errorf("something may stand before %q", given)
		}
	})
}
