package msgraph

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

const (
	applicationProperties = "id,appId,displayName,uniqueName,signInAudience,tags,createdDateTime,deletedDateTime," +
		"requiredResourceAccess,keyCredentials,passwordCredentials"
	servicePrincipalProperties = "id,appId,displayName,accountEnabled,tags"
	resourceProperties         = "id,appId,displayName,appRoles"
	userProperties             = "id,userPrincipalName,mail,accountEnabled,proxyAddresses,assignedPlans"
	organizationProperties     = "id,displayName,verifiedDomains"
)

// Registration implements entra.Directory. Rights: Application.Read.All, or Application.ReadWrite.OwnedBy for an
// application of the caller's own.
func (d *directory) Registration(ctx context.Context, ref entra.RegistrationRef) (*entra.Registration, error) {
	parts := []request{
		get("/applications/%s?$select="+applicationProperties, ref.ObjectID),
		get("/servicePrincipals(appId='%s')?$select="+servicePrincipalProperties, ref.ClientID),
		get("/servicePrincipals(appId='%s')/appRoleAssignments", ref.ClientID),
		get("/applications/%s/federatedIdentityCredentials", ref.ObjectID),
	}
	for _, appID := range ref.APIs {
		parts = append(parts, get("/servicePrincipals(appId='%s')?$select=id,appId", appID))
	}
	answers, err := d.batch(ctx, entra.Parallel, parts...)
	if err != nil {
		return nil, err
	}
	registration := &entra.Registration{}
	app, err := found[*application](answers[0], newApplication)
	if err != nil {
		return nil, err
	}
	if app != nil {
		registration.Application = &app.Application
	}
	principal, err := found[*servicePrincipal](answers[1], newServicePrincipal)
	if err != nil {
		return nil, err
	}
	if principal != nil {
		registration.ServicePrincipal = &principal.ServicePrincipal
	}
	if registration.Grants, err = d.grants(ctx, answers[2]); err != nil {
		return nil, err
	}
	if registration.Federated, err = d.federated(ctx, answers[3]); err != nil {
		return nil, err
	}
	apis := map[string]string{} // object ID of the API's service principal → app ID
	for _, answered := range answers[4:] {
		api, err := found[*servicePrincipal](answered, newServicePrincipal)
		if err != nil {
			return nil, err
		}
		if api != nil {
			apis[api.ObjectID] = api.ClientID
		}
	}
	return registration, d.nameAPIs(ctx, registration.Grants, apis)
}

// nameAPIs fills in which API each grant is on, asking for the APIs that nobody expected.
func (d *directory) nameAPIs(ctx context.Context, grants []entra.AppRoleAssignment, apis map[string]string) error {
	var strangers []request
	var asked []string
	for _, grant := range grants {
		if _, known := apis[grant.ResourceID]; !known && !slices.Contains(asked, grant.ResourceID) {
			asked = append(asked, grant.ResourceID)
			strangers = append(strangers, get("/servicePrincipals/%s?$select=id,appId", grant.ResourceID))
		}
	}
	answers, err := d.batch(ctx, entra.Parallel, strangers...)
	if err != nil {
		return err
	}
	for at, answered := range answers {
		api, err := found[*servicePrincipal](answered, newServicePrincipal)
		if err != nil {
			return err
		}
		if api != nil {
			apis[asked[at]] = api.ClientID
		}
	}
	for i := range grants {
		grants[i].ResourceAppID = apis[grants[i].ResourceID]
	}
	return nil
}

func (d *directory) grants(ctx context.Context, answered answer) ([]entra.AppRoleAssignment, error) {
	listed, err := list[models.AppRoleAssignmentable](ctx, d, answered,
		models.CreateAppRoleAssignmentFromDiscriminatorValue)
	var grants []entra.AppRoleAssignment
	for _, model := range listed {
		grants = append(grants, toGrant(model))
	}
	return grants, err
}

func (d *directory) federated(ctx context.Context, answered answer) ([]entra.FederatedCredential, error) {
	listed, err := list[models.FederatedIdentityCredentialable](ctx, d, answered,
		models.CreateFederatedIdentityCredentialFromDiscriminatorValue)
	var credentials []entra.FederatedCredential
	for _, model := range listed {
		credentials = append(credentials, entra.FederatedCredential{
			ID:      value(model.GetId()),
			Name:    value(model.GetName()),
			Issuer:  value(model.GetIssuer()),
			Subject: value(model.GetSubject()),
		})
	}
	return credentials, err
}

