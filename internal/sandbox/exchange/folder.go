package exchange

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// getFolder reads folders (EWS: GetFolder operation). For a public one, Microsoft's page has it sent to the mailbox
// that holds the content; clients send it to the hierarchy's, which has the folders, too.
type getFolder struct {
	Shape shape     `xml:"FolderShape"`
	IDs   folderIDs `xml:"FolderIds"`
}

func (g *getFolder) check() error {
	if err := g.Shape.check(); err != nil {
		return err
	}
	return g.IDs.check("FolderIds")
}

func (g *getFolder) covered(t *tenant.Tenant) string { return g.IDs.IDs[0].covered(t) }

func (g *getFolder) answer(c call) (string, string) {
	return respond("GetFolder", g.IDs.IDs, func(asked folderID) (string, *ewsFault) {
		folder, fault := c.find(asked, toHierarchy, toContent)
		if fault == nil {
			fault = g.Shape.fault()
		}
		if fault != nil {
			return "", fault
		}
		return `<m:Folders>` + c.folderXML(folder, g.Shape) + `</m:Folders>`, nil
	})
}

const permissionSetURI = "folder:PermissionSet"

// wantsOfFolder reports whether a folder's property is asked for, by the shape or by name. The permissions have to be
// named: Exchange Online leaves them out of AllProperties (EWS: PermissionSet, version differences).
func (s shape) wantsOfFolder(uri string) bool {
	switch {
	case s.names(uri):
		return true
	case s.Base == "AllProperties":
		return uri != permissionSetURI
	default:
		return s.Base == "Default" && slices.Contains([]string{"folder:DisplayName", "folder:ChildFolderCount",
			"folder:TotalCount", "folder:UnreadCount"}, uri)
	}
}

// folderElements are the elements that folders of a class are written as; any other is a Folder.
var folderElements = map[string]string{"IPF.Appointment": "CalendarFolder", "IPF.Contact": "ContactsFolder",
	"IPF.Task": "TasksFolder"}

func (f mailFolder) element() string {
	if name, found := folderElements[f.Class]; found {
		return "t:" + name
	}
	return "t:Folder"
}

// folderKinds are the properties of folders that can be searched for.
func folderKinds(p propertyPath) kind {
	if p.Extended != nil {
		return notSearchable
	}
	switch p.uri() {
	case "folder:DisplayName", "folder:FolderClass":
		return textKind
	case "folder:ChildFolderCount", "folder:TotalCount", "folder:UnreadCount":
		return numberKind
	}
	return notSearchable
}

// folderValue returns a property that folderKinds has.
func (c call) folderValue(f mailFolder) func(propertyPath) (string, bool) {
	return func(p propertyPath) (string, bool) {
		switch p.uri() {
		case "folder:DisplayName":
			return f.Name, true
		case "folder:FolderClass":
			return f.Class, f.Class != ""
		case "folder:ChildFolderCount":
			return strconv.Itoa(len(c.below(f))), true
		case "folder:TotalCount":
			return strconv.Itoa(len(c.items(f))), true
		default:
			return strconv.Itoa(c.unread(f)), true
		}
	}
}

func (c call) unread(f mailFolder) (count int) {
	for _, i := range c.items(f) {
		if !i.IsRead {
			count++
		}
	}
	return count
}

// folderXML is a folder with what the shape asks for, in the order of the schema. A search does not have the counts of
// a public folder's items (EWS: FindFolder operation).
func (c call) folderXML(f mailFolder, shape shape) string {
	var properties strings.Builder
	fmt.Fprintf(&properties, `<t:FolderId Id="%s" ChangeKey="AQAAAA=="/>`, f.id)
	write := func(uri, format string, value any) {
		if shape.wantsOfFolder(uri) {
			fmt.Fprintf(&properties, format, value)
		}
	}
	if f.parent != "" {
		write("folder:ParentFolderId", `<t:ParentFolderId Id="%s" ChangeKey="AQAAAA=="/>`, f.parent)
	}
	if f.Class != "" {
		write("folder:FolderClass", `<t:FolderClass>%s</t:FolderClass>`, escapeXML(f.Class))
	}
	write("folder:DisplayName", `<t:DisplayName>%s</t:DisplayName>`, escapeXML(f.Name))
	counted := !shape.inSearch || !f.isPublic
	if counted {
		write("folder:TotalCount", `<t:TotalCount>%d</t:TotalCount>`, len(c.items(f)))
	}
	write("folder:ChildFolderCount", `<t:ChildFolderCount>%d</t:ChildFolderCount>`, len(c.below(f)))
	for _, uri := range shape.Properties.Extended {
		values, found := c.extendedOfFolder(f, uri)
		properties.WriteString(extendedXML(uri, values, found))
	}
	rights := c.rights(f)
	if shape.wantsOfFolder("folder:EffectiveRights") {
		properties.WriteString(effectiveRights(rights))
	}
	// A caller that may not change a folder's permissions is not shown them. For another user's mailbox, Exchange was
	// seen to answer with ErrorAccessDenied instead; what it does with a public folder is unconfirmed.
	if shape.wantsOfFolder(permissionSetURI) && rights.owner {
		properties.WriteString(c.permissionSet(f))
	}
	if counted && f.Class != "IPF.Appointment" && f.Class != "IPF.Contact" { // their types have no such element
		write("folder:UnreadCount", `<t:UnreadCount>%d</t:UnreadCount>`, c.unread(f))
	}
	return `<` + f.element() + `>` + properties.String() + `</` + f.element() + `>`
}

// replicaList is PR_REPLICA_LIST: the GUID of the mailbox that holds a public folder's content, with a NUL at its end.
const replicaList = "0x6698/Binary"

func (c call) extendedOfFolder(f mailFolder, uri extendedFieldURI) (values []string, found bool) {
	key, fault := uri.key()
	switch {
	case fault != nil:
		return nil, false
	case key == replicaList && f.isPublic:
		_, guid := contentMailbox(c.tenant)
		return []string{base64.StdEncoding.EncodeToString([]byte(guid + "\x00"))}, true
	}
	return findExtended(f.Extended, key)
}

func effectiveRights(rights folderRights) string {
	return fmt.Sprintf(
		`<t:EffectiveRights><t:CreateAssociated>%[1]t</t:CreateAssociated><t:CreateContents>%[2]t</t:CreateContents>`+
			`<t:CreateHierarchy>%[3]t</t:CreateHierarchy><t:Delete>%[1]t</t:Delete><t:Modify>%[1]t</t:Modify>`+
			`<t:Read>%[4]t</t:Read></t:EffectiveRights>`,
		rights.owner, rights.create, rights.subfolders, rights.read != "None")
}

// permissionSet lists who may do what in a folder: in a mailbox, nobody else has any right.
func (c call) permissionSet(f mailFolder) string {
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
func (c call) userID(address string) string {
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
