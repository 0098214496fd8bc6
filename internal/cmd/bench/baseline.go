package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"path/filepath"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

//go:embed baseline.tf.txt
var baselineConfiguration []byte

// The kinds of work of which baseline knows what the CLI takes for it.
const (
	creating   = "create"
	planning   = "plan"
	updating   = "update"
	destroying = "destroy"
)

// baseline measures what the CLI takes for as many resources, whose state is as large, and which no provider has any
// work with. The subject's processes start and end meanwhile, and reach no tenant.
func (b *bench) baseline(ctx context.Context) (map[string]figures, error) {
	own := *b
	own.name, own.cli = b.name+", no tenant",
		&terraformcli.CLI{Path: b.cli.Path, Folder: filepath.Join(b.folder, "baseline"), Environment: b.cli.Environment}
	if err := own.initialise(ctx, map[string][]byte{"baseline.tf": baselineConfiguration, "idle.tf": b.idle}); err != nil {
		return nil, err
	}
	var tenants []string
	for _, tenant := range b.server.TenantsJSON().Tenants {
		tenants = append(tenants, tenant.TenantID)
	}
	rounds := 1
	if b.tenants <= fewTenants {
		rounds = 3 // they are short, and the starting of processes is most of them
	}
	least := map[string]figures{}
	for range rounds {
		for revision, step := range []struct{ kind, command string }{{creating, "apply"}, {planning, "plan"},
			{updating, "apply"}, {destroying, "destroy"}} {
			if step.kind == planning {
				revision-- // nothing has changed
			}
			variables, err := json.Marshal(map[string]any{"names": tenants, "revision": revision})
			if err != nil {
				return nil, err
			}
			if err := own.write(map[string][]byte{"baseline.auto.tfvars.json": variables}); err != nil {
				return nil, err
			}
			measured, err := own.measure(ctx, step.kind+" of nothing", own.command(step.command))
			if err != nil {
				return nil, err
			}
			if before, found := least[step.kind]; !found || measured.Wall < before.Wall {
				least[step.kind] = measured
			}
		}
	}
	return least, nil
}

// fewTenants are so few that a run of the CLI takes about a second.
const fewTenants = 20
