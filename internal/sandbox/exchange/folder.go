package exchange

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// publicRootID is the distinguished ID of the root of the public folders.
const publicRootID = "publicfoldersroot"

// distinguishedFolders are the folders of that kind that the sandbox has, with their names.
var distinguishedFolders = map[string]string{
	"inbox":         "Inbox",
	"msgfolderroot": "Top of Information Store",
	publicRootID:    "IPM_SUBTREE",
}

// folderCall is the work on the folders of one request.
type folderCall struct {
	tenant  *tenant.Tenant
	view    tenant.View
	account tenant.User // whose mailbox is impersonated
	routed  bool        // to the mailbox that holds the public folder hierarchy
}

// mailFolder is a folder that the account sees: a public one, or one of its own mailbox.
type mailFolder struct {
	id       string
	name     string
	isPublic bool
	public   tenant.PublicFolder
}

var folderNotFound = ewsFault{Code: "ErrorFolderNotFound",
	Message: "The specified folder could not be found in the store."}

// newFolderID makes the ID of a folder from the tenant's or the account's ID and what the folder is called below it.
func newFolderID(owner, name string) string {
	return base64.StdEncoding.EncodeToString([]byte(owner + "/" + name))
}

// readFolderID takes apart what newFolderID made.
func readFolderID(id string) (owner, name string, ok bool) {
	decoded, err := base64.StdEncoding.DecodeString(id)
	owner, name, cut := strings.Cut(string(decoded), "/")
	return owner, name, err == nil && cut && uuid.Validate(owner) == nil
}

// covered is the distinguished folder that a request for a folder counts as: each public folder as their root.
func covered(t *tenant.Tenant, asked folderID) string {
	if asked.distinguished() {
		return asked.ID
	}
	owner, name, _ := readFolderID(asked.ID)
	if owner == t.ID {
		return publicRootID
	}
	return name
}

// find looks a folder up. An account that may not see a folder is told that it is not there; that this is what Exchange
// says, and that it says so of an ID whose folder is gone, is unconfirmed.
func (c folderCall) find(asked folderID) (mailFolder, *ewsFault) {
	owner, name := c.account.ID, asked.ID
	if asked.distinguished() {
		if name == publicRootID {
			owner = c.tenant.ID
		}
	} else {
		var ok bool
		if owner, name, ok = readFolderID(asked.ID); !ok {
			return mailFolder{}, &ewsFault{Code: "ErrorInvalidIdMalformed", Message: "Id is malformed."}
		}
	}
	switch owner {
	case c.tenant.ID:
		return c.findPublic(name)
	case c.account.ID:
		if title, known := distinguishedFolders[name]; known && name != publicRootID {
			return mailFolder{id: newFolderID(owner, name), name: title}, nil
		}
	}
	return mailFolder{}, &folderNotFound
}

func (c folderCall) findPublic(name string) (mailFolder, *ewsFault) {
	if c.tenant.Exchange.NoPublicFolders || !c.routed {
		// Unconfirmed: the code for an organization in which nobody has made a public folder mailbox yet. Exchange forwards
		// some requests that were not routed to the hierarchy's mailbox; here none is, so that nobody forgets the headers.
		return mailFolder{},
			&ewsFault{Code: "ErrorPublicFolderMailboxDiscoveryFailed",
				Message: "No public folder mailbox could be found for the user."}
	}
	for _, p := range c.tenant.Exchange.PublicFolders {
		if publicFolderName(c.tenant, p.Path) == name && rightsOf(c.tenant, c.view, c.account, p).visible {
			return c.publicFolder(p), nil
		}
	}
	return mailFolder{}, &folderNotFound
}

func (c folderCall) publicFolder(p tenant.PublicFolder) mailFolder {
	return mailFolder{id: newFolderID(c.tenant.ID, publicFolderName(c.tenant, p.Path)), name: folderName(p),
		isPublic: true, public: p}
}

// below are the folders right below one that the account sees. The mailboxes here have none.
func (c folderCall) below(f mailFolder) []mailFolder {
	if !f.isPublic {
		return nil
	}
	return tenant.Mapped(visibleBelow(c.tenant, c.view, c.account, f.public.Path), c.publicFolder)
}

// rights are what the account may do in a folder: in its own mailbox, everything.
func (c folderCall) rights(f mailFolder) folderRights {
	if !f.isPublic {
		return permissionLevels["Owner"]
	}
	return rightsOf(c.tenant, c.view, c.account, f.public)
}

// writeGetFolder answers with one response message for each folder.
func (c folderCall) writeGetFolder(w http.ResponseWriter, request getFolderOperation) {
	var messages strings.Builder
	for _, asked := range request.IDs.IDs {
		folder, fault := c.find(asked)
		if fault != nil {
			messages.WriteString(folderError("GetFolder", *fault))
			continue
		}
		fmt.Fprintf(&messages, `<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>`+
			`<m:Folders>%s</m:Folders></m:GetFolderResponseMessage>`, c.folderXML(folder, request.Shape))
	}
	writeFolderResponse(w, "GetFolder", messages.String())
}

func writeFolderResponse(w http.ResponseWriter, operation, messages string) {
	writeSOAP(w, http.StatusOK, fmt.Sprintf(
		`<m:%[1]sResponse xmlns:m="%[2]s" xmlns:t="%[3]s"><m:ResponseMessages>%[4]s</m:ResponseMessages></m:%[1]sResponse>`,
		operation, messagesNamespace, typesNamespace, messages))
}

