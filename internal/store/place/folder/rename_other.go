//go:build !linux && !darwin

package folder

import "errors"

// renameToNew is not to be had here: a rename replaces what has the name.
var renameToNew = func(_ dir, _ string, _ dir, _ string) error { return errors.ErrUnsupported }
