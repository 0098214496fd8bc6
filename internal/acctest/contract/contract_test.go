package contract

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// tiny is a contract in the form of the real one, so that these tests run where that one is absent.
const tiny = `
openapi: 3.0.3
info: {title: tiny, version: v1.0}
paths:
  /applications:
    get:
      parameters:
        - {name: $top, in: query, schema: {type: integer}}
        - {name: $count, in: query, schema: {type: boolean}}
        - {name: $select, in: query, schema: {type: array, items: {type: string}}}
        - {name: $filter, in: query, schema: {type: string}}
        - {name: $orderby, in: query, schema: {type: string}}
        - {name: $search, in: query, schema: {type: string}}
        - {name: ConsistencyLevel, in: header, schema: {type: string, enum: [eventual]}}
      responses:
        '200': {description: ok, content: {application/json: {schema: {type: object, properties: {value: {type: array, items: {$ref: '#/components/schemas/microsoft.graph.application'}}}}}}}
        4XX: {description: error, content: {application/json: {schema: {type: object, required: [error], properties: {error: {type: object}}, additionalProperties: {type: object}}}}}
    post:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/microsoft.graph.application'}}}}
      responses:
        '201': {description: created, content: {application/json: {schema: {$ref: '#/components/schemas/microsoft.graph.application'}}}}
        5XX: {description: error, content: {application/json: {schema: {type: object}}}}
  /applications/{id}:
    delete: {responses: {'204': {description: deleted}}}
    patch:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/microsoft.graph.application'}}}}
      responses: {'204': {description: updated}}
  /applications(uniqueName='{uniqueName}'):
    patch:
      requestBody: {content: {application/json: {schema: {$ref: '#/components/schemas/microsoft.graph.application'}}}}
      responses: {'204': {description: updated}}
  /servicePrincipals/{id}/appRoleAssignedTo:
    post:
      requestBody: {content: {application/json: {schema: {type: object}}}}
      responses: {'201': {description: created, content: {application/json: {schema: {type: object}}}}}
  /directory/deletedItems/graph.application:
    get: {responses: {'200': {description: ok, content: {application/json: {schema: {type: object}}}}}}
  /directory/deletedItems/{id}:
    get: {responses: {'200': {description: ok, content: {application/json: {schema: {$ref: '#/components/schemas/microsoft.graph.directoryObject'}}}}}}
  /owners:
    get:
      parameters: [{name: $select, in: query, schema: {type: array, items: {type: string}}}]
      responses: {'200': {description: ok, content: {application/json: {schema: {type: object, properties: {value: {type: array, items: {$ref: '#/components/schemas/microsoft.graph.directoryObject'}}}}}}}}
  /$batch:
    post:
      requestBody: {content: {application/json: {schema: {type: object, properties: {requests: {type: array, items: {type: object, properties: {id: {type: string}, method: {type: string}, url: {type: string}, headers: {type: object}, body: {}}}}}}}}}
      responses: {'200': {description: ok, content: {application/json: {schema: {type: object, properties: {responses: {type: array, items: {type: object}}}}}}}}
components:
  schemas:
    microsoft.graph.directoryObject: {type: object, properties: {id: {type: string}, '@odata.type': {type: string}}}
    microsoft.graph.application:
      allOf:
        - {$ref: '#/components/schemas/microsoft.graph.directoryObject'}
        - {type: object, properties: {displayName: {type: string, nullable: true}, tags: {type: array, items: {type: string}}, keyCredentials: {type: array, items: {type: object}}, web: {$ref: '#/components/schemas/web'}}}
    web: {type: object, properties: {homePageUrl: {type: string}}}
`

