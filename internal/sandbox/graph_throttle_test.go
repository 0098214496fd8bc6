package sandbox

import (
	"net/http"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// stopped is a rig whose time stands still until the control API moves it.
func stopped(t *testing.T) *rig {
	t.Helper()
	now := time.Now()
	return newRig(t, Options{Now: func() time.Time { return now }})
}

func (g *graphSession) quota(body string) {
	g.t.Helper()
	g.control(http.MethodPatch, "/tenants/"+g.tenant.ID+"/throttling", body)
}

func TestAnApplicationThatAsksTooMuchIsThrottledUntilItWaited(t *testing.T) {
	g := stopped(t).as(tenant.FullCaller)
	g.quota(`{"resource_units": 10}`)
	for range 5 { // each costs two
		g.want(http.StatusOK, "GET", "/applications", nil)
	}
	refused := g.send("GET", "/applications", nil)
	g.refused(http.StatusTooManyRequests, "TooManyRequests", "GET", "/organization", nil)
	for name, want := range map[string]string{
		"Retry-After": "4", // of ten in ten seconds two are wanting and two were asked for in vain
		"x-ms-throttle-scope": "Tenant_Application/ReadWrite/" + g.tenant.Callers[tenant.FullCaller].ClientID +
			"/" + g.tenant.ID,
		"x-ms-throttle-information":      "ResourceUnitLimitExceeded",
		"x-ms-throttle-limit-percentage": "1.2",
	} {
		if got := refused.Header.Get(name); refused.Status != http.StatusTooManyRequests || got != want {
			t.Errorf("HTTP %d, %s is %q, want %q", refused.Status, name, got, want)
		}
	}
	// another application is not concerned
	g.rig.as(tenant.ReadOnlyCaller).want(http.StatusOK, "GET", "/applications", nil)
	g.control(http.MethodPost, "/clock", `{"advance": "5s"}`)
	g.want(http.StatusOK, "GET", "/applications", nil)
}

func TestAShareOfTheQuotaAboveEightTenthsIsToldOf(t *testing.T) {
	g := stopped(t).as(tenant.FullCaller)
	g.quota(`{"resource_units": 10}`)
	for _, want := range []string{"", "", "", "", "", "", "", "", "0.9", "1.0"} { // 0.8 is told of above only
		if got := g.send("GET", "/organization", nil).Header.Get("x-ms-throttle-limit-percentage"); got != want {
			t.Errorf("the share is %q, want %q", got, want)
		}
	}
}

func TestWritesHaveAQuotaOfTheirOwnInBatchesToo(t *testing.T) {
	g := stopped(t).as(tenant.FullCaller)
	path := "/applications/" + g.newApplication(object{})["id"].(string)
	g.quota(`{"writes": 1}`)
	part := func(id string) object {
		return object{"id": id, "method": "PATCH", "url": path, "headers": object{"Content-Type": "application/json"},
			"body": object{"notes": id}}
	}
	answered := g.want(http.StatusOK, "POST", "/$batch", object{"requests": []object{part("1"), part("2")}})
	var statuses []float64
	for _, response := range answered["responses"].([]any) {
		statuses = append(statuses, response.(object)["status"].(float64))
		if headers := response.(object)["headers"].(object); statuses[len(statuses)-1] == 429 &&
			(headers["Retry-After"] != "150" && headers["Retry-After"] != "270" ||
				headers["X-Ms-Throttle-Information"] != "WriteLimitExceeded") {
			t.Errorf("the headers are %v", headers)
		}
	}
	if len(statuses) != 2 || statuses[0]+statuses[1] != 204+429 {
		t.Errorf("the parts are answered %v", statuses)
	}
	g.want(http.StatusOK, "GET", path, nil)
}
