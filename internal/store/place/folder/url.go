package folder

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// ParseURL returns the absolute path of the folder that a file:// URL names. The error says how to write it.
func ParseURL(raw string) (root string, err error) {
	path, err := parseFileURL(raw, runtime.GOOS == "windows")
	if err != nil {
		return "", err
	}
	return filepath.Clean(filepath.FromSlash(path)), nil
}

var (
	drivePath = regexp.MustCompile(`^/[A-Za-z]:(/|$)`)
	drive     = regexp.MustCompile(`^[A-Za-z]:$`)
	// server keeps out "." and "?", which begin the names of devices (Microsoft: "Naming Files, Paths, and Namespaces").
	server = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	share  = regexp.MustCompile(`^/[^/]+`)
)

// parseFileURL returns the path of a file URL (RFC 8089), with slashes. On Windows it begins with the drive's letter or
// with two slashes and a server; file://C:/… is what "file://${abspath(path.root)}" gives there.
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
		return "", fmt.Errorf("%q is not the URL of a folder (file://…), as in %s", raw, example)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil || strings.HasSuffix(raw, "?") ||
		strings.HasSuffix(raw, "#"):
		return "", fmt.Errorf("%q: a connection store's URL has no user, query or fragment; write ? as %%3F and # as %%23",
			raw)
	case strings.ContainsRune(u.Path, 0):
		return "", fmt.Errorf("%q has no absolute path; write it as %s", raw, example)
	case windows:
		return windowsPath(u, raw, example)
	case u.Host != "" && !strings.EqualFold(u.Host, "localhost"):
		return "", fmt.Errorf("%q names a host (%s) where the path should begin; write three slashes and an absolute "+
			"path, as in %s",
			raw, u.Host, example)
	case !strings.HasPrefix(u.Path, "/"):
		return "", fmt.Errorf("%q has no absolute path; write it as %s", raw, example)
	}
	return u.Path, nil
}

func windowsPath(u *url.URL, raw, example string) (string, error) {
	path, host := strings.ReplaceAll(u.Path, `\`, "/"), u.Host
	if drive.MatchString(host) {
		path, host = "/"+host+path, ""
	}
	switch {
	case host != "" && !strings.EqualFold(host, "localhost"):
		if !server.MatchString(host) {
			return "", fmt.Errorf("%q begins with %s, which is neither a drive nor a server; write it as %s", raw, host, example)
		}
		if name := share.FindString(path); name == "" || name == "/." || name == "/.." {
			return "", fmt.Errorf("%q names a server (%s) without a share; write it as %s", raw, host, example)
		}
		return "//" + host + path, nil
	case !drivePath.MatchString(path):
		return "", fmt.Errorf("%q has no drive letter; write it as %s", raw, example)
	case len(path) == len("/C:"):
		path += "/" // C: alone is the drive's current folder
	}
	return strings.TrimPrefix(path, "/"), nil
}

// fileURL writes a local path as a URL.
func fileURL(path string) string {
	slashed := filepath.ToSlash(path)
	if unc, ok := strings.CutPrefix(slashed, "//"); ok { // a server's share on Windows
		host, rest, _ := strings.Cut(unc, "/")
		return (&url.URL{Scheme: "file", Host: host, Path: "/" + rest}).String()
	}
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/…
	}
	return (&url.URL{Scheme: "file", Path: slashed}).String()
}
