package ews

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

const (
	mailbox = "migration@contoso.com"
	token   = "the-app's-token"
)

// serve starts an Exchange that answers every request alike, and a client for it. The requests are kept.
func serve(t *testing.T, answer func(http.ResponseWriter, *http.Request)) (*Client, *[]*http.Request, *[]string) {
	t.Helper()
	var requests []*http.Request
	var bodies []string
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests, bodies = append(requests, r), append(bodies, string(body))
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	client := New(server.URL, server.Client(), retry.Policy{}, func(context.Context) (string, error) { return token, nil })
	return client, &requests, &bodies
}

// noTime is a policy without time for a pause.
var noTime = retry.Policy{Clock: &retrytest.Clock{
	OnWait: func(context.Context, time.Duration) error { return errors.New("there is no time") },
}}

// waiting is the client with another policy.
func waiting(client *Client, retries retry.Policy) *Client {
	other := *client
	other.retries = retries
	return &other
}

func answering(status int, body string, headers ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func inEnvelope(body string) string {
	return `<?xml version="1.0" encoding="utf-8"?>` +
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>` +
		body + `</s:Body></s:Envelope>`
}

func inFault(code, text, values string) string {
	return inEnvelope(`<s:Fault><faultcode xmlns:a="http://schemas.microsoft.com/exchange/services/2006/types">a:` + code +
		`</faultcode>` +
		`<faultstring xml:lang="en-US">` + text + `</faultstring><detail>` +
		`<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">` + "\n  " + code +
		`</e:ResponseCode>` +
		`<e:Message xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">` + text + `</e:Message>` +
		`<t:MessageXml xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types">` + values +
		`</t:MessageXml></detail></s:Fault>`)
}

func inResponse(class, inner string) string {
	return inEnvelope(`<m:GetFolderResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"` +
		` xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>` +
		`<m:GetFolderResponseMessage ResponseClass="` + class + `">` + inner +
		`</m:GetFolderResponseMessage></m:ResponseMessages></m:GetFolderResponse>`)
}

const publicFolderRoot = `<m:ResponseCode>NoError</m:ResponseCode>
<m:Folders><t:Folder><t:FolderId Id="AAEuAAAA" ChangeKey="AQAA"/>
<t:DisplayName>IPM_SUBTREE</t:DisplayName>
<t:EffectiveRights><t:CreateAssociated>false</t:CreateAssociated><t:CreateContents>true</t:CreateContents>
<t:CreateHierarchy>1</t:CreateHierarchy><t:Delete>false</t:Delete><t:Modify>true</t:Modify><t:Read>true</t:Read>
<t:ViewPrivateItems>true</t:ViewPrivateItems></t:EffectiveRights>
<t:PermissionSet><t:Permissions>
<t:Permission><t:UserId><t:DistinguishedUser>Default</t:DistinguishedUser></t:UserId>
<t:PermissionLevel>Author</t:PermissionLevel></t:Permission>
<t:Permission><t:UserId><t:SID>S-1-5-21-1</t:SID><t:PrimarySmtpAddress>Migration@contoso.com</t:PrimarySmtpAddress>
<t:DisplayName>Migration</t:DisplayName></t:UserId><t:PermissionLevel>Owner</t:PermissionLevel></t:Permission>
</t:Permissions></t:PermissionSet></t:Folder></m:Folders>`

func TestAFolderIsReadAsTheMailboxItself(t *testing.T) {
	t.Parallel()
	client, requests, bodies := serve(t, answering(http.StatusOK, inResponse("Success", publicFolderRoot)))
	folder, err := client.Folder(t.Context(), client.DefaultEWSURL(), mailbox, PublicFoldersRoot, Route{})
	if err != nil {
		t.Fatal(err)
	}
	if want := (Rights{CreateContents: true, CreateHierarchy: true, Modify: true, Read: true}); folder.Rights == nil ||
		*folder.Rights != want {
		t.Errorf("rights %+v, want %+v", folder.Rights, want)
	}
	if len(folder.Permissions) != 2 || folder.Permissions[1] != (FolderPermission{"Migration@contoso.com", "Owner"}) ||
		folder.Permissions[0].Mailbox != "" {
		t.Errorf("permissions %+v", folder.Permissions)
	}
	request := (*requests)[0]
	if request.URL.Path != "/EWS/Exchange.asmx" || request.Header.Get("X-AnchorMailbox") != mailbox ||
		request.Header.Get("Authorization") != "Bearer "+token {
		t.Errorf("the request was %s with %v", request.URL, request.Header)
	}
	if !strings.Contains((*bodies)[0], "<t:SmtpAddress>"+mailbox+"</t:SmtpAddress>") {
		t.Errorf("nobody is impersonated: %s", (*bodies)[0])
	}
}

