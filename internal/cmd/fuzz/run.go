package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fuzzer runs fuzz targets.
type fuzzer struct {
	folder   string // in which patterns are looked up
	cache    string // for the engine's interesting inputs
	limit    string // -fuzztime
	minimize string // -fuzzminimizetime
	out      io.Writer
}

// folder is a package with fuzz targets.
type folder struct {
	path    string // its import path
	dir     string
	name    string // the folder as the go command takes it from where the program runs, such as ./internal/guid
	targets []string
}

// result is what a target has done.
type result struct {
	folder      folder
	target      string
	executions  int
	interesting int // inputs that reached new code
	wall, cpu   time.Duration
	failure     *failure // nil: none
}

// cacheFolder returns where go test -fuzz keeps interesting inputs, so that both continue each other's search.
func cacheFolder(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOCACHE: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(output)), "fuzz"), nil
}

// fuzz runs the chosen targets of the packages that the patterns name.
func (f fuzzer) fuzz(ctx context.Context, patterns []string, chosen *regexp.Regexp) error {
	folders, err := f.folders(ctx, patterns, chosen)
	if err != nil {
		return err
	}
	if len(folders) == 0 {
		return errors.New("no package has such a fuzz target")
	}
	binaries, err := os.MkdirTemp("", "fuzz")
	if err != nil {
		return err
	}
	defer os.RemoveAll(binaries)
	var results []result
	var unbuilt []string
	for _, folder := range folders {
		fmt.Fprintf(f.out, "building %s\n", folder.name)
		binary := filepath.Join(binaries, "fuzz.test")
		if err := f.build(ctx, folder, binary); err != nil {
			fmt.Fprintln(f.out, err)
			unbuilt = append(unbuilt, folder.name)
			continue
		}
		for _, target := range folder.targets {
			if ctx.Err() == nil {
				results = append(results, f.run(ctx, folder, target, binary))
			}
		}
	}
	writeTable(f.out, results)
	return errors.Join(ctx.Err(), summary(f.out, results, unbuilt))
}

var targetFunction = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(`)

// folders returns the packages that have chosen targets. Only what belongs to the build on this machine counts.
func (f fuzzer) folders(ctx context.Context, patterns []string, chosen *regexp.Regexp) ([]folder, error) {
	root, err := filepath.Abs(f.folder)
	if err != nil {
		return nil, err
	}
	list := exec.CommandContext(ctx, "go", append([]string{"list", "-json=ImportPath,Dir,TestGoFiles,XTestGoFiles"},
		patterns...)...)
	list.Dir = f.folder
	var problems bytes.Buffer
	list.Stderr = &problems
	output, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, problems.Bytes())
	}
	var folders []folder
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var listed struct {
			ImportPath, Dir           string
			TestGoFiles, XTestGoFiles []string
		}
		if err := decoder.Decode(&listed); errors.Is(err, io.EOF) {
			return folders, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		found := folder{path: listed.ImportPath, dir: listed.Dir, name: listed.ImportPath}
		if below, err := filepath.Rel(root, listed.Dir); err == nil {
			found.name = "./" + filepath.ToSlash(below)
		}
		for _, name := range append(listed.TestGoFiles, listed.XTestGoFiles...) {
			content, err := os.ReadFile(filepath.Join(listed.Dir, name))
			if err != nil {
				return nil, err
			}
			for _, match := range targetFunction.FindAllSubmatch(content, -1) {
				if chosen.Match(match[1]) {
					found.targets = append(found.targets, string(match[1]))
				}
			}
		}
		if slices.Sort(found.targets); len(found.targets) > 0 {
			folders = append(folders, found)
		}
	}
}

// build compiles a package's tests for fuzzing: once for all targets, and apart from their CPU time.
func (f fuzzer) build(ctx context.Context, folder folder, binary string) error {
	build := exec.CommandContext(ctx, "go", "test", "-c", "-fuzz", "^Fuzz", "-o", binary, folder.path)
	build.Dir = f.folder
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%s%w", output, err)
	}
	return nil
}

// run fuzzes one target.
func (f fuzzer) run(ctx context.Context, folder folder, target, binary string) result {
	fmt.Fprintf(f.out, "%s %s\n", folder.name, target)
	program := exec.CommandContext(ctx, binary, "-test.paniconexit0", "-test.run=^$", "-test.fuzz=^"+target+"$",
		"-test.fuzztime="+f.limit, "-test.fuzzminimizetime="+f.minimize,
		"-test.fuzzcachedir="+filepath.Join(f.cache, filepath.FromSlash(folder.path)))
	program.Dir = folder.dir
	program.Cancel = func() error { return program.Process.Signal(os.Interrupt) }
	program.WaitDelay = 10 * time.Second
	read, write := io.Pipe()
	program.Stdout, program.Stderr = write, write
	done := result{folder: folder, target: target}
	var output strings.Builder
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		for lines := bufio.NewReader(read); ; {
			line, err := lines.ReadString('\n')
			output.WriteString(line)
			if done.progress(line) {
				fmt.Fprint(f.out, line)
			}
			if err != nil {
				return
			}
		}
	}()
	start := time.Now()
	err := program.Run()
	done.wall = time.Since(start)
	_ = write.Close()
	<-finished
	if program.ProcessState != nil {
		done.cpu = program.ProcessState.UserTime() + program.ProcessState.SystemTime() // of its workers, too
	}
	if err != nil && ctx.Err() == nil {
		done.failure = failureOf(output.String(), err)
	}
	return done
}

var progressLine = regexp.MustCompile(`^fuzz: elapsed: .*execs: (\d+) .*new interesting: (\d+)`)

// progress takes the numbers from a line of the engine's progress, and reports whether the line is one.
func (r *result) progress(line string) bool {
	match := progressLine.FindStringSubmatch(line)
	if match == nil {
		return false
	}
	r.executions, _ = strconv.Atoi(match[1]) // digits alone
	r.interesting, _ = strconv.Atoi(match[2])
	return true
}
