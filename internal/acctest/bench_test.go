package acctest_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/provider"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// What Terraform waits for before it does anything: the released binary starts, and tells its schema.
func BenchmarkProcessStartToSchema(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "provider"+terraformcli.ExecutableSuffix())
	build := exec.CommandContext(b.Context(), "go", "build", "-ldflags", "-s -w", "-o", binary,
		"github.com/codetwo-community/terraform-provider-codetwo")
	if output, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, output)
	}
	for b.Loop() {
		schemaOf(b, binary)
	}
}

// schemaOf starts a provider as go-plugin does, asks for its schema, and ends it.
func schemaOf(b *testing.B, binary string) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	process := exec.CommandContext(ctx, binary)
	// The handshake of terraform-plugin-go's server, and one socket to choose from.
	process.Env = []string{"TF_PLUGIN_MAGIC_COOKIE=d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
		"PLUGIN_PROTOCOL_VERSIONS=6", "TMPDIR=" + b.TempDir()}
	output, err := process.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := process.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		cancel()
		_ = process.Wait()
	}()
	line, err := bufio.NewReader(output).ReadString('\n')
	fields := strings.Split(strings.TrimSpace(line), "|") // core protocol | protocol | network | address | kind
	if err != nil || len(fields) < 5 {
		b.Fatalf("the provider introduced itself with %q (%v)", line, err)
	}
	connection, err := grpc.NewClient("passthrough:///provider", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, fields[2], fields[3])
		}))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	var schema emptypb.Empty // keeps what it does not know
	if err := connection.Invoke(ctx, "/tfplugin6.Provider/GetProviderSchema", &emptypb.Empty{}, &schema,
		grpc.MaxCallRecvMsgSize(64<<20)); err != nil {
		b.Fatal(err)
	}
	if len(schema.ProtoReflect().GetUnknown()) < 1000 {
		b.Fatalf("the schema has %d bytes", len(schema.ProtoReflect().GetUnknown()))
	}
}

func BenchmarkSchema(b *testing.B) {
	for b.Loop() {
		server, err := providerserver.NewProtocol6WithError(provider.New("test", os.Getenv)())()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := server.GetProviderSchema(b.Context(), &tfprotov6.GetProviderSchemaRequest{}); err != nil {
			b.Fatal(err)
		}
	}
}

const registrationType = "codetwo_target_app_registration"

// planned plans a registration with nothing but its tenant.
func planned(tb testing.TB, p *acctest.Protocol, tenantID string) (*tfprotov6.PlanResourceChangeResponse,
	*tfprotov6.DynamicValue) {
	tb.Helper()
	kind := p.Schemas.ResourceSchemas[registrationType].ValueType()
	config := p.Value(kind, map[string]tftypes.Value{"tenant_id": tftypes.NewValue(tftypes.String, tenantID)})
	none, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, nil))
	if err != nil {
		tb.Fatal(err)
	}
	plan, err := p.PlanResourceChange(tb.Context(),
		&tfprotov6.PlanResourceChangeRequest{TypeName: registrationType, PriorState: &none, ProposedNewState: config,
			Config: config})
	if err != nil {
		tb.Fatal(err)
	}
	p.Succeeded(plan.Diagnostics)
	return plan, config
}

func BenchmarkPlanOfARegistration(b *testing.B) {
	env := acctest.Start(b, sandbox.Options{})
	p := env.Protocol(env.Tenant(0).Callers.Full)
	for b.Loop() {
		planned(b, p, env.Tenant(0).TenantID)
	}
}

// A refresh, sandbox included: what a plan without changes costs for each registration.
func BenchmarkReadOfARegistration(b *testing.B) {
	env := acctest.Start(b, sandbox.Options{})
	p := env.Protocol(env.Tenant(0).Callers.Full)
	plan, config := planned(b, p, env.Tenant(0).TenantID)
	kind := p.Schemas.ResourceSchemas[registrationType].ValueType()
	none, err := tfprotov6.NewDynamicValue(kind, tftypes.NewValue(kind, nil))
	if err != nil {
		b.Fatal(err)
	}
	made, err := p.ApplyResourceChange(b.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: registrationType, PriorState: &none, PlannedState: plan.PlannedState, PlannedPrivate: plan.PlannedPrivate,
		Config: config,
	})
	if err != nil {
		b.Fatal(err)
	}
	p.Succeeded(made.Diagnostics)
	for b.Loop() {
		read, err := p.ReadResource(b.Context(),
			&tfprotov6.ReadResourceRequest{TypeName: registrationType, CurrentState: made.NewState, Private: made.Private})
		if err != nil {
			b.Fatal(err)
		}
		p.Succeeded(read.Diagnostics)
	}
}
