package graph

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// signingYears is what a token signing certificate lasts at most, and unless told otherwise.
const signingYears = 3

// signingSubject is the subject of a token signing certificate unless told otherwise (seen; the document has the
// subject given).
const signingSubject = "CN=Microsoft Azure Federated SSO Certificate"

type signingRequest struct {
	DisplayName *string    `json:"displayName"`
	EndDateTime *time.Time `json:"endDateTime"`
}

// addTokenSigningCertificate makes a certificate by which the service principal's SAML tokens are signed: a private key
// of usage Sign, the public key of usage Verify, and the password of the private key. All have the same
// customKeyIdentifier, and the private key and its password have the same keyId, which is the one in the answer
// (Microsoft Graph: serviceprincipal-addtokensigningcertificate; the ID in the answer read).
func (c *call) addTokenSigningCertificate() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	var request signingRequest
	for _, name := range sortedNames(body) {
		switch name {
		case "displayName":
			request.DisplayName, failure = decoded[*string](name, "SelfSignedCertificate", body[name])
		case "endDateTime":
			request.EndDateTime, failure = decoded[*time.Time](name, "SelfSignedCertificate", body[name])
		default:
			failure = unknownProperty(name, "selfSignedCertificate")
		}
		if failure != nil {
			return failure
		}
	}
	certificate, failure := c.newSigningCertificate(request)
	if failure != nil {
		return failure
	}
	digest := sha1.Sum(certificate.Raw)
	public := tenant.KeyCredential{
		KeyID: uuid.NewString(), Type: publicKey, Usage: verifying, Certificate: certificate, Raw: certificate.Raw,
		DisplayName: certificate.Subject.String(), CustomID: base64.StdEncoding.EncodeToString(digest[:]),
		Start: certificate.NotBefore, End: certificate.NotAfter,
	}
	private := public
	private.KeyID, private.Type, private.Usage = uuid.NewString(), privateKey, signing
	password := tenant.PasswordCredential{
		KeyID: private.KeyID, CustomID: private.CustomID, DisplayName: private.DisplayName,
		Secret: tenant.NewClientSecret(), Start: private.Start, End: private.End,
	}
	failure = c.changeCredentials(func(h holder) *apiError {
		*h.keys = append(slices.Clone(*h.keys), private, public)
		*h.passwords = append(slices.Clone(*h.passwords), password)
		return nil
	})
	if failure != nil {
		return failure
	}
	e := keyEntity(public, true)
	e["keyId"] = private.KeyID
	e["thumbprint"] = fmt.Sprintf("%X", digest)
	e["@odata.context"] = c.link("$metadata#microsoft.graph.selfSignedCertificate")
	return c.write(http.StatusOK, e)
}

// newSigningCertificate makes a self-signed certificate as it is asked for. The refusals' codes and texts are
// unconfirmed.
func (c *call) newSigningCertificate(request signingRequest) (*x509.Certificate, *apiError) {
	subject, start := signingSubject, c.now()
	end := start.AddDate(signingYears, 0, 0)
	if request.DisplayName != nil {
		subject = *request.DisplayName
	}
	if request.EndDateTime != nil {
		end = request.EndDateTime.UTC().Truncate(time.Second)
	}
	name, prefixed := strings.CutPrefix(subject, "CN=")
	if !prefixed || name == "" {
		return nil, invalidValue("displayName", "SelfSignedCertificate")
	}
	if !start.Before(end) || end.After(start.AddDate(signingYears, 0, 0)) {
		return nil, invalidValue("endDateTime", "SelfSignedCertificate")
	}
	certificate, err := selfSigned(name, start, end)
	if err != nil {
		return nil, &apiError{status: http.StatusInternalServerError, code: "Service_InternalServerError",
			message: err.Error()}
	}
	return certificate, nil
}

// selfSigned makes a certificate whose private key nobody gets to see: the sandbox signs no SAML tokens.
func selfSigned(commonName string, start, end time.Time) (*x509.Certificate, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: commonName}, NotBefore: start, NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(raw)
}
