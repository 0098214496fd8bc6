package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestAFilterFindsWhatItSays(t *testing.T) {
	row := object{
		"displayName": "O'Hara's App", "appId": noObject, "enabled": true, "missing": nil, "created": "2026-11-23T00:00:00Z",
		"tags": []any{"codetwo", "x"}, "plans": []any{object{"service": "exchange", "status": "Enabled"}}, "info": object{"url": "https://a"},
	}
	for text, want := range map[string]bool{
		"displayName eq 'O''Hara''s App'":                                     true,
		"displayName eq 'o''hara''s app'":                                     true,
		"displayName eq 'O'":                                                  false,
		"startswith(displayName,'o''h')":                                      true,
		"startsWith(displayName, 'Hara')":                                     false,
		"endswith(displayName,'app')":                                         true,
		"tags/any(t:t eq 'codetwo')":                                          true,
		"tags/any(t: startswith(t,'code') and t ne 'x')":                      true,
		"tags/any(t:t eq 'y')":                                                false,
		"plans/any(p:p/service eq 'exchange' and p/status eq 'Enabled')":      true,
		"plans/any(p:p/service eq 'exchange' and p/status eq 'Deleted')":      false,
		"enabled eq true and missing eq null":                                 true,
		"enabled eq false or appId in ('a', '" + noObject + "')":              true,
		"appId eq " + noObject:                                                true,
		"enabled eq false or enabled eq true and displayName eq ''":           false,
		"(enabled eq false or enabled eq true) and not(displayName eq '')":    true,
		"created ge 2026-11-22T23:59:59Z and created le 2026-11-23T00:00:00Z": true,
		"created ge 2026-11-23T00:00:01Z":                                     false,
		"tags/any(t:t eq 'x') and tags/any(u:u eq 'codetwo')":                 true,
		"info/url eq 'https://a'":                                             true,
		"displayName ne 'x'":                                                  true,
	} {
		parsed, failure := parseFilter(text)
		if failure != nil {
			t.Errorf("%s: %s", text, failure.message)
			continue
		}
		if got := parsed.holds(row); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}

func TestAFilterThatIsNoneIsRefused(t *testing.T) {
	for _, text := range []string{
		"", "displayName", "displayName eq", "displayName eq 'x", "displayName like 'x'", "eq 'x'", "(displayName eq 'x'", "displayName eq 'x')",
		"displayName eq 'x' displayName eq 'y'", "tags/any(t:t eq 'x'", "tags/all(t:t eq 'x')", "startswith(displayName)", "startswith(displayName,true)",
		"displayName in ()", "displayName eq 'x' and", "not", "displayName eq #", "'x' eq displayName", "tags/any(t:tags/any(u:u eq 'x'))", "displayName eq eq)",
	} {
		if parsed, failure := parseFilter(text); failure == nil {
			t.Errorf("%q is taken for a filter on %v", text, parsed.properties)
		}
	}
}

func FuzzAFilterNeverBreaksTheServer(f *testing.F) {
	f.Add("tags/any(t:t eq 'x') and (not(a ne 'b') or c in ('d',true))")
	f.Fuzz(func(_ *testing.T, text string) {
		if parsed, failure := parseFilter(text); failure == nil {
			parsed.holds(object{"tags": []any{"x", object{"a": nil}}, "a": "b", "c": true})
		}
	})
}

func TestAListIsReducedOrderedAndCounted(t *testing.T) {
	g := newGraph(t, fullCaller)
	for _, name := range []string{"codetwo b", "codetwo a", "codetwo c", "other"} {
		g.newApplication(object{"displayName": name, "tags": []string{strings.Fields(name)[0]}})
	}
	if names := g.values(filtered("/applications", "tags/any(t:t eq 'codetwo')"), "displayName"); !slices.Equal(names, []any{"codetwo b", "codetwo a", "codetwo c"}) {
		t.Errorf("the tag finds %v", names)
	}
	ordered := filtered("/applications", "startswith(displayName,'codetwo')") + "&$orderby=displayName+desc&$count=true&$select=displayName"
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
	g := newGraph(t, fullCaller)
	var ids []any
	for i := range 7 {
		ids = append(ids, g.newApplication(object{"displayName": fmt.Sprintf("page %d", i)})["id"])
	}
	var seen []any
	next := g.server.Origin() + "/v1.0" + filtered("/applications", "startswith(displayName,'page')") + "&$top=3&$select=id"
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
	g := newGraph(t, fullCaller)
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
	g.want(http.StatusOK, "GET", filtered("/applications", "appId ne 'x'")+"&$count=true", nil, "ConsistencyLevel", "eventual")
	g.want(http.StatusOK, "GET", "/applications?$orderby=displayName", nil)
	const asked = "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'"
	if message := g.refused(http.StatusBadRequest, "Request_UnsupportedQuery", "GET", "/applications?$search=x", nil); message != asked {
		t.Errorf("the message is %q", message)
	}
}
