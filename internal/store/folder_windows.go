package store

import (
	"errors"
	"syscall"
)

// syncFolder does nothing: Windows has no call for it, and NTFS journals its folders.
func syncFolder(string) error { return nil }

// Microsoft: "System Error Codes (0-499)".
const (
	errorAccessDenied     = syscall.Errno(5)
	errorSharingViolation = syscall.Errno(32)
	errorLockViolation    = syscall.Errno(33)
)

// busy reports whether a file could not be touched because another program, or another run, has it open.
func busy(err error) bool {
	return errors.Is(err, errorSharingViolation) || errors.Is(err, errorLockViolation) || errors.Is(err, errorAccessDenied)
}
