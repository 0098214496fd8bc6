// Package pwsh runs PowerShell scripts in tests, under a real PowerShell 7, and checks them against the syntax of
// Windows PowerShell 5.1, which ships with Windows Server. Only tests import it.
package pwsh

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// notRun is what a test says that found no PowerShell. internal/tools/test-scripts.sh counts such a test as not run.
const notRun = "not run: no PowerShell (pwsh on PATH, or next to the checkout)"

// timeLimit is how long a script may run, on a machine that is busy with other tests.
const timeLimit = 2 * time.Minute

// Script is one run of a script: `pwsh -NoProfile -File <script> <arguments>`.
type Script struct {
	// File is the script's path, absolute or relative to Folder. Where it is empty, Content is written to a file of a
	// temporary folder, byte for byte, and run from there.
	File, Content string
	// Arguments follow the script's path on the command line.
	Arguments []string
	// Environment holds NAME=value, on top of the test's own environment.
	Environment []string
	// Stdin is the script's standard input, never a console. Nil is an input without a byte.
	Stdin io.Reader
	// Folder is where the script runs; a temporary folder where empty.
	Folder string
	// Home is the HOME in which PowerShell and .NET keep their files, the current user's certificates among them; a
	// temporary folder where empty. Give the runs that share a certificate store the same one.
	Home string
}

// Result is what a run left.
type Result struct {
	// Stdout and Stderr are whole, with the line ends that PowerShell wrote.
	Stdout, Stderr string
	// ExitCode is the exit status of PowerShell.
	ExitCode int
}

// margin is what PowerShell 7 puts before each line of an error that it wraps.
var margin = regexp.MustCompile(`\s+(\|\s+)?`)

// Message returns the standard error with each run of white space, and of the margins between which PowerShell 7 wraps
// an error, as one space, so that a sentence can be looked for.
func (r Result) Message() string { return strings.TrimSpace(margin.ReplaceAllString(r.Stderr, " ")) }

// Find returns the PowerShell of this machine: pwsh on PATH, else the one in the folder shared next to the checkout.
func Find() (path string, ok bool) {
	if found, err := exec.LookPath("pwsh"); err == nil {
		if found, err = filepath.Abs(found); err == nil {
			return found, true
		}
	}
	return nextToCheckout("pwsh")
}

// nextToCheckout returns a file of the folder shared/pwsh next to the checkout.
func nextToCheckout(name ...string) (path string, ok bool) {
	root, ok := checkout()
	if !ok {
		return "", false
	}
	shared := filepath.Join(append([]string{filepath.Dir(root), "shared", "pwsh"}, name...)...)
	info, err := os.Stat(shared)
	if err != nil || !info.Mode().IsRegular() {
		return "", false
	}
	return shared, true
}

// RequireMSAL returns the folder of MSAL.NET's assemblies, which are next to the checkout. Without them it skips the
// test, which then counts as not run.
func RequireMSAL(t testing.TB) string {
	t.Helper()
	found, ok := nextToCheckout("lib", "Microsoft.Identity.Client.dll")
	if !ok {
		t.Skip("not run: no MSAL.NET (next to the checkout)")
	}
	return filepath.Dir(found)
}

// Require returns the PowerShell of this machine. Without one it skips the test, which then counts as not run.
func Require(t testing.TB) string {
	t.Helper()
	path, ok := Find()
	if !ok {
		t.Skip(notRun)
	}
	return path
}

// Run runs a script to its end. Whatever its exit status is, the test goes on; it fails where PowerShell does not
// start.
func Run(t testing.TB, s Script) Result {
	t.Helper()
	command := Command(t, s)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatalf("PowerShell did not run: %v\n%s", err, stderr.String())
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), ExitCode: command.ProcessState.ExitCode()}
}

// Command returns what Run runs, not started, for a test that speaks with the script while it runs. It ends with the
// test at the latest, or after minutes, since a script that asks and gets no answer would wait forever.
func Command(t testing.TB, s Script) *exec.Cmd {
	t.Helper()
	path := Require(t)
	ctx, cancel := context.WithTimeout(t.Context(), timeLimit)
	t.Cleanup(cancel)
	file := s.File
	if file == "" {
		file = filepath.Join(t.TempDir(), "script.ps1")
		if err := os.WriteFile(file, []byte(s.Content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	home := s.Home
	if home == "" {
		home = t.TempDir()
	}
	command := exec.CommandContext(ctx, path, append([]string{"-NoProfile", "-File", file}, s.Arguments...)...)
	command.Dir = s.Folder
	if command.Dir == "" {
		command.Dir = t.TempDir()
	}
	command.Env = append(environment(home), s.Environment...)
	command.Stdin = s.Stdin
	command.WaitDelay = time.Second
	return command
}

// environment is the test's own, with everything below home that PowerShell keeps of a user, and without colours.
func environment(home string) []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "XDG_") && !strings.HasPrefix(variable, "PSModulePath=") {
			kept = append(kept, variable)
		}
	}
	return append(kept, "HOME="+home, "NO_COLOR=1", "TERM=dumb", "POWERSHELL_TELEMETRY_OPTOUT=1",
		"POWERSHELL_UPDATECHECK=Off")
}

// checkout is the folder of the go.mod that the working directory belongs to.
func checkout() (string, bool) {
	folder, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder, true
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", false
		}
		folder = parent
	}
}
