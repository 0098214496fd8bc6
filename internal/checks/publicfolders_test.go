package checks

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/ews"
)

var (
	owned = ews.Folder{Permissions: []ews.FolderPermission{{Level: "Author"},
		{Mailbox: "MIGRATION@contoso.com", Level: "Owner"}}}
	full   = ews.Folder{Rights: &ews.Rights{Read: true, CreateContents: true, CreateHierarchy: true, Modify: true}}
	author = ews.Folder{Rights: &ews.Rights{Read: true, CreateContents: true}}
)

// at is a folder that was read; absent one whose search ended at a folder that is not there; closed one that was
// refused.
func at(path string, folder ews.Folder) ews.PublicFolder {
	return ews.PublicFolder{Path: path, At: path, Folder: folder}
}

func absent(path, first string) ews.PublicFolder {
	return ews.PublicFolder{Path: path, At: first, Absent: true}
}

func closed(path, where string, err error) ews.PublicFolder {
	return ews.PublicFolder{Path: path, At: where, Err: err}
}

// folders are the facts of a connection with these folders in public_folder_paths, and of an owner of the root.
func folders(answers ...ews.PublicFolder) Facts {
	facts := well()
	facts.Subfolders = answers
	for _, answer := range answers {
		facts.Connection.PublicFolderPaths = append(facts.Connection.PublicFolderPaths, answer.Path)
	}
	return facts
}

func busy(wait time.Duration) error {
	return &ews.Error{Status: 200, Code: ews.CodeServerBusy, BackOff: wait, RequestID: "r-1"}
}

func denied() error {
	return &ews.Error{Status: 200, Code: ews.CodeAccessDenied, RequestID: "r-1"}
}

