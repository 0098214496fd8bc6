package certificate

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
	"unicode/utf16"
)

// A PFX says itself what opening it costs: how often its keys are hashed, which may be two billion times, and how many
// there are. Here its structure is read before a key is derived, and the sum is bounded. What is encrypted cannot be
// read so, and go-pkcs12 would derive a key for what it finds in there. So the integrity check is made here, and
// go-pkcs12 gets the content in another order, under another check: a key that is in sight comes first, and at a second
// one it stops before it derives anything.

// MaxPFXSize is the size in bytes above which a PFX is not read. One with a key and its chain has less than 20 KB.
const MaxPFXSize = 1 << 20

// maxIterations is how often a key may be hashed in each of the three places of a usual PFX (integrity check,
// certificates, private key): what OWASP's Password Storage Cheat Sheet asks for PBKDF2 with HMAC-SHA-256, which is
// more than programs write. Most write 2,000 to 10,000 (Microsoft KB5025823), OpenSSL 2,048 (openssl-pkcs12(1), -iter);
// .NET reads 300,000 (Pkcs12LoaderLimits).
const maxIterations = 600_000

// maxHashes is the most hash computations that opening a PFX may take: maxIterations in three places, each by HMAC,
// which hashes twice. With SHA-1 this takes nine tenths of a second on a slow machine.
const maxHashes = 3 * 2 * maxIterations

// maxKeySize is the size in bytes of the largest private key that is read (PKCS #8): RSA with 16,384 bits, OpenSSL's
// own limit, has 9.3 KB. To check a key whose modulus fills the file would take minutes.
const maxKeySize = 10 << 10

// Object identifiers of RFC 7292 (PKCS #12), RFC 8018 (PKCS #5) and RFC 2315 (PKCS #7).
var (
	dataID          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	encryptedDataID = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	keyBagID        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	shroudedKeyID   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	tripleDESID     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	rc2With128ID    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 5}
	rc2With40ID     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 6}
	pbkdf2ID        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	pbes2ID         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	pbmac1ID        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	sha1ID          = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	sha256ID        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
)

// digests are the hash functions of an integrity check, and hmacs those of PBKDF2 and PBMAC1, by identifier.
var (
	digests = map[string]crypto.Hash{sha1ID.String(): crypto.SHA1, sha256ID.String(): crypto.SHA256,
		"2.16.840.1.101.3.4.2.3": crypto.SHA512}
	hmacs = map[string]crypto.Hash{"1.2.840.113549.2.7": crypto.SHA1, "1.2.840.113549.2.9": crypto.SHA256,
		"1.2.840.113549.2.11": crypto.SHA512, "": crypto.SHA1} // the default (RFC 8018, appendix A.2)
)

// aesKeyLengths are the lengths in bytes of the keys of PBES2's ciphers, by identifier.
var aesKeyLengths = map[string]int{"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24,
	"2.16.840.1.101.3.4.1.42": 32}

// The structures of a PFX (RFC 7292, sections 4 and 4.2; RFC 8018, appendix A), read as go-pkcs12 reads them.
type (
	// outer is read apart so that a file of another kind is not taken for a wrong password.
	outer struct {
		Version  int
		AuthSafe contentInfo
		MacData  asn1.RawValue `asn1:"optional"`
	}

	contentInfo struct {
		ContentType asn1.ObjectIdentifier
		Content     asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}

	// macData is the integrity check.
	macData struct {
		Mac struct {
			Algorithm pkix.AlgorithmIdentifier
			Digest    []byte
		}
		Salt       []byte
		Iterations int `asn1:"optional,default:1"`
	}

	encryptedData struct {
		Version int
		Info    struct {
			ContentType asn1.ObjectIdentifier
			Algorithm   pkix.AlgorithmIdentifier
			Content     []byte `asn1:"tag:0,optional"`
		}
	}

	safeBag struct {
		ID         asn1.ObjectIdentifier
		Value      asn1.RawValue   `asn1:"tag:0,explicit"`
		Attributes []asn1.RawValue `asn1:"set,optional"`
	}

	shroudedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Content   []byte
	}

	pbeParameters struct {
		Salt       []byte
		Iterations int
	}

	// derivedBy is of PBES2, with an encryption, and of PBMAC1, with a MAC.
	derivedBy struct {
		KDF, Use pkix.AlgorithmIdentifier
	}

	pbkdf2Parameters struct {
		Salt       asn1.RawValue
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
)

