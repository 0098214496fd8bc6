package signin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// session is one identity in one tenant.
type session struct {
	credential azcore.TokenCredential
	tenantID   string
	clientID   string // empty when the credential alone knows
}

// Token returns an access token for the scope: from memory while it lives, else from Entra. The error is *Error when
// Entra refused.
func (s *session) Token(ctx context.Context, scope string) (Token, error) {
	ctx, note := withNote(ctx)
	token, err := s.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{scope}})
	if err != nil {
		return Token{}, s.explain(err, note)
	}
	return Token{Value: token.Token, ExpiresOn: token.ExpiresOn}, nil
}

// Roles reads the application permissions that an access token carries (its roles claim). The signature is not
// verified: whoever receives the token does that, and this only shows what it holds.
func Roles(token string) ([]string, error) {
	claims, err := decode(token)
	return claims.Roles, err
}

type claims struct {
	Roles    []string `json:"roles"`
	TenantID string   `json:"tid"`
}

// decode reads the payload of a JSON web token (RFC 7519). Its errors never quote the token.
func decode(token string) (claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, errors.New("the access token is not a JSON web token")
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return claims{}, errors.New("the access token's payload is not base64url")
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return claims{}, fmt.Errorf("the access token's payload does not hold the claims of an access token")
	}
	return c, nil
}
