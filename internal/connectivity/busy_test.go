package connectivity_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// pauses notes the pauses that a check makes, none of which takes any time.
type pauses struct {
	mu   sync.Mutex
	made []time.Duration
}

func (p *pauses) option() acctest.Option {
	return acctest.WithWait(func(ctx context.Context, d time.Duration) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.made = append(p.made, d)
		return ctx.Err()
	})
}

func (p *pauses) sum() (sum time.Duration) {
	for _, pause := range p.made {
		sum += pause
	}
	return sum
}

// waitedFor are the requests of a check whose service may be busy: where they go, which check tells of it, and what the
// check says when the time is up. Graph's own client waits for Graph.
var waitedFor = map[string]struct{ at, check, says string }{
	"the tenant's configuration": {"GET /*/.well-known/openid-configuration", checks.Tenant,
		"the sign-in service refused with HTTP 429"},
	"the tokens":  {"POST /*/oauth2/v2.0/token", checks.Token, "Entra is temporarily unavailable"},
	"the mailbox": {"POST /EWS/Exchange.asmx", checks.EWS, "Exchange is busy"},
	"the public folders' route": {"POST /autodiscover/autodiscover.svc", checks.PublicFolders,
		"may have been asked: Exchange answered HTTP 429"},
	// every tenant has the same address besides
	"Autodiscover": {"GET /autodiscover/autodiscover.json/*", "", ""},
}

func TestAccTargetConnectivity_ABusyServiceIsWaitedForAndTheCheckPasses(t *testing.T) {
	for name, service := range waitedFor {
		for _, kind := range []sandbox.FaultKind{sandbox.Throttled, sandbox.EmptyBody} {
			t.Run(name+", "+string(kind), func(t *testing.T) {
				t.Parallel()
				var waited pauses
				b := newBench(t, acctest.OnlyInjectedFaults(t, "how long it waits", sandbox.Options{}), waited.option())
				b.tenant.Mailboxes.Licensed = b.tenant.Mailboxes.PublicFolderOwner
				connection := b.connect(b.register(), withPublicFolders)
				b.Inject(sandbox.Fault{At: service.at, Kind: kind, Times: 4, RetryAfter: "9"})
				got := b.read(connection, nil)
				if got.connected != "true" {
					t.Errorf("connected %s: %+v", got.connected, got.rows)
				}
				if want := slices.Repeat([]time.Duration{9 * time.Second}, 4); !slices.Equal(waited.made, want) {
					t.Errorf("the pauses are %s", waited.made)
				}
			})
		}
	}
}

func TestAccTargetConnectivity_AServiceThatStaysBusyTakesTheTimeAllowedAndIsToldWithTheNextStep(t *testing.T) {
	for name, service := range waitedFor {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var waited pauses
			b := newBench(t, acctest.OnlyInjectedFaults(t, "how long it waits", sandbox.Options{}), waited.option())
			b.tenant.Mailboxes.Licensed = b.tenant.Mailboxes.PublicFolderOwner
			connection := b.connect(b.register(), withPublicFolders)
			if err := b.Server.Inject(sandbox.Fault{At: service.at, Kind: sandbox.Throttled, Times: 1000,
				RetryAfter: "30"}); err != nil {
				t.Fatal(err)
			}
			got := b.read(connection, nil)
			longest := 5*time.Minute - 20*time.Second
			if service.check == checks.Token {
				longest *= 2 // two tokens, side by side
			}
			if sum := waited.sum(); sum > longest || sum < longest/3 {
				t.Errorf("%s were waited: %s", sum, waited.made)
			}
			if service.check == "" {
				if got.connected != "true" {
					t.Errorf("connected %s: %+v", got.connected, got.rows)
				}
				return
			}
			saysBusy(t, got, service.check, service.says)
		})
	}
}

// saysBusy fails the test where a check does not say that its service is busy, or the warning not how long.
func saysBusy(t *testing.T, got report, check, says string) {
	t.Helper()
	row := got.row(check)
	if row.status != "skipped" || got.connected != "null" || !strings.Contains(row.detail, says) ||
		!strings.HasPrefix(row.remedy, "Run Terraform again in a few minutes.") {
		t.Errorf("connected %s, %+v", got.connected, row)
	}
	const ended = "Exchange asks for a wait of 30s, longer than timeouts.read allows. Raise timeouts.read, or plan " +
		"again after that time."
	if strings.Contains(says, "Exchange") && !strings.Contains(got.text(), ended) {
		t.Errorf("the warning does not say why it ended:\n%s", got.text())
	}
}

func TestAccTargetConnectivity_ABusyAutodiscoverLeavesTimeForABusyMailbox(t *testing.T) {
	var waited pauses
	b := newBench(t, acctest.OnlyInjectedFaults(t, "how long it waits", sandbox.Options{}), waited.option())
	connection := b.connect(b.register(), nil)
	if err := b.Server.Inject(sandbox.Fault{At: waitedFor["Autodiscover"].at, Kind: sandbox.Throttled, Times: 1000,
		RetryAfter: "30"}); err != nil {
		t.Fatal(err)
	}
	b.Inject(sandbox.Fault{At: waitedFor["the mailbox"].at, Kind: sandbox.Throttled, Times: 2, RetryAfter: "60"})
	if got := b.read(connection, nil); got.connected != "true" {
		t.Errorf("connected %s after %s: %+v", got.connected, waited.made, got.rows)
	}
}

func TestAccTargetConnectivity_ATokenThatExchangeRefusesIsReplacedOnceAndASecondRefusalIsTold(t *testing.T) {
	for name, refusals := range map[string]int{"once": 1, "for good": 1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, acctest.OnlyInjectedFaults(t, "that it never waits", sandbox.Options{}), neverWait(t))
			connection := b.connect(b.register(), nil)
			if refusals == 1 {
				b.Inject(sandbox.Fault{At: waitedFor["the mailbox"].at, Kind: sandbox.Refused, Status: 401})
			} else {
				b.exchange(outage(401, nil))
			}
			b.Forget()
			got := b.read(connection, nil)
			if tokens, opened := b.signIns(connection), b.asked("/EWS/"); tokens != 3 || opened != 2 {
				t.Errorf("%d tokens and %d requests for the mailbox, want a token for Graph, two for Exchange, and two requests",
					tokens, opened)
			}
			if row := got.row(checks.EWS); refusals == 1 && got.connected != "true" || refusals > 1 &&
				(row.status != "failed" || !strings.Contains(row.detail, "HTTP 401")) {
				t.Errorf("connected %s: %+v", got.connected, row)
			}
		})
	}
}
