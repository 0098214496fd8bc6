package sandbox

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// migratedMIME is a message as a migration uploads it: with words beyond ASCII in three character sets, and a file.
const migratedMIME = "From: =?utf-8?Q?J=C3=B3zef?= <jozef@old.example>\r\n" +
	"To: Anna <anna@old.example>, bert@old.example\r\n" +
	"Subject: =?iso-8859-2?Q?Za=BF=F3=B3=E6?=\r\n" +
	"Date: Thu, 02 Jan 2020 03:04:05 +0100\r\n" +
	"Message-ID: <1@old.example>\r\nImportance: high\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: text/plain; charset=windows-1250\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"Za=BF=F3=B3=E6 g=EA=9Cl=B9\r\n" +
	"--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\r\nAAAA\r\n--b--\r\n"

func TestAMessageThatIsUploadedAsMIMEArrivesAsItWas(t *testing.T) {
	m := newMailRig(t)
	made := m.succeeds(m.one(createItem(distinguished("inbox"), mimeContent(migratedMIME)+
		extended(messageFlags, "1")+extended(deliveryTime, "2020-01-02T04:05:00+02:00")+extended(sourceID, "42"))))
	found := m.succeeds(m.one(findItem(distinguished("inbox"), "", "AllProperties", sourceID))).Root
	if found.Total != 1 || !found.Last {
		t.Fatalf("the inbox holds %+v", found)
	}
	summary := found.Items[0]
	if summary.ID != made.Items[0].ID || summary.Subject != "Zażółć" || summary.Received != "2020-01-02T02:05:00Z" ||
		summary.Sent != "2020-01-02T02:04:05Z" || summary.IsRead != "true" || summary.IsDraft != "false" ||
		summary.Attachments != "true" || summary.DisplayTo != "Anna; bert@old.example" || summary.Importance != "High" ||
		summary.Extended[0].Value != "42" || summary.Extended[0].URI.Name != "SourceId" {
		t.Errorf("what is found is %+v", summary)
	}
	if summary.Body != nil || summary.To != nil || summary.From.Name != "Józef" || summary.From.Address != "" {
		t.Errorf("a search returns more than a summary: %+v", summary)
	}
	whole := m.read(made.Items[0].ID, "AllProperties", "item:MimeContent", messageFlags,
		deliveryTime)
	if raw, err := base64.StdEncoding.DecodeString(whole.MIME); err != nil || string(raw) != migratedMIME {
		t.Errorf("the MIME content is %q (%v)", raw, err)
	}
	if whole.Body.Type != "Text" || strings.TrimSpace(whole.Body.Text) != "Zażółć gęślą" ||
		whole.From.Address != "jozef@old.example" || whole.To.Address == "" || whole.MessageID != "<1@old.example>" ||
		whole.Class != "IPM.Note" || whole.Size < len(migratedMIME) {
		t.Errorf("the whole item is %+v", whole)
	}
	// PR_MESSAGE_FLAGS also says that there is an attachment.
	if len(whole.Extended) != 2 || whole.Extended[0].Value != "17" || whole.Extended[0].URI.Tag != "0xe07" ||
		whole.Extended[1].Value != "2020-01-02T02:05:00Z" {
		t.Errorf("the MAPI properties are %+v", whole.Extended)
	}
	inbox := m.succeeds(m.one(getFolders("Default", distinguished("inbox")))).Folders.All[0]
	if *inbox.Total != 1 || *inbox.Unread != 0 {
		t.Errorf("the inbox counts %d items, %d of them unread", *inbox.Total, *inbox.Unread)
	}
}

