package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/ewsaccess"
)

// placeholder is [[ews NAME]] in a template of the documentation: a sentence of package ewsaccess, its table of states,
// or the script that edits the allow list.
var placeholder = regexp.MustCompile(`\[\[ews ([a-z]+)\]\]`)

// fillTemplates puts what the code knows into every template below a folder, in place.
func fillTemplates(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".tmpl") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		filled, err := fillTemplate(string(content))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return os.WriteFile(path, []byte(filled), 0o600)
	})
}

func fillTemplate(content string) (filled string, err error) {
	filled = placeholder.ReplaceAllStringFunc(content, func(found string) string {
		switch name := placeholder.FindStringSubmatch(found)[1]; name {
		case "states":
			return strings.TrimSpace(ewsaccess.Table())
		case "script":
			return "```powershell\n" + strings.TrimSpace(ewsaccess.Script(ewsaccess.ScriptInput{
				TenantID: "TENANT_ID", ClientID: "CLIENT_ID", TenantFacts: ewsaccess.TenantFacts{InitialDomain: "INITIAL_DOMAIN"},
			})) + "\n```"
		case "look":
			return "```powershell\n" + ewsaccess.Look("MAILBOX") + "\n```"
		default:
			text, known := ewsaccess.Markdown(name)
			if !known {
				err = fmt.Errorf("%s: there is no sentence of that name", found)
			}
			return text
		}
	})
	return filled, err
}
