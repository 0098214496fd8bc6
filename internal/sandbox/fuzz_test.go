package sandbox

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// unheard is a sandbox that is called without a socket.
type unheard struct {
	*Server

	org *tenant.Tenant
}

func newUnheard(f *testing.F) unheard {
	f.Helper()
	server, err := newServer(Options{}, "127.0.0.1:1") // which nobody listens on
	if err != nil {
		f.Fatal(err)
	}
	return unheard{server, server.world.Tenants[0]}
}

// token is a token of an application with these roles.
func (s unheard) token(f *testing.F, audience string, roles ...string) string {
	f.Helper()
	principal, _ := s.org.ServicePrincipalByAppID(tenant.Present(), s.org.Callers[tenant.FullCaller].ClientID)
	token, err := s.issuer.Issue(s.org, principal, "1", audience, roles)
	if err != nil {
		f.Fatal(err)
	}
	return token
}

func (s unheard) answer(t *testing.T, method, path, token, contentType, body string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("Content-Type", contentType)
	request.Header.Set(bypass, "yes") // no quota
	answered := httptest.NewRecorder()
	s.http.Handler.ServeHTTP(answered, request)
	return answered
}

func FuzzAnyRequestToExchangeIsAnsweredInXML(f *testing.F) {
	const envelope = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ` +
		`xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" ` +
		`xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" ` +
		`xmlns:a="http://schemas.microsoft.com/exchange/2010/Autodiscover"><s:Header><t:ExchangeImpersonation>` +
		`<t:ConnectingSID><t:SmtpAddress>ADDRESS</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header>` +
		`<s:Body>BODY</s:Body></s:Envelope>`
	s := newUnheard(f)
	address := s.org.Directory.Users.List(tenant.Present(), func(u tenant.User) bool {
		return u.Mailbox != tenant.Unlicensed && u.Mailbox != tenant.NoMailbox
	})[0].UserPrincipalName
	const shape, name = `<m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape>`, `"folder:DisplayName"`
	const parents = `<m:ParentFolderIds><t:DistinguishedFolderId Id="publicfoldersroot"/></m:ParentFolderIds>`
	for _, body := range []string{
		`<m:GetFolder>` + shape + `<m:FolderIds><t:DistinguishedFolderId Id="inbox"/><t:FolderId Id="&lt;"/></m:FolderIds>` +
			`</m:GetFolder>`,
		`<m:GetFolder/>`, `<m:FindFolder Traversal="Shallow">` + shape + parents + `</m:FindFolder>`, "", `<m:GetFolder>`,
		`<m:FindFolder Traversal="Shallow">` + shape + `<m:IndexedPageFolderView MaxEntriesReturned="1" Offset="1" ` +
			`BasePoint="Beginning"/><m:Restriction><t:Or><t:Contains ContainmentMode="FullString" ` +
			`ContainmentComparison="IgnoreCase"><t:FieldURI FieldURI=` + name + `/><t:Constant Value="a&quot;"/></t:Contains>` +
			`<t:IsEqualTo><t:FieldURI FieldURI=` + name + `/><t:FieldURIOrConstant><t:Constant Value="b"/></t:FieldURIOrConstant>` +
			`</t:IsEqualTo></t:Or></m:Restriction>` + parents + `</m:FindFolder>`,
		`<a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>` + address + `</a:Mailbox></a:User></a:Users>` +
			`<a:RequestedSettings><a:Setting>PublicFolderInformation</a:Setting><a:Setting>&lt;x&gt;</a:Setting>` +
			`</a:RequestedSettings></a:Request></a:GetUserSettingsRequestMessage>`,
	} {
		whole := strings.Replace(envelope, "BODY", body, 1)
		for _, address := range []string{address, "nobody@contoso.example"} {
			f.Add(strings.Replace(whole, "ADDRESS", address, 1), true)
			f.Add(strings.Replace(whole, "ADDRESS", address, 1), false)
		}
	}
	f.Add("", true)
	token := s.token(f, tenant.ExchangeAudience, tenant.EWSRole)
	f.Fuzz(func(t *testing.T, body string, ews bool) {
		path := "/autodiscover/autodiscover.svc"
		if ews {
			path = "/EWS/Exchange.asmx"
		}
		answered := s.answer(t, http.MethodPost, path, token, "text/xml; charset=utf-8", body)
		if answered.Code != http.StatusOK && answered.Code != http.StatusInternalServerError {
			t.Errorf("HTTP %d: %s", answered.Code, answered.Body)
		}
		content := answered.Body.String()
		for decoder := xml.NewDecoder(strings.NewReader(content)); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("the answer is not XML: %v\n%s", err, content)
			}
		}
		if !strings.Contains(content, "<s:Envelope") {
			t.Errorf("the answer has no envelope: %s", content)
		}
	})
}