func TestAMessageIsCreatedFromItsProperties(t *testing.T) {
	m := newMailRig(t)
	written := `<t:ItemClass>IPM.Note</t:ItemClass>` + subject("Grüße &lt;1&gt;") +
		`<t:Body BodyType="HTML">&lt;b&gt;Hello&lt;/b&gt;</t:Body><t:Categories><t:String>Red</t:String></t:Categories>` +
		`<t:Importance>Low</t:Importance>` + `<t:ToRecipients><t:Mailbox><t:EmailAddress>anna@old.example</t:EmailAddress></t:Mailbox></t:ToRecipients>` +
		`<t:From><t:Mailbox><t:Name>Józef</t:Name><t:EmailAddress>jozef@old.example</t:EmailAddress></t:Mailbox></t:From><t:IsRead>false</t:IsRead>`
	saved := strings.Replace(createItem("", written), "<m:SavedItemFolderId></m:SavedItemFolderId>", "", 1)
	made := m.succeeds(m.one(saved)).Items[0]
	drafts := m.succeeds(m.one(getFolders("Default", distinguished("drafts")))).Folders.All[0]
	got := m.read(made.ID, "AllProperties", "item:MimeContent")
	if *drafts.Unread != 1 || got.Parent.ID != drafts.ID.ID {
		t.Errorf("without a folder, the message is not among the drafts: %+v", drafts)
	}
	if got.Subject != "Grüße <1>" || got.Body.Text != "<b>Hello</b>" || got.Body.Type != "HTML" ||
		got.Importance != "Low" || fmt.Sprint(got.Categories) != "[Red]" || got.IsRead != "false" || got.IsDraft != "true" ||
		got.From.Name != "Józef" || got.To.Address != "anna@old.example" || got.MessageID == "" {
		t.Errorf("the item is %+v", got)
	}
	if got.Sent == "" || got.Sent != got.Created || got.Received != got.Created {
		t.Errorf("created %q, it was sent %q and received %q", got.Created, got.Sent, got.Received)
	}
	raw, _ := base64.StdEncoding.DecodeString(got.MIME)
	again := m.succeeds(m.one(createItem(distinguished("inbox"), mimeContent(string(raw))))).Items[0]
	copied := m.read(again.ID, "AllProperties")
	if copied.Subject != got.Subject || *copied.Body != *got.Body || copied.From.Name != "Józef" ||
		copied.MessageID != got.MessageID || copied.To.Address != got.To.Address {
		t.Errorf("what its MIME content makes is %+v", copied)
	}
	brief := m.read(made.ID, "IdOnly", "item:Subject")
	if brief.Subject == "" || brief.Body != nil || brief.Class != "" || brief.MIME != "" {
		t.Errorf("only the subject was asked for: %+v", brief)
	}
}

