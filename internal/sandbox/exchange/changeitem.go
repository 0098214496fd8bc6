package exchange

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// createItem makes messages in one folder (EWS: CreateItem operation).
type createItem struct {
	Disposition string    `xml:"MessageDisposition,attr"`
	Folder      folderIDs `xml:"SavedItemFolderId"`
	Items       struct {
		Messages []message `xml:"Message"`
	} `xml:"Items"`
}

func (m *createItem) check() error {
	if !slices.Contains([]string{"", "SaveOnly"}, m.Disposition) {
		return fmt.Errorf("MessageDisposition is %q, and the sandbox sends no mail: it knows SaveOnly alone", m.Disposition)
	}
	if len(m.Items.Messages) == 0 {
		return errors.New("Items holds no item")
	}
	for _, one := range m.Items.Messages {
		if err := one.check(); err != nil {
			return err
		}
	}
	if len(m.Folder.IDs) == 0 {
		return nil
	}
	return m.Folder.one("SavedItemFolderId")
}

// into is the folder to save in. Without one, a message is a draft (EWS: SavedItemFolderId).
func (m *createItem) into() folderID {
	if len(m.Folder.IDs) > 0 {
		return m.Folder.IDs[0]
	}
	drafts := folderID{ID: tenant.DraftsFolder}
	drafts.XMLName.Local = "DistinguishedFolderId"
	return drafts
}

func (m *createItem) covered(t *tenant.Tenant) string { return m.into().covered(t) }

func (m *createItem) answer(c call) (string, string) {
	return respond("CreateItem", m.Items.Messages, func(wanted message) (string, *ewsFault) {
		made, fault := m.create(c, wanted)
		if fault != nil {
			return "", fault
		}
		return made.list(c), nil
	})
}

// create makes one item. It is a draft unless PR_MESSAGE_FLAGS says otherwise (seen).
func (m *createItem) create(c call, wanted message) (mailItem, *ewsFault) {
	if m.Disposition == "" {
		return mailItem{}, &ewsFault{Code: "ErrorMessageDispositionRequired",
			Message: "Message save/send operation requires MessageDisposition."}
	}
	folder, fault := c.find(m.into(), toContent)
	if fault != nil {
		return mailItem{}, fault
	}
	if !c.rights(folder).create {
		return mailItem{}, &createItemAccessDenied
	}
	i := tenant.MailItem{ID: uuid.NewString(), FolderID: folder.ID, Creator: c.account.ID, Version: 1, Class: "IPM.Note",
		Importance: importances[0], Sensitivity: sensitivities[0], IsDraft: true,
		Created: c.now.UTC(), Modified: c.now.UTC(), Received: c.now.UTC(), Sent: c.now.UTC()}
	if fault := wanted.apply(&i); fault != nil {
		return mailItem{}, fault
	}
	if i.InternetMessageID == "" {
		i.InternetMessageID = "<" + i.ID + "@" + c.tenant.Domain + ">"
	}
	if c.store(folder.isPublic).Add(i) != nil {
		return mailItem{}, &quotaExceeded
	}
	return mailItem{MailItem: i, in: folder}, nil
}

var createItemAccessDenied = ewsFault{Code: "ErrorCreateItemAccessDenied",
	Message: "The caller does not have permission to create the item."}

// list is the list of an answer that names one item.
func (i mailItem) list(c call) string {
	return `<m:Items><t:Message>` + i.xmlID(c) + `</t:Message></m:Items>`
}

// deleteItem deletes items (EWS: DeleteItem operation).
type deleteItem struct {
	Type string  `xml:"DeleteType,attr"`
	IDs  itemIDs `xml:"ItemIds"`
}

func (d *deleteItem) check() error { return firstError(checkDeleteType(d.Type), d.IDs.check()) }

func (d *deleteItem) covered(t *tenant.Tenant) string { return coveredBy(t, d.IDs.IDs[0].ID) }

func (d *deleteItem) answer(c call) (string, string) {
	return respond("DeleteItem", d.IDs.IDs, func(asked itemID) (string, *ewsFault) {
		item, fault := c.findItem(asked)
		if fault == nil {
			fault = d.delete(c, item)
		}
		return "", fault
	})
}

