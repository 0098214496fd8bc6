package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/contract"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// bypass is the header of a request that meets no fault and sees every write.
const bypass = "Sandbox-Bypass"

// object is a JSON object.
type object = map[string]any

// rig is a started sandbox with a client that trusts it and follows no redirect.
type rig struct {
	t       *testing.T
	server  *Server
	client  *http.Client
	version string // of Graph, where it is not v1.0
	unnoted bool   // its requests succeed without being evidence of what they do
}

func newRig(t *testing.T, options Options) *rig {
	t.Helper()
	options.Around = answersHeldAgainstTheContract(t)
	server, err := Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(server.CertificateAuthorityPEM()) {
		t.Fatal("the sandbox's CA is not a PEM certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &rig{t: t, server: server, client: client}
}

// answersHeldAgainstTheContract fails a test with every answer that Microsoft's contract of Graph does not have. The
// requests are not looked at: these tests also send what is wrong.
func answersHeldAgainstTheContract(t *testing.T) func(http.Handler) http.Handler {
	t.Helper()
	held := loadContract(t)
	if held == nil {
		return nil
	}
	tap := contract.NewTap(held.AnswerViolations)
	t.Cleanup(func() {
		for _, violation := range tap.Violations() {
			t.Errorf("not in Microsoft's contract of Graph: %s", violation)
		}
	})
	return tap.Around
}

// answer is an HTTP answer, read to its end.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (a answer) json(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.Body), into); err != nil {
		t.Fatalf("HTTP %d with no JSON: %v\n%s", a.Status, err, a.Body)
	}
}

func (r *rig) do(method, path, body string, headers map[string]string) answer {
	r.t.Helper()
	request, err := http.NewRequestWithContext(r.t.Context(), method, r.server.Origin()+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := r.client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	got := answer{response.StatusCode, response.Header, string(content)}
	r.note(method, path, body, got)
	return got
}

func (r *rig) get(path string) answer { r.t.Helper(); return r.do(http.MethodGet, path, "", nil) }

// control changes something through the control API.
func (r *rig) control(method, path, body string) {
	r.t.Helper()
	if got := r.do(method, "/_sandbox"+path, body, nil); got.Status != http.StatusOK {
		r.t.Fatalf("%s %s answers HTTP %d: %s", method, path, got.Status, got.Body)
	}
}

// requestToken posts a form to the token endpoint of a tenant, which may be given by ID or by domain.
func (r *rig) requestToken(tenant string, form url.Values) answer {
	r.t.Helper()
	return r.do(http.MethodPost, "/"+tenant+"/oauth2/v2.0/token", form.Encode(),
		map[string]string{"Content-Type": "application/x-www-form-urlencoded"})
}

func secretForm(clientID, secret, scope string) url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {secret},
		"scope": {scope}}
}

const (
	graphDefault    = "https://graph.microsoft.com/.default"
	exchangeDefault = "https://outlook.office365.com/.default"
)

func (r *rig) token(tenant string, form url.Values) string {
	r.t.Helper()
	got := r.requestToken(tenant, form)
	if got.Status != http.StatusOK {
		r.t.Fatalf("the token endpoint answers HTTP %d: %s", got.Status, got.Body)
	}
	var body struct {
		AccessToken string `json:"access_token"`
	}
	got.json(r.t, &body)
	return body.AccessToken
}

// testApp is an application in a tenant of the rig, with a certificate and a client secret.
type testApp struct {
	tenant.Application
	principal   tenant.ServicePrincipal
	secret      string
	key         *rsa.PrivateKey
	certificate *x509.Certificate
}

// register puts an application with its service principal into a tenant, as an administrator's clicks would have.
// It is granted the named roles of the APIs, given as "<app ID>/<role>".
func (r *rig) register(t *tenant.Tenant, grants ...string) *testApp {
	r.t.Helper()
	key, certificate := newCertificate(r.t, time.Now().Add(-time.Hour), time.Now().AddDate(5, 0, 0))
	at := r.server.world.Now()
	app := &testApp{key: key, certificate: certificate, secret: rand.Text()}
	app.Application = tenant.Application{
		ID: uuid.NewString(), AppID: uuid.NewString(), DisplayName: "CodeTwo Office 365 Migration Target",
		SignInAudience: "AzureADMyOrg", CreatedAt: at,
		Keys: []tenant.KeyCredential{{KeyID: uuid.NewString(), Certificate: certificate, Start: certificate.NotBefore,
			End: certificate.NotAfter}},
		Passwords: []tenant.PasswordCredential{{KeyID: uuid.NewString(), Secret: app.secret, Start: at,
			End: at.AddDate(2, 0, 0)}},
	}
	app.principal = tenant.ServicePrincipal{
		ID: uuid.NewString(), AppID: app.AppID, DisplayName: app.DisplayName, Enabled: true, AppOwnerTenantID: t.ID,
		CreatedAt: at,
	}
	t.Lock()
	defer t.Unlock()
	t.Directory.Applications.Put(at, app.ID, app.Application)
	t.Directory.ServicePrincipals.Put(at, app.principal.ID, app.principal)
	for _, grant := range grants {
		apiAppID, name, _ := strings.Cut(grant, "/")
		api := seeded(t, apiAppID)
		id := tenant.NewAppRoleAssignmentID(app.principal.ID)
		t.Directory.Grants.Put(at, id, tenant.AppRoleAssignment{
			ID: id, AppRoleID: permission(api.AppRoles, name).ID, PrincipalID: app.principal.ID, ResourceID: api.ID,
			CreatedAt: at,
		})
	}
	return app
}

// seeded finds the service principal of an application that a tenant began with.
func seeded(t *tenant.Tenant, appID string) tenant.ServicePrincipal {
	found, _ := t.ServicePrincipalByAppID(tenant.Present(), appID)
	return found
}

// permission finds the enabled application permission of a name.
func permission(roles []tenant.AppRole, name string) tenant.AppRole {
	at := slices.IndexFunc(roles, func(r tenant.AppRole) bool {
		return r.Value == name && r.IsEnabled && slices.Contains(r.AllowedMemberTypes, "Application")
	})
	return roles[at]
}

// change replaces the application and its service principal in the tenant.
func (r *rig) change(t *tenant.Tenant, app *testApp) {
	t.Lock()
	defer t.Unlock()
	t.Directory.Applications.Put(r.server.world.Now(), app.ID, app.Application)
	t.Directory.ServicePrincipals.Put(r.server.world.Now(), app.principal.ID, app.principal)
}

func newCertificate(t *testing.T, notBefore, notAfter time.Time) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "CodeTwo"},
		NotBefore: notBefore, NotAfter: notAfter,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, certificate
}
