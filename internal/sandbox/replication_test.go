package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// newLagging speaks to a tenant whose replicas catch up in their own time. Only what the test adds to the clock counts:
// the few milliseconds in between make no difference.
func newLagging(t *testing.T, kind tenant.CallerKind) *graphSession {
	t.Helper()
	return newRig(t, Options{Profile: "realistic", Seed: 7, Now: ticking()}).as(kind)
}

// ticking is a clock that goes on by a moment each time that somebody looks: how long a test takes does not matter.
func ticking() func() time.Time {
	var looks atomic.Int64
	began := time.Now()
	return func() time.Time { return began.Add(time.Duration(looks.Add(1)) * time.Microsecond) }
}

func (r *rig) later(by string) {
	r.t.Helper()
	r.control(http.MethodPost, "/clock", `{"advance":"`+by+`"}`)
}

// statuses are those of the answers to as many equal reads, each once.
func (g *graphSession) statuses(path string) []int {
	g.t.Helper()
	var seen []int
	for range 40 {
		seen = append(seen, g.send("GET", path, nil).Status)
	}
	slices.Sort(seen)
	return slices.Compact(seen)
}

func TestReplicasDisagreeUntilTheyHaveCaughtUp(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.newApplication(object{})
	path := "/applications/" + app["id"].(string)
	if got := g.statuses(path); !slices.Equal(got, []int{200, 404}) {
		t.Errorf("right after the creation, reads are answered %v", got)
	}
	g.later("10s")
	if got := g.statuses(path); !slices.Equal(got, []int{200}) {
		t.Errorf("later, reads are answered %v", got)
	}
	g.want(204, "PATCH", path, object{"displayName": "renamed"})
	var names []any
	for range 40 {
		names = append(names, g.want(200, "GET", path, nil)["displayName"])
	}
	if !slices.Contains(names, "renamed") ||
		!slices.ContainsFunc(names, func(name any) bool { return name != "renamed" }) {
		t.Errorf("after the change, reads show %v", names)
	}
}

func TestAListLagsBehindAReadOfTheSameObject(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.newApplication(object{"displayName": "listed"})
	g.later("10s") // every replica has it
	if got := g.statuses("/applications/" + app["id"].(string)); !slices.Equal(got, []int{200}) {
		t.Errorf("the application itself is answered %v", got)
	}
	absent := 0
	for range 40 {
		absent += 1 - g.named("listed")
	}
	g.later("6s")
	if absent == 0 || absent == 40 || g.named("listed") != 1 {
		t.Errorf("it was absent from %d of 40 lists; at last it is in %d", absent, g.named("listed"))
	}
}

func TestADeletedObjectShowsForAWhile(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.newApplication(object{})
	g.control(http.MethodPost, "/clock", `{"settle":true}`)
	path := "/applications/" + app["id"].(string)
	g.want(204, "DELETE", path, nil)
	g.later("5s")
	if got := g.statuses(path); !slices.Equal(got, []int{200}) {
		t.Errorf("5 s after the deletion, reads are answered %v", got)
	}
	g.later("11s")
	if got := g.statuses(path); !slices.Equal(got, []int{404}) {
		t.Errorf("16 s after the deletion, reads are answered %v", got)
	}
	g.refused(404, "Request_ResourceNotFound", "DELETE", path, nil)
}

