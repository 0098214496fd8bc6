package connectivity_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/auth"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/store"
)

// tells fails the test where a row is not as a row of the tables says.
func tells(t *testing.T, got report, connection store.Connection, check string, passing bool, meaning, remedy string) {
	t.Helper()
	fill := func(text string) string { return checks.ExpandPlaceholders(text, connection) }
	status, connected := "failed", "false"
	if passing {
		status, connected = "skipped", "null"
	}
	row := got.row(check)
	if row.status != status || got.connected != connected {
		t.Errorf("%s is %s and connected %s, want %s and %s: %s", check, row.status, got.connected, status, connected,
			row.detail)
	}
	if !strings.Contains(row.detail, fill(meaning)) {
		t.Errorf("the detail is %q, and lacks %q", row.detail, fill(meaning))
	}
	if row.remedy == "" || !strings.Contains(row.remedy, fill(remedy)) {
		t.Errorf("the remedy is %q, want %q", row.remedy, fill(remedy))
	}
	for _, words := range []string{row.detail, firstLine(row.remedy)} {
		if !strings.Contains(got.text(), strings.TrimSuffix(words, ".")) {
			t.Errorf("the warning does not say %q:\n%s", words, got.text())
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// signInCauses are the codes that the sandbox's tenants have a cause for. Each makes it, and returns the connection.
// The others are answered because the test says so.
var signInCauses = map[int]func(*bench) store.Connection{
	90002: func(b *bench) store.Connection {
		return b.connect(b.register(), func(c *store.Connection) { c.TenantID = uuid.NewString() })
	},
	500011: func(b *bench) store.Connection {
		b.tenant = b.Tenant(1)
		app := b.register()
		b.Control(http.MethodDelete, "/tenants/"+b.tenant.TenantID+"/apis/00000002-0000-0ff1-ce00-000000000000", nil)
		return b.connect(app, nil)
	},
	501051: func(b *bench) store.Connection {
		b.tenant = b.Tenant(2)
		app := b.register()
		b.RevokeConsent(b.tenant.TenantID, app.ClientID)
		for _, api := range []string{"00000002-0000-0ff1-ce00-000000000000", "00000003-0000-0000-c000-000000000000"} {
			b.Graph(b.tenant.TenantID, http.MethodPatch, "/servicePrincipals(appId='"+api+"')",
				map[string]any{"appRoleAssignmentRequired": true})
		}
		return b.connect(app, nil)
	},
	700016: func(b *bench) store.Connection {
		return b.connect(acctest.HandmadeApp{ClientID: uuid.NewString(), Secret: "a secret of nothing"}, nil)
	},
	700027: func(b *bench) store.Connection {
		return b.connect(b.register(), byCertificate(b.certificate(time.Now().Add(-time.Hour))))
	},
	700038: func(b *bench) store.Connection {
		return b.connect(acctest.HandmadeApp{ClientID: uuid.Nil.String(), Secret: "a secret of nothing"}, nil)
	},
	7000112: func(b *bench) store.Connection {
		app := b.register()
		b.Graph(b.tenant.TenantID, http.MethodPatch, "/servicePrincipals(appId='"+app.ClientID+"')",
			map[string]any{"accountEnabled": false})
		return b.connect(app, nil)
	},
	7000215: func(b *bench) store.Connection {
		app := b.register()
		app.Secret = uuid.NewString() // as the secret's ID is
		return b.connect(app, nil)
	},
	7000222: func(b *bench) store.Connection {
		connection := b.connect(b.register(), nil)
		b.Control(http.MethodPost, "/clock", map[string]any{"advance": "26280h"})
		return connection
	},
}

func TestAccTargetConnectivity_EverySignInErrorIsToldWithItsRemedy(t *testing.T) {
	for _, known := range auth.Reasons() {
		t.Run(fmt.Sprintf("AADSTS%d", known.Code), func(t *testing.T) {
			t.Parallel()
			options := sandbox.Options{Tenants: 3}
			cause, natural := signInCauses[known.Code]
			if known.Code == 700024 { // the tenants' clock and this machine's are two hours apart
				natural = true
				options.Now = func() time.Time { return time.Now().Add(2 * time.Hour) }
				cause = func(b *bench) store.Connection {
					app, pair := b.register(), b.certificate(time.Now().Add(-time.Hour))
					b.upload(app, pair)
					return b.connect(app, byCertificate(pair))
				}
			}
			if !natural {
				cause = func(b *bench) store.Connection {
					app := b.register()
					b.refuse(app.ClientID, known.Code)
					return b.connect(app, nil)
				}
			}
			b := newBench(t, options)
			connection := cause(b)
			check := checks.Token
			if known.Code == 90002 {
				check = checks.Tenant
			}
			read := b.readTwice
			if known.Transient {
				read = b.read // Microsoft's client library waits and asks again by itself
			}
			got := read(connection, nil)
			tells(t, got, connection, check, known.Transient,
				fmt.Sprintf("AADSTS%d: %s", known.Code, checks.ExplainSignInCode(known)),
				known.ForApp())
		})
	}
}

func TestAccTargetConnectivity_ACertificateThatExpiredInEntraAloneIsToldAsSuch(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	app, pair := b.register(), b.certificate(time.Now().Add(-time.Hour))
	b.upload(app, pair)
	b.Control(http.MethodPost, "/clock", map[string]any{"advance": "50000h"})
	if got := b.readTwice(b.connect(app, byCertificate(pair)), nil); !strings.Contains(got.row(checks.Token).detail,
		"AADSTS700027") {
		t.Errorf("token: %+v", got.row(checks.Token))
	}
}

func TestAccTargetConnectivity_AnUnknownSignInErrorIsShownWithItsTextAndCorrelationID(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	app := b.register()
	b.refuse(app.ClientID, 987654)
	got := b.readTwice(b.connect(app, nil), nil)
	row := got.row(checks.Token)
	if row.status != "failed" || !strings.Contains(row.detail, "AADSTS987654: The sandbox was told to refuse "+
		"application") || !strings.Contains(row.remedy, app.ClientID) {
		t.Errorf("token: %+v", row)
	}
	if !strings.Contains(got.text(), "correlation ID ") {
		t.Errorf("the warning has no correlation ID:\n%s", got.text())
	}
}

// outage is an answer that no setting of a tenant causes.
func outage(status int, more map[string]any) map[string]any {
	answer := map[string]any{"status": status}
	for name, value := range more {
		answer[name] = value
	}
	return map[string]any{"outage": answer}
}

// exchangeCauses make each answer of Exchange, and return the connection. Every row of the table has one.
var exchangeCauses = map[string]func(b *bench, app acctest.HandmadeApp) store.Connection{
	"ews: EWS is disabled for this user or tenant": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(map[string]any{"ews_enabled": false})
		return b.connect(app, nil)
	},
	"ews: EWS is blocked by policy for this user or tenant": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.OpenEWS(b.tenant.TenantID, uuid.NewString())
		return b.connect(app, nil)
	},
	"ews: HTTP 403": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(outage(403, nil))
		return b.connect(app, nil)
	},
	"ews: HTTP 401": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(outage(401, nil))
		return b.connect(app, nil)
	},
	"ews: ErrorNonExistentMailbox": func(b *bench, app acctest.HandmadeApp) store.Connection {
		return b.connect(app, func(c *store.Connection) { c.Mailbox = b.tenant.Mailboxes.NoMailbox[0] })
	},
	"ews: ErrorNonExistentMailbox, and the user has no licence for one": func(b *bench,
		app acctest.HandmadeApp) store.Connection {
		return b.connect(app, func(c *store.Connection) { c.Mailbox = b.tenant.Mailboxes.Unlicensed[0] })
	},
	"ews: ErrorImpersonateUserDenied": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(map[string]any{"out_of_scope_mailboxes": []string{b.tenant.Mailboxes.Licensed[0]}})
		return b.connect(app, nil)
	},
	"ews: ErrorAccessDenied": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(outage(500, map[string]any{"code": "ErrorAccessDenied"}))
		return b.connect(app, nil)
	},
	"ews: ErrorAccountDisabled": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(outage(500, map[string]any{"code": "ErrorAccountDisabled"}))
		return b.connect(app, nil)
	},
	"ews: ErrorServerBusy": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(map[string]any{"server_busy": "297749ms"})
		return b.connect(app, nil)
	},
	"ews: Autodiscover names an address outside outlook.office365.com": func(b *bench,
		app acctest.HandmadeApp) store.Connection {
		b.exchange(map[string]any{"autodiscover_url": "https://mail.contoso.com/EWS/Exchange.asmx"})
		return b.connect(app, nil)
	},
	"public_folders: ErrorAccessDenied": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(outage(500, map[string]any{"code": "ErrorAccessDenied", "folder": "publicfoldersroot"}))
		return b.connect(app, withPublicFolders)
	},
	"public_folders: ErrorPublicFolderMailboxDiscoveryFailed": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(map[string]any{"public_folders": false})
		return b.connect(app, withPublicFolders)
	},
	"public_folders: ErrorServerBusy": func(b *bench, app acctest.HandmadeApp) store.Connection {
		b.exchange(outage(500, map[string]any{"code": "ErrorServerBusy", "folder": "publicfoldersroot"}))
		return b.connect(app, withPublicFolders)
	},
}

