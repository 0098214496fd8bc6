package exchange

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// mailItem is an item with the folder that holds it.
type mailItem struct {
	tenant.MailItem
	in mailFolder
}

var itemNotFound = ewsFault{Code: "ErrorItemNotFound", Message: "The specified object was not found in the store."}

// findItem looks an item up, for a request that has to be routed to the content of the public folders if it is there.
func (c call) findItem(asked itemID) (mailItem, *ewsFault) {
	if fault := checkChangeKey(asked.ChangeKey); fault != nil {
		return mailItem{}, fault
	}
	owner, name, fault := readID(asked.ID)
	if fault != nil {
		return mailItem{}, fault
	}
	id, is := strings.CutPrefix(name, itemMark)
	isPublic := owner == c.tenant.ID
	switch {
	case !is:
		return mailItem{}, &ewsFault{Code: "ErrorCannotUseFolderIdForItemId", Message: "Id is a folder's, not an item's."}
	case !isPublic && owner != c.account.ID:
		return mailItem{}, &itemNotFound
	}
	if isPublic && c.route != toContent {
		_, fault := c.findPublic(publicRootID, []route{toContent})
		return mailItem{}, fault
	}
	i, found := c.store(isPublic).Item(id)
	if !found {
		return mailItem{}, &itemNotFound
	}
	folder, fault := c.find(folderID{ID: newID(owner, i.FolderID)}, toContent)
	if fault != nil {
		return mailItem{}, &itemNotFound
	}
	return mailItem{MailItem: i, in: folder}, nil
}

// may reports whether rights such as All and Owned cover an item of one's own or of somebody else's.
func (c call) may(right string, i mailItem) bool {
	return right == "All" || right == "Owned" && i.Creator == c.account.ID
}

// xmlID is an item's ID. A change key names the version.
func (i mailItem) xmlID(c call) string {
	owner := c.account.ID
	if i.in.isPublic {
		owner = c.tenant.ID
	}
	return fmt.Sprintf(`<t:ItemId Id="%s" ChangeKey="%s"/>`, newID(owner, itemMark+i.ID), i.changeKey())
}

func (i mailItem) changeKey() string {
	return base64.StdEncoding.EncodeToString([]byte("CQAAABY" + strconv.Itoa(i.Version)))
}

// Where a property is, in addition to those that are asked for by name.
type presence int

const (
	byName      presence = iota
	inAll                // of the shapes, in AllProperties alone
	inDefault            // and in Default
	bodyInGet            // in Default, in the answer of a GetItem alone
	detailInGet          // in AllProperties, in the answer of a GetItem alone
)

// itemProperty is a property of EWS's own.
type itemProperty struct {
	uri      string
	presence presence
	kind     kind
	value    func(i mailItem) string                  // canonical; empty: the item does not have it
	xml      func(c call, i mailItem, s shape) string // nil: an element with the value
}

func always(value string) func(mailItem) string { return func(mailItem) string { return value } }

func flag(of func(i mailItem) bool) func(mailItem) string {
	return func(i mailItem) string { return strconv.FormatBool(of(i)) }
}

// extendedHere is the place of the extended properties among the others.
const extendedHere = ""