func TestAMessageThatCannotBeIsRefused(t *testing.T) {
	m := newMailRig(t)
	inbox := distinguished("inbox")
	with := func(property string) string { return createItem(inbox, property) }
	made := m.succeeds(m.one(with(subject("there")))).Items[0]
	m.refuses(map[string]struct{ body, code string }{
		"no disposition":              {strings.Replace(with(subject("a")), ` MessageDisposition="SaveOnly"`, "", 1), "ErrorMessageDispositionRequired"},
		"a folder that is not there":  {createItem(distinguished("archiveinbox"), subject("a")), "ErrorFolderNotFound"},
		"an item's ID for a folder":   {createItem(byID(made.ID.ID), subject("a")), "ErrorCannotUseItemIdForFolderId"},
		"the time that it was sent":   {with(`<t:DateTimeSent>2020-01-02T03:04:05Z</t:DateTimeSent>`), "ErrorInvalidPropertySet"},
		"its size":                    {with(extended(`PropertyTag="0x0E08" PropertyType="Integer"`, "1")), "ErrorInvalidPropertySet"},
		"MIME that is not base64":     {with(`<t:MimeContent>?</t:MimeContent>`), "ErrorMimeContentInvalidBase64String"},
		"MIME that is not a message":  {with(mimeContent("no header")), "ErrorMimeContentInvalid"},
		"MIME that is too long":       {with(`<t:MimeContent>` + strings.Repeat("A", 35<<20+4) + `</t:MimeContent>`), "ErrorDataSizeLimitExceeded"},
		"a property without a name":   {with(extended(`PropertyType="Integer"`, "1")), "ErrorInvalidExtendedProperty"},
		"a property with two names":   {with(extended(`PropertyTag="1" PropertyName="a" PropertyType="Integer"`, "1")), "ErrorInvalidExtendedProperty"},
		"two sets for a property":     {with(extended(`DistinguishedPropertySetId="Common" PropertySetId="00062008-0000-0000-c000-000000000046" PropertyName="a" PropertyType="Integer"`, "1")), "ErrorInvalidExtendedProperty"},
		"a set that is not known":     {with(extended(`DistinguishedPropertySetId="Mine" PropertyName="a" PropertyType="Integer"`, "1")), "ErrorInvalidExtendedProperty"},
		"a type that is not known":    {with(extended(`PropertyTag="1" PropertyType="Number"`, "1")), "ErrorInvalidExtendedProperty"},
		"a type that nobody sets":     {with(extended(`PropertyTag="1" PropertyType="Object"`, "1")), "ErrorUnsupportedMapiPropertyType"},
		"a number that is not one":    {with(extended(messageFlags, "read")), "ErrorInvalidExtendedPropertyValue"},
		"a number that is too big":    {with(extended(`PropertyTag="1" PropertyType="Short"`, "70000")), "ErrorInvalidExtendedPropertyValue"},
		"a time that is not one":      {with(extended(deliveryTime, "yesterday")), "ErrorInvalidExtendedPropertyValue"},
		"one value for an array":      {with(extended(`PropertyTag="1" PropertyType="StringArray"`, "a")), "ErrorInvalidExtendedPropertyValue"},
		"an ID of nothing":            {getItem(`<t:ItemId Id="AAAA"/>`, "IdOnly"), "ErrorInvalidIdMalformed"},
		"an empty ID":                 {getItem(`<t:ItemId Id=""/>`, "IdOnly"), "ErrorInvalidIdEmpty"},
		"a folder's ID for an item":   {getItem(strings.Replace(m.folderID("inbox"), "FolderId", "ItemId", 1), "IdOnly"), "ErrorCannotUseFolderIdForItemId"},
		"a malformed change key":      {getItem(`<t:ItemId Id="`+made.ID.ID+`" ChangeKey="?"/>`, "IdOnly"), "ErrorInvalidChangeKey"},
		"a folder's property":         {getItem(made.ID.item(), "IdOnly", "folder:DisplayName"), "ErrorInvalidPropertyRequest"},
		"a property without a set":    {getItem(made.ID.item(), "IdOnly", `PropertyName="a" PropertyType="String"`), "ErrorInvalidExtendedProperty"},
		"the body, of a search":       {findItem(inbox, "", "IdOnly", "item:Body"), "ErrorInvalidPropertyForOperation"},
		"the recipients, of a search": {findItem(inbox, "", "IdOnly", "message:ToRecipients"), "ErrorInvalidPropertyForOperation"},
	})
	m.violates(map[string]string{
		"mail that is to be sent":  strings.Replace(with(subject("a")), "SaveOnly", "SendAndSaveCopy", 1),
		"no message":               createItem(inbox),
		"an appointment":           strings.ReplaceAll(with(subject("a")), "t:Message", "t:CalendarItem"),
		"an attachment of its own": with(subject("a") + `<t:Attachments/>`),
		"another order":            with(subject("a") + mimeContent(migratedMIME)),
		"an unknown importance":    with(`<t:Importance>Huge</t:Importance>`),
		"an unknown sensitivity":   with(`<t:Sensitivity>Huge</t:Sensitivity>`),
		"a body of no type":        with(`<t:Body>a</t:Body>`),
		"a flag that is not one":   with(`<t:IsRead>maybe</t:IsRead>`),
		"markup in the body":       with(`<t:Body BodyType="HTML"><b>a</b></t:Body>`),
		"an unknown property":      getItem(made.ID.item(), "IdOnly", "colour"),
		"an unknown shape":         getItem(made.ID.item(), "Everything"),
		"no item":                  getItem("", "IdOnly"),
	})
	if total := m.succeeds(m.one(findItem(inbox, "", "IdOnly"))).Root.Total; total != 1 {
		t.Errorf("what was refused left %d items", total-1)
	}
}

