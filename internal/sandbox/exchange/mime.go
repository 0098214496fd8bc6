package exchange

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"golang.org/x/net/html/charset"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// words decodes what header fields hold beyond ASCII, in whatever character set.
var words = &mime.WordDecoder{CharsetReader: charset.NewReaderLabel}

// applyMIME gives an item the properties that its MIME content has.
func applyMIME(i *tenant.MailItem, raw []byte) error {
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	header := message.Header
	i.MIME = raw
	i.Subject = headerText(header, "Subject")
	i.From, i.Sender = first(headerAddresses(header, "From")), first(headerAddresses(header, "Sender"))
	i.To, i.Cc, i.Bcc = headerAddresses(header, "To"), headerAddresses(header, "Cc"), headerAddresses(header, "Bcc")
	i.ReplyTo = headerAddresses(header, "Reply-To")
	i.InternetMessageID, i.InReplyTo = header.Get("Message-ID"), header.Get("In-Reply-To")
	i.References = header.Get("References")
	if importance := headerText(header, "Importance"); importance != "" {
		i.Importance = canonicalWord(importances, importance)
	}
	if sensitivity := headerText(header, "Sensitivity"); sensitivity != "" {
		i.Sensitivity = canonicalWord(sensitivities, sensitivity)
	}
	if sent, err := header.Date(); err == nil {
		i.Sent = sent.UTC()
	}
	_, i.HasAttachments = readParts(raw)
	return nil
}

// canonicalWord finds a word regardless of its case; the first one stands for every other.
func canonicalWord(known []string, word string) string {
	for _, one := range known {
		if strings.EqualFold(one, word) {
			return one
		}
	}
	return known[0]
}

func headerText(header mail.Header, name string) string {
	text, err := words.DecodeHeader(header.Get(name))
	if err != nil {
		return header.Get(name)
	}
	return text
}

// headerAddresses reads a list of addresses; one that is malformed becomes a name without an address.
func headerAddresses(header mail.Header, name string) []tenant.MailAddress {
	value := header.Get(name)
	if value == "" {
		return nil
	}
	parser := mail.AddressParser{WordDecoder: words}
	list, err := parser.ParseList(value)
	if err != nil {
		return []tenant.MailAddress{{Name: headerText(header, name)}}
	}
	return tenant.Mapped(list, func(a *mail.Address) tenant.MailAddress {
		return tenant.MailAddress{Name: cmp.Or(a.Name, a.Address), Address: a.Address}
	})
}

func first(addresses []tenant.MailAddress) tenant.MailAddress {
	if len(addresses) == 0 {
		return tenant.MailAddress{}
	}
	return addresses[0]
}

// mailBody is the text of a message, in one form or both.
type mailBody struct{ html, text string }

// maxPartDepth is how deep the parts of a message are nested at most for their text to be found.
const maxPartDepth = 20

// readParts finds the text of MIME content, and whether it has attachments. What cannot be decoded is left out, as a
// mail program would do.
func readParts(raw []byte) (body mailBody, hasAttachments bool) {
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return mailBody{}, false
	}
	hasAttachments = body.read(textproto.MIMEHeader(message.Header), message.Body, 0)
	return body, hasAttachments
}

// read takes the first text of each form from a part, and reports whether there are attachments in it.
func (b *mailBody) read(header textproto.MIMEHeader, content io.Reader, depth int) (hasAttachments bool) {
	kind, parameters, err := mime.ParseMediaType(cmp.Or(header.Get("Content-Type"), "text/plain"))
	if err != nil {
		kind = "text/plain"
	}
	disposition, _, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	switch {
	case disposition == "attachment" || depth > maxPartDepth:
		return true
	case strings.HasPrefix(kind, "multipart/"):
		parts := multipart.NewReader(content, parameters["boundary"])
		for {
			part, err := parts.NextRawPart()
			if err != nil {
				return hasAttachments
			}
			hasAttachments = b.read(part.Header, part, depth+1) || hasAttachments
		}
	case kind == "text/html" && b.html == "":
		b.html = decodedText(header, parameters["charset"], content)
	case kind == "text/plain" && b.text == "":
		b.text = decodedText(header, parameters["charset"], content)
	default:
		return disposition != "inline"
	}
	return false
}

func decodedText(header textproto.MIMEHeader, charsetLabel string, content io.Reader) string {
	switch strings.ToLower(strings.TrimSpace(header.Get("Content-Transfer-Encoding"))) {
	case "base64":
		content = base64.NewDecoder(base64.StdEncoding, content)
	case "quoted-printable":
		content = quotedprintable.NewReader(content)
	}
	if decoded, err := charset.NewReaderLabel(cmp.Or(charsetLabel, "us-ascii"), content); err == nil {
		content = decoded
	}
	text, _ := io.ReadAll(content) // what can be read of it
	return string(text)
}

// mimeOf is the MIME content of an item: what it was made from, or a message with its properties. Exchange writes it
// each time; that a client gets back each byte that it uploaded is unconfirmed.
func mimeOf(i tenant.MailItem) []byte {
	if i.MIME != nil {
		return i.MIME
	}
	var written bytes.Buffer
	header := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&written, "%s: %s\r\n", name, value)
		}
	}
	header("From", addressHeader([]tenant.MailAddress{i.From}))
	header("To", addressHeader(i.To))
	header("Cc", addressHeader(i.Cc))
	header("Subject", mime.QEncoding.Encode("utf-8", i.Subject))
	header("Message-ID", oneLine(i.InternetMessageID))
	if !i.Sent.IsZero() {
		header("Date", i.Sent.Format(time.RFC1123Z))
	}
	kind := "text/plain"
	if i.BodyIsHTML {
		kind = "text/html"
	}
	header("MIME-Version", "1.0")
	header("Content-Type", kind+"; charset=utf-8")
	header("Content-Transfer-Encoding", "base64")
	written.WriteString("\r\n")
	const line = 76 // RFC 2045, section 6.8
	for encoded := base64.StdEncoding.EncodeToString([]byte(i.Body)); encoded != ""; {
		end := min(line, len(encoded))
		written.WriteString(encoded[:end] + "\r\n")
		encoded = encoded[end:]
	}
	return written.Bytes()
}

func addressHeader(addresses []tenant.MailAddress) string {
	var listed []string
	for _, a := range addresses {
		if a.Address != "" {
			listed = append(listed, (&mail.Address{Name: a.Name, Address: oneLine(a.Address)}).String())
		}
	}
	return strings.Join(listed, ", ")
}

// oneLine keeps a value from beginning another header field.
func oneLine(value string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(value) }

// bodyOf is the text of an item.
func bodyOf(i tenant.MailItem) mailBody {
	switch {
	case i.MIME != nil:
		body, _ := readParts(i.MIME)
		return body
	case i.BodyIsHTML:
		return mailBody{html: i.Body}
	}
	return mailBody{text: i.Body}
}
