package connectivity_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/permission"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// proof is the request without which a check cannot have been made. Record and credential are read from the store.
var proof = map[string]string{
	checks.Tenant: "/.well-known/openid-configuration", checks.Token: "/oauth2/v2.0/token",
	checks.Permissions:  "/oauth2/v2.0/token",
	checks.Organization: "/organization", checks.Mailbox: "/users", checks.EWS: "/EWS/Exchange.asmx",
	checks.PublicFolders: "/autodiscover/autodiscover.svc",
}

// answered reports whether a request of a check's proof was carried out since the last Forget.
func (b *bench) answered(check string) bool {
	b.t.Helper()
	for _, request := range b.Requests() {
		if strings.Contains(request.Path, proof[check]) && request.Status == http.StatusOK {
			return true
		}
		for _, part := range request.Parts {
			if strings.Contains(part.Path, proof[check]) && part.Status == http.StatusOK {
				return true
			}
		}
	}
	return false
}

// failsAlone makes one check fail, and returns the connection.
var failsAlone = map[string]func(*bench, acctest.HandmadeApp) store.Connection{
	checks.Record: func(b *bench, app acctest.HandmadeApp) store.Connection {
		connection := b.connect(app, withPublicFolders)
		if err := b.store.DeleteConnection(b.t.Context(), connection.TenantID, connection.Mailbox,
			connection.Owner, 0); err != nil {
			b.t.Fatal(err)
		}
		return connection
	},
	checks.Credential: func(b *bench, app acctest.HandmadeApp) store.Connection {
		connection := b.connect(app, withPublicFolders)
		secrets, _ := filepath.Glob(filepath.Join(b.Store, connection.TenantID, "connections", "*.secret.age"))
		if len(secrets) != 1 || os.Remove(secrets[0]) != nil {
			b.t.Fatalf("the store holds %v", secrets)
		}
		return connection
	},
	checks.Tenant: func(b *bench, app acctest.HandmadeApp) store.Connection {
		return b.connect(app, func(c *store.Connection) { c.TenantID, c.MigratePublicFolders = uuid.NewString(), true })
	},
	checks.Token: func(b *bench, app acctest.HandmadeApp) store.Connection {
		app.Secret = "wrong"
		return b.connect(app, withPublicFolders)
	},
	checks.Permissions: func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.grantInstead(app, "Organization.Read.All", "User.Read.All")
		return b.connect(app, owner(b))
	},
	checks.Organization: func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.Control(http.MethodPatch, "/tenants/"+b.tenant.TenantID+"/users/"+b.tenant.Mailboxes.PublicFolderOwner[0],
			map[string]any{"aliases": []string{"migration@unverified.example"}})
		return b.connect(app, func(c *store.Connection) { c.Mailbox = "migration@unverified.example" })
	},
	checks.Mailbox: func(b *bench, app acctest.HandmadeApp) store.Connection { // Graph has not heard of the user yet
		b.Inject(sandbox.Fault{At: "GET /v1.0/users*", Kind: sandbox.Refused, Status: http.StatusNotFound,
			Code: "Request_ResourceNotFound", Message: "Resource does not exist.", Times: 4})
		return b.connect(app, owner(b))
	},
	checks.EWS: func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(map[string]any{"ews_enabled": false})
		return b.connect(app, withPublicFolders)
	},
	checks.PublicFolders: func(b *bench, app acctest.HandmadeApp) store.Connection {
		return b.connect(app,
			withPublicFolders)
	},
}

func owner(b *bench) func(*store.Connection) {
	return func(c *store.Connection) {
		c.Mailbox, c.MigratePublicFolders = b.tenant.Mailboxes.PublicFolderOwner[0], true
	}
}

// grantInstead takes an app's grants of Microsoft Graph away, and grants others.
func (b *bench) grantInstead(app acctest.HandmadeApp, roles ...string) {
	b.t.Helper()
	b.RevokeConsent(b.tenant.TenantID, app.ClientID)
	for _, role := range append(roles, "full_access_as_app") {
		b.grant(app, role)
	}
}

func (b *bench) grant(app acctest.HandmadeApp, role string) {
	b.t.Helper()
	api := permission.Graph
	if role == "full_access_as_app" {
		api = permission.Exchange
	}
	entry, known := permission.Find(api, role)
	if !known {
		b.t.Fatalf("the catalogue does not know %s", role)
	}
	principal := b.Graph(b.tenant.TenantID, http.MethodGet, "/servicePrincipals(appId='"+app.ClientID+"')", nil)
	resource := b.Graph(b.tenant.TenantID, http.MethodGet, "/servicePrincipals(appId='"+api.AppID+"')", nil)
	b.Graph(b.tenant.TenantID, http.MethodPost, fmt.Sprintf("/servicePrincipals/%s/appRoleAssignedTo", resource["id"]),
		map[string]any{
			"principalId": principal["id"], "resourceId": resource["id"], "appRoleId": entry.ID,
		})
}

