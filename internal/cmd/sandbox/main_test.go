package main

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// output waits for a line of the command's output.
type output struct {
	text strings.Builder
	want string
	seen func()
}

func (o *output) Write(data []byte) (int, error) {
	o.text.Write(data)
	if o.seen != nil && strings.Contains(o.text.String(), o.want) {
		o.seen()
	}
	return len(data), nil
}

func TestTheSandboxServesUntilItIsStoppedAndLeavesItsFiles(t *testing.T) {
	folder := t.TempDir()
	env, log, state := filepath.Join(folder, "it's.env"), filepath.Join(folder, "log"), filepath.Join(folder, "state.json")
	ctx, stop := context.WithCancel(t.Context())
	out := &output{want: "Ctrl-C", seen: stop}

	if err := run(ctx, []string{"-tenants", "2", "-env-file", env, "-log", log, "-state", state}, out); err != nil {
		t.Fatal(err)
	}

	var held sandbox.State
	content, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &held); err != nil || len(held.Tenants) != 2 {
		t.Errorf("the state file holds %d tenants (%v), want 2", len(held.Tenants), err)
	}
	_, advice, _ := strings.Cut(out.text.String(), "for the provider:")
	advice, _, _ = strings.Cut(advice, "\n")
	sourced, err := exec.Command("sh", "-c", advice+`; printf %s "$SANDBOX_TENANTS" && cat "$SANDBOX_TENANTS" >/dev/null`).Output()
	if err != nil || string(sourced) != env+".tenants.json" {
		t.Errorf("a shell that does as advised, %s, has SANDBOX_TENANTS=%q (%v)", advice, sourced, err)
	}
	if strings.Contains(out.text.String(), clientSecret(t, env)) {
		t.Error("the client secret is printed to the terminal")
	}
}

func clientSecret(t *testing.T, env string) string {
	t.Helper()
	secret, err := exec.Command("sh", "-c", `. "$1" && printf %s "$ARM_CLIENT_SECRET"`, "sh", env).Output()
	if err != nil || len(secret) == 0 {
		t.Fatalf("the env file has no client secret (%v)", err)
	}
	return string(secret)
}

func TestAHostileSandboxTellsHowToMakeTheSameTroubleAgain(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	out := &output{want: "Ctrl-C", seen: stop}
	if err := run(ctx, []string{"-profile", "hostile", "-seed", "42"}, out); err != nil || !strings.Contains(out.text.String(), "-seed 42") {
		t.Errorf("%v; it prints\n%s", err, out.text.String())
	}
}

func TestTheSandboxExplainsAWrongCommandLine(t *testing.T) {
	ended, stop := context.WithCancel(t.Context())
	stop() // so that a command line that is accepted by mistake fails the test, and does not serve
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-profile", "lazy"}, "lazy"},
		{[]string{"-speed", "-2"}, "speed -2"},
		{[]string{"-tenants", "0"}, "at least one"},
		{[]string{"start"}, `"start" is no flag`},
		{[]string{"-listen", "0.0.0.0:0"}, "loopback"},
		{[]string{"-latency", "-5ms"}, "latency -5ms"},
	} {
		err := run(ended, test.args, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: the error is %v, want one with %q", test.args, err, test.want)
		}
	}
}

func TestAStateFileThatCannotBeWrittenKeepsTheSandboxFromStarting(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "no-such-folder", "state.json")
	ctx, stop := context.WithCancel(t.Context())
	out := &output{want: "The sandbox serves", seen: stop}
	if err := run(ctx, []string{"-state", missing}, out); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("the error is %v, want one with %s", err, missing)
	}
	if strings.Contains(out.text.String(), "The sandbox serves") {
		t.Error("it was noticed when the sandbox ended")
	}
}
