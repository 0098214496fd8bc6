package handoff

import (
	"bytes"
	_ "embed"
	"errors"
	"strings"
	"text/template"

	"github.com/codetwo-community/terraform-provider-codetwo/internal/escape"
)

//go:embed import.ps1.tmpl
var importScript string

var powershell = template.Must(template.New("import").
	Funcs(template.FuncMap{"quote": escape.PowerShell}).Parse(importScript))

// utf8Mark opens the script file: Windows PowerShell 5.1 reads a script without it in the machine's ANSI code page.
const utf8Mark = "\uFEFF"

// ImportScript returns a PowerShell script that imports the connection's PFX into the personal certificates of the
// current user. It asks for the password, refuses a certificate with another thumbprint, and may be run again. It
// returns an error if the store has no PFX of the connection.
func ImportScript(s Sheet) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	if s.CredentialType != Certificate || !s.HasPFX {
		return nil, errors.New("import script: the store keeps no private key for this connection, so there is " +
			"nothing to import")
	}
	var script bytes.Buffer
	script.WriteString(utf8Mark)
	err := powershell.ExecuteTemplate(&script, "import", map[string]string{
		"Connection": s.title(),
		"Mailbox":    s.Mailbox,
		"Thumbprint": s.Thumbprint,
		"PFX":        s.PFXPath,
		"Open":       ageCommand(s.identityPath(), s.PasswordPath),
	})
	return script.Bytes(), err
}

// RootPublicFolder is the path of the root public folder.
const RootPublicFolder = `\`

// GrantPublicFolderOwner returns PowerShell that makes a mailbox Owner of public folders, each given by its path. An
// entry that the mailbox has is removed first, because Add-PublicFolderClientPermission refuses a second one. When it
// runs, each folder that does not exist is a separate error; none is created.
func GrantPublicFolderOwner(mailbox string, paths ...string) string {
	user := " -User " + escape.PowerShell(mailbox)
	return forEachFolder(paths,
		"Remove-PublicFolderClientPermission -Identity %s"+user+" -Confirm:$false -ErrorAction SilentlyContinue",
		"Add-PublicFolderClientPermission -Identity %s"+user+" -AccessRights Owner")
}

// ShowPublicFolderPermissions returns PowerShell that shows what a mailbox may do in public folders, each given by its
// path.
func ShowPublicFolderPermissions(mailbox string, paths ...string) string {
	return forEachFolder(paths, "Get-PublicFolderClientPermission -Identity %s -User "+escape.PowerShell(mailbox))
}

// forEachFolder writes commands for folders, with the path in place of %s.
func forEachFolder(paths []string, commands ...string) string {
	var script strings.Builder
	indent, identity := "", "$_"
	if len(paths) == 1 {
		identity = escape.PowerShell(paths[0])
	} else {
		script.WriteString("@(\n")
		for _, path := range paths {
			script.WriteString("  " + escape.PowerShell(path) + "\n")
		}
		script.WriteString(") | ForEach-Object {\n")
		indent = "  "
	}
	for _, command := range commands {
		script.WriteString(indent + strings.Replace(command, "%s", identity, 1) + "\n")
	}
	if indent != "" {
		script.WriteString("}\n")
	}
	return strings.TrimSuffix(script.String(), "\n")
}

// ageCommand returns the command line, the same for PowerShell and for a POSIX shell, that shows what an encrypted file
// of the store holds. It is to be run in the store's folder.
func ageCommand(identity, file string) string {
	return "age --decrypt --identity " + escape.PowerShell(identity) + " " + escape.PowerShell(file)
}
