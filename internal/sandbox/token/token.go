// Package token issues and verifies simulated access tokens, and looks up the keys that verify client assertions.
package token

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// Lifetime is what the token endpoint says in expires_in. Entra draws 60 to 90 minutes (Microsoft identity
// platform: access tokens); the shortest is the strictest.
const Lifetime = 3599 * time.Second

// backdating is how far before its issuance a token begins to be valid, as Entra's are, for the sake of slow clocks.
const backdating = 5 * time.Minute

// Issuer signs and reads the access tokens of all tenants of a sandbox.
type Issuer struct {
	world *tenant.World
	key   *rsa.PrivateKey
	keyID string
}

// NewIssuer makes the key that signs the tokens.
func NewIssuer(world *tenant.World) (*Issuer, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making the key that signs the sandbox's tokens: %w", err)
	}
	digest := sha1.Sum(key.N.Bytes())
	return &Issuer{world: world, key: key, keyID: base64.RawURLEncoding.EncodeToString(digest[:])}, nil
}

// JSONWebKey is a public key as the jwks_uri serves it (RFC 7517).
type JSONWebKey struct {
	KeyType   string `json:"kty"`
	Use       string `json:"use"`
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg"`
	Modulus   string `json:"n"`
	Exponent  string `json:"e"`
}

// PublicKey is the key that verifies the tokens.
func (i *Issuer) PublicKey() JSONWebKey {
	return JSONWebKey{
		KeyType: "RSA", Use: "sig", KeyID: i.keyID, Algorithm: jwt.SigningMethodRS256.Alg(),
		Modulus:  base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()),
		Exponent: base64.RawURLEncoding.EncodeToString(big.NewInt(int64(i.key.E)).Bytes()),
	}
}

// AccessToken is what a valid bearer token says.
type AccessToken struct {
	TenantID           string
	AppID              string
	DisplayName        string // of the application
	ServicePrincipalID string
	Roles              []string // names of the application permissions, as granted when the token was issued
	Audience           string   // such as https://graph.microsoft.com, without a slash at the end
	Expires            time.Time
}

// HasRole reports whether an application permission was granted when the token was issued.
func (t *AccessToken) HasRole(name string) bool { return slices.Contains(t.Roles, name) }

// Asker is whom the token was issued to, for the log.
func (t *AccessToken) Asker() *tenant.Asker {
	return &tenant.Asker{Name: t.DisplayName, ClientID: t.AppID, ObjectID: t.ServicePrincipalID}
}

// Fault says why a bearer token is no good. Each API has its own words for it.
type Fault struct{ Reason Reason }

// Reason is one of the constants below.
type Reason string

// Why a bearer token is no good.
const (
	Missing      Reason = "missing"
	Malformed    Reason = "malformed"
	BadSignature Reason = "bad signature"
	Expired      Reason = "expired"
)

// accessClaims are the claims of an app-only token in the v1.0 format, which Graph and Exchange Online are given
// whatever version the token endpoint has (Microsoft identity platform: access token claims reference; the set of
// claims as seen in a token for Graph, and unconfirmed in one for Exchange).
type accessClaims struct {
	Audience       string           `json:"aud"` // always one string here; RFC 7519 also allows a list
	Issuer         string           `json:"iss"`
	IssuedAt       *jwt.NumericDate `json:"iat"`
	NotBefore      *jwt.NumericDate `json:"nbf"`
	Expires        *jwt.NumericDate `json:"exp"`
	DisplayName    string           `json:"app_displayname"`
	AppID          string           `json:"appid"`
	AuthMethod     string           `json:"appidacr"` // 1: a secret; 2: a certificate
	IdentitySource string           `json:"idp"`
	Type           string           `json:"idtyp"`
	ObjectID       string           `json:"oid"`
	Roles          []string         `json:"roles,omitempty"`
	Subject        string           `json:"sub"`
	Region         string           `json:"tenant_region_scope"`
	TenantID       string           `json:"tid"`
	UniqueID       string           `json:"uti"`
	Version        string           `json:"ver"`
	DirectoryRoles []string         `json:"wids"`
	TenantCreated  int64            `json:"xms_tcdt"` // seconds since 1970
}