// pfxFile is a PFX without what is encrypted in it.
type pfxFile struct {
	check   macData
	content []byte // what the check is made over

	plain, encrypted []byte // the parts of the content, each of them whole, in two lists
	keys             int    // private keys in the plain parts
	hashes           int64  // what it takes to derive all keys but that of the check
}

func readOuter(data []byte) (o outer, rest []byte, err error) {
	if rest, err = asn1.Unmarshal(data, &o); err != nil || o.Version != 3 {
		return o, nil, ErrNotPFX
	}
	return o, rest, nil
}

// unmarshal reads a structure that nothing follows.
func unmarshal(data []byte, into any) error {
	rest, err := asn1.Unmarshal(data, into)
	if err != nil || len(rest) > 0 {
		return fmt.Errorf("%w: its structure is damaged", ErrUnsupported)
	}
	return nil
}

// readPFX reads what is not encrypted, and derives no key. The error is ErrNotPFX or ErrUnsupported.
func readPFX(data []byte) (*pfxFile, error) {
	if len(data) > MaxPFXSize {
		return nil, fmt.Errorf("%w: it has %d bytes; the limit is %d", ErrUnsupported, len(data), MaxPFXSize)
	}
	o, rest, err := readOuter(data)
	switch {
	case err != nil:
		return nil, err
	case len(rest) > 0:
		return nil, fmt.Errorf("%w: something follows its end", ErrUnsupported)
	case !o.AuthSafe.ContentType.Equal(dataID):
		return nil, fmt.Errorf("%w: it is protected by a signature and not by a password", ErrUnsupported)
	case len(o.MacData.FullBytes) == 0:
		return nil, fmt.Errorf("%w: it has no integrity check (MAC)", ErrUnsupported)
	}
	file := &pfxFile{}
	var parts []asn1.RawValue
	err = errors.Join(unmarshal(o.MacData.FullBytes, &file.check), unmarshal(o.AuthSafe.Content.Bytes, &file.content))
	if err == nil {
		err = unmarshal(file.content, &parts)
	}
	if err == nil && len(parts) > 2 {
		err = fmt.Errorf("%w: its content has %d parts; the limit is 2 (certificates, private key)", ErrUnsupported,
			len(parts))
	}
	for _, part := range parts {
		if err == nil {
			err = file.add(part.FullBytes)
		}
	}
	if err != nil {
		return nil, err
	}
	return file, nil
}

// add reads a part of the content.
func (f *pfxFile) add(whole []byte) error {
	var part contentInfo
	if err := unmarshal(whole, &part); err != nil {
		return err
	}
	switch {
	case part.ContentType.Equal(dataID):
		f.plain = append(f.plain, whole...)
		var content []byte
		var bags []safeBag
		if err := unmarshal(part.Content.Bytes, &content); err != nil {
			return err
		}
		if err := unmarshal(content, &bags); err != nil {
			return err
		}
		for _, bag := range bags {
			if err := f.addBag(bag); err != nil {
				return err
			}
		}
		return nil
	case part.ContentType.Equal(encryptedDataID):
		f.encrypted = append(f.encrypted, whole...)
		var content encryptedData
		if err := unmarshal(part.Content.Bytes, &content); err != nil {
			return err
		}
		return f.addEncryption(content.Info.Algorithm)
	}
	return fmt.Errorf("%w: its content has a part of the kind %v", ErrUnsupported, part.ContentType)
}

func (f *pfxFile) addBag(bag safeBag) error {
	shrouded := bag.ID.Equal(shroudedKeyID)
	if !shrouded && !bag.ID.Equal(keyBagID) {
		return nil
	}
	f.keys++
	if size := len(bag.Value.Bytes); size > maxKeySize {
		return fmt.Errorf("%w: its private key has %d bytes; the limit is %d", ErrUnsupported, size, maxKeySize)
	}
	if !shrouded {
		return nil
	}
	var key shroudedKey
	if err := unmarshal(bag.Value.Bytes, &key); err != nil {
		return err
	}
	return f.addEncryption(key.Algorithm)
}