func TestAServicePrincipalCannotBeMadeBeforeItsApplicationIsKnown(t *testing.T) {
	for kind, want := range map[tenant.CallerKind]struct {
		status int
		code   string
	}{tenant.FullCaller: {400, "Request_BadRequest"}, tenant.OwnedByCaller: {403, "Authorization_RequestDenied"}} {
		g := newLagging(t, kind)
		app := g.newApplication(object{})
		g.refused(want.status, want.code, "POST", "/servicePrincipals", object{"appId": app["appId"]})
		g.later("6s")
		g.want(201, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	}
}

func TestAWriteDoesNotFindWhatWasJustMade(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.newApplication(object{"uniqueName": "made"})
	path := "/applications/" + app["id"].(string)
	g.refused(404, "Request_ResourceNotFound", "PATCH", path, object{"notes": "x"})
	if got := g.send("PATCH", "/applications(uniqueName='made')", object{"displayName": "again"}, "Prefer",
		"create-if-missing"); got.Status != 204 {
		t.Errorf("the upsert does not find its own work: HTTP %d %s", got.Status, got.Body)
	}
	g.later("6s")
	g.want(204, "PATCH", path, object{"notes": "x"})
}

func TestAGrantToAFreshServicePrincipalIsRefusedForAWhile(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.newApplication(object{})
	g.control(http.MethodPost, "/clock", `{"settle":true}`)
	principal := g.want(201, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	api := seeded(g.tenant, tenant.GraphAppID)
	grant := object{"principalId": principal["id"], "resourceId": api.ID,
		"appRoleId": permission(api.AppRoles, "Organization.Read.All").ID}
	if message := g.refused(400, "Request_BadRequest", "POST", "/servicePrincipals/"+api.ID+"/appRoleAssignedTo",
		grant); message != "Not a valid reference update" {
		t.Errorf("the message is %q", message)
	}
	g.refused(404, "Request_ResourceNotFound", "POST", "/servicePrincipals/"+principal["id"].(string)+
		"/appRoleAssignments", grant)
	g.later("6s")
	g.want(201, "POST", "/servicePrincipals/"+api.ID+"/appRoleAssignedTo", grant)
}

func TestAFreshServicePrincipalIsNoOwnerForAWhile(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.newApplication(object{})
	g.control(http.MethodPost, "/clock", `{"settle":true}`)
	principal := g.want(201, "POST", "/servicePrincipals", object{"appId": app["appId"]})
	path, reference := "/applications/"+app["id"].(string)+"/owners/$ref",
		object{"@odata.id": g.server.Origin() + "/v1.0/directoryObjects/" + principal["id"].(string)}
	g.refused(404, "Request_ResourceNotFound", "POST", path, reference)
	g.later("6s")
	g.want(204, "POST", path, reference)
}

func TestTheTokenEndpointLearnsOfACredentialLaterAndOfConsentLatest(t *testing.T) {
	r := newRig(t, Options{Profile: "realistic", Seed: 7})
	org := r.server.world.Tenants[0]
	app := r.register(org, tenant.GraphAppID+"/Organization.Read.All")
	form := secretForm(app.AppID, app.secret, graphDefault)
	if got := r.requestToken(org.ID, form); got.Status == 200 || !strings.Contains(got.Body, "AADSTS700016") {
		t.Errorf("at once, HTTP %d: %s", got.Status, got.Body)
	}
	roles := func() []string {
		token, fault := r.server.issuer.Verify(r.token(org.ID, form))
		if fault != nil {
			t.Fatal(fault.Reason)
		}
		return token.Roles
	}
	r.later("15s")
	if got := roles(); len(got) != 0 {
		t.Errorf("after 15 s the token has the roles %v", got)
	}
	r.later("15s")
	if got := roles(); !slices.Equal(got, []string{"Organization.Read.All"}) {
		t.Errorf("after 30 s the token has the roles %v", got)
	}
}

func TestWhoSignsInTooEarlyWaitsLonger(t *testing.T) {
	for _, early := range []bool{true, false} {
		r := newRig(t, Options{Profile: "realistic", Seed: 7})
		org := r.server.world.Tenants[0]
		app := r.register(org)
		r.control(http.MethodPost, "/clock", `{"settle":true}`)
		app.Passwords = append(slices.Clone(app.Passwords),
			tenant.PasswordCredential{KeyID: "second", Secret: "a new secret", Start: r.server.world.Now(),
				End: r.server.world.Now().AddDate(1, 0, 0)})
		r.change(org, app)
		form := secretForm(app.AppID, "a new secret", graphDefault)
		if early {
			if got := r.requestToken(org.ID, form); !strings.Contains(got.Body, "AADSTS7000215") {
				t.Errorf("too early, HTTP %d: %s", got.Status, got.Body)
			}
		}
		r.later("16s")
		if got := r.requestToken(org.ID, form).Status == 200; got == early {
			t.Errorf("signed in after 16 s: %t; tried before: %t", got, early)
		}
		r.later("45s")
		r.token(org.ID, form)
	}
}

func TestEachTenantRemembersOnlyWhatItRefusedItself(t *testing.T) {
	r := newRig(t, Options{Tenants: 2, Profile: "realistic", Seed: 7})
	home, other := r.server.world.Tenants[0], r.server.world.Tenants[1]
	// The application of the full caller is in both; its service principal in the other tenant has a secret of its own.
	caller := r.server.world.Caller
	principal := seeded(other, caller.ClientID)
	principal.Passwords = []tenant.PasswordCredential{{KeyID: "of the other", Secret: "a secret of the other",
		Start: r.server.world.Now(), End: r.server.world.Now().AddDate(1, 0, 0)}}
	other.Lock()
	other.Directory.ServicePrincipals.Put(r.server.world.Now(), principal.ID, principal)
	other.Unlock()
	r.control(http.MethodPost, "/clock", `{"settle":true}`)
	form := secretForm(caller.ClientID, "a secret of the other", graphDefault)
	if got := r.requestToken(home.ID, form); !strings.Contains(got.Body, "AADSTS7000215") {
		t.Errorf("at home, HTTP %d: %s", got.Status, got.Body)
	}
	r.token(other.ID, form)
}

func TestASpeedMakesReplicasCatchUpSooner(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.newApplication(object{})
	g.control(http.MethodPost, "/clock", `{"speed":60}`)
	g.later("160ms")
	if got := g.statuses("/applications/" + app["id"].(string)); !slices.Equal(got, []int{200}) {
		t.Errorf("9.6 s of replication later, reads are answered %v", got)
	}
	var clock struct{ Speed float64 }
	g.get("/_sandbox/clock").json(t, &clock)
	if clock.Speed != 60 {
		t.Errorf("the clock shows %+v", clock)
	}
}

func TestWhoeverAsksForCalmSeesEveryWrite(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.newApplication(object{})
	for range 20 {
		g.want(200, "GET", "/applications/"+app["id"].(string), nil, bypass, "yes")
	}
}

func TestThePagesOfAListAreOfOneMoment(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	for i := range 4 {
		g.newApplication(object{"displayName": fmt.Sprintf("page %d", i)})
	}
	g.later("16s")
	first := g.want(200, "GET", "/applications?$top=2", nil)
	next := strings.TrimPrefix(first["@odata.nextLink"].(string), g.server.Origin()+"/v1.0")
	g.newApplication(object{"displayName": "later"})
	g.later("16s")
	seen := 2
	for next != "" {
		page := g.want(200, "GET", next, nil)
		for _, entry := range page["value"].([]any) {
			if entry.(object)["displayName"] == "later" {
				t.Error("what was made after the first page is on a later one")
			}
			seen++
		}
		link, _ := page["@odata.nextLink"].(string)
		next = strings.TrimPrefix(link, g.server.Origin()+"/v1.0")
	}
	if seen < 6 { // four, and the seeded ones
		t.Errorf("%d applications are listed", seen)
	}
}

func TestTheSeedIsTold(t *testing.T) {
	r := newRig(t, Options{Profile: "hostile"})
	if r.server.Seed() == 0 {
		t.Error("no seed was drawn")
	}
	if given := newRig(t, Options{Profile: "hostile", Seed: 42}); given.server.Seed() != 42 {
		t.Errorf("the seed is %d", given.server.Seed())
	}
}

func TestTheRecycleBinDoesNotHoldAtOnceWhatWasDeleted(t *testing.T) {
	g := newLagging(t, tenant.FullCaller)
	app := g.newApplication(object{})
	g.control(http.MethodPost, "/clock", `{"settle":true}`)
	g.want(204, "DELETE", "/applications/"+app["id"].(string), nil)
	g.refused(404, "Request_ResourceNotFound", "DELETE", "/directory/deletedItems/"+app["id"].(string), nil)
	g.later("6s")
	g.want(204, "DELETE", "/directory/deletedItems/"+app["id"].(string), nil)
}

func TestExchangeLearnsOfItsListAfterADayAndOfScopesAfterHours(t *testing.T) {
	r := newRig(t, Options{Profile: "realistic", Seed: 7})
	org := r.server.world.Tenants[0]
	app := r.register(org, tenant.ExchangeAppID+"/full_access_as_app", tenant.GraphAppID+"/MailboxSettings.Read")
	mailbox := r.server.TenantsJSON().Tenants[0].Mailboxes.Licensed[0]
	opened := func() string {
		got, soap := r.ews(r.token(org.ID, secretForm(app.AppID, app.secret, exchangeDefault)), mailbox,
			getFolder(mailbox, "inbox"))
		return got.Header.Get("X-EWS-Policy-Reason") + soap.Fault.Code
	}
	shown := func() int {
		g := &graphSession{r, org, r.token(org.ID, secretForm(app.AppID, app.secret, graphDefault))}
		return g.send("GET", "/users/"+mailbox+"/mailboxSettings", nil).Status
	}
	r.control("POST", "/clock", `{"settle":true}`)
	r.openGate(app.AppID) // both at once, so that the switch is known before the list
	for _, test := range []struct{ pass, want string }{{"1s", ""}, {"59m", ""}, {"1h", blockedReason},
		{"21h", blockedReason}, {"1h1m", ""}} {
		r.later(test.pass)
		if got := opened(); got != test.want {
			t.Errorf("after another %s: %q, want %q", test.pass, got, test.want)
		}
	}
	r.exchange(fmt.Sprintf(`{"out_of_scope_mailboxes": [%q]}`, mailbox))
	if got := opened(); got != "" || shown() != 200 {
		t.Errorf("right after the policy: %q, HTTP %d", got, shown())
	}
	r.later("2h")
	if got := opened(); got != "ErrorImpersonateUserDenied" || shown() != 403 {
		t.Errorf("two hours after the policy: %q, HTTP %d", got, shown())
	}
	r.exchange(`{"ews_allowed_app_ids": [], "out_of_scope_mailboxes": []}`)
	if got := opened(); got != "ErrorImpersonateUserDenied" {
		t.Errorf("right after the list was emptied: %q", got)
	}
	r.control("POST", "/clock", `{"settle":true}`)
	if got := opened(); got != blockedReason || shown() != 200 {
		t.Errorf("settled: %q, HTTP %d", got, shown())
	}
}

// TestReplicasThatLagAlsoMeetFaults reads an application that it has just made until it has met a replica that does not
// show it, one that does, and a fault.
func TestReplicasThatLagAlsoMeetFaults(t *testing.T) {
	g := newRig(t, Options{Profile: "degraded", Seed: 7, Now: ticking()}).as(tenant.FullCaller)
	app := g.want(201, "POST", "/applications", object{"displayName": "degraded"}, bypass, "yes")
	met := map[int]int{}
	for range 400 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
			g.server.Origin()+"/v1.0/applications/"+app["id"].(string), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+g.token)
		response, err := g.client.Do(request)
		if err != nil {
			met[0]++ // the fault is that there is no answer
			continue
		}
		_ = response.Body.Close()
		met[response.StatusCode]++
		if response.StatusCode == http.StatusNotFound {
			g.server.world.Clock.Set(time.Second, 0)
		}
	}
	if met[200] == 0 || met[404] == 0 || met[429] == 0 || met[503] == 0 || met[0] == 0 {
		t.Errorf("the answers are, by their statuses, %v", met)
	}
}
