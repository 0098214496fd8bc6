// Command terraform-provider-codetwo is the Terraform provider for the target tenants of CodeTwo Office 365 Migration.
// Started by an operator with a command (see package command), it runs that instead of serving Terraform.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/command"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/provider"
)

// version is set when a release is built.
var version = "dev"

func main() {
	var debug bool
	flag.BoolVar(&debug, "debug", false,
		"serve to a debugger: print what Terraform needs to attach, and go on until interrupted")
	getenv, err := provider.TakeEnvironment(os.Environ(), os.Unsetenv)
	if err != nil {
		log.Fatal(err)
	}
	if arguments := os.Args[1:]; command.Is(arguments) {
		os.Exit(runCommand(arguments, getenv))
	}
	flag.Parse()
	provider.BoundMemory(getenv, time.Tick(time.Second))
	if !debug {
		if err := provider.QuietLibraries(os.Environ(), os.Setenv); err != nil {
			log.Fatal(err)
		}
	}
	err = providerserver.Serve(context.Background(), provider.New(version, getenv), providerserver.ServeOpts{
		Address:         "registry.terraform.io/codetwo-community/codetwo",
		ProtocolVersion: 6,
		Debug:           debug,
	})
	if err != nil {
		log.Fatal(err)
	}
}

func runCommand(arguments []string, getenv func(string) string) (status int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return command.Run(ctx, arguments, getenv, os.Stdout, os.Stderr)
}
