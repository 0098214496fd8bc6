//go:build unix

package folder

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

func init() {
	roles["user"] = act
}

// notRun says that a test, or a part of it, needs root, in the form that CI collects.
func notRun(t *testing.T, part string) bool {
	t.Helper()
	if os.Getuid() == 0 {
		return false
	}
	_, _ = fmt.Fprintf(os.Stdout, "NOT RUN: %s (needs root: %s)\n", t.Name(), part)
	return true
}

func TestALinkAtAnyFolderIsNeverFollowed(t *testing.T) {
	for _, component := range []string{tenant, tenant + "/connections"} {
		for where, target := range map[string]string{"inside": "elsewhere", "outside": "../outside", "absolute": "/",
			"dangling": "none", "itself": path.Base(component)} {
			t.Run(path.Base(component)+" "+where, func(t *testing.T) {
				parent := t.TempDir()
				f, ctx := open(filepath.Join(parent, "store")), t.Context()
				rest := strings.TrimPrefix(record, component+"/")
				for _, there := range []string{"outside", "store/elsewhere", "store/" + tenant + "/elsewhere"} {
					file := filepath.Join(parent, there, rest)
					must(t, os.MkdirAll(filepath.Dir(file), 0o700))
					must(t, os.WriteFile(file, []byte("secret"), 0o600))
				}
				if target == "../outside" && component != tenant {
					target = "../../outside"
				}
				if component == tenant {
					must(t, os.RemoveAll(f.path(tenant)))
				}
				must(t, os.Symlink(target, f.path(component)))
				before := filesBelow(t, parent)

				content, version, err := f.Read(ctx, record)
				unusable(t, f, component, "a symbolic link where the store has a folder; delete it", err)
				if content != nil || version == "" {
					t.Errorf("read %q, version %q", content, version)
				}
				_, err = f.Create(ctx, record, nil)
				unusable(t, f, component, "a symbolic link", err)
				_, err = f.Replace(ctx, record, nil, version)
				unusable(t, f, component, "a symbolic link", err)
				_, err = f.Exists(ctx, record)
				unusable(t, f, component, "a symbolic link", err)
				_, err = f.List(ctx, component)
				unusable(t, f, component, "a symbolic link", err)
				unusable(t, f, component, "a symbolic link", f.Delete(ctx, record, version))
				if after := filesBelow(t, parent); !slices.Equal(before, after) {
					t.Errorf("there were %v, and are %v", before, after)
				}
			})
		}
	}
}

// instead are things that may be in a file's place, each made at a path.
var instead = map[string]func(t *testing.T, path string){
	"a symbolic link": func(t *testing.T, path string) {
		target := filepath.Join(filepath.Dir(path), "target")
		must(t, os.WriteFile(target, []byte("secret"), 0o600))
		must(t, os.Symlink("target", path))
	},
	"a file with 2 names (hard links)": func(t *testing.T, path string) {
		other := filepath.Join(filepath.Dir(path), "other name")
		must(t, os.WriteFile(other, []byte("secret"), 0o600))
		must(t, os.Link(other, path))
	},
	"a named pipe": func(t *testing.T, path string) { must(t, syscall.Mkfifo(path, 0o600)) },
	"a socket": func(t *testing.T, path string) {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		must(t, err)
		defer unix.Close(fd)
		t.Chdir(filepath.Dir(path)) // a socket's path has about a hundred bytes at most
		must(t, unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Base(path)}))
	},
	"a file of more than 1048576 bytes (it has 6442450944)": func(t *testing.T, path string) {
		must(t, os.WriteFile(path, nil, 0o600))
		must(t, os.Truncate(path, 6<<30)) // sparse
	},
}

// device makes a device; nil where its numbers are not known.
var device func(t *testing.T, path string)

