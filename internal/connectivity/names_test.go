package connectivity

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/checks"
)

// mention is where a text names a check: in an example of skip_checks, after the word check, behind an answer's title.
var mention = regexp.MustCompile("skip_checks *= *\\[([^]]*)\\]|\\bchecks? (`\\w+`(?: and `\\w+`)*)|see the check " +
	"(\"\\w+\")|^### .*\\((`\\w+`)\\)$")

func TestTargetConnectivity_UsersDocumentationAndTableAgreeOnTheNamesOfChecks(t *testing.T) {
	t.Parallel()
	names := checks.Names()
	var response datasource.SchemaResponse
	newDataSource().Schema(t.Context(), datasource.SchemaRequest{}, &response)
	skip, ok := response.Schema.Attributes["skip_checks"].(schema.SetAttribute)
	if !ok {
		t.Fatal("skip_checks is not a set")
	}
	for _, name := range append(slices.Clone(names), "nonsense", strings.ToUpper(names[0])) {
		var checked validator.SetResponse
		request := validator.SetRequest{
			Path: path.Root("skip_checks"), ConfigValue: types.SetValueMust(types.StringType,
				[]attr.Value{types.StringValue(name)}),
		}
		for _, v := range skip.Validators {
			v.ValidateSet(t.Context(), request, &checked)
		}
		if checked.Diagnostics.HasError() == slices.Contains(names, name) {
			t.Errorf("skip_checks = [%q]: %v", name, checked.Diagnostics)
		}
	}

	list := "`" + strings.Join(names, "`, `") + "`"
	reference := content(t, "../../docs/data-sources/target_connectivity.md")
	for _, text := range []string{
		"any of " + list + ".", "in this order: " + list + ".",
	} {
		if !strings.Contains(reference, text) {
			t.Errorf("the reference does not list %s: make docs", text)
		}
	}
	var shownNames []string
	for line := range strings.Lines(content(t, "../../examples/data-sources/codetwo_target_connectivity/checks.txt")) {
		shownNames = append(shownNames, strings.Fields(line)[0])
	}
	if !slices.Equal(shownNames, names) {
		t.Errorf("the guide shows %v, want %v", shownNames, names)
	}
	for _, folder := range []string{"../../docs", "../../templates", "../../examples"} {
		err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				mentionsOnly(t, file, names)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	mentionsOnly(t, "../../CHANGELOG.md", names)
}

// mentionsOnly fails the test where a file names a check that is not one of names.
func mentionsOnly(t *testing.T, file string, names []string) {
	t.Helper()
	for line := range strings.Lines(content(t, file)) {
		for _, found := range mention.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
			for _, name := range regexp.MustCompile(`\w+`).FindAllString(strings.ReplaceAll(strings.Join(found[1:], " "),
				" and ", " "), -1) {
				if !slices.Contains(names, name) {
					t.Errorf("%s names %q, which is not a check: %s", file, name, line)
				}
			}
		}
	}
}

func content(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
