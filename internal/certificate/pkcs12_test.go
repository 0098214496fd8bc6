package certificate

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// sound are the files in testdata/pfx, which OpenSSL 3.0.19 wrote, with the options in
// their names, and their passwords.
var sound = map[string]string{
	"openssl3": "password", "openssl3-legacy": "password", "openssl3-600000-iterations": "password",
	"openssl3-sha512": "password", "openssl3-600000-sha512": "password", "openssl3-unencrypted": "password",
	"openssl3-aes128": "password", "openssl3-empty-password": "",
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "pfx", name+".pfx"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestFilesOfOtherProgramsOpenWithTheirPasswordOnly(t *testing.T) {
	t.Parallel()
	for name, password := range sound {
		data := fixture(t, name)
		if _, err := DecodePFX(data, password); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, wrong := range []string{"wrong", "Password", password + " "} {
			if _, err := DecodePFX(data, wrong); !errors.Is(err, ErrPassword) {
				t.Errorf("%s with a wrong password: %v", name, err)
			}
		}
	}
}

// Windows puts the private key first, and writes no number of iterations where it is 1.
func TestAFileInTheOrderOfWindowsOpens(t *testing.T) {
	t.Parallel()
	file, err := readPFX(aPFX(t))
	if err != nil {
		t.Fatal(err)
	}
	data := must(file.rearranged(encodings("password")[0]))(t)
	if _, err := DecodePFX(data, "password"); err != nil {
		t.Error(err)
	}
}

func TestEveryEncodingOfTheLibraryOpens(t *testing.T) {
	t.Parallel()
	for name, encoder := range map[string]*pkcs12.Encoder{
		"LegacyRC2": pkcs12.LegacyRC2, "LegacyDES": pkcs12.LegacyDES, "Modern2023": pkcs12.Modern2023,
		"Modern2026 (PBMAC1)": pkcs12.Modern2026,
	} {
		for _, password := range []string{"", "password", "Pässwörter ✓ 字", strings.Repeat("long", 100)} {
			data := must(encoder.Encode(pair().Key, pair().Certificate, nil, password))(t)
			if got, err := DecodePFX(data, password); err != nil || !got.Key.Equal(pair().Key) {
				t.Errorf("%s with %q: %v", name, password, err)
			}
			if _, err := DecodePFX(data, password+"x"); !errors.Is(err, ErrPassword) {
				t.Errorf("%s with another password than %q: %v", name, password, err)
			}
		}
	}
}

// Some programs hash the empty password as no bytes at all, and others as two zero bytes.
func TestAnEmptyPasswordOfEitherFormOpens(t *testing.T) {
	t.Parallel()
	file, err := readPFX(must(pkcs12.LegacyDES.Encode(pair().Key, pair().Certificate, nil, ""))(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, form := range encodings("") {
		key := integrityKey(crypto.SHA1, file.check.Salt, form, file.check.Iterations)
		file.check.Mac.Digest = sum(crypto.SHA1.New, key, file.content)
		if got, err := file.prove(""); err != nil || !bytes.Equal(got, form) {
			t.Errorf("%x: %x, %v", form, got, err)
		}
	}
}

func must[T any](value T, err error) func(t testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// raw is a value as DER.
func raw(t testing.TB, value any) asn1.RawValue {
	t.Helper()
	return asn1.RawValue{FullBytes: must(asn1.Marshal(value))(t)}
}

func derivedWith(t testing.TB, iterations, keyLength int, hmac string) pkix.AlgorithmIdentifier {
	t.Helper()
	return pkix.AlgorithmIdentifier{Algorithm: pbkdf2ID, Parameters: raw(t, pbkdf2Parameters{
		Salt: raw(t, []byte("salt")), Iterations: iterations, KeyLength: keyLength,
		PRF: pkix.AlgorithmIdentifier{Algorithm: identifier(hmac)}})}
}

func identifier(text string) asn1.ObjectIdentifier {
	var id asn1.ObjectIdentifier
	for part := range strings.SplitSeq(text, ".") {
		n := 0
		for _, digit := range part {
			n = 10*n + int(digit-'0')
		}
		id = append(id, n)
	}
	return id
}

const (
	hmacSHA1   = "1.2.840.113549.2.7"
	hmacSHA256 = "1.2.840.113549.2.9"
	hmacSHA512 = "1.2.840.113549.2.11"
)

func byPBES2(t testing.TB, iterations int, hmac string) pkix.AlgorithmIdentifier {
	t.Helper()
	return pkix.AlgorithmIdentifier{Algorithm: pbes2ID, Parameters: raw(t, derivedBy{
		KDF: derivedWith(t, iterations, 0, hmac),
		Use: pkix.AlgorithmIdentifier{Algorithm: identifier("2.16.840.1.101.3.4.1.42"),
			Parameters: raw(t, make([]byte, aes.BlockSize))}})}
}

func byTripleDES(t testing.TB, iterations int) pkix.AlgorithmIdentifier {
	t.Helper()
	return pkix.AlgorithmIdentifier{Algorithm: tripleDESID, Parameters: raw(t, pbeParameters{[]byte("salt"), iterations})}
}

func tagged(content []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: content}
}

// keyBag is a private key, encrypted so.
func keyBag(t testing.TB, algorithm pkix.AlgorithmIdentifier) safeBag {
	t.Helper()
	return safeBag{ID: shroudedKeyID, Value: tagged(raw(t, shroudedKey{algorithm, make([]byte, 1264)}).FullBytes)}
}

func plainPart(t testing.TB, bags ...safeBag) contentInfo {
	t.Helper()
	return contentInfo{dataID, tagged(raw(t, raw(t, bags).FullBytes).FullBytes)}
}

func encryptedPart(t testing.TB, algorithm pkix.AlgorithmIdentifier, content []byte) contentInfo {
	t.Helper()
	var e encryptedData
	e.Info.ContentType, e.Info.Algorithm, e.Info.Content = dataID, algorithm, content
	return contentInfo{encryptedDataID, tagged(raw(t, e).FullBytes)}
}

// hidden is a part with bags, which cannot be seen without the password.
func hidden(t testing.TB, bags ...safeBag) contentInfo {
	t.Helper()
	content := raw(t, bags).FullBytes
	padding := aes.BlockSize - len(content)%aes.BlockSize
	content = append(content, bytes.Repeat([]byte{byte(padding)}, padding)...)
	key := must(pbkdf2.Key(sha256.New, "password", []byte("salt"), 1, 32))(t)
	cipher.NewCBCEncrypter(must(aes.NewCipher(key))(t), make([]byte, aes.BlockSize)).CryptBlocks(content, content)
	return encryptedPart(t, byPBES2(t, 1, hmacSHA256), content)
}

// packed is a PFX of these parts whose integrity check passes with "password", unless change makes another one.
func packed(t testing.TB, change func(check *macData), parts ...contentInfo) []byte {
	t.Helper()
	content := raw(t, parts).FullBytes
	var check macData
	check.Mac.Algorithm.Algorithm, check.Salt, check.Iterations = sha256ID, []byte("salt"), 1
	key := integrityKey(crypto.SHA256, check.Salt, encodings("password")[0], 1)
	check.Mac.Digest = sum(crypto.SHA256.New, key, content)
	if change != nil {
		change(&check)
	}
	return raw(t, struct {
		Version  int
		AuthSafe contentInfo
		MacData  macData
	}{3, contentInfo{dataID, tagged(raw(t, content).FullBytes)}, check}).FullBytes
}

// open opens a PFX, and fails the test where that has not ended long after it should have.
func open(t *testing.T, data []byte, password string) error {
	t.Helper()
	ended := make(chan error, 1)
	go func() {
		_, _, err := OpenPFX(data, password)
		ended <- err
	}()
	select {
	case err := <-ended:
		return err
	case <-time.After(30 * time.Second):
		return errors.New("it was still being opened after half a minute")
	}
}

func TestAHostileFileIsRefusedBeforeItCostsAnything(t *testing.T) {
	t.Parallel()
	const most = math.MaxInt32
	pbmac1 := func(iterations, keyLength int, hmac string) func(check *macData) {
		return func(check *macData) {
			check.Mac.Algorithm = pkix.AlgorithmIdentifier{Algorithm: pbmac1ID, Parameters: raw(t, derivedBy{
				KDF: derivedWith(t, iterations, keyLength, hmac),
				Use: pkix.AlgorithmIdentifier{Algorithm: identifier(hmacSHA256)}})}
		}
	}
	iterations := func(n int) func(check *macData) { return func(check *macData) { check.Iterations = n } }
	cheap := plainPart(t, keyBag(t, byTripleDES(t, 1)))
	block := make([]byte, 64)
	many := slices.Repeat([]safeBag{keyBag(t, byTripleDES(t, 2048))}, 700)
	key := func(bytes int) contentInfo {
		modulus := new(big.Int).Lsh(big.NewInt(1), uint(8*bytes))
		modulus.Add(modulus, big.NewInt(1))
		small := big.NewInt(3)
		return plainPart(t, safeBag{ID: keyBagID, Value: tagged(privateKey(t, modulus, big.NewInt(65537), small, modulus,
			small, small, small, small))})
	}

	for name, c := range map[string]struct {
		data     []byte
		password string
		words    []string
	}{
		"integrity check": {packed(t, iterations(most), cheap), "password", []string{"2147483650 hash", "limit is 3600000"}},
		"integrity check beyond 32 bits": {packed(t, iterations(math.MaxInt64), cheap), "password",
			[]string{"limit is 3600000"}},
		"integrity check with SHA-512": {packed(t, func(check *macData) {
			check.Mac.Algorithm.Algorithm, check.Iterations = identifier("2.16.840.1.101.3.4.2.3"), 1_800_000
		}, cheap), "password", []string{"3600003 hash"}},
		"integrity check, made twice for an empty password": {packed(t, iterations(1_800_000), cheap), "",
			[]string{"3600003 hash"}},
		"PBMAC1":                       {packed(t, pbmac1(most, 32, hmacSHA256), cheap), "password", []string{"4294967297 hash"}},
		"PBMAC1, long key":             {packed(t, pbmac1(450_000, 64, hmacSHA1), cheap), "password", []string{"3600003 hash"}},
		"PBMAC1, longer key":           {packed(t, pbmac1(1, 1<<30, hmacSHA1), cheap), "password", []string{"1073741824 bytes"}},
		"PBMAC1, short key":            {packed(t, pbmac1(1, 1, hmacSHA256), cheap), "password", []string{"1 bytes"}},
		"certificates":                 {packed(t, nil, encryptedPart(t, byPBES2(t, most, hmacSHA256), block), cheap), "password", []string{"4294967298 hash"}},
		"certificates, PKCS #12's own": {packed(t, nil, encryptedPart(t, byTripleDES(t, most), block), cheap), "password", []string{"6442450945 hash"}},
		"private key":                  {packed(t, nil, plainPart(t, keyBag(t, byPBES2(t, most, hmacSHA256)))), "password", []string{"4294967295 hash"}},
		"private key, PKCS #12's own":  {packed(t, nil, plainPart(t, keyBag(t, byTripleDES(t, most)))), "password", []string{"6442450942 hash"}},
		"all together": {packed(t, iterations(1_000_000), encryptedPart(t, byPBES2(t, 300_000, hmacSHA512), block),
			plainPart(t, keyBag(t, byPBES2(t, 400_000, hmacSHA1)))), "password", []string{"hash"}},
		"many keys":   {packed(t, nil, plainPart(t, many...)), "password", []string{"4300801 hash"}},
		"many parts":  {packed(t, nil, slices.Repeat([]contentInfo{encryptedPart(t, byTripleDES(t, 9), block)}, 1000)...), "password", []string{"1000 parts", "limit is 2"}},
		"a huge key":  {packed(t, nil, key(400_000)), "password", []string{"800068 bytes; the limit is 10240"}},
		"a huge file": {append(packed(t, nil, cheap), make([]byte, MaxPFXSize)...), "password", []string{"limit is 1048576"}},
		"scrypt":      {packed(t, nil, plainPart(t, keyBag(t, pkix.AlgorithmIdentifier{Algorithm: pbes2ID, Parameters: raw(t, derivedBy{KDF: pkix.AlgorithmIdentifier{Algorithm: identifier("1.3.6.1.4.1.11591.4.11"), Parameters: asn1.NullRawValue}, Use: pkix.AlgorithmIdentifier{Algorithm: identifier("2.16.840.1.101.3.4.1.42")}})}))), "password", []string{"1.3.6.1.4.1.11591.4.11"}},
	} {
		err := open(t, c.data, c.password)
		if !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, word := range c.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: the error lacks %q: %v", name, word, err)
			}
		}
	}
}

// privateKey is an RSA key in PKCS #8, of these numbers in the order of RFC 8017, appendix A.1.2.
func privateKey(t testing.TB, numbers ...*big.Int) []byte {
	t.Helper()
	rsa := raw(t, append([]*big.Int{new(big.Int)}, numbers...)).FullBytes
	return raw(t, struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}{0, pkix.AlgorithmIdentifier{Algorithm: identifier("1.2.840.113549.1.1.1"), Parameters: asn1.NullRawValue},
		rsa}).FullBytes
}