func FuzzNoFormSignsInWithoutACredential(f *testing.F) {
	s := newUnheard(f)
	form := func(pairs ...string) string {
		values := url.Values{"grant_type": {"client_credentials"}, "scope": {s.origin + "/.default"},
			"client_id": {s.org.Callers[tenant.FullCaller].ClientID}}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return values.Encode()
	}
	const assertion = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	for _, body := range []string{
		"", "%zz", form(), form("client_secret", "x"), form("client_secret", ""), form("grant_type", "password"),
		form("client_id", "x"), form("client_id", noObject), form("scope", "x"), form("client_assertion", "a.b.c"),
		form("client_assertion_type", assertion, "client_assertion", ""),
		form("client_assertion_type", assertion, "client_assertion", "eyJhbGciOiJub25lIn0.e30."),
		form("client_assertion_type", assertion, "client_assertion", "eyJhbGciOiJSUzI1NiIsIng1dCI6IngifQ.e30.c2ln"),
		form("client_assertion_type", assertion, "client_assertion", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"),
		form("client_assertion_type", "x", "client_assertion", "eyJhbGciOiJub25lIn0.e30."),
	} {
		f.Add(body)
	}
	path := "/" + s.org.ID + "/oauth2/v2.0/token"
	f.Fuzz(func(t *testing.T, body string) {
		answered := s.answer(t, http.MethodPost, path, "", "application/x-www-form-urlencoded", body)
		var refusal struct {
			Kind        string `json:"error"`
			Codes       []int  `json:"error_codes"`
			Description string `json:"error_description"`
		}
		if answered.Code < 400 || answered.Code > 499 {
			t.Fatalf("HTTP %d: %s", answered.Code, answered.Body)
		}
		if err := json.Unmarshal(answered.Body.Bytes(), &refusal); err != nil || refusal.Kind == "" ||
			len(refusal.Codes) != 1 || !strings.HasPrefix(refusal.Description, "AADSTS") {
			t.Errorf("the refusal is %s (%v)", answered.Body, err)
		}
	})
}

func FuzzAnApplicationIsMadeAsItWasSentOrRefused(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "[]", `{"displayName":"x"}`, `{"displayName":7}`, `{"displayName":""}`, `{"displayName":"x","id":"y"}`,
		`{"displayName":"x","nothing":1}`, `{"displayName":"x","tags":["a",null]}`, `{"displayName":"x","web":{"redirectUris":[]}}`,
		`{"displayName":"x","signInAudience":"AzureADMyOrg","identifierUris":["api://x"]}`,
		`{"displayName":"x","keyCredentials":[{"type":"AsymmetricX509Cert","usage":"Verify","key":"AAAA"}]}`,
		`{"displayName":"x","passwordCredentials":[{"displayName":"p"}]}`, `{"displayName":"x","uniqueName":"u"}`,
		`{"displayName":"x","requiredResourceAccess":[{"resourceAppId":"a","resourceAccess":[{"id":"b","type":"Role"}]}]}`,
		`{"displayName":"x","owners@odata.bind":["https://127.0.0.1:1/v1.0/users/x"]}`, `{"displayName":"x"} y`,
	} {
		f.Add(body)
	}
	s := newUnheard(f)
	token := s.token(f, tenant.GraphAudience, "Application.ReadWrite.All")
	f.Fuzz(func(t *testing.T, body string) {
		made := s.answer(t, http.MethodPost, "/v1.0/applications", token, "application/json", body)
		var read struct {
			ID, DisplayName string
			Error           struct{ Code, Message string }
		}
		if err := json.Unmarshal(made.Body.Bytes(), &read); err != nil {
			t.Fatalf("HTTP %d: %s", made.Code, made.Body)
		}
		if made.Code != http.StatusCreated {
			if made.Code < 400 || made.Code > 499 || read.Error.Code == "" || read.Error.Message == "" {
				t.Errorf("HTTP %d: %s", made.Code, made.Body)
			}
			return
		}
		own := "/v1.0/applications/" + read.ID
		shown := s.answer(t, http.MethodGet, own, token, "", "")
		var sent, again struct{ DisplayName string }
		if shown.Code != http.StatusOK || json.Unmarshal([]byte(body), &sent) != nil ||
			json.Unmarshal(shown.Body.Bytes(), &again) != nil || again != sent {
			t.Errorf("%s makes HTTP %d: %s", body, shown.Code, shown.Body)
		}
		for _, path := range []string{own, "/v1.0/directory/deletedItems/" + read.ID} { // nothing is left to the next run
			if gone := s.answer(t, http.MethodDelete, path, token, "", ""); gone.Code != http.StatusNoContent {
				t.Fatalf("DELETE %s is HTTP %d: %s", path, gone.Code, gone.Body)
			}
		}
	})
}