// Search implements entra.Directory. Rights: Application.Read.All. A caller with Application.ReadWrite.OwnedBy may not
// list; that is an answer, not an error. The policy of certificates needs Policy.Read.All.
func (d *directory) Search(ctx context.Context, query entra.SearchQuery) (*entra.SearchResult, error) {
	result := &entra.SearchResult{}
	var deletedByUniqueName []entra.Application
	var parts []request
	var takes []func(answer) error // of what each part was answered
	ask := func(part request, take func(answer) error) {
		parts, takes = append(parts, part), append(takes, take)
	}
	one := func(key, name string, into **entra.Application) {
		ask(get("/applications("+key+"='%s')?$select="+applicationProperties, strings.ReplaceAll(name, "'", "''")),
			func(answered answer) error {
				object, err := found[*application](answered, newApplication)
				if object != nil {
					*into = &object.Application
				}
				return err
			})
	}
	many := func(path, filter string, into *[]entra.Application) {
		ask(get(path+"?$filter=%s&$select="+applicationProperties, filter), func(answered answer) error {
			listed, err := list[*application](ctx, d, answered, newApplication)
			for _, object := range listed {
				*into = append(*into, object.Application)
			}
			return err
		})
	}
	if query.UniqueName != "" {
		one("uniqueName", query.UniqueName, &result.ByUniqueName)
		// Whether the recycle bin can be filtered by it is unconfirmed; where not, the display name has to find it.
		many("/directory/deletedItems/graph.application", "uniqueName eq "+quoted(query.UniqueName), &deletedByUniqueName)
		takes[len(takes)-1] = tolerating(http.StatusBadRequest, takes[len(takes)-1])
	}
	if query.ClientID != "" {
		one("appId", query.ClientID, &result.ByClientID)
		binned := get("/directory/deletedItems/graph.servicePrincipal?$filter=%s&$select="+servicePrincipalProperties+
			",deletedDateTime",
			"appId eq "+quoted(query.ClientID))
		ask(binned, func(answered answer) error {
			listed, err := list[*servicePrincipal](ctx, d, answered, newServicePrincipal)
			for _, object := range listed {
				result.DeletedServicePrincipals = append(result.DeletedServicePrincipals, object.ServicePrincipal)
			}
			return err
		})
	}
	if query.DisplayName != "" {
		many("/applications", "displayName eq "+quoted(query.DisplayName), &result.ByDisplayName)
		many("/directory/deletedItems/graph.application", "displayName eq "+quoted(query.DisplayName), &result.Deleted)
	}
	if query.DisplayNamePrefix != "" {
		many("/applications", "startswith(displayName,"+quoted(query.DisplayNamePrefix)+")", &result.ByPrefix)
	}
	if query.Tag != "" {
		many("/applications", "tags/any(t:t eq "+quoted(query.Tag)+")", &result.ByTag)
	}
	if query.CertificatePolicy {
		ask(get(certificatePolicyPath), func(answered answer) error {
			if answered.err == nil {
				result.CertificatePolicy = toCertificatePolicy(answered.body)
			}
			return nil
		})
	}
	answers, err := d.batch(ctx, entra.Parallel, parts...)
	if err != nil {
		return nil, err
	}
	for at, answered := range answers {
		err := takes[at](answered)
		switch {
		case entra.IsDenied(err):
			result.ListDenied = entra.AsError(err)
		case err != nil:
			return nil, err
		}
	}
	for _, deleted := range deletedByUniqueName {
		same := func(listed entra.Application) bool { return listed.ObjectID == deleted.ObjectID }
		if !slices.ContainsFunc(result.Deleted, same) {
			result.Deleted = append(result.Deleted, deleted)
		}
	}
	return result, nil
}

// tolerating takes an answer of that status for an empty one.
func tolerating(status int, take func(answer) error) func(answer) error {
	return func(answered answer) error {
		if refused := entra.AsError(answered.err); refused != nil && refused.Status == status {
			return nil
		}
		return take(answered)
	}
}

