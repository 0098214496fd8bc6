package sandbox

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

const fullAccessRole = "dc890d15-9560-4a4c-9b7f-a736ec74ec40"

func TestAGrantIsSeenFromBothEndsAndInTheToken(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, principal := g.newRegistration()
	exchange := g.api(tenant.ExchangeAppID)
	grant := g.grant(principal, exchange, fullAccessRole)
	want := object{"principalId": principal["id"], "principalType": "ServicePrincipal",
		"principalDisplayName": principal["displayName"],
		"resourceId":           exchange["id"], "resourceDisplayName": "Office 365 Exchange Online",
		"appRoleId": fullAccessRole, "deletedDateTime": nil}
	for property, value := range want {
		if grant[property] != value {
			t.Errorf("%s is %v, want %v", property, grant[property], value)
		}
	}
	assignments := "/servicePrincipals/" + principal["id"].(string) + "/appRoleAssignments"
	for _, path := range []string{
		assignments, "/servicePrincipals(appId='" + app["appId"].(string) + "')/appRoleAssignments",
		filtered("/servicePrincipals(appId='"+tenant.ExchangeAppID+"')/appRoleAssignedTo",
			"principalId eq "+principal["id"].(string)),
	} {
		if ids := g.values(path, "id"); !slices.Equal(ids, []any{grant["id"]}) {
			t.Errorf("GET %s lists %v", path, ids)
		}
	}
	added := g.want(http.StatusOK, "POST", "/applications/"+app["id"].(string)+"/addPassword", object{})
	form := secretForm(app["appId"].(string), added["secretText"].(string), exchangeDefault)
	token, fault := g.server.issuer.Verify(g.rig.token(g.tenant.ID, form))
	if fault != nil || !slices.Equal(token.Roles, []string{"full_access_as_app"}) {
		t.Errorf("the token is %+v (%v)", token, fault)
	}

	path := assignments + "/" + grant["id"].(string)
	fromTheAPI := "/servicePrincipals/" + exchange["id"].(string) + "/appRoleAssignedTo/" + grant["id"].(string)
	for path, context := range map[string]string{path: "#appRoleAssignments/$entity",
		fromTheAPI: "#servicePrincipals('" + exchange["id"].(string) + "')/appRoleAssignedTo/$entity"} {
		if found := g.want(http.StatusOK, "GET", path, nil); found["principalId"] != principal["id"] ||
			!strings.HasSuffix(found["@odata.context"].(string), context) {
			t.Errorf("GET %s finds %v", path, found)
		}
	}
	g.want(http.StatusNoContent, "DELETE", fromTheAPI, nil)
	grant = g.want(http.StatusCreated, "POST", assignments,
		object{"principalId": principal["id"], "resourceId": exchange["id"], "appRoleId": fullAccessRole})
	path = assignments + "/" + grant["id"].(string)
	g.want(http.StatusNoContent, "DELETE", path, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", path, nil)
	if token, fault := g.server.issuer.Verify(g.rig.token(g.tenant.ID, form)); fault != nil || len(token.Roles) != 0 {
		t.Errorf("after the revocation a new token is %+v (%v)", token, fault)
	}
}

func TestAGrantsIDBeginsWithItsPrincipalInLittleEndianOrder(t *testing.T) {
	const principal = "00112233-4455-6677-8899-aabbccddeeff"
	decoded, err := base64.RawURLEncoding.DecodeString(tenant.NewAppRoleAssignmentID(principal))
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	if len(decoded) != 32 || !bytes.Equal(decoded[:16], want) {
		t.Errorf("the ID is % x", decoded)
	}
	if second := decoded[16:]; second[7]>>4 != 4 { // the version, which is not where RFC 9562 has it
		t.Errorf("the second half is not a random GUID: % x", second)
	}
}

func TestAGrantThatCannotBeIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	_, principal := g.newRegistration()
	exchange, graphAPI := g.api(tenant.ExchangeAppID), g.api(tenant.GraphAppID)
	g.grant(principal, exchange, fullAccessRole)
	path := "/servicePrincipals/" + exchange["id"].(string) + "/appRoleAssignedTo"
	body := func(principalID, resourceID, roleID any) object {
		return object{"principalId": principalID, "resourceId": resourceID, "appRoleId": roleID}
	}
	for sentence, test := range map[string]struct {
		body    object
		message string
	}{
		"twice the same":            {body(principal["id"], exchange["id"], fullAccessRole), "Permission being assigned already exists on the object"},
		"a role of no API":          {body(principal["id"], exchange["id"], noObject), "Permission being assigned was not found on application '" + tenant.ExchangeAppID + "'."},
		"a role of another API":     {body(principal["id"], exchange["id"], "7ab1d382-f21e-4acd-a863-ba3e13f7da61"), "Permission being assigned was not found on application"},
		"a disabled role":           {body(principal["id"], exchange["id"], "c2b0f0d7-6f39-4f6e-9a35-0d1f7a1b8e54"), "Permission being assigned was not found on application"},
		"a principal that is none":  {body(noObject, exchange["id"], fullAccessRole), "Not a valid reference update"},
		"another API than the path": {body(principal["id"], graphAPI["id"], "7ab1d382-f21e-4acd-a863-ba3e13f7da61"), "Not a valid reference update"},
		"no ID":                     {body(principal["id"], exchange["id"], "full_access_as_app"), "Invalid value"},
	} {
		if message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path,
			test.body); !strings.HasPrefix(message, test.message) {
			t.Errorf("%s: the message is %q", sentence, message)
		}
	}
	if code := g.detail("POST", path, body(principal["id"], exchange["id"], fullAccessRole)); code != "InvalidUpdate" {
		t.Errorf("twice the same: the detail's code is %q", code)
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "POST", "/servicePrincipals/"+noObject+"/appRoleAssignedTo",
		body(principal["id"], noObject, fullAccessRole))
	// On the API that shares the role's ID with Graph's Calendars.ReadWrite it is another permission, and is granted.
	g.grant(principal, exchange, "ef54d2bf-783f-4e0f-bca1-3210c0444d99")
}