// failed lists the checks that failed, and fails the test where a row does not say why, or says more than was asked.
func (b *bench) failed(got report) (failed []string) {
	b.t.Helper()
	for _, row := range got.rows {
		switch row.status {
		case "failed":
			failed = append(failed, row.name)
			if row.remedy == "" {
				b.t.Errorf("%s failed without a remedy", row.name)
			}
		case "skipped":
			if row.detail == "" {
				b.t.Errorf("%s was skipped without a reason", row.name)
			}
		default:
			if proof[row.name] != "" && !b.answered(row.name) {
				b.t.Errorf("%s is %s, and %s was never answered: %s", row.name, row.status, proof[row.name], row.detail)
			}
		}
	}
	return failed
}

func TestAccTargetConnectivity_EachCheckFailsAloneAndNoneIsSaidToPassThatWasNotMade(t *testing.T) {
	for _, name := range checks.Names() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sandbox.Options{})
			connection := failsAlone[name](b, b.register())
			b.Forget()
			got := b.read(connection, nil)
			if failed := b.failed(got); !slices.Equal(failed, []string{name}) || got.connected != "false" {
				t.Errorf("failed: %v, connected %s; want %s alone: %+v", failed, got.connected, name, got.rows)
			}
			if again := b.read(connection, nil); !again.state.Equal(got.state) {
				t.Errorf("a second plan is not empty: %+v", again.rows)
			}
		})
	}
}

// openAre fails the test where a check that takes a role was told without it, or not told with it, or does not name it.
func (b *bench) openAre(got report, open []string, lacking string) {
	b.t.Helper()
	for _, name := range []string{checks.Organization, checks.Mailbox, checks.EWS} {
		row, open := got.row(name), slices.Contains(open, name)
		if told := row.status != "skipped"; told == open || told != b.answered(name) {
			b.t.Errorf("%s: %+v, asked %t", name, row, b.answered(name))
		}
		if open && (!strings.HasPrefix(row.detail, "could not tell: ") || !strings.Contains(row.detail, lacking)) {
			b.t.Errorf("%s does not name %s: %s", name, lacking, row.detail)
		}
	}
}

func TestAccTargetConnectivity_WithoutARightItsChecksCouldNotBeToldAndNameIt(t *testing.T) {
	for _, c := range []struct {
		held, lacking string // the roles of Graph; the role to be named
		exchange      bool
		open          []string // the checks that cannot be told
	}{
		{"", "Directory.Read.All of Microsoft Graph", true, []string{checks.Organization, checks.Mailbox}},
		{"Organization.Read.All", "Directory.Read.All of Microsoft Graph", true, []string{checks.Mailbox}},
		{"User.Read.All", "Directory.Read.All of Microsoft Graph", true, []string{checks.Organization}},
		{"Directory.Read.All", "full_access_as_app of Office 365 Exchange Online", false, []string{checks.EWS}},
	} {
		t.Run("with "+c.held+fmt.Sprintf(", EWS %t", c.exchange), func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sandbox.Options{})
			app := b.register()
			b.RevokeConsent(b.tenant.TenantID, app.ClientID)
			if c.held != "" {
				b.grant(app, c.held)
			}
			if c.exchange {
				b.grant(app, "full_access_as_app")
			}
			connection := b.connect(app, owner(b))
			b.Forget()
			got := b.read(connection, nil)
			if row := got.row(checks.Permissions); row.status != "failed" || !strings.Contains(row.remedy, "adminconsent") {
				t.Errorf("permissions: %+v", row)
			}
			b.openAre(got, c.open, c.lacking)
			if row := got.row(checks.PublicFolders); (row.status == "passed") != c.exchange {
				t.Errorf("public_folders: %+v", row)
			}
			// Without the check of permissions nothing failed, and yet it is not said to work.
			permissions := []tftypes.Value{tftypes.NewValue(tftypes.String, checks.Permissions)}
			skip := tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, permissions)
			if got := b.readTwice(connection, map[string]tftypes.Value{"skip_checks": skip}); got.connected != "null" {
				t.Errorf("connected %s with %v open", got.connected, c.open)
			}
		})
	}
}

func TestAccTargetConnectivity_AHealthyTenantTakesNoMoreThanItsLongestChainOfRequests(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*bench) func(*store.Connection)
		chain  int // discovery, token, inbox; then, level by level, what leads to the public folders, and the root with them
	}{
		"without public folders": {func(*bench) func(*store.Connection) { return nil }, 3},
		"with public folders":    {owner, 4},
		"with public folders below the root": {func(b *bench) func(*store.Connection) {
			return func(c *store.Connection) {
				owner(b)(c)
				c.PublicFolderPaths = []string{`\Projects`, `\Sales`, `\Sales\Archive`}
			}
		}, 6},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, acctest.OnlyInjectedFaults(t, "how many requests wait for each other",
				sandbox.Options{Latency: 150 * time.Millisecond}))
			connection := b.connect(b.register(), c.change(b))
			b.Forget()
			if got := b.read(connection, nil); got.connected != "true" {
				t.Fatalf("connected %s: %+v", got.connected, got.rows)
			}
			if row := acctest.InSequence(b.Requests()); row > c.chain {
				t.Errorf("%d of %d requests had to wait for each other, want %d", row, len(b.Requests()), c.chain)
			}
		})
	}
}
