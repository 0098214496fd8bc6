package acctest

import (
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// Protocol is a configured provider spoken to over Terraform's own protocol, for what the CLI at hand cannot ask:
// `terraform query` needs 1.14, an import by identity 1.12.
type Protocol struct {
	tfprotov6.ProviderServer
	Schemas *tfprotov6.GetProviderSchemaResponse
	k       *Env
}

// Protocol configures a provider as the caller, with this test environment's store.
func (env *Env) Protocol(caller sandbox.Caller, options ...Option) *Protocol {
	env.t.Helper()
	server, err := env.Factories(options...)["codetwo"]()
	if err != nil {
		env.t.Fatal(err)
	}
	schemas, err := server.GetProviderSchema(env.t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		env.t.Fatal(err)
	}
	p := &Protocol{ProviderServer: server, Schemas: schemas, k: env}
	p.Succeeded(schemas.Diagnostics)
	origin := env.Server.Origin()
	kind := schemas.Provider.ValueType().(tftypes.Object)
	text := func(value string) tftypes.Value { return tftypes.NewValue(tftypes.String, value) }
	object := func(attribute string, values map[string]tftypes.Value) tftypes.Value {
		return tftypes.NewValue(kind.AttributeTypes[attribute], values)
	}
	configured, err := server.ConfigureProvider(env.t.Context(), &tfprotov6.ConfigureProviderRequest{
		TerraformVersion: "1.14.0",
		Config: p.Value(kind, map[string]tftypes.Value{
			"tenant_id": text(env.Tenant(0).TenantID), "client_id": text(caller.ClientID),
			"client_secret":       text(caller.ClientSecret),
			"ca_certificate_path": text(env.caPath),
			"endpoints": object("endpoints",
				map[string]tftypes.Value{"login": text(origin), "graph": text(origin), "exchange": text(origin)}),
			"connection_store": object("connection_store",
				map[string]tftypes.Value{"url": text(env.StoreURL()), "passphrase": text(Passphrase)}),
		}),
	})
	if err != nil {
		env.t.Fatal(err)
	}
	p.Succeeded(configured.Diagnostics)
	return p
}

// Value is an object of that type with these attributes; the others are null.
func (p *Protocol) Value(kind tftypes.Type, attributes map[string]tftypes.Value) *tfprotov6.DynamicValue {
	p.k.t.Helper()
	all := map[string]tftypes.Value{}
	for name, attribute := range kind.(tftypes.Object).AttributeTypes {
		all[name] = tftypes.NewValue(attribute, nil)
	}
	for name, value := range attributes {
		all[name] = value
	}
	value, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, all))
	if err != nil {
		p.k.t.Fatal(err)
	}
	return &value
}

// Attributes reads an object's attributes.
func (p *Protocol) Attributes(value *tfprotov6.DynamicValue, kind tftypes.Type) map[string]tftypes.Value {
	p.k.t.Helper()
	decoded, err := value.Unmarshal(kind)
	if err != nil {
		p.k.t.Fatal(err)
	}
	attributes := map[string]tftypes.Value{}
	if err := decoded.As(&attributes); err != nil {
		p.k.t.Fatal(err)
	}
	return attributes
}

// Succeeded fails the test on an error.
func (p *Protocol) Succeeded(diagnostics []*tfprotov6.Diagnostic) {
	p.k.t.Helper()
	for _, diagnostic := range diagnostics {
		if diagnostic.Severity == tfprotov6.DiagnosticSeverityError {
			p.k.t.Fatalf("%s: %s", diagnostic.Summary, diagnostic.Detail)
		}
	}
}
