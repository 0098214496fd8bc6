package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestAnUpsertCreatesOnceAndThenChanges(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	const path = "/applications(uniqueName='codetwo-target')"
	body := object{"displayName": "Target", "tags": []string{"a"}}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "PATCH", path, body)
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, object{"notes": "no name"}, "Prefer",
		"create-if-missing")

	created := g.want(http.StatusCreated, "PATCH", path, body, "Prefer", "create-if-missing")
	if created["uniqueName"] != "codetwo-target" || created["displayName"] != "Target" {
		t.Errorf("the new application is %v", created)
	}
	if got := g.send("PATCH", path, object{"displayName": "Renamed"}, "Prefer",
		"create-if-missing"); got.Status != http.StatusNoContent || got.Body != "" {
		t.Errorf("the second upsert is answered HTTP %d %q", got.Status, got.Body)
	}
	found := g.want(http.StatusOK, "GET", path, nil)
	if found["id"] != created["id"] || found["displayName"] != "Renamed" ||
		!slices.Equal(found["tags"].([]any), []any{"a"}) {
		t.Errorf("after the second upsert the application is %v", found)
	}
}

func TestAUniqueNameIsGivenOnceAndForGood(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	first := g.newApplication(object{"uniqueName": "taken"})
	message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/applications",
		object{"displayName": "x", "uniqueName": "taken"})
	if message != "Another object with the same value for property uniqueName already exists." { // the provider reads it
		t.Errorf("the message is %q", message)
	}
	if code := g.detail("POST", "/applications",
		object{"displayName": "x", "uniqueName": "taken"}); code != "ObjectConflict" {
		t.Errorf("the detail's code is %q", code)
	}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", "/applications/"+first["id"].(string),
		object{"uniqueName": "other"})
	later := g.newApplication(object{})
	g.want(http.StatusNoContent, "PATCH", "/applications/"+later["id"].(string), object{"uniqueName": "other"})
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", "/applications/"+later["id"].(string),
		object{"uniqueName": nil})
}

func TestAnApplicationIsFoundByEachOfItsKeys(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{"uniqueName": "it's one"})
	for _, path := range []string{
		"/applications/" + app["id"].(string), "/applications('" + app["id"].(string) + "')",
		"/applications(appId='" + app["appId"].(string) + "')", "/applications(uniqueName='it''s%20one')",
		"/APPLICATIONS/" + strings.ToUpper(app["id"].(string)),
	} {
		if found := g.want(http.StatusOK, "GET", path, nil); found["appId"] != app["appId"] {
			t.Errorf("GET %s finds %v", path, found["appId"])
		}
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/applications(appId='"+noObject+"')", nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "PATCH", "/applications/"+noObject, object{"notes": "x"})
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", "/applications/"+noObject, nil)
}

func TestWhatIsSetOnAnApplicationComesBack(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	required := []object{{"resourceAppId": tenant.GraphAppID,
		"resourceAccess": []object{{"id": "7ab1d382-f21e-4acd-a863-ba3e13f7da61", "type": "Role"}}}}
	path := "/applications/" +
		g.newApplication(
			object{"requiredResourceAccess": required, "web": object{"homePageUrl": "https://a.example"}})["id"].(string)
	g.want(http.StatusNoContent, "PATCH", path, object{
		"notes": "n", "description": "d", "isDisabled": true, "groupMembershipClaims": "All",
		"identifierUris": []string{"api://x"},
		"web":            object{"redirectUris": []string{"https://b.example"}},
	})
	found := g.want(http.StatusOK, "GET", path, nil)
	web := found["web"].(object)
	if found["notes"] != "n" || found["description"] != "d" || found["isDisabled"] != true ||
		found["groupMembershipClaims"] != "All" {
		t.Errorf("the application is %v", found)
	}
	if web["homePageUrl"] != "https://a.example" ||
		!slices.Equal(web["redirectUris"].([]any), []any{"https://b.example"}) {
		t.Errorf("a change of one property of web leaves %v", web)
	}
	access := found["requiredResourceAccess"].([]any)[0].(object)
	if access["resourceAppId"] != tenant.GraphAppID || access["resourceAccess"].([]any)[0].(object)["type"] != "Role" {
		t.Errorf("the required access is %v", access)
	}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/applications",
		object{"displayName": "x", "identifierUris": []string{"api://x"}})
	g.want(http.StatusNoContent, "PATCH", path, object{"notes": nil, "web": nil})
	if found := g.want(http.StatusOK, "GET", path, nil); found["notes"] != nil ||
		found["web"].(object)["homePageUrl"] != nil {
		t.Errorf("null leaves notes %v and web %v", found["notes"], found["web"])
	}
}

