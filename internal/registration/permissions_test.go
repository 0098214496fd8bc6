package registration

import (
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
)

func TestTargetAppRegistration_AnIDThatTheTenantDoesNotKnowThePermissionByGrantsNothing(t *testing.T) {
	api := permission.API{Name: "Microsoft Graph", AppID: "00000003-0000-0000-c000-000000000000"}
	const ours, theirs = "7ab1d382-f21e-4acd-a863-ba3e13f7da61", "11111111-1111-4111-8111-111111111111"
	role := entra.AppRole{ID: ours, Value: "Directory.Read.All", Enabled: true, Application: true}
	asked := map[string]Permission{
		"Microsoft Graph/Directory.Read.All": {Permission: permission.Outside(api, "Directory.Read.All", ours), Declared: true, Consented: true},
	}
	for name, c := range map[string]struct {
		change func(*entra.AppRole)
		want   string
	}{
		"as the plan has it":         {func(*entra.AppRole) {}, ""},
		"under another ID":           {func(r *entra.AppRole) { r.ID = theirs }, "knows it as " + theirs},
		"disabled":                   {func(r *entra.AppRole) { r.Enabled = false }, "offers no application permission"},
		"for people only":            {func(r *entra.AppRole) { r.Application = false }, "offers no application permission"},
		"its ID under another name":  {func(r *entra.AppRole) { r.Value = "Mail.ReadWrite" }, "offers no application permission"},
		"its ID in a different case": {func(r *entra.AppRole) { r.ID = strings.ToUpper(r.ID) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			offered := role
			c.change(&offered)
			_, err := resolve(map[string]entra.ResourceApplication{api.AppID: {ObjectID: "o", AppID: api.AppID,
				Roles: []entra.AppRole{offered}}}, asked)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
