package sandbox

import (
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/contract"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// unserved are the operations of Microsoft's contract that the sandbox does not have, with the reason.
var unserved = []struct{ paths, why string }{
	{`/roleManagement/`, "a target tenant's application needs no directory role"},
}

func TestEveryOperationOfTheContractIsServedOrLeftOutForAReason(t *testing.T) {
	held := loadContract(t)
	if held == nil {
		t.Skip("Microsoft's contract of Graph is not there")
	}
	g := newGraph(t, tenant.FullCaller)
	used := make([]bool, len(unserved))
	for _, operation := range held.Operations() {
		method, path, _ := strings.Cut(operation, " ")
		excused := false
		for i, left := range unserved {
			if regexp.MustCompile(left.paths).MatchString(path) {
				excused, used[i] = true, true
			}
		}
		var body any
		if method == http.MethodPost || method == http.MethodPatch {
			body = object{}
		}
		got := g.send(method, regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, noObject), body, bypass, "yes")
		served := got.Status != http.StatusMethodNotAllowed &&
			!strings.Contains(got.Body, "Resource not found for the segment")
		if served == excused {
			t.Errorf("%s: served: %t, left out for a reason: %t", operation, served, excused)
		}
	}
	for i, left := range unserved {
		if !used[i] {
			t.Errorf("the contract has nothing of %s", left.paths)
		}
	}
}

// loadContract returns nil where there is no contract.
func loadContract(t *testing.T) *contract.Contract {
	t.Helper()
	held, err := contract.Load(filepath.Join("..", "..", filepath.FromSlash(contract.Location)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Logf("not held against Microsoft's contract of Graph, which is not there: %v", err)
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return held
}
