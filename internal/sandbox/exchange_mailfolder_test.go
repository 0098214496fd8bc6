package sandbox

import (
	"net/http"
	"strings"
	"testing"
)

func TestAMailboxHasItsDistinguishedFolders(t *testing.T) {
	m := newMailRig(t)
	below := m.succeeds(m.one(findFolders("Shallow", distinguished("msgfolderroot")))).Root.Folders.All
	for id, want := range map[string]struct{ element, name, class string }{
		"inbox":               {"Folder", "Inbox", "IPF.Note"},
		"drafts":              {"Folder", "Drafts", "IPF.Note"},
		"sentitems":           {"Folder", "Sent Items", "IPF.Note"},
		"deleteditems":        {"Folder", "Deleted Items", "IPF.Note"},
		"outbox":              {"Folder", "Outbox", "IPF.Note"},
		"junkemail":           {"Folder", "Junk Email", "IPF.Note"},
		"calendar":            {"CalendarFolder", "Calendar", "IPF.Appointment"},
		"contacts":            {"ContactsFolder", "Contacts", "IPF.Contact"},
		"tasks":               {"TasksFolder", "Tasks", "IPF.Task"},
		"notes":               {"Folder", "Notes", "IPF.StickyNote"},
		"journal":             {"Folder", "Journal", "IPF.Journal"},
		"conversationhistory": {"Folder", "Conversation History", "IPF.Note"},
	} {
		got := m.succeeds(m.one(getFolders("AllProperties", distinguished(id)))).Folders.All[0]
		if got.XMLName.Local != want.element || got.Name != want.name || got.Class != want.class || *got.Total != 0 {
			t.Errorf("%s is %+v", id, got)
		}
		if !strings.Contains(" "+folderNames(below)+" ", " "+want.name+" ") {
			t.Errorf("%s is not below the top: %s", id, folderNames(below))
		}
	}
	byID := m.succeeds(m.one(getFolders("Default", byID(below[0].ID.ID)))).Folders.All[0]
	if byID.Name != below[0].Name || byID.Total == nil || byID.Unread == nil || *byID.Children != 0 || byID.Class != "" {
		t.Errorf("%s by its ID, with the default properties, is %+v", below[0].Name, byID)
	}
	other := `<t:DistinguishedFolderId Id="inbox"><t:Mailbox><t:EmailAddress>`
	const end = `</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>`
	m.control(http.MethodPatch, "/tenants/"+m.tenant.TenantID+"/users/"+m.mailbox, `{"aliases": ["second@`+m.tenant.Domain+`"]}`)
	m.succeeds(m.one(getFolders("IdOnly", other+m.mailbox+end)))
	m.refuses(map[string]struct{ body, code string }{
		"another's mailbox":     {getFolders("IdOnly", other+m.owner+end), "ErrorFolderNotFound"},
		"nobody's mailbox":      {getFolders("IdOnly", other+"nobody@"+m.tenant.Domain+end), "ErrorNonExistentMailbox"},
		"a second address":      {getFolders("IdOnly", other+"second@"+m.tenant.Domain+end), "ErrorNonPrimarySmtpAddress"},
		"a mailbox's archive":   {getFolders("IdOnly", distinguished("archivemsgfolderroot")), "ErrorFolderNotFound"},
		"an empty ID":           {getFolders("IdOnly", byID.ID.empty()), "ErrorInvalidIdEmpty"},
		"a malformed key":       {getFolders("IdOnly", `<t:FolderId Id="`+below[0].ID.ID+`" ChangeKey="?"/>`), "ErrorInvalidChangeKey"},
		"an empty key":          {getFolders("IdOnly", `<t:FolderId Id="`+below[0].ID.ID+`" ChangeKey=""/>`), "ErrorInvalidChangeKey"},
		"the search of an item": {findFolders("Shallow", `<t:FolderId Id="?"/>`), "ErrorInvalidIdMalformed"},
	})
	m.mailbox = m.owner
	m.refuses(map[string]struct{ body, code string }{
		"another's folder by its ID": {getFolders("IdOnly", `<t:FolderId Id="`+below[0].ID.ID+`"/>`), "ErrorFolderNotFound"}})
}

