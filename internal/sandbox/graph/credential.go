package graph

import (
	"bytes"
	"crypto/sha1"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/token"
)

// principalWriters are the rights to service principals, and to credentials of applications, too (Microsoft's
// permission data of 2026; the pages of the operations do not all have Directory.ReadWrite.All).
var principalWriters = []string{appOwnedBy, appReadWriteAll, directoryWrite}

// credentialRoutes are the operations on client secrets and token signing certificates. Other certificates are set by a
// PATCH of the object that has them, or rolled by the application itself.
var credentialRoutes = []route{
	{http.MethodPost, "applications/{application}/addPassword", principalWriters, (*call).addPassword},
	{http.MethodPost, "applications/{application}/removePassword", principalWriters, (*call).removePassword},
	{http.MethodPost, "servicePrincipals/{principal}/addPassword", principalWriters, (*call).addPassword},
	{http.MethodPost, "servicePrincipals/{principal}/removePassword", principalWriters, (*call).removePassword},
	{http.MethodPost, "servicePrincipals/{principal}/addTokenSigningCertificate", principalWriters,
		(*call).addTokenSigningCertificate},
}

// holder is an object that has credentials. An application and a service principal follow the same rules.
type holder struct {
	id        string // object ID
	appID     string // client ID, of an application
	resource  string // the type of the object, as texts name it
	owners    []string
	createdAt time.Time
	keys      *[]tenant.KeyCredential
	passwords *[]tenant.PasswordCredential
}

func applicationHolder(a *tenant.Application) holder {
	return holder{a.ID, a.AppID, "Application", a.Owners, a.CreatedAt, &a.Keys, &a.Passwords}
}

func principalHolder(p *tenant.ServicePrincipal) holder {
	return holder{p.ID, "", "ServicePrincipal", p.Owners, p.CreatedAt, &p.Keys, &p.Passwords}
}

// changeCredentials changes the credentials of the object that the path names. A service principal's must not be locked
// by its application.
func (c *call) changeCredentials(change func(holder) *apiError) *apiError {
	at := c.api.world.Now()
	if _, ofApplication := c.keys["application"]; ofApplication {
		changed, failure := c.findApplication(tenant.Present())
		if failure == nil {
			failure = change(applicationHolder(&changed))
		}
		if failure == nil {
			c.tenant.Directory.Applications.Put(at, changed.ID, changed)
		}
		return failure
	}
	changed, lock, failure := c.findToChange()
	if failure != nil {
		return failure
	}
	before := changed
	if failure := change(principalHolder(&changed)); failure != nil {
		return failure
	}
	if failure := lock.check(before, changed); failure != nil {
		return failure
	}
	c.tenant.Directory.ServicePrincipals.Put(at, changed.ID, changed)
	return nil
}

// keyRequest is an entry of keyCredentials in a request. What is null is not set.
type keyRequest struct {
	CustomKeyIdentifier *string    `json:"customKeyIdentifier"`
	DisplayName         *string    `json:"displayName"`
	EndDateTime         *time.Time `json:"endDateTime"`
	Content             *string    `json:"key"`
	KeyID               *string    `json:"keyId"`
	StartDateTime       *time.Time `json:"startDateTime"`
	Type                *string    `json:"type"`
	Usage               *string    `json:"usage"`
}

// setKeys replaces the whole collection: an entry to keep is repeated with its keyId and a key of null (Microsoft
// Graph: application-update; the particulars as seen in Entra's answers).
// A private key that signs tokens is opened by a password of the same request that has its keyId.
func (c *call) setKeys(h holder, raw json.RawMessage, passwords []passwordRequest) *apiError {
	entries, failure := decoded[[]keyRequest]("keyCredentials", h.resource, raw)
	if failure != nil {
		return failure
	}
	keys := make([]tenant.KeyCredential, 0, len(entries))
	for _, entry := range entries {
		if failure := entry.checkUsage(); failure != nil {
			return failure
		}
		kept := -1
		if entry.KeyID != nil {
			kept = slices.IndexFunc(*h.keys, func(k tenant.KeyCredential) bool {
				return strings.EqualFold(k.KeyID, *entry.KeyID)
			})
		}
		var key tenant.KeyCredential
		if kept >= 0 {
			key, failure = (*h.keys)[kept], entry.unchanged((*h.keys)[kept])
		} else {
			key, failure = c.newKey(h, entry, passwords)
		}
		if failure == nil && slices.ContainsFunc(keys, func(k tenant.KeyCredential) bool { return k.KeyID == key.KeyID }) {
			failure = invalidValue("keyId", "KeyCredential") // unconfirmed
		}
		// An expired entry is refused at any place in the list, also next to a new one.
		if failure == nil && !c.api.world.Now().Before(key.End) {
			failure = invalidKeyDate()
		}
		if failure != nil {
			return failure
		}
		keys = append(keys, key)
	}
	*h.keys = keys
	return nil
}