// itemProperties are the properties of a message in the order of the schema, with the shapes that have them (EWS:
// Message; property sets and response shapes).
var itemProperties = []itemProperty{
	{"item:MimeContent", byName, notSearchable, nil, func(_ call, i mailItem, _ shape) string {
		return `<t:MimeContent CharacterSet="UTF-8">` + base64.StdEncoding.EncodeToString(mimeOf(i.MailItem)) +
			`</t:MimeContent>`
	}},
	{"item:ItemId", inDefault, notSearchable, nil, func(c call, i mailItem, _ shape) string { return i.xmlID(c) }},
	{"item:ParentFolderId", inAll, notSearchable, nil, func(_ call, i mailItem, _ shape) string {
		return fmt.Sprintf(`<t:ParentFolderId Id="%s" ChangeKey="AQAAAA=="/>`, i.in.id)
	}},
	{"item:ItemClass", inAll, textKind, func(i mailItem) string { return i.Class }, nil},
	{"item:Subject", inDefault, textKind, func(i mailItem) string { return i.Subject }, nil},
	{"item:Sensitivity", inDefault, textKind, func(i mailItem) string { return i.Sensitivity }, nil},
	{"item:Body", bodyInGet, notSearchable, nil,
		func(_ call, i mailItem, s shape) string { return i.bodyXML(s.BodyType) }},
	{"item:DateTimeReceived", inAll, timeKind, func(i mailItem) string { return timeText(i.Received) }, nil},
	{"item:Size", inDefault, numberKind, func(i mailItem) string { return strconv.Itoa(i.Size()) }, nil},
	{"item:Categories", inAll, notSearchable, nil, func(_ call, i mailItem, _ shape) string { return i.categoriesXML() }},
	{"item:Importance", inAll, textKind, func(i mailItem) string { return i.Importance }, nil},
	{"item:InReplyTo", inAll, textKind, func(i mailItem) string { return i.InReplyTo }, nil},
	{"item:IsSubmitted", inAll, flagKind, always("false"), nil},
	{"item:IsDraft", inAll, flagKind, flag(func(i mailItem) bool { return i.IsDraft }), nil},
	{"item:IsFromMe", inAll, flagKind, always("false"), nil},
	{"item:IsResend", inAll, flagKind, always("false"), nil},
	{"item:IsUnmodified", inAll, flagKind, flag(func(i mailItem) bool { return i.Version == 1 }), nil},
	{"item:DateTimeSent", inDefault, timeKind, func(i mailItem) string { return timeText(i.Sent) }, nil},
	{"item:DateTimeCreated", inDefault, timeKind, func(i mailItem) string { return timeText(i.Created) }, nil},
	{"item:DisplayCc", inAll, textKind, func(i mailItem) string { return displayNames(i.Cc) }, nil},
	{"item:DisplayTo", inAll, textKind, func(i mailItem) string { return displayNames(i.To) }, nil},
	{"item:HasAttachments", inDefault, flagKind, flag(func(i mailItem) bool { return i.HasAttachments }), nil},
	{uri: extendedHere},
	{"item:Culture", inAll, textKind, always("en-US"), nil},
	{"item:EffectiveRights", inAll, notSearchable, nil, func(c call, i mailItem, _ shape) string {
		return effectiveRights(c.rights(i.in))
	}},
	{"item:LastModifiedTime", inAll, timeKind, func(i mailItem) string { return timeText(i.Modified) }, nil},
	{"item:IsAssociated", inDefault, flagKind, always("false"), nil},
	{"message:Sender", inAll, notSearchable, nil,
		recipientXML("Sender", func(i mailItem) tenant.MailAddress { return i.Sender })},
	{"message:ToRecipients", detailInGet, notSearchable, nil,
		recipientsXML("ToRecipients", func(i mailItem) []tenant.MailAddress { return i.To })},
	{"message:CcRecipients", detailInGet, notSearchable, nil,
		recipientsXML("CcRecipients", func(i mailItem) []tenant.MailAddress { return i.Cc })},
	{"message:BccRecipients", detailInGet, notSearchable, nil,
		recipientsXML("BccRecipients", func(i mailItem) []tenant.MailAddress { return i.Bcc })},
	{"message:IsReadReceiptRequested", inAll, flagKind, flag(func(i mailItem) bool { return i.WantsReadReceipt }), nil},
	{"message:IsDeliveryReceiptRequested", inDefault, flagKind,
		flag(func(i mailItem) bool { return i.WantsDelivery }), nil},
	{"message:ConversationTopic", inAll, textKind, func(i mailItem) string { return i.Subject }, nil},
	{"message:From", inDefault, notSearchable, nil,
		recipientXML("From", func(i mailItem) tenant.MailAddress { return i.From })},
	{"message:InternetMessageId", inAll, textKind, func(i mailItem) string { return i.InternetMessageID }, nil},
	{"message:IsRead", inDefault, flagKind, flag(func(i mailItem) bool { return i.IsRead }), nil},
	{"message:References", inAll, textKind, func(i mailItem) string { return i.References }, nil},
	{"message:ReplyTo", detailInGet, notSearchable, nil,
		recipientsXML("ReplyTo", func(i mailItem) []tenant.MailAddress { return i.ReplyTo })},
}

// itemPropertyOf finds a property by its name. One that does not exist is the zero value, which is not searchable.
func itemPropertyOf(uri string) itemProperty {
	for _, p := range itemProperties {
		if p.uri == uri && uri != extendedHere {
			return p
		}
	}
	return itemProperty{}
}

// isIn reports whether the answer has a property.
func (p itemProperty) isIn(s shape) bool {
	switch {
	case p.uri == "item:ItemId" || s.names(p.uri) || p.uri == "item:MimeContent" && s.IncludeMIME:
		return true
	case p.presence == byName || s.Base == "IdOnly":
		return false
	case p.presence == bodyInGet:
		return !s.inSearch
	case s.Base == "Default":
		return p.presence == inDefault
	}
	return !s.inSearch || p.presence != detailInGet
}

