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

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// credentialRoutes are the operations on client secrets. Certificates are set by a PATCH of the application, or rolled
// by the application itself.
var credentialRoutes = []route{
	{http.MethodPost, "applications/{application}/addPassword", []string{appOwnedBy, appReadWriteAll},
		(*call).addPassword},
	{http.MethodPost, "applications/{application}/removePassword", []string{appOwnedBy, appReadWriteAll},
		(*call).removePassword},
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
func (c *call) setKeys(a *tenant.Application, raw json.RawMessage) *apiError {
	entries, failure := decoded[[]keyRequest]("keyCredentials", "Application", raw)
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
			kept = slices.IndexFunc(a.Keys, func(k tenant.KeyCredential) bool {
				return strings.EqualFold(k.KeyID, *entry.KeyID)
			})
		}
		var key tenant.KeyCredential
		if kept >= 0 {
			key, failure = a.Keys[kept], entry.unchanged(a.Keys[kept])
		} else {
			key, failure = c.newKey(a, entry)
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
	a.Keys = keys
	return nil
}

func (e keyRequest) checkUsage() *apiError {
	if e.Usage == nil || *e.Usage != "Verify" && *e.Usage != "Sign" {
		return refuse(badRequest,
			`The value for the property "usage" in one of your credentials is invalid. Acceptable values are Sign, Verify.`)
	}
	return nil
}

// newKey makes a key of a certificate that the application is allowed to have.
func (c *call) newKey(a *tenant.Application, e keyRequest) (tenant.KeyCredential, *apiError) {
	if failure := e.checkUsage(); failure != nil {
		return tenant.KeyCredential{}, failure
	}
	key, failure := e.key()
	if failure != nil {
		return key, failure
	}
	// A certificate that is made a moment ago by a clock ahead of Entra's is refused, and taken on a second try.
	if c.api.world.Now().Before(key.Start) {
		return key, invalidKeyDate()
	}
	return key, c.checkKeyLifetime(a, key)
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
	if e.Content != nil {
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
func (e keyRequest) key() (tenant.KeyCredential, *apiError) {
	if e.Content == nil || e.Type == nil || *e.Type != "AsymmetricX509Cert" {
		// unconfirmed
		return tenant.KeyCredential{},
			refuse(badRequest, "The value for the property \"type\" or \"key\" in one of your credentials is invalid.")
	}
	certificate, err := parseKey(*e.Content)
	if err != nil {
		// unconfirmed
		return tenant.KeyCredential{},
			refuse(badRequest, "Key value is invalid certificate.").detail("InvalidValue", "keyCredentials")
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
	if withKey {
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

func (c *call) newPassword(a *tenant.Application, request passwordRequest) (tenant.PasswordCredential, *apiError) {
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
	return p, c.checkNewPassword(a, p)
}

// setPasswords replaces the collection. With a new application secrets can be made by the way, which is undocumented
// but what HashiCorp's azuread provider lives on; later only removed.
func (c *call) setPasswords(a *tenant.Application, raw json.RawMessage, creating bool) (secrets []string,
	failure *apiError) {
	entries, failure := decoded[[]passwordRequest]("passwordCredentials", "Application", raw)
	if failure != nil {
		return nil, failure
	}
	passwords := make([]tenant.PasswordCredential, 0, len(entries))
	for _, entry := range entries {
		at := -1
		if entry.KeyID != nil {
			at = slices.IndexFunc(a.Passwords, func(p tenant.PasswordCredential) bool {
				return strings.EqualFold(p.KeyID, *entry.KeyID)
			})
		}
		switch {
		case at >= 0:
			passwords = append(passwords, a.Passwords[at])
		case creating:
			made, failure := c.newPassword(a, entry)
			if failure != nil {
				return nil, failure
			}
			passwords, secrets = append(passwords, made), append(secrets, made.Secret)
		default:
			return nil, refuse(badRequest, "New password credentials must be generated with service actions.") // unconfirmed
		}
	}
	a.Passwords = passwords
	return secrets, nil
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
	changed, failure := c.findApplication(tenant.Present())
	if failure != nil {
		return failure
	}
	made, failure := c.newPassword(&changed, request)
	if failure != nil {
		return failure
	}
	changed.Passwords = append(slices.Clone(changed.Passwords), made)
	c.tenant.Directory.Applications.Put(c.api.world.Now(), changed.ID, changed)
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
	changed, failure := c.findApplication(tenant.Present())
	if failure != nil {
		return failure
	}
	left := slices.DeleteFunc(slices.Clone(changed.Passwords), func(p tenant.PasswordCredential) bool {
		return strings.EqualFold(p.KeyID, keyID)
	})
	if len(left) == len(changed.Passwords) {
		return refuse(badRequest, "No password credential found with keyId.") // unconfirmed
	}
	changed.Passwords = left
	c.tenant.Directory.Applications.Put(c.api.world.Now(), changed.ID, changed)
	return c.noContent()
}

func passwordEntity(p tenant.PasswordCredential) object {
	return object{
		"customKeyIdentifier": nil, "displayName": text(p.DisplayName), "keyId": p.KeyID, "hint": p.Hint,
		"startDateTime": timestamp(p.Start), "endDateTime": timestamp(p.End), "secretText": nil,
	}
}
