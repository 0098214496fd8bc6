package auth

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// refused is Entra's answer with a code, in words that begin with it.
func refused(code, status int) *Error {
	return refusal(status, fmt.Appendf(nil, `{"error_codes":[%d],"error_description":"AADSTS%d: Something about it. `+
		`Trace ID: t Correlation ID: c","correlation_id":"c"}`, code, code),
		tenantA, client1, func(text string) string { return text })
}

func TestEveryCodeStandsOnceInTheOrderOfTheNumbers(t *testing.T) {
	for i, row := range reasons {
		if i > 0 && reasons[i-1].Code >= row.Code {
			t.Errorf("%d comes after %d", row.Code, reasons[i-1].Code)
		}
	}
}

func TestEveryCodeHasAMeaningAndAStepForBothApplications(t *testing.T) {
	for _, row := range reasons {
		got := refused(row.Code, 400).Reason()
		if got != row {
			t.Errorf("%d is explained by %+v", row.Code, got)
		}
		for _, text := range []string{row.Meaning, row.ForApp(), row.ForCaller()} {
			filled := Fill(text, tenantA, client1)
			if len(filled) < 20 || strings.ContainsAny(filled, "{}") || !strings.HasSuffix(filled, ".") &&
				!strings.Contains(filled, "https://") {
				t.Errorf("%d: %q", row.Code, filled)
			}
			if strings.Contains(text, fmt.Sprint(row.Code)) {
				t.Errorf("%d repeats its number: %q", row.Code, text)
			}
		}
		step := refused(row.Code, 400).NextStep()
		if !strings.HasPrefix(step, row.Meaning) || !strings.HasSuffix(step, Fill(row.ForCaller(), tenantA, client1)) {
			t.Errorf("%d: the caller is told %q", row.Code, step)
		}
		for _, attribute := range []string{"client_secret_wo", "certificate_thumbprint", "codetwo_target_app_registration"} {
			if strings.Contains(step, attribute) {
				t.Errorf("%d: the caller is told about %s of a connection's app: %q", row.Code, attribute, step)
			}
		}
	}
}

func TestACodeOutsideOfTheTableIsLookedUpByItsDigits(t *testing.T) {
	for status, passing := range map[int]bool{400: false, 401: false, 429: true, 503: true} {
		e := refused(987654, status)
		step := e.NextStep()
		for _, want := range []string{"https://login.microsoftonline.com/error?code=987654", "correlation ID", "Sign-in logs",
			client1, tenantA} {
			if !strings.Contains(step, want) {
				t.Errorf("HTTP %d: the step lacks %q: %s", status, want, step)
			}
		}
		if strings.Contains(step, "AADSTS") || strings.Count(step, "987654") != 1 ||
			strings.Contains(step, "again in a few minutes") != passing {
			t.Errorf("HTTP %d: %s", status, step)
		}
		if e.Reason().Transient != passing || e.Reason().Propagating || e.ByTenant() {
			t.Errorf("HTTP %d: %+v", status, e.Reason())
		}
	}
}

func TestACodeIsWrittenOnceInAnError(t *testing.T) {
	for _, code := range []int{500021, 987654, 50002} {
		text := refused(code, 400).Error()
		if strings.Count(text, fmt.Sprintf("AADSTS%d", code)) != 1 || !strings.Contains(text, ": Something about it. (HTTP "+
			"400) (correlation ID c") {
			t.Errorf("%d: %s", code, text)
		}
	}
	for want, e := range map[string]*Error{
		"AADSTS50002: AADSTS500021: Something.": {Codes: []int{50002}, Code: "AADSTS50002",
			Description: "AADSTS500021: Something."},
		"AADSTS90033":        {Codes: []int{90033}, Code: "AADSTS90033"},
		"AADSTS1: Twice.":    {Codes: []int{1}, Code: "AADSTS1", Description: "AADSTS1: AADSTS1: Twice."},
		"Identity not found": {Description: "Identity not found"},
		"HTTP 503, in an answer that is not Entra's": {Status: 503},
	} {
		if got := e.Says(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestAnAnswerWithoutACodeHasANextStep(t *testing.T) {
	for name, c := range map[string]struct {
		body, want string
	}{
		"a proxy's page": {"<html>blocked", "Something between this machine and Entra"},
		"a managed identity's endpoint": {`{"error":"invalid_request","error_description":"Identity not found"}`,
			"assigned to this machine"},
	} {
		e := refusal(400, []byte(c.body), tenantA, "", func(text string) string { return text })
		if step := e.NextStep(); !strings.Contains(step, c.want) || !strings.Contains(step, "HTTPS_PROXY") || e.ByTenant() {
			t.Errorf("%s: %s", name, step)
		}
	}
}

func TestTheFirstCodeOfAnAnswerIsItsCause(t *testing.T) {
	e := &Error{Codes: []int{70002, 7000222, 7000112}}
	if row, found := e.Known(); !found || row.Code != 7000222 || e.ByTenant() {
		t.Errorf("%+v, by the tenant: %t", row, e.ByTenant())
	}
	if (&Error{Codes: []int{70002, 7000112}}).ByTenant() {
		t.Error("a second code makes the refusal the tenant's")
	}
}

func TestARefusalOfTheCredentialOrOfTheNetworkIsNotTheTenants(t *testing.T) {
	want := []int{90002, 501051, 700016, 900023, 5000224, 5000225, 7000112, 7000229}
	var got []int
	for _, row := range reasons {
		if refused(row.Code, 400).ByTenant() {
			got = append(got, row.Code)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("by the tenant: %v, want %v", got, want)
	}
	if (&Error{Status: http.StatusForbidden}).ByTenant() {
		t.Error("an answer of a proxy passes for the tenant's")
	}
}

func TestAnIdentityWithoutAClientIDIsToldWhereOneGoes(t *testing.T) {
	step := (&Error{Codes: []int{7000112}, TenantID: tenantA}).NextStep()
	if !strings.Contains(step, "<client ID>") || !strings.Contains(step, tenantA) {
		t.Errorf("%s", step)
	}
}
