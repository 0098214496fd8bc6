package acctest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// command is what Terraform has the provider do: once something was prepared, and with these kinds of requests.
type command struct {
	reads   bool // it changes nothing, so that one scene does for all its requests
	prepare func(*testing.T, *scene)
	run     func(context.Context, *scene) error
	calls   map[string]sandbox.Fault
}

// scene is a provider in a tenant, with what the command is about.
type scene struct {
	*acctest.Env
	protocol     *acctest.Protocol
	target       *acctest.Object
	wire         sending
	connectionID string
}

// stage prepares a command.
func (c command) stage(t *testing.T) *scene {
	t.Helper()
	s := &scene{Env: acctest.Start(t, sandbox.Options{Profile: "instant"})}
	s.protocol = s.Protocol(s.Tenant(0).Callers.Full, acctest.WithWait(retry.System{}.Wait),
		acctest.WithTransport(func(next http.RoundTripper) http.RoundTripper {
			s.wire.next = next
			return &s.wire
		}))
	s.target = s.protocol.Object("codetwo_target_app_registration")
	if c.prepare != nil {
		c.prepare(t, s)
	}
	return s
}

// meet arms the fault that a request of the command is to meet, and forgets what was sent before.
func (s *scene) meet(fault sandbox.Fault) {
	s.Forget()
	s.Inject(fault)
}

// sending watches what the provider sends once a run was cancelled.
type sending struct {
	next      http.RoundTripper
	cancelled atomic.Bool
	late      atomic.Int32
}

// RoundTrip implements http.RoundTripper. A request whose context is over is not sent by the transport below.
func (s *sending) RoundTrip(request *http.Request) (*http.Response, error) {
	if s.cancelled.Load() && request.Context().Err() == nil {
		s.late.Add(1)
	}
	return s.next.RoundTrip(request)
}

func text(value string) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }

// declared is a registration of that name, with one permission beyond its profile's.
func (s *scene) declared(name, permission string) tftypes.Value {
	day := map[string]tftypes.Value{"create": text("24h"), "read": text("24h"), "update": text("24h"),
		"delete": text("24h")}
	attributes := map[string]tftypes.Value{"timeouts": s.target.Nested("timeouts", day), "display_name": text(name),
		"unique_name": text("codetwo-retry"), "purge_on_destroy": tftypes.NewValue(tftypes.Bool, true)}
	kind := s.target.Config(nil).Type().(tftypes.Object).AttributeTypes["additional_permissions"]
	attributes["additional_permissions"] = tftypes.NewValue(kind,
		[]tftypes.Value{tftypes.NewValue(element(kind), map[string]tftypes.Value{
			"api": text("Microsoft Graph"), "name": text(permission),
		})})
	return s.target.Config(attributes)
}

func element(kind tftypes.Type) tftypes.Type {
	switch kind := kind.(type) {
	case tftypes.Set:
		return kind.ElementType
	case tftypes.List:
		return kind.ElementType
	}
	panic(fmt.Sprintf("%s has no elements", kind))
}

func registered(t *testing.T, s *scene) {
	t.Helper()
	if _, err := s.target.Apply(t.Context(), s.declared("CodeTwo", "Domain.Read.All")); err != nil {
		t.Fatal(err)
	}
}

