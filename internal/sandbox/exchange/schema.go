package exchange

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
)

// children lists the elements that an element may hold.
type children struct {
	names   []string
	ordered bool // in the order of the names, each as often as wanted; otherwise in any order
}

func sequence(names ...string) children { return children{names: names, ordered: true} }

func choice(names ...string) children { return children{names: names} }

var (
	folderIDNames = choice("t:FolderId", "t:DistinguishedFolderId")
	itemIDNames   = choice("t:ItemId")
	searchNames   = choice("t:And", "t:Or", "t:Not", "t:Exists", "t:Contains", "t:IsEqualTo", "t:IsNotEqualTo",
		"t:IsGreaterThan", "t:IsGreaterThanOrEqualTo", "t:IsLessThan", "t:IsLessThanOrEqualTo")
	comparison = sequence("t:FieldURI", "t:ExtendedFieldURI", "t:FieldURIOrConstant")
	addresses  = choice("t:Mailbox")
	folderBody = sequence("t:FolderId", "t:ParentFolderId", "t:FolderClass", "t:DisplayName", "t:TotalCount",
		"t:ChildFolderCount", "t:ExtendedProperty", "t:EffectiveRights", "t:UnreadCount")
)

// requestSchema is what requests may consist of, by element: the part of EWS's schema that the sandbox serves (EWS: XML
// elements; messages.xsd and types.xsd). An element that is not listed holds no other.
var requestSchema = map[string]children{
	"s:Body": choice("m:GetFolder", "m:FindFolder", "m:CreateFolder", "m:DeleteFolder",
		"m:GetItem", "m:FindItem", "m:CreateItem", "m:UpdateItem", "m:MoveItem", "m:DeleteItem"),

	"m:GetFolder": sequence("m:FolderShape", "m:FolderIds"),
	"m:FindFolder": sequence("m:FolderShape", "m:IndexedPageFolderView", "m:Restriction",
		"m:ParentFolderIds"),
	"m:CreateFolder":          sequence("m:ParentFolderId", "m:Folders"),
	"m:DeleteFolder":          sequence("m:FolderIds"),
	"m:FolderShape":           sequence("t:BaseShape", "t:AdditionalProperties"),
	"m:FolderIds":             folderIDNames,
	"m:ParentFolderId":        folderIDNames,
	"m:ParentFolderIds":       folderIDNames,
	"m:Folders":               choice("t:Folder", "t:CalendarFolder", "t:ContactsFolder", "t:TasksFolder"),
	"t:Folder":                folderBody,
	"t:CalendarFolder":        folderBody,
	"t:ContactsFolder":        folderBody,
	"t:TasksFolder":           folderBody,
	"t:DistinguishedFolderId": sequence("t:Mailbox"),
	"t:Mailbox": sequence("t:Name", "t:EmailAddress", "t:RoutingType", "t:MailboxType",
		"t:ItemId"),
	"t:AdditionalProperties": choice("t:FieldURI", "t:ExtendedFieldURI"),

	"m:GetItem":    sequence("m:ItemShape", "m:ItemIds"),
	"m:FindItem":   sequence("m:ItemShape", "m:IndexedPageItemView", "m:Restriction", "m:SortOrder", "m:ParentFolderIds"),
	"m:CreateItem": sequence("m:SavedItemFolderId", "m:Items"),
	"m:UpdateItem": sequence("m:SavedItemFolderId", "m:ItemChanges"),
	"m:MoveItem":   sequence("m:ToFolderId", "m:ItemIds", "m:ReturnNewItemIds"),
	"m:DeleteItem": sequence("m:ItemIds"),
	"m:ItemShape": sequence("t:BaseShape", "t:IncludeMimeContent", "t:BodyType", "t:FilterHtmlContent",
		"t:ConvertHtmlCodePageToUTF8", "t:AdditionalProperties"),
	"m:ItemIds":           itemIDNames,
	"m:SavedItemFolderId": folderIDNames,
	"m:ToFolderId":        folderIDNames,
	"m:Items":             choice("t:Message"),
	"m:SortOrder":         choice("t:FieldOrder"),
	"t:FieldOrder":        sequence("t:FieldURI", "t:ExtendedFieldURI"),
	"m:ItemChanges":       choice("t:ItemChange"),
	"t:ItemChange":        sequence("t:ItemId", "t:Updates"),
	"t:Updates":           choice("t:SetItemField", "t:DeleteItemField"),
	"t:SetItemField":      sequence("t:FieldURI", "t:ExtendedFieldURI", "t:Message"),
	"t:DeleteItemField":   sequence("t:FieldURI", "t:ExtendedFieldURI"),
	"t:Message": sequence("t:MimeContent", "t:ItemId", "t:ParentFolderId", "t:ItemClass", "t:Subject", "t:Sensitivity",
		"t:Body", "t:DateTimeReceived", "t:Size", "t:Categories", "t:Importance", "t:InReplyTo", "t:IsSubmitted",
		"t:IsDraft", "t:IsFromMe", "t:IsResend", "t:IsUnmodified", "t:DateTimeSent", "t:DateTimeCreated", "t:DisplayCc",
		"t:DisplayTo", "t:HasAttachments", "t:ExtendedProperty", "t:EffectiveRights", "t:LastModifiedName",
		"t:LastModifiedTime", "t:IsAssociated", "t:Sender", "t:ToRecipients", "t:CcRecipients", "t:BccRecipients",
		"t:IsReadReceiptRequested", "t:IsDeliveryReceiptRequested", "t:ConversationTopic", "t:From",
		"t:InternetMessageId", "t:IsRead", "t:References", "t:ReplyTo"),
	"t:Categories":       choice("t:String"),
	"t:ExtendedProperty": sequence("t:ExtendedFieldURI", "t:Value", "t:Values"),
	"t:Values":           choice("t:Value"),
	"t:Sender":           addresses,
	"t:From":             addresses,
	"t:ToRecipients":     addresses,
	"t:CcRecipients":     addresses,
	"t:BccRecipients":    addresses,
	"t:ReplyTo":          addresses,

	"m:Restriction":            searchNames,
	"t:And":                    searchNames,
	"t:Or":                     searchNames,
	"t:Not":                    searchNames,
	"t:Exists":                 sequence("t:FieldURI", "t:ExtendedFieldURI"),
	"t:Contains":               sequence("t:FieldURI", "t:ExtendedFieldURI", "t:Constant"),
	"t:IsEqualTo":              comparison,
	"t:IsNotEqualTo":           comparison,
	"t:IsGreaterThan":          comparison,
	"t:IsGreaterThanOrEqualTo": comparison,
	"t:IsLessThan":             comparison,
	"t:IsLessThanOrEqualTo":    comparison,
	"t:FieldURIOrConstant":     choice("t:Constant"),
}