// folderError is the response message of a folder that is not to be had. A GetFolder's has an empty list.
func folderError(operation string, fault ewsFault) string {
	none := ""
	if operation == "GetFolder" {
		none = "<m:Folders/>"
	}
	return fmt.Sprintf(`<m:%[1]sResponseMessage ResponseClass="Error"><m:MessageText>%[2]s</m:MessageText>`+
		`<m:ResponseCode>%[3]s</m:ResponseCode><m:DescriptiveLinkKey>0</m:DescriptiveLinkKey>%[4]s</m:%[1]sResponseMessage>`,
		operation, escapeXML(fault.Message), fault.Code, none)
}

// folderXML is a folder with what the shape asks for, in the order of the schema. The count of a public folder's items
// is in no answer here: Exchange leaves it out of searches (EWS: FindFolder operation).
func (c folderCall) folderXML(f mailFolder, shape folderShape) string {
	var properties strings.Builder
	fmt.Fprintf(&properties, `<t:FolderId Id="%s" ChangeKey="AQAAAA=="/>`, f.id)
	if f.isPublic && f.public.Path != tenant.PublicRoot && shape.wants("folder:ParentFolderId") {
		parent := newFolderID(c.tenant.ID, publicFolderName(c.tenant, parentOf(f.public)))
		fmt.Fprintf(&properties, `<t:ParentFolderId Id="%s" ChangeKey="AQAAAA=="/>`, parent)
	}
	if shape.wants("folder:DisplayName") {
		fmt.Fprintf(&properties, `<t:DisplayName>%s</t:DisplayName>`, escapeXML(f.name))
	}
	if shape.wants("folder:ChildFolderCount") {
		fmt.Fprintf(&properties, `<t:ChildFolderCount>%d</t:ChildFolderCount>`, len(c.below(f)))
	}
	rights := c.rights(f)
	if shape.wants("folder:EffectiveRights") {
		fmt.Fprintf(&properties,
			`<t:EffectiveRights><t:CreateAssociated>%[1]t</t:CreateAssociated><t:CreateContents>%[2]t</t:CreateContents>`+
				`<t:CreateHierarchy>%[3]t</t:CreateHierarchy><t:Delete>%[1]t</t:Delete><t:Modify>%[1]t</t:Modify>`+
				`<t:Read>%[4]t</t:Read></t:EffectiveRights>`,
			rights.owner, rights.create, rights.subfolders, rights.read != "None")
	}
	// A caller that may not change a folder's permissions is not shown them. For another user's mailbox, Exchange was
	// seen to answer with ErrorAccessDenied instead; what it does with a public folder is unconfirmed.
	if shape.wants(permissionSetURI) && rights.owner {
		properties.WriteString(c.permissionSet(f))
	}
	return `<t:Folder>` + properties.String() + `</t:Folder>`
}

// permissionSet lists who may do what in a folder: in a mailbox, nobody else has any right.
func (c folderCall) permissionSet(f mailFolder) string {
	permissions := map[string]string{tenant.DefaultPermission: "None"}
	if f.isPublic {
		permissions = permissionsOf(c.tenant, c.view, f.public)
	}
	var entries strings.Builder
	entries.WriteString(folderPermission(`<t:DistinguishedUser>Default</t:DistinguishedUser>`,
		permissions[tenant.DefaultPermission]))
	for _, address := range slices.Sorted(maps.Keys(permissions)) {
		if address != tenant.DefaultPermission {
			entries.WriteString(folderPermission(c.userID(address), permissions[address]))
		}
	}
	entries.WriteString(folderPermission(`<t:DistinguishedUser>Anonymous</t:DistinguishedUser>`, "None"))
	return `<t:PermissionSet><t:Permissions>` + entries.String() + `</t:Permissions></t:PermissionSet>`
}

// userID names whom a permission is for: by the primary address, where the tenant has such a user.
func (c folderCall) userID(address string) string {
	name := address
	if of, found := findMailbox(c.tenant, c.view, address, false); found {
		address, name = of.Mail, of.DisplayName
	}
	return fmt.Sprintf(`<t:PrimarySmtpAddress>%s</t:PrimarySmtpAddress><t:DisplayName>%s</t:DisplayName>`,
		escapeXML(address), escapeXML(name))
}

// folderPermission writes one entry of a permission set (EWS: Permission).
func folderPermission(userID, level string) string {
	rights := permissionLevels[level]
	return fmt.Sprintf(`<t:Permission><t:UserId>%s</t:UserId><t:CanCreateItems>%t</t:CanCreateItems>`+
		`<t:CanCreateSubFolders>%t</t:CanCreateSubFolders><t:IsFolderOwner>%[4]t</t:IsFolderOwner>`+
		`<t:IsFolderVisible>%[5]t</t:IsFolderVisible><t:IsFolderContact>%[4]t</t:IsFolderContact>`+
		`<t:EditItems>%[6]s</t:EditItems><t:DeleteItems>%[7]s</t:DeleteItems><t:ReadItems>%[8]s</t:ReadItems>`+
		`<t:PermissionLevel>%[9]s</t:PermissionLevel></t:Permission>`,
		userID, rights.create, rights.subfolders, rights.owner, rights.visible, rights.edit, rights.remove, rights.read,
		level)
}
