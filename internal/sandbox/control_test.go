package sandbox

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestTheStateShowsWhatATenantHoldsAndNoSecret(t *testing.T) {
	r := newRig(t, Options{Tenants: 2})
	org := r.server.world.Tenants[0]
	app := r.register(org, tenant.ExchangeAppID+"/full_access_as_app")
	got := r.get("/_sandbox/tenants")
	var state State
	got.json(t, &state)
	if len(state.Tenants) != 2 || state.Tenants[0].TenantID != org.ID {
		t.Fatalf("the state is %+v", state)
	}
	has := slices.ContainsFunc(state.Tenants[0].Applications, func(a ApplicationState) bool {
		return a.ClientID == app.AppID && len(a.Keys) == 1 && len(a.Keys[0].Thumbprint) == 40
	})
	granted := slices.ContainsFunc(state.Tenants[0].Grants, func(g GrantState) bool {
		return g.PrincipalID == app.principal.ID && g.Role == "full_access_as_app"
	})
	if !has || !granted {
		t.Errorf("the app is shown: %t, its grant: %t\n%s", has, granted, got.Body)
	}
	for _, secret := range []string{app.secret, r.server.TenantsJSON().Tenants[0].Callers.Full.ClientSecret} {
		if strings.Contains(got.Body, secret) {
			t.Error("the state holds a client secret")
		}
	}
	var one TenantState
	r.get("/_sandbox/tenants/"+org.CustomDomain).json(t, &one)
	if one.TenantID != org.ID {
		t.Errorf("by its domain, the tenant is %q", one.TenantID)
	}
}

func TestTheControlAPIExplainsWhatItRefuses(t *testing.T) {
	r := newRig(t, Options{})
	base := "/_sandbox/tenants/" + r.server.world.Tenants[0].ID
	user := "/users/" + r.server.TenantsJSON().Tenants[0].Mailboxes.Licensed[0]
	for _, test := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/_sandbox/tenants/nobody.example.com", "", 404, "nobody.example.com"},
		{"GET", "/_sandbox/outage", "", 404, "/_sandbox/outage"},
		{"DELETE", base, "", 404, "DELETE"},
		{"PATCH", base + "/exchange", `{"ews_enable": true}`, 400, "ews_enable"},
		{"PATCH", base + "/exchange", `{"ews_enabled": "yes"}`, 400, "string"},
		{"PATCH", base + "/exchange", `{"ews_allowed_app_ids": ["codetwo"]}`, 400, "codetwo"},
		{"PATCH", base + "/exchange", `{"server_busy": "long"}`, 400, "long"},
		{"PATCH", base + "/exchange", `{} {}`, 400, "follows"},
		{"PATCH", base + user, `{"mailbox": "large"}`, 400, "large"},
		{"PATCH", base + "/users/nobody@example.com", `{"enabled": false}`, 404, "nobody@example.com"},
		{"POST", "/_sandbox/clock", `{"advance": "-1h"}`, 400, "-1h"},
	} {
		got := r.do(test.method, test.path, test.body, nil)
		var refusal struct{ Error string }
		got.json(t, &refusal)
		if got.Status != test.status || !strings.Contains(refusal.Error, test.want) {
			t.Errorf("%s %s %s: HTTP %d %q, want HTTP %d with %q", test.method, test.path, test.body, got.Status, refusal.Error,
				test.status, test.want)
		}
	}
}

func TestARefusedPatchChangesNothing(t *testing.T) {
	r := newRig(t, Options{})
	base := "/_sandbox/tenants/" + r.server.world.Tenants[0].ID
	r.do(http.MethodPatch, base+"/exchange", `{"ews_enabled": true, "server_busy": "long"}`, nil)
	var state TenantState
	r.get(base).json(t, &state)
	if state.Exchange.EwsEnabled != nil {
		t.Errorf("ews_enabled is %t after a refused patch", *state.Exchange.EwsEnabled)
	}
}

func TestAUserCanLoseTheMailboxAndTheAccount(t *testing.T) {
	r := newRig(t, Options{})
	before := r.server.TenantsJSON().Tenants[0].Mailboxes
	path := "/tenants/" + r.server.world.Tenants[0].ID + "/users/" + before.Licensed[1]
	r.control(http.MethodPatch, path, `{"mailbox": "no_mailbox"}`)
	r.control(http.MethodPatch, path, `{"enabled": false}`)
	after := r.server.TenantsJSON().Tenants[0].Mailboxes
	if slices.Contains(after.Licensed, before.Licensed[1]) || !slices.Contains(after.NoMailbox, before.Licensed[1]) {
		t.Errorf("the mailboxes are %+v", after)
	}
}

func TestTheClockOnlyMovesForward(t *testing.T) {
	r := newRig(t, Options{})
	var before, after struct{ Now time.Time }
	r.get("/_sandbox/clock").json(t, &before)
	r.control(http.MethodPost, "/clock", `{"advance": "720h"}`)
	r.get("/_sandbox/clock").json(t, &after)
	if moved := after.Now.Sub(before.Now); moved < 720*time.Hour {
		t.Errorf("the clock moved by %s", moved)
	}
}

func TestTheEnvironmentFilesGiveAShellEverythingAndNobodyElse(t *testing.T) {
	r := newRig(t, Options{Tenants: 2})
	folder := filepath.Join(t.TempDir(), "the owner's $HOME")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	env, interop := filepath.Join(folder, "sandbox.env"), filepath.Join(folder, "interop.env")
	// A file that was readable by all must not stay so.
	if err := os.WriteFile(env, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.server.WriteEnvFile(env); err != nil {
		t.Fatal(err)
	}
	if err := r.server.WriteInteropEnvFile(interop); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 6 {
		t.Errorf("the folder holds %v (%v), want an env file with two next to it, twice", entries, err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v (%v)", entry.Name(), info.Mode(), err)
		}
	}
	variables := r.server.InteropEnvironment(interop+".ca.pem", interop+".tenants.json")
	for _, variable := range variables {
		got, err := exec.Command("sh", "-c", `. "$1" && printenv "$2"`, "sh", interop, variable.Name).Output()
		if err != nil || string(got) != variable.Value+"\n" {
			t.Errorf("a shell has %s=%q (%v), want %q", variable.Name, got, err, variable.Value)
		}
	}
	if content, err := os.ReadFile(env); err != nil || strings.Contains(string(content), "SSL_CERT_FILE") {
		t.Errorf("the provider's own env file changes the roots of every program (%v)", err)
	}
}
