package msgraph

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
)

// gone is the body of a 404 of the directory.
const gone = `{"error":{"code":"Request_ResourceNotFound","message":"Resource 'o' does not exist or one of its ` +
	`queried reference-property objects are not present."}}`

// batched decodes what was sent to $batch.
func batched(t *testing.T, body string) []wireRequest {
	t.Helper()
	var sent struct {
		Requests []wireRequest `json:"requests"`
	}
	if err := json.Unmarshal([]byte(body), &sent); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return sent.Requests
}

func TestAThrottledPartIsSentAgainAloneAfterItsOwnTime(t *testing.T) {
	t.Parallel()
	g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			reply(w, http.StatusOK, asJSON, `{"responses":[
				{"id":"2","status":429,"headers":{"Retry-After":"9"},"body":{"error":{"code":"TooManyRequests"}}},
				{"id":"1","status":201,"body":{"id":"g1"}},
				{"id":"3","status":201,"body":{"id":"g3"}}]}`)
			return
		}
		reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"2","status":201,"body":{"id":"g2"}}]}`)
	})
	directory, clock := g.open(t)
	outcomes := directory.Write(t.Context(), entra.Parallel, entra.GrantAppRole{RoleID: "a"},
		entra.GrantAppRole{RoleID: "b"}, entra.GrantAppRole{RoleID: "c"})
	for i, want := range []string{"g1", "g2", "g3"} {
		if outcomes[i].Err != nil || outcomes[i].Grant == nil || outcomes[i].Grant.ID != want {
			t.Errorf("outcome %d: %+v, want grant %s", i, outcomes[i], want)
		}
	}
	if again := batched(t, g.requests[1].body); len(again) != 1 || again[0].ID != "2" {
		t.Errorf("sent again: %+v", again)
	}
	if !slices.Equal(clock.Pauses(), []time.Duration{9 * time.Second}) {
		t.Errorf("paused %v", clock.Pauses())
	}
}

func TestAfterAFailedPartOfASequenceTheRestIsNotTried(t *testing.T) {
	t.Parallel()
	g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, asJSON, `{"responses":[
			{"id":"1","status":403,"body":{"error":{"code":"Authorization_RequestDenied",
				"message":"Insufficient privileges to complete the operation.","innerError":{"request-id":"r"}}}},
			{"id":"2","status":424,"body":{"error":{"code":"FailedDependency"}}}]}`)
	})
	directory, _ := g.open(t)
	outcomes := directory.Write(t.Context(), entra.Sequential, entra.DeleteServicePrincipal{ObjectID: "sp"},
		entra.DeleteApplication{ObjectID: "app"})
	if e := entra.AsError(outcomes[0].Err); e == nil || e.Code != "Authorization_RequestDenied" || e.RequestID != "r" ||
		e.Path != "/v1.0/servicePrincipals/sp" {
		t.Errorf("first: %+v", outcomes[0].Err)
	}
	if !outcomes[1].Skipped || outcomes[1].Err != nil {
		t.Errorf("second: %+v", outcomes[1])
	}
	sent := batched(t, g.requests[0].body)
	if len(sent) != 2 || len(sent[0].DependsOn) != 0 || !slices.Equal(sent[1].DependsOn, []string{"1"}) {
		t.Errorf("sent %+v", sent)
	}
}

func TestATwentyFirstPartGoesIntoASecondBatch(t *testing.T) {
	t.Parallel()
	g := serve(t, func(n int, w http.ResponseWriter, r *http.Request) {
		first, count := 1, 20
		if n == 2 {
			first, count = 21, 1
		}
		var responses []string
		for i := range count {
			responses = append(responses, `{"id":"`+string(must(json.Marshal(first+i)))+`","status":204}`)
		}
		reply(w, http.StatusOK, asJSON, `{"responses":[`+strings.Join(responses, ",")+`]}`)
	})
	directory, _ := g.open(t)
	for i, outcome := range directory.Write(t.Context(), entra.Parallel,
		slices.Repeat([]entra.Change{entra.RevokeAppRole{PrincipalID: "p", AssignmentID: "a"}}, 21)...) {
		if outcome.Err != nil {
			t.Errorf("outcome %d: %v", i, outcome.Err)
		}
	}
	if g.count() != 2 {
		t.Errorf("%d requests", g.count())
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func TestWhatComesAfterAFailedPartIsNotTriedInTheNextBatchEither(t *testing.T) {
	t.Parallel()
	g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		var responses []string
		for i := range 20 {
			status := `"status":204`
			if i == 3 {
				status = `"status":403,"body":{"error":{"code":"Authorization_RequestDenied"}}`
			} else if i > 3 {
				status = `"status":424,"body":{"error":{"code":"FailedDependency"}}`
			}
			responses = append(responses, `{"id":"`+string(must(json.Marshal(i+1)))+`",`+status+`}`)
		}
		reply(w, http.StatusOK, asJSON, `{"responses":[`+strings.Join(responses, ",")+`]}`)
	})
	directory, _ := g.open(t)
	outcomes := directory.Write(t.Context(), entra.Sequential,
		slices.Repeat([]entra.Change{entra.RevokeAppRole{PrincipalID: "p", AssignmentID: "a"}}, 22)...)
	for i, outcome := range outcomes {
		if failed, skipped := i == 3, i > 3; (outcome.Err != nil) != failed || outcome.Skipped != skipped {
			t.Errorf("outcome %d: %+v", i, outcome)
		}
	}
	if g.count() != 1 {
		t.Errorf("%d batches were sent", g.count())
	}
}

func TestWhatWasNeverSentIsNotReportedAsDone(t *testing.T) {
	t.Parallel()
	g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		responses := []string{`{"id":"1","status":429,"headers":{"Retry-After":"3600"},` +
			`"body":{"error":{"code":"TooManyRequests"}}}`}
		for i := range 19 {
			responses = append(responses, `{"id":"`+string(must(json.Marshal(i+2)))+
				`","status":424,"body":{"error":{"code":"FailedDependency"}}}`)
		}
		reply(w, http.StatusOK, asJSON, `{"responses":[`+strings.Join(responses, ",")+`]}`)
	})
	directory, _ := g.open(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	outcomes := directory.Write(ctx, entra.Sequential,
		slices.Repeat([]entra.Change{entra.PurgeDeletedItem{ObjectID: "o"}}, 22)...)
	for i, outcome := range outcomes {
		if (outcome.Err != nil) != (i == 0) || outcome.Skipped != (i > 0) {
			t.Errorf("outcome %d: %+v", i, outcome)
		}
	}
}

