// Package terraformcli runs the real Terraform or OpenTofu CLI with a provider built from this checkout, installed the
// way a user installs one. The demo, the benchmark and the tests that inspect files and processes use it.
package terraformcli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// version is what the build calls itself; it is installed from a folder, so any will do.
const version = "0.0.1"

// registries are the hosts that Terraform and OpenTofu expand a short provider address with.
var registries = []string{"registry.terraform.io", "registry.opentofu.org"}

// ExecutableSuffix ends the name of a program on this platform.
func ExecutableSuffix() string {
	if runtime.GOOS == "windows" {
		return ".exe"
	}
	return ""
}

// Install builds the provider of the checkout at root into a filesystem mirror below folder, and returns the path of a
// CLI configuration file that installs from there and from nowhere else.
func Install(ctx context.Context, root, folder string) (config string, err error) {
	mirror := filepath.Join(folder, "mirror")
	platform := filepath.Join("codetwo-community", "codetwo", version, runtime.GOOS+"_"+runtime.GOARCH)
	binary := filepath.Join(mirror, registries[0], platform, "terraform-provider-codetwo_v"+version+ExecutableSuffix())
	if err := Build(ctx, root, ".", binary); err != nil {
		return "", err
	}
	second := filepath.Join(mirror, registries[1], platform)
	if err := os.MkdirAll(second, 0o700); err != nil {
		return "", err
	}
	if err := os.Link(binary, filepath.Join(second, filepath.Base(binary))); err != nil {
		return "", err
	}
	config = filepath.Join(folder, "cli.tfrc")
	text := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n",
		filepath.ToSlash(mirror))
	return config, os.WriteFile(config, []byte(text), 0o600)
}

// Build compiles a command of the checkout at root, without what only a debugger reads, as a release is built.
func Build(ctx context.Context, root, pkg, binary string) error {
	command := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", binary, pkg)
	command.Dir = root
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, output)
	}
	return nil
}

// CLI is a CLI in one working folder.
type CLI struct {
	Path        string
	Folder      string
	Environment []string // NAME=value; see Environment
}

// Environment is this process's environment without anybody's own tenant, store or Terraform settings, and with what
// is given. Nothing tries to reach the network.
func Environment(config string, more ...string) []string {
	removed := []string{"ARM_", "AZURE_", "CODETWO_", "TF_"}
	var environment []string
	for _, variable := range os.Environ() {
		if !slices.ContainsFunc(removed, func(prefix string) bool { return strings.HasPrefix(variable, prefix) }) {
			environment = append(environment, variable)
		}
	}
	environment = append(environment, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "TF_CLI_CONFIG_FILE="+config)
	return append(environment, more...)
}

// Run runs a command to its end, and returns what it printed. The error holds the same.
func (c *CLI) Run(ctx context.Context, arguments ...string) (string, error) {
	output, err := c.run(ctx, arguments...)
	if err != nil {
		return output, fmt.Errorf("%s %s: %w\n%s", filepath.Base(c.Path), strings.Join(arguments, " "), err, output)
	}
	return output, nil
}

// PlanChanges plans, and tells whether anything would change.
func (c *CLI) PlanChanges(ctx context.Context) (text string, changes bool, err error) {
	text, err = c.run(ctx, "plan", "-no-color", "-input=false", "-detailed-exitcode")
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 2 { // documented: succeeded, with changes
		return text, true, nil
	}
	if err != nil {
		return text, false, fmt.Errorf("plan: %w\n%s", err, text)
	}
	return text, false, nil
}

func (c *CLI) run(ctx context.Context, arguments ...string) (string, error) {
	var output bytes.Buffer
	command := exec.CommandContext(ctx, c.Path, arguments...)
	command.Dir, command.Env = c.Folder, c.Environment
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	return output.String(), err
}
