package acctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// largest is how many bytes a release may have. It has about half of that; some of the Graph SDK's models link all of
// the others, which are more than the rest of the provider, and come back with one line of code.
const largest = 45_000_000

func TestProvider_TheReleasedBinaryIsNoLargerThanPromised(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "provider")
	// Without -trimpath, which saves little, so that what is compiled already can be linked.
	build := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-s -w", "-o", binary, ".")
	build.Dir = checkout(t)
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > largest {
		t.Errorf("the binary has %d bytes, more than %d", info.Size(), largest)
	}
}
