package acctest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/reattach"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

func TestAccFixtures_AStateAndAStoreFromBeforeAreSealedByOneApplyAndCanBeChangedAndDestroyed(t *testing.T) {
	t.Parallel()
	f := openFixture(t, "unsealed")
	usual := []string{"Credentials from elsewhere", "Requests do not go to Microsoft"}
	keys := f.keys()

	// Every line that an upgrade adds to a plan belongs here.
	f.plans(unsealedPlan, append([]string{"Records of the connection store are not sealed yet"}, usual...)...)
	f.run("apply", "-input=false", "-auto-approve")
	if after := f.keys(); !reflect.DeepEqual(after, keys) {
		t.Errorf("the applications had the keys\n%v\nand have\n%v", keys, after)
	}
	f.plans("", usual...)
	f.sealed()

	renamed := "-var=suffix=, renamed"
	if output := f.run("apply", "-input=false", "-auto-approve", renamed); !strings.Contains(output, "3 changed") {
		t.Errorf("the three connections were to be renamed:\n%s", output)
	}
	f.cli.Environment = append(f.cli.Environment, "TF_VAR_suffix=, renamed")
	f.plans("", usual...)

	f.run("destroy", "-input=false", "-auto-approve")
	for i := range f.before {
		if now := f.env.State(i); !reflect.DeepEqual(now, f.before[i]) {
			t.Errorf("the destroy left the tenant with\n%+v\nwhere there was\n%+v", now, f.before[i])
		}
	}
	if left := storedFiles(t, f.env.Store); len(left) > 0 {
		t.Errorf("the destroy left in the store %v", left)
	}
}

// unsealedPlan is what the first plan changes.
const unsealedPlan = `  ~ update in-place
  # codetwo_target_app_registration.made will be updated in-place
  ~ resource "codetwo_target_app_registration" "made" {
      + journal_url                   = "file:///fixture/store/3419e27f-19e8-4939-bc39-06597698a495/registrations/` +
	`codetwo-target-9b69512da105.json"
        # (19 unchanged attributes hidden)
  # codetwo_target_connection.by_certificate will be updated in-place
  ~ resource "codetwo_target_connection" "by_certificate" {
      + handoff_script_sha256       = (known after apply)
      + handoff_sheet_sha256        = (known after apply)
      + handoff_url                 = "file:///fixture/store/3419e27f-19e8-4939-bc39-06597698a495/handoff/` +
	`migration@contoso.onmicrosoft.com.html"
      ~ revision                    = "f6516dff-2df1-4dc8-8a82-c6fdbaddbeec" -> (known after apply)
        # (11 unchanged attributes hidden)
  # codetwo_target_connection.by_secret will be updated in-place
  ~ resource "codetwo_target_connection" "by_secret" {
      + client_secret_wo_version    = 1
      + handoff_sheet_sha256        = (known after apply)
      + handoff_url                 = "file:///fixture/store/c649b428-73af-4bb2-9095-e835b34e54ad/handoff/` +
	`migration@fabrikam.onmicrosoft.com.html"
      ~ revision                    = "b53298fe-2b52-45ac-a53f-8f8afa447233" -> (known after apply)
        # (9 unchanged attributes hidden)
  # codetwo_target_connection.public_folders will be updated in-place
  ~ resource "codetwo_target_connection" "public_folders" {
      + handoff_script_sha256       = (known after apply)
      + handoff_sheet_sha256        = (known after apply)
      + handoff_url                 = "file:///fixture/store/3419e27f-19e8-4939-bc39-06597698a495/handoff/` +
	`publicfolders@contoso.onmicrosoft.com.html"
      ~ revision                    = "7056e782-7e60-4bf3-9df5-57db3f328310" -> (known after apply)
        # (11 unchanged attributes hidden)`

// keys are the key credentials of all applications.
func (f *fixture) keys() map[string]any {
	keys := map[string]any{}
	for i := range f.before {
		for _, application := range f.env.State(i).Applications {
			keys[application.ObjectID] = application.Keys
		}
	}
	return keys
}

// sealed holds that every record in the store has a seal, and that nothing of the format before is left.
func (f *fixture) sealed() {
	f.t.Helper()
	for _, name := range files(f.t, f.env.Store) {
		content := read(f.t, filepath.Join(f.env.Store, name))
		switch {
		case strings.HasSuffix(name, ".shared.json"), name == "recipient.txt":
			f.t.Errorf("%s is still there", name)
		case strings.HasSuffix(name, ".json") && !strings.Contains(content, `"mac": "`):
			f.t.Errorf("%s is not sealed:\n%s", name, content)
		}
	}
}

