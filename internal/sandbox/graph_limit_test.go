package sandbox

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// spend sends as many equal requests as a test needs, twenty to a batch, and returns how many were throttled.
func (g *graphSession) spend(count int, part object) (throttled int) {
	g.t.Helper()
	for sent := 0; sent < count; {
		var parts []object
		for ; sent < count && len(parts) < 20; sent++ {
			one := object{"id": fmt.Sprint(sent)}
			for name, value := range part {
				one[name] = value
			}
			parts = append(parts, one)
		}
		for _, response := range g.batch(parts...) {
			if response.Status == http.StatusTooManyRequests {
				throttled++
			}
		}
	}
	return throttled
}

func TestASmallTenantTakes3500ResourceUnitsAnd3000Writes(t *testing.T) {
	g := stopped(t).as(tenant.FullCaller)
	// two units each
	if refused := g.spend(1749, object{"method": "GET", "url": "/applications/" + noObject}); refused > 0 {
		t.Errorf("of 3498 resource units, %d requests were refused", refused)
	}
	g.want(http.StatusOK, "GET", "/organization", nil)
	g.want(http.StatusOK, "GET", "/organization", nil)
	g.refused(http.StatusTooManyRequests, "TooManyRequests", "GET", "/organization", nil)

	g = stopped(t).as(tenant.FullCaller)
	if refused := g.spend(2999, object{"method": "DELETE", "url": "/applications/" + noObject}); refused > 0 {
		t.Errorf("of 2999 writes, %d were refused", refused)
	}
	g.refused(http.StatusNotFound, "Request_ResourceNotFound", "DELETE", "/applications/"+noObject, nil)
	got := g.send("DELETE", "/applications/"+noObject, nil)
	if got.Status != http.StatusTooManyRequests || got.Header.Get("x-ms-throttle-information") != "WriteLimitExceeded" {
		t.Errorf("the 3001st write is answered HTTP %d %v", got.Status, got.Header)
	}
}

func TestAPageHasAHundredRowsUnlessMoreAreAskedFor(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	for range 1000 {
		id := uuid.NewString()
		g.tenant.Directory.Applications.Put(g.server.world.Now(), id,
			tenant.Application{ID: id, AppID: uuid.NewString(), DisplayName: "one of many", SignInAudience: "AzureADMyOrg"})
	}
	const many = "/applications?$filter=displayName+eq+'one+of+many'"
	for path, want := range map[string]int{many: 100, many + "&$top=7": 7, many + "&$top=999": 999} {
		page := g.want(http.StatusOK, "GET", path, nil)
		if rows := page["value"].([]any); len(rows) != want || page["@odata.nextLink"] == nil {
			t.Errorf("GET %s: %d rows of 1000, next page %v", path, len(rows), page["@odata.nextLink"])
		}
	}
}

func TestAnApplicationHasTwentyFederatedCredentialsOfOneAudienceEach(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{})["id"].(string) + "/federatedIdentityCredentials"
	credential := func(i int, audiences ...string) object {
		return object{"name": fmt.Sprint("c", i), "issuer": "https://token.example.com", "subject": fmt.Sprint("s", i),
			"audiences": audiences}
	}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path,
		credential(0, "api://AzureADTokenExchange", "api://other"))
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path, credential(0))
	for i := range 20 {
		g.want(http.StatusCreated, "POST", path, credential(i, "api://AzureADTokenExchange"))
	}
	g.refused(http.StatusBadRequest, "Request_BadRequest", "POST", path, credential(20, "api://AzureADTokenExchange"))
	if names := g.values(path, "name"); len(names) != 20 {
		t.Errorf("there are %d federated credentials", len(names))
	}
}
