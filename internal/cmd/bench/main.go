// Command bench measures the provider's requests, run time and CPU use through the real CLI, for one tenant and for
// many, and compares the run time with what the network alone would take. The tenants are the sandbox's, which delays
// every response by a fixed latency. It has no pass or fail: it prints a table and writes the same as JSON.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/terraformcli"
)

// settings are what the command line says.
type settings struct {
	cli         string
	tenants     []int
	profiles    []string
	latency     time.Duration
	parallelism int
	backend     string
	mirror      string
	out         string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var s settings
	var tenants, profiles string
	flag.StringVar(&s.cli, "cli", "terraform", "`path` of the Terraform or OpenTofu CLI")
	flag.StringVar(&tenants, "tenants", "1,20,200", "how many tenants, one run for each `number`")
	flag.StringVar(&profiles, "profiles", "instant,realistic", "the sandbox's `profiles`, separated by commas")
	flag.DurationVar(&s.latency, "latency", 80*time.Millisecond, "how much later each request is answered")
	flag.IntVar(&s.parallelism, "parallelism", 50, "Terraform's -parallelism")
	flag.StringVar(&s.backend, "backend", httpBackend,
		"where the state is: http, served by this program, as one that is shared; local, a file of which the CLI writes "+
			"the whole for each change of a resource")
	flag.StringVar(&s.mirror, "mirror", impliedMirror(),
		"`folder` with the providers hashicorp/azuread, tls and local, as terraform providers mirror lays it out; where "+
			"they are, the same work is measured with them, too")
	flag.StringVar(&s.out, "out", filepath.Join(".cache", "bench.json"), "`file` for the figures as JSON")
	flag.Parse()
	s.profiles = strings.Split(profiles, ",")
	var err error
	for _, text := range strings.Split(tenants, ",") {
		number, parseErr := strconv.Atoi(text)
		if parseErr != nil || number < 1 {
			err = fmt.Errorf("-tenants %s: %q is not a number of tenants", tenants, text)
			break
		}
		s.tenants = append(s.tenants, number)
	}
	if err == nil && s.backend != httpBackend && s.backend != localBackend {
		err = fmt.Errorf("-backend %s: it is http or local", s.backend)
	}
	if err == nil && s.latency <= 0 {
		err = fmt.Errorf("-latency %s: the ideal is made of it, so it has to be above zero", s.latency)
	}
	if err == nil {
		err = run(ctx, s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// report is what the JSON file holds.
type report struct {
	Started     time.Time     `json:"started"`
	CLI         string        `json:"cli"`
	CPUs        int           `json:"cpus"`
	Latency     time.Duration `json:"latency_ns"`
	Parallelism int           `json:"parallelism"`
	Backend     string        `json:"backend"`
	Costs       costs         `json:"costs"`
	Figures     []figures     `json:"figures"`
}

// run measures every profile with every number of tenants, and prints each result at once.
func run(ctx context.Context, s settings) error {
	work, err := os.MkdirTemp("", "codetwo-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	say("building the provider")
	config, err := terraformcli.Install(ctx, ".", work)
	if err != nil {
		return err
	}
	subjects := []subject{ourselves(config, work)}
	competitor, missing, err := competitors(s.mirror, work)
	switch {
	case err != nil:
		return err
	case len(missing) > 0:
		say("no side-by-side: %s lacks %s", s.mirror, strings.Join(missing, ", "))
	default:
		subjects = append(subjects, competitor)
	}
	banner, err := (&terraformcli.CLI{Path: s.cli, Folder: work, Environment: terraformcli.Environment(config)}).Run(ctx,
		"version")
	if err != nil {
		return err
	}
	r := report{Started: time.Now().UTC(), CPUs: runtime.NumCPU(), Latency: s.latency, Parallelism: s.parallelism,
		Backend: s.backend}
	r.CLI, _, _ = strings.Cut(banner, "\n")
	say("making keys, to know what one takes")
	if r.Costs, err = measureCosts(ctx, "file://"+filepath.ToSlash(filepath.Join(work, "store"))); err != nil {
		return err
	}
	states, err := startStateStore()
	if err != nil {
		return err
	}
	defer func() { _ = states.Close() }()
	fmt.Printf("%s, %d CPUs, latency %s, -parallelism=%d, backend %s\n", r.CLI, r.CPUs, s.latency, s.parallelism,
		s.backend)
	fmt.Printf("CPU of one key: %s; of opening the store with its passphrase: %s\n", r.Costs.Key.Round(time.Millisecond),
		r.Costs.Unlock.Round(time.Millisecond))
	for _, profile := range s.profiles {
		for _, tenants := range s.tenants {
			for i, subject := range subjects {
				b := &bench{settings: s, subject: subject, costs: r.Costs, profile: profile, tenants: tenants, states: states}
				b.folder = filepath.Join(work, fmt.Sprintf("%s-%d-%d", profile, tenants, i))
				measured, err := b.run(ctx)
				if err != nil {
					return fmt.Errorf("%s, %d tenants, profile %s: %w", subject.name, tenants, profile, err)
				}
				r.Figures = append(r.Figures, measured...)
			}
		}
		printGrowth(os.Stdout, profile, r.Figures)
		printComparison(os.Stdout, profile, r.Figures)
	}
	content, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(s.out), 0o700); err != nil {
		return err
	}
	fmt.Printf("\nThe figures as JSON: %s\n", s.out)
	return os.WriteFile(s.out, append(content, '\n'), 0o600)
}

// say tells on standard error what is being done, so that standard output holds the tables alone.
func say(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, "… "+format+"\n", arguments...)
}