func TestAMailboxAddressCannotBreakOutOfTheRequest(t *testing.T) {
	t.Parallel()
	client, _, bodies := serve(t, answering(http.StatusOK, inResponse("Success", publicFolderRoot)))
	if _, err := client.Folder(t.Context(), client.DefaultEWSURL(), "a</t:SmtpAddress>&b@contoso.com", Inbox,
		Route{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains((*bodies)[0], "a&lt;/t:SmtpAddress&gt;&amp;b@contoso.com") {
		t.Errorf("the address was not escaped: %s", (*bodies)[0])
	}
}

func TestEachRefusalKeepsWhatExchangeSaidOfIt(t *testing.T) {
	t.Parallel()
	const disabled, blocked = "EWS is disabled for this user or tenant", "EWS is blocked by policy for this user or tenant"
	const noMailbox = "The SMTP address has no mailbox associated with it."
	cases := map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   Error
	}{
		"a token that it does not accept": {
			answering(http.StatusUnauthorized, "", "WWW-Authenticate", `Bearer error="invalid_token"`, "request-id", "r1"),
			Error{Status: 401, RequestID: "r1"},
		},
		"EWS switched off": {
			answering(http.StatusForbidden, "", "X-EWS-Policy-Reason", disabled),
			Error{Status: 403, PolicyReason: disabled},
		},
		"an app that is not on the list": {
			answering(http.StatusForbidden, "", "X-EWS-Policy-Reason", blocked),
			Error{Status: 403, PolicyReason: blocked},
		},
		"a fault in HTTP 500": {
			answering(http.StatusInternalServerError, inFault("ErrorNonExistentMailbox", noMailbox, "")),
			Error{Status: 500, Code: CodeNoMailbox, Message: noMailbox},
		},
		"a fault in HTTP 200": {
			answering(http.StatusOK, inFault("ErrorImpersonateUserDenied", "no rights", "")),
			Error{Status: 200, Code: CodeImpersonationDenied, Message: "no rights"},
		},
		"a fault that names its code in faultcode alone": {
			answering(http.StatusInternalServerError,
				inEnvelope(`<s:Fault><faultcode>a:ErrorAccessDenied</faultcode><faultstring>Access is denied.</faultstring>`+
					`</s:Fault>`)),
			Error{Status: 500, Code: CodeAccessDenied, Message: "Access is denied."},
		},
		"an error response in HTTP 200": {
			answering(http.StatusOK, inResponse("Error",
				`<m:MessageText>Not found.</m:MessageText><m:ResponseCode>ErrorFolderNotFound</m:ResponseCode><m:Folders/>`)),
			Error{Status: 200, Code: CodeFolderNotFound, Message: "Not found."},
		},
		"a busy server's fault": {
			answering(http.StatusInternalServerError,
				inFault("ErrorServerBusy", "Try again later.", `<t:Value Name="BackOffMilliseconds">297749</t:Value>`)),
			Error{Status: 500, Code: CodeServerBusy, Message: "Try again later.", BackOff: 297749 * time.Millisecond},
		},
		"a busy server's response": {
			answering(http.StatusOK, inResponse("Error",
				`<m:MessageText>Busy.</m:MessageText><m:ResponseCode>ErrorServerBusy</m:ResponseCode><m:MessageXml><t:Value `+
					`Name="BackOffMilliseconds">30000</t:Value></m:MessageXml>`)),
			Error{Status: 200, Code: CodeServerBusy, Message: "Busy.", BackOff: 30 * time.Second},
		},
		"too many requests": {
			answering(http.StatusTooManyRequests, "", "Retry-After", "7"),
			Error{Status: 429, BackOff: 7 * time.Second},
		},
		"a proxy's page with an error status": {
			answering(http.StatusBadGateway, "<html><body>Bad<br>gateway</body></html>"),
			Error{Status: 502, NotEWS: true},
		},
		"a proxy's page in place of the answer": {
			answering(http.StatusOK, "<!DOCTYPE html><html><body>Sign in to the hotel's network</body></html>"),
			Error{Status: 200, NotEWS: true},
		},
		"an empty answer": {
			answering(http.StatusOK, ""),
			Error{Status: 200, NotEWS: true},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, _, _ := serve(t, c.answer)
			_, err := waiting(client, noTime).Folder(t.Context(), client.DefaultEWSURL(), mailbox, Inbox, Route{})
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want *Error", err)
			}
			if *got != c.want {
				t.Errorf("got  %+v\nwant %+v", *got, c.want)
			}
			if strings.Contains(err.Error(), token) {
				t.Errorf("the error shows the token: %v", err)
			}
		})
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("a request reached another server, with Authorization %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	client, _, _ := serve(t, answering(http.StatusTemporaryRedirect, "", "Location", elsewhere.URL+"/EWS/Exchange.asmx"))
	for name, ask := range map[string]func() error{
		"Folder": func() error {
			_, err := client.Folder(t.Context(), client.DefaultEWSURL(), mailbox, Inbox, Route{})
			return err
		},
		"EWSURL": func() error { _, err := client.EWSURL(t.Context(), mailbox); return err },
	} {
		var got *Error
		if err := ask(); !errors.As(err, &got) || got.Status != http.StatusTemporaryRedirect ||
			!strings.HasPrefix(got.Location, elsewhere.URL) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnAddressOffTheOriginIsRefusedBeforeATokenIsAskedFor(t *testing.T) {
	t.Parallel()
	client := New("https://outlook.office365.com", &http.Client{}, retry.Policy{}, func(context.Context) (string, error) {
		t.Error("a token was asked for")
		return "", nil
	})
	for _, address := range []string{
		"https://outlook.office365.com.evil.example/EWS/Exchange.asmx",
		"https://user@outlook.office365.com/EWS/Exchange.asmx",
		"https://outlook.office365.com:8443/EWS/Exchange.asmx",
		"http://outlook.office365.com/EWS/Exchange.asmx",
		"//outlook.office365.com/EWS/Exchange.asmx",
		"https://outlook.office365.com@evil.example/",
		"::",
	} {
		if _, err := client.Folder(t.Context(), address, mailbox, Inbox, Route{}); !errors.Is(err, ErrOtherOrigin) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"https://OUTLOOK.office365.com/EWS/Exchange.asmx",
		"https://outlook.office365.com:443/x"} {
		if err := client.within(address); err != nil {
			t.Errorf("%s is on the origin: %v", address, err)
		}
	}
}

func TestAutodiscoverTellsWhereEWSIs(t *testing.T) {
	t.Parallel()
	var address string
	client, requests, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Protocol":"Ews","Url":"`+address+`"}`)
	})
	address = client.origin + "/EWS/Elsewhere.asmx"
	got, err := client.EWSURL(t.Context(), "o'brien+x/y@contoso.com")
	if err != nil || got != address {
		t.Fatalf("got %q, %v", got, err)
	}
	request := (*requests)[0]
	want := "/autodiscover/autodiscover.json/v1.0/o%27brien+x%2Fy@contoso.com?Protocol=Ews"
	if request.RequestURI != want {
		t.Errorf("asked %s, want %s", request.RequestURI, want)
	}
	if request.Header.Get("Authorization") != "" {
		t.Error("Autodiscover v2 needs no token, and got one")
	}
	address = "https://evil.example/EWS/Exchange.asmx"
	if got, err := client.EWSURL(t.Context(), mailbox); !errors.Is(err, ErrOtherOrigin) || got != "" {
		t.Errorf("an address off the origin came back: %q, %v", got, err)
	}
}

func TestAutodiscoverWithoutAnAddressIsAnError(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(http.ResponseWriter, *http.Request){
		"not JSON":   answering(http.StatusOK, "<html>"),
		"no address": answering(http.StatusOK, `{"Protocol":"Ews"}`),
		"a failure":  answering(http.StatusServiceUnavailable, ""),
	} {
		client, _, _ := serve(t, answer)
		var got *Error
		if address, err := waiting(client, noTime).EWSURL(t.Context(), mailbox); !errors.As(err, &got) || address != "" {
			t.Errorf("%s: %q, %v", name, address, err)
		}
	}
}

func inSettings(code, settings string) string {
	return inEnvelope(`<GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover">` +
		`<Response><ErrorCode>NoError</ErrorCode>` +
		`<UserResponses><UserResponse><ErrorCode>` + code + `</ErrorCode><ErrorMessage>said so</ErrorMessage><UserSettings>` +
		settings + `</UserSettings></UserResponse></UserResponses></Response></GetUserSettingsResponseMessage>`)
}

func setting(name, value string) string {
	return `<UserSetting><Name>` + name + `</Name><Value>` + value + `</Value></UserSetting>`
}

func TestTheRouteToThePublicFoldersIsAskedForAndTaken(t *testing.T) {
	t.Parallel()
	const anchor, byGUID = "SharedPublicFolders@contoso.com", "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee@contoso.com"
	client, requests, bodies := serve(t, answering(http.StatusOK,
		inSettings("NoError", setting("PublicFolderInformation", anchor)+setting("InternalRpcClientServer", byGUID))))
	route, err := client.PublicFolderRoute(t.Context(), mailbox)
	if err != nil || route != (Route{anchor, byGUID}) {
		t.Fatalf("%+v, %v", route, err)
	}
	if request := (*requests)[0]; request.URL.Path != "/autodiscover/autodiscover.svc" ||
		request.Header.Get("Authorization") != "Bearer "+token ||
		!strings.Contains((*bodies)[0], "<a:Mailbox>"+mailbox+"</a:Mailbox>") {
		t.Errorf("asked %s: %s", request.URL, (*bodies)[0])
	}
	if _, err := client.Folder(t.Context(), client.DefaultEWSURL(), mailbox, PublicFoldersRoot, route); err == nil {
		t.Error("this Exchange has no folders")
	}
	if header := (*requests)[1].Header; header.Get("X-AnchorMailbox") != anchor ||
		header.Get("X-PublicFolderMailbox") != byGUID {
		t.Errorf("the route was not taken: %v", header)
	}
}

func TestARouteThatIsNotThereIsToldFromOneThatWasNotTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		code   string // of the error; "-": none
	}{
		"no public folders": {answering(http.StatusOK,
			inSettings("NoError", setting("InternalRpcClientServer", "own@contoso.com"))), "-"},
		"a setting not available": {answering(http.StatusOK, inSettings("SettingIsNotAvailable", "")), "-"},
		"an unknown user":         {answering(http.StatusOK, inSettings("InvalidUser", "")), "InvalidUser"},
		"a fault": {answering(http.StatusInternalServerError,
			inFault("ErrorInternalServerError", "no", "")), "ErrorInternalServerError"},
		"a token it does not accept": {answering(http.StatusUnauthorized, ""), ""},
		"a proxy's page":             {answering(http.StatusOK, "<html>"), ""},
	} {
		client, _, _ := serve(t, c.answer)
		route, err := client.PublicFolderRoute(t.Context(), mailbox)
		got := "-"
		var failure *Error
		if errors.As(err, &failure) {
			got = failure.Code
		}
		if got != c.code || route != (Route{}) {
			t.Errorf("%s: %+v, %v", name, route, err)
		}
	}
}

func TestAnInterruptedRequestEndsAtOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	client, _, _ := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, err := client.Folder(ctx, client.DefaultEWSURL(), mailbox, Inbox, Route{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
