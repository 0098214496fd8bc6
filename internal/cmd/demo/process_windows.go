package main

import "syscall"

// ownGroup keeps a Ctrl-C of the demo away from the sandbox, which is needed until the demo has cleaned up.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}
