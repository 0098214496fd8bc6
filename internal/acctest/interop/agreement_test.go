//go:build full

package interop

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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
	// timeAhead is how much time passes between connecting and checking, for those credentials that end meanwhile.
	timeAhead = 48 * time.Hour
	// barelyReplicates is a speed at which what is not waited for stays unknown to the replicas until the test ends.
	barelyReplicates = 1e-4
)

// agreement is one sandbox in which each combination of states has a tenant of its own.
type agreement struct {
	*acctest.Env
	t        *testing.T
	behind   atomic.Int64 // how far the clocks of the tenants and of the connecting provider are behind the real one
	protocol *acctest.Protocol
	subjects []*subject

	strangers   acctest.HandmadeApp // of a tenant of its own
	long, short keyFile             // certificates that end after the test, and before the check
}

// keyFile is a certificate with its key in a PFX file.
type keyFile struct {
	der              []byte
	thumbprint, path string
}

func newKeyFile(t *testing.T, end time.Time, password string) keyFile {
	t.Helper()
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "CodeTwo", KeySize: 2048,
		NotBefore: time.Now().Add(-2 * timeAhead), NotAfter: end})
	must(t, err)
	packed, err := certificate.EncodePFX(pair, password, certificate.AES256)
	must(t, err)
	file := keyFile{der: pair.Certificate.Raw, thumbprint: certificate.Thumbprint(pair.Certificate),
		path: filepath.Join(t.TempDir(), "certificate.pfx")}
	write(t, file.path, packed)
	return file
}

// newAgreement starts the tenants, arranges their states and connects each.
func newAgreement(t *testing.T) *agreement {
	t.Helper()
	all := combinations()
	a := &agreement{t: t, long: newKeyFile(t, time.Now().AddDate(5, 0, 0), pfxPassword),
		short: newKeyFile(t, time.Now().Add(-timeAhead/2), pfxPassword)}
	a.behind.Store(int64(timeAhead))
	now := func() time.Time { return time.Now().Add(-time.Duration(a.behind.Load())) }
	a.Env = acctest.Start(t, sandbox.Options{Tenants: len(all) + 1, Profile: "realistic", Speed: barelyReplicates,
		Now: now})
	tenants := a.Server.TenantsJSON().Tenants
	a.strangers = a.RegisterByHand(tenants[len(all)].TenantID, "CodeTwo of another tenant")
	for i, states := range all {
		s := &subject{agreement: a, tenant: tenants[i], mailbox: tenants[i].Mailboxes.Licensed[0], states: states,
			config: map[string]tftypes.Value{}}
		s.app = a.RegisterByHand(s.tenant.TenantID, "CodeTwo by hand")
		for _, one := range states {
			one.arrange(s)
		}
		a.subjects = append(a.subjects, s)
	}
	full := a.Tenant(0).Callers.Full
	a.protocol = a.Protocol(full, acctest.WithClock(now))
	a.connect(func(s *subject) bool { return !s.isLate() })
	a.behind.Store(0)
	// No time passes for the tenants while the check waits, so that replicas have not caught up when it gives up.
	a.protocol = a.Protocol(full, acctest.WithClock(now),
		acctest.WithWait(func(ctx context.Context, _ time.Duration) error { return ctx.Err() }))
	a.connect((*subject).isLate)
	a.uploadLate()
	return a
}

// connect makes the connections of those subjects, as Terraform would.
func (a *agreement) connect(which func(*subject) bool) {
	a.t.Helper()
	for _, s := range a.subjects {
		if !which(s) {
			continue
		}
		connection := a.protocol.Object("codetwo_target_connection")
		s.config["tenant_id"], s.config["mailbox"] = text(s.tenant.TenantID), text(s.mailbox)
		s.config["client_id"] = text(s.app.ClientID)
		if _, err := connection.Apply(a.t.Context(), connection.Config(s.config)); err != nil {
			a.t.Fatalf("%s: %v", s.name(), err)
		}
		sheet, err := url.Parse(connection.Text("handoff_url"))
		must(a.t, err)
		s.id, s.sheet = connection.Text("id"), filepath.FromSlash(sheet.Path)
	}
}

