package acctest_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// life is one tenant with one registration, to which things happen by lot. What is declared is the model that the
// tenant is held against after each apply.
type life struct {
	k      *acctest.Kitchen
	i      int // which tenant
	lot    *rand.Rand
	target *acctest.Object

	declared struct {
		name    string
		profile permission.Profile
		years   int64
		days    int64 // for which a replaced certificate stays
		foreign int   // secrets that a person added, and that must stay
	}
	history []string // what happened, for whoever has to find out why
	retries int
}

func newLife(k *acctest.Kitchen, p *acctest.Protocol, i int, seed uint64) *life {
	l := &life{k: k, i: i, lot: rand.New(rand.NewPCG(seed, uint64(i))), target: p.Object("codetwo_target_app_registration")}
	return l
}

func (l *life) begin(cycle int) {
	l.declared.name = fmt.Sprintf("CodeTwo soak %d", cycle)
	l.declared.profile, l.declared.years, l.declared.days, l.declared.foreign = permission.ExistingMailboxes, 5, 0, 0
	l.history = []string{fmt.Sprintf("tenant %d, cycle %d", l.i, cycle)}
}

// config is what is declared, as a user writes it.
func (l *life) config() tftypes.Value {
	text := func(value string) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }
	return l.target.Config(map[string]tftypes.Value{
		"tenant_id": text(l.k.Tenant(l.i).TenantID), "display_name": text(l.declared.name), "unique_name": text("codetwo-soak"),
		"permission_profile": text(string(l.declared.profile)), "purge_on_destroy": tftypes.NewValue(tftypes.Bool, true),
		"certificate": l.target.Nested("certificate", map[string]tftypes.Value{
			"validity_years":            tftypes.NewValue(tftypes.Number, l.declared.years),
			"previous_certificate_days": tftypes.NewValue(tftypes.Number, l.declared.days),
		}),
		// Trouble ends within seconds. A command that waits for what will never come is one that failed.
		"timeouts": l.target.Nested("timeouts", map[string]tftypes.Value{"create": text("3m"), "read": text("3m"), "update": text("3m"), "delete": text("3m")}),
	})
}

func (l *life) graph(method, path string, body any) map[string]any {
	return l.k.Graph(l.k.Tenant(l.i).TenantID, method, path, body)
}

func (l *life) application() string { return "/applications/" + l.target.Text("object_id") }
func (l *life) principal() string {
	return "/servicePrincipals/" + l.target.Text("service_principal_object_id")
}

// event is something that happens to a registration: a drift that a person causes, or a change of what is declared.
type event struct {
	name string
	do   func(l *life)
	last bool // nothing more can be done by hand before the next apply
}

var events = []event{
	{"renamed by hand", func(l *life) {
		l.graph(http.MethodPatch, l.application(), map[string]any{"displayName": "Renamed by hand"})
	}, false},
	{"shared with every tenant by hand", func(l *life) {
		l.graph(http.MethodPatch, l.application(), map[string]any{"signInAudience": "AzureADMultipleOrgs"})
	}, false},
	{"certificates removed by hand", func(l *life) {
		l.graph(http.MethodPatch, l.application(), map[string]any{"keyCredentials": []any{}})
	}, false},
	{"declared permissions removed by hand", func(l *life) {
		l.graph(http.MethodPatch, l.application(), map[string]any{"requiredResourceAccess": []any{}})
	}, false},
	{"secret added by hand", func(l *life) {
		l.graph(http.MethodPost, l.application()+"/addPassword", map[string]any{"passwordCredential": map[string]any{"displayName": "by hand"}})
		l.declared.foreign++
	}, false},
	{"service principal disabled by hand", func(l *life) {
		l.graph(http.MethodPatch, l.principal(), map[string]any{"accountEnabled": false})
	}, false},
	{"service principal deleted by hand", func(l *life) {
		l.graph(http.MethodDelete, l.principal(), nil)
		l.graph(http.MethodDelete, "/directory/deletedItems/"+l.target.Text("service_principal_object_id"), nil)
	}, true},
	{"consent revoked by hand", func(l *life) {
		for _, entry := range l.graph(http.MethodGet, l.principal()+"/appRoleAssignments", nil)["value"].([]any) {
			l.graph(http.MethodDelete, l.principal()+"/appRoleAssignments/"+entry.(map[string]any)["id"].(string), nil)
		}
	}, false},
	{"permission granted by hand", func(l *life) {
		api := l.graph(http.MethodGet, "/servicePrincipals(appId='00000003-0000-0000-c000-000000000000')?$select=id", nil)["id"]
		l.graph(http.MethodPost, l.principal()+"/appRoleAssignments", map[string]any{
			"principalId": l.target.Text("service_principal_object_id"), "resourceId": api, "appRoleId": "810c84a8-4a9e-49e6-bf7d-12d183f40d01", // Mail.Read
		})
	}, false},
	{"application purged by hand", func(l *life) {
		l.graph(http.MethodDelete, l.application(), nil)
		for _, deleted := range l.k.State(l.i).DeletedItems {
			l.graph(http.MethodDelete, "/directory/deletedItems/"+deleted.ObjectID, nil)
		}
		l.declared.foreign = 0
	}, true},
	{"another name declared", func(l *life) { l.declared.name += "'" }, false},
	{"the other profile declared", func(l *life) {
		if l.declared.profile == permission.ExistingMailboxes {
			l.declared.profile = permission.CreateMailboxes
		} else {
			l.declared.profile = permission.ExistingMailboxes
		}
	}, false},
	{"another lifetime declared, which rotates", func(l *life) { l.declared.years = l.declared.years%5 + 1 }, false},
	{"replaced certificates to be kept", func(l *life) { l.declared.days = 30 }, false},
}

