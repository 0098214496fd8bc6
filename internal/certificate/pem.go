package certificate

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// ParsePEM reads exactly one certificate, with a key that CodeTwo accepts. Text around it is ignored, since openssl
// writes some. A private key in the text is an error: a certificate's text is public and ends up in plans and state.
func ParsePEM(text string) (*x509.Certificate, error) {
	var found *x509.Certificate
	rest := []byte(text)
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case strings.Contains(block.Type, "PRIVATE KEY"):
			return nil, errors.New("the text holds a private key; give the certificate alone, and replace that key: it has " +
				"been shown where it does not belong")
		case block.Type != "CERTIFICATE":
			return nil, fmt.Errorf("the text holds a PEM block of type %q; a CERTIFICATE is needed", block.Type)
		case found != nil:
			return nil, errors.New("the text holds more than one certificate; give only the app's own, without its chain")
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("the certificate cannot be read: %w", err)
		}
		found = c
	}
	if strings.Contains(text, "PRIVATE KEY-----") {
		return nil, errors.New("the text holds a (damaged) private key; give the certificate alone")
	}
	if found == nil {
		return nil, errors.New(
			`the text holds no certificate; it begins with "-----BEGIN CERTIFICATE-----" ("Base-64 encoded X.509" in Windows)`)
	}
	if err := CheckKey(found); err != nil {
		return nil, err
	}
	return found, nil
}

// EncodePEM writes a certificate as a PEM block of type CERTIFICATE.
func EncodePEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}
