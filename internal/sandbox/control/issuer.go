package control

import (
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
)

// issuerPut is another identity provider with its public keys: what its jwks_uri would serve.
type issuerPut struct {
	Issuer string      `json:"issuer"` // as its tokens name it, such as https://token.actions.githubusercontent.com
	Keys   []issuerKey `json:"keys"`
}

// issuerKey is a JSON Web Key (RFC 7517), of which the sandbox reads RSA keys.
type issuerKey struct {
	KeyType   string `json:"kty"`
	Use       string `json:"use,omitempty"`
	KeyID     string `json:"kid"`
	Algorithm string `json:"alg,omitempty"`
	Modulus   string `json:"n"` // base64url without padding
	Exponent  string `json:"e"`
}

func (k issuerKey) public() (*rsa.PublicKey, error) {
	modulus, err := base64.RawURLEncoding.DecodeString(k.Modulus)
	if err != nil {
		return nil, fmt.Errorf("n: %w", err)
	}
	exponent, err := base64.RawURLEncoding.DecodeString(k.Exponent)
	if err != nil {
		return nil, fmt.Errorf("e: %w", err)
	}
	e := new(big.Int).SetBytes(exponent)
	if k.KeyType != "RSA" || k.KeyID == "" || len(modulus) < 256 || !e.IsInt64() || e.Int64() < 3 || e.Int64() > 1<<31-1 {
		return nil, fmt.Errorf("%q is not an RSA key of at least 2048 bits with a kid", k.KeyID)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(e.Int64())}, nil
}

// putIssuer tells the token endpoint the keys of another identity provider, whose tokens federated credentials trust,
// and replaces those that were told before.
func (a *API) putIssuer(w http.ResponseWriter, r *http.Request) {
	var request issuerPut
	if err := readControl(r, &request); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	if !strings.HasPrefix(request.Issuer, "https://") {
		refuseControl(w, http.StatusBadRequest, fmt.Errorf("issuer: %q does not begin with https://", request.Issuer))
		return
	}
	keys := map[string]*rsa.PublicKey{}
	for _, key := range request.Keys {
		public, err := key.public()
		if err != nil {
			refuseControl(w, http.StatusBadRequest, fmt.Errorf("keys: %w", err))
			return
		}
		keys[key.KeyID] = public
	}
	a.world.Issuers.Put(request.Issuer, keys)
	writeControl(w, http.StatusOK, request)
}
