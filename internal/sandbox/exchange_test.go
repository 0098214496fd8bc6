package sandbox

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// soapAnswer is what the tests read of an EWS answer.
type soapAnswer struct {
	Fault struct {
		Code    string `xml:"detail>ResponseCode"`
		Message string `xml:"detail>Message"`
		Kind    string `xml:"faultcode"`
		Values  []struct {
			Name string `xml:"Name,attr"`
			Text string `xml:",chardata"`
		} `xml:"detail>MessageXml>Value"`
	} `xml:"Body>Fault"`
	Messages []struct {
		Class  string `xml:"ResponseClass,attr"`
		Code   string `xml:"ResponseCode"`
		Text   string `xml:"MessageText"`
		Folder struct {
			ID struct {
				Value string `xml:"Id,attr"`
			} `xml:"FolderId"`
			Name   string
			Rights *struct {
				CreateHierarchy, Delete, Modify, Read bool
			} `xml:"EffectiveRights"`
			Permissions []struct {
				Address string `xml:"UserId>PrimarySmtpAddress"`
				Group   string `xml:"UserId>DistinguishedUser"`
				Level   string `xml:"PermissionLevel"`
			} `xml:"PermissionSet>Permissions>Permission"`
		} `xml:"Folders>Folder"`
	} `xml:"Body>GetFolderResponse>ResponseMessages>GetFolderResponseMessage"`
}

func getFolder(mailbox, folder string) string {
	impersonation := ""
	if mailbox != "" {
		impersonation = `<t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>` + mailbox +
			`</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation>`
	}
	return `<?xml version="1.0"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"
	 xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
	 <soap:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>` + impersonation + `</soap:Header>
	 <soap:Body><m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties><t:FieldURI FieldURI="folder:EffectiveRights"/>
	 <t:FieldURI FieldURI="folder:PermissionSet"/></t:AdditionalProperties></m:FolderShape>
	 <m:FolderIds><t:DistinguishedFolderId Id="` + folder + `"/></m:FolderIds></m:GetFolder></soap:Body></soap:Envelope>`
}

// ewsRig is a rig with an app that has full_access_as_app, and the gate open for it.
func newEWSRig(t *testing.T) (*rig, *testApp, TenantEntry) {
	t.Helper()
	r := newRig(t, Options{Tenants: 2})
	app := r.register(r.server.world.Tenants[0], tenant.ExchangeAppID+"/full_access_as_app")
	r.openGate(app.AppID)
	return r, app, r.server.TenantsJSON().Tenants[0]
}

func (r *rig) exchange(patch string) {
	r.t.Helper()
	r.control(http.MethodPatch, "/tenants/"+r.server.world.Tenants[0].ID+"/exchange", patch)
}

func (r *rig) openGate(appID string) {
	r.t.Helper()
	r.exchange(fmt.Sprintf(`{"ews_enabled": true, "ews_allowed_app_ids": [%q]}`, appID))
}

func (r *rig) ews(bearer, anchor, envelope string, publicFolderMailbox ...string) (answer, soapAnswer) {
	r.t.Helper()
	headers := map[string]string{"Content-Type": "text/xml; charset=utf-8", "Authorization": "Bearer " + bearer}
	if anchor != "" {
		headers["X-AnchorMailbox"] = anchor
	}
	for _, mailbox := range publicFolderMailbox {
		headers["X-PublicFolderMailbox"] = mailbox
	}
	got := r.do(http.MethodPost, "/EWS/Exchange.asmx", envelope, headers)
	var soap soapAnswer
	if got.Body != "" {
		if err := xml.Unmarshal([]byte(got.Body), &soap); err != nil {
			r.t.Fatalf("HTTP %d without XML: %v\n%s", got.Status, err, got.Body)
		}
	}
	return got, soap
}

func TestOnlyATokenForExchangeOpensEWS(t *testing.T) {
	r, app, org := newEWSRig(t)
	mailbox := org.Mailboxes.Licensed[0]
	for name, bearer := range map[string]string{
		"no token":          "",
		"a token for Graph": r.token(org.TenantID, secretForm(app.AppID, app.secret, graphDefault)),
	} {
		got, _ := r.ews(bearer, mailbox, getFolder(mailbox, "inbox"))
		if got.Status != http.StatusUnauthorized || got.Body != "" ||
			!strings.Contains(got.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%s: HTTP %d %q, WWW-Authenticate %q", name, got.Status, got.Body, got.Header.Get("WWW-Authenticate"))
		}
	}
	powerless := r.register(r.server.world.Tenants[0], tenant.ExchangeAppID+"/Exchange.ManageAsApp")
	r.openGate(powerless.AppID)
	got, soap := r.ews(r.token(org.TenantID, secretForm(powerless.AppID, powerless.secret, exchangeDefault)), mailbox,
		getFolder(mailbox, "inbox"))
	if got.Status != http.StatusForbidden || soap.Fault.Code != "ErrorAccessDenied" ||
		soap.Fault.Message != "Access is denied. Check credentials and try again." {
		t.Errorf("without full_access_as_app: HTTP %d %s", got.Status, got.Body)
	}
}

