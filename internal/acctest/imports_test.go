package acctest

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/codetwo-community/terraform-provider-codetwo/internal/"

var (
	resources = []string{"appregistration", "connection", "connectivity"}
	inner     = []string{"entra", "entra/msgraph", "ews", "auth", "permission", "certificate", "store", "store/sealing",
		"handoff", "checks", "ewsaccess", "escape", "guid", "retry", "registration", "sandbox"}
)

// sandboxImports are the packages of the sandbox with what each may import of the others. Package sandbox itself
// composes them all.
var sandboxImports = map[string][]string{
	"tenant":   {},
	"odata":    {},
	"token":    {"tenant"},
	"login":    {"token", "tenant"},
	"exchange": {"token", "tenant"},
	"fault":    {"token", "tenant"},
	"history":  {"tenant"},
	"graph":    {"odata", "token", "tenant"},
	"control":  {"graph", "login", "exchange", "fault", "history", "token", "tenant"},
}

// listed is what go list says of a package.
type listed struct {
	ImportPath                         string
	Deps                               []string // all the way down, tests left out
	Imports, TestImports, XTestImports []string
}

// listPackages returns the packages of the project.
func listPackages(t *testing.T) []listed {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Deps,Imports,TestImports,XTestImports",
		"../...")
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []listed
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var found listed
		if err := decoder.Decode(&found); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, found)
	}
	return packages
}

// importsOf returns what each package of the project imports, all the way down, tests left out.
func importsOf(t *testing.T) map[string][]string {
	t.Helper()
	deps := map[string][]string{}
	for _, found := range listPackages(t) {
		if name, ok := strings.CutPrefix(found.ImportPath, module); ok {
			deps[name] = found.Deps
		}
	}
	return deps
}

func TestPackages_TheSandboxKeepsToItsImportsAndIsImportedAsAWhole(t *testing.T) {
	t.Parallel()
	const below = module + "sandbox/"
	met := 0
	for _, found := range listPackages(t) {
		name, inside := strings.CutPrefix(found.ImportPath, below)
		allowed, known := sandboxImports[name]
		if inside && !known {
			t.Errorf("nothing says what %s may import", found.ImportPath)
		}
		if inside {
			met++
		}
		for _, imported := range slices.Concat(found.Imports, found.TestImports, found.XTestImports) {
			other, isBelow := strings.CutPrefix(imported, below)
			switch {
			case inside && imported == module+"sandbox", inside && isBelow && other != name && !slices.Contains(allowed, other):
				t.Errorf("sandbox/%s must not import %s", name, imported)
			case !inside && isBelow && found.ImportPath != module+"sandbox":
				t.Errorf("%s imports %s and not package sandbox", found.ImportPath, imported)
			}
		}
	}
	if met != len(sandboxImports) {
		t.Errorf("the sandbox has %d packages below it, want %d", met, len(sandboxImports))
	}
}

// forbidImports fails where a package reaches another one whose path is a prefix, is below it, or begins with it where
// it ends in a hyphen.
func forbidImports(t *testing.T, deps map[string][]string, name string, prefixes []string) {
	t.Helper()
	imported, ok := deps[name]
	if !ok {
		t.Errorf("there is no package %s; correct this test's list", name)
	}
	for _, prefix := range prefixes {
		if at := slices.IndexFunc(imported, func(path string) bool {
			return path == prefix || strings.HasPrefix(path, prefix+"/") ||
				strings.HasSuffix(prefix, "-") && strings.HasPrefix(path, prefix)
		}); at >= 0 {
			t.Errorf("%s must not reach %s", name, imported[at])
		}
	}
}

func TestPackages_ImportOnlyWhatDESIGNAllows(t *testing.T) {
	t.Parallel()
	deps := importsOf(t)
	forbid := func(name string, prefixes ...string) {
		t.Helper()
		forbidImports(t, deps, name, prefixes)
	}
	for _, name := range inner {
		forbid(name, "github.com/hashicorp/terraform-plugin-")
		for _, face := range append(slices.Clone(resources), "provider", "tfvalidate", "acctest") {
			forbid(name, module+face)
		}
	}
	for _, name := range resources {
		forbid(name, module+"provider", module+"sandbox", module+"acctest", "github.com/microsoftgraph",
			"github.com/microsoft/kiota-")
		for _, other := range resources {
			if other != name {
				forbid(name, module+other)
			}
		}
	}
	forbid("provider", module+"sandbox", module+"acctest")
	forbid("registration", module+"auth", module+"checks", module+"ews", module+"handoff", module+"entra/msgraph")
	for _, name := range inner {
		if name != "sandbox" {
			forbid("sandbox", module+name)
			forbid(name, module+"sandbox")
		}
		if name != "entra/msgraph" {
			forbid(name, "github.com/microsoftgraph", "github.com/microsoft/kiota-")
		}
		if name != "auth" && name != "checks" { // checks judges the errors of signing in
			forbid(name, "github.com/Azure/azure-sdk-for-go/sdk/azidentity")
		}
	}
}
