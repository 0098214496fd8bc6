//go:build unix

package folder

import (
	"errors"
	"syscall"
)

// become makes this process run as another user, and under a umask.
func become(what task) error {
	if what.Umask != 0 {
		syscall.Umask(what.Umask)
	}
	if what.User == 0 {
		return nil
	}
	groups := []int{}
	if what.Group != 0 {
		groups = append(groups, what.Group)
	}
	return errors.Join(syscall.Setgroups(groups), syscall.Setgid(what.User), syscall.Setuid(what.User))
}
