//go:build full

package interop

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

const (
	pfxPassword = "the password of a certificate"
	// timeAhead is how far the tenants' clock is moved between registering the apps and connecting.
	timeAhead = 48 * time.Hour
	// barelyReplicates is a speed at which what is not waited for stays unknown to the replicas until the test ends.
	barelyReplicates = 1e-4
)

// agreement is one sandbox in which each combination has a tenant of its own.
type agreement struct {
	*acctest.Env
	t        *testing.T
	protocol *acctest.Protocol
	subjects []*subject
	late     []*subject // those whose certificate is uploaded last

	strangers   acctest.HandmadeApp // of a tenant of its own
	certificate []byte              // DER
	thumbprint  string
	pfx         string // path
}

// newAgreement starts the tenants and arranges their states, up to what has to be done after the connections are made.
func newAgreement(t *testing.T) *agreement {
	t.Helper()
	all := combinations()
	var behind atomic.Int64
	behind.Store(int64(timeAhead))
	env := acctest.Start(t, sandbox.Options{Tenants: len(all) + 1, Profile: "realistic", Speed: barelyReplicates,
		Now: func() time.Time { return time.Now().Add(-time.Duration(behind.Load())) }})
	a := &agreement{Env: env, t: t}
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "CodeTwo", KeySize: 2048,
		NotBefore: time.Now().Add(-2 * timeAhead), NotAfter: time.Now().AddDate(5, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	packed, err := certificate.EncodePFX(pair, pfxPassword, certificate.AES256)
	if err != nil {
		t.Fatal(err)
	}
	a.certificate, a.thumbprint = pair.Certificate.Raw, certificate.Thumbprint(pair.Certificate)
	a.pfx = filepath.Join(t.TempDir(), "certificate.pfx")
	write(t, a.pfx, packed)

	tenants := env.Server.TenantsJSON().Tenants
	a.strangers = env.RegisterByHand(tenants[len(all)].TenantID, "CodeTwo of another tenant")
	for i, states := range all {
		s := &subject{agreement: a, tenant: tenants[i], mailbox: tenants[i].Mailboxes.Licensed[0], states: states,
			config: map[string]tftypes.Value{}}
		s.app = env.RegisterByHand(s.tenant.TenantID, "CodeTwo by hand")
		for _, one := range states {
			one.arrange(s)
		}
		a.subjects = append(a.subjects, s)
	}
	behind.Store(0)
	// Time passes for the check alone: where it waits for replicas, they have not caught up when it gives up.
	a.protocol = env.Protocol(env.Tenant(0).Callers.Full,
		acctest.WithWait(func(ctx context.Context, _ time.Duration) error { return ctx.Err() }))
	return a
}

// connect makes the connection, as Terraform would, and returns its ID and the path of its hand-off sheet.
func (s *subject) connect() (id, sheet string) {
	s.t.Helper()
	connection := s.protocol.Object("codetwo_target_connection")
	s.config["tenant_id"], s.config["mailbox"] = text(s.tenant.TenantID), text(s.mailbox)
	s.config["client_id"] = text(s.app.ClientID)
	if _, err := connection.Apply(s.t.Context(), connection.Config(s.config)); err != nil {
		s.t.Fatalf("%s: %v", s.name(), err)
	}
	at, err := url.Parse(connection.Text("handoff_url"))
	if err != nil {
		s.t.Fatal(err)
	}
	return connection.Text("id"), filepath.FromSlash(at.Path)
}

// verdict is what the check says of a connection.
type verdict struct {
	connected string // true, false or null
	rows      string // those that did not pass
}

// check reads the data source.
func (a *agreement) check(id string) (verdict, error) {
	const name = "codetwo_target_connectivity"
	kind := a.protocol.Schemas.DataSourceSchemas[name].ValueType()
	response, err := a.protocol.ReadDataSource(a.t.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: name,
		Config: a.protocol.Value(kind, map[string]tftypes.Value{"connection_id": text(id)})})
	if err != nil {
		return verdict{}, err
	}
	for _, diagnostic := range response.Diagnostics {
		if diagnostic.Severity == tfprotov6.DiagnosticSeverityError {
			return verdict{}, fmt.Errorf("%s: %s", diagnostic.Summary, diagnostic.Detail)
		}
	}
	values := a.protocol.Attributes(response.State, kind)
	found := verdict{connected: "null"}
	if !values["connected"].IsNull() {
		var connected bool
		if err := values["connected"].As(&connected); err != nil {
			return verdict{}, err
		}
		found.connected = fmt.Sprint(connected)
	}
	found.rows, err = unpassed(values["checks"])
	return found, err
}