func (ewsID) empty() string { return `<t:FolderId Id=""/>` }

func TestFoldersAreCreatedFoundAndDeleted(t *testing.T) {
	m := newMailRig(t)
	top := distinguished("msgfolderroot")
	made := m.all(createFolder(top, named("Migrated"), named("migrated"),
		`<t:Folder><t:FolderClass>IPF.Note.Custom</t:FolderClass><t:DisplayName>Custom</t:DisplayName>`+
			extended(sourceID, "7")+`</t:Folder>`,
		`<t:CalendarFolder><t:DisplayName>Holidays</t:DisplayName></t:CalendarFolder>`))
	if made[0].Code != "NoError" || made[1].Code != "ErrorFolderExists" || made[2].Code != "NoError" ||
		made[3].Folders.All[0].XMLName.Local != "CalendarFolder" {
		t.Fatalf("made %+v", made)
	}
	migrated := made[0].Folders.All[0].ID.ID
	m.succeeds(m.one(createFolder(byID(migrated), named("2026 &amp; before"))))
	deep := m.succeeds(m.one(findFolders("Deep", top))).Root
	if !strings.Contains(folderNames(deep.Folders.All), "Migrated 2026 & before Custom Holidays") ||
		deep.Total != len(deep.Folders.All) || deep.Folders.All[len(deep.Folders.All)-3].Parent.ID != migrated {
		t.Errorf("below the top there are %s", folderNames(deep.Folders.All))
	}
	custom := m.succeeds(m.one(`<m:GetFolder><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape><t:AdditionalProperties>` +
		field(sourceID) + `</t:AdditionalProperties></m:FolderShape><m:FolderIds>` + byID(made[2].Folders.All[0].ID.ID) +
		`</m:FolderIds></m:GetFolder>`)).Folders.All[0]
	if custom.Class != "IPF.Note.Custom" || len(custom.Extended) != 1 || custom.Extended[0].Value != "7" {
		t.Errorf("the folder with a class of its own is %+v", custom)
	}
	m.succeeds(m.one(createItem(byID(migrated), subject("kept"))))
	m.succeeds(m.one(deleteFolder("MoveToDeletedItems", byID(migrated))))
	if moved := m.below("deleteditems"); folderNames(moved) !=
		"Migrated 2026 & before" || *moved[0].Total != 1 {
		t.Errorf("the deleted items hold %+v", moved)
	}
	m.succeeds(m.one(deleteFolder("SoftDelete", byID(migrated))))
	if moved := m.below("recoverableitemsdeletions"); folderNames(moved) !=
		"Migrated 2026 & before" {
		t.Errorf("the dumpster holds %+v", moved)
	}
	m.succeeds(m.one(deleteFolder("HardDelete", byID(migrated))))
	if left := m.below("root"); strings.Contains(
		folderNames(left), "Migrated") || strings.Contains(folderNames(left), "2026") {
		t.Errorf("after a hard deletion there are %s", folderNames(left))
	}
	if soft := m.succeeds(m.one(findFolders("SoftDeleted", top))).Root; soft.Total != 0 {
		t.Errorf("a search for what was soft-deleted finds %d folders", soft.Total)
	}
	m.refuses(map[string]struct{ body, code string }{
		"a folder that was deleted":  {deleteFolder("HardDelete", byID(migrated)), "ErrorFolderNotFound"},
		"a parent that was deleted":  {createFolder(byID(migrated), named("a")), "ErrorFolderNotFound"},
		"a distinguished folder":     {deleteFolder("HardDelete", distinguished("inbox")), "ErrorDeleteDistinguishedFolder"},
		"the top":                    {deleteFolder("MoveToDeletedItems", top), "ErrorDeleteDistinguishedFolder"},
		"a folder without a name":    {createFolder(top, `<t:Folder/>`), "ErrorFolderSavePropertyError"},
		"a property that is given":   {createFolder(top, `<t:Folder><t:DisplayName>a</t:DisplayName><t:TotalCount>1</t:TotalCount></t:Folder>`), "ErrorInvalidPropertySet"},
		"a value of another type":    {createFolder(top, `<t:Folder><t:DisplayName>a</t:DisplayName>`+extended(messageFlags, "x")+`</t:Folder>`), "ErrorInvalidExtendedPropertyValue"},
		"a distinguished one's name": {createFolder(top, named("INBOX")), "ErrorFolderExists"},
	})
	m.violates(map[string]string{
		"no folder":              createFolder(top),
		"no parent":              createFolder("", named("a")),
		"two parents":            createFolder(top+top, named("a")),
		"a search folder":        createFolder(top, `<t:SearchFolder><t:DisplayName>a</t:DisplayName></t:SearchFolder>`),
		"another order":          createFolder(top, `<t:Folder><t:DisplayName>a</t:DisplayName><t:FolderClass>IPF.Note</t:FolderClass></t:Folder>`),
		"permissions":            createFolder(top, `<t:Folder><t:DisplayName>a</t:DisplayName><t:PermissionSet/></t:Folder>`),
		"an unknown element":     createFolder(top, `<t:Folder><t:DisplayName>a</t:DisplayName><t:Colour/></t:Folder>`),
		"no way of deleting":     deleteFolder("", distinguished("inbox")),
		"nothing to delete":      deleteFolder("HardDelete", ""),
		"two operations":         createFolder(top, named("a")) + createFolder(top, named("b")),
		"two kinds of them":      createFolder(top, named("a")) + deleteFolder("HardDelete", distinguished("inbox")),
		"the emptying of them":   `<m:EmptyFolder DeleteType="HardDelete" DeleteSubFolders="true"><m:FolderIds>` + top + `</m:FolderIds></m:EmptyFolder>`,
		"markup in a name":       createFolder(top, named("New <1>")),
		"a parent's unread ID":   createFolder(`<t:ItemId Id="AQ=="/>`, named("a")),
		"text that is not XML":   createFolder(top, named("a & b")),
		"a traversal of its own": findFolders("Sideways", top),
	})
}

