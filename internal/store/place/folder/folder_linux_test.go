package folder

import (
	"testing"

	"golang.org/x/sys/unix"
)

func init() {
	device = func(t *testing.T, path string) {
		must(t, unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 5)))) // /dev/zero, which never ends
	}
}
