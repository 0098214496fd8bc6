package graph

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// servicePrincipalRoutes are the operations on applications' presence in the tenant. Reading is open to OwnedBy for
// every service principal, for without the APIs' roles nobody could consent (Microsoft Graph: serviceprincipal-get).
var servicePrincipalRoutes = []route{
	{http.MethodGet, "servicePrincipals", []string{appReadAll, appOwnedBy, appReadWriteAll, directoryRead, directoryWrite},
		(*call).listServicePrincipals},
	{http.MethodPost, "servicePrincipals", principalWriters, (*call).postServicePrincipal},
	{http.MethodGet, "servicePrincipals/{principal}",
		[]string{appReadAll, appOwnedBy, appReadWriteAll, directoryRead, directoryWrite}, (*call).getServicePrincipal},
	{http.MethodPatch, "servicePrincipals/{principal}", principalWriters, (*call).patchServicePrincipal},
	{http.MethodDelete, "servicePrincipals/{principal}", principalWriters, (*call).deleteServicePrincipal},
}

func (c *call) findServicePrincipal(v tenant.View) (tenant.ServicePrincipal, *apiError) {
	k := c.keys["principal"]
	var found tenant.ServicePrincipal
	var ok bool
	switch strings.ToLower(k.property) {
	case "id":
		if uuid.Validate(k.value) != nil {
			return found, refuse(badRequest, "Invalid object identifier '%s'.", k.value)
		}
		found, ok = c.tenant.Directory.ServicePrincipals.Get(v, strings.ToLower(k.value))
	case "appid":
		found, ok = c.tenant.ServicePrincipalByAppID(v, k.value)
	default:
		return found, refuse(badSyntax, "The key property '%s' is not one of 'microsoft.graph.servicePrincipal'.", k.property)
	}
	if !ok || !knows(c, &c.tenant.Directory.ServicePrincipals, found.ID) {
		return found, notFound(k.value)
	}
	return found, nil
}

func (c *call) listServicePrincipals() *apiError {
	return c.many(collection{
		context: "servicePrincipals",
		schema:  c.servicePrincipalEntity(c.Lists, tenant.ServicePrincipal{}),
		filterable: []string{"id", "accountEnabled", "alternativeNames", "appId", "applicationTemplateId",
			"appOwnerOrganizationId", "displayName",
			"servicePrincipalNames", "servicePrincipalType", "tags"},
		sortable:   []string{"displayName"},
		searchable: []string{"displayName", "description"},
		rows: func(v tenant.View) []object {
			return tenant.Mapped(c.tenant.Directory.ServicePrincipals.List(v, nil), func(p tenant.ServicePrincipal) object {
				return c.servicePrincipalEntity(v, p)
			})
		},
	})
}

func (c *call) getServicePrincipal() *apiError {
	found, failure := c.findServicePrincipal(c.Reads)
	if failure != nil {
		return failure
	}
	entity := c.servicePrincipalEntity(c.Reads, found)
	// as of an application: the certificates themselves, when asked for
	if slices.Contains(c.query.Selected, "keyCredentials") {
		entity["keyCredentials"] = tenant.Mapped(found.Keys, func(k tenant.KeyCredential) object {
			return keyEntity(k, true)
		})
	}
	if c.version == betaVersion {
		entity["samlMetadataUrl"] = nil
	}
	return c.one(http.StatusOK, "servicePrincipals", entity, entity)
}

func (c *call) postServicePrincipal() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	appID, failure := decoded[string]("appId", "ServicePrincipal", body["appId"])
	if failure != nil || uuid.Validate(appID) != nil {
		return invalidValue("appId", "ServicePrincipal")
	}
	return c.createServicePrincipal(strings.ToLower(appID), body)
}

func (c *call) createServicePrincipal(appID string, body map[string]json.RawMessage) *apiError {
	created, failure := c.backed(appID)
	if failure != nil {
		return failure
	}
	if _, exists := c.tenant.ServicePrincipalByAppID(tenant.Present(), appID); exists {
		// code and text unconfirmed
		return conflict("The service principal cannot be created, updated, or restored because the service principal name "+
			"%s is already in use.", appID)
	}
	if created.Owners, failure = c.firstOwners(body); failure != nil {
		return failure
	}
	delete(body, "appId")
	if failure := c.checkInherited(created, body); failure != nil {
		return failure
	}
	fresh := created
	if failure := c.setServicePrincipal(&created, body); failure != nil {
		return failure
	}
	if failure := lockOfNew(created).check(fresh, created); failure != nil {
		return failure
	}
	c.tenant.Directory.ServicePrincipals.Put(c.api.world.Now(), created.ID, created)
	return c.created("servicePrincipals", "ServicePrincipal", c.servicePrincipalEntity(tenant.Present(), created))
}

// backed starts the service principal of an application: of this tenant, of another one that shares it, or of
// Microsoft's own.
func (c *call) backed(appID string) (tenant.ServicePrincipal, *apiError) {
	made := tenant.ServicePrincipal{ID: uuid.NewString(), AppID: appID, Enabled: true, CreatedAt: c.now()}
	if own, found := c.tenant.ApplicationByAppID(c.Refers, appID); found {
		made.DisplayName, made.AppOwnerTenantID, made.TemplateID = own.DisplayName, c.tenant.ID, own.TemplateID
		return made, c.mine(own.Owners)
	}
	if c.ownOnly {
		return made, &apiError{status: http.StatusForbidden, code: "Authorization_RequestDenied",
			message: "When using this permission, the backing application of the service principal being created must in the " +
				"local tenant"}
	}
	if api, found := tenant.FirstParty(appID); found {
		made.DisplayName, made.AppOwnerTenantID, made.AppRoles = api.DisplayName, tenant.MicrosoftTenant, api.Roles
		return made, nil
	}
	if home, shared, found := c.elsewhere(appID); found {
		made.DisplayName, made.AppOwnerTenantID, made.Instance = shared.DisplayName, home.ID, &shared
		return made, nil
	}
	failure := refuse(badRequest, "The appId '%s' of the service principal does not reference a valid application object.",
		appID)
	return made, failure.detail("NoBackingApplicationObject", "appId")
}