func TestWhatIsInAFilesPlaceIsNamedAndNotReadAndCanBeReplacedAndDeleted(t *testing.T) {
	if device != nil && !notRun(t, "a device in a file's place") {
		instead["a device"] = device
	}
	for what, put := range instead {
		t.Run(what, func(t *testing.T) {
			f, ctx := open(filepath.Join(t.TempDir(), "store")), t.Context()
			create(t, f, tenant+"/connections/neighbour", "x")
			put(t, f.path(record))
			content, version, err := f.Read(ctx, record)
			unusable(t, f, record, what, err)
			if len(content) > 0 || version == "" {
				t.Errorf("read %q, version %q", content, version)
			}
			checkTaken(t, f)
			_, err = f.Replace(ctx, record, []byte("ours"), version)
			must(t, err)
			holds(t, f, record, "ours")
			must(t, os.Remove(f.path(record)))
			checkUntouched(t, filepath.Dir(f.path(record)))

			put(t, f.path(record))
			_, version, err = f.Read(ctx, record)
			unusable(t, f, record, what, err)
			must(t, f.Delete(ctx, record, version))
			if _, err := os.Lstat(f.path(record)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("after deleting: %v", err)
			}
		})
	}
}

// checkTaken checks that a name that is taken by something else can be changed by its version only.
func checkTaken(t *testing.T, f *Folder) {
	t.Helper()
	ctx := t.Context()
	if there, err := f.Exists(ctx, record); !there || err != nil {
		t.Errorf("exists: %t, %v", there, err)
	}
	if _, err := f.Create(ctx, record, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("created: %v", err)
	}
	if _, err := f.Replace(ctx, record, nil, "another"); !errors.Is(err, place.ErrChanged) {
		t.Errorf("another version is replaced: %v", err)
	}
	if err := f.Delete(ctx, record, "another"); !errors.Is(err, place.ErrChanged) {
		t.Errorf("another version is deleted: %v", err)
	}
}

// checkUntouched checks, and removes, what a link or another name in a folder leads to.
func checkUntouched(t *testing.T, folder string) {
	t.Helper()
	for _, name := range []string{"target", "other name"} {
		secret := filepath.Join(folder, name)
		if content, err := os.ReadFile(secret); err == nil && string(content) != "secret" {
			t.Errorf("the %s was written to: %q", name, content)
		}
		_ = os.Remove(secret)
	}
}

func TestAnUnfinishedFolderThatIsNotAFolderStopsWritesAndNothingElse(t *testing.T) {
	for what, put := range map[string]func(t *testing.T, path string){
		"a symbolic link": func(t *testing.T, path string) { must(t, os.Symlink("../outside", path)) },
		"a file":          func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0o600)) },
		"a named pipe":    instead["a named pipe"],
	} {
		t.Run(what, func(t *testing.T) {
			parent := t.TempDir()
			f, ctx := open(filepath.Join(parent, "store")), t.Context()
			version := create(t, f, record, "x")
			outside := filepath.Join(parent, "outside")
			must(t, os.Mkdir(outside, 0o700))
			old := filepath.Join(outside, "ABCDEFGHIJKLMNOPQRSTUVWX22") // what a sweep removes
			must(t, os.WriteFile(old, nil, 0o600))
			days := time.Now().Add(-2 * unfinishedFor)
			must(t, os.Chtimes(old, days, days))
			must(t, os.RemoveAll(f.path(unfinishedFolder)))
			put(t, f.path(unfinishedFolder))

			f = open(f.root)
			_, err := f.Create(ctx, sheet, nil)
			unusable(t, f, unfinishedFolder, what+" where the store has a folder; delete it", err)
			_, err = f.Replace(ctx, record, nil, version)
			unusable(t, f, unfinishedFolder, what, err)
			unusable(t, f, unfinishedFolder, what, f.Delete(ctx, record, version))
			_, err = f.Lock(ctx, "x")
			unusable(t, f, unfinishedFolder, what, err)
			holds(t, f, record, "x")
			if names := filesBelow(t, outside); len(names) != 1 {
				t.Errorf("outside there are %v", names)
			}
			must(t, os.Remove(f.path(unfinishedFolder)))
			create(t, f, sheet, "x")
		})
	}
}