// Usages of keys (Microsoft Graph: keyCredential resource type).
const (
	verifying = "Verify"
	signing   = token.UsageSign
)

func (e keyRequest) checkUsage() *apiError {
	if e.Usage == nil || *e.Usage != verifying && *e.Usage != signing {
		return refuse(badRequest,
			`The value for the property "usage" in one of your credentials is invalid. Acceptable values are Sign, Verify.`)
	}
	return nil
}

// newKey makes a key of a certificate that the object is allowed to have.
func (c *call) newKey(h holder, e keyRequest, passwords []passwordRequest) (tenant.KeyCredential, *apiError) {
	if failure := e.checkUsage(); failure != nil {
		return tenant.KeyCredential{}, failure
	}
	key, failure := e.key(h, passwords)
	if failure != nil {
		return key, failure
	}
	// A certificate that is made a moment ago by a clock ahead of Entra's is refused, and taken on a second try. That the
	// key begins later than its certificate is taken.
	if c.api.world.Now().Before(key.Certificate.NotBefore) {
		return key, invalidKeyDate()
	}
	return key, c.checkKeyLifetime(h, key)
}

func invalidKeyDate() *apiError {
	return refuse("KeyCredentialsInvalidEndDate", "Key credential end date is invalid.")
}

// unchanged refuses an entry that says something else of a key than what is known.
func (e keyRequest) unchanged(k tenant.KeyCredential) *apiError {
	differs := func(sent *string, known string) bool { return sent != nil && !strings.EqualFold(*sent, known) }
	moved := func(sent *time.Time, known time.Time) bool {
		return sent != nil && !sent.Truncate(time.Second).Equal(known)
	}
	changed := differs(e.CustomKeyIdentifier, k.CustomID) || differs(e.DisplayName, k.DisplayName) ||
		differs(e.Type, k.Type) ||
		differs(e.Usage, k.Usage) || moved(e.StartDateTime, k.Start) || moved(e.EndDateTime, k.End)
	if e.Content != nil && k.Type == privateKey {
		changed = true // what opens it is not known any more
	} else if e.Content != nil {
		certificate, err := parseKey(*e.Content)
		changed = changed || err != nil || !certificate.Equal(k.Certificate)
	}
	if changed {
		return refuse(badRequest, "Update to existing credential with KeyId '%s' is not allowed.",
			k.KeyID).detail("KeyNotUpdatable", "keyCredentials")
	}
	return nil
}

// key reads a new key. Where its dates are not given they are the certificate's. Microsoft's
// documents speak of one year as a limit and as the default, which certificates of many years in practice contradict.
func (e keyRequest) key(h holder, passwords []passwordRequest) (tenant.KeyCredential, *apiError) {
	certificate, failure := e.certificate(h, passwords)
	if failure != nil {
		return tenant.KeyCredential{}, failure
	}
	k := tenant.KeyCredential{
		KeyID: uuid.NewString(), Type: *e.Type, Usage: *e.Usage, Certificate: certificate, Raw: certificate.Raw,
		DisplayName: certificate.Subject.String(),
		CustomID:    fmt.Sprintf("%X", sha1.Sum(certificate.Raw)),
		Start:       certificate.NotBefore, End: certificate.NotAfter,
	}
	if e.KeyID != nil {
		if uuid.Validate(*e.KeyID) != nil {
			return k, invalidValue("keyId", "KeyCredential")
		}
		k.KeyID = strings.ToLower(*e.KeyID)
	}
	if e.DisplayName != nil {
		k.DisplayName = *e.DisplayName
	}
	if e.CustomKeyIdentifier != nil {
		if k.CustomID = *e.CustomKeyIdentifier; !isKeyIdentifier(k.CustomID) {
			return k, refuse(badRequest, "When present, application key identifier cannot be empty and can be at most 32 bytes.")
		}
	}
	if e.StartDateTime != nil {
		k.Start = e.StartDateTime.UTC().Truncate(time.Second)
	}
	if e.EndDateTime != nil {
		k.End = e.EndDateTime.UTC().Truncate(time.Second)
	}
	if k.Start.Before(certificate.NotBefore) || k.End.After(certificate.NotAfter) || !k.Start.Before(k.End) {
		return k, invalidKeyDate()
	}
	return k, nil
}

