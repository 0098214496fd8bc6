// Command sandbox runs Microsoft 365 tenants on this machine, for trying the provider out and for its tests: sign-in,
// Microsoft Graph and Exchange Online behind one HTTPS origin on the loopback interface.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	switch err := run(ctx, os.Args[1:], os.Stdout); {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

// settings are the command line.
type settings struct {
	options        sandbox.Options
	envFile        string
	interopEnvFile string
	logFile        string
	historyFile    string
	stateFile      string
}

func parse(args []string, out io.Writer) (settings, error) {
	var set settings
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&set.options.Listen, "listen", "127.0.0.1:0",
		"loopback `address` to listen on; port 0 takes a free one")
	flags.IntVar(&set.options.Tenants, "tenants", 1, "`number` of tenants")
	flags.StringVar(&set.options.Gate, "gate", "unset",
		"EWS `gate` of the tenants' Exchange: unset, where every app gets in; false, where none does; listed, where those "+
			"on the list do, which names another company's app; empty, where the list names none; mixed, where the first four "+
			"tenants have one of each and the rest are unset")
	flags.StringVar(&set.options.Profile, "profile", "instant",
		"how the tenants behave: the `profile` instant, where every write is seen at once; realistic, where replicas, "+
			"lists and tokens lag behind; hostile, where requests are throttled, fail and get lost at random; degraded, where "+
			"both happen together, with lags drawn from the seed")
	flags.Float64Var(&set.options.Speed, "speed", 1,
		"how many `times` sooner than in reality a write is seen everywhere, in the profiles realistic and degraded")
	flags.Uint64Var(&set.options.Seed, "seed", 0,
		"`number` that seeds everything that happens by chance; 0 draws one")
	flags.DurationVar(&set.options.Latency, "latency", 0, "`time` added to every request, such as 80ms")
	flags.StringVar(&set.envFile, "env-file", "",
		"`file` to write for a shell to source, for the provider; with two more next to it")
	flags.StringVar(&set.interopEnvFile, "foreign-env-file", "",
		"`file` to write like -env-file, with what other programs need, such as the azuread provider")
	flags.StringVar(&set.logFile, "log", "", "`file` to append one line of JSON to for each request")
	flags.StringVar(&set.historyFile, "history", "",
		"`file` to write the history of requests to when the sandbox ends, as text: who asked for what, and how it was "+
			"answered")
	flags.StringVar(&set.stateFile, "state", "",
		"`file` to write what the tenants hold to, at the beginning and when the sandbox ends")
	if err := flags.Parse(args); err != nil {
		return settings{}, err
	}
	switch {
	case flags.NArg() > 0:
		return settings{}, fmt.Errorf("%q is not a flag; the sandbox takes no other arguments", flags.Arg(0))
	case set.options.Tenants < 1:
		return settings{}, fmt.Errorf("-tenants %d: there must be at least one", set.options.Tenants)
	}
	return set, nil
}

// run serves until the context ends. The files that it wrote stay.
func run(ctx context.Context, args []string, out io.Writer) (failure error) {
	set, err := parse(args, out)
	if err != nil {
		return err
	}
	if set.logFile != "" {
		log, err := os.OpenFile(set.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("opening the log: %w", err)
		}
		defer func() { failure = errors.Join(failure, log.Close()) }()
		set.options.Log = log
	}
	server, err := sandbox.Start(set.options)
	if err != nil {
		return err
	}
	defer func() { failure = errors.Join(failure, server.Close()) }()
	// At the end alone, a path that cannot be written would cost whatever was done until then.
	if err := errors.Join(writeState(server, set.stateFile), writeHistory(server, set.historyFile)); err != nil {
		return err
	}
	if err := announce(server, set, out); err != nil {
		return err
	}
	<-ctx.Done()
	return errors.Join(writeState(server, set.stateFile), writeHistory(server, set.historyFile))
}

// announce writes the environment files and tells what to do with them.
func announce(server *sandbox.Server, set settings, out io.Writer) error {
	if set.envFile != "" {
		if err := server.WriteEnvFile(set.envFile); err != nil {
			return err
		}
	}
	if set.interopEnvFile != "" {
		if err := server.WriteInteropEnvFile(set.interopEnvFile); err != nil {
			return err
		}
	}
	tenants := server.TenantsJSON().Tenants
	fmt.Fprintf(out, "The sandbox serves %d tenant(s) at %s\n", len(tenants), server.Origin())
	for i, tenant := range tenants {
		if i == maxListed {
			fmt.Fprintf(out, "  and %d more\n", len(tenants)-i)
			break
		}
		gate := ""
		if set.options.Gate == "mixed" {
			gate = ", EWS gate " + tenant.Gate
		}
		fmt.Fprintf(out, "  %s  %s (%s)%s\n", tenant.TenantID, tenant.DisplayName, tenant.Domain, gate)
	}
	switch {
	case set.envFile != "":
		fmt.Fprintf(out, "In another shell, for the provider:  %s\n", sandbox.SourceCommand(set.envFile))
	case set.interopEnvFile == "":
		fmt.Fprintln(out, "Start it with -env-file sandbox.env to get the variables that the provider needs.")
	}
	if set.interopEnvFile != "" {
		fmt.Fprintf(out, "In another shell, for other programs:  %s\n", sandbox.SourceCommand(set.interopEnvFile))
	}
	if profile := set.options.Profile; profile != "instant" {
		fmt.Fprintf(out, "The profile is %s. Its seed is %d: -seed %d draws the same lags and faults again.\n", profile,
			server.Seed(), server.Seed())
	}
	fmt.Fprintf(out, "What the tenants hold:  %s/_sandbox/tenants\n", server.Origin())
	fmt.Fprintf(out, "Who asked for what, and how it was answered:  %s/_sandbox/history\n", server.Origin())
	fmt.Fprintf(out,
		"To play Microsoft's second wave:  curl --cacert \"$CODETWO_CA_CERTIFICATE_PATH\" -X PATCH -d '{\"second_wave\": "+
			"true}' %s/_sandbox/tenants/$ARM_TENANT_ID/exchange\n", server.Origin())
	fmt.Fprintf(out, "Exchange's EWS gate %s. ", gateSentences[cmp.Or(set.options.Gate, "unset")])
	fmt.Fprintln(out, "Ctrl-C ends the sandbox, and with it all that was made in it.")
	return nil
}

// gateSentences say what is true of Exchange's EWS gate by the value of -gate.
var gateSentences = map[string]string{
	"unset":  "is unset, so every app gets in until Microsoft's second wave",
	"false":  "is False, so no app gets in",
	"listed": "is True, so the listed apps get in; the list names another company's app alone",
	"empty":  "is True with an empty list, so no app gets in",
	"mixed":  "is one of each in the first four tenants (unset, false, listed, empty), and unset in any further one",
}

const maxListed = 10

// writeHistory writes the requests as text, unless the path is empty.
func writeHistory(server *sandbox.Server, path string) error {
	if path == "" {
		return nil
	}
	var text bytes.Buffer
	if err := sandbox.WriteHistory(&text, server.History()); err != nil {
		return err // writing into memory does not fail
	}
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		return fmt.Errorf("writing the history: %w", err)
	}
	return nil
}

// writeState writes what the tenants hold, unless the path is empty.
func writeState(server *sandbox.Server, path string) error {
	if path == "" {
		return nil
	}
	state, err := json.MarshalIndent(server.State(), "", "  ")
	if err != nil {
		return fmt.Errorf("writing the state as JSON: %w", err)
	}
	if err := os.WriteFile(path, append(state, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the state: %w", err)
	}
	return nil
}
