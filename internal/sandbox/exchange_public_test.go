package sandbox

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/sandbox/tenant"
)

// foundFolder is what the tests read of a folder in an answer.
type foundFolder struct {
	ID struct {
		Value string `xml:"Id,attr"`
	} `xml:"FolderId"`
	Parent struct {
		Value string `xml:"Id,attr"`
	} `xml:"ParentFolderId"`
	Name     string `xml:"DisplayName"`
	Children *int   `xml:"ChildFolderCount"`
	Rights   *struct {
		CreateAssociated, CreateContents, CreateHierarchy, Delete, Modify, Read bool
	} `xml:"EffectiveRights"`
	Permissions []struct {
		Address string `xml:"UserId>PrimarySmtpAddress"`
		Group   string `xml:"UserId>DistinguishedUser"`
		Level   string `xml:"PermissionLevel"`
	} `xml:"PermissionSet>Permissions>Permission"`
}

// folderMessage is a response message of GetFolder or FindFolder.
type folderMessage struct {
	Class string `xml:"ResponseClass,attr"`
	Code  string `xml:"ResponseCode"`
	Root  struct {
		Next  string        `xml:"IndexedPagingOffset,attr"`
		Total int           `xml:"TotalItemsInView,attr"`
		Last  bool          `xml:"IncludesLastItemInRange,attr"`
		Found []foundFolder `xml:"Folders>Folder"`
	} `xml:"RootFolder"`
	Folders []foundFolder `xml:"Folders>Folder"`
}

// publicRig is a rig with an app that may use EWS, and the route to the public folders of the first tenant.
type publicRig struct {
	*rig
	tenant                 TenantEntry
	bearer, anchor, byGUID string
}

func newPublicRig(t *testing.T) *publicRig {
	t.Helper()
	r, app, tenant := newEWSRig(t)
	p := &publicRig{rig: r, tenant: tenant,
		bearer: r.token(tenant.TenantID, secretForm(app.AppID, app.secret, exchangeDefault))}
	p.anchor, p.byGUID = r.hierarchyMailbox(p.bearer, tenant.Mailboxes.PublicFolderOwner[0])
	return p
}

// operation sends the body of an EWS request, and returns its response messages.
func (p *publicRig) operation(mailbox, body string) []folderMessage {
	p.t.Helper()
	got, _ := p.ews(p.bearer, p.anchor, envelopeFor(mailbox, body), p.byGUID)
	var soap struct {
		Got   []folderMessage `xml:"Body>GetFolderResponse>ResponseMessages>GetFolderResponseMessage"`
		Found []folderMessage `xml:"Body>FindFolderResponse>ResponseMessages>FindFolderResponseMessage"`
	}
	if err := xml.Unmarshal([]byte(got.Body), &soap); err != nil || got.Status != http.StatusOK {
		p.t.Fatalf("HTTP %d: %v\n%.1000s", got.Status, err, got.Body)
	}
	return append(soap.Got, soap.Found...)
}

func envelopeFor(mailbox, body string) string {
	return `<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types" xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages">
	<soap:Header><t:RequestServerVersion Version="Exchange2016"/><t:ExchangeImpersonation><t:ConnectingSID><t:PrimarySmtpAddress>` + mailbox + `</t:PrimarySmtpAddress></t:ConnectingSID></t:ExchangeImpersonation></soap:Header>
	<soap:Body>` + body + `</soap:Body></soap:Envelope>`
}

const rootID = `<t:DistinguishedFolderId Id="publicfoldersroot"/>`

func byID(id string) string { return `<t:FolderId Id="` + id + `" ChangeKey="AQ=="/>` }

func shapeOf(fields ...string) string {
	var named strings.Builder
	for _, field := range fields {
		named.WriteString(`<t:FieldURI FieldURI="folder:` + field + `"/>`)
	}
	return `<m:FolderShape><t:BaseShape>IdOnly</t:BaseShape><t:AdditionalProperties>` + named.String() +
		`</t:AdditionalProperties></m:FolderShape>`
}

