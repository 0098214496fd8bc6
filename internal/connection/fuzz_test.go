package connection

import (
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

func FuzzAnImportIDNamesATenantAndAMailbox(f *testing.F) {
	const aTenant = "00000003-0000-0000-c000-000000000000"
	for _, given := range []string{"", "/", aTenant, aTenant + "/", aTenant + "/migration@contoso.com", aTenant +
		"//", "/migration@contoso.com", aTenant + "/a/b", " " + aTenant + "/a@b.c"} {
		f.Add(given, "migration@contoso.com")
	}
	f.Fuzz(func(t *testing.T, given, mailbox string) {
		if isImportID(given) && (len(given) < 38 || !guid.Valid(given[:36]) || given[36] != '/') {
			t.Errorf("%q is taken for an import ID", given)
		}
		connection := store.Connection{TenantID: aTenant, Mailbox: mailbox}
		if store.CheckMailbox(mailbox) == nil && !isImportID(connection.ID()) {
			t.Errorf("the connection %q cannot be imported", connection.ID())
		}
		if strings.Contains(given, "/") && isImportID(given) && isImportID("x"+given) {
			t.Errorf("something may precede %q", given)
		}
	})
}
