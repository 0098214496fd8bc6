package acctest_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// lifecycle is one tenant with one registration, to which things happen by lot. What is declared is the model that the
// tenant is held against after each apply.
type lifecycle struct {
	env    *acctest.Env
	i      int // which tenant
	lot    *rand.Rand
	target *acctest.Object

	declared struct {
		name         string
		profile      permission.Profile
		years        int64
		days         int64 // for which a replaced certificate stays
		addedSecrets int   // secrets that a person added, and that must stay
	}
	before  sandbox.TenantState // the tenant without anything of ours
	history []string            // what happened, for the reader of a failed test
	secrets []string            // that people made by hand
}

func newLifecycle(env *acctest.Env, p *acctest.Protocol, i int, seed uint64) *lifecycle {
	return &lifecycle{
		env: env, i: i, lot: rand.New(rand.NewPCG(seed, uint64(i))), target: p.Object("codetwo_target_app_registration"),
		before: env.State(i),
	}
}

func (l *lifecycle) begin(cycle int) {
	l.declared.name = fmt.Sprintf("CodeTwo soak %d", cycle)
	l.declared.profile, l.declared.years, l.declared.days, l.declared.addedSecrets = permission.ExistingMailboxes, 5, 0, 0
	l.history = []string{fmt.Sprintf("tenant %d, cycle %d", l.i, cycle)}
}

// config is what is declared, as a user writes it.
func (l *lifecycle) config() tftypes.Value {
	text := func(value string) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }
	return l.target.Config(map[string]tftypes.Value{
		"tenant_id": text(l.env.Tenant(l.i).TenantID), "display_name": text(l.declared.name),
		"unique_name":        text("codetwo-soak"),
		"permission_profile": text(string(l.declared.profile)), "purge_on_destroy": tftypes.NewValue(tftypes.Bool, true),
		"certificate": l.target.Nested("certificate", map[string]tftypes.Value{
			"validity_years":            tftypes.NewValue(tftypes.Number, l.declared.years),
			"previous_certificate_days": tftypes.NewValue(tftypes.Number, l.declared.days),
		}),
		// Faults end within seconds: a command that still waits has failed.
		"timeouts": l.target.Nested("timeouts",
			map[string]tftypes.Value{"create": text("3m"), "read": text("3m"), "update": text("3m"), "delete": text("3m")}),
	})
}

func (l *lifecycle) graph(method, path string, body any) map[string]any {
	return l.env.Graph(l.env.Tenant(l.i).TenantID, method, path, body)
}

func (l *lifecycle) application() string { return "/applications/" + l.target.Text("object_id") }
func (l *lifecycle) principal() string {
	return "/servicePrincipals/" + l.target.Text("service_principal_object_id")
}

// event is something that happens to a registration: a drift that a person causes, or a change of what is declared.
type event struct {
	name string
	do   func(l *lifecycle)
	last bool // nothing more can be done by hand before the next apply
}

