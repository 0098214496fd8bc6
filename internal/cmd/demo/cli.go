package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// version is what the demo's build of the provider calls itself; it is installed from a folder, so any will do.
const version = "0.0.1"

// registries are the hosts that Terraform and OpenTofu expand a short provider address with.
var registries = []string{"registry.terraform.io", "registry.opentofu.org"}

// mirrorPath is where the provider's binary goes, in the layout of a filesystem mirror; the second registry's folder is
// a link to the first's.
func mirrorPath(work string) (string, error) {
	platform := filepath.Join("codetwo-community", "codetwo", version, runtime.GOOS+"_"+runtime.GOARCH)
	first := filepath.Join(work, "mirror", registries[0])
	if err := os.MkdirAll(filepath.Join(first, platform), 0o700); err != nil {
		return "", err
	}
	if err := os.Symlink(first, filepath.Join(work, "mirror", registries[1])); err != nil {
		return "", err
	}
	return filepath.Join(first, platform, "terraform-provider-codetwo_v"+version+executableSuffix), nil
}

// cli runs Terraform or OpenTofu in the example's folder.
type cli struct {
	path        string
	folder      string
	environment []string
}

// newCLI copies the example, tells the CLI where the provider is, and initialises.
func newCLI(ctx context.Context, path, work string, tenant *sandboxTenant, store string) (*cli, error) {
	folder := filepath.Join(work, "onboarding")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join("examples", "onboarding"))); err != nil {
		return nil, err
	}
	config := filepath.Join(work, "cli.tfrc")
	installation := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", filepath.Join(work, "mirror"))
	if err := os.WriteFile(config, []byte(installation), 0o600); err != nil {
		return nil, err
	}
	c := &cli{path: path, folder: folder}
	for _, variable := range os.Environ() { // nobody's own tenant or settings get into the demo
		name, _, _ := strings.Cut(variable, "=")
		if !slices.ContainsFunc([]string{"ARM_", "AZURE_", "CODETWO_", "TF_"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			c.environment = append(c.environment, variable)
		}
	}
	c.environment = append(c.environment, tenant.environment...)
	c.environment = append(c.environment,
		"CHECKPOINT_DISABLE=1",
		"TF_IN_AUTOMATION=1",
		"TF_CLI_CONFIG_FILE="+config,
		"TF_VAR_tenant_id="+tenant.ID,
		"TF_VAR_mailbox="+tenant.Mailboxes.Licensed[0],
		"TF_VAR_store_url=file://"+filepath.ToSlash(store),
		"TF_VAR_store_passphrase=correct horse battery staple",
	)
	banner, err := c.run(ctx, "version")
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(banner, "\n")
	fmt.Printf("  %s runs examples/onboarding\n", first)
	_, err = c.run(ctx, "init", "-no-color", "-input=false")
	return c, err
}

func (c *cli) command(ctx context.Context, arguments ...string) (*exec.Cmd, *bytes.Buffer) {
	var output bytes.Buffer
	command := exec.CommandContext(ctx, c.path, arguments...)
	command.Dir, command.Env = c.folder, c.environment
	command.Stdout, command.Stderr = &output, &output
	return command, &output
}

// run runs a command to its end, and returns what it printed.
func (c *cli) run(ctx context.Context, arguments ...string) (string, error) {
	command, output := c.command(ctx, arguments...)
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", filepath.Base(c.path), strings.Join(arguments, " "), err, output)
	}
	return output.String(), nil
}

func (c *cli) plan(ctx context.Context, file string) error {
	_, err := c.run(ctx, "plan", "-no-color", "-input=false", "-out="+file)
	return err
}

// planChanges plans, and tells whether anything would change.
func (c *cli) planChanges(ctx context.Context) (text string, changes bool, err error) {
	command, output := c.command(ctx, "plan", "-no-color", "-input=false", "-detailed-exitcode")
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // documented: succeeded, with changes
		return output.String(), true, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("plan: %w\n%s", err, output)
	}
	return output.String(), false, nil
}

// permission is one row of what a plan would grant.
type permission struct{ Name, Risk, Purpose string }

// plannedPermissions reads the permissions out of a saved plan.
func (c *cli) plannedPermissions(ctx context.Context, file string) ([]permission, error) {
	text, err := c.run(ctx, "show", "-json", file)
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

// connectivity reads the table from the outputs.
func (c *cli) connectivity(ctx context.Context) ([]check, error) {
	text, err := c.run(ctx, "output", "-json", "connectivity")
	if err != nil {
		return nil, err
	}
	var checks []check
	return checks, json.Unmarshal([]byte(text), &checks)
}