func TestAccTargetConnectivity_EveryAnswerOfExchangeIsToldWithItsRemedy(t *testing.T) {
	for _, known := range checks.ExchangeAnswers() {
		name := known.Check + ": " + known.Answer
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cause, there := exchangeCauses[name]
			if !there {
				t.Fatal("nothing here makes Exchange answer so")
			}
			b := newBench(t, sandbox.Options{})
			connection := cause(b, b.register())
			got := b.readTwice(connection, nil)
			tells(t, got, connection, known.Check, known.Transient, known.Meaning, known.Remedy)
			if strings.Contains(known.Answer, "outside") && b.asked("/EWS/") != 0 {
				t.Error("EWS was asked all the same")
			}
			if name == "ews: ErrorServerBusy" && !strings.Contains(got.text(), "Exchange asks for a wait of 4m58s,") {
				t.Errorf("the warning does not say how long to wait:\n%s", got.text())
			}
		})
	}
}

func TestAccTargetConnectivity_AnswersOutsideOfTheTableAreShownAsTheyAre(t *testing.T) {
	b := newBench(t, sandbox.Options{})
	connection := b.connect(b.register(), withPublicFolders)
	for name, c := range map[string]struct {
		outage                map[string]any
		check, status, detail string
	}{
		"a new policy": {outage(403, map[string]any{"reason": "EWS is resting"}), checks.EWS, "failed",
			"Exchange refuses EWS: EWS is resting"},
		"another code": {outage(500, map[string]any{"code": "ErrorInternalServerError"}), checks.EWS, "skipped",
			"ErrorInternalServerError"},
		"throttled by HTTP": {outage(429, nil), checks.EWS, "skipped", "Exchange is busy"},
		"a proxy's page": {outage(502, map[string]any{"page": "<html>a proxy"}), checks.EWS, "skipped",
			"something other than EWS answered"},
		"no route to the public folders": {outage(500, map[string]any{"folder": "autodiscover",
			"code": "ErrorInternalServerError"}), checks.PublicFolders, "skipped",
			"Autodiscover did not say which mailbox holds the public folders"},
		"a public folder's own answer": {outage(500, map[string]any{"folder": "publicfoldersroot",
			"code": "ErrorInternalServerError"}), checks.PublicFolders, "skipped", "gave no answer"},
	} {
		b.exchange(c.outage)
		got := b.readTwice(connection, nil)
		if row := got.row(c.check); row.status != c.status || !strings.Contains(row.detail, c.detail) || row.remedy == "" {
			t.Errorf("%s: %+v", name, row)
		}
		if got.connected == "true" {
			t.Errorf("%s: connected", name)
		}
	}
}