func (c accessClaims) GetExpirationTime() (*jwt.NumericDate, error) { return c.Expires, nil }
func (c accessClaims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.IssuedAt, nil }
func (c accessClaims) GetNotBefore() (*jwt.NumericDate, error)      { return c.NotBefore, nil }
func (c accessClaims) GetIssuer() (string, error)                   { return c.Issuer, nil }
func (c accessClaims) GetSubject() (string, error)                  { return c.Subject, nil }
func (c accessClaims) GetAudience() (jwt.ClaimStrings, error) {
	return jwt.ClaimStrings{c.Audience}, nil
}

// defaultDirectoryRole is in the wids claim of every app-only token (observed; undocumented).
const defaultDirectoryRole = "0997a1d0-0d1d-4acb-b408-d5ca73121e90"

// Issue signs an access token for an application's presence in a tenant. The audience is the resource's URI, the
// roles are the names of the permissions that are granted on that resource.
func (i *Issuer) Issue(t *tenant.Tenant, principal tenant.ServicePrincipal, method, audience string,
	roles []string) (string, error) {
	issuer := "https://sts.windows.net/" + t.ID + "/"
	issued := i.world.Now().Add(-backdating)
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, accessClaims{
		Audience:       audience,
		Issuer:         issuer,
		IssuedAt:       jwt.NewNumericDate(issued),
		NotBefore:      jwt.NewNumericDate(issued),
		Expires:        jwt.NewNumericDate(i.world.Now().Add(Lifetime)),
		DisplayName:    principal.DisplayName,
		AppID:          principal.AppID,
		AuthMethod:     method,
		IdentitySource: issuer,
		Type:           "app",
		ObjectID:       principal.ID,
		Roles:          roles,
		Subject:        principal.ID,
		Region:         "EU",
		TenantID:       t.ID,
		UniqueID:       strings.ReplaceAll(uuid.NewString(), "-", "")[:22],
		Version:        "1.0",
		DirectoryRoles: []string{defaultDirectoryRole},
		TenantCreated:  tenant.Created.Unix(),
	})
	token.Header["kid"] = i.keyID
	token.Header["x5t"] = i.keyID
	signed, err := token.SignedString(i.key)
	if err != nil {
		return "", fmt.Errorf("signing an access token: %w", err)
	}
	return signed, nil
}

// Verify reads the bearer token of an Authorization header, with or without the word Bearer before it. Whether
// the token is meant for the API at hand, the API decides by its Audience. A token is valid until it expires, whatever
// becomes of the application in the meantime, as it does on the real APIs without continuous access evaluation.
func (i *Issuer) Verify(bearer string) (*AccessToken, *Fault) {
	text := strings.TrimSpace(bearer)
	if len(text) >= len("Bearer") && strings.EqualFold(text[:len("Bearer")], "Bearer") {
		text = strings.TrimSpace(text[len("Bearer"):])
	}
	if text == "" {
		return nil, &Fault{Missing}
	}
	var claims accessClaims
	_, err := jwt.ParseWithClaims(text, &claims,
		func(*jwt.Token) (any, error) { return &i.key.PublicKey, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodRS256.Alg()}),
		jwt.WithTimeFunc(i.world.Now),
		jwt.WithExpirationRequired(),
	)
	switch {
	case err == nil:
		return &AccessToken{
			TenantID:           claims.TenantID,
			AppID:              claims.AppID,
			DisplayName:        claims.DisplayName,
			ServicePrincipalID: claims.ObjectID,
			Roles:              claims.Roles,
			Audience:           claims.Audience,
			Expires:            claims.Expires.Time,
		}, nil
	case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenNotValidYet):
		return nil, &Fault{Expired}
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, &Fault{BadSignature}
	default:
		return nil, &Fault{Malformed}
	}
}
