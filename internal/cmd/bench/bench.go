package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

//go:embed main.tf.txt
var configuration []byte

const passphrase = "an unguessable passphrase for a benchmark"

// bench is one run: a sandbox of its own, with so many tenants.
type bench struct {
	settings
	config  string // the CLI configuration, which installs the provider
	folder  string // everything of this run
	profile string
	tenants int
	costs   costs

	server   *sandbox.Server
	requests *requestLog
	cli      *terraformcli.CLI
	watch    *watch
}

// run measures the operations in the order of a migration.
func (b *bench) run(ctx context.Context) ([]figures, error) {
	b.requests = &requestLog{}
	var err error
	b.server, err = sandbox.Start(sandbox.Options{Tenants: b.tenants, Profile: b.profile, Latency: b.latency, Log: b.requests})
	if err != nil {
		return nil, err
	}
	defer func() { _ = b.server.Close() }()
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	bare, err := b.bare(ctx)
	if err != nil {
		return nil, err
	}
	apply := []string{"apply", "-no-color", "-input=false", "-auto-approve", fmt.Sprintf("-parallelism=%d", b.parallelism)}
	plan := []string{"plan", "-no-color", "-input=false", "-detailed-exitcode", fmt.Sprintf("-parallelism=%d", b.parallelism)}
	printHeading(os.Stdout, b.profile, b.tenants)
	var all []figures
	for _, operation := range []struct {
		name         string
		arguments    []string
		connectivity bool
		before       func(context.Context) error
		own          work
	}{
		{name: "create", arguments: apply, own: work{keys: b.tenants, unlocks: 1}},
		{name: "no-change plan", arguments: plan},
		{name: "drift repair", arguments: apply, before: b.revokeConsent},
		{name: "connectivity", arguments: apply, connectivity: true, before: b.openGate, own: work{unlocks: 1}},
		{name: "no-change plan, connectivity", arguments: plan, connectivity: true, own: work{unlocks: 1}},
		{name: "destroy", arguments: append([]string{"destroy"}, apply[1:]...)},
	} {
		if operation.before != nil {
			if err := operation.before(ctx); err != nil {
				return all, fmt.Errorf("preparing %s: %w", operation.name, err)
			}
		}
		if err := b.variables(b.tenants, operation.connectivity); err != nil {
			return all, err
		}
		measured, err := b.measure(ctx, operation.name, operation.arguments)
		if err != nil {
			return all, err
		}
		measured.judge(b, bare[operation.arguments[0]], operation.own)
		printFigures(os.Stdout, measured)
		all = append(all, measured)
	}
	return all, nil
}

// prepare writes the configuration, and initialises it.
func (b *bench) prepare(ctx context.Context) error {
	work := filepath.Join(b.folder, "work")
	if err := os.MkdirAll(work, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(work, "main.tf"), configuration, 0o600); err != nil {
		return err
	}
	envFile := filepath.Join(b.folder, "sandbox.env")
	if err := b.server.WriteEnvFile(envFile); err != nil {
		return err
	}
	variables := []string{
		"CODETWO_STORE_URL=" + b.storeURL(),
		"CODETWO_STORE_PASSPHRASE=" + passphrase,
	}
	for _, variable := range b.server.Environment(envFile+".ca.pem", envFile+".tenants.json") {
		variables = append(variables, variable.Name+"="+variable.Value)
	}
	b.cli = &terraformcli.CLI{Path: b.settings.cli, Folder: work, Environment: terraformcli.Environment(b.config, variables...)}
	b.watch = &watch{below: filepath.Dir(b.folder)}
	if err := makeStore(ctx, b.storeURL()); err != nil { // whose first use is no part of what one tenant takes
		return err
	}
	if err := b.variables(0, false); err != nil {
		return err
	}
	_, err := b.cli.Run(ctx, "init", "-no-color", "-input=false")
	return err
}

func (b *bench) storeURL() string {
	return "file://" + filepath.ToSlash(filepath.Join(b.folder, "store"))
}

// variables names the first so many tenants to the configuration.
func (b *bench) variables(tenants int, connectivity bool) error {
	type target struct {
		Mailbox string `json:"mailbox"`
	}
	named := map[string]target{}
	for _, tenant := range b.server.TenantsJSON().Tenants[:tenants] {
		named[tenant.TenantID] = target{tenant.Mailboxes.Licensed[0]}
	}
	content, err := json.Marshal(map[string]any{"tenants": named, "connectivity": connectivity})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.cli.Folder, "terraform.tfvars.json"), content, 0o600)
}

// bare measures each command with a configuration of no tenant at all: what CLI and provider take to start.
func (b *bench) bare(ctx context.Context) (map[string]figures, error) {
	commands := map[string]figures{}
	for _, arguments := range [][]string{
		{"plan", "-no-color", "-input=false"},
		{"apply", "-no-color", "-input=false", "-auto-approve"},
		{"destroy", "-no-color", "-input=false", "-auto-approve"},
	} {
		best := figures{}
		for range 3 {
			measured, err := b.measure(ctx, arguments[0]+" of nothing", arguments)
			if err != nil {
				return nil, err
			}
			if best.Wall == 0 || measured.Wall < best.Wall {
				best = measured
			}
		}
		commands[arguments[0]] = best
	}
	return commands, nil
}

// measure runs one command.
func (b *bench) measure(ctx context.Context, name string, arguments []string) (figures, error) {
	b.requests.forget()
	b.watch.start()
	progress := b.progress(name)
	started := time.Now()
	_, err := b.cli.Run(ctx, arguments...)
	wall := time.Since(started)
	progress()
	cpu, peak, processes := b.watch.stop()
	if err != nil {
		return figures{}, err
	}
	requests, err := b.requests.read()
	if err != nil {
		return figures{}, err
	}
	measured := figures{Operation: name, Profile: b.profile, Tenants: b.tenants, Wall: wall, ProviderCPU: cpu, ProviderPeak: peak, Processes: processes}
	measured.count(requests)
	return measured, nil
}

// progress tells every few seconds how far a command has come, until the returned function is called.
func (b *bench) progress(name string) func() {
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		started := time.Now()
		for ticker := time.NewTicker(5 * time.Second); ; {
			select {
			case <-done:
				ticker.Stop()
				return
			case <-ticker.C:
				say("%s, %d tenants: %d requests in %s", name, b.tenants, b.requests.lines(), time.Since(started).Round(time.Second))
			}
		}
	})
	return func() {
		close(done)
		ended.Wait()
	}
}

// requestLog collects what the sandbox logs.
type requestLog struct {
	guard sync.Mutex
	text  bytes.Buffer
}

// Write implements io.Writer.
func (l *requestLog) Write(line []byte) (int, error) {
	l.guard.Lock()
	defer l.guard.Unlock()
	return l.text.Write(line)
}

func (l *requestLog) forget() {
	l.guard.Lock()
	defer l.guard.Unlock()
	l.text.Reset()
}

func (l *requestLog) lines() int {
	l.guard.Lock()
	defer l.guard.Unlock()
	return bytes.Count(l.text.Bytes(), []byte("\n"))
}

func (l *requestLog) read() ([]sandbox.Request, error) {
	l.guard.Lock()
	defer l.guard.Unlock()
	return sandbox.ReadLog(bytes.NewReader(l.text.Bytes()))
}
