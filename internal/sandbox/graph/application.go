package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// applicationRoutes are the operations on application objects. Microsoft's table for the list names OwnedBy as well;
// in practice it does not suffice (unconfirmed), and here it never does.
var applicationRoutes = []route{
	{http.MethodGet, "applications", []string{appReadAll, appReadWriteAll, directoryRead, directoryWrite},
		(*call).listApplications},
	{http.MethodPost, "applications", []string{appCreate, appOwnedBy, appReadWriteAll}, (*call).postApplication},
	{http.MethodGet, "applications/{application}",
		[]string{appReadAll, appOwnedBy, appReadWriteAll, directoryRead, directoryWrite}, (*call).getApplication},
	{http.MethodPatch, "applications/{application}", []string{appOwnedBy, appReadWriteAll}, (*call).patchApplication},
	{http.MethodDelete, "applications/{application}", []string{appOwnedBy, appReadWriteAll}, (*call).deleteApplication},
}

// findApplication finds the application that the path names. A caller with rights to its own ones only is refused at
// another's, and told nothing about what does not exist.
func (c *call) findApplication(v tenant.View) (tenant.Application, *apiError) {
	k := c.keys["application"]
	var found tenant.Application
	var ok bool
	switch strings.ToLower(k.property) {
	case "id":
		if uuid.Validate(k.value) != nil {
			return found, refuse(badRequest, "Invalid object identifier '%s'.", k.value)
		}
		found, ok = c.tenant.Directory.Applications.Get(v, strings.ToLower(k.value))
	case "appid":
		found, ok = c.tenant.ApplicationByAppID(v, k.value)
	case "uniquename":
		found, ok = c.tenant.ApplicationByUniqueName(v, k.value)
	default:
		return found, refuse(badSyntax, "The key property '%s' is not one of 'microsoft.graph.application'.", k.property)
	}
	if !ok || !knows(c, &c.tenant.Directory.Applications, found.ID) {
		return found, notFound(k.value)
	}
	return found, c.mine(found.Owners)
}

func (c *call) listApplications() *apiError {
	return c.many(collection{
		context: "applications",
		schema:  c.applicationEntity(tenant.Application{}, false),
		filterable: []string{"id", "appId", "applicationTemplateId", "createdDateTime", "displayName", "identifierUris",
			"publisherDomain", "signInAudience", "tags", "uniqueName"},
		sortable:   []string{"displayName", "createdDateTime"},
		searchable: []string{"displayName", "description"},
		rows: func(v tenant.View) []object {
			return tenant.Mapped(c.tenant.Directory.Applications.List(v, nil), func(a tenant.Application) object {
				return c.applicationEntity(a, false)
			})
		},
	})
}

func (c *call) getApplication() *apiError {
	found, failure := c.findApplication(c.Reads)
	if failure != nil {
		return failure
	}
	// The certificates themselves are shown of a single object, and only when asked for (Microsoft Graph:
	// keyCredential resource type).
	withKeys := slices.Contains(c.query.Selected, "keyCredentials")
	entity := c.applicationEntity(found, withKeys)
	return c.one(http.StatusOK, "applications", entity, entity)
}

func (c *call) postApplication() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	return c.createApplication(body)
}

// newApplication makes an application of the properties in a request, without keeping it, and returns the values of
// the client secrets made by the way.
func (c *call) newApplication(body map[string]json.RawMessage) (created tenant.Application, secrets []string,
	failure *apiError) {
	created = tenant.Application{
		ID: uuid.NewString(), AppID: uuid.NewString(), SignInAudience: "AzureADMyOrg",
		CreatedAt: c.now(), CreatedByAppID: c.token.AppID,
	}
	if created.Owners, failure = c.firstOwners(body); failure != nil {
		return created, nil, failure
	}
	if secrets, failure = c.setApplication(&created, body, true); failure != nil {
		return created, nil, failure
	}
	if created.DisplayName == "" {
		return created, nil, missing("displayName", "Application")
	}
	return created, secrets, c.checkRules(created)
}

func (c *call) createApplication(body map[string]json.RawMessage) *apiError {
	created, secrets, failure := c.newApplication(body)
	if failure != nil {
		return failure
	}
	c.tenant.Directory.Applications.Put(c.api.world.Now(), created.ID, created)
	entity := c.applicationEntity(created, false)
	passwords := tenant.Mapped(created.Passwords, passwordEntity)
	for i := range passwords {
		passwords[i]["secretText"] = secrets[i] // here and never again
	}
	entity["passwordCredentials"] = passwords
	return c.created("applications", "Application", entity)
}

