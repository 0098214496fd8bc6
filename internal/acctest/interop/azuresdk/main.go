// Command azuresdk sends the requests that HashiCorp's azuread provider sends for a registration, through the
// unmodified base layer of its SDK: it finds the cloud by its metadata host and calls Graph with the base client. It
// includes neither azuread itself nor the generated clients between the two. It is a module of its own, so that the
// provider does not depend on it.
package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/go-azure-sdk/sdk/auth"
	"github.com/hashicorp/go-azure-sdk/sdk/claims"
	"github.com/hashicorp/go-azure-sdk/sdk/client"
	"github.com/hashicorp/go-azure-sdk/sdk/environments"
	"github.com/hashicorp/go-azure-sdk/sdk/odata"
)

const (
	displayName = "Interop HashiCorp client"
	graphAppID  = "00000003-0000-0000-c000-000000000000"
	graphRole   = "Organization.Read.All"
)

func main() {
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// play is what the steps know of each other.
type play struct {
	env       environments.Environment
	callerID  string // object ID
	directory *directory

	appPath, appID, clientID   string
	principalPath, principalID string
	grantPath                  string
	password                   object // of the new application
}

func run(ctx context.Context) error {
	p := &play{}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"the cloud is found by its metadata host", p.findCloud},
		{"the caller signs in by secret", p.signIn},
		{"azuread_application", p.application},
		{"azuread_application_certificate", p.certificates},
		{"azuread_application_password", p.passwords},
		{"azuread_application_federated_identity_credential", p.federated},
		{"azuread_service_principal", p.servicePrincipal},
		{"azuread_app_role_assignment", p.grant},
		{"the new application signs in by certificate and by secret", p.newSignsIn},
		{"lists", p.lists},
		{"an error", p.refusal},
		{"the end", p.destroy},
	} {
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Println("ok:", step.name)
	}
	return nil
}

// findCloud does what azuread does with ARM_METADATA_HOSTNAME.
func (p *play) findCloud(ctx context.Context) error {
	env, err := environments.FromEndpoint(ctx, "https://"+os.Getenv("ARM_METADATA_HOSTNAME"))
	if err != nil {
		return err
	}
	p.env = *env
	origin := os.Getenv("FOREIGN_ORIGIN")
	graph, err := environments.Resource(env.MicrosoftGraph)
	if err == nil && (*graph != origin || env.Authorization.LoginEndpoint != origin) {
		err = fmt.Errorf("it leads to %s and %s", *graph, env.Authorization.LoginEndpoint)
	}
	return err
}

func (p *play) signIn(ctx context.Context) error {
	authorizer, err := auth.NewAuthorizerFromCredentials(ctx, auth.Credentials{
		Environment: p.env, TenantID: os.Getenv("ARM_TENANT_ID"), ClientID: os.Getenv("ARM_CLIENT_ID"),
		EnableAuthenticatingUsingClientSecret: true, ClientSecret: os.Getenv("ARM_CLIENT_SECRET"),
	}, p.env.MicrosoftGraph)
	if err != nil {
		return err
	}
	token, err := authorizer.Token(ctx, &http.Request{})
	if err != nil {
		return err
	}
	said, err := claims.ParseClaims(token)
	if err != nil {
		return err
	}
	// That is how azuread finds out who it is.
	if p.callerID = said.ObjectId; uuid.Validate(p.callerID) != nil || said.TenantId != os.Getenv("ARM_TENANT_ID") ||
		!slices.Contains(said.Roles, graphRole) {
		return fmt.Errorf("the token says %+v", said)
	}
	p.directory, err = newDirectory(p.env, authorizer)
	return err
}

// owners are the references by which azuread binds the caller to what it makes.
func (p *play) owners() []string {
	return []string{p.directory.stable.BaseUri + "/directoryObjects/" + p.callerID}
}

