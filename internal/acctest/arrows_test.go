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

// rooms returns what each package of the project imports, all the way down, tests left out.
func rooms(t *testing.T) map[string][]string {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", "list", "-deps", "-json=ImportPath,Deps,Standard", "../...")
	output, err := command.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	deps := map[string][]string{}
	decoder := json.NewDecoder(strings.NewReader(string(output)))
	for {
		var found struct {
			ImportPath string
			Deps       []string
		}
		if err := decoder.Decode(&found); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if room, ok := strings.CutPrefix(found.ImportPath, module); ok {
			deps[room] = found.Deps
		}
	}
	return deps
}

func TestTheRoomsKeepToTheArrows(t *testing.T) {
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
