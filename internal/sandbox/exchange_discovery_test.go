package sandbox

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// poxRequest posts to Autodiscover without SOAP.
func (m *mailRig) poxRequest(bearer, body string) answer {
	m.t.Helper()
	return m.do(http.MethodPost, "/autodiscover/autodiscover.xml", body,
		map[string]string{"Content-Type": "text/xml", "Authorization": "Bearer " + bearer})
}

func poxBody(address string) string {
	return `<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>` +
		`<EMailAddress>` + address + `</EMailAddress><AcceptableResponseSchema>` +
		`http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a</AcceptableResponseSchema></Request></Autodiscover>`
}

func (m *mailRig) pox(bearer, address string) poxAnswer {
	m.t.Helper()
	return m.poxAnswer(m.poxRequest(bearer, poxBody(address)))
}

func (m *mailRig) poxAnswer(got answer) (found poxAnswer) {
	m.t.Helper()
	if err := xml.Unmarshal([]byte(got.Body), &found); err != nil || got.Status != http.StatusOK {
		m.t.Fatalf("HTTP %d: %v\n%s", got.Status, err, got.Body)
	}
	return found
}

func TestAutodiscoverWithoutSOAPTellsAMailboxsAddress(t *testing.T) {
	m := newMailRig(t)
	for _, address := range []string{m.mailbox, strings.ToUpper(m.mailbox)} {
		if got := m.pox(m.bearer, address); got.Address != m.mailbox || got.Action != "settings" || got.Public != m.anchor ||
			got.EWS != m.server.Origin()+"/EWS/Exchange.asmx" {
			t.Errorf("%s: %+v", address, got)
		}
	}
	if got := m.pox(m.bearer, m.anchor); got.Address != m.anchor || got.Server != m.byGUID {
		t.Errorf("the mailbox of the public folders: %+v", got)
	}
	for name, body := range map[string]string{"nobody": poxBody("nobody@" + m.tenant.Domain),
		"another tenant's":      poxBody(m.server.TenantsJSON().Tenants[1].Mailboxes.Licensed[0]),
		"one without a licence": poxBody(m.tenant.Mailboxes.Unlicensed[0])} {
		if got := m.poxAnswer(m.poxRequest(m.bearer, body)); got.Code != 500 || got.Address != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, body := range map[string]string{"no XML": "{}", "no address": poxBody(""),
		"another schema": strings.Replace(poxBody(m.mailbox), "requestschema/2006", "requestschema/2010", 1)} {
		if got := m.poxAnswer(m.poxRequest(m.bearer, body)); got.Code != 600 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	weak := m.register(m.server.world.Tenants[0], tenant.ExchangeAppID+"/Exchange.ManageAsApp")
	for name, token := range map[string]string{"no token": "",
		"a token without the role": m.token(m.tenant.TenantID, secretForm(weak.AppID, weak.secret, exchangeDefault)),
		"a token for Graph":        m.token(m.tenant.TenantID, secretForm(m.app.AppID, m.app.secret, graphDefault))} {
		if got := m.poxRequest(token, poxBody(m.mailbox)); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: HTTP %d", name, got.Status)
		}
		if got := m.userSettings(token, m.mailbox); got.Status != http.StatusUnauthorized {
			t.Errorf("%s, with SOAP: HTTP %d", name, got.Status)
		}
	}
	m.exchange(`{"public_folders": false}`)
	if got := m.pox(m.bearer, m.mailbox); got.Public != "" || got.Address != m.mailbox {
		t.Errorf("without public folders: %+v", got)
	}
	if got := m.pox(m.bearer, m.anchor); got.Code != 500 {
		t.Errorf("without public folders, their mailbox: %+v", got)
	}
	m.exchange(`{"outage": {"status": 503, "folder": "autodiscover"}}`)
	if got := m.poxRequest(m.bearer, poxBody(m.mailbox)); got.Status != http.StatusServiceUnavailable {
		t.Errorf("an outage: HTTP %d", got.Status)
	}
}

func TestAnAutodiscoverRequestThatIsStillOnItsWayKeepsNobodyWaiting(t *testing.T) {
	m := newMailRig(t)
	// post sends a request, and returns what it ended with.
	post := func(ctx context.Context, path string, body io.Reader) <-chan error {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, m.server.Origin()+path, body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+m.bearer)
		ended := make(chan error, 1)
		go func() {
			response, err := m.client.Do(request)
			if err == nil {
				err = response.Body.Close()
			}
			ended <- err
		}()
		return ended
	}
	for _, path := range []string{"/autodiscover/autodiscover.svc", "/autodiscover/autodiscover.xml"} {
		body, more := io.Pipe()
		first := post(t.Context(), path, body)
		if _, err := io.WriteString(more, "<Envelope"); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 20*time.Second) // instead of the whole test's
		if err := <-post(ctx, path, strings.NewReader("")); err != nil {
			t.Errorf("%s: another request meanwhile: %v", path, err)
		}
		stop()
		_ = more.Close()
		if err := <-first; err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAutodiscoverNamesItsEndpointsInARefusal(t *testing.T) {
	r := newRig(t, Options{})
	got := r.get("/autodiscover/autodiscover.xml")
	if got.Status != http.StatusUnauthorized || got.Header.Get("X-SOAP-Enabled") != "True" ||
		got.Header.Get("X-OAuth-Enabled") != "True" {
		t.Errorf("HTTP %d %v", got.Status, got.Header)
	}
}

func TestSOAPAutodiscoverTellsWhereEWSIsOfSeveralUsers(t *testing.T) {
	m := newMailRig(t)
	request := func(users int) answer {
		mailbox := `<a:User><a:Mailbox>` + m.mailbox + `</a:Mailbox></a:User>`
		return m.do(http.MethodPost, "/autodiscover/autodiscover.svc", `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"`+
			` xmlns:a="http://schemas.microsoft.com/exchange/2010/Autodiscover"><s:Body><a:GetUserSettingsRequestMessage><a:Request>`+
			`<a:Users><a:User><a:Mailbox>nobody@`+m.tenant.Domain+`</a:Mailbox></a:User>`+strings.Repeat(mailbox, users)+`</a:Users>`+
			`<a:RequestedSettings><a:Setting>InternalEwsUrl</a:Setting><a:Setting>ExternalEwsUrl</a:Setting>`+
			`<a:Setting>AutoDiscoverSMTPAddress</a:Setting><a:Setting>MobileMailboxPolicy</a:Setting></a:RequestedSettings>`+
			`</a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>`,
			map[string]string{"Content-Type": "text/xml; charset=utf-8", "Authorization": "Bearer " + m.bearer})
	}
	var soap struct {
		Major string `xml:"Header>ServerVersionInfo>MajorVersion"`
		Users []struct {
			Code     string   `xml:"ErrorCode"`
			Values   []string `xml:"UserSettings>UserSetting>Value"`
			Missing  []string `xml:"UserSettingErrors>UserSettingError>SettingName"`
			Redirect string   `xml:"RedirectTarget"`
		} `xml:"Body>GetUserSettingsResponseMessage>Response>UserResponses>UserResponse"`
	}
	if err := xml.Unmarshal([]byte(request(1).Body), &soap); err != nil || len(soap.Users) != 2 {
		t.Fatalf("%v %+v", err, soap)
	}
	url := m.server.Origin() + "/EWS/Exchange.asmx"
	if user := soap.Users[1]; soap.Users[0].Code != "InvalidUser" || soap.Major != "15" ||
		fmt.Sprint(user.Values) != fmt.Sprint([]string{url, url, m.mailbox}) ||
		fmt.Sprint(user.Missing) != "[MobileMailboxPolicy]" {
		t.Errorf("the answer is %+v", soap)
	}
	if got := request(100); got.Status != http.StatusInternalServerError ||
		!strings.Contains(got.Body, "ErrorSchemaValidation") {
		t.Errorf("101 users are answered HTTP %d %s", got.Status, got.Body)
	}
}
