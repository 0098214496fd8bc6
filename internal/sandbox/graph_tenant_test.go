package sandbox

import (
	"net/http"
	"slices"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestTheOrganizationNamesItsDomains(t *testing.T) {
	g := newGraph(t, tenant.ReadOnlyCaller)
	listed := g.want(http.StatusOK, "GET", "/organization?$select=id,displayName,verifiedDomains", nil)["value"].([]any)
	if len(listed) != 1 {
		t.Fatalf("the tenant has %d organizations", len(listed))
	}
	organization := listed[0].(object)
	if organization["id"] != g.tenant.ID || organization["displayName"] != "Contoso" {
		t.Errorf("the organization is %v", organization)
	}
	initial := organization["verifiedDomains"].([]any)[0].(object)
	if initial["name"] != "contoso.onmicrosoft.com" || initial["isInitial"] != true || initial["isDefault"] != false {
		t.Errorf("the initial domain is %v", initial)
	}
	if names := g.values("/domains", "id"); !slices.Equal(names, []any{"contoso.onmicrosoft.com", "contoso.com"}) {
		t.Errorf("the domains are %v", names)
	}
	if found := g.want(http.StatusOK, "GET", "/domains/Contoso.com", nil); found["isDefault"] != true ||
		found["isVerified"] != true {
		t.Errorf("the default domain is %v", found)
	}
	g.want(http.StatusOK, "GET", "/organization/"+g.tenant.ID, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/organization/"+g.server.world.Tenants[1].ID, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/domains/fabrikam.com", nil)
}

func TestAUserIsFoundByIDOrUserPrincipalNameAndShowsWhatIsSelected(t *testing.T) {
	g := newGraph(t, tenant.ReadOnlyCaller)
	const name = "anna.kowalska@contoso.com"
	short := g.want(http.StatusOK, "GET", "/users/Anna.Kowalska@contoso.com", nil)
	if short["mail"] != name || short["surname"] != "Kowalska" {
		t.Errorf("the user is %v", short)
	}
	for _, property := range []string{"accountEnabled", "assignedPlans", "proxyAddresses"} {
		if value, shown := short[property]; shown {
			t.Errorf("without being selected, %s is shown: %v", property, value)
		}
	}
	long := g.want(http.StatusOK, "GET",
		"/users/"+short["id"].(string)+"?$select=accountEnabled,assignedPlans,proxyAddresses,userPrincipalName", nil)
	if long["accountEnabled"] != true || long["userPrincipalName"] != name ||
		long["assignedPlans"].([]any)[0].(object)["service"] != "exchange" {
		t.Errorf("the user is %v", long)
	}
	if !slices.Contains(long["proxyAddresses"].([]any), any("SMTP:"+name)) {
		t.Errorf("the addresses are %v", long["proxyAddresses"])
	}
	found := g.values(filtered("/users", "proxyAddresses/any(a:a eq 'smtp:anna.kowalska@contoso.onmicrosoft.com')"),
		"userPrincipalName")
	if !slices.Equal(found, []any{name}) {
		t.Errorf("the second address finds %v", found)
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/users/anna.kowalska@contoso.onmicrosoft.com", nil)
	g.refused(http.StatusBadRequest, "BadRequest", "GET", "/users/"+name+"?$select=licence", nil)
}

func TestACallerWithBasicRightsSeesNoPlansOfAUser(t *testing.T) {
	g := newGraph(t, tenant.OwnedByCaller)
	found := g.want(http.StatusOK, "GET", "/users/anna.kowalska@contoso.com?$select=userPrincipalName,assignedPlans", nil)
	if _, shown := found["assignedPlans"]; shown || found["userPrincipalName"] == nil {
		t.Errorf("the user is %v", found)
	}
}

func TestMailboxSettingsAreAnsweredByExchange(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.refused(http.StatusForbidden, "ErrorAccessDenied", "GET", "/users/anna.kowalska@contoso.com/mailboxSettings", nil)

	app := g.register(g.tenant, tenant.GraphAppID+"/MailboxSettings.Read")
	g.token = g.rig.token(g.tenant.ID, secretForm(app.AppID, app.secret, graphDefault))
	if found := g.want(http.StatusOK, "GET", "/users/anna.kowalska@contoso.com/mailboxSettings",
		nil); found["userPurpose"] != "user" {
		t.Errorf("the settings are %v", found)
	}
	for _, name := range []string{"unlicensed@contoso.com", "nomailbox@contoso.com"} {
		g.refused(http.StatusNotFound, "MailboxNotEnabledForRESTAPI", "GET", "/users/"+name+"/mailboxSettings", nil)
	}
	g.refused(http.StatusNotFound, "ErrorInvalidUser", "GET", "/users/nobody@contoso.com/mailboxSettings", nil)
	g.control(http.MethodPatch, "/tenants/"+g.tenant.ID+"/exchange",
		`{"out_of_scope_mailboxes": ["anna.kowalska@contoso.com"]}`)
	g.refused(http.StatusForbidden, "ErrorAccessDenied", "GET", "/users/anna.kowalska@contoso.com/mailboxSettings", nil)
}

func TestTheDefaultAppManagementPolicyRestrictsNothing(t *testing.T) {
	g := newGraph(t, tenant.ReadOnlyCaller)
	if policy := g.want(http.StatusOK, "GET", "/policies/defaultAppManagementPolicy", nil); policy["isEnabled"] != false {
		t.Errorf("the default policy is %v", policy)
	}
	if policies := g.values("/policies/appManagementPolicies", "id"); len(policies) > 0 {
		t.Errorf("there are policies: %v", policies)
	}
}