func TestThePublicFoldersBelowTheRootAreJudgedWithIt(t *testing.T) {
	t.Parallel()
	with := func(facts Facts, change func(*Facts)) Facts { change(&facts); return facts }
	grant := func(paths string) string {
		return ") | ForEach-Object {\n  Remove-PublicFolderClientPermission -Identity $_ -User '" + address +
			"' -Confirm:$false -ErrorAction SilentlyContinue\n" +
			"  Add-PublicFolderClientPermission -Identity $_ -User '" + address + "' -AccessRights Owner\n}" + paths
	}
	for name, c := range map[string]struct {
		facts     Facts
		status    Status
		connected string
		detail    string
		remedy    []string // in this order
		aside     string
	}{
		"an owner of all": {folders(at(`\Sales`, owned), at(`\Sales\Archive`, owned)), Passed, "true",
			address + " is Owner of the root public folder and of the 2 folders of public_folder_paths", nil, ""},
		"an owner of one": {folders(at(`\Sales`, owned)), Passed, "true", address +
			" is Owner of the root public folder and of the 1 folder of public_folder_paths", nil, ""},
		"an owner through a group": {folders(at(`\Sales`, full), at(`\HR`, owned)), Passed, "true",
			address + " has the rights of an Owner in the root public folder and in the 2 folders of public_folder_paths", nil,
			""},
		"an owner of the root through a group": {with(folders(at(`\Sales`, owned)),
			func(f *Facts) { f.PublicFolders = full }), Passed, "true",
			address + " has the rights of an Owner in the root public folder and in the 1 folder of public_folder_paths", nil,
			""},
		"nothing below the root named": {folders(), Passed, "true",
			address + " is Owner of the root public folder; its subfolders were not looked at (public_folder_paths of the " +
				"connection names those to look at)", nil, ""},

		"an author of one": {folders(at(`\HR`, owned), at(`\Sales`, author)), Failed, "false",
			address + ` is not Owner of 1 of 3 public folders: \Sales (it may not create subfolders, change the folder)`,
			[]string{"Exchange Online PowerShell", `Remove-PublicFolderClientPermission -Identity '\Sales' -User '` + address +
				"'", `Add-PublicFolderClientPermission -Identity '\Sales' -User '` + address + "' -AccessRights Owner"}, ""},
		"an author of the root and of one": {with(folders(at(`\HR`, owned), at(`\Sales`, author)),
			func(f *Facts) { f.PublicFolders = author }), Failed, "false",
			address + ` is not Owner of 2 of 3 public folders: \ (it may not create subfolders, change the folder); \Sales ` +
				`(it may not create subfolders, change the folder)`,
			[]string{"@(\n  '\\'\n  '\\Sales'\n" + grant("")}, ""},
		"another's folder": {folders(at(`\Sales`,
			ews.Folder{Permissions: []ews.FolderPermission{{Mailbox: "other@contoso.com", Level: "Owner"}},
				Rights: &ews.Rights{Read: true}})), Failed, "false",
			address + ` is not Owner of 1 of 2 public folders: \Sales (it may not create items, create subfolders, change the ` +
				`folder)`, nil, ""},
		"a folder that is not there": {folders(at(`\Sales`, owned), absent(`\Sales\Archive`, `\Sales\Archive`)), Failed,
			"false",
			address + ` is not Owner of 1 of 3 public folders: \Sales\Archive (it does not exist, or the mailbox may not see ` +
				`it)`,
			[]string{"correct public_folder_paths", `# New-PublicFolder -Name 'Archive' -Path '\Sales'`,
				`# Add-PublicFolderClientPermission -Identity '\Sales\Archive'`}, ""},
		"folders below one that is not there": {folders(absent(`\HR\Old\2019`, `\HR`), absent(`\hr\Old\2020`, `\hr`)), Failed,
			"false",
			address + ` is not Owner of 2 of 3 public folders: \HR\Old\2019 (\HR does not exist, or the mailbox may not see ` +
				`it); \hr\Old\2020 (\hr does not exist, or the mailbox may not see it)`,
			[]string{`# If Get-PublicFolder -Identity '\HR' shows that folder`, "FolderVisible",
				`# New-PublicFolder -Name 'HR' -Path '\'`, `# New-PublicFolder -Name 'Old' -Path '\HR'`,
				`# New-PublicFolder -Name '2019' -Path '\HR\Old'`,
				`# Add-PublicFolderClientPermission -Identity '\HR\Old\2019'`, `# New-PublicFolder -Name '2020' -Path '\hr\Old'`,
				`# Add-PublicFolderClientPermission -Identity '\hr\Old\2020'`}, ""},
		"one to create and one to change": {folders(at(`\Sales`, author), absent(`\HR`, `\HR`)), Failed, "false",
			address + ` is not Owner of 2 of 3 public folders: \Sales (it may not create subfolders, change the folder); \HR ` +
				`(it does not exist, or the mailbox may not see it)`,
			[]string{"\nAdd-PublicFolderClientPermission -Identity '\\Sales'", "# Missing", "# New-PublicFolder -Name 'HR'",
				"# Add-PublicFolderClientPermission -Identity '\\HR'"}, ""},
		"a closed folder": {folders(closed(`\Sales`, `\Sales`, denied()), closed(`\HR\Old`, `\HR`, denied())), Failed,
			"false",
			address + ` is not Owner of 2 of 3 public folders: \Sales (Exchange denies the mailbox access: ` +
				`ErrorAccessDenied); \HR\Old (Exchange denies the mailbox access to \HR: ErrorAccessDenied)`,
			[]string{`'\Sales'`, `'\HR\Old'`}, ""},
		"a closed root": {with(folders(at(`\Sales`, owned)), func(f *Facts) {
			f.PublicFolders,
				f.PublicFoldersErr = ews.Folder{}, denied()
		}), Failed, "false",
			address + ` is not Owner of 1 of 2 public folders: \ (Exchange denies the mailbox access: ErrorAccessDenied)`,
			[]string{`Add-PublicFolderClientPermission -Identity '\' `}, ""},

		"one busy": {folders(at(`\Sales`, owned), closed(`\HR`, `\HR`, busy(30*time.Second))), Skipped, "null",
			`could not tell: 1 of 3 public folders gave no answer: \HR (Exchange is busy). ` + address +
				" is Owner of the other 2 folders",
			[]string{"Run Terraform again in a few minutes."},
			"Exchange asks for a wait of 30s, longer than timeouts.read allows. Raise timeouts.read, or plan again after " +
				"that time."},
		"one unreadable": {folders(at(`\Sales`, owned), closed(`\HR`, `\HR`, fmt.Errorf("x: %w",
			&ews.Error{Status: 200, Code: "ErrorItemNotFound", RequestID: "r-1"}))), Skipped, "null",
			`could not tell: 1 of 3 public folders gave no answer: \HR (Exchange answered HTTP 200 ErrorItemNotFound). ` +
				address + " is Owner of the other 2 folders",
			[]string{"Run Terraform again in a few minutes.", `Get-PublicFolderClientPermission -Identity '\HR' -User '` + address + "'"},
			"For Microsoft's support: request-id r-1."},
		"one lacking and one busy": {folders(at(`\Sales`, author), closed(`\HR`, `\HR`, busy(0))), Failed, "false",
			address + ` is not Owner of 1 of 3 public folders: \Sales (it may not create subfolders, change the folder). 1 of ` +
				`them gave no answer: \HR (Exchange is busy)`,
			[]string{`Add-PublicFolderClientPermission -Identity '\Sales'`}, ""},
		"one that says nothing": {folders(at(`\Sales`, ews.Folder{})), Skipped, "null",
			`could not tell: 1 of 2 public folders gave no answer: \Sales (Exchange did not say what the mailbox may do). ` +
				address + " is Owner of the other 1 folder", nil, ""},
		"a busy root": {with(folders(at(`\Sales`, owned)), func(f *Facts) { f.PublicFoldersErr = busy(0) }), Skipped, "null",
			`could not tell: 1 of 2 public folders gave no answer: \ (Exchange is busy). ` + address +
				" is Owner of the other 1 folder", []string{"Run Terraform again in a few minutes."}, ""},
		"no time for any": {with(folders(closed(`\Sales`, `\`, fmt.Errorf("post: %w", context.DeadlineExceeded))),
			func(f *Facts) { f.PublicFoldersErr = context.DeadlineExceeded }), Skipped, "null",
			`could not tell: 2 of 2 public folders gave no answer: \ (the time allowed by timeouts ran out); \Sales (the time ` +
				`allowed by timeouts ran out)`, []string{"Run Terraform again", `'\Sales'`}, ""},
		"an answer that was never gathered": {with(folders(at(`\Sales`, owned)), func(f *Facts) { f.Subfolders = nil }),
			Skipped, "null",
			`could not tell: 1 of 2 public folders gave no answer: \Sales (nobody asked). ` + address +
				" is Owner of the other 1 folder", nil, ""},
		"no public folders in the tenant": {with(folders(closed(`\Sales`, `\`, denied())), func(f *Facts) {
			f.PublicFoldersErr = &ews.Error{Status: 200, Code: ews.CodeNoPublicFolders}
		}), Failed, "false", "The tenant has no public folders: Exchange finds no public folder mailbox for " + address +
			" (" + ews.CodeNoPublicFolders + ")", []string{"migrate_public_folders = false"}, ""},
		"perhaps another mailbox's word": {with(folders(absent(`\Sales`, `\Sales`)), func(f *Facts) {
			f.PublicFoldersErr, f.PublicFolderRouteErr = denied(), errors.New("no route")
		}), Skipped, "null", "could not tell: the root public folder gave no answer: Exchange answered HTTP 200 " +
			"ErrorAccessDenied. " +
			"Autodiscover did not say which mailbox holds the public folders, so that another one may have been asked: no route",
			nil, "For Microsoft's support: request-id r-1."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := Judge(c.facts)
			got := find(t, report, PublicFolders)
			if got.Status != c.status || connected(report) != c.connected || got.Detail != c.detail {
				t.Errorf("connected %s, %s:\n got %s\nwant %s", connected(report), got.Status, got.Detail, c.detail)
			}
			rest := got.Remedy
			for _, words := range c.remedy {
				_, after, there := strings.Cut(rest, words)
				if !there {
					t.Errorf("%q is missing, or not in its place, in the remedy:\n%s", words, got.Remedy)
				}
				rest = after
			}
			if (got.Status == Passed) != (got.Remedy == "") || got.Support != c.aside {
				t.Errorf("aside %q, remedy %q", got.Support, got.Remedy)
			}
		})
	}
}

func TestTheRemedyForPublicFoldersCreatesNothingWhenItIsPasted(t *testing.T) {
	t.Parallel()
	check := find(t, Judge(folders(absent(`\HR\Old`, `\HR`), absent(`\Sales`, `\Sales`))), PublicFolders)
	for line := range strings.SplitSeq(check.Remedy, "\n") {
		if strings.Contains(line, "New-PublicFolder") && !strings.HasPrefix(line, "#") {
			t.Errorf("pasted, the remedy runs %s", line)
		}
	}
	if proposals := strings.Count(check.Remedy, "New-PublicFolder"); proposals != 3 {
		t.Errorf("%d folders are proposed:\n%s", proposals, check.Remedy)
	}
}

func TestAFolderAboveSeveralPathsIsProposedOnce(t *testing.T) {
	t.Parallel()
	remedy := find(t, Judge(folders(absent(`\HR\Old`, `\HR`), absent(`\HR\New`, `\HR`))), PublicFolders).Remedy
	for _, once := range []string{`# New-PublicFolder -Name 'HR' -Path '\'`, `# New-PublicFolder -Name 'Old' -Path '\HR'`,
		`# New-PublicFolder -Name 'New' -Path '\HR'`, "# If Get-PublicFolder -Identity '\\HR'"} {
		if strings.Count(remedy, once) != 1 {
			t.Errorf("%q is not there once:\n%s", once, remedy)
		}
	}
}

func TestPublicFoldersThatAreOnlyBusyAskForPatienceAlone(t *testing.T) {
	t.Parallel()
	if remedy := find(t, Judge(folders(at(`\HR`, owned), closed(`\Sales`, `\Sales`, busy(0)))),
		PublicFolders).Remedy; remedy != "Run Terraform again in a few minutes." {
		t.Errorf("the remedy is %s", remedy)
	}
}

func TestAPathOfAPublicFolderStaysOneWordInACommand(t *testing.T) {
	t.Parallel()
	for _, answer := range []ews.PublicFolder{at(`\O'Brien`+"\u2019;rm $(x)", author),
		absent(`\O'Brien`+"\u2019;rm $(x)", `\O'Brien`+"\u2019;rm $(x)")} {
		remedy := find(t, Judge(folders(answer)), PublicFolders).Remedy
		if !strings.Contains(remedy, `-Identity '\O''Brien`+"\u2019\u2019;rm $(x)' -User") || answer.Absent &&
			!strings.Contains(remedy, `-Name 'O''Brien`+"\u2019\u2019;rm $(x)' -Path '\\'") {
			t.Errorf("the path broke out of its quotes: %s", remedy)
		}
	}
}

func TestPublicFoldersReadTheSameWhateverTheRequestIDs(t *testing.T) {
	t.Parallel()
	facts := func(id string) Facts {
		return folders(at(`\Sales`, author), closed(`\HR`, `\HR`, &ews.Error{Status: 200, Code: "ErrorInternalServerError",
			RequestID: id}))
	}
	one, two := find(t, Judge(facts("one")), PublicFolders), find(t, Judge(facts("two")), PublicFolders)
	if one.Support == two.Support {
		t.Errorf("the ID is lost: %+v", one)
	}
	if one.Support, two.Support = "", ""; !reflect.DeepEqual(one, two) {
		t.Errorf("it reads otherwise the second time:\n%+v\n%+v", one, two)
	}
}
