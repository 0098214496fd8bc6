package ews

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// answerOf is an Exchange that answers every request alike, without a server.
type answerOf struct {
	status     int
	retryAfter string
	body       string
}

func (a answerOf) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{"Retry-After": {a.retryAfter}},
		Body: io.NopCloser(strings.NewReader(a.body)), Request: r}, nil
}

// anyStatus makes any number the status of an answer, 200 to 599, and leaves those as they are.
func anyStatus(number int) int { return 200 + int(uint(number-200)%400) }

func FuzzAnyAnswerOfExchangeIsAFolderOrAnErrorOfItsOwn(f *testing.F) {
	for _, body := range []string{
		"", " ", "<html>busy</html>", "{}", "<", inResponse("Success", publicFolderRoot),
		inResponse("Error", "<m:ResponseCode>ErrorServerBusy</m:ResponseCode>"),
		inResponse("Success", ""), inFault("ErrorNonExistentMailbox", "no mailbox",
			`<t:Value Name="BackOffMilliseconds">300</t:Value>`),
		inFault("", "", `<t:Value Name="BackOffMilliseconds">-9999999999999999999</t:Value>`), inEnvelope(""),
		inEnvelope("<s:Fault/>"),
		inFault("ErrorServerBusy", "", `<t:Value Name="BackOffMilliseconds">9223372036855</t:Value>`),
		inResponse("Error", `<m:ResponseCode>ErrorServerBusy</m:ResponseCode><m:MessageXml><t:Value `+
			`Name="BackOffMilliseconds">9223372036855</t:Value></m:MessageXml>`),
	} {
		f.Add(http.StatusOK, "", body)
		f.Add(http.StatusInternalServerError, "9223372037", body)
		f.Add(http.StatusTooManyRequests, "Thu, 26 Nov 2026 10:00:07 GMT", body)
	}
	f.Fuzz(func(t *testing.T, status int, retryAfter, body string) {
		status = anyStatus(status)
		client := New("https://127.0.0.1", &http.Client{Transport: answerOf{status, retryAfter, body}}, noTime,
			func(context.Context) (string, error) { return token, nil })
		_, err := client.Folder(t.Context(), client.DefaultEWSURL(), mailbox, Inbox, Route{})
		var refused *Error
		switch {
		case err == nil && status != http.StatusOK:
			t.Errorf("HTTP %d is taken for a folder", status)
		case err != nil && (!errors.As(err, &refused) || refused.BackOff < 0 || refused.BackOff > retry.LongestPause ||
			strings.Contains(err.Error(), token)):
			t.Errorf("the error is %v", err)
		}
	})
}

func FuzzNoMailboxBreaksOutOfTheRequest(f *testing.F) {
	for _, address := range []string{mailbox, "a&b@c.d", "</t:SmtpAddress>", "\x00", "\xff", "]]>", "<!--"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		var read struct {
			Addresses []string `xml:"Header>ExchangeImpersonation>ConnectingSID>SmtpAddress"`
		}
		if err := xml.Unmarshal([]byte(getFolder(address, false, folderID{distinguished: Inbox})), &read); err != nil ||
			len(read.Addresses) != 1 {
			t.Errorf("%q makes a request with the addresses %q (%v)", address, read.Addresses, err)
		}
	})
}
