package certificate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

var start = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)

// pair is generated once: a key of 2048 bits takes a while.
var pair = sync.OnceValue(func() *Pair {
	p, err := Generate(rand.Reader, Template{CommonName: "CodeTwo Target", KeySize: 2048, NotBefore: start,
		NotAfter: start.AddDate(5, 0, 0)})
	if err != nil {
		panic(err)
	}
	return p
})

func TestGeneratedCertificateSignsItselfWithSHA256AndHoldsWhatWasAsked(t *testing.T) {
	c := pair().Certificate
	if c.SignatureAlgorithm != x509.SHA256WithRSA || c.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("algorithm %s, usage %b", c.SignatureAlgorithm, c.KeyUsage)
	}
	if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		t.Errorf("it is not signed by its own key: %v", err)
	}
	if c.Subject.CommonName != "CodeTwo Target" || !c.NotBefore.Equal(start) || !c.NotAfter.Equal(start.AddDate(5, 0, 0)) {
		t.Errorf("got %s, %s to %s", c.Subject, c.NotBefore, c.NotAfter)
	}
	if err := pair().Check(); err != nil {
		t.Error(err)
	}
}

func TestGenerateRefusesWhatCodeTwoOrEntraWouldRefuse(t *testing.T) {
	for name, template := range map[string]Template{
		"a small key":           {KeySize: 1024, NotBefore: start, NotAfter: start.AddDate(1, 0, 0)},
		"an end before the day": {KeySize: 2048, NotBefore: start, NotAfter: start},
	} {
		if _, err := Generate(rand.Reader, template); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestThumbprintForgivesHowPeopleCopyIt(t *testing.T) {
	const want = "A1B2C3D4E5F60718293A4B5C6D7E8F9001122334"
	for _, s := range []string{
		want,
		strings.ToLower(want),
		"\u200ea1 b2 c3 d4 e5 f6 07 18 29 3a 4b 5c 6d 7e 8f 90 01 12 23 34",
		"A1:B2:C3:D4:E5:F6:07:18:29:3A:4B:5C:6D:7E:8F:90:01:12:23:34\r\n",
		"\ufeffA1B2C3D4-E5F60718-293A4B5C-6D7E8F90-01122334\u00a0",
	} {
		if got, err := NormalizeThumbprint(s); err != nil || got != want {
			t.Errorf("%q: %q, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "A1B2", want + "00", want[:39] + "G", "O" + want[1:], strings.Repeat("ab", 32)} {
		if got, err := NormalizeThumbprint(s); err == nil {
			t.Errorf("%q is taken for %q", s, got)
		}
	}
}

func TestPEMComesBackAsItWasWritten(t *testing.T) {
	c, err := ParsePEM("Bag Attributes\n  friendlyName: target\n" + EncodePEM(pair().Certificate))
	if err != nil || !c.Equal(pair().Certificate) {
		t.Errorf("%v", err)
	}
}

func TestPEMRefusesPrivateKeysWithoutShowingThem(t *testing.T) {
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(pair().Key)})
	damaged := bytes.Replace(key, []byte("MII"), []byte("!!!"), 1)
	for name, text := range map[string]string{
		"key first":         string(key) + EncodePEM(pair().Certificate),
		"certificate first": EncodePEM(pair().Certificate) + string(key),
		"damaged key":       EncodePEM(pair().Certificate) + string(damaged),
	} {
		_, err := ParsePEM(text)
		if err == nil || !strings.Contains(err.Error(), "private key") || strings.Contains(err.Error(), string(key[60:90])) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPEMRefusesChainsAndEverythingElse(t *testing.T) {
	one := EncodePEM(pair().Certificate)
	for name, text := range map[string]string{
		"two certificates": one + one,
		"nothing":          "",
		"bare base64":      strings.Join(strings.Split(one, "\n")[1:4], ""),
		"a request":        strings.ReplaceAll(one, "CERTIFICATE", "CERTIFICATE REQUEST"),
		"garbage inside":   "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"an elliptic key":  EncodePEM(selfSigned(t, newECKey(t))),
		"a small key":      EncodePEM(selfSigned(t, smallKey(t))),
	} {
		if _, err := ParsePEM(text); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestSmallKeyIsAnsweredWithCodeTwosOwnWords(t *testing.T) {
	err := CheckKey(selfSigned(t, smallKey(t)))
	if err == nil || !strings.Contains(err.Error(), "The certificate used must have a key size of at least 2048 bits.") {
		t.Errorf("%v", err)
	}
}

func TestPFXComesBackWithItsKeyInBothEncryptions(t *testing.T) {
	for name, encryption := range map[string]Encryption{"AES256": AES256, "Legacy": Legacy} {
		t.Run(name, func(t *testing.T) {
			password, err := NewPassword(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			data, err := EncodePFX(pair(), password, encryption)
			if err != nil {
				t.Fatal(err)
			}
			back, err := DecodePFX(data, password)
			if err != nil || !back.Certificate.Equal(pair().Certificate) || !back.Key.Equal(pair().Key) {
				t.Errorf("it does not come back: %v", err)
			}
			if told, err := EncryptionOf(data); err != nil || told != encryption {
				t.Errorf("it is told to be %s, %v", told, err)
			}
			if _, err := EncryptionOf(data[:len(data)/2]); !errors.Is(err, ErrNotPFX) {
				t.Errorf("half of it is %v", err)
			}
		})
	}
}

func TestPFXGivesTheCertificateOfItsKeyWhereverTheChainPutsIt(t *testing.T) {
	issuer := selfSigned(t, newECKey(t))
	data, err := pkcs12.Modern2023.Encode(pair().Key, issuer, []*x509.Certificate{pair().Certificate}, "Pa55")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodePFX(data, "Pa55"); err != nil || !got.Certificate.Equal(pair().Certificate) {
		t.Errorf("%v", err)
	}
}

func TestPFXErrorsTellWhatIsWrong(t *testing.T) {
	good, err := EncodePFX(pair(), "right", AES256)
	if err != nil {
		t.Fatal(err)
	}
	withoutKey, err := pkcs12.Modern2023.EncodeTrustStore([]*x509.Certificate{pair().Certificate}, "right")
	if err != nil {
		t.Fatal(err)
	}
	withoutCheck, err := pkcs12.Passwordless.Encode(pair().Key, pair().Certificate, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data     []byte
		password string
		want     error
	}{
		"a wrong password":          {good, "wrong", ErrPassword},
		"no password":               {good, "", ErrPassword},
		"a password beyond the BMP": {good, "🔑", ErrPassword},
		"a PEM file":                {[]byte(EncodePEM(pair().Certificate)), "right", ErrNotPFX},
		"a DER certificate":         {pair().Certificate.Raw, "right", ErrNotPFX},
		"half a file":               {good[:len(good)/2], "right", ErrNotPFX},
		"an empty file":             {nil, "right", ErrNotPFX},
		"a certificate without key": {withoutKey, "right", ErrNoPrivateKey},
		"no integrity check":        {withoutCheck, "right", ErrUnsupported},
	} {
		if _, err := DecodePFX(c.data, c.password); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPFXWithASmallKeyIsRefused(t *testing.T) {
	key := smallKey(t)
	data, err := EncodePFX(&Pair{Certificate: selfSigned(t, key), Key: key}, "right", AES256)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := DecodePFX(data, "right"); err == nil || p != nil || !strings.Contains(err.Error(), "2048") {
		t.Errorf("%v", err)
	}
}

func TestAKeyThatCodeTwoRefusesIsStillOpened(t *testing.T) {
	key := newECKey(t)
	data, err := pkcs12.Modern2023.Encode(key, selfSigned(t, key), nil, "right")
	if err != nil {
		t.Fatal(err)
	}
	if opened, c, err := OpenPFX(data, "right"); err != nil || !key.Equal(opened) || !key.PublicKey.Equal(c.PublicKey) {
		t.Errorf("opened %T, %v", opened, err)
	}
	if _, err := DecodePFX(data, "right"); !errors.Is(err, ErrUnsupported) || !strings.Contains(err.Error(), "RSA") {
		t.Errorf("for CodeTwo: %v", err)
	}
}

func TestPasswordsAreLongDifferentAndNeedNoQuotes(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		password, err := NewPassword(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if len(password) != 28 || strings.Trim(password, passwordAlphabet) != "" || seen[password] {
			t.Fatalf("%q", password)
		}
		seen[password] = true
	}
	if _, err := NewPassword(strings.NewReader("short")); err == nil {
		t.Error("a source that runs dry is not noticed")
	}
}

func newECKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func smallKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func selfSigned(t *testing.T, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "other"}, NotBefore: start,
		NotAfter: start.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
