package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// inject arms a fault through the control API.
func (r *rig) inject(f Fault) {
	r.t.Helper()
	content, err := json.Marshal(f)
	if err != nil {
		r.t.Fatal(err)
	}
	r.control(http.MethodPost, "/faults", string(content))
}

// lost makes a request below /v1.0 whose answer must not arrive whole.
func (g *graphSession) lost(method, path, body string) {
	g.t.Helper()
	request, err := http.NewRequestWithContext(g.t.Context(), method, g.server.Origin()+"/v1.0"+path,
		strings.NewReader(body))
	if err != nil {
		g.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+g.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := g.client.Do(request)
	if err != nil {
		return
	}
	defer response.Body.Close()
	if content, err := io.ReadAll(response.Body); err == nil {
		g.t.Errorf("%s %s is answered HTTP %d: %s", method, path, response.StatusCode, content)
	}
}

func (g *graphSession) named(name string) int {
	g.t.Helper()
	return len(g.values(filtered("/applications", "displayName eq '"+name+"'"), "displayName"))
}

func TestAFaultMeetsTheRequestsThatItNamesAndNoOther(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.inject(Fault{At: "get /v1.0/org*", Kind: Throttled, Nth: 2, Times: 2, RetryAfter: "7"})
	for i, want := range []int{200, 429, 429, 200} {
		got := g.send("GET", "/organization", nil)
		if got.Status != want ||
			want == 429 && (got.Header.Get("Retry-After") != "7" || !strings.Contains(got.Body, "TooManyRequests")) {
			t.Errorf("request %d is answered HTTP %d with Retry-After %q: %s", i+1, got.Status, got.Header.Get("Retry-After"),
				got.Body)
		}
		g.want(200, "GET", "/domains", nil)
	}
	var list struct{ Faults []FaultState }
	g.get("/_sandbox/faults").json(t, &list)
	if len(list.Faults) != 1 || list.Faults[0].Seen != 3 || list.Faults[0].Fired != 2 {
		t.Errorf("the faults are %+v", list.Faults)
	}
}

func TestAFaultMeetsOnePartOfABatchOrTheBatchAsAWhole(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	read := func(path string) object { return object{"id": path, "method": "GET", "url": path} }
	g.inject(Fault{At: "/v1.0/domains", Kind: Throttled, RetryAfter: "3"})
	answered := g.batch(read("/domains"), read("/organization"))
	if part := answered["/domains"]; part.Status != 429 || part.Headers["Retry-After"] != "3" ||
		answered["/organization"].Status != 200 {
		t.Errorf("the parts are answered %+v", answered)
	}
	g.inject(Fault{At: "POST /v1.0/$batch", Kind: Unavailable})
	g.refused(503, "Directory_ReplicaUnavailable", "POST", "/$batch", object{"requests": []object{read("/domains")}})
}

func TestOfTwoFaultsThatMatchTheFirstComesFirst(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.inject(Fault{At: "*", Kind: Unavailable})
	g.inject(Fault{At: "*", Kind: Refused, Status: 403, Code: "Authorization_RequestDenied", Message: "not today"})
	g.refused(503, "Directory_ReplicaUnavailable", "GET", "/organization", nil)
	if message := g.refused(403, "Authorization_RequestDenied", "GET", "/organization", nil); message != "not today" {
		t.Errorf("the message is %q", message)
	}
	g.want(200, "GET", "/organization", nil)
}

func TestWhatFailsBeforeIsNotCarriedOutAndWhatFailsAfterIs(t *testing.T) {
	for kind, want := range map[FaultKind]struct {
		status     int // 0: the answer is lost
		carriedOut bool
	}{
		Throttled: {429, false}, ServerError: {500, false}, Unavailable: {503, false}, TimeoutBefore: {504, false}, TimeoutAfter: {504, true},
		HTMLPage: {502, false}, EmptyBody: {503, false}, ResetBefore: {0, false}, ResetAfter: {0, true}, CutOff: {0, true}, Slow: {201, true},
		Unread: {404, false}, Concurrent: {409, false},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			g := newGraph(t, tenant.FullCaller)
			g.inject(Fault{At: "POST /v1.0/applications", Kind: kind, For: "1ms"})
			switch kind {
			case ResetBefore, ResetAfter, CutOff:
				g.lost("POST", "/applications", `{"displayName":"x"}`)
			default:
				got := g.send("POST", "/applications", object{"displayName": "x"})
				if got.Status != want.status {
					t.Errorf("HTTP %d: %s", got.Status, got.Body)
				}
				switch isJSON := json.Valid([]byte(got.Body)); {
				case kind == HTMLPage && !strings.Contains(got.Body, "<html>"), kind == EmptyBody && got.Body != "":
					t.Errorf("the body is %q", got.Body)
				case kind != HTMLPage && kind != EmptyBody && !isJSON:
					t.Errorf("the body is not JSON: %q", got.Body)
				}
			}
			if made := g.named("x") == 1; made != want.carriedOut {
				t.Errorf("the application was made: %t", made)
			}
		})
	}
}

