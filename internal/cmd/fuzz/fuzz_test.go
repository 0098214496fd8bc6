package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// module writes a Go module, and returns what fuzzes it for a number of executions, and what is printed.
func module(t *testing.T, files map[string]string) (fuzzer, *strings.Builder) {
	t.Helper()
	folder := t.TempDir()
	files["go.mod"] = "module example.com/fuzzed\n\ngo 1.26\n"
	for name, content := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out := new(strings.Builder)
	return fuzzer{folder: folder, cache: t.TempDir(), limit: "2000x", minimize: "10x", out: out}, out
}

// target is a test file with one fuzz target, whose function has this body.
func target(name, body string) string {
	return "package fuzzed\n\nimport \"testing\"\n\nfunc " + name + "(f *testing.F) {\n\tf.Add([]byte(\"seed\"))\n" +
		"\tf.Fuzz(func(t *testing.T, b []byte) {\n" + body + "\n\t})\n}\n"
}

func fuzzAll(t *testing.T, f fuzzer, chosen string) error {
	t.Helper()
	return f.fuzz(t.Context(), []string{"./..."}, regexp.MustCompile(chosen))
}

func TestEveryTargetHasARowWithWhatItHasDone(t *testing.T) {
	f, out := module(t, map[string]string{
		"a/a_test.go": target("FuzzOne", "") + "\nfunc FuzzTwo(f *testing.F) { f.Fuzz(func(*testing.T, int) {}) }\n",
		"b/b_test.go": strings.Replace(target("FuzzThree", ""), "package fuzzed", "package fuzzed_test", 1),
		"c/c_test.go": target("TestNoTarget", ""),
		"d/d.go":      "package fuzzed\n",
	})
	if err := os.Remove(filepath.Join(f.folder, "c/c_test.go")); err != nil {
		t.Fatal(err)
	}
	if err := fuzzAll(t, f, ""); err != nil {
		t.Fatal(err)
	}
	for _, row := range []string{`\./a FuzzOne`, `\./a FuzzTwo`, `\./b FuzzThree`} {
		if !regexp.MustCompile(`(?m)^ +2\d{3} +\d+ +\d+ +\d+ +ok +` + row + `$`).MatchString(out.String()) {
			t.Errorf("no row for %s:\n%s", row, out)
		}
	}
	if !strings.Contains(out.String(), "fuzz: elapsed: ") {
		t.Errorf("no progress is shown:\n%s", out)
	}
}

func TestOnlyTheChosenTargetsRun(t *testing.T) {
	f, out := module(t, map[string]string{
		"a_test.go": target("FuzzOne", "") + "\nfunc FuzzTwo(f *testing.F) { f.Fuzz(func(*testing.T, int) {}) }\n",
	})
	if err := fuzzAll(t, f, "Two"); err != nil || strings.Contains(out.String(), "FuzzOne") {
		t.Errorf("%v:\n%s", err, out)
	}
	if err := fuzzAll(t, f, "Three"); err == nil {
		t.Error("fuzzing nothing passes")
	}
}

func TestACrashFailsTheRunAndNamesTheInputThatReplaysIt(t *testing.T) {
	f, out := module(t, map[string]string{
		"a/a_test.go": target("FuzzCrash", "if len(b) > 4 { t.Fatal(\"too long for me\") }"),
		"b/b_test.go": target("FuzzFine", ""),
	})
	if err := fuzzAll(t, f, ""); err == nil || !strings.Contains(err.Error(), "1 of 2 targets failed") {
		t.Fatalf("the error is %v:\n%s", err, out)
	}
	input := regexp.MustCompile(`(?m)^input: \./(a/testdata/fuzz/FuzzCrash/\w+)$`).FindStringSubmatch(out.String())
	replay := regexp.MustCompile(`(?m)^replay: go test -run '(\S+)' (\./a)$`).FindStringSubmatch(out.String())
	if input == nil || replay == nil || !strings.Contains(out.String(), "too long for me") ||
		!regexp.MustCompile(`(?m) FAILED +\./a FuzzCrash$`).MatchString(out.String()) ||
		!regexp.MustCompile(`(?m) ok +\./b FuzzFine$`).MatchString(out.String()) {
		t.Fatalf("printed:\n%s", out)
	}
	if _, err := os.Stat(filepath.Join(f.folder, input[1])); err != nil {
		t.Error(err)
	}
	again := exec.CommandContext(t.Context(), "go", "test", "-run", replay[1], replay[2])
	again.Dir = f.folder
	if output, err := again.CombinedOutput(); err == nil || !strings.Contains(string(output), "too long for me") {
		t.Errorf("the replay: %v\n%s", err, output)
	}
}

