package checks

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
	"github.com/codetwo-community/terraform-provider-codetwo/internal/handoff"
)

// publicFolders judges the root and the folders of public_folder_paths: CodeTwo's documentation asks for Owner on the
// root and on every subfolder that is migrated into.
func (f *Facts) publicFolders() Result {
	if len(f.Connection.PublicFolderPaths) == 0 {
		return f.rootPublicFolder()
	}
	answer, refused := errors.AsType[*ews.Error](f.PublicFoldersErr)
	if refused && (f.PublicFolderRouteErr != nil || nameOf(answer) == ews.CodeNoPublicFolders) {
		// Another mailbox may have answered, whose word on the rest is worth no more; or the tenant has no public folders.
		return f.closedPublicFolders()
	}
	return f.everyPublicFolder()
}

// rootPublicFolder judges the root alone.
func (f *Facts) rootPublicFolder() Result {
	mailbox := f.Connection.Mailbox
	const rest = "; its subfolders were not looked at (public_folder_paths of the connection names those to look at)"
	if f.PublicFoldersErr != nil {
		return f.closedPublicFolders()
	}
	byEntry, missing, known := ownerOf(mailbox, f.PublicFolders)
	switch {
	case byEntry:
		return passed("%s is Owner of the root public folder"+rest, mailbox)
	case !known:
		return inconclusive(f.fill(grantOwner), "Exchange did not say what %s may do in the root public folder", mailbox)
	case len(missing) > 0:
		return failed(f.fill(grantOwner), "%s is not Owner of the root public folder: it may not %s", mailbox,
			strings.Join(missing, ", "))
	default:
		return passed("%s has the rights of an Owner in the root public folder"+rest, mailbox)
	}
}

// ownerOf reports whether the mailbox is Owner of a folder: by an entry of its own, or, as through a group, by rights
// of which none is missing. known is false where Exchange said neither.
func ownerOf(mailbox string, folder ews.Folder) (byEntry bool, missing []string, known bool) {
	for _, entry := range folder.Permissions {
		if strings.EqualFold(entry.Mailbox, mailbox) && entry.Level == "Owner" {
			return true, nil, true
		}
	}
	rights := folder.Rights
	if rights == nil {
		return false, nil, false
	}
	// The root itself cannot be deleted, so that right is not counted (unconfirmed).
	for _, right := range []struct {
		name string
		held bool
	}{
		{"read items", rights.Read}, {"create items", rights.CreateContents},
		{"create subfolders", rights.CreateHierarchy}, {"change the folder", rights.Modify},
	} {
		if !right.held {
			missing = append(missing, right.name)
		}
	}
	return false, missing, true
}

// finding is a folder of which the mailbox is not known to be Owner.
type finding struct {
	path       string
	detail     string // what was found, shown in brackets after the path
	absent     string // the first folder on the way to path that is not there, path included; empty where all are
	unanswered bool   // the answer says nothing of the folder
	busy       bool   // unanswered, and may be answered in some minutes
	volatile   string
}

// subfolders judges each folder of public_folder_paths. byRights reports whether the mailbox has the rights of an Owner
// in one of them without an entry of its own.
func (f *Facts) subfolders() (found []finding, byRights bool) {
	answers := map[string]ews.PublicFolder{}
	for _, answer := range f.Subfolders {
		answers[answer.Path] = answer
	}
	for _, path := range f.Connection.PublicFolderPaths {
		answer, asked := answers[path]
		byEntry, missing, known := ownerOf(f.Connection.Mailbox, answer.Folder)
		switch {
		case !asked:
			found = append(found, finding{path: path, unanswered: true, detail: networkError(nil)})
		case answer.Absent:
			// EWS shows a mailbox no folder that it may not see.
			words := "it does not exist, or the mailbox may not see it"
			if answer.At != path {
				words = answer.At + " does not exist, or the mailbox may not see it"
			}
			found = append(found, finding{path: path, absent: answer.At, detail: words})
		case answer.Err != nil:
			found = append(found, closedFolder(answer))
		case !known:
			found = append(found, finding{path: path, unanswered: true, detail: silentOnRights})
		case !byEntry && len(missing) > 0:
			found = append(found, finding{path: path, detail: mayNot(missing)})
		case !byEntry:
			byRights = true
		}
	}
	return found, byRights
}

