package main

import (
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// figures are what one operation on all tenants took.
type figures struct {
	Subject   string `json:"subject"`
	Operation string `json:"operation"`
	Profile   string `json:"profile"`
	Tenants   int    `json:"tenants"`

	Requests    int `json:"requests"`    // sign-in, Graph and Exchange
	SignIn      int `json:"sign_in"`     // of them
	PerTenant   int `json:"per_tenant"`  // the most of one tenant
	GraphChain  int `json:"graph_chain"` // requests to Graph in sequence, the most of one tenant
	Chain       int `json:"chain"`       // all in sequence, the most of one tenant
	Chains      int `json:"chains"`      // the same, of all tenants together
	Connections int `json:"connections"` // that carried them
	// before repetitions of a request, in the tenant that waited longest
	Waited time.Duration `json:"waited_ns"`
	Failed map[int]int   `json:"failed,omitzero"` // answers of 400 and above
	Wall   time.Duration `json:"wall_ns"`         // of the CLI, from start to end
	// of the CLI with as many resources, and of processes that start; see baseline
	Baseline time.Duration `json:"baseline_ns"`
	Ideal    time.Duration `json:"ideal_ns"`  // see judge
	Ratio    float64       `json:"ratio"`     // Wall ÷ Ideal
	OwnRatio float64       `json:"own_ratio"` // (Wall − Baseline) ÷ Ideal

	Processes    int           `json:"processes"`       // of the provider, one after the other
	ProviderCPU  time.Duration `json:"provider_cpu_ns"` // of all of them
	ProviderPeak int           `json:"provider_peak_kib"`
	// per resource or data source, without what starting takes and without the cryptography
	OperationCPU time.Duration `json:"operation_cpu_ns"`
	CLICPU       time.Duration `json:"cli_cpu_ns"`     // on the same CPUs as the provider's
	SandboxCPU   time.Duration `json:"sandbox_cpu_ns"` // likewise, which a real tenant has elsewhere
}

// count reads the log. Requests of one tenant wait for each other; tenants do not.
func (f *figures) count(requests []sandbox.Request) {
	f.Failed = map[int]int{}
	connections := map[string]bool{}
	tenants := map[string][]sandbox.Request{}
	for _, request := range requests {
		f.Requests++
		connections[request.Connection] = true
		tenants[request.TenantID] = append(tenants[request.TenantID], request)
		if strings.Contains(request.Path, "/oauth2/") || strings.Contains(request.Path, "/.well-known/") ||
			strings.Contains(request.Path, "/discovery/") {
			f.SignIn++
		}
		if request.Status >= 400 {
			f.Failed[request.Status]++
		}
	}
	f.Connections = len(connections)
	for _, own := range tenants {
		f.PerTenant = max(f.PerTenant, len(own))
		chain := sandbox.Chain(own)
		f.Chain, f.Chains = max(f.Chain, len(chain)), f.Chains+len(chain)
		f.Waited = max(f.Waited, waited(chain))
		graph := slices.DeleteFunc(slices.Clone(own), func(request sandbox.Request) bool {
			return !strings.HasPrefix(request.Path, "/v1.0/")
		})
		f.GraphChain = max(f.GraphChain, len(sandbox.Chain(graph)))
	}
}

// waited is the time between a request of a chain and its repetition: throttling, and looking again for what Entra does
// not show yet.
func waited(chain []sandbox.Request) time.Duration {
	var sum time.Duration
	for i := 1; i < len(chain); i++ {
		same := chain[i].Method == chain[i-1].Method && chain[i].Path == chain[i-1].Path &&
			slices.EqualFunc(chain[i].Parts, chain[i-1].Parts,
				func(a, b sandbox.Part) bool { return a.Method == b.Method && a.Path == b.Path })
		if same {
			sum += chain[i].Time.Sub(chain[i-1].Ended())
		}
	}
	return sum
}

// judge compares with the ideal: the requests that wait for each other, at the latency, as many tenants at a time as
// Terraform walks; what was waited for; and the cryptography, on all CPUs.
func (f *figures) judge(b *bench, baseline figures, own work) {
	atATime := min(b.parallelism, f.Tenants)
	keys, unlocks := time.Duration(own.keys)*b.costs.Key, time.Duration(own.unlocks)*b.costs.Unlock
	f.Baseline = baseline.Wall
	f.Ideal = time.Duration(f.Chains)*b.latency/time.Duration(
		atATime) + f.Waited + keys/time.Duration(min(max(own.keys, 1), runtime.NumCPU())) + unlocks
	f.Ratio = float64(f.Wall) / float64(f.Ideal)
	f.OwnRatio = float64(f.Wall-f.Baseline) / float64(f.Ideal)
	f.OperationCPU = (f.ProviderCPU - baseline.ProviderCPU - keys - unlocks) / time.Duration(f.Tenants*own.objects)
}

const row = "%-29s %8v %7v %6v %7v %7v %6v %6v %5v %9v %8v %6v %6v %8v\n"

func printHeading(w io.Writer, b *bench) {
	fmt.Fprintf(w, "\n%s, %d tenants, profile %s\n", b.name, b.tenants, b.profile)
	// the last but one are of CPU time
	fmt.Fprintf(w, row, "", "requests", "tenant", "chain", "wall s", "CLI s", "ideal", "ratio", "own", "provider",
		"per op.", "CLI", "sandb.", "peak MB")
}

func printFigures(w io.Writer, f figures) {
	fmt.Fprintf(w, row, f.Operation, f.Requests, f.PerTenant, f.Chain, seconds(f.Wall), seconds(f.Baseline),
		seconds(f.Ideal), fmt.Sprintf("%.2f", f.Ratio), fmt.Sprintf("%.2f", f.OwnRatio),
		seconds(f.ProviderCPU)+" s", fmt.Sprint(f.OperationCPU.Milliseconds(), " ms"), seconds(f.CLICPU),
		seconds(f.SandboxCPU), f.ProviderPeak*1024/1e6)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) }

// printGrowth prints what a tenant costs among many, as a multiple of what it costs among fewer, apart from what the
// CLI takes by itself.
func printGrowth(w io.Writer, profile string, all []figures) {
	cost := func(f figures) float64 { return float64(f.Wall-f.Baseline) / float64(f.Tenants) }
	for _, many := range all {
		for _, few := range all {
			if few.Profile == profile && many.Profile == profile && few.Subject == many.Subject &&
				few.Operation == many.Operation && few.Tenants > 1 && few.Tenants < many.Tenants {
				fmt.Fprintf(w, "%s, %s: one of %d tenants takes %.2f × one of %d\n", many.Subject, many.Operation, many.Tenants,
					cost(many)/cost(few), few.Tenants)
			}
		}
	}
}

// printComparison prints what the same work takes the others, as a multiple of what it takes us.
func printComparison(w io.Writer, profile string, all []figures) {
	for _, ours := range all {
		for _, theirs := range all {
			if ours.Subject == codetwo && theirs.Subject != codetwo && ours.Profile == profile && theirs.Profile == profile &&
				ours.Operation == theirs.Operation && ours.Tenants == theirs.Tenants {
				fmt.Fprintf(w, "%s of %d tenants: %s takes %.1f × the time of %s, %.1f × the requests\n", ours.Operation,
					ours.Tenants, theirs.Subject,
					float64(theirs.Wall)/float64(ours.Wall), codetwo, float64(theirs.Requests)/float64(ours.Requests))
			}
		}
	}
}
