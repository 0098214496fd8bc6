package msgraph

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/entra"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// directoryOf is a directory that answers every request alike.
func directoryOf(body string) *directory {
	return &directory{Config: Config{
		Origin: "https://127.0.0.1", Client: &http.Client{Transport: answeredAlike(body)},
		Token:   func(context.Context) (string, error) { return "the-token", nil },
		Retries: retry.Policy{Clock: tiring(3)},
	}}
}

func FuzzAnyObjectOfGraphIsReadOrAnError(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "[]", "7", `{"id":7}`, `{"value":null}`, `{"value":[null]}`, `{"value":[7]}`,
		`{"id":"o","appId":"c","displayName":"n","uniqueName":"u","tags":["a",null,7],"createdDateTime":"2026-11-26T00:00:00Z",` +
			`"keyCredentials":[{"keyId":"00000003-0000-0000-c000-000000000000","customKeyIdentifier":"A1B2C3D4","type":` +
			`"AsymmetricX509Cert","usage":"Verify","startDateTime":"2026-11-26T00:00:00+02:00","endDateTime":` +
			`"2027-11-26T00:00:00.1234567Z"}]}`,
		`{"requiredResourceAccess":[{"resourceAppId":"a","resourceAccess":[{"id":"00000003-0000-0000-c000-000000000000",` +
			`"type":"Role"},{"type":"Scope"},null]},null]}`,
		`{"keyCredentials":[{}],"passwordCredentials":[{"keyId":"x","hint":"h"}],"deletedDateTime":null}`,
		`{"accountEnabled":"true","appRoles":[{"id":"00000003-0000-0000-c000-000000000000","allowedMemberTypes":` +
			`["Application",null],"isEnabled":true,"value":"v"}],"proxyAddresses":[null],"assignedPlans":[{"service":"exchange"}]}`,
		`{"verifiedDomains":[{"name":"d","isInitial":true,"isDefault":false},null]}`,
		`{"appRoleId":"00000003-0000-0000-c000-000000000000","principalId":"p","createdDateTime":"yesterday"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		answered := answer{body: body}
		if read, err := decode[*application](answered, newApplication); err == nil {
			checkKeysAreKept(t, read.Keys)
		}
		_, _ = decode[*servicePrincipal](answered, newServicePrincipal)
		_, _ = decode[*user](answered, newUser)
		if read, err := decode[models.Organizationable](answered,
			models.CreateOrganizationFromDiscriminatorValue); err == nil {
			domains := toOrganization(read).Domains
			if len(domains) > len(read.GetVerifiedDomains()) {
				t.Errorf("the domains are %+v", domains)
			}
		}
		if read, err := decode[models.AppRoleAssignmentable](answered,
			models.CreateAppRoleAssignmentFromDiscriminatorValue); err == nil {
			_ = toGrant(read)
		}
	})
}

// checkKeysAreKept sends keys again as a registration does that keeps them: Entra refuses to change a key, so each has
// to come back as it was read.
func checkKeysAreKept(t *testing.T, keys []entra.KeyCredential) {
	t.Helper()
	body, err := encode(applicationBody{ApplicationChange: entra.ApplicationChange{Keys: &keys}})
	if err != nil {
		t.Fatalf("%+v cannot be written: %v", keys, err)
	}
	again, err := decode[*application](answer{body: body}, newApplication)
	if err != nil {
		t.Fatalf("%s cannot be read: %v", body, err)
	}
	same := slices.EqualFunc(again.Keys, keys, func(a, b entra.KeyCredential) bool {
		return a.KeyID == b.KeyID && a.DisplayName == b.DisplayName && a.Type == b.Type && a.Usage == b.Usage &&
			a.CustomKeyIdentifier == b.CustomKeyIdentifier && a.NotBefore.Equal(b.NotBefore) && a.NotAfter.Equal(b.NotAfter)
	})
	if !same {
		t.Errorf("the keys %+v\nare sent as %s", keys, body)
	}
}

func FuzzAListEndsOrIsRefusedAndNeverLeadsElsewhere(f *testing.F) {
	const base = "https://127.0.0.1/v1.0"
	for _, body := range []string{
		"{}", `{"value":[]}`, `{"value":[{"id":"a"},null]}`, `{"value":[],"@odata.nextLink":"` + base + `/users?$skiptoken=1"}`,
		`{"value":[],"@odata.nextLink":"https://evil.example/v1.0/users"}`, `{"value":[],"@odata.nextLink":"` + base +
			`.evil.example/users"}`, `{"value":[],"@odata.nextLink":"HTTPS://127.0.0.1/V1.0@evil.example"}`,
		`{"@odata.nextLink":"` + base + `%zz"}`, `{"@odata.nextLink":7}`, `{"value":[],"@odata.nextLink":null}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		d := directoryOf(body)
		listed, err := list[*user](t.Context(), d, answer{body: []byte(body)}, newUser)
		if err == nil && slices.Contains(listed, nil) {
			t.Error("a list holds nothing at a place")
		}
		if err != nil && (len(listed) > 0 || strings.Contains(err.Error(), "the-token")) {
			t.Errorf("%d entries, and the error %v", len(listed), err)
		}
		path, err := d.nextPath(body)
		if err != nil {
			return
		}
		if target, err := url.Parse(d.Origin + version + path); err != nil || target.Host != "127.0.0.1" ||
			target.Scheme != "https" {
			t.Errorf("%q leads to %v (%v)", body, target, err)
		}
	})
}

func FuzzAnyPolicyOfCertificatesIsOneOrNone(f *testing.F) {
	rule := func(text string) string {
		return `{"id":"p","isEnabled":true,"applicationRestrictions":{"keyCredentials":[` + text + `]}}`
	}
	for _, body := range []string{
		"", "{}", "null", `{"isEnabled":false}`, rule(""), rule("null"), rule(`{"restrictionType":"asymmetricKeyLifetime",` +
			`"maxLifetime":"P365D","restrictForAppsCreatedAfterDateTime":"2026-11-26T00:00:00Z"}`),
		rule(`{"restrictionType":"asymmetricKeyLifetime","state":"disabled"}`), rule(`{"restrictionType":"trustedCertificate"}`),
		rule(`{"restrictionType":"asymmetricKeyLifetime","maxLifetime":"P1Y2M3DT4H5M6.7S"}`),
		rule(`{"restrictionType":"asymmetricKeyLifetime","maxLifetime":"-P1D"}`),
		rule(`{"restrictionType":"asymmetricKeyLifetime","maxLifetime":"P999999999999D"}`),
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		policy := toCertificatePolicy(body)
		if policy == nil {
			return
		}
		if policy.Longest < 0 || !json.Valid(body) || !strings.Contains(strings.ToLower(string(body)), "true") {
			t.Errorf("%s is taken for %+v", body, policy)
		}
	})
}