// What a key in an encrypted part says of its own encryption shows only when the password is proved.
func TestAKeyInHidingIsRefusedBeforeItCostsAnything(t *testing.T) {
	t.Parallel()
	const most = math.MaxInt32
	private := must(pkcs12.Modern2023.Encode(pair().Key, pair().Certificate, nil, "password"))(t)
	file, err := readPFX(private)
	if err != nil {
		t.Fatal(err)
	}
	var key contentInfo
	if _, err := asn1.Unmarshal(file.plain, &key); err != nil {
		t.Fatal(err)
	}
	hiding := hidden(t, keyBag(t, byPBES2(t, most, hmacSHA256)))
	for name, data := range map[string][]byte{
		"in front of another": packed(t, nil, hiding, key), "behind another": packed(t, nil, key, hiding),
		"alone": packed(t, nil, hiding), "twice": packed(t, nil, hiding, hiding),
	} {
		if err := open(t, data, "password"); !errors.Is(err, ErrNoPrivateKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileAtTheLimitIsOpened(t *testing.T) {
	t.Parallel()
	// 3 hashes for each iteration of the key's, and the rest for the check.
	data := packed(t, func(check *macData) { check.Iterations = maxHashes - 3 },
		plainPart(t, keyBag(t, byTripleDES(t, 1))))
	if err := open(t, data, "password"); !errors.Is(err, ErrPassword) {
		t.Errorf("at the limit: %v", err)
	}
}

func TestAKeyAsLargeAsOpenSSLReadsIsNotTooLarge(t *testing.T) {
	t.Parallel()
	of := func(bytes int) *big.Int { return new(big.Int).Lsh(big.NewInt(1), uint(8*bytes-1)) }
	key := privateKey(t, of(2048), big.NewInt(65537), of(2048), of(1024), of(1024), of(1024), of(1024), of(1024))
	if size := len(raw(t, shroudedKey{byPBES2(t, 1, hmacSHA256), key}).FullBytes); size > maxKeySize {
		t.Errorf("an RSA key with 16,384 bits has %d bytes", size)
	}
}