// happen lets one event happen.
func (l *life) happen(e event) {
	l.history = append(l.history, e.name)
	if l.target.Exists() {
		e.do(l)
	}
}

// patiently runs a command again where it failed, as a person does, and at most so often.
func (l *life) patiently(name string, runs int, command func() error) error {
	var failures []error
	for range runs {
		err := command()
		if err == nil {
			return nil
		}
		l.retries++
		l.history = append(l.history, name+" failed")
		failures = append(failures, err)
	}
	return fmt.Errorf("%s failed %d times, after %q: %w", name, runs, l.history, errors.Join(failures...))
}

// apply applies what is declared, and holds the tenant against it.
func (l *life) apply(t *testing.T, runs int) error {
	err := l.patiently("apply", runs, func() error { _, err := l.target.Apply(t.Context(), l.config()); return err })
	if err != nil {
		return err
	}
	if problem := l.wrong(); problem != "" {
		return fmt.Errorf("after %q, %s", l.history, problem)
	}
	return nil
}

// wrong says what in the tenant and in the store is not as declared; nothing where all is.
func (l *life) wrong() string {
	state := l.k.State(l.i)
	ours := slices.DeleteFunc(state.Applications, func(a sandbox.ApplicationState) bool { return strings.HasPrefix(a.DisplayName, "Terraform (") })
	if len(ours) != 1 {
		return fmt.Sprintf("%d applications: %+v", len(ours), ours)
	}
	app := ours[0]
	if app.ClientID != l.target.Text("client_id") || app.DisplayName != l.declared.name || app.UniqueName != "codetwo-soak" {
		return fmt.Sprintf("the application is %+v, and the state's client ID %s", app, l.target.Text("client_id"))
	}
	if len(app.Secrets) != l.declared.foreign {
		return fmt.Sprintf("%d secrets, where a person added %d", len(app.Secrets), l.declared.foreign)
	}
	kept := map[string]bool{}
	files, _ := filepath.Glob(filepath.Join(l.k.Store, state.TenantID, "certificates", "*.pfx"))
	for _, file := range files {
		kept[strings.TrimSuffix(filepath.Base(file), ".pfx")] = true
	}
	current := false
	for _, key := range app.Keys {
		current = current || key.Thumbprint == l.target.Text("certificate", "thumbprint")
		if !kept[key.Thumbprint] {
			return fmt.Sprintf("the key of %s is not in the store, which holds %v", key.Thumbprint, kept)
		}
	}
	if !current {
		return fmt.Sprintf("the state's certificate %s is not among %+v", l.target.Text("certificate", "thumbprint"), app.Keys)
	}
	return l.wrongPrincipal(state, app)
}