// findIn is a FindFolder in the order of the schema: shape, page, restriction, parents.
func findIn(parents, page, restriction string, fields ...string) string {
	if restriction != "" {
		restriction = `<m:Restriction>` + restriction + `</m:Restriction>`
	}
	return `<m:FindFolder Traversal="Shallow">` + shapeOf(fields...) + page + restriction + `<m:ParentFolderIds>` +
		parents + `</m:ParentFolderIds></m:FindFolder>`
}

func getAll(folders string, fields ...string) string {
	return `<m:GetFolder>` + shapeOf(fields...) + `<m:FolderIds>` + folders + `</m:FolderIds></m:GetFolder>`
}

func namesOf(folders []foundFolder) string {
	return strings.Join(tenant.Mapped(folders, func(f foundFolder) string { return f.Name }), " ")
}

func TestThePublicFoldersAreFoundLevelByLevelAndReadByTheirIDs(t *testing.T) {
	p := newPublicRig(t)
	owner := p.tenant.Mailboxes.PublicFolderOwner[0]
	fields := []string{"DisplayName", "ParentFolderId", "ChildFolderCount", "EffectiveRights"}
	first := p.operation(owner, findIn(rootID, "", "", fields...))[0]
	if first.Code != "NoError" || namesOf(first.Root.Found) != "Sales Projects" || first.Root.Total != 2 ||
		!first.Root.Last || first.Root.Next != "" {
		t.Fatalf("below the root: %+v", first)
	}
	sales, projects := first.Root.Found[0], first.Root.Found[1]
	if *sales.Children != 1 || *projects.Children != 0 || !sales.Rights.CreateHierarchy {
		t.Errorf("Sales has %d folders, Projects %d; the rights on Sales are %+v", *sales.Children, *projects.Children,
			*sales.Rights)
	}
	second := p.operation(owner, findIn(byID(sales.ID.Value)+byID(projects.ID.Value), "", "", fields...))
	if len(second) != 2 || namesOf(second[0].Root.Found) != "Archive" || len(second[1].Root.Found) != 0 ||
		second[0].Root.Found[0].Parent.Value != sales.ID.Value {
		t.Fatalf("below Sales and Projects: %+v", second)
	}
	archive := second[0].Root.Found[0]
	gone := base64.StdEncoding.EncodeToString([]byte(p.tenant.TenantID + "/" + uuid.NewString()))
	got := p.operation(owner, getAll(byID(archive.ID.Value)+byID("?")+rootID+byID(gone), "DisplayName", "PermissionSet"))
	for i, want := range []string{"NoError", "ErrorInvalidIdMalformed", "NoError", "ErrorFolderNotFound"} {
		if got[i].Code != want {
			t.Errorf("the %d. folder is answered with %s, want %s", i+1, got[i].Code, want)
		}
	}
	if folder := got[0].Folders[0]; folder.Name != "Archive" || folder.ID.Value != archive.ID.Value ||
		len(folder.Permissions) != 3 || folder.Permissions[1].Address != owner || folder.Permissions[1].Level != "Owner" {
		t.Errorf("Archive is %+v", folder)
	}
	all := p.operation(owner, strings.Replace(getAll(byID(archive.ID.Value)), "IdOnly", "AllProperties", 1))[0].Folders[0]
	if all.Name != "Archive" || all.Rights == nil || len(all.Permissions) != 0 {
		t.Errorf("with AllProperties, Archive is %+v", all)
	}
	if sales.Parent.Value != got[2].Folders[0].ID.Value {
		t.Error("the parent of Sales has another ID than the root")
	}
}