func TestAnIdentifierURIIsUniqueInTheTenant(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	first := g.newApplication(object{"identifierUris": []string{"api://one", "api://two"}})
	firstPath := "/applications/" + first["id"].(string)
	// its own is not a conflict
	g.want(http.StatusNoContent, "PATCH", firstPath, object{"identifierUris": []string{"api://two"}})
	second := g.newApplication(object{"identifierUris": []string{"api://one"}})
	body := object{"identifierUris": []string{"api://other", "api://two"}}
	message := g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", "/applications/"+second["id"].(string),
		body)
	if message != "Another object with the same value for property identifierUris already exists." {
		t.Errorf("the message is %q", message)
	}
	if code := g.detail("PATCH", "/applications/"+second["id"].(string), body); code != "ObjectConflict" {
		t.Errorf("the detail's code is %q", code)
	}
	g.want(http.StatusNoContent, "DELETE", firstPath, nil)
	g.newApplication(object{"identifierUris": []string{"api://two"}})
	g.refused(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "POST",
		"/directory/deletedItems/"+first["id"].(string)+"/restore", nil)
}

func TestFederatedCredentialsAreListedMadeAndDeleted(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{})["id"].(string) + "/federatedIdentityCredentials"
	credential := object{"name": "pipeline", "issuer": "https://token.actions.githubusercontent.com",
		"subject":   "repo:a/b:ref:refs/heads/main",
		"audiences": []string{"api://AzureADTokenExchange"}}
	made := g.want(http.StatusCreated, "POST", path, credential)
	g.refused(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "POST", path, credential)
	credential["name"] = "again"
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path, credential)
	if names := g.values(path, "name"); !slices.Equal(names, []any{"pipeline"}) {
		t.Errorf("the federated credentials are %v", names)
	}
	g.want(http.StatusOK, "GET", path+"/"+made["id"].(string), nil)
	g.want(http.StatusNoContent, "DELETE", path+"/pipeline", nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path+"/"+made["id"].(string), nil)
}

func TestAFederatedCredentialIsChangedInAllButItsName(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{})["id"].(string) + "/federatedIdentityCredentials"
	credential := func(name, subject string) object {
		return object{"name": name, "issuer": "https://token.actions.githubusercontent.com", "subject": subject,
			"audiences": []string{"api://AzureADTokenExchange"}}
	}
	g.want(http.StatusCreated, "POST", path, credential("other", "repo:a/b:ref:refs/heads/other"))
	made := g.want(http.StatusCreated, "POST", path, credential("pipeline", "repo:a/b:ref:refs/heads/main"))
	// The provider of HashiCorp repeats the ID and the name.
	whole := credential("pipeline", "repo:a/b:environment:production")
	whole["id"], whole["description"] = made["id"], "changed"
	g.want(http.StatusNoContent, "PATCH", path+"/"+made["id"].(string), whole)
	g.want(http.StatusNoContent, "PATCH", path+"/pipeline", object{"issuer": "https://gitlab.example"})
	found := g.want(http.StatusOK, "GET", path+"/pipeline", nil)
	if found["id"] != made["id"] || found["subject"] != "repo:a/b:environment:production" ||
		found["description"] != "changed" || found["issuer"] != "https://gitlab.example" {
		t.Errorf("the credential is %v", found)
	}
	for sentence, body := range map[string]object{
		"another name":            {"name": "renamed"},
		"another ID":              {"id": noObject},
		"no subject":              {"subject": ""},
		"two audiences":           {"audiences": []string{"a", "b"}},
		"what the other one says": {"issuer": "https://token.actions.githubusercontent.com", "subject": "repo:a/b:ref:refs/heads/other"},
		"an unknown property":     {"claims": "x"},
	} {
		if got := g.send("PATCH", path+"/pipeline", body); got.Status != http.StatusBadRequest {
			t.Errorf("%s is answered HTTP %d: %s", sentence, got.Status, got.Body)
		}
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "PATCH", path+"/"+noObject, object{"description": "x"})
	if names := g.values(path, "name"); !slices.Equal(names, []any{"other", "pipeline"}) {
		t.Errorf("the federated credentials are %v", names)
	}
}

