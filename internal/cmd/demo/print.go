package main

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// marks make a table's statuses readable at a glance.
var marks = map[string]string{"passed": "✓", "warning": "!", "failed": "✗", "skipped": "–"}

// printChecks prints the connectivity table, and below it what to do about each check that did not pass. A script
// behind the advice is counted only.
func printChecks(w io.Writer, checks []check) {
	width := 0
	for _, check := range checks {
		width = max(width, len(check.Name))
	}
	for _, check := range checks {
		fmt.Fprintf(w, "  %s %-*s  %-8s %s\n", marks[check.Status], width, check.Name, check.Status, firstLine(check.Detail))
	}
	for _, check := range checks {
		if check.Remedy != "" {
			advice, script, _ := strings.Cut(check.Remedy, "\n\n")
			fmt.Fprintf(w, "\n  %s: what to do\n%s\n", check.Name, indent(advice, "    "))
			if script != "" {
				fmt.Fprintf(w, "    The script has %d lines, and is on the hand-off sheet as well.\n", strings.Count(script, "\n"))
			}
		}
	}
}

// table prints rows under a heading, aligned.
func table(heading []string, rows [][]string) {
	widths := make([]int, len(heading))
	all := append([][]string{heading}, rows...)
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
		}
		fmt.Println("  " + strings.TrimRight(line.String(), " "))
	}
}

// list prints the files of a folder, one a line.
func list(w io.Writer, folder, prefix string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(w, prefix+filepath.ToSlash(relative))
		return err
	})
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func indent(text, prefix string) string {
	return prefix + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+prefix)
}
