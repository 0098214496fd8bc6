package acctest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/ewsplay"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// organization is a sandbox tenant in which an Exchange administrator works, with three applications that use EWS.
type organization struct {
	t      *testing.T
	env    *acctest.Env
	tenant sandbox.TenantEntry
	apps   map[string]acctest.HandmadeApp // ours, backup, crm
}

func newOrganization(t *testing.T) *organization {
	env := acctest.Start(t, sandbox.Options{Profile: "realistic", Speed: 1})
	o := &organization{t: t, env: env, tenant: env.Tenant(0), apps: map[string]acctest.HandmadeApp{}}
	for _, name := range []string{"ours", "backup", "crm"} {
		o.apps[name] = env.RegisterByHand(o.tenant.TenantID, name)
	}
	return o
}

// set changes the settings as an administrator does, without waiting for them to take effect.
func (o *organization) set(settings map[string]any) {
	o.t.Helper()
	body, err := json.Marshal(settings)
	if err != nil {
		o.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(o.t.Context(), http.MethodPatch, o.env.Server.Origin()+"/_sandbox/tenants/"+
		o.tenant.TenantID+"/exchange", bytes.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	answer, err := o.env.Client().Do(request)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		o.t.Fatalf("setting %v: %s", settings, answer.Status)
	}
}

// admitted are the names of the applications that EWS admits now, sorted.
func (o *organization) admitted() []string {
	o.t.Helper()
	var names []string
	for name, app := range o.apps {
		session, err := auth.NewApp(auth.App{TenantID: o.tenant.TenantID, ClientID: app.ClientID, ClientSecret: app.Secret},
			o.env.Endpoints(), o.env.Client(), retry.Policy{})
		if err != nil {
			o.t.Fatal(err)
		}
		token, err := session.Token(o.t.Context(), auth.ExchangeScope(o.env.Endpoints()))
		if err != nil {
			o.t.Fatal(err)
		}
		client := ews.New(o.env.Endpoints().Exchange, o.env.Client(), retry.Policy{}, fixed(token.Value))
		_, err = client.Folder(o.t.Context(), client.DefaultEWSURL(), o.tenant.Mailboxes.Licensed[0], ews.Inbox, ews.Route{})
		if answer, refused := errors.AsType[*ews.Error](err); err != nil && (!refused || answer.PolicyReason == "") {
			o.t.Fatal(err)
		}
		if err == nil {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (o *organization) advance(hours string) {
	o.env.Control(http.MethodPost, "/clock", map[string]any{"advance": hours})
}

// before is a state of the organization: EwsEnabled, and the names of who is on the list.
type before struct {
	enabled string
	listed  []string
}

func (o *organization) ids(names []string) []string {
	ids := []string{}
	for _, name := range names {
		ids = append(ids, o.apps[name].ClientID)
	}
	return ids
}

// settingsOf are the settings of a state.
func (o *organization) settingsOf(b before) map[string]any {
	enabled := map[string]any{ewsplay.Unset: nil, ewsplay.True: true, ewsplay.False: false}[b.enabled]
	return map[string]any{"ews_enabled": enabled, "ews_allowed_app_ids": o.ids(b.listed)}
}

// plays are the script's runs in every state, with the states.
func (o *organization) plays() (states []before, plays []ewsplay.Play) {
	for _, enabled := range []string{ewsplay.Unset, ewsplay.False, ewsplay.True} {
		for _, listed := range [][]string{nil, {"ours"}, {"backup"}, {"backup", "crm"}, {"crm", "ours"}} {
			for _, arguments := range []string{
				"-Yes", "-Yes -PrepareList", "-Yes -PrepareList -AlsoAllow " + o.apps["crm"].ClientID,
			} {
				states = append(states, before{enabled, listed})
				plays = append(plays, ewsplay.Play{
					Title:       fmt.Sprintf("EwsEnabled %q, listed %v, %s", enabled, listed, arguments),
					Name:        o.tenant.Domain,
					Connections: []ewsplay.Connection{{TenantID: o.tenant.TenantID}},
					Settings:    ewsplay.Settings{Enabled: enabled, List: strings.Join(o.ids(listed), ",")},
					Arguments:   arguments,
				})
			}
		}
	}
	return states, plays
}

// settingsBy are the settings that a write of the script makes.
func settingsBy(write ewsplay.Write) map[string]any {
	settings := map[string]any{}
	if write.List != nil {
		settings["ews_allowed_app_ids"] = strings.Split(*write.List, ",")
	}
	if write.SetsEnabled {
		settings["ews_enabled"] = write.Enabled
	}
	return settings
}

func TestTargetConnection_EWSScriptTakesAccessFromNobodyUnderPowerShell(t *testing.T) {
	t.Parallel()
	o := newOrganization(t)
	script := ewsaccess.Script(ewsaccess.ScriptInput{TenantID: o.tenant.TenantID, ClientID: o.apps["ours"].ClientID,
		TenantFacts: ewsaccess.TenantFacts{InitialDomain: o.tenant.Domain}})
	states, plays := o.plays()
	for i, outcome := range ewsplay.Run(t, script, plays) {
		if outcome.Failure != "" {
			t.Errorf("%s: %s", plays[i].Title, outcome.Failure)
			continue
		}
		o.set(o.settingsOf(states[i]))
		o.env.Server.Settle(o.tenant.TenantID)
		had := o.admitted()
		keeps := func(when string) {
			t.Helper()
			has := o.admitted()
			for _, name := range had {
				if !slices.Contains(has, name) {
					t.Errorf("%s: %s was admitted before and is refused %s; wrote %+v", plays[i].Title, name, when, outcome.Writes)
				}
			}
		}
		for _, write := range outcome.Writes {
			o.set(settingsBy(write))
		}
		keeps("at once")
		o.advance("61m")
		keeps("after an hour, when the switch has taken effect")
		o.advance("24h")
		keeps("after a day, when the list has taken effect")
		if has := o.admitted(); !slices.Contains(has, "ours") {
			t.Errorf("%s: our application is not admitted in the end, but %v", plays[i].Title, has)
		}
	}
}

// fixed is a source of one token.
func fixed(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}