const silentOnRights = "Exchange did not say what the mailbox may do"

func mayNot(missing []string) string { return "it may not " + strings.Join(missing, ", ") }

// closedFolder judges an answer that is not the folder.
func closedFolder(answer ews.PublicFolder) finding {
	found := finding{path: answer.Path, unanswered: true, detail: networkError(answer.Err)}
	refusal, answered := errors.AsType[*ews.Error](answer.Err)
	if !answered {
		return found
	}
	switch nameOf(refusal) {
	case ews.CodeAccessDenied:
		// Which may also mean that the mailbox may not see the permissions, as an Owner may.
		found.unanswered, found.detail = false, "Exchange denies the mailbox access: "+ews.CodeAccessDenied
		if answer.At != answer.Path {
			found.detail = "Exchange denies the mailbox access to " + answer.At + ": " + ews.CodeAccessDenied
		}
	case ews.CodeServerBusy:
		found.busy, found.detail, found.volatile = true, "Exchange is busy", Result{}.withBackOff(refusal.BackOff).Support
	default:
		found.detail = withoutRequestID(refusal)
		found.volatile = Result{}.withSupport("request-id", refusal.RequestID).Support
	}
	return found
}

// rootFinding is what keeps the root from being an Owner's; nil where nothing does.
func (f *Facts) rootFinding() *finding {
	if f.PublicFoldersErr != nil {
		root := handoff.RootPublicFolder
		found := closedFolder(ews.PublicFolder{Path: root, At: root, Err: f.PublicFoldersErr})
		return &found
	}
	_, missing, known := ownerOf(f.Connection.Mailbox, f.PublicFolders)
	switch {
	case !known:
		return &finding{path: handoff.RootPublicFolder, unanswered: true, detail: silentOnRights}
	case len(missing) > 0:
		return &finding{path: handoff.RootPublicFolder, detail: mayNot(missing)}
	default:
		return nil
	}
}

// everyPublicFolder judges the root and the folders of public_folder_paths together. What is lacking somewhere is a
// failure, whatever is not known elsewhere.
func (f *Facts) everyPublicFolder() Result {
	mailbox, paths := f.Connection.Mailbox, f.Connection.PublicFolderPaths
	found, byRights := f.subfolders()
	if root := f.rootFinding(); root != nil {
		found = append([]finding{*root}, found...)
	}
	var lacking, unanswered []finding
	for _, each := range found {
		if each.unanswered {
			unanswered = append(unanswered, each)
		} else {
			lacking = append(lacking, each)
		}
	}
	total := len(paths) + 1
	var check Result
	switch {
	case len(lacking) > 0:
		check = failed(f.grantOwnerOf(lacking), "%s is not Owner of %d of %s: %s", mailbox, len(lacking),
			plural(total, "public folder"), list(lacking))
		if len(unanswered) > 0 {
			check.Detail += fmt.Sprintf(". %d of them gave no answer: %s", len(unanswered), list(unanswered))
		}
	case len(unanswered) > 0:
		check = inconclusive(f.lookAt(unanswered), "%d of %s gave no answer: %s",
			len(unanswered), plural(total, "public folder"), list(unanswered))
		if known := total - len(unanswered); known > 0 {
			check.Detail += fmt.Sprintf(". %s is Owner of the other %s", mailbox, plural(known, "folder"))
		}
	default:
		if rootByEntry, _, _ := ownerOf(mailbox, f.PublicFolders); byRights || !rootByEntry {
			return passed("%s has the rights of an Owner in the root public folder and in the %s of public_folder_paths",
				mailbox, plural(len(paths), "folder"))
		}
		return passed("%s is Owner of the root public folder and of the %s of public_folder_paths", mailbox,
			plural(len(paths), "folder"))
	}
	for _, each := range unanswered {
		check.Support = cmp.Or(check.Support, each.volatile)
	}
	return check
}

