package connectivity_test

import (
	"crypto/rand"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// bench reads the data source over Terraform's protocol, without the CLI, of connections that are put into the store
// as wanted. The provider, the sandbox and the sockets between them are the real ones.
type bench struct {
	*acctest.Env
	t        *testing.T
	protocol *acctest.Protocol
	store    *store.Store
	tenant   sandbox.TenantEntry // whose connections are made
}

func newBench(t *testing.T, options sandbox.Options, provided ...acctest.Option) *bench {
	t.Helper()
	env := acctest.Start(t, options)
	opened, err := store.Open(env.StoreURL(), acctest.Passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{Env: env, t: t, protocol: env.Protocol(env.Tenant(0).Callers.Full, provided...), store: opened,
		tenant: env.Tenant(0)}
}

// register registers an app by hand, and lets it through Exchange's gate.
func (b *bench) register() acctest.HandmadeApp {
	b.t.Helper()
	app := b.RegisterByHand(b.tenant.TenantID, "CodeTwo by hand")
	b.OpenEWS(b.tenant.TenantID, app.ClientID)
	return app
}

// connect records a connection to an app with its secret, written long ago. An earlier one of the same mailbox is
// deleted.
func (b *bench) connect(app acctest.HandmadeApp, change func(*store.Connection)) store.Connection {
	b.t.Helper()
	written := time.Now().Add(-time.Hour)
	connection := store.Connection{
		TenantID: b.tenant.TenantID, Mailbox: b.tenant.Mailboxes.Licensed[0], Name: "contoso", ClientID: app.ClientID,
		CredentialType: store.CredentialClientSecret, Owner: "test", WrittenAt: &written,
	}
	if change != nil {
		change(&connection)
	}
	secret := app.Secret
	if connection.CredentialType == store.CredentialCertificate {
		secret = ""
	}
	if err := b.store.DeleteConnection(b.t.Context(), connection.TenantID, connection.Mailbox,
		connection.Owner, 0); err != nil {
		b.t.Fatal(err)
	}
	made, err := b.store.CreateConnection(b.t.Context(), connection, 0, secret, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return made
}

// certificate makes a key pair, and puts it into the store.
func (b *bench) certificate(notBefore time.Time) *certificate.Pair {
	b.t.Helper()
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "CodeTwo", KeySize: 2048,
		NotBefore: notBefore, NotAfter: notBefore.AddDate(5, 0, 0)})
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.store.SaveCertificate(b.t.Context(), b.tenant.TenantID, pair, certificate.AES256, time.Now()); err != nil {
		b.t.Fatal(err)
	}
	return pair
}

// upload puts a certificate on an app, in place of any other.
func (b *bench) upload(app acctest.HandmadeApp, pair *certificate.Pair) {
	b.t.Helper()
	b.Graph(b.tenant.TenantID, http.MethodPatch, "/applications/"+app.ObjectID, map[string]any{"keyCredentials": []any{
		map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": pair.Certificate.Raw},
	}})
}

func byCertificate(pair *certificate.Pair) func(*store.Connection) {
	return func(c *store.Connection) {
		c.CredentialType, c.CertificateThumbprint = store.CredentialCertificate, certificate.Thumbprint(pair.Certificate)
	}
}

func withPublicFolders(c *store.Connection) { c.MigratePublicFolders = true }

// refuse has the tenant refuse an app's sign-ins with a code; 0 ends it.
func (b *bench) refuse(clientID string, code int) {
	b.t.Helper()
	refused := map[string]int{}
	if code != 0 {
		refused[clientID] = code
	}
	b.Control(http.MethodPatch, "/tenants/"+b.tenant.TenantID+"/sign-in", map[string]any{"refuse": refused})
}

// exchange is what the Exchange administrator and the outage there do.
func (b *bench) exchange(settings map[string]any) {
	b.t.Helper()
	b.Control(http.MethodPatch, "/tenants/"+b.tenant.TenantID+"/exchange", settings)
}

// checkRow is one element of checks.
type checkRow struct{ name, status, detail, remedy string }

// report is what one read came to.
type report struct {
	connected   string // true, false or null
	rows        []checkRow
	state       tftypes.Value
	diagnostics []*tfprotov6.Diagnostic
}

func (r report) row(name string) checkRow {
	for _, row := range r.rows {
		if row.name == name {
			return row
		}
	}
	return checkRow{}
}

// text is all that the diagnostics say.
func (r report) text() string {
	var text strings.Builder
	for _, diagnostic := range r.diagnostics {
		text.WriteString(diagnostic.Summary + "\n" + diagnostic.Detail + "\n")
	}
	return text.String()
}

const dataSource = "codetwo_target_connectivity"

// read reads the data source. Without further attributes there is no time to wait for what is not ready.
func (b *bench) read(connection store.Connection, attributes map[string]tftypes.Value) report {
	b.t.Helper()
	kind := b.protocol.Schemas.DataSourceSchemas[dataSource].ValueType()
	all := map[string]tftypes.Value{"connection_id": tftypes.NewValue(tftypes.String, connection.ID())}
	for name, value := range attributes {
		all[name] = value
	}
	response, err := b.protocol.ReadDataSource(b.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: dataSource,
		Config: b.protocol.Value(kind, all)})
	if err != nil {
		b.t.Fatal(err)
	}
	got := report{diagnostics: response.Diagnostics}
	if response.State == nil {
		return got
	}
	if got.state, err = response.State.Unmarshal(kind); err != nil {
		b.t.Fatal(err)
	}
	if got.state.IsNull() {
		return got
	}
	values := b.protocol.Attributes(response.State, kind)
	got.connected = "null"
	if !values["connected"].IsNull() {
		var connected bool
		b.as(values["connected"], &connected)
		got.connected = map[bool]string{true: "true", false: "false"}[connected]
	}
	var rows []tftypes.Value
	b.as(values["checks"], &rows)
	for _, value := range rows {
		var row map[string]tftypes.Value
		b.as(value, &row)
		var found checkRow
		for name, into := range map[string]*string{"name": &found.name, "status": &found.status, "detail": &found.detail,
			"remedy": &found.remedy} {
			b.as(row[name], into)
		}
		got.rows = append(got.rows, found)
	}
	return got
}

// readTwice reads again, as a second plan does, and fails the test where that would be a change.
func (b *bench) readTwice(connection store.Connection, attributes map[string]tftypes.Value) report {
	b.t.Helper()
	first := b.read(connection, attributes)
	if second := b.read(connection, attributes); !first.state.Equal(second.state) {
		b.t.Errorf("a second plan is not empty:\n%v\n%v", first.rows, second.rows)
	}
	return first
}

func (b *bench) as(value tftypes.Value, into any) {
	b.t.Helper()
	if err := value.As(into); err != nil {
		b.t.Fatal(err)
	}
}

// asked counts the requests whose path contains the words, since the last Forget.
func (b *bench) asked(words string) int {
	b.t.Helper()
	count := 0
	for _, request := range b.Requests() {
		if strings.Contains(request.Path, words) {
			count++
		}
		for _, part := range request.Parts {
			if strings.Contains(part.Path, words) {
				count++
			}
		}
	}
	return count
}
