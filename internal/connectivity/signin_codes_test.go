package connectivity_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// askAsCaller has the identity that runs Terraform sign in to the tenant, and returns the error that Terraform prints.
func (b *bench) askAsCaller() string {
	b.t.Helper()
	const list = "codetwo_target_app_registrations"
	kind := b.protocol.Schemas.DataSourceSchemas[list].ValueType()
	response, err := b.protocol.ReadDataSource(b.t.Context(), &tfprotov6.ReadDataSourceRequest{
		TypeName: list,
		Config: b.protocol.Value(kind, map[string]tftypes.Value{"tenant_id": tftypes.NewValue(tftypes.String,
			b.tenant.TenantID)}),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	if len(response.Diagnostics) != 1 || response.Diagnostics[0].Severity != tfprotov6.DiagnosticSeverityError {
		b.t.Fatalf("want one error: %+v", response.Diagnostics)
	}
	return response.Diagnostics[0].Detail
}

func TestAccTargetConnectivity_ASignInCodeIsExplainedToAppAndCallerAlike(t *testing.T) {
	codes := []int{50012, 53003, 90055, 500021, 500022, 530035, 700030, 700213, 5000211, 5000224, 7000112, 7000222, 987654}
	if known := auth.Reasons(); slices.ContainsFunc(known, func(row auth.Reason) bool { return row.Code == 987654 }) {
		t.Fatal("the last code is meant to be one that the table does not hold")
	}
	b := newBench(t, sandbox.Options{})
	app := b.register()
	connection := b.connect(app, nil)
	caller := b.tenant.Callers.Full.ClientID
	for _, code := range codes {
		reason := (&auth.Error{Codes: []int{code}, Status: http.StatusBadRequest}).Reason()
		name := fmt.Sprintf("AADSTS%d", code)

		b.refuse(app.ClientID, code)
		got := b.read(connection, nil)
		row := got.row(checks.Token)
		if !strings.Contains(row.detail, reason.Meaning) || strings.Count(row.detail, name) != 1 ||
			strings.Contains(row.remedy, name) {
			t.Errorf("%s, the app: %+v", name, row)
		}
		if want := auth.Fill(reason.ForApp(), b.tenant.TenantID, app.ClientID); row.remedy != want || want == "" {
			t.Errorf("%s, the app: the remedy is %q, want %q", name, row.remedy, want)
		}
		if strings.Count(got.text(), name) != 1 || !strings.Contains(got.text(), "correlation ID ") {
			t.Errorf("%s, the app: the warning is\n%s", name, got.text())
		}

		b.refuse(caller, code)
		detail := b.askAsCaller()
		step := auth.Fill(strings.TrimSpace(reason.Meaning+" "+reason.ForCaller()), b.tenant.TenantID, caller)
		if !strings.Contains(detail+"\n\n", "\n\n"+step+"\n\n") {
			t.Errorf("%s, the caller: the error has no paragraph %q:\n%s", name, step, detail)
		}
		if strings.Count(detail, name) != 1 || !strings.Contains(detail, "(correlation ID ") {
			t.Errorf("%s, the caller:\n%s", name, detail)
		}
	}
}
