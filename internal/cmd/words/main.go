// Command words reports uses of retired words in code, comments and documentation. It reads prose only: documentation,
// templates, comments, and the string literals of Go that hold more than one word, but not identifiers or code.
//
//	words [PATH ...]
//
// Each PATH is a file or a folder; without one, the working folder. Each finding is a line "FILE:LINE: words,
// with what to write instead". The exit status is 1 if there are findings.
package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	paths := os.Args[1:]
	if len(paths) == 0 {
		paths = []string{"."}
	}
	found, err := check(paths, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "words:", err)
		os.Exit(2)
	}
	if found > 0 {
		fmt.Fprintf(os.Stderr, "words: %d findings\n", found)
		os.Exit(1)
	}
}

// skipped are folders with text that is not the project's. The rules and their tests quote what they refuse.
var skipped = []string{".git", ".cache", "dist", "node_modules", "testdata", "vendor", "internal/cmd/words"}

// read are the names and extensions of the files that are read.
var read = []string{".go", ".md", ".tmpl", ".txt", ".tf", ".tfquery.hcl", ".json", ".yml", ".yaml", ".ps1", ".sh",
	".mjs", ".js", ".css", "GNUmakefile", "run"}

// check prints the findings in every file at or below the paths, and returns how many there are.
func check(paths []string, out io.Writer) (found int, err error) {
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case entry.IsDir() && isSkipped(path):
				return filepath.SkipDir
			case entry.IsDir() || !isRead(path):
				return nil
			}
			inFile, err := checkFile(path, out)
			found += inFile
			return err
		})
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

func checkFile(path string, out io.Writer) (found int, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	texts, err := prose(path, content)
	if err != nil {
		return 0, err
	}
	for _, text := range texts {
		for _, one := range refused(text) {
			found++
			fmt.Fprintf(out, "%s:%d: %s\n", path, one.line, one.message)
		}
	}
	return found, nil
}

func isSkipped(path string) bool {
	path = filepath.ToSlash(path)
	return slices.ContainsFunc(skipped, func(folder string) bool {
		return path == folder || strings.HasSuffix(path, "/"+folder)
	})
}

func isRead(path string) bool {
	base := filepath.Base(path)
	if base == "package-lock.json" {
		return false
	}
	return slices.ContainsFunc(read, func(name string) bool {
		return base == name || strings.HasPrefix(name, ".") && strings.HasSuffix(base, name)
	})
}
