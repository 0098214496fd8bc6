package store

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"testing"
)

// A test that needs runs of their own, to kill them or to let them race, starts this test binary again with one of
// these roles in the environment.
const (
	roleVariable = "STORE_TEST_ROLE"
	taskVariable = "STORE_TEST_TASK"
)

var roles = map[string]func(task, io.Reader, *json.Encoder) error{
	"writer": writeUntilKilled,
	"racer":  race,
	"saver":  saveRepeatedly,
	"update": raceToUpdate,
}

// task is what a run is told at its start.
type task struct {
	Folder string   // of the store
	Seed   uint64   // of what it does
	Owner  string   // on whose behalf it creates connections
	Keys   []string // files with a key pair each, without a password
	// age public key of who is at times a recipient of what it writes
	Recipient string
}

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		play, known := roles[role]
		var t task
		if err := json.Unmarshal([]byte(os.Getenv(taskVariable)), &t); !known || err != nil {
			fmt.Fprintln(os.Stderr, role, known, err)
			os.Exit(2)
		}
		if err := play(t, os.Stdin, json.NewEncoder(os.Stdout)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// run is another process that this test started. What it wrote before it was killed can still be read.
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

// read reads a message that a run wrote; false when it ended, perhaps in the middle of one.
func (r *run) read(into any) bool {
	line, err := r.Out.ReadBytes('\n')
	return err == nil && json.Unmarshal(line, into) == nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
