package connectivity_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// into has a connection migrate into public folders.
func into(paths ...string) func(*store.Connection) {
	return func(c *store.Connection) { c.MigratePublicFolders, c.PublicFolderPaths = true, paths }
}

// folder is a public folder in which a mailbox has a permission, and nobody else any but to see it.
func folder(path, mailbox, level string) map[string]any {
	return map[string]any{"path": path, "permissions": map[string]string{mailbox: level, "default": "Reviewer"}}
}

// tree makes the tenant's public folders.
func (b *bench) tree(folders ...map[string]any) {
	b.t.Helper()
	b.exchange(map[string]any{"public_folder_tree": folders})
}

func TestAccTargetConnectivity_NamesEachPublicFolderThatLacksOwner(t *testing.T) {
	const findRoot, get = 1, 1
	for name, c := range map[string]struct {
		paths          []string
		tree           func(mailbox string) []map[string]any
		status, detail string // in the detail, %s is the mailbox
		remedy         []string
		requests       int // to EWS, the inbox aside
	}{
		"an owner everywhere": {[]string{`\Sales\Archive`, `\sales`, `\Projects`}, func(m string) []map[string]any {
			return []map[string]any{folder(`\`, m, "Owner"), folder(`\Sales`, m, "Owner"), folder(`\Sales\Archive`, m, "Owner"),
				folder(`\Projects`, m, "Owner")}
		}, "passed", "%s is Owner of the root public folder and of the 3 folders of public_folder_paths", nil, findRoot + 1 +
			get},
		"the root alone": {nil, func(m string) []map[string]any {
			return []map[string]any{folder(`\`, m, "Owner"), folder(`\Sales`, m, "Reviewer")}
		}, "passed", "%s is Owner of the root public folder; its subfolders were not looked at (public_folder_paths of the " +
			"connection names those to look at)", nil, get},
		"an owner of the root and one folder": {[]string{`\Sales\Archive`, `\Projects`}, func(m string) []map[string]any {
			return []map[string]any{folder(`\`, m, "Owner"), folder(`\Sales`, m, "None"), folder(`\Sales\Archive`, m, "Owner"),
				folder(`\Projects`, m, "Editor")}
		}, "failed", `%s is not Owner of 2 of 3 public folders: \Projects (it may not create subfolders, change the ` +
			`folder); \Sales\Archive (\Sales does not exist, or the mailbox may not see it)`,
			[]string{"\nAdd-PublicFolderClientPermission -Identity '\\Projects'", "-AccessRights Owner",
				`Get-PublicFolder -Identity '\Sales' shows that folder`, `# New-PublicFolder -Name 'Sales' -Path '\'`}, findRoot +
				get},
		"a folder that is missing": {[]string{`\Sales\Archive`, `\Sales\Offers`}, func(m string) []map[string]any {
			return []map[string]any{folder(`\`, m, "Owner"), folder(`\Sales`, m, "Reviewer"),
				folder(`\Sales\Archive`, m, "Owner")}
		}, "failed", `%s is not Owner of 1 of 3 public folders: \Sales\Offers (it does not exist, or the mailbox may not ` +
			`see it)`,
			[]string{`# New-PublicFolder -Name 'Offers' -Path '\Sales'`,
				`# Add-PublicFolderClientPermission -Identity '\Sales\Offers' -User '`}, findRoot + 1 + get},
		"a reader of everything": {[]string{`\Sales`}, func(m string) []map[string]any {
			return []map[string]any{folder(`\`, m, "Reviewer"), folder(`\Sales`, m, "Reviewer")}
		}, "failed", `%s is not Owner of 2 of 2 public folders: \ (it may not create items, create subfolders, change the ` +
			`folder); \Sales (it may not create items, create subfolders, change the folder)`,
			[]string{"'\\'\n  '\\Sales'\n)"}, findRoot + get},
		"a name of signs": {[]string{`\R&D's "old" <folder>`}, func(m string) []map[string]any {
			return []map[string]any{folder(`\`, m, "Owner"), folder(`\R&D's "old" <folder>`, m, "Owner")}
		}, "passed", "%s is Owner of the root public folder and of the 1 folder of public_folder_paths", nil, findRoot + get},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, acctest.OnlyInjectedFaults(t, "how many requests it takes", sandbox.Options{}))
			connection := b.connect(b.register(), into(c.paths...))
			b.tree(c.tree(connection.Mailbox)...)
			b.Forget()
			got := b.read(connection, nil)
			if asked := b.asked("/EWS/") - 1; asked != c.requests {
				t.Errorf("%d requests for the public folders, want %d", asked, c.requests)
			}
			row := got.row(checks.PublicFolders)
			if want := fmt.Sprintf(c.detail, connection.Mailbox); row.status != c.status || row.detail != want {
				t.Errorf("%s:\n got %s\nwant %s", row.status, row.detail, want)
			}
			rest := row.remedy
			for _, words := range c.remedy {
				_, after, there := strings.Cut(rest, words)
				if !there {
					t.Errorf("%q is missing, or not in its place, in the remedy:\n%s", words, row.remedy)
				}
				rest = after
			}
			if again := b.read(connection, nil); !again.state.Equal(got.state) {
				t.Errorf("a second plan is not empty: %+v", again.rows)
			}
		})
	}
}

func TestAccTargetConnectivity_FindsManyPublicFoldersInFewRequests(t *testing.T) {
	b := newBench(t, acctest.OnlyInjectedFaults(t, "how many requests it takes", sandbox.Options{}))
	var paths []string
	tree := []map[string]any{folder(`\`, b.tenant.Mailboxes.Licensed[0], "Owner")}
	for i := range 120 {
		paths = append(paths, fmt.Sprintf(`\folder %03d`, i))
		tree = append(tree, folder(paths[i], b.tenant.Mailboxes.Licensed[0], "Owner"))
	}
	b.tree(tree...)
	connection := b.connect(b.register(), into(paths...))
	b.Forget()
	row := b.read(connection, nil).row(checks.PublicFolders)
	if row.status != "passed" || !strings.Contains(row.detail, "of the 120 folders") {
		t.Errorf("%+v", row)
	}
	if asked := b.asked("/EWS/") - 1; asked != 2+5 { // a hundred names, and 25 folders, at once
		t.Errorf("%d requests", asked)
	}
}

func TestAccTargetConnectivity_LeavesPublicFoldersUndecidedThatGiveNoAnswer(t *testing.T) {
	b := newBench(t, acctest.OnlyInjectedFaults(t, "which answer is the last one", sandbox.Options{}))
	connection := b.connect(b.register(), into(`\Sales`))
	b.tree(folder(`\`, connection.Mailbox, "Owner"), folder(`\Sales`, connection.Mailbox, "Owner"))
	for name, c := range map[string]struct {
		outage map[string]any
		detail string
	}{
		"a code of its own": {outage(500, map[string]any{"folder": "publicfoldersroot", "code": "ErrorInternalServerError"}),
			`could not tell: 2 of 2 public folders gave no answer: \ (Exchange answered HTTP 500 ErrorInternalServerError: ` +
				`The sandbox was told to answer so.); \Sales (`},
		"busy": {outage(500, map[string]any{"folder": "publicfoldersroot", "code": "ErrorServerBusy"}),
			`\Sales (Exchange is busy)`},
		"no route to them": {outage(500, map[string]any{"folder": "autodiscover", "code": "ErrorInternalServerError"}),
			"Autodiscover did not say which mailbox holds the public folders"},
	} {
		b.exchange(c.outage)
		got := b.readTwice(connection, nil)
		if row := got.row(checks.PublicFolders); row.status != "skipped" || !strings.Contains(row.detail, c.detail) ||
			!strings.Contains(row.remedy, "Run Terraform again") && name != "no route to them" {
			t.Errorf("%s: %+v", name, row)
		}
		if got.connected != "null" {
			t.Errorf("%s: connected %s", name, got.connected)
		}
	}
}

func TestAccTargetConnectivity_WaitsForABusySearchOfPublicFolders(t *testing.T) {
	for _, nth := range []int{2, 3, 4} { // of the requests to EWS: the inbox, two FindFolder, one GetFolder
		t.Run(fmt.Sprint(nth), func(t *testing.T) {
			t.Parallel()
			var waited pauses
			b := newBench(t, acctest.OnlyInjectedFaults(t, "how long it waits", sandbox.Options{}), waited.option())
			connection := b.connect(b.register(), func(c *store.Connection) {
				into(`\Sales\Archive`)(c)
				c.Mailbox = b.tenant.Mailboxes.PublicFolderOwner[0]
			})
			b.Inject(sandbox.Fault{At: waitedFor["the mailbox"].at, Kind: sandbox.Throttled, Nth: nth, Times: 2,
				RetryAfter: "9"})
			if got := b.read(connection, nil); got.connected != "true" {
				t.Errorf("connected %s: %+v", got.connected, got.rows)
			}
			if want := slices.Repeat([]time.Duration{9 * time.Second}, 2); !slices.Equal(waited.made, want) {
				t.Errorf("the pauses are %s", waited.made)
			}
		})
	}
}

func TestAccTargetConnectivity_PassesOnceTheRemedyForPublicFoldersIsCarriedOut(t *testing.T) {
	env := acctest.Start(t, sandbox.Options{})
	tenant := env.Tenant(0)
	app := env.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	env.OpenEWS(tenant.TenantID, app.ClientID)
	mailbox := tenant.Mailboxes.Licensed[0]
	tree := func(level string) {
		env.Control(http.MethodPatch, "/tenants/"+tenant.TenantID+"/exchange", map[string]any{"public_folder_tree": []any{
			folder(`\`, mailbox, "Owner"), folder(`\Sales`, mailbox, "Reviewer"), folder(`\Sales\Archive`, mailbox, level)}})
	}
	tree("Author")
	config := env.Provider(tenant.Callers.Full) + strings.Replace(handmade(tenant.TenantID, mailbox, app.ClientID,
		app.Secret), "client_secret_wo ",
		"migrate_public_folders = true\n  public_folder_paths = [\"\\\\Sales\\\\Archive\"]\n  client_secret_wo ", 1)
	resource.ParallelTest(t, resource.TestCase{
		TerraformVersionChecks:   acctest.Needs,
		ProtoV6ProviderFactories: env.Factories(),
		Steps: []resource.TestStep{
			{
				Config: config,
				Check: resource.ComposeAggregateTestCheckFunc(
					fails(checks.PublicFolders, `Add-PublicFolderClientPermission -Identity '\Sales\Archive' -User '`+mailbox+`' `+
						`-AccessRights Owner`),
					resource.TestCheckResourceAttr(table, "connected", "false")),
			},
			{
				PreConfig: func() { tree("Owner") },
				Config:    config,
				Check: resource.ComposeAggregateTestCheckFunc(resource.TestCheckResourceAttr(table, "connected", "true"),
					func(state *terraform.State) error {
						status, detail, _, err := row(state, checks.PublicFolders)
						if err == nil && (status != "passed" || !strings.Contains(detail, "the 1 folder of public_folder_paths")) {
							err = fmt.Errorf("%s: %s", status, detail)
						}
						return err
					}),
			},
		},
	})
}
