package sandbox

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// historyText is what the control API answers with for people.
func (r *rig) historyText() string {
	r.t.Helper()
	got := r.get("/_sandbox/history")
	if kind := got.Header.Get("Content-Type"); got.Status != 200 || !strings.HasPrefix(kind, "text/plain") {
		r.t.Fatalf("HTTP %d with %s: %s", got.Status, kind, got.Body)
	}
	return got.Body
}

// played creates an application and changes it in a batch, and reads it before every replica shows it, in vain and not.
func played(t *testing.T) (g *graphSession, app object) {
	t.Helper()
	g = newRig(t, Options{Profile: "realistic", Seed: 7, Now: ticking()}).as(tenant.FullCaller)
	app = g.newApplication(object{"displayName": "of the history"})
	path := "/applications/" + app["id"].(string)
	g.statuses(path)
	g.later("30s")
	g.want(200, "POST", "/$batch", object{"requests": []object{
		{"id": "1", "method": "PATCH", "url": path, "body": object{"displayName": "changed"},
			"headers": object{"Content-Type": "application/json"}},
		{"id": "2", "method": "GET", "url": "/applications/" + noObject},
	}})
	return g, app
}

// lineWith returns the first line of a text that has all of the words.
func lineWith(t *testing.T, text string, words ...string) string {
	t.Helper()
lines:
	for line := range strings.Lines(text) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		return line
	}
	t.Fatalf("no line has %q:\n%s", words, text)
	return ""
}

func TestAHistoryTellsWhoAskedForWhatAndWhatItWrote(t *testing.T) {
	g, app := played(t)
	id := app["id"].(string)
	text := g.historyText()
	caller := g.tenant.Callers[tenant.FullCaller].ClientID
	principal := seeded(g.tenant, caller)
	lineWith(t, text, "tenant 1: "+g.tenant.ID)
	lineWith(t, text, "Terraform (full) in tenant 1: client ID "+caller+", object ID "+principal.ID)
	lineWith(t, text, "Terraform (full)", "200", "/oauth2/v2.0/token", "sign in for Microsoft Graph")
	lineWith(t, text, "Terraform (full)", "201", "POST /v1.0/applications", "add application; created application "+id)
	lineWith(t, text, "200", "POST /v1.0/$batch", "batch of requests")
	lineWith(t, text, "  204", "  PATCH /v1.0/applications/"+id,
		"change application; changed application "+id+" (displayName)")
	lineWith(t, text, "  404 Request_ResourceNotFound", "  GET /v1.0/applications/"+noObject, "read application")
}

func TestAHistoryHasNoLineThatARequestNames(t *testing.T) {
	m := newMailRig(t)
	id := base64.StdEncoding.EncodeToString([]byte(noObject + "/\n  9.999  1  forged"))
	if got := m.one(getFolders("IdOnly", byID(id))).Code; got != "ErrorFolderNotFound" {
		t.Error(got)
	}
	if line := lineWith(t, m.historyText(), "9.999  1  forged"); !strings.Contains(line, "GetFolder of ") {
		t.Errorf("a line is %q", line)
	}
}

func TestAHistoryTellsAsOfWhichMomentAReadWasAnswered(t *testing.T) {
	g, app := played(t)
	path := "/v1.0/applications/" + app["id"].(string)
	text := g.historyText()
	lineWith(t, text, "404 Request_ResourceNotFound", "replica 2, objects -3.000s", "GET "+path)
	lineWith(t, text, "404 Request_ResourceNotFound", "replica 3, objects -9.000s", "GET "+path)
	fresh := lineWith(t, text, "200  ", "GET "+path)
	if strings.Contains(fresh, "replica") {
		t.Errorf("a read of the present is told as %s", fresh)
	}
	g.want(200, "GET", "/applications?$top=1", nil)
	lineWith(t, g.historyText(), "200", "lists -", "/v1.0/applications?$top=1", "read applications")
	lineWith(t, text, "PATCH "+path, "references -6.000s")
}