func TestAPublicFolderIsFoundByItsNameInAnyCase(t *testing.T) {
	p := newPublicRig(t)
	mailbox := p.tenant.Mailboxes.Licensed[0]
	const field = `<t:FieldURI FieldURI="folder:DisplayName"/>`
	contains := func(name string) string {
		return `<t:Contains ContainmentMode="FullString" ContainmentComparison="IgnoreCase">` + field +
			`<t:Constant Value="` + name + `"/></t:Contains>`
	}
	equals := func(name string) string {
		return `<t:IsEqualTo>` + field + `<t:FieldURIOrConstant><t:Constant Value="` + name +
			`"/></t:FieldURIOrConstant></t:IsEqualTo>`
	}
	for restriction, want := range map[string]string{
		contains("SALES"):  "Sales",
		contains("Sal"):    "",
		contains("Arch"):   "",
		equals("projects"): "Projects",
		`<t:Or>` + contains("projects") + equals("sales") + contains("nobody") + `</t:Or>`:        "Sales Projects",
		`<t:Or><t:Or>` + contains("projects") + `</t:Or>` + contains("Sales Archive") + `</t:Or>`: "Projects",
	} {
		if got := p.operation(mailbox, findIn(rootID, "", restriction, "DisplayName"))[0]; namesOf(got.Root.Found) != want ||
			got.Code != "NoError" {
			t.Errorf("%s finds %q (%s), want %q", restriction, namesOf(got.Root.Found), got.Code, want)
		}
	}
}

func TestFoundFoldersComeInPages(t *testing.T) {
	p := newPublicRig(t)
	tree := make([]PublicFolderState, 1001)
	for i := range tree {
		tree[i].Path = fmt.Sprintf(`\Folder %d`, i)
	}
	patch, err := json.Marshal(map[string]any{"public_folder_tree": tree})
	if err != nil {
		t.Fatal(err)
	}
	p.exchange(string(patch))
	for _, test := range []struct {
		page  string
		found int
		first string
		next  string
		last  bool
	}{
		{``, 1000, "Folder 0", "", false},
		{`<m:IndexedPageFolderView MaxEntriesReturned="2" Offset="0" BasePoint="Beginning"/>`, 2, "Folder 0", "2", false},
		{`<m:IndexedPageFolderView MaxEntriesReturned="5000" Offset="0" BasePoint="Beginning"/>`, 1000, "Folder 0", "1000", false},
		{`<m:IndexedPageFolderView Offset="1000" BasePoint="Beginning"/>`, 1, "Folder 1000", "1001", true},
		{`<m:IndexedPageFolderView MaxEntriesReturned="2" Offset="2000" BasePoint="Beginning"/>`, 0, "", "1001", true},
	} {
		got := p.operation(p.tenant.Mailboxes.Licensed[0], findIn(rootID, test.page, "", "DisplayName"))[0]
		first, _, _ := strings.Cut(namesOf(got.Root.Found), " Folder") // each name begins with that word
		if len(got.Root.Found) != test.found || first != test.first || got.Root.Next != test.next ||
			got.Root.Last != test.last || got.Root.Total != 1001 {
			t.Errorf("%s: %d of %d folders from %q on, the next %q, the last: %t", test.page, len(got.Root.Found),
				got.Root.Total, first, got.Root.Next, got.Root.Last)
		}
	}
}

