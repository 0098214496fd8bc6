package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

var jsonHeaders = object{"Content-Type": "application/json"}

// noObject is an ID that no object has.
const noObject = "11111111-2222-4333-8444-555555555555"

// batchPart is a request in a batch, and batchAnswer the answer to it.
type (
	batchPart   struct{ ID, Method, URL string }
	batchAnswer struct {
		ID      string
		Status  int
		Headers map[string]string
		Body    json.RawMessage
	}
)

// batch sends requests as one, and returns the answers by the requests' IDs.
func (g *graphSession) batch(requests ...object) map[string]batchAnswer {
	g.t.Helper()
	got := g.send("POST", "/$batch", object{"requests": requests})
	if got.Status != http.StatusOK {
		g.t.Fatalf("the batch answers HTTP %d: %s", got.Status, got.Body)
	}
	var read struct {
		Responses []batchAnswer `json:"responses"`
	}
	got.json(g.t, &read)
	answers := map[string]batchAnswer{}
	for _, response := range read.Responses {
		answers[response.ID] = response
	}
	if len(answers) != len(requests) {
		g.t.Fatalf("%d requests get %d answers", len(requests), len(answers))
	}
	return answers
}

func TestABatchAnswersEachRequestAsIfItCameAlone(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{"uniqueName": "it's/one"})
	answers := g.batch(
		object{"id": "own", "method": "GET", "url": "/applications(uniqueName='it''s%2Fone')?$select=id"},
		object{"id": "none", "method": "GET", "url": "applications/" + noObject},
		object{"id": "upsert", "method": "PATCH", "url": "/applications(uniqueName='made')",
			"headers": object{"content-type": "application/json", "prefer": "create-if-missing"},
			"body":    object{"displayName": "made"}},
		object{"id": "nothing", "method": "PATCH", "url": "/applications/" + app["id"].(string), "headers": jsonHeaders,
			"body": object{"notes": "x"}},
		object{"id": "nested", "method": "POST", "url": "/$batch", "headers": jsonHeaders,
			"body": object{"requests": []object{}}},
	)
	if got := answers["own"]; got.Status != http.StatusOK || !strings.Contains(string(got.Body), app["id"].(string)) {
		t.Errorf("the one that exists is answered %+v", got)
	}
	if got := answers["none"]; got.Status != http.StatusNotFound ||
		!strings.Contains(string(got.Body), "Request_ResourceNotFound") {
		t.Errorf("the one that does not exist is answered %+v", got)
	}
	if got := answers["upsert"]; got.Status != http.StatusCreated || got.Headers["Location"] == "" {
		t.Errorf("the upsert is answered %+v", got)
	}
	if got := answers["nothing"]; got.Status != http.StatusNoContent || len(got.Body) != 0 {
		t.Errorf("the change is answered %+v", got)
	}
	if got := answers["nested"]; got.Status != http.StatusBadRequest {
		t.Errorf("a batch in a batch is answered %+v", got)
	}
}

func TestTheAnswersOfABatchComeInAnyOrder(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	ids := func(requests ...object) (answered []any) {
		for _, response := range g.want(http.StatusOK, "POST", "/$batch", object{"requests": requests})["responses"].([]any) {
			answered = append(answered, response.(object)["id"])
		}
		return answered
	}
	read := func(id string, dependsOn ...string) object {
		return object{"id": id, "method": "GET", "url": "/organization", "dependsOn": dependsOn}
	}
	// What depends on nothing comes last to first, so that nobody relies on an order.
	if got := ids(read("a"), read("b"), read("c")); slices.Equal(got, []any{"a", "b", "c"}) {
		t.Errorf("the answers come in the order of the requests: %v", got)
	}
	if got := ids(read("a"), read("b", "a"), read("c", "b")); !slices.Equal(got, []any{"a", "b", "c"}) {
		t.Errorf("a chain is carried out as %v", got)
	}
	if got := ids(read("a"), read("b", "a"), read("c")); len(got) != 3 ||
		slices.Index(got, any("a")) > slices.Index(got, any("b")) {
		t.Errorf("a chain next to requests that depend on nothing is carried out as %v", got)
	}
}

func TestInABatchWhatIsNotJSONStandsInBase64(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.inject(Fault{At: "GET /v1.0/organization", Kind: HTMLPage})
	part := g.batch(object{"id": "1", "method": "GET", "url": "/organization"})["1"]
	var encoded string
	if err := json.Unmarshal(part.Body, &encoded); err != nil {
		t.Fatalf("the part is %+v: %v", part, err)
	}
	page, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || part.Status != http.StatusBadGateway ||
		!strings.Contains(string(page), "<title>502 Bad Gateway</title>") {
		t.Errorf("HTTP %d with %q (%v)", part.Status, page, err)
	}
}

