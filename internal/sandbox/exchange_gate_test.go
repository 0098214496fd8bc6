package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// ewsOf asks Exchange for the inbox of a tenant's n-th licensed mailbox, and returns why it was refused: empty for an
// app that gets in.
func (r *rig) ewsOf(app *testApp, tenant TenantEntry, n int) string {
	r.t.Helper()
	mailbox := tenant.Mailboxes.Licensed[n]
	bearer := r.token(tenant.TenantID, secretForm(app.AppID, app.secret, exchangeDefault))
	got, soap := r.ews(bearer, mailbox, getFolder(mailbox, "inbox"))
	reason := got.Header.Get("X-EWS-Policy-Reason") + soap.Fault.Code
	if got.Status != http.StatusOK && reason == "" {
		r.t.Fatalf("HTTP %d without a reason: %s", got.Status, got.Body)
	}
	return reason
}

// gateOfTenant is Exchange's settings in the n-th tenant, as the control API shows them.
func (r *rig) gateOfTenant(n int, headers map[string]string) ExchangeState {
	r.t.Helper()
	var state ExchangeState
	r.do(http.MethodGet, "/_sandbox/tenants/"+r.server.world.Tenants[n].ID+"/exchange", "", headers).json(r.t, &state)
	return state
}

// As documented.
const (
	disabledReason = "EWS is disabled for this user or tenant"
	blockedReason  = "EWS is blocked by policy for this user or tenant"
)

func TestTheOrganizationsSwitchAndListDecideWhoGetsIntoEWS(t *testing.T) {
	r := newRig(t, Options{})
	org := r.server.TenantsJSON().Tenants[0]
	app, other := r.register(r.server.world.Tenants[0], tenant.ExchangeAppID+"/full_access_as_app"),
		r.register(r.server.world.Tenants[0])
	for _, test := range []struct{ patch, reason string }{
		{`{}`, ""},
		{`{"ews_allowed_app_ids": ["` + other.AppID + `"]}`, ""}, // the list does not count while the switch is unset
		{`{"ews_enabled": false}`, disabledReason},
		{`{"ews_allowed_app_ids": ["` + app.AppID + `"]}`, disabledReason},
		{`{"ews_enabled": true}`, ""},
		{`{"ews_allowed_app_ids": ["` + other.AppID + `", "` + strings.ToUpper(app.AppID) + `"]}`, ""},
		{`{"ews_allowed_app_ids": ["` + other.AppID + `"]}`, blockedReason},
		{`{"ews_allowed_app_ids": []}`, blockedReason},
		{`{"ews_allowed_app_ids": null}`, blockedReason},
		{`{"ews_enabled": null}`, ""},
	} {
		r.exchange(test.patch)
		if got := r.ewsOf(app, org, 0); got != test.reason {
			t.Errorf("after %s: %q, want %q", test.patch, got, test.reason)
		}
	}
}

func TestEitherSwitchRefusesEWS(t *testing.T) {
	r := newRig(t, Options{})
	org := r.server.TenantsJSON().Tenants[0]
	app := r.register(r.server.world.Tenants[0], tenant.ExchangeAppID+"/full_access_as_app")
	r.exchange(fmt.Sprintf(`{"ews_allowed_app_ids": [%q]}`, app.AppID))
	for _, test := range []struct{ organization, mailbox, reason string }{
		{"null", "", ""},
		{"null", org.Mailboxes.Licensed[0], disabledReason},
		{"true", org.Mailboxes.Licensed[0], disabledReason},
		{"true", org.Mailboxes.Licensed[1], ""},
		{"false", "", disabledReason},
	} {
		r.exchange(fmt.Sprintf(`{"ews_enabled": %s, "ews_disabled_mailboxes": [%q]}`, test.organization, test.mailbox))
		if got := r.ewsOf(app, org, 0); got != test.reason {
			t.Errorf("the organization's switch is %s, the one of %q is off: %q, want %q", test.organization, test.mailbox, got,
				test.reason)
		}
	}
}

