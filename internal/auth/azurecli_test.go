//go:build unix

package auth

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// TestAzureCLIThatFailsIsExplained runs the real credential, first without an az, then with one that knows nobody.
func TestAzureCLIThatFailsIsExplained(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("PATH", folder)
	for _, says := range []string{"executable not found", "Please run 'az login'"} {
		caller, err := NewCaller(Identity{Credential: AzureCLI{}}, GlobalEndpoints(), &http.Client{}, retry.Policy{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = caller.Token(t.Context(), tenantA, graphScope)
		for _, words := range []string{tenantA, "no credential in the configuration, in ARM_* or in AZURE_*, so the Azure " +
			"CLI was tried", says, "ARM_CLIENT_ID", "az login", "use_cli = false"} {
			if err == nil || !strings.Contains(err.Error(), words) {
				t.Errorf("the error lacks %q: %v", words, err)
			}
		}
		if err := os.WriteFile(filepath.Join(folder, "az"), []byte("#!/bin/sh\necho \"Please run 'az login' to setup "+
			"account.\" >&2\nexit 1\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