func TestAServicePrincipalNeedsAnApplicationAndIsTheOnlyOneOfIt(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app, principal := g.newRegistration()
	if principal["appOwnerOrganizationId"] != g.tenant.ID || principal["servicePrincipalType"] != "Application" ||
		principal["accountEnabled"] != true ||
		!slices.Equal(principal["servicePrincipalNames"].([]any), []any{app["appId"]}) {
		t.Errorf("the new service principal is %v", principal)
	}
	g.refused(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "POST", "/servicePrincipals",
		object{"appId": app["appId"]})
	unbacked := object{"appId": noObject}
	message := g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/servicePrincipals", unbacked)
	if message != "The appId '"+noObject+"' of the service principal does not reference a valid application object." {
		t.Errorf("the message is %q", message)
	}
	if code := g.detail("POST", "/servicePrincipals", unbacked); code != "NoBackingApplicationObject" {
		t.Errorf("the detail's code is %q", code)
	}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/servicePrincipals", object{})
}

func TestAServicePrincipalIsChangedAndUpserted(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{})
	path := "/servicePrincipals(appId='" + app["appId"].(string) + "')"
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "PATCH", path, object{"tags": []string{"a"}})
	g.want(http.StatusCreated, "PATCH", path, object{"tags": []string{"a"}}, "Prefer", "create-if-missing")
	g.want(http.StatusNoContent, "PATCH", path, object{"accountEnabled": false, "notes": "n"}, "Prefer",
		"create-if-missing")
	found := g.want(http.StatusOK, "GET", path+"?$select=accountEnabled,tags,notes", nil)
	if found["accountEnabled"] != false || found["notes"] != "n" || !slices.Equal(found["tags"].([]any), []any{"a"}) {
		t.Errorf("the service principal is %v", found)
	}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "PATCH", path, object{"appRoles": []object{}})
	g.want(http.StatusNoContent, "DELETE", path, nil)
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path, nil)
	g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	deleted := g.values(filtered("/directory/deletedItems/microsoft.graph.servicePrincipal",
		"appId eq '"+app["appId"].(string)+"'"), "id")
	if len(deleted) != 1 {
		t.Fatalf("the recycle bin holds %v", deleted)
	}
	g.refused(http.StatusConflict, "Request_MultipleObjectsWithSameKeyValue", "POST",
		"/directory/deletedItems/"+deleted[0].(string)+"/restore", nil)
}