// patchApplication changes an application, or creates the one with that uniqueName when the request prefers so
// (Microsoft Graph: application-upsert).
func (c *call) patchApplication() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := c.findApplication(tenant.Present())
	if k := c.keys["application"]; c.isUpsertOf(k, "uniqueName", failure) {
		if _, set := body["uniqueName"]; !set {
			body["uniqueName"], _ = json.Marshal(k.value) // a string always has a form
		}
		return c.createApplication(body)
	}
	if failure != nil {
		return failure
	}
	if _, failure := c.setApplication(&changed, body, false); failure != nil {
		return failure
	}
	at := c.api.world.Now()
	c.tenant.Directory.Applications.Put(at, changed.ID, changed)
	// The service principal at home goes by the application's name.
	principal, has := c.tenant.ServicePrincipalByAppID(tenant.Present(), changed.AppID)
	if has && principal.DisplayName != changed.DisplayName && body["displayName"] != nil {
		principal.DisplayName = changed.DisplayName
		c.tenant.Directory.ServicePrincipals.Put(at, principal.ID, principal)
	}
	return c.noContent()
}

func (c *call) prefersUpsert() bool {
	return slices.ContainsFunc(c.r.Header.Values("Prefer"), func(value string) bool {
		return strings.Contains(value, "create-if-missing")
	})
}

// isUpsertOf reports whether a request that found nothing shall create what a key of that property names.
func (c *call) isUpsertOf(k key, property string, failure *apiError) bool {
	return failure != nil && failure.status == http.StatusNotFound && c.prefersUpsert() &&
		strings.EqualFold(k.property, property)
}

// deleteApplication moves the application and its service principal here, with the grants of that, to the recycle bin.
// Service principals in other tenants stay.
func (c *call) deleteApplication() *apiError {
	now := tenant.Present()
	found, failure := c.findApplication(now)
	if failure != nil {
		return failure
	}
	at := c.api.world.Now()
	c.tenant.Directory.Applications.Remove(at, found.ID)
	c.tenant.Directory.Deleted.Put(at, found.ID, tenant.DeletedItem{ID: found.ID, DeletedAt: c.now(), Application: &found})
	if principal, has := c.tenant.ServicePrincipalByAppID(now, found.AppID); has {
		c.bin(principal)
	}
	return c.noContent()
}

// SignInAudiences are the values of the property signInAudience (Microsoft Graph: application resource type).
var SignInAudiences = []string{"AzureADMyOrg", "AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount",
	"PersonalMicrosoftAccount"}

// setApplication sets what is in a request. On creation it returns the values of the client secrets made by the way.
func (c *call) setApplication(a *tenant.Application, body map[string]json.RawMessage, creating bool) (secrets []string,
	failure *apiError) {
	const resource = "Application"
	for _, name := range sortedNames(body) {
		raw := body[name]
		switch name {
		case "displayName":
			a.DisplayName, failure = decoded[string](name, resource, raw)
			if failure == nil && (a.DisplayName == "" || len(a.DisplayName) > 256) {
				failure = invalidValue(name, resource)
			}
		case "description":
			a.Description, failure = decoded[string](name, resource, raw)
		case "notes":
			a.Notes, failure = decoded[string](name, resource, raw)
		case "serviceManagementReference":
			a.ServiceMgmtRef, failure = decoded[string](name, resource, raw)
		case "isDisabled":
			a.IsDisabled, failure = decoded[bool](name, resource, raw)
		case "tags":
			a.Tags, failure = decoded[[]string](name, resource, raw)
		case "signInAudience":
			failure = c.setSignInAudience(a, raw)
		case "uniqueName":
			failure = c.setUniqueName(a, raw)
		case "appRoles":
			failure = setAppRoles(a, raw)
		case "api":
			failure = setAPI(a, raw)
		case "identifierUris":
			failure = c.setIdentifierURIs(a, raw)
		case "requiredResourceAccess":
			failure = setRequiredAccess(a, raw)
		case "keyCredentials":
			failure = c.setKeys(applicationHolder(a), raw, nil)
		case "passwordCredentials":
			secrets, failure = c.setPasswords(applicationHolder(a), raw, creating)
		default:
			switch _, stored := applicationStored[name]; {
			case stored:
				a.ExtraProperties, failure = applicationStored.with(a.ExtraProperties, name, resource, raw)
			case slices.Contains(applicationReadOnly, name):
				failure = readOnlyUnlessItsID(name, raw, a.ID)
			default:
				failure = unknownProperty(name, "application")
			}
		}
		if failure != nil {
			return nil, failure
		}
	}
	return secrets, nil
}

