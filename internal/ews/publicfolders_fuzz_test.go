package ews

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
)

// found is an answer to a FindFolder.
func found(class, root string) string {
	return inEnvelope(`<m:FindFolderResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" ` +
		`xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>` +
		`<m:FindFolderResponseMessage ResponseClass="` + class + `">` + root +
		`</m:FindFolderResponseMessage></m:ResponseMessages></m:FindFolderResponse>`)
}

func FuzzAnyPageOfPublicFoldersLeadsOnOrIsTheLast(f *testing.F) {
	const folders = `<t:Folders><t:Folder><t:FolderId Id="a"/><t:DisplayName>Sales</t:DisplayName></t:Folder></t:Folders>`
	page := func(last, next string) string {
		return found("Success", fmt.Sprintf(`<m:ResponseCode>NoError</m:ResponseCode><m:RootFolder `+
			`IndexedPagingOffset="%s" IncludesLastItemInRange="%s">%s</m:RootFolder>`, next, last, folders))
	}
	for _, body := range []string{
		"", "<", "<html>", inEnvelope(""), found("Success", ""), page("true", ""), page("false", "1"), page("0", "101"),
		page("false", "-1"), page(" false ", "99999999999999999999"), page("false", ""),
		found("Error", "<m:ResponseCode>ErrorAccessDenied</m:ResponseCode>"), inFault("ErrorServerBusy", "busy",
			`<t:Value Name="BackOffMilliseconds">9223372036855</t:Value>`),
	} {
		f.Add(http.StatusOK, body, 0)
		f.Add(http.StatusOK, body, 100)
	}
	f.Add(http.StatusForbidden, "", 0)
	f.Fuzz(func(t *testing.T, status int, body string, offset int) {
		read, err := readPage(&http.Response{StatusCode: status, Header: http.Header{}}, []byte(body), offset)
		var refused *Error
		switch {
		case err == nil && (status != http.StatusOK || read.next != -1 && read.next <= offset):
			t.Errorf("HTTP %d, and after %d comes %d", status, offset, read.next)
		case err != nil && (len(read.folders) > 0 || !errors.As(err, &refused) || refused.BackOff < 0 ||
			refused.BackOff > retry.LongestPause):
			t.Errorf("%d folders, and the error %v", len(read.folders), err)
		}
	})
}

func FuzzEachFolderAskedForHasAnAnswer(f *testing.F) {
	success := `<m:GetFolderResponseMessage ResponseClass="Success">` + publicFolderRoot + `</m:GetFolderResponseMessage>`
	refused := `<m:GetFolderResponseMessage ResponseClass="Error"><m:ResponseCode>ErrorServerBusy</m:ResponseCode>` +
		`</m:GetFolderResponseMessage>`
	several := func(messages ...string) string {
		return inEnvelope(`<m:GetFolderResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages" ` +
			`xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>` +
			strings.Join(messages, "") + `</m:ResponseMessages></m:GetFolderResponse>`)
	}
	for _, body := range []string{
		"", inEnvelope(""), several(), several(success), several(success, refused, success), several(refused),
		inResponse("Success", `<m:Folders><t:Folder><t:PermissionSet><t:Permissions><t:Permission><t:UserId>`+
			`<t:PrimarySmtpAddress>a@b.c</t:PrimarySmtpAddress></t:UserId><t:PermissionLevel>Owner</t:PermissionLevel>`+
			`</t:Permission></t:Permissions></t:PermissionSet></t:Folder></m:Folders>`),
		inResponse("Error", "<m:ResponseCode>ErrorBatchProcessingStopped</m:ResponseCode>"),
	} {
		f.Add(body, uint8(1))
		f.Add(body, uint8(3))
	}
	f.Fuzz(func(t *testing.T, body string, asked uint8) {
		count := int(asked)%foldersPerRequest + 1
		answers, err := readFolders(&http.Response{StatusCode: http.StatusOK, Header: http.Header{}}, []byte(body), count)
		if err != nil && len(answers) == 0 {
			return
		}
		if len(answers) != count || len(answered(answers)) == 0 || len(answered(answers)) > count {
			t.Errorf("%d folders were asked for, and %d answered", count, len(answers))
		}
		for _, answer := range answers {
			var refused *Error
			if answer.err != nil && !errors.As(answer.err, &refused) {
				t.Errorf("the error is %v", answer.err)
			}
		}
	})
}
