package exchange

import (
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// findFolder lists folders (EWS: FindFolder operation).
type findFolder struct {
	Traversal   string       `xml:"Traversal,attr"`
	Shape       shape        `xml:"FolderShape"`
	Page        *indexedPage `xml:"IndexedPageFolderView"`
	Restriction *restriction `xml:"Restriction"`
	Parents     folderIDs    `xml:"ParentFolderIds"`
}

func (f *findFolder) check() error {
	f.Shape.inSearch = true
	return firstError(checkTraversal(f.Traversal, "Shallow", "Deep", "SoftDeleted"), f.Shape.check(), f.Page.check(),
		f.Restriction.check(), f.Parents.check("ParentFolderIds"))
}

func (f *findFolder) covered(t *tenant.Tenant) string { return f.Parents.IDs[0].covered(t) }

// answer has one response message for each parent.
func (f *findFolder) answer(c call) (string, string) {
	return respond("FindFolder", f.Parents.IDs, func(asked folderID) (string, *ewsFault) {
		parent, fault := c.find(asked, toHierarchy)
		if fault == nil {
			fault = f.fault(parent)
		}
		if fault != nil {
			return "", fault
		}
		return f.found(c, parent), nil
	})
}

// fault is why the subfolders of a folder are not searched for.
func (f *findFolder) fault(parent mailFolder) *ewsFault {
	switch {
	case f.Shape.names(permissionSetURI):
		// Clients of Exchange ask for the permissions folder by folder, with GetFolder. The code is unconfirmed.
		return &ewsFault{Code: "ErrorInvalidPropertyForOperation", Message: "Property is not valid for this operation."}
	case parent.isPublic && f.Traversal != "Shallow":
		return &ewsFault{Code: "ErrorInvalidOperation",
			Message: "The operation can't be performed: public folders can be searched by a Shallow traversal only."}
	}
	return firstFault(f.Page.fault(), f.Shape.fault(), f.Restriction.fault(folderKinds))
}

func (f *findFolder) found(c call, parent mailFolder) string {
	var folders []mailFolder
	switch f.Traversal {
	case "Shallow":
		folders = c.below(parent)
	case "Deep":
		folders = c.deepBelow(parent)
	}
	folders = slices.DeleteFunc(folders, func(one mailFolder) bool {
		return !f.Restriction.finds(folderKinds, c.folderValue(one))
	})
	begin, end, attributes := f.Page.of(len(folders))
	var written strings.Builder
	for _, one := range folders[begin:end] {
		written.WriteString(c.folderXML(one, f.Shape))
	}
	return `<m:RootFolder` + attributes + `><t:Folders>` + written.String() + `</t:Folders></m:RootFolder>`
}