// folderID is the FolderId of a distinguished folder.
func (m *mailRig) folderID(id string) string {
	m.t.Helper()
	return byID(m.succeeds(m.one(getFolders("IdOnly", distinguished(id)))).Folders.All[0].ID.ID)
}

func TestItemsAreFoundInOrderAndByPages(t *testing.T) {
	m := newMailRig(t)
	inbox := distinguished("inbox")
	message := func(title, at, flags, id string) string {
		return subject(title) + extended(messageFlags, flags) + extended(deliveryTime, at) + extended(sourceID, id)
	}
	m.all(createItem(inbox, message("Beta", "2020-01-02T00:00:00Z", "1", "10"),
		message("alpha", "2020-01-03T00:00:00Z", "0", "9"), message("Gamma", "2020-01-01T00:00:00Z", "0", "8")))
	const page = `<m:IndexedPageItemView MaxEntriesReturned="2" Offset="%d" BasePoint="Beginning"/>`
	order := func(name, direction string) string {
		return `<m:SortOrder><t:FieldOrder Order="` + direction + `">` + field(name) + `</t:FieldOrder></m:SortOrder>`
	}
	for _, test := range []struct{ between, want string }{
		{"", "alpha Beta Gamma"},
		{order("item:Subject", "Ascending"), "alpha Beta Gamma"},
		{order("item:Subject", "Descending"), "Gamma Beta alpha"},
		{order(deliveryTime, "Ascending"), "Gamma Beta alpha"},
		{order("item:IsDraft", "Ascending"), "Beta alpha Gamma"},
		{order("message:IsRead", "Descending"), "Beta alpha Gamma"},
		{fmt.Sprintf(page, 0) + order("item:Subject", "Ascending"), "alpha Beta"},
		{fmt.Sprintf(page, 2) + order("item:Subject", "Ascending"), "Gamma"},
		{fmt.Sprintf(page, 9), ""},
		{restricted(compared("IsEqualTo", "item:Subject", "beta")), "Beta"},
		{restricted(compared("IsNotEqualTo", "item:Subject", "Beta")), "alpha Gamma"},
		{restricted(contains("Substring", "IgnoreCase", "item:Subject", "A")), "alpha Beta Gamma"},
		{restricted(contains("Substring", "Exact", "item:Subject", "G")), "Gamma"},
		{restricted(compared("IsGreaterThan", "item:DateTimeReceived", "2020-01-01T23:00:00-01:00")), "alpha"},
		{restricted(compared("IsGreaterThanOrEqualTo", "item:DateTimeReceived", "2020-01-02T00:00:00Z")), "alpha Beta"},
		{restricted(compared("IsLessThan", "item:DateTimeReceived", "2020-01-02T00:00:00Z")), "Gamma"},
		{restricted(compared("IsLessThanOrEqualTo", "item:DateTimeReceived", "2020-01-02T00:00:00Z")), "Beta Gamma"},
		{restricted(compared("IsEqualTo", "message:IsRead", "1")), "Beta"},
		{restricted(compared("IsEqualTo", sourceID, "9")), "alpha"},
		{restricted(compared("IsLessThan", messageFlags, "1")), "alpha Gamma"},
		{restricted(`<t:Exists>` + field(sourceID) + `</t:Exists>`), "alpha Beta Gamma"},
		{restricted(`<t:Not><t:Exists>` + field(`PropertyTag="0x10F4" PropertyType="Boolean"`) + `</t:Exists></t:Not>`), "alpha Beta Gamma"},
		{restricted(`<t:Or>` + compared("IsEqualTo", sourceID, "8") + compared("IsEqualTo", sourceID, "10") + `</t:Or>`), "Beta Gamma"},
		{restricted(`<t:And>` + compared("IsEqualTo", "message:IsRead", "false") + compared("IsNotEqualTo", sourceID, "8") + `</t:And>`), "alpha"},
	} {
		got := m.succeeds(m.one(findItem(inbox, test.between, "Default"))).Root
		if subjects(got.Items) != test.want {
			t.Errorf("%s finds %q, want %q", test.between, subjects(got.Items), test.want)
		}
	}
	first := m.succeeds(m.one(findItem(inbox, fmt.Sprintf(page, 0), "IdOnly"))).Root
	last := m.succeeds(m.one(findItem(inbox, fmt.Sprintf(page, 2), "IdOnly"))).Root
	if first.Total != 3 || first.Last || first.Next != "2" || !last.Last || last.Next != "3" {
		t.Errorf("the pages are %+v and %+v", first, last)
	}
	both := m.all(findItem(inbox+distinguished("drafts"), "", "IdOnly"))
	if len(both) != 2 || both[0].Root.Total != 3 || both[1].Root.Total != 0 {
		t.Errorf("two folders are answered with %+v", both)
	}
	for _, traversal := range []string{"SoftDeleted", "Associated"} {
		body := strings.Replace(findItem(inbox, "", "IdOnly"), "Shallow", traversal, 1)
		if got := m.succeeds(m.one(body)).Root; got.Total != 0 {
			t.Errorf("%s finds %d items", traversal, got.Total)
		}
	}
	long := `<t:Or>` + strings.Repeat(compared("IsEqualTo", "item:Subject", "a"), 255) + `</t:Or>`
	m.refuses(map[string]struct{ body, code string }{
		"an offset below 0":        {findItem(inbox, fmt.Sprintf(page, -1), "IdOnly"), "ErrorInvalidIndexedPagingParameters"},
		"a page of nothing":        {findItem(inbox, strings.Replace(fmt.Sprintf(page, 0), `"2"`, `"0"`, 1), "IdOnly"), "ErrorInvalidPagingMaxRows"},
		"the order of bodies":      {findItem(inbox, order("item:Body", "Ascending"), "IdOnly"), "ErrorUnsupportedPathForSortGroup"},
		"a search of recipients":   {findItem(inbox, restricted(contains("Substring", "Exact", "message:ToRecipients", "a")), "IdOnly"), "ErrorUnsupportedPathForQuery"},
		"an array":                 {findItem(inbox, restricted(`<t:Exists>`+field(`PropertyTag="1" PropertyType="StringArray"`)+`</t:Exists>`), "IdOnly"), "ErrorUnsupportedPathForQuery"},
		"a part of a time":         {findItem(inbox, restricted(contains("Substring", "Exact", "item:DateTimeReceived", "2020")), "IdOnly"), "ErrorContainsFilterWrongType"},
		"a time that is not one":   {findItem(inbox, restricted(compared("IsGreaterThan", "item:DateTimeReceived", "true")), "IdOnly"), "ErrorInvalidValueForProperty"},
		"a flag that is not one":   {findItem(inbox, restricted(`<t:Not>`+compared("IsEqualTo", "message:IsRead", "2020")+`</t:Not>`), "IdOnly"), "ErrorInvalidValueForProperty"},
		"256 expressions":          {findItem(inbox, restricted(long), "IdOnly"), "ErrorRestrictionTooLong"},
		"a folder's search for it": {findItem(distinguished("publicfoldersroot"), "", "IdOnly"), "ErrorPublicFolderMailboxDiscoveryFailed"},
	})
	const end = "</m:FindItem>"
	same, whole := compared("IsEqualTo", "item:Subject", "a"), findItem(inbox, "", "IdOnly")
	m.violates(map[string]string{
		"a deep traversal":         strings.Replace(findItem(inbox, "", "IdOnly"), "Shallow", "Deep", 1),
		"no folder":                findItem("", "", "IdOnly"),
		"no order":                 findItem(inbox, `<m:SortOrder/>`, "IdOnly"),
		"an order of its own":      findItem(inbox, order("item:Subject", "Random"), "IdOnly"),
		"an order of nothing":      findItem(inbox, `<m:SortOrder><t:FieldOrder Order="Ascending"/></m:SortOrder>`, "IdOnly"),
		"two restrictions":         findItem(inbox, restricted(same+same), "IdOnly"),
		"a comparison of nothing":  findItem(inbox, restricted(`<t:IsEqualTo><t:FieldURIOrConstant><t:Constant Value="a"/></t:FieldURIOrConstant></t:IsEqualTo>`), "IdOnly"),
		"a comparison with none":   findItem(inbox, restricted(`<t:IsEqualTo>`+field("item:Subject")+`</t:IsEqualTo>`), "IdOnly"),
		"a query":                  strings.Replace(whole, end, "<m:QueryString>a</m:QueryString>"+end, 1),
		"the order after the rest": strings.Replace(whole, end, order("item:Subject", "Ascending")+end, 1),
	})
}

