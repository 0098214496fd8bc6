package store

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// CheckURL says what keeps a URL from being a store's: file:// and an absolute path, on Windows also a drive or a
// network share. The error shows how to write it.
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

var (
	drivePath   = regexp.MustCompile(`^/[A-Za-z]:(/|$)`)
	driveAsHost = regexp.MustCompile(`^[A-Za-z]:$`)
	// serverName keeps out ports, addresses in brackets, and the hosts "." and "..", which Windows takes for devices.
	serverName = regexp.MustCompile(`^[\pL\pN]([\pL\pN._-]*[\pL\pN])?$`)
	sharePath  = regexp.MustCompile(`^/[^/\\]*[^/\\.][^/\\]*(/|$)`)
)

// parseFileURL returns the path of a file URL (RFC 8089), with slashes. On Windows it begins with the drive, as in
// C:/store, or with the network share, as in //server/share/store. "file://${abspath(path.root)}" is right everywhere.
func parseFileURL(raw string, windows bool) (string, error) {
	example := "file:///srv/codetwo-store"
	if windows {
		example = "file://C:/codetwo-store, or file://server/share/codetwo-store"
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil, !strings.Contains(raw, "://"), u.Opaque != "":
		return "", fmt.Errorf("%q is not the URL of a connection store; write it as %s, or as "+
			`"file://${abspath(path.root)}/codetwo-store"`, raw, example)
	case !strings.EqualFold(u.Scheme, "file"):
		return "", fmt.Errorf("%q: a connection store is a folder (file://…) for now, as in %s", raw, example)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(raw, "?") ||
		strings.HasSuffix(raw, "#"):
		return "", fmt.Errorf("%q: a connection store's URL has no user, query or fragment; write ? as %%3F and # as %%23",
			raw)
	}
	if windows {
		u.Host, u.Path = asOnWindows(u.Host, u.Path)
	}
	remote := u.Host != "" && !strings.EqualFold(u.Host, "localhost")
	switch {
	case remote && !windows:
		return "", fmt.Errorf("%q names a host (%s) where the path should begin; a relative path is not possible: write "+
			"three slashes and an absolute path, as in %s",
			raw, u.Host, example)
	case remote && !(serverName.MatchString(u.Host) && sharePath.MatchString(u.Path)),
		!remote && !strings.HasPrefix(u.Path, "/"), strings.ContainsRune(u.Path, 0):
		return "", fmt.Errorf("%q has no absolute path; write it as %s", raw, example)
	case remote:
		return "//" + u.Host + u.Path, nil
	case windows && !drivePath.MatchString(u.Path):
		return "", fmt.Errorf("%q has no drive letter; write it as %s", raw, example)
	case windows && len(u.Path) == len("/C:"):
		return u.Path[1:] + "/", nil // the drive's root; C: alone is its current folder
	case windows:
		return u.Path[1:], nil
	}
	return u.Path, nil
}

// asOnWindows gives a drive that follows two slashes back to the path, and the host its place where it follows four
// (RFC 8089, E.3.2): abspath begins with a drive, or with the two slashes of a share.
func asOnWindows(host, path string) (string, string) {
	if driveAsHost.MatchString(host) {
		return "", "/" + host + path
	}
	if share, ok := strings.CutPrefix(path, "//"); ok && host == "" {
		host, below, _ := strings.Cut(share, "/")
		return host, "/" + below
	}
	return host, path
}

// fileURL writes a local path as a URL.
func fileURL(path string) string {
	return formatFileURL(filepath.ToSlash(path), runtime.GOOS == "windows")
}

// formatFileURL is the inverse of parseFileURL.
func formatFileURL(path string, windows bool) string {
	u := url.URL{Scheme: "file", Path: path}
	if windows {
		if u.Host, u.Path = asOnWindows("", path); u.Host == "" {
			u.Path = "/" + path
		}
	}
	return u.String()
}