func TestFoldersAreFoundByEachExpression(t *testing.T) {
	m := newMailRig(t)
	top := distinguished("msgfolderroot")
	m.all(createFolder(top, named("Archive 2025"), named("Archive 2026")))
	for expression, want := range map[string]string{
		contains("Substring", "IgnoreCase", "folder:DisplayName", "archive"):  "Archive 2025 Archive 2026",
		contains("Prefixed", "Exact", "folder:DisplayName", "archive"):        "",
		contains("FullString", "Exact", "folder:DisplayName", "Archive 2025"): "Archive 2025",
		compared("IsEqualTo", "folder:FolderClass", "IPF.Task"):               "Tasks",
		compared("IsGreaterThan", "folder:DisplayName", "Sent Items"):         "Tasks",
		compared("IsGreaterThan", "folder:ChildFolderCount", "0"):             "",
		`<t:And>` + contains("Prefixed", "IgnoreCase", "folder:DisplayName", "archive") + `<t:Not>` + compared("IsEqualTo", "folder:DisplayName", "Archive 2025") + `</t:Not></t:And>`: "Archive 2026",
	} {
		const parents = "<m:ParentFolderIds>"
		body := strings.Replace(findFolders("Shallow", top), parents, restricted(expression)+parents, 1)
		if got := m.succeeds(m.one(body)); folderNames(got.Root.Folders.All) != want {
			t.Errorf("%s finds %q, want %q", expression, folderNames(got.Root.Folders.All), want)
		}
	}
}
