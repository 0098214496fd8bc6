// Package provider implements the Terraform provider: its schema, its configuration, the services that it passes to
// resources and data sources, and the process settings: garbage collector limits, and the logs of libraries.
package provider

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/appregistration"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/connection"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/connectivity"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/tfvalidate"
)

var (
	_ provider.ProviderWithValidateConfig = (*Provider)(nil)
	_ provider.ProviderWithListResources  = (*Provider)(nil)
)

// New returns what makes providers of this version, which read environment variables with getenv; an empty one counts
// as not set.
func New(version string, getenv func(name string) string, options ...Option) func() provider.Provider {
	return func() provider.Provider {
		p := &Provider{
			version: version, getenv: getenv, now: time.Now,
			retries: retry.Policy{Notify: tfvalidate.LogPauses("A service is busy or failed; the request is repeated")},
			clock:   func() retry.Clock { return retry.System{} },
			wrap:    func(next http.RoundTripper) http.RoundTripper { return next },
		}
		for _, option := range options {
			option(p)
		}
		return p
	}
}

// Option changes what a provider is made of.
type Option func(*Provider)

// WithTransport puts a transport around the one that carries all requests.
func WithTransport(wrap func(next http.RoundTripper) http.RoundTripper) Option {
	return func(p *Provider) { p.wrap = wrap }
}

// WithClock replaces the clock by which renewals are due and certificates expire.
func WithClock(now func() time.Time) Option { return func(p *Provider) { p.now = now } }

// WithRetryClock replaces the clock by which an operation waits for replicas, and for what is not ready yet. It is
// called once for each operation: a deadline is set when the operation begins, so a clock that runs ahead of the real
// one must not bring along what passed in another operation. The provider's own sign-in and Microsoft Graph wait by the
// real clock.
func WithRetryClock(clock func() retry.Clock) Option { return func(p *Provider) { p.clock = clock } }

// Provider is the codetwo provider.
type Provider struct {
	version string
	getenv  getenv
	now     func() time.Time
	wrap    func(next http.RoundTripper) http.RoundTripper
	retries retry.Policy
	clock   func() retry.Clock
}

// Metadata names the provider.
func (p *Provider) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName = "codetwo"
	response.Version = p.version
}

// ValidateConfig refuses what is wrong whatever the environment says. The environment waits for Configure: a
// configuration may be validated where nobody signs in.
func (p *Provider) ValidateConfig(ctx context.Context, request provider.ValidateConfigRequest,
	response *provider.ValidateConfigResponse) {
	var config Model
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() {
		return
	}
	checkEnvironment(config, func(string) string { return "" }, &response.Diagnostics)
}

// Configure decides who signs in, to what, and where the store is. It makes no request.
func (p *Provider) Configure(ctx context.Context, request provider.ConfigureRequest,
	response *provider.ConfigureResponse) {
	var config Model
	response.Diagnostics.Append(request.Config.Get(ctx, &config)...)
	if response.Diagnostics.HasError() {
		return
	}
	services := p.services(config, &response.Diagnostics)
	if response.Diagnostics.HasError() {
		return
	}
	if opened, err := services.openStore(); err == nil { // else what needs the store says so
		if exposure := opened.Exposure(ctx); exposure != "" {
			response.Diagnostics.AddWarning("Others may change the connection store", exposure)
		}
	}
	response.ResourceData = services
	response.DataSourceData = services
	response.ListResourceData = services
}

func (p *Provider) services(config Model, diags *diag.Diagnostics) *services {
	s := &services{
		now: p.now, retries: p.retries, clock: p.clock, directories: map[string]entra.Directory{},
		unknownCloud: unknown(config.cloud()), unknownCaller: unknown(config.signIn()),
		store:              resolveStore(config, p.getenv, diags),
		skipRefusedTenants: flag(config.SkipRefusedTenants, p.getenv, "CODETWO_SKIP_REFUSED_TENANTS", false, diags),
	}
	s.openStore = openOnce(s.store)
	if len(s.unknownCloud) > 0 {
		s.endpoints, s.client = auth.GlobalEndpoints(), &http.Client{Transport: refusing{s.unknownCloud}}
	} else {
		checkEnvironment(config, p.getenv, diags)
		s.endpoints = resolveEndpoints(config, p.getenv, diags)
		s.client = p.httpClient(config, diags)
	}
	if len(s.Unknown()) > 0 {
		s.tenantID = types.StringUnknown()
		if !config.TenantID.IsNull() {
			s.tenantID = config.TenantID
		}
		return s
	}
	chosen := resolveIdentity(config, p.getenv, diags)
	if diags.HasError() {
		return s
	}
	s.tenantID = types.StringNull()
	if chosen.tenant.set() {
		s.tenantID = types.StringValue(chosen.tenant.value)
	}
	var err error
	if s.caller, err = auth.NewCaller(chosen.identity(), s.endpoints, s.client, p.retries); err != nil {
		chosen.blame(err, diags)
	}
	return s
}

// httpClient returns the client that carries all requests.
func (p *Provider) httpClient(config Model, diags *diag.Diagnostics) *http.Client {
	ca := fallback(config.CACertificatePath, "ca_certificate_path", p.getenv, "CODETWO_CA_CERTIFICATE_PATH")
	var bundle []byte
	if ca.set() {
		var err error
		if bundle, err = os.ReadFile(ca.value); err != nil {
			ca.report(diags, "Unreadable certificates", fmt.Sprintf("The certificates to trust cannot be read: %v.", err))
			return nil
		}
		if len(bundle) == 0 {
			ca.report(diags, "No certificates", fmt.Sprintf("The file %s is empty. It should hold the certificates to "+
				"trust, in PEM.", ca.value))
			return nil
		}
	}
	client, err := auth.NewHTTPClient(bundle)
	switch {
	case err != nil && ca.set():
		ca.report(diags, "Unusable certificates", fmt.Sprintf("%s: %v.", ca.value, err))
		return nil
	case err != nil:
		diags.AddAttributeError(path.Root("ca_certificate_path"), "Unusable certificates", err.Error()+".")
		return nil
	}
	client.Transport = &logging{next: p.wrap(client.Transport), now: p.now}
	return client
}

// Resources lists what can be managed.
func (p *Provider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{appregistration.NewResource, connection.NewResource}
}

// ListResources lists what `terraform query` can find (Terraform 1.14).
func (p *Provider) ListResources(context.Context) []func() list.ListResource {
	return []func() list.ListResource{appregistration.NewListResource}
}

// DataSources lists what can be read.
func (p *Provider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{appregistration.NewDataSource, connection.NewDataSource,
		connectivity.NewDataSource}
}
