package graph

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Rights to claims mapping policies. To assign one takes a right to the service principal and one to policies
// (Microsoft Graph: serviceprincipal-post-claimsmappingpolicies and its like).
var (
	claimsPolicyReaders = []string{policyRead, policyWrite}
	claimsPolicyWriters = []string{policyWrite}
	claimsAssigners     = []string{appOwnedBy, appReadWriteAll}
)

// claimsPolicyRoutes are the operations on claims mapping policies, and on their assignment to service principals.
var claimsPolicyRoutes = []route{
	{http.MethodGet, "policies/claimsMappingPolicies", claimsPolicyReaders, (*call).listClaimsPolicies},
	{http.MethodPost, "policies/claimsMappingPolicies", claimsPolicyWriters, (*call).postClaimsPolicy},
	{http.MethodGet, "policies/claimsMappingPolicies/{policy}", claimsPolicyReaders, (*call).getClaimsPolicy},
	{http.MethodPatch, "policies/claimsMappingPolicies/{policy}", claimsPolicyWriters, (*call).patchClaimsPolicy},
	{http.MethodDelete, "policies/claimsMappingPolicies/{policy}", claimsPolicyWriters, (*call).deleteClaimsPolicy},
	{http.MethodGet, "servicePrincipals/{principal}/claimsMappingPolicies", claimsAssigners,
		also(claimsPolicyReaders, (*call).listClaimsPoliciesOfPrincipal)},
	{http.MethodPost, "servicePrincipals/{principal}/claimsMappingPolicies/$ref", claimsAssigners,
		also(claimsPolicyReaders, (*call).assignClaimsPolicy)},
	{http.MethodDelete, "servicePrincipals/{principal}/claimsMappingPolicies/{policy}/$ref", claimsAssigners,
		also(claimsPolicyReaders, (*call).unassignClaimsPolicy)},
}

// also asks for one right of another list in addition to the route's.
func also(rights []string, serve func(*call) *apiError) func(*call) *apiError {
	return func(c *call) *apiError {
		if !slices.ContainsFunc(rights, c.token.HasRole) {
			return denied()
		}
		return serve(c)
	}
}

const claimsPolicyResource = "ClaimsMappingPolicy"

func claimsPolicyEntity(p tenant.ClaimsMappingPolicy) object {
	return object{
		"id": p.ID, "deletedDateTime": nil, "definition": tenant.NonNil(p.Definition), "description": text(p.Description),
		"displayName": p.DisplayName, "isOrganizationDefault": p.IsDefault,
	}
}

func (c *call) claimsPolicies(context string, keep func(tenant.ClaimsMappingPolicy) bool) *apiError {
	return c.many(collection{
		context:    context,
		schema:     claimsPolicyEntity(tenant.ClaimsMappingPolicy{}),
		filterable: []string{"id", "displayName"}, // unconfirmed
		rows: func(v tenant.View) []object {
			return tenant.Mapped(c.tenant.Directory.ClaimsPolicies.List(v, keep), claimsPolicyEntity)
		},
	})
}

func (c *call) listClaimsPolicies() *apiError {
	return c.claimsPolicies("policies/claimsMappingPolicies", nil)
}

// findClaimsPolicy finds a policy by the ID that a path or a reference names.
func (c *call) findClaimsPolicy(v tenant.View, id string) (tenant.ClaimsMappingPolicy, *apiError) {
	if uuid.Validate(id) != nil {
		return tenant.ClaimsMappingPolicy{}, refuse(badRequest, "Invalid object identifier '%s'.", id)
	}
	found, ok := c.tenant.Directory.ClaimsPolicies.Get(v, strings.ToLower(id))
	if !ok || !knows(c, &c.tenant.Directory.ClaimsPolicies, found.ID) {
		return found, notFound(id)
	}
	return found, nil
}

func (c *call) getClaimsPolicy() *apiError {
	found, failure := c.findClaimsPolicy(c.Reads, c.keys["policy"].value)
	if failure != nil {
		return failure
	}
	entity := claimsPolicyEntity(found)
	return c.one(http.StatusOK, "policies/claimsMappingPolicies", entity, entity)
}

func (c *call) postClaimsPolicy() *apiError {
	made := tenant.ClaimsMappingPolicy{ID: uuid.NewString()}
	if failure := c.setClaimsPolicy(&made); failure != nil {
		return failure
	}
	if made.DisplayName == "" {
		return refuse(badRequest, "A value is required for property 'displayName' of resource '%s'.", claimsPolicyResource)
	}
	c.tenant.Directory.ClaimsPolicies.Put(c.api.world.Now(), made.ID, made)
	return c.created("policies/claimsMappingPolicies", "Policy", claimsPolicyEntity(made))
}

func (c *call) patchClaimsPolicy() *apiError {
	changed, failure := c.findClaimsPolicy(tenant.Present(), c.keys["policy"].value)
	if failure != nil {
		return failure
	}
	if failure := c.setClaimsPolicy(&changed); failure != nil {
		return failure
	}
	c.tenant.Directory.ClaimsPolicies.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}

// deleteClaimsPolicy deletes a policy for good. That it leaves the service principals that it is assigned to is
// unconfirmed.
func (c *call) deleteClaimsPolicy() *apiError {
	found, failure := c.findClaimsPolicy(tenant.Present(), c.keys["policy"].value)
	if failure != nil {
		return failure
	}
	at, principals := c.api.world.Now(), &c.tenant.Directory.ServicePrincipals
	for _, p := range principals.List(tenant.Present(), nil) {
		if kept := without(p.ClaimsPolicies, found.ID); len(kept) < len(p.ClaimsPolicies) {
			p.ClaimsPolicies = kept
			principals.Put(at, p.ID, p)
		}
	}
	c.tenant.Directory.ClaimsPolicies.Remove(at, found.ID)
	return c.noContent()
}

// without returns a copy of a list without one of its entries.
func without(list []string, entry string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == entry })
}

// setClaimsPolicy sets what is in the request. A policy needs a definition from the beginning.
func (c *call) setClaimsPolicy(p *tenant.ClaimsMappingPolicy) *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	for _, name := range sortedNames(body) {
		raw := body[name]
		switch name {
		case "definition":
			p.Definition, failure = decoded[[]string](name, claimsPolicyResource, raw)
		case "description":
			p.Description, failure = decoded[string](name, claimsPolicyResource, raw)
		case "displayName":
			p.DisplayName, failure = decoded[string](name, claimsPolicyResource, raw)
			if failure == nil {
				failure = invalidUnless(p.DisplayName != "", name, claimsPolicyResource)
			}
		case "isOrganizationDefault":
			p.IsDefault, failure = decoded[bool](name, claimsPolicyResource, raw)
		case "id":
			failure = readOnlyUnlessItsID(name, raw, p.ID)
		default:
			failure = unknownProperty(name, "claimsMappingPolicy")
		}
		if failure != nil {
			return failure
		}
	}
	if len(p.Definition) != 1 || !validClaimsDefinition(p.Definition[0]) {
		return refuse(badRequest, "Property definition has an invalid value.") // seen
	}
	return nil
}

// claimsDefinition is a policy's definition (Microsoft Graph: claimsMappingPolicy resource type; Microsoft identity
// platform: claims mapping policy type). That the transformations' name is in the plural, against the documents, was
// seen, and that IncludeBasicClaimSet may be a text.
type claimsDefinition struct {
	Policy *struct {
		Version         int                 `json:"Version"`
		IncludeBasic    any                 `json:"IncludeBasicClaimSet"`
		Schema          []claimsSchemaEntry `json:"ClaimsSchema"`
		Transformations []struct {
			ID     string `json:"ID"`
			Method string `json:"TransformationMethod"`
		} `json:"ClaimsTransformations"`
	} `json:"ClaimsMappingPolicy"`
}

type claimsSchemaEntry struct {
	Value            *string `json:"Value"`
	Source           string  `json:"Source"`
	ID               string  `json:"ID"`
	ExtensionID      string  `json:"ExtensionID"`
	TransformationID string  `json:"TransformationId"`
}

// claimsSources are where the data of a claim can come from (Microsoft identity platform: claims mapping policy type).
var claimsSources = []string{"user", "application", "resource", "audience", "company", "transformation"}

// validClaimsDefinition reports whether Entra would take a definition. What it looks for besides is unconfirmed.
func validClaimsDefinition(text string) bool {
	var definition claimsDefinition
	if json.Unmarshal([]byte(text), &definition) != nil || definition.Policy == nil || definition.Policy.Version != 1 {
		return false
	}
	policy := definition.Policy
	switch include := policy.IncludeBasic.(type) {
	case nil, bool:
	case string:
		if !strings.EqualFold(include, "true") && !strings.EqualFold(include, "false") {
			return false
		}
	default:
		return false
	}
	var transformations []string
	for _, transformation := range policy.Transformations {
		transformations = append(transformations, strings.ToLower(transformation.ID))
	}
	return !slices.ContainsFunc(policy.Schema, func(e claimsSchemaEntry) bool { return !e.valid(transformations) })
}

// valid reports whether an entry says where its data comes from: a value, or a source with what is taken from it.
func (e claimsSchemaEntry) valid(transformations []string) bool {
	switch {
	case e.Value != nil:
		return e.Source == ""
	case !slices.Contains(claimsSources, strings.ToLower(e.Source)) || e.ID == "" && e.ExtensionID == "":
		return false
	case strings.EqualFold(e.Source, "transformation"):
		return slices.Contains(transformations, strings.ToLower(e.TransformationID))
	}
	return true
}

func (c *call) listClaimsPoliciesOfPrincipal() *apiError {
	found, failure := c.findAssignee(c.Reads)
	if failure != nil {
		return failure
	}
	return c.claimsPolicies("policies/claimsMappingPolicies", func(p tenant.ClaimsMappingPolicy) bool {
		return slices.Contains(found.ClaimsPolicies, p.ID)
	})
}

// findAssignee finds the service principal of the path, which has to be the caller's own where that is its only right.
func (c *call) findAssignee(v tenant.View) (tenant.ServicePrincipal, *apiError) {
	found, failure := c.findServicePrincipal(v)
	if failure == nil {
		failure = c.mine(found.Owners)
	}
	return found, failure
}

// assignClaimsPolicy assigns the policy that the body refers to (Microsoft Graph:
// serviceprincipal-post-claimsmappingpolicies). Codes and texts of the refusals, and that there is one at most, are
// unconfirmed.
func (c *call) assignClaimsPolicy() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	reference, failure := decoded[string]("@odata.id", "DirectoryObject", body["@odata.id"])
	if failure != nil {
		return failure
	}
	changed, failure := c.findAssignee(tenant.Present())
	if failure != nil {
		return failure
	}
	policy, failure := c.findClaimsPolicy(c.Refers, reference[strings.LastIndex(reference, "/")+1:])
	switch {
	case failure != nil:
		return failure
	case slices.Contains(changed.ClaimsPolicies, policy.ID):
		return refuse(badRequest,
			"One or more added object references already exist for the following modified properties: 'policies'.")
	case len(changed.ClaimsPolicies) > 0:
		return refuse(badRequest, "A policy of the type '%s' is assigned already.", claimsPolicyResource)
	}
	changed.ClaimsPolicies = []string{policy.ID}
	c.tenant.Directory.ServicePrincipals.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}

func (c *call) unassignClaimsPolicy() *apiError {
	changed, failure := c.findAssignee(tenant.Present())
	if failure != nil {
		return failure
	}
	id := strings.ToLower(c.keys["policy"].value)
	kept := without(changed.ClaimsPolicies, id)
	if len(kept) == len(changed.ClaimsPolicies) {
		return notFound(id)
	}
	changed.ClaimsPolicies = kept
	c.tenant.Directory.ServicePrincipals.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}