func TestASweepRemovesRegularFilesOfThisUserOnly(t *testing.T) {
	root := t.TempDir()
	aside := filepath.Join(root, unfinishedFolder)
	must(t, os.Mkdir(aside, 0o700))
	outside := filepath.Join(root, "outside")
	must(t, os.WriteFile(outside, nil, 0o600))
	days := time.Now().Add(-2 * unfinishedFor)
	must(t, os.Chtimes(outside, days, days))
	const form = "ABCDEFGHIJKLMNOPQRSTUVWX"
	must(t, os.Symlink("../outside", filepath.Join(aside, form+"22")))
	must(t, syscall.Mkfifo(filepath.Join(aside, form+"33"), 0o600))
	want := []string{form + "22", form + "33"}
	if !notRun(t, "the file of another user") {
		must(t, os.WriteFile(filepath.Join(aside, form+"44"), nil, 0o600))
		must(t, os.Chown(filepath.Join(aside, form+"44"), 1001, 1001))
		want = append(want, form+"44")
	}
	for _, name := range want {
		at := unix.NsecToTimespec(days.UnixNano())
		must(t, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(aside, name), []unix.Timespec{at, at},
			unix.AT_SYMLINK_NOFOLLOW))
	}
	create(t, open(root), record, "x")
	if left := filesBelow(t, aside); !slices.Equal(left, want) {
		t.Errorf("left: %v", left)
	}
	if _, err := os.Stat(outside); err != nil {
		t.Error(err)
	}
}

func TestAPipeThatAppearsBetweenLookingAndOpeningHoldsNobodyUp(t *testing.T) {
	root := t.TempDir()
	must(t, syscall.Mkfifo(filepath.Join(root, "pipe"), 0o600))
	top, _, err := openTop(root)
	must(t, err)
	defer top.close()
	file, opened, err := top.openFile("pipe", os.O_RDONLY)
	must(t, err)
	defer file.Close()
	if opened.unusable() != "a named pipe" {
		t.Errorf("it is %s", opened.mode)
	}
	if _, err := top.openDir("pipe"); !errors.Is(err, errNotFolder) {
		t.Errorf("as a folder: %v", err)
	}
}

func TestALockFileThatWasDeletedBeforeItWasLockedDoesNotCount(t *testing.T) {
	f := open(t.TempDir())
	unlock, err := f.Lock(t.Context(), "x")
	must(t, err)
	unlock()
	top, _, err := openTop(f.root)
	must(t, err)
	defer top.close()
	aside, err := top.openDir(unfinishedFolder)
	must(t, err)
	defer aside.close()
	file, _, err := aside.openFile(".lock-x", os.O_RDWR)
	must(t, err)
	defer file.Close()
	if !aside.same(".lock-x", file) {
		t.Error("a lock does not count")
	}
	must(t, aside.remove(".lock-x"))
	if aside.same(".lock-x", file) {
		t.Error("a lock on a file without a name counts")
	}
	held, err := f.Lock(t.Context(), "x")
	must(t, err)
	held()
	if aside.same(".lock-x", file) {
		t.Error("a lock on another file of that name counts")
	}
}

func TestALockThatIsALinkOrAPipeIsRefused(t *testing.T) {
	for _, what := range []string{"a symbolic link", "a named pipe"} {
		f, ctx := open(t.TempDir()), t.Context()
		version := create(t, f, record, "x")
		for _, name := range []string{".lock", ".lock-x"} {
			_ = os.Remove(f.path(unfinishedFolder + "/" + name))
			_ = os.Remove(f.path(unfinishedFolder + "/target"))
			instead[what](t, f.path(unfinishedFolder+"/"+name))
		}
		_, err := f.Replace(ctx, record, nil, version)
		unusable(t, f, unfinishedFolder+"/.lock", what+" where the store has a lock; delete it", err)
		_, err = f.Lock(ctx, "x")
		unusable(t, f, unfinishedFolder+"/.lock-x", what, err)
		holds(t, f, record, "x")
	}
}

func TestTheRootMayBeALinkOrBelowOne(t *testing.T) {
	parent := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(parent, "real", "store"), 0o700))
	must(t, os.Symlink("real", filepath.Join(parent, "link")))
	must(t, os.Symlink("real/store", filepath.Join(parent, "store")))
	create(t, open(filepath.Join(parent, "link", "store")), record, "x")
	holds(t, open(filepath.Join(parent, "store")), record, "x")
	holds(t, open(filepath.Join(parent, "real", "store")), record, "x")
	create(t, open(filepath.Join(parent, "link", "new", "store")), record, "x")
}