// ewsWords are Exchange's texts.
var ewsWords = map[string]string{
	"ErrorNonExistentMailbox": "The SMTP address has no mailbox associated with it.",
	"ErrorImpersonateUserDenied": "The account does not have permission to impersonate the " +
		"requested user.",
	"ErrorInvalidExchangeImpersonationHeaderData": "ExchangeImpersonation SOAP header must be present for this type of " +
		"OAuth token.",
}

func TestEveryKindOfMailboxIsAnsweredAsExchangeWould(t *testing.T) {
	r, app, tenant := newEWSRig(t)
	bearer := r.token(tenant.TenantID, secretForm(app.AppID, app.secret, exchangeDefault))
	other := r.server.TenantsJSON().Tenants[1]
	r.exchange(fmt.Sprintf(`{"out_of_scope_mailboxes": [%q]}`, strings.ToUpper(tenant.Mailboxes.Licensed[1])))
	for _, test := range []struct {
		name, mailbox string
		status        int
		code, reason  string
	}{
		{"licensed", tenant.Mailboxes.Licensed[0], 200, "", ""},
		{"of a disabled account", tenant.Mailboxes.Disabled[0], 200, "", ""},
		{"unlicensed", tenant.Mailboxes.Unlicensed[0], 500, "ErrorNonExistentMailbox", ""},
		{"without a mailbox", tenant.Mailboxes.NoMailbox[0], 500, "ErrorNonExistentMailbox", ""},
		{"of another tenant", other.Mailboxes.Licensed[0], 500, "ErrorNonExistentMailbox", ""},
		{"kiosk", tenant.Mailboxes.Kiosk[0], 403, "", disabledReason},
		{"out of the app's scope", tenant.Mailboxes.Licensed[1], 500, "ErrorImpersonateUserDenied", ""},
		{"nobody impersonated", "", 500, "ErrorInvalidExchangeImpersonationHeaderData", ""},
	} {
		got, soap := r.ews(bearer, test.mailbox, getFolder(test.mailbox, "inbox"))
		if got.Status != test.status || soap.Fault.Code != test.code || got.Header.Get("X-EWS-Policy-Reason") != test.reason {
			t.Errorf("%s: HTTP %d %s %q\n%s", test.name, got.Status, soap.Fault.Code, got.Header.Get("X-EWS-Policy-Reason"),
				got.Body)
		}
		if test.code != "" && (soap.Fault.Message != ewsWords[test.code] || soap.Fault.Kind != "a:"+test.code) {
			t.Errorf("%s: the fault is %+v", test.name, soap.Fault)
		}
	}
	mailbox := tenant.Mailboxes.Licensed[0]
	if got, soap := r.ews(bearer, "", getFolder(mailbox, "inbox")); got.Status != http.StatusInternalServerError ||
		soap.Fault.Code != "ErrorInvalidRequest" {
		t.Errorf("a request without X-AnchorMailbox is answered HTTP %d %s", got.Status, got.Body)
	}
	if _, soap := r.ews(bearer, mailbox, getFolder(mailbox, "archiveinbox")); len(soap.Messages) != 1 ||
		soap.Messages[0].Class != "Error" || soap.Messages[0].Code != "ErrorFolderNotFound" {
		t.Errorf("a folder that is not there: %+v", soap)
	}
	r.exchange(fmt.Sprintf(`{"ews_disabled_mailboxes": [%q]}`, mailbox))
	if got, _ := r.ews(bearer, mailbox,
		getFolder(mailbox, "inbox")); got.Header.Get("X-EWS-Policy-Reason") != disabledReason {
		t.Errorf("a mailbox with EWS switched off answers HTTP %d", got.Status)
	}
}

