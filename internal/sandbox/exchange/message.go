package exchange

import (
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// message is what a client sets of an item (EWS: Message). What is not among its fields, the schema has and nobody can
// set.
type message struct {
	MIME *struct {
		Content string `xml:",chardata"`
	} `xml:"MimeContent"`
	Class       *string `xml:"ItemClass"`
	Subject     *string `xml:"Subject"`
	Sensitivity *string `xml:"Sensitivity"`
	Body        *struct {
		Type    string `xml:"BodyType,attr"`
		Content string `xml:",chardata"`
	} `xml:"Body"`
	Categories *struct {
		Strings []string `xml:"String"`
	} `xml:"Categories"`
	Importance   *string            `xml:"Importance"`
	InReplyTo    *string            `xml:"InReplyTo"`
	Extended     []extendedProperty `xml:"ExtendedProperty"`
	Sender       *recipients        `xml:"Sender"`
	To           *recipients        `xml:"ToRecipients"`
	Cc           *recipients        `xml:"CcRecipients"`
	Bcc          *recipients        `xml:"BccRecipients"`
	ReadReceipt  *bool              `xml:"IsReadReceiptRequested"`
	DeliveryNote *bool              `xml:"IsDeliveryReceiptRequested"`
	From         *recipients        `xml:"From"`
	MessageID    *string            `xml:"InternetMessageId"`
	IsRead       *bool              `xml:"IsRead"`
	References   *string            `xml:"References"`
	ReplyTo      *recipients        `xml:"ReplyTo"`
	ReadOnly     []struct {
		XMLName xml.Name
	} `xml:",any"`
}

// recipients are addresses in the order of the request (EWS: Mailbox).
type recipients struct {
	Mailboxes []struct {
		Name    string `xml:"Name"`
		Address string `xml:"EmailAddress"`
	} `xml:"Mailbox"`
}

func (r *recipients) addresses() (found []tenant.MailAddress) {
	for _, m := range r.Mailboxes {
		found = append(found, tenant.MailAddress{Name: cmp.Or(m.Name, m.Address), Address: m.Address})
	}
	return found
}

// The values of two enumerations (EWS: Importance, Sensitivity), the usual one first.
var (
	importances   = []string{"Normal", "Low", "High"}
	sensitivities = []string{"Normal", "Personal", "Private", "Confidential"}
)

func (m message) check() error {
	if m.Importance != nil && !slices.Contains(importances, *m.Importance) {
		return fmt.Errorf("Importance is %q, not one of %q", *m.Importance, importances)
	}
	if m.Sensitivity != nil && !slices.Contains(sensitivities, *m.Sensitivity) {
		return fmt.Errorf("Sensitivity is %q, not one of %q", *m.Sensitivity, sensitivities)
	}
	if m.Body != nil && m.Body.Type != "HTML" && m.Body.Type != "Text" {
		return fmt.Errorf("BodyType is %q, not HTML or Text", m.Body.Type)
	}
	return nil
}

// maxContent is how long one item's content in a request is at most: 35 MB, which is Exchange Online's usual limit for
// a message (unconfirmed for EWS, where an administrator's settings count).
const maxContent = 35 << 20

// apply gives an item what the client sets of it.
func (m message) apply(i *tenant.MailItem) *ewsFault {
	if len(m.ReadOnly) > 0 {
		return &readOnlyProperty
	}
	if m.MIME != nil {
		if fault := m.applyMIME(i); fault != nil {
			return fault
		}
	}
	if m.Body != nil {
		if len(m.Body.Content) > maxContent {
			return &dataSizeLimit
		}
		i.Body, i.BodyIsHTML = m.Body.Content, m.Body.Type == "HTML"
	}
	for _, one := range []struct{ given, to *string }{{m.Class, &i.Class}, {m.Subject, &i.Subject},
		{m.Sensitivity, &i.Sensitivity}, {m.Importance, &i.Importance}, {m.InReplyTo, &i.InReplyTo},
		{m.MessageID, &i.InternetMessageID}, {m.References, &i.References}} {
		if one.given != nil {
			*one.to = *one.given
		}
	}
	for _, one := range []struct {
		given *recipients
		to    *[]tenant.MailAddress
	}{{m.To, &i.To}, {m.Cc, &i.Cc}, {m.Bcc, &i.Bcc}, {m.ReplyTo, &i.ReplyTo}} {
		if one.given != nil {
			*one.to = one.given.addresses()
		}
	}
	for _, one := range []struct {
		given *recipients
		to    *tenant.MailAddress
	}{{m.From, &i.From}, {m.Sender, &i.Sender}} {
		if one.given != nil {
			*one.to = first(one.given.addresses())
		}
	}
	for _, one := range []struct{ given, to *bool }{{m.IsRead, &i.IsRead}, {m.ReadReceipt, &i.WantsReadReceipt},
		{m.DeliveryNote, &i.WantsDelivery}} {
		if one.given != nil {
			*one.to = *one.given
		}
	}
	if m.Categories != nil {
		i.Categories = slices.Clone(m.Categories.Strings)
	}
	return m.applyExtended(i)
}

var dataSizeLimit = ewsFault{Code: "ErrorDataSizeLimitExceeded", Message: "The data size limit has been exceeded."}

func (m message) applyMIME(i *tenant.MailItem) *ewsFault {
	if len(m.MIME.Content) > maxContent {
		return &dataSizeLimit
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(m.MIME.Content), ""))
	if err != nil {
		return &ewsFault{Code: "ErrorMimeContentInvalidBase64String", Message: "MIME content is not valid base64."}
	}
	if applyMIME(i, raw) != nil {
		return &ewsFault{Code: "ErrorMimeContentInvalid", Message: "The MIME content is invalid."}
	}
	return nil
}