func TestAMethodThatAPathDoesNotHaveIs405InABatchToo(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	const text = "Specified HTTP method is not allowed for the request target."
	if message := g.refused(http.StatusMethodNotAllowed, "Request_BadRequest", "DELETE", "/organization",
		nil); message != text {
		t.Errorf("alone, the message is %q", message)
	}
	part := g.batch(object{"id": "1", "method": "DELETE", "url": "/organization"})["1"]
	if part.Status != http.StatusMethodNotAllowed || !strings.Contains(string(part.Body), text) {
		t.Errorf("in a batch it is answered %+v", part)
	}
}

func TestAfterAFailedRequestThoseThatDependOnItAreNotCarriedOut(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	rename := func(id, name string, dependsOn ...string) object {
		return object{"id": id, "method": "PATCH", "url": "/applications(uniqueName='" + name + "')", "headers": jsonHeaders,
			"body": object{"notes": id}, "dependsOn": dependsOn}
	}
	g.newApplication(object{"uniqueName": "here"})
	answers := g.batch(rename("1", "here"), rename("2", "gone", "1"), rename("3", "here", "2"), rename("4", "here", "3"))
	got := []int{answers["1"].Status, answers["2"].Status, answers["3"].Status, answers["4"].Status}
	if !slices.Equal(got, []int{204, 404, 424, 424}) {
		t.Errorf("the chain is answered %v", got)
	}
	if notes := g.want(200, "GET", "/applications(uniqueName='here')?$select=notes", nil)["notes"]; notes != "1" {
		t.Errorf("a request that depends on a failed one was carried out: notes are %v", notes)
	}
}

func TestABatchIsRefusedAsAWhole(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	read := func(id string) object { return object{"id": id, "method": "GET", "url": "/organization"} }
	var many []object
	for i := range 21 {
		many = append(many, read(fmt.Sprint(i)))
	}
	for sentence, test := range map[string]struct {
		requests []object
		code     string
		message  string
	}{
		"more than 20":               {many, "MaximumValueExceeded", "20"},
		"none":                       {nil, "BadRequest", ""},
		"the same ID twice":          {[]object{read("1"), read("1")}, "BadRequest", "unique"},
		"no ID":                      {[]object{read("")}, "BadRequest", "Id"},
		"a write without a body":     {[]object{{"id": "1", "method": "POST", "url": "/directory/deletedItems/x/restore", "headers": jsonHeaders}}, "BadRequest", "Write request id : 1"},
		"a body without its type":    {[]object{{"id": "1", "method": "POST", "url": "/applications", "body": object{"displayName": "x"}}}, "BadRequest", "Content-Type"},
		"a dependency on nothing":    {[]object{{"id": "1", "method": "GET", "url": "/organization", "dependsOn": []string{"2"}}}, "BadRequest", "'2'"},
		"a dependency on the future": {[]object{{"id": "1", "method": "GET", "url": "/organization", "dependsOn": []string{"2"}}, read("2")}, "BadRequest", "'2'"},
	} {
		if message := g.refused(http.StatusBadRequest, test.code, "POST", "/$batch",
			object{"requests": test.requests}); !strings.Contains(message, test.message) {
			t.Errorf("%s: the message is %q", sentence, message)
		}
	}
	if found := g.values("/applications", "displayName"); slices.Contains(found, any("x")) {
		t.Error("a request of a refused batch was carried out")
	}
	g.refused(http.StatusMethodNotAllowed, "Request_BadRequest", "GET", "/$batch", nil)
}

func TestABatchWithoutAValidTokenIsRefused(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.token = "nonsense"
	g.refused(http.StatusUnauthorized, "InvalidAuthenticationToken", "POST", "/$batch",
		object{"requests": []object{{"id": "1", "method": "GET", "url": "/organization"}}})
}

func TestThePartsOfABatchCannotBringATokenOfTheirOwn(t *testing.T) {
	r := newRig(t, Options{})
	full, reader := r.as(tenant.FullCaller), r.as(tenant.ReadOnlyCaller)
	answers := reader.batch(object{"id": "1", "method": "POST", "url": "/applications", "body": object{"displayName": "x"},
		"headers": object{"Content-Type": "application/json", "authorization": "Bearer " + full.token}})
	if answers["1"].Status != http.StatusForbidden {
		t.Errorf("the part is answered %+v", answers["1"])
	}
}
