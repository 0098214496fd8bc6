package acctest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// CLI installs the provider's binary, built from this checkout, and returns the CLI in a folder of its own, signed in
// to the sandbox. Variables are NAME=value. For tests that look at processes, plan files and logs; all others run the
// provider in their own process, which is quicker.
func (env *Env) CLI(variables ...string) *terraformcli.CLI {
	env.t.Helper()
	path := os.Getenv("TF_ACC_TERRAFORM_PATH")
	if path == "" {
		env.t.Fatal("TF_ACC_TERRAFORM_PATH is not set; run the tests with make test")
	}
	folder := env.t.TempDir()
	config, err := terraformcli.Install(env.t.Context(), checkout(env.t), folder)
	if err != nil {
		env.t.Fatal(err)
	}
	work := filepath.Join(folder, "work")
	if err := os.Mkdir(work, 0o700); err != nil {
		env.t.Fatal(err)
	}
	return &terraformcli.CLI{Path: path, Folder: work,
		Environment: terraformcli.Environment(config, append(env.Environment(), variables...)...)}
}

// checkout is the root of the repository, seen from a package's folder below internal/.
func checkout(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			t.Fatal("this test runs in no checkout")
		}
		folder = parent
	}
}