func TestItemsAreDeletedInThreeWays(t *testing.T) {
	m := newMailRig(t)
	inbox := distinguished("inbox")
	made := m.all(createItem(inbox, subject("hard"), subject("soft"), subject("moved")))
	for i, how := range []string{"HardDelete", "SoftDelete", "MoveToDeletedItems"} {
		m.succeeds(m.one(deleteItem(how, made[i].Items[0].ID.item())))
		if got := m.one(getItem(made[i].Items[0].ID.item(), "IdOnly")); got.Code != "ErrorItemNotFound" {
			t.Errorf("after a %s, the item is answered with %s", how, got.Code)
		}
	}
	for folder, want := range map[string]string{
		"inbox": "", "recoverableitemsdeletions": "soft", "deleteditems": "moved",
	} {
		if got := m.list(folder); subjects(got) != want {
			t.Errorf("%s holds %q, want %q", folder, subjects(got), want)
		}
	}
	several := m.all(deleteItem("HardDelete", made[0].Items[0].ID.item()+
		m.list("deleteditems")[0].ID.item()))
	if len(several) != 2 || several[0].Code != "ErrorItemNotFound" || several[1].Code != "NoError" {
		t.Errorf("of two items, one of which is gone: %+v", several)
	}
	m.violates(map[string]string{
		"no way": deleteItem("", made[0].Items[0].ID.item()), "nothing": deleteItem("HardDelete", ""),
	})
}

