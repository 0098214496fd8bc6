package ews

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const (
	// foldersPerRequest bounds how many folders are read at once: a folder's permissions can take tens of kilobytes, and
	// an answer is read up to a megabyte.
	foldersPerRequest = 25
	// namesPerRequest bounds how many names are looked for at once, and is the size of a page. EWS allows 255 filter
	// expressions (EWS reference: "ResponseCode", ErrorQueryFilterTooLong).
	namesPerRequest = 100
)

// PublicFolder is the result for one path.
type PublicFolder struct {
	Path string // such as \Sales\Archive; \ is the root
	// At is the folder that the other fields describe: Path, or the folder above it at which the search ended.
	At     string
	Absent bool   // Exchange shows the mailbox no folder At: it does not exist, or the mailbox may not see it
	Folder Folder // what is at Path, where neither Absent nor Err is set
	Err    error  // of opening At, or of searching it; *Error when Exchange answered
}

// PublicFolders reads the root public folder and the folders at the given paths, as the mailbox. The answers are in
// the order of the paths. Paths begin with a backslash, which also separates the names in them; case does not matter.
//
// Folders are found from the root downwards, with one FindFolder for each folder below which something is looked for:
// EWS knows no paths, and no deep search of public folders (Microsoft: "Public folder access with EWS in Exchange").
// FindFolder does not return permissions, so one GetFolder reads all folders found, and the root. All requests go to
// the hierarchy's mailbox. Microsoft's page sends FindFolder there, and GetFolder to the mailbox that holds a folder's
// content; that the hierarchy's mailbox knows the permissions of every folder is unconfirmed.
func (c *Client) PublicFolders(
	ctx context.Context, ewsURL, mailbox string, paths []string, route Route,
) (root PublicFolder, below []PublicFolder) {
	as := impersonation{client: c, ewsURL: ewsURL, mailbox: mailbox, route: route}
	searches := make([]*search, len(paths))
	for i, path := range paths {
		searches[i] = newSearch(path)
	}
	as.walk(ctx, searches)
	ids := []folderID{publicFoldersRoot}
	for _, search := range searches {
		if search.reached() {
			ids = append(ids, search.id)
		}
	}
	answers := as.read(ctx, ids)
	root = PublicFolder{Path: `\`, At: `\`, Folder: answers[0].folder, Err: answers[0].err}
	for _, search := range searches {
		if search.reached() {
			answers = answers[1:]
			search.result.Folder, search.result.Err = answers[0].folder, answers[0].err
		}
		below = append(below, search.result)
	}
	return root, below
}

var publicFoldersRoot = folderID{distinguished: PublicFoldersRoot}

// impersonation is a mailbox in whose name public folders are searched and read.
type impersonation struct {
	client          *Client
	ewsURL, mailbox string
	route           Route
}

// search is on its way to a path.
type search struct {
	names  []string // of the path
	found  int      // how many of them
	id     folderID // of the last one found; the root's at first
	ended  bool     // before the path was reached
	result PublicFolder
}

func newSearch(path string) *search {
	names := strings.Split(strings.TrimPrefix(path, `\`), `\`)
	return &search{names: names, id: publicFoldersRoot, result: PublicFolder{Path: path, At: path}}
}

func (s *search) reached() bool { return !s.ended && s.found == len(s.names) }

func (s *search) pending() bool { return !s.ended && s.found < len(s.names) }

// upTo is the path of the first names.
func (s *search) upTo(names int) string { return `\` + strings.Join(s.names[:names], `\`) }

// proceed takes in what a search of the last folder found.
func (s *search) proceed(subfolders map[string]folderID, err error) {
	id, there := subfolders[fold(s.names[s.found])]
	switch {
	case err != nil:
		s.fail(err)
	case !there:
		s.ended, s.result.At, s.result.Absent = true, s.upTo(s.found+1), true
	default:
		s.found, s.id = s.found+1, id
	}
}

// fail ends the search, unless it has come to its end.
func (s *search) fail(err error) {
	if s.pending() {
		s.ended, s.result.At, s.result.Err = true, s.upTo(s.found), err
	}
}

// fold brings names to one form that differ in case alone.
func fold(name string) string { return strings.ToLower(name) }

// walk takes the searches level by level as far as they get. An error that does not concern one folder ends them all.
func (i impersonation) walk(ctx context.Context, searches []*search) {
	for parents, below := pending(searches); len(parents) > 0; parents, below = pending(searches) {
		for _, parent := range parents {
			subfolders, err := i.subfolders(ctx, parent, below[parent])
			if err != nil && !concernsOne(err) {
				for _, search := range searches {
					search.fail(err)
				}
				return
			}
			for _, search := range below[parent] {
				search.proceed(subfolders, err)
			}
		}
	}
}

// pending are the folders below which something is looked for next, in the order of the searches, with those searches.
func pending(searches []*search) (parents []folderID, below map[folderID][]*search) {
	below = map[folderID][]*search{}
	for _, search := range searches {
		if search.pending() {
			if below[search.id] == nil {
				parents = append(parents, search.id)
			}
			below[search.id] = append(below[search.id], search)
		}
	}
	return parents, below
}

// concernsOne reports whether an error says something of one folder alone.
func concernsOne(err error) bool {
	answer, ok := errors.AsType[*Error](err)
	return ok && (answer.Code == CodeAccessDenied || answer.Code != "" && answer.Status == http.StatusOK)
}

// subfolders looks below a folder for what the searches want next, and returns the IDs by folded name.
func (i impersonation) subfolders(
	ctx context.Context, parent folderID, searches []*search,
) (map[string]folderID, error) {
	var names []string
	for _, search := range searches {
		names = append(names, search.names[search.found])
	}
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(fold(a), fold(b)) })
	names = slices.CompactFunc(names, func(a, b string) bool { return fold(a) == fold(b) })
	found := map[string]folderID{}
	for some := range slices.Chunk(names, namesPerRequest) {
		for offset := 0; offset >= 0; {
			page, err := i.find(ctx, parent, some, offset)
			if err != nil {
				return nil, err
			}
			for _, folder := range page.folders {
				found[fold(strings.TrimSpace(folder.DisplayName))] = folderID{id: folder.ID.ID}
			}
			offset = page.next
		}
	}
	return found, nil
}

// page is a part of what a FindFolder found.
type page struct {
	folders []folderXML
	next    int // offset of the next page; -1: this is the last one
}

func (i impersonation) find(ctx context.Context, parent folderID, names []string, offset int) (page, error) {
	var found page
	err := i.client.askEWS(ctx, i.ewsURL, i.mailbox, findFolder(i.mailbox, parent, names, offset), i.route,
		func(answer *http.Response, body []byte) (err error) {
			found, err = readPage(answer, body, offset)
			return err
		})
	return found, err
}

func readPage(answer *http.Response, body []byte, offset int) (page, error) {
	envelope, err := readEnvelope(answer, body, func(e *envelope) int { return len(e.Body.Found) })
	if err != nil {
		return page{}, err
	}
	message := envelope.Body.Found[0]
	if message.Class != "Success" || message.Root == nil {
		return page{}, errorOfMessage(answer, message.responseMessage)
	}
	read := page{folders: message.Root.Folders.All, next: -1}
	if last := trim(message.Root.Last); last == "false" || last == "0" {
		if read.next, err = strconv.Atoi(trim(message.Root.Next)); err != nil || read.next <= offset {
			failure := errorOf(answer, nil)
			failure.Message = fmt.Sprintf("the folders go on after %d, and the next page is said to begin at %q", offset,
				message.Root.Next)
			return page{}, failure
		}
	}
	return read, nil
}

// read reads folders: one answer for each ID, in their order. An ID that ends a request leaves those behind it
// unanswered. Where the mailbox may not open that folder, the next one may well be open to it, and is asked for again;
// any other reason holds for the rest, too.
func (i impersonation) read(ctx context.Context, ids []folderID) []folderAnswer {
	var answers []folderAnswer
	for len(answers) < len(ids) {
		some := ids[len(answers):]
		some = some[:min(len(some), foldersPerRequest)]
		got, err := i.client.getFolders(ctx, i.ewsURL, i.mailbox, true, some, i.route)
		if err != nil {
			return append(answers, slices.Repeat([]folderAnswer{{err: err}}, len(ids)-len(answers))...)
		}
		answers = append(answers, answered(got)...)
	}
	return answers
}

// answered leaves out what is to be asked for again; the first answer always stays.
func answered(got []folderAnswer) []folderAnswer {
	for at := 1; at < len(got); at++ {
		if !hasCode(got[at].err, codeStopped) || got[at-1].err == nil {
			continue
		}
		if hasCode(got[at-1].err, CodeAccessDenied) {
			return got[:at]
		}
		got[at].err = got[at-1].err
	}
	return got
}

func hasCode(err error, code string) bool {
	answer, ok := errors.AsType[*Error](err)
	return ok && answer.Code == code
}

// findFolder looks for subfolders by their names, whatever their case. The order of the elements is the schema's.
func findFolder(mailbox string, parent folderID, names []string, offset int) string {
	var wanted strings.Builder
	for _, name := range names {
		wanted.WriteString(`<t:Contains ContainmentMode="FullString" ContainmentComparison="IgnoreCase">` +
			`<t:FieldURI FieldURI="folder:DisplayName"/><t:Constant Value="` + escape(name) + `"/></t:Contains>`)
	}
	restriction := wanted.String()
	if len(names) > 1 {
		restriction = `<t:Or>` + restriction + `</t:Or>`
	}
	return inEWSEnvelope(mailbox, `<m:FindFolder Traversal="Shallow"><m:FolderShape><t:BaseShape>IdOnly</t:BaseShape>`+
		`<t:AdditionalProperties><t:FieldURI FieldURI="folder:DisplayName"/></t:AdditionalProperties></m:FolderShape>`+
		fmt.Sprintf(`<m:IndexedPageFolderView MaxEntriesReturned="%d" Offset="%d" BasePoint="Beginning"/>`, namesPerRequest,
			offset)+
		`<m:Restriction>`+restriction+`</m:Restriction><m:ParentFolderIds>`+parent.xml()+
		`</m:ParentFolderIds></m:FindFolder>`)
}
