//go:build full

package interop

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/acctest"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox"
)

// subject is one tenant of the agreement test, with the app and the connection that are checked in it.
type subject struct {
	*agreement
	tenant  sandbox.TenantEntry
	mailbox string
	app     acctest.HandmadeApp
	config  map[string]tftypes.Value // of the connection
	states  []state                  // one for each axis

	id, sheet string // of the connection: its ID, and the path of its hand-off sheet
}

// state is a value of an axis.
type state struct {
	name string
	// harmless reports whether a migration comes to its end in this state.
	harmless bool
	arrange  func(*subject)
	// stricter marks a harmless state that the check refuses, because CodeTwo's documentation asks for more.
	stricter bool
}

// axis is one of the things on which a migration depends. Its first state is where nothing special was done.
type axis struct {
	name   string
	states []state
}

// axes are what the test combines. Their order is the order in which the states are arranged: a state may use what an
// earlier one made.
var axes = []axis{
	{"credential", []state{
		{name: "client secret", harmless: true, arrange: (*subject).bySecret},
		{name: "certificate", harmless: true, arrange: func(s *subject) { s.byCertificate(s.long) }},
		{name: "secret revoked", arrange: func(s *subject) { s.bySecret(); s.removeSecret() }},
		{name: "secret expired", arrange: func(s *subject) { s.byShortSecret(false) }},
		{name: "secret expired, as recorded", arrange: func(s *subject) { s.byShortSecret(true) }},
		{name: "certificate expired", arrange: func(s *subject) { s.byCertificate(s.short) }},
		{name: "certificate revoked", arrange: func(s *subject) { s.byCertificate(s.long); s.upload() }},
		{name: notYet, arrange: func(s *subject) { s.use(s.long) }},
		{name: "app of another tenant", arrange: func(s *subject) { s.app = s.strangers; s.bySecret() }},
		{name: "app deleted", arrange: func(s *subject) { s.bySecret(); s.graph(http.MethodDelete, s.application(), nil) }},
		{name: "app without consent", arrange: func(s *subject) { s.bySecret(); s.revoke() }},
		{name: "app without full_access_as_app", arrange: func(s *subject) {
			s.bySecret()
			s.revoke("dc890d15-9560-4a4c-9b7f-a736ec74ec40")
		}},
		{name: "app without Directory.Read.All", arrange: func(s *subject) {
			s.bySecret()
			s.revoke("7ab1d382-f21e-4acd-a863-ba3e13f7da61")
		}},
	}},
	{"account", []state{
		{name: "licensed", harmless: true, arrange: func(*subject) {}},
		{name: "licensed, by an alias", harmless: true, arrange: func(s *subject) {
			s.user(map[string]any{"aliases": []string{"alias@" + s.tenant.Domain}})
			s.mailbox = "alias@" + s.tenant.Domain
		}},
		{name: "licensed, account blocked", harmless: true, arrange: func(s *subject) { s.user(map[string]any{"enabled": false}) }},
		{name: "shared mailbox: no licence, account blocked", harmless: true, arrange: func(s *subject) {
			s.user(map[string]any{"enabled": false, "plans": false})
		}},
		{name: "unlicensed", arrange: func(s *subject) { s.user(map[string]any{"mailbox": "unlicensed"}) }},
		{name: "kiosk licence", arrange: func(s *subject) { s.user(map[string]any{"mailbox": "kiosk"}) }},
		{name: "licensed, mailbox elsewhere", arrange: func(s *subject) { s.user(map[string]any{"mailbox": "no_mailbox"}) }},
		{name: "EWS off for the mailbox", arrange: func(s *subject) {
			s.exchange(map[string]any{"ews_disabled_mailboxes": []string{s.mailbox}})
		}},
		{name: "no such user", arrange: func(s *subject) { s.mailbox = "nobody@" + s.tenant.Domain }},
	}},
	{"gate", []state{
		{name: "unset", harmless: true, arrange: func(s *subject) { s.gate(nil) }},
		{name: "True, listed", harmless: true, arrange: func(s *subject) { s.gate(true, uuid.NewString(), s.app.ClientID) }},
		{name: "True, not listed", arrange: func(s *subject) { s.gate(true, uuid.NewString()) }},
		{name: "True, empty list", arrange: func(s *subject) { s.gate(true) }},
		{name: "False", arrange: func(s *subject) { s.gate(false, s.app.ClientID) }},
	}},
	{"policy", []state{
		{name: "none", harmless: true, arrange: func(*subject) {}},
		{name: "denies others", harmless: true, arrange: func(s *subject) {
			s.exchange(map[string]any{"out_of_scope_mailboxes": []string{s.tenant.Mailboxes.Licensed[1]}})
		}},
		{name: "denies the mailbox", arrange: func(s *subject) {
			s.exchange(map[string]any{"out_of_scope_mailboxes": []string{s.tenant.Mailboxes.Licensed[0]}})
		}},
	}},
	{"public folders", []state{
		{name: "not migrated", harmless: true, arrange: func(*subject) {}},
		{name: "not migrated, no rights", harmless: true, arrange: func(s *subject) { s.tree("None", "None", "None") }},
		{name: "Owner of the root", harmless: true, arrange: func(s *subject) { s.folders(); s.tree("Owner", "None", "None") }},
		{name: "Owner", harmless: true, arrange: func(s *subject) { s.folders(`\Sales`); s.tree("Owner", "Owner", "None") }},
		{name: "Owner, nested", harmless: true, arrange: func(s *subject) { s.folders(`\Sales\Archive`); s.tree("Owner", "Reviewer", "Owner") }},
		{name: "Owner, nested in a hidden one", arrange: func(s *subject) {
			s.folders(`\Sales\Archive`)
			s.tree("Owner", "None", "Owner")
		}},
		{name: "PublishingEditor", harmless: true, stricter: true, arrange: func(s *subject) {
			s.folders(`\Sales`)
			s.tree("PublishingEditor", "PublishingEditor", "None")
		}},
		{name: "Author of the root", arrange: func(s *subject) { s.folders(); s.tree("Author", "Owner", "Owner") }},
		{name: "Author of the folder", arrange: func(s *subject) { s.folders(`\Sales`); s.tree("Owner", "Author", "Owner") }},
		{name: "no rights in the folder", arrange: func(s *subject) { s.folders(`\Sales`); s.tree("Owner", "None", "Owner") }},
		{name: "folder missing", arrange: func(s *subject) { s.folders(`\Elsewhere`); s.tree("Owner", "Owner", "Owner") }},
		{name: "none in the tenant", arrange: func(s *subject) {
			s.folders()
			s.exchange(map[string]any{"public_folders": false})
		}},
	}},
}

