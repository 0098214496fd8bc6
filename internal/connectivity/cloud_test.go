package connectivity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

const (
	tenantID     = "11111111-2222-3333-4444-555555555555"
	clientID     = "66666666-7777-8888-9999-aaaaaaaaaaaa"
	address      = "migration@contoso.com"
	id           = tenantID + "/" + address
	clientSecret = "the-app's-own-secret"
	passphrase   = "a passphrase of some length"
)

var today = time.Date(2026, time.November, 23, 9, 0, 0, 0, time.UTC)

// cloud is a tenant with what the checks ask of it: sign-in and Exchange behind one origin, and the directory.
type cloud struct {
	*httptest.Server
	entra.Directory // only Organization, User and RoleHolders are asked for

	mu       sync.Mutex
	requests []string // "METHOD path", and the answers of the directory by their name

	refusal       string         // the body of the token endpoint's refusal; empty: it issues tokens
	roles         map[string]any // the roles claim by audience
	policy        string         // X-EWS-Policy-Reason; empty: EWS opens
	meet          *meeting       // where the questions of the last step wait for each other, if set
	waitForCancel context.CancelFunc
}

func newCloud(t *testing.T) *cloud {
	c := &cloud{roles: map[string]any{
		"https://graph.microsoft.com":   []string{"Directory.Read.All"},
		"https://outlook.office365.com": []string{"full_access_as_app"},
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("tenant") != tenantID {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"error":"invalid_tenant","error_description":"AADSTS90002: Tenant not found.",`+
				`"error_codes":[90002]}`)
			return
		}
		base := c.URL + "/" + tenantID
		fmt.Fprintf(w, `{"issuer":"%s/v2.0","token_endpoint":"%s/oauth2/v2.0/token",`+
			`"authorization_endpoint":"%s/oauth2/v2.0/authorize"}`, base, base, base)
	})
	mux.HandleFunc("POST /{tenant}/oauth2/v2.0/token", c.token)
	mux.HandleFunc("GET /autodiscover/autodiscover.json/v1.0/{email}", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"Protocol":"Ews","Url":"%s/EWS/Exchange.asmx"}`, c.URL)
	})
	mux.HandleFunc("POST /EWS/Exchange.asmx", c.ews)
	mux.HandleFunc("POST /autodiscover/autodiscover.svc", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
			<GetUserSettingsResponseMessage><Response><ErrorCode>NoError</ErrorCode>
			<UserResponses><UserResponse><ErrorCode>NoError</ErrorCode><UserSettings><UserSetting>
			<Name>PublicFolderInformation</Name><Value>pf@contoso.com</Value>
			</UserSetting></UserSettings></UserResponse></UserResponses>
			</Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>`)
	})
	c.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.note(r.Method + " " + r.URL.Path)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) note(request string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, request)
}

// asked counts the requests that contain the words.
func (c *cloud) asked(words string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	count := 0
	for _, request := range c.requests {
		if strings.Contains(request, words) {
			count++
		}
	}
	return count
}

func (c *cloud) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	refusal := c.refusal
	if refusal == "" && r.PostFormValue("client_secret") != clientSecret && r.PostFormValue("client_assertion") == "" {
		refusal = `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.",` +
			`"error_codes":[7000215],"correlation_id":"c","trace_id":"t"}`
	}
	if refusal != "" {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, refusal)
		return
	}
	scope, _, _ := strings.Cut(r.PostFormValue("scope"), " ")
	audience := strings.TrimSuffix(scope, "/.default")
	claims, _ := json.Marshal(map[string]any{"aud": audience, "roles": c.roles[audience]})
	token := "e30." + base64.RawURLEncoding.EncodeToString(claims) + ".c2ln"
	fmt.Fprintf(w, `{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":%q}`, token)
}