// application makes an application with a client secret. Where no owners are configured, azuread takes the caller away
// again.
func (p *play) application(ctx context.Context) error {
	if _, err := p.directory.listed(ctx, 0, "/applications", "displayName eq '"+displayName+"'"); err != nil {
		return err
	}
	app, err := p.directory.post(ctx, "/applications", object{
		"@odata.type": "#microsoft.graph.application", "owners@odata.bind": p.owners(),
		"displayName": displayName, "signInAudience": "AzureADMyOrg", "tags": []string{"interop"},
		"identifierUris": []string{},
		"description":    nil, "notes": nil, "groupMembershipClaims": nil, "serviceManagementReference": nil,
		"isDeviceOnlyAuthSupported": false, "isFallbackPublicClient": false, "appRoles": []object{},
		"api": object{"acceptMappedClaims": false, "knownClientApplications": []string{},
			"oauth2PermissionScopes": []object{}, "requestedAccessTokenVersion": 1},
		"info": object{"marketingUrl": nil, "privacyStatementUrl": nil, "supportUrl": nil,
			"termsOfServiceUrl": nil},
		"optionalClaims": object{"accessToken": []object{}, "idToken": []object{}, "saml2Token": []object{}},
		"publicClient":   object{"redirectUris": []string{}}, "spa": object{"redirectUris": []string{}},
		"web": object{
			"homePageUrl": nil, "logoutUrl": nil, "redirectUris": []string{},
			"implicitGrantSettings": object{"enableAccessTokenIssuance": false, "enableIdTokenIssuance": false},
		},
		"requiredResourceAccess": []object{},
		"passwordCredentials":    []object{{"displayName": "made with the application"}},
	}, nil)
	if err != nil {
		return err
	}
	p.appID, p.clientID, p.appPath = text(app, "id"), text(app, "appId"), "/applications/"+text(app, "id")
	if made := elements(app, "passwordCredentials"); len(made) != 1 || text(made[0], "secretText") == "" {
		return fmt.Errorf("the client secrets made by the way are %v", len(made))
	}
	// The write probe: when both succeed, the replica that is written to knows the application.
	for _, name := range []string{"TERRAFORM_UPDATE_" + uuid.NewString(), displayName} {
		if err := p.directory.patch(ctx, p.appPath,
			object{"@odata.type": "#microsoft.graph.application", "displayName": name},
			client.RequestRetryAny(onNotFound, onConflict)); err != nil {
			return err
		}
	}
	if err := p.onBeta(ctx, http.MethodPatch, p.appPath, object{"oauth2RequirePostResponse": true}, http.StatusNoContent,
		""); err != nil {
		return err
	}
	if err := p.directory.remove(ctx, p.appPath+"/owners/"+p.callerID+"/$ref", nil); err != nil {
		return err
	}
	if err := p.directory.appears(ctx, p.appPath, func(app object) bool {
		return app["displayName"] == displayName
	}); err != nil {
		return err
	}
	if err := p.onBeta(ctx, http.MethodGet, p.appPath, nil, http.StatusOK, "oauth2RequirePostResponse"); err != nil {
		return err
	}
	return p.directory.appears(ctx, p.appPath+"/owners", func(owners object) bool {
		return !has(owners, "value", "id", p.callerID)
	})
}

// onBeta asks the beta version, where azuread finds the properties that v1.0 lacks, or once did.
func (p *play) onBeta(ctx context.Context, method, path string, body object, status int, property string) error {
	query := odata.Query{}
	if property != "" {
		query.Select = []string{property}
	}
	answer, _, err := send[object](ctx, p.directory.beta,
		request{method: method, path: path, query: query, body: body, status: status, retry: onNotFound})
	if _, shown := answer[property]; err == nil && property != "" && !shown {
		err = fmt.Errorf("%s is not shown: %v", property, answer)
	}
	return err
}