// patchServicePrincipal changes a service principal, or creates the one of that application when the request prefers
// so (Microsoft Graph: serviceprincipal-upsert). That 404 is the answer where it does not is unconfirmed.
func (c *call) patchServicePrincipal() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, lock, failure := c.findToChange()
	if k := c.keys["principal"]; c.isUpsertOf(k, "appId", failure) {
		return c.createServicePrincipal(strings.ToLower(k.value), body)
	}
	if failure == nil {
		failure = c.checkInherited(changed, body)
	}
	if failure != nil {
		return failure
	}
	before := changed
	if failure := c.setServicePrincipal(&changed, body); failure != nil {
		return failure
	}
	if failure := lock.check(before, changed); failure != nil {
		return failure
	}
	c.tenant.Directory.ServicePrincipals.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}

func (c *call) deleteServicePrincipal() *apiError {
	found, failure := c.findServicePrincipal(tenant.Present())
	if failure == nil {
		failure = c.mine(found.Owners)
	}
	if failure == nil {
		failure = deletable(found)
	}
	if failure != nil {
		return failure
	}
	c.bin(found)
	return c.noContent()
}

var servicePrincipalReadOnly = []string{
	"id", "appDisplayName", "appId", "applicationTemplateId", "appOwnerOrganizationId", "appRoles", "createdByAppId",
	"deletedDateTime",
	"isDisabled", "servicePrincipalNames", "servicePrincipalType", "signInAudience",
}

func (c *call) setServicePrincipal(p *tenant.ServicePrincipal, body map[string]json.RawMessage) (failure *apiError) {
	const resource = "ServicePrincipal"
	for _, name := range sortedNames(body) {
		raw := body[name]
		switch name {
		case "accountEnabled":
			p.Enabled, failure = decoded[bool](name, resource, raw)
		case "appRoleAssignmentRequired":
			p.AppRoleAssignmentNeeds, failure = decoded[bool](name, resource, raw)
		case "displayName":
			p.DisplayName, failure = decoded[string](name, resource, raw)
		case "keyCredentials":
			failure = c.setKeysOfPrincipal(p, raw, body["passwordCredentials"])
		case "passwordCredentials":
			_, failure = c.setPasswords(principalHolder(p), raw, false)
		case "tags":
			p.Tags, failure = decoded[[]string](name, resource, raw)
		default:
			switch _, stored := servicePrincipalStored[name]; {
			case stored:
				p.ExtraProperties, failure = servicePrincipalStored.with(p.ExtraProperties, name, resource, raw)
			case slices.Contains(servicePrincipalReadOnly, name):
				failure = readOnlyUnlessItsID(name, raw, p.ID)
			default:
				failure = unknownProperty(name, "servicePrincipal")
			}
		}
		if failure != nil {
			return failure
		}
	}
	return nil
}

// setKeysOfPrincipal sets the keys, of which a private one is opened by a password of the same request.
func (c *call) setKeysOfPrincipal(p *tenant.ServicePrincipal, keys, passwords json.RawMessage) *apiError {
	var sent []passwordRequest
	if passwords != nil {
		var failure *apiError
		if sent, failure = decoded[[]passwordRequest]("passwordCredentials", "ServicePrincipal", passwords); failure != nil {
			return failure
		}
	}
	return c.setKeys(principalHolder(p), keys, sent)
}

func (c *call) servicePrincipalEntity(v tenant.View, p tenant.ServicePrincipal) object {
	e := object(maps.Clone(servicePrincipalStored))
	e["appDisplayName"] = p.DisplayName
	e["appRoles"] = tenant.NonNil(p.AppRoles)
	e["servicePrincipalNames"] = []string{p.AppID}
	e["signInAudience"] = "AzureADMultipleOrgs" // of an application whose tenant is not among the sandbox's
	if a, found := c.tenant.ApplicationOf(v, p); found {
		inheritedFrom(a, e)
		e["info"] = c.informationalURLs(e["info"], a)
	} else if api, found := tenant.FirstParty(p.AppID); found {
		e["appRoles"], e["oauth2PermissionScopes"] = api.RolesJSON, api.ScopesJSON
		e["servicePrincipalNames"] = append([]string{p.AppID}, api.Identifiers...)
	}
	maps.Copy(e, p.ExtraProperties)
	e["id"] = p.ID
	e["accountEnabled"] = p.Enabled
	e["appId"] = p.AppID
	e["applicationTemplateId"] = text(p.TemplateID)
	e["appOwnerOrganizationId"] = text(p.AppOwnerTenantID)
	e["appRoleAssignmentRequired"] = p.AppRoleAssignmentNeeds
	e["createdByAppId"] = nil
	e["deletedDateTime"] = nil
	e["displayName"] = p.DisplayName
	e["isDisabled"] = nil
	e["keyCredentials"] = tenant.Mapped(p.Keys, func(k tenant.KeyCredential) object { return keyEntity(k, false) })
	e["passwordCredentials"] = tenant.Mapped(p.Passwords, passwordEntity)
	e["servicePrincipalType"] = "Application"
	e["tags"] = tenant.NonNil(p.Tags)
	return e
}
