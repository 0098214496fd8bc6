package connectivity_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// shown is the folder of the texts that the guide shows: what Terraform prints in a tenant with EWS switched off.
const shown = "../../examples/data-sources/codetwo_target_connectivity"

var update = flag.Bool("update", false, "write the guide's texts from this run")

func TestAccTargetConnectivity_TheGuideShowsWhatARunPrints(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	app, pair := b.register(), b.certificate(time.Now().Add(-time.Hour))
	b.upload(app, pair)
	b.exchange(map[string]any{"ews_enabled": false})
	connection := b.connect(app, byCertificate(pair))
	got := b.read(connection, nil)
	example := strings.NewReplacer(
		b.tenant.TenantID, "11111111-2222-3333-4444-555555555555", app.ClientID, "66666666-7777-8888-9999-aaaaaaaaaaaa",
		pair.Certificate.NotAfter.UTC().Format(time.DateOnly), "2031-11-23",
		certificate.Thumbprint(pair.Certificate), "0123456789ABCDEF0123456789ABCDEF01234567",
	)
	var table strings.Builder
	for _, row := range got.rows {
		fmt.Fprintf(&table, "%-14s %-8s %s\n", row.name, row.status, row.detail)
	}
	warning := "Warning: " + got.diagnostics[0].Summary + "\n\n" + got.diagnostics[0].Detail
	for name, text := range map[string]string{"checks.txt": table.String(), "warning.txt": warning} {
		path, want := filepath.Join(shown, name), strings.TrimRight(example.Replace(text), "\n")+"\n"
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if content, err := os.ReadFile(path); err != nil || string(content) != want {
			t.Errorf("%s is not what a run prints; write it with: go test ./internal/connectivity -run %s -update (%v)\n%s",
				path, t.Name(), err, want)
		}
	}
}