func TestASeedThatFailsIsNamed(t *testing.T) {
	f, out := module(t, map[string]string{"a_test.go": target("FuzzSeed", "t.Fatal(\"no\")")})
	if err := fuzzAll(t, f, ""); err == nil ||
		!strings.Contains(out.String(), "\nreplay: go test -run '^FuzzSeed/seed#0$' ./.\n") {
		t.Errorf("%v:\n%s", err, out)
	}
}

func TestAProcessThatEndsFailsTheRun(t *testing.T) {
	f, out := module(t, map[string]string{"a_test.go": strings.Replace(
		target("FuzzExit", "if len(b) > 4 { os.Exit(3) }"), `import "testing"`, "import (\n\"os\"\n\"testing\"\n)", 1)})
	if err := fuzzAll(t, f, ""); err == nil || !strings.Contains(out.String(), "\ninput: ") {
		t.Errorf("%v:\n%s", err, out)
	}
}

func TestAPackageThatDoesNotBuildFailsTheRunAndTheOthersRun(t *testing.T) {
	f, out := module(t, map[string]string{
		"a/a_test.go": target("FuzzUnbuilt", "undefined()"),
		"b/b_test.go": target("FuzzFine", ""),
	})
	err := fuzzAll(t, f, "")
	if err == nil || !strings.Contains(err.Error(), "not built: ./a") ||
		!strings.Contains(out.String(), "undefined: undefined") || !strings.Contains(out.String(), "./b FuzzFine") {
		t.Errorf("%v:\n%s", err, out)
	}
	f, out = module(t, map[string]string{"a_test.go": "package fuzzed\n\nfunc FuzzBroken("})
	if err := fuzzAll(t, f, ""); err == nil || !strings.Contains(out.String(), "a_test.go:3") {
		t.Errorf("a syntax error: %v\n%s", err, out)
	}
}

func TestATargetRunsForAsLongAsTold(t *testing.T) {
	f, out := module(t, map[string]string{"a_test.go": target("FuzzFine", "")})
	f.limit = "300ms"
	if err := fuzzAll(t, f, ""); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	f.limit = "soon"
	if err := fuzzAll(t, f, ""); err == nil || !strings.Contains(out.String(), "soon") {
		t.Errorf("%v:\n%s", err, out)
	}
}

// The engine's output was recorded with Go 1.26.
func TestOnlyTheEnginesOwnLimitIsNotAFailure(t *testing.T) {
	const progress = "fuzz: elapsed: 0s, gathering baseline coverage: 0/6 completed\n" +
		"fuzz: elapsed: 0s, gathering baseline coverage: 6/6 completed, now fuzzing with 2 workers\n" +
		"fuzz: elapsed: 0s, execs: 7600 (35239/sec), new interesting: 0 (total: 6)\n"
	const fail = "--- FAIL: FuzzX (0.22s)\n"
	exit := errors.New("exit status 1")
	if got := failureOf(progress+fail+"    context deadline exceeded\nFAIL\n", exit); got != nil {
		t.Errorf("the limit is a failure: %+v", got)
	}
	for _, output := range []string{
		"", "FAIL\n", progress + fail + "FAIL\n",
		progress + fail + "    a_test.go:9: context deadline exceeded\nFAIL\n",
		progress + fail + "    --- FAIL: FuzzX (0.00s)\n        a_test.go:9: context deadline exceeded\n    \n" +
			"    Failing input written to testdata/fuzz/FuzzX/1a2b\n    To re-run:\n    go test -run=FuzzX/1a2b\nFAIL\n",
		progress + fail + "    context deadline exceeded\n    a write failed\nFAIL\n",
		"panic: context deadline exceeded\n",
	} {
		if failureOf(output, exit) == nil {
			t.Errorf("this passes:\n%s", output)
		}
	}
}

func TestATimeThatIsNotMeasuredHasNoRate(t *testing.T) {
	if got := rate(10, 0); got != 0 {
		t.Errorf("the rate is %v", got)
	}
	if got := rate(10, 2*time.Second); got != 5 {
		t.Errorf("the rate is %v", got)
	}
}

func TestATargetWhoseTimeWasUpAtOnceIsNotCalledOk(t *testing.T) {
	var out strings.Builder
	writeTable(&out, []result{{folder: folder{name: "./a"}, target: "FuzzX", wall: time.Second}})
	if !strings.Contains(out.String(), "NOT RUN ./a FuzzX\n") || strings.Contains(out.String(), "ok") {
		t.Errorf("the table is\n%s", out.String())
	}
}