func TestFindFolderRefusesWhatExchangeRefuses(t *testing.T) {
	p := newPublicRig(t)
	mailbox := p.tenant.Mailboxes.Licensed[0]
	for name, test := range map[string]struct{ body, code string }{
		"permissions":       {findIn(rootID, "", "", "DisplayName", "PermissionSet"), "ErrorInvalidPropertyForOperation"},
		"a deep traversal":  {strings.Replace(findIn(rootID, "", ""), "Shallow", "Deep", 1), "ErrorInvalidOperation"},
		"an offset below 0": {findIn(rootID, `<m:IndexedPageFolderView MaxEntriesReturned="2" Offset="-1" BasePoint="Beginning"/>`, ""), "ErrorInvalidIndexedPagingParameters"},
		"a page of nothing": {findIn(rootID, `<m:IndexedPageFolderView MaxEntriesReturned="0" Offset="0" BasePoint="Beginning"/>`, ""), "ErrorInvalidPagingMaxRows"},
		"no parent such":    {findIn(byID("?"), "", ""), "ErrorInvalidIdMalformed"},
		"a property that is not searched for": {findIn(rootID, "",
			`<t:Exists><t:FieldURI FieldURI="folder:EffectiveRights"/></t:Exists>`), "ErrorUnsupportedPathForQuery"},
	} {
		if got := p.operation(mailbox, test.body)[0]; got.Class != "Error" || got.Code != test.code {
			t.Errorf("%s: %s %s, want %s", name, got.Class, got.Code, test.code)
		}
	}
	for name, body := range map[string]string{
		"no traversal": strings.Replace(findIn(rootID, "", ""), "Shallow", "", 1),
		"no parent":    findIn("", "", ""),
		"another page": findIn(rootID, `<m:IndexedPageFolderView Offset="0" BasePoint="End"/>`, ""),
		"words of a name": findIn(rootID, "",
			`<t:Contains ContainmentMode="PrefixOnWords" ContainmentComparison="Loose"><t:FieldURI FieldURI="folder:DisplayName"/><t:Constant Value="a"/></t:Contains>`),
		"a comparison with a property": findIn(rootID, "",
			`<t:IsEqualTo><t:FieldURI FieldURI="folder:FolderClass"/><t:FieldURIOrConstant><t:FieldURI FieldURI="folder:DisplayName"/></t:FieldURIOrConstant></t:IsEqualTo>`),
		"nothing to choose":   findIn(rootID, "", `<t:Or/>`),
		"another expression":  findIn(rootID, "", `<t:Not/>`),
		"an item as a parent": findIn(`<t:ItemId Id="AQ=="/>`, "", ""),
	} {
		if got, soap := p.ews(p.bearer, p.anchor, envelopeFor(mailbox, body),
			p.byGUID); got.Status != http.StatusInternalServerError || soap.Fault.Code != "ErrorSchemaValidation" {
			t.Errorf("%s: HTTP %d %s", name, got.Status, got.Body)
		}
	}
	archive := p.operation(mailbox, findIn(rootID, "", ""))[0].Root.Found[0].ID.Value
	p.anchor = mailbox
	for name, body := range map[string]string{"a search of the root": findIn(rootID, "", ""),
		"a search by ID": findIn(byID(archive), "", ""), "a folder by ID": getAll(byID(archive))} {
		if got := p.operation(mailbox, body)[0]; got.Code != "ErrorPublicFolderMailboxDiscoveryFailed" {
			t.Errorf("%s that is not routed to the hierarchy: %s", name, got.Code)
		}
	}
}

func TestAPermissionLevelDecidesWhatAMailboxSeesAndMayDo(t *testing.T) {
	p := newPublicRig(t)
	mailbox, other := p.tenant.Mailboxes.Licensed[0], p.tenant.Mailboxes.Licensed[1]
	sales := p.operation(mailbox, findIn(rootID, "", ""))[0].Root.Found[0].ID.Value
	for level, want := range map[string]string{ // owns the folder, creates items, creates folders, reads
		"Owner":            "true true true true",
		"PublishingEditor": "false true true true",
		"Editor":           "false true false true",
		"PublishingAuthor": "false true true true",
		"Author":           "false true false true",
		"NoneditingAuthor": "false true false true",
		"Reviewer":         "false false false true",
		"Contributor":      "false true false false",
	} {
		p.exchange(fmt.Sprintf(`{"public_folder_tree": [{"path": "\\Sales", "permissions": {%q: %q, "default": "None"}}]}`,
			strings.ToUpper(mailbox), level))
		message := p.operation(mailbox, getAll(byID(sales), "EffectiveRights", "PermissionSet"))[0]
		if message.Code != "NoError" {
			t.Errorf("%s: %s", level, message.Code)
			continue
		}
		folder := message.Folders[0]
		got := fmt.Sprint(folder.Rights.Modify, folder.Rights.CreateContents, folder.Rights.CreateHierarchy,
			folder.Rights.Read)
		if got != want || folder.Rights.Delete != folder.Rights.Modify {
			t.Errorf("%s has the rights %+v", level, *folder.Rights)
		}
		if shown := len(folder.Permissions) > 0; shown != (level == "Owner") {
			t.Errorf("%s is shown the permissions %v", level, folder.Permissions)
		}
	}
	for name, address := range map[string]string{"one with the level None": mailbox,
		"one that the default leaves out": other} {
		p.exchange(
			fmt.Sprintf(`{"public_folder_tree": [{"path": "\\Sales", "permissions": {%q: "None"}}, {"path": "\\Sales\\2026"}]}`,
				mailbox))
		below, count := p.operation(address, findIn(rootID, "", ""))[0],
			p.operation(address, getAll(rootID, "ChildFolderCount"))[0]
		if len(below.Root.Found) != 0 || below.Root.Total != 0 || *count.Folders[0].Children != 0 {
			t.Errorf("%s sees %+v", name, below)
		}
		if got := p.operation(address, getAll(byID(sales), "DisplayName"))[0]; got.Code != "ErrorFolderNotFound" {
			t.Errorf("%s is answered by ID: %s", name, got.Code)
		}
		if got := p.operation(address, findIn(byID(sales), "", ""))[0]; got.Code != "ErrorFolderNotFound" {
			t.Errorf("%s may search below it: %s", name, got.Code)
		}
	}
}

