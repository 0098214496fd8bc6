package exchange

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// maxFoundFolders is how many folders one answer holds at most (EWS throttling in Exchange: EWSFindCountLimit).
const maxFoundFolders = 1000

// writeFindFolder answers with one response message for each parent.
func (c folderCall) writeFindFolder(w http.ResponseWriter, request findFolderOperation) {
	var messages strings.Builder
	for _, asked := range request.Parents.IDs {
		parent, fault := c.find(asked)
		if fault == nil {
			fault = request.refusal(parent)
		}
		if fault != nil {
			messages.WriteString(folderError("FindFolder", *fault))
			continue
		}
		messages.WriteString(c.findFolderMessage(parent, request))
	}
	writeFolderResponse(w, "FindFolder", messages.String())
}

// refusal is why the subfolders of a folder are not searched for.
func (f findFolderOperation) refusal(parent mailFolder) *ewsFault {
	switch {
	case f.Shape.names(permissionSetURI):
		// Clients of Exchange ask for the permissions folder by folder, with GetFolder. The code is unconfirmed.
		return &ewsFault{Code: "ErrorInvalidPropertyForOperation", Message: "Property is not valid for this operation."}
	case parent.isPublic && f.Traversal != "Shallow":
		return &ewsFault{Code: "ErrorInvalidOperation",
			Message: "The operation can't be performed: public folders can be searched by a Shallow traversal only."}
	case f.Page != nil && f.Page.Offset < 0:
		return &ewsFault{Code: "ErrorInvalidIndexedPagingParameters", Message: "Offset must be non-negative."}
	case f.Page != nil && f.Page.Max != nil && *f.Page.Max <= 0:
		return &ewsFault{Code: "ErrorInvalidPagingMaxRows", Message: "MaxEntriesReturned must be greater than zero."}
	}
	return nil
}

func (c folderCall) findFolderMessage(parent mailFolder, request findFolderOperation) string {
	found := slices.DeleteFunc(c.below(parent), func(f mailFolder) bool {
		return request.Restriction != nil && !request.Restriction.Expressions[0].finds(f.name)
	})
	begin, limit, next := 0, maxFoundFolders, ""
	if page := request.Page; page != nil {
		begin = min(page.Offset, len(found))
		if page.Max != nil {
			limit = min(limit, *page.Max)
		}
	}
	end := min(begin+limit, len(found))
	if request.Page != nil {
		next = fmt.Sprintf(` IndexedPagingOffset="%d"`, end)
	}
	var folders strings.Builder
	for _, f := range found[begin:end] {
		folders.WriteString(c.folderXML(f, request.Shape))
	}
	return fmt.Sprintf(`<m:FindFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`+
		`<m:RootFolder%s TotalItemsInView="%d" IncludesLastItemInRange="%t"><t:Folders>%s</t:Folders></m:RootFolder>`+
		`</m:FindFolderResponseMessage>`,
		next, len(found), end == len(found), folders.String())
}
