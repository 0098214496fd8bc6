package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// The competitors' providers are rarely installed where this test runs, so only the CLI's own parser reads their
// configuration.
func TestTheCompetitorsConfigurationIsWellFormed(t *testing.T) {
	t.Parallel()
	main, err := competitorMain([]string{"11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"})
	if err != nil {
		t.Fatal(err)
	}
	module, err := competitorConfiguration.ReadFile("competitor/tenant.tf.txt")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"main": main, "tenant": module, "ours": configuration} {
		format := exec.CommandContext(t.Context(), os.Getenv("TF_ACC_TERRAFORM_PATH"), "fmt", "-no-color", "-")
		format.Stdin = bytes.NewReader(text)
		formatted, err := format.CombinedOutput()
		if err != nil || !bytes.Equal(formatted, text) {
			t.Errorf("%s: %v\n%s", name, err, formatted)
		}
	}
	if blocks := bytes.Count(main, []byte("\nprovider \"azuread\"")); blocks != 2 {
		t.Errorf("%d provider blocks for two tenants", blocks)
	}
}

func TestTheCompetitorsRunOnlyWhereAllTheirProvidersAreInstalled(t *testing.T) {
	t.Parallel()
	mirror := t.TempDir()
	for i, provider := range competitorProviders {
		_, missing, err := competitors(mirror, t.TempDir())
		if err != nil || len(missing) != len(competitorProviders)-i || slices.Contains(missing, "") {
			t.Errorf("with %d providers missing are %v, %v", i, missing, err)
		}
		if err := os.MkdirAll(filepath.Join(mirror, "registry.example", "hashicorp", provider, "1.0.0"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	competitor, missing, err := competitors(mirror, t.TempDir())
	if err != nil || len(missing) > 0 || competitor.providers != mirror {
		t.Errorf("with all of them: %+v, missing %v, %v", competitor.name, missing, err)
	}
}
