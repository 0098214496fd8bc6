package exchange

import (
	"cmp"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// folderRequest is what is read of a SOAP envelope with a GetFolder or a FindFolder (EWS: GetFolder operation,
// FindFolder operation).
type folderRequest struct {
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
		GetFolder  *getFolderOperation  `xml:"http://schemas.microsoft.com/exchange/services/2006/messages GetFolder"`
		FindFolder *findFolderOperation `xml:"http://schemas.microsoft.com/exchange/services/2006/messages FindFolder"`
	} `xml:"http://schemas.xmlsoap.org/soap/envelope/ Body"`
}

type getFolderOperation struct {
	Shape folderShape `xml:"http://schemas.microsoft.com/exchange/services/2006/messages FolderShape"`
	IDs   folderIDs   `xml:"http://schemas.microsoft.com/exchange/services/2006/messages FolderIds"`
}

type findFolderOperation struct {
	Traversal   string          `xml:"Traversal,attr"`
	Shape       folderShape     `xml:"http://schemas.microsoft.com/exchange/services/2006/messages FolderShape"`
	Page        *indexedPage    `xml:"http://schemas.microsoft.com/exchange/services/2006/messages IndexedPageFolderView"`
	Restriction *folderSearches `xml:"http://schemas.microsoft.com/exchange/services/2006/messages Restriction"`
	Parents     folderIDs       `xml:"http://schemas.microsoft.com/exchange/services/2006/messages ParentFolderIds"`
}

// indexedPage is a part of the folders found (EWS: IndexedPageFolderView).
type indexedPage struct {
	Max       *int   `xml:"MaxEntriesReturned,attr"`
	Offset    int    `xml:"Offset,attr"`
	BasePoint string `xml:"BasePoint,attr"`
}

// folderShape is which properties of a folder are asked for (EWS: FolderShape).
type folderShape struct {
	Base       string `xml:"http://schemas.microsoft.com/exchange/services/2006/types BaseShape"`
	Properties struct {
		Fields []fieldURI `xml:"http://schemas.microsoft.com/exchange/services/2006/types FieldURI"`
	} `xml:"http://schemas.microsoft.com/exchange/services/2006/types AdditionalProperties"`
}

type fieldURI struct {
	URI string `xml:"FieldURI,attr"`
}

// folderIDs are folders in the order of the request, each a FolderId or a DistinguishedFolderId.
type folderIDs struct {
	IDs []folderID `xml:",any"`
}

type folderID struct {
	XMLName xml.Name
	ID      string `xml:"Id,attr"`
}

func (f folderID) distinguished() bool { return f.XMLName.Local == "DistinguishedFolderId" }

// folderSearches holds the one search expression of a Restriction, or the several of an Or (EWS: Restriction).
type folderSearches struct {
	Expressions []folderSearch `xml:",any"`
}

type folderSearch struct {
	XMLName    xml.Name
	Mode       string         `xml:"ContainmentMode,attr"`
	Comparison string         `xml:"ContainmentComparison,attr"`
	Field      fieldURI       `xml:"http://schemas.microsoft.com/exchange/services/2006/types FieldURI"`
	Constant   *constantValue `xml:"http://schemas.microsoft.com/exchange/services/2006/types Constant"`
	Operand    struct {
		Constant *constantValue `xml:"http://schemas.microsoft.com/exchange/services/2006/types Constant"`
	} `xml:"http://schemas.microsoft.com/exchange/services/2006/types FieldURIOrConstant"`
	folderSearches
}

type constantValue struct {
	Value string `xml:"Value,attr"`
}

func readFolderRequest(body io.Reader) (folderRequest, error) {
	var request folderRequest
	err := xml.NewDecoder(body).Decode(&request)
	if err == nil {
		err = request.check()
	}
	if err != nil {
		err = fmt.Errorf("the request failed schema validation: %w", err)
	}
	return request, err
}

