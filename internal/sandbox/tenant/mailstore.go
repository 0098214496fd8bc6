package tenant

import (
	"errors"
	"slices"
	"time"
)

// MailStore holds the folders and items of one mailbox, or the items of the public folders, whose tree is the
// organization's. The tenant's lock guards it.
type MailStore struct {
	Folders []MailFolder // each after its parent
	Items   []MailItem   // in the order of their arrival
	size    int          // bytes
	quota   int          // bytes; set whenever a tenant returns the store
}

// MailFolder is a folder of a mailbox.
type MailFolder struct {
	ID       string // the distinguished ID of EWS, or a GUID
	ParentID string // empty for the root
	Name     string
	Class    string // such as IPF.Note
	Extended []ExtendedProperty
}

// MailItem is a message, or anything else that a folder holds.
type MailItem struct {
	ID       string // a GUID, which a move replaces
	FolderID string
	Creator  string // ID of the user that was impersonated
	Version  int    // counts the writes, from 1

	Class             string // such as IPM.Note
	Subject           string
	Body              string // of an item that was not made from MIME
	BodyIsHTML        bool
	From, Sender      MailAddress
	To, Cc, Bcc       []MailAddress
	ReplyTo           []MailAddress
	Categories        []string
	Importance        string // Low, Normal or High
	Sensitivity       string
	InternetMessageID string
	InReplyTo         string
	References        string
	IsRead            bool
	IsDraft           bool
	WantsReadReceipt  bool
	WantsDelivery     bool // a delivery receipt was requested
	HasAttachments    bool
	Sent, Received    time.Time // zero: unknown
	Created, Modified time.Time
	Extended          []ExtendedProperty
	MIME              []byte // what it was made from; nil: its properties
}

// MailAddress is a name with an SMTP address.
type MailAddress struct{ Name, Address string }

// ExtendedProperty is a MAPI property that a client has set.
type ExtendedProperty struct {
	Key    string // what identifies it
	Values []string
}

// The distinguished folders (EWS: DistinguishedFolderId) that the sandbox's own rules refer to.
const (
	RootFolder         = "root"
	TopFolder          = "msgfolderroot" // of what users see
	DeletedItemsFolder = "deleteditems"
	DraftsFolder       = "drafts"
	DumpsterFolder     = "recoverableitemsdeletions"
)

// distinguishedFolders are what every mailbox begins with. Their order, and which of them a new mailbox has, are
// unconfirmed.
var distinguishedFolders = []MailFolder{
	{ID: RootFolder, Name: ""},
	{ID: TopFolder, ParentID: RootFolder, Name: "Top of Information Store"},
	{ID: "inbox", ParentID: TopFolder, Name: "Inbox", Class: "IPF.Note"},
	{ID: DraftsFolder, ParentID: TopFolder, Name: "Drafts", Class: "IPF.Note"},
	{ID: "sentitems", ParentID: TopFolder, Name: "Sent Items", Class: "IPF.Note"},
	{ID: DeletedItemsFolder, ParentID: TopFolder, Name: "Deleted Items", Class: "IPF.Note"},
	{ID: "outbox", ParentID: TopFolder, Name: "Outbox", Class: "IPF.Note"},
	{ID: "junkemail", ParentID: TopFolder, Name: "Junk Email", Class: "IPF.Note"},
	{ID: "calendar", ParentID: TopFolder, Name: "Calendar", Class: "IPF.Appointment"},
	{ID: "contacts", ParentID: TopFolder, Name: "Contacts", Class: "IPF.Contact"},
	{ID: "tasks", ParentID: TopFolder, Name: "Tasks", Class: "IPF.Task"},
	{ID: "notes", ParentID: TopFolder, Name: "Notes", Class: "IPF.StickyNote"},
	{ID: "journal", ParentID: TopFolder, Name: "Journal", Class: "IPF.Journal"},
	{ID: "conversationhistory", ParentID: TopFolder, Name: "Conversation History", Class: "IPF.Note"},
	{ID: "searchfolders", ParentID: RootFolder, Name: "Finder"},
	{ID: "recoverableitemsroot", ParentID: RootFolder, Name: "Recoverable Items"},
	{ID: DumpsterFolder, ParentID: "recoverableitemsroot", Name: "Deletions"},
}

// IsDistinguished reports whether every mailbox has a folder of that ID.
func IsDistinguished(folderID string) bool {
	return slices.ContainsFunc(distinguishedFolders, func(f MailFolder) bool { return f.ID == folderID })
}

// MaxMailStore is how many bytes a mail store holds at most. Mailboxes of Exchange Online hold 50 GB and more; the
// sandbox keeps them in memory.
const MaxMailStore = 64 << 20

// entryOverhead is what a folder or an item counts in addition to its contents, so that empty ones are bounded, too.
const entryOverhead = 1 << 10

// ErrQuota is the answer to what does not fit into a mail store.
var ErrQuota = errors.New("the mailbox is full")

// publicStore is the key of the store that holds the items of the public folders.
const publicStore = ""

// MailboxOf returns what a user's mailbox holds.
func (t *Tenant) MailboxOf(userID string) *MailStore {
	return t.mailStore(userID, distinguishedFolders)
}

