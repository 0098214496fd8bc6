package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// exchangeAudience is the audience that Entra expects in another issuer's token (Microsoft: "Workload identity
// federation", important considerations).
const exchangeAudience = "api://AzureADTokenExchange"

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// gitHubToken asks for the job's token (GitHub: "OpenID Connect reference", requesting the JWT).
func (w wire) gitHubToken(g GitHubOIDC) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		const advice = "The job needs the permission id-token: write"
		var answer struct {
			Value string `json:"value"`
		}
		err := w.pipelineToken(ctx, http.MethodGet, g.RequestURL, url.Values{"audience": {exchangeAudience}}, g.RequestToken,
			&answer)
		return nonEmpty("GitHub Actions", advice, answer.Value, err)
	}
}

// azureDevOpsToken asks for a token of the service connection (Azure DevOps REST API: "Oidctoken - Create"). The
// address comes from the settings like the rest, so azidentity's own credential, which knows the environment variable
// alone, does not fit.
func (w wire) azureDevOpsToken(a AzureDevOpsOIDC) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		const advice = "Compare the service connection's ID, and pass SYSTEM_ACCESSTOKEN to the task"
		var answer struct {
			Token string `json:"oidcToken"`
		}
		query := url.Values{"api-version": {"7.1"}, "serviceConnectionId": {a.ServiceConnectionID}}
		err := w.pipelineToken(ctx, http.MethodPost, a.RequestURL, query, a.RequestToken, &answer)
		return nonEmpty("Azure Pipelines", advice, answer.Token, err)
	}
}

func nonEmpty(issuer, advice, token string, err error) (string, error) {
	switch {
	case err != nil:
		return "", fmt.Errorf("asking %s for an OIDC token: %w. %s", issuer, err, advice)
	case token == "":
		return "", fmt.Errorf("asking %s for an OIDC token: the answer holds none. %s", issuer, advice)
	}
	return token, nil
}

// pipelineToken sends a request with the pipeline's own token, and decodes its answer. Errors quote neither.
func (w wire) pipelineToken(
	ctx context.Context, method, address string, query url.Values, bearer string, answer any,
) error {
	target, err := url.Parse(address)
	if err != nil || target.Scheme != "https" || target.Host == "" {
		return fmt.Errorf("the request URL is not an https URL")
	}
	all := target.Query()
	for name, values := range query {
		all[name] = values
	}
	target.RawQuery = all.Encode()
	request, err := http.NewRequestWithContext(ctx, method, target.String(), nil)
	if err != nil {
		return fmt.Errorf("the request URL cannot be used")
	}
	request.Header.Set("Authorization", "Bearer "+bearer)
	request.Header.Set("Accept", "application/json")
	request.Header.Set("X-TFS-FedAuthRedirect", "Suppress") // Azure DevOps: a status instead of a sign-in page
	response, err := w.retries.Send(w.client, request, retry.ByStatus)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("HTTP %d from %s", response.StatusCode, target.Host)
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxAnswer)).Decode(answer); err != nil {
		return fmt.Errorf("the answer of %s is not what was expected", target.Host)
	}
	return nil
}