// check refuses what the schema of EWS does not have, and what of it the sandbox does not serve.
func (r folderRequest) check() error {
	get, find := r.Body.GetFolder, r.Body.FindFolder
	switch {
	case get != nil:
		return errors.Join(get.Shape.check(), get.IDs.check("FolderIds"))
	case find == nil:
		return errors.New("the sandbox knows no operation but GetFolder and FindFolder")
	case !slices.Contains([]string{"Shallow", "Deep", "SoftDeleted"}, find.Traversal):
		return fmt.Errorf("Traversal is %q, not Shallow, Deep or SoftDeleted", find.Traversal)
	case find.Page != nil && find.Page.BasePoint != "Beginning":
		return fmt.Errorf("BasePoint is %q, and the sandbox knows Beginning alone", find.Page.BasePoint)
	}
	err := errors.Join(find.Shape.check(), find.Parents.check("ParentFolderIds"))
	if find.Restriction != nil {
		if len(find.Restriction.Expressions) != 1 {
			return errors.Join(err, errors.New("Restriction holds one search expression"))
		}
		err = errors.Join(err, find.Restriction.Expressions[0].check())
	}
	return err
}

func (s folderShape) check() error {
	if !slices.Contains([]string{"IdOnly", "Default", "AllProperties"}, s.Base) {
		return fmt.Errorf("BaseShape is %q, not IdOnly, Default or AllProperties", s.Base)
	}
	return nil
}

func (f folderIDs) check(element string) error {
	if len(f.IDs) == 0 {
		return fmt.Errorf("%s holds no folder", element)
	}
	for _, id := range f.IDs {
		if id.XMLName.Space != typesNamespace || id.XMLName.Local != "FolderId" && !id.distinguished() {
			return fmt.Errorf("%s holds %s, which is neither a FolderId nor a DistinguishedFolderId", element, id.XMLName.Local)
		}
	}
	return nil
}

// check takes the search expressions that the sandbox knows: those that compare a folder's whole name.
func (s folderSearch) check() error {
	if s.XMLName.Space != typesNamespace {
		return fmt.Errorf("%s is not of EWS's types", s.XMLName.Local)
	}
	if s.XMLName.Local == "Or" {
		if len(s.Expressions) == 0 {
			return errors.New("Or holds no search expression")
		}
		for _, one := range s.Expressions {
			if err := one.check(); err != nil {
				return err
			}
		}
		return nil
	}
	whole := s.XMLName.Local == "Contains" && s.Mode == "FullString" && s.Comparison == "IgnoreCase" && s.Constant != nil
	equal := s.XMLName.Local == "IsEqualTo" && s.Operand.Constant != nil
	if !whole && !equal || s.Field.URI != "folder:DisplayName" {
		return errors.New("the sandbox knows no search expression but Or, IsEqualTo, and Contains with FullString and " +
			"IgnoreCase, of folder:DisplayName")
	}
	return nil
}

// finds reports whether a folder of that name is searched for. The names of Exchange's folders have no case.
func (s folderSearch) finds(name string) bool {
	switch s.XMLName.Local {
	case "Or":
		return slices.ContainsFunc(s.Expressions, func(one folderSearch) bool { return one.finds(name) })
	case "Contains":
		return strings.EqualFold(s.Constant.Value, name)
	default:
		return strings.EqualFold(s.Operand.Constant.Value, name)
	}
}

// impersonated is the address of the mailbox that the application acts for.
func (r folderRequest) impersonated() string {
	sid := r.Header.Impersonation.SID
	return strings.TrimSpace(cmp.Or(sid.Primary, sid.Address))
}

func (r folderRequest) primaryOnly() bool { return r.Header.Impersonation.SID.Primary != "" }

// folder is the first folder that is asked for.
func (r folderRequest) folder() folderID {
	if r.Body.GetFolder != nil {
		return r.Body.GetFolder.IDs.IDs[0]
	}
	return r.Body.FindFolder.Parents.IDs[0]
}

// meaning says in words what is asked for, such as "GetFolder of inbox".
func (r folderRequest) meaning() string {
	operation := "FindFolder"
	if r.Body.GetFolder != nil {
		operation = "GetFolder"
	}
	if folder := r.folder(); folder.distinguished() {
		return operation + " of " + folder.ID
	}
	return operation
}

// names reports whether a property is asked for by its name.
func (s folderShape) names(uri string) bool {
	return slices.ContainsFunc(s.Properties.Fields, func(f fieldURI) bool { return f.URI == uri })
}

// wants reports whether a property is asked for, by the shape or by name. The permissions have to be named: Exchange
// Online leaves them out of AllProperties (EWS: PermissionSet, version differences).
func (s folderShape) wants(uri string) bool {
	switch {
	case s.names(uri):
		return true
	case s.Base == "AllProperties":
		return uri != permissionSetURI
	default:
		return s.Base == "Default" && (uri == "folder:DisplayName" || uri == "folder:ChildFolderCount")
	}
}

const permissionSetURI = "folder:PermissionSet"
