package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

const passphrase = "an unguessable passphrase for a benchmark"

// bench is one run: a sandbox of its own, with so many tenants.
type bench struct {
	settings
	subject
	folder  string // everything of this run
	profile string
	tenants int
	costs   costs
	states  *stateStore

	server   *sandbox.Server
	requests *requestLog
	cli      *terraformcli.CLI
	watch    *watch
}

// run measures the operations in the order of a migration.
func (b *bench) run(ctx context.Context) ([]figures, error) {
	b.requests = &requestLog{}
	var err error
	b.server, err = sandbox.Start(sandbox.Options{Tenants: b.tenants, Profile: b.profile, Latency: b.latency,
		Log: b.requests})
	if err != nil {
		return nil, err
	}
	defer func() { _ = b.server.Close() }()
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	baseline, err := b.baseline(ctx)
	if err != nil {
		return nil, err
	}
	printHeading(os.Stdout, b)
	var all []figures
	for _, operation := range b.operations(b) {
		if operation.before != nil {
			if err := operation.before(ctx); err != nil {
				return all, fmt.Errorf("preparing %s: %w", operation.name, err)
			}
		}
		if err := b.configure(ctx, b, b.tenants, operation.connectivity); err != nil {
			return all, err
		}
		measured, err := b.measure(ctx, operation.name, b.command(operation.command))
		if err != nil {
			return all, err
		}
		measured.judge(b, baseline[operation.own.kind], operation.own)
		printFigures(os.Stdout, measured)
		all = append(all, measured)
	}
	return all, nil
}

// command is a command line of the CLI.
func (b *bench) command(name string) []string {
	arguments := []string{name, "-no-color", "-input=false", fmt.Sprintf("-parallelism=%d", b.parallelism)}
	if name == "plan" {
		return append(arguments, "-detailed-exitcode") // nothing may change
	}
	return append(arguments, "-auto-approve")
}

// prepare writes the configuration, and initialises it.
func (b *bench) prepare(ctx context.Context) error {
	work := filepath.Join(b.folder, "work")
	if err := os.MkdirAll(work, 0o700); err != nil {
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
	for _, variable := range b.environment(b.server, envFile+".ca.pem", envFile+".tenants.json") {
		variables = append(variables, variable.Name+"="+variable.Value)
	}
	b.cli = &terraformcli.CLI{Path: b.settings.cli, Folder: work,
		Environment: terraformcli.Environment(b.config, variables...)}
	b.watch = &watch{below: []string{b.providers, b.folder}} // packed ones are unpacked into the CLI's folder
	if err := makeStore(ctx, b.storeURL()); err != nil {     // whose first use is not part of what one tenant takes
		return err
	}
	return b.initialise(ctx, nil)
}

// initialise makes the CLI's folder ready, with a configuration of no tenant and with more files.
func (b *bench) initialise(ctx context.Context, more map[string][]byte) error {
	if err := b.write(more); err != nil {
		return err
	}
	if err := b.configure(ctx, b, 0, false); err != nil {
		return err
	}
	if err := b.states.use(b.cli.Folder, b.backend); err != nil {
		return err
	}
	_, err := b.cli.Run(ctx, "init", "-no-color", "-input=false")
	return err
}

func (b *bench) storeURL() string {
	return "file://" + filepath.ToSlash(filepath.Join(b.folder, "store"))
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
	spent := b.watch.stop()
	if err != nil {
		return figures{}, err
	}
	requests, err := b.requests.read()
	if err != nil {
		return figures{}, err
	}
	measured := figures{Subject: b.name, Operation: name, Profile: b.profile, Tenants: b.tenants, Wall: wall,
		ProviderCPU: spent.provider, CLICPU: spent.cli, SandboxCPU: spent.sandbox, ProviderPeak: spent.peak,
		Processes: spent.processes}
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
				say("%s, %d tenants: %d requests in %s", name, b.tenants, b.requests.lines(),
					time.Since(started).Round(time.Second))
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