// Types of keys (Microsoft Graph: keyCredential resource type).
const (
	publicKey  = "AsymmetricX509Cert"
	privateKey = "X509CertAndPassword"
)

// certificate reads what a new key holds: a certificate, or, of a service principal that signs tokens, a PFX file with
// the private key (Microsoft Graph: serviceprincipal-addkey). Codes and texts of refusals are unconfirmed.
func (e keyRequest) certificate(h holder, passwords []passwordRequest) (*x509.Certificate, *apiError) {
	wrongType := refuse(badRequest,
		"The value for the property \"type\" or \"key\" in one of your credentials is invalid.")
	if e.Content == nil || e.Type == nil {
		return nil, wrongType
	}
	var certificate *x509.Certificate
	var err error
	switch signs := *e.Usage == signing; {
	case *e.Type == publicKey:
		certificate, err = parseKey(*e.Content)
	case *e.Type == privateKey && signs && h.resource == "ServicePrincipal":
		secret := secretOf(e.KeyID, passwords)
		if secret == "" {
			return nil, wrongType // an empty password also opens some files, but is none
		}
		certificate, err = parsePFX(*e.Content, secret)
	default:
		return nil, wrongType
	}
	if err != nil {
		return nil, refuse(badRequest, "Key value is invalid certificate.").detail("InvalidValue", "keyCredentials")
	}
	return certificate, nil
}

// secretOf is the value of the password that comes with a private key.
func secretOf(keyID *string, passwords []passwordRequest) string {
	for _, p := range passwords {
		if keyID != nil && p.KeyID != nil && p.SecretText != nil && strings.EqualFold(*p.KeyID, *keyID) {
			return *p.SecretText
		}
	}
	return ""
}

// parsePFX reads base64 of a PFX file, and returns the certificate of its private key.
func parsePFX(text, password string) (*x509.Certificate, error) {
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	_, certificate, _, err := pkcs12.DecodeChain(content, password)
	return certificate, err
}

// isKeyIdentifier reports whether a text is 1 to 32 bytes in base64. A thumbprint in hex is 30 bytes, read like that,
// and so comes back as it was sent.
func isKeyIdentifier(text string) bool {
	content, err := base64.StdEncoding.DecodeString(text)
	return err == nil && len(content) > 0 && len(content) <= 32
}

// parseKey reads base64 of a certificate, in DER or, as HashiCorp's azuread provider sends it, in PEM. That the first
// certificate of a chain counts is unconfirmed.
func parseKey(text string) (*x509.Certificate, error) {
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	if block, _ := pem.Decode(content); block != nil &&
		bytes.HasPrefix(bytes.TrimSpace(content), []byte("-----BEGIN CERTIFICATE-----")) {
		content = block.Bytes
	}
	return x509.ParseCertificate(content)
}

func keyEntity(k tenant.KeyCredential, withKey bool) object {
	e := object{
		"customKeyIdentifier": text(k.CustomID), "displayName": text(k.DisplayName), "keyId": k.KeyID, "type": k.Type,
		"usage":         k.Usage,
		"startDateTime": timestamp(k.Start), "endDateTime": timestamp(k.End), "key": nil,
	}
	if withKey && k.Type != privateKey {
		e["key"] = base64.StdEncoding.EncodeToString(k.Raw)
	}
	return e
}

// secretLifetime is what a client secret lives unless told otherwise (Microsoft Graph: application-addpassword).
const secretLifetime = 2

type passwordRequest struct {
	CustomKeyIdentifier *string    `json:"customKeyIdentifier"`
	DisplayName         *string    `json:"displayName"`
	EndDateTime         *time.Time `json:"endDateTime"`
	Hint                *string    `json:"hint"`
	KeyID               *string    `json:"keyId"`
	SecretText          *string    `json:"secretText"`
	StartDateTime       *time.Time `json:"startDateTime"`
}

func (c *call) newPassword(h holder, request passwordRequest) (tenant.PasswordCredential, *apiError) {
	secret := tenant.NewClientSecret()
	p := tenant.PasswordCredential{KeyID: uuid.NewString(), Secret: secret, Hint: secret[:3], Start: c.now(),
		End: c.now().AddDate(secretLifetime, 0, 0)}
	if request.DisplayName != nil {
		p.DisplayName = *request.DisplayName
	}
	if request.StartDateTime != nil {
		p.Start = *request.StartDateTime
	}
	if request.EndDateTime != nil {
		p.End = *request.EndDateTime
	}
	if !p.Start.Before(p.End) || !c.api.world.Now().Before(p.End) {
		return p, invalidValue("endDateTime", "PasswordCredential") // unconfirmed
	}
	return p, c.checkNewPassword(h, p)
}