// uploadLate uploads certificates, and no replica has time to learn of them.
func (a *agreement) uploadLate() {
	a.t.Helper()
	key := entra.KeyCredential{KeyID: uuid.NewString(), Type: "AsymmetricX509Cert", Usage: "Verify",
		Certificate: a.long.der}
	for _, s := range a.subjects {
		if !s.isLate() {
			continue
		}
		outcomes := a.Directory(s.tenant.TenantID).Write(a.t.Context(), entra.Parallel,
			entra.ApplicationChange{ObjectID: s.app.ObjectID, Keys: &[]entra.KeyCredential{key}})
		must(a.t, outcomes[0].Err)
	}
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

// causes are the checks one of which has failed where a migration ends at a step, by words of the step: the first ones
// that are in it.
var causes = []struct {
	step   string
	checks []string
}{
	{"sign in", []string{"credential", "token"}},
	{"read the tenant", []string{"permissions"}},
	{"public folder", []string{"public_folders"}},
	{"the mailbox", []string{"permissions", "ews"}},
}

// explains reports whether a check has failed that says why the migration ended where it did.
func (v verdict) explains(o outcome) bool {
	for _, cause := range causes {
		if strings.Contains(o.Step, cause.step) {
			return slices.ContainsFunc(cause.checks, func(name string) bool { return strings.Contains(v.rows, name+" failed") })
		}
	}
	return false
}

// checkAll checks the connections of subjects, some at a time.
func (a *agreement) checkAll(subjects []*subject) []verdict {
	a.t.Helper()
	verdicts, errs := make([]verdict, len(subjects)), make([]error, len(subjects))
	places := make(chan struct{}, 8)
	var all sync.WaitGroup
	for i, s := range subjects {
		all.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			verdicts[i], errs[i] = a.check(s.id)
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil {
			a.t.Fatalf("%s: %v", subjects[i].name(), err)
		}
	}
	return verdicts
}

// agree checks connections, has the program migrate with them, and fails the test where the two do not say the same, or
// not what is to be expected of the states. It returns how many can be migrated.
func (a *agreement) agree(subjects []*subject, works func(*subject) bool, file string) (ready int) {
	a.t.Helper()
	sheets := make([]string, len(subjects))
	for i, s := range subjects {
		sheets[i] = s.sheet
	}
	verdicts, outcomes := a.checkAll(subjects), migrateAll(a.t, a.Env, sheets)
	table := newTable()
	for i, s := range subjects {
		table.add(s, verdicts[i], outcomes[i])
		migrated := outcomes[i].Error == ""
		if migrated {
			ready++
		}
		if verdicts[i].connected != fmt.Sprint(migrated && !stricter(s.states)) {
			a.t.Errorf("%s: connected is %s (%s), and the migration ended at %s", s.name(), verdicts[i].connected,
				verdicts[i].rows, outcomes[i])
		}
		if !migrated && !verdicts[i].explains(outcomes[i]) {
			a.t.Errorf("%s: no failed check (%s) explains that the migration ended at %s", s.name(), verdicts[i].rows,
				outcomes[i])
		}
		if migrated != works(s) {
			a.t.Errorf("%s: the migration ended at %s", s.name(), outcomes[i])
		}
	}
	table.save(a.t, file)
	return ready
}

func TestTheCheckAndAMigrationProgramAgree(t *testing.T) {
	a := newAgreement(t)
	ready := a.agree(a.subjects, func(s *subject) bool { return harmless(s.states) }, "agreement.md")
	if len(a.subjects) < 200 || ready < 50 {
		t.Errorf("%d combinations, %d of which can be migrated", len(a.subjects), ready)
	}

	var late []*subject
	for _, s := range a.subjects {
		if s.isLate() {
			late = append(late, s)
			a.Server.Settle(s.tenant.TenantID)
		}
	}
	ready = a.agree(late, func(s *subject) bool { return harmless(s.states[1:]) }, "agreement-replicated.md")
	if ready == 0 {
		t.Error("no certificate can be used that has replicated")
	}
}

// table shows what the check and the program say of each combination, as Markdown.
type table struct{ strings.Builder }

func newTable() *table {
	t := &table{}
	var heading []string
	for _, axis := range axes {
		heading = append(heading, axis.name)
	}
	heading = append(heading, "connected", "checks that did not pass", "the migration ended at")
	t.row(heading...)
	t.row(slices.Repeat([]string{"---"}, len(heading))...)
	return t
}

func (t *table) row(cells ...string) { fmt.Fprintf(t, "| %s |\n", strings.Join(cells, " | ")) }

func (t *table) add(s *subject, v verdict, o outcome) {
	var cells []string
	for _, one := range s.states {
		cells = append(cells, one.name)
	}
	cells = append(cells, v.connected, v.rows, o.String())
	for i, cell := range cells {
		cells[i] = strings.ReplaceAll(cell, "|", `\|`)
	}
	t.row(cells...)
}

// save leaves the table in .cache, to be looked at.
func (t *table) save(test *testing.T, name string) {
	test.Helper()
	file := filepath.Join("..", "..", "..", ".cache", name)
	must(test, os.MkdirAll(filepath.Dir(file), 0o700))
	write(test, file, []byte(t.String()))
	test.Logf("the table is in %s\n%s", file, t.String())
}