func (d *deleteItem) delete(c call, i mailItem) *ewsFault {
	if !c.may(c.rights(i.in).remove, i) {
		return &accessDenied
	}
	store := c.store(i.in.isPublic)
	if i.in.isPublic {
		if d.Type == moveToDeletedItems {
			return &publicHasNoDeletedItems
		}
		store.Remove(i.ID)
		return nil
	}
	if d.Type == hardDelete {
		store.Remove(i.ID)
		return nil
	}
	moved := i.MailItem
	moved.ID, moved.FolderID = uuid.NewString(), tenant.DeletedItemsFolder
	if d.Type == softDelete {
		moved.FolderID = tenant.DumpsterFolder
	}
	return c.replace(i, moved)
}

// replace writes an item in the place of another one of the same store.
func (c call) replace(i mailItem, by tenant.MailItem) *ewsFault {
	if c.store(i.in.isPublic).Replace(i.ID, by) != nil {
		return &quotaExceeded
	}
	return nil
}

// moveItem moves items into one folder (EWS: MoveItem operation). A moved item has another ID.
type moveItem struct {
	To  folderIDs `xml:"ToFolderId"`
	IDs itemIDs   `xml:"ItemIds"`
}

func (m *moveItem) check() error { return firstError(m.To.one("ToFolderId"), m.IDs.check()) }

func (m *moveItem) covered(t *tenant.Tenant) string { return m.To.IDs[0].covered(t) }

func (m *moveItem) answer(c call) (string, string) {
	return respond("MoveItem", m.IDs.IDs, func(asked itemID) (string, *ewsFault) {
		moved, fault := m.move(c, asked)
		if fault != nil {
			return "", fault
		}
		return moved.list(c), nil
	})
}

func (m *moveItem) move(c call, asked itemID) (mailItem, *ewsFault) {
	item, fault := c.findItem(asked)
	if fault != nil {
		return mailItem{}, fault
	}
	folder, fault := c.find(m.To.IDs[0], toContent)
	switch {
	case fault != nil:
		return mailItem{}, fault
	case !c.may(c.rights(item.in).remove, item):
		return mailItem{}, &accessDenied
	case !c.rights(folder).create:
		return mailItem{}, &createItemAccessDenied
	}
	moved := item.MailItem
	moved.ID, moved.FolderID, moved.Version = uuid.NewString(), folder.ID, item.Version+1
	if folder.isPublic == item.in.isPublic { // which takes no more space
		return mailItem{MailItem: moved, in: folder}, c.replace(item, moved)
	}
	if c.store(folder.isPublic).Add(moved) != nil {
		return mailItem{}, &quotaExceeded
	}
	c.store(item.in.isPublic).Remove(item.ID)
	return mailItem{MailItem: moved, in: folder}, nil
}

// updateItem changes properties of items (EWS: UpdateItem operation).
type updateItem struct {
	Conflicts   string `xml:"ConflictResolution,attr"`
	Disposition string `xml:"MessageDisposition,attr"`
	Changes     struct {
		Changes []itemChange `xml:"ItemChange"`
	} `xml:"ItemChanges"`
}

type itemChange struct {
	ID      itemID `xml:"ItemId"`
	Updates struct {
		Set []struct {
			propertyPath
			Message message `xml:"Message"`
		} `xml:"SetItemField"`
		Delete []propertyPath `xml:"DeleteItemField"`
	} `xml:"Updates"`
}

// alwaysOverwrite is the resolution of conflicts that a stale change key does not keep from writing.
const alwaysOverwrite = "AlwaysOverwrite"

