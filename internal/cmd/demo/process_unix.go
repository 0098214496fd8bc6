//go:build !windows

package main

import "syscall"

// ownGroup keeps a Ctrl-C of the demo away from the sandbox, which is needed until the demo has cleaned up.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