func TestATenantBeginsWithTheGateThatWasAskedFor(t *testing.T) {
	for option, want := range map[string][]string{
		"":       {"unset", "unset"},
		"unset":  {"unset", "unset"},
		"false":  {"false", "false"},
		"listed": {"listed", "listed"},
		"empty":  {"empty", "empty"},
		"mixed":  {"unset", "false", "listed", "empty", "unset", "unset"},
	} {
		// what a tenant begins with is old news
		profile := map[bool]string{true: "realistic", false: "instant"}[option == "mixed"]
		r := newRig(t, Options{Gate: option, Tenants: len(want), Profile: profile})
		for i, org := range r.server.TenantsJSON().Tenants {
			if org.Gate != want[i] {
				t.Errorf("-gate %s: tenant %d has the gate %q, want %q", option, i+1, org.Gate, want[i])
			}
			app := r.register(r.server.world.Tenants[i], tenant.ExchangeAppID+"/full_access_as_app")
			r.control(http.MethodPost, "/clock", `{"settle": true}`) // for the sign-in
			reason := map[string]string{"false": disabledReason, "listed": blockedReason, "empty": blockedReason}[want[i]]
			if got := r.ewsOf(app, org, 0); got != reason {
				t.Errorf("-gate %s: a new app is answered with %q in tenant %d, want %q", option, got, i+1, reason)
			}
		}
	}
	if _, err := Start(Options{Gate: "open"}); err == nil ||
		!strings.Contains(err.Error(), `gate "open": there are unset, false, listed, empty, mixed`) {
		t.Errorf("a gate that there is not: %v", err)
	}
}

func TestAnAppOfAnotherCompanyIsOnTheListAndHoldsTheRight(t *testing.T) {
	r := newRig(t, Options{Gate: "mixed", Tenants: 4})
	for i, org := range r.server.State().Tenants {
		strangers, granted := 0, false
		for _, principal := range org.ServicePrincipals {
			if !slices.Contains(org.Exchange.EwsAllowedAppIDs, principal.ClientID) {
				continue
			}
			strangers++
			granted = slices.ContainsFunc(org.Grants, func(g GrantState) bool {
				return g.PrincipalID == principal.ObjectID && g.Role == "full_access_as_app" &&
					g.Resource == "Office 365 Exchange Online"
			})
			stored, found := r.server.world.Tenants[i].ServicePrincipalByAppID(tenant.Present(), principal.ClientID)
			if _, own := r.server.world.Find(stored.AppOwnerTenantID); !found || own || stored.AppOwnerTenantID == "" {
				t.Errorf("%s belongs to the tenant %q", principal.DisplayName, stored.AppOwnerTenantID)
			}
		}
		if i == 2 && (strangers != 1 || !granted || !org.Exchange.EwsListEdited) {
			t.Errorf("in the listed tenant: %d apps on the list, granted: %t, edited: %t", strangers, granted,
				org.Exchange.EwsListEdited)
		}
		seeded := len(tenant.FirstPartyAPIs) + len(r.server.world.Tenants[i].Callers)
		if i != 2 && (len(org.Exchange.EwsAllowedAppIDs) != 0 || len(org.ServicePrincipals) != seeded) {
			t.Errorf("tenant %d has %d service principals, and the list %v", i+1, len(org.ServicePrincipals),
				org.Exchange.EwsAllowedAppIDs)
		}
	}
}

func TestTwoTenantsDoNotShareAGate(t *testing.T) {
	r := newRig(t, Options{Tenants: 2})
	tenants := r.server.TenantsJSON().Tenants
	first, second := r.register(r.server.world.Tenants[0], tenant.ExchangeAppID+"/full_access_as_app"),
		r.register(r.server.world.Tenants[1], tenant.ExchangeAppID+"/full_access_as_app")
	if got := r.ewsOf(first, tenants[0], 0); got != "" {
		t.Fatalf("the first tenant: %q", got)
	}
	r.exchange(`{"second_wave": true}`)
	if got := r.ewsOf(second, tenants[1], 0); got != "" {
		t.Errorf("after the second wave in the first tenant, the second one answers %q", got)
	}
	if got := r.gateOfTenant(1, nil); got.EwsEnabled != nil || len(got.EwsAllowedAppIDs) != 0 || got.SecondWave ||
		len(got.EwsAppsSeen) != 1 || got.EwsAppsSeen[second.AppID].IsZero() {
		t.Errorf("the second tenant's gate is %+v", got)
	}
}