func (c *cloud) ews(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // the server notices that a client is gone only after it
	if c.waitForCancel != nil {
		c.waitForCancel()
		<-r.Context().Done()
		return
	}
	if c.meet.join(r.Context()) != nil {
		return
	}
	if c.policy != "" {
		w.Header().Set("X-EWS-Policy-Reason", c.policy)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	level := "Author"
	if strings.Contains(string(body), "publicfoldersroot") {
		level = "Owner"
	}
	fmt.Fprintf(w, `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
		<GetFolderResponse><ResponseMessages><GetFolderResponseMessage ResponseClass="Success">
		<Folders><Folder><PermissionSet><Permissions><Permission>
		<UserId><PrimarySmtpAddress>%s</PrimarySmtpAddress></UserId><PermissionLevel>%s</PermissionLevel>
		</Permission></Permissions></PermissionSet></Folder></Folders>
		</GetFolderResponseMessage></ResponseMessages></GetFolderResponse></s:Body></s:Envelope>`, address, level)
}

// meeting lets those who join go on when as many have come as were expected, or when their time is up.
type meeting struct {
	expected atomic.Int32
	complete chan struct{}
}

func (m *meeting) join(ctx context.Context) error {
	if m == nil {
		return nil
	}
	if m.expected.Add(-1) == 0 {
		close(m.complete)
	}
	select {
	case <-m.complete:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RoleHolders names one other app that needs an entry on EWS's list.
func (c *cloud) RoleHolders(context.Context, entra.RoleRef, string) (*entra.RoleHolders, error) {
	c.note("role holders")
	return &entra.RoleHolders{InitialDomain: "contoso.onmicrosoft.com", Read: true, Holders: []entra.ServicePrincipal{
		{ClientID: "99999999-7777-8888-9999-aaaaaaaaaaaa", DisplayName: "Mail\u202e Backup"},
	}}, nil
}

func (c *cloud) Organization(ctx context.Context) (*entra.Organization, error) {
	c.note("organization")
	if err := c.meet.join(ctx); err != nil {
		return nil, err
	}
	return &entra.Organization{TenantID: tenantID, DisplayName: "Contoso",
		Domains: []entra.Domain{{Name: "contoso.onmicrosoft.com", Initial: true}, {Name: "contoso.com", Default: true}}}, nil
}

func (c *cloud) User(ctx context.Context, address string) (*entra.User, error) {
	c.note("user " + address)
	if err := c.meet.join(ctx); err != nil {
		return nil, err
	}
	return &entra.User{UserPrincipalName: address, Mail: address, Enabled: true,
		Plans: []entra.AssignedPlan{{Service: "exchange", ServicePlanID: "efb87545-963c-4e0d-99df-69c6916d9eb0",
			Status: "Enabled"}}}, nil
}

// services are what the provider offers, over one cloud and a store in a folder of the test's.
type services struct {
	cloud   *cloud
	store   *store.Store
	unknown []string
	now     time.Time
	wait    func(context.Context, time.Duration) error // nil: nothing may have to wait
}

func (s *services) AppDirectory(func(context.Context) (string, error)) entra.Directory {
	return s.cloud
}
func (s *services) Store() (*store.Store, error) { return s.store, nil }
func (s *services) StoreUnknown() bool           { return s.store == nil }
func (s *services) UnknownCloud() []string       { return s.unknown }
func (s *services) HTTPClient() *http.Client     { return s.cloud.Client() }
func (s *services) Now() time.Time               { return s.now }
func (s *services) Retries() retry.Policy {
	return retry.Policy{Clock: &retrytest.Clock{OnWait: func(ctx context.Context, d time.Duration) error {
		if s.wait == nil {
			return errors.New("nothing here is young enough to wait for")
		}
		return s.wait(ctx, d)
	}}}
}
func (s *services) Endpoints() auth.Endpoints {
	return auth.Endpoints{Login: s.cloud.URL, Graph: s.cloud.URL, Exchange: s.cloud.URL}
}

// openStore opens the folder as a store. The same folder can be opened again, with another passphrase.
func openStore(t *testing.T, folder, passphrase string) *store.Store {
	t.Helper()
	opened, err := store.Open("file://"+filepath.ToSlash(folder), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// withSecret are services over a store that holds a connection with a client secret.
func withSecret(t *testing.T, change func(*store.Connection)) *services {
	t.Helper()
	s := &services{cloud: newCloud(t), store: openStore(t, t.TempDir(), passphrase), now: today}
	expires := today.AddDate(1, 0, 0)
	connection := store.Connection{TenantID: tenantID, Mailbox: address, Name: "contoso.com", ClientID: clientID,
		CredentialType: "client_secret", ClientSecretExpiresAt: &expires, Owner: "test"}
	if change != nil {
		change(&connection)
	}
	secret := ""
	if connection.CredentialType == "client_secret" {
		secret = clientSecret
	}
	if _, err := s.store.CreateConnection(t.Context(), connection, 0, secret, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// result is what Terraform sees of a read.
type result struct {
	model       Model
	raw         tftypes.Value
	diagnostics diag.Diagnostics
	checks      map[string]checkModel
}

// read reads the data source as Terraform would, with the given attributes.
func read(ctx context.Context, t *testing.T, d *DataSource, s *services, attributes map[string]tftypes.Value) result {
	t.Helper()
	var schema datasource.SchemaResponse
	d.Schema(ctx, datasource.SchemaRequest{}, &schema)
	var configured datasource.ConfigureResponse
	d.Configure(ctx, datasource.ConfigureRequest{ProviderData: s}, &configured)
	if configured.Diagnostics.HasError() {
		t.Fatal(configured.Diagnostics)
	}
	object, ok := schema.Schema.Type().TerraformType(ctx).(tftypes.Object)
	if !ok {
		t.Fatal("the schema is not an object")
	}
	values := map[string]tftypes.Value{}
	for name, kind := range object.AttributeTypes {
		values[name] = tftypes.NewValue(kind, nil)
	}
	values["connection_id"] = tftypes.NewValue(tftypes.String, id)
	for name, value := range attributes {
		values[name] = value
	}
	response := datasource.ReadResponse{State: tfsdk.State{Schema: schema.Schema, Raw: tftypes.NewValue(object, nil)}}
	d.Read(ctx, datasource.ReadRequest{Config: tfsdk.Config{Schema: schema.Schema, Raw: tftypes.NewValue(object, values)}},
		&response)

	got := result{raw: response.State.Raw, diagnostics: response.Diagnostics, checks: map[string]checkModel{}}
	if !response.State.Raw.IsNull() {
		if problems := response.State.Get(ctx, &got.model); problems.HasError() {
			t.Fatal(problems)
		}
		var checks []checkModel
		got.model.Checks.ElementsAs(ctx, &checks, false)
		for _, check := range checks {
			got.checks[check.Name] = check
		}
	}
	return got
}

// text is everything that a person, a log or a state file would show of a read.
func (r result) text() string {
	text := fmt.Sprintf("%v", r.raw)
	for _, problem := range r.diagnostics {
		text += "\n" + problem.Summary() + "\n" + problem.Detail()
	}
	return text
}