// setUniqueName sets the name, which is immutable from then on (Microsoft Graph: application resource type).
func (c *call) setUniqueName(a *tenant.Application, raw json.RawMessage) *apiError {
	name, failure := decoded[string]("uniqueName", "Application", raw)
	switch {
	case failure != nil || name == a.UniqueName:
		return failure
	case a.UniqueName != "":
		return readOnly("uniqueName")
	}
	if _, exists := c.tenant.ApplicationByUniqueName(tenant.Present(), name); exists || c.keptUniqueName(name) {
		return taken("uniqueName")
	}
	a.UniqueName = name
	return nil
}

func (c *call) setIdentifierURIs(a *tenant.Application, raw json.RawMessage) *apiError {
	uris, failure := decoded[[]string]("identifierUris", "Application", raw)
	if failure != nil {
		return failure
	}
	_, exists := c.tenant.Directory.Applications.First(tenant.Present(), func(other tenant.Application) bool {
		return other.ID != a.ID &&
			slices.ContainsFunc(uris, func(uri string) bool { return slices.Contains(other.IdentifierURIs, uri) })
	})
	if exists {
		return taken("identifierUris")
	}
	a.IdentifierURIs = uris
	return nil
}

func setRequiredAccess(a *tenant.Application, raw json.RawMessage) *apiError {
	required, failure := decoded[[]tenant.RequiredResourceAccess]("requiredResourceAccess", "Application", raw)
	if failure != nil {
		return failure
	}
	for i, api := range required {
		if api.ResourceAppID == "" {
			return invalidValue("resourceAppId", "RequiredResourceAccess")
		}
		for _, access := range api.ResourceAccess {
			if uuid.Validate(access.ID) != nil {
				return invalidValue("id", "ResourceAccess")
			}
			if access.Type != "Role" && access.Type != "Scope" {
				return invalidValue("type", "ResourceAccess")
			}
		}
		required[i].ResourceAccess = tenant.NonNil(api.ResourceAccess)
	}
	a.RequiredAccess = required
	return nil
}

// applicationReadOnly are the properties that only Entra sets.
var applicationReadOnly = []string{
	"id", "appId", "applicationTemplateId", "certification", "createdByAppId", "createdDateTime", "deletedDateTime",
	"disabledByMicrosoftStatus", "managerApplications", "publisherDomain", "verifiedPublisher",
}

func (c *call) applicationEntity(a tenant.Application, withKeys bool) object {
	e := applicationStored.entity(a.ExtraProperties)
	e["id"] = a.ID
	e["appId"] = a.AppID
	e["appRoles"] = tenant.Mapped(a.AppRoles, roleEntity)
	e["applicationTemplateId"] = text(a.TemplateID)
	e["certification"] = nil
	e["createdByAppId"] = text(a.CreatedByAppID)
	e["createdDateTime"] = timestamp(a.CreatedAt)
	e["deletedDateTime"] = nil
	e["description"] = text(a.Description)
	e["disabledByMicrosoftStatus"] = nil
	e["displayName"] = a.DisplayName
	e["identifierUris"] = tenant.NonNil(a.IdentifierURIs)
	e["info"] = c.informationalURLs(e["info"], a)
	e["isDisabled"] = a.IsDisabled
	e["keyCredentials"] = tenant.Mapped(a.Keys, func(k tenant.KeyCredential) object { return keyEntity(k, withKeys) })
	e["managerApplications"] = []string{}
	e["notes"] = text(a.Notes)
	e["passwordCredentials"] = tenant.Mapped(a.Passwords, passwordEntity)
	e["publisherDomain"] = c.tenant.CustomDomain
	e["requiredResourceAccess"] = tenant.NonNil(a.RequiredAccess)
	e["serviceManagementReference"] = text(a.ServiceMgmtRef)
	e["signInAudience"] = a.SignInAudience
	e["tags"] = tenant.NonNil(a.Tags)
	e["uniqueName"] = text(a.UniqueName)
	e["verifiedPublisher"] = object{"addedDateTime": nil, "displayName": nil, "verifiedPublisherId": nil}
	return e
}