// combinations are the states that the test goes through, one of each axis: every combination of harmless states, and
// of the others every one with at most two that are not the first of their axis.
func combinations() [][]state {
	all := [][]state{{}}
	for _, axis := range axes {
		var longer [][]state
		for _, sofar := range all {
			for _, next := range axis.states {
				longer = append(longer, append(slices.Clone(sofar), next))
			}
		}
		all = longer
	}
	return slices.DeleteFunc(all, func(states []state) bool {
		special := 0
		for i, one := range states {
			if one.name != axes[i].states[0].name {
				special++
			}
		}
		return special > 2 && !harmless(states)
	})
}

// notYet is the state of a certificate that the app has, and the replicas of Entra that answer do not know yet.
const notYet = "certificate not yet replicated"

// isLate reports whether the subject's certificate is uploaded last.
func (s *subject) isLate() bool { return s.states[0].name == notYet }

// harmless reports whether every state is.
func harmless(states []state) bool {
	return !slices.ContainsFunc(states, func(s state) bool { return !s.harmless })
}

// stricter reports whether the check is, in any of the states.
func stricter(states []state) bool {
	return slices.ContainsFunc(states, func(s state) bool { return s.stricter })
}

func (s *subject) graph(method, path string, body any) map[string]any {
	return s.Graph(s.tenant.TenantID, method, path, body)
}

