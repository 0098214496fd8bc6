package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// unknownCredentials is the token endpoint's memory of credentials that it did not know: it is not asked again for a while, so
// that whoever signs in too early waits longer (seen with new federated credentials: Azure workload identity, issue 273).
type unknownCredentials struct {
	mu   sync.Mutex
	made map[string]time.Time // by client and credential
}

// remembered tells whether the token endpoint still holds that it does not know the credential.
func (s *Server) remembered(r *http.Request, t *Tenant, form url.Values) bool {
	s.unknown.mu.Lock()
	defer s.unknown.mu.Unlock()
	at, refused := s.unknown.made[credentialIn(form)]
	return refused && !isCalm(r) && at.After(s.before(t, s.profile.refusals))
}

// remember notes that a credential was refused because it was not known.
func (s *Server) remember(r *http.Request, t *Tenant, form url.Values, refusal *signInError) {
	if s.profile.refusals == 0 || refusal.code != unknownKey.code && refusal.code != wrongSecret.code || s.remembered(r, t, form) {
		return
	}
	s.unknown.mu.Lock()
	defer s.unknown.mu.Unlock()
	if s.unknown.made == nil {
		s.unknown.made = map[string]time.Time{}
	}
	s.unknown.made[credentialIn(form)] = s.now()
}

// credentialIn tells credentials apart: by the secret's digest or by the header of the assertion, which names the key.
func credentialIn(form url.Values) string {
	header, _, _ := strings.Cut(form.Get("client_assertion"), ".")
	secret := sha256.Sum256([]byte(form.Get("client_secret")))
	return strings.ToLower(form.Get("client_id")) + "/" + header + "/" + hex.EncodeToString(secret[:])
}
