package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// ours begins the display name of what the configuration registers.
const ours = "CodeTwo "

// everywhere does the same in every tenant, as the people there do, several at a time.
func (b *bench) everywhere(ctx context.Context,
	do func(context.Context, *http.Client, sandbox.TenantState) error) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b.server.CertificateAuthorityPEM())
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(20)
	for _, state := range b.server.State().Tenants {
		group.Go(func() error {
			if err := do(ctx, client, state); err != nil {
				return fmt.Errorf("tenant %s: %w", state.TenantID, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// revokeConsent takes one granted permission of each registered application away, long enough ago for everybody to see
// it.
func (b *bench) revokeConsent(ctx context.Context) error {
	defer b.server.Settle()
	caller := b.server.TenantsJSON().Tenants[0].Callers.Full
	return b.everywhere(ctx, func(ctx context.Context, client *http.Client, state sandbox.TenantState) error {
		principals := map[string]bool{}
		for _, principal := range state.ServicePrincipals {
			principals[principal.ObjectID] = strings.HasPrefix(principal.DisplayName, ours)
		}
		for _, grant := range state.Grants {
			if !principals[grant.PrincipalID] {
				continue
			}
			var token struct {
				AccessToken string `json:"access_token"`
			}
			form := url.Values{"grant_type": {"client_credentials"}, "client_id": {caller.ClientID},
				"client_secret": {caller.ClientSecret}, "scope": {b.server.Origin() + "/.default"}}
			if err := b.ask(ctx, client, http.MethodPost, "/"+state.TenantID+"/oauth2/v2.0/token",
				"application/x-www-form-urlencoded", "", form.Encode(), &token); err != nil {
				return err
			}
			return b.ask(ctx, client, http.MethodDelete, "/v1.0/servicePrincipals/"+grant.PrincipalID+"/appRoleAssignments/"+
				grant.ID, "", token.AccessToken, "", nil)
		}
		return fmt.Errorf("no permission is granted that could be taken away")
	})
}

// openGate does what the Exchange admin does: EWS is closed to new apps. A day passes until Exchange knows of it.
func (b *bench) openGate(ctx context.Context) error {
	defer b.server.Settle()
	return b.everywhere(ctx, func(ctx context.Context, client *http.Client, state sandbox.TenantState) error {
		var clientIDs []string
		for _, application := range state.Applications {
			if strings.HasPrefix(application.DisplayName, ours) {
				clientIDs = append(clientIDs, application.ClientID)
			}
		}
		body, err := json.Marshal(map[string]any{"ews_enabled": true, "ews_allowed_app_ids": clientIDs})
		if err != nil {
			return err
		}
		return b.ask(ctx, client, http.MethodPatch, "/_sandbox/tenants/"+state.TenantID+"/exchange", "application/json", "",
			string(body), nil)
	})
}

// ask sends one request to the sandbox.
func (b *bench) ask(ctx context.Context, client *http.Client, method, path, contentType, token, body string,
	answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, b.server.Origin()+path, bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	received, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode >= 300 {
		return fmt.Errorf("%s %s was answered with %s: %s", method, path, response.Status, received)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(received, answer)
}
