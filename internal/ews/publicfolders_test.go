package ews

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/retry/retrytest"
)

// theRoute is where a request for public folders has to go.
var theRoute = Route{Anchor: "SharedPublicFolders@contoso.com",
	PublicFolderMailbox: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee@contoso.com"}

type idXML struct {
	ID string `xml:"Id,attr"`
}

// folderQuestion is a FindFolder or a GetFolder, as a server reads it. The schema fixes the order of its elements.
type folderQuestion struct {
	Impersonated string `xml:"Header>ExchangeImpersonation>ConnectingSID>SmtpAddress"`
	Find         *struct {
		Traversal string `xml:"Traversal,attr"`
		Fields    []struct {
			URI string `xml:"FieldURI,attr"`
		} `xml:"FolderShape>AdditionalProperties>FieldURI"`
		View struct {
			Max    int    `xml:"MaxEntriesReturned,attr"`
			Offset int    `xml:"Offset,attr"`
			Base   string `xml:"BasePoint,attr"`
		} `xml:"IndexedPageFolderView"`
		One           []contains `xml:"Restriction>Contains"`
		Any           []contains `xml:"Restriction>Or>Contains"`
		Parent        []idXML    `xml:"ParentFolderIds>FolderId"`
		Distinguished []idXML    `xml:"ParentFolderIds>DistinguishedFolderId"`
	} `xml:"Body>FindFolder"`
	GetFolder *struct {
		IDs struct {
			All []idXML `xml:",any"`
		} `xml:"FolderIds"`
	} `xml:"Body>GetFolder"`
}

type contains struct {
	Mode       string `xml:"ContainmentMode,attr"`
	Comparison string `xml:"ContainmentComparison,attr"`
	Field      struct {
		URI string `xml:"FieldURI,attr"`
	} `xml:"FieldURI"`
	Constant struct {
		Value string `xml:"Value,attr"`
	} `xml:"Constant"`
}

// hierarchy is a tree of public folders: the answer of each GetFolder by ID, and the names below each folder. An ID is
// the path in lower case, and the root's the distinguished one.
type hierarchy struct {
	t        *testing.T
	folders  map[string]string   // response message of GetFolder; missing: an owner's folder
	below    map[string][]string // names by ID
	refused  map[string]string   // response message of FindFolder by parent
	pageSize int                 // 0: everything at once
	asked    []string            // "find <parent>: <names>", "get <IDs>"
}

func (h *hierarchy) serve(w http.ResponseWriter, r *http.Request, body string) {
	var question folderQuestion
	if err := xml.Unmarshal([]byte(body), &question); err != nil {
		h.t.Errorf("%v: %s", err, body)
	}
	if r.Header.Get("X-AnchorMailbox") != theRoute.Anchor ||
		r.Header.Get("X-PublicFolderMailbox") != theRoute.PublicFolderMailbox || question.Impersonated != mailbox {
		h.t.Errorf("%s is impersonated, and the route is %v", question.Impersonated, r.Header)
	}
	switch {
	case question.Find != nil:
		answer := h.find(question)
		if strings.Contains(answer, "<s:Fault>") {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, answer)
	case question.GetFolder != nil:
		_, _ = io.WriteString(w, h.get(question))
	default:
		h.t.Errorf("neither a FindFolder nor a GetFolder: %s", body)
	}
}

func (h *hierarchy) find(question folderQuestion) string {
	find := question.Find
	parents := append(find.Parent, find.Distinguished...)
	wanted := append(find.One, find.Any...)
	if len(parents) != 1 || len(find.One) > 1 || len(find.One) > 0 && len(find.Any) > 0 || len(find.Any) == 1 ||
		find.Traversal != "Shallow" || find.View.Base != "Beginning" || len(wanted) > 255 {
		h.t.Errorf("asked for %+v", find)
	}
	var names, found []string
	for _, each := range wanted {
		if each.Mode != "FullString" || each.Comparison != "IgnoreCase" || each.Field.URI != "folder:DisplayName" {
			h.t.Errorf("looked for %+v", each)
		}
		names = append(names, each.Constant.Value)
	}
	parent := parents[0].ID
	h.asked = append(h.asked, fmt.Sprintf("find %s: %s", parent, strings.Join(names, " ")))
	if refusal := h.refused[parent]; refusal != "" {
		return refusal
	}
	for _, name := range h.below[parent] {
		if slices.ContainsFunc(names, func(wanted string) bool { return strings.EqualFold(wanted, name) }) {
			found = append(found, name)
		}
	}
	end, last, next := len(found), true, ""
	if h.pageSize > 0 && find.View.Offset+h.pageSize < len(found) {
		end = find.View.Offset + h.pageSize
		last, next = false, fmt.Sprintf(` IndexedPagingOffset="%d"`, end)
	}
	var folders strings.Builder
	for _, name := range found[min(find.View.Offset, len(found)):end] {
		id := strings.ToLower(strings.TrimPrefix(parent, PublicFoldersRoot) + `\` + name)
		fmt.Fprintf(&folders, `<t:Folder><t:FolderId Id="%s"/><t:DisplayName>%s</t:DisplayName></t:Folder>`, escape(id),
			escape(name))
	}
	return inFound("Success", fmt.Sprintf(`<m:ResponseCode>NoError</m:ResponseCode><m:RootFolder TotalItemsInView="%d" `+
		`IncludesLastItemInRange="%t"%s><t:Folders>%s</t:Folders></m:RootFolder>`,
		len(found), last, next, folders.String()))
}

func (h *hierarchy) get(question folderQuestion) string {
	var ids []string
	var messages strings.Builder
	stopped := false
	for _, id := range question.GetFolder.IDs.All {
		ids = append(ids, id.ID)
		message := h.folders[id.ID]
		if message == "" {
			message = aFolder("Folder", ownerEntry)
		}
		if stopped {
			message = anError("ErrorBatchProcessingStopped", "")
		}
		stopped = stopped || strings.Contains(message, CodeAccessDenied) ||
			strings.Contains(message, "ErrorMailboxStoreUnavailable")
		messages.WriteString(message)
	}
	h.asked = append(h.asked, "get "+strings.Join(ids, " "))
	return inEnvelope(`<m:GetFolderResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"` +
		` xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>` + messages.String() +
		`</m:ResponseMessages></m:GetFolderResponse>`)
}

const ownerEntry = `<t:PermissionSet><t:Permissions><t:Permission><t:UserId><t:PrimarySmtpAddress>` + mailbox +
	`</t:PrimarySmtpAddress></t:UserId>` +
	`<t:PermissionLevel>Owner</t:PermissionLevel></t:Permission></t:Permissions></t:PermissionSet>`

// aFolder is GetFolder's message for a folder of a kind.
func aFolder(kind, permissions string) string {
	return `<m:GetFolderResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:Folders><t:` +
		kind + `>` + permissions + `</t:` + kind + `></m:Folders></m:GetFolderResponseMessage>`
}

// anError is GetFolder's message for a folder that it did not read.
func anError(code, values string) string {
	class := "Error"
	if code == "ErrorBatchProcessingStopped" {
		class = "Warning"
	}
	return `<m:GetFolderResponseMessage ResponseClass="` + class +
		`"><m:MessageText>said so</m:MessageText><m:ResponseCode>` + code + `</m:ResponseCode><m:MessageXml>` + values +
		`</m:MessageXml><m:Folders/></m:GetFolderResponseMessage>`
}

func inFound(class, inner string) string {
	return inEnvelope(`<m:FindFolderResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"` +
		` xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"><m:ResponseMessages>` +
		`<m:FindFolderResponseMessage ResponseClass="` + class + `">` + inner +
		`</m:FindFolderResponseMessage></m:ResponseMessages></m:FindFolderResponse>`)
}

func (h *hierarchy) client(t *testing.T) *Client {
	t.Helper()
	h.t = t
	var bodies *[]string
	client, _, bodies := serve(t, func(w http.ResponseWriter, r *http.Request) {
		h.serve(w, r, (*bodies)[len(*bodies)-1])
	})
	return client
}

// outcome is what became of each path, in a word.
func outcome(answers ...PublicFolder) (words []string) {
	for _, answer := range answers {
		word := answer.Path + ": "
		failure, refused := errors.AsType[*Error](answer.Err)
		switch {
		case answer.Absent:
			word += "no " + answer.At
		case refused:
			word += failure.Code + " at " + answer.At
		case answer.Err != nil:
			word += answer.Err.Error()
		case len(answer.Folder.Permissions) > 0:
			word += answer.Folder.Permissions[0].Level
		default:
			word += "nothing said"
		}
		words = append(words, word)
	}
	return words
}

// found asks for the paths, and returns what became of the root and of them.
func (h *hierarchy) found(t *testing.T, paths ...string) []string {
	t.Helper()
	client := h.client(t)
	root, below := waiting(client, noTime).PublicFolders(t.Context(), client.DefaultEWSURL(), mailbox, paths, theRoute)
	return outcome(append([]PublicFolder{root}, below...)...)
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestPublicFoldersAreFoundLevelByLevelAndReadTogether(t *testing.T) {
	t.Parallel()
	h := &hierarchy{below: map[string][]string{
		PublicFoldersRoot: {"Sales", "HR", "Sales 2"}, `\sales`: {"Archive", "Leads & <Offers>"}, `\hr`: {"Old"},
	}}
	got := h.found(t, `\Sales\Archive`, `\sales\leads & <offers>`, `\HR`, `\hr\OLD`, `\Sales`)
	same(t, "the folders", got, `\: Owner`, `\Sales\Archive: Owner`, `\sales\leads & <offers>: Owner`, `\HR: Owner`,
		`\hr\OLD: Owner`, `\Sales: Owner`)
	same(t, "the requests", h.asked, `find publicfoldersroot: HR Sales`, `find \sales: Archive leads & <offers>`,
		`find \hr: OLD`,
		`get publicfoldersroot \sales\archive \sales\leads & <offers> \hr \hr\old \sales`)
}

func TestWithoutPathsTheRootTakesOneRequest(t *testing.T) {
	t.Parallel()
	h := &hierarchy{}
	same(t, "the folders", h.found(t), `\: Owner`)
	same(t, "the requests", h.asked, `get publicfoldersroot`)
}

func TestAPublicFolderThatIsNotThereIsAnAnswerAndEndsOnlyItsOwnSearch(t *testing.T) {
	t.Parallel()
	h := &hierarchy{below: map[string][]string{PublicFoldersRoot: {"Sales"}, `\sales`: {"Archived"}}}
	got := h.found(t, `\Sales\Archive`, `\HR\Old\2019`, `\Sales`)
	same(t, "the folders", got, `\: Owner`, `\Sales\Archive: no \Sales\Archive`, `\HR\Old\2019: no \HR`, `\Sales: Owner`)
	same(t, "the requests", h.asked, `find publicfoldersroot: HR Sales`, `find \sales: Archive`,
		`get publicfoldersroot \sales`)
}

func TestTheNextPageOfSubfoldersIsAskedForWhileThereIsOne(t *testing.T) {
	t.Parallel()
	h := &hierarchy{pageSize: 2, below: map[string][]string{PublicFoldersRoot: {"a", "b", "c", "d", "e"}}}
	same(t, "the folders", h.found(t, `\e`, `\a`, `\c`), `\: Owner`, `\e: Owner`, `\a: Owner`, `\c: Owner`)
	same(t, "the requests", h.asked, `find publicfoldersroot: a c e`, `find publicfoldersroot: a c e`,
		`get publicfoldersroot \e \a \c`)
}

func TestAPageThatLeadsNowhereEndsTheSearch(t *testing.T) {
	t.Parallel()
	for _, next := range []string{"", "0", "-5", "x"} {
		h := &hierarchy{refused: map[string]string{PublicFoldersRoot: inFound("Success",
			`<m:RootFolder IncludesLastItemInRange="false" IndexedPagingOffset="`+next+`"><t:Folders/></m:RootFolder>`)}}
		client := h.client(t)
		_, below := waiting(client, noTime).PublicFolders(t.Context(), client.DefaultEWSURL(), mailbox, []string{`\a`},
			theRoute)
		if err := below[0].Err; err == nil || !strings.Contains(err.Error(), "next page") || len(h.asked) != 2 {
			t.Errorf("next page at %q: %v, after %q", next, err, h.asked)
		}
	}
}

func TestManyNamesAndManyFoldersAreAskedForInPortions(t *testing.T) {
	t.Parallel()
	h := &hierarchy{below: map[string][]string{}}
	var paths []string
	for i := range 260 {
		name := fmt.Sprintf("f%03d", i)
		paths, h.below[PublicFoldersRoot] = append(paths, `\`+name), append(h.below[PublicFoldersRoot], name)
	}
	for i, word := range h.found(t, paths...) {
		if !strings.HasSuffix(word, ": Owner") {
			t.Errorf("%d: %s", i, word)
		}
	}
	finds := slices.DeleteFunc(slices.Clone(h.asked),
		func(request string) bool { return !strings.HasPrefix(request, "find") })
	if len(finds) != 3 || len(h.asked) != 3+11 {
		t.Errorf("%d requests, of which %d look for folders", len(h.asked), len(finds))
	}
}

func TestAFolderThatIsClosedDoesNotKeepTheOnesBehindItFromBeingRead(t *testing.T) {
	t.Parallel()
	h := &hierarchy{
		below:   map[string][]string{PublicFoldersRoot: {"a", "b", "c"}},
		folders: map[string]string{PublicFoldersRoot: anError(CodeAccessDenied, ""), `\b`: anError(CodeAccessDenied, "")},
	}
	same(t, "the folders", h.found(t, `\a`, `\b`, `\c`), `\: ErrorAccessDenied at \`, `\a: Owner`,
		`\b: ErrorAccessDenied at \b`, `\c: Owner`)
	same(t, "the requests", h.asked, `find publicfoldersroot: a b c`, `get publicfoldersroot \a \b \c`, `get \a \b \c`,
		`get \c`)
}

func TestWhatStopsARequestForGoodIsNotAskedForFolderByFolder(t *testing.T) {
	t.Parallel()
	const down = "ErrorMailboxStoreUnavailable"
	h := &hierarchy{below: map[string][]string{PublicFoldersRoot: {"a", "b", "c"}},
		folders: map[string]string{`\b`: anError(down, "")}}
	same(t, "the folders", h.found(t, `\a`, `\b`, `\c`), `\: Owner`, `\a: Owner`, `\b: `+down+` at \b`, `\c: `+down+
		` at \c`)
	if len(h.asked) != 2 {
		t.Errorf("asked %q", h.asked)
	}
}

func TestAFolderWhoseSubfoldersAreClosedEndsOnlyTheSearchesBelowIt(t *testing.T) {
	t.Parallel()
	h := &hierarchy{
		below: map[string][]string{PublicFoldersRoot: {"a", "b"}, `\b`: {"x"}},
		refused: map[string]string{`\a`: inFound("Error",
			`<m:MessageText>no</m:MessageText><m:ResponseCode>ErrorAccessDenied</m:ResponseCode>`)},
	}
	same(t, "the folders", h.found(t, `\a\x`, `\b\x`, `\a`), `\: Owner`, `\a\x: ErrorAccessDenied at \a`, `\b\x: Owner`,
		`\a: Owner`)
}

func TestAFailureOfTheWholeRequestEndsEverySearchAndTheRootIsStillAsked(t *testing.T) {
	t.Parallel()
	h := &hierarchy{
		below:   map[string][]string{PublicFoldersRoot: {"a", "b", "c"}},
		refused: map[string]string{`\a`: inFault("ErrorInternalServerError", "no", "")},
	}
	same(t, "the folders", h.found(t, `\a\x`, `\b\x`, `\c`), `\: Owner`, `\a\x: ErrorInternalServerError at \a`,
		`\b\x: ErrorInternalServerError at \b`, `\c: Owner`)
	same(t, "the requests", h.asked, `find publicfoldersroot: a b c`, `find \a: x`, `get publicfoldersroot \c`)
}

func TestAFolderOfAnotherKindIsReadLikeAnyOther(t *testing.T) {
	t.Parallel()
	h := &hierarchy{
		below: map[string][]string{PublicFoldersRoot: {"Holidays", "Clients"}},
		folders: map[string]string{
			`\holidays`: aFolder("CalendarFolder", strings.NewReplacer("Permissions>", "CalendarPermissions>", "Permission>",
				"CalendarPermission>", "PermissionLevel>", "CalendarPermissionLevel>").Replace(ownerEntry)),
			`\clients`: aFolder("ContactsFolder", ownerEntry),
		},
	}
	same(t, "the folders", h.found(t, `\Holidays`, `\Clients`), `\: Owner`, `\Holidays: Owner`, `\Clients: Owner`)
}

func TestAFolderThatIsBusyIsWaitedForAndOneThatStaysBusyLeavesTheOthersKnown(t *testing.T) {
	t.Parallel()
	h := &hierarchy{
		below:   map[string][]string{PublicFoldersRoot: {"a", "b"}},
		folders: map[string]string{`\a`: anError(CodeServerBusy, wait7s)},
	}
	client := h.client(t)
	const limited = 3
	var made []time.Duration
	clock := &retrytest.Clock{OnWait: func(_ context.Context, d time.Duration) error {
		if len(made) == limited {
			return errors.New("there is no time")
		}
		made = append(made, d)
		return nil
	}}
	root, below := waiting(client, retry.Policy{Clock: clock}).PublicFolders(t.Context(), client.DefaultEWSURL(), mailbox,
		[]string{`\a`, `\b`}, theRoute)
	same(t, "the folders", outcome(append([]PublicFolder{root}, below...)...), `\: Owner`, `\a: ErrorServerBusy at \a`,
		`\b: Owner`)
	if want := slices.Repeat([]time.Duration{7 * time.Second}, limited); !slices.Equal(made, want) {
		t.Errorf("the pauses are %s", made)
	}
	if failure, ok := errors.AsType[*Error](below[0].Err); !ok || failure.BackOff != 7*time.Second {
		t.Errorf("the error is %+v", below[0].Err)
	}
}

func TestAnAnswerThatLacksAFolderDecidesNothingAboutIt(t *testing.T) {
	t.Parallel()
	h := &hierarchy{t: t, below: map[string][]string{PublicFoldersRoot: {"a"}}}
	var bodies *[]string
	client, _, bodies := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body := (*bodies)[len(*bodies)-1]
		if strings.Contains(body, "GetFolder") {
			_, _ = io.WriteString(w, inResponse("Success", publicFolderRoot))
			return
		}
		h.serve(w, r, body)
	})
	root, below := client.PublicFolders(t.Context(), client.DefaultEWSURL(), mailbox, []string{`\a`}, theRoute)
	if root.Err != nil || below[0].Err == nil || !strings.Contains(below[0].Err.Error(), "lacks this folder") {
		t.Errorf("root %v, below %v", root.Err, below[0].Err)
	}
}

func TestAnInterruptedSearchOfPublicFoldersSaysSoOfEveryFolder(t *testing.T) {
	t.Parallel()
	h := &hierarchy{below: map[string][]string{PublicFoldersRoot: {"a"}}}
	client := h.client(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root, below := client.PublicFolders(ctx, client.DefaultEWSURL(), mailbox, []string{`\a`}, theRoute)
	if !errors.Is(root.Err, context.Canceled) || !errors.Is(below[0].Err, context.Canceled) || len(h.asked) > 0 {
		t.Errorf("root %v, below %v, after %q", root.Err, below[0].Err, h.asked)
	}
}

func FuzzNoNameOfAPublicFolderBreaksOutOfTheRequest(f *testing.F) {
	for _, name := range []string{"Sales", `"/>`, "a&b", "</t:Or>", "\x00", "\xff", "\t", "'", "\u2028"} {
		f.Add(name, name)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		var question folderQuestion
		if err := xml.Unmarshal([]byte(findFolder(mailbox, folderID{id: first}, []string{first, second}, 0)),
			&question); err != nil || question.Find == nil || len(question.Find.Any) != 2 || len(question.Find.Parent) != 1 {
			t.Errorf("%q and %q make the request %+v (%v)", first, second, question.Find, err)
		}
	})
}