// TestNothingOutsideIsReadOrWrittenWhileAFolderIsExchangedForALink lets another program exchange each folder of a
// file's path for a link, and for a pipe, all the time.
func TestNothingOutsideIsReadOrWrittenWhileAFolderIsExchangedForALink(t *testing.T) {
	for _, component := range []string{tenant, tenant + "/connections", unfinishedFolder, record} {
		t.Run(path.Base(component), func(t *testing.T) {
			parent := t.TempDir()
			f := open(filepath.Join(parent, "store"))
			create(t, f, record, "inside")
			rest, outside := strings.TrimPrefix(record, component), filepath.Join(parent, "outside")
			if component == unfinishedFolder {
				rest = "/x"
			}
			must(t, os.MkdirAll(filepath.Dir(outside+rest), 0o700))
			must(t, os.WriteFile(outside+rest, []byte("outside"), 0o600))
			before := filesBelow(t, parent+"/outside")
			exchanges := exchangeUntilEnd(t, f.path(component), outside)
			// Below a folder that is moved away, another process may make a new one: the writes must go on, though not succeed.
			successes := 0
			for begin := exchanges.Load(); exchanges.Load() < begin+3000; {
				successes += touchAll(t, f)
			}
			if content, err := os.ReadFile(outside + rest); err != nil || string(content) != "outside" {
				t.Errorf("outside there is %q (%v)", content, err)
			}
			if after := filesBelow(t, parent+"/outside"); !slices.Equal(before, after) {
				t.Errorf("outside there were %v, and are %v", before, after)
			}
			if successes == 0 {
				t.Error("nothing ever succeeded: there was no race")
			}
		})
	}
}

// touchAll reads, replaces, creates and deletes, and returns how often that succeeded.
func touchAll(t *testing.T, f *Folder) (successes int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	content, version, err := f.Read(ctx, record)
	if string(content) == "outside" {
		t.Fatal("read what is outside")
	}
	if err == nil {
		successes++
	}
	if _, err := f.Replace(ctx, record, []byte("inside"), version); err == nil {
		successes++
	}
	if version, err := f.Create(ctx, tenant+"/connections/new", []byte("new")); err == nil {
		successes++
		_ = f.Delete(ctx, tenant+"/connections/new", version)
	}
	if names, err := f.List(ctx, tenant+"/connections"); err == nil && slices.Contains(names, "outside") {
		t.Error("listed what is outside")
	}
	if unlock, err := f.Lock(ctx, "x"); err == nil {
		unlock()
	}
	return successes
}

