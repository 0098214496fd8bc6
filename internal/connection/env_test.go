package connection

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age/armor"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	tf "github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/tfversion"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/storetest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

const (
	tenantID   = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
	clientID   = "11111111-2222-3333-4444-555555555555"
	mailbox    = "Migration@contoso.onmicrosoft.com"
	passphrase = "correct horse battery"
	secret     = "Abc8Q~s3cret-Value.of_Entra"
	thumbprint = "A1B2C3D4E5F60718293A4B5C6D7E8F9001122334"
	address    = "codetwo_target_connection.test"
)

var today = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

// test environment is a provider that has a connection store and nothing else, played by the real Terraform command.
type env struct {
	t          *testing.T
	folder     string
	passphrase string
	unset      bool // no store is configured
	unknown    bool // the store is not known while planning
	tenant     tenant

	mu     sync.Mutex
	opened *store.Store // by this process of the provider
}

func (env *env) Store() (*store.Store, error) {
	if env.unset {
		return nil, errors.New("paste this line")
	}
	env.mu.Lock()
	defer env.mu.Unlock()
	if env.opened == nil {
		s, err := store.Open("file://"+filepath.ToSlash(env.folder), env.passphrase)
		if err != nil {
			return nil, err
		}
		env.opened = s
	}
	return env.opened, nil
}

func (env *env) StoreUnknown() bool { return env.unknown }

func (env *env) FirstTime(string) bool { return true }

func (env *env) Now() time.Time { return today }

func (env *env) Directory(string) entra.Directory { return &env.tenant }

// tenant is what a look at the connection's tenant shows.
type tenant struct {
	entra.Directory                    // only RoleHolders is asked for
	held            *entra.RoleHolders // nil: nobody can sign in
	looks           int
}

func (t *tenant) RoleHolders(context.Context, entra.RoleRef, string) (*entra.RoleHolders, error) {
	t.looks++
	if t.held == nil {
		return nil, errors.New("nobody can sign in to the tenant")
	}
	return t.held, nil
}

func (env *env) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName = "codetwo"
}

func (env *env) Schema(context.Context, provider.SchemaRequest, *provider.SchemaResponse) {}

func (env *env) Configure(_ context.Context, _ provider.ConfigureRequest, response *provider.ConfigureResponse) {
	env.mu.Lock()
	env.opened = nil // each command is a process of its own
	env.mu.Unlock()
	response.ResourceData, response.DataSourceData = Services(env), Services(env)
}

func (env *env) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{NewResource}
}

func (env *env) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{NewDataSource}
}

// newEnv has an empty store whose key opens fast: age keeps the cost of the passphrase in the file.
func newEnv(t *testing.T) *env {
	t.Helper()
	env := &env{t: t, folder: filepath.Join(t.TempDir(), "store"), passphrase: passphrase}
	storetest.Make(t, env.folder, passphrase)
	return env
}

func (env *env) must(err error) {
	env.t.Helper()
	if err != nil {
		env.t.Fatal(err)
	}
}

// play runs steps with the real Terraform command.
func (env *env) play(steps ...tf.TestStep) {
	env.t.Helper()
	tf.UnitTest(env.t, tf.TestCase{
		TerraformVersionChecks: []tfversion.TerraformVersionCheck{tfversion.RequireAbove(tfversion.Version1_11_0)},
		ProtoV6ProviderFactories: map[string]func() (tfprotov6.ProviderServer, error){
			"codetwo": providerserver.NewProtocol6WithError(env),
		},
		Steps: steps,
	})
}

// open opens the store as someone with the passphrase.
func (env *env) open() *store.Store {
	env.t.Helper()
	s, err := store.Open("file://"+filepath.ToSlash(env.folder), passphrase)
	env.must(err)
	return s
}

func (env *env) record() store.Connection {
	env.t.Helper()
	c, err := env.open().Connection(env.t.Context(), tenantID, mailbox, 0)
	env.must(err)
	return c
}

