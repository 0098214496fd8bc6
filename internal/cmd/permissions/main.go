// Command permissions writes the table of permissions that Microsoft's APIs publish, for the sandbox to embed. It reads
// exports of the APIs' service principals and keeps the facts: ID, value, kind, consent, and whether it is enabled. The
// display names and descriptions, which are Microsoft's prose, are left out.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Client IDs of the APIs.
const (
	graphAppID      = "00000003-0000-0000-c000-000000000000"
	exchangeAppID   = "00000002-0000-0ff1-ce00-000000000000"
	sharePointAppID = "00000003-0000-0ff1-ce00-000000000000"
)

// Kinds of permissions, as the table names them. Where the source says nothing of consent, a delegated permission is
// just that.
const (
	application = "application"
	delegated   = "delegated"
)

// permission is one line of the table.
type permission struct {
	kind, id, value string
	disabled        bool
}

func main() {
	roles := flag.String("graph-roles", "", "`file` with the app roles of Microsoft Graph's service principal, in JSON")
	scopes := flag.String("graph-scopes", "", "`file` with its delegated permissions, in JSON")
	exchange := flag.String("exchange", "", "`file` with the permissions of Exchange Online, as Markdown tables")
	sharePoint := flag.String("sharepoint", "", "`file` with those of SharePoint Online, as Markdown tables")
	source := flag.String("source", "", "`text` that says where the files are from, and of which date")
	flag.Parse()
	if err := write(os.Stdout, *source, *roles, *scopes, *exchange, *sharePoint); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(w io.Writer, source, roles, scopes, exchange, sharePoint string) error {
	if source == "" {
		return errors.New("-source is missing: a table without its source and date proves nothing")
	}
	graph, err := readJSON(roles, scopes)
	if err != nil {
		return err
	}
	tables := []struct {
		appID string
		found []permission
	}{{graphAppID, graph}, {exchangeAppID, nil}, {sharePointAppID, nil}}
	for i, path := range []string{exchange, sharePoint} {
		if tables[i+1].found, err = readMarkdown(path); err != nil {
			return err
		}
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "# Written by internal/cmd/permissions; do not edit.\n# Source: %s\n", source)
	for _, table := range tables {
		fmt.Fprintf(out, "api %s\n", table.appID)
		slices.SortFunc(table.found, func(a, b permission) int {
			return cmp.Or(strings.Compare(a.value, b.value), strings.Compare(a.kind, b.kind), strings.Compare(a.id, b.id))
		})
		for _, p := range table.found {
			fmt.Fprintf(out, "%s %s %s", p.kind, p.id, p.value)
			if p.disabled {
				fmt.Fprint(out, " disabled")
			}
			fmt.Fprintln(out)
		}
	}
	return out.Flush()
}

// readJSON reads the app roles and the delegated permissions of a service principal, as PowerShell writes them.
func readJSON(roles, scopes string) (found []permission, err error) {
	for _, path := range []string{roles, scopes} {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		var entries []struct {
			ID        string `json:"Id"`
			Value     string
			Type      string // of a delegated permission: who may consent, Admin or User
			IsEnabled bool
		}
		if err := json.Unmarshal(content, &entries); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, e := range entries {
			kind := application
			if e.Type != "" {
				kind = strings.ToLower(e.Type)
			}
			found = append(found, permission{kind, e.ID, e.Value, !e.IsEnabled})
		}
	}
	return found, nil
}

// row is a line of a Markdown table that begins with a permission's value and its ID.
var row = regexp.MustCompile(`(?m)^\| *([\w.-]+) *\| *([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}) *\|`)

// readMarkdown reads two tables: of application permissions, and below the second heading of delegated ones.
func readMarkdown(path string) (found []permission, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	first, second, both := strings.Cut(string(content), "\n## Delegated Permissions\n")
	if !both {
		return nil, fmt.Errorf("%s: there is no heading of the delegated permissions", path)
	}
	for _, table := range []struct{ kind, text string }{{application, first}, {delegated, second}} {
		for _, cells := range row.FindAllStringSubmatch(table.text, -1) {
			found = append(found, permission{table.kind, cells[2], cells[1], false})
		}
	}
	return found, nil
}
