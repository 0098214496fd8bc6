// Package reattach runs the Terraform or OpenTofu CLI against a provider in the test process and captures all of its
// output. terraform-plugin-testing does the same for most tests, but hides the warnings.
package reattach

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// addresses are the published one, and what Terraform and OpenTofu take the resources of a configuration without
// required_providers to need.
var addresses = []string{
	"registry.terraform.io/codetwo-community/codetwo",
	"registry.terraform.io/hashicorp/codetwo",
	"registry.opentofu.org/hashicorp/codetwo",
}

// CLI returns the CLI in a folder of its own, with the provider "codetwo" served until the test ends.
func CLI(t *testing.T, provider func() tfprotov6.ProviderServer) *terraformcli.CLI {
	t.Helper()
	path := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if path == "" {
		t.Fatal("TF_ACC_TERRAFORM_PATH is not set; run the tests with make test")
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan *plugin.ReattachConfig), make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		failed <- tf6server.Serve(addresses[0], provider, tf6server.WithDebug(ctx, ready, ended),
			tf6server.WithLoggingSink(t),
			tf6server.WithGoPluginLogger(hclog.NewNullLogger()), tf6server.WithoutLogStderrOverride())
	}()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	var served *plugin.ReattachConfig
	select {
	case served = <-ready:
	case err := <-failed:
		t.Fatalf("serving the provider: %v", err)
	}

	type address struct{ Network, String string }
	type reattach struct {
		Protocol        string
		ProtocolVersion int
		Pid             int
		Test            bool
		Addr            address
	}
	config := map[string]reattach{}
	for _, name := range addresses {
		config[name] = reattach{string(served.Protocol), served.ProtocolVersion, served.Pid, true,
			address{served.Addr.Network(), served.Addr.String()}}
	}
	variable, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	settings := filepath.Join(folder, "cli.tfrc")
	if err := os.WriteFile(settings, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return &terraformcli.CLI{Path: path, Folder: folder,
		Environment: terraformcli.Environment(settings, "TF_REATTACH_PROVIDERS="+string(variable))}
}
