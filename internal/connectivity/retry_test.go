package connectivity_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

func writtenNow(c *store.Connection) {
	now := time.Now()
	c.WrittenAt = &now
}

// notYet are the states that pass by themselves after a change. Each sets one up, and returns the connection, and what
// ends the state.
var notYet = map[string]func(*bench) (connection store.Connection, ready func()){
	"the app has not reached the sign-in service": func(b *bench) (store.Connection, func()) {
		app := b.register()
		b.refuse(app.ClientID, 700016)
		return b.connect(app, writtenNow), func() { b.refuse(app.ClientID, 0) }
	},
	"nor has its service principal": func(b *bench) (store.Connection, func()) {
		app := b.register()
		b.refuse(app.ClientID, 7000229)
		return b.connect(app, writtenNow), func() { b.refuse(app.ClientID, 0) }
	},
	"nor has its secret": func(b *bench) (store.Connection, func()) {
		app := b.register()
		b.refuse(app.ClientID, 7000215)
		return b.connect(app, writtenNow), func() { b.refuse(app.ClientID, 0) }
	},
	"nor has its certificate, which is new": func(b *bench) (store.Connection, func()) {
		app, pair := b.register(), b.certificate(time.Now().Add(-6*time.Minute))
		return b.connect(app, byCertificate(pair)), func() { b.upload(app, pair) }
	},
	"the consent has not reached the tokens": func(b *bench) (store.Connection, func()) {
		app := b.register()
		b.RevokeConsent(b.tenant.TenantID, app.ClientID)
		return b.connect(app, writtenNow), func() { b.grantInstead(app, "Directory.Read.All") }
	},
	"one of two consents has not": func(b *bench) (store.Connection, func()) {
		app := b.register()
		b.RevokeConsent(b.tenant.TenantID, app.ClientID)
		b.grant(app, "Directory.Read.All")
		return b.connect(app, writtenNow), func() { b.grant(app, "full_access_as_app") }
	},
	"a consent that the journal tells of": func(b *bench) (store.Connection, func()) {
		app := b.register()
		b.RevokeConsent(b.tenant.TenantID, app.ClientID)
		b.journal(app, time.Now())
		return b.connect(app, nil), func() { b.grantInstead(app, "Directory.Read.All") }
	},
	"Graph refuses what the token allows": func(b *bench) (store.Connection, func()) {
		fault := sandbox.Fault{At: "GET /v1.0/organization*", Kind: sandbox.Refused, Status: 403,
			Code: "Authorization_RequestDenied", Message: "Insufficient privileges to complete the operation."}
		if err := b.Server.Inject(fault); err != nil {
			b.t.Fatal(err)
		}
		return b.connect(b.register(), writtenNow), func() {} // the fault hits once
	},
}

// journal writes what codetwo_target_app_registration would have left of a registration.
func (b *bench) journal(app acctest.HandmadeApp, completed time.Time) {
	b.t.Helper()
	err := b.store.SaveRegistration(b.t.Context(), &store.Registration{
		TenantID: b.tenant.TenantID, UniqueName: "codetwo-target-test", DisplayName: "CodeTwo", Marker: uuid.NewString(),
		ObjectID: app.ObjectID, ClientID: app.ClientID, StartedAt: completed, CompletedAt: &completed,
	}, 0, completed)
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestAccTargetConnectivity_WhatIsNotReadyYetIsWaitedForWhileTheChangeIsYoung(t *testing.T) {
	for name, arrange := range notYet {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			waits, ready := 0, func() {}
			options := acctest.OnlyInjectedFaults(t, "how often it waits", sandbox.Options{})
			b := newBench(t, options, acctest.WithWait(func(context.Context, time.Duration) error {
				if waits++; waits == 2 || name == "Graph refuses what the token allows" {
					ready()
				}
				return nil
			}))
			var connection store.Connection
			connection, ready = arrange(b)
			b.Forget()
			got := b.read(connection, nil)
			if got.connected != "true" {
				t.Fatalf("connected %s after %d pauses: %+v", got.connected, waits, got.rows)
			}
			if tokens := b.signIns(connection); tokens != 2*(waits+1) || waits == 0 {
				t.Errorf("%d tokens were asked for in %d attempts, want two in each", tokens, waits+1)
			}
		})
	}
}