func TestAMovedItemHasAnotherID(t *testing.T) {
	m := newMailRig(t)
	made := m.succeeds(m.one(createItem(distinguished("inbox"), subject("a")))).Items[0]
	moved := m.succeeds(m.one(moveItem(distinguished("sentitems"), made.ID.item()))).Items[0]
	if got := m.read(moved.ID, "Default"); moved.ID.ID == made.ID.ID || got.Subject != "a" {
		t.Errorf("the moved item is %+v", got)
	}
	m.refuses(map[string]struct{ body, code string }{
		"its ID before":              {moveItem(distinguished("inbox"), made.ID.item()), "ErrorItemNotFound"},
		"a folder that is not there": {moveItem(distinguished("archiveinbox"), moved.ID.item()), "ErrorFolderNotFound"},
	})
	m.violates(map[string]string{
		"nowhere": moveItem("", moved.ID.item()), "nothing": moveItem(distinguished("inbox"), ""),
	})
}

func TestAnItemIsChangedWithItsCurrentChangeKey(t *testing.T) {
	m := newMailRig(t)
	made := m.succeeds(m.one(createItem(distinguished("inbox"), subject("a")+extended(sourceID, "1")))).Items[0]
	uploaded := m.succeeds(m.one(createItem(distinguished("inbox"), mimeContent(migratedMIME)))).Items[0]
	read := setField("message:IsRead", `<t:IsRead>true</t:IsRead>`)
	changed := m.succeeds(m.one(updateItem("NeverOverwrite", made.ID.keyedItem(),
		read+setField("item:Subject", subject("b"))+setField(sourceID, extended(sourceID, "2"))))).Items[0]
	got := m.read(changed.ID, "AllProperties", sourceID)
	if changed.ID.ID != made.ID.ID || changed.ID.ChangeKey == made.ID.ChangeKey || got.ID != changed.ID ||
		got.IsRead != "true" || got.Subject != "b" || got.Extended[0].Value != "2" {
		t.Errorf("the changed item is %+v", got)
	}
	m.refuses(map[string]struct{ body, code string }{
		"the key before":          {updateItem("NeverOverwrite", made.ID.keyedItem(), read), "ErrorIrresolvableConflict"},
		"the same, resolved":      {updateItem("AutoResolve", made.ID.keyedItem(), read), "ErrorIrresolvableConflict"},
		"no key":                  {updateItem("AlwaysOverwrite", made.ID.item(), read), "ErrorChangeKeyRequiredForWriteOperations"},
		"a key that is malformed": {updateItem("AlwaysOverwrite", `<t:ItemId Id="`+made.ID.ID+`" ChangeKey="?"/>`, read), "ErrorInvalidChangeKey"},
		"nothing to set":          {updateItem("AlwaysOverwrite", made.ID.keyedItem(), setField("message:IsRead", "")), "ErrorIncorrectUpdatePropertyCount"},
		"two for one":             {updateItem("AlwaysOverwrite", made.ID.keyedItem(), setField("message:IsRead", subject("c")+`<t:IsRead>true</t:IsRead>`)), "ErrorIncorrectUpdatePropertyCount"},
		"one for another":         {updateItem("AlwaysOverwrite", made.ID.keyedItem(), setField("message:IsRead", subject("c"))), "ErrorUpdatePropertyMismatch"},
		"the end of a subject":    {updateItem("AlwaysOverwrite", made.ID.keyedItem(), `<t:DeleteItemField>`+field("item:Subject")+`</t:DeleteItemField>`), "ErrorInvalidPropertyDelete"},
		"a part of MIME content":  {updateItem("AlwaysOverwrite", uploaded.ID.keyedItem(), setField("item:Subject", subject("c"))), "ErrorInvalidPropertySet"},
	})
	m.succeeds(m.one(updateItem("AlwaysOverwrite", made.ID.keyedItem(), `<t:DeleteItemField>`+field(sourceID)+`</t:DeleteItemField>`)))
	if got := m.read(made.ID, "Default", sourceID); len(got.Extended) != 0 || got.Subject != "b" {
		t.Errorf("after the end of a MAPI property, the item is %+v", got)
	}
	m.violates(map[string]string{
		"a conflict without rule": updateItem("", made.ID.keyedItem(), read),
		"mail that is to be sent": strings.Replace(updateItem("AutoResolve", made.ID.item(), read), "SaveOnly", "SendOnly",
			1),
		"no change":              `<m:UpdateItem ConflictResolution="AutoResolve"><m:ItemChanges/></m:UpdateItem>`,
		"no update":              updateItem("AutoResolve", made.ID.keyedItem(), ""),
		"no property":            updateItem("AlwaysOverwrite", made.ID.keyedItem(), `<t:SetItemField><t:Message/></t:SetItemField>`),
		"the end of no property": updateItem("AlwaysOverwrite", made.ID.keyedItem(), `<t:DeleteItemField/>`),
	})
}

