package auth

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

// answerOf answers every request alike, without a server.
type answerOf struct {
	status int
	body   string
}

func (a answerOf) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.body)),
		Request: r}, nil
}

// finalStatus makes any number the status of an answer that is not waited for, 200 to 499.
func finalStatus(number int) int {
	status := 200 + int(uint(number-200)%300)
	if status == http.StatusTooManyRequests || status == http.StatusRequestTimeout {
		return http.StatusForbidden
	}
	return status
}

func FuzzAnyAnswerOfAPipelineIsATokenOrAnErrorWithoutTheRequestsToken(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "[]", "<html>", `{"value":"t"}`, `{"oidcToken":"t"}`, `{"value":""}`, `{"value":7}`,
		`{"value":"t"} x`, `{"VALUE":"t"}`, `{"value":"the-request-token"}`,
	} {
		f.Add(http.StatusOK, body)
	}
	f.Add(http.StatusForbidden, "the-request-token")
	f.Add(http.StatusFound, "")
	f.Fuzz(func(t *testing.T, status int, body string) {
		status = finalStatus(status)
		const bearer, address = "the-request-token", "https://pipeline.example/token?x=1"
		w := wire{client: &http.Client{Transport: answerOf{status, body}}, retries: retry.Policy{Clock: &retrytest.Clock{}}}
		github, err := w.gitHubToken(GitHubOIDC{RequestURL: address, RequestToken: bearer})(t.Context())
		azure, err2 := w.azureDevOpsToken(AzureDevOpsOIDC{RequestURL: address, RequestToken: bearer})(t.Context())
		for _, got := range []struct {
			token string
			err   error
		}{{github, err}, {azure, err2}} {
			switch {
			case got.err == nil && (got.token == "" || status != http.StatusOK):
				t.Errorf("HTTP %d gives the token %q", status, got.token)
			case got.err != nil && (got.token != "" || strings.Contains(got.err.Error(), bearer)):
				t.Errorf("the token %q, and the error %v", got.token, got.err)
			}
		}
	})
}

func FuzzATenantExistsOnlyWhereTheSignInServiceSaysSo(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "<html>", `{"token_endpoint":"https://login.example/t/oauth2/v2.0/token"}`, `{"token_endpoint":""}`,
		`{"token_endpoint":7}`, `{"error_codes":[90002],"error_description":"AADSTS90002: Tenant not found."}`,
	} {
		f.Add(http.StatusOK, body)
		f.Add(http.StatusBadRequest, body)
	}
	const tenantID = "00000003-0000-0000-c000-000000000000"
	f.Fuzz(func(t *testing.T, status int, body string) {
		status = finalStatus(status)
		err := Discover(t.Context(), GlobalEndpoints(), &http.Client{Transport: answerOf{status, body}},
			retry.Policy{Clock: &retrytest.Clock{}}, tenantID)
		exists := status == http.StatusOK && strings.Contains(strings.ToLower(body), "token_endpoint")
		if err == nil && !exists || err != nil && !strings.Contains(err.Error(), tenantID) {
			t.Errorf("HTTP %d with %q: %v", status, body, err)
		}
	})
}
