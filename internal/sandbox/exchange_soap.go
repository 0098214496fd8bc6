package sandbox

import (
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The XML namespaces of EWS (EWS: XML elements).
const (
	soapNamespace     = "http://schemas.xmlsoap.org/soap/envelope/"
	messagesNamespace = "http://schemas.microsoft.com/exchange/services/2006/messages"
	typesNamespace    = "http://schemas.microsoft.com/exchange/services/2006/types"
	errorsNamespace   = "http://schemas.microsoft.com/exchange/services/2006/errors"
)

// getFolderRequest is what is read of a SOAP envelope with a GetFolder (EWS: GetFolder operation).
type getFolderRequest struct {
	XMLName xml.Name `xml:"http://schemas.xmlsoap.org/soap/envelope/ Envelope"`
	Header  struct {
		Impersonation struct {
			SID struct {
				Address string `xml:"http://schemas.microsoft.com/exchange/services/2006/types SmtpAddress"`
				Primary string `xml:"http://schemas.microsoft.com/exchange/services/2006/types PrimarySmtpAddress"`
			} `xml:"http://schemas.microsoft.com/exchange/services/2006/types ConnectingSID"`
		} `xml:"http://schemas.microsoft.com/exchange/services/2006/types ExchangeImpersonation"`
	} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Header"`
	Body struct {
		GetFolder *struct {
			Shape struct {
				Base       string `xml:"http://schemas.microsoft.com/exchange/services/2006/types BaseShape"`
				Properties struct {
					Fields []struct {
						URI string `xml:"FieldURI,attr"`
					} `xml:"http://schemas.microsoft.com/exchange/services/2006/types FieldURI"`
				} `xml:"http://schemas.microsoft.com/exchange/services/2006/types AdditionalProperties"`
			} `xml:"http://schemas.microsoft.com/exchange/services/2006/messages FolderShape"`
			IDs struct {
				Distinguished []struct {
					ID string `xml:"Id,attr"`
				} `xml:"http://schemas.microsoft.com/exchange/services/2006/types DistinguishedFolderId"`
			} `xml:"http://schemas.microsoft.com/exchange/services/2006/messages FolderIds"`
		} `xml:"http://schemas.microsoft.com/exchange/services/2006/messages GetFolder"`
	} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
}

func readGetFolder(body io.Reader) (getFolderRequest, error) {
	var request getFolderRequest
	if err := xml.NewDecoder(body).Decode(&request); err != nil {
		return request, fmt.Errorf("the request failed schema validation: %w", err)
	}
	get := request.Body.GetFolder
	if get == nil {
		return request, errors.New("the request failed schema validation: the sandbox knows no operation but GetFolder")
	}
	if !slices.Contains([]string{"IdOnly", "Default", "AllProperties"}, get.Shape.Base) {
		return request, fmt.Errorf("the request failed schema validation: BaseShape is %q, not IdOnly, Default or AllProperties", get.Shape.Base)
	}
	if len(get.IDs.Distinguished) == 0 {
		return request, errors.New("the request failed schema validation: FolderIds holds no DistinguishedFolderId")
	}
	return request, nil
}

func (r getFolderRequest) impersonated() string {
	sid := r.Header.Impersonation.SID
	return strings.TrimSpace(cmp.Or(sid.Primary, sid.Address))
}

// folder is the first folder that is asked for.
func (r getFolderRequest) folder() string { return r.Body.GetFolder.IDs.Distinguished[0].ID }

func (r getFolderRequest) primaryOnly() bool { return r.Header.Impersonation.SID.Primary != "" }

// wants tells whether a property is asked for, by the shape or by name.
func (r getFolderRequest) wants(fieldURI string) bool {
	shape := r.Body.GetFolder.Shape
	if shape.Base == "AllProperties" {
		return true
	}
	for _, field := range shape.Properties.Fields {
		if field.URI == fieldURI {
			return true
		}
	}
	return shape.Base == "Default" && fieldURI == "folder:DisplayName"
}

// ewsFault is a SOAP fault, or the error of one response message.
type ewsFault struct {
	Code    string // EWS: ResponseCode
	Message string
	BackOff time.Duration // how long to wait; only with ErrorServerBusy
}

func (f ewsFault) messageXML() string {
	if f.BackOff <= 0 {
		return ""
	}
	return fmt.Sprintf(`<t:MessageXml xmlns:t="%s"><t:Value Name="BackOffMilliseconds">%d</t:Value></t:MessageXml>`, typesNamespace, f.BackOff.Milliseconds())
}

func writeEWSFault(w http.ResponseWriter, status int, fault ewsFault) {
	writeSOAP(w, status, fmt.Sprintf(
		`<s:Fault><faultcode xmlns:a="%s">a:%s</faultcode><faultstring xml:lang="en-US">%s</faultstring><detail>`+
			`<e:ResponseCode xmlns:e="%s">%s</e:ResponseCode><e:Message xmlns:e="%s">%s</e:Message>%s</detail></s:Fault>`,
		typesNamespace, fault.Code, html.EscapeString(fault.Message),
		errorsNamespace, fault.Code, errorsNamespace, html.EscapeString(fault.Message), fault.messageXML()))
}

func writeSOAP(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/xml; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="%s"><s:Header>`+
		`<h:ServerVersionInfo MajorVersion="15" MinorVersion="20" MajorBuildNumber="9412" MinorBuildNumber="5" Version="V2018_01_08" xmlns:h="%s"/>`+
		`</s:Header><s:Body>%s</s:Body></s:Envelope>`, soapNamespace, typesNamespace, body)
}

// distinguishedFolders are the folders that the sandbox has, with their names.
var distinguishedFolders = map[string]string{
	"inbox":             "Inbox",
	"msgfolderroot":     "Top of Information Store",
	"publicfoldersroot": "IPM_SUBTREE",
}

func writeGetFolderResponse(w http.ResponseWriter, t *Tenant, account user, request getFolderRequest, routed bool) {
	var messages strings.Builder
	for _, folder := range request.Body.GetFolder.IDs.Distinguished {
		messages.WriteString(getFolderMessage(t, account, request, folder.ID, routed))
	}
	writeSOAP(w, http.StatusOK, fmt.Sprintf(
		`<m:GetFolderResponse xmlns:m="%s" xmlns:t="%s"><m:ResponseMessages>%s</m:ResponseMessages></m:GetFolderResponse>`,
		messagesNamespace, typesNamespace, messages.String()))
}

func getFolderMessage(t *Tenant, account user, request getFolderRequest, id string, routed bool) string {
	name, known := distinguishedFolders[id]
	if !known {
		return getFolderError(ewsFault{Code: "ErrorFolderNotFound", Message: "The specified folder could not be found in the store."})
	}
	public := id == "publicfoldersroot"
	if public && (t.exchange.NoPublicFolders || !routed) {
		// Unconfirmed: the code for an organization in which nobody has made a public folder mailbox yet. Exchange forwards
		// some requests that were not routed to the hierarchy's mailbox; here none is, so that nobody forgets the headers.
		return getFolderError(ewsFault{Code: "ErrorPublicFolderMailboxDiscoveryFailed", Message: "No public folder mailbox could be found for the user."})
	}
	owner := !public || account.Mailbox == publicFolderOwner
	var properties strings.Builder
	folderID := base64.StdEncoding.EncodeToString([]byte(account.ID + "/" + id))
	if public {
		folderID = base64.StdEncoding.EncodeToString([]byte(t.ID + "/" + id))
	}
	fmt.Fprintf(&properties, `<t:FolderId Id="%s" ChangeKey="AQAAAA=="/>`, folderID)
	if request.wants("folder:DisplayName") {
		fmt.Fprintf(&properties, `<t:DisplayName>%s</t:DisplayName>`, name)
	}
	if request.wants("folder:EffectiveRights") {
		fmt.Fprintf(&properties, `<t:EffectiveRights><t:CreateAssociated>%[1]t</t:CreateAssociated><t:CreateContents>true</t:CreateContents>`+
			`<t:CreateHierarchy>%[1]t</t:CreateHierarchy><t:Delete>%[1]t</t:Delete><t:Modify>%[1]t</t:Modify><t:Read>true</t:Read></t:EffectiveRights>`, owner)
	}
	// Who may not change a folder's permissions is not shown them (unconfirmed: whether Exchange leaves them out or
	// answers with an error).
	if request.wants("folder:PermissionSet") && owner {
		properties.WriteString(permissionSet(account, public))
	}
	return fmt.Sprintf(`<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`+
		`<m:Folders><t:Folder>%s</t:Folder></m:Folders></m:GetFolderResponseMessage>`, properties.String())
}

func getFolderError(fault ewsFault) string {
	return fmt.Sprintf(`<m:GetFolderResponseMessage ResponseClass="Error"><m:MessageText>%s</m:MessageText>`+
		`<m:ResponseCode>%s</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey><m:Folders/></m:GetFolderResponseMessage>`,
		html.EscapeString(fault.Message), fault.Code)
}

// permissionSet lists who may do what in a folder: on the public root everybody is an Author and the account the
// Owner, in a mailbox nobody else has any right.
func permissionSet(account user, public bool) string {
	everybody := folderPermission(`<t:DistinguishedUser>Default</t:DistinguishedUser>`, "None")
	if public {
		everybody = folderPermission(`<t:DistinguishedUser>Default</t:DistinguishedUser>`, "Author") +
			folderPermission(fmt.Sprintf(`<t:PrimarySmtpAddress>%s</t:PrimarySmtpAddress><t:DisplayName>%s</t:DisplayName>`,
				html.EscapeString(account.Mail), html.EscapeString(account.DisplayName)), "Owner")
	}
	return `<t:PermissionSet><t:Permissions>` + everybody +
		folderPermission(`<t:DistinguishedUser>Anonymous</t:DistinguishedUser>`, "None") + `</t:Permissions></t:PermissionSet>`
}

// folderPermission writes one entry of a permission set (EWS: PermissionLevel).
func folderPermission(userID, level string) string {
	items, reading := "None", "None"
	switch level {
	case "Owner":
		items, reading = "All", "FullDetails"
	case "Author":
		items, reading = "Owned", "FullDetails"
	}
	owner, some := level == "Owner", level != "None"
	return fmt.Sprintf(`<t:Permission><t:UserId>%s</t:UserId><t:CanCreateItems>%t</t:CanCreateItems>`+
		`<t:CanCreateSubFolders>%[3]t</t:CanCreateSubFolders><t:IsFolderOwner>%[3]t</t:IsFolderOwner>`+
		`<t:IsFolderVisible>%[2]t</t:IsFolderVisible><t:IsFolderContact>%[3]t</t:IsFolderContact>`+
		`<t:EditItems>%[4]s</t:EditItems><t:DeleteItems>%[4]s</t:DeleteItems><t:ReadItems>%[5]s</t:ReadItems>`+
		`<t:PermissionLevel>%[6]s</t:PermissionLevel></t:Permission>`, userID, some, owner, items, reading, level)
}