func (u *updateItem) check() error {
	if !slices.Contains([]string{"NeverOverwrite", "AutoResolve", alwaysOverwrite}, u.Conflicts) {
		return fmt.Errorf("ConflictResolution is %q, not NeverOverwrite, AutoResolve or AlwaysOverwrite", u.Conflicts)
	}
	if !slices.Contains([]string{"", "SaveOnly"}, u.Disposition) {
		return fmt.Errorf("MessageDisposition is %q, and the sandbox sends no mail: it knows SaveOnly alone", u.Disposition)
	}
	if len(u.Changes.Changes) == 0 {
		return errors.New("ItemChanges holds no change")
	}
	for _, change := range u.Changes.Changes {
		if len(change.Updates.Set)+len(change.Updates.Delete) == 0 {
			return errors.New("Updates holds no change")
		}
		for _, set := range change.Updates.Set {
			if err := firstError(set.propertyPath.check(), set.Message.check()); err != nil {
				return err
			}
		}
		for _, path := range change.Updates.Delete {
			if err := path.check(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *updateItem) covered(t *tenant.Tenant) string {
	return coveredBy(t, u.Changes.Changes[0].ID.ID)
}

func (u *updateItem) answer(c call) (string, string) {
	return respond("UpdateItem", u.Changes.Changes, func(change itemChange) (string, *ewsFault) {
		changed, fault := u.update(c, change)
		if fault != nil {
			return "", fault
		}
		return changed.list(c) + `<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>`, nil
	})
}

func (u *updateItem) update(c call, change itemChange) (mailItem, *ewsFault) {
	item, fault := c.findItem(change.ID)
	if fault == nil {
		fault = u.faultOfChangeKey(change.ID.ChangeKey, item)
	}
	if fault == nil && !c.may(c.rights(item.in).edit, item) {
		fault = &accessDenied
	}
	changed := item.MailItem
	if fault == nil {
		fault = change.apply(&changed)
	}
	if fault != nil {
		return mailItem{}, fault
	}
	changed.Version++
	changed.Modified = c.now.UTC()
	if fault := c.replace(item, changed); fault != nil {
		return mailItem{}, fault
	}
	return mailItem{MailItem: changed, in: item.in}, nil
}

// faultOfChangeKey is why an item cannot be changed by who knows such a version of it. That AutoResolve, which may
// merge changes, does not accept a stale key is chosen.
func (u *updateItem) faultOfChangeKey(key *string, i mailItem) *ewsFault {
	switch {
	case key == nil:
		return &ewsFault{Code: "ErrorChangeKeyRequiredForWriteOperations",
			Message: "The change key is required for this operation."}
	case *key != i.changeKey() && u.Conflicts != alwaysOverwrite:
		return &ewsFault{Code: "ErrorIrresolvableConflict",
			Message: "The send or update operation could not be performed because the change key passed in the request does " +
				"not match the current change key for the item."}
	}
	return nil
}

func (change itemChange) apply(i *tenant.MailItem) *ewsFault {
	for _, set := range change.Updates.Set {
		given := set.Message.given()
		if len(given) != 1 {
			return &ewsFault{Code: "ErrorIncorrectUpdatePropertyCount",
				Message: "An update specifies one property."}
		}
		path := set.uri()
		if set.Extended != nil {
			path, _ = set.Extended.key() // what is given has a key
		}
		if given[0].path != path {
			return &ewsFault{Code: "ErrorUpdatePropertyMismatch",
				Message: "The property to update is not the one whose value is specified."}
		}
		if given[0].inMIME && i.MIME != nil {
			return &readOnlyProperty // chosen: the sandbox does not rewrite somebody's MIME content
		}
		if fault := set.Message.apply(i); fault != nil {
			return fault
		}
	}
	for _, path := range change.Updates.Delete {
		if path.Extended == nil {
			return &ewsFault{Code: "ErrorInvalidPropertyDelete", Message: "Delete action is not supported for this property."}
		}
		key, fault := path.Extended.key()
		if fault != nil {
			return fault
		}
		i.Extended = removeExtended(i.Extended, key)
	}
	return nil
}

// givenProperty is a property that an update sets.
type givenProperty struct {
	path   string
	given  bool
	inMIME bool // also a part of MIME content
}

// given are the properties that are set.
func (m message) given() []givenProperty {
	properties := []givenProperty{
		{"item:MimeContent", m.MIME != nil, true}, {"item:ItemClass", m.Class != nil, false},
		{"item:Subject", m.Subject != nil, true}, {"item:Sensitivity", m.Sensitivity != nil, false},
		{"item:Body", m.Body != nil, true}, {"item:Categories", m.Categories != nil, false},
		{"item:Importance", m.Importance != nil, false}, {"item:InReplyTo", m.InReplyTo != nil, true},
		{"message:Sender", m.Sender != nil, true}, {"message:ToRecipients", m.To != nil, true},
		{"message:CcRecipients", m.Cc != nil, true}, {"message:BccRecipients", m.Bcc != nil, true},
		{"message:IsReadReceiptRequested", m.ReadReceipt != nil, false},
		{"message:IsDeliveryReceiptRequested", m.DeliveryNote != nil, false},
		{"message:From", m.From != nil, true}, {"message:InternetMessageId", m.MessageID != nil, true},
		{"message:IsRead", m.IsRead != nil, false}, {"message:References", m.References != nil, true},
		{"message:ReplyTo", m.ReplyTo != nil, true}}
	for _, e := range m.Extended {
		key, _ := e.URI.key() // apply refuses one that has none
		properties = append(properties, givenProperty{key, true, false})
	}
	return slices.DeleteFunc(properties, func(p givenProperty) bool { return !p.given })
}
