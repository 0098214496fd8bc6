// Package ewsplay runs the EWS allow-list script in PowerShell against simulated Exchange cmdlets, including lagging
// reads, old modules and wrong organizations. Only tests import it.
package ewsplay

import (
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/pwsh"
)

//go:embed plays.ps1
var player string

// The organization's EwsEnabled.
const (
	Unset = ""
	True  = "true"
	False = "false"
)

// The modules that a machine may have, besides a current one.
const (
	NoConnectionInformation = "no connection information" // older than 3.0
	// Get-OrganizationConfig without -RetrieveEwsOperationAccessPolicy.
	NoParameter = "no parameter"
	NoProperty  = "no property" // shows no EwsAllowedAppIDs
	NoWriting   = "no writing"  // the role of the connection grants no Set-OrganizationConfig
)

// Connection is what Get-ConnectionInformation shows.
type Connection struct {
	TenantID string `json:"tenant_id"`
	State    string `json:"state,omitempty"` // Connected by default
	URI      string `json:"uri,omitempty"`   // Exchange Online's by default
	// Delegated is the customer's domain of a partner's connection.
	Delegated string `json:"delegated,omitempty"`
}

// Settings are what an organization has set.
type Settings struct {
	Enabled string `json:"enabled"` // EwsEnabled: Unset, True or False
	List    string `json:"list"`    // EwsAllowedAppIDs
}

// Play is one run of the script.
type Play struct {
	Title string `json:"-"`
	Settings
	Name        string       `json:"name"` // of the organization: its initial domain
	Connections []Connection `json:"connections"`
	ConnectsTo  Connection   `json:"connects_to"` // where Connect-ExchangeOnline leads
	Module      string       `json:"module"`
	Arguments   string       `json:"arguments"` // as typed
	Answer      string       `json:"answer"`    // to Read-Host
	NobodyThere bool         `json:"nobody_there"`
	Lag         int          `json:"lag"` // reads after a write that show the time before

	// Earlier is what the first LagBefore reads show, as somebody set it before Settings.
	Earlier   Settings `json:"earlier"`
	LagBefore int      `json:"lag_before"`
	// FailingReads are the numbers of the reads, from 1, that Exchange refuses.
	FailingReads []int `json:"failing_reads,omitempty"`
	// IntrudesWith is what somebody else sets right before the read of the number IntrudesAt.
	IntrudesWith Settings `json:"intrudes_with"`
	IntrudesAt   int      `json:"intrudes_at"`

	ListAsArray bool `json:"list_as_array"`
	AsText      bool `json:"enabled_as_text"`
	Refuses     bool `json:"refuses_writes"`
	WhatIf      bool `json:"what_if"` // $WhatIfPreference of the session
	Strict      bool `json:"strict"`  // the caller's session is strict, and has defaults of its own
}

// Write is one Set-OrganizationConfig. Nil is what it did not name.
type Write struct {
	List        *string `json:"list"`
	Enabled     *bool   `json:"enabled"`
	SetsEnabled bool    `json:"sets_enabled"`
}

// Outcome is what came of a play.
type Outcome struct {
	Said     string   `json:"said"`    // output, without errors
	Failure  string   `json:"failure"` // empty where the script ended well
	Writes   []Write  `json:"writes"`
	Connects []string `json:"connects"` // the -DelegatedOrganization of each Connect-ExchangeOnline
	Asked    int      `json:"asked"`
	Slept    int      `json:"slept"` // seconds
}

// Run plays a script, in one PowerShell. Without PowerShell the test is skipped, and counts as not run.
func Run(t testing.TB, script string, plays []Play) []Outcome {
	t.Helper()
	folder := t.TempDir()
	file := func(name string) string { return filepath.Join(folder, name) }
	content, err := json.Marshal(plays)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"ews.ps1": []byte(script), "plays.json": content} {
		if err := os.WriteFile(file(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	result := pwsh.Run(t, pwsh.Script{Content: player, Folder: folder,
		Arguments: []string{"-Script", file("ews.ps1"), "-Plays", file("plays.json"), "-Outcomes", file("outcomes.json")}})
	written, err := os.ReadFile(file("outcomes.json"))
	if err != nil || result.ExitCode != 0 || strings.TrimSpace(result.Stderr) != "" {
		t.Fatalf("the plays did not come to their end (exit status %d): %v\n%s", result.ExitCode, err, result.Message())
	}
	var outcomes []Outcome
	if err := json.Unmarshal(written, &outcomes); err != nil || len(outcomes) != len(plays) {
		t.Fatalf("%d outcomes of %d plays: %v", len(outcomes), len(plays), err)
	}
	return outcomes
}
