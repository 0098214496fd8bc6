package graph

import (
	"encoding/json"
	"reflect"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// inherited are the properties that a service principal has from its application. In an instance, only the
// application's own tenant decides on them (seen: administrators of the tenant where an instance is cannot change what
// it inherits; of each property unconfirmed).
var inherited = []string{"addIns", "appDescription", "displayName", "homepage", "info", "logoutUrl",
	"oauth2PermissionScopes", "replyUrls", "resourceSpecificApplicationPermissions", "verifiedPublisher"}

// checkInherited refuses a request that would give an instance something else than what it inherits. What repeats a
// value passes. Status and code are unconfirmed.
func (c *call) checkInherited(p tenant.ServicePrincipal, body map[string]json.RawMessage) *apiError {
	if p.AppOwnerTenantID == c.tenant.ID {
		return nil
	}
	var entity object
	for _, name := range inherited {
		raw, sent := body[name]
		if !sent {
			continue
		}
		if entity == nil {
			entity = c.servicePrincipalEntity(tenant.Present(), p)
		}
		if !sameJSON(entity[name], raw) {
			return denied()
		}
	}
	return nil
}

// sameJSON reports whether a value is written as that JSON, whatever its spaces and the order of its fields.
func sameJSON(value any, raw json.RawMessage) bool {
	content, err := json.Marshal(value)
	var a, b any
	if err != nil || json.Unmarshal(content, &a) != nil || json.Unmarshal(raw, &b) != nil {
		return false
	}
	return reflect.DeepEqual(a, b)
}

// deletable refuses to delete a service principal of Microsoft's, without which the tenant's services would not work.
// HashiCorp's azuread provider documents that this often fails; status and code are unconfirmed.
func deletable(p tenant.ServicePrincipal) *apiError {
	if p.AppOwnerTenantID == tenant.MicrosoftTenant {
		return denied()
	}
	return nil
}

// inheritedFrom adds to an entity what a service principal shows of its application.
func inheritedFrom(a tenant.Application, e object) {
	web, api := storedObject(a, "web"), storedObject(a, "api")
	urls := []any{}
	for _, platform := range []object{web, storedObject(a, "spa"), storedObject(a, "publicClient")} {
		if listed, ok := platform["redirectUris"].([]any); ok {
			urls = append(urls, listed...)
		}
	}
	e["addIns"] = storedValue(a, "addIns")
	e["appDescription"] = text(a.Description)
	e["appDisplayName"] = a.DisplayName
	e["appRoles"] = tenant.Mapped(a.AppRoles, roleEntity)
	e["homepage"] = web["homePageUrl"]
	e["info"] = storedValue(a, "info")
	e["logoutUrl"] = web["logoutUrl"]
	e["oauth2PermissionScopes"] = api["oauth2PermissionScopes"]
	e["replyUrls"] = urls
	e["servicePrincipalNames"] = append([]string{a.AppID}, a.IdentifierURIs...)
	e["signInAudience"] = a.SignInAudience
}

// storedValue is the value of a property that is kept as it came.
func storedValue(a tenant.Application, name string) any {
	if value, set := a.ExtraProperties[name]; set {
		return value
	}
	return applicationStored[name]
}

func storedObject(a tenant.Application, name string) object {
	fields, _ := storedValue(a, name).(object)
	return fields
}

// elsewhere looks for an application that another tenant shares.
func (c *call) elsewhere(appID string) (home *tenant.Tenant, shared tenant.Application, found bool) {
	c.away(func() {
		for _, t := range c.api.world.Tenants {
			t.Lock()
			a, ok := t.ApplicationByAppID(tenant.Present(), appID)
			t.Unlock()
			if ok && a.SignInAudience != "AzureADMyOrg" {
				home, shared, found = t, a, true
				return
			}
		}
	})
	return home, shared, found
}

// away gives up the hold on the call's own tenant while it looks into another one: two requests that hold a tenant each
// and wait for the other's would wait for ever.
func (c *call) away(look func()) {
	c.tenant.Unlock()
	defer c.tenant.Lock()
	look()
}
