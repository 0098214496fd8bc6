package exchange

import (
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// getItem reads items (EWS: GetItem operation).
type getItem struct {
	Shape shape   `xml:"ItemShape"`
	IDs   itemIDs `xml:"ItemIds"`
}

func (g *getItem) check() error { return firstError(g.Shape.check(), g.IDs.check()) }

func (g *getItem) covered(t *tenant.Tenant) string { return coveredBy(t, g.IDs.IDs[0].ID) }

func (g *getItem) answer(c call) (string, string) {
	return respond("GetItem", g.IDs.IDs, func(asked itemID) (string, *ewsFault) {
		item, fault := c.findItem(asked)
		if fault == nil {
			fault = firstFault(g.Shape.faultOfItem(), c.faultOfReading(item))
		}
		if fault != nil {
			return "", fault
		}
		return `<m:Items>` + c.itemXML(item, g.Shape) + `</m:Items>`, nil
	})
}

// faultOfReading is why an item cannot be read: to an account that may not, it is not there (EWS: ResponseCode,
// ErrorItemNotFound).
func (c call) faultOfReading(i mailItem) *ewsFault {
	if c.rights(i.in).read == "None" {
		return &itemNotFound
	}
	return nil
}

// faultOfItem is why no item can be answered in that shape.
func (s shape) faultOfItem() *ewsFault {
	for _, f := range s.Properties.Fields {
		if strings.HasPrefix(f.URI, "folder:") {
			return &ewsFault{Code: "ErrorInvalidPropertyRequest", Message: "Property is not valid for this object type."}
		}
		if property := itemPropertyOf(f.URI); s.inSearch && property.onlyInGet() {
			return &ewsFault{Code: "ErrorInvalidPropertyForOperation", Message: "Property is not valid for this operation."}
		}
	}
	return s.fault()
}

// findItem lists items (EWS: FindItem operation).
type findItem struct {
	Traversal   string       `xml:"Traversal,attr"`
	Shape       shape        `xml:"ItemShape"`
	Page        *indexedPage `xml:"IndexedPageItemView"`
	Restriction *restriction `xml:"Restriction"`
	Sort        *sortOrder   `xml:"SortOrder"`
	Parents     folderIDs    `xml:"ParentFolderIds"`
}

func (f *findItem) check() error {
	f.Shape.inSearch = true
	return firstError(checkTraversal(f.Traversal, "Shallow", "SoftDeleted", "Associated"), f.Shape.check(), f.Page.check(),
		f.Restriction.check(), f.Sort.check(), f.Parents.check("ParentFolderIds"))
}

func (f *findItem) covered(t *tenant.Tenant) string { return f.Parents.IDs[0].covered(t) }

// answer has one response message for each folder.
func (f *findItem) answer(c call) (string, string) {
	return respond("FindItem", f.Parents.IDs, func(asked folderID) (string, *ewsFault) {
		folder, fault := c.find(asked, toContent)
		if fault == nil {
			fault = firstFault(f.Page.fault(), f.Shape.faultOfItem(), f.Restriction.fault(itemKinds), f.Sort.fault(itemKinds))
		}
		if fault == nil && c.rights(folder).read == "None" {
			fault = &accessDenied
		}
		if fault != nil {
			return "", fault
		}
		return f.found(c, folder), nil
	})
}

// found is what is in a folder. Nothing in it is soft-deleted, which has been in the dumpster since Exchange 2010 (EWS:
// DeleteItem), and nothing is associated. Without a sort order the newest item is first (unconfirmed).
func (f *findItem) found(c call, folder mailFolder) string {
	var items []mailItem
	if f.Traversal == "Shallow" {
		for _, i := range c.items(folder) {
			if one := (mailItem{MailItem: i, in: folder}); f.Restriction.finds(itemKinds, one.property) {
				items = append(items, one)
			}
		}
	}
	slices.SortStableFunc(items, func(a, b mailItem) int {
		if f.Sort != nil {
			return f.Sort.compare(itemKinds, a.property, b.property)
		}
		return b.Received.Compare(a.Received)
	})
	begin, end, attributes := f.Page.of(len(items))
	var written strings.Builder
	for _, one := range items[begin:end] {
		written.WriteString(c.itemXML(one, f.Shape))
	}
	return `<m:RootFolder` + attributes + `><t:Items>` + written.String() + `</t:Items></m:RootFolder>`
}
