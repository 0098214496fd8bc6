package sandbox

import (
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestTwoHundredTenantsAreDistinctAndShareWhatNeverChanges(t *testing.T) {
	r := newRig(t, Options{Tenants: 200})
	seen := map[string]bool{}
	for _, tenant := range r.server.TenantsJSON().Tenants {
		for _, name := range []string{tenant.TenantID, tenant.Domain, tenant.DisplayName} {
			if seen[name] {
				t.Errorf("%q stands for two tenants", name)
			}
			seen[name] = true
		}
		if tenant.Mailboxes.Licensed[0] != "migration@"+tenant.Domain || len(tenant.Mailboxes.Licensed) < 2 {
			t.Errorf("the licensed mailboxes of %s are %v", tenant.DisplayName, tenant.Mailboxes.Licensed)
		}
		for kind, addresses := range map[string][]string{
			"unlicensed": tenant.Mailboxes.Unlicensed, "kiosk": tenant.Mailboxes.Kiosk, "disabled": tenant.Mailboxes.Disabled,
			"no mailbox": tenant.Mailboxes.NoMailbox, "public folder owner": tenant.Mailboxes.PublicFolderOwner,
		} {
			if len(addresses) == 0 {
				t.Errorf("%s has no user of the kind %s", tenant.DisplayName, kind)
			}
		}
	}
	first, last := seeded(r.server.world.Tenants[0], tenant.GraphAppID),
		seeded(r.server.world.Tenants[199], tenant.GraphAppID)
	if first.ID == last.ID {
		t.Error("Graph's service principal has the same object ID in two tenants")
	}
	if &first.AppRoles[0] != &last.AppRoles[0] {
		t.Error("every tenant has a copy of Graph's roles of its own")
	}
	if applications := r.server.world.Tenants[199].Directory.Applications.List(tenant.Present(),
		nil); len(applications) != 3 {
		t.Errorf("the last tenant has %d application objects; those of the multi-tenant callers belong to the first alone",
			len(applications))
	}
}

func TestEachCallerHasItsRightsAndNoMore(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.TenantsJSON().Tenants[0]
	for name, test := range map[string]struct {
		caller     Caller
		has, lacks string
	}{
		"full":             {tenant.Callers.Full, "AppRoleAssignment.ReadWrite.All", "User.ReadWrite.All"},
		"owned_by":         {tenant.Callers.OwnedBy, "Application.ReadWrite.OwnedBy", "Application.Read.All"},
		"no_consent_right": {tenant.Callers.NoConsentRight, "Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"},
		"read_only":        {tenant.Callers.ReadOnly, "Application.Read.All", "Application.ReadWrite.All"},
		"interop":          {tenant.Callers.Interop, "Group.ReadWrite.All", "MailboxSettings.Read"},
	} {
		bearer := r.token(tenant.TenantID, secretForm(test.caller.ClientID, test.caller.ClientSecret, graphDefault))
		token, fault := r.server.issuer.Verify(bearer)
		if fault != nil {
			t.Fatalf("%s: %s", name, fault.Reason)
		}
		if !token.HasRole(test.has) || token.HasRole(test.lacks) {
			t.Errorf("%s has the roles %v", name, token.Roles)
		}
	}
}

func TestTheAPIsHoldTheTrapsOfTheRealOnes(t *testing.T) {
	rolesOf := func(appID string) []tenant.AppRole {
		api, _ := newRig(t, Options{}).server.world.Tenants[0].ServicePrincipalByAppID(tenant.Present(), appID)
		return api.AppRoles
	}
	graphRoles, exchangeRoles, sharePointRoles := rolesOf(tenant.GraphAppID), rolesOf(tenant.ExchangeAppID),
		rolesOf("00000003-0000-0ff1-ce00-000000000000")
	count := func(roles []tenant.AppRole, keep func(tenant.AppRole) bool) int {
		return len(slices.DeleteFunc(slices.Clone(roles), func(r tenant.AppRole) bool { return !keep(r) }))
	}
	imap := count(exchangeRoles, func(r tenant.AppRole) bool { return r.Value == "IMAP.AccessAsApp" && r.IsEnabled })
	if imap != 2 {
		t.Errorf("Exchange Online has IMAP.AccessAsApp %d times, want 2", imap)
	}
	const calendars = "ef54d2bf-783f-4e0f-bca1-3210c0444d99"
	for api, want := range map[string][]tenant.AppRole{"Calendars.ReadWrite": graphRoles,
		"Calendars.ReadWrite.All": exchangeRoles} {
		if count(want, func(r tenant.AppRole) bool { return r.ID == calendars && r.Value == api }) != 1 {
			t.Errorf("the role %s is not called %s", calendars, api)
		}
	}
	for _, roles := range [][]tenant.AppRole{graphRoles, exchangeRoles, sharePointRoles} {
		ids := map[string]bool{}
		for _, role := range roles {
			if ids[role.ID] || role.ID != strings.ToLower(role.ID) || len(role.ID) != 36 {
				t.Errorf("the ID %q of %s is no good, or one API has it twice", role.ID, role.Value)
			}
			ids[role.ID] = true
		}
	}
}
