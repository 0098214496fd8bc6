package store

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CheckPublicFolderPaths refuses what cannot be the paths of public folders below the root, such as \Sales\Archive,
// and paths that are the same but for their case. It knows their form only, not whether the folders exist.
func CheckPublicFolderPaths(paths []string) error {
	var problems []error
	seen := map[string]string{}
	for _, path := range paths {
		if err := checkPublicFolderPath(path); err != nil {
			problems = append(problems, err)
			continue
		}
		folded := strings.ToLower(path)
		if other, twice := seen[folded]; twice {
			problems = append(problems, fmt.Errorf("%s and %s are the same folder, whatever their case: name it once",
				other, path))
		}
		seen[folded] = path
	}
	return errors.Join(problems...)
}

func checkPublicFolderPath(path string) error {
	const form = `write it as Get-PublicFolder shows Identity, such as \Sales\Archive`
	switch {
	case path == "":
		return fmt.Errorf("a path is empty: %s", form)
	case path == `\`:
		return errors.New(`\ is the root, which is always checked: leave it out`)
	case strings.Contains(path, "/"):
		return fmt.Errorf(`%s holds a forward slash, and a backslash separates folders: %s`, show(path), form)
	case !strings.HasPrefix(path, `\`):
		return fmt.Errorf(`%s does not begin with a backslash: %s`, show(path), form)
	case strings.HasSuffix(path, `\`):
		return fmt.Errorf(`%s ends with a backslash: %s`, show(path), form)
	}
	for _, r := range path {
		// The plain space and the ideographic one are the only spaces in names.
		if !unicode.IsGraphic(r) || r == utf8.RuneError || unicode.IsSpace(r) && r != ' ' && r != '\u3000' {
			return fmt.Errorf("%s holds an invisible character (%U), as copying brings along: type it again", show(path), r)
		}
	}
	for name := range strings.SplitSeq(path[1:], `\`) {
		if name == "" {
			return fmt.Errorf(`%s has two backslashes in a row: %s`, show(path), form)
		}
		if strings.TrimSpace(name) != name {
			return fmt.Errorf("%s has a space at the beginning or the end of a folder's name: remove it", show(path))
		}
	}
	return nil
}

// show is a path as it is read, in quotes: %q would double each backslash. What cannot be seen is escaped.
func show(path string) string {
	quoted := fmt.Sprintf("%q", path)
	return strings.ReplaceAll(quoted, `\\`, `\`)
}