// setPasswords replaces the collection. With a new application secrets can be made by the way, which is undocumented
// but what HashiCorp's azuread provider lives on; later only removed. The exception is the password of a private key
// that signs tokens, which comes with it.
func (c *call) setPasswords(h holder, raw json.RawMessage, creating bool) (secrets []string, failure *apiError) {
	entries, failure := decoded[[]passwordRequest]("passwordCredentials", h.resource, raw)
	if failure != nil {
		return nil, failure
	}
	passwords := make([]tenant.PasswordCredential, 0, len(entries))
	for _, entry := range entries {
		at := -1
		if entry.KeyID != nil {
			at = slices.IndexFunc(*h.passwords, func(p tenant.PasswordCredential) bool {
				return strings.EqualFold(p.KeyID, *entry.KeyID)
			})
		}
		switch {
		case at >= 0:
			passwords = append(passwords, (*h.passwords)[at])
		case entry.KeyID != nil && entry.SecretText != nil && h.opensKey(*entry.KeyID):
			passwords = append(passwords, entry.ofPrivateKey())
		case creating:
			made, failure := c.newPassword(h, entry)
			if failure != nil {
				return nil, failure
			}
			passwords, secrets = append(passwords, made), append(secrets, made.Secret)
		default:
			return nil, refuse(badRequest, "New password credentials must be generated with service actions.") // unconfirmed
		}
	}
	*h.passwords = passwords
	return secrets, nil
}

// opensKey reports whether a password with that ID belongs to a private key.
func (h holder) opensKey(id string) bool {
	return slices.ContainsFunc(*h.keys, func(k tenant.KeyCredential) bool {
		return k.Type == privateKey && strings.EqualFold(k.KeyID, id)
	})
}

// ofPrivateKey is the password of a private key, as it is kept.
func (r passwordRequest) ofPrivateKey() tenant.PasswordCredential {
	p := tenant.PasswordCredential{KeyID: strings.ToLower(*r.KeyID), Secret: *r.SecretText}
	if r.CustomKeyIdentifier != nil {
		p.CustomID = *r.CustomKeyIdentifier
	}
	if r.DisplayName != nil {
		p.DisplayName = *r.DisplayName
	}
	if r.StartDateTime != nil {
		p.Start = *r.StartDateTime
	}
	if r.EndDateTime != nil {
		p.End = *r.EndDateTime
	}
	return p
}

func (c *call) addPassword() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	var request passwordRequest
	if raw, given := body["passwordCredential"]; given {
		if request, failure = decoded[passwordRequest]("passwordCredential", "Application", raw); failure != nil {
			return failure
		}
	}
	var made tenant.PasswordCredential
	failure = c.changeCredentials(func(h holder) (failure *apiError) {
		made, failure = c.newPassword(h, request)
		*h.passwords = append(slices.Clone(*h.passwords), made)
		return failure
	})
	if failure != nil {
		return failure
	}
	e := passwordEntity(made)
	e["secretText"] = made.Secret
	e["@odata.context"] = c.link("$metadata#microsoft.graph.passwordCredential")
	return c.write(http.StatusOK, e)
}

func (c *call) removePassword() *apiError {
	body, failure := c.body()
	if failure != nil {
		return failure
	}
	keyID, failure := decoded[string]("keyId", "PasswordCredential", body["keyId"])
	if failure != nil {
		return failure
	}
	failure = c.changeCredentials(func(h holder) *apiError {
		left := slices.DeleteFunc(slices.Clone(*h.passwords), func(p tenant.PasswordCredential) bool {
			return strings.EqualFold(p.KeyID, keyID)
		})
		if len(left) == len(*h.passwords) {
			return refuse(badRequest, "No password credential found with keyId.") // unconfirmed
		}
		*h.passwords = left
		return nil
	})
	if failure != nil {
		return failure
	}
	return c.noContent()
}

func passwordEntity(p tenant.PasswordCredential) object {
	return object{
		"customKeyIdentifier": text(p.CustomID), "displayName": text(p.DisplayName), "keyId": p.KeyID, "hint": text(p.Hint),
		"startDateTime": timestamp(p.Start), "endDateTime": timestamp(p.End), "secretText": nil,
	}
}