// addEncryption adds what deriving the key of an encryption takes.
func (f *pfxFile) addEncryption(algorithm pkix.AlgorithmIdentifier) error {
	if algorithm.Algorithm.Equal(pbes2ID) {
		var parameters derivedBy
		if err := unmarshal(algorithm.Parameters.FullBytes, &parameters); err != nil {
			return err
		}
		length, known := aesKeyLengths[parameters.Use.Algorithm.String()]
		if !known {
			return fmt.Errorf("%w: the cipher %v", ErrUnsupported, parameters.Use.Algorithm)
		}
		derivation, err := readPBKDF2(parameters.KDF)
		f.hashes += derivation.hashes(length)
		return err
	}
	// PKCS #12's own encryptions hash with SHA-1, 20 bytes at a time, for the key and for an IV of 8 bytes.
	times := 2
	switch {
	case algorithm.Algorithm.Equal(tripleDESID):
		times = 3
	case !algorithm.Algorithm.Equal(rc2With128ID) && !algorithm.Algorithm.Equal(rc2With40ID):
		return fmt.Errorf("%w: the encryption %v", ErrUnsupported, algorithm.Algorithm)
	}
	var parameters pbeParameters
	if err := unmarshal(algorithm.Parameters.FullBytes, &parameters); err != nil {
		return err
	}
	f.hashes += hashesOf(crypto.SHA1, parameters.Iterations, times)
	return nil
}

// hashesOf is what so many times so many iterations take. SHA-512 counts twice: a computation takes twice as long, and
// OWASP asks for a third of the iterations. The number is cut far above the limit, so that sums do not overflow.
func hashesOf(algorithm crypto.Hash, iterations, times int) int64 {
	if algorithm == crypto.SHA512 {
		times *= 2
	}
	return min(int64(max(iterations, 1)), 1<<40) * int64(times)
}

// derivation is one of PBKDF2.
type derivation struct {
	algorithm             crypto.Hash
	salt                  []byte
	iterations, keyLength int // keyLength is 0 where the parameters do not say it
}

func readPBKDF2(kdf pkix.AlgorithmIdentifier) (derivation, error) {
	if !kdf.Algorithm.Equal(pbkdf2ID) {
		return derivation{}, fmt.Errorf("%w: the key derivation %v", ErrUnsupported, kdf.Algorithm)
	}
	var parameters pbkdf2Parameters
	if err := unmarshal(kdf.Parameters.FullBytes, &parameters); err != nil {
		return derivation{}, err
	}
	algorithm, known := hmacs[parameters.PRF.Algorithm.String()]
	if !known || parameters.Salt.Class != asn1.ClassUniversal || parameters.Salt.Tag != asn1.TagOctetString {
		return derivation{}, fmt.Errorf("%w: a key derivation by %v", ErrUnsupported, parameters.PRF.Algorithm)
	}
	return derivation{algorithm, parameters.Salt.Bytes, parameters.Iterations, parameters.KeyLength}, nil
}

// hashes is what a key of so many bytes takes: an HMAC hashes twice, and gives as many bytes as the hash has.
func (d derivation) hashes(length int) int64 {
	if d.algorithm == 0 {
		return 0
	}
	size := d.algorithm.Size()
	return hashesOf(d.algorithm, d.iterations, 2*((length+size-1)/size))
}

// integrityCheck computes a check with a password, and says first how many hashes that takes.
type integrityCheck struct {
	hashes  int64
	compute func(password string, encoded []byte) ([]byte, error)
}

// integrity reads the parameters of the check.
func (f *pfxFile) integrity() (integrityCheck, error) {
	id := f.check.Mac.Algorithm.Algorithm
	if id.Equal(pbmac1ID) {
		return f.pbmac1()
	}
	digest, known := digests[id.String()]
	if !known {
		return integrityCheck{}, fmt.Errorf("%w: the integrity check %v", ErrUnsupported, id)
	}
	return integrityCheck{hashesOf(digest, f.check.Iterations, 1), func(_ string, encoded []byte) ([]byte, error) {
		return sum(digest.New, integrityKey(digest, f.check.Salt, encoded, f.check.Iterations), f.content), nil
	}}, nil
}