func TestTheDirectoryRefusesForAMomentInItsOwnWords(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := "/applications/" + g.newApplication(object{})["id"].(string)
	g.inject(Fault{At: "GET /v1.0/applications/*", Kind: Unread})
	if message := g.refused(404, "Directory_ObjectNotFound", "GET", app, nil); message != "Unable to read the company "+
		"information from the directory." {
		t.Errorf("the message is %q", message)
	}
	g.want(200, "GET", app, nil)
	g.inject(Fault{At: "PATCH /v1.0/applications/*", Kind: Concurrent})
	const concurrent = "Error due to concurrent requests being made to the tenant. Please wait briefly and retry."
	if message := g.refused(409, "Directory_ConcurrencyViolation", "PATCH", app,
		object{"notes": "x"}); message != concurrent {
		t.Errorf("the message is %q", message)
	}
	if notes := g.want(200, "GET", app, nil)["notes"]; notes != nil {
		t.Errorf("the refused change left the notes %v", notes)
	}
	g.want(204, "PATCH", app, object{"notes": "x"})
}

func TestABatchWhoseConnectionEndsLosesItsWholeAnswer(t *testing.T) {
	for _, kind := range []FaultKind{ResetBefore, ResetAfter, CutOff} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			g := newGraph(t, tenant.FullCaller)
			g.inject(Fault{At: "POST /v1.0/applications", Kind: kind})
			g.lost("POST", "/$batch",
				`{"requests":[{"id":"1","method":"POST","url":"/applications","headers":{"Content-Type":"application/json"},"body":{"displayName":"x"}}]}`)
			if made := g.named("x") == 1; made != (kind != ResetBefore) {
				t.Errorf("the application was made: %t", made)
			}
		})
	}
}

func TestAStaleReadShowsWhatWasThere(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	app := g.newApplication(object{"uniqueName": "made"})
	g.control(http.MethodPost, "/clock", `{"advance": "30m"}`)
	id := "/applications/" + app["id"].(string)
	g.want(204, "PATCH", id, object{"displayName": "renamed"})
	g.inject(Fault{At: "GET /v1.0/applications*", Kind: Stale, For: "10m"})
	if name := g.want(200, "GET", id, nil)["displayName"]; name == "renamed" {
		t.Error("the stale read shows the new name")
	}
	if name := g.want(200, "GET", id, nil)["displayName"]; name != "renamed" {
		t.Errorf("the next read shows %v", name)
	}
	g.inject(Fault{At: "GET /v1.0/applications*", Kind: Stale, For: "45m"})
	g.refused(404, "Request_ResourceNotFound", "GET", id, nil)
}

