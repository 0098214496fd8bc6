package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// graphCall sends a request to Graph, and reads its answer into into unless that is nil.
func (r *rig) graphCall(bearer, method, path, body string, status int, into any) {
	r.t.Helper()
	headers := map[string]string{"Authorization": "Bearer " + bearer}
	if body != "" {
		headers["Content-Type"] = "application/json"
	}
	got := r.do(method, "/v1.0"+path, body, headers)
	if got.Status != status {
		r.t.Fatalf("%s %s answers HTTP %d, want %d: %s", method, path, got.Status, status, got.Body)
	}
	if into != nil {
		got.json(r.t, into)
	}
}

// An app's life goes through all three APIs: made and consented through Graph, it signs in with the key that only its
// owner has, and opens a mailbox; deleted, it is a stranger.
func TestAnAppMadeThroughGraphSignsInAndOpensAMailboxUntilItIsDeleted(t *testing.T) {
	r := newRig(t, Options{})
	org := r.server.TenantsJSON().Tenants[0]
	admin := r.token(org.TenantID, secretForm(org.Callers.Full.ClientID, org.Callers.Full.ClientSecret, graphDefault))
	key, certificate := newCertificate(t, time.Now().Add(-time.Hour), time.Now().AddDate(5, 0, 0))

	var app, principal struct{ ID, AppID string }
	r.graphCall(admin, http.MethodPost, "/applications", fmt.Sprintf(
		`{"displayName": "CodeTwo Office 365 Migration Target", "signInAudience": "AzureADMyOrg", "keyCredentials":
		 [{"type": "AsymmetricX509Cert", "usage": "Verify", "displayName": "CN=CodeTwo", "key": %q}]}`,
		base64.StdEncoding.EncodeToString(certificate.Raw)), http.StatusCreated, &app)
	made := &testApp{Application: tenant.Application{ID: app.ID, AppID: app.AppID}, key: key, certificate: certificate}
	home := r.server.world.Tenants[0]
	if got := r.requestToken(org.TenantID, r.assert(home, made, nil)); refusalCode(t, got) != 700016 {
		t.Errorf("without a service principal: %s", got.Body)
	}

	r.graphCall(admin, http.MethodPost, "/servicePrincipals", fmt.Sprintf(`{"appId": %q}`, app.AppID), http.StatusCreated,
		&principal)
	var exchange struct {
		ID       string
		AppRoles []tenant.AppRole
	}
	r.graphCall(admin, http.MethodGet, "/servicePrincipals(appId='"+tenant.ExchangeAppID+"')", "", http.StatusOK,
		&exchange)
	role := permission(exchange.AppRoles, "full_access_as_app")
	r.graphCall(admin, http.MethodPost, "/servicePrincipals/"+exchange.ID+"/appRoleAssignedTo", fmt.Sprintf(
		`{"principalId": %q, "resourceId": %q, "appRoleId": %q}`, principal.ID, exchange.ID, role.ID), http.StatusCreated,
		nil)

	form := r.assert(home, made, nil)
	form.Set("scope", exchangeDefault)
	bearer := r.token(org.Domain, form)
	r.openGate(app.AppID)
	mailbox := org.Mailboxes.Licensed[0]
	if got, _ := r.ews(bearer, mailbox, getFolder(mailbox, "inbox")); got.Status != http.StatusOK {
		t.Errorf("the mailbox answers HTTP %d: %s", got.Status, got.Body)
	}

	r.graphCall(admin, http.MethodDelete, "/applications/"+app.ID, "", http.StatusNoContent, nil)
	if got := r.requestToken(org.TenantID, r.assert(home, made, nil)); refusalCode(t, got) != 700016 {
		t.Errorf("after the deletion: %s", got.Body)
	}
	var state TenantState
	r.get("/_sandbox/tenants/"+org.TenantID).json(t, &state)
	if !slices.ContainsFunc(state.DeletedItems, func(d DeletedItemState) bool {
		return d.ClientID == app.AppID && d.Type == "application"
	}) {
		t.Errorf("the recycle bin shows %+v", state.DeletedItems)
	}
}

func refusalCode(t *testing.T, got answer) int {
	t.Helper()
	var body signInRefused
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil || len(body.Codes) != 1 {
		return 0
	}
	return body.Codes[0]
}
