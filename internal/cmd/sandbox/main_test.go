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
	sourced, err := exec.Command("sh", "-c",
		advice+`; printf %s "$SANDBOX_TENANTS" && cat "$SANDBOX_TENANTS" >/dev/null`).Output()
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
	if err := run(ctx, []string{"-profile", "hostile", "-seed", "42"}, out); err != nil ||
		!strings.Contains(out.text.String(), "-seed 42") {
		t.Errorf("%v; it prints\n%s", err, out.text.String())
	}
}

func TestTheSandboxNamesItsGatesAndTheStateFileShowsThem(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state.json")
	ctx, stop := context.WithCancel(t.Context())
	out := &output{want: "Ctrl-C", seen: stop}
	if err := run(ctx, []string{"-gate", "mixed", "-tenants", "5", "-state", state}, out); err != nil {
		t.Fatal(err)
	}
	gates := []string{"unset", "false", "listed", "empty", "unset"}
	for i, line := range strings.Split(out.text.String(), "\n")[1:6] {
		if !strings.HasSuffix(line, ", EWS gate "+gates[i]) {
			t.Errorf("tenant %d, whose gate is %s, is announced as %q", i+1, gates[i], line)
		}
	}
	for _, want := range []string{"EWS gate is one of each in the first four tenants",
		`-d '{"second_wave": true}' https://`} {
		if !strings.Contains(out.text.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, out.text.String())
		}
	}
	content, err := os.ReadFile(state)
	if err != nil {
		t.Fatal(err)
	}
	var held sandbox.State
	if err := json.Unmarshal(content, &held); err != nil || len(held.Tenants) != 5 {
		t.Fatalf("the state file holds %d tenants (%v)", len(held.Tenants), err)
	}
	for i, want := range []struct {
		enabled string
		listed  int
	}{{"null", 0}, {"false", 0}, {"true", 1}, {"true", 0}, {"null", 0}} {
		shown := held.Tenants[i].Exchange
		enabled, err := json.Marshal(shown.EwsEnabled)
		if err != nil || string(enabled) != want.enabled || len(shown.EwsAllowedAppIDs) != want.listed {
			t.Errorf("the state file shows ews_enabled %s and the list %v for tenant %d", enabled, shown.EwsAllowedAppIDs, i+1)
		}
	}
}

func TestEachGateIsNamedInItsOwnSentence(t *testing.T) {
	for gate, want := range map[string]string{
		"unset": "unset, so every app gets in", "false": "False, so no app gets in",
		"listed": "True, so the listed apps get in", "empty": "True with an empty list",
	} {
		ctx, stop := context.WithCancel(t.Context())
		out := &output{want: "Ctrl-C", seen: stop}
		if err := run(ctx, []string{"-gate", gate}, out); err != nil ||
			!strings.Contains(out.text.String(), "Exchange's EWS gate is "+want) {
			t.Errorf("-gate %s (%v) prints\n%s", gate, err, out.text.String())
		}
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
		{[]string{"-gate", "open"}, `gate "open"`},
		{[]string{"start"}, `"start" is not a flag`},
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
