package sandbox

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

func TestEveryOperationTakesTheRightTheGateAndALicence(t *testing.T) {
	m := newMailRig(t)
	made := m.succeeds(m.one(createItem(distinguished("inbox"), subject("kept")))).Items[0].ID
	folder := byID(m.succeeds(m.one(createFolder(distinguished("inbox"), named("kept")))).Folders.All[0].ID.ID)
	operations := map[string]string{
		"GetFolder":    getFolders("IdOnly", folder),
		"FindFolder":   findFolders("Shallow", distinguished("inbox")),
		"CreateFolder": createFolder(distinguished("inbox"), named("made")),
		"DeleteFolder": deleteFolder("HardDelete", folder),
		"GetItem":      getItem(made.item(), "IdOnly"),
		"FindItem":     findItem(distinguished("inbox"), "", "IdOnly"),
		"CreateItem":   createItem(distinguished("inbox"), subject("made")),
		"UpdateItem":   updateItem("AlwaysOverwrite", made.keyedItem(), setField("item:Subject", subject("made"))),
		"MoveItem":     moveItem(distinguished("drafts"), made.item()),
		"DeleteItem":   deleteItem("HardDelete", made.item()),
	}
	graph := m.token(m.tenant.TenantID, secretForm(m.app.AppID, m.app.secret, graphDefault))
	weak := m.register(m.server.world.Tenants[0], tenant.ExchangeAppID+"/Exchange.ManageAsApp")
	powerless := m.token(m.tenant.TenantID, secretForm(weak.AppID, weak.secret, exchangeDefault))
	m.openGate(m.app.AppID)
	boxes := m.tenant.Mailboxes
	other := m.server.TenantsJSON().Tenants[1].Mailboxes.Licensed[0]
	for _, test := range []struct {
		name, settings, bearer, mailbox, anchor string
		status                                  int
		code, reason                            string
	}{
		{"no token", `{}`, "", m.mailbox, m.mailbox, 401, "", ""},
		{"a token for Graph", `{}`, graph, m.mailbox, m.mailbox, 401, "", ""},
		{"a token without the role", `{}`, powerless, m.mailbox, m.mailbox, 403, "ErrorAccessDenied", ""},
		{"nobody impersonated", `{}`, m.bearer, "", m.mailbox, 500, "ErrorInvalidExchangeImpersonationHeaderData", ""},
		{"no anchor", `{}`, m.bearer, m.mailbox, "", 500, "ErrorInvalidRequest", ""},
		{"without a licence", `{}`, m.bearer, boxes.Unlicensed[0], m.mailbox, 500, "ErrorNonExistentMailbox", ""},
		{"without a mailbox", `{}`, m.bearer, boxes.NoMailbox[0], m.mailbox, 500, "ErrorNonExistentMailbox", ""},
		{"another tenant's", `{}`, m.bearer, other, m.mailbox, 500, "ErrorNonExistentMailbox", ""},
		{"kiosk", `{}`, m.bearer, boxes.Kiosk[0], m.mailbox, 403, "", disabledReason},
		{"out of scope", fmt.Sprintf(`{"out_of_scope_mailboxes": [%q]}`, m.mailbox), m.bearer, m.mailbox, m.mailbox, 500, "ErrorImpersonateUserDenied", ""},
		{"in scope again, without EWS", fmt.Sprintf(`{"out_of_scope_mailboxes": [], "ews_disabled_mailboxes": [%q]}`, m.mailbox), m.bearer, m.mailbox, m.mailbox, 403, "", disabledReason},
		{"not on the list", `{"ews_disabled_mailboxes": [], "ews_allowed_app_ids": []}`, m.bearer, m.mailbox, m.mailbox, 403, "", blockedReason},
		{"an organization without EWS", `{"ews_enabled": false}`, m.bearer, m.mailbox, m.mailbox, 403, "", disabledReason},
		{"busy", `{"ews_enabled": null, "server_busy": "5s"}`, m.bearer, m.mailbox, m.mailbox, 500, "ErrorServerBusy", ""},
		{"an outage", `{"server_busy": "0s", "outage": {"status": 503, "code": "ErrorInternalServerTransientError"}}`, m.bearer, m.mailbox, m.mailbox, 503, "ErrorInternalServerTransientError", ""},
	} {
		m.exchange(test.settings)
		for name, body := range operations {
			envelope := envelopeFor(test.mailbox, body)
			if got, soap := m.ews(test.bearer, test.anchor, envelope); got.Status != test.status ||
				soap.Fault.Code != test.code || got.Header.Get("X-EWS-Policy-Reason") != test.reason {
				t.Errorf("%s, %s: HTTP %d %s %q", test.name, name, got.Status, soap.Fault.Code,
					got.Header.Get("X-EWS-Policy-Reason"))
			}
		}
	}
	m.exchange(`{"outage": {}}`)
	inbox := m.list("inbox")
	if below := m.below("inbox"); subjects(inbox) != "kept" || folderNames(below) != "kept" {
		t.Errorf("what was refused left %q and %q", subjects(inbox), folderNames(below))
	}
	m.mailbox = boxes.Licensed[1]
	for _, name := range []string{"GetItem", "UpdateItem", "MoveItem", "DeleteItem"} {
		if got := m.one(operations[name]).Code; got != "ErrorItemNotFound" {
			t.Errorf("%s of an item of another mailbox: %s", name, got)
		}
	}
	m.mailbox = boxes.Disabled[0]
	m.succeeds(m.one(createItem(distinguished("inbox"), subject("to a blocked account"))))
}