var schemaPrefixes = map[string]string{soapNamespace: "s:", messagesNamespace: "m:", typesNamespace: "t:"}

// opened is an element whose end was not read yet.
type opened struct {
	name    string
	at      int // the place of its last child in the sequence
	checked bool
}

// maxDepth is how deep elements are nested at most, headers included, so that a request takes no more memory than its
// length. That Exchange has a limit of its own is unconfirmed.
const maxDepth = 1000

// schemaReader reads tokens of a request, up to an element in the SOAP body that its parent may not hold, or not in
// that place. Exchange ignores headers that it does not know, so the header is not looked at.
type schemaReader struct {
	tokens *xml.Decoder
	path   []opened
}

func newSchemaReader(body []byte) *schemaReader {
	return &schemaReader{tokens: xml.NewDecoder(bytes.NewReader(body))}
}

// Token returns the next token.
func (s *schemaReader) Token() (xml.Token, error) {
	token, err := s.tokens.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case xml.StartElement:
		if len(s.path) == maxDepth {
			return nil, fmt.Errorf("elements are nested more than %d deep", maxDepth)
		}
		child := opened{name: prefixed(token.Name)}
		child.checked = child.name == "s:Body"
		if last := len(s.path) - 1; last >= 0 && s.path[last].checked {
			if err := s.path[last].takes(child.name); err != nil {
				return nil, err
			}
			child.checked = true
		}
		s.path = append(s.path, child)
	case xml.EndElement:
		s.path = s.path[:len(s.path)-1]
	}
	return token, nil
}

// takes notes another child of an element.
func (o *opened) takes(child string) error {
	allowed := requestSchema[o.name]
	at := slices.Index(allowed.names, child)
	if at < 0 || allowed.ordered && at < o.at {
		return fmt.Errorf("the element %s has the invalid child element %s, or has it in the wrong place; the sandbox "+
			"takes %q there", o.name, child, allowed.names)
	}
	o.at = at
	return nil
}

func prefixed(name xml.Name) string {
	prefix, known := schemaPrefixes[name.Space]
	if !known {
		prefix = name.Space + " "
	}
	return prefix + name.Local
}
