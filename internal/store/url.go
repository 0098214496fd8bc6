package store

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// CheckURL says what keeps a URL from being a store's: file:// and an absolute path. The error shows how to write it.
func CheckURL(raw string) error {
	_, err := folderPath(raw)
	return err
}

// folderPath returns the local folder that a store's URL names.
func folderPath(raw string) (string, error) {
	path, err := parseFileURL(raw, runtime.GOOS == "windows")
	if err != nil {
		return "", err
	}
	return filepath.Clean(filepath.FromSlash(path)), nil
}

var driveLetter = regexp.MustCompile(`^/[A-Za-z]:(/|$)`)

// parseFileURL returns the path of a file URL (RFC 8089), with slashes; on Windows it begins with the drive's letter.
func parseFileURL(raw string, windows bool) (string, error) {
	example := "file:///srv/codetwo-store"
	if windows {
		example = "file:///C:/codetwo-store"
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil, !strings.Contains(raw, "://"), u.Opaque != "":
		return "", fmt.Errorf("%q is not the URL of a connection store; write it as %s, or as "+
			`"file:///${trimprefix(abspath(path.root), "/")}/codetwo-store"`, raw, example)
	case !strings.EqualFold(u.Scheme, "file"):
		return "", fmt.Errorf("%q: a connection store is a folder (file://…) for now, as in %s", raw, example)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(raw, "?") ||
		strings.HasSuffix(raw, "#"):
		return "", fmt.Errorf("%q: a connection store's URL has no user, query or fragment; write ? as %%3F and # as %%23",
			raw)
	case u.Host != "" && !strings.EqualFold(u.Host, "localhost"):
		return "", fmt.Errorf("%q names a host (%s) where the path should begin; a relative path is not possible: write "+
			"three slashes and an absolute path, as in %s",
			raw, u.Host, example)
	case !strings.HasPrefix(u.Path, "/"), strings.ContainsRune(u.Path, 0):
		return "", fmt.Errorf("%q has no absolute path; write it as %s", raw, example)
	case windows && !driveLetter.MatchString(u.Path):
		return "", fmt.Errorf("%q has no drive letter; write it as %s", raw, example)
	case windows:
		return strings.TrimPrefix(u.Path, "/"), nil
	}
	return u.Path, nil
}

// fileURL writes a local path as a URL.
func fileURL(path string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/…
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}