func TestARequestMayRepeatTheIDOfWhatItChanges(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, principal := g.newRegistration()
	for collection, id := range map[string]string{"/applications/": app["id"].(string),
		"/servicePrincipals/": principal["id"].(string)} {
		g.want(http.StatusNoContent, "PATCH", collection+id, object{"id": id, "notes": "kept"})
		if found := g.want(http.StatusOK, "GET", collection+id, nil); found["notes"] != "kept" {
			t.Errorf("the object is %v", found)
		}
		g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", collection+id, object{"id": noObject})
	}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/applications",
		object{"displayName": "x", "id": noObject})
}

func TestADeletedApplicationTakesItsServicePrincipalAndGrantsAlongAndBack(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, principal := g.newRegistration()
	appPath, principalPath := "/applications/"+app["id"].(string), "/servicePrincipals/"+principal["id"].(string)
	exchange := g.api(tenant.ExchangeAppID)
	grant := g.grant(principal, exchange, "dc890d15-9560-4a4c-9b7f-a736ec74ec40")

	g.want(http.StatusNoContent, "DELETE", appPath, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", appPath, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", principalPath, nil)
	if given := g.values("/servicePrincipals/"+exchange["id"].(string)+"/appRoleAssignedTo", "id"); slices.Contains(given,
		grant["id"]) {
		t.Error("the grant is still on the API")
	}
	for _, path := range []string{"/directory/deletedItems/graph.application",
		"/directory/deletedItems/microsoft.graph.application"} {
		filter := "displayName eq '" + app["displayName"].(string) + "' and appId eq '" + app["appId"].(string) + "'"
		if ids := g.values(filtered(path, filter), "id"); !slices.Equal(ids, []any{app["id"]}) {
			t.Errorf("%s lists %v", path, ids)
		}
	}
	restore := func(of object) string { return "/directory/deletedItems/" + of["id"].(string) + "/restore" }
	message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", restore(principal), nil)
	if !strings.HasPrefix(message, "Cannot restore ServicePrincipal without backing Application") {
		t.Errorf("the message is %q", message)
	}
	back := g.want(http.StatusOK, "POST", restore(app), nil)
	if back["@odata.type"] != "#microsoft.graph.application" || back["deletedDateTime"] != nil {
		t.Errorf("the restored application is %v", back)
	}
	g.want(http.StatusOK, "POST", restore(principal), nil)
	if found := g.want(http.StatusOK, "GET", appPath, nil); found["appId"] != app["appId"] ||
		found["uniqueName"] != app["uniqueName"] {
		t.Errorf("the restored application is %v", found)
	}
	if ids := g.values(principalPath+"/appRoleAssignments", "id"); !slices.Equal(ids, []any{grant["id"]}) {
		t.Errorf("the restored grants are %v", ids)
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", restore(app), nil)
}

func TestAPurgedObjectIsGoneForGood(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, principal := g.newRegistration()
	g.want(http.StatusNoContent, "DELETE", "/applications/"+app["id"].(string), nil)
	// The application is deleted first, and leaves its service principal in the recycle bin.
	for _, id := range []string{app["id"].(string), principal["id"].(string)} {
		g.want(http.StatusOK, "GET", "/directory/deletedItems/"+id, nil)
		g.want(http.StatusNoContent, "DELETE", "/directory/deletedItems/"+id, nil)
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/directory/deletedItems/"+id, nil)
		g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", "/directory/deletedItems/"+id+"/restore", nil)
	}
}

func TestTheRecycleBinEmptiesItselfAfterThirtyDays(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{})
	g.want(http.StatusNoContent, "DELETE", "/applications/"+app["id"].(string), nil)
	g.control(http.MethodPost, "/clock", `{"advance":"719h"}`)
	g = g.as(tenant.FullCaller)
	if ids := g.values("/directory/deletedItems/graph.application", "id"); !slices.Equal(ids, []any{app["id"]}) {
		t.Errorf("after 29 days the recycle bin holds %v", ids)
	}
	g.control(http.MethodPost, "/clock", `{"advance":"2h"}`)
	g = g.as(tenant.FullCaller)
	if ids := g.values("/directory/deletedItems/graph.application", "id"); len(ids) > 0 {
		t.Errorf("after 30 days the recycle bin holds %v", ids)
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", "/directory/deletedItems/"+app["id"].(string)+
		"/restore", nil)
}

func TestARestoreFailsWhenTheNameWasTakenMeanwhile(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{"uniqueName": "wanted"})
	g.want(http.StatusNoContent, "DELETE", "/applications/"+app["id"].(string), nil)
	g.newApplication(object{"uniqueName": "wanted"})
	g.refused(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "POST",
		"/directory/deletedItems/"+app["id"].(string)+"/restore", nil)
}
