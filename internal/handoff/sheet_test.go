package handoff

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"
)

func render(t testing.TB, s Sheet) string {
	t.Helper()
	page, err := HTML(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// parse returns the nodes of a page, in order.
func parse(t testing.TB, page string) []*html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return slices.Collect(root.Descendants())
}

// text is what a reader sees of a page: scripts and styles aside, white space folded.
func text(t *testing.T, page string) string {
	t.Helper()
	var seen strings.Builder
	for _, node := range parse(t, page) {
		if node.Type == html.TextNode && node.Parent.Data != "script" && node.Parent.Data != "style" {
			seen.WriteString(node.Data + " ")
		}
	}
	return strings.Join(strings.Fields(seen.String()), " ")
}

// copied returns what each copy button of a page copies, in order.
func copied(t testing.TB, page string) []string {
	t.Helper()
	var values []string
	for _, node := range parse(t, page) {
		if node.Type != html.ElementNode || !slices.Contains(strings.Fields(attribute(node, "class")), "copy") {
			continue
		}
		for inner := range node.Descendants() {
			if inner.Type == html.ElementNode && inner.Data == "code" {
				values = append(values, inner.FirstChild.Data)
			}
		}
	}
	return values
}

func attribute(node *html.Node, name string) string {
	for _, a := range node.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// inOrder tells the first of the phrases that does not follow the ones before it.
func inOrder(text string, phrases ...string) (missing string) {
	for _, phrase := range phrases {
		_, rest, found := strings.Cut(text, phrase)
		if !found {
			return phrase
		}
		text = rest
	}
	return ""
}

func TestTheSheetSaysWhatToTypeInTheOrderOfTheWizard(t *testing.T) {
	page := render(t, withCertificate())
	_, wizard, _ := strings.Cut(text(t, page), "In the wizard")
	if missing := inOrder(wizard, "Office 365 global", "manual", mailbox, clientID, tenantID, thumbprint, "Configure",
		"Authentication",
		"Exchange (EWS)", "Microsoft Graph", "Finish", "Defined target server connections", "2031-11-20"); missing != "" {
		t.Errorf("%q is missing, or not in its place, in: %s", missing, wizard)
	}
	for _, value := range []string{mailbox, clientID, tenantID, thumbprint} {
		if !slices.Contains(copied(t, page), value) {
			t.Errorf("no copy button copies exactly %q: %q", value, copied(t, page))
		}
	}
}

func TestTheSheetSaysThatItIsNotCodeTwosAndWroteNothing(t *testing.T) {
	seen := text(t, render(t, withCertificate()))
	if missing := inOrder(seen, "A community project, not CodeTwo’s", "Nothing has been written into "+
		"CodeTwo’s program"); missing != "" {
		t.Errorf("the sheet does not say %q", missing)
	}
}

func TestTheSheetOfAClientSecretSaysHowToOpenIt(t *testing.T) {
	s := withSecret()
	page := render(t, s)
	want := "age --decrypt --identity 'identity.age' '" + s.SecretPath + "'"
	if !slices.Contains(copied(t, page), want) {
		t.Errorf("no copy button copies %q: %q", want, copied(t, page))
	}
	for _, foreign := range []string{"thumbprint", "Current User › Personal", "your key file"} {
		if strings.Contains(text(t, page), foreign) {
			t.Errorf("the sheet of a client secret without recipients speaks of %q", foreign)
		}
	}
	if !strings.Contains(text(t, page), "2027-01-30") {
		t.Error("the sheet does not say in UTC when the secret ends")
	}
}

func TestARecipientOfTheHandoffLearnsThatTheirKeySuffices(t *testing.T) {
	s := withCertificate()
	s.HandoffRecipients = []string{recipient}
	page := render(t, s)
	want := "age --decrypt --identity '<your key file>' '" + s.PasswordPath + "'"
	if !slices.Contains(copied(t, page), want) || !strings.Contains(text(t, page), recipient) {
		t.Errorf("the sheet has no %q for %s", want, recipient)
	}
}

func TestTheSheetHasTheScriptComparedBeforeItIsRun(t *testing.T) {
	s := withCertificate()
	s.ScriptPath = "o'neil's.ps1"
	page := render(t, s)
	values := copied(t, page)
	compare := slices.Index(values, "(Get-FileHash -Algorithm SHA256 -LiteralPath 'o''neil''s.ps1').Hash")
	run := slices.IndexFunc(values, func(value string) bool { return strings.HasPrefix(value, "powershell.exe") })
	if compare < 0 || run < compare {
		t.Errorf("the script is run before its hash is shown: %q", values)
	}
	if missing := inOrder(text(t, page), "SHA-256", "over another channel than this page", "Then run it"); missing != "" {
		t.Errorf("the sheet does not say %q", missing)
	}
}

func TestWithoutAKeyInTheStoreTheSheetPromisesNoFile(t *testing.T) {
	s := withCertificate()
	s.HasPFX, s.PFXPath, s.PasswordPath = false, "", ""
	seen := text(t, render(t, s))
	if !strings.Contains(seen, "The store does not keep this certificate’s private key") {
		t.Error("the sheet does not say that the key is elsewhere")
	}
	if strings.Contains(seen, "age --decrypt") || strings.Contains(seen, "-File") {
		t.Error("the sheet names commands for files that the store does not have")
	}
}

func TestPublicFoldersAddTheOwnerRole(t *testing.T) {
	s := withCertificate()
	if strings.Contains(text(t, render(t, s)), "Owner") {
		t.Error("the sheet asks for Owner where no public folders are migrated")
	}
	s.MigratePublicFolders = true
	if missing := inOrder(text(t, render(t, s)), mailbox+" needs the role Owner",
		"Get-PublicFolderClientPermission"); missing != "" {
		t.Errorf("the sheet does not say %q", missing)
	}
}

func TestTheSheetListsThePublicFoldersWithTheCommandsForAllOfThem(t *testing.T) {
	s := withCertificate()
	s.MigratePublicFolders, s.PublicFolderPaths = true, []string{`\HR`, `\Sales\O'Neil`}
	page := render(t, s)
	if missing := inOrder(text(t, page), "The connection names these:", `\ (the root)`, `\HR`, `\Sales\O'Neil`,
		"Get-PublicFolderClientPermission", "it creates no folder"); missing != "" {
		t.Errorf("%q is missing, or not in its place, in: %s", missing, text(t, page))
	}
	const all = "@(\n  '\\'\n  '\\HR'\n  '\\Sales\\O''Neil'\n) | ForEach-Object {\n"
	for _, want := range []string{
		all + "  Get-PublicFolderClientPermission -Identity $_ -User '" + mailbox + "'\n}",
		all + "  Remove-PublicFolderClientPermission -Identity $_ -User '" + mailbox +
			"' -Confirm:$false -ErrorAction SilentlyContinue\n" +
			"  Add-PublicFolderClientPermission -Identity $_ -User '" + mailbox + "' -AccessRights Owner\n}",
	} {
		if !slices.Contains(copied(t, page), want) {
			t.Errorf("no copy button copies %s\n%q", want, copied(t, page))
		}
	}
	s.PublicFolderPaths = nil
	page = render(t, s)
	if !strings.Contains(text(t, page), "repeat them for each subfolder") || !slices.Contains(copied(t, page),
		`Get-PublicFolderClientPermission -Identity '\' -User '`+mailbox+"'") {
		t.Errorf("without subfolders: %s", text(t, page))
	}
}

func TestTheDatesToKeepAreInOrder(t *testing.T) {
	_, dates, _ := strings.Cut(text(t, render(t, withSecret())), "Dates to keep")
	if missing := inOrder(dates, "2027-01-30", "The client secret ends, at 23:30 UTC", "2027-04-01",
		"EWS ends in Exchange Online", "After the migration"); missing != "" {
		t.Errorf("%q is missing, or not in its place, in: %s", missing, dates)
	}
}

func TestHostileValuesStayTextInTheSheet(t *testing.T) {
	harmless := withCertificate()
	harmless.ScriptPath, harmless.IdentityPath = "import.ps1", "identity.age"
	harmless.HandoffRecipients, harmless.MigratePublicFolders = []string{recipient}, true
	harmless.PublicFolderPaths = []string{`\Sales`}
	page := render(t, withHostileValues())

	if want, got := structure(t, render(t, harmless)), structure(t, page); got != want {
		t.Errorf("malicious values change the elements of the page:\n got %s\nwant %s", got, want)
	}
	if !slices.Contains(copied(t, page), malicious) {
		t.Error("a copy button copies something else than the value")
	}
}

// structure is a page's elements and the names of their attributes, without values and text.
func structure(t testing.TB, page string) string {
	t.Helper()
	var elements strings.Builder
	for _, node := range parse(t, page) {
		if node.Type == html.ElementNode {
			elements.WriteString("<" + node.Data)
			for _, a := range node.Attr {
				elements.WriteString(" " + a.Key)
			}
			elements.WriteString(">")
		}
	}
	return elements.String()
}

func TestANameCannotTurnItsOwnReading(t *testing.T) {
	s := withCertificate()
	s.ConnectionName = "Contoso \u202Emoc.live\u200B\x00"
	for _, r := range render(t, s) {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("the page holds the invisible character %U", r)
		}
	}
}

func TestTheSheetReachesNothingAndRunsOnlyItsOwnScript(t *testing.T) {
	page := render(t, withHostileValues())
	var policy string
	hashes := map[string]string{}
	for _, node := range parse(t, page) {
		if node.Type != html.ElementNode {
			continue
		}
		switch node.Data {
		case "link", "img", "iframe", "object", "embed", "form", "base", "a":
			t.Errorf("the page has a <%s>", node.Data)
		case "meta":
			if attribute(node, "http-equiv") == "Content-Security-Policy" {
				policy = attribute(node, "content")
			}
		case "script", "style":
			sum := sha256.Sum256([]byte(node.FirstChild.Data))
			hashes[node.Data] = "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
		}
		for _, a := range node.Attr {
			if a.Key == "src" || a.Key == "style" || strings.HasPrefix(a.Key, "on") {
				t.Errorf("<%s> has the attribute %s", node.Data, a.Key)
			}
		}
	}
	want := "default-src 'none'; base-uri 'none'; form-action 'none'; script-src " + hashes["script"] + "; style-src " +
		hashes["style"]
	if policy != want {
		t.Errorf("content security policy\n got %s\nwant %s", policy, want)
	}
	if strings.Contains(page, "http://") || strings.Contains(page, "https://") {
		t.Error("the page holds an address of the network")
	}
}

func TestTheSameSheetIsTheSamePage(t *testing.T) {
	first, err := HTML(withCertificate())
	if err != nil {
		t.Fatal(err)
	}
	second, err := HTML(withCertificate())
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("two pages of one sheet differ (%v)", err)
	}
}