func TestAPartThatIsAnsweredNeitherWithSuccessNorWithAnErrorHasFailed(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{`{"id":"1"}`,
		`{"id":"1","status":302,"headers":{"Location":"https://elsewhere.example"}}`, `{"id":"1","status":100}`} {
		g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
			reply(w, http.StatusOK, asJSON, `{"responses":[`+answer+`]}`)
		})
		directory, _ := g.open(t)
		if outcome := directory.Write(t.Context(), entra.Parallel,
			entra.DeleteApplication{ObjectID: "o"})[0]; outcome.Err == nil {
			t.Errorf("%s is taken for success", answer)
		}
	}
}

func TestWorkThatIsDoneAlreadyIsASuccess(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change entra.Change
		answer string
	}{
		"a grant that exists": {entra.GrantAppRole{},
			`"status":400,"body":{"error":{"code":"Request_BadRequest","message":"Permission being assigned already exists on ` +
				`the object"}}`},
		"a service principal that exists": {entra.CreateServicePrincipal{},
			`"status":409,"body":{"error":{"code":"Request_MultipleObjectsWithSameKeyValue","message":"in use"}}`},
		"an application that is gone": {entra.DeleteApplication{ObjectID: "o"},
			`"status":404,"body":{"error":{"code":"Request_ResourceNotFound"}}`},
		"a grant that is gone": {entra.RevokeAppRole{PrincipalID: "p", AssignmentID: "a"},
			`"status":404,"body":{"error":{"code":"Request_ResourceNotFound"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
				reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1",`+c.answer+`}]}`)
			})
			directory, _ := g.open(t)
			if outcome := directory.Write(context.Background(), entra.Parallel, c.change)[0]; outcome.Err != nil ||
				outcome.Skipped {
				t.Errorf("%+v", outcome)
			}
		})
	}
}