// fixture is a state and a store of an earlier version, opened with the provider of this checkout.
type fixture struct {
	t      *testing.T
	env    *acctest.Env
	cli    *terraformcli.CLI
	before []sandbox.TenantState // without the fixture's applications
}

// What the fixtures' states, and the lines of their plans, have in place of the store's URL and the sandbox's origin.
const (
	fixtureStore  = "file:///fixture/store"
	fixtureOrigin = "https://fixture.invalid"
)

// fixtureDirectory is directory.json.
type fixtureDirectory struct {
	MadeAt       time.Time            `json:"made_at"`
	Tenants      []string             `json:"tenants"` // IDs, in the sandbox's order
	Applications []fixtureApplication `json:"applications"`
}

type fixtureApplication struct {
	TenantID    string           `json:"tenant_id"`
	ObjectID    string           `json:"object_id"`
	ClientID    string           `json:"client_id"`
	PrincipalID string           `json:"service_principal_object_id"`
	Application map[string]any   `json:"application"`       // as it is posted
	Principal   map[string]any   `json:"service_principal"` // likewise
	Passwords   []map[string]any `json:"password_credentials"`
	Grants      []struct {
		API  string `json:"resource_app_id"`
		Role string `json:"app_role_id"`
	} `json:"grants"`
}

// openFixture makes the tenants again that the fixture was made in.
func openFixture(t *testing.T, name string) *fixture {
	t.Helper()
	folder := filepath.Join("testdata", "fixtures", name)
	var directory fixtureDirectory
	if err := json.Unmarshal([]byte(read(t, filepath.Join(folder, "directory.json"))), &directory); err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	now := func() time.Time { return directory.MadeAt.Add(time.Minute + time.Since(started)) }
	ids := &translation{}
	env := acctest.Start(t, sandbox.Options{Tenants: len(directory.Tenants), Now: now, Around: ids.around})
	f := &fixture{t: t, env: env}
	pairs := map[string]string{}
	for i, tenantID := range directory.Tenants {
		f.before = append(f.before, env.State(i))
		pairs[tenantID] = env.Tenant(i).TenantID
	}
	for _, application := range directory.Applications {
		f.register(application, pairs)
	}
	ids.begin(pairs)

	if err := os.RemoveAll(env.Store); err != nil {
		t.Fatal(err)
	}
	copyFolder(t, filepath.Join(folder, "store"), env.Store)
	serve := env.Factories(acctest.WithClock(now))["codetwo"]
	f.cli = reattach.CLI(t, func() tfprotov6.ProviderServer {
		server, err := serve()
		if err != nil {
			panic(err) // the CLI shows it
		}
		return server
	})
	f.cli.Environment = append(f.cli.Environment, "TF_VAR_client_secret=a client secret for tests")
	provider := env.ProviderWith(env.Tenant(0).Callers.Full, directory.Tenants[0],
		fmt.Sprintf("connection_store = {\n    url        = %q\n    passphrase = %q\n  }", env.StoreURL(),
			acctest.Passphrase))
	state := strings.NewReplacer(fixtureStore, env.StoreURL(), fixtureOrigin, env.Server.Origin()).
		Replace(read(t, filepath.Join(folder, "terraform.tfstate")))
	for file, content := range map[string]string{
		"main.tf": read(t, filepath.Join(folder, "main.tf")), "provider.tf": provider, "terraform.tfstate": state,
	} {
		write(t, filepath.Join(f.cli.Folder, file), []byte(content))
	}
	f.run("init", "-input=false")
	return f
}