func TestAnApplicationThatIsSharedGetsAServicePrincipalInAnotherTenant(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	shared := g.newApplication(object{"signInAudience": "AzureADMultipleOrgs"})
	own := g.newApplication(object{})
	other := g.server.world.Tenants[1]
	caller := other.Callers[tenant.FullCaller]
	there := &graphSession{g.rig, other,
		g.rig.token(other.ID, secretForm(caller.ClientID, caller.ClientSecret, graphDefault))}
	if made := there.want(http.StatusCreated, "POST", "/servicePrincipals",
		object{"appId": shared["appId"]}); made["appOwnerOrganizationId"] != g.tenant.ID {
		t.Errorf("the service principal is %v", made)
	}
	there.refused(http.StatusBadRequest, "Request_BadRequest", "POST", "/servicePrincipals", object{"appId": own["appId"]})
	there.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", "/applications/"+shared["id"].(string), nil)
	path := "/applications/" + shared["id"].(string)
	form := secretForm(shared["appId"].(string), g.addSecret(path)["secretText"].(string), graphDefault)
	g.rig.token(other.ID, form)
	g.want(http.StatusNoContent, "PATCH", path, object{"signInAudience": "AzureADMyOrg"})
	g.refusedToken(other.ID, 700016, form)
}

func TestAnAPIThatTheTenantLacksCanBeAdded(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/servicePrincipals(appId='" + tenant.ExchangeAppID + "')"
	g.control("DELETE", "/tenants/"+g.tenant.ID+"/apis/"+tenant.ExchangeAppID, "")
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "GET", path, nil)
	g.want(http.StatusCreated, "POST", "/servicePrincipals", object{"appId": tenant.ExchangeAppID})
	roles := g.want(http.StatusOK, "GET", path, nil)["appRoles"].([]any)
	if !slices.ContainsFunc(roles, func(role any) bool { return role.(object)["id"] == fullAccessRole }) {
		t.Errorf("the API's roles are %v", roles)
	}
}

func TestTwoTenantsThatAskForEachOthersApplicationsDoNotWaitForEver(t *testing.T) {
	r := newRig(t, Options{Tenants: 2})
	done := make(chan int)
	for _, org := range r.server.world.Tenants {
		caller := org.Callers[tenant.FullCaller]
		g := &graphSession{r, org, r.token(org.ID, secretForm(caller.ClientID, caller.ClientSecret, graphDefault))}
		go func() {
			last := 0
			for range 20 {
				last = g.send("POST", "/servicePrincipals", object{"appId": uuid.NewString()}).Status
			}
			done <- last
		}()
	}
	for range 2 {
		if status := <-done; status != http.StatusBadRequest {
			t.Errorf("a service principal without an application is answered HTTP %d", status)
		}
	}
}

func TestAGrantIsFoundAtItsEndsAlone(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	_, principal := g.newRegistration()
	_, other := g.newRegistration()
	grant := g.grant(principal, g.api(tenant.ExchangeAppID), "dc890d15-9560-4a4c-9b7f-a736ec74ec40")["id"].(string)
	for _, list := range []string{"/appRoleAssignments/", "/appRoleAssignedTo/"} {
		for _, method := range []string{"GET", "DELETE"} {
			g.refused(http.StatusNotFound, "Request_ResourceNotFound", method,
				"/servicePrincipals/"+other["id"].(string)+list+grant, nil)
		}
	}
	g.want(http.StatusOK, "GET", "/servicePrincipals/"+principal["id"].(string)+"/appRoleAssignments/"+grant, nil)
}
