package renewtest

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"
)

var kills = flag.Int("kills", 60, "how many renewals are killed; a quarter of them with -short")

// failedCode is the exit code of a renewal that failed: Windows gives 1 to a process that is killed.
const failedCode = 3

// folderVariable names the store that this test binary, started again, renews.
const folderVariable = "RENEWTEST_FOLDER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(folderVariable); dir != "" {
		fmt.Fprintln(os.Stdout, "ready") // the killer waits for it
		if _, err := renew(context.Background(), placeOf(dir)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(failedCode)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// killed starts a renewal, kills it after a while, and reports whether it was killed before it ended.
func killed(t *testing.T, dir string, after time.Duration) bool {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), folderVariable+"="+dir)
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	_, err = out.Read(make([]byte, len("ready")))
	must(t, err)
	<-time.After(after) // the random moment
	must(t, command.Process.Kill())
	err = command.Wait()
	if command.ProcessState.ExitCode() == failedCode {
		t.Errorf("the renewal ended with %v", err)
	}
	return err != nil
}

// TestARenewalThatIsKilledAgainAndAgainIsFinishedAndLosesNothing kills renewals at random moments. What is left is
// always refused by Terraform's runs, or is one store or the other; and the last run finishes it.
func TestARenewalThatIsKilledAgainAndAgainIsFinishedAndLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.beginCheaply(t)
	whole := time.Now()
	dir := copyOf(t, w.dir)
	killed(t, dir, 0)
	_, err := renew(t.Context(), placeOf(dir))
	must(t, err)
	longest := time.Since(whole)

	wanted := *kills
	if testing.Short() {
		wanted /= 4
	}
	count, cut := 0, 0
	for count < wanted {
		dir := copyOf(t, w.dir)
		for range 1 + rand.IntN(6) {
			count++
			if !killed(t, dir, rand.N(longest)) {
				break
			}
			if pending(t, dir) {
				cut++
			}
		}
		if _, err := renew(t.Context(), placeOf(dir)); err != nil {
			t.Errorf("after %d kills: %v", count, err)
		}
		w.isRenewed(t, dir)
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("of %d kills, %d left the renewal unfinished", count, cut)
	if cut < wanted/4 {
		t.Errorf("only %d of %d kills came in the middle", cut, count)
	}
}
