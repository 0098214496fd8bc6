// Command gosdk runs the requests of a registration with Microsoft's Graph SDK for Go as it is shipped: the root
// client, the default middleware, compressed requests. It is a module of its own, so that the provider's build does not
// compile these packages.
package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/google/uuid"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	authentication "github.com/microsoft/kiota-authentication-azure-go"
	graph "github.com/microsoftgraph/msgraph-sdk-go"
	graphcore "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go/applications"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/models/odataerrors"
	"github.com/microsoftgraph/msgraph-sdk-go/serviceprincipals"
)

const displayName = "Interop Go client"

var (
	origin   = os.Getenv("FOREIGN_ORIGIN")
	tenantID = os.Getenv("FOREIGN_TENANT_ID")
)

func main() {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// client signs in by a credential.
func client(credential azcore.TokenCredential) (*graph.GraphServiceClient, *graph.GraphRequestAdapter, error) {
	host, err := url.Parse(origin)
	if err != nil {
		return nil, nil, err
	}
	auth, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(credential,
		[]string{"https://graph.microsoft.com/.default"}, []string{host.Hostname()})
	if err != nil {
		return nil, nil, err
	}
	adapter, err := graph.NewGraphRequestAdapter(auth)
	if err != nil {
		return nil, nil, err
	}
	adapter.SetBaseUrl(origin + "/v1.0")
	return graph.NewGraphServiceClient(adapter), adapter, nil
}

func options() azcore.ClientOptions {
	return azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: origin}}
}

func run(ctx context.Context) error {
	secret, err := azidentity.NewClientSecretCredential(tenantID, os.Getenv("FOREIGN_CLIENT_ID"),
		os.Getenv("FOREIGN_CLIENT_SECRET"),
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options(), DisableInstanceDiscovery: true})
	if err != nil {
		return err
	}
	c, adapter, err := client(secret)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(os.Getenv("FOREIGN_CERTIFICATE"))
	if err != nil {
		return err
	}
	app, err := register(ctx, c, content)
	if err != nil {
		return fmt.Errorf("registering: %w", err)
	}
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"the new application signs in by certificate", func() error { return byCertificate(ctx, *app.GetAppId(), content) }},
		{"an application is found by its name", func() error { return find(ctx, c, *app.GetAppId()) }},
		{"pages", func() error { return pages(ctx, c, adapter) }},
		{"a batch", func() error { return batch(ctx, c, adapter, *app.GetId()) }},
		{"an error", func() error { return refusal(ctx, c) }},
		{"the end", func() error { return remove(ctx, c, *app.GetId()) }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		fmt.Println("ok:", step.name)
	}
	return nil
}

// register makes an application with a certificate, its service principal, and one grant.
func register(ctx context.Context, c *graph.GraphServiceClient, content []byte) (models.Applicationable, error) {
	block, _ := pem.Decode(content)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, err
	}
	key := models.NewKeyCredential()
	key.SetTypeEscaped(new("AsymmetricX509Cert"))
	key.SetUsage(new("Verify"))
	key.SetKey(certificate.Raw)
	wanted := models.NewApplication()
	wanted.SetDisplayName(new(displayName))
	wanted.SetKeyCredentials([]models.KeyCredentialable{key})
	app, err := c.Applications().Post(ctx, wanted, nil)
	if err != nil {
		return nil, err
	}
	principal := models.NewServicePrincipal()
	principal.SetAppId(app.GetAppId())
	made, err := c.ServicePrincipals().Post(ctx, principal, nil)
	if err != nil {
		return nil, err
	}
	api, err := c.ServicePrincipalsWithAppId(new("00000003-0000-0000-c000-000000000000")).Get(ctx, nil)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(api.GetAppRoles(), func(r models.AppRoleable) bool {
		return *r.GetValue() == "Organization.Read.All"
	})
	principalID, resourceID := uuid.MustParse(*made.GetId()), uuid.MustParse(*api.GetId())
	grant := models.NewAppRoleAssignment()
	grant.SetPrincipalId(&principalID)
	grant.SetResourceId(&resourceID)
	grant.SetAppRoleId(api.GetAppRoles()[at].GetId())
	_, err = c.ServicePrincipals().ByServicePrincipalId(*api.GetId()).AppRoleAssignedTo().Post(ctx, grant, nil)
	return app, err
}

