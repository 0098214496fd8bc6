package acctest

import (
	"errors"
	"io/fs"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/contract"
)

// watch holds everything that a test says to Microsoft Graph, and is answered, against Microsoft's contract, and fails
// the test at its end with what is not in there, or if nothing was held against it of what the log has. around is other
// middleware in front of the sandbox; it may be nil.
func watch(t testing.TB, around func(http.Handler) http.Handler,
	logged func() []Request) func(http.Handler) http.Handler {
	t.Helper()
	held, err := contract.Load(filepath.Join(checkout(t), filepath.FromSlash(contract.Location)))
	if errors.Is(err, fs.ErrNotExist) {
		t.Logf("not held against Microsoft's contract of Graph, which is not there: %v", err)
		return around
	}
	if err != nil {
		t.Fatal(err)
	}
	tap := contract.NewTap(held.Violations)
	t.Cleanup(func() {
		for _, violation := range tap.Violations() {
			t.Errorf("not in Microsoft's contract of Graph: %s", violation)
		}
		if unheard(tap.Checked(), logged()) {
			t.Error("the test spoke to Graph, and nothing of it was held against Microsoft's contract")
		}
	})
	return func(next http.Handler) http.Handler {
		if around != nil {
			next = around(next)
		}
		return tap.Around(next)
	}
}

// unheard reports whether there were requests to Graph and none of them was held against the contract.
func unheard(checked int, logged []Request) bool { return checked == 0 && len(Graph(logged)) > 0 }