func (s *subject) control(method, path string, body any) {
	s.Control(method, "/tenants/"+s.tenant.TenantID+path, body)
}

func (s *subject) application() string { return "/applications/" + s.app.ObjectID }

func (s *subject) exchange(settings map[string]any) {
	s.control(http.MethodPatch, "/exchange", settings)
}

func (s *subject) user(change map[string]any) {
	s.control(http.MethodPatch, "/users/"+s.mailbox, change)
}

// gate sets EwsEnabled and the list.
func (s *subject) gate(enabled any, listed ...string) {
	s.exchange(map[string]any{"ews_enabled": enabled, "ews_allowed_app_ids": append([]string{}, listed...)})
}

// folders has the connection migrate into public folders.
func (s *subject) folders(paths ...string) {
	s.config["migrate_public_folders"] = tftypes.NewValue(tftypes.Bool, true)
	if len(paths) > 0 {
		s.config["public_folder_paths"] = textSet(paths...)
	}
}

// tree makes the public folders, with the mailbox's permission level in each of them and none for anybody else.
func (s *subject) tree(root, sales, archive string) {
	var tree []map[string]any
	for _, folder := range [][2]string{{`\`, root}, {`\Sales`, sales}, {`\Sales\Archive`, archive}} {
		tree = append(tree, map[string]any{"path": folder[0],
			"permissions": map[string]string{s.tenant.Mailboxes.Licensed[0]: folder[1]}})
	}
	s.exchange(map[string]any{"public_folder_tree": tree})
}

// revoke takes the consent to these roles away, or to all.
func (s *subject) revoke(roleIDs ...string) {
	s.RevokeConsent(s.tenant.TenantID, s.app.ClientID, roleIDs...)
}

func (s *subject) bySecret() {
	s.config["client_secret_wo"] = text(s.app.Secret)
	s.config["client_secret_wo_version"] = tftypes.NewValue(tftypes.Number, 1)
}

func (s *subject) removeSecret() {
	found := s.graph(http.MethodGet, s.application()+"?$select=passwordCredentials", nil)
	for _, password := range found["passwordCredentials"].([]any) {
		s.graph(http.MethodPost, s.application()+"/removePassword",
			map[string]any{"keyId": password.(map[string]any)["keyId"]})
	}
}

// byShortSecret has the app sign in with a secret that ends before the migration.
func (s *subject) byShortSecret(recorded bool) {
	end := time.Now().Add(-timeAhead / 2).UTC().Format(time.RFC3339)
	password := s.graph(http.MethodPost, s.application()+"/addPassword",
		map[string]any{"passwordCredential": map[string]any{"endDateTime": end}})
	s.app.Secret = fmt.Sprint(password["secretText"])
	s.bySecret()
	if recorded {
		s.config["client_secret_expires_at"] = text(end)
	}
}

func (s *subject) byCertificate(c keyFile) {
	s.use(c)
	s.upload(c.der)
}

// use has the connection sign in with a certificate.
func (s *subject) use(c keyFile) {
	s.config["certificate_thumbprint"] = text(c.thumbprint)
	s.config["certificate_pfx_path"] = text(c.path)
	s.config["certificate_pfx_password_wo"] = text(pfxPassword)
	s.config["certificate_pfx_password_wo_version"] = tftypes.NewValue(tftypes.Number, 1)
}

// upload gives the app these certificates, and no others.
func (s *subject) upload(certificates ...[]byte) {
	keys := []any{}
	for _, der := range certificates {
		keys = append(keys, map[string]any{"type": "AsymmetricX509Cert", "usage": "Verify", "key": der})
	}
	s.graph(http.MethodPatch, s.application(), map[string]any{"keyCredentials": keys})
}

func (s *subject) name() string {
	names := make([]string, len(s.states))
	for i, one := range s.states {
		names[i] = one.name
	}
	return strings.Join(names, " · ")
}
