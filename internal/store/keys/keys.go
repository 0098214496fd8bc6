// Package keys packs a certificate with its private key as a PFX file under a random password of its own, and opens it
// again.
package keys

import (
	"crypto/rand"
	"fmt"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/certificate"
)

// Pack packs a pair under a new password.
func Pack(p *certificate.Pair, e certificate.Encryption) (pfx []byte, password string, err error) {
	if password, err = certificate.NewPassword(rand.Reader); err != nil {
		return nil, "", err
	}
	pfx, err = certificate.EncodePFX(p, password, e)
	return pfx, password, err
}

// Open opens a PFX, and holds that its certificate has the thumbprint (SHA-1, 40 upper-case hex digits).
func Open(pfx []byte, password, thumbprint string) (*certificate.Pair, error) {
	pair, err := certificate.DecodePFX(pfx, password)
	if err != nil {
		return nil, err
	}
	if found := certificate.Thumbprint(pair.Certificate); found != thumbprint {
		return nil, fmt.Errorf("it holds the certificate %s", found)
	}
	return pair, nil
}