// signIns counts the requests for tokens. Those of the test environment's own are kept, so that none is among them.
func (b *bench) signIns(connection store.Connection) int {
	b.t.Helper()
	return b.asked(connection.TenantID + "/oauth2/v2.0/token")
}

func TestAccTargetConnectivity_WhatWasChangedLongAgoIsAskedForOnce(t *testing.T) {
	for name, arrange := range notYet {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			later := acctest.WithClock(func() time.Time { return time.Now().Add(checks.PropagationTime + time.Minute) })
			b := newBench(t, acctest.OnlyInjectedFaults(t, "that it never waits", sandbox.Options{}), later, neverWait(t))
			connection, _ := arrange(b)
			b.Forget()
			if got := b.read(connection, nil); got.connected == "true" || b.signIns(connection) != 2 {
				t.Errorf("connected %s after %d tokens: %+v", got.connected, b.signIns(connection), got.rows)
			}
		})
	}
}

func neverWait(t *testing.T) acctest.Option {
	return acctest.WithWait(func(context.Context, time.Duration) error {
		t.Error("it waits")
		return nil
	})
}

func TestAccTargetConnectivity_WhatNoTimeMendsIsToldAtOnceHoweverYoungTheChange(t *testing.T) {
	for name, arrange := range map[string]func(*bench, acctest.HandmadeApp) store.Connection{
		"a closed EWS gate": func(b *bench, app acctest.HandmadeApp) store.Connection {
			b.exchange(map[string]any{"ews_enabled": false})
			return b.connect(app, writtenNow)
		},
		"no such user": func(b *bench, app acctest.HandmadeApp) store.Connection {
			return b.connect(app, func(c *store.Connection) { writtenNow(c); c.Mailbox = "nobody@" + b.tenant.Domain })
		},
		"no such tenant": func(b *bench, app acctest.HandmadeApp) store.Connection {
			return b.connect(app, func(c *store.Connection) { writtenNow(c); c.TenantID = uuid.NewString() })
		},
		"a disabled app": func(b *bench, app acctest.HandmadeApp) store.Connection {
			b.Graph(b.tenant.TenantID, http.MethodPatch, "/servicePrincipals(appId='"+app.ClientID+"')",
				map[string]any{"accountEnabled": false})
			return b.connect(app, writtenNow)
		},
		"an expired secret": func(b *bench, app acctest.HandmadeApp) store.Connection {
			b.refuse(app.ClientID, 7000222)
			return b.connect(app, writtenNow)
		},
		"a missing role that nobody asks for": func(b *bench, app acctest.HandmadeApp) store.Connection {
			b.grantInstead(app)
			return b.connect(app, writtenNow)
		},
		"a wait that would not fit into the time allowed": func(b *bench, app acctest.HandmadeApp) store.Connection {
			app.Secret = "wrong"
			return b.connect(app, writtenNow)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, acctest.OnlyInjectedFaults(t, "that it never waits", sandbox.Options{}), neverWait(t))
			attributes := map[string]tftypes.Value{}
			switch name {
			case "a missing role that nobody asks for":
				var names []tftypes.Value
				for _, check := range []string{checks.Permissions, checks.Organization, checks.Mailbox} {
					names = append(names, tftypes.NewValue(tftypes.String, check))
				}
				attributes["skip_checks"] = tftypes.NewValue(tftypes.Set{ElementType: tftypes.String}, names)
			case "a wait that would not fit into the time allowed":
				kind := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"read": tftypes.String}}
				read := tftypes.NewValue(tftypes.String, "24s")
				attributes["timeouts"] = tftypes.NewValue(kind, map[string]tftypes.Value{"read": read})
			}
			connection := arrange(b, b.register())
			b.Forget()
			b.read(connection, attributes)
			if tokens := b.signIns(connection); tokens > 2 {
				t.Errorf("%d tokens were asked for", tokens)
			}
		})
	}
}