func TestTheSecondWaveListsWhatWasUsedInSixtyDaysAndShutsTheGate(t *testing.T) {
	r := newRig(t, Options{})
	org := r.server.TenantsJSON().Tenants[0]
	register := func() *testApp {
		return r.register(r.server.world.Tenants[0], tenant.ExchangeAppID+"/full_access_as_app")
	}
	old, recent, refused, unused := register(), register(), register(), register()
	if got := r.ewsOf(old, org, 0); got != "" {
		t.Fatal(got)
	}
	r.control(http.MethodPost, "/clock", `{"advance": "48h"}`)
	if got := r.ewsOf(recent, org, 0); got != "" {
		t.Fatal(got)
	}
	r.exchange(fmt.Sprintf(`{"ews_disabled_mailboxes": [%q]}`, org.Mailboxes.Licensed[1]))
	if got := r.ewsOf(refused, org, 1); got != disabledReason { // a refusal is no use
		t.Fatal(got)
	}
	r.control(http.MethodPost, "/clock", `{"advance": "1416h"}`) // the old app was seen 61 days ago, the recent one 59
	seen := r.gateOfTenant(0, nil).EwsAppsSeen
	if len(seen) != 2 || seen[recent.AppID].Sub(seen[old.AppID]) < 48*time.Hour {
		t.Errorf("the apps seen are %v", seen)
	}
	r.exchange(`{"second_wave": true}`)
	after := r.gateOfTenant(0, nil)
	if after.EwsEnabled == nil || *after.EwsEnabled || !slices.Equal(after.EwsAllowedAppIDs, []string{recent.AppID}) ||
		after.EwsListEdited || !after.SecondWave {
		t.Errorf("after the second wave the gate is %+v", after)
	}
	if got := r.ewsOf(recent, org, 0); got != disabledReason {
		t.Errorf("after the second wave, an app on the list: %q", got)
	}
	r.exchange(`{"ews_enabled": true}`)
	for app, want := range map[*testApp]string{recent: "", old: blockedReason, unused: blockedReason} {
		if got := r.ewsOf(app, org, 0); got != want {
			t.Errorf("once an administrator set True: %q, want %q", got, want)
		}
	}
	r.exchange(`{"ews_enabled": null}`)
	if got := r.ewsOf(unused, org, 0); got != "" {
		t.Errorf("once an administrator set null: %q", got)
	}
	path := "/_sandbox/tenants/" + org.TenantID + "/exchange"
	for _, patch := range []string{`{"second_wave": true, "ews_enabled": true}`, `{"second_wave": false}`} {
		if got := r.do(http.MethodPatch, path, patch, nil); got.Status != http.StatusBadRequest ||
			!strings.Contains(got.Body, "second_wave: ") {
			t.Errorf("%s after it: HTTP %d %s", patch, got.Status, got.Body)
		}
	}
	if got := r.gateOfTenant(0, nil); got.EwsEnabled != nil {
		t.Errorf("a refused second wave left EwsEnabled %t", *got.EwsEnabled)
	}
}

func TestOneEditOfTheListKeepsTheSecondWaveFromFillingIt(t *testing.T) {
	for edit, want := range map[string][]string{
		`["00000000-0000-4000-8000-000000000001"]`: {"00000000-0000-4000-8000-000000000001"},
		`[]`: {},
	} {
		r := newRig(t, Options{})
		org := r.server.TenantsJSON().Tenants[0]
		app := r.register(r.server.world.Tenants[0], tenant.ExchangeAppID+"/full_access_as_app")
		if got := r.ewsOf(app, org, 0); got != "" {
			t.Fatal(got)
		}
		r.exchange(`{"ews_allowed_app_ids": ` + edit + `}`)
		r.exchange(`{"second_wave": true}`)
		got := r.gateOfTenant(0, nil)
		if got.EwsEnabled == nil || *got.EwsEnabled || !got.EwsListEdited || !slices.Equal(got.EwsAllowedAppIDs, want) {
			t.Errorf("after the edit to %s and the second wave, the gate is %+v", edit, got)
		}
	}
}

