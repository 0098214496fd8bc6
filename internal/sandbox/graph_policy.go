package sandbox

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
)

var policyReaders = []string{policyRead, "Policy.Read.ApplicationConfiguration", "Policy.ReadWrite.ApplicationConfiguration"}

// policyRoutes are the operations on app management policies. They are set through the control plane, as an
// administrator would in the Entra admin center.
var policyRoutes = []route{
	{http.MethodGet, "policies/defaultAppManagementPolicy", policyReaders, (*call).getDefaultPolicy},
	{http.MethodGet, "policies/appManagementPolicies", policyReaders, (*call).listPolicies},
	{http.MethodGet, "applications/{application}/appManagementPolicies", policyReaders, (*call).listPoliciesOfApplication},
	{http.MethodGet, "servicePrincipals/{principal}/appManagementPolicies", policyReaders, (*call).listPoliciesOfPrincipal},
}

// managementPolicy restricts the credentials of applications (Microsoft Graph: "Microsoft Entra application
// authentication methods API overview"): either the tenant's default one, which always exists and is disabled at first,
// or one that is assigned to a single application and takes the place of the default one there.
type managementPolicy struct {
	ID            string
	ApplicationID string // object ID of the application that it is assigned to; empty for the default one
	Enabled       bool
	Restrictions  []Restriction
}

// Restriction is one rule of an app management policy about the credentials that are added to an application.
type Restriction struct {
	Type         string    `json:"type"`                   // passwordAddition, passwordLifetime or asymmetricKeyLifetime, each once in a policy
	MaxLifetime  string    `json:"max_lifetime,omitempty"` // of a lifetime's restriction: an ISO 8601 duration in days and less, such as P180D
	CreatedAfter time.Time `json:"created_after,omitzero"` // applications made before are free of it; zero: none is
	Disabled     bool      `json:"disabled,omitempty"`     // not enforced
}

// The types of restrictions that can hit what this sandbox has. Symmetric keys and client secrets of the client's own
// making do not exist in it.
const (
	passwordAddition      = "passwordAddition"
	passwordLifetime      = "passwordLifetime"
	asymmetricKeyLifetime = "asymmetricKeyLifetime"
)

var restrictionTypes = []string{passwordAddition, passwordLifetime, asymmetricKeyLifetime}

func (r Restriction) ofLifetime() bool { return r.Type != passwordAddition }

