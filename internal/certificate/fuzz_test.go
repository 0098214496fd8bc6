package certificate

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// marks are what surrounds or separates the digits where people copy a thumbprint from.
var marks = []string{" ", ":", "-", "\t", "\r\n", "\u00a0", "\u200e", "\ufeff", "\u2003"}

func FuzzAThumbprintIsTheSameHoweverItIsCopied(f *testing.F) {
	f.Add([]byte("12345678901234567890"), []byte{0, 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(bytes.Repeat([]byte{0xff}, 20), []byte{200, 100, 0})
	f.Add(make([]byte, 20), []byte(nil))
	f.Fuzz(func(t *testing.T, digits, noise []byte) {
		var digest [20]byte
		copy(digest[:], digits)
		want := fmt.Sprintf("%X", digest)
		copied := strings.ToLower(want)
		for _, n := range noise {
			at := int(n) % (len(copied) + 1)
			for at > 0 && at < len(copied) && copied[at]&0xC0 == 0x80 { // not into the middle of a mark
				at--
			}
			copied = copied[:at] + marks[int(n)%len(marks)] + copied[at:]
		}
		if got, err := NormalizeThumbprint(copied); err != nil || got != want {
			t.Errorf("%q becomes %q (%v), want %s", copied, got, err, want)
		}
	})
}

func FuzzAnyTextIsAThumbprintOrRefused(f *testing.F) {
	for _, text := range []string{"", "A1B2C3D4E5F60718293A4B5C6D7E8F9001122334", strings.Repeat("é", 20),
		strings.Repeat("ab", 32), "\u200e\xff", strings.Repeat("0", 39) + "G"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := NormalizeThumbprint(text)
		if err != nil {
			return
		}
		if len(got) != 40 || strings.Trim(got, "0123456789ABCDEF") != "" {
			t.Errorf("%q is taken for the thumbprint %q", text, got)
		}
		if again, err := NormalizeThumbprint(got); err != nil || again != got {
			t.Errorf("%q becomes %q (%v)", got, again, err)
		}
	})
}

// aPFX is a small one, for its bytes to be changed.
func aPFX(t testing.TB) []byte {
	t.Helper()
	now := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	pair, err := Generate(rand.Reader, Template{CommonName: "CodeTwo", KeySize: 2048, NotBefore: now,
		NotAfter: now.AddDate(1, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	data, err := EncodePFX(pair, "password", Legacy)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// expected reports whether an error of OpenPFX is one that its callers know.
func expected(err error) bool {
	return slices.ContainsFunc([]error{ErrNotPFX, ErrPassword, ErrNoPrivateKey, ErrUnsupported},
		func(known error) bool { return errors.Is(err, known) })
}

func FuzzAnyFileIsOpenedAsAPFXOrRefusedForAKnownReason(f *testing.F) {
	whole := aPFX(f)
	f.Add(whole, "password")
	f.Add(whole, "wrong")
	f.Add(whole[:len(whole)/2], "password")
	f.Add([]byte("-----BEGIN CERTIFICATE-----"), "")
	f.Add([]byte{0x30, 0x80, 0x02, 0x01, 0x03}, "")
	f.Add([]byte{}, "\U0001F511")
	for name, password := range sound {
		if !strings.Contains(name, "600000") { // which takes a second, and each input that is made of it
			f.Add(fixture(f, name), password)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		if _, _, err := OpenPFX(data, password); err != nil && !expected(err) {
			t.Errorf("the error is %v", err)
		}
		_, _ = EncryptionOf(data)
	})
}

func TestAPFXWithOneDamagedByteIsRefusedOrStillTheSame(t *testing.T) {
	t.Parallel()
	whole := aPFX(t)
	key, _, err := OpenPFX(whole, "password")
	if err != nil {
		t.Fatal(err)
	}
	for at := 0; at < len(whole); at += 7 {
		damaged := slices.Clone(whole)
		damaged[at] ^= 0x10
		got, _, err := OpenPFX(damaged, "password")
		switch {
		case err != nil && !expected(err):
			t.Errorf("byte %d: the error is %v", at, err)
		case err == nil && fmt.Sprint(got.Public()) != fmt.Sprint(key.Public()):
			t.Errorf("byte %d: another key comes out", at)
		}
	}
}

// aCertificate is a certificate that CodeTwo accepts, as PEM.
func aCertificate(t testing.TB) string {
	t.Helper()
	_, found, err := OpenPFX(aPFX(t), "password")
	if err != nil {
		t.Fatal(err)
	}
	return EncodePEM(found)
}

func FuzzAnyTextIsOneCertificateWithoutAPrivateKeyOrRefused(f *testing.F) {
	whole := aCertificate(f)
	const key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"
	for _, text := range []string{
		"", whole, "Bag Attributes\n" + whole + "# end", whole + whole, whole + key, key + whole,
		whole + "-----BEGIN RSA PRIVATE KEY-----\n!", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", strings.ReplaceAll(whole, "\n", "\r\n"),
		whole[:len(whole)/2],
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := ParsePEM(text)
		if err != nil {
			if found != nil {
				t.Error("a certificate comes with an error")
			}
			return
		}
		if strings.Contains(text, "PRIVATE KEY-----") || CheckKey(found) != nil {
			t.Errorf("this is taken for a certificate: %q", text)
		}
		again, err := ParsePEM(EncodePEM(found))
		if err != nil || Thumbprint(again) != Thumbprint(found) {
			t.Errorf("the certificate does not survive its own PEM form: %v", err)
		}
	})
}
