package msgraph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

// answeredAlike answers every request alike, without a server.
type answeredAlike string

func (a answeredAlike) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {asJSON}},
		Body: io.NopCloser(strings.NewReader(string(a))), Request: r}, nil
}

// tiring is a clock that waits so often, and then no more.
func tiring(pauses int) retry.Clock {
	return &retrytest.Clock{OnWait: func(context.Context, time.Duration) error {
		if pauses--; pauses < 0 {
			return errors.New("waited often enough")
		}
		return nil
	}}
}

func FuzzAnyAnswerToABatchIsAnOutcomeOfEachChange(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "[]", "<html>", `{"responses":null}`, `{"responses":[{}]}`,
		`{"responses":[{"id":"1","status":201,"body":{"id":"g"}},{"id":"2","status":204}]}`,
		`{"responses":[{"id":"2","status":424,"body":{}},{"id":"1","status":404,"body":{"error":null}}]}`,
		`{"responses":[{"id":"1","status":429,"headers":{"retry-after":"-1"}},{"id":"2","status":0}]}`,
		`{"responses":[{"id":"1","status":200,"body":"PGh0bWw+"},{"id":"2","status":502,"body":"PGh0bWw+"},{"id":"1",` +
			`"status":400}]}`,
		`{"responses":[{"id":"1","status":201,"body":[]},{"id":"2","status":201,"body":null}]}`, `{"responses":[{"id":1}]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		for _, order := range []entra.Order{entra.Parallel, entra.Sequential} {
			directory := New(Config{
				Origin: "https://127.0.0.1", Client: &http.Client{Transport: answeredAlike(body)},
				Token:   func(context.Context) (string, error) { return "the-token", nil },
				Retries: retry.Policy{Clock: tiring(3)},
			})
			outcomes := directory.Write(t.Context(), order, entra.GrantAppRole{RoleID: "a"},
				entra.DeleteApplication{ObjectID: "app"})
			if len(outcomes) != 2 {
				t.Fatalf("there are %d outcomes of 2 changes", len(outcomes))
			}
			for i, outcome := range outcomes {
				if outcome.Err != nil && (outcome.Grant != nil || strings.Contains(outcome.Err.Error(), "the-token")) {
					t.Errorf("outcome %d is %+v", i, outcome)
				}
			}
			if grant := outcomes[0]; grant.Err == nil && !grant.Skipped && grant.Grant == nil {
				t.Errorf("the grant has neither an error nor a grant: %+v", grant)
			}
			if order == entra.Parallel && outcomes[1].Skipped {
				t.Error("what depends on nothing was skipped")
			}
		}
	})
}
