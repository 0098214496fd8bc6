package graph

import (
	"crypto/rsa"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// rollRoutes are the operations by which an application rolls its own certificates. An application needs no permission
// for its own ones, so that the handler decides (Microsoft Graph: application-addkey, application-removekey).
var rollRoutes = []route{
	{http.MethodPost, "applications/{application}/addKey", nil, (*call).addKey},
	{http.MethodPost, "applications/{application}/removeKey", nil, (*call).removeKey},
}

// proofAudience and proofLifetime are what a proof has to be for, and how long it may be valid (Microsoft Graph:
// "Generate proof of possession tokens for rolling keys").
const (
	proofAudience = "00000002-0000-0000-c000-000000000000"
	proofLifetime = 10 * time.Minute
)

// findRolled finds the application whose keys are rolled: the caller's own, or one that the caller may write.
func (c *call) findRolled() (tenant.Application, *apiError) {
	c.ownOnly = false
	found, failure := c.findApplication(tenant.Present())
	if failure != nil {
		return found, failure
	}
	own := strings.EqualFold(found.AppID, c.token.AppID)
	owned := c.token.HasRole(appOwnedBy) && slices.Contains(found.Owners, c.token.ServicePrincipalID)
	if !own && !owned && !c.token.HasRole(appReadWriteAll) && !c.token.HasRole(directoryWrite) {
		return found, denied()
	}
	return found, nil
}

// badProof's code is documented for one cause; for the others it is unconfirmed, and so are the status and the text.
func badProof(why string) *apiError {
	return &apiError{status: http.StatusUnauthorized, code: "Authentication_MissingOrMalformed",
		message: "Proof of possession is not valid: " + why + "."}
}

// checkProof verifies the JWT by which a caller shows that it has the private key of a certificate that the application
// already has. An application without one cannot roll.
func (c *call) checkProof(a tenant.Application, proof string) *apiError {
	var claims jwt.RegisteredClaims
	unverified, _, err := jwt.NewParser().ParseUnverified(proof, &claims)
	if err != nil {
		return badProof("it is not a JSON Web Token")
	}
	key, known := token.SigningKey(a, unverified.Header)
	if !known || token.CheckKeyInDate(key, c.api.world.Now()) != nil {
		return badProof("it is signed with no valid key of the application")
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
	case !strings.EqualFold(claims.Issuer, a.ID):
		return badProof("its issuer is not the application's object ID")
	case claims.NotBefore == nil || claims.ExpiresAt == nil || claims.ExpiresAt.Sub(claims.NotBefore.Time) > proofLifetime:
		return badProof("it must be valid from nbf for 10 minutes")
	case now.Before(claims.NotBefore.Add(-token.AssertionSkew)) || now.After(claims.ExpiresAt.Add(token.AssertionSkew)):
		return badProof("it is not valid now")
	}
	return nil
}

func (c *call) addKey() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := c.findRolled()
	if failure != nil {
		return failure
	}
	proof, failure := decoded[string]("proof", "Application", body["proof"])
	if failure != nil {
		return failure
	}
	if failure := c.checkProof(changed, proof); failure != nil {
		return failure
	}
	entry, failure := decoded[keyRequest]("keyCredential", "Application", body["keyCredential"])
	if failure != nil {
		return failure
	}
	made, failure := c.newKey(&changed, entry)
	if failure != nil {
		return failure
	}
	changed.Keys = append(slices.Clone(changed.Keys), made)
	c.tenant.Directory.Applications.Put(c.api.world.Now(), changed.ID, changed)
	e := keyEntity(made, false)
	e["@odata.context"] = c.link("$metadata#microsoft.graph.keyCredential")
	return c.write(http.StatusOK, e)
}

func (c *call) removeKey() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	changed, failure := c.findRolled()
	if failure != nil {
		return failure
	}
	proof, failure := decoded[string]("proof", "Application", body["proof"])
	if failure != nil {
		return failure
	}
	keyID, failure := decoded[string]("keyId", "Application", body["keyId"])
	if failure != nil {
		return failure
	}
	if failure := c.checkProof(changed, proof); failure != nil {
		return failure
	}
	left := slices.DeleteFunc(slices.Clone(changed.Keys), func(k tenant.KeyCredential) bool {
		return strings.EqualFold(k.KeyID, keyID)
	})
	if len(left) == len(changed.Keys) {
		return refuse(badRequest, "No credentials found to be removed.") // unconfirmed
	}
	changed.Keys = left
	c.tenant.Directory.Applications.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}
