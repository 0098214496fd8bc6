package ews

import (
	"cmp"
	"context"
	"encoding/xml"
	"net/http"
	"strings"
)

// Distinguished folders that the connectivity check opens (Microsoft: "DistinguishedFolderId", EWS reference).
const (
	Inbox             = "inbox"
	PublicFoldersRoot = "publicfoldersroot"
)

// Folder is a folder as the impersonated mailbox sees it.
type Folder struct {
	DisplayName string
	Rights      *Rights            // nil when Exchange did not say
	Permissions []FolderPermission // empty when the mailbox may not see them
}

// Rights are what the impersonated mailbox may do in the folder, regardless of how it was granted (EWS reference:
// "EffectiveRights").
type Rights struct {
	CreateAssociated bool
	CreateContents   bool
	CreateHierarchy  bool // create subfolders
	Delete           bool
	Modify           bool
	Read             bool
}

// FolderPermission is one entry of a folder's permissions.
type FolderPermission struct {
	Mailbox string // primary SMTP address; empty for Default and Anonymous
	Level   string // Owner, PublishingEditor, … None, Custom
}

// folderID names a folder in a request: a distinguished one by its name, any other one by the ID that Exchange gave it.
type folderID struct{ distinguished, id string }

func (f folderID) xml() string {
	if f.distinguished != "" {
		return `<t:DistinguishedFolderId Id="` + escape(f.distinguished) + `"/>`
	}
	return `<t:FolderId Id="` + escape(f.id) + `"/>`
}

// folderAnswer is what Exchange answered for one folder. Err is an *Error.
type folderAnswer struct {
	folder Folder
	err    error
}

// Folder reads a distinguished folder with EWS's GetFolder, as the mailbox, which app-only access must impersonate.
// ewsURL comes from EWSURL or DefaultEWSURL, and the route of a public folder from PublicFolderRoute; the zero Route
// leads to the mailbox itself. Errors are *Error when Exchange answered.
func (c *Client) Folder(ctx context.Context, ewsURL, mailbox, distinguishedID string, route Route) (Folder, error) {
	answers, err := c.getFolders(ctx, ewsURL, mailbox, distinguishedID == PublicFoldersRoot,
		[]folderID{{distinguished: distinguishedID}}, route)
	if err != nil {
		return Folder{}, err
	}
	return answers[0].folder, answers[0].err
}

// getFolders reads folders with one GetFolder: one answer for each ID, in their order, or an error that concerns them
// all. Where Exchange is busy with some of them, all are asked for again while the time allows.
func (c *Client) getFolders(
	ctx context.Context, ewsURL, mailbox string, permissions bool, ids []folderID, route Route,
) ([]folderAnswer, error) {
	var answers []folderAnswer
	err := c.askEWS(ctx, ewsURL, mailbox, getFolder(mailbox, permissions, ids...), route,
		func(answer *http.Response, body []byte) (err error) {
			answers, err = readFolders(answer, body, len(ids))
			return err
		})
	if err != nil && (len(answers) == 0 || !isBusy(err)) {
		return nil, err
	}
	return answers, nil
}

// askEWS asks EWS as a mailbox.
func (c *Client) askEWS(
	ctx context.Context, ewsURL, mailbox, question string, route Route, read func(*http.Response, []byte) error,
) error {
	if err := c.within(ewsURL); err != nil {
		return err
	}
	// Required with impersonation, or the request may reach a server that knows nothing of the mailbox (Microsoft:
	// "Impersonation and EWS in Exchange").
	route.Anchor = cmp.Or(route.Anchor, mailbox)
	return c.ask(ctx, ewsURL, question, route, read)
}

// readEnvelope reads an answer of EWS that has messages of the kind asked for; messages counts them.
func readEnvelope(answer *http.Response, body []byte, messages func(*envelope) int) (*envelope, error) {
	if answer.StatusCode != http.StatusOK {
		return nil, errorOf(answer, body)
	}
	envelope := new(envelope)
	if err := xml.Unmarshal(body, envelope); err != nil || envelope.Body.Fault != nil || messages(envelope) == 0 {
		failure := errorOf(answer, body)
		failure.NotEWS = envelope.Body.Fault == nil
		return nil, failure
	}
	return envelope, nil
}

// readFolders returns as many answers as folders were asked for. If Exchange is busy with one of them, that is the
// error as well.
func readFolders(answer *http.Response, body []byte, asked int) (answers []folderAnswer, err error) {
	envelope, err := readEnvelope(answer, body, func(e *envelope) int { return len(e.Body.Messages) })
	if err != nil {
		return nil, err
	}
	for _, message := range envelope.Body.Messages[:min(asked, len(envelope.Body.Messages))] {
		if message.Class == "Success" && len(message.Folders.All) > 0 {
			answers = append(answers, folderAnswer{folder: message.Folders.All[0].folder()})
			continue
		}
		failure := errorOfMessage(answer, message.responseMessage)
		answers = append(answers, folderAnswer{err: failure})
		if isBusy(failure) && err == nil {
			err = failure
		}
	}
	for len(answers) < asked {
		failure := errorOf(answer, nil)
		failure.Message = "the answer lacks this folder"
		answers = append(answers, folderAnswer{err: failure})
	}
	return answers, err
}

func getFolder(mailbox string, permissions bool, ids ...folderID) string {
	fields := `<t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURI FieldURI="folder:EffectiveRights"/>`
	if permissions {
		fields += `<t:FieldURI FieldURI="folder:PermissionSet"/>`
	}
	var folders strings.Builder
	for _, id := range ids {
		folders.WriteString(id.xml())
	}
	return inEWSEnvelope(mailbox, `<m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>`+
		`<t:AdditionalProperties>`+fields+`</t:AdditionalProperties></m:FolderShape>`+
		`<m:FolderIds>`+folders.String()+`</m:FolderIds></m:GetFolder>`)
}

// inEWSEnvelope wraps a request of EWS that impersonates a mailbox.
func inEWSEnvelope(mailbox, request string) string {
	return `<?xml version="1.0" encoding="utf-8"?>` +
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"` +
		` xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">` +
		`<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>` +
		`<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>` + escape(mailbox) +
		`</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header>` +
		`<s:Body>` + request + `</s:Body></s:Envelope>`
}

func escape(text string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // a strings.Builder never fails
	return escaped.String()
}