func TestExchangeLearnsOfEachSwitchAfterAnHour(t *testing.T) {
	r := newRig(t, Options{Profile: "realistic", Seed: 7, Now: ticking()})
	org := r.server.TenantsJSON().Tenants[0]
	app := r.register(r.server.world.Tenants[0], tenant.ExchangeAppID+"/full_access_as_app")
	r.control(http.MethodPost, "/clock", `{"settle": true}`)
	for _, test := range []struct{ patch, before, after string }{
		{`{"ews_enabled": false}`, "", disabledReason},
		{`{"ews_enabled": null}`, disabledReason, ""},
		{fmt.Sprintf(`{"ews_disabled_mailboxes": [%q]}`, org.Mailboxes.Licensed[0]), "", disabledReason},
		{`{"ews_disabled_mailboxes": []}`, disabledReason, ""},
	} {
		r.exchange(test.patch)
		r.later("59m")
		if got := r.ewsOf(app, org, 0); got != test.before {
			t.Errorf("59 minutes after %s: %q, want %q", test.patch, got, test.before)
		}
		r.later("1m")
		if got := r.ewsOf(app, org, 0); got != test.after {
			t.Errorf("an hour after %s: %q, want %q", test.patch, got, test.after)
		}
	}
}

func TestAnAppThatWasListedADayBeforeTheSwitchTurnsTrueIsNeverRefused(t *testing.T) {
	r := newRig(t, Options{Profile: "realistic", Seed: 7, Now: ticking()})
	org := r.server.TenantsJSON().Tenants[0]
	app := r.register(r.server.world.Tenants[0], tenant.ExchangeAppID+"/full_access_as_app")
	r.control(http.MethodPost, "/clock", `{"settle": true}`)
	for _, patch := range []string{fmt.Sprintf(`{"ews_allowed_app_ids": [%q]}`, app.AppID), `{"ews_enabled": true}`} {
		r.exchange(patch)
		for hour := range 25 {
			if got := r.ewsOf(app, org, 0); got != "" {
				t.Errorf("%d hours after %s: %q", hour, patch, got)
			}
			if hour < 24 {
				r.later("1h")
			}
		}
	}
	r.exchange(`{"ews_allowed_app_ids": []}`)
	r.later("23h")
	if got := r.ewsOf(app, org, 0); got != "" {
		t.Errorf("23 hours after its removal from the list: %q", got)
	}
	r.later("1h")
	if got := r.ewsOf(app, org, 0); got != blockedReason {
		t.Errorf("a day after its removal from the list: %q", got)
	}
}

func TestAReadOfTheGateMayBeOldRightAfterAWrite(t *testing.T) {
	r := newRig(t, Options{Profile: "realistic", Seed: 7, Now: ticking()})
	const id = "00000000-0000-4000-8000-000000000001"
	r.control(http.MethodPost, "/clock", `{"settle": true}`)
	var answered ExchangeState
	path := "/_sandbox/tenants/" + r.server.world.Tenants[0].ID + "/exchange"
	r.do(http.MethodPatch, path, fmt.Sprintf(`{"ews_enabled": true, "ews_allowed_app_ids": [%q]}`, id), nil).json(t,
		&answered)
	if answered.EwsEnabled == nil || len(answered.EwsAllowedAppIDs) != 1 {
		t.Errorf("the write is answered with %+v", answered)
	}
	count := func(headers map[string]string) (old int) {
		for range 40 {
			got := r.gateOfTenant(0, headers)
			if (got.EwsEnabled == nil) != (len(got.EwsAllowedAppIDs) == 0) || got.EwsListEdited != (got.EwsEnabled != nil) {
				t.Errorf("half of a write is shown: %+v", got)
			}
			if got.EwsEnabled == nil {
				old++
			}
		}
		return old
	}
	if old := count(nil); old == 0 || old == 40 {
		t.Errorf("%d of 40 reads right after the write are old, want some of them", old)
	}
	if old := count(map[string]string{"Sandbox-Bypass": "1"}); old != 0 {
		t.Errorf("%d of 40 reads that bypass faults are old", old)
	}
	r.later("10s")
	if old := count(nil); old != 0 {
		t.Errorf("ten seconds later, %d of 40 reads are old", old)
	}
	instant := newRig(t, Options{})
	instant.exchange(`{"ews_enabled": false}`)
	if got := instant.gateOfTenant(0, nil); got.EwsEnabled == nil {
		t.Error("in the instant profile a read is old")
	}
}
