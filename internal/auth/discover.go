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

// Discover asks whether the tenant (a GUID) exists, by reading its OpenID configuration, which needs no token. The
// error is *Error when the sign-in service refused: with the code 90002 there is no such tenant.
func Discover(
	ctx context.Context, endpoints Endpoints, client *http.Client, retries retry.Policy, tenantID string,
) error {
	address := endpoints.Login + "/" + url.PathEscape(tenantID) + "/v2.0/.well-known/openid-configuration"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("looking for tenant %s: %w", tenantID, err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := retries.Send(client, request, retry.ByStatus)
	if err != nil {
		return fmt.Errorf("looking for tenant %s: %w", tenantID, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("looking for tenant %s: %w", tenantID, err)
	}
	if response.StatusCode != http.StatusOK {
		return refusal(response.StatusCode, body, tenantID, "", func(text string) string { return text })
	}
	var configuration struct {
		TokenEndpoint string `json:"token_endpoint"`
	}
	if json.Unmarshal(body, &configuration) != nil || configuration.TokenEndpoint == "" {
		return fmt.Errorf("looking for tenant %s: the answer of %s is not an OpenID configuration", tenantID,
			request.URL.Host)
	}
	return nil
}