// secret is the client secret that the store holds of the connection.
func (env *env) secret() (string, error) { return env.secretOf(mailbox) }

func (env *env) secretOf(mailbox string) (string, error) {
	env.t.Helper()
	s := env.open()
	c, err := s.Connection(env.t.Context(), tenantID, mailbox, 0)
	if err != nil {
		return "", err
	}
	return s.ClientSecret(env.t.Context(), c)
}

// create writes a record as another run would.
func (env *env) create(c store.Connection, secret string) {
	env.t.Helper()
	s := env.open()
	_, err := s.CreateConnection(env.t.Context(), c, 0, secret, renderer(env.t.Context(), s))
	env.must(err)
}

// remove deletes the connection as another run would.
func (env *env) remove() {
	env.t.Helper()
	env.must(env.open().DeleteConnection(env.t.Context(), tenantID, mailbox, env.record().Owner, 0))
}

func (env *env) path(raw string) string {
	env.t.Helper()
	u, err := url.Parse(raw)
	env.must(err)
	return filepath.FromSlash(u.Path)
}

// edit changes the connection's record as a person with an editor would.
func (env *env) edit(before, after string) {
	env.t.Helper()
	file := env.path(env.open().RecordURL(tenantID, mailbox))
	content, err := os.ReadFile(file)
	env.must(err)
	if !strings.Contains(string(content), before) {
		env.t.Fatalf("the record does not hold %s:\n%s", before, content)
	}
	env.must(os.WriteFile(file, []byte(strings.ReplaceAll(string(content), before, after)), 0o600))
}

// connection is a resource block. Attributes given last win over those given before, and over the required ones.
func connection(attributes ...string) string {
	lines := map[string]string{}
	order := []string{}
	for _, line := range append([]string{
		fmt.Sprintf("tenant_id = %q", tenantID), fmt.Sprintf("mailbox = %q", mailbox),
		fmt.Sprintf("client_id = %q", clientID),
	}, attributes...) {
		name, _, _ := strings.Cut(line, " ")
		if _, there := lines[name]; !there {
			order = append(order, name)
		}
		lines[name] = line
	}
	block := "resource \"codetwo_target_connection\" \"test\" {\n"
	for _, name := range order {
		block += "  " + lines[name] + "\n"
	}
	return block + "}\n"
}

// armored reads what age wrote as text.
func armored(content []byte) io.Reader { return armor.NewReader(bytes.NewReader(content)) }

const byThumbprint = `certificate_thumbprint = "` + thumbprint + `"`

func bySecret(value string, version int) []string {
	return []string{fmt.Sprintf("client_secret_wo = %q", value), fmt.Sprintf("client_secret_wo_version = %d", version)}
}

// pair is a certificate that is valid today.
var pair = sync.OnceValue(func() *certificate.Pair { return newPair(today.AddDate(-1, 0, 0), today.AddDate(4, 0, 0)) })

func newPair(from, to time.Time) *certificate.Pair {
	p, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "target", KeySize: 2048, NotBefore: from,
		NotAfter: to})
	if err != nil {
		panic(err)
	}
	return p
}

// pfx writes a PFX file with the password "pfx-password" and returns the attributes that import it.
func (env *env) pfx(p *certificate.Pair) (file string, attributes []string) {
	env.t.Helper()
	data, err := certificate.EncodePFX(p, "pfx-password", certificate.AES256)
	env.must(err)
	file = filepath.Join(env.t.TempDir(), "certificate.pfx")
	env.must(os.WriteFile(file, data, 0o600))
	return file, []string{
		fmt.Sprintf("certificate_thumbprint = %q", certificate.Thumbprint(p.Certificate)),
		fmt.Sprintf("certificate_pfx_path = %q", file),
		`certificate_pfx_password_wo = "pfx-password"`, "certificate_pfx_password_wo_version = 1",
	}
}
