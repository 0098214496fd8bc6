package graph

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// checkRules refuses a new application that the tenant does not take. Code and text for the missing reference were
// seen; for the quota, how it is counted and the status are unconfirmed.
func (c *call) checkRules(a tenant.Application) *apiError {
	rules := c.tenant.Rules
	if rules.NeedsManagementRef && a.ServiceMgmtRef == "" {
		return refuse("ServiceTreeValueMissing",
			"ServiceManagementReference field is required for Create, but is missing in the request. Refer to the TSG "+
				"`https://aka.ms/service-management-reference-error` for resolving the error.")
	}
	if rules.ObjectQuota > 0 && c.objectsOf(a.CreatedByAppID) >= rules.ObjectQuota {
		return &apiError{status: http.StatusForbidden, code: "Directory_QuotaExceeded",
			message: "The directory object quota limit for the Principal has been exceeded. Please ask your administrator to " +
				"increase the quota limit or delete objects to reduce the used quota."}
	}
	return nil
}

// objectsOf counts the applications that a caller made, in the recycle bin, too.
func (c *call) objectsOf(appID string) int {
	now := tenant.Present()
	living := c.tenant.Directory.Applications.List(now, func(a tenant.Application) bool {
		return a.CreatedByAppID == appID
	})
	deleted := c.tenant.Directory.Deleted.List(now, func(d tenant.DeletedItem) bool {
		return d.Application != nil && d.Application.CreatedByAppID == appID && c.kept(d)
	})
	return len(living) + len(deleted)
}

// setSignInAudience sets an audience that the tenant allows. The refusal's code is one that Microsoft's Teams Toolkit
// tells apart, whose tests have the text.
func (c *call) setSignInAudience(a *tenant.Application, raw json.RawMessage) *apiError {
	audience, failure := decoded[string]("signInAudience", "Application", raw)
	if failure != nil || !slices.Contains(SignInAudiences, audience) {
		return invalidValue("signInAudience", "Application")
	}
	if allowed := c.tenant.Rules.SignInAudiences; len(allowed) > 0 && !slices.Contains(allowed, audience) {
		return refuse("SignInAudienceNotAllowedAsPerAppPolicy", "'signInAudience' property value '%s' is not allowed.",
			audience)
	}
	a.SignInAudience = audience
	return nil
}

// keptUniqueName reports whether an application in the recycle bin keeps its name from others. Whether Entra does so is
// unconfirmed, so that both can be had.
func (c *call) keptUniqueName(name string) bool {
	if !c.tenant.Rules.BinKeepsUniqueNames {
		return false
	}
	_, found := c.tenant.Directory.Deleted.First(tenant.Present(), func(d tenant.DeletedItem) bool {
		return d.Application != nil && d.Application.UniqueName == name && c.kept(d)
	})
	return found
}
