package store

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// storeToWrite, set in the environment, turns this test binary into a run that writes one record until it is killed.
const storeToWrite = "WRITE_TO_STORE_UNTIL_KILLED"

func TestMain(m *testing.M) {
	if dir := os.Getenv(storeToWrite); dir != "" {
		writeUntilKilled(dir)
	}
	os.Exit(m.Run())
}

func writeUntilKilled(dir string) {
	s, err := Open(fileURL(dir), "")
	for i := 0; err == nil; i++ {
		c := withCertificate()
		c.Name = strings.Repeat(fmt.Sprint(i%10), 100_000)
		_, err = s.UpdateConnection(context.Background(), c, nil)
		fmt.Fprintln(os.Stdout, "written", err)
	}
	os.Exit(1)
}

func TestRunKilledWhileItWritesLeavesTheOldRecordOrTheNewOne(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, "")
	_, err := s.CreateConnection(t.Context(), withCertificate(), "")
	must(t, err)
	for round := range 20 {
		run := exec.CommandContext(t.Context(), os.Args[0])
		run.Env = append(os.Environ(), storeToWrite+"="+dir)
		out, err := run.StdoutPipe()
		must(t, err)
		must(t, run.Start())
		lines := bufio.NewReader(out)
		for range round + 1 {
			if line, err := lines.ReadString('\n'); err != nil || line != "written <nil>\n" {
				t.Fatalf("%q, %v", line, err)
			}
		}
		must(t, run.Process.Kill())
		_, _ = io.Copy(io.Discard, lines)
		_ = run.Wait()

		c, err := s.Connection(t.Context(), tenant, mailbox)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if strings.Trim(c.Name, c.Name[:1]) != "" || len(c.Name) != 100_000 {
			t.Fatalf("round %d: a mixture of two records", round)
		}
	}
}
