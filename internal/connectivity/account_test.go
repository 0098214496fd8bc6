package connectivity_test

import (
	"net/http"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

func TestAccTargetConnectivity_AUserWithoutALicenceIsAFailureUnlessEWSOpensTheMailbox(t *testing.T) {
	for name, c := range map[string]struct {
		user              map[string]any
		status, connected string
	}{
		"a shared mailbox":                      {map[string]any{"enabled": false, "plans": false}, "warning", "true"},
		"a shared mailbox with an open account": {map[string]any{"plans": false}, "warning", "true"},
		"no mailbox":                            {map[string]any{"mailbox": "unlicensed"}, "failed", "false"},
		"no mailbox, and a blocked account":     {map[string]any{"mailbox": "unlicensed", "enabled": false}, "failed", "false"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, sandbox.Options{})
			connection := b.connect(b.register(), nil)
			b.Control(http.MethodPatch, "/tenants/"+b.tenant.TenantID+"/users/"+connection.Mailbox, c.user)
			got := b.readTwice(connection, nil)
			if row := got.row(checks.Mailbox); row.status != c.status || got.connected != c.connected || row.remedy == "" {
				t.Errorf("connected %s: %+v", got.connected, row)
			}
		})
	}
}