func TestADeletionThatIsRepeatedBecauseItsAnswerWasLostSaysSo(t *testing.T) {
	t.Parallel()
	const answer = `{"responses":[{"id":"1","status":404,"body":` + gone + `}]}`
	for name, c := range map[string]struct {
		first func(w http.ResponseWriter)
		lost  bool
	}{
		"the part's gateway": {func(w http.ResponseWriter) {
			reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1","status":504}]}`)
		}, true},
		"the batch's gateway": {func(w http.ResponseWriter) { reply(w, http.StatusGatewayTimeout, asJSON, `{}`) }, true},
		"the connection":      {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, true},
		"throttled, not lost": {func(w http.ResponseWriter) {
			reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1","status":429}]}`)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
				if n == 1 {
					c.first(w)
					return
				}
				reply(w, http.StatusOK, asJSON, answer)
			})
			directory, _ := g.open(t)
			outcome := directory.Write(t.Context(), entra.Sequential, entra.PurgeDeletedItem{ObjectID: "o"})[0]
			if outcome.Err != nil || !outcome.Absent || outcome.Lost != c.lost || g.count() != 2 {
				t.Errorf("%+v after %d requests", outcome, g.count())
			}
		})
	}
}

func TestAChangeOfAKeyThatStaysIsSentAsItWasRead(t *testing.T) {
	t.Parallel()
	g := serve(t, func(n int, w http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			reply(w, http.StatusOK, asJSON, `{"responses":[
				{"id":"1","status":200,"body":{"id":"o","appId":"a","keyCredentials":[{
					"keyId":"11111111-1111-4111-8111-111111111111","displayName":"CN=old","type":"AsymmetricX509Cert","usage":"Verify",
					"customKeyIdentifier":"52ED9B5038A47B9E2E2190715CC238359D4F8F73",
					"startDateTime":"2026-01-01T00:00:00Z","endDateTime":"2031-01-01T00:00:00Z","key":null}]}},
				{"id":"2","status":404,"body":`+gone+`},{"id":"3","status":404,"body":`+gone+`},
				{"id":"4","status":200,"body":{"value":[]}}]}`)
			return
		}
		reply(w, http.StatusOK, asJSON, `{"responses":[{"id":"1","status":204}]}`)
	})
	directory, _ := g.open(t)
	registration, err := directory.Registration(t.Context(), entra.RegistrationRef{ObjectID: "o", ClientID: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if got := registration.Application.Keys[0].Thumbprint(); got != "52ED9B5038A47B9E2E2190715CC238359D4F8F73" {
		t.Errorf("thumbprint %q", got)
	}
	keys := append(registration.Application.Keys,
		entra.KeyCredential{DisplayName: "CN=new", Type: "AsymmetricX509Cert", Usage: "Verify", Certificate: []byte("der")})
	if outcome := directory.Write(t.Context(), entra.Sequential,
		entra.ApplicationChange{ObjectID: "o", Keys: &keys})[0]; outcome.Err != nil {
		t.Fatal(outcome.Err)
	}
	var sent struct {
		KeyCredentials []map[string]any `json:"keyCredentials"`
	}
	if err := json.Unmarshal(batched(t, g.requests[1].body)[0].Body, &sent); err != nil {
		t.Fatal(err)
	}
	old := sent.KeyCredentials[0]
	for property, want := range map[string]any{
		"keyId": "11111111-1111-4111-8111-111111111111", "displayName": "CN=old", "type": "AsymmetricX509Cert",
		"usage":               "Verify",
		"customKeyIdentifier": "52ED9B5038A47B9E2E2190715CC238359D4F8F73", "startDateTime": "2026-01-01T00:00:00Z",
		"endDateTime": "2031-01-01T00:00:00Z",
	} {
		if old[property] != want {
			t.Errorf("%s was sent as %v, want %v", property, old[property], want)
		}
	}
	if _, resent := old["key"]; resent {
		t.Error("the key of an existing credential was sent")
	}
	if added := sent.KeyCredentials[1]; added["key"] != "ZGVy" || added["startDateTime"] != nil || added["keyId"] != nil {
		t.Errorf("the new key was sent as %v", added)
	}
}
