package provider

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const (
	tenantA = "aaaaaaaa-1111-4111-8111-111111111111"
	tenantB = "bbbbbbbb-2222-4222-8222-222222222222"
	client1 = "33333333-3333-4333-8333-333333333333"
	client2 = "44444444-4444-4444-8444-444444444444"
	secret1 = "never-show-this-secret"
)

// values are attributes of the provider's configuration: a string, a bool, a map of strings for an object, or notYet.
type values map[string]any

type notKnown struct{}

var notYet = notKnown{}

// variables are the environment.
type variables map[string]string

func (v variables) get(name string) string { return v[name] }

func (v variables) and(more variables) variables {
	all := variables{}
	for _, one := range []variables{v, more} {
		for name, value := range one {
			all[name] = value
		}
	}
	return all
}

func newProvider(env variables, options ...Option) *Provider {
	now := func() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }
	options = append(options, WithClock(now))
	p, _ := New("test", env.get, options...)().(*Provider)
	return p
}

func raw(t *testing.T, p *Provider, given values) tftypes.Value {
	t.Helper()
	var response provider.SchemaResponse
	p.Schema(t.Context(), provider.SchemaRequest{}, &response)
	return fill(t, response.Schema.Type().TerraformType(t.Context()), given)
}

func fill(t *testing.T, kind tftypes.Type, given values) tftypes.Value {
	t.Helper()
	object, ok := kind.(tftypes.Object)
	if !ok {
		t.Fatalf("%s is not an object", kind)
	}
	filled := map[string]tftypes.Value{}
	for name, kind := range object.AttributeTypes {
		switch value := given[name].(type) {
		case nil:
			filled[name] = tftypes.NewValue(kind, nil)
		case notKnown:
			filled[name] = tftypes.NewValue(kind, tftypes.UnknownValue)
		case values:
			filled[name] = fill(t, kind, value)
		default:
			filled[name] = tftypes.NewValue(kind, value)
		}
	}
	for name := range given {
		if _, ok := object.AttributeTypes[name]; !ok {
			t.Fatalf("the provider has no attribute %s", name)
		}
	}
	return tftypes.NewValue(object, filled)
}

// configure configures a provider as Terraform does, and returns what resources would be given.
func configure(t *testing.T, p *Provider, given values) (*services, diag.Diagnostics) {
	t.Helper()
	var schema provider.SchemaResponse
	p.Schema(t.Context(), provider.SchemaRequest{}, &schema)
	var response provider.ConfigureResponse
	p.Configure(t.Context(), provider.ConfigureRequest{Config: tfsdk.Config{Schema: schema.Schema, Raw: raw(t, p, given)}},
		&response)
	s, _ := response.ResourceData.(*services)
	return s, response.Diagnostics
}

// validate validates a configuration as terraform validate does.
func validate(t *testing.T, p *Provider, given values) []string {
	t.Helper()
	config, err := tfprotov6.NewDynamicValue(raw(t, p, nil).Type(), raw(t, p, given))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := providerserver.NewProtocol6(p)().ValidateProviderConfig(t.Context(),
		&tfprotov6.ValidateProviderConfigRequest{Config: &config})
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, d := range answer.Diagnostics {
		texts = append(texts, d.Attribute.String()+": "+d.Summary+": "+d.Detail)
	}
	return texts
}

// texts writes diagnostics as one text per diagnostic, with the attribute that it points at.
func texts(diagnostics diag.Diagnostics) []string {
	var all []string
	for _, d := range diagnostics {
		text := d.Severity().String() + ": " + d.Summary() + ": " + d.Detail()
		if at, ok := d.(diag.DiagnosticWithPath); ok && !at.Path().Equal(path.Empty()) {
			text = at.Path().String() + ": " + text
		}
		all = append(all, text)
	}
	return all
}

// expectOne demands exactly one diagnostic that holds all the texts, and that nothing shows the secret.
func expectOne(t *testing.T, got []string, want ...string) {
	t.Helper()
	if len(got) != 1 {
		t.Fatalf("%d diagnostics, expected one with %q:\n%s", len(got), want, strings.Join(got, "\n"))
	}
	for _, text := range want {
		if !strings.Contains(got[0], text) {
			t.Errorf("the diagnostic lacks %q:\n%s", text, got[0])
		}
	}
	if strings.Contains(got[0], secret1) {
		t.Errorf("the diagnostic shows a secret:\n%s", got[0])
	}
}

func expectNone(t *testing.T, got []string) {
	t.Helper()
	if slices.ContainsFunc(got, func(text string) bool { return text != "" }) {
		t.Errorf("unexpected diagnostics:\n%s", strings.Join(got, "\n"))
	}
}

// roundTrip is a transport of one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }
