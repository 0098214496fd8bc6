package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

const claimsPolicies = "/policies/claimsMappingPolicies"

// claimsDefinition is a policy's definition with a schema and what follows it.
func claimsDefinition(schema, rest string) []string {
	return []string{`{"ClaimsMappingPolicy":{"Version":1,"IncludeBasicClaimSet":"true","ClaimsSchema":[` + schema + `]` +
		rest + `}}`}
}

const employeeID = `{"Source":"user","ID":"employeeid","JwtClaimType":"name"}`

func (g *graphSession) newClaimsPolicy(displayName string) object {
	g.t.Helper()
	return g.want(http.StatusCreated, "POST", claimsPolicies,
		object{"displayName": displayName, "definition": claimsDefinition(employeeID, "")})
}

func TestAClaimsMappingPolicyIsCreatedChangedAndDeleted(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	made, other := g.newClaimsPolicy("employees"), g.newClaimsPolicy("others")
	path := claimsPolicies + "/" + made["id"].(string)
	definition := claimsDefinition(`{"Source":"user","ID":"extensionattribute1"},
		{"Source":"transformation","ID":"DataJoin","TransformationId":"JoinTheData","JwtClaimType":"JoinedData"},
		{"Value":"900","SamlClaimType":"https://aws.amazon.com/SAML/Attributes/SessionDuration"}`,
		`,"ClaimsTransformations":[{"ID":"JoinTheData","TransformationMethod":"Join"}]`)
	g.want(http.StatusNoContent, "PATCH", path, object{"displayName": "renamed", "definition": definition})
	found := g.want(http.StatusOK, "GET", path, nil)
	if found["displayName"] != "renamed" || found["isOrganizationDefault"] != false ||
		!slices.Equal(found["definition"].([]any), []any{definition[0]}) {
		t.Errorf("after the change the policy is %v", found)
	}
	if names := g.values(claimsPolicies, "displayName"); !slices.Equal(names, []any{"renamed", "others"}) {
		t.Errorf("the policies are %v", names)
	}
	if ids := g.values(filtered(claimsPolicies, "displayName eq 'others'"), "id"); !slices.Equal(ids, []any{other["id"]}) {
		t.Errorf("by its name, the list finds %v", ids)
	}
	g.want(http.StatusNoContent, "DELETE", path, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", path, nil)
	reader := g.as(tenant.FullCaller) // holds Policy.Read.All
	reader.want(http.StatusOK, "GET", claimsPolicies, nil)
	reader.refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", claimsPolicies,
		object{"displayName": "x", "definition": definition})
}

func TestAClaimsMappingPolicyThatSaysNothingIsRefused(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	const policy = `{"ClaimsMappingPolicy":`
	for sentence, definition := range map[string]any{
		"none":                         nil,
		"an empty list":                []string{},
		"two":                          append(claimsDefinition(employeeID, ""), claimsDefinition(employeeID, "")...),
		"a text that is not JSON":      []string{"definition-value"},
		"another kind of policy":       []string{`{"TokenIssuancePolicy":{"Version":1}}`},
		"no version":                   []string{policy + `{"IncludeBasicClaimSet":"true"}}`},
		"another version":              []string{policy + `{"Version":2}}`},
		"a basic claim set of a sort":  []string{policy + `{"Version":1,"IncludeBasicClaimSet":"perhaps"}}`},
		"a number for that":            []string{policy + `{"Version":1,"IncludeBasicClaimSet":1}}`},
		"a source that is none":        claimsDefinition(`{"Source":"person","ID":"employeeid"}`, ""),
		"a source without an ID":       claimsDefinition(`{"Source":"user"}`, ""),
		"a value with a source":        claimsDefinition(`{"Source":"user","ID":"mail","Value":"x"}`, ""),
		"neither a value nor a source": claimsDefinition(`{"JwtClaimType":"name"}`, ""),
		"a transformation that is not there": claimsDefinition(
			`{"Source":"transformation","ID":"DataJoin","TransformationId":"JoinTheData"}`, ""),
		"transformations in the singular": claimsDefinition(
			`{"Source":"transformation","ID":"DataJoin","TransformationId":"JoinTheData"}`,
			`,"ClaimsTransformation":[{"ID":"JoinTheData","TransformationMethod":"Join"}]`),
	} {
		got := g.send("POST", claimsPolicies, object{"displayName": "x", "definition": definition})
		if got.Status != http.StatusBadRequest || !strings.Contains(got.Body, "Property definition has an invalid value.") {
			t.Errorf("%s: HTTP %d %s", sentence, got.Status, got.Body)
		}
	}
	good := claimsDefinition(employeeID, "")
	for _, body := range []object{
		{"definition": good}, {"definition": good, "displayName": ""}, {"definition": good, "displayName": nil},
		{"definition": good, "displayName": "x", "isOrganizationDefault": "no"},
		{"definition": good, "displayName": "x", "type": "claims"}, {"definition": "text", "displayName": "x"},
	} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", claimsPolicies, body)
	}
	path := claimsPolicies + "/" + g.newClaimsPolicy("x")["id"].(string)
	for _, body := range []object{{"definition": []string{"{}"}}, {"displayName": ""}, {"id": noObject}} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, body)
	}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "GET", claimsPolicies+"/x", nil)
}

func TestAClaimsMappingPolicyIsAssignedToAServicePrincipal(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	app, principal := g.newRegistration()
	policy, other := g.newClaimsPolicy("first"), g.newClaimsPolicy("second")
	path := "/servicePrincipals/" + principal["id"].(string) + "/claimsMappingPolicies"
	// The reference names any collection: azuread's provider writes directoryObjects.
	g.want(http.StatusNoContent, "POST", path+"/$ref", object{"@odata.id": g.reference(policy["id"].(string))})
	list := "/servicePrincipals(appId='" + app["appId"].(string) + "')/claimsMappingPolicies"
	if ids := g.values(list, "id"); !slices.Equal(ids, []any{policy["id"]}) {
		t.Errorf("assigned are %v", ids)
	}
	for _, again := range []object{policy, other} {
		g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path+"/$ref",
			object{"@odata.id": g.reference(again["id"].(string))})
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", path+"/"+other["id"].(string)+"/$ref", nil)
	g.want(http.StatusNoContent, "DELETE", path+"/"+policy["id"].(string)+"/$ref", nil)
	if ids := g.values(list, "id"); len(ids) != 0 {
		t.Errorf("after the removal assigned are %v", ids)
	}
	// A deleted policy is assigned to nobody.
	g.want(http.StatusNoContent, "POST", path+"/$ref", object{"@odata.id": g.reference(other["id"].(string))})
	g.want(http.StatusNoContent, "DELETE", claimsPolicies+"/"+other["id"].(string), nil)
	if ids := g.values(list, "id"); len(ids) != 0 {
		t.Errorf("after the deletion assigned are %v", ids)
	}
	g.want(http.StatusNoContent, "POST", path+"/$ref", object{"@odata.id": g.reference(policy["id"].(string))})
}

func TestAnAssignmentThatCannotBeIsRefused(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	_, principal := g.newRegistration()
	policy := g.newClaimsPolicy("policy")
	path := "/servicePrincipals/" + principal["id"].(string) + "/claimsMappingPolicies/$ref"
	reference := object{"@odata.id": g.reference(policy["id"].(string))}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", path, object{"@odata.id": g.reference(noObject)})
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path, object{"@odata.id": "policy"})
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path, object{})
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST",
		"/servicePrincipals/"+noObject+"/claimsMappingPolicies/$ref", reference)
	// A right to one's own service principals is none to another's, and one without a right to policies is none.
	g.as(tenant.OwnedByCaller).refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", path, reference)
	app := g.register(g.tenant, tenant.GraphAppID+"/Application.ReadWrite.All")
	g.token = g.rig.token(g.tenant.ID, secretForm(app.AppID, app.secret, graphDefault))
	g.refused(http.StatusForbidden, "Authorization_RequestDenied", "POST", path, reference)
}

func TestAFreshClaimsMappingPolicyCannotBeAssignedForAWhile(t *testing.T) {
	g := newLagging(t, tenant.InteropCaller)
	_, principal := g.settledRegistration()
	policy := g.newClaimsPolicy("fresh")
	path := "/servicePrincipals/" + principal["id"].(string) + "/claimsMappingPolicies"
	reference := object{"@odata.id": g.reference(policy["id"].(string))}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", path+"/$ref", reference)
	if got := g.statuses(claimsPolicies + "/" + policy["id"].(string)); !slices.Equal(got, []int{200, 404}) {
		t.Errorf("right after the creation, reads are answered %v", got)
	}
	g.later("6s")
	g.want(http.StatusNoContent, "POST", path+"/$ref", reference)
}