// silent tells when an EWS request has been sent, to a sandbox that never answers it.
type silent struct {
	next http.RoundTripper
	sent chan struct{}
}

func (s silent) RoundTrip(request *http.Request) (*http.Response, error) {
	if strings.HasPrefix(request.URL.Path, "/EWS/") {
		s.sent <- struct{}{}
	}
	return s.next.RoundTrip(request)
}

func TestAccTargetConnectivity_AnInterruptedRunEndsAlthoughExchangeIsSilentAndSaysWhatItKnows(t *testing.T) {
	sent := make(chan struct{}, 1)
	b := newBench(t, sandbox.Options{},
		acctest.WithTransport(func(next http.RoundTripper) http.RoundTripper { return silent{next, sent} }))
	connection := b.connect(b.register(), nil)
	b.exchange(map[string]any{"outage": map[string]any{"silent": true}})
	b.interrupted(connection, sent, "token           passed", "ews             skipped", "the run was interrupted")
}

func TestAccTargetConnectivity_AnInterruptedPauseEndsAndSaysWhatItWaitedFor(t *testing.T) {
	waiting := make(chan struct{}, 1)
	options := acctest.OnlyInjectedFaults(t, "what it waits for first", sandbox.Options{})
	b := newBench(t, options, acctest.WithWait(func(ctx context.Context, _ time.Duration) error {
		waiting <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}))
	app := b.register()
	app.Secret = "wrong"
	b.interrupted(b.connect(app, writtenNow), waiting, "tenant          passed", "token           failed", "AADSTS7000215")
}

// interrupted reads, has Terraform stop the provider once the read is where it never ends, and looks at the answer.
func (b *bench) interrupted(connection store.Connection, reached <-chan struct{}, says ...string) {
	b.t.Helper()
	answers := make(chan report)
	go func() { answers <- b.read(connection, nil) }()
	<-reached
	if _, err := b.protocol.StopProvider(b.t.Context(), &tfprotov6.StopProviderRequest{}); err != nil {
		b.t.Fatal(err)
	}
	got := <-answers
	for _, words := range append(says, "interrupted: "+connection.ID()) {
		if !strings.Contains(got.text(), words) {
			b.t.Errorf("the error lacks %q:\n%s", words, got.text())
		}
	}
	if len(got.rows) > 0 {
		b.t.Errorf("half a report went into the state: %v", got.rows)
	}
}

func TestAccTargetConnectivity_AKeyThatIsElsewhereLeavesTheTenantChecked(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	app := b.register()
	pair, err := certificate.Generate(rand.Reader, certificate.Template{CommonName: "CodeTwo", KeySize: 2048,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	b.upload(app, pair)
	connection := b.connect(app, byCertificate(pair))
	b.Forget()
	got := b.readTwice(connection, nil)
	if got.connected != "null" || got.row(checks.Credential).status != "skipped" ||
		got.row(checks.Tenant).status != "passed" || b.signIns(connection) != 0 {
		t.Errorf("connected %s, %d tokens: %+v", got.connected, b.signIns(connection), got.rows)
	}
	if !strings.Contains(got.text(), "Could not determine") || !strings.Contains(got.text(), "migration server") ||
		len(got.diagnostics) != 1 || got.diagnostics[0].Severity != tfprotov6.DiagnosticSeverityWarning {
		t.Errorf("the warning is:\n%s", got.text())
	}
}

func TestAccTargetConnectivity_ADamagedKeyIsToldWithARemedy(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	app, pair := b.register(), b.certificate(time.Now().Add(-time.Hour))
	b.upload(app, pair)
	connection := b.connect(app, byCertificate(pair))
	file := filepath.Join(b.Store, connection.TenantID, "certificates", connection.CertificateThumbprint+".pfx")
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if row := b.readTwice(connection, nil).row(checks.Credential); row.status != "failed" ||
		!strings.Contains(row.detail, ".pfx") || !strings.Contains(row.remedy, "run terraform apply") {
		t.Errorf("credential: %+v", row)
	}
}