func byCertificate(ctx context.Context, clientID string, content []byte) error {
	certificates, key, err := azidentity.ParseCertificates(content, nil)
	if err != nil {
		return err
	}
	credential, err := azidentity.NewClientCertificateCredential(tenantID, clientID, certificates, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: options(), DisableInstanceDiscovery: true})
	if err != nil {
		return err
	}
	c, _, err := client(credential)
	if err != nil {
		return err
	}
	organizations, err := c.Organization().Get(ctx, nil)
	if err != nil {
		return err
	}
	if found := organizations.GetValue(); len(found) != 1 || *found[0].GetId() != tenantID {
		return fmt.Errorf("it sees %d organizations", len(found))
	}
	return nil
}

func find(ctx context.Context, c *graph.GraphServiceClient, clientID string) error {
	found, err := c.Applications().Get(ctx, &applications.ApplicationsRequestBuilderGetRequestConfiguration{
		QueryParameters: &applications.ApplicationsRequestBuilderGetQueryParameters{Filter: new("displayName eq '" +
			displayName + "'"), Select: []string{"appId", "keyCredentials"}},
	})
	if err != nil {
		return err
	}
	if apps := found.GetValue(); len(apps) != 1 || *apps[0].GetAppId() != clientID ||
		len(apps[0].GetKeyCredentials()) != 1 {
		return fmt.Errorf("found are %d", len(apps))
	}
	return nil
}

func pages(ctx context.Context, c *graph.GraphServiceClient, adapter *graph.GraphRequestAdapter) error {
	first, err := c.ServicePrincipals().Get(ctx, &serviceprincipals.ServicePrincipalsRequestBuilderGetRequestConfiguration{
		QueryParameters: &serviceprincipals.ServicePrincipalsRequestBuilderGetQueryParameters{Top: new(int32(2))},
	})
	if err != nil {
		return err
	}
	iterator, err := graphcore.NewPageIterator[models.ServicePrincipalable](first, adapter,
		models.CreateServicePrincipalCollectionResponseFromDiscriminatorValue)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	twice := false
	err = iterator.Iterate(ctx, func(p models.ServicePrincipalable) bool {
		twice = twice || seen[*p.GetId()]
		seen[*p.GetId()] = true
		return true
	})
	if err == nil && (len(first.GetValue()) != 2 || len(seen) < 5 || twice) {
		err = fmt.Errorf("the first page has %d, all have %d, one twice: %t", len(first.GetValue()), len(seen), twice)
	}
	return err
}

func batch(ctx context.Context, c *graph.GraphServiceClient, adapter *graph.GraphRequestAdapter, id string) error {
	together := graphcore.NewBatchRequest(adapter)
	read, err := c.Applications().ByApplicationId(id).ToGetRequestInformation(ctx, nil)
	if err != nil {
		return err
	}
	change := models.NewApplication()
	change.SetNotes(new("changed in a batch"))
	write, err := c.Applications().ByApplicationId(id).ToPatchRequestInformation(ctx, change, nil)
	if err != nil {
		return err
	}
	var steps []graphcore.BatchItem
	for _, request := range []*abstractions.RequestInformation{write, read} {
		step, err := together.AddBatchRequestStep(*request)
		if err != nil {
			return err
		}
		steps = append(steps, step)
	}
	steps[1].DependsOnItem(steps[0])
	response, err := together.Send(ctx, adapter)
	if err != nil {
		return err
	}
	app, err := graphcore.GetBatchResponseById[models.Applicationable](response, *steps[1].GetId(),
		models.CreateApplicationFromDiscriminatorValue)
	if err != nil {
		return err
	}
	if app.GetNotes() == nil || *app.GetNotes() != "changed in a batch" {
		return errors.New("what the first request wrote, the second did not read")
	}
	return nil
}

func refusal(ctx context.Context, c *graph.GraphServiceClient) error {
	_, err := c.Applications().ByApplicationId(uuid.NewString()).Get(ctx, nil)
	failure, ok := errors.AsType[*odataerrors.ODataError](err)
	if !ok || failure.GetErrorEscaped() == nil || *failure.GetErrorEscaped().GetCode() != "Request_ResourceNotFound" ||
		failure.GetErrorEscaped().GetInnerError().GetRequestId() == nil {
		return fmt.Errorf("an unknown application is answered %w", err)
	}
	return nil
}

func remove(ctx context.Context, c *graph.GraphServiceClient, id string) error {
	if err := c.Applications().ByApplicationId(id).Delete(ctx, nil); err != nil {
		return err
	}
	bin, err := c.Directory().DeletedItems().GraphServicePrincipal().Get(ctx, nil)
	if err != nil {
		return err
	}
	for _, item := range append([]string{id}, ids(bin.GetValue())...) {
		if err := c.Directory().DeletedItems().ByDirectoryObjectId(item).Delete(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

func ids(principals []models.ServicePrincipalable) []string {
	var all []string
	for _, principal := range principals {
		all = append(all, *principal.GetId())
	}
	return all
}