// exchangeUntilEnd puts the real thing, a link to the target, and a pipe at a path in turn, until the test ends.
func exchangeUntilEnd(t *testing.T, path, target string) *atomic.Int64 {
	t.Helper()
	var exchanges atomic.Int64
	stop, stopped := make(chan struct{}), make(chan struct{})
	away := t.TempDir()
	genuine, link, pipe := filepath.Join(away, "real"), filepath.Join(away, "link"), filepath.Join(away, "pipe")
	must(t, os.Symlink(target, link))
	must(t, syscall.Mkfifo(pipe, 0o600))
	go func() {
		defer close(stopped)
		for {
			for _, other := range []string{link, pipe} {
				select {
				case <-stop:
					return
				default:
				}
				_ = os.Rename(path, genuine)
				_ = os.Rename(other, path)
				runtime.Gosched()
				_ = os.Rename(path, other)
				_ = os.Rename(genuine, path)
				exchanges.Add(1)
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		<-stopped
	})
	return &exchanges
}

// deedOf is what a process is asked to do as its user.
type deedOf struct {
	Do, Name, Text string
	Version        place.Version
}

type answer struct {
	Text, Error string
	Version     place.Version
	Exists      bool
}

// act does what it is asked to.
func act(what task, in *bufio.Scanner, tell *json.Encoder) error {
	ctx, f := context.Background(), open(what.Root)
	for in.Scan() {
		var d deedOf
		if err := json.Unmarshal(in.Bytes(), &d); err != nil {
			return err
		}
		var a answer
		var err error
		switch d.Do {
		case "create":
			a.Version, err = f.Create(ctx, d.Name, []byte(d.Text))
		case "replace":
			a.Version, err = f.Replace(ctx, d.Name, []byte(d.Text), d.Version)
		case "delete":
			err = f.Delete(ctx, d.Name, d.Version)
		case "read":
			var content []byte
			content, a.Version, err = f.Read(ctx, d.Name)
			a.Text = string(content)
		case "lock":
			var unlock func()
			if unlock, err = f.Lock(ctx, d.Name); err == nil {
				unlock()
			}
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := tell.Encode(a); err != nil {
			return err
		}
	}
	return in.Err()
}

func (r *run) ask(t *testing.T, d deedOf) (a answer) {
	t.Helper()
	line, err := json.Marshal(d)
	must(t, err)
	r.say(t, string(line))
	if !r.read(&a) {
		t.Fatalf("%+v: the process ended", d)
	}
	return a
}

func (r *run) can(t *testing.T, d deedOf) answer {
	t.Helper()
	a := r.ask(t, d)
	if a.Error != "" {
		t.Errorf("%s %s: %s", d.Do, d.Name, a.Error)
	}
	return a
}

// openToAll makes a folder that every user can pass to, and returns the path of a root in it.
func openToAll(t *testing.T) (root string) {
	t.Helper()
	parent := t.TempDir()
	must(t, os.Chmod(filepath.Dir(parent), 0o755))
	must(t, os.Chmod(parent, 0o777))
	return filepath.Join(parent, "store")
}

func modeOf(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Mode() & (fs.ModePerm | fs.ModeSetgid)
}

func TestTwoUsersOfAGroupTakeTurnsInItsStoreWhateverTheirUmask(t *testing.T) {
	if notRun(t, "processes of several users") {
		return
	}
	const group = 2001
	for _, umask := range []int{0o022, 0o077, 0o002} {
		t.Run(octal(fs.FileMode(umask)), func(t *testing.T) {
			root := openToAll(t)
			must(t, os.Mkdir(root, 0o700))
			must(t, os.Chown(root, 1001, group))
			must(t, os.Chmod(root, fs.ModeSetgid|0o770))
			alice := start(t, "user", task{Root: root, User: 1001, Group: group, Umask: umask})
			bob := start(t, "user", task{Root: root, User: 1002, Group: group, Umask: umask})
			for _, name := range []string{"identity.age", record, sheet} {
				takeTurns(t, alice, bob, name)
				takeTurns(t, bob, alice, name)
			}
			alice.can(t, deedOf{Do: "create", Name: sheet})
			for name, want := range map[string]fs.FileMode{sheet: 0o660, tenant: fs.ModeSetgid | 0o770,
				path.Dir(sheet): fs.ModeSetgid | 0o770, path.Dir(record): fs.ModeSetgid | 0o770,
				unfinishedFolder: fs.ModeSetgid | 0o770, unfinishedFolder + "/.lock": 0o660} {
				if mode := modeOf(t, filepath.Join(root, name)); mode != want {
					t.Errorf("%s has mode %s, not %s", name, mode, want)
				}
			}
			stranger := start(t, "user", task{Root: root, User: 1003, Umask: umask})
			if a := stranger.ask(t, deedOf{Do: "read", Name: sheet}); !strings.Contains(a.Error, "permission denied") {
				t.Errorf("a stranger reads: %+v", a)
			}
			for _, r := range []*run{alice, bob, stranger} {
				r.finish(t)
			}
		})
	}
}

// takeTurns lets two users change a file that the other has written, and take a lock that the other has held.
func takeTurns(t *testing.T, first, second *run, name string) {
	t.Helper()
	a := first.can(t, deedOf{Do: "create", Name: name, Text: "one"})
	if b := second.can(t, deedOf{Do: "read", Name: name}); b.Text != "one" || b.Version != a.Version {
		t.Errorf("%s: read %+v", name, b)
	}
	a = second.can(t, deedOf{Do: "replace", Name: name, Text: "two", Version: a.Version})
	a = first.can(t, deedOf{Do: "replace", Name: name, Text: "three", Version: a.Version})
	second.can(t, deedOf{Do: "lock", Name: "x"})
	first.can(t, deedOf{Do: "lock", Name: "x"})
	second.can(t, deedOf{Do: "delete", Name: name, Version: a.Version})
}

func TestPeopleOfAGroupMayBeginItsStoreTogether(t *testing.T) {
	if notRun(t, "processes of several users") {
		return
	}
	const group, rounds = 2001, 30
	for range rounds {
		root := openToAll(t)
		must(t, os.Mkdir(root, 0o700))
		must(t, os.Chown(root, 1001, group))
		must(t, os.Chmod(root, fs.ModeSetgid|0o770))
		var users []*run
		for i := range 4 {
			users = append(users, start(t, "user", task{Root: root, User: 1001 + i, Group: group, Umask: 0o077}))
		}
		for i, r := range users {
			line, err := json.Marshal(deedOf{Do: "create", Name: fmt.Sprintf("%s/connections/%d", tenant, i)})
			must(t, err)
			r.say(t, string(line))
		}
		for i, r := range users {
			var a answer
			if !r.read(&a) || a.Error != "" {
				t.Errorf("user %d: %s", i, a.Error)
			}
			r.finish(t)
		}
		if t.Failed() {
			return
		}
	}
}

func TestWhatHoldsNoSecretIsAsReadableAsTheRootAndNothingElseIs(t *testing.T) {
	shared := fs.ModeSetgid
	for _, c := range []struct{ root, file, readable, folder, above fs.FileMode }{
		{0o700, 0o600, 0o600, 0o700, 0o700},
		{0o750, 0o600, 0o640, 0o700, 0o750},
		{0o755, 0o600, 0o644, 0o700, 0o755},
		{0o777, 0o600, 0o644, 0o700, 0o755},
		{0o775, 0o600, 0o644, 0o700, 0o755},
		{shared | 0o770, 0o660, 0o660, shared | 0o770, shared | 0o770},
		{shared | 0o775, 0o660, 0o664, shared | 0o770, shared | 0o775},
		{shared | 0o755, 0o600, 0o644, 0o700, 0o755},
	} {
		for _, umask := range []int{0o022, 0o077} {
			root := openToAll(t)
			must(t, os.Mkdir(root, 0o700))
			must(t, os.Chmod(root, c.root))
			r := start(t, "user", task{Root: root, Umask: umask})
			for _, name := range []string{"identity.age", record, sheet} {
				r.can(t, deedOf{Do: "create", Name: name})
			}
			r.finish(t)
			for name, want := range map[string]fs.FileMode{"identity.age": c.file, record: c.file, sheet: c.readable,
				path.Dir(record): c.folder, tenant: c.above, path.Dir(sheet): c.above, unfinishedFolder: c.folder} {
				mode := modeOf(t, filepath.Join(root, name))
				if c.root&0o020 == 0 {
					mode &^= shared // passed on by the system, and without meaning where the group may not write
				}
				if mode != want {
					t.Errorf("root %s, umask %03o: %s has mode %s, not %s", octal(c.root), umask, name, octal(mode), octal(want))
				}
			}
		}
	}
}

func TestANewRootIsItsOwnersAloneWhateverTheUmask(t *testing.T) {
	for _, umask := range []int{0o022, 0o077, 0o002} {
		root := filepath.Join(openToAll(t), "a", "b")
		r := start(t, "user", task{Root: root, Umask: umask})
		r.can(t, deedOf{Do: "create", Name: sheet})
		r.finish(t)
		must(t, filepath.WalkDir(filepath.Dir(root), func(path string, d fs.DirEntry, err error) error {
			must(t, err)
			if mode := modeOf(t, path); mode&0o077 != 0 {
				t.Errorf("umask %03o: %s has mode %s", umask, path, mode)
			}
			return nil
		}))
	}
}

func TestADeniedPermissionSaysWhoseTheFileIsAndWhatToDo(t *testing.T) {
	if notRun(t, "processes of several users") {
		return
	}
	root := openToAll(t)
	must(t, os.Mkdir(root, 0o700))
	must(t, os.Chown(root, 1001, 1001))
	alice := start(t, "user", task{Root: root, User: 1001})
	version := alice.can(t, deedOf{Do: "create", Name: record}).Version
	daemon, err := user.Lookup("daemon")
	must(t, err)
	uid, err := strconv.Atoi(daemon.Uid)
	must(t, err)
	bob := start(t, "user", task{Root: root, User: 1002, Group: 1001})
	share := "let a group share the store: chgrp -R GROUP " + root + " && chmod -R g+rwX " + root + " && find " + root +
		" -type d -exec chmod 2770 {} +"
	says := func(what, file string, want ...string) {
		t.Helper()
		for _, d := range []deedOf{{Do: "read", Name: record}, {Do: "create", Name: sheet},
			{Do: "replace", Name: record, Version: version}, {Do: "delete", Name: record, Version: version}} {
			a := bob.ask(t, d)
			url := fileURL(filepath.Join(root, d.Name))
			for _, part := range append(want, url, "permission denied", filepath.Join(root, file)+" belongs to ", share) {
				if !strings.Contains(a.Error, part) {
					t.Errorf("%s, %s: %q is not in %q", what, d.Do, part, a.Error)
				}
			}
		}
	}
	says("the root", "", "belongs to 1001 (mode 0700); run as 1001")
	must(t, os.Chmod(root, 0o755))
	must(t, os.Chown(filepath.Join(root, tenant), uid, 1001))
	says("a folder", tenant, "belongs to daemon (mode 0700); run as daemon")
	must(t, os.Chmod(filepath.Join(root, tenant), 0o755))
	must(t, os.Chmod(filepath.Join(root, tenant, "connections"), 0o755))
	a := bob.ask(t, deedOf{Do: "read", Name: record})
	if !strings.Contains(a.Error, filepath.Join(root, record)+" belongs to 1001 (mode 0600)") {
		t.Errorf("a file: %s", a.Error)
	}
	alice.finish(t)
	bob.finish(t)
}

func TestExposureNamesWhatOthersMayWriteToAndTheChmod(t *testing.T) {
	shared := fs.ModeSetgid
	for _, c := range []struct {
		root, tenant fs.FileMode
		want         string
	}{
		{0o700, 0o700, ""},
		{0o755, 0o755, ""},
		{shared | 0o770, shared | 0o770, ""},
		{shared | 0o775, shared | 0o770, ""},
		{0o777, 0o700, "The connection store's folder ROOT can be written to by every user of this machine (mode 0777), " +
			"who could delete or plant files there: run chmod o-w ROOT."},
		{shared | 0o777, 0o700, "(mode 2777)"},
		{fs.ModeSticky | 0o777, 0o700, "(mode 1777)"},
		{0o775, 0o700, "The connection store's folder ROOT can be written to by its group (mode 0775), who could delete or " +
			"plant files there: run chmod g-w ROOT, or chmod 2770 ROOT if the group shares the store."},
		{0o755, 0o777, "folder ROOT/" + tenant + " can be written to by every user of this machine (mode 0777)"},
		{shared | 0o770, 0o770, "chmod 2770 ROOT/" + tenant},
		{0o777, 0o777, "(and 1 more folders in it like that)."},
	} {
		root := filepath.Join(t.TempDir(), "store")
		f := open(root)
		create(t, f, record, "x")
		must(t, os.Chmod(root, c.root))
		must(t, os.Chmod(filepath.Join(root, tenant), c.tenant))
		must(t, os.Symlink("/tmp", filepath.Join(root, "link"))) // whose target everybody may write to
		got := f.Exposure(t.Context())
		if (got == "") != (c.want == "") || !strings.Contains(got, strings.ReplaceAll(c.want, "ROOT", root)) {
			t.Errorf("%s and %s: %q", octal(c.root), octal(c.tenant), got)
		}
	}
	for path, want := range map[string]string{
		"/srv/a-b_c.d@e+f%2": "/srv/a-b_c.d@e+f%2",
		"/srv/my store":      "'/srv/my store'",
		"/srv/o'neil":        `'/srv/o'\''neil'`,
		"/srv/$(id)":         "'/srv/$(id)'",
	} {
		if got := quote(path); got != want {
			t.Errorf("%s is quoted as %s", path, got)
		}
	}
}