func TestAMailboxIsFullAtItsQuota(t *testing.T) {
	m := newMailRig(t)
	inbox := distinguished("inbox")
	m.exchange(`{"mailbox_quota": 70000}`)
	large := mimeContent("Subject: large\r\n\r\n" + strings.Repeat("A", 25<<10))
	codes := ""
	for range 3 {
		codes += m.one(createItem(inbox, large)).Code + " "
	}
	if codes != "NoError NoError ErrorQuotaExceeded " {
		t.Errorf("three messages of 25 KB, in a mailbox of 70 KB, are answered with %s", codes)
	}
	items := m.list("inbox")
	m.succeeds(m.one(moveItem(distinguished("drafts"), items[1].ID.item())))
	m.succeeds(m.one(deleteItem("HardDelete", items[0].ID.item())))
	m.succeeds(m.one(createItem(inbox, large)))
	folder := createFolder(inbox, named(strings.Repeat("a", 20_000)))
	if got := m.one(folder).Code; got != "ErrorQuotaExceeded" {
		t.Errorf("a folder that does not fit is answered with %s", got)
	}
	if full := m.one(updateItem("AlwaysOverwrite", m.list("inbox")[0].ID.keyedItem(),
		setField(sourceID, extended(sourceID, strings.Repeat("a", 20_000))))).Code; full != "ErrorQuotaExceeded" {
		t.Errorf("a change that does not fit is answered with %s", full)
	}
	for _, quota := range []string{"-1", "999999999999"} {
		if got := m.do(http.MethodPatch, "/_sandbox/tenants/"+m.tenant.TenantID+"/exchange", `{"mailbox_quota": `+quota+`}`,
			nil); got.Status != http.StatusBadRequest {
			t.Errorf("a quota of %s is answered HTTP %d", quota, got.Status)
		}
	}
	got := m.do(http.MethodPost, "/EWS/Exchange.asmx", strings.Repeat(" ", 50<<20+1),
		map[string]string{"Authorization": "Bearer " + m.bearer})
	if got.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("a request of more than 50 MB is answered HTTP %d", got.Status)
	}
}