func tinyContract(t *testing.T) *Contract {
	t.Helper()
	c, err := parse([]byte(tiny))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func asJSON(pairs ...string) http.Header {
	header := http.Header{"Content-Type": {"application/json; charset=utf-8"}}
	for i := 0; i < len(pairs); i += 2 {
		header.Set(pairs[i], pairs[i+1])
	}
	return header
}

func exchange(method, target, body string, status int, answer string) Exchange {
	return Exchange{Method: method, Target: target, Header: asJSON(), Body: []byte(body), Status: status,
		Answered: asJSON(), Answer: []byte(answer)}
}

func inBatch(id, method, url, body string, status int, answer string) (request, response string) {
	return fmt.Sprintf(`{"id": %q, "method": %q, "url": %q, "headers": {"content-type": "application/json"}, "body": %s}`,
			id, method, url, body),
		fmt.Sprintf(`{"id": %q, "status": %d, "headers": {"Content-Type": "application/json"}, "body": %s}`, id, status,
			answer)
}

func batch(requests, responses string) Exchange {
	return exchange("POST", "/$batch", `{"requests": [`+requests+`]}`, 200, `{"responses": [`+responses+`]}`)
}

// gone is an exchange whose answer was not heard.
func gone(e Exchange) Exchange {
	return Exchange{Method: e.Method, Target: e.Target, Header: e.Header, Body: e.Body, Lost: true}
}

func filtered(filter string) Exchange {
	return exchange("GET", "/applications?$filter="+url.QueryEscape(filter), "", 200, `{"value": []}`)
}

func TestWhatIsInTheContractPasses(t *testing.T) {
	c := tinyContract(t)
	request, response := inBatch("1", "POST", "/applications", `{"displayName": "x"}`, 201,
		`{"@odata.context": "…", "id": "1"}`)
	bodiless, deleted := inBatch("1", "DELETE", "/applications/1", "null", 204, "null")
	lost := exchange("POST", "/applications", `{"displayName": "x"}`, 504, "<html>")
	lost.Answered = http.Header{"Content-Type": {"text/html"}}
	eventual := exchange("GET", "/applications?$top=5&$count=true", "", 200,
		`{"@odata.context": "…", "value": [{"id": "1", "displayName": null, "web": {}}]}`)
	eventual.Header = asJSON("ConsistencyLevel", "eventual")
	for sentence, e := range map[string]Exchange{
		"a list":        eventual,
		"its next page": exchange("GET", "/applications?$top=5&$skiptoken=abc", "", 200, `{"value": []}`),
		"a refusal":     exchange("GET", "/applications", "", 404, `{"error": {}}`),
		"a creation": exchange("POST", "/applications", `{"displayName": "x", "tags": []}`, 201,
			`{"id": "1"}`),
		"a deletion":       exchange("DELETE", "/Applications/1", "", 204, ""),
		"a gateway's HTML": lost,
		"a cast with the whole namespace": exchange("GET", "/directory/deletedItems/microsoft.graph.application", "", 200,
			`{"value": []}`),
		"an object of a type of its own": exchange("GET", "/directory/deletedItems/1", "", 200,
			`{"@odata.type": "#microsoft.graph.application", "id": "1", "displayName": "x"}`),
		"owners of what is made": exchange("POST", "/applications",
			`{"displayName": "x", "owners@odata.bind": ["https://…/1"]}`, 201, `{"id": "1"}`),
		"an owner's removal":            exchange("DELETE", "/servicePrincipals/1/owners/2/$ref", "", 204, ""),
		"a batch":                       batch(request, response),
		"a batch whose answer got lost": gone(batch(request, response)),
		"a change of one property":      exchange("PATCH", "/applications/1", `{"tags": []}`, 204, ""),
		"a key that is kept": exchange("PATCH", "/applications/1",
			`{"keyCredentials": [{"type": "x", "usage": "Verify", "keyId": "1", "key": null}]}`, 204, ""),
		"selected properties": exchange("GET", "/applications?$select=displayName,tags", "", 200,
			`{"value": [{"displayName": "x"}]}`),
		"a property of some type": exchange("GET", "/owners?$select=displayName", "", 200,
			`{"value": [{"@odata.type": "#microsoft.graph.application"}]}`),
		"a filter": filtered(
			`(displayName eq 'naem eq 1' or startswith(displayName,'x')) and tags/any(t:t eq 'y') and web/homePageUrl eq 'z'`),
		"a part with a null body": batch(bodiless, strings.Replace(deleted, `, "body": null`, "", 1)),
	} {
		if found := c.Violations(e); len(found) > 0 {
			t.Errorf("%s: %q", sentence, found)
		}
	}
}

func TestWhatIsNotInTheContractIsToldOf(t *testing.T) {
	c := tinyContract(t)
	plain := exchange("POST", "/applications", `{}`, 201, `{}`)
	plain.Header = http.Header{}
	html := exchange("GET", "/applications", "", 404, "<html>")
	html.Answered = http.Header{"Content-Type": {"text/html"}}
	strong := exchange("GET", "/applications", "", 200, `{"value": []}`)
	strong.Header = asJSON("ConsistencyLevel", "strong")
	request, response := inBatch("1", "POST", "/applications", `{"name": "x"}`, 201, `{"id": 1}`)
	_, other := inBatch("2", "POST", "/applications", `{}`, 201, `{}`)
	upsert := exchange("PATCH", "/applications(uniqueName='x')", `{"tags": []}`, 204, "")
	upsert.Header = asJSON("Prefer", "create-if-missing")
	refused := batch(request, response)
	refused.Status, refused.Answer = 503, []byte("<html>")
	for sentence, test := range map[string]struct {
		e    Exchange
		want string
	}{
		"a selected property that is none":         {exchange("GET", "/applications?$select=id,naem", "", 200, `{"value": []}`), `$select names the property "naem"`},
		"a selected property of no type":           {exchange("GET", "/owners?$select=naem", "", 200, `{"value": []}`), `$select names the property "naem"`},
		"a filter by what is none":                 {filtered(`naem eq 'x'`), `"naem"`},
		"a filter by a function of what is none":   {filtered(`startswith(naem,'x')`), `"naem"`},
		"a filter by a list that is none":          {filtered(`naems/any(t:t eq 'x')`), `"naems"`},
		"an order by what is none":                 {exchange("GET", "/applications?$orderby=naem+desc", "", 200, `{"value": []}`), `$orderby names the property "naem"`},
		"a search in what is none":                 {exchange("GET", "/applications?$search=%22naem:x%22", "", 200, `{"value": []}`), `$search names the property "naem"`},
		"a property next to an error":              {exchange("GET", "/applications", "", 404, `{"error": {}, "extra": {}}`), `"extra" is unsupported`},
		"an application without a name":            {exchange("POST", "/applications", `{}`, 201, `{"id": "1"}`), "request: the property displayName is missing"},
		"an upsert without a name":                 {upsert, "request: the property displayName is missing"},
		"a grant of nothing":                       {exchange("POST", "/servicePrincipals/1/appRoleAssignedTo", `{}`, 201, `{}`), "the property appRoleId is missing"},
		"a key that is none":                       {exchange("PATCH", "/applications/1", `{"keyCredentials": [{}]}`, 204, ""), "neither a key nor a keyId"},
		"a key without a usage":                    {exchange("PATCH", "/applications/1", `{"keyCredentials": [{"type": "x", "key": "x"}]}`, 204, ""), "a key's usage is missing"},
		"an entity without an ID":                  {exchange("POST", "/applications", `{"displayName": "x"}`, 201, `{}`), "answer 201: the entity 0 has no id"},
		"an element without an ID":                 {exchange("GET", "/applications", "", 200, `{"value": [{"id": "1"}, {}]}`), "answer 200: the entity 1 has no id"},
		"a request whose answer got lost":          {gone(exchange("POST", "/applications", `{"name": "x"}`, 201, `{}`)), `request: /: property "name" is unsupported`},
		"the request of a part that got lost":      {gone(batch(request, response)), `POST /applications: request: /: property "name" is unsupported`},
		"the request of a part refused as a whole": {refused, `POST /applications: request: /: property "name" is unsupported`},
		"an unknown path":                          {exchange("GET", "/devices", "", 200, `{}`), "the path is unknown"},
		"an unknown method":                        {exchange("PUT", "/applications", "", 200, `{}`), "no PUT"},
		"an unknown option":                        {exchange("GET", "/applications?$expand=owners", "", 200, `{"value": []}`), "$expand is unknown"},
		"pages of what has none":                   {exchange("GET", "/owners?$skiptoken=abc", "", 200, `{"value": []}`), "$skiptoken is unknown"},
		"an option that is not a number":           {exchange("GET", "/applications?$top=many", "", 200, `{"value": []}`), "many"},
		"an option that is not a boolean":          {exchange("GET", "/applications?$count=maybe", "", 200, `{"value": []}`), "maybe"},
		"an option twice":                          {exchange("GET", "/applications?$top=1&$top=2", "", 200, `{"value": []}`), "twice"},
		"a header's value":                         {strong, "header"},
		"a request's unknown property":             {exchange("POST", "/applications", `{"name": "x"}`, 201, `{}`), `request: /: property "name" is unsupported`},
		"an owner in place of owners":              {exchange("POST", "/applications", `{"owners@odata.bind": "https://…/1"}`, 201, `{}`), "request: /owners@odata.bind"},
		"a request in another type":                {plain, "Content-Type"},
		"a body where none is taken":               {exchange("DELETE", "/applications/1", `{"id": "1"}`, 204, ""), "takes no body"},
		"an answer's unknown property":             {exchange("GET", "/applications", "", 200, `{"value": [{"name": "x"}]}`), `answer 200: /value/0: property "name" is unsupported`},
		"an unknown property below":                {exchange("GET", "/applications", "", 200, `{"value": [{"web": {"url": "x"}}]}`), `property "url" is unsupported`},
		"null where there is always a value":       {exchange("GET", "/applications", "", 200, `{"value": [{"tags": null}]}`), "/value/0/tags"},
		"a value of another type":                  {exchange("GET", "/applications", "", 200, `{"value": [{"id": 1}]}`), "/value/0/id"},
		"an undeclared status":                     {exchange("GET", "/applications", "", 202, `{}`), "no answer of that status"},
		"a body where none is answered":            {exchange("DELETE", "/applications/1", "", 204, `{}`), "has no body"},
		"HTML as a refusal":                        {html, "text/html"},
		"an object without a type":                 {exchange("GET", "/directory/deletedItems/1", "", 200, `{"id": "1"}`), "@odata.type"},
		"an element of an unknown type":            {exchange("GET", "/owners", "", 200, `{"value": [{"@odata.type": "#microsoft.graph.ghost"}]}`), "ghost"},
		"an element's unknown property":            {exchange("GET", "/owners", "", 200, `{"value": [{"@odata.type": "#microsoft.graph.application", "name": "x"}]}`), `"name" is unsupported`},
		"the request of a part":                    {batch(request, response), `POST /applications: request: /: property "name" is unsupported`},
		"the answer of a part":                     {batch(request, response), "POST /applications: answer 201: /id"},
		"a part without an answer":                 {batch(request, ""), `"1" is not answered`},
		"an answer to what was not asked":          {batch(request, response+","+other), `"2", which was not asked`},
		"a federated credential's unknown member":  {exchange("GET", "/applications/1/federatedIdentityCredentials", "", 200, `{"value": [{"tenant": "x"}]}`), `"tenant" is unsupported`},
	} {
		found := c.Violations(test.e)
		if !slices.ContainsFunc(found, func(violation string) bool { return strings.Contains(violation, test.want) }) {
			t.Errorf("%s: found %q, want %q", sentence, found, test.want)
		}
	}
}

func TestAnswersAreJudgedAloneWhereRequestsAreWrongOnPurpose(t *testing.T) {
	c := tinyContract(t)
	e := exchange("POST", "/applications?$expand=owners", `{"displayName": "x", "name": "x"}`, 201,
		`{"id": "1", "name": "x"}`)
	if found := c.AnswerViolations(e); len(found) != 1 || !strings.Contains(found[0], "answer 201") {
		t.Errorf("found %q", found)
	}
	if found := c.AnswerViolations(exchange("POST", "/applications", `{}`, 201, `{"id": "1"}`)); len(found) != 1 ||
		!strings.Contains(found[0], "displayName is missing") {
		t.Errorf("of what was carried out and should not be: %q", found)
	}
	if found := c.AnswerViolations(gone(e)); len(found) > 0 {
		t.Errorf("of a request whose answer got lost: %q", found)
	}
	if found := c.AnswerViolations(exchange("GET", "/devices", "", 400, `{}`)); len(found) > 0 {
		t.Errorf("of an unknown path: %q", found)
	}
}

func TestATapHearsARequestWhoseAnswerGetsLost(t *testing.T) {
	tap := NewTap(tinyContract(t).Violations)
	server := httptest.NewUnstartedServer(
		tap.Around(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })))
	server.Start()
	defer server.Close()
	if response, err := server.Client().Post(server.URL+"/v1.0/applications", "application/json",
		strings.NewReader(`{"name": "x"}`)); err == nil {
		_ = response.Body.Close()
		t.Error("there is an answer")
	}
	server.Close() // after which every handler has ended
	if found := tap.Violations(); tap.Checked() != 1 || len(found) != 2 ||
		!strings.Contains(strings.Join(found, "\n"), `request: /: property "name" is unsupported`) {
		t.Errorf("of %d exchanges: %q", tap.Checked(), found)
	}
}

func TestATapHearsWhatPassesAndChangesNothing(t *testing.T) {
	tap := NewTap(tinyContract(t).Violations)
	server := httptest.NewServer(tap.Around(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"fault": {}}`))
	})))
	defer server.Close()
	for _, path := range []string{"/v1.0/applications", "/v1.0/applications", "/other"} {
		response, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNotFound || response.ContentLength != 13 {
			t.Errorf("%s answers HTTP %d with %d bytes", path, response.StatusCode, response.ContentLength)
		}
	}
	if found := tap.Violations(); tap.Checked() != 2 || len(found) != 2 ||
		!strings.HasPrefix(found[0], "GET /applications: answer 404: ") {
		t.Errorf("of %d exchanges: %q", tap.Checked(), found)
	}
}
