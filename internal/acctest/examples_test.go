package acctest_test

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// examples is the folder of the examples, and readme the file next to it, seen from this package.
const (
	examples = "../../examples"
	readme   = "../../README.md"
)

// requirement is what the documentation's examples leave out, since one of them shows it for all.
const requirement = `terraform {
  required_providers {
    codetwo = {
      source = "codetwo-community/codetwo"
    }
  }
}
`

var fencedTerraform = regexp.MustCompile("(?s)```terraform\n(.*?)```")

func TestAccExamples_EveryOneIsValid(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{})
	cli := env.CLI()
	folders := exampleFolders(t)
	if len(folders) < 8 {
		t.Fatalf("found only %v", folders)
	}
	for _, folder := range folders {
		t.Run(filepath.ToSlash(folder), func(t *testing.T) {
			example := copyExample(t, cli, filepath.Join(examples, folder))
			validate(t, example)
		})
	}
	t.Run("README.md", func(t *testing.T) {
		blocks := fencedTerraform.FindAllStringSubmatch(read(t, readme), -1)
		if len(blocks) != 1 {
			t.Fatalf("found %d configurations, want one that is whole", len(blocks))
		}
		example := inFolder(cli, t.TempDir())
		write(t, filepath.Join(example.Folder, "main.tf"), []byte(blocks[0][1]))
		validate(t, example)
	})
}

func TestAccExamples_TheTestPassesOnceCodeTwoCanConnectAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Gate: "empty"})
	tenant := env.Tenant(0)
	mailbox := tenant.Mailboxes.Licensed[0]
	cli := env.CLI(
		"CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase,
		"TF_VAR_tenant_id="+tenant.TenantID, "TF_VAR_mailbox="+mailbox, "TF_VAR_store_url="+env.StoreURL(),
		"TF_VAR_store_passphrase="+acctest.Passphrase,
	)
	onboarding := copyExample(t, cli, filepath.Join(examples, "onboarding"))
	must(t, onboarding, "init", "-input=false")
	must(t, onboarding, "apply", "-input=false", "-auto-approve")
	applications := env.State(0).Applications

	example := copyExample(t, cli, filepath.Join(examples, "testing-a-connection"))
	must(t, example, "init", "-input=false")
	test := []string{"test", "-no-color", "-var=connection_id=" + tenant.TenantID + "/" + mailbox}
	if output, err := example.Run(t.Context(), test...); err == nil || !strings.Contains(output, "ews: ") {
		t.Fatalf("with Exchange's gate closed the test has to fail and name it: %v\n%s", err, output)
	}
	for _, application := range applications {
		if !strings.HasPrefix(application.DisplayName, "Terraform (") { // who Terraform signs in as
			env.OpenEWS(tenant.TenantID, application.ClientID)
		}
	}
	must(t, example, test...)
	if after := env.State(0).Applications; len(after) != len(applications) {
		t.Errorf("the tests left %d applications where %d were", len(after), len(applications))
	}
}

func TestAccExamples_TheCheckAndTheGateTellOfAClosedTenantAndDestroyHasAWayOut(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{Gate: "false"})
	tenant := env.Tenant(0)
	cli := env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "CODETWO_STORE_PASSPHRASE="+acctest.Passphrase)
	example := copyExample(t, cli, filepath.Join(examples, "data-sources", "codetwo_target_connectivity"))
	main := filepath.Join(example.Folder, "data-source.tf")
	content := strings.NewReplacer("11111111-2222-3333-4444-555555555555", tenant.TenantID,
		"migration@contoso.onmicrosoft.com", tenant.Mailboxes.Licensed[0]).Replace(read(t, main))
	write(t, main, []byte(content))
	must(t, example, "init", "-input=false")
	const apply, destroy = "apply -no-color -input=false -auto-approve", "destroy -no-color -input=false -auto-approve"
	fails := func(command, words string) {
		t.Helper()
		if output, err := example.Run(t.Context(), strings.Fields(command)...); err == nil ||
			!strings.Contains(output, words) {
			t.Errorf("terraform %s has to fail and say %q: %v\n%s", command, words, err, output)
		}
	}
	fails(apply, "Error: The target connection does not work")
	for _, application := range env.State(0).Applications {
		if !strings.HasPrefix(application.DisplayName, "Terraform (") {
			env.OpenEWS(tenant.TenantID, application.ClientID)
		}
	}
	if output := must(t, example, strings.Fields(apply)...); strings.Contains(output, "Check block assertion failed") {
		t.Errorf("the check warns of a tenant in order:\n%s", output)
	}
	if output, changes, err := example.PlanChanges(t.Context()); err != nil || changes {
		t.Errorf("the second plan is not empty: %v\n%s", err, output)
	}
	env.OpenEWS(tenant.TenantID)
	fails(destroy, "Error: The target connection does not work")
	if err := os.Remove(filepath.Join(example.Folder, "gate.tf")); err != nil {
		t.Fatal(err)
	}
	if output, changes, err := example.PlanChanges(t.Context()); err != nil || changes ||
		!strings.Contains(output, "Warning: Check block assertion failed") ||
		!strings.Contains(output, "Get-OrganizationConfig") {
		t.Errorf("with the gate closed the check only warns: %v\n%s", err, output)
	}
	copyFile(t, filepath.Join(examples, "data-sources", "codetwo_target_connectivity", "gate.tf"),
		filepath.Join(example.Folder, "gate.tf"))
	must(t, example, strings.Fields(destroy+" -refresh=false")...)
	for _, application := range env.State(0).Applications {
		if !strings.HasPrefix(application.DisplayName, "Terraform (") {
			t.Errorf("destroy left %+v", application)
		}
	}
}