func TestThePublicFolderTreeIsReplacedAndShown(t *testing.T) {
	r := newRig(t, Options{})
	tenant := r.server.TenantsJSON().Tenants[0]
	tree := func() string {
		var state TenantState
		r.get("/_sandbox/tenants/"+tenant.TenantID).json(t, &state)
		return fmt.Sprint(state.Exchange.PublicFolderTree)
	}
	seeded := "map[default:Author " + tenant.Mailboxes.PublicFolderOwner[0] + ":Owner]"
	if want := `[{\ ` + seeded + `} {\Sales ` + seeded + `} {\Sales\Archive ` + seeded + `} {\Projects ` + seeded +
		`}]`; tree() != want {
		t.Errorf("the seeded tree is %s", tree())
	}
	r.exchange(
		`{"public_folder_tree": [{"path": "\\", "permissions": {"default": "Reviewer"}}, {"path": "\\Team"}, {"path": "\\team\\Plans", "permissions": {"Anna@Contoso.com": "Editor"}}]}`)
	if want := `[{\ map[default:Reviewer]} {\Team ` + seeded +
		`} {\team\Plans map[anna@contoso.com:Editor default:None]}]`; tree() != want {
		t.Errorf("the tree is %s", tree())
	}
	before := tree()
	for patch, want := range map[string]string{
		`[{"path": "Sales"}]`:                                                                "Sales",
		`[{"path": "\\Sales\\"}]`:                                                            "not a path",
		`[{"path": "\\Sales\\2026"}]`:                                                        `list \Sales before it`,
		`[{"path": "\\Sales"}, {"path": "\\SALES"}]`:                                         "listed twice",
		`[{"path": "\\Sales", "permissions": {"default": "Boss"}}]`:                          "Boss",
		`[{"path": "\\Sales", "permissions": {"everybody": "Owner"}}]`:                       "everybody",
		`[{"path": "\\Sales", "permissions": {"migration@contoso.onmicrosoft.com": "own"}}]`: "PublishingEditor",
	} {
		got := r.do(http.MethodPatch, "/_sandbox/tenants/"+tenant.TenantID+"/exchange", `{"public_folder_tree": `+patch+`}`,
			nil)
		var refusal struct{ Error string }
		got.json(t, &refusal)
		if got.Status != http.StatusBadRequest || !strings.Contains(refusal.Error, want) ||
			!strings.HasPrefix(refusal.Error, "public_folder_tree: ") {
			t.Errorf("%s: HTTP %d %s", patch, got.Status, refusal.Error)
		}
	}
	if tree() != before {
		t.Errorf("a refused tree changed it to %s", tree())
	}
	r.exchange(`{"public_folder_tree": []}`)
	if want := `[{\ ` + seeded + `}]`; tree() != want {
		t.Errorf("without folders the tree is %s", tree())
	}
}
