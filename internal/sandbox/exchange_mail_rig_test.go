package sandbox

import (
	"encoding/base64"
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// ewsID is an ID with a change key in an answer.
type ewsID struct {
	ID        string `xml:"Id,attr"`
	ChangeKey string `xml:"ChangeKey,attr"`
}

func (i ewsID) item() string { return `<t:ItemId Id="` + i.ID + `"/>` }

func (i ewsID) keyedItem() string {
	return `<t:ItemId Id="` + i.ID + `" ChangeKey="` + i.ChangeKey + `"/>`
}

// mailFolder is what the tests read of a folder.
type mailFolder struct {
	XMLName  xml.Name
	ID       ewsID              `xml:"FolderId"`
	Parent   ewsID              `xml:"ParentFolderId"`
	Class    string             `xml:"FolderClass"`
	Name     string             `xml:"DisplayName"`
	Total    *int               `xml:"TotalCount"`
	Children *int               `xml:"ChildFolderCount"`
	Unread   *int               `xml:"UnreadCount"`
	Extended []extendedProperty `xml:"ExtendedProperty"`
}

type extendedProperty struct {
	URI struct {
		Tag  string `xml:"PropertyTag,attr"`
		Name string `xml:"PropertyName,attr"`
	} `xml:"ExtendedFieldURI"`
	Value  string   `xml:"Value"`
	Values []string `xml:"Values>Value"`
}

// mailAddress is an address in an answer.
type mailAddress struct {
	Name    string `xml:"Mailbox>Name"`
	Address string `xml:"Mailbox>EmailAddress"`
}

// mailItem is what the tests read of an item.
type mailItem struct {
	MIME    string `xml:"MimeContent"`
	ID      ewsID  `xml:"ItemId"`
	Parent  ewsID  `xml:"ParentFolderId"`
	Class   string `xml:"ItemClass"`
	Subject string
	Body    *struct {
		Type string `xml:"BodyType,attr"`
		Text string `xml:",chardata"`
	}
	Received    string             `xml:"DateTimeReceived"`
	Sent        string             `xml:"DateTimeSent"`
	Created     string             `xml:"DateTimeCreated"`
	Size        int                `xml:"Size"`
	Categories  []string           `xml:"Categories>String"`
	Importance  string             `xml:"Importance"`
	IsDraft     string             `xml:"IsDraft"`
	Attachments string             `xml:"HasAttachments"`
	DisplayTo   string             `xml:"DisplayTo"`
	Extended    []extendedProperty `xml:"ExtendedProperty"`
	To          *mailAddress       `xml:"ToRecipients"`
	From        *mailAddress       `xml:"From"`
	MessageID   string             `xml:"InternetMessageId"`
	IsRead      string             `xml:"IsRead"`
}

// mailMessage is a response message of any operation.
type mailMessage struct {
	Class   string `xml:"ResponseClass,attr"`
	Code    string `xml:"ResponseCode"`
	Folders struct {
		All []mailFolder `xml:",any"`
	} `xml:"Folders"`
	Items []mailItem `xml:"Items>Message"`
	Root  struct {
		Next    string `xml:"IndexedPagingOffset,attr"`
		Total   int    `xml:"TotalItemsInView,attr"`
		Last    bool   `xml:"IncludesLastItemInRange,attr"`
		Folders struct {
			All []mailFolder `xml:",any"`
		} `xml:"Folders"`
		Items []mailItem `xml:"Items>Message"`
	} `xml:"RootFolder"`
}

// mailRig is a rig with an app that may use EWS, one of whose mailboxes it opens.
type mailRig struct {
	*publicRig
	app                     *testApp
	mailbox, owner, content string // the content is the mailbox that holds what is in public folders
}

func newMailRig(t *testing.T) *mailRig {
	t.Helper()
	r, app, entry := newEWSRig(t)
	m := &mailRig{publicRig: &publicRig{rig: r, tenant: entry,
		bearer: r.token(entry.TenantID, secretForm(app.AppID, app.secret, exchangeDefault))}, app: app,
		mailbox: entry.Mailboxes.Licensed[0], owner: entry.Mailboxes.PublicFolderOwner[0],
		content: "PublicFolderContent@" + entry.Domain}
	m.anchor, m.byGUID = r.hierarchyMailbox(m.bearer, m.owner)
	return m
}

// messages are the response messages of an answer.
func (m *mailRig) messages(got answer) []mailMessage {
	m.t.Helper()
	var soap struct {
		Body struct {
			Response struct {
				List struct {
					Messages []mailMessage `xml:",any"`
				} `xml:"ResponseMessages"`
			} `xml:",any"`
		} `xml:"Body"`
	}
	if err := xml.Unmarshal([]byte(got.Body), &soap); err != nil || got.Status != http.StatusOK {
		m.t.Fatalf("HTTP %d: %v\n%.2000s", got.Status, err, got.Body)
	}
	return soap.Body.Response.List.Messages
}

// all sends an operation in the name of the mailbox, and returns its response messages.
func (m *mailRig) all(body string) []mailMessage {
	m.t.Helper()
	got, _ := m.ews(m.bearer, m.mailbox, envelopeFor(m.mailbox, body))
	return m.messages(got)
}

// one is all for an operation on one thing.
func (m *mailRig) one(body string) mailMessage {
	m.t.Helper()
	return m.only(m.all(body))
}

// inHierarchy and inContent send an operation on public folders to the mailbox that holds them, or their content.
func (m *mailRig) inHierarchy(as, body string) mailMessage {
	m.t.Helper()
	got, _ := m.ews(m.bearer, m.anchor, envelopeFor(as, body), m.byGUID)
	return m.only(m.messages(got))
}

func (m *mailRig) inContent(as, body string) mailMessage {
	m.t.Helper()
	got, _ := m.ews(m.bearer, m.content, envelopeFor(as, body), m.content)
	return m.only(m.messages(got))
}

func (m *mailRig) only(messages []mailMessage) mailMessage {
	m.t.Helper()
	if len(messages) != 1 {
		m.t.Fatalf("%d response messages", len(messages))
	}
	return messages[0]
}

// succeeds is a response message that is not an error.
func (m *mailRig) succeeds(got mailMessage) mailMessage {
	m.t.Helper()
	if got.Class != "Success" || got.Code != "NoError" {
		m.t.Fatalf("%s %s", got.Class, got.Code)
	}
	return got
}

// read gets one item.
func (m *mailRig) read(id ewsID, base string, fields ...string) mailItem {
	m.t.Helper()
	return m.succeeds(m.one(getItem(id.item(), base, fields...))).Items[0]
}

// list finds the items of a distinguished folder.
func (m *mailRig) list(folder string) []mailItem {
	m.t.Helper()
	return m.succeeds(m.one(findItem(distinguished(folder), "", "Default"))).Root.Items
}

// below finds all folders below a distinguished one.
func (m *mailRig) below(folder string) []mailFolder {
	m.t.Helper()
	return m.succeeds(m.one(findFolders("Deep", distinguished(folder)))).Root.Folders.All
}

// refuses checks operations that are answered with a code.
func (m *mailRig) refuses(cases map[string]struct{ body, code string }) {
	m.t.Helper()
	for name, test := range cases {
		if got := m.one(test.body); got.Class != "Error" || got.Code != test.code {
			m.t.Errorf("%s: %s %s, want %s", name, got.Class, got.Code, test.code)
		}
	}
}

// violates checks operations that are not of the schema, or of the part that the sandbox serves.
func (m *mailRig) violates(bodies map[string]string) {
	m.t.Helper()
	for name, body := range bodies {
		if got, soap := m.ews(m.bearer, m.mailbox, envelopeFor(m.mailbox, body)); soap.Fault.Code != "ErrorSchemaValidation" {
			m.t.Errorf("%s: HTTP %d %.600s", name, got.Status, got.Body)
		}
	}
}

// distinguished names a distinguished folder.
func distinguished(id string) string { return `<t:DistinguishedFolderId Id="` + id + `"/>` }

func createFolder(parent string, folders ...string) string {
	return `<m:CreateFolder><m:ParentFolderId>` + parent + `</m:ParentFolderId><m:Folders>` + strings.Join(folders, "") +
		`</m:Folders></m:CreateFolder>`
}

func named(name string) string {
	return `<t:Folder><t:DisplayName>` + name + `</t:DisplayName></t:Folder>`
}

func deleteFolder(how, folder string) string {
	return `<m:DeleteFolder DeleteType="` + how + `"><m:FolderIds>` + folder + `</m:FolderIds></m:DeleteFolder>`
}

// getFolders is a GetFolder with a shape.
func getFolders(base, folders string) string {
	return `<m:GetFolder><m:FolderShape><t:BaseShape>` + base + `</t:BaseShape></m:FolderShape><m:FolderIds>` + folders +
		`</m:FolderIds></m:GetFolder>`
}

func findFolders(traversal, parent string) string {
	return `<m:FindFolder Traversal="` + traversal + `"><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape></m:FolderShape>` +
		`<m:ParentFolderIds>` + parent + `</m:ParentFolderIds></m:FindFolder>`
}

// createItem makes messages, each given by what is in its element.
func createItem(folder string, messages ...string) string {
	var items strings.Builder
	for _, message := range messages {
		items.WriteString(`<t:Message>` + message + `</t:Message>`)
	}
	return `<m:CreateItem MessageDisposition="SaveOnly"><m:SavedItemFolderId>` + folder +
		`</m:SavedItemFolderId><m:Items>` + items.String() + `</m:Items></m:CreateItem>`
}

func subject(text string) string { return `<t:Subject>` + text + `</t:Subject>` }

func mimeContent(raw string) string {
	return `<t:MimeContent CharacterSet="UTF-8">` + base64.StdEncoding.EncodeToString([]byte(raw)) + `</t:MimeContent>`
}

// extended sets a MAPI property, which is named by attributes.
func extended(attributes, value string) string {
	return `<t:ExtendedProperty><t:ExtendedFieldURI ` + attributes + `/><t:Value>` + value + `</t:Value></t:ExtendedProperty>`
}

// Three MAPI properties that migrations set.
const (
	messageFlags = `PropertyTag="3591" PropertyType="Integer"` // PR_MESSAGE_FLAGS
	deliveryTime = `PropertyTag="0x0E06" PropertyType="SystemTime"`
	sourceID     = `DistinguishedPropertySetId="PublicStrings" PropertyName="SourceId" PropertyType="String"`
)

// field names one of EWS's own properties, or a MAPI property by its attributes.
func field(name string) string {
	if strings.Contains(name, "=") {
		return `<t:ExtendedFieldURI ` + name + `/>`
	}
	return `<t:FieldURI FieldURI="` + name + `"/>`
}

func itemShape(base string, fields ...string) string {
	more := ""
	if len(fields) > 0 {
		more = `<t:AdditionalProperties>` + strings.Join(tenant.Mapped(fields, field), "") + `</t:AdditionalProperties>`
	}
	return `<m:ItemShape><t:BaseShape>` + base + `</t:BaseShape>` + more + `</m:ItemShape>`
}

func getItem(items, base string, fields ...string) string {
	return `<m:GetItem>` + itemShape(base, fields...) + `<m:ItemIds>` + items + `</m:ItemIds></m:GetItem>`
}

// findItem is a FindItem in the order of the schema: shape; page, restriction and sort order; folders.
func findItem(folder, between, base string, fields ...string) string {
	return `<m:FindItem Traversal="Shallow">` + itemShape(base, fields...) + between + `<m:ParentFolderIds>` + folder +
		`</m:ParentFolderIds></m:FindItem>`
}

func restricted(expression string) string { return `<m:Restriction>` + expression + `</m:Restriction>` }

func compared(operator, name, constant string) string {
	return `<t:` + operator + `>` + field(name) + `<t:FieldURIOrConstant><t:Constant Value="` + constant +
		`"/></t:FieldURIOrConstant></t:` + operator + `>`
}

func contains(mode, comparison, name, constant string) string {
	return `<t:Contains ContainmentMode="` + mode + `" ContainmentComparison="` + comparison + `">` + field(name) +
		`<t:Constant Value="` + constant + `"/></t:Contains>`
}

func deleteItem(how, items string) string {
	return `<m:DeleteItem DeleteType="` + how + `"><m:ItemIds>` + items + `</m:ItemIds></m:DeleteItem>`
}

func moveItem(folder, items string) string {
	return `<m:MoveItem><m:ToFolderId>` + folder + `</m:ToFolderId><m:ItemIds>` + items + `</m:ItemIds></m:MoveItem>`
}

// updateItem changes one item, given by its ID element and what is in its Updates.
func updateItem(conflicts, item, updates string) string {
	return `<m:UpdateItem ConflictResolution="` + conflicts + `" MessageDisposition="SaveOnly"><m:ItemChanges><t:ItemChange>` +
		item + `<t:Updates>` + updates + `</t:Updates></t:ItemChange></m:ItemChanges></m:UpdateItem>`
}

func setField(name, message string) string {
	return `<t:SetItemField>` + field(name) + `<t:Message>` + message + `</t:Message></t:SetItemField>`
}

// subjects are those of items, in their order.
func subjects(items []mailItem) string {
	return strings.Join(tenant.Mapped(items, func(i mailItem) string { return i.Subject }), " ")
}

func folderNames(folders []mailFolder) string {
	return strings.Join(tenant.Mapped(folders, func(f mailFolder) string { return f.Name }), " ")
}
