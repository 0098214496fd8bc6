package ewsaccess_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
)

func TestEWSTheREADMESaysWhatTheChecksSay(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(strings.Fields(string(content)), " "); !strings.Contains(said, ewsaccess.Sentence("readme")) {
		t.Errorf("README.md does not say: %s", ewsaccess.Sentence("readme"))
	}
}

func TestEWSTheDocumentationTakesItsDatesFromTheTable(t *testing.T) {
	t.Parallel()
	var dates []string
	for _, date := range []time.Time{ewsaccess.FrontlineRefused, ewsaccess.EmptyListRefuses, ewsaccess.End} {
		dates = append(dates, date.Format(time.DateOnly))
	}
	typed := regexp.MustCompile(strings.Join(dates, "|"))
	err := filepath.WalkDir("../../templates", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if found := typed.Find(content); found != nil {
			t.Errorf("%s types the date %s; write [[ews …]]", path, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestEWSEveryStateSaysWhoGetsInAndWhatToDo(t *testing.T) {
	t.Parallel()
	table := ewsaccess.Table()
	for _, words := range []string{"2026-10-10", "7 days", "60 days", "within an hour"} {
		if !strings.Contains(table, words) {
			t.Errorf("the table lacks %q:\n%s", words, table)
		}
	}
	for _, text := range append([]string{table}, ewsaccess.Sentence("end"), ewsaccess.Sentence("frontline"),
		ewsaccess.Sentence("unproved"), ewsaccess.Sentence("delay")) {
		if strings.ContainsAny(text, "{}") {
			t.Errorf("a placeholder was left: %s", text)
		}
	}
	if !strings.Contains(ewsaccess.Sentence("frontline"), "2026-10-01") ||
		!strings.Contains(ewsaccess.Sentence("end"), "2027-04-01") || !strings.Contains(ewsaccess.Sentence("delay"),
		"24 hours") {
		t.Error("a sentence lacks its date or delay")
	}
}
