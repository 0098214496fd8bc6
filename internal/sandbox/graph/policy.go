package graph

import (
	"net/http"
	"slices"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

var policyReaders = []string{policyRead, "Policy.Read.ApplicationConfiguration", policyWrite}

// policyRoutes are the operations on app management policies. They are set through the control API, as an
// administrator would in the Entra admin center.
var policyRoutes = []route{
	{http.MethodGet, "policies/defaultAppManagementPolicy", policyReaders, (*call).getDefaultPolicy},
	{http.MethodGet, "policies/appManagementPolicies", policyReaders, (*call).listPolicies},
	{http.MethodGet, "applications/{application}/appManagementPolicies", policyReaders, (*call).listPoliciesOfApplication},
	{http.MethodGet, "servicePrincipals/{principal}/appManagementPolicies", policyReaders,
		(*call).listPoliciesOfPrincipal},
}

// checkKeyLifetime refuses a new certificate that the application's policy forbids. Keys that are there already stay
// (application authentication methods API overview). That a lifetime counts from the key's start is unconfirmed.
func (c *call) checkKeyLifetime(h holder, k tenant.KeyCredential) *apiError {
	return c.checkPolicy(h, k.End.Sub(k.Start), tenant.AsymmetricKeyLifetime)
}

// checkNewPassword refuses a new client secret in the same way.
func (c *call) checkNewPassword(h holder, p tenant.PasswordCredential) *apiError {
	return c.checkPolicy(h, p.End.Sub(p.Start), tenant.PasswordAddition, tenant.PasswordLifetime)
}

// checkPolicy's codes are those that Microsoft's Teams Toolkit tells apart; the texts are quoted in reports of its
// kind.
func (c *call) checkPolicy(h holder, lifetime time.Duration, types ...string) *apiError {
	policy := c.tenant.PolicyOf(tenant.Present(), h.id)
	if !policy.Enabled {
		return nil
	}
	restrictions := policy.Restrictions
	if h.resource == "ServicePrincipal" {
		restrictions = policy.PrincipalRestrictions
	}
	for _, r := range restrictions {
		if r.Disabled || !slices.Contains(types, r.Type) || h.createdAt.Before(r.CreatedAfter) {
			continue
		}
		if !r.OfLifetime() {
			return refuse("CredentialTypeNotAllowedAsPerAppPolicy", "Credential type not allowed as per assigned policy '%s'.",
				policy.ID)
		}
		if longest, _ := tenant.ParseDuration(r.MaxLifetime); lifetime > longest { // the control API takes no other text
			return refuse("CredentialInvalidLifetimeAsPerAppPolicy",
				"Credential lifetime exceeds the max value allowed as per assigned policy '%s'.", policy.ID)
		}
	}
	return nil
}

// restrictionEntity is a restriction in the form that a policy has.
func restrictionEntity(r tenant.Restriction) object {
	e := object{
		"restrictionType": r.Type, "maxLifetime": text(r.MaxLifetime), "state": "enabled",
		"restrictForAppsCreatedAfterDateTime": timestamp(r.CreatedAfter),
	}
	if r.Disabled {
		e["state"] = "disabled"
	}
	return e
}

func restrictionEntities(restrictions []tenant.Restriction) object {
	passwords, keys := []object{}, []object{}
	for _, r := range restrictions {
		if r.Type == tenant.AsymmetricKeyLifetime {
			keys = append(keys, restrictionEntity(r))
		} else {
			passwords = append(passwords, restrictionEntity(r))
		}
	}
	return object{"passwordCredentials": passwords, "keyCredentials": keys}
}

// getDefaultPolicy answers with tenantAppManagementPolicy (Microsoft Graph: that resource type).
func (c *call) getDefaultPolicy() *apiError {
	policy, _ := c.tenant.Directory.Policies.Get(c.Reads, tenant.DefaultPolicy)
	return c.write(http.StatusOK, object{
		"@odata.context":  c.link("$metadata#policies/defaultAppManagementPolicy/$entity"),
		"id":              policy.ID,
		"deletedDateTime": nil,
		"displayName":     "Default app management tenant policy",
		"description": "Default tenant policy that enforces app management restrictions on applications " +
			"and service principals. To apply policy to targeted resources, create a new policy under appManagementPolicies " +
			"collection.",
		"isEnabled":                    policy.Enabled,
		"applicationRestrictions":      restrictionEntities(policy.Restrictions),
		"servicePrincipalRestrictions": restrictionEntities(policy.PrincipalRestrictions),
	})
}

// policyEntity is an appManagementPolicy (Microsoft Graph: that resource type).
func policyEntity(p tenant.ManagementPolicy) object {
	return object{
		"id": p.ID, "deletedDateTime": nil, "displayName": "Sandbox policy", "description": nil,
		"isEnabled": p.Enabled, "restrictions": restrictionEntities(p.Restrictions),
	}
}

func (c *call) listPolicies() *apiError {
	return c.policies("policies/appManagementPolicies", func(p tenant.ManagementPolicy) bool {
		return p.ApplicationID != ""
	})
}

func (c *call) listPoliciesOfApplication() *apiError {
	found, failure := c.findApplication(c.Reads)
	if failure != nil {
		return failure
	}
	return c.policies("appManagementPolicies", func(p tenant.ManagementPolicy) bool { return p.ApplicationID == found.ID })
}

// listPoliciesOfPrincipal finds none: in the sandbox, service principals are restricted by the default policy only.
func (c *call) listPoliciesOfPrincipal() *apiError {
	if _, failure := c.findServicePrincipal(c.Reads); failure != nil {
		return failure
	}
	return c.policies("appManagementPolicies", func(tenant.ManagementPolicy) bool { return false })
}

func (c *call) policies(context string, keep func(tenant.ManagementPolicy) bool) *apiError {
	return c.many(collection{
		context: context,
		schema:  policyEntity(tenant.ManagementPolicy{}),
		rows: func(v tenant.View) []object {
			return tenant.Mapped(c.tenant.Directory.Policies.List(v, keep), policyEntity)
		},
	})
}
