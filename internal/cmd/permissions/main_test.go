package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// inputs are files that a test reads in place of the exports.
func inputs(t *testing.T, files map[string]string) func(string) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return func(name string) string { return filepath.Join(folder, name) }
}

const tables = `## Application Permissions

| Role | Role Id | Display Name | Description |
|---|---|---|---|
| full_access_as_app | dc890d15-9560-4a4c-9b7f-a736ec74ec40 | Use everything | Allows everything |

## Delegated Permissions

| EWS.AccessAsUser.All | 3b5f3d61-589b-4a3c-a359-5dd4b5ee5bd5 | Use a mailbox | Allows a mailbox |
`

func TestTheTableHasTheFactsAndNoProse(t *testing.T) {
	at := inputs(t, map[string]string{
		"roles.json": `[{"Id": "b633e1c5-b582-4048-a93e-9f11b44c7e96", "Value": "Mail.Send", "IsEnabled": true, "Description": "Allows"},
			{"Id": "aec9e0a0-6f46-4150-a9f7-05e9e3e87399", "Value": "AgentCard.Read.All", "IsEnabled": false}]`,
		"scopes.json": `[{"Id": "e1fe6dd8-ba31-4d61-89e7-88639da4683d", "Value": "User.Read", "Type": "User", "IsEnabled": true}]`,
		"tables.md":   tables,
	})
	var out strings.Builder
	err := write(&out, "an export of 2026-08-20", at("roles.json"), at("scopes.json"), at("tables.md"), at("tables.md"))
	if err != nil {
		t.Fatal(err)
	}
	const exchange = `application dc890d15-9560-4a4c-9b7f-a736ec74ec40 full_access_as_app
`
	want := `# Written by internal/cmd/permissions; do not edit.
# Source: an export of 2026-08-20
api 00000003-0000-0000-c000-000000000000
application aec9e0a0-6f46-4150-a9f7-05e9e3e87399 AgentCard.Read.All disabled
application b633e1c5-b582-4048-a93e-9f11b44c7e96 Mail.Send
user e1fe6dd8-ba31-4d61-89e7-88639da4683d User.Read
api 00000002-0000-0ff1-ce00-000000000000
delegated 3b5f3d61-589b-4a3c-a359-5dd4b5ee5bd5 EWS.AccessAsUser.All
` + exchange + `api 00000003-0000-0ff1-ce00-000000000000
delegated 3b5f3d61-589b-4a3c-a359-5dd4b5ee5bd5 EWS.AccessAsUser.All
` + exchange
	if out.String() != want {
		t.Errorf("the table is\n%s\nwant\n%s", out.String(), want)
	}
}

func TestATableWithoutItsSourceIsRefused(t *testing.T) {
	at := inputs(t, map[string]string{"list.json": "[]", "tables.md": tables, "text.md": "# Permissions"})
	list := at("list.json")
	for sentence, run := range map[string]func() error{
		"no source": func() error { return write(&strings.Builder{}, "", list, list, at("tables.md"), at("tables.md")) },
		"a file without a table": func() error {
			return write(&strings.Builder{}, "an export", list, list, at("text.md"), at("tables.md"))
		},
		"a file of another format": func() error {
			return write(&strings.Builder{}, "an export", at("text.md"), list, at("tables.md"), at("tables.md"))
		},
		"a file that is missing": func() error {
			return write(&strings.Builder{}, "an export", at("none"), list, at("tables.md"), at("tables.md"))
		},
	} {
		if run() == nil {
			t.Errorf("%s is taken", sentence)
		}
	}
}
