package ews

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// alike is a client of an Exchange that answers every request alike.
func alike(status int, body string) *Client {
	return New("https://127.0.0.1", &http.Client{Transport: answerOf{status, "", body}}, noTime,
		func(context.Context) (string, error) { return token, nil })
}

func FuzzAnyAnswerOfAutodiscoverIsAURLOfTheOriginOrAnError(f *testing.F) {
	for _, body := range []string{
		"", "{}", "null", "[]", "<html>", `{"Protocol":"Ews","Url":"https://127.0.0.1/EWS/Exchange.asmx"}`, `{"Url":""}`,
		`{"Url":7}`, `{"url":"https://127.0.0.1:443/"}`,
		`{"Url":"https://127.0.0.1@evil.example/"}`, `{"Url":"https://user@127.0.0.1/"}`, `{"Url":"//127.0.0.1/"}`,
		`{"Url":"http://127.0.0.1/"}`, `{"Url":"https://127.0.0.1\\@evil.example"}`,
		`{"ErrorCode":"InvalidProtocol","ErrorMessage":"m"}`, `{"Url":"%zz"}`,
	} {
		f.Add(http.StatusOK, body)
	}
	f.Add(http.StatusFound, "")
	f.Fuzz(func(t *testing.T, status int, body string) {
		status = anyStatus(status)
		found, err := alike(status, body).EWSURL(t.Context(), mailbox)
		var refused *Error
		if err != nil {
			if found != "" || !errors.As(err, &refused) && !errors.Is(err, ErrOtherOrigin) && status/100 != 3 {
				t.Errorf("%q, and the error %v", found, err)
			}
			return
		}
		target, failure := url.Parse(found)
		if status != http.StatusOK || failure != nil || target.Scheme != "https" || target.Hostname() != "127.0.0.1" ||
			target.Port() != "" && target.Port() != "443" || target.User != nil {
			t.Errorf("HTTP %d leads to %q (%v)", status, found, failure)
		}
	})
}

func FuzzAnyAnswerOfGetUserSettingsIsARouteOrAnErrorOfItsOwn(f *testing.F) {
	const settings = `<UserSettings><UserSetting><Name>PublicFolderInformation</Name><Value> a@b.c </Value>` +
		`</UserSetting></UserSettings>`
	response := func(inside string) string {
		return inEnvelope(`<GetUserSettingsResponseMessage xmlns="http://schemas.microsoft.com/exchange/2010/Autodiscover">` +
			`<Response>` + inside + `</Response></GetUserSettingsResponseMessage>`)
	}
	user := func(inside string) string {
		return response(`<ErrorCode>NoError</ErrorCode><UserResponses><UserResponse>` + inside +
			`</UserResponse></UserResponses>`)
	}
	for _, body := range []string{
		"", "<html>", "<", inEnvelope(""), inFault("ErrorServerBusy", "busy", ""), response(""),
		response("<ErrorCode>InvalidRequest</ErrorCode>"), user(""),
		user(`<ErrorCode>NoError</ErrorCode>` + settings), user(`<ErrorCode>SettingIsNotAvailable</ErrorCode>`),
		user(`<ErrorCode>InvalidUser</ErrorCode><ErrorMessage>m</ErrorMessage>`),
		user(`<ErrorCode>NoError</ErrorCode>` + strings.ReplaceAll(settings, "PublicFolderInformation",
			"InternalRpcClientServer")),
	} {
		f.Add(http.StatusOK, body)
		f.Add(http.StatusInternalServerError, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		status = anyStatus(status)
		route, err := alike(status, body).PublicFolderRoute(t.Context(), mailbox)
		var refused *Error
		switch {
		case err == nil && status != http.StatusOK:
			t.Errorf("HTTP %d is taken for an answer", status)
		case err == nil && route.Anchor == "" && route.PublicFolderMailbox != "":
			t.Errorf("half a route: %+v", route)
		case err == nil && strings.TrimSpace(route.Anchor+route.PublicFolderMailbox) != route.Anchor+
			route.PublicFolderMailbox:
			t.Errorf("a route with space around it: %+v", route)
		case err != nil && (route != Route{} || strings.Contains(err.Error(), token)):
			t.Errorf("%+v, and the error %v", route, err)
		case err != nil && !errors.As(err, &refused) && status/100 != 3: // a redirect is followed, and fails in other words
			t.Errorf("the error is %v", err)
		}
	})
}
