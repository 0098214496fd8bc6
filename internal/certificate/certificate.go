// Package certificate generates, parses and validates RSA keys and certificates for application sign-in, and encodes
// them as PEM and PFX. It reads and writes no file.
package certificate

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"time"
)

// MinKeySize is the smallest RSA key, in bits, that CodeTwo Office 365 Migration accepts
// (CodeTwo: "The certificate used must have a key size of at least 2048 bits.").
const MinKeySize = 2048

// Pair is a certificate with the private key that belongs to it.
type Pair struct {
	Certificate *x509.Certificate
	Key         *rsa.PrivateKey
}

// Check returns an error if certificate and key do not belong together, or CodeTwo does not accept the key.
func (p *Pair) Check() error {
	if p == nil || p.Certificate == nil || p.Key == nil {
		return errors.New("the certificate or its private key is missing")
	}
	if err := CheckKey(p.Certificate); err != nil {
		return err
	}
	if !p.Key.PublicKey.Equal(p.Certificate.PublicKey) {
		return fmt.Errorf("the private key does not belong to the certificate %s", Thumbprint(p.Certificate))
	}
	return nil
}

// Template describes the certificate to generate.
type Template struct {
	CommonName string
	KeySize    int       // bits, at least MinKeySize
	NotBefore  time.Time // cut to whole seconds, as a certificate holds no fractions
	NotAfter   time.Time // likewise
}

// Generate makes an RSA key and a self-signed certificate (SHA-256).
//
// random feeds the serial number and the signature. The key always comes from the system's secure source: crypto/rsa
// ignores any other.
func Generate(random io.Reader, t Template) (*Pair, error) {
	if t.KeySize < MinKeySize {
		return nil, fmt.Errorf("key size %d: at least %d bits are needed", t.KeySize, MinKeySize)
	}
	if !t.NotAfter.After(t.NotBefore) {
		return nil, fmt.Errorf("the certificate would end (%s) before it begins (%s)",
			t.NotAfter.UTC().Format(time.RFC3339), t.NotBefore.UTC().Format(time.RFC3339))
	}
	key, err := rsa.GenerateKey(rand.Reader, t.KeySize)
	if err != nil {
		return nil, fmt.Errorf("generate an RSA key of %d bits: %w", t.KeySize, err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: t.CommonName},
		NotBefore:             t.NotBefore.UTC().Truncate(time.Second),
		NotAfter:              t.NotAfter.UTC().Truncate(time.Second),
		SignatureAlgorithm:    x509.SHA256WithRSA,
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(random, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign the certificate: %w", err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read the certificate just made: %w", err)
	}
	return &Pair{Certificate: parsed, Key: key}, nil
}

// KeySize returns the size of the certificate's RSA key in bits; 0 for another kind of key.
func KeySize(c *x509.Certificate) int {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		return 0
	}
	return key.N.BitLen()
}

// CheckKey returns an error if CodeTwo Office 365 Migration does not accept the certificate's key: RSA, at least
// MinKeySize bits.
func CheckKey(c *x509.Certificate) error {
	key, ok := c.PublicKey.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("the certificate %s has a key of type %s; CodeTwo needs an RSA key of at least %d bits",
			Thumbprint(c), c.PublicKeyAlgorithm, MinKeySize)
	}
	if bits := key.N.BitLen(); bits < MinKeySize {
		return fmt.Errorf("the certificate %s has an RSA key of %d bits; CodeTwo would refuse it with "+
			`"The certificate used must have a key size of at least 2048 bits."`, Thumbprint(c), bits)
	}
	return nil
}