func TestOnlyTheOwnerHasEveryRightOnTheRootPublicFolder(t *testing.T) {
	r, app, tenant := newEWSRig(t)
	bearer := r.token(tenant.TenantID, secretForm(app.AppID, app.secret, exchangeDefault))
	owner, reader := tenant.Mailboxes.PublicFolderOwner[0], tenant.Mailboxes.Licensed[0]
	for mailbox, owns := range map[string]bool{owner: true, reader: false} {
		anchor, byGUID := r.hierarchyMailbox(bearer, mailbox)
		got, soap := r.ews(bearer, anchor, getFolder(mailbox, "publicfoldersroot"), byGUID)
		if len(soap.Messages) != 1 || soap.Messages[0].Class != "Success" || soap.Messages[0].Folder.Rights == nil {
			t.Fatalf("%s: HTTP %d %s", mailbox, got.Status, got.Body)
		}
		folder := soap.Messages[0].Folder
		if folder.Rights.CreateHierarchy != owns || folder.Rights.Delete != owns || !folder.Rights.Read {
			t.Errorf("%s has the rights %+v", mailbox, *folder.Rights)
		}
		listed := ""
		for _, permission := range folder.Permissions {
			listed += permission.Address + permission.Group + "=" + permission.Level + " "
		}
		want := "" // who does not own the folder is not shown who else may do what
		if owns {
			want = "Default=Author " + mailbox + "=Owner Anonymous=None "
		}
		if listed != want {
			t.Errorf("%s is shown the permissions %q, want %q", mailbox, listed, want)
		}
	}
	anchor, byGUID := r.hierarchyMailbox(bearer, owner)
	const none = "ErrorPublicFolderMailboxDiscoveryFailed"
	if _, soap := r.ews(bearer, owner, getFolder(owner, "publicfoldersroot"), byGUID); len(soap.Messages) != 1 ||
		soap.Messages[0].Code != none {
		t.Errorf("a request that was not routed by X-AnchorMailbox: %+v", soap)
	}
	if _, soap := r.ews(bearer, anchor, getFolder(owner, "publicfoldersroot")); len(soap.Messages) != 1 ||
		soap.Messages[0].Code != none {
		t.Errorf("a request that was not routed by X-PublicFolderMailbox: %+v", soap)
	}
	r.exchange(`{"public_folders": false}`)
	if named, _ := r.hierarchyMailbox(bearer, owner); named != "" {
		t.Errorf("without public folders, Autodiscover names %s", named)
	}
	if _, soap := r.ews(bearer, anchor, getFolder(owner, "publicfoldersroot"), byGUID); len(soap.Messages) != 1 ||
		soap.Messages[0].Class != "Error" || soap.Messages[0].Code != none {
		t.Errorf("without public folders: %+v", soap)
	}
}

