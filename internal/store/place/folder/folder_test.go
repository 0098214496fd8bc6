package folder

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/store/place"
)

const (
	tenant = "6babcaad-604b-40ac-a9d7-9fd97c0b779f"
	record = tenant + "/connections/migration@contoso.com.json"
	sheet  = tenant + "/handoff/migration@contoso.com.html"
)

func open(root string) *Folder {
	return Open(root, func(name string) bool { return strings.Contains(name, "/handoff/") })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func create(t testing.TB, f *Folder, name, content string) place.Version {
	t.Helper()
	version, err := f.Create(t.Context(), name, []byte(content))
	must(t, err)
	return version
}

// holds checks what the place returns for a file.
func holds(t testing.TB, f *Folder, name, want string) place.Version {
	t.Helper()
	content, version, err := f.Read(t.Context(), name)
	if err != nil || string(content) != want {
		t.Errorf("%s holds %q (%v), not %q", name, content, err, want)
	}
	return version
}

// filesBelow returns the names of all that is not a folder, without locks.
func filesBelow(t testing.TB, root string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasPrefix(d.Name(), ".lock") {
			name, _ := filepath.Rel(root, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	return names
}

func TestAFileIsCreatedOnceReplacedByVersionAndDeletedByVersion(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "store")
	f, ctx := open(root), t.Context()
	first := create(t, f, record, "one")
	if _, err := f.Create(ctx, record, []byte("two")); !errors.Is(err, fs.ErrExist) ||
		!strings.Contains(err.Error(), f.URL(record)) {
		t.Errorf("created twice: %v", err)
	}
	if version := holds(t, f, record, "one"); version != first {
		t.Errorf("read as version %s, written as %s", version, first)
	}
	second, err := f.Replace(ctx, record, []byte("two"), first)
	must(t, err)
	if second == first {
		t.Error("another content has the same version")
	}
	if _, err := f.Replace(ctx, record, []byte("three"), first); !errors.Is(err, place.ErrChanged) ||
		!strings.Contains(err.Error(), f.URL(record)) {
		t.Errorf("a stale version is replaced: %v", err)
	}
	if err := f.Delete(ctx, record, first); !errors.Is(err, place.ErrChanged) {
		t.Errorf("a stale version is deleted: %v", err)
	}
	if version := holds(t, f, record, "two"); version != second {
		t.Errorf("version %s, written as %s", version, second)
	}
	must(t, f.Delete(ctx, record, second))
	if _, _, err := f.Read(ctx, record); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), f.URL(record)) {
		t.Errorf("after deleting: %v", err)
	}
	must(t, f.Delete(ctx, record, second))
	if left := filesBelow(t, root); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestAVersionIsTheContentsAndTheSameOnEveryMachine(t *testing.T) {
	one, other := open(t.TempDir()), open(t.TempDir())
	if a, b := create(t, one, record, "same"), create(t, other, sheet, "same"); a != b || a == "" {
		t.Errorf("%q and %q", a, b)
	}
}

func TestReplacingWhatIsNotThereChangesNothing(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	f := open(root)
	for range 2 {
		if _, err := f.Replace(t.Context(), record, nil, "x"); !errors.Is(err, place.ErrChanged) ||
			!strings.Contains(err.Error(), f.URL(record)) {
			t.Errorf("%v", err)
		}
		must(t, f.Delete(t.Context(), record, "x"))
		if entries, err := os.ReadDir(root); len(entries) > 0 {
			t.Errorf("it made %v (%v)", entries, err)
		}
		_ = os.Mkdir(root, 0o700)
	}
}

func TestOpeningAndReadingCreateNothing(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	f, ctx := open(root), t.Context()
	if _, version, err := f.Read(ctx, record); !errors.Is(err, fs.ErrNotExist) || version != "" {
		t.Errorf("read: %q, %v", version, err)
	}
	if there, err := f.Exists(ctx, record); there || err != nil {
		t.Errorf("exists: %t, %v", there, err)
	}
	if names, err := f.List(ctx, tenant); len(names) > 0 || err != nil {
		t.Errorf("list: %v, %v", names, err)
	}
	if names, err := f.List(ctx, ""); len(names) > 0 || err != nil {
		t.Errorf("list of the root: %v, %v", names, err)
	}
	if sentence := f.Exposure(ctx); sentence != "" {
		t.Errorf("exposure: %s", sentence)
	}
	must(t, f.Delete(ctx, record, ""))
	if _, err := os.Stat(root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestAListHasTheNamesInOrderAndNothingOfThePlaceItself(t *testing.T) {
	f := open(t.TempDir())
	for _, name := range []string{"identity.age", tenant + "/b", tenant + "/a/x", tenant + "/c"} {
		create(t, f, name, "")
	}
	for folder, want := range map[string][]string{"": {tenant, "identity.age"}, tenant: {"a", "b", "c"},
		tenant + "/a": {"x"}, "none": nil} {
		if names, err := f.List(t.Context(), folder); err != nil || !slices.Equal(names, want) {
			t.Errorf("%q: %v, %v", folder, names, err)
		}
	}
	for name, want := range map[string]bool{"identity.age": true, tenant: true, tenant + "/a/x": true, "x": false,
		tenant + "/a/y": false, "none/x": false} {
		if there, err := f.Exists(t.Context(), name); err != nil || there != want {
			t.Errorf("%s: %t, %v", name, there, err)
		}
	}
}

func TestNamesThatLeaveTheStoreOrMeetItsOwnFilesAreRefused(t *testing.T) {
	parent := t.TempDir()
	must(t, os.WriteFile(filepath.Join(parent, "outside"), []byte("x"), 0o600))
	f, ctx := open(filepath.Join(parent, "store")), t.Context()
	create(t, f, record, "x")
	for _, name := range []string{"../outside", "/etc/passwd", "a/../../outside", `..\outside`, "", ".", "a//b", "a/./b",
		".unfinished/x", ".unfinished", "a\x00b", `a\b`, "a/"} {
		_, _, readError := f.Read(ctx, name)
		_, createError := f.Create(ctx, name, nil)
		_, replaceError := f.Replace(ctx, name, nil, "")
		_, existsError := f.Exists(ctx, name)
		for _, err := range []error{readError, createError, replaceError, existsError, f.Delete(ctx, name, "")} {
			if err == nil || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: %v", name, err)
			}
		}
	}
	if _, err := f.List(ctx, ".."); err == nil {
		t.Error("what is above the store is listed")
	}
	if names := filesBelow(t, parent); !slices.Equal(names, []string{"outside", "store/" + record}) {
		t.Errorf("there are %v", names)
	}
}

func TestAFileTooLargeToBeReadIsNotWritten(t *testing.T) {
	f := open(t.TempDir())
	content := make([]byte, place.MaxSize+1)
	if _, err := f.Create(t.Context(), record, content); err == nil || !strings.Contains(err.Error(), "1048576") {
		t.Errorf("%v", err)
	}
	_, err := f.Create(t.Context(), record, content[1:])
	must(t, err)
	if got, _, err := f.Read(t.Context(), record); err != nil || !bytes.Equal(got, content[1:]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestAFolderWhereAFileShouldBeIsNamedAndNeitherReplacedNorDeleted(t *testing.T) {
	root := t.TempDir()
	f, ctx := open(root), t.Context()
	inside := filepath.Join(f.path(record), "inside")
	must(t, os.MkdirAll(inside, 0o700))
	_, version, err := f.Read(ctx, record)
	unusable(t, f, record, "a folder", err)
	if version == "" {
		t.Error("it has no version")
	}
	if _, err := f.Create(ctx, record, nil); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create: %v", err)
	}
	first, firstErr := f.Replace(ctx, record, nil, version)
	second, secondErr := f.Replace(ctx, record, nil, version)
	unusable(t, f, record, "move it away", firstErr)
	if first != "" || second != "" || firstErr.Error() != secondErr.Error() {
		t.Errorf("%v\n%v", firstErr, secondErr)
	}
	unusable(t, f, record, "a folder", f.Delete(ctx, record, version))
	if _, err := os.Stat(inside); err != nil {
		t.Error(err)
	}
	if left := filesBelow(t, root); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// unusable checks that an error is a place.UnusableError that names the file, and what is there.
func unusable(t testing.TB, f *Folder, name, what string, err error) {
	t.Helper()
	found, ok := errors.AsType[*place.UnusableError](err)
	if !ok || found.URL != f.URL(name) || !strings.Contains(found.What, what) ||
		!strings.Contains(err.Error(), found.URL) {
		t.Errorf("%s: %v, not a place.UnusableError with %q", name, err, what)
	}
}

func TestAFileWhereAFolderShouldBeIsNamed(t *testing.T) {
	root := t.TempDir()
	f, ctx := open(root), t.Context()
	must(t, os.WriteFile(filepath.Join(root, tenant), nil, 0o600))
	_, version, err := f.Read(ctx, record)
	unusable(t, f, tenant, "a file where the store has a folder; delete it", err)
	if version == "" {
		t.Error("it has no version")
	}
	_, err = f.Create(ctx, record, nil)
	unusable(t, f, tenant, "a file", err)
	_, err = f.Replace(ctx, record, nil, version)
	unusable(t, f, tenant, "a file", err)
	_, err = f.List(ctx, tenant)
	unusable(t, f, tenant, "a file", err)
	_, err = f.Exists(ctx, record)
	unusable(t, f, tenant, "a file", err)
	unusable(t, f, tenant, "a file", f.Delete(ctx, record, version))
}

func TestARootThatIsAFileIsNamedAsSuch(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	must(t, os.WriteFile(root, nil, 0o600))
	f, ctx := open(root), t.Context()
	_, _, readError := f.Read(ctx, record)
	_, createError := f.Create(ctx, record, nil)
	_, listError := f.List(ctx, tenant)
	_, existsError := f.Exists(ctx, record)
	_, lockError := f.Lock(ctx, "x")
	for i, err := range []error{readError, createError, listError, existsError, lockError, f.Delete(ctx, record, "")} {
		if err == nil || !strings.Contains(err.Error(), root+" is a file; the connection store needs a folder there") {
			t.Errorf("%d: %v", i, err)
		}
	}
	below := open(filepath.Join(root, "store"))
	if _, err := below.Create(ctx, record, nil); err == nil || !strings.Contains(err.Error(), root+" is a file") {
		t.Errorf("below a file: %v", err)
	}
}

func TestWhatKilledRunsLeftIsSweptInTimeAndOnlyThat(t *testing.T) {
	root := t.TempDir()
	aside := filepath.Join(root, unfinishedFolder)
	must(t, os.Mkdir(aside, 0o700))
	const form = "ABCDEFGHIJKLMNOPQRSTUVWX"
	days := time.Now().Add(-2 * unfinishedFor)
	for _, name := range []string{form + "22", "notes.txt", "12345", ".lock-x"} {
		must(t, os.WriteFile(filepath.Join(aside, name), nil, 0o600))
		must(t, os.Chtimes(filepath.Join(aside, name), days, days))
	}
	must(t, os.WriteFile(filepath.Join(aside, form+"33"), nil, 0o600)) // still being written
	must(t, os.Mkdir(filepath.Join(aside, form+"44"), 0o700))
	must(t, os.Chtimes(filepath.Join(aside, form+"44"), days, days))
	create(t, open(root), record, "x")
	entries, err := os.ReadDir(aside)
	must(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if want := []string{".lock", ".lock-x", "12345", form + "33", form + "44", "notes.txt"}; !slices.Equal(names, want) {
		t.Errorf("left: %v", names)
	}
}

func TestALockIsHeldOnceAndFreeAfterwards(t *testing.T) {
	f, ctx := open(t.TempDir()), t.Context()
	const name = tenant + "/registrations/*:é?"
	unlock, err := f.Lock(ctx, name)
	must(t, err)
	for _, other := range []*Folder{f, open(f.root)} {
		if _, err := other.Lock(ctx, name); !errors.Is(err, place.ErrLocked) || !strings.Contains(err.Error(), "file://") {
			t.Errorf("%v", err)
		}
	}
	other, err := f.Lock(ctx, tenant+"/registrations/other")
	must(t, err)
	other()
	create(t, f, record, "written while a lock is held")
	unlock()
	unlock, err = f.Lock(ctx, name)
	must(t, err)
	unlock()
}

func TestAWriteWaitsForTheStoresLockUntilItsContextEnds(t *testing.T) {
	f := open(t.TempDir())
	version := create(t, f, record, "x")
	release := holdStoreLock(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := f.Replace(ctx, record, []byte("y"), version)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), f.URL(unfinishedFolder+"/.lock")) {
		t.Errorf("%v", err)
	}
	holds(t, f, record, "x") // reading waits for nobody
	replaced := make(chan error)
	go func() {
		_, err := f.Replace(t.Context(), record, []byte("y"), version)
		replaced <- err
	}()
	release()
	must(t, <-replaced)
	holds(t, f, record, "y")
	if left := filesBelow(t, f.root); !slices.Equal(left, []string{record}) {
		t.Errorf("left: %v", left)
	}
}

// holdStoreLock takes the lock as another process would.
func holdStoreLock(t *testing.T, f *Folder) (release func()) {
	t.Helper()
	file, err := os.OpenFile(filepath.Join(f.root, unfinishedFolder, storeLock), os.O_RDWR, 0)
	must(t, err)
	locked, err := lockFile(file)
	must(t, err)
	if !locked {
		t.Fatal("the store's lock is taken")
	}
	return func() {
		must(t, unlockFile(file))
		must(t, file.Close())
	}
}

func TestNothingBeginsOnceTheContextHasEnded(t *testing.T) {
	f := open(filepath.Join(t.TempDir(), "store"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, readError := f.Read(ctx, record)
	_, createError := f.Create(ctx, record, nil)
	_, replaceError := f.Replace(ctx, record, nil, "")
	_, existsError := f.Exists(ctx, record)
	_, listError := f.List(ctx, "")
	_, lockError := f.Lock(ctx, "x")
	for i, err := range []error{readError, createError, replaceError, existsError, listError, lockError,
		f.Delete(ctx, record, "")} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if _, err := os.Stat(f.root); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder was made: %v", err)
	}
}

func TestAURLNamesAnAbsolutePath(t *testing.T) {
	for raw, want := range map[string]string{
		"file:///srv/store":          "/srv/store",
		"FILE:///srv/my%20store/":    "/srv/my store/",
		"file://localhost/srv/store": "/srv/store",
		"file:///srv/a%23b":          "/srv/a#b",
	} {
		if got, err := parseFileURL(raw, false); err != nil || got != want {
			t.Errorf("%s: %q, %v", raw, got, err)
		}
	}
	for raw, want := range map[string]string{
		"file:///C:/store":                 "C:/store",
		"file://C:/store":                  "C:/store", // "file://${abspath(path.root)}/store"
		"file://c:/my%20store":             "c:/my store",
		"file://localhost/C:/store":        "C:/store",
		"file:///C:":                       "C:/",
		"file://C:":                        "C:/",
		"file://server/share/store":        "//server/share/store",
		"file://server.contoso.com/it$/a":  "//server.contoso.com/it$/a",
		"file://192.0.2.1/share":           "//192.0.2.1/share",
		`file://server/share%5Cstore`:      "//server/share/store",
		"file://server/share/a%20b/%C3%BC": "//server/share/a b/ü",
	} {
		if got, err := parseFileURL(raw, true); err != nil || got != want {
			t.Errorf("%s on Windows: %q, %v", raw, got, err)
		}
	}
	// What the errors and the documentation show. On Windows, abspath begins with the drive.
	for abspath, windows := range map[string]bool{"/srv/tenants": false, "C:/tenants": true} {
		raw := "file:///" + strings.TrimPrefix(abspath, "/") + "/codetwo-store"
		if got, err := parseFileURL(raw, windows); err != nil || got != abspath+"/codetwo-store" {
			t.Errorf("%s, Windows %t: %q, %v", raw, windows, got, err)
		}
	}
	refused := []string{"", "/srv/store", "store", "file:store", `C:\store`, "s3://bucket/store",
		"https://example.com/store", "file:///srv/store?x=1", "file:///srv/store#x", "file:///C:/%00", "file://store",
		"file://user@server/share/x", "file://./store"}
	for _, raw := range append(refused, "file://C:/store", "file://server/share/store") {
		if got, err := parseFileURL(raw, false); err == nil {
			t.Errorf("%q is accepted as %q", raw, got)
		}
	}
	for _, raw := range append(refused, "file:///srv/store", "file://server", "file://server/", "file://./pipe/x",
		"file://%3F/C:/x", "file://C:x/store", "file://server:445/share/x", "file://server//share", "file://server/../x",
		"file:////server/share", "file://[::1]/share/x", "file://localhost/share") {
		if got, err := parseFileURL(raw, true); err == nil {
			t.Errorf("%q is accepted on Windows as %q", raw, got)
		}
	}
}

func TestAURLThatIsShownNamesTheSameFolder(t *testing.T) {
	for raw, want := range map[string]string{
		"//server/share/a b": "file://server/share/a%20b",
		"C:/a#b":             "file:///C:/a%23b",
		"/srv/ü?":            "file:///srv/%C3%BC%3F",
	} {
		if got := fileURL(raw); got != want {
			t.Errorf("%s is shown as %s", raw, got)
		}
	}
	root := t.TempDir()
	if got, err := ParseURL(fileURL(root)); err != nil || got != root {
		t.Errorf("%s: %s, %v", root, got, err)
	}
	f := open(root)
	create(t, f, record, "x")
	u, err := url.Parse(f.URL(record))
	must(t, err)
	if !strings.HasSuffix(u.Path, "/"+record) {
		t.Errorf("%s", f.URL(record))
	}
}

func FuzzAURLIsAnAbsolutePathOrRefused(f *testing.F) {
	for _, raw := range []string{
		"", "/srv/store", "file:///srv/store", "file://localhost/srv/a%20b", "FILE:///srv/%3F%23", "file:/srv", "file:srv",
		"file://host/srv", "file:///C:/store", "file:///c:", "file:///srv?x", "file:///srv#x", "file:///srv#", "file:///%00",
		"file://user@localhost/srv", "https://contoso.com/x", "file:///%zz", "file:///../a/./b", "file:///\xff", "file://",
		"file://C:/store", "file://server/share/x", "file://./pipe/x", "file://server/..%5C..", "file:////server/share",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if folder, err := parseFileURL(raw, false); err == nil {
			checkFolder(t, raw, folder, folder, false)
		}
		switch folder, err := parseFileURL(raw, true); {
		case err != nil:
		case strings.HasPrefix(folder, "//"):
			if strings.HasPrefix(folder, "//.") || strings.HasPrefix(folder, "//?") {
				t.Errorf("%q names a device: %q", raw, folder)
			}
			checkFolder(t, raw, folder, folder, true)
		default:
			checkFolder(t, raw, folder, "/"+folder, true)
		}
	})
}

// checkFolder checks that a folder is an absolute path, and that its own URL names it.
func checkFolder(t *testing.T, raw, folder, slashed string, windows bool) {
	t.Helper()
	if !path.IsAbs(slashed) || strings.ContainsRune(folder, 0) {
		t.Errorf("%q names %q, which is not a folder's absolute path", raw, folder)
	}
	written := fileURL(folder)
	if !windows {
		written = (&url.URL{Scheme: "file", Path: slashed}).String() // a path that is not cleaned may begin with two slashes
	}
	if again, err := parseFileURL(written, windows); err != nil || again != folder {
		t.Errorf("%q names %q, and its own URL %q %q (%v)", raw, folder, written, again, err)
	}
}
