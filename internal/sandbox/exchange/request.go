package exchange

import (
	"cmp"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// ewsRequest is what is read of a SOAP envelope with one of EWS's operations. schemaReader has seen to the namespaces
// of what is in the body.
type ewsRequest struct {
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
		GetFolder    *getFolder
		FindFolder   *findFolder
		CreateFolder *createFolder
		DeleteFolder *deleteFolder
		GetItem      *getItem
		FindItem     *findItem
		CreateItem   *createItem
		UpdateItem   *updateItem
		MoveItem     *moveItem
		DeleteItem   *deleteItem
	} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`

	operation operation // the one in the body
	name      string    // its name
}

// operation is the work that a request asks for.
type operation interface {
	check() error                     // what the schema of EWS does not have, or the sandbox does not serve
	covered(t *tenant.Tenant) string  // the distinguished folder that the request counts as in an outage
	answer(c call) (name, xml string) // the operation's name, and its response messages
}

func readRequest(body []byte) (ewsRequest, error) {
	var request ewsRequest
	err := xml.NewTokenDecoder(newSchemaReader(body)).Decode(&request)
	if err == nil {
		request.name, request.operation, err = request.onlyOperation()
	}
	if err == nil {
		err = request.operation.check()
	}
	if err != nil {
		err = fmt.Errorf("the request failed schema validation: %w", err)
	}
	return request, err
}

func (r ewsRequest) onlyOperation() (name string, only operation, err error) {
	found := 0
	for _, one := range []struct {
		given bool
		name  string
		operation
	}{
		{r.Body.GetFolder != nil, "GetFolder", r.Body.GetFolder},
		{r.Body.FindFolder != nil, "FindFolder", r.Body.FindFolder},
		{r.Body.CreateFolder != nil, "CreateFolder", r.Body.CreateFolder},
		{r.Body.DeleteFolder != nil, "DeleteFolder", r.Body.DeleteFolder},
		{r.Body.GetItem != nil, "GetItem", r.Body.GetItem},
		{r.Body.FindItem != nil, "FindItem", r.Body.FindItem},
		{r.Body.CreateItem != nil, "CreateItem", r.Body.CreateItem},
		{r.Body.UpdateItem != nil, "UpdateItem", r.Body.UpdateItem},
		{r.Body.MoveItem != nil, "MoveItem", r.Body.MoveItem},
		{r.Body.DeleteItem != nil, "DeleteItem", r.Body.DeleteItem},
	} {
		if one.given {
			name, only = one.name, one.operation
			found++
		}
	}
	if found != 1 {
		return "", nil, errors.New("the body holds no operation, or several")
	}
	return name, only, nil
}

// meaning says in words what is asked for, such as "GetFolder of inbox".
func (r ewsRequest) meaning(t *tenant.Tenant) string {
	if folder := r.operation.covered(t); folder != "" {
		return r.name + " of " + folder
	}
	return r.name
}

// impersonated is the address of the mailbox that the application acts for.
func (r ewsRequest) impersonated() string {
	sid := r.Header.Impersonation.SID
	return strings.TrimSpace(cmp.Or(sid.Primary, sid.Address))
}

func (r ewsRequest) primaryOnly() bool { return r.Header.Impersonation.SID.Primary != "" }

// fieldURI names a property of EWS's own (EWS: FieldURI).
type fieldURI struct {
	URI string `xml:"FieldURI,attr"`
}

// propertyPath names a property: one of EWS's own, or any MAPI property.
type propertyPath struct {
	Field    *fieldURI         `xml:"FieldURI"`
	Extended *extendedFieldURI `xml:"ExtendedFieldURI"`
}

func (p propertyPath) check() error {
	if (p.Field == nil) == (p.Extended == nil) {
		return errors.New("a property is named by one path")
	}
	return nil
}

// uri is the name of a property of EWS's own, empty for any other.
func (p propertyPath) uri() string {
	if p.Field == nil {
		return ""
	}
	return p.Field.URI
}

// shape is which properties of a folder or an item are asked for (EWS: FolderShape, ItemShape).
type shape struct {
	Base        string `xml:"BaseShape"`
	IncludeMIME bool   `xml:"IncludeMimeContent"`
	BodyType    string `xml:"BodyType"`
	Properties  struct {
		Fields   []fieldURI         `xml:"FieldURI"`
		Extended []extendedFieldURI `xml:"ExtendedFieldURI"`
	} `xml:"AdditionalProperties"`
	inSearch bool // of an answer that finds, and does not get
}

func (s shape) check() error {
	if !slices.Contains([]string{"IdOnly", "Default", "AllProperties"}, s.Base) {
		return fmt.Errorf("BaseShape is %q, not IdOnly, Default or AllProperties", s.Base)
	}
	if !slices.Contains([]string{"", "Best", "HTML", "Text"}, s.BodyType) {
		return fmt.Errorf("BodyType is %q, not Best, HTML or Text", s.BodyType)
	}
	for _, f := range s.Properties.Fields {
		if kind, _, _ := strings.Cut(f.URI, ":"); !slices.Contains([]string{"folder", "item", "message", "meeting",
			"calendar", "task", "contacts", "postitem", "conversation"}, kind) {
			return fmt.Errorf("FieldURI is %q, which is not a property's name", f.URI)
		}
	}
	return nil
}

// fault is why no answer can have that shape.
func (s shape) fault() *ewsFault {
	for _, e := range s.Properties.Extended {
		if _, fault := e.key(); fault != nil {
			return fault
		}
	}
	return nil
}

// names reports whether a property is asked for by its name.
func (s shape) names(uri string) bool {
	return slices.Contains(s.Properties.Fields, fieldURI{uri})
}

// folderIDs are folders in the order of the request, each a FolderId or a DistinguishedFolderId.
type folderIDs struct {
	IDs []folderID `xml:",any"`
}

type folderID struct {
	XMLName   xml.Name
	ID        string  `xml:"Id,attr"`
	ChangeKey *string `xml:"ChangeKey,attr"`
	Mailbox   *struct {
		Address string `xml:"EmailAddress"`
	} `xml:"Mailbox"` // whose folder, of a distinguished one
}

func (f folderID) distinguished() bool { return f.XMLName.Local == "DistinguishedFolderId" }

func (f folderIDs) check(element string) error {
	if len(f.IDs) == 0 {
		return fmt.Errorf("%s holds no folder", element)
	}
	for _, id := range f.IDs {
		if id.distinguished() && !slices.Contains(distinguishedIDs, id.ID) {
			return fmt.Errorf("%q is not a distinguished folder", id.ID)
		}
	}
	return nil
}

// one checks an element that holds one folder.
func (f folderIDs) one(element string) error {
	if len(f.IDs) != 1 {
		return fmt.Errorf("%s holds %d folders and not one", element, len(f.IDs))
	}
	return f.check(element)
}

// distinguishedIDs are the names that the schema has (EWS: DistinguishedFolderId). The sandbox's mailboxes have some of
// these folders, and no archive.
var distinguishedIDs = []string{"adminauditlogs", "archivedeleteditems", "archiveinbox", "archivemsgfolderroot",
	"archiverecoverableitemsdeletions", "archiverecoverableitemspurges", "archiverecoverableitemsroot",
	"archiverecoverableitemsversions", "archiveroot", "calendar", "conflicts", "contacts", "conversationhistory",
	"deleteditems", "directory", "drafts", "favorites", "imcontactlist", "inbox", "journal", "junkemail", "localfailures",
	"msgfolderroot", "mycontacts", "notes", "outbox", "peopleconnect", publicRootID, "quickcontacts", "recipientcache",
	"recoverableitemsdeletions", "recoverableitemspurges", "recoverableitemsroot", "recoverableitemsversions", "root",
	"searchfolders", "sentitems", "serverfailures", "syncissues", "tasks", "todosearch", "voicemail"}

// itemIDs are items in the order of the request.
type itemIDs struct {
	IDs []itemID `xml:"ItemId"`
}

type itemID struct {
	ID        string  `xml:"Id,attr"`
	ChangeKey *string `xml:"ChangeKey,attr"`
}

func (i itemIDs) check() error {
	if len(i.IDs) == 0 {
		return errors.New("ItemIds holds no item")
	}
	return nil
}

// checkChangeKey refuses what cannot be a change key.
func checkChangeKey(key *string) *ewsFault {
	if key == nil {
		return nil
	}
	if _, err := base64.StdEncoding.DecodeString(*key); err != nil || *key == "" {
		return &ewsFault{Code: "ErrorInvalidChangeKey", Message: "The change key is invalid."}
	}
	return nil
}

// indexedPage is a part of what was found (EWS: IndexedPageFolderView, IndexedPageItemView).
type indexedPage struct {
	Max       *int   `xml:"MaxEntriesReturned,attr"`
	Offset    int    `xml:"Offset,attr"`
	BasePoint string `xml:"BasePoint,attr"`
}

func (p *indexedPage) check() error {
	if p != nil && p.BasePoint != "Beginning" {
		return fmt.Errorf("BasePoint is %q, and the sandbox knows Beginning alone", p.BasePoint)
	}
	return nil
}

func (p *indexedPage) fault() *ewsFault {
	switch {
	case p == nil:
		return nil
	case p.Offset < 0:
		return &ewsFault{Code: "ErrorInvalidIndexedPagingParameters", Message: "Offset must be non-negative."}
	case p.Max != nil && *p.Max <= 0:
		return &ewsFault{Code: "ErrorInvalidPagingMaxRows", Message: "MaxEntriesReturned must be greater than zero."}
	}
	return nil
}

// maxFound is how many folders or items one answer holds at most (EWS throttling in Exchange: EWSFindCountLimit).
const maxFound = 1000

// of returns where a page of so many begins and ends, with the attributes of the answer's RootFolder.
func (p *indexedPage) of(total int) (begin, end int, attributes string) {
	limit := maxFound
	if p != nil {
		begin = min(p.Offset, total)
		if p.Max != nil {
			limit = min(limit, *p.Max)
		}
	}
	end = min(begin+limit, total)
	if p != nil {
		attributes = fmt.Sprintf(` IndexedPagingOffset="%d"`, end)
	}
	return begin, end, attributes + fmt.Sprintf(` TotalItemsInView="%d" IncludesLastItemInRange="%t"`, total, end == total)
}

func checkTraversal(traversal string, known ...string) error {
	if !slices.Contains(known, traversal) {
		return fmt.Errorf("Traversal is %q, not one of %q", traversal, known)
	}
	return nil
}

func checkDeleteType(deleteType string) error {
	if !slices.Contains([]string{hardDelete, softDelete, moveToDeletedItems}, deleteType) {
		return fmt.Errorf("DeleteType is %q, not HardDelete, SoftDelete or MoveToDeletedItems", deleteType)
	}
	return nil
}

// How something is deleted (EWS: DeleteItem, DeleteFolder).
const (
	hardDelete         = "HardDelete"
	softDelete         = "SoftDelete"
	moveToDeletedItems = "MoveToDeletedItems"
)
