package sandbox

import (
	"net/http"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// rules sets what the tenant asks of applications.
func (g *graphSession) rules(body string) {
	g.t.Helper()
	g.control(http.MethodPatch, "/tenants/"+g.tenant.ID+"/directory", body)
}

func TestATenantMayWantAManagementReferenceOfNewApplications(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	older := g.newApplication(object{})
	g.rules(`{"needs_service_management_reference": true}`)
	const want = "ServiceManagementReference field is required for Create, but is missing in the request. Refer to the " +
		"TSG `https://aka.ms/service-management-reference-error` for resolving the error."
	if message := g.refused(http.StatusBadRequest, "ServiceTreeValueMissing", "POST", "/applications",
		object{"displayName": "x"}); message != want {
		t.Errorf("the message is %q", message)
	}
	g.refused(http.StatusBadRequest, "ServiceTreeValueMissing", "PATCH", "/applications(uniqueName='x')",
		object{"displayName": "x"}, "Prefer", "create-if-missing")
	if made := g.newApplication(
		object{"serviceManagementReference": noObject}); made["serviceManagementReference"] != noObject {
		t.Errorf("the application is %v", made)
	}
	g.want(http.StatusNoContent, "PATCH", "/applications/"+older["id"].(string),
		object{"notes": "older ones are left alone"})
}

func TestATenantMayForbidASignInAudience(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{})
	g.rules(`{"sign_in_audiences": ["AzureADMyOrg"]}`)
	shared := object{"displayName": "x", "signInAudience": "AzureADMultipleOrgs"}
	for path, method := range map[string]string{"/applications": "POST", "/applications/" + app["id"].(string): "PATCH"} {
		message := g.refused(http.StatusBadRequest, "SignInAudienceNotAllowedAsPerAppPolicy", method, path, shared)
		if message != "'signInAudience' property value 'AzureADMultipleOrgs' is not allowed." {
			t.Errorf("the message is %q", message)
		}
	}
	g.newApplication(object{"signInAudience": "AzureADMyOrg"})
	g.rules(`{"sign_in_audiences": []}`)
	g.want(http.StatusCreated, "POST", "/applications", shared)
}

func TestACallerMayHaveUsedUpItsQuotaOfObjects(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.rules(`{"object_quota": 2}`)
	first, second := g.newApplication(object{}), g.newApplication(object{})
	refused := func() {
		t.Helper()
		message := g.refused(http.StatusForbidden, "Directory_QuotaExceeded", "POST", "/applications",
			object{"displayName": "x"})
		if message != "The directory object quota limit for the Principal has been exceeded. Please ask your administrator "+
			"to increase the quota limit or delete objects to reduce the used quota." {
			t.Errorf("the message is %q", message)
		}
	}
	refused()
	g.rig.as(tenant.OwnedByCaller).newApplication(object{}) // another caller has a quota of its own
	g.want(http.StatusNoContent, "DELETE", "/applications/"+first["id"].(string), nil)
	refused() // what is in the recycle bin counts
	g.want(http.StatusNoContent, "DELETE", "/directory/deletedItems/"+first["id"].(string), nil)
	g.newApplication(object{})
	g.want(http.StatusNoContent, "PATCH", "/applications/"+second["id"].(string), object{"notes": "no new object"})
}

func TestANameInTheRecycleBinMayBeTaken(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{"uniqueName": "wanted"})
	g.want(http.StatusNoContent, "DELETE", "/applications/"+app["id"].(string), nil)
	g.rules(`{"bin_keeps_unique_names": true}`)
	body := object{"displayName": "x"}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", "/applications(uniqueName='wanted')", body, "Prefer",
		"create-if-missing")
	if code := g.detail("POST", "/applications",
		object{"displayName": "x", "uniqueName": "wanted"}); code != "ObjectConflict" {
		t.Errorf("the detail's code is %q", code)
	}
	g.want(http.StatusOK, "POST", "/directory/deletedItems/"+app["id"].(string)+"/restore", nil)
	g.want(http.StatusNoContent, "DELETE", "/applications/"+app["id"].(string), nil)
	g.want(http.StatusNoContent, "DELETE", "/directory/deletedItems/"+app["id"].(string), nil)
	g.want(http.StatusCreated, "PATCH", "/applications(uniqueName='wanted')", body, "Prefer", "create-if-missing")
}