// certificates adds a key, then a second one, and removes the first.
func (p *play) certificates(ctx context.Context) error {
	other, err := otherCertificate()
	if err != nil {
		return err
	}
	content, err := os.ReadFile(os.Getenv("FOREIGN_CERTIFICATE"))
	if err != nil {
		return err
	}
	block, _ := pem.Decode(content)
	first, second := uuid.NewString(), uuid.NewString()
	for _, key := range []struct {
		id          string
		certificate []byte
	}{{first, other}, {second, pem.EncodeToMemory(block)}} {
		if err := p.setKeys(ctx, func(keys []object) []object {
			return append(keys, object{
				"keyId": key.id, "type": "AsymmetricX509Cert", "usage": "Verify",
				"key": base64.StdEncoding.EncodeToString(key.certificate),
			})
		}); err != nil {
			return err
		}
		if err := p.directory.appears(ctx, p.appPath, func(app object) bool {
			return has(app, "keyCredentials", "keyId", key.id)
		}); err != nil {
			return err
		}
	}
	if err := p.setKeys(ctx, func(keys []object) []object {
		return slices.DeleteFunc(keys, func(key object) bool { return key["keyId"] == first })
	}); err != nil {
		return err
	}
	return p.directory.appears(ctx, p.appPath, func(app object) bool {
		return !has(app, "keyCredentials", "keyId", first) && has(app, "keyCredentials", "keyId", second)
	})
}

// setKeys sends back the keys as they were read, but for the change.
func (p *play) setKeys(ctx context.Context, change func([]object) []object) error {
	app, err := p.directory.get(ctx, p.appPath)
	if err != nil {
		return err
	}
	return p.directory.patch(ctx, p.appPath, object{
		"@odata.type": "#microsoft.graph.application", "id": p.appID,
		"keyCredentials": change(elements(app, "keyCredentials")),
	}, nil)
}

// otherCertificate makes a certificate whose key nobody keeps.
func otherCertificate() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), err
}

// passwords adds two client secrets and takes the first away.
func (p *play) passwords(ctx context.Context) error {
	for _, name := range []string{"first", "second"} {
		made, _, err := send[object](ctx, p.directory.stable, request{
			method: http.MethodPost, path: p.appPath + "/addPassword", status: http.StatusOK,
			body: object{"passwordCredential": object{"displayName": name,
				"endDateTime": time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339)}},
		})
		if err != nil {
			return err
		}
		keyID := text(made, "keyId")
		if err := p.directory.appears(ctx, p.appPath, func(app object) bool {
			return has(app, "passwordCredentials", "keyId", keyID)
		}); err != nil {
			return err
		}
		if name == "second" {
			p.password = made
			continue
		}
		if _, _, err := send[object](ctx, p.directory.stable, request{
			method: http.MethodPost, path: p.appPath + "/removePassword", body: object{"keyId": keyID},
			status: http.StatusNoContent,
		}); err != nil {
			return err
		}
		if err := p.directory.appears(ctx, p.appPath, func(app object) bool {
			return !has(app, "passwordCredentials", "keyId", keyID)
		}); err != nil {
			return err
		}
	}
	if text(p.password, "secretText") == "" {
		return errors.New("a new client secret is not shown")
	}
	return nil
}

func (p *play) federated(ctx context.Context) error {
	credential := object{
		"@odata.type": "#microsoft.graph.federatedIdentityCredential", "name": "pipeline", "description": "",
		"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:a/b:ref:refs/heads/main",
		"audiences": []string{"api://AzureADTokenExchange"},
	}
	made, err := p.directory.post(ctx, p.appPath+"/federatedIdentityCredentials", credential, nil)
	if err != nil {
		return err
	}
	path := p.appPath + "/federatedIdentityCredentials/" + text(made, "id")
	if err := p.directory.appears(ctx, path, func(object) bool { return true }); err != nil {
		return err
	}
	// the name stays, and is repeated
	credential["id"], credential["subject"] = made["id"], "repo:a/b:environment:production"
	if err := p.directory.patch(ctx, path, credential, nil); err != nil {
		return err
	}
	if err := p.directory.appears(ctx, path, func(found object) bool {
		return found["subject"] == credential["subject"]
	}); err != nil {
		return err
	}
	if err := p.directory.remove(ctx, path, nil); err != nil {
		return err
	}
	return p.directory.disappears(ctx, path)
}