// onlyInGet reports whether no search returns a property (EWS: FindItem operation).
func (p itemProperty) onlyInGet() bool {
	return p.presence == bodyInGet || p.presence == detailInGet || p.uri == "item:MimeContent"
}

// itemXML is an item with what the shape asks for.
func (c call) itemXML(i mailItem, s shape) string {
	var properties strings.Builder
	for _, p := range itemProperties {
		switch {
		case p.uri == extendedHere:
			for _, uri := range s.Properties.Extended {
				values, found := i.extended(uri)
				properties.WriteString(extendedXML(uri, values, found))
			}
		case !p.isIn(s):
		case p.xml != nil:
			properties.WriteString(p.xml(c, i, s))
		default:
			if value := p.value(i); value != "" {
				_, name, _ := strings.Cut(p.uri, ":")
				fmt.Fprintf(&properties, `<t:%[1]s>%[2]s</t:%[1]s>`, name, escapeXML(value))
			}
		}
	}
	return `<t:Message>` + properties.String() + `</t:Message>`
}

func (i mailItem) extended(uri extendedFieldURI) (values []string, found bool) {
	key, _ := uri.key() // the shape was looked at
	if known, is := knownTags[key]; is {
		value := known.get(i.MailItem)
		return []string{value}, value != ""
	}
	return findExtended(i.Extended, key)
}

// bodyXML writes the body in the form that was asked for; the best one is the one that the item has. Where only the
// other form is there, the text is not converted (unconfirmed: Exchange does).
func (i mailItem) bodyXML(form string) string {
	body := bodyOf(i.MailItem)
	text, kind := body.html, "HTML"
	if body.html == "" || form == "Text" && body.text != "" {
		text, kind = body.text, "Text"
	}
	return `<t:Body BodyType="` + kind + `">` + escapeXML(text) + `</t:Body>`
}

func (i mailItem) categoriesXML() string {
	if len(i.Categories) == 0 {
		return ""
	}
	var written strings.Builder
	for _, category := range i.Categories {
		written.WriteString(`<t:String>` + escapeXML(category) + `</t:String>`)
	}
	return `<t:Categories>` + written.String() + `</t:Categories>`
}

func displayNames(addresses []tenant.MailAddress) string {
	return strings.Join(tenant.Mapped(addresses, func(a tenant.MailAddress) string { return a.Name }), "; ")
}

// recipientXML writes an element that holds one address.
func recipientXML(element string, of func(mailItem) tenant.MailAddress) func(call, mailItem, shape) string {
	return recipientsXML(element, func(i mailItem) []tenant.MailAddress {
		if a := of(i); a != (tenant.MailAddress{}) {
			return []tenant.MailAddress{a}
		}
		return nil
	})
}

// recipientsXML writes an element that holds addresses, nothing where there are none. A search returns their names
// alone (EWS: FindItem operation).
func recipientsXML(element string, of func(mailItem) []tenant.MailAddress) func(call, mailItem, shape) string {
	return func(_ call, i mailItem, s shape) string {
		var written strings.Builder
		for _, a := range of(i) {
			written.WriteString(`<t:Mailbox><t:Name>` + escapeXML(a.Name) + `</t:Name>`)
			if a.Address != "" && !s.inSearch {
				written.WriteString(`<t:EmailAddress>` + escapeXML(a.Address) + `</t:EmailAddress>` +
					`<t:RoutingType>SMTP</t:RoutingType>`)
			}
			written.WriteString(`</t:Mailbox>`)
		}
		if written.Len() == 0 {
			return ""
		}
		return `<t:` + element + `>` + written.String() + `</t:` + element + `>`
	}
}

// itemKinds are the properties of items that can be searched for.
func itemKinds(p propertyPath) kind {
	if p.Extended != nil {
		key, fault := p.Extended.key()
		if base, isArray := strings.CutSuffix(p.Extended.Type, "Array"); fault == nil && key != "" && !isArray {
			return extendedKinds[base]
		}
		return notSearchable
	}
	property := itemPropertyOf(p.uri())
	return property.kind
}

// property returns a property that itemKinds has.
func (i mailItem) property(p propertyPath) (string, bool) {
	if p.Extended != nil {
		if values, found := i.extended(*p.Extended); found {
			return values[0], true
		}
		return "", false
	}
	property := itemPropertyOf(p.uri())
	value := property.value(i)
	return value, value != ""
}
