package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// passphrase is the connection store's.
const passphrase = "correct horse battery staple"

// publicFolders makes the example's connection migrate public folders, too.
const publicFolders = `resource "codetwo_target_connection" "target" {
  migrate_public_folders = true
  public_folder_paths    = ["\\Sales\\Archive"]
}
`

// onboarding copies the example, tells it about the tenant, and initialises it. With everything, public folders are
// migrated as well.
func onboarding(ctx context.Context, path, config, work string, tenant *sandboxTenant, store string, everything bool) (
	*terraformcli.CLI, error) {
	folder := filepath.Join(work, "onboarding")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join("examples", "onboarding"))); err != nil {
		return nil, err
	}
	mailbox := tenant.Mailboxes.Licensed[0]
	if everything {
		mailbox = tenant.Mailboxes.PublicFolderOwner[0]
		override := filepath.Join(folder, "public_folders_override.tf")
		if err := os.WriteFile(override, []byte(publicFolders), 0o600); err != nil {
			return nil, err
		}
	}
	c := &terraformcli.CLI{Path: path, Folder: folder,
		Environment: terraformcli.Environment(config, append(slices.Clone(tenant.environment),
			"TF_VAR_tenant_id="+tenant.ID,
			"TF_VAR_mailbox="+mailbox,
			"TF_VAR_store_url=file://"+filepath.ToSlash(store),
			"TF_VAR_store_passphrase="+passphrase,
		)...)}
	banner, err := c.Run(ctx, "version")
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(banner, "\n")
	fmt.Printf("  %s runs examples/onboarding\n", first)
	_, err = c.Run(ctx, "init", "-no-color", "-input=false")
	return c, err
}

// permission is one row of what a plan would grant.
type permission struct{ Name, Risk, Purpose string }

// plannedPermissions reads the permissions out of a saved plan.
func (d *demo) plannedPermissions(ctx context.Context, file string) ([]permission, error) {
	text, err := d.terraform.Run(ctx, "show", "-json", file)
	if err != nil {
		return nil, err
	}
	var plan tfjson.Plan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		return nil, err
	}
	var permissions []permission
	for _, change := range plan.ResourceChanges {
		after, _ := change.Change.After.(map[string]any)
		entries, _ := after["permissions"].(map[string]any)
		for name, entry := range entries {
			values, _ := entry.(map[string]any)
			permissions = append(permissions, permission{name, fmt.Sprint(values["risk"]), fmt.Sprint(values["purpose"])})
		}
	}
	slices.SortFunc(permissions, func(a, b permission) int { return cmp.Compare(a.Name, b.Name) })
	return permissions, nil
}

// check is one row of the connectivity table.
type check struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail"`
	Remedy string `json:"remedy"`
}

// connectivity reads the table from the state.
func (d *demo) connectivity(ctx context.Context) ([]check, error) {
	text, err := d.terraform.Run(ctx, "show", "-json")
	if err != nil {
		return nil, err
	}
	var state struct {
		Values struct {
			Root struct {
				Resources []struct {
					Type   string `json:"type"`
					Values struct {
						Checks []check `json:"checks"`
					} `json:"values"`
				} `json:"resources"`
			} `json:"root_module"`
		} `json:"values"`
	}
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		return nil, err
	}
	for _, one := range state.Values.Root.Resources {
		if one.Type == "codetwo_target_connectivity" {
			return one.Values.Checks, nil
		}
	}
	return nil, fmt.Errorf("the state holds no codetwo_target_connectivity")
}