func TestAPermissionLevelDecidesWhatAMailboxDoesInAPublicFolder(t *testing.T) {
	m := newMailRig(t)
	sales := byID(m.inHierarchy(m.owner, findFolders("Shallow", rootID)).Root.Folders.All[0].ID.ID)
	level := func(level string) {
		m.exchange(fmt.Sprintf(`{"public_folder_tree": [{"path": "\\Sales", "permissions": {%q: %q, %q: "Owner"}}]}`, m.mailbox,
			level, m.owner))
	}
	outcome := func(got mailMessage) string { return strings.TrimPrefix(got.Code, "Error") }
	for name, want := range map[string]string{
		// creates an item; lists and reads it; changes and deletes its own; changes and deletes another's; creates and
		// deletes folders
		"Owner":            `NoError | NoError NoError | NoError NoError | NoError NoError | NoError NoError`,
		"PublishingEditor": `NoError | NoError NoError | NoError NoError | NoError NoError | NoError AccessDenied`,
		"Editor":           `NoError | NoError NoError | NoError NoError | NoError NoError | CreateSubfolderAccessDenied AccessDenied`,
		"PublishingAuthor": `NoError | NoError NoError | NoError NoError | AccessDenied AccessDenied | NoError AccessDenied`,
		"Author":           `NoError | NoError NoError | NoError NoError | AccessDenied AccessDenied | CreateSubfolderAccessDenied AccessDenied`,
		"NoneditingAuthor": `NoError | NoError NoError | AccessDenied NoError | AccessDenied AccessDenied | CreateSubfolderAccessDenied AccessDenied`,
		"Reviewer":         `CreateItemAccessDenied | NoError NoError | AccessDenied AccessDenied | AccessDenied AccessDenied | CreateSubfolderAccessDenied AccessDenied`,
		"Contributor":      `NoError | AccessDenied ItemNotFound | AccessDenied AccessDenied | AccessDenied AccessDenied | CreateSubfolderAccessDenied AccessDenied`,
	} {
		level("PublishingEditor")
		own := m.succeeds(m.inContent(m.mailbox, createItem(sales, subject("own")))).Items[0].ID
		others := m.succeeds(m.inContent(m.owner, createItem(sales, subject("another's")))).Items[0].ID
		level(name)
		change := func(id ewsID) string {
			return outcome(m.inContent(m.mailbox, updateItem("AlwaysOverwrite", id.keyedItem(),
				setField("message:IsRead", `<t:IsRead>true</t:IsRead>`)))) + " " +
				outcome(m.inContent(m.mailbox, deleteItem("HardDelete", id.item())))
		}
		got := strings.Join([]string{
			outcome(m.inContent(m.mailbox, createItem(sales, subject("new")))),
			outcome(m.inContent(m.mailbox, findItem(sales, "", "IdOnly"))) + " " +
				outcome(m.inContent(m.mailbox, getItem(own.item(), "IdOnly"))),
			change(own), change(others),
			outcome(m.inHierarchy(m.mailbox, createFolder(sales, named("below")))) + " " +
				outcome(m.inHierarchy(m.mailbox, deleteFolder("HardDelete", sales))),
		}, " | ")
		if got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
		m.exchange(`{"public_folder_tree": []}`) // with the items in it
	}
	level("None")
	if got := outcome(m.inContent(m.mailbox, createItem(sales, subject("new")))); got != "FolderNotFound" {
		t.Errorf("who does not see the folder is answered with %s", got)
	}
}