var events = []event{
	{"renamed by hand", func(l *lifecycle) {
		l.graph(http.MethodPatch, l.application(), map[string]any{"displayName": "Renamed by hand"})
	}, false},
	{"shared with every tenant by hand", func(l *lifecycle) {
		l.graph(http.MethodPatch, l.application(), map[string]any{"signInAudience": "AzureADMultipleOrgs"})
	}, false},
	{"certificates removed by hand", func(l *lifecycle) {
		l.graph(http.MethodPatch, l.application(), map[string]any{"keyCredentials": []any{}})
	}, false},
	{"declared permissions removed by hand", func(l *lifecycle) {
		l.graph(http.MethodPatch, l.application(), map[string]any{"requiredResourceAccess": []any{}})
	}, false},
	{"secret added by hand", func(l *lifecycle) {
		made := l.graph(http.MethodPost, l.application()+"/addPassword",
			map[string]any{"passwordCredential": map[string]any{"displayName": "by hand"}})
		l.secrets = append(l.secrets, made["secretText"].(string))
		l.declared.addedSecrets++
	}, false},
	{"service principal disabled by hand", func(l *lifecycle) {
		l.graph(http.MethodPatch, l.principal(), map[string]any{"accountEnabled": false})
	}, false},
	{"service principal deleted by hand", func(l *lifecycle) {
		l.graph(http.MethodDelete, l.principal(), nil)
		l.graph(http.MethodDelete, "/directory/deletedItems/"+l.target.Text("service_principal_object_id"), nil)
	}, true},
	{"consent revoked by hand", func(l *lifecycle) {
		for _, entry := range l.graph(http.MethodGet, l.principal()+"/appRoleAssignments", nil)["value"].([]any) {
			l.graph(http.MethodDelete, l.principal()+"/appRoleAssignments/"+entry.(map[string]any)["id"].(string), nil)
		}
	}, false},
	{"permission granted by hand", func(l *lifecycle) {
		api := l.graph(http.MethodGet, "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id",
			nil)["id"]
		l.graph(http.MethodPost, l.principal()+"/appRoleAssignments", map[string]any{
			// Mail.Read
			"principalId": l.target.Text("service_principal_object_id"), "resourceId": api,
			"appRoleId": "810c84a8-4a9e-49e6-bf7d-12d183f40d01",
		})
	}, false},
	{"application purged by hand", func(l *lifecycle) {
		l.graph(http.MethodDelete, l.application(), nil)
		for _, deleted := range l.env.State(l.i).DeletedItems {
			l.graph(http.MethodDelete, "/directory/deletedItems/"+deleted.ObjectID, nil)
		}
		l.declared.addedSecrets = 0
	}, true},
	{"another name declared", func(l *lifecycle) { l.declared.name += "'" }, false},
	{"the other profile declared", func(l *lifecycle) {
		if l.declared.profile == permission.ExistingMailboxes {
			l.declared.profile = permission.CreateMailboxes
		} else {
			l.declared.profile = permission.ExistingMailboxes
		}
	}, false},
	{"another lifetime declared, which rotates", func(l *lifecycle) { l.declared.years = l.declared.years%5 + 1 }, false},
	{"replaced certificates to be kept", func(l *lifecycle) { l.declared.days = 30 }, false},
}

// happen lets one event happen.
func (l *lifecycle) happen(e event) {
	l.history = append(l.history, e.name)
	if l.target.Exists() {
		e.do(l)
	}
}

// apply applies what is declared, and holds the tenant against it.
func (l *lifecycle) apply(t *testing.T) error {
	if _, err := l.target.Apply(t.Context(), l.config()); err != nil {
		return fmt.Errorf("after %q: %w", l.history, err)
	}
	if problem := l.wrong(); problem != "" {
		return fmt.Errorf("after %q, %s", l.history, problem)
	}
	return nil
}

// wrong says what in the tenant and in the store is not as declared; nothing where all is. Whatever the tenant holds
// beyond what it held before has to be accounted for.
func (l *lifecycle) wrong() string {
	state := l.env.State(l.i)
	apps, gone := added(l.before.Applications, state.Applications, func(a sandbox.ApplicationState) string {
		return a.ObjectID
	})
	if len(apps) != 1 || gone {
		return fmt.Sprintf("the applications are %+v", state.Applications)
	}
	app := apps[0]
	if app.ClientID != l.target.Text("client_id") || app.DisplayName != l.declared.name ||
		app.UniqueName != "codetwo-soak" {
		return fmt.Sprintf("the application is %+v, and the state's client ID %s", app, l.target.Text("client_id"))
	}
	if len(app.Secrets) != l.declared.addedSecrets || len(app.Federated) > 0 {
		return fmt.Sprintf("the credentials are %+v and %v, where a person added %d secrets", app.Secrets, app.Federated,
			l.declared.addedSecrets)
	}
	if len(state.DeletedItems) > 0 {
		return fmt.Sprintf("the recycle bin holds %+v", state.DeletedItems)
	}
	return cmp.Or(l.wrongCertificates(app), l.wrongPrincipal(state, app))
}

// wrongCertificates holds the application's certificates, and the keys in the store, against the state.
func (l *lifecycle) wrongCertificates(app sandbox.ApplicationState) string {
	wanted := append(l.target.Texts("certificate", "previous", "thumbprint"), l.target.Text("certificate", "thumbprint"))
	var uploaded, kept []string
	for _, key := range app.Keys {
		uploaded = append(uploaded, key.Thumbprint)
	}
	files, _ := filepath.Glob(filepath.Join(l.env.Store, l.before.TenantID, "certificates", "*.pfx"))
	for _, file := range files {
		kept = append(kept, strings.TrimSuffix(filepath.Base(file), ".pfx"))
	}
	for _, list := range [][]string{wanted, uploaded, kept} {
		slices.Sort(list)
	}
	if !slices.Equal(wanted, uploaded) || !slices.Equal(wanted, kept) {
		return fmt.Sprintf("the state has the certificates %v, the application %v, and the store the keys of %v", wanted,
			uploaded, kept)
	}
	return ""
}