// PublicItems returns what the public folders hold.
func (t *Tenant) PublicItems() *MailStore { return t.mailStore(publicStore, nil) }

func (t *Tenant) mailStore(key string, folders []MailFolder) *MailStore {
	if t.mailStores == nil {
		t.mailStores = map[string]*MailStore{}
	}
	if t.mailStores[key] == nil {
		t.mailStores[key] = &MailStore{Folders: slices.Clone(folders)}
	}
	t.mailStores[key].quota = MaxMailStore
	if quota := t.Exchange.MailboxQuota; quota > 0 {
		t.mailStores[key].quota = min(quota, MaxMailStore)
	}
	return t.mailStores[key]
}

// Folder finds a folder by its ID.
func (s *MailStore) Folder(id string) (MailFolder, bool) {
	at := slices.IndexFunc(s.Folders, func(f MailFolder) bool { return f.ID == id })
	if at < 0 {
		return MailFolder{}, false
	}
	return s.Folders[at], true
}

// Below returns the folders right below one.
func (s *MailStore) Below(parentID string) (found []MailFolder) {
	for _, f := range s.Folders {
		if f.ParentID == parentID {
			found = append(found, f)
		}
	}
	return found
}

// Within reports whether a folder is another one, or below it.
func (s *MailStore) Within(id, ancestorID string) bool {
	for id != ancestorID {
		f, found := s.Folder(id)
		if !found {
			return false
		}
		id = f.ParentID
	}
	return true
}

// AddFolder adds a folder whose parent is there.
func (s *MailStore) AddFolder(f MailFolder) error {
	if err := s.grow(f.size()); err != nil {
		return err
	}
	s.Folders = append(s.Folders, f)
	return nil
}

// MoveFolder moves a folder, with what is below it, to another parent outside of it.
func (s *MailStore) MoveFolder(id, parentID string) {
	moved := slices.DeleteFunc(slices.Clone(s.Folders), func(f MailFolder) bool { return !s.Within(f.ID, id) })
	moved[0].ParentID = parentID
	s.Folders = slices.DeleteFunc(s.Folders, func(f MailFolder) bool {
		return slices.ContainsFunc(moved, func(m MailFolder) bool { return m.ID == f.ID })
	})
	s.Folders = append(s.Folders, moved...)
}

// RemoveFolder removes a folder with everything in it and below it.
func (s *MailStore) RemoveFolder(id string) {
	for _, below := range s.Below(id) {
		s.RemoveFolder(below.ID)
	}
	s.Empty(id)
	s.Folders = slices.DeleteFunc(s.Folders, func(f MailFolder) bool {
		if f.ID == id {
			s.size -= f.size()
		}
		return f.ID == id
	})
}

// Empty removes the items of a folder.
func (s *MailStore) Empty(folderID string) {
	for _, i := range s.In(folderID) {
		s.Remove(i.ID)
	}
}

// Size returns about how many bytes a mail store holds.
func (s *MailStore) Size() int { return s.size }

// Item finds an item by its ID.
func (s *MailStore) Item(id string) (MailItem, bool) {
	at := s.index(id)
	if at < 0 {
		return MailItem{}, false
	}
	return s.Items[at], true
}

func (s *MailStore) index(id string) int {
	return slices.IndexFunc(s.Items, func(i MailItem) bool { return i.ID == id })
}

// In returns the items of a folder.
func (s *MailStore) In(folderID string) (found []MailItem) {
	for _, i := range s.Items {
		if i.FolderID == folderID {
			found = append(found, i)
		}
	}
	return found
}

// Add adds an item.
func (s *MailStore) Add(i MailItem) error {
	if err := s.grow(i.Size()); err != nil {
		return err
	}
	s.Items = append(s.Items, i)
	return nil
}

// Replace puts an item in the place of the one that has an ID.
func (s *MailStore) Replace(id string, i MailItem) error {
	at := s.index(id)
	if err := s.grow(i.Size() - s.Items[at].Size()); err != nil {
		return err
	}
	s.Items[at] = i
	return nil
}

// Remove removes an item.
func (s *MailStore) Remove(id string) {
	at := s.index(id)
	s.size -= s.Items[at].Size()
	s.Items = slices.Delete(s.Items, at, at+1)
}

func (s *MailStore) grow(by int) error {
	if by > 0 && s.size+by > s.quota {
		return ErrQuota
	}
	s.size += by
	return nil
}

func (f MailFolder) size() int { return entryOverhead + len(f.Name) + extendedSize(f.Extended) }

// Size returns about how many bytes an item takes.
func (i MailItem) Size() int {
	size := entryOverhead + len(i.MIME) + len(i.Body) + len(i.Subject) + len(i.References) + len(i.InternetMessageID) +
		len(i.InReplyTo) + extendedSize(i.Extended)
	for _, addresses := range [][]MailAddress{{i.From, i.Sender}, i.To, i.Cc, i.Bcc, i.ReplyTo} {
		for _, a := range addresses {
			size += len(a.Name) + len(a.Address)
		}
	}
	for _, category := range i.Categories {
		size += len(category)
	}
	return size
}

func extendedSize(properties []ExtendedProperty) (size int) {
	for _, p := range properties {
		size += len(p.Key)
		for _, value := range p.Values {
			size += len(value)
		}
	}
	return size
}