func TestAPublicFolderIsCreatedWithItsParentsPermissionsAndDeletedByItsOwner(t *testing.T) {
	m := newMailRig(t)
	m.exchange(fmt.Sprintf(`{"public_folder_tree": [{"path": "\\Sales", "permissions": {%q: "PublishingAuthor", %q: "Owner", "default": "Reviewer"}}]}`,
		m.mailbox, m.owner))
	sales := byID(m.inHierarchy(m.owner, findFolders("Shallow", rootID)).Root.Folders.All[0].ID.ID)
	made := m.succeeds(m.inHierarchy(m.mailbox, createFolder(sales, named("Mine")))).Folders.All[0].ID.ID
	var state TenantState
	m.get("/_sandbox/tenants/"+m.tenant.TenantID).json(t, &state)
	if tree := state.Exchange.PublicFolderTree; len(tree) != 3 || tree[2].Path != `\Sales\Mine` ||
		fmt.Sprint(tree[2].Permissions) != fmt.Sprintf("map[default:Reviewer %s:Owner %s:Owner]", m.mailbox, m.owner) {
		t.Errorf("the tree is %+v", tree)
	}
	below := m.succeeds(m.inHierarchy(m.owner, createFolder(byID(made), named("Theirs")))).Folders.All[0].ID.ID
	item := m.succeeds(m.inContent(m.owner, createItem(byID(below), subject("a")))).Items[0].ID
	for name, test := range map[string]struct{ body, code string }{
		"the same name":              {createFolder(sales, named("MINE")), "ErrorFolderExists"},
		"a name that is a path":      {createFolder(sales, named(`a\b`)), "ErrorFolderSavePropertyError"},
		"a folder without the right": {createFolder(rootID, named("a")), "ErrorCreateSubfolderAccessDenied"},
		"the root":                   {deleteFolder("HardDelete", rootID), "ErrorDeleteDistinguishedFolder"},
		"to the deleted items":       {deleteFolder("MoveToDeletedItems", byID(made)), "ErrorInvalidOperation"},
		"a folder of somebody else":  {deleteFolder("HardDelete", sales), "ErrorAccessDenied"},
		"an item's ID":               {deleteFolder("HardDelete", byID(item.ID)), "ErrorCannotUseItemIdForFolderId"},
		"a deep search":              {findFolders("Deep", sales), "ErrorInvalidOperation"},
	} {
		if got := m.inHierarchy(m.mailbox, test.body); got.Code != test.code {
			t.Errorf("%s: %s, want %s", name, got.Code, test.code)
		}
	}
	if got := m.inContent(m.owner, deleteItem("MoveToDeletedItems", item.item())).Code; got != "ErrorInvalidOperation" {
		t.Errorf("an item that would be moved to the deleted items: %s", got)
	}
	m.succeeds(m.inHierarchy(m.mailbox, deleteFolder("HardDelete", byID(made))))
	if got := m.inContent(m.owner, getItem(item.item(), "IdOnly")).Code; got != "ErrorItemNotFound" {
		t.Errorf("what was below the deleted folder is answered with %s", got)
	}
}