func TestAccExamples_LeftoversDeletesTheChosenAppAndNoOther(t *testing.T) {
	t.Parallel()
	env := acctest.Start(t, sandbox.Options{})
	tenantID := env.Tenant(0).TenantID
	leftover := env.RegisterByHand(tenantID, "CodeTwo Office 365 Migration Target")
	running := env.RegisterByHand(tenantID, "CodeTwo Office 365 Migration Target")
	cli := env.CLI("CODETWO_STORE_URL="+env.StoreURL(), "TF_VAR_tenant_id="+tenantID)
	example := copyExample(t, cli, filepath.Join(examples, "leftovers"))
	must(t, example, "init", "-input=false")
	plan := must(t, example, "plan", "-no-color", "-input=false")
	for _, app := range []acctest.HandmadeApp{leftover, running} {
		if !strings.Contains(plan, app.ClientID) {
			t.Errorf("the candidates do not name %s:\n%s", app.ClientID, plan)
		}
	}
	chosen := fmt.Sprintf("-var=leftovers=[%q]", leftover.ClientID)
	imported := must(t, example, "apply", "-no-color", "-input=false", "-auto-approve", chosen)
	if !strings.Contains(imported, "1 imported, 0 added, 0 changed, 0 destroyed") {
		t.Errorf("the import does something else, too:\n%s", imported)
	}
	must(t, example, "destroy", "-no-color", "-input=false", "-auto-approve", chosen)
	if _, there := env.Application(0, leftover.ClientID); there {
		t.Error("the leftover is still there")
	}
	if _, there := env.Application(0, running.ClientID); !there {
		t.Error("the other application is gone")
	}
}

// exampleFolders are the folders with a configuration, relative to examples. List resources (*.tfquery.hcl) need
// Terraform 1.14, which nothing else here does, so a folder with nothing else is left out.
func exampleFolders(t *testing.T) []string {
	t.Helper()
	var folders []string
	err := fs.WalkDir(os.DirFS(examples), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return err
		}
		configurations, err := filepath.Glob(filepath.Join(examples, path, "*.tf"))
		if len(configurations) > 0 {
			folders = append(folders, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return folders
}

// copyExample copies what the CLI understands of an example into a folder of its own.
func copyExample(t *testing.T, cli *terraformcli.CLI, folder string) *terraformcli.CLI {
	t.Helper()
	example := inFolder(cli, t.TempDir())
	var all strings.Builder
	for _, pattern := range []string{"*.tf", "*.tftest.hcl"} {
		paths, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			if filepath.Base(path) == "import-by-identity.tf" && !importsByIdentity(t, cli) {
				continue
			}
			all.WriteString(read(t, path))
			copyFile(t, path, filepath.Join(example.Folder, filepath.Base(path)))
		}
	}
	if !strings.Contains(all.String(), "required_providers") {
		write(t, filepath.Join(example.Folder, "requirement.tf"), []byte(requirement))
	}
	return example
}

// importsByIdentity reports whether the CLI knows the identity of an import block, as from version 1.12.
func importsByIdentity(t *testing.T, cli *terraformcli.CLI) bool {
	t.Helper()
	var about struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal([]byte(must(t, cli, "version", "-json")), &about); err != nil {
		t.Fatal(err)
	}
	var major, minor int
	if _, err := fmt.Sscanf(about.Version, "%d.%d", &major, &minor); err != nil {
		t.Fatalf("version %q: %v", about.Version, err)
	}
	return major > 1 || minor >= 12
}

func validate(t *testing.T, cli *terraformcli.CLI) {
	t.Helper()
	must(t, cli, "init", "-input=false", "-no-color")
	must(t, cli, "validate", "-no-color")
}

func inFolder(cli *terraformcli.CLI, folder string) *terraformcli.CLI {
	return &terraformcli.CLI{Path: cli.Path, Folder: folder, Environment: cli.Environment}
}

func must(t *testing.T, cli *terraformcli.CLI, arguments ...string) string {
	t.Helper()
	output, err := cli.Run(t.Context(), arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
