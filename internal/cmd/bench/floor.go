package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

//go:embed floor.tf.txt
var floorConfiguration []byte

// The kinds of work of which floor knows what the CLI takes for it.
const (
	creating   = "create"
	planning   = "plan"
	updating   = "update"
	destroying = "destroy"
)

// floor measures what the CLI takes by itself for as many resources, whose state is as large, and which no provider has
// any work with: for every change of a resource it writes the whole state.
func (b *bench) floor(ctx context.Context) (map[string]figures, error) {
	folder := filepath.Join(b.folder, "floor")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "main.tf"), floorConfiguration, 0o600); err != nil {
		return nil, err
	}
	own := *b
	own.name, own.cli = "the CLI alone", &terraformcli.CLI{Path: b.cli.Path, Folder: folder, Environment: b.cli.Environment}
	if _, err := own.cli.Run(ctx, "init", "-no-color", "-input=false"); err != nil {
		return nil, err
	}
	var tenants []string
	for _, tenant := range b.server.TenantsJSON().Tenants {
		tenants = append(tenants, tenant.TenantID)
	}
	measured := map[string]figures{}
	for revision, step := range []struct{ kind, command string }{{creating, "apply"}, {planning, "plan"}, {updating, "apply"}, {destroying, "destroy"}} {
		if step.kind == planning {
			revision-- // nothing has changed
		}
		variables, err := json.Marshal(map[string]any{"tenants": tenants, "revision": revision})
		if err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(folder, "terraform.tfvars.json"), variables, 0o600); err != nil {
			return nil, err
		}
		if measured[step.kind], err = own.measure(ctx, step.kind+" by the CLI alone", own.command(step.command)); err != nil {
			return nil, err
		}
	}
	return measured, nil
}