// ResourceApplications implements entra.Directory. What an API offers does not change during a run, so each is asked
// for once. Rights: Application.Read.All.
func (d *directory) ResourceApplications(
	ctx context.Context, appIDs ...string,
) (map[string]entra.ResourceApplication, error) {
	if err := d.asking.Acquire(ctx, 1); err != nil { // held while asking: a second caller wants the same answer
		return nil, fmt.Errorf("waiting for what another operation asks of the same APIs: %w", err)
	}
	defer d.asking.Release(1)
	var parts []request
	var asked []string
	for _, appID := range appIDs {
		if _, known := d.resources[appID]; !known {
			asked = append(asked, appID)
			parts = append(parts, get("/servicePrincipals(appId='%s')?$select="+resourceProperties, appID))
		}
	}
	answers, err := d.batch(ctx, entra.Parallel, parts...)
	if err != nil {
		return nil, err
	}
	for at, answered := range answers {
		api, err := found[*servicePrincipal](answered, newServicePrincipal)
		if err != nil {
			return nil, err
		}
		if api != nil {
			d.resources[asked[at]] = api.resource()
		}
	}
	apis := map[string]entra.ResourceApplication{}
	for _, appID := range appIDs {
		if api, known := d.resources[appID]; known {
			apis[appID] = api
		}
	}
	return apis, nil
}

// Organization implements entra.Directory. Rights: Organization.Read.All.
func (d *directory) Organization(ctx context.Context) (*entra.Organization, error) {
	answered := d.send(ctx, get("/organization?$select="+organizationProperties))
	tenants, err := decode[*page[models.Organizationable]](answered,
		pageOf[models.Organizationable](models.CreateOrganizationFromDiscriminatorValue))
	if err != nil {
		return nil, err
	}
	if len(tenants.items) != 1 {
		return nil, fmt.Errorf("Microsoft Graph named %d organizations for one tenant", len(tenants.items))
	}
	return toOrganization(tenants.items[0]), nil
}

// User implements entra.Directory. Graph finds a user by ID or user principal name alone, so a user who has the address
// as another one is looked for as well. Rights: User.Read.All or Directory.Read.All; the plans need one of these.
func (d *directory) User(ctx context.Context, address string) (*entra.User, error) {
	filter := "mail eq " + quoted(address) + " or proxyAddresses/any(p:p eq " + quoted("smtp:"+address) +
		") or proxyAddresses/any(p:p eq " + quoted("SMTP:"+address) + ")"
	answers, err := d.batch(ctx, entra.Parallel,
		get("/users/%s?$select="+userProperties, address),
		get("/users?$filter=%s&$select="+userProperties, filter))
	if err != nil {
		return nil, err
	}
	named, err := found[*user](answers[0], newUser)
	if err != nil {
		return nil, err
	}
	if named != nil {
		return &named.User, nil
	}
	addressed, err := list[*user](ctx, d, answers[1], newUser)
	if err != nil {
		return nil, err
	}
	if len(addressed) == 0 {
		return nil, answers[0].err
	}
	return &addressed[0].User, nil
}

// list decodes a collection, and asks for the pages that did not fit into the answer.
func list[T serialization.Parsable](
	ctx context.Context, d *directory, answered answer, create serialization.ParsableFactory,
) ([]T, error) {
	current, err := found[*page[T]](answered, pageOf[T](create))
	if current == nil || err != nil {
		return nil, err
	}
	items := current.items
	followed := map[string]bool{}
	for current.next != "" {
		path, err := d.nextPath(current.next)
		if err != nil {
			return nil, err
		}
		if followed[path] {
			return nil, errors.New("a list of Microsoft Graph does not end: its pages lead back to an earlier one")
		}
		followed[path] = true
		if current, err = decode[*page[T]](d.send(ctx, request{method: http.MethodGet, path: path}),
			pageOf[T](create)); err != nil {
			return nil, err
		}
		items = append(items, current.items...)
	}
	return items, nil
}

// nextPath is the path of a collection's next page. A link that leads elsewhere is refused: the token would follow it.
func (d *directory) nextPath(link string) (string, error) {
	base := d.Origin + version
	if _, err := url.Parse(link); err != nil || len(link) < len(base) || !strings.EqualFold(link[:len(base)], base) {
		return "", fmt.Errorf("refused to follow a list's next page outside of %s", base)
	}
	return link[len(base):], nil
}