func TestARequestIsNotNestedWithoutEnd(t *testing.T) {
	m := newMailRig(t)
	const deep = 2000
	nested := strings.Repeat("<a>", deep) + strings.Repeat("</a>", deep)
	envelope := strings.Replace(envelopeFor(m.mailbox, getFolders("IdOnly", distinguished("inbox"))), "<soap:Header>",
		"<soap:Header>"+nested, 1)
	if got, soap := m.ews(m.bearer, m.mailbox, envelope); soap.Fault.Code != "ErrorSchemaValidation" {
		t.Errorf("HTTP %d %s", got.Status, got.Body)
	}
}

func TestTheControlAPIShowsTheMessageThatArrived(t *testing.T) {
	m := newMailRig(t)
	state := func() []MailboxState {
		var tenant TenantState
		m.get("/_sandbox/tenants/"+m.tenant.TenantID).json(t, &tenant)
		return tenant.Mailboxes
	}
	if found := state(); len(found) != 0 {
		t.Errorf("a new tenant shows %+v", found)
	}
	sub := m.succeeds(m.one(createFolder(distinguished("inbox"), named("2020")))).Folders.All[0].ID.ID
	m.succeeds(m.one(createItem(byID(sub), mimeContent(migratedMIME)+extended(messageFlags, "1"))))
	projects := byID(m.inHierarchy(m.owner, findFolders("Shallow", rootID)).Root.Folders.All[1].ID.ID)
	m.succeeds(m.inContent(m.owner, createItem(projects, subject("Plan"))))
	found := state()
	if len(found) != 2 || found[0].Address != m.mailbox || found[0].Size < len(migratedMIME) ||
		len(found[0].Folders) != 1 || found[0].Folders[0].Path != `\Inbox\2020` || found[1].Address != m.content || found[1].Folders[0].Path != `\Projects` {
		t.Fatalf("the mailboxes are %+v", found)
	}
	if i := found[0].Folders[0].Items[0]; i.Subject != "Zażółć" || i.From != "jozef@old.example" || !i.Read || i.Draft {
		t.Errorf("the message is %+v", i)
	}
	m.exchange(`{"public_folder_tree": [{"path": "\\Sales"}]}`)
	m.exchange(`{"public_folder_tree": [{"path": "\\Projects"}]}`)
	if found := state(); len(found) != 1 {
		t.Errorf("a folder that was removed and made again holds %+v", found[1])
	}
}
