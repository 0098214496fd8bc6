package folder

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

// A test that needs processes of their own starts this test binary again with one of these roles in the environment.
const (
	roleVariable = "FOLDER_TEST_ROLE"
	taskVariable = "FOLDER_TEST_TASK"
)

var (
	kills  = flag.Int("kills", 240, "how many runs are killed while they write; a sixth of them with -short")
	racers = flag.Int("racers", 32, "how many processes race for a file")
	rounds = flag.Int("rounds", 25, "how many files they race for")
)

var roles = map[string]func(task, *bufio.Scanner, *json.Encoder) error{
	"racer":  race,
	"writer": writeUntilKilled,
}

// task is what a process is told at its start.
type task struct {
	Root      string
	Seed      uint64
	Name      string // of the process
	NoNewName bool   // as where the system cannot rename to a free name only
	User      int    // Unix: whom it runs as, if not 0
	Group     int    // Unix: the user's second group; 0 for none
	Umask     int    // Unix: if not 0
}

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	if role == "" {
		os.Exit(m.Run())
	}
	var what task
	err := json.Unmarshal([]byte(os.Getenv(taskVariable)), &what)
	if err == nil {
		err = become(what)
	}
	if what.NoNewName {
		renameToNew = func(dir, string, dir, string) error { return errors.ErrUnsupported }
	}
	if err == nil {
		err = roles[role](what, bufio.NewScanner(os.Stdin), json.NewEncoder(os.Stdout))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, role, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run is another process. What it wrote before it was killed can still be read.
type run struct {
	*exec.Cmd
	Out *bufio.Reader
	In  io.WriteCloser
}

func start(t *testing.T, role string, what task) *run {
	t.Helper()
	text, err := json.Marshal(what)
	must(t, err)
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), roleVariable+"="+role, taskVariable+"="+string(text))
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	must(t, err)
	in, err := command.StdinPipe()
	must(t, err)
	must(t, command.Start())
	return &run{Cmd: command, Out: bufio.NewReader(out), In: in}
}

// read reads a message of the process; false when it ended, perhaps in the middle of one.
func (r *run) read(into any) bool {
	line, err := r.Out.ReadBytes('\n')
	return err == nil && json.Unmarshal(line, into) == nil
}

func (r *run) say(t *testing.T, line string) {
	t.Helper()
	_, err := io.WriteString(r.In, line+"\n")
	must(t, err)
}

// finish ends a process that reads lines, and expects that it had no error.
func (r *run) finish(t *testing.T) {
	t.Helper()
	must(t, r.In.Close())
	must(t, r.Wait())
}

// outcome is what a process says of one round of a race.
type outcome struct {
	Won     bool
	Version place.Version
	Error   string
}

// race creates or replaces a file for each line: "c" and the file's name, then "r" and the version to replace.
func race(what task, in *bufio.Scanner, tell *json.Encoder) error {
	ctx, f := context.Background(), open(what.Root)
	name := ""
	for in.Scan() {
		var result outcome
		var err, expected error
		kind, rest := in.Text()[:1], in.Text()[1:]
		switch kind {
		case "c":
			name, expected = rest, fs.ErrExist
			result.Version, err = f.Create(ctx, name, []byte("created by "+what.Name))
		case "r":
			expected = place.ErrChanged
			result.Version, err = f.Replace(ctx, name, []byte("replaced by "+what.Name), place.Version(rest))
		}
		result.Won = err == nil
		if err != nil && !errors.Is(err, expected) {
			result.Error = err.Error()
		}
		if err := tell.Encode(result); err != nil {
			return err
		}
	}
	return in.Err()
}

func TestExactlyOneOfManyProcessesCreatesAndExactlyOneReplaces(t *testing.T) {
	if testing.Short() {
		*racers, *rounds = 8, 10
	}
	for how, noNewName := range map[string]bool{"with a rename to free names": false, "without": true} {
		t.Run(how, func(t *testing.T) {
			f := open(filepath.Join(t.TempDir(), "store"))
			runs := make([]*run, *racers)
			for i := range runs {
				runs[i] = start(t, "racer", task{Root: f.root, Name: fmt.Sprint(i), NoNewName: noNewName})
			}
			winners := map[int]bool{}
			for round := range *rounds {
				name := fmt.Sprintf("%s/connections/%d.json", tenant, round)
				winner, version := winnerOf(t, runs, "c"+name)
				if got := holds(t, f, name, fmt.Sprint("created by ", winner)); got != version {
					t.Errorf("round %d: version %s, the winner has %s", round, got, version)
				}
				winners[winner] = true
				winner, version = winnerOf(t, runs, "r"+string(version))
				if got := holds(t, f, name, fmt.Sprint("replaced by ", winner)); got != version {
					t.Errorf("round %d: version %s, the winner has %s", round, got, version)
				}
				winners[winner] = true
			}
			for _, r := range runs {
				r.finish(t)
			}
			if files := filesBelow(t, f.root); len(files) != *rounds {
				t.Errorf("there are %v", files)
			}
			if len(winners) < 2 {
				t.Error("one process won every round: this was not a race")
			}
		})
	}
}