// pbmac1 reads the parameters of RFC 9579. A key of less than 20 bytes is refused, as the RFC recommends, and so is one
// that is longer than any hash.
func (f *pfxFile) pbmac1() (integrityCheck, error) {
	var parameters derivedBy
	if err := unmarshal(f.check.Mac.Algorithm.Parameters.FullBytes, &parameters); err != nil {
		return integrityCheck{}, err
	}
	d, err := readPBKDF2(parameters.KDF)
	if err != nil {
		return integrityCheck{}, err
	}
	mac, known := hmacs[parameters.Use.Algorithm.String()]
	if !known || d.keyLength < 20 || d.keyLength > crypto.SHA512.Size() {
		return integrityCheck{}, fmt.Errorf("%w: the integrity check %v with a key of %d bytes", ErrUnsupported,
			parameters.Use.Algorithm, d.keyLength)
	}
	return integrityCheck{d.hashes(d.keyLength), func(password string, _ []byte) ([]byte, error) {
		key, err := pbkdf2.Key(d.algorithm.New, password, d.salt, d.iterations, d.keyLength)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return sum(mac.New, key, f.content), nil
	}}, nil
}

// integrityKey derives the key of a check (RFC 7292, appendix B.2, ID 3; as long as the hash, it takes one round).
func integrityKey(digest crypto.Hash, salt, password []byte, iterations int) []byte {
	h := digest.New()
	block := h.BlockSize()
	key := bytes.Repeat([]byte{3}, block)
	for _, text := range [][]byte{salt, password} {
		if len(text) > 0 {
			length := (len(text) + block - 1) / block * block
			key = append(key, bytes.Repeat(text, length/len(text)+1)[:length]...)
		}
	}
	for range max(iterations, 1) {
		h.Reset()
		h.Write(key)
		key = h.Sum(key[:0])
	}
	return key
}

func sum(algorithm func() hash.Hash, key, content []byte) []byte {
	mac := hmac.New(algorithm, key)
	mac.Write(content)
	return mac.Sum(nil)
}

// encodings are the forms in which a password is hashed: UTF-16 and two zero bytes (RFC 7292, appendix B.1), and for
// the empty one also nothing at all, as some programs write it.
func encodings(password string) [][]byte {
	var encoded []byte
	for _, unit := range utf16.Encode([]rune(password)) {
		encoded = append(encoded, byte(unit>>8), byte(unit))
	}
	forms := [][]byte{append(encoded, 0, 0)}
	if password == "" {
		forms = append(forms, nil)
	}
	return forms
}

// prove makes the integrity check, if opening the whole file takes no more than maxHashes. It returns the form of the
// password that passes. The error is ErrPassword or ErrUnsupported.
func (f *pfxFile) prove(password string) ([]byte, error) {
	check, err := f.integrity()
	if err != nil {
		return nil, err
	}
	forms := encodings(password)
	if hashes := f.hashes + check.hashes*int64(len(forms)); hashes > maxHashes {
		return nil, fmt.Errorf("%w: opening it takes %d hash computations; the limit is %d, which allows for %d iterations "+
			"of each key. Export it again with fewer iterations", ErrUnsupported, hashes, maxHashes, maxIterations)
	}
	for _, form := range forms {
		digest, err := check.compute(password, form)
		if err != nil {
			return nil, err
		}
		if hmac.Equal(digest, f.check.Mac.Digest) {
			return form, nil
		}
	}
	return nil, ErrPassword
}

// rearranged is the file with its plain parts first, under a check of one iteration: what go-pkcs12 opens without
// deriving a key that is not counted. password is the form that passed. The error is ErrNoPrivateKey where a key could
// only be in an encrypted part.
func (f *pfxFile) rearranged(password []byte) ([]byte, error) {
	if f.keys == 0 {
		return nil, fmt.Errorf("%w (it has none outside the encrypted certificates, where Windows and OpenSSL write it)",
			ErrNoPrivateKey)
	}
	content, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true,
		Bytes: append(bytes.Clone(f.plain), f.encrypted...)})
	if err != nil {
		return nil, err
	}
	octets, err := asn1.Marshal(content)
	if err != nil {
		return nil, err
	}
	var check macData
	check.Mac.Algorithm.Algorithm = sha256ID
	check.Salt = []byte("one iteration")
	check.Iterations = 1
	check.Mac.Digest = sum(crypto.SHA256.New, integrityKey(crypto.SHA256, check.Salt, password, 1), content)
	return asn1.Marshal(struct {
		Version  int
		AuthSafe contentInfo
		MacData  macData
	}{3, contentInfo{dataID, asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: octets}}, check})
}
