package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// Caller is the identity that runs the provider, in every tenant that it works on. It is safe for concurrent use.
type Caller struct {
	identity Identity
	build    builder
	wire     wire

	mu       sync.Mutex
	sessions map[string]*session // by lower-case tenant ID
}

// NewCaller checks the identity and reads its files. It makes no request. The errors say what cannot be used, and never
// hold a secret.
func NewCaller(identity Identity, endpoints Endpoints, client *http.Client, retries retry.Policy) (*Caller, error) {
	if identity.Credential == nil {
		return nil, errors.New("the identity has no credential")
	}
	if ambient(identity.Credential) && !endpoints.Global() {
		return nil, fmt.Errorf("%s cannot sign in to %s: it is an identity of this machine in Microsoft's own cloud, and "+
			"is not shown to other endpoints. Sign in with a client secret or a client certificate there",
			identity.Credential.Kind(), endpoints.Login)
	}
	build, err := newBuilder(identity)
	if err != nil {
		return nil, err
	}
	w := wire{endpoints: endpoints, client: client, retries: retries}
	return &Caller{identity: identity, build: build, wire: w, sessions: map[string]*session{}}, nil
}

// Token returns an access token for the scope in the tenant (a GUID): from memory while it is valid, otherwise from
// Entra. The error is *Error if Entra refused.
func (c *Caller) Token(ctx context.Context, tenantID, scope string) (Token, error) {
	s, err := c.session(tenantID)
	if err != nil {
		return Token{}, err
	}
	return s.Token(ctx, scope)
}

// Forget drops an access token of the tenant that an API refused with HTTP 401, so that the next Token asks for another
// one. The caller then gets another one and repeats the request once; a second 401 is final. If many callers forget the
// same token, it is replaced once. Forget makes no request, and ignores a token that it does not know or has already
// forgotten.
func (c *Caller) Forget(tenantID, refused string) {
	c.mu.Lock()
	s, ok := c.sessions[strings.ToLower(tenantID)]
	c.mu.Unlock()
	if ok {
		s.Forget(refused)
	}
}

// session returns the tenant's own credential. A credential lets one request through at a time, and the ones behind it
// find their token in memory: so one per tenant keeps tenants parallel, and asks Entra once for what many want.
func (c *Caller) session(tenantID string) (*session, error) {
	if tenantID == "" {
		return nil, errors.New("no tenant to sign in to: set tenant_id on the resource or on the provider")
	}
	if _, ok := c.identity.Credential.(ManagedIdentity); ok && c.identity.TenantID != "" &&
		!strings.EqualFold(c.identity.TenantID, tenantID) {
		return nil, foreignManagedIdentity(c.identity.TenantID, tenantID)
	}
	key := strings.ToLower(tenantID)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.sessions[key]; ok {
		return s, nil
	}
	s, err := newSession(c.wire, tenantID, c.identity.ClientID, c.build)
	if err != nil {
		return nil, fmt.Errorf("preparing to sign in to tenant %s with %s: %w", tenantID, c.identity.Credential.Kind(), err)
	}
	c.sessions[key] = s
	return s, nil
}

// foreignManagedIdentity explains why a managed identity cannot do what a multi-tenant application can (Microsoft:
// "Managed identities for Azure resources frequently asked questions").
func foreignManagedIdentity(home, wanted string) error {
	return fmt.Errorf("a managed identity signs in to its own tenant only: this one belongs to %s, and tenant %s was "+
		"asked for. Use a multi-tenant application with a client secret, a client certificate or OIDC for other tenants",
		home, wanted)
}
