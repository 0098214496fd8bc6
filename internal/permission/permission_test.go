package permission

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/guid"
)

func TestEveryEntryCanBeReviewed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, entry := range catalogue {
		if !guid.Valid(entry.ID) || entry.ID != strings.ToLower(entry.ID) {
			t.Errorf("%s: ID %q is not a lower-case GUID", entry.Key(), entry.ID)
		}
		if !regexp.MustCompile(`^[A-Z][^.]*( [^.]+)*\.$`).MatchString(entry.Purpose) {
			t.Errorf("%s: the purpose is not one sentence: %q", entry.Key(), entry.Purpose)
		}
		if !slices.Contains([]Risk{Low, Medium, High, Critical}, entry.Risk) {
			t.Errorf("%s: risk %q", entry.Key(), entry.Risk)
		}
		if entry.Evidence == "" {
			t.Errorf("%s: says nothing of its evidence", entry.Key())
		}
		for _, identity := range []string{entry.Key(), entry.API.AppID + "/" + entry.ID} {
			if seen[identity] {
				t.Errorf("%s is listed twice", identity)
			}
			seen[identity] = true
		}
	}
}

func TestTheDefaultProfileIsTheLeastPrivileged(t *testing.T) {
	t.Parallel()
	held, ok := ExistingMailboxes.Permissions()
	if !ok {
		t.Fatal("no such profile")
	}
	var keys []string
	for _, entry := range held {
		keys = append(keys, entry.Key())
	}
	want := []string{"Office 365 Exchange Online/full_access_as_app", "Microsoft Graph/Directory.Read.All"}
	if !slices.Equal(keys, want) {
		t.Errorf("existing_mailboxes holds %v, want %v", keys, want)
	}
}

func TestEveryProfileIsMadeOfCatalogueEntries(t *testing.T) {
	t.Parallel()
	for _, profile := range Profiles() {
		held, ok := profile.Permissions()
		if !ok {
			t.Errorf("%s is listed but not defined", profile)
		}
		for _, entry := range held {
			if entry.ID == "" {
				t.Errorf("%s names a permission that the catalogue does not hold", profile)
			}
		}
	}
	if _, ok := Profile("everything").Permissions(); ok {
		t.Error("a name that is not a profile was accepted")
	}
}

func TestAnAPIIsFoundByNameOrAppID(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]API{
		"microsoft graph":                      Graph,
		"Office 365 Exchange Online":           Exchange,
		"00000002-0000-0FF1-CE00-000000000000": Exchange,
		"C5393580-F805-4401-95E8-94B7A6EF2FC2": {Name: "c5393580-f805-4401-95e8-94b7a6ef2fc2",
			AppID: "c5393580-f805-4401-95e8-94b7a6ef2fc2"},
	} {
		if got, err := FindAPI(given); err != nil || got != want {
			t.Errorf("FindAPI(%q) = %v, %v; want %v", given, got, err, want)
		}
	}
	if _, err := FindAPI("Exchange"); err == nil || !strings.Contains(err.Error(), Exchange.Name) {
		t.Errorf("a name that is not an API must be answered with the right ones, got %v", err)
	}
}

func TestTheSameRoleIDOnAnotherAPIIsAnotherPermission(t *testing.T) {
	t.Parallel()
	const calendars = "ef54d2bf-783f-4e0f-bca1-3210c0444d99"
	if entry, known := FindByID(Graph.AppID, calendars); !known || entry.Name != "Calendars.ReadWrite" {
		t.Errorf("on Graph: %v, %v", entry, known)
	}
	if entry, known := FindByID(Exchange.AppID, calendars); known {
		t.Errorf("Exchange offers that ID under another name, yet the catalogue answered %v", entry)
	}
}

func TestNearestNamesHelpAfterATypingError(t *testing.T) {
	t.Parallel()
	got := Nearest("Directory.ReadAll", Names(Graph))
	if len(got) == 0 || got[0] != "Directory.Read.All" {
		t.Errorf("Nearest = %v, want Directory.Read.All first", got)
	}
	if got := Nearest("zzzzzzzzzzzzzzzzzzzzz", Names(Graph)); len(got) != 0 {
		t.Errorf("nothing is near, yet %v", got)
	}
}

func TestAProfileIsInferredFromWhatAnAppHolds(t *testing.T) {
	t.Parallel()
	existing, _ := ExistingMailboxes.Permissions()
	create, _ := CreateMailboxes.Permissions()
	mail, _ := Find(Graph, "Mail.Read")
	cases := map[string]struct {
		held       []Permission
		profile    Profile
		additional int
	}{
		"exactly one":      {existing, ExistingMailboxes, 0},
		"the other":        {create, CreateMailboxes, 0},
		"one and more":     {append(slices.Clone(existing), mail), ExistingMailboxes, 1},
		"neither":          {[]Permission{mail}, Custom, 1},
		"nothing whatever": {nil, Custom, 0},
	}
	for name, c := range cases {
		profile, additional := InferProfile(c.held)
		if profile != c.profile || len(additional) != c.additional {
			t.Errorf("%s: %s with %d additional, want %s with %d", name, profile, len(additional), c.profile, c.additional)
		}
	}
}
