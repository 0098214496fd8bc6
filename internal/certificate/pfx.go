package certificate

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"

	"software.sslmate.com/src/go-pkcs12"
)

// Encryption is how a PFX protects its content.
type Encryption int

// AES256 is PBES2 with AES-256 and an HMAC-SHA-256, for Windows Server 2019, Windows 10 1709, and later. Legacy is 3DES
// and SHA-1, for Windows Server 2016 or older, which reads nothing newer. String returns "aes256" or "legacy".
const (
	AES256 Encryption = iota
	Legacy
)

func (e Encryption) String() string {
	if e == Legacy {
		return "legacy"
	}
	return "aes256"
}

// EncryptionOf returns how a PFX made by EncodePFX is encrypted. It needs no password: it reads the digest of the
// integrity check, the only algorithm that is not encrypted. The error is ErrNotPFX.
func EncryptionOf(data []byte) (Encryption, error) {
	o, _, err := readOuter(data)
	if err != nil {
		return AES256, err
	}
	var check macData
	if _, err := asn1.Unmarshal(o.MacData.FullBytes, &check); err != nil {
		return AES256, ErrNotPFX
	}
	if check.Mac.Algorithm.Algorithm.Equal(sha1ID) {
		return Legacy, nil
	}
	return AES256, nil
}

// Errors of OpenPFX and DecodePFX.
var (
	ErrNotPFX       = errors.New("the file is not a PFX (PKCS #12)")
	ErrPassword     = errors.New("the password does not open the PFX")
	ErrNoPrivateKey = errors.New("the PFX does not hold exactly one private key with its certificate; export it from " +
		"Windows with \"Yes, export the private key\"")
	ErrUnsupported = errors.New("the PFX is of a kind that is not supported")
)

// EncodePFX packs a pair under a password, for import into Windows.
func EncodePFX(p *Pair, password string, e Encryption) ([]byte, error) {
	encoder := pkcs12.Modern2023
	if e == Legacy {
		encoder = pkcs12.LegacyDES
	}
	data, err := encoder.Encode(p.Key, p.Certificate, nil, password)
	if err != nil {
		return nil, fmt.Errorf("pack the certificate %s as a PFX: %w", Thumbprint(p.Certificate), err)
	}
	return data, nil
}

// DecodePFX is OpenPFX for a certificate that CodeTwo will sign in with. The error is OpenPFX's, ErrUnsupported for a
// key that is not RSA, or Pair.Check's.
func DecodePFX(data []byte, password string) (*Pair, error) {
	key, certificate, err := OpenPFX(data, password)
	if err != nil {
		return nil, err
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%w: its private key is not an RSA key, and CodeTwo needs one of at least %d bits",
			ErrUnsupported, MinKeySize)
	}
	pair := &Pair{Certificate: certificate, Key: private}
	if err := pair.Check(); err != nil {
		return nil, err
	}
	return pair, nil
}

// OpenPFX returns a PFX's private key, of any kind, with the certificate that belongs to it, and ignores other
// certificates. The error is ErrNotPFX, ErrPassword, ErrNoPrivateKey or ErrUnsupported. It takes about a second at
// most: a file that would take longer is ErrUnsupported, with the number and the limit.
func OpenPFX(data []byte, password string) (crypto.Signer, *x509.Certificate, error) {
	file, err := readPFX(data)
	if err != nil {
		return nil, nil, err
	}
	for _, r := range password {
		if r > 0xFFFF {
			return nil, nil, fmt.Errorf("%w: the password has a character that a PFX cannot have (outside Unicode's "+
				"basic plane)", ErrPassword)
		}
	}

	proved, err := file.prove(password)
	if err != nil {
		return nil, nil, err
	}
	if data, err = file.rearranged(proved); err != nil {
		return nil, nil, err
	}
	key, first, others, err := pkcs12.DecodeChain(data, password)
	var unsupported pkcs12.NotImplementedError
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return nil, nil, ErrPassword
	case errors.As(err, &unsupported):
		return nil, nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
	case err != nil:
		// The password was proved by the MAC: what is left is a content without key or certificate, or with several keys.
		return nil, nil, fmt.Errorf("%w (%w)", ErrNoPrivateKey, err)
	}

	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, nil, fmt.Errorf("%w: its private key cannot sign", ErrUnsupported)
	}
	public, ok := private.Public().(interface{ Equal(crypto.PublicKey) bool })
	for _, c := range append([]*x509.Certificate{first}, others...) {
		if ok && public.Equal(c.PublicKey) {
			return private, c, nil
		}
	}
	return nil, nil, fmt.Errorf("%w (its key belongs to none of its certificates)", ErrNoPrivateKey)
}

// passwordAlphabet leaves out what is easily misread (0 o, 1 l). It has 32 signs, so that a byte's low five bits choose
// evenly.
const passwordAlphabet = "abcdefghijkmnpqrstuvwxyz23456789"

// NewPassword makes a password of 28 letters and digits (140 random bits). A double click selects all of it, and none
// of its characters is special in a shell or in PowerShell.
func NewPassword(random io.Reader) (string, error) {
	password := make([]byte, 28)
	if _, err := io.ReadFull(random, password); err != nil {
		return "", fmt.Errorf("read random bytes for a password: %w", err)
	}
	for i, b := range password {
		password[i] = passwordAlphabet[b%32]
	}
	return string(password), nil
}