// grantOwnerOf are the commands that add Owner to the folders that lack it. What concerns folders that are missing, or
// that the mailbox does not see, is a proposal, in comments: pasted as they are, the commands create nothing.
func (f *Facts) grantOwnerOf(lacking []finding) string {
	var paths, proposals []string
	for _, each := range lacking {
		if each.absent == "" {
			paths = append(paths, each.path)
			continue
		}
		if each.absent != each.path {
			proposals = append(proposals, "# If Get-PublicFolder -Identity "+escape.PowerShell(each.absent)+" shows that "+
				"folder, make it visible to the mailbox: add Owner there, too, or FolderVisible.")
		}
		proposals = append(proposals, each.toCreate()...)
		for line := range strings.Lines(handoff.GrantPublicFolderOwner(f.Connection.Mailbox, each.path)) {
			proposals = append(proposals, "# "+strings.TrimSuffix(line, "\n"))
		}
	}
	commands := strings.TrimSuffix(powerShell, "\n")
	if len(paths) > 0 {
		commands += "\n" + handoff.GrantPublicFolderOwner(f.Connection.Mailbox, paths...)
	}
	if len(proposals) == 0 {
		return commands
	}
	commands += "\n# Missing, or hidden from the mailbox: correct public_folder_paths, or create the folder, and then " +
		"add Owner:"
	for i, line := range proposals {
		if !slices.ContainsFunc(proposals[:i], func(earlier string) bool { return strings.EqualFold(earlier, line) }) {
			commands += "\n" + line
		}
	}
	return commands
}

// toCreate proposes the folders on the way to path that are not there, from the top.
func (x finding) toCreate() (proposals []string) {
	if x.absent == "" {
		return nil
	}
	for end := len(x.absent); end <= len(x.path); end++ {
		if end == len(x.path) || x.path[end] == '\\' {
			name := strings.LastIndex(x.path[:end], `\`)
			parent := cmp.Or(x.path[:name], handoff.RootPublicFolder)
			proposals = append(proposals, "# New-PublicFolder"+
				" -Name "+escape.PowerShell(x.path[name+1:end])+" -Path "+escape.PowerShell(parent))
		}
	}
	return proposals
}

// lookAt are the next steps where folders gave no answer.
func (f *Facts) lookAt(unanswered []finding) string {
	const again = "Run Terraform again in a few minutes."
	var paths []string
	for _, each := range unanswered {
		if !each.busy {
			paths = append(paths, each.path)
		}
	}
	if len(paths) == 0 {
		return again
	}
	return again + " If the error persists:\n" + powerShell +
		handoff.ShowPublicFolderPermissions(f.Connection.Mailbox, paths...) + "\nshows what the mailbox may do."
}

func list(found []finding) string {
	texts := make([]string, len(found))
	for i, each := range found {
		texts[i] = fmt.Sprintf("%s (%s)", each.path, each.detail)
	}
	return strings.Join(texts, "; ")
}

func plural(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}

// closedPublicFolders judges a root that could not be opened. Where Autodiscover did not say which mailbox holds the
// hierarchy, the refusal may come from one that does not, and says nothing.
func (f *Facts) closedPublicFolders() Result {
	answer, ok := errors.AsType[*ews.Error](f.PublicFoldersErr)
	if !ok {
		return inconclusive(f.fill(lookAtOwner), "the root public folder gave no answer: %s",
			networkError(f.PublicFoldersErr))
	}
	if known, found := exchangeAnswer(PublicFolders, nameOf(answer)); found &&
		(known.Transient || f.PublicFolderRouteErr == nil) {
		return f.explained(known).withBackOff(answer.BackOff)
	}
	check := inconclusive(f.fill(lookAtOwner), "the root public folder gave no answer: %s", withoutRequestID(answer))
	check = check.withSupport("request-id", answer.RequestID)
	if f.PublicFolderRouteErr == nil {
		return check
	}
	check.Detail = strings.TrimSuffix(check.Detail, ".") + ". Autodiscover did not say which mailbox holds the public " +
		"folders, so that another one may have been asked: "
	route, answered := errors.AsType[*ews.Error](f.PublicFolderRouteErr)
	if !answered {
		check.Detail += networkError(f.PublicFolderRouteErr)
		return check
	}
	check.Detail += withoutRequestID(route)
	if nameOf(route) == ews.CodeServerBusy {
		check.Remedy = "Run Terraform again in a few minutes. If Autodiscover stays busy:\n" + check.Remedy
		check = check.withBackOff(route.BackOff)
	}
	return check
}