// userSettings asks SOAP Autodiscover for what a mailbox's client has to know of the public folder hierarchy.
func (r *rig) userSettings(bearer, mailbox string) answer {
	r.t.Helper()
	const namespace = "http://schemas.microsoft.com/exchange/2010/Autodiscover"
	return r.do(http.MethodPost, "/autodiscover/autodiscover.svc",
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:a="`+namespace+`"><s:Body>
	<a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User><a:Mailbox>`+mailbox+`</a:Mailbox></a:User></a:Users>
	<a:RequestedSettings><a:Setting>PublicFolderInformation</a:Setting><a:Setting>InternalRpcClientServer</a:Setting></a:RequestedSettings>
	</a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>`,
		map[string]string{"Content-Type": "text/xml; charset=utf-8", "Authorization": "Bearer " + bearer})
}

func TestSOAPAutodiscoverTellsWhereThePublicFoldersAre(t *testing.T) {
	r, app, tenant := newEWSRig(t)
	bearer := r.token(tenant.TenantID, secretForm(app.AppID, app.secret, exchangeDefault))
	mailbox := tenant.Mailboxes.Licensed[0]
	if anchor, byGUID := r.hierarchyMailbox(bearer, mailbox); !strings.HasSuffix(anchor, "@"+tenant.Domain) ||
		uuid.Validate(strings.TrimSuffix(byGUID, "@"+tenant.Domain)) != nil {
		t.Errorf("the hierarchy is in %s, also called %s", anchor, byGUID)
	}
	if got := r.userSettings(bearer, "nobody@"+tenant.Domain); got.Status != http.StatusOK ||
		!strings.Contains(got.Body, "<ErrorCode>InvalidUser</ErrorCode>") {
		t.Errorf("of nobody: HTTP %d %s", got.Status, got.Body)
	}
	for name, token := range map[string]string{
		"no token": "", "a token for Graph": r.token(tenant.TenantID, secretForm(app.AppID, app.secret, graphDefault)),
	} {
		if got := r.userSettings(token, mailbox); got.Status != http.StatusUnauthorized {
			t.Errorf("%s: HTTP %d %s", name, got.Status, got.Body)
		}
	}
	r.exchange(`{"public_folders": false}`)
	if got := r.userSettings(bearer, mailbox); strings.Count(got.Body,
		"<ErrorCode>SettingIsNotAvailable</ErrorCode>") != 2 {
		t.Errorf("without public folders: %s", got.Body)
	}
}

// hierarchyMailbox is the mailbox that holds the public folder hierarchy: its address, and the one with a GUID.
func (r *rig) hierarchyMailbox(bearer, mailbox string) (anchor, byGUID string) {
	r.t.Helper()
	got := r.userSettings(bearer, mailbox)
	var found struct {
		Settings []struct {
			Name,
			Value string
		} `xml:"Body>GetUserSettingsResponseMessage>Response>UserResponses>UserResponse>UserSettings>UserSetting"`
	}
	if err := xml.Unmarshal([]byte(got.Body), &found); err != nil {
		r.t.Fatalf("HTTP %d: %v\n%s", got.Status, err, got.Body)
	}
	for _, setting := range found.Settings {
		switch setting.Name {
		case "PublicFolderInformation":
			anchor = setting.Value
		case "InternalRpcClientServer":
			byGUID = setting.Value
		}
	}
	return anchor, byGUID
}

func TestABusyExchangeSaysHowLongToBackOff(t *testing.T) {
	r, app, tenant := newEWSRig(t)
	bearer := r.token(tenant.TenantID, secretForm(app.AppID, app.secret, exchangeDefault))
	mailbox := tenant.Mailboxes.Licensed[0]
	r.exchange(`{"server_busy": "30s"}`)
	_, soap := r.ews(bearer, mailbox, getFolder(mailbox, "inbox"))
	if soap.Fault.Message != "The server cannot service this request right now. Try again later." {
		t.Errorf("the message is %q", soap.Fault.Message)
	}
	if soap.Fault.Code != "ErrorServerBusy" || len(soap.Fault.Values) != 1 ||
		soap.Fault.Values[0].Name != "BackOffMilliseconds" || soap.Fault.Values[0].Text != "30000" {
		t.Errorf("the fault is %+v", soap.Fault)
	}
	r.exchange(`{"server_busy": "0s"}`)
	if got, _ := r.ews(bearer, mailbox, getFolder(mailbox, "msgfolderroot")); got.Status != http.StatusOK {
		t.Errorf("after it: HTTP %d", got.Status)
	}
}

func TestAnOperationThatTheSandboxDoesNotKnowIsRefused(t *testing.T) {
	r, app, tenant := newEWSRig(t)
	bearer := r.token(tenant.TenantID, secretForm(app.AppID, app.secret, exchangeDefault))
	mailbox := tenant.Mailboxes.Licensed[0]
	good := getFolder(mailbox, "inbox")
	for name, envelope := range map[string]string{
		"no XML":                 "{}",
		"another operation":      strings.ReplaceAll(good, "GetFolder", "SyncFolderHierarchy"),
		"no folder":              strings.ReplaceAll(good, `<t:DistinguishedFolderId Id="inbox"/>`, ""),
		"an item for a folder":   strings.ReplaceAll(good, "DistinguishedFolderId", "ItemId"),
		"an unknown shape":       strings.ReplaceAll(good, "IdOnly", "Everything"),
		"a folder of no kind":    strings.ReplaceAll(good, `Id="inbox"`, `Id="outbox2"`),
		"another order":          strings.Replace(good, "<t:BaseShape>IdOnly</t:BaseShape>", "", 1),
		"a namespace of its own": strings.ReplaceAll(good, "2006/messages", "2007/messages"),
	} {
		if got, soap := r.ews(bearer, mailbox, envelope); got.Status != http.StatusInternalServerError ||
			soap.Fault.Code != "ErrorSchemaValidation" {
			t.Errorf("%s: HTTP %d %s", name, got.Status, got.Body)
		}
	}
}

func TestAutodiscoverTellsWhereEWSIsAndProvesNothing(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.TenantsJSON().Tenants[0]
	var found struct{ Protocol, URL string }
	r.get("/autodiscover/autodiscover.json/v1.0/"+tenant.Mailboxes.Licensed[0]+"?Protocol=Ews").json(t, &found)
	if found.Protocol != "Ews" || found.URL != r.server.Origin()+"/EWS/Exchange.asmx" {
		t.Errorf("the answer is %+v", found)
	}
	for _, unknown := range []string{"nobody@" + tenant.Domain, "nobody@example.com"} {
		if got := r.get("/autodiscover/autodiscover.json/v1.0/" + unknown +
			"?Protocol=Ews"); got.Status != http.StatusFound ||
			!strings.Contains(got.Header.Get("Location"), "RedirectCount=1") {
			t.Errorf("%s: HTTP %d to %s", unknown, got.Status, got.Header.Get("Location"))
		}
	}
	if got := r.get("/autodiscover/autodiscover.json/v1.0/" + tenant.Mailboxes.Licensed[0] +
		"?Protocol=Pop"); got.Status != http.StatusBadRequest ||
		!strings.Contains(got.Body, `"ErrorCode":"InvalidProtocol"`) {
		t.Errorf("an unknown protocol: HTTP %d %s", got.Status, got.Body)
	}
}