// unpassed lists the checks that did not pass, without the warning that every mailbox which opens has.
func unpassed(checks tftypes.Value) (string, error) {
	var rows []tftypes.Value
	if err := checks.As(&rows); err != nil {
		return "", err
	}
	var said []string
	for _, row := range rows {
		var values map[string]tftypes.Value
		if err := row.As(&values); err != nil {
			return "", err
		}
		var name, status, detail string
		for attribute, into := range map[string]*string{"name": &name, "status": &status, "detail": &detail} {
			if err := values[attribute].As(into); err != nil {
				return "", err
			}
		}
		if status == "failed" || status == "warning" && name != "ews" ||
			status == "skipped" && strings.HasPrefix(detail, "could not tell") {
			said = append(said, name+" "+status)
		}
	}
	return strings.Join(said, ", "), nil
}

// checkAll checks connections, some at a time.
func (a *agreement) checkAll(ids []string) []verdict {
	a.t.Helper()
	verdicts, errs := make([]verdict, len(ids)), make([]error, len(ids))
	places := make(chan struct{}, 8)
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			verdicts[i], errs[i] = a.check(id)
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			a.t.Fatalf("%s: %v", ids[i], err)
		}
	}
	return verdicts
}

// uploadLate uploads certificates that no replica is waited for to learn of.
func (a *agreement) uploadLate() {
	a.t.Helper()
	for _, s := range a.late {
		key := entra.KeyCredential{KeyID: uuid.NewString(), Type: "AsymmetricX509Cert", Usage: "Verify",
			Certificate: a.certificate}
		for _, outcome := range a.Directory(s.tenant.TenantID).Write(a.t.Context(), entra.Order(0),
			entra.ApplicationChange{ObjectID: s.app.ObjectID, Keys: &[]entra.KeyCredential{key}}) {
			if outcome.Err != nil {
				a.t.Fatal(outcome.Err)
			}
		}
	}
}

func TestTheCheckAndAMigrationProgramAgree(t *testing.T) {
	a := newAgreement(t)
	ids, sheets := make([]string, len(a.subjects)), make([]string, len(a.subjects))
	for i, s := range a.subjects {
		ids[i], sheets[i] = s.connect()
	}
	a.uploadLate()
	verdicts, outcomes := a.checkAll(ids), migrateAll(t, a.Env, sheets)

	ready := 0
	table := newTable()
	for i, s := range a.subjects {
		table.add(s, verdicts[i], outcomes[i])
		migrated := outcomes[i].Error == ""
		if migrated {
			ready++
		}
		if verdicts[i].connected != fmt.Sprint(migrated) {
			t.Errorf("%s: connected is %s (%s), and the program: %s: %s", s.name(), verdicts[i].connected, verdicts[i].rows,
				outcomes[i].Step, outcomes[i].Error)
		}
		if migrated != harmless(s.states) {
			t.Errorf("%s: the program: %s: %s", s.name(), outcomes[i].Step, outcomes[i].Error)
		}
	}
	table.save(t)
	if len(a.subjects) < 200 || ready < 50 {
		t.Errorf("%d combinations, %d of which can be migrated", len(a.subjects), ready)
	}
}

// table shows what the check and the program say of each combination, as Markdown.
type table struct{ strings.Builder }

func newTable() *table {
	t := &table{}
	var heading, rule []string
	for _, axis := range axes {
		heading, rule = append(heading, axis.name), append(rule, "---")
	}
	heading = append(heading, "connected", "checks that did not pass", "the migration ended at")
	fmt.Fprintf(t, "| %s |\n| %s |\n", strings.Join(heading, " | "), strings.Join(append(rule, "---", "---", "---"), " | "))
	return t
}

func (t *table) add(s *subject, v verdict, o outcome) {
	var cells []string
	for _, one := range s.states {
		cells = append(cells, one.name)
	}
	end := "its end"
	if o.Error != "" {
		end = o.Step + ": " + o.Error
	}
	cells = append(cells, v.connected, v.rows, end)
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	fmt.Fprintf(t, "| %s |\n", strings.Join(cells, " | "))
}

// save leaves the table in .cache, to be looked at.
func (t *table) save(test *testing.T) {
	test.Helper()
	file := filepath.Join("..", "..", "..", ".cache", "agreement.md")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		test.Fatal(err)
	}
	write(test, file, []byte(t.String()))
	test.Logf("the table is in %s\n%s", file, t.String())
}