func (l *life) wrongPrincipal(state sandbox.TenantState, app sandbox.ApplicationState) string {
	principals := slices.DeleteFunc(state.ServicePrincipals, func(p sandbox.ServicePrincipalState) bool { return p.ClientID != app.ClientID })
	if len(principals) != 1 || !principals[0].Enabled {
		return fmt.Sprintf("the service principals are %+v", principals)
	}
	if principals[0].ObjectID != l.target.Text("service_principal_object_id") {
		return fmt.Sprintf("the service principal is %+v, and the state says %s", principals[0], l.target.Text("service_principal_object_id"))
	}
	wanted, _ := l.declared.profile.Permissions()
	var names, granted []string
	declared := 0
	for _, p := range wanted {
		names = append(names, p.API.Name+"/"+p.Name)
	}
	for _, grant := range state.Grants {
		if grant.PrincipalID == principals[0].ObjectID {
			granted = append(granted, grant.Resource+"/"+grant.Role)
		}
	}
	if slices.Sort(names); !slices.Equal(names, slices.Sorted(slices.Values(granted))) {
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

// left says what a destroy left.
func (l *life) left() string {
	state := l.k.State(l.i)
	for _, application := range state.Applications {
		if !strings.HasPrefix(application.DisplayName, "Terraform (") {
			return fmt.Sprintf("the tenant holds %+v", application)
		}
	}
	if len(state.DeletedItems) > 0 {
		return fmt.Sprintf("the recycle bin holds %+v", state.DeletedItems)
	}
	for _, pattern := range []string{"certificates/*", "registrations/*"} {
		if files, _ := filepath.Glob(filepath.Join(l.k.Store, state.TenantID, pattern)); len(files) > 0 {
			return fmt.Sprintf("the store holds %v", files)
		}
	}
	return ""
}

// destroy destroys, and looks for what is left.
func (l *life) destroy(t *testing.T, runs int) error {
	if err := l.patiently("destroy", runs, func() error { return l.target.Destroy(t.Context()) }); err != nil {
		return err
	}
	if problem := l.left(); problem != "" {
		return fmt.Errorf("after %q and a destroy, %s", l.history, problem)
	}
	return nil
}

// cycle makes a registration, lets things happen to it, and destroys it.
func (l *life) cycle(t *testing.T, number, happenings, runs int) error {
	l.begin(number)
	if err := l.apply(t, runs); err != nil {
		return err
	}
	for range happenings {
		for _, at := range l.lot.Perm(len(events))[:1+l.lot.IntN(2)] { // sometimes two things happen before the next apply
			l.happen(events[at])
			if events[at].last {
				break
			}
		}
		if err := l.apply(t, runs); err != nil {
			return err
		}
	}
	return l.destroy(t, runs)
}

// seedOf is what the environment gives, to play a failed run again, or a new one.
func seedOf(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64N(1<<32) + 1
	if given := os.Getenv("SANDBOX_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatalf("SANDBOX_SEED: %v", err)
		}
	}
	t.Logf("SANDBOX_SEED=%d plays this again", seed)
	return seed
}

// soak plays cycles in hostile tenants at the same time.
func soak(t *testing.T, tenants, cyclesEach, happenings int) {
	seed := seedOf(t)
	k := acctest.Start(t, sandbox.Options{Tenants: tenants, Profile: "hostile", Seed: seed, Speed: 100})
	watch, option := k.Watch()
	p := k.Protocol(k.Tenant(0).Callers.Full, option)
	lives := make([]*life, tenants)
	var cycles atomic.Int64
	var everybody sync.WaitGroup
	for i := range lives {
		lives[i] = newLife(k, p, i, seed)
		everybody.Go(func() {
			for number := range cyclesEach {
				if err := lives[i].cycle(t, number, happenings, 6); err != nil {
					t.Errorf("SANDBOX_SEED=%d: %v", seed, err)
					return
				}
				cycles.Add(1)
			}
		})
	}
	everybody.Wait()
	retries := 0
	for _, l := range lives {
		retries += l.retries
	}
	t.Logf("%d cycles in %d tenants, %d requests, trouble %v, %d commands that a person had to give again",
		cycles.Load(), tenants, len(k.Requests()), k.Server.Trouble(), retries)
	if len(k.Server.Trouble()) == 0 {
		t.Error("the tenants made no trouble")
	}
	if problems := watch.Problems(); len(problems) > 0 {
		t.Errorf("%d requests were sent that should not have been, such as %s", len(problems), problems[0])
	}
	nothingLeaked(t, k, lives)
}

// nothingLeaked looks for secrets wherever somebody may look: in what was printed, the states, the log and the store.
func nothingLeaked(t *testing.T, k *acctest.Kitchen, lives []*life) {
	t.Helper()
	secrets := []string{k.Tenant(0).Callers.Full.ClientSecret, acctest.Passphrase, "PRIVATE KEY", "eyJ"} // eyJ begins every token
	look := func(where, text string) {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %.4s…", where, secret)
			}
		}
	}
	for _, l := range lives {
		look(fmt.Sprintf("what tenant %d's runs said, or their state,", l.i), l.target.Said())
	}
	look("the log", fmt.Sprint(k.Requests()))
	err := filepath.WalkDir(k.Store, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		look(path, string(content))
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTenantsEndAsDeclaredWhateverTroubleTheyMake(t *testing.T) {
	t.Parallel()
	soak(t, 4, 1, 2)
}

// TestAnySequenceOfDriftAndApplyEndsAsDeclared lets events happen by lot, each followed by an apply and by one that must find nothing to do.
func TestAnySequenceOfDriftAndApplyEndsAsDeclared(t *testing.T) {
	t.Parallel()
	seed := seedOf(t)
	k := acctest.Start(t, sandbox.Options{})
	l := newLife(k, k.Protocol(k.Tenant(0).Callers.Full), 0, seed)
	l.begin(0)
	if err := l.apply(t, 1); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		l.happen(events[l.lot.IntN(len(events))])
		if err := l.apply(t, 1); err != nil {
			t.Fatalf("SANDBOX_SEED=%d: %v", seed, err)
		}
		if changed, err := l.target.Apply(t.Context(), l.config()); err != nil || changed {
			t.Fatalf("SANDBOX_SEED=%d: after %q a second apply changes something: %t, %v", seed, l.history, changed, err)
		}
	}
	if err := l.destroy(t, 1); err != nil {
		t.Errorf("SANDBOX_SEED=%d: %v", seed, err)
	}
}
