package pwsh

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed syntax.ps1
var checker string

// WindowsPowerShell51 fails the test for every parse error of a script, and for every construct, parameter and command
// in it that came after Windows PowerShell 5.1. It does not run the script. What a script does with the types of .NET
// is held against a short list only.
func WindowsPowerShell51(t testing.TB, script string) {
	t.Helper()
	for _, finding := range newer(t, script)[0] {
		t.Errorf("Windows PowerShell 5.1 does not run this script: %s", finding)
	}
}

// newer returns for each script what Windows PowerShell 5.1 lacks of it: "<line>:<column> <what>: <text>".
func newer(t testing.TB, scripts ...string) [][]string {
	t.Helper()
	folder := t.TempDir()
	var files []string
	for i, script := range scripts {
		file := filepath.Join(folder, fmt.Sprintf("%d.ps1", i))
		if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	result := Run(t, Script{Content: checker, Arguments: files})
	if result.ExitCode != 0 || result.Stderr != "" {
		t.Fatalf("the check of the syntax ended with %d: %s", result.ExitCode, result.Stderr)
	}
	// One line begins each script, and one ends them, so that a check that was cut off does not pass as clean.
	parts := strings.Split(result.Stdout, "script\n")
	if len(parts) != len(scripts)+1 || !strings.HasSuffix(result.Stdout, "end\n") {
		t.Fatalf("the check of the syntax said of %d scripts: %s", len(scripts), result.Stdout)
	}
	findings := make([][]string, len(scripts))
	for i, part := range parts[1:] {
		for line := range strings.Lines(strings.TrimSuffix(part, "end\n")) {
			findings[i] = append(findings[i], strings.TrimSuffix(line, "\n"))
		}
	}
	return findings
}