func TestASlowRequestEndsWithItsClient(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.inject(Fault{At: "POST /v1.0/applications", Kind: Slow, For: "1h"})
	g.client.Timeout = 50 * time.Millisecond
	g.lost("POST", "/applications", `{"displayName":"x"}`)
	g.client.Timeout = 0
	if g.named("x") != 0 {
		t.Error("a request was carried out after its client had gone")
	}
}

func TestSigningInAndExchangeMeetTroubleAndTheControlAPINone(t *testing.T) {
	r := newRig(t, Options{})
	org := r.server.world.Tenants[0]
	caller := org.Callers[tenant.FullCaller]
	r.inject(Fault{At: "*", Kind: Unavailable, Times: 3, RetryAfter: "1"})
	got := r.requestToken(org.ID, secretForm(caller.ClientID, caller.ClientSecret, graphDefault))
	var refusal struct {
		Error string `json:"error"`
	}
	got.json(t, &refusal)
	if got.Status != 503 || got.Header.Get("Retry-After") != "1" || refusal.Error != "temporarily_unavailable" {
		t.Errorf("signing in is answered HTTP %d: %s", got.Status, got.Body)
	}
	for _, path := range []string{"/EWS/Exchange.asmx", "/metadata/endpoints"} {
		if got := r.get(path); got.Status != 503 {
			t.Errorf("%s is answered HTTP %d", path, got.Status)
		}
	}
}

func TestWhoeverAsksForCalmMeetsNoTroubleAndIsNotCounted(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.inject(Fault{At: "*", Kind: Unavailable})
	g.want(200, "GET", "/organization", nil, bypass, "yes")
	for _, f := range g.server.Faults() {
		if f.Seen != 0 {
			t.Errorf("it was counted: %+v", f)
		}
	}
	g.refused(503, "Directory_ReplicaUnavailable", "GET", "/organization", nil)
}

func TestAFaultThatCannotBeInjectedIsExplained(t *testing.T) {
	r := newRig(t, Options{})
	for _, test := range []struct{ body, want string }{
		{`{"at": "GET /v1.0/*", "kind": "rude"}`, "rude"},
		{`{"at": "applications", "kind": "stale"}`, "applications"},
		{`{"at": "*", "kind": "stale", "nth": -1}`, "nth"},
		{`{"at": "*", "kind": "slow", "for": "long"}`, "long"},
		{`{"at": "*", "kind": "refused"}`, "status"},
		{`{"at": "*", "kind": "stale", "after": "1s"}`, "after"},
	} {
		got := r.do(http.MethodPost, "/_sandbox/faults", test.body, nil)
		if got.Status != 400 || !strings.Contains(got.Body, test.want) {
			t.Errorf("%s: HTTP %d %s", test.body, got.Status, got.Body)
		}
	}
}

func TestForgottenFaultsDoNothing(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.inject(Fault{At: "*", Kind: Unavailable})
	g.control(http.MethodDelete, "/faults", "")
	g.want(200, "GET", "/organization", nil)
}

func TestARequestThatGotNoAnswerIsLoggedWithoutAStatus(t *testing.T) {
	lines := make(chan string, 10)
	r := newRig(t,
		Options{Log: writerFunc(func(line []byte) (int, error) { lines <- string(line); return len(line), nil })})
	r.inject(Fault{At: "GET /metadata/endpoints", Kind: ResetBefore})
	<-lines
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.server.Origin()+"/metadata/endpoints", nil)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := r.client.Do(request); err == nil {
		response.Body.Close()
		t.Errorf("it is answered %s", response.Status)
	} else if errors.Is(err, t.Context().Err()) {
		t.Fatal(err)
	}
	var line Request
	if err := json.Unmarshal([]byte(<-lines), &line); err != nil || line.Path != "/metadata/endpoints" ||
		line.Status != 0 {
		t.Errorf("the log says %+v (%v)", line, err)
	}
}

// writerFunc is an io.Writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(data []byte) (int, error) { return f(data) }
