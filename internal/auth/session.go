package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/semaphore"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// session is one identity in one tenant.
type session struct {
	build    func() (azcore.TokenCredential, error)
	note     *note // of the sign-in that holds asking
	tenantID string
	clientID string // empty when the credential alone knows

	// asking serializes the calls of the credential, which does so itself, but with a mutex that ignores deadlines.
	asking *semaphore.Weighted

	mu         sync.Mutex
	credential azcore.TokenCredential // nil: its tokens are forgotten
	given      map[string]string      // the last token, by scope
}

// newSession builds the credential, which makes no request.
func newSession(w wire, tenantID, clientID string, build builder) (*session, error) {
	w.note = &note{}
	again := func() (azcore.TokenCredential, error) { return build(w, tenantID) }
	credential, err := again()
	if err != nil {
		return nil, err
	}
	return &session{
		build: again, note: w.note, tenantID: tenantID, clientID: clientID,
		asking: semaphore.NewWeighted(1), credential: credential, given: map[string]string{},
	}, nil
}

// Token returns an access token for the scope: from memory while it is valid, otherwise from Entra. The error is *Error
// if Entra refused.
func (s *session) Token(ctx context.Context, scope string) (Token, error) {
	if err := s.asking.Acquire(ctx, 1); err != nil {
		return Token{}, s.failed(fmt.Errorf("waiting for another sign-in to end: %w", err))
	}
	defer s.asking.Release(1)
	s.note.begin()
	credential, err := s.current()
	if err != nil {
		return Token{}, s.explain(err)
	}
	if _, limited := ctx.Deadline(); !limited {
		// Microsoft's client library allows itself 30 seconds where nobody allows it anything.
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, retry.LongestPause)
		defer cancel()
	}
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return Token{}, s.explain(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.given[scope] = token.Token
	return Token{Value: token.Token, ExpiresOn: token.ExpiresOn}, nil
}

// current returns the credential, a new one where the tokens of the one before were forgotten: Microsoft's client
// library has no other way to drop a token that it believes to be alive. The caller holds asking.
func (s *session) current() (azcore.TokenCredential, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.credential == nil {
		credential, err := s.build()
		if err != nil {
			return nil, err
		}
		s.credential = credential
	}
	return s.credential, nil
}

// Forget drops an access token that an API refused with HTTP 401, so that the next Token asks for another one. A token
// that is not the last one issued is already forgotten: if many requests were refused together, only one new token is
// requested. The caches of the Azure CLI and of a managed identity's endpoint are out of reach: the same token may come
// back.
func (s *session) Forget(refused string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for scope, token := range s.given {
		if token == refused {
			delete(s.given, scope)
			s.credential = nil
		}
	}
}

// Roles reads the application permissions that an access token carries (its roles claim). The signature is not
// verified: the API that receives the token does that, and this only shows what it contains.
func Roles(token string) ([]string, error) {
	claims, err := claimsOf(token)
	return claims.Roles, err
}

type claims struct {
	jwt.RegisteredClaims
	Roles    []string `json:"roles"`
	TenantID string   `json:"tid"`
}

// claimsOf reads the claims of an access token, without verifying its signature: that takes no key and no algorithm.
// Its errors never quote the token.
func claimsOf(token string) (claims, error) {
	var c claims
	_, _, err := jwt.NewParser(jwt.WithPaddingAllowed()).ParseUnverified(token, &c)
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) {
		return claims{}, errors.New("the access token is not a JSON web token (JWT) with the claims of an access token")
	}
	return c, nil
}
