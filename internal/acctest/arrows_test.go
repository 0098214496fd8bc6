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
	facing = []string{"appregistration", "connection", "connectivity"}
	inner  = []string{"entra", "entra/msgraph", "exchange", "signin", "permission", "certificate", "store", "handoff", "probe", "ewsaccess", "escape", "retry", "sandbox"}
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
	"graph":    {"odata", "token", "tenant"},
	"control":  {"graph", "login", "exchange", "fault", "token", "tenant"},
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
	command := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Deps,Imports,TestImports,XTestImports", "../...")
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

// rooms returns what each package of the project imports, all the way down, tests left out.
func rooms(t *testing.T) map[string][]string {
	t.Helper()
	deps := map[string][]string{}
	for _, found := range listPackages(t) {
		if room, ok := strings.CutPrefix(found.ImportPath, module); ok {
			deps[room] = found.Deps
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

func TestPackages_ImportOnlyWhatDESIGNAllows(t *testing.T) {
	t.Parallel()
	deps := rooms(t)
	forbid := func(room string, prefixes ...string) {
		t.Helper()
		imported, ok := deps[room]
		if !ok {
			t.Errorf("there is no room %s; mend this test's list", room)
		}
		for _, prefix := range prefixes {
			if at := slices.IndexFunc(imported, func(path string) bool {
				return path == prefix || strings.HasPrefix(path, prefix+"/") || strings.HasSuffix(prefix, "-") && strings.HasPrefix(path, prefix)
			}); at >= 0 {
				t.Errorf("%s must not reach %s", room, imported[at])
			}
		}
	}
	for _, room := range inner {
		forbid(room, "github.com/hashicorp/terraform-plugin-")
		for _, front := range append(slices.Clone(facing), "provider", "attribute", "acctest") {
			forbid(room, module+front)
		}
	}
	for _, room := range facing {
		forbid(room, module+"provider", module+"sandbox", module+"acctest", "github.com/microsoftgraph", "github.com/microsoft/kiota-")
		for _, other := range facing {
			if other != room {
				forbid(room, module+other)
			}
		}
	}
	forbid("provider", module+"sandbox", module+"acctest")
	for _, room := range inner {
		if room != "sandbox" {
			forbid("sandbox", module+room)
			forbid(room, module+"sandbox")
		}
		if room != "entra/msgraph" {
			forbid(room, "github.com/microsoftgraph", "github.com/microsoft/kiota-")
		}
		if room != "signin" && room != "probe" { // the probe judges sign-in's errors
			forbid(room, "github.com/Azure/azure-sdk-for-go/sdk/azidentity")
		}
		if room != "store" {
			forbid(room, "gocloud.dev")
		}
	}
}
