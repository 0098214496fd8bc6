package tfvalidate

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

func TestGraphErrorIsReadableAndKeepsWhatSupportAsksFor(t *testing.T) {
	err := fmt.Errorf("granting: %w", &entra.Error{
		Status: 403, Method: "POST", Path: "/v1.0/servicePrincipals/x/appRoleAssignments",
		Code: "Authorization_RequestDenied", Message: "Insufficient privileges to complete the operation.",
		Details:   []entra.ErrorDetail{{Code: "DetailCode", Message: "detail message", Target: "detail target"}},
		RequestID: "request-1", ClientRequestID: "client-2",
	})
	var diagnostics diag.Diagnostics
	AddGraphError(&diagnostics, path.Root("grant_admin_consent"), "Consent refused", err,
		"Give the caller AppRoleAssignment.ReadWrite.All.")

	if len(diagnostics) != 1 || diagnostics[0].Summary() != "Consent refused" {
		t.Fatalf("diagnostics: %v", diagnostics)
	}
	if at, ok := diagnostics[0].(diag.DiagnosticWithPath); !ok || !at.Path().Equal(path.Root("grant_admin_consent")) {
		t.Errorf("the diagnostic does not point at the attribute")
	}
	for _, want := range []string{
		"HTTP 403", "POST /v1.0/servicePrincipals/x/appRoleAssignments", "Authorization_RequestDenied",
		"Insufficient privileges",
		"DetailCode: detail message (detail target)", "request-id request-1", "client-request-id client-2",
		"AppRoleAssignment.ReadWrite.All",
	} {
		if !strings.Contains(diagnostics[0].Detail(), want) {
			t.Errorf("the detail lacks %q:\n%s", want, diagnostics[0].Detail())
		}
	}
}

func TestWithoutAnAttributeToBlameTheErrorStandsAlone(t *testing.T) {
	var diagnostics diag.Diagnostics
	AddGraphError(&diagnostics, path.Empty(), "Unreachable", errors.New("no route to host"), "")
	if _, ok := diagnostics[0].(diag.DiagnosticWithPath); ok {
		t.Errorf("the diagnostic points at an attribute")
	}
	if got := diagnostics[0].Detail(); got != "no route to host" {
		t.Errorf("detail: %q", got)
	}
}

func TestWhoCannotSignInIsToldHowToSignIn(t *testing.T) {
	err := fmt.Errorf("reading the application: %w", &auth.Error{
		Status: 401, Code: "AADSTS7000222", Codes: []int{7000222}, Description: "The provided client secret keys " +
			"are expired.", CorrelationID: "correlation-1",
	})
	got := Explain(err, "Grant Application.Read.All.")
	for _, want := range []string{"AADSTS7000222", "reading the application", "expired", "correlation-1",
		"new client secret"} {
		if !strings.Contains(got, want) {
			t.Errorf("the explanation lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "Application.Read.All") {
		t.Errorf("advice on a request that was never made:\n%s", got)
	}
}

func TestWhatEveryCodeMeansToTheCallerIsExplainedOnce(t *testing.T) {
	codes := []int{987654} // outside of the table
	for _, row := range auth.Reasons() {
		codes = append(codes, row.Code)
	}
	for _, code := range codes {
		refused := &auth.Error{
			Status: 400, Code: fmt.Sprintf("AADSTS%d", code), Codes: []int{code}, TenantID: "tenant-1", ClientID: "client-1",
			CorrelationID: "correlation-1",
			Description:   fmt.Sprintf("AADSTS%d: Entra's own words. Trace ID: t", code),
		}
		got := Explain(fmt.Errorf("reading the application: %w", refused), "Grant Application.Read.All.")
		said, step, _ := strings.Cut(got, "\n\n")
		if strings.Count(got, refused.Code) != 1 || !strings.Contains(said, refused.Code+": Entra's own words. (HTTP 400)") ||
			!strings.Contains(said, "correlation-1") {
			t.Errorf("%d:\n%s", code, got)
		}
		reason := refused.Reason()
		if want := auth.Fill(reason.ForCaller(), "tenant-1", "client-1"); !strings.HasPrefix(step, reason.Meaning) ||
			!strings.Contains(step, want) {
			t.Errorf("%d: the step is %q, want %q and %q", code, step, reason.Meaning, want)
		}
		// What passes is waited for, and then the other advice is on the wait: which timeout to allow more to.
		if strings.Contains(got, "Application.Read.All") != reason.Transient {
			t.Errorf("%d, may pass %t:\n%s", code, reason.Transient, got)
		}
	}
}
