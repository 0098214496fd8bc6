package exchange

import (
	"encoding/xml"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// createFolder makes folders below one parent (EWS: CreateFolder operation).
type createFolder struct {
	Parent  folderIDs `xml:"ParentFolderId"`
	Folders struct {
		Folders []newFolder `xml:",any"`
	} `xml:"Folders"`
}

// newFolder is a folder to make. Its element decides which class it has, unless it is a Folder.
type newFolder struct {
	XMLName  xml.Name
	Class    string             `xml:"FolderClass"`
	Name     string             `xml:"DisplayName"`
	Extended []extendedProperty `xml:"ExtendedProperty"`
	ReadOnly []struct {
		XMLName xml.Name
	} `xml:",any"`
}

func (f *createFolder) check() error {
	if len(f.Folders.Folders) == 0 {
		return errors.New("Folders holds no folder")
	}
	return f.Parent.one("ParentFolderId")
}

func (f *createFolder) covered(t *tenant.Tenant) string { return f.Parent.IDs[0].covered(t) }

func (f *createFolder) answer(c call) (string, string) {
	return respond("CreateFolder", f.Folders.Folders, func(wanted newFolder) (string, *ewsFault) {
		made, fault := c.create(f.Parent.IDs[0], wanted)
		if fault != nil {
			return "", fault
		}
		return `<m:Folders>` + c.folderXML(made, shape{Base: "IdOnly"}) + `</m:Folders>`, nil
	})
}

// create makes one folder.
func (c call) create(in folderID, wanted newFolder) (mailFolder, *ewsFault) {
	parent, fault := c.find(in, toHierarchy)
	if fault != nil {
		return mailFolder{}, fault
	}
	folder, fault := wanted.folder(parent)
	if fault != nil {
		return mailFolder{}, fault
	}
	if !c.rights(parent).subfolders {
		return mailFolder{}, &ewsFault{Code: "ErrorCreateSubfolderAccessDenied",
			Message: "The caller does not have permission to create a subfolder."}
	}
	if parent.isPublic {
		return c.createPublic(parent, folder)
	}
	if slices.ContainsFunc(c.below(parent), func(f mailFolder) bool { return strings.EqualFold(f.Name, folder.Name) }) {
		return mailFolder{}, &folderExists
	}
	if c.store(false).AddFolder(folder) != nil {
		return mailFolder{}, &quotaExceeded
	}
	return c.ownFolder(folder), nil
}

var folderExists = ewsFault{Code: "ErrorFolderExists", Message: "A folder with the specified name already exists."}

// folder is what to make. That a Folder without a class is one of mail, and the code for a name that cannot be, are
// unconfirmed.
func (f newFolder) folder(parent mailFolder) (tenant.MailFolder, *ewsFault) {
	folder := tenant.MailFolder{ID: uuid.NewString(), ParentID: parent.ID, Name: f.Name, Class: f.Class}
	for class, element := range folderElements {
		if f.XMLName.Local == element {
			folder.Class = class
		}
	}
	if folder.Class == "" {
		folder.Class = "IPF.Note"
	}
	if len(f.ReadOnly) > 0 {
		return folder, &readOnlyProperty
	}
	if f.Name == "" || parent.isPublic && strings.Contains(f.Name, `\`) {
		return folder, &ewsFault{Code: "ErrorFolderSavePropertyError",
			Message: "The folder could not be saved: its DisplayName is invalid."}
	}
	for _, given := range f.Extended {
		property, fault := given.property()
		if fault != nil {
			return folder, fault
		}
		folder.Extended = setExtended(folder.Extended, property)
	}
	return folder, nil
}

var readOnlyProperty = ewsFault{Code: "ErrorInvalidPropertySet", Message: "Set action is invalid for property."}

// maxPublicFolders is how many public folders the sandbox keeps. Exchange Online has a limit that is higher.
const maxPublicFolders = 10_000

// createPublic makes a public folder, with the permissions of its parent, and its maker as an owner (unconfirmed).
func (c call) createPublic(parent mailFolder, wanted tenant.MailFolder) (mailFolder, *ewsFault) {
	path := strings.TrimSuffix(parent.public.Path, `\`) + `\` + wanted.Name
	if hasPublicFolder(c.tenant.Exchange, path) {
		return mailFolder{}, &folderExists
	}
	if len(c.tenant.Exchange.PublicFolders) >= maxPublicFolders {
		return mailFolder{}, &quotaExceeded
	}
	folder := tenant.PublicFolder{Path: path, Class: wanted.Class, Permissions: parent.public.Permissions}
	if !c.rights(parent).owner {
		folder.Permissions = maps.Clone(permissionsOf(c.tenant, c.view, parent.public))
		folder.Permissions[strings.ToLower(c.account.Mail)] = "Owner"
	}
	c.setPublicFolders(append(slices.Clone(c.tenant.Exchange.PublicFolders), folder))
	return c.publicFolder(folder), nil
}

// setPublicFolders replaces the tree, as an administrator would.
func (c call) setPublicFolders(tree []tenant.PublicFolder) {
	c.tenant.Exchange.PublicFolders = tree
	c.tenant.Settings.Put(c.now, tenant.ExchangeSettings, c.tenant.Exchange)
}

// deleteFolder deletes folders with what is in and below them (EWS: DeleteFolder operation).
type deleteFolder struct {
	Type string    `xml:"DeleteType,attr"`
	IDs  folderIDs `xml:"FolderIds"`
}

func (d *deleteFolder) check() error {
	return firstError(checkDeleteType(d.Type), d.IDs.check("FolderIds"))
}

func (d *deleteFolder) covered(t *tenant.Tenant) string { return d.IDs.IDs[0].covered(t) }

func (d *deleteFolder) answer(c call) (string, string) {
	return respond("DeleteFolder", d.IDs.IDs, func(asked folderID) (string, *ewsFault) {
		folder, fault := c.find(asked, toHierarchy)
		if fault == nil {
			fault = d.delete(c, folder)
		}
		return "", fault
	})
}

// delete deletes one folder. Microsoft documents both that a soft-deleted folder is moved to the dumpster (EWS:
// DeleteFolder) and that folders cannot be soft-deleted (EWS: DeleteItem); the former is followed here.
func (d *deleteFolder) delete(c call, f mailFolder) *ewsFault {
	if f.isPublic {
		return d.deletePublic(c, f)
	}
	if tenant.IsDistinguished(f.ID) {
		return &distinguishedFolder
	}
	switch store := c.store(false); d.Type {
	case moveToDeletedItems:
		store.MoveFolder(f.ID, tenant.DeletedItemsFolder)
	case softDelete:
		store.MoveFolder(f.ID, tenant.DumpsterFolder)
	default:
		store.RemoveFolder(f.ID)
	}
	return nil
}

var distinguishedFolder = ewsFault{Code: "ErrorDeleteDistinguishedFolder",
	Message: "Distinguished folders cannot be deleted."}

// publicHasNoDeletedItems is the answer to moving something public to the deleted items, which are a
// mailbox's (unconfirmed).
var publicHasNoDeletedItems = ewsFault{Code: "ErrorInvalidOperation",
	Message: "The operation can't be performed: what is in public folders cannot be moved to the deleted items."}

// deletePublic deletes a public folder, which takes an owner of it and of each folder below it. That Exchange asks for
// the latter is unconfirmed.
func (d *deleteFolder) deletePublic(c call, f mailFolder) *ewsFault {
	if f.public.Path == tenant.PublicRoot {
		return &distinguishedFolder
	}
	if d.Type == moveToDeletedItems {
		return &publicHasNoDeletedItems
	}
	var kept, gone []tenant.PublicFolder
	for _, p := range c.tenant.Exchange.PublicFolders {
		if strings.EqualFold(p.Path, f.public.Path) ||
			strings.HasPrefix(strings.ToLower(p.Path), strings.ToLower(f.public.Path)+`\`) {
			gone = append(gone, p)
		} else {
			kept = append(kept, p)
		}
	}
	for _, p := range gone {
		if !rightsOf(c.tenant, c.view, c.account, p).owner {
			return &accessDenied
		}
	}
	for _, p := range gone {
		c.store(true).Empty(publicFolderName(c.tenant, p.Path))
	}
	c.setPublicFolders(kept)
	return nil
}
