package exchange

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

// Rights are what the impersonated mailbox may do in the folder, from whatever grant (EWS reference: "EffectiveRights").
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

// Folder reads a distinguished folder with EWS's GetFolder, as the mailbox, which app-only access must impersonate.
// ewsURL comes from EWSURL or DefaultEWSURL, and the route of a public folder from PublicFolderRoute; the zero Route
// leads to the mailbox itself. Errors are *Error when Exchange answered.
func (c *Client) Folder(ctx context.Context, ewsURL, mailbox, distinguishedID string, route Route) (Folder, error) {
	if err := c.within(ewsURL); err != nil {
		return Folder{}, err
	}
	// Required with impersonation, or the request may reach a server that knows nothing of the mailbox (Microsoft:
	// "Impersonation and EWS in Exchange").
	route.Anchor = cmp.Or(route.Anchor, mailbox)
	var folder Folder
	err := c.ask(ctx, ewsURL, getFolder(mailbox, distinguishedID), route, func(answer *http.Response, body []byte) (err error) {
		folder, err = readFolder(answer, body)
		return err
	})
	return folder, err
}

func readFolder(answer *http.Response, body []byte) (Folder, error) {
	if answer.StatusCode != http.StatusOK {
		return Folder{}, errorOf(answer, body)
	}
	var envelope envelope
	if err := xml.Unmarshal(body, &envelope); err != nil || envelope.Body.Fault != nil || len(envelope.Body.Messages) == 0 {
		failure := errorOf(answer, body)
		failure.Foreign = envelope.Body.Fault == nil
		return Folder{}, failure
	}
	message := envelope.Body.Messages[0]
	if message.Class != "Success" || len(message.Folders) == 0 {
		failure := errorOf(answer, nil)
		failure.Code, failure.Message = trim(message.Code), trim(message.Text)
		failure.backOff(message.MessageXML)
		return Folder{}, failure
	}
	return message.Folders[0].folder(), nil
}

func getFolder(mailbox, distinguishedID string) string {
	fields := `<t:FieldURI FieldURI="folder:DisplayName"/><t:FieldURI FieldURI="folder:EffectiveRights"/>`
	if distinguishedID == PublicFoldersRoot {
		fields += `<t:FieldURI FieldURI="folder:PermissionSet"/>`
	}
	return `<?xml version="1.0" encoding="utf-8"?>` +
		`<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"` +
		` xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"` +
		` xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">` +
		`<s:Header><t:RequestServerVersion Version="Exchange2013_SP1"/>` +
		`<t:ExchangeImpersonation><t:ConnectingSID><t:SmtpAddress>` + escape(mailbox) +
		`</t:SmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></s:Header>` +
		`<s:Body><m:GetFolder><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>` +
		`<t:AdditionalProperties>` + fields + `</t:AdditionalProperties></m:FolderShape>` +
		`<m:FolderIds><t:DistinguishedFolderId Id="` + escape(distinguishedID) + `"/></m:FolderIds>` +
		`</m:GetFolder></s:Body></s:Envelope>`
}

func escape(text string) string {
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text)) // a strings.Builder never fails
	return escaped.String()
}
