package connectivity

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

func FuzzAConnectionIDIsATenantAndAMailboxOrNone(f *testing.F) {
	const aTenant = "00000003-0000-0000-c000-000000000000"
	for _, id := range []string{
		"", "/", aTenant, aTenant + "/migration@contoso.com", "/migration@contoso.com", aTenant + "/@", aTenant + "/a@b@c.d",
		aTenant + "/a/b@c.d", aTenant + "//a@b.c", aTenant + "/a b@c.d", aTenant + "/a@b.c\n", aTenant + "/a@b.c/",
	} {
		f.Add(aTenant, id, "migration@contoso.com")
	}
	f.Add(aTenant, "", "\u0130@contoso.com")
	f.Fuzz(func(t *testing.T, tenantID, id, mailbox string) {
		if tenant, address, ok := splitID(id); ok &&
			(tenant+"/"+address != id || !guid.Valid(tenant) || strings.Count(address, "@") != 1 ||
				strings.Contains(address, "/")) {
			t.Errorf("%q is taken for %q and %q", id, tenant, address)
		}
		// Whatever a connection can be made of has an ID that is taken apart again.
		var response validator.StringResponse
		tfvalidate.EmailAddress().ValidateString(t.Context(),
			validator.StringRequest{ConfigValue: types.StringValue(mailbox)}, &response)
		if response.Diagnostics.HasError() || !guid.Valid(tenantID) {
			return
		}
		if tenant, address, ok := splitID(strings.ToLower(tenantID + "/" + mailbox)); !ok ||
			!strings.EqualFold(tenant, tenantID) || address != strings.ToLower(mailbox) {
			t.Errorf("the connection of %q in %s has the ID of %q in %s: %t", mailbox, tenantID, address, tenant, ok)
		}
	})
}
