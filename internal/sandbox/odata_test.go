package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestAListIsReducedOrderedAndCounted(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	for _, name := range []string{"codetwo b", "codetwo a", "codetwo c", "other"} {
		g.newApplication(object{"displayName": name, "tags": []string{strings.Fields(name)[0]}})
	}
	if names := g.values(filtered("/applications", "tags/any(t:t eq 'codetwo')"), "displayName"); !slices.Equal(names,
		[]any{"codetwo b", "codetwo a", "codetwo c"}) {
		t.Errorf("the tag finds %v", names)
	}
	ordered := filtered("/applications", "startswith(displayName,'codetwo')") +
		"&$orderby=displayName+desc&$count=true&$select=displayName"
	found := g.want(http.StatusOK, "GET", ordered, nil, "ConsistencyLevel", "eventual")
	if found["@odata.count"] != 3.0 || !strings.HasSuffix(found["@odata.context"].(string), "#applications(displayName)") {
		t.Errorf("the list is %v", found)
	}
	var names []any
	for _, element := range found["value"].([]any) {
		if len(element.(object)) != 1 {
			t.Errorf("more than what was selected: %v", element)
		}
		names = append(names, element.(object)["displayName"])
	}
	if !slices.Equal(names, []any{"codetwo c", "codetwo b", "codetwo a"}) {
		t.Errorf("in order the list is %v", names)
	}
	search := "/applications?$search=" + url.QueryEscape(`"displayName:codet b"`)
	if names := g.values(search, "displayName", "ConsistencyLevel", "eventual"); !slices.Equal(names, []any{"codetwo b"}) {
		t.Errorf("the search finds %v", names)
	}
}

func TestPagesShowEveryRowOnceWhateverIsWrittenInBetween(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	var ids []any
	for i := range 7 {
		ids = append(ids, g.newApplication(object{"displayName": fmt.Sprintf("page %d", i)})["id"])
	}
	var seen []any
	next := g.server.Origin() + "/v1.0" + filtered("/applications", "startswith(displayName,'page')") +
		"&$top=3&$select=id"
	for pages := 0; next != ""; pages++ {
		page := g.want(http.StatusOK, "GET", strings.TrimPrefix(next, g.server.Origin()+"/v1.0"), nil)
		for _, element := range page["value"].([]any) {
			seen = append(seen, element.(object)["id"])
		}
		if pages == 0 {
			g.want(http.StatusNoContent, "DELETE", "/applications/"+ids[0].(string), nil)
			g.newApplication(object{"displayName": "page 7"})
		}
		next, _ = page["@odata.nextLink"].(string)
	}
	if !slices.Equal(seen, ids) {
		t.Errorf("the pages show %v, want %v", seen, ids)
	}
	g.refused(http.StatusBadRequest, "Directory_ExpiredPageToken", "GET", "/applications?$skiptoken=nonsense", nil)
}

func TestQueriesThatTheDirectoryDoesNotDoAreRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	for path, code := range map[string]string{
		"/applications?$top=0":                                              "Request_UnsupportedQuery",
		"/applications?$top=1000":                                           "Request_UnsupportedQuery",
		"/applications?$skip=1":                                             "Request_UnsupportedQuery",
		"/applications?$expand=owners":                                      "Request_UnsupportedQuery",
		"/applications?$count=true":                                         "Request_UnsupportedQuery",
		"/applications?$search=%22displayName:x%22":                         "Request_UnsupportedQuery",
		"/applications?$orderby=notes":                                      "Request_UnsupportedQuery",
		"/applications?$select=id,naem":                                     "BadRequest",
		filtered("/applications", "naem eq 'x'"):                            "BadRequest",
		filtered("/applications", "displayName eq x'"):                      "BadRequest",
		filtered("/applications", "notes eq 'x'"):                           "Request_UnsupportedQuery",
		filtered("/applications", "not(appId eq 'x')"):                      "Request_UnsupportedQuery",
		filtered("/applications", "appId ne 'x'"):                           "Request_UnsupportedQuery",
		filtered("/applications", "endswith(displayName,'x')"):              "Request_UnsupportedQuery",
		filtered("/applications", "appId eq 'x'") + "&$orderby=displayName": "Request_UnsupportedQuery",
	} {
		g.refused(http.StatusBadRequest, code, "GET", path, nil)
	}
	g.want(http.StatusOK, "GET", filtered("/applications", "appId ne 'x'")+"&$count=true", nil, "ConsistencyLevel",
		"eventual")
	g.want(http.StatusOK, "GET", "/applications?$orderby=displayName", nil)
	const asked = "Request with $search query parameter only works through MSGraph with a special request header: " +
		"'ConsistencyLevel: eventual'"
	if message := g.refused(http.StatusBadRequest, "Request_UnsupportedQuery", "GET", "/applications?$search=x",
		nil); message != asked {
		t.Errorf("the message is %q", message)
	}
}
