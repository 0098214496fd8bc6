package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/hashicorp/go-azure-sdk/sdk/auth"
	"github.com/hashicorp/go-azure-sdk/sdk/client"
	"github.com/hashicorp/go-azure-sdk/sdk/odata"
	"software.sslmate.com/src/go-pkcs12"
)

// servicePrincipal makes the application's service principal, with the caller as its configured owner.
func (p *play) servicePrincipal(ctx context.Context) error {
	if _, err := p.directory.listed(ctx, 0, "/servicePrincipals", "appId eq '"+p.clientID+"'"); err != nil {
		return err
	}
	made, err := p.directory.post(ctx, "/servicePrincipals", object{
		"@odata.type": "#microsoft.graph.servicePrincipal", "owners@odata.bind": p.owners(), "appId": p.clientID,
		"accountEnabled": true, "appRoleAssignmentRequired": false, "description": "TERRAFORM_UPDATE_" + uuid.NewString(),
		"alternativeNames": []string{}, "loginUrl": nil, "notes": nil, "notificationEmailAddresses": []string{},
		"preferredSingleSignOnMode": nil, "samlSingleSignOnSettings": object{"relayState": nil}, "tags": []string{},
	}, client.RequestRetryAny(onNoApp, onElsewhere))
	if err != nil {
		return err
	}
	p.principalID, p.principalPath = text(made, "id"), "/servicePrincipals/"+text(made, "id")
	if err := p.directory.patch(ctx, p.principalPath,
		object{"@odata.type": "#microsoft.graph.servicePrincipal", "description": nil}, onNotFound); err != nil {
		return err
	}
	if err := p.directory.appears(ctx, p.principalPath, func(found object) bool {
		return found["description"] == nil && found["appId"] == p.clientID && found["displayName"] == displayName
	}); err != nil {
		return err
	}
	if err := p.onBeta(ctx, http.MethodGet, p.principalPath, nil, http.StatusOK, "samlMetadataUrl"); err != nil {
		return err
	}
	return p.directory.appears(ctx, p.principalPath+"/owners", func(owners object) bool {
		return has(owners, "value", "id", p.callerID)
	})
}

// grant consents to an application permission of Microsoft Graph.
func (p *play) grant(ctx context.Context) error {
	apis, err := p.directory.listed(ctx, 1, "/servicePrincipals", "appId eq '"+graphAppID+"'")
	if err != nil {
		return err
	}
	api, err := p.directory.get(ctx, "/servicePrincipals/"+text(apis[0], "id"))
	if err != nil {
		return err
	}
	roleID := ""
	for _, role := range elements(api, "appRoles") {
		if role["value"] == graphRole {
			roleID = text(role, "id")
		}
	}
	given := "/servicePrincipals/" + text(api, "id") + "/appRoleAssignedTo"
	made, err := p.directory.post(ctx, given, object{
		"@odata.type": "#microsoft.graph.appRoleAssignment", "appRoleId": roleID, "principalId": p.principalID,
		"resourceId": api["id"],
	}, client.RequestRetryAny(onNotFound, onNoReference))
	if err != nil {
		return err
	}
	p.grantPath = given + "/" + text(made, "id")
	return p.directory.appears(ctx, p.grantPath, func(found object) bool {
		return found["principalId"] == p.principalID && found["principalType"] == "ServicePrincipal" &&
			found["principalDisplayName"] == displayName
	})
}

// newSignsIn signs in as the new application and uses what it was granted. azuread itself waits for neither.
func (p *play) newSignsIn(ctx context.Context) error {
	content, err := os.ReadFile(os.Getenv("FOREIGN_CERTIFICATE"))
	if err != nil {
		return err
	}
	block, rest := pem.Decode(content)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	block, _ = pem.Decode(rest)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return err
	}
	pfx, err := pkcs12.Modern.Encode(key, certificate, nil, "in passing")
	if err != nil {
		return err
	}
	mine := auth.Credentials{Environment: p.env, TenantID: os.Getenv("ARM_TENANT_ID"), ClientID: p.clientID}
	byCertificate, bySecret := mine, mine
	byCertificate.EnableAuthenticatingUsingClientCertificate = true
	byCertificate.ClientCertificateData, byCertificate.ClientCertificatePassword = pfx, "in passing"
	bySecret.EnableAuthenticatingUsingClientSecret, bySecret.ClientSecret = true, text(p.password, "secretText")
	for _, credentials := range []auth.Credentials{byCertificate, bySecret} {
		var last error
		err := until(ctx, 1, func() (bool, error) {
			last = p.use(ctx, credentials)
			return last == nil, nil
		})
		if err != nil {
			return errors.Join(err, last)
		}
	}
	return nil
}

// use takes a new token, since one that was issued before the consent never gets its role.
func (p *play) use(ctx context.Context, credentials auth.Credentials) error {
	authorizer, err := auth.NewAuthorizerFromCredentials(ctx, credentials, p.env.MicrosoftGraph)
	if err != nil {
		return err
	}
	d, err := newDirectory(p.env, authorizer)
	if err != nil {
		return err
	}
	found, err := d.list(ctx, "/organization", odata.Query{})
	if err == nil && (len(found) != 1 || found[0]["id"] != credentials.TenantID) {
		err = fmt.Errorf("it sees %d organizations", len(found))
	}
	return err
}

// lists finds the application by its name, as data sources do, and reads all pages of what has several.
func (p *play) lists(ctx context.Context) error {
	err := until(ctx, inARow, func() (bool, error) {
		found, err := p.directory.list(ctx, "/applications", odata.Query{Filter: "displayName eq '" + displayName + "'"})
		return len(found) == 1 && found[0]["appId"] == p.clientID, err
	})
	if err != nil {
		return err
	}
	all, err := p.directory.list(ctx, "/servicePrincipals", odata.Query{Top: 2})
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, principal := range all {
		seen[text(principal, "id")] = true
	}
	if !seen[p.principalID] || len(seen) < 5 || len(seen) != len(all) {
		return fmt.Errorf("the pages have %d service principals, %d of them different; the new one: %t", len(all), len(seen),
			seen[p.principalID])
	}
	return nil
}

func (p *play) refusal(ctx context.Context) error {
	_, status, err := send[object](ctx, p.directory.stable,
		request{method: http.MethodGet, path: "/applications/" + uuid.NewString(), status: http.StatusOK})
	if err == nil || status != http.StatusNotFound ||
		!strings.Contains(err.Error(), "Request_ResourceNotFound: Resource '") {
		return fmt.Errorf("an unknown application is answered HTTP %d, and read as %w", status, err)
	}
	return nil
}

// destroy deletes everything in the order of its dependencies, and purges it, which azuread leaves to a person.
func (p *play) destroy(ctx context.Context) error {
	if err := p.directory.remove(ctx, p.grantPath, nil); err != nil {
		return err
	}
	for _, path := range []string{p.principalPath, p.appPath} {
		if err := p.directory.remove(ctx, path, nil); err != nil {
			return err
		}
		if err := p.directory.disappears(ctx, path); err != nil {
			return err
		}
	}
	for _, id := range []string{p.appID, p.principalID} {
		if err := p.directory.remove(ctx, "/directory/deletedItems/"+id, onNotFound); err != nil {
			return err
		}
	}
	return nil
}