// connected puts a connection to an app that somebody registered by hand into the store.
func connected(t *testing.T, s *scene) {
	t.Helper()
	tenant := s.Tenant(0)
	app := s.RegisterByHand(tenant.TenantID, "CodeTwo by hand")
	s.OpenEWS(tenant.TenantID, app.ClientID)
	opened, err := store.Open(s.StoreURL(), acctest.Passphrase)
	if err != nil {
		t.Fatal(err)
	}
	written := time.Now().Add(-time.Hour)
	connection, err := opened.CreateConnection(t.Context(), store.Connection{
		TenantID: tenant.TenantID, Mailbox: tenant.Mailboxes.PublicFolderOwner[0], Name: "contoso", ClientID: app.ClientID,
		CredentialType: store.CredentialClientSecret, Owner: "test", WrittenAt: &written, MigratePublicFolders: true,
	}, 0, app.Secret, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.connectionID = connection.ID()
}

// crowded fills a tenant with so many applications that a list of them has a second page.
func crowded(t *testing.T, s *scene) {
	t.Helper()
	for i := range 101 {
		s.Graph(s.Tenant(0).TenantID, http.MethodPost, "/applications",
			map[string]any{"displayName": fmt.Sprintf("Crowd %d", i)})
	}
}

// read reads a data source. Every warning is an error here.
func (s *scene) read(ctx context.Context, name string, attributes map[string]tftypes.Value) error {
	kind := s.protocol.Schemas.DataSourceSchemas[name].ValueType().(tftypes.Object)
	attributes["timeouts"] = tftypes.NewValue(kind.AttributeTypes["timeouts"],
		map[string]tftypes.Value{"read": text("24h")})
	config := s.protocol.Value(kind, attributes)
	response, err := s.protocol.ReadDataSource(ctx, &tfprotov6.ReadDataSourceRequest{TypeName: name, Config: config})
	if err != nil {
		return err
	}
	var problems []error
	for _, diagnostic := range response.Diagnostics {
		problems = append(problems, fmt.Errorf("%s: %s", diagnostic.Summary, diagnostic.Detail))
	}
	return errors.Join(problems...)
}

// commands are all that send requests, each with one of each kind of request that it consists of.
var commands = map[string]command{
	"create": {
		run: func(ctx context.Context, s *scene) error {
			_, err := s.target.Apply(ctx, s.declared("CodeTwo", "Domain.Read.All"))
			return err
		},
		calls: map[string]sandbox.Fault{
			"a token request":            {At: "POST /*/oauth2/v2.0/token"},
			"a batch as a whole":         {At: "POST /v1.0/$batch", Nth: 4}, // the first ones are sent side by side
			"a read in a batch":          {At: "GET /v1.0/applications(uniqueName=*"},
			"a write in a batch":         {At: "POST /v1.0/servicePrincipals"},
			"a consent in a batch":       {At: "POST /v1.0/servicePrincipals/*/appRoleAssignedTo"},
			"a write by itself":          {At: "PATCH /v1.0/applications(uniqueName=*"},
			"a read of what was written": {At: "GET /v1.0/applications/*"},
		},
	},
	"refresh": {
		reads:   true,
		prepare: registered,
		run:     func(ctx context.Context, s *scene) error { return s.target.Refresh(ctx) },
		calls: map[string]sandbox.Fault{
			"the batch as a whole":    {At: "POST /v1.0/$batch"},
			"the application":         {At: "GET /v1.0/applications/*"},
			"the service principal":   {At: "GET /v1.0/servicePrincipals(appId=*"},
			"what it is consented to": {At: "GET /v1.0/servicePrincipals(appId=*/appRoleAssignments"},
		},
	},
	"update": {
		prepare: registered,
		run: func(ctx context.Context, s *scene) error {
			_, err := s.target.Apply(ctx, s.declared("CodeTwo renamed", "Mail.Read"))
			return err
		},
		calls: map[string]sandbox.Fault{
			"the application": {At: "PATCH /v1.0/applications/*"},
			"a consent":       {At: "POST /v1.0/servicePrincipals/*/appRoleAssignedTo"},
			"a revocation":    {At: "DELETE /v1.0/servicePrincipals/*/appRoleAssignments/*"},
		},
	},
	"destroy": {
		prepare: registered,
		run:     func(ctx context.Context, s *scene) error { return s.target.Destroy(ctx) },
		calls: map[string]sandbox.Fault{
			"the service principal":        {At: "DELETE /v1.0/servicePrincipals/*"},
			"the application":              {At: "DELETE /v1.0/applications/*"},
			"a look at the recycle bin":    {At: "GET /v1.0/directory/deletedItems/graph.servicePrincipal"},
			"what is left of the one":      {At: "DELETE /v1.0/directory/deletedItems/*"},
			"what is left of the other":    {At: "DELETE /v1.0/directory/deletedItems/*", Nth: 2},
			"a look at whether it is gone": {At: "GET /v1.0/applications/*", Nth: 3}, // after the refresh's two
		},
	},
	"codetwo_target_app_registrations": {
		reads:   true,
		prepare: crowded,
		run: func(ctx context.Context, s *scene) error {
			return s.read(ctx, "codetwo_target_app_registrations",
				map[string]tftypes.Value{"display_name_prefix": text("Crowd")})
		},
		calls: map[string]sandbox.Fault{
			"a list":          {At: "GET /v1.0/applications"},
			"its next page":   {At: "GET /v1.0/applications", Nth: 3}, // after the lists by name and by tag
			"one of the apps": {At: "GET /v1.0/applications/*", Nth: 50},
		},
	},
	"codetwo_target_connectivity": {
		reads:   true,
		prepare: connected,
		run: func(ctx context.Context, s *scene) error {
			return s.read(ctx, "codetwo_target_connectivity", map[string]tftypes.Value{"connection_id": text(s.connectionID)})
		},
		calls: map[string]sandbox.Fault{
			"the tenant's OpenID configuration": {At: "GET /*/.well-known/openid-configuration"},
			"the tokens":                        {At: "POST /*/oauth2/v2.0/token", Times: 2}, // side by side
			"the organization":                  {At: "GET /v1.0/organization"},
			"the user":                          {At: "GET /v1.0/users/*"},
			"Autodiscover":                      {At: "GET /autodiscover/autodiscover.json/*"},
			"the inbox":                         {At: "POST /EWS/Exchange.asmx"},
			"the public folders":                {At: "POST /EWS/Exchange.asmx", Nth: 2},
			"GetUserSettings":                   {At: "POST /autodiscover/autodiscover.svc"},
		},
	},
}