func winnerOf(t *testing.T, runs []*run, line string) (winner int, version place.Version) {
	t.Helper()
	for _, r := range runs {
		r.say(t, line)
	}
	winner = -1
	for i, r := range runs {
		var o outcome
		if !r.read(&o) {
			t.Fatalf("%s: process %d ended", line, i)
		}
		if o.Error != "" {
			t.Errorf("%s: process %d: %s", line, i, o.Error)
		}
		if !o.Won {
			continue
		}
		if winner >= 0 {
			t.Errorf("%s: both %d and %d won", line, winner, i)
		}
		winner, version = i, o.Version
	}
	if winner < 0 {
		t.Errorf("%s: nobody won", line)
	}
	return winner, version
}

// deed is one change of a file: afterwards it has that number, 0 if it is gone.
type deed struct {
	Name   string
	Number uint64
	Done   bool // it was acknowledged
}

// numbered is a content that shows whether it is whole.
func numbered(number uint64) []byte {
	text := fmt.Appendf(nil, "%d %20000d\n", number, 0)
	sum := sha256.Sum256(text)
	return append(text, sum[:]...)
}

func numberOf(content []byte) (number uint64, whole bool) {
	_, err := fmt.Sscan(string(content), &number)
	return number, err == nil && bytes.Equal(content, numbered(number))
}

// writeUntilKilled creates, replaces and deletes files, and says so before and after each.
func writeUntilKilled(what task, _ *bufio.Scanner, tell *json.Encoder) error {
	ctx, f, random := context.Background(), open(what.Root), rand.New(rand.NewPCG(what.Seed, 0))
	for {
		next := deed{Name: fmt.Sprintf("%d/connections/%d", random.IntN(2), random.IntN(3))}
		_, version, err := f.Read(ctx, next.Name)
		act := func() error { return f.Delete(ctx, next.Name, version) }
		switch {
		case errors.Is(err, fs.ErrNotExist):
			next.Number = random.Uint64()
			act = func() error { _, err := f.Create(ctx, next.Name, numbered(next.Number)); return err }
		case err != nil:
			return err
		case random.IntN(4) > 0:
			next.Number = random.Uint64()
			act = func() error { _, err := f.Replace(ctx, next.Name, numbered(next.Number), version); return err }
		}
		if err := tell.Encode(next); err != nil {
			return err
		}
		if err := act(); err != nil {
			return err
		}
		next.Done = true
		if err := tell.Encode(next); err != nil {
			return err
		}
	}
}

func TestAKilledRunLeavesTheOldFileOrTheNewOneAndNothingThatHinders(t *testing.T) {
	f := open(filepath.Join(t.TempDir(), "store"))
	known, cutOff := map[string]uint64{}, 0
	count := *kills
	if testing.Short() {
		count /= 6
	}
	for round := range count {
		writer := start(t, "writer", task{Root: f.root, Seed: rand.Uint64(), NoNewName: round%2 == 1})
		var last deed
		take := func() bool {
			var next deed
			if !writer.read(&next) {
				return false
			}
			if last = next; next.Done {
				known[next.Name] = next.Number
			}
			return true
		}
		for range 1 + rand.IntN(10) {
			if !take() {
				t.Fatalf("round %d: the run ended by itself", round)
			}
		}
		<-time.After(time.Duration(rand.IntN(3000)) * time.Microsecond) // the random moment
		must(t, writer.Process.Kill())
		for take() {
		}
		_ = writer.Wait()
		if !last.Done {
			cutOff++
		}
		checkAfterKill(t, f, known, last)
		if t.Failed() {
			t.Fatalf("round %d; the last change: %+v", round, last)
		}
	}
	t.Logf("%d runs were killed, %d of them in the middle of a change", count, cutOff)
	if cutOff < count/4 {
		t.Errorf("only %d of %d kills came in the middle of a change", cutOff, count)
	}

	aside := filepath.Join(f.root, unfinishedFolder)
	left, days := filesBelow(t, aside), time.Now().Add(-2*unfinishedFor)
	for _, name := range left {
		must(t, os.Chtimes(filepath.Join(aside, name), days, days))
	}
	create(t, open(f.root), "after", "x")
	if after := filesBelow(t, aside); len(after) > 0 {
		t.Errorf("of %d unfinished files these were not swept: %v", len(left), after)
	}
	t.Logf("%d unfinished files were swept", len(left))
}

func checkAfterKill(t *testing.T, f *Folder, known map[string]uint64, last deed) {
	t.Helper()
	for tenant := range 2 {
		for i := range 3 {
			name := fmt.Sprintf("%d/connections/%d", tenant, i)
			content, _, err := f.Read(t.Context(), name)
			number, whole := numberOf(content)
			if errors.Is(err, fs.ErrNotExist) {
				number, whole, err = 0, true, nil
			}
			cut := !last.Done && last.Name == name
			if err != nil || !whole || number != known[name] && (!cut || number != last.Number) {
				t.Errorf("%s (cut off: %t) was %d, is %d, whole %t, %v", name, cut, known[name], number, whole, err)
			}
			known[name] = number
		}
	}
	if files := filesBelow(t, f.root); slices.ContainsFunc(files, func(name string) bool {
		return filepath.Dir(name) != unfinishedFolder && known[name] == 0
	}) {
		t.Errorf("there are %v", files)
	}
}