var dayTimeDuration = regexp.MustCompile(`^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)

// parseDuration reads Edm.Duration, which knows nothing longer than days (OData 4.01: Edm.Duration).
func parseDuration(text string) (time.Duration, error) {
	found := dayTimeDuration.FindStringSubmatch(text)
	if found == nil || text == "P" || text[len(text)-1] == 'T' {
		return 0, fmt.Errorf("%q is no duration such as P180D or P4DT12H30M5S", text)
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		n, _ := strconv.Atoi(found[i+1]) // absent: 0
		total += time.Duration(n) * unit
	}
	return total, nil
}

// seedPolicy makes the policy that every tenant has.
func (t *Tenant) seedPolicy() {
	t.directory.policies.put(tenantCreated, defaultPolicy, managementPolicy{ID: uuid.NewString()})
}

// defaultPolicy is the row of the tenant's default policy; every other one stands under its application's object ID.
const defaultPolicy = "default"

// policyOf is the policy that counts for an application. One of its own replaces the default one whole, and both can be
// disabled.
func (t *Tenant) policyOf(v view, applicationID string) managementPolicy {
	if own, assigned := t.directory.policies.get(v, applicationID); assigned {
		return own
	}
	standing, _ := t.directory.policies.get(v, defaultPolicy)
	return standing
}

// checkKeyLifetime refuses a new certificate that the application's policy forbids. Keys that are there already stay
// (application authentication methods API overview). That a lifetime counts from the key's start is unconfirmed.
func (c *call) checkKeyLifetime(a *application, k keyCredential) *graphError {
	return c.checkPolicy(a, k.End.Sub(k.Start), asymmetricKeyLifetime)
}

// checkNewPassword refuses a new client secret in the same way.
func (c *call) checkNewPassword(a *application, p passwordCredential) *graphError {
	return c.checkPolicy(a, p.End.Sub(p.Start), passwordAddition, passwordLifetime)
}

// checkPolicy's codes are those that Microsoft's Teams Toolkit tells apart; the texts are quoted in reports of its kind.
func (c *call) checkPolicy(a *application, lifetime time.Duration, types ...string) *graphError {
	policy := c.tenant.policyOf(c.tenant.present(c.server), a.ID)
	if !policy.Enabled {
		return nil
	}
	for _, r := range policy.Restrictions {
		if r.Disabled || !slices.Contains(types, r.Type) || a.CreatedAt.Before(r.CreatedAfter) {
			continue
		}
		if !r.ofLifetime() {
			return refuse("CredentialTypeNotAllowedAsPerAppPolicy", "Credential type not allowed as per assigned policy '%s'.", policy.ID)
		}
		if longest, _ := parseDuration(r.MaxLifetime); lifetime > longest { // the control plane takes no other text
			return refuse("CredentialInvalidLifetimeAsPerAppPolicy", "Credential lifetime exceeds the max value allowed as per assigned policy '%s'.", policy.ID)
		}
	}
	return nil
}

// entity is a restriction as it stands in a policy.
func (r Restriction) entity() object {
	e := object{
		"restrictionType": r.Type, "maxLifetime": text(r.MaxLifetime), "state": "enabled",
		"restrictForAppsCreatedAfterDateTime": timestamp(r.CreatedAfter),
	}
	if r.Disabled {
		e["state"] = "disabled"
	}
	return e
}

func restrictionEntities(restrictions []Restriction) object {
	e := object{"passwordCredentials": []object{}, "keyCredentials": []object{}}
	for _, r := range restrictions {
		of := "passwordCredentials"
		if r.Type == asymmetricKeyLifetime {
			of = "keyCredentials"
		}
		e[of] = append(e[of].([]object), r.entity())
	}
	return e
}

// getDefaultPolicy answers with tenantAppManagementPolicy (Microsoft Graph: that resource type).
func (c *call) getDefaultPolicy() *graphError {
	policy, _ := c.tenant.directory.policies.get(c.reads, defaultPolicy)
	return c.write(http.StatusOK, object{
		"@odata.context":               c.link("$metadata#policies/defaultAppManagementPolicy/$entity"),
		"id":                           policy.ID,
		"deletedDateTime":              nil,
		"displayName":                  "Default app management tenant policy",
		"description":                  "Default tenant policy that enforces app management restrictions on applications and service principals. To apply policy to targeted resources, create a new policy under appManagementPolicies collection.",
		"isEnabled":                    policy.Enabled,
		"applicationRestrictions":      restrictionEntities(policy.Restrictions),
		"servicePrincipalRestrictions": restrictionEntities(nil),
	})
}

// entity is an appManagementPolicy (Microsoft Graph: that resource type).
func (p managementPolicy) entity() object {
	return object{
		"id": p.ID, "deletedDateTime": nil, "displayName": "Sandbox policy", "description": nil,
		"isEnabled": p.Enabled, "restrictions": restrictionEntities(p.Restrictions),
	}
}

func (c *call) listPolicies() *graphError {
	return c.policies("policies/appManagementPolicies", func(p managementPolicy) bool { return p.ApplicationID != "" })
}

func (c *call) listPoliciesOfApplication() *graphError {
	found, failure := c.findApplication(c.reads)
	if failure != nil {
		return failure
	}
	return c.policies("appManagementPolicies", func(p managementPolicy) bool { return p.ApplicationID == found.ID })
}

// listPoliciesOfPrincipal finds none: the sandbox restricts application objects only.
func (c *call) listPoliciesOfPrincipal() *graphError {
	if _, failure := c.findServicePrincipal(c.reads); failure != nil {
		return failure
	}
	return c.policies("appManagementPolicies", func(managementPolicy) bool { return false })
}

func (c *call) policies(context string, keep func(managementPolicy) bool) *graphError {
	return c.many(collection{
		context: context,
		schema:  managementPolicy{}.entity(),
		rows: func(v view) []object {
			return mapped(c.tenant.directory.policies.list(v, keep), managementPolicy.entity)
		},
	})
}