func (l *lifecycle) wrongPrincipal(state sandbox.TenantState, app sandbox.ApplicationState) string {
	principals, gone := added(l.before.ServicePrincipals, state.ServicePrincipals,
		func(p sandbox.ServicePrincipalState) string { return p.ObjectID })
	if len(principals) != 1 || gone || !principals[0].Enabled || principals[0].ClientID != app.ClientID ||
		principals[0].ObjectID != l.target.Text("service_principal_object_id") {
		return fmt.Sprintf("beyond those from before the service principals are %+v, and the state says %s", principals,
			l.target.Text("service_principal_object_id"))
	}
	wanted, _ := l.declared.profile.Permissions()
	var names, granted []string
	declared := 0
	for _, p := range wanted {
		names = append(names, p.API.Name+"/"+p.Name)
	}
	grants, gone := added(l.before.Grants, state.Grants, func(g sandbox.GrantState) string { return g.ID })
	for _, grant := range grants {
		if grant.PrincipalID != principals[0].ObjectID {
			return fmt.Sprintf("somebody else was granted %+v", grant)
		}
		granted = append(granted, grant.Resource+"/"+grant.Role)
	}
	if slices.Sort(names); gone || !slices.Equal(names, slices.Sorted(slices.Values(granted))) {
		return fmt.Sprintf("granted is %q, declared %q", granted, names)
	}
	read := l.graph(http.MethodGet, "/applications/"+app.ObjectID+"?$select=requiredResourceAccess,signInAudience", nil)
	for _, api := range read["requiredResourceAccess"].([]any) {
		declared += len(api.(map[string]any)["resourceAccess"].([]any))
	}
	if declared != len(names) || read["signInAudience"] != "AzureADMyOrg" {
		return fmt.Sprintf("the application says %v", read)
	}
	return ""
}

// added are the objects that are there now and were not before; gone tells whether one of those from before is missing.
func added[T any](before, now []T, id func(T) string) (more []T, gone bool) {
	known := map[string]bool{}
	for _, object := range before {
		known[id(object)] = true
	}
	still := 0
	for _, object := range now {
		if known[id(object)] {
			still++
		} else {
			more = append(more, object)
		}
	}
	return more, still < len(before)
}

// left says what a destroy left: the tenant has to be what it was before.
func (l *lifecycle) left() string {
	if state := l.env.State(l.i); !reflect.DeepEqual(l.before, state) {
		return fmt.Sprintf("the tenant holds\n%+v\nand held before\n%+v", state, l.before)
	}
	for _, pattern := range []string{"certificates/*", "registrations/*"} {
		if files, _ := filepath.Glob(filepath.Join(l.env.Store, l.before.TenantID, pattern)); len(files) > 0 {
			return fmt.Sprintf("the store holds %v", files)
		}
	}
	return ""
}

// destroy destroys, and looks for what is left.
func (l *lifecycle) destroy(t *testing.T) error {
	if err := l.target.Destroy(t.Context()); err != nil {
		return fmt.Errorf("after %q and a destroy: %w", l.history, err)
	}
	if problem := l.left(); problem != "" {
		return fmt.Errorf("after %q and a destroy, %s", l.history, problem)
	}
	return nil
}

// cycle makes a registration, lets things happen to it, and destroys it.
func (l *lifecycle) cycle(t *testing.T, number, happenings int) error {
	l.begin(number)
	if err := l.apply(t); err != nil {
		return err
	}
	for range happenings {
		for _, at := range l.lot.Perm(len(events))[:1+l.lot.IntN(2)] { // sometimes two things happen before the next apply
			l.happen(events[at])
			if events[at].last {
				break
			}
		}
		if err := l.apply(t); err != nil {
			return err
		}
	}
	return l.destroy(t)
}