func (m message) applyExtended(i *tenant.MailItem) *ewsFault {
	for _, given := range m.Extended {
		property, fault := given.property()
		if fault != nil {
			return fault
		}
		if known, is := knownTags[property.Key]; !is {
			i.Extended = setExtended(i.Extended, property)
		} else if known.set == nil {
			return &readOnlyProperty
		} else {
			known.set(i, property.Values[0])
		}
	}
	return nil
}

// The bits of PR_MESSAGE_FLAGS (MS-OXCMSG, section 2.2.1.6).
const (
	flagRead          = 0x1
	flagUnsent        = 0x8
	flagHasAttachment = 0x10
)

// knownTag is a MAPI property that is another name of one of EWS's own. Its values are canonical.
type knownTag struct {
	get func(i tenant.MailItem) string // empty: the item does not have it
	set func(i *tenant.MailItem, value string)
}

// knownTags are those of them that migrations use (MS-OXPROPS).
var knownTags = map[string]knownTag{
	"0x1a/String": {func(i tenant.MailItem) string { return i.Class }, func(i *tenant.MailItem, v string) { i.Class = v }},
	"0x37/String": {func(i tenant.MailItem) string { return i.Subject },
		func(i *tenant.MailItem, v string) { i.Subject = v }},
	"0x39/SystemTime": {func(i tenant.MailItem) string { return timeText(i.Sent) },
		func(i *tenant.MailItem, v string) { i.Sent = readTime(v) }},
	"0xe06/SystemTime": {func(i tenant.MailItem) string { return timeText(i.Received) },
		func(i *tenant.MailItem, v string) { i.Received = readTime(v) }},
	"0xe07/Integer": {messageFlags, setMessageFlags},
	"0xe08/Integer": {func(i tenant.MailItem) string { return strconv.Itoa(i.Size()) }, nil},
	"0x1035/String": {func(i tenant.MailItem) string { return i.InternetMessageID },
		func(i *tenant.MailItem, v string) { i.InternetMessageID = v }},
}

func messageFlags(i tenant.MailItem) string {
	flags := 0
	for _, one := range []struct {
		set  bool
		flag int
	}{{i.IsRead, flagRead}, {i.IsDraft, flagUnsent}, {i.HasAttachments, flagHasAttachment}} {
		if one.set {
			flags |= one.flag
		}
	}
	return strconv.Itoa(flags)
}

func setMessageFlags(i *tenant.MailItem, value string) {
	flags, _ := strconv.Atoi(value) // canonicalMAPI has parsed it
	i.IsRead, i.IsDraft = flags&flagRead != 0, flags&flagUnsent != 0
}

func readTime(value string) time.Time {
	at, _ := time.Parse(timeFormat, value) // canonicalMAPI has written it
	return at
}

func timeText(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(timeFormat)
}
