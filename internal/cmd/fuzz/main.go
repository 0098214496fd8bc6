// Command fuzz runs the fuzz targets of packages, one after the other, and reports what each has done.
//
//	fuzz [-time 10s] [-minimize 10x] [-target REGEXP] [PACKAGE ...]
//
// Each PACKAGE is a pattern of the go command; without one, ./... is meant. The last lines are a table of the targets.
// The exit status is 1 if a target failed or a package does not build. A failing input is kept in the package's
// testdata/fuzz, and the output says how to replay it. Running out of time is not a failure.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

func command(ctx context.Context, arguments []string) error {
	flags := flag.NewFlagSet("fuzz", flag.ExitOnError)
	limit := flags.String("time", "10s", "how `long` to run each target: a duration, or a number of executions (100000x)")
	// The engine's own limit is a minute, and nothing else is tried while an input is minimized.
	minimize := flags.String("minimize", "10x", "how `long` to minimize each input: a duration, or a number of executions")
	target := flags.String("target", "", "run the targets whose names match this `regexp`")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	chosen, err := regexp.Compile(*target)
	if err != nil {
		return err
	}
	cache, err := cacheFolder(ctx)
	if err != nil {
		return err
	}
	patterns := flags.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	return fuzzer{folder: ".", cache: cache, limit: *limit, minimize: *minimize, out: os.Stdout}.
		fuzz(ctx, patterns, chosen)
}
