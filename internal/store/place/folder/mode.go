package folder

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
)

// modes are the permissions of what is written, by those of the root. A root that belongs to a group which may write,
// and passes the group on (setgid), is a team's: each member can change what another has written. In any other root
// files are their owner's alone, except readable ones.
type modes struct {
	root  fs.FileMode
	group int
}

func (m modes) shared() bool { return m.root&fs.ModeSetgid != 0 && m.root&0o020 != 0 }

// of returns the permissions of a folder (fs.ModeDir) or a file (0), whatever the umask.
func (m modes) of(kind fs.FileMode, readable bool) fs.FileMode {
	mode := fs.FileMode(0o600)
	switch {
	case kind.IsDir() && m.shared():
		mode = fs.ModeSetgid | 0o770
	case kind.IsDir():
		mode = 0o700
	case m.shared():
		mode = 0o660
	}
	if readable {
		mode |= m.readers(kind)
	}
	return mode
}

// readers returns the permissions that the root gives those who only read.
func (m modes) readers(kind fs.FileMode) fs.FileMode {
	if kind.IsDir() {
		return m.root & 0o055
	}
	return m.root & 0o044
}

// folderName is the form of the names that a store gives to folders directly below its root. Others may be messages of
// somebody who may write there to those who read a warning.
var folderName = regexp.MustCompile(`^[A-Za-z0-9.-]+$`)

// Exposure warns, in one sentence, of a root or a folder directly below it that more than its owner and a team may
// write to. It is empty if no folder is exposed, or if that cannot be seen. On Windows it is always empty: access
// control lists are not checked.
func (f *Folder) Exposure(ctx context.Context) string {
	if ctx.Err() != nil {
		return ""
	}
	top, found, err := openTop(f.root)
	if err != nil {
		return ""
	}
	defer top.close()
	first := exposed(f.root, found.mode)
	names, _ := top.list()
	more := 0
	for _, name := range names {
		found, err := top.lstat(name)
		if err != nil || !found.mode.IsDir() || !folderName.MatchString(name) {
			continue
		}
		sentence := exposed(filepath.Join(f.root, name), found.mode)
		if sentence != "" && first != "" {
			more++
		}
		first = cmp.Or(first, sentence)
	}
	switch {
	case first == "":
		return ""
	case more > 0:
		return fmt.Sprintf("%s (and %d more folders in it like that).", first, more)
	}
	return first + "."
}

// exposed returns the sentence without its full stop.
func exposed(path string, mode fs.FileMode) string {
	const format = "The connection store's folder %s can be written to by %s (mode %s), " +
		"who could delete or plant files there: run %s"
	switch {
	case mode&0o002 != 0:
		return fmt.Sprintf(format, path, "every user of this machine", octal(mode), "chmod o-w "+quote(path))
	case mode&0o020 != 0 && mode&fs.ModeSetgid == 0:
		return fmt.Sprintf(format, path, "its group", octal(mode), fmt.Sprintf(
			"chmod g-w %s, or chmod 2770 %[1]s if the group shares the store", quote(path)))
	}
	return ""
}

// octal writes permissions as chmod takes them.
func octal(mode fs.FileMode) string {
	number := uint32(mode.Perm())
	if mode&fs.ModeSetgid != 0 {
		number |= 0o2000
	}
	if mode&fs.ModeSticky != 0 {
		number |= 0o1000
	}
	return fmt.Sprintf("%04o", number)
}

// quote quotes a path for a POSIX shell where that is necessary.
func quote(path string) string {
	if !strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune("/._-+@%", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