func TestAPublicFolderIsNotDeletedAboveSomebodyElses(t *testing.T) {
	m := newMailRig(t)
	m.exchange(fmt.Sprintf(`{"public_folder_tree": [{"path": "\\Sales", "permissions": {%q: "Owner"}}, {"path": "\\Sales\\Theirs", "permissions": {%q: "Owner"}}]}`,
		m.mailbox, m.owner))
	sales := byID(m.inHierarchy(m.mailbox, findFolders("Shallow", rootID)).Root.Folders.All[0].ID.ID)
	if got := m.inHierarchy(m.mailbox, deleteFolder("HardDelete", sales)).Code; got != "ErrorAccessDenied" {
		t.Errorf("the answer is %s", got)
	}
}

func TestPublicFoldersAreRoutedByHierarchyAndContent(t *testing.T) {
	m := newMailRig(t)
	listed := m.inHierarchy(m.owner, `<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>AllProperties</t:BaseShape>`+
		`<t:AdditionalProperties>`+field(`PropertyTag="26264" PropertyType="Binary"`)+`</t:AdditionalProperties></m:FolderShape>`+
		`<m:ParentFolderIds>`+rootID+`</m:ParentFolderIds></m:FindFolder>`).Root.Folders.All
	sales := byID(listed[0].ID.ID)
	replica, err := base64.StdEncoding.DecodeString(listed[0].Extended[0].Value)
	guid, terminated := strings.CutSuffix(string(replica), "\x00")
	if err != nil || !terminated || listed[0].Extended[0].URI.Tag != "0x6698" || listed[0].Total != nil {
		t.Fatalf("the folder is %+v (%v)", listed[0], err)
	}
	found := m.pox(m.bearer, guid+"@"+m.tenant.Domain)
	if found.Address != m.content {
		t.Fatalf("Autodiscover answers %+v for the mailbox of the content", found)
	}
	item := m.succeeds(m.inContent(m.owner, createItem(sales, mimeContent(migratedMIME)))).Items[0].ID
	if got := m.succeeds(m.inContent(m.owner, findItem(sales, "", "Default"))).Root.Items; subjects(got) != "Zażółć" {
		t.Errorf("the folder holds %q", subjects(got))
	}
	if got := m.succeeds(m.inContent(m.owner, getFolders("AllProperties", sales))).Folders.All[0]; *got.Total != 1 {
		t.Errorf("the folder counts %d items", *got.Total)
	}
	moved := m.succeeds(m.inContent(m.owner, moveItem(distinguished("inbox"), item.item()))).Items[0].ID
	item = m.succeeds(m.inContent(m.owner, moveItem(sales, moved.item()))).Items[0].ID
	const unrouted = "ErrorPublicFolderMailboxDiscoveryFailed"
	for name, body := range map[string]string{
		"CreateItem": createItem(sales, subject("a")), "FindItem": findItem(sales, "", "IdOnly"),
		"GetItem": getItem(item.item(), "IdOnly"), "DeleteItem": deleteItem("HardDelete", item.item()),
		"MoveItem":   moveItem(distinguished("inbox"), item.item()),
		"UpdateItem": updateItem("AlwaysOverwrite", item.keyedItem(), setField("message:IsRead", `<t:IsRead>true</t:IsRead>`)),
	} {
		if got := m.inHierarchy(m.owner, body).Code; got != unrouted {
			t.Errorf("%s that is routed to the hierarchy: %s", name, got)
		}
		if got := m.one(body).Code; got != unrouted {
			t.Errorf("%s that is not routed: %s", name, got)
		}
	}
	for name, body := range map[string]string{
		"FindFolder": findFolders("Shallow", sales), "CreateFolder": createFolder(sales, named("a")),
		"DeleteFolder": deleteFolder("HardDelete", sales),
	} {
		if got := m.inContent(m.owner, body).Code; got != unrouted {
			t.Errorf("%s that is routed to the content: %s", name, got)
		}
	}
}

// poxAnswer is what the tests read of an answer of Autodiscover without SOAP.
type poxAnswer struct {
	Address string `xml:"Response>User>AutoDiscoverSMTPAddress"`
	Action  string `xml:"Response>Account>Action"`
	Server  string `xml:"Response>Account>Protocol>Server"`
	EWS     string `xml:"Response>Account>Protocol>EwsUrl"`
	Public  string `xml:"Response>Account>PublicFolderInformation>SmtpAddress"`
	Code    int    `xml:"Response>Error>ErrorCode"`
}
