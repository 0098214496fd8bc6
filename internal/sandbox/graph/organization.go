package graph

import (
	"net/http"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// tenantRoutes are the operations on the tenant itself. User.Read.All suffices for the organization as well (Microsoft
// Graph: organization-list); that it then shows less is not imitated.
var tenantRoutes = []route{
	{http.MethodGet, "organization",
		[]string{organizationRead, "Organization.ReadWrite.All", directoryRead, directoryWrite, userRead},
		(*call).listOrganization},
	{http.MethodGet, "organization/{organization}",
		[]string{organizationRead, "Organization.ReadWrite.All", directoryRead, directoryWrite, userRead},
		(*call).getOrganization},
	{http.MethodGet, "domains", []string{domainRead, "Domain.ReadWrite.All", directoryRead, directoryWrite},
		(*call).listDomains},
	{http.MethodGet, "domains/{domain}", []string{domainRead, "Domain.ReadWrite.All", directoryRead, directoryWrite},
		(*call).getDomain},
}

func organizationEntity(t *tenant.Tenant) object {
	verified := tenant.Mapped(domainsOf(t), func(d domain) object {
		return object{
			"capabilities": "Email, OfficeCommunicationsOnline", "isDefault": d.isDefault, "isInitial": d.isInitial,
			"name": d.name, "type": "Managed",
		}
	})
	return object{
		"id":              t.ID,
		"deletedDateTime": nil,
		"assignedPlans": []tenant.AssignedPlan{{AssignedDateTime: tenant.Created,
			CapabilityStatus: "Enabled", Service: "exchange", ServicePlanID: tenant.ExchangePlan2}},
		"businessPhones":                       []string{},
		"city":                                 nil,
		"country":                              nil,
		"countryLetterCode":                    "DE",
		"createdDateTime":                      timestamp(tenant.Created),
		"defaultUsageLocation":                 nil,
		"displayName":                          t.DisplayName,
		"marketingNotificationEmails":          []string{},
		"mobileDeviceManagementAuthority":      "unknown",
		"onPremisesLastSyncDateTime":           nil,
		"onPremisesSyncEnabled":                nil,
		"partnerTenantType":                    nil,
		"postalCode":                           nil,
		"preferredLanguage":                    "en",
		"privacyProfile":                       nil,
		"provisionedPlans":                     []any{},
		"securityComplianceNotificationMails":  []string{},
		"securityComplianceNotificationPhones": []string{},
		"state":                                nil,
		"street":                               nil,
		"technicalNotificationMails":           []string{"admin@" + t.CustomDomain},
		"tenantType":                           "AAD",
		"verifiedDomains":                      verified,
	}
}

func (c *call) listOrganization() *apiError {
	entity := organizationEntity(c.tenant)
	return c.many(collection{context: "organization", schema: entity, rows: func(tenant.View) []object {
		return []object{entity}
	}})
}

func (c *call) getOrganization() *apiError {
	if id := c.keys["organization"].value; !strings.EqualFold(id, c.tenant.ID) {
		return notFound(id)
	}
	entity := organizationEntity(c.tenant)
	return c.one(http.StatusOK, "organization", entity, entity)
}

type domain struct {
	name                 string
	isDefault, isInitial bool
}

func domainsOf(t *tenant.Tenant) []domain {
	return []domain{{name: t.Domain, isInitial: true}, {name: t.CustomDomain, isDefault: true}}
}

func (d domain) entity() object {
	return object{
		"id":                               d.name,
		"authenticationType":               "Managed",
		"availabilityStatus":               nil,
		"isAdminManaged":                   true,
		"isDefault":                        d.isDefault,
		"isInitial":                        d.isInitial,
		"isRoot":                           true,
		"isVerified":                       true,
		"manufacturer":                     nil,
		"model":                            nil,
		"passwordNotificationWindowInDays": 14,
		"passwordValidityPeriodInDays":     2147483647,
		"state":                            nil,
		"supportedServices":                []string{"Email", "OfficeCommunicationsOnline"},
	}
}

func (c *call) listDomains() *apiError {
	return c.many(collection{
		context: "domains",
		schema:  domain{}.entity(),
		rows:    func(tenant.View) []object { return tenant.Mapped(domainsOf(c.tenant), domain.entity) },
	})
}

func (c *call) getDomain() *apiError {
	name := c.keys["domain"].value
	for _, d := range domainsOf(c.tenant) {
		if strings.EqualFold(d.name, name) {
			entity := d.entity()
			return c.one(http.StatusOK, "domains", entity, entity)
		}
	}
	return notFound(name)
}
