package login

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// unknownCredentials is the token endpoint's memory of credentials that it did not know: it is not asked again for a
// while, so that a client that signs in too early waits longer (seen with new federated credentials: Azure workload
// identity, issue 273).
type unknownCredentials struct {
	mu   sync.Mutex
	made map[string]time.Time // by tenant, client and credential
}

// remembered reports whether the token endpoint still holds that it does not know the credential.
func (a *API) remembered(r *http.Request, t *tenant.Tenant, form url.Values) bool {
	a.unknown.mu.Lock()
	defer a.unknown.mu.Unlock()
	at, refused := a.unknown.made[credentialIn(t, form)]
	return refused && !tenant.Bypasses(r) && at.After(a.world.Before(t, t.Lag.Refusals))
}

// notKnownYet are the refusals of what may be known a moment later.
var notKnownYet = []int{unknownKey.code, wrongSecret.code, untrustedIssuer.code, untrustedAudience.code,
	untrustedSubject.code, unmatchedExpression.code}

// remember notes that a credential was refused because it was not known.
func (a *API) remember(r *http.Request, t *tenant.Tenant, form url.Values, refusal *signInError) {
	if t.Lag.Refusals == 0 || !slices.Contains(notKnownYet, refusal.code) || a.remembered(r, t, form) {
		return
	}
	a.unknown.mu.Lock()
	defer a.unknown.mu.Unlock()
	a.unknown.made[credentialIn(t, form)] = a.world.Now()
}

// credentialIn tells credentials apart: by the secret's digest or by the header of the assertion, which names the key.
// Each tenant learns of them for itself.
func credentialIn(t *tenant.Tenant, form url.Values) string {
	header, _, _ := strings.Cut(form.Get("client_assertion"), ".")
	secret := sha256.Sum256([]byte(form.Get("client_secret")))
	return t.ID + "/" + strings.ToLower(form.Get("client_id")) + "/" + header + "/" + hex.EncodeToString(secret[:])
}
