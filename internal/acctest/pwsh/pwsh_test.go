package pwsh

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestPowerShellRunsAScriptAndReturnsWhatItSaid(t *testing.T) {
	folder := t.TempDir()
	result := Run(t, Script{
		Content: "param($First, [switch] $Second)\n" +
			"\"$First,$Second,$env:WORD,$([Console]::In.ReadToEnd()),$((Get-Location).Path)\"\n" +
			"[Console]::Error.WriteLine('a complaint')\nexit 7",
		Arguments:   []string{"-First", "a 'b' $c", "-Second"},
		Environment: []string{"WORD=ž"},
		Stdin:       strings.NewReader("typed"),
		Folder:      folder,
	})
	if want := "a 'b' $c,True,ž,typed," + folder + "\n"; result.Stdout != want || result.Stderr != "a complaint\n" ||
		result.ExitCode != 7 {
		t.Errorf("got %+v, want %q", result, want)
	}
}

func TestPowerShellRunsAFileAsItIs(t *testing.T) {
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "[a] b.ps1"), []byte("Split-Path -Leaf $PSCommandPath"),
		0o600); err != nil {
		t.Fatal(err)
	}
	if result := Run(t, Script{File: "[a] b.ps1", Folder: folder}); result.Stdout != "[a] b.ps1\n" ||
		result.ExitCode != 0 {
		t.Errorf("got %+v", result)
	}
}

func TestPowerShellHasAHomeOfItsOwnAndNoConsole(t *testing.T) {
	script := Script{Content: "\"$HOME,$([Console]::IsInputRedirected),$([Console]::In.ReadToEnd().Length)\""}
	first, second := Run(t, script), Run(t, script)
	if first.Stdout == second.Stdout || strings.HasPrefix(first.Stdout, os.Getenv("HOME")+",") {
		t.Errorf("the homes are %q and %q", first.Stdout, second.Stdout)
	}
	if !strings.HasSuffix(first.Stdout, ",True,0\n") {
		t.Errorf("there is a console, or something was typed: %q", first.Stdout)
	}
	script.Home = t.TempDir()
	if result := Run(t, script); !strings.HasPrefix(result.Stdout, script.Home+",") {
		t.Errorf("the home is %q, not %q", result.Stdout, script.Home)
	}
}

func TestPowerShellsWrappedErrorIsOneSentence(t *testing.T) {
	sentence := strings.Repeat("a sentence that is longer than a line of the terminal, ", 5) + "and ends here"
	result := Run(t, Script{Content: "throw '" + sentence + "'"})
	if result.ExitCode != 1 || !strings.Contains(result.Message(), sentence) {
		t.Errorf("exit status %d and %q", result.ExitCode, result.Message())
	}
}

func TestPwshOfTheMachineComesBeforeTheOneBesideTheCheckout(t *testing.T) {
	folder := t.TempDir()
	mine := filepath.Join(folder, "pwsh")
	if err := os.WriteFile(mine, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder)
	if path, ok := Find(); !ok || path != mine {
		t.Errorf("found %q, %v; want %q", path, ok, mine)
	}
}

func TestPwshBesideTheCheckoutIsFoundFromBelowIt(t *testing.T) {
	parent := t.TempDir()
	below, shared := filepath.Join(parent, "checkout", "internal", "x"), filepath.Join(parent, "shared", "pwsh")
	for _, folder := range []string{below, shared} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(parent, "checkout", "go.mod"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	t.Chdir(below)
	if path, ok := Find(); ok {
		t.Errorf("found %q where there is none", path)
	}
	program := filepath.Join(shared, "pwsh")
	if err := os.WriteFile(program, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if path, ok := Find(); !ok || path != program {
		t.Errorf("found %q, %v; want %q", path, ok, program)
	}
}

// skipping notes that a test was skipped, and what it said.
type skipping struct {
	testing.TB
	said string
}

func (s *skipping) Skip(args ...any) {
	s.said = fmt.Sprint(args...)
	runtime.Goexit()
}

func TestWithoutPwshATestIsSkipped(t *testing.T) {
	t.Setenv("PATH", "")
	t.Chdir(t.TempDir())
	test, done := &skipping{TB: t}, make(chan bool)
	go func() {
		defer close(done)
		Run(test, Script{Content: "exit 0"})
		t.Error("a script ran without PowerShell")
	}()
	<-done
	if test.said != notRun {
		t.Errorf("the test was skipped with %q", test.said)
	}
}
