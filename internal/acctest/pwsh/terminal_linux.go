package pwsh

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"
)

const whereIsTheCursor = "\x1b[6n"

// Type runs a script on a pseudo-terminal, as a person does, and types keys when the script has shown the prompt and
// reads. Stdin of the script is not read. Stdout of the result is all that the terminal showed.
func Type(t testing.TB, s Script, prompt, keys string) Result {
	t.Helper()
	command := Command(t, s)
	person, terminal := pseudoTerminal(t)
	command.Stdin, command.Stdout, command.Stderr = terminal, terminal, terminal
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := command.Start(); err != nil {
		t.Fatalf("PowerShell did not run: %v", err)
	}
	_ = terminal.Close()
	var shown bytes.Buffer
	part := make([]byte, 4096)
	typed, answered := false, 0
	for {
		// When the last program has closed the terminal, reading it ends with EIO (Linux: pty(7)).
		n, err := person.Read(part)
		shown.Write(part[:n])
		if err != nil {
			break
		}
		// .NET asks the terminal where its cursor is, and waits for the answer (ECMA-48: DSR and CPR).
		for range strings.Count(shown.String(), whereIsTheCursor) - answered {
			answered++
			if _, err := person.WriteString("\x1b[1;1R"); err != nil {
				t.Fatal(err)
			}
		}
		// Keys that come before .NET has changed the terminal's mode would mean something else there, or nothing.
		if _, after, asked := strings.Cut(shown.String(), prompt); !typed && asked &&
			(keys == "" || strings.Contains(after, whereIsTheCursor)) {
			typed = true
			if _, err := person.WriteString(keys); err != nil {
				t.Fatal(err)
			}
		}
	}
	err := command.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if !typed {
		t.Fatalf("the script ended with %d and never asked %q: %s", command.ProcessState.ExitCode(), prompt, shown.String())
	}
	return Result{Stdout: shown.String(), ExitCode: command.ProcessState.ExitCode()}
}

// pseudoTerminal returns both ends of a new one, the person's and the program's (Linux: ioctl_tty(2), pts(4)).
func pseudoTerminal(t testing.TB) (person, terminal *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	var locked, number int32
	for request, value := range map[uintptr]*int32{syscall.TIOCSPTLCK: &locked, syscall.TIOCGPTN: &number} {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, person.Fd(), request,
			uintptr(unsafe.Pointer(value))); errno != 0 {
			t.Fatalf("no pseudo-terminal: %v", errno)
		}
	}
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(number)), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return person, terminal
}
