package interop

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest/pwsh"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// importCertificate runs the script of the hand-off, with the password from the store's file.
func (h *handoff) importCertificate(home string) {
	h.t.Helper()
	command := h.copied("the command that runs the script")
	_, quoted, _ := strings.Cut(command, "-File ")
	file := filepath.Join(h.store, filepath.FromSlash(strings.Trim(quoted, "'")))
	result := pwsh.Run(h.t, pwsh.Script{File: file, Arguments: []string{"-PasswordFromStdin"}, Home: home,
		Stdin: strings.NewReader(h.passwordOfPFX() + "\n"), Environment: []string{"OS=Windows_NT"}})
	if result.ExitCode != 0 {
		h.t.Fatalf("the import script: exit status %d: %s%s", result.ExitCode, result.Stdout, result.Stderr)
	}
}

// migrateAsDotNet runs the .NET program with the values of the sheet.
func (h *handoff) migrateAsDotNet(home string) pwsh.Result {
	h.t.Helper()
	script, err := filepath.Abs(filepath.Join("migration", "migrate.ps1"))
	must(h.t, err)
	origin := h.Server.Origin()
	return pwsh.Run(h.t, pwsh.Script{File: script, Home: home,
		Arguments: []string{"-TenantId", h.copied("the tenant ID"), "-ClientId", h.copied("the client ID"),
			"-Mailbox", h.copied("the mailbox"), "-Thumbprint", h.copied("the thumbprint"),
			"-Library", pwsh.RequireMSAL(h.t), "-Login", origin, "-Exchange", origin},
		Environment: []string{"SSL_CERT_FILE=" + authority(h.t, h.Env)}})
}

func TestAMigrationOnDotNetComesToItsEndByPowerShell(t *testing.T) {
	pwsh.Require(t)
	pwsh.RequireMSAL(t)
	h := onboard(t, acctest.Start(t, sandbox.Options{}), nil)
	home := t.TempDir()
	if result := h.migrateAsDotNet(home); result.ExitCode != 1 ||
		!strings.Contains(result.Message(), "no certificate "+h.copied("the thumbprint")) {
		t.Errorf("before the import, exit status %d: %s%s", result.ExitCode, result.Stdout, result.Stderr)
	}
	h.importCertificate(home)
	result := h.migrateAsDotNet(home)
	if result.ExitCode != 0 || !strings.HasSuffix(strings.TrimSpace(result.Stdout), "ok: delete the folder") {
		t.Errorf("exit status %d: %s%s", result.ExitCode, result.Stdout, result.Stderr)
	}

	h.Control(http.MethodPatch, "/tenants/"+h.tenant.TenantID+"/exchange", map[string]any{"ews_enabled": false})
	result = h.migrateAsDotNet(home)
	if result.ExitCode != 1 ||
		!strings.Contains(result.Message(), "create a folder: HTTP 403 EWS is disabled for this user or tenant") {
		t.Errorf("with EWS closed, exit status %d: %s%s", result.ExitCode, result.Stdout, result.Stderr)
	}

	h.Graph(h.tenant.TenantID, http.MethodPatch, "/applications(appId='"+h.copied("the client ID")+"')",
		map[string]any{"keyCredentials": []any{}})
	result = h.migrateAsDotNet(home)
	if result.ExitCode != 1 || !strings.Contains(result.Message(), "sign in for Exchange: ") ||
		!strings.Contains(result.Message(), "AADSTS700027") {
		t.Errorf("with a revoked certificate, exit status %d: %s%s", result.ExitCode, result.Stdout, result.Stderr)
	}
}