func TestAHistoryTellsWhichFaultARequestMet(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.inject(Fault{At: "GET /v1.0/organization", Kind: TimeoutAfter})
	g.refused(504, "UnknownError", "GET", "/organization", nil)
	lineWith(t, g.historyText(), "504 UnknownError [timeout_after, injected]", "GET /v1.0/organization")
	// A request whose connection ends is told, too, and so are the parts of its batch.
	g.inject(Fault{At: "GET /v1.0/domains", Kind: ResetAfter})
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, g.server.Origin()+"/v1.0/$batch",
		strings.NewReader(`{"requests": [{"id": "1", "method": "GET", "url": "/domains"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+g.token)
	request.Header.Set("Content-Type", "application/json")
	if response, err := g.client.Do(request); err == nil {
		_ = response.Body.Close()
		t.Fatalf("the batch is answered with HTTP %d", response.StatusCode)
	}
	text := g.historyText()
	lineWith(t, text, "none", "POST /v1.0/$batch")
	lineWith(t, text, "  none [reset_after, injected]", "  GET /v1.0/domains", "read domains")
}

func TestAHistoryKeepsAClientRequestIDThatIsAGUIDAndNothingElse(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	id := uuid.NewString()
	g.want(200, "GET", "/organization", nil, "client-request-id", id)
	g.want(200, "GET", "/domains", nil, "client-request-id", "hunter2", bypass, "yes")
	text := g.historyText()
	lineWith(t, text, "GET /v1.0/organization", "client-request-id "+id)
	lineWith(t, text, "Terraform (full), bypass", "GET /v1.0/domains")
	if strings.Contains(text, "hunter2") {
		t.Errorf("the history repeats what is not a request's ID:\n%s", text)
	}
}

// column finds where the request begins in each line below the heads.
var column = regexp.MustCompile(`(GET|POST|PATCH) /`)

func TestAHistoryIsAlignedAndItsTimesCountFromTheFirstRequest(t *testing.T) {
	g, _ := played(t)
	text := g.historyText()
	_, table, _ := strings.Cut(text, "seconds")
	places, last := map[int]int{}, ""
	for line := range strings.Lines(table) {
		if at := column.FindStringIndex(line); at != nil {
			places[len([]rune(line[:at[0]]))]++
			last = line
		}
	}
	if len(places) != 2 { // of requests, and of the parts of batches, which are indented
		t.Errorf("the requests begin in the columns %v:\n%s", places, text)
	}
	if first := lineWith(t, table, "oauth2"); !strings.HasPrefix(strings.TrimSpace(first), "0.000  1") {
		t.Errorf("the first request is told as %s", first)
	}
	if lineWith(t, table, "$batch"); !strings.Contains(table, " 30.") {
		t.Errorf("half a minute after the first request it is told as %s", last)
	}
}

func TestAHistoryHoldsNoSecretAndCanBeReadByPrograms(t *testing.T) {
	g, app := played(t)
	added := g.want(200, "POST", "/applications/"+app["id"].(string)+"/addPassword", object{})
	got := g.get("/_sandbox/history?format=json")
	if got.Header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("the JSON lines are %q", got.Header.Get("Content-Type"))
	}
	for _, text := range []string{got.Body, g.historyText()} {
		for name, secret := range map[string]string{
			"the access token": g.token, "the caller's secret": g.tenant.Callers[tenant.FullCaller].ClientSecret,
			"a new secret": added["secretText"].(string),
		} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in the history", name)
			}
		}
	}
	requests, err := ReadLog(strings.NewReader(got.Body))
	if err != nil || len(requests) != len(g.server.History())-2 {
		t.Fatalf("%v; %d requests are read, and there were %d", err, len(requests), len(g.server.History()))
	}
	changed := requests[len(requests)-1]
	if changed.Caller.Name != "Terraform (full)" || len(changed.Writes) != 1 || changed.Writes[0].Did != "changed" ||
		len(changed.Writes[0].Fields) != 1 || changed.Writes[0].Fields[0] != "passwords 0→1" {
		t.Errorf("the new secret is told as %+v", changed)
	}
	var first, second strings.Builder
	if err := WriteHistory(&first, requests); err != nil {
		t.Fatal(err)
	}
	if err := WriteHistory(&second, g.server.History()[:len(requests)]); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Errorf("from the JSON lines the history is\n%s\nand by itself\n%s", first.String(), second.String())
	}
}

func TestAHistoryLeavesOutWhatIsSecretInAQuery(t *testing.T) {
	g := newGraph(t, tenant.FullCaller)
	g.do("POST", "/"+g.tenant.ID+"/oauth2/v2.0/token?Client%5Fsecret=hunter2&client_id=app", "", nil)
	g.get("/v1.0/users?access_token=hunter2")
	g.want(200, "POST", "/$batch", object{"requests": []object{
		{"id": "1", "method": "GET", "url": "/organization?access_token=hunter2&$select=id"}}})
	text := g.historyText()
	if strings.Contains(text, "hunter2") {
		t.Errorf("the history has a secret of a query:\n%s", text)
	}
	lineWith(t, text, "?Client%5Fsecret=…&client_id=app")
	lineWith(t, text, "/v1.0/organization?access_token=…&$select=id")
}

func TestTheHistoryNamesARefusedSignInAndARefusalOfExchange(t *testing.T) {
	r := newRig(t, Options{Gate: "empty"})
	org := r.server.world.Tenants[0]
	app := r.register(org, tenant.ExchangeAppID+"/full_access_as_app")
	r.requestToken(org.ID, secretForm(app.AppID, "wrong", exchangeDefault))
	mailbox := r.server.TenantsJSON().Tenants[0].Mailboxes.Licensed[0]
	r.ews(r.token(org.ID, secretForm(app.AppID, app.secret, exchangeDefault)), mailbox, getFolder(mailbox, "inbox"))
	text := r.historyText()
	lineWith(t, text, app.DisplayName, "401 AADSTS7000215", "sign in")
	lineWith(t, text, app.DisplayName, "403 "+blockedReason, "POST /EWS/Exchange.asmx", "GetFolder of inbox")
}

func TestTheHistoryTellsOfDelegatedGrantsAndClaimsMappingPolicies(t *testing.T) {
	g := newGraph(t, tenant.InteropCaller)
	_, client := g.newRegistration()
	g.want(http.StatusCreated, "POST", "/oauth2PermissionGrants", object{"clientId": client["id"],
		"consentType": "AllPrincipals", "resourceId": g.graphPrincipal(), "scope": "openid"})
	g.newClaimsPolicy("employees")
	told := g.server.History()
	for i, kind := range []string{"delegated grant", "claims mapping policy"} {
		if writes := told[len(told)-2+i].Writes; len(writes) != 1 || writes[0].Did != "created" || writes[0].Kind != kind {
			t.Errorf("a new %s is told as %+v", kind, writes)
		}
	}
}
