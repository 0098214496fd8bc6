package graph

import (
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// rollRoutes are the operations by which an application rolls its own certificates. An application needs no permission
// for its own ones, so that the handler decides (Microsoft Graph: application-addkey, application-removekey,
// serviceprincipal-addkey, serviceprincipal-removekey).
var rollRoutes = []route{
	{http.MethodPost, "applications/{application}/addKey", nil, (*call).addKey},
	{http.MethodPost, "applications/{application}/removeKey", nil, (*call).removeKey},
	{http.MethodPost, "servicePrincipals/{principal}/addKey", nil, (*call).addKey},
	{http.MethodPost, "servicePrincipals/{principal}/removeKey", nil, (*call).removeKey},
}

// proofAudience and proofLifetime are what a proof has to be for, and how long it may be valid (Microsoft Graph:
// "Generate proof of possession tokens for rolling keys").
const (
	proofAudience = "00000002-0000-0000-c000-000000000000"
	proofLifetime = 10 * time.Minute
)

// rollKeys changes the keys of the object that the path names: the caller's own, or one that the caller may write. The
// request proves that the caller has one of its private keys.
func (c *call) rollKeys(change func(holder, map[string]json.RawMessage) *apiError) *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	c.ownOnly = false
	return c.changeCredentials(func(h holder) *apiError {
		owned := c.token.HasRole(appOwnedBy) && slices.Contains(h.owners, c.token.ServicePrincipalID)
		if !c.isCaller(h) && !owned && !c.token.HasRole(appReadWriteAll) && !c.token.HasRole(directoryWrite) {
			return denied()
		}
		proof, failure := decoded[string]("proof", h.resource, body["proof"])
		if failure != nil {
			return failure
		}
		if failure := c.checkProof(h, proof); failure != nil {
			return failure
		}
		return change(h, body)
	})
}

// isCaller reports whether an object is the caller's own.
func (c *call) isCaller(h holder) bool {
	return h.id == c.token.ServicePrincipalID || strings.EqualFold(h.appID, c.token.AppID)
}

// badProof's code is documented for one cause; for the others it is unconfirmed, and so are the status and the text.
func badProof(why string) *apiError {
	return &apiError{status: http.StatusUnauthorized, code: "Authentication_MissingOrMalformed",
		message: "Proof of possession is not valid: " + why + "."}
}

// checkProof verifies the JWT by which a caller shows that it has the private key of a certificate that the object
// already has. One without any cannot roll.
func (c *call) checkProof(h holder, proof string) *apiError {
	var claims jwt.RegisteredClaims
	unverified, _, err := jwt.NewParser().ParseUnverified(proof, &claims)
	if err != nil {
		return badProof("it is not a JSON Web Token")
	}
	key, known := token.SigningKey(*h.keys, unverified.Header)
	if !known || token.CheckKeyInDate(key, c.api.world.Now()) != nil {
		return badProof("it is signed with no valid key of the object")
	}
	public, isRSA := key.Certificate.PublicKey.(*rsa.PublicKey)
	if !isRSA {
		return badProof("the key is not an RSA key")
	}
	parser := jwt.NewParser(jwt.WithValidMethods(token.AssertionMethods), jwt.WithoutClaimsValidation())
	if _, err := parser.Parse(proof, func(*jwt.Token) (any, error) { return public, nil }); err != nil {
		return badProof("its signature is wrong")
	}
	now := c.api.world.WallClock()
	switch {
	case !slices.Contains(claims.Audience, proofAudience):
		return badProof("its audience is not " + proofAudience)
	case !strings.EqualFold(claims.Issuer, h.id):
		return badProof("its issuer is not the object's ID")
	case claims.NotBefore == nil || claims.ExpiresAt == nil || claims.ExpiresAt.Sub(claims.NotBefore.Time) > proofLifetime:
		return badProof("it must be valid from nbf for 10 minutes")
	case now.Before(claims.NotBefore.Add(-token.AssertionSkew)) || now.After(claims.ExpiresAt.Add(token.AssertionSkew)):
		return badProof("it is not valid now")
	}
	return nil
}

func (c *call) addKey() *apiError {
	var made tenant.KeyCredential
	failure := c.rollKeys(func(h holder, body map[string]json.RawMessage) *apiError {
		entry, failure := decoded[keyRequest]("keyCredential", h.resource, body["keyCredential"])
		if failure != nil {
			return failure
		}
		var password *passwordRequest
		if raw := body["passwordCredential"]; raw != nil {
			if password, failure = decoded[*passwordRequest]("passwordCredential", h.resource, raw); failure != nil {
				return failure
			}
		}
		made, failure = c.rollIn(h, entry, password)
		return failure
	})
	if failure != nil {
		return failure
	}
	e := keyEntity(made, false)
	e["@odata.context"] = c.link("$metadata#microsoft.graph.keyCredential")
	return c.write(http.StatusOK, e)
}

// rollIn adds a key to those of an object. A private key that signs tokens comes with its password.
func (c *call) rollIn(h holder, entry keyRequest, password *passwordRequest) (tenant.KeyCredential, *apiError) {
	var passwords []passwordRequest
	if password != nil && password.SecretText != nil {
		if entry.KeyID == nil {
			entry.KeyID = new(uuid.NewString())
		}
		password.KeyID = entry.KeyID
		passwords = append(passwords, *password)
	}
	made, failure := c.newKey(h, entry, passwords)
	if failure != nil {
		return made, failure
	}
	*h.keys = append(slices.Clone(*h.keys), made)
	if made.Type == privateKey {
		*h.passwords = append(slices.Clone(*h.passwords), password.ofPrivateKey())
	}
	return made, nil
}

func (c *call) removeKey() *apiError {
	failure := c.rollKeys(func(h holder, body map[string]json.RawMessage) *apiError {
		keyID, failure := decoded[string]("keyId", h.resource, body["keyId"])
		if failure != nil {
			return failure
		}
		left := slices.DeleteFunc(slices.Clone(*h.keys), func(k tenant.KeyCredential) bool {
			return strings.EqualFold(k.KeyID, keyID)
		})
		if len(left) == len(*h.keys) {
			return refuse(badRequest, "No credentials found to be removed.") // unconfirmed
		}
		*h.keys = left
		return nil
	})
	if failure != nil {
		return failure
	}
	return c.noContent()
}