// register creates an application of the fixture, and adds its IDs to the pairs.
func (f *fixture) register(a fixtureApplication, pairs map[string]string) {
	f.t.Helper()
	tenantID := pairs[a.TenantID]
	post := func(path string, body map[string]any) map[string]any {
		return f.env.Graph(tenantID, http.MethodPost, path, body)
	}
	application := post("/applications", a.Application)
	pairs[a.ObjectID], pairs[a.ClientID] = application["id"].(string), application["appId"].(string)
	for _, password := range a.Passwords {
		keyID, _ := password["keyId"].(string)
		delete(password, "keyId") // Graph draws it
		made := post("/applications/"+pairs[a.ObjectID]+"/addPassword", map[string]any{"passwordCredential": password})
		pairs[keyID] = made["keyId"].(string)
	}
	a.Principal["appId"] = pairs[a.ClientID]
	pairs[a.PrincipalID] = post("/servicePrincipals", a.Principal)["id"].(string)
	for _, grant := range a.Grants {
		api := f.env.Graph(tenantID, http.MethodGet, "/servicePrincipals(appId='"+grant.API+"')?$select=id", nil)["id"]
		post("/servicePrincipals/"+pairs[a.PrincipalID]+"/appRoleAssignments", map[string]any{
			"principalId": pairs[a.PrincipalID], "resourceId": api, "appRoleId": grant.Role,
		})
	}
}

func (f *fixture) run(arguments ...string) string {
	f.t.Helper()
	output, err := f.cli.Run(f.t.Context(), append(arguments, "-no-color")...)
	if err != nil {
		f.t.Fatal(err)
	}
	return output
}

// changedLines are what a plan would do, with their legend, and outputWarning its warnings.
var (
	changedLines  = regexp.MustCompile(`(?m)^ +(?:[-+~#]|-/\+|\+/-|<=) .*$`)
	outputWarning = regexp.MustCompile(`(?m)^Warning: (.*)$`)
)

// plans holds every line of a plan that names a change, and the summaries of its warnings in their order.
func (f *fixture) plans(lines string, warnings ...string) {
	f.t.Helper()
	output, changes, err := f.cli.PlanChanges(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	output = strings.NewReplacer(f.env.StoreURL(), fixtureStore, f.env.Server.Origin(), fixtureOrigin).Replace(output)
	var warned []string
	for _, match := range outputWarning.FindAllStringSubmatch(output, -1) {
		warned = append(warned, match[1])
	}
	plan, _, _ := strings.Cut(output, "\nWarning: ")
	planned := strings.Join(changedLines.FindAllString(plan, -1), "\n")
	if changes != (lines != "") || planned != lines || !reflect.DeepEqual(warned, warnings) {
		f.t.Errorf("the plan has the changes\n%s\nand the warnings %q, want\n%s\nand %q:\n%s", planned, warned, lines,
			warnings, output)
	}
}

// translation is middleware in front of a sandbox that exchanges GUIDs of a fixture for the sandbox's own in requests,
// and back in responses. All of them are equally long, so lengths stay.
type translation struct {
	in, out atomic.Pointer[strings.Replacer] // nil before begin
}

func (x *translation) begin(pairs map[string]string) {
	var in, out []string
	for theirs, ours := range pairs {
		in, out = append(in, theirs, ours), append(out, ours, theirs)
	}
	x.in.Store(strings.NewReplacer(in...))
	x.out.Store(strings.NewReplacer(out...))
}

func (x *translation) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, out := x.in.Load(), x.out.Load()
		if in == nil || out == nil {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader([]byte(in.Replace(string(body)))))
		r.URL.Path, r.URL.RawPath, r.URL.RawQuery = in.Replace(r.URL.Path), in.Replace(r.URL.RawPath),
			in.Replace(r.URL.RawQuery)
		recorded := httptest.NewRecorder()
		next.ServeHTTP(recorded, r)
		for name, values := range recorded.Header() {
			for _, value := range values {
				w.Header().Add(name, out.Replace(value))
			}
		}
		w.WriteHeader(recorded.Code)
		_, _ = io.WriteString(w, out.Replace(recorded.Body.String())) // the client hung up
	})
}

// copyFolder copies files as a store writes them, for their owner alone.
func copyFolder(t *testing.T, from, to string) {
	t.Helper()
	for _, name := range files(t, from) {
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, []byte(read(t, filepath.Join(from, name))))
	}
}

// storedFiles are the files of a store that belong to a tenant.
func storedFiles(t *testing.T, store string) []string {
	t.Helper()
	var stored []string
	for _, name := range files(t, store) {
		if strings.Contains(name, string(filepath.Separator)) && !strings.HasPrefix(name, ".") {
			stored = append(stored, name)
		}
	}
	return stored
}

// files are the files of a folder and of those below it, relative to it.
func files(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(os.DirFS(folder), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, filepath.FromSlash(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
